//! A node against its budgets: Bulkhead killed at random, first packets of containers, added start time, new edges,
//! memory, and what is left of many containers. `benches/node/run` builds what it needs.
//!
//! `bench_node --bulkhead PATH [--short|--check] [--json FILE]`, as root, in a room of its own.

#![forbid(unsafe_code)]

mod chaos;
mod host;
mod memory;
mod news;
mod starts;

use host::Host;
use std::{
    error::Error,
    path::{Path, PathBuf},
};

struct Row {
    what: String,
    value: f64,
    unit: &'static str,
    baseline: Option<f64>,
    budget: Option<&'static str>,
    holds: bool,
}

#[derive(Default)]
struct Report(Vec<Row>);

impl Report {
    fn add(&mut self, what: impl Into<String>, value: f64, unit: &'static str) -> &mut Row {
        let what = what.into();
        self.0.push(Row { what, value, unit, baseline: None, budget: None, holds: true });
        self.0.last_mut().expect("it was just added")
    }

    /// Of which there must be none.
    fn none(&mut self, what: impl Into<String>, count: u64, unit: &'static str) {
        let row = self.add(what, count as f64, unit);
        (row.budget, row.holds) = (Some("0"), count == 0);
    }

    fn print(&self) {
        println!("\n| what | value | unit | baseline | ratio | budget |\n|---|---:|---|---:|---:|---|");
        for row in &self.0 {
            let baseline = row.baseline.map_or(String::new(), |b| format!("{b:.1}"));
            let ratio = row.baseline.map_or(String::new(), |b| format!("{:.3}", row.value / b));
            let budget = row.budget.unwrap_or("");
            println!("| {} | {:.1} | {} | {baseline} | {ratio} | {budget} |", row.what, row.value, row.unit);
        }
    }

    fn json(&self) -> serde_json::Value {
        let rows = self.0.iter().map(|row| {
            serde_json::json!({
                "what": row.what, "value": row.value, "unit": row.unit, "baseline": row.baseline,
                "ratio": row.baseline.map(|baseline| row.value / baseline), "budget": row.budget,
            })
        });
        rows.collect()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut bulkhead, mut file, mut short, mut seed, mut only) = (None, None, false, 0xb01d, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut next = || arguments.next().ok_or(format!("{argument} wants a value"));
        match argument.as_str() {
            "--agent" => {
                let (router, pins, workloads) = (next()?, next()?, next()?);
                memory::agent(Path::new(&router), Path::new(&pins), Path::new(&workloads));
                return Ok(());
            }
            "--bulkhead" => bulkhead = Some(PathBuf::from(next()?)),
            "--json" => file = Some(next()?),
            "--seed" => seed = next()?.parse()?,
            "--only" => only = Some(next()?),
            "--short" => short = true,
            // Kills are a test of their own, and memory is a figure.
            "--check" => (short, only) = (true, Some("starts,edges,many".to_owned())),
            _ => {
                return Err(format!(
                    "'{argument}' is not --bulkhead, --json, --seed, --only, --short or --check"
                )
                .into());
            }
        }
    }
    if !bulkhead_testkit::require_root("bench_node") {
        return Ok(());
    }
    let bulkhead = bulkhead.ok_or("--bulkhead PATH: the binary to measure")?;
    let mut report = Report::default();
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only.split(',').any(|wanted| wanted == part));
    if wanted("kills") {
        kills(&mut report, &mut Host::start(&bulkhead), if short { 5 } else { 50 }, seed);
    }
    if wanted("starts") {
        let (baseline, count) = if short { (8, 24) } else { (200, 1_000) };
        starts(&mut report, &mut Host::start(&bulkhead), baseline, count);
    }
    if wanted("edges") {
        edges(&mut report, &mut Host::start(&bulkhead), if short { 10 } else { 200 });
    }
    if wanted("many") {
        many(&mut report, &mut Host::start(&bulkhead), if short { 24 } else { 500 });
    }
    if wanted("memory") {
        let crowd = memory::Crowd::new(if short { 100 } else { 1_000 });
        for workloads in [10, 100, 1_000].into_iter().filter(|n| !short || *n <= 100) {
            let edges = if workloads == 1_000 { 10 } else { 1 };
            let (alone, busy) = crowd.measure(workloads, edges);
            let what = |edges: usize| format!("agent's memory, {workloads} workloads, {edges} edges");
            for (what, mib) in [(what(0), alone), (what(workloads * usize::from(edges)), busy)] {
                let row = report.add(what, mib, "MiB");
                (row.budget, row.holds) = (Some("<= 60"), mib <= 60.0);
            }
        }
    }
    report.print();
    if let Some(file) = file {
        std::fs::write(file, serde_json::to_string_pretty(&report.json())?)?;
    }
    let broken: Vec<&str> = report.0.iter().filter(|row| !row.holds).map(|row| row.what.as_str()).collect();
    if broken.is_empty() { Ok(()) } else { Err(format!("beyond its budget: {}", broken.join("; ")).into()) }
}

