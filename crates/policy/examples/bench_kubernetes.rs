//! How the answers about manifests grow: reading, all connections, writing them at 250, 2,000 and 20,000 workloads; import
//! and claims up to 2,000.
//!
//! `cargo run --release -p bulkhead-policy --example bench_kubernetes [-- --json] [--short]`

use bulkhead_model::Timestamp;
use bulkhead_policy::{
    PolicySet, ReadOptions, View,
    document::read_assertions,
    kubernetes::{Format, Resources, Semantics, connections, import, read, write},
    verify::verify,
};
use std::{
    fmt::Write,
    hint::black_box,
    time::{Duration, Instant},
};

const APPLICATIONS: usize = 20;

/// Namespaces of twenty workloads; in each, everything is denied but what the next workload in line, a labelled
/// namespace, and a range outside may do.
fn manifests(workloads: usize) -> String {
    let mut text = String::new();
    for index in 0..workloads {
        let (namespace, own) = (index / APPLICATIONS, index % APPLICATIONS);
        if own == 0 {
            let _ = write!(
                text,
                "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: team-{namespace}, labels: {{team: t{}}}}}\n\
                 ---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                 metadata: {{name: deny, namespace: team-{namespace}}}\n\
                 spec: {{podSelector: {{}}, policyTypes: [Ingress, Egress]}}\n",
                namespace % 5
            );
        }
        let (port, next) = (8000 + own, (own + 1) % APPLICATIONS);
        let _ = write!(
            text,
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app-{own}, namespace: team-{namespace}}}\n\
             spec:\n  selector: {{matchLabels: {{app: a{own}}}}}\n  template:\n    metadata: {{labels: {{app: a{own}}}}}\n    \
             spec: {{containers: [{{name: c, ports: [{{name: web, containerPort: {port}}}]}}]}}\n\
             ---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
             metadata: {{name: app-{own}, namespace: team-{namespace}}}\nspec:\n  podSelector: {{matchLabels: {{app: a{own}}}}}\n  \
             policyTypes: [Ingress, Egress]\n  ingress:\n  - from: [{{podSelector: {{matchLabels: {{app: a{next}}}}}}}]\n    \
             ports: [{{port: web}}]\n  - from: [{{namespaceSelector: {{matchLabels: {{team: t{}}}}}}}]\n    \
             ports: [{{port: 9000, endPort: 9100}}]\n  egress:\n  - to: [{{podSelector: {{}}}}]\n  \
             - to: [{{ipBlock: {{cidr: 10.{}.0.0/16, except: [10.{}.1.0/24]}}}}]\n    ports: [{{port: 443}}]\n",
            index % 5,
            index % 40,
            index % 40,
        );
    }
    text
}

/// The fastest of some runs, and what they made.
fn measure<T>(runs: usize, mut run: impl FnMut() -> T) -> (Duration, T) {
    let mut once = || {
        let start = Instant::now();
        let made = black_box(run());
        (start.elapsed(), made)
    };
    let mut best = once();
    for _ in 1..runs {
        let next = once();
        if next.0 < best.0 {
            best = next;
        }
    }
    best
}

/// Up to how many workloads documents are made of the policies.
const WITH_DOCUMENTS: usize = 2_000;

/// Workloads, connections, bytes of text; time to read, connect and write, and that of [`documents`].
type Line = (usize, usize, usize, [Option<Duration>; 3], Option<[Duration; 2]>);

/// Time to import the policies, and to check two claims about the documents.
fn documents(resources: &Resources) -> [Duration; 2] {
    let (import_time, imported) = measure(1, || import(resources));
    let set: PolicySet = imported.documents.iter().cloned().collect();
    let inventory = imported.inventory();
    let claims = "apiVersion: bulkhead.dev/v1alpha1\nkind: Assertions\nspec:\n\
              - never: {from: [world], to: [{namespace: team-*}], hops: 3}\n\
              - isolated: [{namespace: team-1}, {namespace: team-2}]\n";
    let (assertions, wrong) = read_assertions("claims.yaml", claims, ReadOptions::default());
    assert!(wrong.is_empty(), "{wrong:?}");
    let (verify_time, findings) =
        measure(1, || verify(&set, &inventory, Timestamp(0), View::Policy, &assertions));
    assert_eq!(findings.len(), assertions.len());
    [import_time, verify_time]
}

fn main() {
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    let (json, short) = (has("--json"), has("--short"));
    let sizes: &[usize] = if short { &[100, 250] } else { &[250, 2_000, 20_000] };
    let mut lines: Vec<Line> = Vec::new();
    for &workloads in sizes {
        let text = manifests(workloads);
        let runs = if workloads > WITH_DOCUMENTS { 1 } else { 3 };
        let (reading_time, reading) = measure(runs, || read([("manifests.yaml", text.as_str())]));
        assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
        let (connections_time, found) =
            measure(runs, || connections(&reading.resources, Semantics::KUBERNETES));
        let (writing_time, written) = measure(runs, || write(&found, Format::Text));
        let rest = (workloads <= WITH_DOCUMENTS).then(|| documents(&reading.resources));
        lines.push((
            workloads,
            found.connections.len(),
            written.len(),
            [Some(reading_time), Some(connections_time), Some(writing_time)],
            rest,
        ));
    }
    let ms = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1000.0);
    if json {
        let number = |time| ms(time).map_or_else(|| "null".to_owned(), |ms| format!("{ms:.2}"));
        let line = |(workloads, found, bytes, [reading, all, writing], rest): &Line| {
            format!(
                "{{\"workloads\": {workloads}, \"connections\": {found}, \"bytes\": {bytes}, \"read_ms\": {}, \
                 \"connections_ms\": {}, \"write_ms\": {}, \"import_ms\": {}, \"verify_ms\": {}}}",
                number(*reading),
                number(*all),
                number(*writing),
                number(rest.map(|[import, _]| import)),
                number(rest.map(|[_, verify]| verify)),
            )
        };
        println!("[{}]", lines.iter().map(line).collect::<Vec<_>>().join(",\n "));
        return;
    }
    println!(
        "{:>9} {:>11} {:>10} {:>14} {:>10} {:>10} {:>10}",
        "workloads", "connections", "read ms", "connections ms", "write ms", "import ms", "verify ms"
    );
    let cell = |time| ms(time).map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"));
    for (workloads, found, _, [reading, all, writing], rest) in &lines {
        println!(
            "{workloads:>9} {found:>11} {:>10} {:>14} {:>10} {:>10} {:>10}",
            cell(*reading),
            cell(*all),
            cell(*writing),
            cell(rest.map(|[import, _]| import)),
            cell(rest.map(|[_, verify]| verify)),
        );
    }
}
