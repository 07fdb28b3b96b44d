//! How Bulkhead is started: what the command line says, else the configuration file, else the defaults.

use super::{Reject, UpArgs};
use crate::{
    commands::{CONTAINERD_SOCKET, DOCKER_SOCKET},
    exit::{Code, Failure},
};
use anyhow::{Context as _, Result};
use bulkhead_agent::Sizes;
use bulkhead_api::Profile;
use serde::Deserialize;
use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// Read where no other is named and it exists.
pub(super) const USUAL_FILE: &str = "/etc/bulkhead/bulkhead.toml";

/// A file with every setting, for the documentation.
#[cfg(test)]
pub(crate) const EXAMPLE: &str = r#"# Address of the console and the REST interface. Loopback is plain HTTP; elsewhere TLS is always on.
listen = "0.0.0.0:7070"
# Without this: self-signed, made at the first start.
tls = { certificate = "/etc/bulkhead/tls.crt", key = "/etc/bulkhead/tls.key" }
# Below which path a proxy shows the server.
path_prefix = "/bulkhead"

docker_socket = "/var/run/docker.sock"
containerd_socket = "/run/containerd/containerd.sock"
# Interfaces that may be workloads', as nftables matches names.
interfaces = ["veth*"]
node = "host-a"

# Promote services on evidence alone, and how much of it: fast, default, strict.
automatic = true
profile = "strict"

# What a denied workload gets: reset or drop. Connections that the kernel keeps track of. The first-packet gate.
reject = "reset"
max_connections = 524288
gate = true

# For demonstrations only: how many times faster learning believes time to pass.
learn_scale = 1.0

# Entries that kernel tables have room for; `bulkhead status` says how full they are. A new size takes effect after
# `bulkhead down --remove`. Connections are max_connections above; events is the ring in bytes, a power of two.
[tables]
endpoints = 16384
owners = 131072
prefixes = 131072
services = 16384
peers = 262144
rules = 262144
edges = 65536
contacts = 65536
fragments = 8192
events = 4194304
"#;

/// Everything that `bulkhead up` needs to know.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Configuration {
    pub(super) listen: SocketAddr,
    pub(super) tls: Option<TlsFiles>,
    pub(super) docker_socket: PathBuf,
    pub(super) containerd_socket: PathBuf,
    pub(super) automatic: Option<bool>,
    pub(super) profile: Option<Profile>,
    pub(super) learn_scale: f64,
    /// Connections that the kernel can keep track of; the default of the datapath where absent.
    pub(super) max_connections: Option<u32>,
    pub(super) reject: Reject,
    pub(super) gate: bool,
    /// Never in the file: said once, not for ever.
    pub(super) begin_anew: bool,
    pub(super) interfaces: Option<Vec<String>>,
    pub(super) node: String,
    pub(super) path_prefix: String,
    pub(super) tables: Tables,
}

/// Entries of the kernel's tables; the defaults of the datapath where absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tables {
    endpoints: Option<u32>,
    owners: Option<u32>,
    prefixes: Option<u32>,
    services: Option<u32>,
    peers: Option<u32>,
    rules: Option<u32>,
    edges: Option<u32>,
    contacts: Option<u32>,
    fragments: Option<u32>,
    events: Option<u32>,
}

impl Tables {
    /// Each with its name and the place of its size.
    fn pairs<'a>(&self, sizes: &'a mut Sizes) -> [(&'static str, Option<u32>, &'a mut u32); 10] {
        [
            ("endpoints", self.endpoints, &mut sizes.endpoints),
            ("owners", self.owners, &mut sizes.owners),
            ("prefixes", self.prefixes, &mut sizes.prefixes),
            ("services", self.services, &mut sizes.services),
            ("peers", self.peers, &mut sizes.peers),
            ("rules", self.rules, &mut sizes.rules),
            ("edges", self.edges, &mut sizes.edges),
            ("contacts", self.contacts, &mut sizes.contacts),
            ("fragments", self.fragments, &mut sizes.fragments),
            ("events", self.events, &mut sizes.events),
        ]
    }

    pub(super) fn apply(&self, sizes: &mut Sizes) {
        for (_, wanted, size) in self.pairs(sizes) {
            *size = wanted.unwrap_or(*size);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// The file; every name as the option's, with `_`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    listen: Option<SocketAddr>,
    tls: Option<TlsFiles>,
    docker_socket: Option<PathBuf>,
    containerd_socket: Option<PathBuf>,
    automatic: Option<bool>,
    profile: Option<Profile>,
    learn_scale: Option<f64>,
    max_connections: Option<u32>,
    reject: Option<Reject>,
    gate: Option<bool>,
    interfaces: Option<Vec<String>>,
    node: Option<String>,
    path_prefix: Option<String>,
    tables: Option<Tables>,
}

impl File {
    /// The one that is named, or the usual one where it is there.
    fn read(path: Option<&Path>) -> Result<Self> {
        match path {
            Some(path) => {
                let text =
                    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                parse(path, &text)
            }
            None => match fs::read_to_string(USUAL_FILE) {
                Ok(text) => parse(Path::new(USUAL_FILE), &text),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
                Err(error) => Err(error).with_context(|| format!("cannot read {USUAL_FILE}")),
            },
        }
    }
}

/// Where it listens, and where the runtimes do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) listen: SocketAddr,
    pub(crate) docker_socket: PathBuf,
    pub(crate) containerd_socket: PathBuf,
}

