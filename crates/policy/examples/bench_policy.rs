//! Every question at 1,000, 10,000 and 100,000 workloads: 20 workloads a service, 10 rules a service. Time is that of one
//! core (the thread's, as the kernel counts it), memory the most that the process of one size ever held.
//!
//! An estate is loaded once (read, compiled, made ready for questions about all flows) and answers question after question;
//! what a question takes that has to load first stands beside it. Questions that compile tables of their own from
//! documents are told with all that, and have nothing beside them.
//!
//! `benches/policy/run [--short|--check] [--only TEXT] [--json FILE]`

use bulkhead_model::{Exposure, IpProtocol, Mode, ServiceName, Timestamp};
use bulkhead_policy::document::{
    Assertion, Cidr, Criteria, LabelSelector, Metadata, PeerSpec, PortSpec, Rule, read_assertions,
};
use bulkhead_policy::{
    Attacks, Compiler, Document, Evaluator, Inventory, Listening, PolicySet, Reach, ReadOptions, Remote,
    RuleBook, SegmentationPolicy, Traffic, View, Weights, blast_radius, diff, flow_diff, lint, minimise,
    rank, verify::verify, what_to_close,
};
use std::{hint::black_box, sync::Arc, time::Duration};

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
/// Ports that rules speak of; every service listens on one.
const PORTS: [u16; 8] = [22, 80, 443, 5432, 6379, 8080, 9090, 9200];
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
            Rule {
                peers: vec![peer],
                ports: vec![PortSpec::single(IpProtocol::TCP, PORTS[random.below(PORTS.len())])],
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

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Once, before any question.
    Load,
    /// A question to what is loaded.
    Loaded,
    /// A question to documents.
    Documents,
    /// Anew, after a rule has changed.
    Again,
}

struct Row {
    what: &'static str,
    kind: Kind,
    time: Duration,
}

impl Row {
    fn budget(&self) -> Option<Duration> {
        match self.kind {
            Kind::Load => None,
            Kind::Loaded | Kind::Documents => Some(BUDGET),
            Kind::Again => Some(BUDGET_AGAIN),
        }
    }
}

struct Bench {
    rows: Vec<Row>,
    /// Only questions that are called so.
    only: Option<String>,
}

