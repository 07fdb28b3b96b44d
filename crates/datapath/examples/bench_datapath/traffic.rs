//! What real traffic between two namespaces of one bridge loses, both of whose ends are attached.
//!
//! Turns without the programs, in Monitor and in Enforce follow each other many times, in changing order, so that the
//! machine's moods meet all three; each turn is compared with the baseline of its own round.

use crate::{
    report::Report,
    room::{Allow, REDIS, WEB, policy},
};
use bulkhead_datapath::{Config, Datapath, Policy};
use bulkhead_model::{IpProtocol, Mode};
use bulkhead_policy::compiled::CompiledPolicy;
use bulkhead_testkit::{Namespace, Network};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
    unistd::Pid,
};
use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    time::{Duration, Instant},
};

const PORT: u16 = 6379;
const STATES: [Option<Mode>; 3] = [None, Some(Mode::Monitor), Some(Mode::Enforce)];

/// What one turn found.
struct Figures {
    /// In a second of the clock.
    wall: f64,
    /// In a second of CPU time of both ends, with all that the kernel does in their name: what others do on the
    /// machine meanwhile hardly moves it.
    cpu: f64,
}

fn wall(figures: &Figures) -> f64 {
    figures.wall
}

fn cpu(figures: &Figures) -> f64 {
    figures.cpu
}

/// What a turn measures.
struct Kind {
    what: &'static str,
    /// Unit and budget of each figure that means something.
    wall: Option<(&'static str, Option<&'static str>)>,
    cpu: Option<(&'static str, Option<&'static str>)>,
    run: fn(&Network, IpAddr, Duration) -> Figures,
}

const KINDS: [Kind; 3] = [
    Kind {
        what: "TCP throughput",
        wall: Some(("Gbit/s", Some(">= 0.99"))),
        cpu: Some(("Gbit per second of CPU", None)),
        run: bulk,
    },
    Kind {
        what: "connect, request, close",
        wall: None,
        cpu: Some(("per second of CPU", Some(">= 0.95"))),
        run: connects,
    },
    Kind {
        what: "UDP request and answer",
        wall: None,
        cpu: Some(("per second of CPU", None)),
        run: datagrams,
    },
];

/// `only`: what has this in its name, "TCP" or "TCP throughput, IPv6".
pub(crate) fn measure(report: &mut Report, short: bool, only: &str) {
    let turn = Duration::from_millis(if short { 50 } else { 200 });
    let rounds = if short { 1 } else { 60 };
    let mut street = Street::new();
    for kind in KINDS {
        for (family, place) in [("IPv4", 0), ("IPv6", 1)] {
            let what = format!("{}, {family}", kind.what);
            if !what.contains(only) {
                continue;
            }
            let target = street.network.hosts[1].addresses()[place];
            let mut results: [Vec<Figures>; 3] = Default::default();
            for round in 0..rounds {
                for turned in 0..STATES.len() {
                    let state = (round + turned) % STATES.len();
                    street.enter(STATES[state]);
                    results[state].push((kind.run)(&street.network, target, turn));
                }
            }
            for (shown, figure) in [(kind.wall, wall as fn(&Figures) -> f64), (kind.cpu, cpu as _)] {
                let Some((unit, budget)) = shown else { continue };
                let turns = results.each_ref().map(|turns| turns.iter().map(figure).collect::<Vec<_>>());
                for (state, name) in [(1, "monitor"), (2, "enforce")] {
                    let what = format!("{what}, {name}; baseline: not attached");
                    report.add_turns(what, &turns[state], unit, &turns[0], budget);
                }
            }
        }
    }
}

/// Two hosts and a datapath that comes and goes.
struct Street {
    network: Network,
    datapath: Datapath,
    tables: Policy,
    pins: PathBuf,
}

impl Street {
    fn new() -> Self {
        let network = Network::new(60, 2);
        for host in &network.hosts {
            // A port that waits for a minute after each connection makes the next ones ever slower, and runs out.
            host.namespace.sysctl("net/ipv4/tcp_max_tw_buckets", "0");
        }
        let pins = PathBuf::from(format!("/sys/fs/bpf/bulkhead-bench-{}", std::process::id()));
        let config = Config { pins: pins.clone(), ..Config::default() };
        let datapath =
            network.router.enter(|| Datapath::open(&config)).expect("the kernel takes the programs");
        let tables = Policy::recover(&datapath).expect("tables");
        let street = Self { network, datapath, tables, pins };
        for (ifindex, _, identity, addresses) in street.ends() {
            for address in addresses {
                street.datapath.set_owner(address, identity, ifindex).expect("room");
            }
        }
        street
    }

    fn ends(&self) -> Vec<(u32, String, bulkhead_model::Identity, [IpAddr; 2])> {
        let end = |(host, identity): (&bulkhead_testkit::netns::Host, _)| {
            let interface = host.host_interface.clone();
            (self.network.router.interface_index(&interface), interface, identity, host.addresses())
        };
        self.network.hosts.iter().zip([WEB, REDIS]).map(end).collect()
    }

    fn enter(&mut self, mode: Option<Mode>) {
        let ends = self.ends();
        let Self { network, datapath, tables, .. } = self;
        if let Some(mode) = mode {
            tables.apply(datapath, &both_ends(mode)).expect("room");
        }
        network.router.enter(|| {
            for (ifindex, interface, identity, _) in &ends {
                if mode.is_some() {
                    datapath.set_endpoint(*ifindex, *identity).expect("room");
                    datapath.attach(interface, *ifindex).expect("attached");
                } else {
                    datapath.detach(interface, *ifindex);
                }
            }
        });
    }
}

impl Drop for Street {
    fn drop(&mut self) {
        let removed = self.network.router.enter(|| bulkhead_datapath::remove_all(&self.pins));
        if let Err(error) = removed {
            eprintln!("{}: {error}", self.pins.display());
        }
    }
}

