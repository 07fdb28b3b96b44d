//! An agent on a container host made of namespaces: real sockets, real kernel, both address families.

use bulkhead_agent::{Agent, AgentConfig};
use bulkhead_discovery::Update;
use bulkhead_model::{
    Attachment, DenyReason, Direction, Identity, Interface, IpProtocol, Mode, RuleRef, ServiceName, Verdict,
    Workload, WorkloadId, WorkloadOwner,
    node::{ConnectionReport, NodeReport},
};
use bulkhead_policy::compiled::{
    Class, CompiledDirection, CompiledPolicy, CompiledService, Entry, NodePolicy, Outcome,
};
use bulkhead_testkit::{
    ControlGroup, Network,
    cgroup::hierarchy,
    netns::{Host, Namespace},
    require, require_root, wait_until,
};
use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot, watch};

const SERVICES: [&str; 3] = ["shop/web", "shop/redis", "shop/stranger"];
const WEB: Identity = Identity(256);
const REDIS: Identity = Identity(257);
const STRANGER: Identity = Identity(258);
const PORT: u16 = 6379;

fn name(text: &str) -> ServiceName {
    text.parse().expect("a service name")
}

fn workload(service: &str, host: &Host) -> Workload {
    Workload {
        name: service.into(),
        owner: WorkloadOwner::Label,
        runtime: "test".into(),
        interfaces: vec![Interface {
            network: "test".into(),
            addresses: host.addresses().to_vec(),
            mac: None,
        }],
        netns: Some(host.namespace.path().to_string_lossy().into()),
        ..Workload::new(WorkloadId(service.replace('/', "-").repeat(4).into()), name(service))
    }
}

/// An agent in the router's namespace, on a runtime of its own, and the test's ends of its channels.
struct Running {
    updates: mpsc::Sender<Update>,
    policy: watch::Sender<NodePolicy>,
    reports: Arc<Mutex<Vec<NodeReport>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn start(router: &Namespace, pins: PathBuf) -> Self {
        Self::start_version(router, pins, AgentConfig::default().datapath.version)
    }

