//! Every question at 1,000, 10,000 and 100,000 workloads: 20 workloads a service, 10 rules a service. Time is that of one
//! core (the thread's, as the kernel counts it), memory the most that the process of one size ever held.
//!
//! `benches/policy/run [--short] [--json FILE]`

use bulkhead_model::{IpProtocol, Mode, ServiceName, Timestamp};
use bulkhead_policy::document::{
    Assertion, Cidr, Criteria, LabelSelector, Metadata, PeerSpec, PortSpec, Rule, read_assertions,
};
use bulkhead_policy::{
    Attacks, Compiler, Document, Evaluator, Inventory, Listening, PolicySet, Reach, ReadOptions, Remote,
    RuleBook, SegmentationPolicy, Traffic, View, Weights, blast_radius, diff, flow_diff, lint, minimise,
    rank, verify::verify, what_to_close,
};
use std::{hint::black_box, time::Duration};

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

/// Workloads of one service.
const REPLICAS: usize = 20;
/// Of every question, the budget of one answer, and of one after a changed rule.
const BUDGET: Duration = Duration::from_secs(1);
const BUDGET_AGAIN: Duration = Duration::from_millis(50);

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
    what: &'static str,
    /// A question, or one asked again after a rule has changed.
    budget: Option<Duration>,
    time: Duration,
}

struct Bench {
    rows: Vec<Row>,
}

/// Time that this thread had a core.
fn core_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// The most memory that this process ever had, in MiB.
fn peak_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

impl Bench {
    fn time<T>(&mut self, what: &'static str, budget: Option<Duration>, work: impl FnOnce() -> T) -> T {
        let start = core_time();
        let result = black_box(work());
        self.rows.push(Row { what, budget, time: core_time().saturating_sub(start) });
        eprintln!("{what}: {:?}", self.rows.last().map(|row| row.time));
        result
    }

    /// One answer out of nothing but documents and inventory.
    fn ask<T>(&mut self, what: &'static str, work: impl FnOnce() -> T) -> T {
        self.time(what, Some(BUDGET), work)
    }

    /// The answer after one rule has changed, when everything of before is at hand.
    fn again<T>(&mut self, what: &'static str, work: impl FnOnce() -> T) -> T {
        self.time(what, Some(BUDGET_AGAIN), work)
    }
}

fn claims(claim: &str) -> Vec<Assertion> {
    let text = format!(
        "apiVersion: bulkhead.dev/v1alpha1\nkind: Assertions\nmetadata: {{name: bench}}\nspec: [{{{claim}}}]\n"
    );
    let (assertions, errors) = read_assertions("bench.yaml", &text, ReadOptions::default());
    assert!(errors.is_empty(), "{errors:?}");
    assertions
}

