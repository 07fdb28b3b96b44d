//! A container host: a real dockerd in this namespace, discovery, an agent, and a controller that does what it is told.

use bulkhead_agent::{Agent, AgentConfig};
use bulkhead_datapath::AttachKind;
use bulkhead_discovery::{Backoff, docker::Docker, watch_runtimes};
use bulkhead_model::{
    Direction, Identity, IpProtocol, Mode, RuleRef, ServiceName, Workload, WorkloadId,
    node::{ConnectionReport, EdgeReport, NodeHealth, NodeReport},
};
use bulkhead_policy::compiled::{
    Class, CompiledDirection, CompiledPolicy, CompiledService, Entry, NodePolicy, Outcome,
};
use bulkhead_testkit::{Dockerd, Namespace, image, run_ok, wait_until};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, mpsc as blocking},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot, watch};

/// Far beyond what anything here takes; it turns a hang into a failure.
pub(crate) const SAFETY_NET: Duration = Duration::from_secs(90);

/// What a service may do, where its mode asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub(crate) mode: Mode,
    pub(crate) from: Vec<(Identity, u16)>,
    pub(crate) to: Vec<(Identity, u16)>,
}

/// What the controller knows.
#[derive(Debug)]
pub(crate) struct Known {
    revision: u64,
    applied: u64,
    identities: BTreeMap<ServiceName, Identity>,
    rules: BTreeMap<Identity, Rules>,
    policy: watch::Sender<NodePolicy>,
    pub(crate) workloads: BTreeMap<WorkloadId, Workload>,
    pub(crate) connections: Vec<ConnectionReport>,
    pub(crate) edges: Vec<EdgeReport>,
    pub(crate) health: NodeHealth,
}

impl Known {
    fn new() -> Self {
        Self {
            revision: 0,
            applied: 0,
            identities: BTreeMap::new(),
            rules: BTreeMap::new(),
            policy: watch::Sender::new(NodePolicy::default()),
            workloads: BTreeMap::new(),
            connections: Vec::new(),
            edges: Vec::new(),
            health: NodeHealth::default(),
        }
    }

    fn take(&mut self, report: NodeReport) {
        match report {
            NodeReport::Workloads(all) => {
                self.workloads = all.into_iter().map(|w| (w.id.clone(), w)).collect();
                let names: Vec<_> = self.workloads.values().map(|w| w.service.clone()).collect();
                self.meet(names);
            }
            NodeReport::WorkloadUp(workload) => {
                self.meet(vec![workload.service.clone()]);
                self.workloads.insert(workload.id.clone(), *workload);
            }
            NodeReport::WorkloadDown(id) => {
                self.workloads.remove(&id);
            }
            NodeReport::Connection(connection) => self.connections.push(*connection),
            NodeReport::Edges(edges) => self.edges.extend(edges),
            NodeReport::Applied { revision } => self.applied = revision,
            NodeReport::Health(health) => self.health = health,
            NodeReport::Flow(_)
            | NodeReport::Resolved { .. }
            | NodeReport::Identified(_)
            | NodeReport::Unidentified { .. } => {}
        }
    }

    /// Services that were never heard of begin to learn.
    fn meet(&mut self, names: Vec<ServiceName>) {
        let before = self.identities.len();
        for name in names {
            let next = Identity(256 + u32::try_from(self.identities.len()).expect("a few"));
            self.identities.entry(name).or_insert(next);
        }
        if self.identities.len() > before {
            self.publish();
        }
    }

    fn publish(&mut self) {
        self.revision += 1;
        let mut services: Vec<CompiledService> = self
            .identities
            .values()
            .map(|identity| {
                let rules = self.rules.get(identity).cloned().unwrap_or_default();
                CompiledService {
                    identity: *identity,
                    mode: rules.mode,
                    ingress: direction(&rules.from),
                    egress: direction(&rules.to),
                }
            })
            .collect();
        services.sort_by_key(|service| service.identity);
        self.policy.send_replace(NodePolicy {
            revision: self.revision,
            identities: Arc::new(self.identities.clone()),
            compiled: Arc::new(CompiledPolicy { services, prefixes: Vec::new() }),
            stream_flows: false,
        });
    }
}