    /// As if its tables had a layout of this version.
    fn start_version(router: &Namespace, pins: PathBuf, version: u32) -> Self {
        let (updates, updates_in) = mpsc::channel(100);
        let (policy, policy_in) = watch::channel(NodePolicy::default());
        let (reports_out, mut reports_in) = mpsc::channel(10_000);
        let reports: Arc<Mutex<Vec<NodeReport>>> = Arc::default();
        let collected = reports.clone();
        let (stop, stopped) = oneshot::channel();
        let path = router.path();
        let thread = std::thread::spawn(move || {
            let namespace = std::fs::File::open(path).expect("the router's namespace");
            nix::sched::setns(namespace, nix::sched::CloneFlags::CLONE_NEWNET).expect("root");
            let mut config = AgentConfig {
                report_interval: Duration::from_millis(200),
                sweep_interval: Duration::from_millis(200),
                ..AgentConfig::default()
            };
            config.datapath.pins = pins;
            config.datapath.version = version;
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                tokio::spawn(async move {
                    while let Some(report) = reports_in.recv().await {
                        collected.lock().expect("no panic holds it").push(report);
                    }
                });
                let shutdown = async {
                    let _ = stopped.await;
                };
                Agent::run(config, updates_in, policy_in, reports_out, shutdown)
                    .await
                    .expect("the agent runs");
            });
        });
        Self { updates, policy, reports, stop: Some(stop), thread: Some(thread) }
    }

    fn wait_for(&self, what: &str, found: impl FnMut(&NodeReport) -> bool) -> NodeReport {
        self.wait_for_after(0, what, found)
    }

    /// Among the reports after so many.
    fn wait_for_after(
        &self,
        seen: usize,
        what: &str,
        mut found: impl FnMut(&NodeReport) -> bool,
    ) -> NodeReport {
        let begin = Instant::now();
        loop {
            let reports = self.reports.lock().expect("no panic holds it");
            if let Some(report) = reports.iter().skip(seen).find(|r| found(r)) {
                return report.clone();
            }
            drop(reports);
            assert!(begin.elapsed() < Duration::from_secs(20), "no report of {what}: {:?}", self.reports);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn connection(&self, what: &str, mut found: impl FnMut(&ConnectionReport) -> bool) -> ConnectionReport {
        match self.wait_for(what, |r| matches!(r, NodeReport::Connection(c) if found(c))) {
            NodeReport::Connection(connection) => *connection,
            _ => unreachable!("that is what was looked for"),
        }
    }

    fn apply(&self, policy: NodePolicy) {
        let revision = policy.revision;
        self.policy.send(policy).expect("the agent listens");
        self.wait_for("the policy", |r| matches!(r, NodeReport::Applied { revision: r } if *r == revision));
    }

    /// Ends the agent at once, as far as the kernel can tell.
    fn stop(&mut self) {
        drop(self.stop.take());
        self.thread.take().expect("once").join().expect("the agent's thread");
    }
}

fn policy(revision: u64, redis: Mode) -> NodePolicy {
    let rule = Outcome { allow: true, rule: RuleRef(1) };
    let entry =
        Entry { protocol: IpProtocol::TCP, port: PORT, prefix_len: 16, application: None, outcome: rule };
    let nothing =
        Arc::new(CompiledDirection { classes: vec![Class::default()], ..CompiledDirection::default() });
    let from_web = Arc::new(CompiledDirection {
        classes: vec![Class::default(), Class { entries: vec![entry], otherwise: Outcome::default() }],
        default: 0,
        peers: vec![(WEB, 1)],
    });
    let service = |place: u32, mode, ingress: &Arc<CompiledDirection>| CompiledService {
        identity: Identity(256 + place),
        mode,
        ingress: ingress.clone(),
        egress: nothing.clone(),
    };
    let identities = (256..).map(Identity).zip(SERVICES).map(|(id, text)| (name(text), id)).collect();
    NodePolicy {
        revision,
        identities: Arc::new(identities),
        compiled: Arc::new(CompiledPolicy {
            services: vec![
                service(0, Mode::Learn, &nothing),
                service(1, redis, &from_web),
                service(2, Mode::Learn, &nothing),
            ],
            prefixes: Vec::new(),
        }),
        stream_flows: false,
    }
}

fn connect(from: &Host, to: IpAddr) -> io::Result<TcpStream> {
    from.namespace.enter(|| TcpStream::connect_timeout(&SocketAddr::new(to, PORT), Duration::from_secs(5)))
}

fn echo_server(host: &Host) {
    // Of both families.
    let listener = host.namespace.enter(|| TcpListener::bind(format!("[::]:{PORT}"))).expect("a free port");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut buffer = [0; 64];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
            });
        }
    });
}

fn ping(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"ping")?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)
}

