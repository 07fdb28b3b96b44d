use bulkhead_model::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub(crate) const HOUR_MS: u64 = 3_600_000;
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;

/// How much faster than the wall clock the estimator's clock runs: 1 in production, more in a demonstration.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scale(f64);

impl Scale {
    pub const REAL: Scale = Scale(1.0);
    /// A second stands for a day.
    pub const MAX: f64 = 86_400.0;

    /// `None` unless `1 <= factor <= 86,400`.
    pub fn new(factor: f64) -> Option<Self> {
        (1.0..=Self::MAX).contains(&factor).then_some(Self(factor))
    }

    pub fn factor(self) -> f64 {
        self.0
    }

    pub fn is_real(self) -> bool {
        self.0 == 1.0
    }

    /// The wall-clock time in which the estimator's clock advances by `estimator`.
    pub fn wall(self, estimator: Duration) -> Duration {
        estimator.div_f64(self.0)
    }

    pub(crate) fn stretch(self, wall_ms: u64) -> u64 {
        if self.is_real() { wall_ms } else { (wall_ms as f64 * self.0) as u64 }
    }
}

impl Default for Scale {
    fn default() -> Self {
        Self::REAL
    }
}

/// The estimator's clock: wall time times [`Scale`], never backwards, and blind to jumps of the wall clock. A step of
/// more than `max_gap` is a time in which nobody watched (suspended machine, stopped controller, clock set): it does
/// not pass for the estimator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Clock {
    scale: Scale,
    max_gap_ms: u64,
    /// Wall time of the last step; `None` until the first, and after a restore.
    #[serde(skip)]
    last: Option<Timestamp>,
    /// Estimator's milliseconds since the learner began.
    elapsed_ms: u64,
    /// Wall time at which the scaled calendar and the wall calendar agree.
    anchor: Option<Timestamp>,
}

impl Clock {
    pub(crate) fn new(scale: Scale, max_gap: Duration) -> Self {
        let max_gap_ms = u64::try_from(max_gap.as_millis()).unwrap_or(u64::MAX);
        Self { scale, max_gap_ms, last: None, elapsed_ms: 0, anchor: None }
    }

    /// The same clock after a time in which nobody watched.
    pub(crate) fn resumed(self, max_gap: Duration) -> Self {
        Self { elapsed_ms: self.elapsed_ms, anchor: self.anchor, ..Self::new(self.scale, max_gap) }
    }

    pub(crate) fn scale(&self) -> Scale {
        self.scale
    }

    /// Milliseconds of the estimator's clock since the learner began.
    pub(crate) fn elapsed(&self) -> u64 {
        self.elapsed_ms
    }

    /// The estimator's time of something that happened at `time`, which may be a little before or after the last step.
    pub(crate) fn at(&self, time: Timestamp) -> u64 {
        let Some(last) = self.last else { return self.elapsed_ms };
        if time >= last {
            self.elapsed_ms + self.scale.stretch((time.0 - last.0).min(self.max_gap_ms))
        } else {
            let back = (last.0 - time.0).min(self.max_gap_ms);
            self.elapsed_ms.saturating_sub(self.scale.stretch(back))
        }
    }

    /// Steps to `now`; the estimator's milliseconds that were watched since the last step: 0 for the first step, for a
    /// step backwards and for a gap.
    pub(crate) fn advance(&mut self, now: Timestamp) -> u64 {
        self.anchor.get_or_insert(now);
        let watched = match self.last {
            Some(last) if now > last && now.0 - last.0 <= self.max_gap_ms => {
                self.scale.stretch(now.0 - last.0)
            }
            _ => 0,
        };
        self.last = Some(now);
        self.elapsed_ms += watched;
        watched
    }

    /// The moment in the calendar that `time` stands for.
    pub(crate) fn calendar(&self, time: Timestamp) -> Timestamp {
        match self.anchor {
            Some(anchor) if !self.scale.is_real() && time > anchor => {
                Timestamp(anchor.0.saturating_add(self.scale.stretch(time.0 - anchor.0)))
            }
            _ => time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(scale: f64) -> Clock {
        Clock::new(Scale::new(scale).unwrap(), Duration::from_secs(300))
    }

    #[test]
    fn jumps_of_the_wall_clock_are_not_observed_time() {
        let mut clock = clock(1.0);
        assert_eq!(clock.advance(Timestamp(1_000_000)), 0);
        assert_eq!(clock.advance(Timestamp(1_010_000)), 10_000);
        assert_eq!(clock.advance(Timestamp(900_000_000)), 0);
        assert_eq!(clock.advance(Timestamp(5_000)), 0);
        assert_eq!(clock.advance(Timestamp(6_000)), 1_000);
        assert_eq!(clock.elapsed(), 11_000);
    }

    #[test]
    fn a_scaled_clock_runs_faster_and_so_does_its_calendar() {
        let mut clock = clock(360.0);
        clock.advance(Timestamp(0));
        assert_eq!(clock.advance(Timestamp(10_000)), HOUR_MS);
        assert_eq!(clock.calendar(Timestamp(20_000)), Timestamp(2 * HOUR_MS));
        assert_eq!(clock.at(Timestamp(15_000)), HOUR_MS + HOUR_MS / 2);
        assert_eq!(clock.at(Timestamp(5_000)), HOUR_MS / 2);
    }
}
