//! How likely is a connection that nobody has seen yet? Clumped Good–Turing with doubleton variance.
//!
//! Good (1953) estimates the chance that the next sample is of an unseen species by the share of species seen exactly
//! once; Esty (1983) gives its variance with the species seen twice. Edges of a service come in bursts (a deployment, a
//! scan, a morning), so the unit is not the edge but the clump: the clock hour in which edges were first seen.

use crate::Profile;
use serde::{Deserialize, Serialize};

/// One-sided normal quantile of 98 %: the bound is 95 % after paying for looking again and again.
const Z: f64 = 2.054;
/// −ln 0.02: the exact Poisson bound where nothing was seen.
const C: f64 = 3.91;
/// A higher bound is not stated: "below 97 %" helps nobody.
const STATED: f64 = 0.9;

/// What the estimator needs to know of a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Hours observed with a healthy sensor, by the estimator's clock.
    pub hours: f64,
    /// Edges known.
    pub edges: u32,
    /// Edges seen in exactly one episode; episodes of an edge start at least an hour apart.
    pub singles: u32,
    /// Edges seen in exactly two episodes.
    pub doubles: u32,
    /// Distinct clock hours in which the edges of `singles` were first seen.
    pub clumps: u32,
    /// The edges of `singles`, each hour's share of them cut down to what its hours usually have: a scan does not
    /// count, but a service with three new edges every hour has three. Equal to `clumps` where those are few.
    pub mass: u32,
    /// The edges first seen in the last three quarters of the observation, and in how many distinct clock hours.
    pub discovered: u32,
    pub discoveries: u32,
    /// Something new came in this clock hour or the last one.
    pub fresh: bool,
    /// Earlier clock hours with something new, and those of them whose next hour had something new as well: edges come
    /// in clusters, and this says how much.
    pub shocks: u32,
    pub aftershocks: u32,
    /// Episodes of all edges.
    pub incidences: u64,
    /// Edges first seen in the last 24 hours.
    pub new_last_day: u32,
}

impl Evidence {
    /// New edges keep coming: learning such a service edge by edge never ends.
    pub fn is_open_ended(&self) -> bool {
        self.clumps >= 10 && self.new_last_day >= 3 && self.hours >= 24.0
    }

    /// Whether a service of which this is known may be promoted.
    pub fn is_ready(&self, profile: Profile) -> bool {
        self.edges > 0
            && !self.is_open_ended()
            && self.hours >= profile.hours()
            && self.upper(1.0) <= profile.threshold()
            && self.pace_per_day() <= profile.pace_per_day()
    }

    /// Clumps, corrected for those that share an hour with others: in the limit every hour has one.
    fn corrected(&self, clumps: u32) -> f64 {
        let clumps = f64::from(clumps);
        if clumps <= 0.2 * self.hours {
            clumps
        } else if clumps < self.hours {
            -self.hours * (1.0 - clumps / self.hours).ln()
        } else {
            20.0 * self.hours
        }
    }

    /// Upper bound on the rate of new edges (clumps of them), per hour. Infinite before anything was observed.
    ///
    /// The largest of three: Good–Turing over clumps; the same over single edges, where clumps come too thick to be
    /// told apart; and the rate at which edges were discovered lately, because Good–Turing forgets a discovery as soon
    /// as its edge is seen again, and a service that keeps changing makes such discoveries for ever.
    pub fn rate_upper(&self) -> f64 {
        if self.hours <= 0.0 {
            return f64::INFINITY;
        }
        let bound = |count: f64, doubles: u32| count + Z * (count + 2.0 * f64::from(doubles)).sqrt() + C;
        let clumps = bound(self.corrected(self.clumps), self.doubles);
        let mass = bound(f64::from(self.mass), self.doubles);
        let discoveries = bound(self.corrected(self.discoveries), 0);
        clumps.max(mass).max(discoveries) / self.hours
    }

    /// Upper bound on the chance that what is going on brings something new within the next hour. 0 where nothing new
    /// came lately.
    fn aftershock_upper(&self) -> f64 {
        let aftershocks = f64::from(self.aftershocks);
        let upper = (aftershocks + Z * aftershocks.sqrt() + C) / f64::from(self.shocks).max(1.0);
        if self.fresh { upper.min(1.0) } else { 0.0 }
    }

    /// Upper 95 % bound on the chance that the next `horizon` hours show an edge never seen. 1 where nothing can be
    /// stated: while less than the horizon has been observed, for an open-ended service, and instead of bounds so high
    /// that they say nothing.
    pub fn upper(&self, horizon: f64) -> f64 {
        let quiet = (1.0 - self.aftershock_upper()) * (-self.rate_upper() * horizon).exp();
        let upper = 1.0 - quiet;
        if self.hours < horizon || self.is_open_ended() || upper > STATED { 1.0 } else { upper }
    }

    /// New edges a day at the pace of late: those seen only once, or those discovered in the last three quarters of the
    /// observation, whichever are more. What a week of enforcement would deny, divided by seven.
    pub fn pace_per_day(&self) -> f64 {
        if self.hours > 0.0 {
            f64::from(self.singles.max(self.discovered)) * 24.0 / self.hours
        } else {
            f64::INFINITY
        }
    }

    /// Discoveries (clumps of new edges) to be expected in the next `horizon` hours.
    pub fn expected_discoveries(&self, horizon: f64) -> f64 {
        if self.hours <= 0.0 {
            f64::INFINITY
        } else {
            (self.corrected(self.clumps) + 0.5) * horizon / self.hours
        }
    }