#[test]
fn an_estate_is_seen_then_enforced_and_the_agents_death_changes_nothing() {
    if !require_root("an_estate_is_seen_then_enforced_and_the_agents_death_changes_nothing") {
        return;
    }
    let pins = PathBuf::from(format!("/sys/fs/bpf/bulkhead-test-agent-{}", std::process::id()));
    let mut network = Network::new(41, 3);
    let [web, redis, stranger] = &network.hosts[..] else { panic!("three hosts") };
    echo_server(redis);
    // This connection is there before Bulkhead is.
    let mut old = connect(web, redis.addresses()[0]).expect("nothing is enforced");
    ping(&mut old).expect("nothing is enforced");

    let mut agent = Running::start(&network.router, pins.clone());
    agent.apply(policy(1, Mode::Learn));
    let workloads: Vec<Workload> =
        network.hosts.iter().zip(SERVICES).map(|(host, service)| workload(service, host)).collect();
    agent.updates.blocking_send(Update::Snapshot(workloads)).expect("the agent listens");
    agent.wait_for("the workloads", |r| matches!(r, NodeReport::Workloads(all) if all.len() == 3));
    let health = |r: &NodeReport| matches!(r, NodeReport::Health(h) if h.endpoints == 3);
    agent.wait_for("health", health);

    // Seen: with identities, direction and process, from both ends and in both families.
    let mut pinged = Instant::now();
    let adopted = agent.wait_for("the adopted connection", |report| {
        // Attached is not yet known: what it says before the kernel has its identity is nobody's.
        if pinged.elapsed() > Duration::from_millis(100) {
            pinged = Instant::now();
            ping(&mut old).expect("learning cuts nothing");
        }
        matches!(report, NodeReport::Connection(c) if c.adopted && c.direction == Direction::Egress)
    });
    let NodeReport::Connection(adopted) = adopted else { unreachable!("that is what was looked for") };
    assert_eq!((adopted.local, adopted.peer, adopted.tuple.server_port), (WEB, REDIS, PORT));
    for address in redis.addresses() {
        ping(&mut connect(stranger, address).expect("learning denies nothing")).expect("an echo");
    }
    let seen = agent.connection("the stranger", |c| c.local == STRANGER && c.peer == REDIS);
    assert_eq!((seen.verdict, seen.direction), (Verdict::Allowed, Direction::Egress));

    // Enforced at the server's end: the stranger is turned away at once, with an alert that names the process.
    agent.apply(policy(2, Mode::Enforce));
    for address in redis.addresses() {
        let begin = Instant::now();
        let refused = connect(stranger, address).expect_err("denied");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "answered, not left hanging");
        assert!(begin.elapsed() < Duration::from_secs(4), "took {:?}", begin.elapsed());
        ping(&mut connect(web, address).expect("allowed")).expect("an echo");
    }
    ping(&mut old).expect("allowed by the policy, so it goes on");
    let denied = agent.connection("the denial", |c| c.verdict == Verdict::Denied);
    assert_eq!((denied.local, denied.peer, denied.reason), (REDIS, STRANGER, Some(DenyReason::NoRule)));
    assert!(!denied.packet.is_empty());

    // The process behind a denial is found although its connection never comes to be: here on an edge of its own.
    agent.apply(policy(3, Mode::Enforce));
    let intruder =
        stranger.namespace.spawn("nc", &["-d", "-w", "5", &redis.addresses()[0].to_string(), "5432"]);
    let denied = agent.connection("the intruder", |c| c.local == REDIS && c.tuple.server_port == 5432);
    let process = denied.process.expect("found before the reset closes its socket");
    assert_eq!(process.pid, intruder.id());
    assert!(process.executable.contains("nc"), "{process:?}");
    agent.wait_for(
        "counters",
        |r| matches!(r, NodeReport::Edges(edges) if edges.iter().any(|e| e.counters.denied > 0)),
    );

    // Whoever flushes the host's rules throws the gate away: it is said, and the gate is back.
    let seen = agent.reports.lock().expect("no panic holds it").len();
    network.router.run("nft", &["flush", "ruleset"]);
    for gate in [false, true] {
        agent.wait_for_after(seen, "the gate", |r| matches!(r, NodeReport::Health(h) if h.gate == gate));
    }
    let rules = network.router.run("nft", &["list", "ruleset"]).stdout;
    assert_eq!(rules.matches(" drop\n").count(), 6, "{rules}");
    ping(&mut connect(web, redis.addresses()[0]).expect("allowed")).expect("an echo");

    // The agent is gone: what is open stays open, what is denied stays denied, what is new stays closed.
    agent.stop();
    ping(&mut old).expect("nothing is cut");
    connect(stranger, redis.addresses()[0]).expect_err("still denied");
    ping(&mut connect(web, redis.addresses()[1]).expect("still allowed")).expect("an echo");
    let late = network.add_host();
    let [web, redis, stranger, newcomer] = &network.hosts[..] else { panic!("four hosts") };
    assert_eq!(late, 3);
    connect(newcomer, redis.addresses()[0]).expect_err("nobody knows it, so the gate holds it");

    // And back: the same connection goes on under the new agent.
    let mut agent = Running::start(&network.router, pins.clone());
    let known: Vec<Workload> =
        network.hosts.iter().zip(SERVICES).map(|(host, service)| workload(service, host)).collect();
    // A controller that has no policy yet takes none away, also where the workloads are known before it has one.
    agent.updates.blocking_send(Update::Snapshot(known)).expect("the agent listens");
    agent.wait_for("the workloads", |r| matches!(r, NodeReport::Workloads(_)));
    let kept = |r: &NodeReport| match r {
        NodeReport::Health(h) => h.gate && h.not_covered.iter().any(|s| s.contains("has no policy")),
        _ => false,
    };
    agent.wait_for("that the old policy is kept", kept);
    let web_gets_through = |old: &mut TcpStream| {
        ping(old).expect("nothing is cut");
        ping(&mut connect(web, redis.addresses()[0]).expect("allowed")).expect("an echo");
    };
    web_gets_through(&mut old);
    connect(stranger, redis.addresses()[0]).expect_err("denied as before");
    connect(newcomer, redis.addresses()[0]).expect_err("closed as before");
    agent.apply(policy(4, Mode::Enforce));
    web_gets_through(&mut old);
    connect(stranger, redis.addresses()[0]).expect_err("and now by its own policy");
    agent.stop();

    let left = network.router.enter(|| bulkhead_agent::remove_all(&pins));
    assert_eq!(left, Vec::<String>::new());
    assert!(!pins.exists());
    let tables = network.router.run("nft", &["list", "tables"]);
    assert!(!tables.stdout.contains("bulkhead"), "{}", tables.stdout);
    ping(&mut old).expect("nothing is cut by leaving");
}

