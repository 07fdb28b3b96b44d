//! An application as real namespaces under a real agent and a real controller.

use crate::{
    intended::{Application, Edge, OUTSIDE},
    stub::{self, Accepted, Attempt, Outcome, Speech},
};
use bulkhead_agent::{Agent, AgentConfig};
use bulkhead_api::client::{Client, ClientError};
use bulkhead_controller::{Controller, ControllerConfig};
use bulkhead_discovery::Update;
use bulkhead_model::{
    Exposure, Interface, IpProtocol, Peer, ServiceName, Workload, WorkloadId, WorkloadOwner,
};
use bulkhead_testkit::{Namespace, Network, netns::Host};
use std::{
    collections::BTreeMap,
    fs::File,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::PoisonError,
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Runtime,
    sync::{mpsc, oneshot, watch},
};

/// A safety net for a broken machine.
const LONG: Duration = Duration::from_secs(60);

/// When workloads begin to talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// When their places are known and their policies hold.
    Settled,
    /// At once: all of them were announced, and nobody waits for what comes of it.
    AtOnce,
}

pub(crate) struct Estate {
    network: Network,
    outside: Namespace,
    /// Where each workload is among the network's hosts.
    places: BTreeMap<ServiceName, usize>,
    accepted: Accepted,
    agent: RunningAgent,
    controller: Option<Controller>,
    pub(crate) client: Client,
    runtime: Runtime,
    _state: tempfile::TempDir,
}

impl Estate {
    /// Starts everything, and the workloads one by one under the eyes of the agent.
    pub(crate) fn start(application: &Application, number: u8, begin: Begin) -> Self {
        let runtime = runtime();
        let state = tempfile::tempdir().expect("a folder for temporary files");
        let config = ControllerConfig {
            state_dir: state.path().to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            ..ControllerConfig::default()
        };
        let controller = runtime.block_on(Controller::start(config)).expect("a new state, a free port");
        let client = Client::new(&controller.url, controller.admin_token.clone(), None).expect("http");
        let network = Network::new(number, 0);
        let outside = outside(&network);
        let pins = PathBuf::from(format!("/sys/fs/bpf/bulkhead-topologies-{}-{number}", std::process::id()));
        let agent = RunningAgent::start(&network.router, pins, &controller);
        agent.send(Update::Snapshot(Vec::new()));
        let mut estate = Self {
            network,
            outside,
            places: BTreeMap::new(),
            accepted: Accepted::default(),
            agent,
            controller: Some(controller),
            client,
            runtime,
            _state: state,
        };
        estate
            .wait_until("the agent is there", |estate| !estate.ask(estate.client.status()).nodes.is_empty());
        for (name, member) in &application.members {
            let place = estate.network.add_host();
            let host = &estate.network.hosts[place];
            for (port, called) in &member.ports {
                let speech = Speech::of(*port, called);
                stub::serve(&estate.runtime, &host.namespace, *port, speech, &estate.accepted);
            }
            estate.places.insert(name.clone(), place);
            let ports = member.ports.keys().copied();
            let exposes = ports.map(|port| Exposure { protocol: IpProtocol::TCP, port }).collect();
            let declared =
                member.addresses.iter().map(|(host, port)| format!("{host}:{port}").into()).collect();
            estate.agent.send(Update::Up(workload(name, host, exposes, declared)));
        }
        if begin == Begin::AtOnce {
            return estate;
        }
        let all = application.members.len();
        estate.wait_until("every workload has its place and its policy", |estate| {
            let status = estate.ask(estate.client.status());
            let attached = status.nodes.first().is_some_and(|node| node.health.endpoints as usize == all);
            attached && status.workloads as usize == all && status.enforced_revision == status.revision
        });
        estate
    }

    /// The answer of the controller's interface.
    pub(crate) fn ask<T>(&self, question: impl Future<Output = Result<T, ClientError>>) -> T {
        self.runtime.block_on(question).unwrap_or_else(|error| panic!("the controller: {error}"))
    }

    pub(crate) fn wait_until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let held = bulkhead_testkit::wait_until(LONG, || condition(self));
        assert!(held, "it never came to be that {what}: {:?}", self.ask(self.client.status()).sentence);
    }

    /// One attempt for each edge in each address family.
    pub(crate) fn attempts<'e>(
        &self,
        application: &Application,
        edges: impl IntoIterator<Item = &'e Edge>,
        patience: Duration,
    ) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        for edge in edges {
            let host = &self.network.hosts[self.places[&edge.server]];
            let speech = Speech::of(edge.port, &application.members[&edge.server].ports[&edge.port]);
            attempts.extend(host.addresses().map(|address| Attempt::new(edge, address, speech, patience)));
        }
        attempts
    }

    /// Tries them, each from its client's namespace; clients at the same time.
    pub(crate) fn run(&self, attempts: &[Attempt]) -> Vec<(Attempt, Outcome)> {
        let mut by_client: BTreeMap<&Peer, Vec<&Attempt>> = BTreeMap::new();
        for attempt in attempts {
            by_client.entry(&attempt.edge.client).or_default().push(attempt);
        }
        std::thread::scope(|scope| {
            let clients: Vec<_> = by_client
                .into_iter()
                .map(|(client, attempts)| {
                    let namespace = match client {
                        Peer::Service(name) => &self.network.hosts[self.places[name]].namespace,
                        _ => &self.outside,
                    };
                    scope.spawn(move || namespace.enter(|| side_by_side(&attempts)))
                })
                .collect();
            clients.into_iter().flat_map(|client| client.join().expect("attempts do not panic")).collect()
        })
    }

    /// Connections that the servers have accepted, by the servers' own count.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Takes Bulkhead out of the kernel, with everything else as it was.
    pub(crate) fn remove_bulkhead(&mut self) {
        self.agent.stop(&self.network.router);
    }

    /// Every server answers its own namespace, so that a denial later on is one and not a server that is not there.
    pub(crate) fn check_servers(&self, application: &Application) -> usize {
        let own = |name: &ServiceName, port: u16| Edge {
            client: Peer::Service(name.clone()),
            server: name.clone(),
            port,
        };
        let edges: Vec<Edge> = application
            .members
            .iter()
            .flat_map(|(name, member)| member.ports.keys().map(|port| own(name, *port)))
            .collect();
        let attempts = self.attempts(application, &edges, Duration::from_secs(5));
        let outcomes = self.run(&attempts);
        for (attempt, outcome) in &outcomes {
            assert_eq!(*outcome, Outcome::Answered, "the stub of {} at {}", attempt.edge.server, attempt.to);
        }
        outcomes.len()
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        self.agent.stop(&self.network.router);
        if let Some(controller) = self.controller.take() {
            self.runtime.block_on(controller.stop());
        }
    }
}

