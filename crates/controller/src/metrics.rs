//! What Prometheus reads. The text format is simple enough to be written by hand.

use crate::app::App;
use bulkhead_model::{Mode, Timestamp};
use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Upper ends of the latency buckets in seconds.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    events: Mutex<BTreeMap<String, u64>>,
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    latencies: Mutex<BTreeMap<&'static str, Latency>>,
    pub(crate) stream_lost: AtomicU64,
    pub(crate) login_failures: AtomicU64,
    used: Mutex<BTreeMap<String, u64>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Latency {
    counts: [u64; BUCKETS.len()],
    total: u64,
    seconds: f64,
}

impl Metrics {
    /// Whether the token was not used in this minute yet.
    pub(crate) fn first_use(&self, token: &str, now: Timestamp) -> bool {
        let minute = now.0 / 60_000 + 1;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        match used.get_mut(token) {
            Some(last) if *last == minute => false,
            Some(last) => {
                *last = minute;
                true
            }
            None => {
                used.insert(token.to_owned(), minute);
                true
            }
        }
    }

    pub(crate) fn event(&self, kind: &str) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        match events.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                events.insert(kind.to_owned(), 1);
            }
        }
    }

    pub(crate) fn request(&self, endpoint: &'static str, status: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((endpoint, status)).or_default() += 1;
        drop(requests);
        let seconds = took.as_secs_f64();
        let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        let latency = latencies.entry(endpoint).or_default();
        for (count, bound) in latency.counts.iter_mut().zip(BUCKETS) {
            *count += u64::from(seconds <= bound);
        }
        latency.total += 1;
        latency.seconds += seconds;
    }
}

struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(key, value)| {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                format!("{key}=\"{value}\"")
            })
            .collect();
        let _ = match labels.is_empty() {
            true => writeln!(self.0, "{name} {value}"),
            false => writeln!(self.0, "{name}{{{}}} {value}", labels.join(",")),
        };
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.head(name, kind, help);
        self.value(name, &[], value);
    }
}

pub(crate) fn render(app: &App) -> String {
    let view = app.view.load();
    let store = app.store.borrow().clone();
    let mut text = Text(String::new());
    let counts = view.mode_counts();
    text.head("bulkhead_services", "gauge", "Services by mode.");
    for (mode, count) in [
        (Mode::Learn, counts.learn),
        (Mode::Monitor, counts.monitor),
        (Mode::Enforce, counts.enforce),
        (Mode::Quarantine, counts.quarantine),
    ] {
        text.value("bulkhead_services", &[("mode", &mode.to_string())], count as f64);
    }
    text.one("bulkhead_workloads", "gauge", "Running workloads.", view.workload_count as f64);
    text.one("bulkhead_edges", "gauge", "Known edges.", view.edges.len() as f64);
    text.one("bulkhead_policy_documents", "gauge", "Policy documents.", view.documents.len() as f64);
    text.one("bulkhead_policy_revision", "gauge", "Revision that is wanted.", view.revision as f64);
    text.one(
        "bulkhead_policy_revision_enforced",
        "gauge",
        "Revision that the node enforces.",
        view.applied as f64,
    );
    let lost = view.lost + app.writer.dropped() + store.lost;
    text.one("bulkhead_lost_events_total", "counter", "Events lost by nodes and store.", lost as f64);
    text.one(
        "bulkhead_degraded",
        "gauge",
        "Things that are wrong at the moment.",
        view.degraded.len() as f64,
    );
    connections(&mut text, &view);
    nodes(&mut text, &view);
    trials(&mut text, &view);
    text.one("bulkhead_store_bytes", "gauge", "Size of the database.", store.bytes as f64);
    text.one("bulkhead_store_pending", "gauge", "Changes that wait to be written.", store.pending as f64);
    let failing = f64::from(u8::from(store.failing.is_some()));
    text.one("bulkhead_store_failing", "gauge", "1 while the database cannot be written.", failing);
    own(&mut text, &app.metrics);
    app.outputs.each(|name, status| {
        for (what, value) in [("sent", status.sent), ("queued", status.queued), ("lost", status.lost)] {
            text.value("bulkhead_output_events", &[("output", name), ("state", what)], value as f64);
        }
    });
    text.0
}

fn connections(text: &mut Text, view: &crate::view::View) {
    let sums = [view.connected.connections, view.connected.denied, view.connected.would_deny];
    text.head("bulkhead_connections_total", "counter", "Connections seen since start, by decision.");
    for (verdict, sum) in ["allowed", "denied", "would-deny"].into_iter().zip(sums) {
        text.value("bulkhead_connections_total", &[("verdict", verdict)], sum as f64);
    }
}