#[test]
fn a_workload_in_the_hosts_network_without_a_group_of_its_own_is_named_with_what_to_do() {
    if !require_root("a_workload_in_the_hosts_network_without_a_group_of_its_own_is_named_with_what_to_do") {
        return;
    }
    let pins = PathBuf::from(format!("/sys/fs/bpf/bulkhead-test-bare-{}", std::process::id()));
    let network = Network::new(42, 1);
    let process = network.router.spawn("sleep", &["1000"]);
    let mut exporter = workload(SERVICES[0], &network.hosts[0]);
    exporter.attachment = Attachment::Host;
    exporter.interfaces.clear();
    (exporter.netns, exporter.pid) = (None, process.id());

    let mut agent = Running::start(&network.router, pins.clone());
    agent.updates.blocking_send(Update::Up(exporter)).expect("the agent listens");
    let told = agent.wait_for("the workload", |r| matches!(r, NodeReport::WorkloadUp(_)));
    let NodeReport::WorkloadUp(told) = told else { unreachable!("that is what was looked for") };
    let why = told.unconfined.expect("it is in the group that this test is in");
    assert!(why.contains("systemd.unified_cgroup_hierarchy=1"), "{why}");
    agent.apply(policy(1, Mode::Learn));
    let named = |sentence: &String| sentence.starts_with("shop/web (shop/web)") && sentence.contains(&*why);
    agent.wait_for(
        "words on what is not covered",
        |r| matches!(r, NodeReport::Health(health) if health.not_covered.iter().any(named)),
    );
    agent.stop();
    assert_eq!(network.router.enter(|| bulkhead_agent::remove_all(&pins)), Vec::<String>::new());
}

/// Where the kernel keeps the programs of control groups.
fn attached_groups(pins: &Path) -> usize {
    std::fs::read_dir(pins.join("groups")).map_or(0, Iterator::count)
}

