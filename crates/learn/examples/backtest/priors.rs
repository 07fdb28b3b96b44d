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
        let rule = Rule::of(profile);
        let outcomes: Vec<(&Track, Outcome)> = tracks
            .iter()
            .filter(|(class, _)| *class != Class::OpenEnded)
            .map(|(_, track)| (track, rule.judge(track, true)))
            .collect();
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
        let siblings: Vec<&Track> = outcomes
            .iter()
            .map(|(other, _)| *other)
            .filter(|other| {
                !std::ptr::eq(*other, *track) && other.family.is_some() && other.family == track.family
            })
            .collect();
        let seen_by = |template: u32| {
            let shows = |other: &&&Track| {
                other.edges.iter().zip(&other.first_seen).any(|(edge, first)| {
                    edge.template == Some(template) && first.is_some_and(|first| first <= start)
                })
            };
            siblings.iter().filter(shows).count()
        };
        let expected = |edge: usize| {
            let edge = &track.edges[edge];
            let by_image = |least: usize| edge.template.is_some_and(|t| seen_by(t) >= least);
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