fn nodes(text: &mut Text, view: &crate::view::View) {
    text.head("bulkhead_table_entries", "gauge", "Entries of kernel tables.");
    for node in &view.nodes {
        for table in &node.health.tables {
            let labels = [("node", node.name.as_str()), ("table", table.name.as_str())];
            text.value("bulkhead_table_entries", &labels, table.entries as f64);
        }
    }
    text.head("bulkhead_table_capacity", "gauge", "Capacity of kernel tables.");
    for node in &view.nodes {
        for table in &node.health.tables {
            let labels = [("node", node.name.as_str()), ("table", table.name.as_str())];
            text.value("bulkhead_table_capacity", &labels, table.capacity as f64);
        }
    }
    text.head("bulkhead_table_fill", "gauge", "Fill of kernel tables, 0 to 1.");
    for node in &view.nodes {
        for table in node.health.tables.iter().filter(|table| table.capacity > 0) {
            let labels = [("node", node.name.as_str()), ("table", table.name.as_str())];
            text.value("bulkhead_table_fill", &labels, table.entries as f64 / table.capacity as f64);
        }
    }
    text.head("bulkhead_table_refused_total", "counter", "Entries for which kernel tables had no room.");
    for node in &view.nodes {
        for table in &node.health.tables {
            let labels = [("node", node.name.as_str()), ("table", table.name.as_str())];
            text.value("bulkhead_table_refused_total", &labels, table.refused as f64);
        }
    }
    text.head("bulkhead_kernel_packets_total", "counter", "Packets that kernel programs counted.");
    for node in &view.nodes {
        for (what, count) in &node.health.packets {
            let labels = [("node", node.name.as_str()), ("what", what.as_str())];
            text.value("bulkhead_kernel_packets_total", &labels, *count as f64);
        }
    }
    text.head("bulkhead_node_endpoints", "gauge", "Endpoints with programs attached.");
    for node in &view.nodes {
        text.value("bulkhead_node_endpoints", &[("node", &node.name)], f64::from(node.health.endpoints));
    }
}

fn trials(text: &mut Text, view: &crate::view::View) {
    let of = |trial: &bulkhead_api::Trial| {
        let counts = trial.counts;
        [
            ("judged", counts.connections),
            ("would-deny", counts.would_deny),
            ("would-deny-expected", counts.would_deny_expected),
            ("would-allow", counts.would_allow),
            ("not-judged", counts.not_judged),
        ]
    };
    text.head(
        "bulkhead_trial_connections",
        "gauge",
        "Connections seen by running trials, by what their candidate says.",
    );
    for trial in &view.trials {
        for (what, count) in of(trial) {
            let labels = [("trial", trial.id.as_str()), ("outcome", what)];
            text.value("bulkhead_trial_connections", &labels, count as f64);
        }
    }
}

fn own(text: &mut Text, metrics: &Metrics) {
    text.head("bulkhead_events_total", "counter", "Events by type, updates counted.");
    for (kind, count) in metrics.events.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        text.value("bulkhead_events_total", &[("type", kind)], *count as f64);
    }
    text.head("bulkhead_api_requests_total", "counter", "Requests by endpoint and status.");
    for ((endpoint, status), count) in metrics.requests.lock().unwrap_or_else(PoisonError::into_inner).iter()
    {
        let labels = [("endpoint", *endpoint), ("status", &*status.to_string())];
        text.value("bulkhead_api_requests_total", &labels, *count as f64);
    }
    text.head("bulkhead_api_seconds", "histogram", "Time that requests took.");
    for (endpoint, latency) in metrics.latencies.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        for (count, bound) in latency.counts.iter().zip(BUCKETS) {
            let labels = [("endpoint", *endpoint), ("le", &*bound.to_string())];
            text.value("bulkhead_api_seconds_bucket", &labels, *count as f64);
        }
        text.value(
            "bulkhead_api_seconds_bucket",
            &[("endpoint", endpoint), ("le", "+Inf")],
            latency.total as f64,
        );
        text.value("bulkhead_api_seconds_sum", &[("endpoint", endpoint)], latency.seconds);
        text.value("bulkhead_api_seconds_count", &[("endpoint", endpoint)], latency.total as f64);
    }
    let lost = metrics.stream_lost.load(Ordering::Relaxed) as f64;
    text.one("bulkhead_stream_lost_total", "counter", "Messages that slow readers of streams missed.", lost);
    let failures = metrics.login_failures.load(Ordering::Relaxed) as f64;
    text.one(
        "bulkhead_login_failures_total",
        "counter",
        "Requests with a credential that is not valid.",
        failures,
    );
    text.head("bulkhead_output_events", "gauge", "Events by output and what became of them.");
}
