//! Measures the datapath against its budgets: cost of a packet and of a decision under test runs, time to install
//! rules and to change one, and what real traffic between namespaces loses. Every figure stands beside its baseline
//! of the same run. `--short` for correctness only, `--json FILE` for machines.

#[path = "../tests/room/mod.rs"]
mod room;

use bulkhead_abi::CONTROL_SILENT;
use bulkhead_datapath::{Config, Datapath, Policy, SkbContext};
use bulkhead_model::{Identity, IpProtocol, Mode};
use bulkhead_policy::compiled::CompiledPolicy;
use bulkhead_testkit::{Network, Packet, TcpFlags, netns::Host};
use room::{Allow, INTERFACE, REDIS, Room, WEB, allow, policy};
use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    time::{Duration, Instant},
};

const TCP: IpProtocol = IpProtocol::TCP;

struct Row {
    what: String,
    value: f64,
    unit: &'static str,
    baseline: Option<f64>,
    budget: Option<&'static str>,
}

#[derive(Default)]
struct Report(Vec<Row>);

impl Report {
    fn add(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        baseline: Option<f64>,
        budget: Option<&'static str>,
    ) {
        self.0.push(Row { what: what.into(), value, unit, baseline, budget });
    }

    fn print(&self) {
        println!("| what | value | unit | baseline | ratio | budget |\n|---|---:|---|---:|---:|---|");
        for row in &self.0 {
            let baseline = row.baseline.map_or(String::new(), |b| format!("{b:.1}"));
            let ratio = row.baseline.map_or(String::new(), |b| format!("{:.3}", row.value / b));
            let budget = row.budget.unwrap_or("");
            println!("| {} | {:.1} | {} | {baseline} | {ratio} | {budget} |", row.what, row.value, row.unit);
        }
    }

