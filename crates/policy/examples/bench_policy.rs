//! How policies grow: reading, compiling, deciding, asking, at 1,000, 10,000 and 100,000 rules.
//!
//! `cargo run --release -p bulkhead-policy --example bench_policy [-- --json] [--short]`

use bulkhead_model::{Direction, IpProtocol, ServiceName, Timestamp};
use bulkhead_policy::document::{Cidr, Criteria, LabelSelector, Metadata, PeerSpec, PortSpec, Rule};
use bulkhead_policy::{
    Compiler, Document, Evaluator, Inventory, Listening, PeerAddress, PolicySet, Reach, ReadOptions, Remote,
    RuleBook, SegmentationPolicy, Traffic, View, blast_radius, flow_diff,
};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const NOW: Timestamp = Timestamp(0);

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

fn name(index: usize) -> ServiceName {
    ServiceName::new(&format!("team-{}", index % 40), &format!("service-{index}"))
        .expect("letters and digits")
}

/// An estate in which every service has ten rules: seven for single services, one for a label, one for a namespace and
/// one for a range outside.
fn estate(rules: usize) -> (Inventory, PolicySet) {
    let mut random = Random(42);
    let services = (rules / 10).max(1);
    let mut inventory = Inventory::of_names((0..services).map(name));
    for index in 0..services {
        let service = inventory.service_mut(&name(index)).expect("just added");
        service.labels.insert("tier".into(), format!("tier-{}", index % 20));
    }
    let documents = (0..services).map(|index| {
        let own = name(index);
        let mut rule = |kind: usize| {
            let peer = match kind {
                0 => PeerSpec::Services(Criteria {
                    selector: Some(LabelSelector {
                        match_labels: [("tier".to_owned(), format!("tier-{}", random.below(20)))].into(),
                        ..LabelSelector::default()
                    }),
                    namespace: Some(bulkhead_policy::Glob::new(own.namespace())),
                    ..Criteria::default()
                }),
                1 => PeerSpec::Services(Criteria {
                    namespace: Some(bulkhead_policy::Glob::new(&format!("team-{}", random.below(40)))),
                    ..Criteria::default()
                }),
                2 => {
                    let net = format!("203.{}.{}.0/24", random.below(4), random.below(64));
                    PeerSpec::Cidr(Cidr::whole(net.parse().expect("a range")))
                }
                _ => PeerSpec::Services(Criteria::service(&name(random.below(services)))),
            };
            let ports = [22, 80, 443, 5432, 6379, 8080, 9090, 9200];
            Rule {
                peers: vec![peer],
                ports: vec![PortSpec::single(IpProtocol::TCP, ports[random.below(ports.len())])],
                ..Rule::default()
            }
        };
        let ingress = (0..5).map(&mut rule).collect();
        let egress = (2..7).map(&mut rule).collect();
        Document::Policy(SegmentationPolicy {
            metadata: Metadata {
                name: own.name().to_owned(),
                namespace: own.namespace().to_owned(),
                ..Metadata::default()
            },
            target: Criteria::service(&own),
            mode: None,
            tier: bulkhead_model::RuleOrigin::User,
            order: None,
            ingress,
            egress,
        })
    });
    let documents: Vec<Document> = documents.collect();
    (inventory, documents.into_iter().collect())
}

struct Row {
    rules: usize,
    services: usize,
    read: Duration,
    compile: Duration,
    change: Duration,
    entries: usize,
    /// Nanoseconds.
    evaluate: f64,
    lookup: f64,
    reach: Duration,
    blast: Duration,
    flow_diff: Option<Duration>,
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = black_box(work());
    (result, start.elapsed())
}