#[test]
fn a_service_in_the_hosts_network_that_is_known_is_confined_before_its_process_runs() {
    let test = "a_service_in_the_hosts_network_that_is_known_is_confined_before_its_process_runs";
    if !require_root(test) || !require(test, hierarchy().is_some(), "control groups of version 2") {
        return;
    }
    let pins = PathBuf::from(format!("/sys/fs/bpf/bulkhead-test-host-{}", std::process::id()));
    let network = Network::new(43, 2);
    let [_, redis] = &network.hosts[..] else { panic!("two hosts") };
    echo_server(redis);
    let mut exporter = workload(SERVICES[0], &network.hosts[0]);
    exporter.attachment = Attachment::Host;
    exporter.interfaces.clear();
    exporter.netns = None;
    let id = exporter.id.clone();

    let mut agent = Running::start(&network.router, pins.clone());
    let mut policy = policy(1, Mode::Learn);
    let compiled = Arc::make_mut(&mut policy.compiled);
    compiled.services[0].mode = Mode::Enforce;
    agent.apply(policy);
    let target = SocketAddr::new(redis.addresses()[0], PORT);
    let connect = || network.router.enter(|| TcpStream::connect_timeout(&target, Duration::from_secs(1)));
    agent.updates.blocking_send(Update::Up(workload(SERVICES[1], redis))).expect("the agent listens");
    assert!(
        wait_until(Duration::from_secs(20), || connect().is_ok()),
        "the host may, once its peer is known"
    );
    // Made, started, ended, and started again: each time in a new group.
    for known_as in [Update::Up(exporter.clone()), Update::Down(id.clone())] {
        agent.updates.blocking_send(known_as).expect("the agent listens");
        let gone = || attached_groups(&pins) == 0;
        assert!(wait_until(Duration::from_secs(20), gone), "programs for nobody");
        let group = ControlGroup::new(&id.0);
        assert!(wait_until(Duration::from_secs(20), || attached_groups(&pins) == 4), "no programs");
        let denied = wait_until(Duration::from_secs(20), || {
            let first = group.enter(connect).expect_err("its first packet");
            assert_eq!(
                first.kind(),
                io::ErrorKind::PermissionDenied,
                "closed until it is known, and then denied"
            );
            let reports = agent.reports.lock().expect("no panic holds it");
            let mut all = reports.iter();
            all.any(
                |r| matches!(r, NodeReport::Connection(c) if c.local == WEB && c.verdict == Verdict::Denied),
            )
        });
        assert!(denied, "as what it is");
        connect().expect("the host itself is not concerned");
        drop(group);
    }
    agent.stop();
    assert_eq!(network.router.enter(|| bulkhead_agent::remove_all(&pins)), Vec::<String>::new());
    assert!(!pins.exists());
}

#[test]
fn an_upgrade_to_tables_of_another_layout_opens_nothing() {
    if !require_root("an_upgrade_to_tables_of_another_layout_opens_nothing") {
        return;
    }
    let pins = PathBuf::from(format!("/sys/fs/bpf/bulkhead-test-upgrade-{}", std::process::id()));
    let network = Network::new(42, 3);
    let [web, redis, stranger] = &network.hosts[..] else { panic!("three hosts") };
    echo_server(redis);
    let known =
        || network.hosts.iter().zip(SERVICES).map(|(host, service)| workload(service, host)).collect();
    let mut agent = Running::start_version(&network.router, pins.clone(), 1001);
    agent.apply(policy(1, Mode::Enforce));
    agent.updates.blocking_send(Update::Snapshot(known())).expect("the agent listens");
    let all = |r: &NodeReport| {
        let waits = |h: &bulkhead_model::node::NodeHealth| h.not_covered.iter().any(|s| s.contains("wait"));
        matches!(r, NodeReport::Health(h) if h.endpoints == 3 && h.revision == 1 && !waits(h))
    };
    agent.wait_for("the workloads", |r| matches!(r, NodeReport::Workloads(_)));
    agent.wait_for("health", all);
    ping(&mut connect(web, redis.addresses()[0]).expect("allowed")).expect("an echo");
    agent.stop();

    // The new one has been told nothing yet: the old programs decide.
    let mut agent = Running::start_version(&network.router, pins.clone(), 1002);
    agent.wait_for("its first word", |r| matches!(r, NodeReport::Health(h) if h.gate));
    for address in redis.addresses() {
        connect(stranger, address).expect_err("denied as before");
        ping(&mut connect(web, address).expect("allowed as before")).expect("an echo");
    }
    assert!(pins.join("v1001").exists());

    agent.apply(policy(2, Mode::Enforce));
    connect(stranger, redis.addresses()[0]).expect_err("nobody has told yet who it is");
    agent.updates.blocking_send(Update::Snapshot(known())).expect("the agent listens");
    agent.wait_for("the workloads", |r| matches!(r, NodeReport::Workloads(_)));
    agent.wait_for("health", |r| matches!(r, NodeReport::Health(h) if h.endpoints == 3 && h.revision == 2));
    for address in redis.addresses() {
        connect(stranger, address).expect_err("and now by the new programs");
        ping(&mut connect(web, address).expect("allowed")).expect("an echo");
    }
    assert!(!pins.join("v1001").exists() && pins.join("v1002").exists());
    agent.stop();
    let left = network.router.enter(|| bulkhead_agent::remove_all(&pins));
    assert_eq!(left, Vec::<String>::new());
}
