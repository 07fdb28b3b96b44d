//! A container host: a Docker of its own, real containers, and a real `bulkhead up` beside them that can be killed.

use bulkhead_api::{ModeChange, Status, client::Client};
use bulkhead_model::{Mode, ServiceName};
use bulkhead_testkit::{Child, Dockerd, Signal, image, run_ok, wait_until};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    future::Future,
    net::IpAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use tokio::runtime::Runtime;

/// A safety net for a broken machine.
pub(crate) const LONG: Duration = Duration::from_secs(90);
/// Where Bulkhead listens: the network is the room's own.
const SERVER: &str = "http://127.0.0.1:7070";
pub(crate) const NETWORK: &str = "shop";

pub(crate) struct Host {
    // Dropped in this order: Bulkhead ends before the runtime that it follows.
    up: Option<Child>,
    pub(crate) dockerd: Dockerd,
    bulkhead: PathBuf,
    state: tempfile::TempDir,
    runtime: Runtime,
    client: Option<Client>,
}

impl Host {
    pub(crate) fn start(bulkhead: &Path) -> Self {
        let dockerd = Dockerd::start();
        image::busybox(&dockerd);
        let subnets = ["--subnet", "10.89.0.0/16", "--subnet", "fd89::/64"];
        let create = ["network", "create", "--ipv6"].into_iter().chain(subnets).chain([NETWORK]);
        dockerd.docker(&create.collect::<Vec<_>>());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self {
            up: None,
            dockerd,
            bulkhead: bulkhead.to_owned(),
            state: tempfile::tempdir().expect("a temporary folder"),
            runtime: runtime.expect("threads"),
            client: None,
        }
    }

    /// `bulkhead up`, not waited for.
    pub(crate) fn up(&mut self) {
        assert!(self.up.is_none(), "one at a time");
        let mut command = self.command(&["up", "--config", "/dev/null", "--listen", "127.0.0.1:7070"]);
        command.arg("--docker-socket").arg(self.dockerd.socket());
        command.args(["--containerd-socket", "/run/none.sock"]);
        let log = File::options().create(true).append(true).open(self.log()).expect("a log");
        command.stdout(Stdio::null()).stderr(log);
        self.up = Some(Child::spawn(&mut command).expect("bulkhead starts"));
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.bulkhead);
        command.args(arguments).env("BULKHEAD_STATE", self.state.path().join("state"));
        command.env("BULKHEAD_LOG", "warn").env_remove("BULKHEAD_SERVER").env_remove("BULKHEAD_TOKEN");
        command
    }

    fn log(&self) -> PathBuf {
        self.state.path().join("log")
    }

    /// Process id of Bulkhead, which runs.
    pub(crate) fn process(&self) -> u32 {
        self.up.as_ref().expect("it runs").id()
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        let mut up = self.up.take().expect("it runs");
        up.signal(Signal::SIGKILL);
        wait_until(LONG, || !up.is_running());
    }

    /// Takes Bulkhead off the host, with all that it enforces.
    pub(crate) fn remove(&mut self) {
        let done = self.command(&["down", "--remove"]).stdout(Stdio::null()).status().expect("it starts");
        assert!(done.success(), "down --remove: {done}");
        self.up = None;
    }

    /// The answer to a question; `None` while nobody answers.
    pub(crate) fn try_ask<T, E, F: Future<Output = Result<T, E>>>(
        &mut self,
        question: impl FnOnce(Client) -> F,
    ) -> Option<T> {
        if self.client.is_none() {
            let token = std::fs::read_to_string(self.state.path().join("state/admin.token")).ok()?;
            self.client = Client::new(SERVER, Some(token.trim().to_owned()), None).ok();
        }
        let client = self.client.clone()?;
        self.runtime.block_on(question(client)).ok()
    }

    pub(crate) fn wait_for<T>(&mut self, what: &str, mut there: impl FnMut(&mut Self) -> Option<T>) -> T {
        let mut found = None;
        wait_until(LONG, || {
            found = there(self);
            found.is_some()
        });
        found.unwrap_or_else(|| {
            let log = std::fs::read_to_string(self.log()).unwrap_or_default();
            let status = self.status().map(|status| status.sentence);
            panic!("it never came to be that {what}: {status:?}\n{log}")
        })
    }

    pub(crate) fn status(&mut self) -> Option<Status> {
        self.try_ask(|client| async move { client.status().await })
    }

    /// Waits until so many containers are known and the kernel enforces what is wanted.
    pub(crate) fn settled(&mut self, containers: u64) {
        self.wait_for("every container has its place and its policy", |host| {
            let status = host.status()?;
            let node = status.nodes.first()?;
            let known = status.workloads == containers && u64::from(node.health.endpoints) >= containers;
            let waits =
                node.health.not_covered.iter().any(|sentence| sentence.contains("wait for the policy"));
            (known && !waits && status.enforced_revision == status.revision).then_some(())
        });
    }

    pub(crate) fn mode(&mut self, service: &str, mode: Mode) {
        let name: ServiceName = format!("default/{service}").parse().expect("a name");
        let change = ModeChange { mode, reason: None };
        self.wait_for("the mode is set", |host| {
            let (name, change) = (name.clone(), change.clone());
            host.try_ask(|client| async move { client.set_mode(&name, &change).await }).map(|_| ())
        });
        self.wait_for("the kernel has the mode", |host| {
            let status = host.status()?;
            (status.enforced_revision == status.revision).then_some(())
        });
    }

    /// A container that does nothing, of a service of the same name.
    pub(crate) fn idle(&self, name: &str) -> Container {
        let options = ["run", "-d", "--name", name, "--network", NETWORK, image::BUSYBOX, "sleep", "100000"];
        self.dockerd.docker(&options);
        let address = |field: &str| -> IpAddr {
            let format = format!("{{{{.NetworkSettings.Networks.{NETWORK}.{field}}}}}");
            self.dockerd.docker(&["inspect", "--format", &format, name]).parse().expect("an address")
        };
        Container {
            pid: self.dockerd.process_of(name),
            addresses: [address("IPAddress"), address("GlobalIPv6Address")],
        }
    }
}