    fn json(&self) -> String {
        let mut out = String::from("[\n");
        for (place, row) in self.0.iter().enumerate() {
            let baseline = row.baseline.map_or("null".to_owned(), |b| format!("{b:.3}"));
            let comma = if place + 1 < self.0.len() { "," } else { "" };
            let _ = writeln!(
                out,
                "  {{\"what\": \"{}\", \"value\": {:.3}, \"unit\": \"{}\", \"baseline\": {baseline}}}{comma}",
                row.what, row.value, row.unit
            );
        }
        out + "]\n"
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let short = arguments.iter().any(|a| a == "--short");
    let json = arguments.iter().position(|a| a == "--json").and_then(|i| arguments.get(i + 1));
    let mut report = Report::default();
    packets(&mut report, short);
    decisions(&mut report, short);
    changes(&mut report, short);
    traffic(&mut report, short);
    report.print();
    if let Some(path) = json {
        std::fs::write(path, report.json()).expect("the JSON file can be written");
    }
}

/// Median of five batches, net of an empty program in the same batch.
fn net_of_empty(room: &mut Room, program: &'static str, packet: &[u8], repeat: u32) -> (f64, f64) {
    let context = SkbContext { mark: 0, ifindex: INTERFACE };
    let mut batches: Vec<(f64, f64)> = (0..5)
        .map(|_| {
            let empty = room.datapath.test_run("bh_empty", packet, context, repeat).expect("a test run");
            let run = room.datapath.test_run(program, packet, context, repeat).expect("a test run");
            (f64::from(run.nanoseconds) - f64::from(empty.nanoseconds), f64::from(empty.nanoseconds))
        })
        .collect();
    batches.sort_by(|a, b| a.0.total_cmp(&b.0));
    batches[2]
}

fn packets(report: &mut Report, short: bool) {
    let repeat = if short { 1_000 } else { 1_000_000 };
    for (family, web, redis) in
        [("IPv4", "10.0.0.2:40000", "10.0.0.3:6379"), ("IPv6", "[fd00::2]:40000", "[fd00::3]:6379")]
    {
        let mut room = Room::new();
        room.apply(&policy(Mode::Enforce, &[], &[allow(REDIS, TCP, 6379)]));
        room.send(&Packet::tcp(web, redis, TcpFlags::SYN).bytes());
        room.receive(&Packet::tcp(redis, web, TcpFlags::SYN_ACK).bytes());
        let data = Packet::tcp(web, redis, TcpFlags::PSH_ACK).payload([0; 64]).bytes();
        room.send(&data);
        let (net, empty) = net_of_empty(&mut room, "bh_from_workload", &data, repeat);
        report.add(
            format!("established packet, {family}, cached, net of an empty program"),
            net,
            "ns",
            Some(empty),
            Some("<= 10 ns"),
        );
    }
    // Echo requests are never cached: endpoint, service and flow are looked up for each.
    let mut room = Room::new();
    let ping = Allow { peer: Some(REDIS), protocol: IpProtocol::ICMP, port: 8 << 8, prefix_len: 8 };
    room.apply(&policy(Mode::Enforce, &[], &[ping]));
    let request = Packet::icmp("10.0.0.2", "10.0.0.3", 8, 0, [0, 9, 0, 1]).bytes();
    let (net, empty) = net_of_empty(&mut room, "bh_from_workload", &request, repeat);
    report.add(
        "known flow by the tables (endpoint, service, flow), net of an empty program",
        net,
        "ns",
        Some(empty),
        None,
    );
}

/// WEB with `count` rules: single ports of many peers.
fn many_rules(count: u32) -> CompiledPolicy {
    let rules: Vec<Allow> =
        (0..count).map(|n| allow(Identity(1000 + n / 16), TCP, 8000 + (n % 16) as u16)).collect();
    policy(Mode::Enforce, &[], &rules)
}

fn decisions(report: &mut Report, short: bool) {
    let repeat = if short { 1_000 } else { 500_000 };
    for count in [10, 1_000, 10_000] {
        let mut room = Room::new();
        room.datapath.set_flags(CONTROL_SILENT).expect("control");
        room.apply(&many_rules(count));
        // A denied SYN is decided and counted anew each time.
        let peer: IpAddr = "10.1.0.1".parse().expect("an address");
        room.datapath.set_owner(peer, Identity(1000), 0).expect("room");
        let syn = Packet::tcp("10.0.0.2:40000", "10.1.0.1:9000", TcpFlags::SYN).bytes();
        room.send(&syn);
        let (net, empty) = net_of_empty(&mut room, "bh_from_workload", &syn, repeat);
        report.add(
            format!("decision on a new flow with {count} rules, with accounting, net of an empty program"),
            net,
            "ns",
            Some(empty),
            Some("<= 200 ns"),
        );
    }
}

fn changes(report: &mut Report, short: bool) {
    let mut room = Room::new();
    let big = many_rules(if short { 1_000 } else { 10_000 });
    let begin = Instant::now();
    room.apply(&big);
    report.add("installing 10,000 rules", begin.elapsed().as_secs_f64() * 1e3, "ms", None, None);
    let mut times: Vec<f64> = (0..if short { 10 } else { 300 })
        .map(|n| {
            let changed = policy(Mode::Enforce, &[], &[allow(REDIS, TCP, 1000 + n)]);
            let begin = Instant::now();
            room.apply(&changed);
            begin.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let at = |q: f64| times[((times.len() - 1) as f64 * q) as usize];
    report.add("rule change in the kernel, p50", at(0.5), "ms", None, None);
    report.add("rule change in the kernel, p99", at(0.99), "ms", None, Some("<= 50 ms"));
}

fn traffic(report: &mut Report, short: bool) {
    let seconds = Duration::from_millis(if short { 200 } else { 3_000 });
    let rounds = if short { 1 } else { 3 };
    let network = Network::new(60, 2);
    let [web, redis] = &network.hosts[..] else { panic!("two hosts") };
    let pins = PathBuf::from(format!("/sys/fs/bpf/bulkhead-bench-{}", std::process::id()));
    serve(redis);
    for (family, place) in [("IPv4", 0), ("IPv6", 1)] {
        let target = redis.addresses()[place];
        let mut results: Vec<[Vec<f64>; 3]> =
            vec![Default::default(), Default::default(), Default::default()];
        for _ in 0..rounds {
            // Turn by turn, so that the machine's drift meets all of them.
            for (state, mode) in [None, Some(Mode::Monitor), Some(Mode::Enforce)].into_iter().enumerate() {
                let attached = mode.map(|mode| attach(&network, &pins, mode));
                results[state][0].push(bulk(web, target, seconds));
                results[state][1].push(connects(web, target, seconds));
                results[state][2].push(datagrams(web, target, seconds));
                drop(attached);
                network.router.enter(|| bulkhead_datapath::remove_all(&pins)).expect("pins can be removed");
            }
        }
        let median = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted[sorted.len() / 2]
        };
        for (kind, what, unit, budget) in [
            (0, "TCP throughput", "Gbit/s", ">= 0.99"),
            (1, "connect, request, close", "1/s", ">= 0.95"),
            (2, "UDP request and answer", "1/s", ""),
        ] {
            let baseline = median(&results[0][kind]);
            for (state, name) in [(1, "monitor"), (2, "enforce")] {
                report.add(
                    format!("{what}, {family}, {name}; baseline: not attached"),
                    median(&results[state][kind]),
                    unit,
                    Some(baseline),
                    Some(budget).filter(|b| !b.is_empty()),
                );
            }
        }
    }
}

/// Both ends of every connection are enforced.
fn attach(network: &Network, pins: &std::path::Path, mode: Mode) -> Datapath {
    network.router.enter(|| {
        let config = Config { pins: pins.to_owned(), ..Config::default() };
        let mut datapath = Datapath::open(&config).expect("the kernel takes the programs");
        let mut tables = Policy::recover(&datapath).expect("tables");
        let rules = [
            Allow { peer: Some(REDIS), protocol: TCP, port: 6379, prefix_len: 16 },
            Allow { peer: Some(REDIS), protocol: IpProtocol::UDP, port: 6379, prefix_len: 16 },
        ];
        let from_web = rules.map(|rule| Allow { peer: Some(WEB), ..rule });
        let mut both = policy(mode, &[], &rules);
        let redis = policy(mode, &from_web, &[]);
        both.services[1].mode = mode;
        both.services[1].ingress = redis.services[0].ingress.clone();
        tables.apply(&datapath, &both).expect("room");
        for (host, identity) in network.hosts.iter().zip([WEB, REDIS]) {
            let ifindex = network.router.interface_index(&host.host_interface);
            for address in host.addresses() {
                datapath.set_owner(address, identity, ifindex).expect("room");
            }
            datapath.set_endpoint(ifindex, identity).expect("room");
            datapath.attach(&host.host_interface, ifindex).expect("attached");
        }
        datapath
    })
}

fn serve(host: &Host) {
    let listener = host.namespace.enter(|| TcpListener::bind("[::]:6379")).expect("a free port");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    let socket = host.namespace.enter(|| UdpSocket::bind("[::]:6379")).expect("a free port");
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    });
}

