//! Bulkhead killed at random, again and again, while its containers talk: what is cut, what escapes, what is lost?

use crate::host::{Container, Host, LONG};
use bulkhead_api::GraphQuery;
use bulkhead_model::{Mode, Peer};
use bulkhead_testkit::wait_until;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

const REDIS: u16 = 6379;
/// First port of the service that gets a new edge at each death.
const FRESH: u16 = 9000;

/// How it went.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Fates {
    pub(crate) kills: usize,
    /// Questions that were asked on connections which were open all the time, and connections that broke.
    pub(crate) questions: u64,
    pub(crate) cut: u64,
    /// New connections that the policy allows, and those that failed.
    pub(crate) allowed: u64,
    pub(crate) refused: u64,
    /// Attempts that the policy denies, and those that came through.
    pub(crate) intrusions: u64,
    pub(crate) escaped: u64,
    /// Edges used for the first time around a death, and those that no graph shows.
    pub(crate) edges: usize,
    pub(crate) edges_lost: usize,
    /// Connections opened on all edges, and what the graph counts.
    pub(crate) opened: u64,
    pub(crate) counted: u64,
    /// Edges whose count is not that of the connections opened on them, one sentence each.
    pub(crate) miscounted: Vec<String>,
}

/// Numbers that look random and are the same in every run of one seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Plays it: a redis that only web may reach, a stranger that tries, an api that learns; and Bulkhead, which dies.
pub(crate) fn kill_at_random(host: &mut Host, kills: usize, seed: u64) -> Fates {
    let [web, redis, api, stranger] = ["web", "redis", "api", "stranger"].map(|name| host.idle(name));
    let served = Served::default();
    serve(&redis, REDIS, &served);
    for port in FRESH..FRESH + u16::try_from(kills).expect("a few") {
        serve(&api, port, &served);
    }
    host.up();
    host.settled(4);
    let mut opened: BTreeMap<(&str, u16), u64> = BTreeMap::new();
    for address in redis.addresses {
        let mut stream = connect(&web, address, REDIS).expect("nothing is enforced");
        ask(&mut stream).expect("an echo");
    }
    *opened.entry(("redis", REDIS)).or_default() += 2;
    host.wait_for("the edge is learned", |host| (count(host).get(&("redis", REDIS))? >= &2).then_some(()));
    host.mode("redis", Mode::Enforce);

    let load = Load::default();
    let fates = std::thread::scope(|scope| {
        for address in redis.addresses {
            let load = &load;
            scope.spawn(move || web.enter(|| load.keep_asking(address)));
            scope.spawn(move || web.enter(|| load.keep_opening(address)));
            scope.spawn(move || stranger.enter(|| load.keep_trying(address)));
        }
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            load.wait_until_it_runs();
            let mut dice = Dice(seed);
            for round in 0..kills {
                let port = FRESH + u16::try_from(round).expect("a few");
                // Every other one dies while it is still coming up.
                if round % 2 == 0 {
                    host.settled(4);
                }
                let early = round % 3;
                let use_it = |times: usize| {
                    for time in 0..times {
                        let address = api.addresses[time % 2];
                        let mut stream = connect(&web, address, port).expect("api learns: nothing is denied");
                        ask(&mut stream).expect("an echo");
                    }
                };
                std::thread::sleep(Duration::from_millis(dice.below(300)));
                use_it(early);
                std::thread::sleep(Duration::from_millis(dice.below(30)));
                host.kill();
                use_it(1);
                std::thread::sleep(Duration::from_millis(dice.below(100)));
                host.up();
                *opened.entry(("api", port)).or_default() += early as u64 + 1;
            }
            host.settled(4);
        }));
        load.over.store(true, Ordering::Relaxed);
        ended
    });
    if let Err(panic) = fates {
        std::panic::resume_unwind(panic);
    }
    *opened.entry(("redis", REDIS)).or_default() += load.opened.load(Ordering::Relaxed);
    let mut graph = BTreeMap::new();
    wait_until(LONG, || {
        graph = count(host);
        opened.iter().all(|(edge, times)| graph.get(edge) == Some(times))
    });
    let strangers = served.from(&stranger.addresses);
    let fresh = || opened.keys().filter(|(service, _)| *service == "api");
    Fates {
        kills,
        questions: load.questions.load(Ordering::Relaxed),
        cut: load.cut.load(Ordering::Relaxed),
        allowed: load.opened.load(Ordering::Relaxed),
        refused: load.refused.load(Ordering::Relaxed),
        intrusions: load.intrusions.load(Ordering::Relaxed),
        escaped: load.escaped.load(Ordering::Relaxed).max(strangers),
        edges: fresh().count(),
        edges_lost: fresh().filter(|edge| !graph.contains_key(edge)).count(),
        opened: opened.values().sum(),
        counted: opened.keys().filter_map(|edge| graph.get(edge)).sum(),
        miscounted: opened
            .iter()
            .filter(|(edge, times)| graph.get(edge) != Some(times))
            .map(|((service, port), times)| {
                let counted = graph.get(&(*service, *port)).copied().unwrap_or(0);
                format!("web → {service} {port}: opened {times}, counted {counted}")
            })
            .collect(),
    }
}