fn kills(report: &mut Report, host: &mut Host, kills: usize, seed: u64) {
    println!("Bulkhead is killed {kills} times at random (--seed {seed}) while containers talk");
    let fates = chaos::kill_at_random(host, kills, seed);
    report.none(
        format!("{kills} kills: connections cut, of those that asked {} times", fates.questions),
        fates.cut,
        "",
    );
    report.none(
        format!("{kills} kills: allowed connections refused, of {}", fates.allowed),
        fates.refused,
        "",
    );
    report.none(
        format!("{kills} kills: denied attempts that came through, of {}", fates.intrusions),
        fates.escaped,
        "",
    );
    report.none(
        format!("{kills} kills: edges lost, of {} first used around a death", fates.edges),
        fates.edges_lost as u64,
        "",
    );
    let wrong = fates.opened.abs_diff(fates.counted);
    report.none(format!("{kills} kills: connections miscounted, of {} opened", fates.opened), wrong, "");
    for line in &fates.miscounted {
        println!("{line}");
    }
    host.remove();
}

fn starts(report: &mut Report, host: &mut Host, baseline: usize, count: usize) {
    println!("{baseline} containers are started without Bulkhead, {count} with it, four at once");
    let mut found = starts::measure(host, baseline, count);
    let what = format!("packets of {} containers that escaped their policy", found.started);
    report.none(what, found.escaped, "");
    report.add(format!("the same without Bulkhead, {baseline} containers"), found.arrived_without as f64, "");
    for (name, at) in [("p50", 0.5), ("p95", 0.95)] {
        let baseline = quantile(&mut found.without_ms, at);
        report
            .add(format!("start of a container, {name}"), quantile(&mut found.with_ms, at), "ms")
            .baseline = Some(baseline);
    }
}

fn edges(report: &mut Report, host: &mut Host, count: u16) {
    println!("{count} new edges, one at a time");
    let mut times = news::measure(host, count);
    for (name, at) in [("p50", 0.5), ("p99", 0.99)] {
        report.add(format!("new edge, from packet to REST, {name}"), quantile(&mut times, at), "ms");
    }
}

fn many(report: &mut Report, host: &mut Host, count: usize) {
    println!("{count} containers come and go");
    // The bridge has an address of its own only once somebody is on it.
    host.idle("first");
    host.up();
    host.settled(1);
    let before = host.traces();
    host.many(count);
    host.settled(1);
    let mut left = Vec::new();
    bulkhead_testkit::wait_until(host::LONG, || {
        left = host::differences(&before, &host.traces());
        left.is_empty()
    });
    for line in &left {
        println!("left behind: {line}");
    }
    report.none(format!("kinds of things left behind by {count} containers"), left.len() as u64, "");
    host.remove();
}

fn quantile(values: &mut [f64], at: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let place = (values.len() as f64 * at) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
