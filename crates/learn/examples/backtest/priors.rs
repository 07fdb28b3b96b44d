//! What evidence beyond a service's own traffic is worth: the same image elsewhere, declared sources, the fleet's past
//! forecasts. An edge that such evidence expects is allowed at promotion although it was not seen.

use crate::{
    rules::{Outcome, Rule, WEEK},
    run::Track,
    world::Class,
};
use bulkhead_learn::{Forecasts, Profile};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Prior {
    None,
    /// So many other services of the image have shown the edge.
    Siblings(usize),
    Declared,
    Both,
}

/// Of one prior over all promoted services.
#[derive(Debug, Default)]
struct Worth {
    promoted: usize,
    denied: usize,
    /// Edges allowed that were not seen before promotion.
    extra: usize,
    /// Those of them that are used within the week, or at any time later.
    used_week: usize,
    used: usize,
}

pub(crate) fn print(tracks: &[(Class, Track)]) {
    println!("\nEvidence beyond the service's own traffic, with gates, open-ended services left out\n");
    println!(
        "| profile | prior | false denials per service | allowed unseen, per service | of them used within the week | ever |"
    );
    println!("|---|---|---|---|---|---|");
    for profile in Profile::ALL {
        let outcomes = outcomes(tracks, profile);
        for (name, prior) in [
            ("none", Prior::None),
            ("one other service of the image", Prior::Siblings(1)),
            ("two other services of the image", Prior::Siblings(2)),
            ("declared", Prior::Declared),
            ("two others, or declared", Prior::Both),
        ] {
            let worth = worth(&outcomes, prior);
            let per_service = |count: usize| count as f64 / worth.promoted.max(1) as f64;
            let of_extra = |count: usize| 100.0 * count as f64 / worth.extra.max(1) as f64;
            println!(
                "| {profile} | {name} | {:.3} | {:.2} | {:.0} % | {:.0} % |",
                per_service(worth.denied),
                per_service(worth.extra),
                of_extra(worth.used_week),
                of_extra(worth.used)
            );
        }
    }
}

fn worth(outcomes: &[(&Track, Outcome)], prior: Prior) -> Worth {
    let mut worth = Worth::default();
    for (track, outcome) in outcomes {
        let Some(start) = outcome.promoted else { continue };
        worth.promoted += 1;
        let siblings = siblings(outcomes, track);
        let expected = |edge: usize| {
            let edge = &track.edges[edge];
            let by_image =
                |least: usize| edge.template.is_some_and(|t| seen_by(&siblings, t, start) >= least);
            match prior {
                Prior::None => false,
                Prior::Siblings(least) => by_image(least),
                Prior::Declared => edge.declared,
                Prior::Both => by_image(2) || edge.declared,
            }
        };
        worth.denied += outcome.denied.iter().filter(|edge| !expected(**edge)).count();
        let unseen = |edge: &usize| track.first_seen[*edge].is_none_or(|first| first > start);
        for edge in (0..track.edges.len()).filter(unseen).filter(|edge| expected(*edge)) {
            worth.extra += 1;
            let first = track.first_seen[edge];
            worth.used += usize::from(first.is_some());
            worth.used_week += usize::from(first.is_some_and(|first| first <= start + WEEK));
        }
        // Templates that this service does not have are expected of it all the same, and names that nobody uses.
        if let Prior::Siblings(least) = prior {
            worth.extra += missing_templates(track, &siblings, start, least);
        }
        if prior == Prior::Both {
            worth.extra += missing_templates(track, &siblings, start, 2);
        }
        if matches!(prior, Prior::Declared | Prior::Both) {
            worth.extra += track.declared_unused;
        }
    }
    worth
}