    /// Point estimate of the chance that the next `horizon` hours show an edge never seen.
    pub fn point(&self, horizon: f64) -> f64 {
        1.0 - (-self.expected_discoveries(horizon)).exp()
    }

    /// New edges to be expected in the next `horizon` hours; the statement reaches no further than the observation.
    pub fn expected_new(&self, horizon: f64) -> Option<f64> {
        (self.hours > 0.0 && horizon <= self.hours).then(|| f64::from(self.singles) * horizon / self.hours)
    }

    /// Upper bound of [`Self::expected_new`].
    pub fn expected_new_upper(&self, horizon: f64) -> Option<f64> {
        let singles = f64::from(self.singles);
        let upper = singles + Z * (singles + 2.0 * f64::from(self.doubles)).sqrt() + C;
        (self.hours > 0.0 && horizon <= self.hours).then(|| upper * horizon / self.hours)
    }

    /// The share of the service's activity that the known edges cover (Chao & Jost 2012). 0 where nothing was seen.
    pub fn coverage(&self) -> f64 {
        let (singles, doubles) = (f64::from(self.singles), f64::from(self.doubles));
        if self.incidences == 0 {
            return 0.0;
        }
        let units = (self.hours - 1.0).max(0.0);
        let denominator = units * singles + 2.0 * doubles;
        let factor = match (singles > 0.0, denominator > 0.0) {
            (false, _) => 0.0,
            (true, true) => units * singles / denominator,
            (true, false) => 1.0,
        };
        (1.0 - singles / self.incidences as f64 * factor).clamp(0.0, 1.0)
    }

    /// At least so many edges have not been seen yet (Chao2). There is no upper end to it.
    pub fn unseen_at_least(&self) -> f64 {
        let (singles, doubles) = (f64::from(self.singles), f64::from(self.doubles));
        if self.hours <= 1.0 {
            return 0.0;
        }
        let finite = (self.hours - 1.0) / self.hours;
        if doubles > 0.0 {
            finite * singles * singles / (2.0 * doubles)
        } else {
            finite * singles * (singles - 1.0).max(0.0) / 2.0
        }
    }

    /// Clean hours that are still missing until `upper(1 h) <= threshold`, if nothing new comes and what was seen
    /// once or twice is seen again.
    pub fn hours_missing(&self, profile: Profile) -> f64 {
        let for_bound = C / -(1.0 - profile.threshold()).ln();
        (for_bound.max(profile.hours()) - self.hours).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(hours: f64) -> Evidence {
        Evidence { hours, edges: 42, incidences: 42 * 20, ..Evidence::default() }
    }

    #[test]
    fn ninety_one_clean_hours_bound_the_next_hour_at_four_point_two_percent() {
        assert!((clean(91.0).upper(1.0) - 0.042).abs() < 0.0005);
        assert_eq!(clean(91.0).coverage(), 1.0);
    }

    #[test]
    fn nothing_is_stated_beyond_what_was_observed() {
        assert_eq!(clean(0.0).upper(1.0), 1.0);
        assert_eq!(clean(12.0).upper(24.0), 1.0);
        assert_eq!(clean(12.0).expected_new(24.0), None);
        assert_eq!(Evidence::default().coverage(), 0.0);
        assert_eq!(Evidence::default().point(1.0), 1.0);
    }

    #[test]
    fn three_hundred_edges_within_an_hour_count_once() {
        let quiet = Evidence { singles: 1, clumps: 1, mass: 1, ..clean(100.0) };
        let scan = Evidence { singles: 300, clumps: 1, mass: 1, edges: 342, ..clean(100.0) };
        assert_eq!(quiet.upper(1.0), scan.upper(1.0));
    }

    #[test]
    fn a_service_with_something_new_every_hour_has_no_bound() {
        let open = Evidence { singles: 80, clumps: 72, new_last_day: 24, ..clean(72.0) };
        assert_eq!(open.upper(1.0), 1.0);
        assert!(open.is_open_ended());
    }

    #[test]
    fn a_service_that_keeps_changing_is_bounded_by_its_discoveries() {
        let settled = clean(200.0);
        let changing = Evidence { discoveries: 6, discovered: 6, ..settled };
        assert!(changing.upper(1.0) > settled.upper(1.0));
    }

    #[test]
    fn right_after_something_new_the_bound_waits_for_the_cluster_to_end() {
        let fresh = Evidence { fresh: true, shocks: 3, aftershocks: 1, ..clean(200.0) };
        assert_eq!(fresh.upper(1.0), 1.0);
        let rarely_two = Evidence { shocks: 40, ..fresh };
        assert!(rarely_two.upper(1.0) < 0.25 && rarely_two.upper(1.0) > clean(200.0).upper(1.0));
    }

    #[test]
    fn a_service_that_finds_something_every_other_day_is_not_ready_though_its_bound_is_low() {
        let finding = Evidence { discovered: 10, discoveries: 3, ..clean(400.0) };
        assert!(finding.upper(1.0) < 0.03);
        assert_eq!(Profile::ALL.map(|p| finding.is_ready(p)), [true, false, false]);
    }

    #[test]
    fn the_missing_hours_are_those_after_which_the_bound_holds() {
        let now = clean(20.0);
        let later = clean(20.0 + now.hours_missing(Profile::Default));
        assert!((later.upper(1.0) - 0.05).abs() < 1e-6);
    }
}