fn measure(rules: usize) -> Row {
    let (inventory, set) = estate(rules);
    let services = inventory.services().len();
    let text = Document::join(&set.documents().collect::<Vec<_>>());
    let (parsed, read) = timed(|| PolicySet::read([("estate.yaml", text.as_str())], ReadOptions::default()));
    assert_eq!(parsed.as_ref().ok(), Some(&set));
    let mut compiler = Compiler::default();
    let (compiled, compile) = timed(|| compiler.compile(&set, &inventory, NOW));
    let mut changed = set.clone();
    let first = set.policies().next().map(|policy| SegmentationPolicy::clone(policy));
    if let Some(mut policy) = first {
        policy.ingress.truncate(2);
        changed.insert(Document::Policy(policy));
    }
    let mut changes: Vec<Duration> = (0..21)
        .map(|turn| {
            let to = if turn % 2 == 0 { &changed } else { &set };
            timed(|| compiler.compile(to, &inventory, NOW)).1
        })
        .collect();
    changes.sort_unstable();
    let change = changes[changes.len() / 2];

    let mut random = Random(7);
    let flows: Vec<_> = (0..20_000)
        .map(|_| {
            let (own, other) = (random.below(services), random.below(services));
            let traffic = Traffic::tcp([80, 443, 6379, 22][random.below(4)]);
            let direction = if random.below(2) == 0 { Direction::Ingress } else { Direction::Egress };
            (name(own), direction, Remote::Service(name(other)), traffic)
        })
        .collect();
    let evaluator = Evaluator::new(&set, &inventory, &mut RuleBook::default(), NOW);
    let (_, evaluate) = timed(|| {
        for (own, direction, other, traffic) in &flows {
            black_box(evaluator.decide(own, *direction, other, *traffic).allow);
        }
    });
    let keys: Vec<_> = flows
        .iter()
        .filter_map(|(own, direction, other, traffic)| {
            let Remote::Service(other) = other else { return None };
            let identity = |name| inventory.service(name).map(|service| service.identity);
            Some((identity(own)?, *direction, PeerAddress::Known(identity(other)?), *traffic))
        })
        .collect();
    let (_, lookup) = timed(|| {
        for &(own, direction, peer, traffic) in &keys {
            black_box(compiled.lookup(own, direction, peer, traffic));
        }
    });
    let reachable = Reach::new(compiled.clone(), View::Policy);
    let target = inventory.services().next().map(|service| service.identity).unwrap_or_default();
    let (_, reach) = timed(|| reachable.who_can_reach(target));
    let listening = Listening::new(&inventory, []);
    let (_, blast) = timed(|| blast_radius(&reachable, &inventory, &listening, &name(0), 3));
    // All pairs of peers: left out where that is a hundred million pairs.
    let flow_diff = (services <= 1000).then(|| timed(|| flow_diff(&set, &changed, &inventory, NOW)).1);
    let entries = compiled
        .services
        .iter()
        .flat_map(|service| [&service.ingress, &service.egress])
        .flat_map(|direction| &direction.classes)
        .map(|class| class.entries.len())
        .sum();
    let each = |total: Duration| total.as_nanos() as f64 / flows.len() as f64;
    Row {
        rules,
        services,
        read,
        compile,
        change,
        entries,
        evaluate: each(evaluate),
        lookup: each(lookup),
        reach,
        blast,
        flow_diff,
    }
}

fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let sizes: &[usize] = if has("--short") { &[1_000, 10_000] } else { &[1_000, 10_000, 100_000] };
    let rows: Vec<Row> = sizes.iter().map(|&rules| measure(rules)).collect();
    if has("--json") {
        let objects: Vec<String> = rows
            .iter()
            .map(|row| {
                format!(
                    "{{\"rules\":{},\"services\":{},\"read_ms\":{},\"compile_ms\":{},\"one_change_ms\":{},\
                     \"entries\":{},\"evaluate_ns\":{:.0},\"lookup_ns\":{:.0},\"who_can_reach_ms\":{},\
                     \"blast_radius_3_hops_ms\":{},\"flow_diff_ms\":{}}}",
                    row.rules,
                    row.services,
                    ms(row.read),
                    ms(row.compile),
                    ms(row.change),
                    row.entries,
                    row.evaluate,
                    row.lookup,
                    ms(row.reach),
                    ms(row.blast),
                    row.flow_diff.map_or("null".to_owned(), ms),
                )
            })
            .collect();
        println!("[{}]", objects.join(",\n "));
        return;
    }
    println!(
        "{:>8} {:>9} {:>9} {:>11} {:>13} {:>9} {:>12} {:>10} {:>13} {:>11} {:>12}",
        "rules",
        "services",
        "read ms",
        "compile ms",
        "one change ms",
        "entries",
        "evaluate ns",
        "lookup ns",
        "who-reach ms",
        "blast-3 ms",
        "flow-diff ms"
    );
    for row in rows {
        println!(
            "{:>8} {:>9} {:>9} {:>11} {:>13} {:>9} {:>12.0} {:>10.0} {:>13} {:>11} {:>12}",
            row.rules,
            row.services,
            ms(row.read),
            ms(row.compile),
            ms(row.change),
            row.entries,
            row.evaluate,
            row.lookup,
            ms(row.reach),
            ms(row.blast),
            row.flow_diff.map_or("-".to_owned(), ms),
        );
    }
}