impl Places {
    /// By options, else by the file, else the usual ones; and what is wrong with the file.
    pub(crate) fn find(
        config: Option<&Path>,
        listen: Option<SocketAddr>,
        docker: Option<PathBuf>,
        containerd: Option<PathBuf>,
    ) -> (Self, Option<anyhow::Error>) {
        let (file, wrong) = match File::read(config) {
            Ok(file) => (file, None),
            Err(error) => (File::default(), Some(error)),
        };
        (Self::merge(&file, listen, docker, containerd), wrong)
    }

    fn merge(
        file: &File,
        listen: Option<SocketAddr>,
        docker: Option<PathBuf>,
        containerd: Option<PathBuf>,
    ) -> Self {
        let socket = |option: Option<PathBuf>, file: &Option<PathBuf>, usual: &str| {
            option.or_else(|| file.clone()).unwrap_or_else(|| usual.into())
        };
        Self {
            listen: listen.or(file.listen).unwrap_or((Ipv4Addr::LOCALHOST, 7070).into()),
            docker_socket: socket(docker, &file.docker_socket, DOCKER_SOCKET),
            containerd_socket: socket(containerd, &file.containerd_socket, CONTAINERD_SOCKET),
        }
    }
}

/// The least and the most connections that may be asked for: below, a single busy service fills the table; above, the
/// table alone takes more than 2 GiB.
const CONNECTIONS: std::ops::RangeInclusive<u32> = 1024..=16 << 20;

/// The least and the most entries of any other table, and the least bytes of the event ring.
const TABLE: std::ops::RangeInclusive<u32> = 256..=64 << 20;
const RING: u32 = 1 << 16;

impl Configuration {
    pub(super) fn new(args: &UpArgs) -> Result<Self> {
        Self::merge(args, File::read(args.config.as_deref())?)
    }

    fn merge(args: &UpArgs, file: File) -> Result<Self> {
        let sockets = (args.docker_socket.clone(), args.containerd_socket.clone());
        let places = Places::merge(&file, args.listen, sockets.0, sockets.1);
        let tls = match (&args.tls_certificate, &args.tls_key) {
            (Some(certificate), Some(key)) => {
                Some(TlsFiles { certificate: certificate.clone(), key: key.clone() })
            }
            _ => file.tls,
        };
        let merged = Self {
            listen: places.listen,
            tls,
            docker_socket: places.docker_socket,
            containerd_socket: places.containerd_socket,
            automatic: if args.automatic { Some(true) } else { file.automatic },
            profile: args.profile.or(file.profile),
            learn_scale: args.learn_scale.or(file.learn_scale).unwrap_or(1.0),
            max_connections: args.max_connections.or(file.max_connections),
            reject: args.reject.or(file.reject).unwrap_or_default(),
            gate: if args.no_gate { false } else { file.gate.unwrap_or(true) },
            begin_anew: args.begin_anew,
            interfaces: file.interfaces,
            node: args.node.clone().or(file.node).unwrap_or_else(host_name),
            path_prefix: file.path_prefix.unwrap_or_default(),
            tables: file.tables.unwrap_or_default(),
        };
        merged.check()?;
        Ok(merged)
    }

