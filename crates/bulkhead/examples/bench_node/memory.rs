//! What an agent needs for many workloads: a process with an agent and nothing else, workloads that are namespaces.

use bulkhead_agent::{Agent, AgentConfig};
use bulkhead_discovery::Update;
use bulkhead_model::{
    Identity, Interface, Mode, ServiceName, Workload, WorkloadId, WorkloadOwner, node::NodeReport,
};
use bulkhead_policy::compiled::{Class, CompiledDirection, CompiledPolicy, CompiledService, NodePolicy};
use bulkhead_testkit::Namespace;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, UdpSocket},
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{mpsc, watch};

/// The host's own address, to which everybody talks.
const HOST: Ipv4Addr = Ipv4Addr::new(10, 99, 255, 1);

/// A host with so many namespaces on cables of their own.
pub(crate) struct Crowd {
    router: Namespace,
    names: Vec<String>,
}

fn address(number: usize) -> Ipv4Addr {
    let [.., high, low] = (number as u32 + 1).to_be_bytes();
    Ipv4Addr::new(10, 99, high, low)
}

/// Of the host's end of a cable (0), or of the workload's (1).
fn ethernet(end: u8, number: usize) -> String {
    let [.., high, low] = (number as u32).to_be_bytes();
    format!("02:bb:00:{end:02x}:{high:02x}:{low:02x}")
}

/// Runs `ip -batch`.
fn batch(options: &[&str], lines: &[String]) {
    let mut child = Command::new("ip")
        .args(options)
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("iproute2 is installed");
    child.stdin.take().expect("piped").write_all(lines.join("\n").as_bytes()).expect("it reads");
    assert!(child.wait().expect("a child of ours").success(), "ip -batch");
}

impl Crowd {
    pub(crate) fn new(count: usize) -> Self {
        let router = Namespace::new();
        router.ip(&["link", "add", "crowd", "type", "bridge"]);
        router.ip(&["addr", "add", &format!("{HOST}/32"), "dev", "crowd"]);
        router.ip(&["link", "set", "crowd", "up"]);
        let names: Vec<String> = (0..count).map(|n| format!("{}-{n}", router.name())).collect();
        batch(&[], &names.iter().map(|name| format!("netns add {name}")).collect::<Vec<_>>());
        // All namespaces together have room for a thousand neighbours that are found; those that are told do not count.
        let cables = names.iter().enumerate().flat_map(|(n, name)| {
            let (here, there) = (ethernet(0, n), ethernet(1, n));
            [
                format!(
                    "link add veth{n} address {here} type veth peer name eth0 address {there} netns {name}"
                ),
                format!("link set veth{n} up"),
                format!("route add {} dev veth{n}", address(n)),
                format!("neigh add {} lladdr {there} dev veth{n} nud permanent", address(n)),
            ]
        });
        batch(&["-n", router.name()], &cables.collect::<Vec<_>>());
        for (n, name) in names.iter().enumerate() {
            let own = format!("addr add {}/32 dev eth0", address(n));
            let host = format!("neigh add {HOST} lladdr {} dev eth0 nud permanent", ethernet(0, n));
            let lines = [own, "link set eth0 up".into(), "route add default dev eth0".into(), host];
            batch(&["-n", name], &lines);
        }
        Self { router, names }
    }

    fn workload(&self, number: usize) -> Workload {
        Workload {
            name: self.names[number].as_str().into(),
            owner: WorkloadOwner::Label,
            runtime: "bench".into(),
            interfaces: vec![Interface {
                network: "bench".into(),
                addresses: vec![address(number).into()],
                mac: None,
            }],
            netns: Some(format!("/run/netns/{}", self.names[number]).into()),
            ..Workload::new(WorkloadId(self.names[number].repeat(4).into()), service(number))
        }
    }

    /// Has so many workloads send a datagram to each of so many ports.
    fn talk(&self, workloads: usize, ports: u16) {
        for name in &self.names[..workloads] {
            let file = File::open(format!("/run/netns/{name}")).expect("it is there");
            let talking = std::thread::spawn(move || {
                enter(&file);
                let socket = UdpSocket::bind("0.0.0.0:0").expect("a free port");
                for port in 0..ports {
                    socket.send_to(b"x", (HOST, 30_000 + port)).expect("a route");
                }
            });
            talking.join().expect("it does not panic");
        }
    }

