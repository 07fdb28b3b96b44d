//! Promotion rules, ours and those of others, and what they would have denied.

use crate::{
    run::{HOURS, Tick, Track},
    world::Class,
};
use bulkhead_learn::Profile;
use std::collections::BTreeSet;

pub(crate) const WEEK: f64 = 168.0;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rule {
    /// After so many hours.
    Timer(f64),
    /// No new edge for so many hours.
    Quiet(f64),
    /// The evidence suffices, then `shadow` hours clean in Monitor.
    Bound { threshold: f64, pace: f64, least: f64, shadow: f64 },
}

/// What a rule did to one service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) promoted: Option<f64>,
    /// Legitimate edges denied in the week after.
    pub(crate) denied: BTreeSet<usize>,
    /// Share of that week in which nothing was enforced.
    pub(crate) open: f64,
}

impl Rule {
    /// The rule of a profile, as `decide` has it.
    pub(crate) fn of(profile: Profile) -> Self {
        Self::Bound {
            threshold: profile.threshold(),
            pace: profile.pace_per_day(),
            least: profile.hours(),
            shadow: profile.shadow().as_secs_f64() / 3600.0,
        }
    }

    fn promoted(self, track: &Track) -> Option<f64> {
        match self {
            Self::Timer(hours) => Some(hours),
            Self::Quiet(hours) => track.ticks.iter().find(|t| t.hour - t.last_new >= hours).map(|t| t.hour),
            Self::Bound { threshold, pace, least, shadow } => {
                let mut monitor: Option<f64> = None;
                for tick in &track.ticks {
                    let e = &tick.evidence;
                    if e.is_open_ended() {
                        monitor = None;
                    }
                    let enough = e.edges > 0
                        && !e.is_open_ended()
                        && e.hours >= least
                        && e.upper(1.0) <= threshold
                        && e.pace_per_day() <= pace;
                    if !enough {
                        continue;
                    }
                    let since = *monitor.get_or_insert(tick.hour);
                    if tick.hour - since.max(tick.last_new) >= shadow && !tick.held {
                        return Some(tick.hour);
                    }
                }
                None
            }
        }
    }

    pub(crate) fn judge(self, track: &Track, gates: bool) -> Outcome {
        let promoted = self.promoted(track).filter(|hour| *hour <= HOURS - WEEK);
        let Some(start) = promoted else { return Outcome::default() };
        let in_week = |hour: f64| hour > start && hour <= start + WEEK;
        let denied = track.surprises.iter().filter(|s| in_week(s.hour) && !(gates && s.held)).map(|s| s.edge);
        let week: Vec<&Tick> = track.ticks.iter().filter(|t| in_week(t.hour)).collect();
        let held = week.iter().filter(|t| gates && t.held).count();
        Outcome { promoted, denied: denied.collect(), open: held as f64 / week.len().max(1) as f64 }
    }
}

/// A rule over many services.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) median: f64,
    pub(crate) p90: f64,
    pub(crate) promoted: f64,
    /// False denials per service, in the week after promotion.
    pub(crate) denials: f64,
    pub(crate) any: f64,
    pub(crate) open_promoted: f64,
    pub(crate) open_denials: f64,
    /// The same without the open-ended class, which dominates any mean.
    pub(crate) closed_denials: f64,
    /// Share of the week after promotion that is not enforced.
    pub(crate) window: f64,
}

pub(crate) fn row(name: &str, services: &[&(Class, Track)], judge: impl Fn(&Track) -> Outcome) -> Row {
    let outcomes: Vec<(Class, Outcome)> =
        services.iter().map(|(class, track)| (*class, judge(track))).collect();
    let mut hours: Vec<f64> = outcomes.iter().map(|(_, o)| o.promoted.unwrap_or(f64::INFINITY)).collect();
    hours.sort_by(f64::total_cmp);
    let at = |share: f64| hours[((hours.len() - 1) as f64 * share) as usize];
    let count = outcomes.len() as f64;
    let share = |test: &dyn Fn(&(Class, Outcome)) -> bool, of: f64| {
        outcomes.iter().filter(|o| test(o)).count() as f64 / of.max(1.0)
    };
    let denials = |test: &dyn Fn(Class) -> bool| {
        let chosen: Vec<f64> =
            outcomes.iter().filter(|(c, _)| test(*c)).map(|(_, o)| o.denied.len() as f64).collect();
        chosen.iter().sum::<f64>() / (chosen.len() as f64).max(1.0)
    };
    let open = outcomes.iter().filter(|(c, _)| *c == Class::OpenEnded).count() as f64;
    let promoted: Vec<&Outcome> = outcomes.iter().map(|(_, o)| o).filter(|o| o.promoted.is_some()).collect();
    Row {
        name: name.to_owned(),
        median: at(0.5),
        p90: at(0.9),
        promoted: promoted.len() as f64 / count,
        denials: denials(&|_| true),
        any: share(&|(_, o)| !o.denied.is_empty(), count),
        open_promoted: share(&|(c, o)| *c == Class::OpenEnded && o.promoted.is_some(), open),
        open_denials: denials(&|c| c == Class::OpenEnded),
        closed_denials: denials(&|c| c != Class::OpenEnded),
        window: promoted.iter().map(|o| o.open).sum::<f64>() / (promoted.len() as f64).max(1.0),
    }
}