fn direction(allowed: &[(Identity, u16)]) -> Arc<CompiledDirection> {
    let mut direction = CompiledDirection { classes: vec![Class::default()], ..CompiledDirection::default() };
    for (place, (peer, port)) in allowed.iter().enumerate() {
        let place = u32::try_from(place + 1).expect("a few");
        let outcome = Outcome { allow: true, rule: RuleRef(place) };
        let entry =
            Entry { protocol: IpProtocol::TCP, port: *port, prefix_len: 16, application: None, outcome };
        direction.classes.push(Class { entries: vec![entry], otherwise: Outcome::default() });
        direction.peers.push((*peer, place));
    }
    direction.peers.sort_unstable();
    Arc::new(direction)
}

/// An agent with discovery of its own, on one thread, so that it can be stopped as a whole.
#[derive(Debug)]
struct Running {
    kill: oneshot::Sender<()>,
    freeze: mpsc::Sender<(blocking::SyncSender<()>, blocking::Receiver<()>)>,
    thread: JoinHandle<()>,
}

impl Running {
    fn start(config: AgentConfig, socket: PathBuf, known: &Arc<Mutex<Known>>) -> Self {
        let policy = known.lock().expect("no panic holds it").policy.subscribe();
        let known = known.clone();
        let (kill, killed) = oneshot::channel::<()>();
        let (freeze, mut frozen) = mpsc::channel::<(blocking::SyncSender<()>, blocking::Receiver<()>)>(1);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let (reports, mut incoming) = mpsc::channel(10_000);
                tokio::spawn(async move {
                    while let Some(report) = incoming.recv().await {
                        known.lock().expect("no panic holds it").take(report);
                    }
                });
                tokio::spawn(async move {
                    while let Some((asleep, wake)) = frozen.recv().await {
                        let _ = asleep.send(());
                        // Blocks the only thread there is: nothing of agent or discovery runs until it returns.
                        let _ = wake.recv();
                    }
                });
                let backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(200));
                let discovery = watch_runtimes(vec![Box::new(Docker::new(socket))], &backoff);
                let agent = Agent::run(config, discovery.updates, policy, reports, std::future::pending());
                tokio::select! {
                    biased;
                    // Wherever it happens to be: no farewell, as far as an end within a process can be one.
                    _ = killed => {}
                    ended = agent => panic!("the agent ended: {ended:?}"),
                }
            });
        });
        Self { kill, freeze, thread }
    }

    fn kill(self) {
        let _ = self.kill.send(());
        self.thread.join().expect("the agent's thread");
    }
}

/// An agent that sleeps until this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Frozen(#[expect(dead_code, reason = "held for its end")] blocking::SyncSender<()>);

#[derive(Debug)]
pub(crate) struct Estate {
    // Dropped in this order: the agent ends before the runtime that it follows.
    agent: Option<Running>,
    pub(crate) dockerd: Dockerd,
    pub(crate) outside: Namespace,
    config: AgentConfig,
    known: Arc<Mutex<Known>>,
    network: u8,
    begin: Instant,
}

/// The Internet's side of the cable.
pub(crate) const OUTSIDE: &str = "203.0.113.2";
/// The host's side.
pub(crate) const HOST: &str = "203.0.113.1";

impl Estate {
    pub(crate) fn new(options: &[&str], attach: Option<AttachKind>, network: u8) -> Self {
        let outside = Namespace::new();
        // No name of a workload's interface, or it would be taken for one.
        let name = outside.name();
        run_ok("ip", &["link", "add", "out0", "type", "veth", "peer", "name", "eth0", "netns", name]);
        run_ok("ip", &["addr", "add", &format!("{HOST}/24"), "dev", "out0"]);
        run_ok("ip", &["link", "set", "out0", "up"]);
        outside.ip(&["addr", "add", &format!("{OUTSIDE}/24"), "dev", "eth0"]);
        outside.ip(&["link", "set", "eth0", "up"]);
        let dockerd = Dockerd::start_with(options);
        image::busybox(&dockerd);
        let mut config = AgentConfig {
            report_interval: Duration::from_millis(200),
            sweep_interval: Duration::from_millis(500),
            ..AgentConfig::default()
        };
        let pins = format!("/sys/fs/bpf/bulkhead-test-docker-{}-{network}", std::process::id());
        config.datapath.pins = pins.into();
        config.datapath.attach = attach;
        let known = Arc::new(Mutex::new(Known::new()));
        let estate = Self { agent: None, dockerd, outside, config, known, network, begin: Instant::now() };
        estate.make_network("shop", network);
        estate
    }

