//! Back-test of learning over synthetic services: calibration of the bound, and promotion against false denials.
//!
//! `cargo run --release -p bulkhead-learn --example backtest -- [--short] [--services N] [--seed S] [--json]`

mod calibration;
mod priors;
mod random;
mod rules;
mod run;
mod world;

use calibration::Calibration;
use rules::{Row, Rule, row};
use run::{Track, run};
use world::{Class, MIXES, Service};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let place = arguments.iter().position(|a| a == name)?;
        arguments.get(place + 1)?.parse::<u64>().ok()
    };
    let short = arguments.iter().any(|a| a == "--short");
    let services = value("--services").unwrap_or(if short { 200 } else { 2000 }) as usize;
    let seed = value("--seed").unwrap_or(1);
    let mut json = Vec::new();
    for mix in MIXES {
        eprintln!("{services} services, mix '{}'", mix.name);
        let tracks = simulate(services, |index| Service::generate(mix, seed, index), seed);
        json.push(print(mix.name, &tracks));
    }
    if arguments.iter().any(|a| a == "--json") {
        println!("{}", serde_json::json!({"services": services, "seed": seed, "mixes": json}));
    }
}

/// Runs all services on the cores of this machine; the result does not depend on their number.
fn simulate(count: usize, generate: impl Fn(usize) -> Service + Sync, seed: u64) -> Vec<(Class, Track)> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let one = |index: usize| {
        let service = generate(index);
        (service.class, run(&service, seed.wrapping_add(7919 * index as u64), true))
    };
    let share = |thread: usize| (thread..count).step_by(threads).map(|i| (i, one(i))).collect::<Vec<_>>();
    let mut parts: Vec<(usize, (Class, Track))> = std::thread::scope(|scope| {
        let share = &share;
        let handles: Vec<_> = (0..threads).map(|thread| scope.spawn(move || share(thread))).collect();
        handles.into_iter().flat_map(|h| h.join().expect("a simulation does not panic")).collect()
    });
    parts.sort_by_key(|(index, _)| *index);
    parts.into_iter().map(|(_, part)| part).collect()
}

fn print(mix: &str, tracks: &[(Class, Track)]) -> serde_json::Value {
    let mut classes = Vec::new();
    println!(
        "\nMix '{mix}', {} services: is the stated 95 % bound missed in at most 5 % of cases?\n",
        tracks.len()
    );
    println!(
        "| class | next hour: missed | where stated | bound / point / true | next day: missed | where stated | bound / point / true |"
    );
    println!("|---|---|---|---|---|---|---|");
    for class in Class::ALL.into_iter().map(Some).chain([None]) {
        let name = class.map_or("all", Class::name);
        let [hour, day] = [0, 1].map(|horizon| Calibration::of(tracks, class, horizon));
        println!("| {name} | {} | {} |", hour.cells(), day.cells());
        classes.push(serde_json::json!({"class": name, "hour": hour.json(), "day": day.json()}));
    }
    let rows = promotion(tracks);
    println!(
        "\nPromotion to Enforce against false denials (new legitimate edges denied in the week after)\n"
    );
    println!(
        "| rule | promoted | hours, median / p90 | false denials per service | without open-ended | services with any | open-ended: promoted; denials each | week not enforced |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for r in &rows {
        println!(
            "| {} | {} | {:.0} / {:.0} | {:.3} | {:.3} | {} | {}; {:.1} | {} |",
            r.name,
            percent(r.promoted),
            r.median,
            r.p90,
            r.denials,
            r.closed_denials,
            percent(r.any),
            percent(r.open_promoted),
            r.open_denials,
            percent(r.window)
        );
    }
    priors::print(tracks);
    priors::print_fleet(tracks);
    let sum = |f: &dyn Fn(&Track) -> usize| tracks.iter().map(|(_, t)| f(t)).sum::<usize>();
    let (scanned, learned) = (sum(&|t| t.scan_edges), sum(&|t| t.scan_learned));
    let (edges, aside) = (sum(&|t| t.edges.len()), sum(&|t| t.legitimate_set_aside));
    println!(
        "\nScans: {learned} of {scanned} scanned edges were learned; {aside} of {edges} legitimate ones set aside."
    );
    let rules: Vec<_> = rows.iter().map(json_row).collect();
    serde_json::json!({
        "mix": mix, "calibration": classes, "promotion": rules,
        "scan_edges": scanned, "scan_edges_learned": learned, "legitimate_edges": edges, "legitimate_set_aside": aside,
    })
}

fn promotion(tracks: &[(Class, Track)]) -> Vec<Row> {
    let mut rows = Vec::new();
    let products = [
        ("no new edge for 10 minutes", Rule::Quiet(1.0 / 6.0)),
        ("timer 24 h", Rule::Timer(24.0)),
        ("no new edge for 24 h", Rule::Quiet(24.0)),
        ("timer 168 h", Rule::Timer(168.0)),
    ];
    for (name, rule) in products {
        rows.push(row(name, tracks, |track| rule.judge(track, false)));
        rows.push(row(&format!("{name}, with our gates"), tracks, |track| rule.judge(track, true)));
    }
    for profile in bulkhead_learn::Profile::ALL {
        let rule = Rule::of(profile);
        rows.push(row(&format!("profile {profile}"), tracks, |track| rule.judge(track, true)));
        rows.push(row(&format!("profile {profile}, without gates"), tracks, |track| {
            rule.judge(track, false)
        }));
    }
    for (threshold, pace) in [(0.25, 1.0), (0.2, 0.75), (0.08, 0.5), (0.04, 0.25)] {
        let rule = Rule::Bound { threshold, pace, least: 0.0, shadow: 1.0 };
        let name = format!("bound {threshold}, pace {pace} a day, 1 h shadow");
        rows.push(row(&name, tracks, |track| rule.judge(track, true)));
    }
    rows
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn json_row(r: &Row) -> serde_json::Value {
    let finite = |x: f64| x.is_finite().then_some(x);
    serde_json::json!({
        "rule": r.name, "promoted": r.promoted, "median_hours": finite(r.median), "p90_hours": finite(r.p90),
        "false_denials": r.denials, "false_denials_without_open_ended": r.closed_denials, "services_with_any": r.any,
        "open_ended_promoted": r.open_promoted, "open_ended_denials": r.open_denials, "week_not_enforced": r.window,
    })
}
