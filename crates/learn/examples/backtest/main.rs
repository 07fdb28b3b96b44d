//! Back-test of learning over synthetic services: calibration of the bound, and promotion against false denials.
//!
//! `cargo run --release -p bulkhead-learn --example backtest -- [--short] [--services N] [--seed S] [--json FILE]`

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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut services, mut seed, mut file) = (2000, 1, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value"));
        match argument.as_str() {
            "--short" | "--check" => services = 200,
            "--services" => services = value()?.parse()?,
            "--seed" => seed = value()?.parse()?,
            "--json" => file = Some(value()?),
            _ => return Err(format!("'{argument}' is not --short, --services, --seed or --json").into()),
        }
    }
    let mut mixes = Vec::new();
    for mix in MIXES {
        let tracks = simulate(services, |index| Service::generate(mix, seed, index), seed);
        mixes.push(print(mix.name, &tracks));
    }
    if let Some(file) = file {
        let json = serde_json::json!({"services": services, "seed": seed, "mixes": mixes});
        std::fs::write(file, serde_json::to_string_pretty(&json)?)?;
    }
    Ok(())
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
    let equal = print_equal_medians(tracks);
    priors::print(tracks);
    let sooner = priors::print_sooner(tracks);
    priors::print_canary(tracks);
    priors::print_fleet(tracks);
    let after_a_week = |track: &Track| {
        let tick = track.ticks.iter().find(|tick| tick.hour >= 168.0);
        tick.is_some_and(|tick| tick.evidence.is_open_ended())
    };
    let (open, other): (Vec<_>, Vec<_>) = tracks.iter().partition(|(class, _)| *class == Class::OpenEnded);
    let found = open.iter().filter(|(_, track)| after_a_week(track)).count();
    let wrong = other.iter().filter(|(_, track)| after_a_week(track)).count();
    println!(
        "\nOpen-ended services recognised after a week: {found} of {}; others taken for them: {wrong} of {}.",
        open.len(),
        other.len()
    );
    let sum = |f: &dyn Fn(&Track) -> usize| tracks.iter().map(|(_, t)| f(t)).sum::<usize>();
    let (scanned, learned) = (sum(&|t| t.scan_edges), sum(&|t| t.scan_learned));
    let (edges, aside) = (sum(&|t| t.edges.len()), sum(&|t| t.legitimate_set_aside));
    println!(
        "\nScans: {learned} of {scanned} scanned edges were learned; {aside} of {edges} legitimate ones set aside."
    );
    let rules: Vec<_> = rows.iter().map(json_row).collect();
    serde_json::json!({
        "mix": mix, "calibration": classes, "promotion": rules, "equal_medians": equal,
        "priors_at_equal_denials": sooner,
        "scan_edges": scanned, "scan_edges_learned": learned, "legitimate_edges": edges, "legitimate_set_aside": aside,
        "open_ended": open.len(), "open_ended_recognised": found, "others_taken_for_open_ended": wrong,
    })
}

fn promotion(tracks: &[(Class, Track)]) -> Vec<Row> {
    let all: Vec<&(Class, Track)> = tracks.iter().collect();
    let mut rows = Vec::new();
    for (name, rule) in PRODUCTS {
        rows.push(row(name, &all, |track| rule.judge(track, false)));
        rows.push(row(&format!("{name}, with our gates"), &all, |track| rule.judge(track, true)));
    }
    for profile in bulkhead_learn::Profile::ALL {
        let rule = Rule::of(profile);
        rows.push(row(&format!("profile {profile}"), &all, |track| rule.judge(track, true)));
        rows.push(row(&format!("profile {profile}, without gates"), &all, |track| rule.judge(track, false)));
    }
    rows
}

/// One half of the services: every other block of the mix, so that both halves are alike.
fn half_of(tracks: &[(Class, Track)], half: usize) -> impl Iterator<Item = &(Class, Track)> {
    tracks.iter().enumerate().filter(move |(index, _)| index / 100 % 2 == half).map(|(_, track)| track)
}

/// What products promote by.
const PRODUCTS: [(&str, Rule); 4] = [
    ("no new edge for 10 minutes", Rule::Quiet(1.0 / 6.0)),
    ("timer 24 h", Rule::Timer(24.0)),
    ("no new edge for 24 h", Rule::Quiet(24.0)),
    ("timer 168 h", Rule::Timer(168.0)),
];

/// Ours against each of those at no later a median: threshold and pace are chosen on one half of the services and
/// judged on the other.
fn print_equal_medians(tracks: &[(Class, Track)]) -> serde_json::Value {
    println!(
        "\nAt equal median hours (threshold and pace chosen on one half of the services, judged on the other)\n"
    );
    println!(
        "| product's rule | its median; false denials; without open-ended | ours: bound, pace a day | its median; false denials; without open-ended | ratio |"
    );
    println!("|---|---|---|---|---|");
    let halves: [Vec<&(Class, Track)>; 2] = [0, 1].map(|half| half_of(tracks, half).collect());
    let mut json = Vec::new();
    for (name, product) in PRODUCTS.into_iter().skip(1) {
        let median = row(name, &halves[0], |track| product.judge(track, false)).median;
        let mut best: Option<(Row, Rule)> = None;
        for threshold in [0.5, 0.4, 0.3, 0.25, 0.2, 0.18, 0.15, 0.13, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03] {
            for pace in [2.0, 1.5, 1.0, 0.75, 0.5, 0.25, 0.125] {
                let rule = Rule::Bound { threshold, pace, least: 0.0, shadow: 1.0 };
                let ours = row(&format!("{threshold}, {pace}"), &halves[0], |track| rule.judge(track, true));
                if ours.median <= median + 0.5 && best.as_ref().is_none_or(|(b, _)| ours.denials < b.denials)
                {
                    best = Some((ours, rule));
                }
            }
        }
        let Some((chosen, rule)) = best else {
            println!("| {name} | {median:.0} h | none is as early | | |");
            continue;
        };
        let theirs = row(name, &halves[1], |track| product.judge(track, false));
        let ours = row(name, &halves[1], |track| rule.judge(track, true));
        println!(
            "| {name} | {:.0} h; {:.2}; {:.2} | {} | {:.0} h; {:.2}; {:.2} | {:.2}; {:.2} |",
            theirs.median,
            theirs.denials,
            theirs.closed_denials,
            chosen.name,
            ours.median,
            ours.denials,
            ours.closed_denials,
            ours.denials / theirs.denials,
            ours.closed_denials / theirs.closed_denials
        );
        json.push(serde_json::json!({
            "rule": name, "product": json_row(&theirs), "chosen": chosen.name, "ours": json_row(&ours),
            "ratio": ours.denials / theirs.denials, "ratio_without_open_ended": ours.closed_denials / theirs.closed_denials,
        }));
    }
    json.into()
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
