//! Is a stated 95 % bound missed in at most 5 % of cases, in every class?

use super::{run::Track, world::Class};

/// Of one class and horizon.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calibration {
    pub(crate) checks: usize,
    missed: usize,
    /// Checks with a bound below 1, and misses among them.
    pub(crate) stated: usize,
    stated_missed: usize,
    sum_stated: f64,
    sum_point: f64,
    sum_truth: f64,
    outcomes: usize,
}

/// Rounding of the bound itself is no miss.
const TOLERANCE: f64 = 1e-9;

impl Calibration {
    pub(crate) fn of(services: &[(Class, Track)], class: Option<Class>, horizon: usize) -> Self {
        let mut sum = Self::default();
        for (_, track) in services.iter().filter(|(c, _)| class.is_none_or(|class| class == *c)) {
            for check in &track.checks {
                let (stated, truth) = (check.stated[horizon], check.truth[horizon]);
                let missed = usize::from(truth > stated + TOLERANCE);
                sum.checks += 1;
                sum.missed += missed;
                if stated < 1.0 {
                    sum.stated += 1;
                    sum.stated_missed += missed;
                }
                sum.sum_stated += stated;
                sum.sum_point += check.point[horizon];
                sum.sum_truth += truth;
                sum.outcomes += usize::from(check.outcome[horizon]);
            }
        }
        sum
    }

    pub(crate) fn miss_rate(&self) -> f64 {
        self.missed as f64 / self.checks.max(1) as f64
    }

    /// Misses among the checks in which something was stated.
    pub(crate) fn stated_miss_rate(&self) -> f64 {
        self.stated_missed as f64 / self.stated.max(1) as f64
    }

    fn mean(&self, sum: f64) -> f64 {
        sum / self.checks.max(1) as f64
    }

    pub(crate) fn cells(&self) -> String {
        format!(
            "{:.1} % | {:.1} % of {} | {:.3} / {:.3} / {:.3}",
            100.0 * self.miss_rate(),
            100.0 * self.stated_miss_rate(),
            self.stated,
            self.mean(self.sum_stated),
            self.mean(self.sum_point),
            self.mean(self.sum_truth)
        )
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "checks": self.checks,
            "miss_rate": self.miss_rate(),
            "stated": self.stated,
            "stated_miss_rate": self.stated_miss_rate(),
            "mean_stated": self.mean(self.sum_stated),
            "mean_point": self.mean(self.sum_point),
            "mean_truth": self.mean(self.sum_truth),
            "outcome_rate": self.outcomes as f64 / self.checks.max(1) as f64,
        })
    }
}
