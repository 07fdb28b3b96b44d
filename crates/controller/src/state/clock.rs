//! A wall clock that is set is no time that has passed: nothing may be thrown away for an age that it does not have.

use super::State;
use bulkhead_model::Timestamp;

/// A step of the clock between two looks at it that is no passing of time, seconds: forwards (it may also have slept), and
/// backwards.
const FORWARDS: u64 = 3_600;
const BACKWARDS: u64 = 60;
/// For so long after a step, seconds, nothing is removed for its age: whoever set the clock wrongly may set it back.
const DOUBT: u64 = 3_600;

impl State {
    /// Called with every tick.
    pub(super) fn watch_clock(&mut self) {
        let last = std::mem::replace(&mut self.ticked, self.now);
        let (forwards, backwards) = (self.now.since(last).as_secs(), last.since(self.now).as_secs());
        if forwards > FORWARDS || backwards > BACKWARDS {
            self.clock_set = Some(self.now);
            let (step, way) = if backwards > 0 { (backwards, "back") } else { (forwards, "forward") };
            let what = format!(
                "the clock of this host went {way} by {step} seconds; nothing is removed for its age"
            );
            self.degrade(
                "clock",
                &what,
                "compare it with the true time, and let NTP keep it; this ends an hour later",
            );
        } else if self.clock_set.is_some_and(|set| self.now.since(set).as_secs() > DOUBT) {
            self.clock_set = None;
            self.recover("clock");
        }
    }

    /// The time by which things are old. While the clock is in doubt, nothing is.
    pub(crate) fn time_of_expiry(&self) -> Timestamp {
        if self.clock_set.is_some() { Timestamp::default() } else { self.now }
    }
}
