//! Back-test of learning over synthetic services: calibration of the bound, and promotion against false denials.
//!
//! `cargo run --release -p bulkhead-learn --example backtest -- [--short] [--services N] [--seed S] [--json]`

mod calibration;
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
        if arguments.iter().any(|a| a == "--misses") {
            for (class, track) in &tracks {
                for c in &track.checks {
                    for h in 0..2 {
                        if c.truth[h] > c.stated[h] && c.stated[h] < 0.999 {
                            let e = track.ticks.iter().find(|t| t.hour >= c.hour).unwrap().evidence;
                            println!(
                                "MISS {} {h} t={:.1} n={:.1} I={} f1={} f2={} B1={} m={} D={} dd={} d={} U={:.3} p={:.3}",
                                class.name(),
                                c.hour,
                                e.hours,
                                e.edges,
                                e.singles,
                                e.doubles,
                                e.clumps,
                                e.mass,
                                e.discoveries,
                                e.discovered,
                                e.new_last_day,
                                c.stated[h],
                                c.truth[h]
                            );
                        }
                    }
                }
            }
        }
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
        let rule = Rule::Bound {
            threshold: profile.threshold(),
            pace: profile.pace_per_day(),
            least: profile.hours(),
            shadow: profile.shadow().as_secs_f64() / 3600.0,
        };
        rows.push(row(&format!("profile {profile}"), tracks, |track| rule.judge(track, true)));
        rows.push(row(&format!("profile {profile}, without gates"), tracks, |track| {
            rule.judge(track, false)
        }));
    }
    for threshold in [0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.18, 0.15, 0.1, 0.08, 0.04, 0.025] {
        for pace in [1.0, 0.75, 0.5, 0.25] {
            let rule = Rule::Bound { threshold, pace, least: 0.0, shadow: 1.0 };
            rows.push(row(&format!("X {threshold} {pace}"), tracks, |track| rule.judge(track, true)));
        }
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
