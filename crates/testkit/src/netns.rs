//! Network namespaces as hosts: several machines on one, with both address families, gone when dropped.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns};

use crate::process::{Child, Output, finish, run, run_ok};

static NEXT: AtomicU32 = AtomicU32::new(0);

// Unique among the test processes of one machine, and short: interface names end at 15 characters.
fn unique(prefix: &str) -> String {
    format!("{prefix}{:x}-{:x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// One network namespace with its loopback up.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes a namespace with a unique name that begins with `bh`.
    ///
    /// # Panics
    /// Without root, or without iproute2.
    #[must_use]
    pub fn new() -> Self {
        let name = unique("bh");
        run_ok("ip", &["netns", "add", &name]);
        let namespace = Self { name };
        namespace.ip(&["link", "set", "lo", "up"]);
        // Addresses are usable at once instead of after duplicate address detection.
        for scope in ["default", "all"] {
            namespace.sysctl(&format!("net/ipv6/conf/{scope}/accept_dad"), "0");
        }
        namespace
    }

    /// The name that `ip netns` knows it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file to `setns` to.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }

    /// A command that will run in this namespace (mounts, user and processes stay the caller's).
    #[must_use]
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path().display())).arg("--").arg(program).args(arguments);
        command
    }

    /// Runs a command here to its end.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        finish(&mut self.command(program, arguments))
    }

    /// Starts a command here that ends when the returned value is dropped.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(&self, program: &str, arguments: &[&str]) -> Child {
        Child::spawn(&mut self.command(program, arguments))
            .unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    /// Runs `ip ARGUMENTS` here.
    ///
    /// # Panics
    /// When `ip` fails.
    pub fn ip(&self, arguments: &[&str]) -> String {
        let mut all = vec!["-n", self.name.as_str()];
        all.extend(arguments);
        run_ok("ip", &all)
    }

    /// Runs a closure on a thread of its own that is in this namespace: sockets it opens belong here, and stay here
    /// when they are handed back.
    ///
    /// # Panics
    /// When the namespace cannot be entered, or the closure panics.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let file = File::open(self.path()).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                setns(&file, CloneFlags::CLONE_NEWNET).expect("entering a network namespace needs root");
                work()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Writes a sysctl of this namespace; `key` with slashes.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn sysctl(&self, key: &str, value: &str) {
        let path = format!("/proc/sys/{key}");
        self.enter(|| std::fs::write(&path, value)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// The index of an interface here.
    ///
    /// # Panics
    /// When there is no such interface.
    #[must_use]
    pub fn interface_index(&self, interface: &str) -> u32 {
        let line = self.ip(&["-o", "link", "show", "dev", interface]);
        line.split(':')
            .next()
            .and_then(|index| index.trim().parse().ok())
            .expect("ip -o begins with the index")
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = run("ip", &["netns", "del", &self.name]);
    }
}

/// One machine on a [`Network`]: a namespace, and the host's end of its cable.
#[derive(Debug)]
pub struct Host {
    /// Where its processes live.
    pub namespace: Namespace,
    /// The interface on the router's side: where a datapath attaches, as to a container's veth.
    pub host_interface: String,
    /// Its address on the network.
    pub v4: Ipv4Addr,
    /// Its address on the network.
    pub v6: Ipv6Addr,
}

impl Host {
    /// Both addresses, IPv4 first.
    #[must_use]
    pub fn addresses(&self) -> [IpAddr; 2] {
        [self.v4.into(), self.v6.into()]
    }
}

/// A "container host": a namespace with a bridge, and workloads cabled to it by veth pairs, as Docker does it.
/// The bridge has the first address, workloads get the following ones; each has the bridge as its default gateway.
#[derive(Debug)]
pub struct Network {
    /// The namespace that plays the container host.
    pub router: Namespace,
    /// The workloads.
    pub hosts: Vec<Host>,
    number: u8,
}

impl Network {
    /// Name of the bridge in the router's namespace.
    pub const BRIDGE: &'static str = "bridge0";
    /// Name of the interface inside each workload.
    pub const INTERFACE: &'static str = "eth0";

    /// A network `10.77.NUMBER.0/24` and `fd77:NUMBER::/64` with `hosts` workloads.
    ///
    /// # Panics
    /// Without root, or without iproute2.
    #[must_use]
    pub fn new(number: u8, hosts: usize) -> Self {
        let router = Namespace::new();
        router.ip(&["link", "add", Self::BRIDGE, "type", "bridge"]);
        let mut network = Self { router, hosts: Vec::new(), number };
        let (v4, v6) = network.address(1);
        network.assign(&network.router, Self::BRIDGE, v4, v6);
        network.router.sysctl("net/ipv4/ip_forward", "1");
        network.router.sysctl("net/ipv6/conf/all/forwarding", "1");
        for _ in 0..hosts {
            network.add_host();
        }
        network
    }

    /// Cables one more workload and returns its place in `hosts`.
    ///
    /// # Panics
    /// Without root, or beyond 250 workloads.
    pub fn add_host(&mut self) -> usize {
        let place = self.hosts.len();
        let (v4, v6) = self.address(u8::try_from(place + 2).expect("a /24 network is full"));
        let namespace = Namespace::new();
        let host_interface = format!("veth{:x}", place + 1);
        let name = namespace.name().to_owned();
        self.router.ip(&[
            "link",
            "add",
            &host_interface,
            "type",
            "veth",
            "peer",
            "name",
            Self::INTERFACE,
            "netns",
            &name,
        ]);
        self.router.ip(&["link", "set", &host_interface, "master", Self::BRIDGE, "up"]);
        self.assign(&namespace, Self::INTERFACE, v4, v6);
        let (gateway4, gateway6) = self.address(1);
        namespace.ip(&["route", "add", "default", "via", &gateway4.to_string()]);
        namespace.ip(&["-6", "route", "add", "default", "via", &gateway6.to_string()]);
        self.hosts.push(Host { namespace, host_interface, v4, v6 });
        place
    }

    fn address(&self, host: u8) -> (Ipv4Addr, Ipv6Addr) {
        let v4 = Ipv4Addr::new(10, 77, self.number, host);
        (v4, Ipv6Addr::new(0xfd77, self.number.into(), 0, 0, 0, 0, 0, host.into()))
    }

    fn assign(&self, namespace: &Namespace, interface: &str, v4: Ipv4Addr, v6: Ipv6Addr) {
        namespace.ip(&["addr", "add", &format!("{v4}/24"), "dev", interface]);
        namespace.ip(&["addr", "add", &format!("{v6}/64"), "dev", interface, "nodad"]);
        namespace.ip(&["link", "set", interface, "up"]);
    }
}