/// A thread takes every eighth: what gets no answer must not hold up the rest.
fn side_by_side(attempts: &[&Attempt]) -> Vec<(Attempt, Outcome)> {
    const LANES: usize = 8;
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES.min(attempts.len()))
            .map(|lane| {
                let own = attempts.iter().skip(lane).step_by(LANES);
                scope
                    .spawn(move || own.map(|attempt| ((*attempt).clone(), attempt.run())).collect::<Vec<_>>())
            })
            .collect();
        lanes.into_iter().flat_map(|lane| lane.join().expect("attempts do not panic")).collect()
    })
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads")
}

/// A machine on the other side of the router, on documentation addresses.
fn outside(network: &Network) -> Namespace {
    let namespace = Namespace::new();
    network.router.ip(&[
        "link",
        "add",
        "uplink",
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        namespace.name(),
    ]);
    let near = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 1);
    let far = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 2);
    for (end, interface, v4, v6) in
        [(&network.router, "uplink", "198.51.100.1", near), (&namespace, "eth0", &*OUTSIDE.to_string(), far)]
    {
        end.ip(&["addr", "add", &format!("{v4}/24"), "dev", interface]);
        end.ip(&["addr", "add", &format!("{v6}/64"), "dev", interface, "nodad"]);
        end.ip(&["link", "set", interface, "up"]);
    }
    namespace.ip(&["route", "add", "default", "via", "198.51.100.1"]);
    namespace.ip(&["-6", "route", "add", "default", "via", &near.to_string()]);
    namespace
}

fn workload(
    name: &ServiceName,
    host: &Host,
    exposes: Vec<Exposure>,
    declared_peers: Vec<Box<str>>,
) -> Workload {
    let addresses: Vec<IpAddr> = host.addresses().to_vec();
    Workload {
        name: name.name().into(),
        owner: WorkloadOwner::Kubernetes,
        runtime: "bench".into(),
        image: format!("{}:1", name.name()).into(),
        declared_peers,
        exposes,
        interfaces: vec![Interface { network: "bench".into(), addresses, mac: None }],
        netns: Some(host.namespace.path().to_string_lossy().into()),
        ..Workload::new(WorkloadId(host.namespace.name().repeat(4).into()), name.clone())
    }
}

/// An agent in the router's namespace, on a runtime of its own.
struct RunningAgent {
    updates: mpsc::Sender<Update>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    pins: PathBuf,
}

impl RunningAgent {
    fn start(router: &Namespace, pins: PathBuf, controller: &Controller) -> Self {
        let (updates, updates_in) = mpsc::channel(100);
        let (stop, stopped) = oneshot::channel::<()>();
        let (path, reports) = (router.path(), controller.reports.clone());
        let policy: watch::Receiver<_> = controller.policy.clone();
        let mut config =
            AgentConfig { report_interval: Duration::from_millis(200), ..AgentConfig::default() };
        config.datapath.pins.clone_from(&pins);
        let thread = std::thread::spawn(move || {
            let namespace = File::open(path).expect("the router's namespace");
            rustix::thread::move_into_link_name_space(
                std::os::fd::AsFd::as_fd(&namespace),
                Some(rustix::thread::LinkNameSpaceType::Network),
            )
            .expect("root may enter any namespace");
            runtime().block_on(async {
                let shutdown = async {
                    // That the other end is gone says the same.
                    let _ = stopped.await;
                };
                Agent::run(config, updates_in, policy, reports, shutdown).await.expect("the agent runs");
            });
        });
        Self { updates, stop: Some(stop), thread: Some(thread), pins }
    }

    fn send(&self, update: Update) {
        self.updates.blocking_send(update).expect("the agent listens");
    }

    fn stop(&mut self, router: &Namespace) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        if thread.join().is_err() {
            eprintln!("the agent's thread panicked");
        }
        for left in router.enter(|| bulkhead_agent::remove_all(&self.pins)) {
            eprintln!("left behind: {left}");
        }
    }
}

/// How long something takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    (work(), begin.elapsed())
}
