//! Real containers, one after the other and several at once: does a packet escape before the policy holds, and what does
//! a start cost?

use crate::host::{Container, Host, LONG, NETWORK};
use bulkhead_model::Mode;
use bulkhead_testkit::{image, wait_until};
use serde::Serialize;
use std::time::Instant;

/// Containers that are being started at the same time.
const AT_ONCE: usize = 4;

#[derive(Debug, Serialize)]
pub(crate) struct Starts {
    pub(crate) started: usize,
    /// Packets that arrived of those that containers sent as their first acts, without and with Bulkhead.
    pub(crate) arrived_without: u64,
    pub(crate) escaped: u64,
    /// Milliseconds from the command to its return.
    pub(crate) without_ms: Vec<f64>,
    pub(crate) with_ms: Vec<f64>,
}

pub(crate) fn measure(host: &mut Host, baseline: usize, count: usize) -> Starts {
    let sink = host.idle("sink");
    let before = received(&sink);
    let without_ms = start(host, &sink, "plain", baseline);
    let arrived_without = received(&sink) - before;
    host.up();
    host.settled(1);
    // So that the service is there to be enforced.
    let label = ["--label", "bulkhead.service=default/runner"];
    let run = ["run", "-d", "--name", "runner", "--network", NETWORK];
    host.dockerd.docker(&[&run[..], &label[..], &[image::BUSYBOX, "sleep", "100000"]].concat());
    host.settled(2);
    host.mode("runner", Mode::Enforce);
    let before = received(&sink);
    let with_ms = start(host, &sink, "runner", count);
    let escaped = received(&sink) - before;
    host.dockerd.docker(&["rm", "-f", "runner", "sink"]);
    host.remove();
    Starts { started: count, arrived_without, escaped, without_ms, with_ms }
}

/// Starts containers whose first acts are packets to the sink, in both families.
fn start(host: &Host, sink: &Container, service: &str, count: usize) -> Vec<f64> {
    let [v4, v6] = sink.addresses;
    let act = format!(
        "ping -c 1 -W 1 {v4} & ping -6 -c 1 -W 1 {v6} & echo | nc -w 1 {v4} 7 & echo | nc -u -w 1 {v6} 7; wait"
    );
    let label = format!("bulkhead.service=default/{service}");
    let dockerd = &host.dockerd;
    let times: Vec<f64> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..AT_ONCE)
            .map(|lane| {
                let (act, label) = (&act, &label);
                scope.spawn(move || {
                    let mut times = Vec::new();
                    for _ in (lane..count).step_by(AT_ONCE) {
                        let begun = Instant::now();
                        let run = ["run", "-d", "--rm", "--label", label, "--network", NETWORK];
                        dockerd.docker(&[&run[..], &[image::BUSYBOX, "sh", "-c", act]].concat());
                        times.push(begun.elapsed().as_secs_f64() * 1e3);
                    }
                    times
                })
            })
            .collect();
        lanes.into_iter().flat_map(|lane| lane.join().expect("containers start")).collect()
    });
    let filter = format!("label={label}");
    let idle = usize::from(service == "runner");
    let ended = || dockerd.docker(&["ps", "-q", "--filter", &filter]).lines().count() <= idle;
    assert!(wait_until(LONG, ended), "containers do not end");
    times
}

/// Packets that a container has received from anybody, by its own counters.
fn received(container: &Container) -> u64 {
    let read =
        |name: &str| std::fs::read_to_string(format!("/proc/{}/net/{name}", container.pid)).expect("it runs");
    let (v4, v6) = (read("snmp"), read("snmp6"));
    let table = |table: &str, field: &str| -> u64 {
        let mut lines = v4.lines().filter(|line| line.split(':').next() == Some(table));
        let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
        let mut pairs = names.split_whitespace().zip(values.split_whitespace());
        pairs.find(|(name, _)| *name == field).map_or(0, |(_, value)| value.parse().expect("a number"))
    };
    let line = |field: &str| -> u64 {
        let mut pairs = v6.lines().filter_map(|line| line.split_once(char::is_whitespace));
        pairs.find(|(name, _)| *name == field).map_or(0, |(_, value)| value.trim().parse().expect("a number"))
    };
    table("Icmp", "InEchos")
        + table("Tcp", "InSegs")
        + table("Udp", "InDatagrams")
        + table("Udp", "NoPorts")
        + line("Icmp6InEchos")
        + line("Udp6InDatagrams")
        + line("Udp6NoPorts")
}