fn measure(workloads: usize) -> Vec<Row> {
    let mut bench = Bench { rows: Vec::new() };
    let services = workloads / REPLICAS;
    let (mut inventory, set) = estate(services * 10);
    for index in 0..services {
        inventory.service_mut(&name(index)).expect("there").mode = Mode::Enforce;
    }
    let inventory = inventory;
    let text = Document::join(&set.documents().collect::<Vec<_>>());
    let read = || PolicySet::read([("estate.yaml", text.as_str())], ReadOptions::default());
    let parsed = bench.time("read documents", None, read);
    assert_eq!(parsed.as_ref().ok(), Some(&set));
    drop((parsed, text));
    let mut changed = set.clone();
    if let Some(policy) = set.policies().nth(services / 2) {
        let mut policy = SegmentationPolicy::clone(policy);
        policy.ingress.truncate(2);
        changed.insert(Document::Policy(policy));
    }
    let (first, last) = (name(0), name(services - 1));
    let identity = |name: &ServiceName| inventory.service(name).map(|it| it.identity).unwrap_or_default();

    let mut compiler = Compiler::default();
    let compiled = bench.ask("compile", || compiler.compile(&set, &inventory, NOW));
    let listening = Listening::new(&inventory, []);
    bench.ask("explain", || {
        let mut book = RuleBook::default();
        let evaluator = Evaluator::new(&set, &inventory, &mut book, NOW);
        evaluator.explain(&Remote::Service(first.clone()), &Remote::Service(last.clone()), Traffic::tcp(443))
    });
    let fresh = |view| Reach::new(Compiler::default().compile(&set, &inventory, NOW), view);
    bench.ask("reach A to B", || fresh(View::Policy).traffic(identity(&first), identity(&last)));
    bench.ask("who can reach B", || fresh(View::Policy).who_can_reach(identity(&last)));
    let verified = |claim: &str| verify(&set, &inventory, NOW, View::Policy, &claims(claim));
    bench.ask("verify never", || verified("never: {from: [{namespace: team-1}], to: [{namespace: team-2}]}"));
    bench.ask("verify never, everybody", || verified("never: {from: [any], to: [{namespace: team-2}]}"));
    bench.ask("verify never, 3 hops", || {
        verified("never: {from: [{namespace: team-1}], to: [{namespace: team-2}], hops: 3}")
    });
    bench.ask("verify only", || verified("only: {from: [{namespace: team-1}], to: [{namespace: team-2}]}"));
    bench.ask("verify always", || {
        verified("always: {from: [{namespace: team-1}], to: [{namespace: team-2}], ports: [443]}")
    });
    bench.ask("verify isolated", || {
        verified("isolated: [{namespace: \"team-1*\"}, {namespace: \"team-2*\"}]")
    });
    bench.ask("verify enforced", || verified("enforced: [{namespace: team-1}]"));
    bench.ask("lint", || lint(&set, &inventory, &[], NOW));
    bench.ask("diff of documents", || diff(&set, &changed));
    bench.ask("diff of flows", || flow_diff(&set, &changed, &inventory, NOW));
    bench.ask("minimise", || minimise(&set, &inventory, None, NOW));
    bench.ask("blast radius, 3 hops", || {
        blast_radius(&fresh(View::Policy), &inventory, &listening, &first, 3)
    });
    bench.ask("ranking of the estate, 3 hops", || rank(&fresh(View::Policy), &inventory, &listening, 3));
    bench.ask("ranking while all learn", || rank(&fresh(View::Open), &inventory, &listening, 3));
    bench.ask("attack paths", || {
        Attacks::from_outside(&fresh(View::Policy), &Weights::default()).paths(&inventory)
    });
    bench.ask("what to close first, 10 steps", || {
        what_to_close(&fresh(View::Policy), &inventory, &Weights::new(0.5, []), &|_, _| false, 10)
    });

    bench.again("again: compile", || compiler.compile(&changed, &inventory, NOW));
    drop(compiled);
    bench.rows
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// One size, alone in its process: `what<TAB>budget ms<TAB>ms` a line, then the memory in MiB.
fn one(workloads: usize) {
    for row in measure(workloads) {
        let budget = row.budget.map_or_else(|| "-".to_owned(), |budget| ms(budget).to_string());
        println!("{}\t{budget}\t{:.3}", row.what, ms(row.time));
    }
    println!("peak memory, MiB\t2048\t{}", peak_memory());
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| arguments.iter().skip_while(|argument| *argument != flag).nth(1);
    if let Some(workloads) = after("--size").and_then(|size| size.parse().ok()) {
        return one(workloads);
    }
    let short = arguments.iter().any(|argument| argument == "--short");
    let sizes: &[usize] = if short { &[1_000, 10_000] } else { &[1_000, 10_000, 100_000] };
    let mut table: Vec<(String, String, Vec<f64>)> = Vec::new();
    for size in sizes {
        let program = std::env::current_exe().expect("this program has a path");
        let output = std::process::Command::new(program).args(["--size", &size.to_string()]).output();
        let output = output.expect("this program starts again");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for (at, line) in String::from_utf8_lossy(&output.stdout).lines().enumerate() {
            let mut parts = line.split('\t');
            let mut part = || parts.next().unwrap_or_default().to_owned();
            let (what, budget, value) = (part(), part(), part().parse().unwrap_or(f64::NAN));
            if at == table.len() {
                table.push((what, budget, Vec::new()));
            }
            table[at].2.push(value);
        }
    }
    print!("{:<32} {:>9}", "ms of one core; workloads:", "budget");
    sizes.iter().for_each(|size| print!(" {size:>10}"));
    println!();
    for (what, budget, values) in &table {
        print!("{what:<32} {budget:>9}");
        values.iter().for_each(|value| print!(" {value:>10.1}"));
        let over = budget.parse().is_ok_and(|budget: f64| values.last().is_some_and(|value| *value > budget));
        println!("{}", if over { "  over" } else { "" });
    }
    if let Some(path) = after("--json") {
        let rows: Vec<String> = table
            .iter()
            .map(|(what, budget, values)| {
                let values: Vec<String> =
                    sizes.iter().zip(values).map(|(size, value)| format!("\"{size}\": {value}")).collect();
                let budget = if budget == "-" { "null" } else { budget };
                format!("{{\"question\": \"{what}\", \"budget\": {budget}, {}}}", values.join(", "))
            })
            .collect();
        let text = format!("[{}]\n", rows.join(",\n "));
        std::fs::write(path, text).expect("the file can be written");
    }
}