/// What containers may leave behind, by what it is.
pub(crate) type Traces = BTreeMap<String, u64>;

/// What of one is not as in the other.
pub(crate) fn differences(before: &Traces, now: &Traces) -> Vec<String> {
    let kinds: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let pair = |kind: &String| (before.get(kind), now.get(kind));
    kinds
        .into_iter()
        .filter(|kind| pair(kind).0 != pair(kind).1)
        .map(|kind| format!("{kind}: {:?}, before {:?}", pair(kind).1, pair(kind).0))
        .collect()
}

impl Host {
    pub(crate) fn traces(&mut self) -> Traces {
        let node = self.wait_for("the node reports", |host| host.status()?.nodes.into_iter().next());
        let entries = |path: &str| std::fs::read_dir(path).map_or(0, |all| all.count() as u64);
        let links = run_ok("ip", &["-o", "link", "show", "type", "veth"]);
        let rules = run_ok("nft", &["list", "ruleset"]);
        let tables =
            node.health.tables.iter().filter(|table| ["endpoints", "owners"].contains(&&*table.name));
        let mut traces: Traces = tables.map(|table| (table.name.clone(), table.entries)).collect();
        traces.insert("interfaces".into(), links.lines().count() as u64);
        traces.insert("pinned links".into(), entries("/sys/fs/bpf/bulkhead/links"));
        traces.insert("names in the gate".into(), rules.matches("\"veth").count() as u64);
        traces.insert("interfaces attached".into(), node.health.endpoints.into());
        traces.insert("namespaces held".into(), self.namespaces());
        traces
    }

    /// Network namespaces that the process holds.
    fn namespaces(&self) -> u64 {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.process())).expect("it runs");
        let target = |entry: std::fs::DirEntry| std::fs::read_link(entry.path()).ok();
        files.flatten().filter_map(target).filter(|path| path.to_string_lossy().contains("net:[")).count()
            as u64
    }

    /// Starts so many containers, eight at a time, and removes them again.
    pub(crate) fn many(&self, count: usize) {
        const AT_ONCE: usize = 8;
        std::thread::scope(|scope| {
            for lane in 0..AT_ONCE {
                let dockerd = &self.dockerd;
                scope.spawn(move || {
                    for number in (lane..count).step_by(AT_ONCE) {
                        let name = format!("many{number}");
                        let label = "bulkhead.service=default/many";
                        let run = ["run", "-d", "--name", &name, "--label", label, "--network", NETWORK];
                        dockerd.docker(&[&run[..], &[image::BUSYBOX, "sleep", "100000"]].concat());
                        dockerd.docker(&["rm", "-f", &name]);
                    }
                });
            }
        });
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.up.is_some() || std::thread::panicking() {
            let _ = self.command(&["down", "--remove"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
        self.up = None;
    }
}

/// A running container, as the host sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Container {
    pub(crate) pid: u32,
    pub(crate) addresses: [IpAddr; 2],
}

impl Container {
    /// Runs a closure in the container's network namespace. What it opens stays there.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/proc/{}/ns/net", self.pid)).expect("a running container");
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                let kind = Some(rustix::thread::LinkNameSpaceType::Network);
                rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), kind)
                    .expect("root may enter any namespace");
                work()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}