/// What the canary period does: the first denial of something expected takes the service back to Monitor for the rest of
/// the week.
pub(crate) fn print_canary(tracks: &[(Class, Track)]) {
    println!(
        "\n| profile | false denials per service | with the canary period | rolled back | week not enforced because of it |"
    );
    println!("|---|---|---|---|---|");
    for profile in Profile::ALL {
        let outcomes = outcomes(tracks, profile);
        let canary = profile.canary().as_secs_f64() / 3600.0;
        let (mut promoted, mut without, mut with, mut back, mut hours) = (0, 0, 0, 0, 0.0);
        for (track, outcome) in &outcomes {
            let Some(start) = outcome.promoted else { continue };
            let siblings = siblings(&outcomes, track);
            let expected = |edge: usize, hour: f64| {
                let edge = &track.edges[edge];
                edge.declared || edge.template.is_some_and(|t| seen_by(&siblings, t, hour) >= 2)
            };
            let denials = || {
                let enforced =
                    track.surprises.iter().filter(|s| !s.held && s.hour > start && s.hour <= start + WEEK);
                enforced.map(|s| (s.hour, s.edge))
            };
            let first = denials().find(|(hour, edge)| *hour <= start + canary && expected(*edge, *hour));
            let until = first.map_or(f64::INFINITY, |(hour, _)| hour);
            let before: std::collections::BTreeSet<usize> =
                denials().filter(|(hour, _)| *hour <= until).map(|(_, edge)| edge).collect();
            promoted += 1;
            without += outcome.denied.len();
            with += before.len();
            back += usize::from(first.is_some());
            hours += (start + WEEK - until).max(0.0);
        }
        let per_service = |sum: usize| sum as f64 / f64::from(promoted);
        println!(
            "| {profile} | {:.3} | {:.3} | {:.1} % | {:.1} % |",
            per_service(without),
            per_service(with),
            100.0 * per_service(back),
            100.0 * hours / WEEK / f64::from(promoted)
        );
    }
}

/// What a prior is worth in time: on one half of the services, the bound and the pace are chosen that promote soonest with
/// no more false denials than the profile has without any prior; the other half judges. The first row chooses with no
/// prior at all, so that what the choice brings is not taken for what the prior does.
pub(crate) fn print_sooner(tracks: &[(Class, Track)]) -> serde_json::Value {
    println!(
        "\nTime to Enforce at equal false denials, open-ended services left out (bound and pace chosen on one half of the \
         services, judged on the other)\n"
    );
    println!(
        "| profile | allowed unseen | bound, pace a day | median hours | false denials per service | saved by the prior |"
    );
    println!("|---|---|---|---|---|---|");
    let halves: [Vec<&Track>; 2] = [0, 1].map(|half| {
        let closed = crate::half_of(tracks, half).filter(|(class, _)| *class != Class::OpenEnded);
        closed.map(|(_, track)| track).collect()
    });
    let mut json = Vec::new();
    for profile in Profile::ALL {
        let base = Rule::of(profile);
        let [limit, judged] = [0, 1].map(|half| sooner(&halves[half], base, Prior::None));
        let row = |name: &str, chosen: &str, (median, denied): (f64, f64), saved: &str| {
            println!("| {profile} | {name} | {chosen} | {median:.0} | {denied:.3} | {saved} |");
        };
        row("none: the profile itself", "as it is", judged, "");
        let mut alone = f64::INFINITY;
        for (name, prior) in [
            ("none", Prior::None),
            ("declared", Prior::Declared),
            ("two other services of the image", Prior::Siblings(2)),
            ("two others, or declared", Prior::Both),
        ] {
            let mut best: Option<(f64, f64, Rule, String)> = None;
            for threshold in [0.5, 0.4, 0.3, 0.25, 0.2, 0.16, 0.13, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03] {
                for pace in [2.0, 1.5, 1.0, 0.75, 0.5, 0.375, 0.25, 0.175, 0.125] {
                    let Rule::Bound { least, shadow, .. } = base else { continue };
                    let rule = Rule::Bound { threshold, pace, least, shadow };
                    let (median, denied) = sooner(&halves[0], rule, prior);
                    let better = best.as_ref().is_none_or(|(m, d, ..)| (median, denied) < (*m, *d));
                    if denied <= limit.1 && better {
                        best = Some((median, denied, rule, format!("{threshold}, {pace}")));
                    }
                }
            }
            let Some((.., rule, chosen)) = best else {
                println!("| {profile} | {name} | none is as good | | | |");
                continue;
            };
            let (median, denied) = sooner(&halves[1], rule, prior);
            if prior == Prior::None {
                alone = median;
            }
            let saved = 1.0 - median / alone;
            let text = if prior == Prior::None { String::new() } else { format!("{:.0} %", 100.0 * saved) };
            row(name, &chosen, (median, denied), &text);
            json.push(serde_json::json!({
                "profile": profile.to_string(), "prior": name, "chosen": chosen, "median_hours": median,
                "false_denials": denied, "false_denials_of_profile": judged.1, "median_hours_of_profile": judged.0,
                "saved": saved,
            }));
        }
    }
    json.into()
}