/// Connections of web's edges, as the graph has them.
fn count(host: &mut Host) -> BTreeMap<(&'static str, u16), u64> {
    let graph = host.try_ask(|client| async move { client.graph(&GraphQuery::default()).await });
    let edges = graph.into_iter().flat_map(|graph| graph.edges);
    let service = |peer: &Peer| match peer.service().map(|name| name.name().to_owned()).as_deref() {
        Some("redis") => Some("redis"),
        Some("api") => Some("api"),
        _ => None,
    };
    edges
        .filter(|judged| judged.edge.key.client.service().is_some_and(|name| name.name() == "web"))
        .filter_map(|judged| {
            let key = &judged.edge.key;
            Some(((service(&key.server)?, key.port), judged.edge.counters.connections))
        })
        .collect()
}

fn connect(from: &Container, to: IpAddr, port: u16) -> io::Result<TcpStream> {
    from.enter(|| TcpStream::connect_timeout(&SocketAddr::new(to, port), Duration::from_secs(10)))
}

fn ask(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(b"ping")?;
    stream.read_exact(&mut [0; 4])
}

/// From where connections were accepted.
#[derive(Clone, Default)]
struct Served(Arc<Mutex<BTreeMap<IpAddr, u64>>>);

impl Served {
    fn from(&self, addresses: &[IpAddr]) -> u64 {
        let served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.iter().filter_map(|address| served.get(address)).sum()
    }
}

/// An echo in a container, of both families, for as long as this process lives.
fn serve(container: &Container, port: u16, served: &Served) {
    let listener = container.enter(|| TcpListener::bind(format!("[::]:{port}"))).expect("a free port");
    let served = served.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            if let Ok(from) = stream.peer_addr() {
                let mut served = served.0.lock().unwrap_or_else(PoisonError::into_inner);
                *served.entry(from.ip().to_canonical()).or_default() += 1;
            }
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

#[derive(Default)]
struct Load {
    over: AtomicBool,
    questions: AtomicU64,
    cut: AtomicU64,
    opened: AtomicU64,
    refused: AtomicU64,
    intrusions: AtomicU64,
    escaped: AtomicU64,
}

const PAUSE: Duration = Duration::from_millis(5);

impl Load {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    fn wait_until_it_runs(&self) {
        let all = [&self.questions, &self.opened, &self.intrusions];
        assert!(wait_until(LONG, || all.iter().all(|n| n.load(Ordering::Relaxed) > 2)), "no load");
    }

    /// One connection, for as long as it holds.
    fn keep_asking(&self, address: IpAddr) {
        while self.goes_on() {
            let to = SocketAddr::new(address, REDIS);
            let Ok(mut stream) = TcpStream::connect_timeout(&to, Duration::from_secs(10)) else {
                self.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            self.opened.fetch_add(1, Ordering::Relaxed);
            while self.goes_on() {
                if ask(&mut stream).is_err() {
                    self.cut.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                self.questions.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(PAUSE);
            }
        }
    }

    fn keep_opening(&self, address: IpAddr) {
        let to = SocketAddr::new(address, REDIS);
        while self.goes_on() {
            let asked =
                TcpStream::connect_timeout(&to, Duration::from_secs(10)).and_then(|mut s| ask(&mut s));
            let counter = if asked.is_ok() { &self.opened } else { &self.refused };
            counter.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(PAUSE);
        }
    }

    fn keep_trying(&self, address: IpAddr) {
        let to = SocketAddr::new(address, REDIS);
        while self.goes_on() {
            if TcpStream::connect_timeout(&to, Duration::from_millis(300)).is_ok() {
                self.escaped.fetch_add(1, Ordering::Relaxed);
            }
            self.intrusions.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(PAUSE);
        }
    }
}