    fn check(&self) -> Result<()> {
        let wrong = |what: String, remedy: &str| Err(Failure::new(Code::Usage, what).remedy(remedy).into());
        if !(self.learn_scale >= 1.0 && self.learn_scale <= 1e6) {
            let what = format!("learn-scale is {}, which is not from 1 to 1000000", self.learn_scale);
            return wrong(what, "leave it out: 1 is the pace of the clock");
        }
        if let Some(n) = self.max_connections.filter(|n| !CONNECTIONS.contains(n)) {
            let what = format!(
                "max-connections is {n}, which is not from {} to {}",
                CONNECTIONS.start(),
                CONNECTIONS.end()
            );
            return wrong(what, "leave it out for the default, or count 128 bytes of kernel memory for each");
        }
        for (name, size, _) in self.tables.pairs(&mut Sizes::default()) {
            let Some(size) = size else { continue };
            if !TABLE.contains(&size) {
                let what = format!(
                    "tables.{name} is {size}, which is not from {} to {}",
                    TABLE.start(),
                    TABLE.end()
                );
                return wrong(
                    what,
                    "leave it out for the default; `bulkhead status` says how full tables are",
                );
            }
            if name == "events" && (!size.is_power_of_two() || size < RING) {
                let what = format!("tables.events is {size}, which is no power of two from {RING} on");
                return wrong(what, "leave it out for the default of 4 MiB");
            }
        }
        if self.node.is_empty() {
            return wrong("the node has no name".into(), "give it one: --node NAME");
        }
        Ok(())
    }
}

fn parse(path: &Path, text: &str) -> Result<File> {
    toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| {
            let before = text.get(..span.start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
            format!(":{line}:{column}")
        });
        let place = place.unwrap_or_default();
        Failure::new(Code::Invalid, format!("{}{place}: {}", path.display(), error.message()))
            .remedy("its settings are the options of `bulkhead up`, with _ in place of -")
            .into()
    })
}

fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "local".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{arguments::Cli, commands::Command};
    use clap::Parser;

    fn args(options: &[&str]) -> UpArgs {
        let line = ["bulkhead", "up"].iter().chain(options);
        match Cli::try_parse_from(line).expect("valid").command {
            Command::Up(args) => *args,
            _ => unreachable!("the command is up"),
        }
    }

    #[test]
    fn the_command_line_wins_over_the_file_and_the_file_over_the_defaults() {
        let file = "listen = \"127.0.0.1:1\"\nreject = \"drop\"\nprofile = \"strict\"\nautomatic = true\n";
        let file = parse(Path::new("x.toml"), file).expect("valid");
        let merged = Configuration::merge(&args(&["--listen", "127.0.0.1:2"]), file).expect("valid");
        assert_eq!(merged.listen.port(), 2);
        assert_eq!(merged.reject, Reject::Drop);
        assert_eq!(merged.profile, Some(Profile::Strict));
        assert_eq!(merged.automatic, Some(true));
        assert_eq!(merged.docker_socket, Path::new(DOCKER_SOCKET));
    }

    #[test]
    fn the_example_of_the_documentation_has_every_setting_and_is_valid() {
        let file = parse(Path::new("example.toml"), EXAMPLE).expect("valid");
        let debug = format!("{file:?}");
        assert!(!debug.contains("None"), "a setting is missing in the example: {debug}");
        Configuration::merge(&args(&[]), file).expect("in range");
    }

    #[test]
    fn a_wrong_file_is_told_with_its_place() {
        let error = parse(Path::new("x.toml"), "reject = \"drop\"\nlissen = 1\n").expect_err("unknown");
        assert!(error.to_string().starts_with("x.toml:2:1: unknown field `lissen`"), "{error}");
    }

    #[test]
    fn tables_have_the_sizes_of_the_file_and_sizes_that_cannot_be_are_refused() {
        let merged = |text: &str| {
            Configuration::merge(&args(&[]), parse(Path::new("x.toml"), text).expect("well-formed"))
        };
        let mut sizes = Sizes::default();
        merged("[tables]\nedges = 1000\n").expect("valid").tables.apply(&mut sizes);
        assert_eq!(sizes, Sizes { edges: 1000, ..Sizes::default() });
        for wrong in ["edges = 1", "events = 1000000", "events = 4096", "rules = 100000000"] {
            assert!(merged(&format!("[tables]\n{wrong}\n")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for wrong in
            [["--learn-scale", "0.5"], ["--learn-scale", "NaN"], ["--max-connections", "10"], ["--node", ""]]
        {
            assert!(Configuration::merge(&args(&wrong), File::default()).is_err(), "{wrong:?}");
        }
    }
}