    /// MiB that an agent of its own needs for the first so many workloads, and then with that many edges of each.
    pub(crate) fn measure(&self, workloads: usize, edges_of_each: u16) -> (f64, f64) {
        let pins = PathBuf::from(format!("/sys/fs/bpf/bulkhead-node-{}-{workloads}", std::process::id()));
        let all: Vec<Workload> = (0..workloads).map(|n| self.workload(n)).collect();
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        serde_json::to_writer(file.as_file(), &all).expect("it fits");
        let mut agent = Command::new(std::env::current_exe().expect("this program"))
            .arg("--agent")
            .args([self.router.path().as_path(), &pins, file.path()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program");
        let mut said = BufReader::new(agent.stdout.take().expect("piped")).lines();
        let mut until = |wanted: &dyn Fn(u64, u64) -> bool| {
            for line in said.by_ref() {
                let line = line.expect("text");
                let mut numbers = line.split(' ').map(|n| n.parse::<u64>().expect("numbers"));
                if wanted(numbers.next().expect("endpoints"), numbers.next().expect("edges")) {
                    return;
                }
            }
            panic!("the agent has ended");
        };
        until(&|endpoints, _| endpoints >= workloads as u64);
        let alone = resident(agent.id());
        self.talk(workloads, edges_of_each);
        until(&|_, edges| edges >= workloads as u64 * u64::from(edges_of_each));
        let busy = resident(agent.id());
        agent.kill().expect("it runs");
        agent.wait().expect("a child of ours");
        let left = self.router.enter(|| bulkhead_agent::remove_all(&pins));
        assert!(left.is_empty(), "{left:?}");
        (alone, busy)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        batch(&[], &self.names.iter().map(|name| format!("netns del {name}")).collect::<Vec<_>>());
    }
}

fn service(number: usize) -> ServiceName {
    ServiceName::new("crowd", &format!("w{number}")).expect("a name")
}

fn enter(namespace: &File) {
    let kind = Some(rustix::thread::LinkNameSpaceType::Network);
    rustix::thread::move_into_link_name_space(namespace.as_fd(), kind).expect("root may enter any namespace");
}

/// MiB of a process that are its own and in memory.
fn resident(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says it");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}

/// The process that is measured: an agent that knows these workloads, and tells how many endpoints have a name and how
/// many edges it has reported.
pub(crate) fn agent(router: &Path, pins: &Path, workloads: &Path) {
    let text = std::fs::read_to_string(workloads).expect("it is there");
    let workloads: Vec<Workload> = serde_json::from_str(&text).expect("workloads");
    enter(&File::open(router).expect("it is there"));
    let identities: BTreeMap<ServiceName, Identity> =
        workloads.iter().map(|w| w.service.clone()).zip((256..).map(Identity)).collect();
    let nothing =
        Arc::new(CompiledDirection { classes: vec![Class::default()], ..CompiledDirection::default() });
    let mut services: Vec<CompiledService> = identities
        .values()
        .map(|identity| CompiledService {
            identity: *identity,
            mode: Mode::Learn,
            ingress: nothing.clone(),
            egress: nothing.clone(),
        })
        .collect();
    services.sort_by_key(|service| service.identity);
    let policy = NodePolicy {
        revision: 1,
        identities: Arc::new(identities),
        compiled: Arc::new(CompiledPolicy { services, prefixes: Vec::new() }),
        stream_flows: false,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runtime.block_on(async {
        let (updates, updates_in) = mpsc::channel(10);
        let (_policy, policy_in) = watch::channel(policy);
        let (reports, mut reports_in) = mpsc::channel(10_000);
        let mut config = AgentConfig { sweep_interval: Duration::from_secs(1), ..AgentConfig::default() };
        config.datapath.pins = pins.to_owned();
        updates.send(Update::Snapshot(workloads)).await.expect("room for one");
        tokio::spawn(Agent::run(config, updates_in, policy_in, reports, std::future::pending()));
        let (mut endpoints, mut edges) = (0, 0_u64);
        while let Some(report) = reports_in.recv().await {
            match report {
                NodeReport::Connection(_) => edges += 1,
                NodeReport::Health(health) => {
                    // What is attached to is not yet known; what is in the kernel's table is.
                    let named = health.tables.iter().find(|table| table.name == "endpoints");
                    endpoints = named.map_or(0, |table| table.entries);
                    println!("{endpoints} {edges}");
                }
                _ => {}
            }
        }
        println!("{endpoints} {edges}");
    });
}