    /// A bridge network of both families, `10.88.NUMBER.0/24` and `fd88:NUMBER::/64`.
    pub(crate) fn make_network(&self, name: &str, number: u8) {
        let (v4, v6) = (format!("10.88.{number}.0/24"), format!("fd88:{number}::/64"));
        self.dockerd.docker(&["network", "create", "--ipv6", "--subnet", &v4, "--subnet", &v6, name]);
    }

    /// What `bulkhead check` says of this Docker's networks.
    pub(crate) fn networks_beside_the_host(&self) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let socket = self.dockerd.socket();
        let asked = bulkhead_discovery::docker::networks_beside_the_host(&socket);
        runtime.block_on(asked).expect("Docker answers")
    }

    pub(crate) fn address(&self, host: u8) -> IpAddr {
        IpAddr::from([10, 88, self.network, host])
    }

    pub(crate) fn address6(&self, host: u8) -> IpAddr {
        format!("fd88:{}::{host:x}", self.network).parse().expect("an address")
    }

    /// Tells where the scenario is, for those who wait and those who look for what is slow.
    pub(crate) fn chapter(&self, what: &str) {
        eprintln!("{:>6.1} s {what}", self.begin.elapsed().as_secs_f32());
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("no panic holds it")
    }

    pub(crate) fn start_agent(&mut self) {
        assert!(self.agent.is_none(), "one at a time");
        // It has applied nothing yet.
        self.known().applied = 0;
        self.agent = Some(Running::start(self.config.clone(), self.dockerd.socket(), &self.known));
    }

    pub(crate) fn kill_agent(&mut self) {
        self.agent.take().expect("it runs").kill();
    }

    pub(crate) fn freeze_agent(&self) -> Frozen {
        let (wake, waiting) = blocking::sync_channel(1);
        let (asleep, sleeping) = blocking::sync_channel(1);
        self.agent.as_ref().expect("it runs").freeze.try_send((asleep, waiting)).expect("it listens");
        sleeping.recv().expect("it falls asleep");
        Frozen(wake)
    }

    /// The number of a service, which it gets now if it has none.
    pub(crate) fn identity(&self, service: &str) -> Identity {
        let name: ServiceName = format!("default/{service}").parse().expect("a service name");
        let mut known = self.known();
        known.meet(vec![name.clone()]);
        known.identities[&name]
    }

    /// Says what holds for a service and waits until the kernel has it, where an agent runs.
    pub(crate) fn rule(&self, service: &str, rules: Rules) {
        let identity = self.identity(service);
        let revision = {
            let mut known = self.known();
            known.rules.insert(identity, rules);
            known.publish();
            known.revision
        };
        if self.agent.is_some() {
            self.wait_for("the policy in the kernel", |known| known.applied >= revision);
        }
    }

    /// Waits until what the controller knows is as wanted.
    pub(crate) fn wait_for(&self, what: &str, mut wanted: impl FnMut(&Known) -> bool) {
        if !wait_until(SAFETY_NET, || wanted(&self.known())) {
            let known = self.known();
            panic!("no {what}: {:#?} {:#?} {:#?}", known.health, known.connections, known.workloads);
        }
    }

    /// Waits until the agent that was just started works by the policy of now and knows these containers.
    pub(crate) fn wait_until_settled(&self, containers: &[&str]) {
        let revision = self.known().revision;
        self.wait_for("settled agent", |known| {
            known.applied >= revision
                && containers
                    .iter()
                    .all(|name| known.workloads.values().any(|w| *w.name == **name && w.pid != 0))
        });
    }

    /// Starts a container on the shop's network that does nothing.
    pub(crate) fn idle(&self, name: &str, options: &[&str]) -> Container {
        let mut all = vec!["--network", "shop"];
        all.extend(options);
        self.run(name, &all, &["sleep", "100000"])
    }

    pub(crate) fn run(&self, name: &str, options: &[&str], command: &[&str]) -> Container {
        let mut all = vec!["run", "-d", "--name", name];
        all.extend(options);
        all.push(image::BUSYBOX);
        all.extend(command);
        self.dockerd.docker(&all);
        self.container(name)
    }

    pub(crate) fn container(&self, name: &str) -> Container {
        Container { pid: self.dockerd.process_of(name) }
    }

    pub(crate) fn remove(&self, names: &[&str]) {
        let mut all = vec!["rm", "-f", "-v"];
        all.extend(names);
        self.dockerd.docker(&all);
    }

    /// Tries until the agent reports the edge, whose port is one of its own, and returns the first report of it.
    pub(crate) fn seen(&self, port: u16, attempt: impl Fn(), direction: Direction) -> ConnectionReport {
        let mut found = None;
        let wanted = |c: &&ConnectionReport| c.tuple.server_port == port && c.direction == direction;
        let came = wait_until(SAFETY_NET, || {
            attempt();
            found = self.known().connections.iter().find(wanted).cloned();
            found.is_some()
        });
        assert!(came, "no connection to port {port}: {:#?}", self.known().connections);
        found.expect("it came")
    }

    pub(crate) fn pins(&self) -> &Path {
        &self.config.datapath.pins
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        if let Some(agent) = self.agent.take() {
            agent.kill();
        }
    }
}

