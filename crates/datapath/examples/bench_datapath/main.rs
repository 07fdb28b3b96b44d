//! Measures the datapath against its budgets: cost of a packet and of a decision under test runs, time to install
//! rules and to change one, and what real traffic between namespaces loses. Every figure stands beside its baseline
//! of the same run. `--short` or `--check` for correctness only, `--json FILE` for machines,
//! `--traffic WORD` for nothing but the traffic whose name holds the word.

mod report;
#[path = "../../tests/room/mod.rs"]
mod room;
mod traffic;

use bulkhead_abi::CONTROL_SILENT;
use bulkhead_datapath::SkbContext;
use bulkhead_model::{Identity, IpProtocol, Mode};
use bulkhead_policy::compiled::CompiledPolicy;
use bulkhead_testkit::{Packet, TcpFlags};
use report::Report;
use room::{Allow, INTERFACE, REDIS, Room, allow, policy};
use std::{net::IpAddr, time::Instant};

const TCP: IpProtocol = IpProtocol::TCP;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name| {
        let place = arguments.iter().position(|a| a == name)?;
        arguments.get(place + 1)
    };
    let short = arguments.iter().any(|a| a == "--short" || a == "--check");
    let mut report = Report::default();
    let only = value("--traffic");
    if only.is_none() {
        packets(&mut report, short);
        decisions(&mut report, short);
        changes(&mut report, short);
    }
    traffic::measure(&mut report, short, only.map_or("", String::as_str));
    report.print();
    if let Some(path) = value("--json") {
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