/// Both ends of every connection are judged.
fn both_ends(mode: Mode) -> CompiledPolicy {
    let rules = [IpProtocol::TCP, IpProtocol::UDP].map(|protocol| Allow {
        peer: Some(REDIS),
        protocol,
        port: PORT,
        prefix_len: 16,
    });
    let from_web = rules.map(|rule| Allow { peer: Some(WEB), ..rule });
    let mut both = policy(mode, &[], &rules);
    let redis = policy(mode, &from_web, &[]);
    both.services[1].mode = mode;
    both.services[1].ingress = redis.services[0].ingress.clone();
    both
}

/// Binds the calling thread to a CPU; where there is only one, that one.
fn bind(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu).expect("a small number");
    let _ = sched_setaffinity(Pid::from_raw(0), &set);
}

/// CPU time of the calling thread, with all that the kernel does in its name.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every thread has a clock").into()
}

/// Runs in the namespace, on the CPU; also returns the CPU time that it took.
fn timed<T: Send>(namespace: &Namespace, cpu: usize, work: impl FnOnce() -> T + Send) -> (T, Duration) {
    namespace.enter(|| {
        bind(cpu);
        let begin = cpu_time();
        let result = work();
        (result, cpu_time() - begin)
    })
}

/// Runs a server and a client, each on its CPU, until the client is done. Returns its result and the CPU time of both.
fn pair<T: Send>(
    network: &Network,
    cpus: [usize; 2],
    server: impl FnOnce() + Send,
    client: impl FnOnce() -> T + Send,
) -> (T, Duration) {
    let [web, redis] = &network.hosts[..] else { panic!("two hosts") };
    std::thread::scope(|scope| {
        let served = scope.spawn(|| timed(&redis.namespace, cpus[0], server).1);
        let (result, asked) = timed(&web.namespace, cpus[1], client);
        (result, asked + served.join().expect("the server lives"))
    })
}

fn listen(network: &Network) -> TcpListener {
    network.hosts[1].namespace.enter(|| TcpListener::bind(("::", PORT))).expect("a free port")
}

/// Gigabits, the two ends on a CPU each.
fn bulk(network: &Network, to: IpAddr, time: Duration) -> Figures {
    let listener = listen(network);
    let server = || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut buffer = vec![0; 1 << 18];
        while matches!(stream.read(&mut buffer), Ok(1..)) {}
    };
    let client = || {
        let mut stream = TcpStream::connect(SocketAddr::new(to, PORT)).expect("allowed");
        let block = vec![0; 1 << 18];
        let begin = Instant::now();
        let mut sent = 0_u64;
        while begin.elapsed() < time {
            sent += stream.write(&block).expect("allowed") as u64;
        }
        (sent as f64 * 8.0 / 1e9, begin.elapsed())
    };
    let ((gigabits, wall), cpu) = pair(network, [0, 1], server, client);
    Figures { wall: gigabits / wall.as_secs_f64(), cpu: gigabits / cpu.as_secs_f64() }
}

const LAST: u8 = b'q';

/// Connections, one after the other. Both ends share a CPU: woken up on another one, they would wait for a machine
/// that has to be roused first, which takes up to a hundred times what is measured.
fn connects(network: &Network, to: IpAddr, time: Duration) -> Figures {
    let listener = listen(network);
    let server = || {
        let mut request = [0; 4];
        while request[0] != LAST {
            let (mut stream, _) = listener.accept().expect("a client");
            stream.read_exact(&mut request).expect("a request");
            stream.write_all(b"pong").expect("a client");
        }
    };
    let ask = |request: [u8; 4]| {
        let mut stream = TcpStream::connect(SocketAddr::new(to, PORT)).expect("allowed");
        stream.write_all(&request).expect("allowed");
        stream.read_exact(&mut [0; 4]).expect("answered");
    };
    let client = || {
        let begin = Instant::now();
        let mut count = 1_u32;
        while begin.elapsed() < time {
            ask(*b"ping");
            count += 1;
        }
        ask([LAST; 4]);
        (f64::from(count), begin.elapsed())
    };
    let ((count, wall), cpu) = pair(network, [0, 0], server, client);
    Figures { wall: count / wall.as_secs_f64(), cpu: count / cpu.as_secs_f64() }
}

/// Exchanges, one after the other, both ends on one CPU.
fn datagrams(network: &Network, to: IpAddr, time: Duration) -> Figures {
    let [web, redis] = &network.hosts[..] else { panic!("two hosts") };
    let any: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
    let bound = |namespace: &Namespace, port| {
        let socket = namespace.enter(|| UdpSocket::bind((any, port))).expect("a free port");
        socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
        socket
    };
    let (served, asking) = (bound(&redis.namespace, PORT), bound(&web.namespace, 0));
    asking.connect(SocketAddr::new(to, PORT)).expect("a route");
    let server = || {
        let mut buffer = [0; 64];
        while buffer[0] != LAST {
            let (length, from) = served.recv_from(&mut buffer).expect("a request");
            served.send_to(&buffer[..length], from).expect("a client");
        }
    };
    let client = || {
        let begin = Instant::now();
        let mut count = 1_u32;
        let ask = |request: [u8; 64]| {
            asking.send(&request).expect("allowed");
            asking.recv(&mut [0; 64]).expect("answered");
        };
        while begin.elapsed() < time {
            ask([0; 64]);
            count += 1;
        }
        ask([LAST; 64]);
        (f64::from(count), begin.elapsed())
    };
    let ((count, wall), cpu) = pair(network, [0, 0], server, client);
    Figures { wall: count / wall.as_secs_f64(), cpu: count / cpu.as_secs_f64() }
}