/// A running container, as the host sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Container {
    pub(crate) pid: u32,
}

impl Container {
    /// Runs a closure in the container's network namespace. What it opens stays there.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let file = std::fs::File::open(format!("/proc/{}/ns/net", self.pid)).expect("a running container");
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                nix::sched::setns(&file, nix::sched::CloneFlags::CLONE_NEWNET).expect("root");
                work()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    pub(crate) fn connect(&self, to: SocketAddr) -> std::io::Result<TcpStream> {
        self.enter(|| TcpStream::connect_timeout(&to, Duration::from_secs(2)))
    }

    pub(crate) fn received(&self) -> Received {
        Received::of(&self.counters())
    }

    /// Until then, packets to its IPv6 addresses are held, and arrive in what is counted later.
    pub(crate) fn has_usable_addresses(&self) -> bool {
        addresses_are_usable(&self.counters())
    }

    fn counters(&self) -> String {
        format!("/proc/{}/net", self.pid)
    }
}

/// Whether no IPv6 address of a network stack is tentative any more. `folder` is `/proc/PID/net`.
pub(crate) fn addresses_are_usable(folder: &str) -> bool {
    const TENTATIVE: u32 = 0x40;
    let addresses = std::fs::read_to_string(format!("{folder}/if_inet6")).expect("IPv6");
    addresses.lines().all(|line| {
        let flags = line.split_whitespace().nth(4).expect("address, interface, prefix, scope, flags, name");
        u32::from_str_radix(flags, 16).expect("hexadecimal") & TENTATIVE == 0
    })
}

/// What a network stack has received from anybody, by its own counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// Echo requests of IPv4.
    pub(crate) echo: u64,
    /// Echo requests of IPv6.
    pub(crate) echo6: u64,
    /// Segments of both families.
    pub(crate) tcp: u64,
    pub(crate) udp: u64,
}

impl Received {
    /// `folder` is `/proc/PID/net`.
    pub(crate) fn of(folder: &str) -> Self {
        let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).expect("counters");
        let (v4, v6) = (read("snmp"), read("snmp6"));
        let table = |table: &str, field: &str| -> u64 {
            let mut lines = v4.lines().filter(|line| line.split(':').next() == Some(table));
            let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
            let mut pairs = names.split_whitespace().zip(values.split_whitespace());
            pairs.find(|(name, _)| *name == field).expect("the field").1.parse().expect("a number")
        };
        let line = |field: &str| -> u64 {
            let mut pairs = v6.lines().filter_map(|line| line.split_once(char::is_whitespace));
            pairs.find(|(name, _)| *name == field).expect("the field").1.trim().parse().expect("a number")
        };
        Self {
            echo: table("Icmp", "InEchos"),
            echo6: line("Icmp6InEchos"),
            tcp: table("Tcp", "InSegs"),
            udp: table("Udp", "InDatagrams") + table("Udp", "NoPorts"),
        }
    }

    pub(crate) fn nothing(&self) -> bool {
        *self == Self::default()
    }
}