/// Time that this thread had a core.
fn core_time() -> Duration {
    // The kernel brings its account up to date when a thread gives way.
    std::thread::yield_now();
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
    fn time<T>(&mut self, what: &'static str, kind: Kind, work: impl FnOnce() -> T) -> T {
        let start = core_time();
        let result = black_box(work());
        let time = core_time().saturating_sub(start);
        eprintln!("{what}: {time:?}");
        self.rows.push(Row { what, kind, time });
        result
    }

    fn load<T>(&mut self, what: &'static str, work: impl FnOnce() -> T) -> T {
        self.time(what, Kind::Load, work)
    }

    fn question<T>(&mut self, what: &'static str, kind: Kind, work: impl FnOnce() -> T) {
        if self.only.as_ref().is_none_or(|only| what.contains(only)) {
            self.time(what, kind, work);
        }
    }

    /// One answer of what is loaded.
    fn ask<T>(&mut self, what: &'static str, work: impl FnOnce() -> T) {
        self.question(what, Kind::Loaded, work);
    }

    /// One answer out of nothing but documents and inventory.
    fn ask_documents<T>(&mut self, what: &'static str, work: impl FnOnce() -> T) {
        self.question(what, Kind::Documents, work);
    }

    /// The answer after one rule has changed, when everything of before is at hand.
    fn again<T>(&mut self, what: &'static str, work: impl FnOnce() -> T) -> T {
        self.time(what, Kind::Again, work)
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

fn measure(workloads: usize, only: Option<String>) -> Vec<Row> {
    let mut bench = Bench { rows: Vec::new(), only };
    let services = workloads / REPLICAS;
    let (mut inventory, set) = estate(services * 10);
    for index in 0..services {
        let service = inventory.service_mut(&name(index)).expect("there");
        service.mode = Mode::Enforce;
        service.exposes.push(Exposure { protocol: IpProtocol::TCP, port: PORTS[index % PORTS.len()] });
    }
    let inventory = inventory;
    let text = Document::join(&set.documents().collect::<Vec<_>>());
    let read = || PolicySet::read([("estate.yaml", text.as_str())], ReadOptions::default());
    let parsed = bench.load("read documents", read);
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
    let (from, to) = (identity(&first), identity(&last));

    let mut compiler = Compiler::default();
    let compiled = bench.load("compile", || compiler.compile(&set, &inventory, NOW));
    let reach = bench.load("make ready for all flows", || Reach::new(Arc::clone(&compiled), View::Policy));
    let open = Reach::new(compiled, View::Open);
    let listening = Listening::new(&inventory, []);

    bench.ask("reach A to B", || reach.traffic(from, to));
    bench.ask("who can reach B", || reach.who_can_reach(to));
    // The first question about many hops also draws the graph of who can talk to whom.
    bench.ask("blast radius, 3 hops", || blast_radius(&reach, &inventory, &listening, &first, 3));
    bench.ask("ranking of the estate, 3 hops", || rank(&reach, &inventory, &listening, 3));
    bench.ask("ranking while all learn", || rank(&open, &inventory, &listening, 3));
    bench.ask("attack paths", || Attacks::from_outside(&reach, &Weights::default()).paths(&inventory));
    let half = Weights::new(0.5, []);
    bench
        .ask("what to close first, 10 steps", || what_to_close(&reach, &inventory, &half, &|_, _| false, 10));
    bench.ask("what to close while all learn", || what_to_close(&open, &inventory, &half, &|_, _| false, 10));

    bench.ask_documents("explain", || {
        let mut book = RuleBook::default();
        let evaluator = Evaluator::new(&set, &inventory, &mut book, NOW);
        evaluator.explain(&Remote::Service(first.clone()), &Remote::Service(last.clone()), Traffic::tcp(443))
    });
    let verified = |claim: &str| verify(&set, &inventory, NOW, View::Policy, &claims(claim));
    bench.ask_documents("verify never", || {
        verified("never: {from: [{namespace: team-1}], to: [{namespace: team-2}]}")
    });
    bench.ask_documents("verify never, everybody", || {
        verified("never: {from: [any], to: [{namespace: team-2}]}")
    });
    bench.ask_documents("verify never, 3 hops", || {
        verified("never: {from: [{namespace: team-1}], to: [{namespace: team-2}], hops: 3}")
    });
    bench.ask_documents("verify only", || {
        verified("only: {from: [{namespace: team-1}], to: [{namespace: team-2}]}")
    });
    bench.ask_documents("verify always", || {
        verified("always: {from: [{namespace: team-1}], to: [{namespace: team-2}], ports: [443]}")
    });
    bench.ask_documents("verify isolated", || {
        verified("isolated: [{namespace: \"team-1*\"}, {namespace: \"team-2*\"}]")
    });
    bench.ask_documents("verify enforced", || verified("enforced: [{namespace: team-1}]"));
    bench.ask_documents("lint", || lint(&set, &inventory, &[], NOW));
    bench.ask_documents("diff of documents", || diff(&set, &changed));
    bench.ask_documents("diff of flows", || flow_diff(&set, &changed, &inventory, NOW));
    bench.ask_documents("minimise", || minimise(&set, &inventory, None, NOW));

    let compiled = bench.again("again: compile", || compiler.compile(&changed, &inventory, NOW));
    let renewed = bench.again("again: make ready", || reach.renewed(compiled));
    bench.again("again: reach A to B", || renewed.traffic(from, to));
    bench.again("again: who can reach B", || renewed.who_can_reach(to));
    bench.rows
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// One size, alone in its process: `what<TAB>budget ms<TAB>ms<TAB>ms with loading` a line, then the memory in MiB.
fn one(workloads: usize, only: Option<String>) {
    let rows = measure(workloads, only);
    let loading: Duration = rows.iter().filter(|row| row.kind == Kind::Load).map(|row| row.time).sum();
    for row in &rows {
        let budget = row.budget().map_or_else(|| "-".to_owned(), |budget| ms(budget).to_string());
        let with_loading = match row.kind {
            Kind::Loaded => format!("{:.3}", ms(row.time + loading)),
            Kind::Load | Kind::Documents | Kind::Again => "-".to_owned(),
        };
        println!("{}\t{budget}\t{:.3}\t{with_loading}", row.what, ms(row.time));
    }
    println!("peak memory, MiB\t2048\t{}\t-", peak_memory());
}

/// A line of the table.
struct Line {
    what: String,
    budget: String,
    values: Vec<f64>,
    /// At the largest size.
    with_loading: String,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| arguments.iter().skip_while(|argument| *argument != flag).nth(1);
    let only = after("--only");
    if let Some(workloads) = after("--size").and_then(|size| size.parse().ok()) {
        return one(workloads, only.cloned());
    }
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let sizes: &[usize] = match (has("--check"), has("--short")) {
        (true, _) => &[1_000],
        (false, true) => &[1_000, 10_000],
        (false, false) => &[1_000, 10_000, 100_000],
    };
    let mut table: Vec<Line> = Vec::new();
    for size in sizes {
        let program = std::env::current_exe().expect("this program has a path");
        let mut command = std::process::Command::new(program);
        command.args(["--size", &size.to_string()]);
        if let Some(only) = only {
            command.args(["--only", only]);
        }
        let output = command.output().expect("this program starts again");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for (at, line) in String::from_utf8_lossy(&output.stdout).lines().enumerate() {
            let mut parts = line.split('\t').map(str::to_owned);
            let mut part = || parts.next().unwrap_or_default();
            let (what, budget) = (part(), part());
            if at == table.len() {
                table.push(Line { what, budget, values: Vec::new(), with_loading: String::new() });
            }
            table[at].values.push(part().parse().unwrap_or(f64::NAN));
            table[at].with_loading = part();
        }
    }
    print!("{:<32} {:>9}", "ms of one core; workloads:", "budget");
    sizes.iter().for_each(|size| print!(" {size:>10}"));
    println!(" {:>12}", "with loading");
    for Line { what, budget, values, with_loading } in &table {
        print!("{what:<32} {budget:>9}");
        values.iter().for_each(|value| print!(" {value:>10.1}"));
        let over = budget.parse().is_ok_and(|budget: f64| values.last().is_some_and(|value| *value > budget));
        let with_loading = with_loading.parse().map_or_else(|_| "-".to_owned(), |ms: f64| format!("{ms:.1}"));
        println!(" {with_loading:>12}{}", if over { "  over" } else { "" });
    }
    if let Some(path) = after("--json") {
        let null = |text: &str| if text == "-" { "null".to_owned() } else { text.to_owned() };
        let rows: Vec<String> = table
            .iter()
            .map(|line| {
                let values: Vec<String> = sizes
                    .iter()
                    .zip(&line.values)
                    .map(|(size, value)| format!("\"{size}\": {value}"))
                    .collect();
                format!(
                    "{{\"question\": \"{}\", \"budget\": {}, {}, \"with_loading\": {}}}",
                    line.what,
                    null(&line.budget),
                    values.join(", "),
                    null(&line.with_loading)
                )
            })
            .collect();
        let text = format!("[{}]\n", rows.join(",\n "));
        std::fs::write(path, text).expect("the file can be written");
    }
}