/// Median hours until promotion, and false denials per service in the week after it, those apart that the prior allows.
fn sooner(tracks: &[&Track], rule: Rule, prior: Prior) -> (f64, f64) {
    let mut families: std::collections::BTreeMap<usize, Vec<&Track>> = std::collections::BTreeMap::new();
    for track in tracks {
        if let Some(family) = track.family {
            families.entry(family).or_default().push(track);
        }
    }
    let (mut hours, mut denied) = (Vec::new(), 0);
    for track in tracks {
        let outcome = rule.judge(track, true);
        hours.push(outcome.promoted.unwrap_or(f64::INFINITY));
        let Some(start) = outcome.promoted else { continue };
        let family = track.family.and_then(|family| families.get(&family));
        let by_image = |edge: usize, least: usize| {
            let Some(template) = track.edges[edge].template else { return false };
            let others: Vec<&Track> =
                family.into_iter().flatten().copied().filter(|other| !std::ptr::eq(*other, *track)).collect();
            seen_by(&others, template, start) >= least
        };
        let expected = |edge: usize| match prior {
            Prior::None => false,
            Prior::Siblings(least) => by_image(edge, least),
            Prior::Declared => track.edges[edge].declared,
            Prior::Both => track.edges[edge].declared || by_image(edge, 2),
        };
        denied += outcome.denied.iter().filter(|edge| !expected(**edge)).count();
    }
    hours.sort_by(f64::total_cmp);
    let median = hours.get(hours.len().saturating_sub(1) / 2).copied().unwrap_or(f64::INFINITY);
    (median, denied as f64 / tracks.len().max(1) as f64)
}

fn outcomes(tracks: &[(Class, Track)], profile: Profile) -> Vec<(&Track, Outcome)> {
    let closed = tracks.iter().filter(|(class, _)| *class != Class::OpenEnded);
    closed.map(|(_, track)| (track, Rule::of(profile).judge(track, true))).collect()
}

/// The other services of the image.
fn siblings<'a>(outcomes: &[(&'a Track, Outcome)], track: &Track) -> Vec<&'a Track> {
    let others = outcomes.iter().map(|(other, _)| *other).filter(|other| !std::ptr::eq(*other, track));
    others.filter(|other| other.family.is_some() && other.family == track.family).collect()
}

/// How many of them had shown the edge of the image by `hour`.
fn seen_by(siblings: &[&Track], template: u32, hour: f64) -> usize {
    let shows =
        |other: &&&Track| {
            other.edges.iter().zip(&other.first_seen).any(|(edge, first)| {
                edge.template == Some(template) && first.is_some_and(|first| first <= hour)
            })
        };
    siblings.iter().filter(shows).count()
}

/// Edges of the image that at least so many siblings have shown and that this service does not have at all.
fn missing_templates(track: &Track, siblings: &[&Track], start: f64, least: usize) -> usize {
    let mut shown = std::collections::BTreeMap::new();
    for other in siblings {
        for (edge, first) in other.edges.iter().zip(&other.first_seen) {
            if let (Some(template), Some(first)) = (edge.template, first)
                && *first <= start
            {
                *shown.entry(template).or_insert(0) += 1;
            }
        }
    }
    let has = |template: u32| track.edges.iter().any(|edge| edge.template == Some(template));
    shown.into_iter().filter(|(template, count)| *count >= least && !has(*template)).count()
}

/// What one half of the services, the older ones of the fleet, forecast at each age recalibrates the other half at 72 h.
pub(crate) fn print_fleet(tracks: &[(Class, Track)]) {
    let mut past = Forecasts::default();
    let day_of = |check: &crate::run::Check| -(1.0 - check.point[1]).ln();
    for (_, track) in crate::half_of(tracks, 0) {
        for check in track.checks.iter().filter(|check| check.hour >= 24.0) {
            past.record(check.hour, day_of(check), check.outcome[1]);
        }
    }
    let gamma = past.gamma(72.0);
    let (mut raw, mut calibrated, mut happened, mut count) = (0.0, 0.0, 0.0, 0.0);
    let (mut raw_error, mut calibrated_error) = (0.0, 0.0);
    for (_, track) in crate::half_of(tracks, 1) {
        let Some(check) = track.checks.iter().find(|check| check.hour >= 72.0) else { continue };
        let outcome = f64::from(u8::from(check.outcome[1]));
        let better = 1.0 - (-gamma * day_of(check)).exp();
        raw += check.point[1];
        calibrated += better;
        happened += outcome;
        raw_error += (check.point[1] - outcome).powi(2);
        calibrated_error += (better - outcome).powi(2);
        count += 1.0;
    }
    println!(
        "\nNext-day forecasts at 72 h: {:.2} on average, {:.2} after recalibration by the fleet (γ = {gamma:.2}), \
         {:.2} came true; Brier score {:.3} → {:.3}.",
        raw / count,
        calibrated / count,
        happened / count,
        raw_error / count,
        calibrated_error / count
    );
}