/// `b`: swallows bulk; anything else: one answer.
fn answer(mut stream: TcpStream) {
    let mut buffer = vec![0; 1 << 18];
    match stream.read(&mut buffer) {
        Ok(length @ 1..) if buffer[0] == b'b' => {
            let _ = length;
            while matches!(stream.read(&mut buffer), Ok(1..)) {}
        }
        Ok(1..) => {
            let _ = stream.write_all(b"pong");
        }
        _ => {}
    }
}

fn bulk(from: &Host, to: IpAddr, time: Duration) -> f64 {
    let mut stream = from.namespace.enter(|| TcpStream::connect(SocketAddr::new(to, 6379))).expect("allowed");
    let block = vec![b'b'; 1 << 18];
    let begin = Instant::now();
    let mut sent = 0_u64;
    while begin.elapsed() < time {
        sent += stream.write(&block).expect("allowed") as u64;
    }
    sent as f64 * 8.0 / begin.elapsed().as_secs_f64() / 1e9
}

fn connects(from: &Host, to: IpAddr, time: Duration) -> f64 {
    from.namespace.enter(|| {
        let begin = Instant::now();
        let mut count = 0_u32;
        // Bounded: client ports are finite, and each waits a minute after its close.
        while begin.elapsed() < time && count < 20_000 {
            let mut stream = TcpStream::connect(SocketAddr::new(to, 6379)).expect("allowed");
            stream.write_all(b"ping").expect("allowed");
            let mut buffer = [0; 4];
            stream.read_exact(&mut buffer).expect("answered");
            count += 1;
        }
        f64::from(count) / begin.elapsed().as_secs_f64()
    })
}

fn datagrams(from: &Host, to: IpAddr, time: Duration) -> f64 {
    from.namespace.enter(|| {
        let socket = UdpSocket::bind("[::]:0").expect("a port");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let target = match to {
            IpAddr::V4(v4) => IpAddr::V6(v4.to_ipv6_mapped()),
            v6 => v6,
        };
        socket.connect(SocketAddr::new(target, 6379)).expect("a route");
        let begin = Instant::now();
        let mut count = 0_u32;
        let mut buffer = [0; 64];
        while begin.elapsed() < time {
            socket.send(&[0; 64]).expect("allowed");
            if socket.recv(&mut buffer).is_ok() {
                count += 1;
            }
        }
        f64::from(count) / begin.elapsed().as_secs_f64()
    })
}
