use crate::clock::HOUR_MS;
use bulkhead_model::Timestamp;
use serde::{Deserialize, Serialize};

/// Healthy observation that makes a phase seen: half of its hour.
const SEEN_MS: u64 = HOUR_MS / 2;
/// Estimator's time is split into steps of at most this, so that a fast clock skips no phase.
const STEP_MS: u64 = HOUR_MS / 4;

/// A phase of the week: an hour of a weekday, or an hour of the weekend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Phase {
    /// 0..24, in the learner's time zone.
    pub hour: u8,
    pub weekend: bool,
}

impl Phase {
    /// The phase that `time` is in, at `offset_minutes` east of UTC.
    pub fn of(time: Timestamp, offset_minutes: i32) -> Self {
        let offset_ms = i64::from(offset_minutes) * 60_000;
        let local = i64::try_from(time.0).unwrap_or(i64::MAX).saturating_add(offset_ms);
        let hours = local.div_euclid(HOUR_MS as i64);
        // 1970-01-01 was a Thursday: three days after a Monday.
        let weekday = (hours.div_euclid(24) + 3).rem_euclid(7);
        Self { hour: hours.rem_euclid(24) as u8, weekend: weekday >= 5 }
    }

    fn bit(self) -> u64 {
        1 << (u32::from(self.hour) + if self.weekend { 24 } else { 0 })
    }
}

/// Which phases of the week a service has been watched in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Bits 0..24: hours of weekdays, 24..48: of the weekend.
    seen: u64,
    /// Phase under observation, and for how long.
    current: u64,
    current_ms: u64,
}

impl Calendar {
    /// Counts `watched_ms` of healthy observation that ended at the calendar moment `until`.
    pub(crate) fn watch(&mut self, until: Timestamp, watched_ms: u64, offset_minutes: i32) {
        // More than a week adds nothing that the last week does not.
        let mut left = watched_ms.min(8 * 24 * HOUR_MS);
        while left > 0 {
            let step = left.min(STEP_MS);
            let phase = Phase::of(Timestamp(until.0.saturating_sub(left)), offset_minutes).bit();
            if phase != self.current {
                (self.current, self.current_ms) = (phase, 0);
            }
            self.current_ms += step;
            if self.current_ms >= SEEN_MS {
                self.seen |= phase;
            }
            left -= step;
        }
    }

    pub fn has_seen(&self, phase: Phase) -> bool {
        self.seen & phase.bit() != 0
    }

    /// Phases of weekdays not seen, of 24.
    pub fn weekday_unseen(&self) -> u32 {
        24 - (self.seen & 0xff_ffff).count_ones()
    }

    /// Phases of the weekend not seen, of 24.
    pub fn weekend_unseen(&self) -> u32 {
        24 - (self.seen >> 24 & 0xff_ffff).count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20T10:00:00Z, a Friday.
    const FRIDAY: Timestamp = Timestamp(1_795_168_800_000);

    #[test]
    fn phases_follow_the_calendar_and_the_time_zone() {
        assert_eq!(Phase::of(FRIDAY, 0), Phase { hour: 10, weekend: false });
        assert_eq!(Phase::of(Timestamp(FRIDAY.0 + 24 * HOUR_MS), 0), Phase { hour: 10, weekend: true });
        assert_eq!(Phase::of(FRIDAY, 14 * 60), Phase { hour: 0, weekend: true });
        assert_eq!(Phase::of(FRIDAY, -11 * 60), Phase { hour: 23, weekend: false });
    }

    #[test]
    fn half_a_day_of_watching_leaves_the_other_half_and_the_weekend_unseen() {
        let mut calendar = Calendar::default();
        for minute in 1..=12 * 60 {
            calendar.watch(Timestamp(FRIDAY.0 + minute * 60_000), 60_000, 0);
        }
        assert_eq!(calendar.weekday_unseen(), 12);
        assert_eq!(calendar.weekend_unseen(), 24);
    }

    #[test]
    fn a_fast_clock_skips_no_phase() {
        let mut calendar = Calendar::default();
        let week = 7 * 24 * HOUR_MS;
        calendar.watch(Timestamp(FRIDAY.0 + week), week, 0);
        assert_eq!(calendar.weekday_unseen() + calendar.weekend_unseen(), 0);
    }
}
