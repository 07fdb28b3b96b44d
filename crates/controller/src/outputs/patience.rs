//! How long the other side is waited for, and when an event is given up.

use super::send::SendError;
use std::time::Duration;

const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
/// The other side may ask for no longer.
const ASKED: Duration = Duration::from_secs(3600);
/// Refusals of one event that no waiting mends, after which it is given up: the others wait behind it.
const REFUSALS: u32 = 3;

#[derive(Debug)]
pub(super) struct Patience {
    pause: Duration,
    refusals: u32,
}

/// What to do after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Again(Duration),
    GiveUp(Duration),
}

impl Default for Patience {
    fn default() -> Self {
        Self { pause: PAUSE, refusals: 0 }
    }
}

impl Patience {
    /// The event could not be sent. Pauses grow until one can: an output that refuses everything loses slowly.
    pub(super) fn failed(&mut self, error: &SendError) -> Then {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST);
        if !is_final(error) {
            let asked = match error {
                SendError::Refused { retry_after, .. } => retry_after.unwrap_or_default(),
                _ => Duration::ZERO,
            };
            return Then::Again(pause.max(asked.min(ASKED)));
        }
        self.refusals += 1;
        if self.refusals < REFUSALS {
            return Then::Again(pause);
        }
        self.refusals = 0;
        Then::GiveUp(pause)
    }
}

/// Whether the same event would be refused again, however long one waits.
fn is_final(error: &SendError) -> bool {
    match error {
        SendError::Refused { status, .. } => !matches!(status, 408 | 425 | 429 | 500..),
        SendError::Request(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, seconds: Option<u64>) -> SendError {
        SendError::Refused { status, body: String::new(), retry_after: seconds.map(Duration::from_secs) }
    }

    #[test]
    fn what_is_refused_for_good_is_given_up_and_the_rest_is_not() {
        for status in [400, 413, 422] {
            let mut patience = Patience::default();
            let said: Vec<Then> = (0..3).map(|_| patience.failed(&refused(status, None))).collect();
            assert!(matches!(said[..], [Then::Again(_), Then::Again(_), Then::GiveUp(_)]), "{status}");
        }
        for status in [408, 425, 429, 500, 503] {
            let mut patience = Patience::default();
            let again = (0..100).all(|_| matches!(patience.failed(&refused(status, None)), Then::Again(_)));
            assert!(again, "{status}");
        }
        let mut patience = Patience::default();
        assert!((0..100).all(|_| matches!(patience.failed(&SendError::Timeout), Then::Again(_))));
    }

    #[test]
    fn pauses_grow_to_five_minutes_and_those_asked_for_are_kept_up_to_an_hour() {
        let mut patience = Patience::default();
        let pauses: Vec<Then> = (0..12).map(|_| patience.failed(&refused(503, None))).collect();
        assert_eq!(pauses[..3], [1, 2, 4].map(|s| Then::Again(Duration::from_secs(s))));
        assert_eq!(pauses[11], Then::Again(LONGEST));
        let asked = |seconds| Patience::default().failed(&refused(429, Some(seconds)));
        assert_eq!(asked(30), Then::Again(Duration::from_secs(30)));
        assert_eq!(asked(1_000_000), Then::Again(ASKED));
    }
}
