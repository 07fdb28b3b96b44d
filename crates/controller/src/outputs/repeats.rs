//! Events that are counted on: sent once a minute, and their last state always.

use bulkhead_model::EventId;
use bulkhead_store::StoredEvent;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// An event that is counted on is sent again no more often than this.
const REPEAT: Duration = Duration::from_secs(60);
/// Events remembered before those told longer ago are forgotten.
const ROOM: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// When each was sent last, and what has become of it since.
    told: HashMap<EventId, (Instant, Option<Arc<StoredEvent>>)>,
}

impl Repeats {
    /// Whether to send the event now; else it waits as the newest state of what was sent less than a minute ago.
    pub(super) fn is_due(&mut self, event: &Arc<StoredEvent>, now: Instant) -> bool {
        match self.told.get_mut(&event.event.id) {
            Some((told, waiting)) if now.duration_since(*told) < REPEAT => {
                *waiting = Some(Arc::clone(event));
                false
            }
            _ => true,
        }
    }

    pub(super) fn sent(&mut self, id: EventId, now: Instant) {
        if self.told.len() > ROOM {
            self.told.retain(|_, (told, waiting)| waiting.is_some() || now.duration_since(*told) < REPEAT);
        }
        self.told.insert(id, (now, None));
    }

    /// What waits and may be sent.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Arc<StoredEvent>> {
        self.take(|told| now.duration_since(told) >= REPEAT)
    }

    /// All that waits.
    pub(super) fn rest(&mut self) -> Vec<Arc<StoredEvent>> {
        self.take(|_| true)
    }

    fn take(&mut self, is_due: impl Fn(Instant) -> bool) -> Vec<Arc<StoredEvent>> {
        let due = self.told.values_mut().filter(|(told, _)| is_due(*told));
        let mut due: Vec<_> = due.filter_map(|(_, waiting)| waiting.take()).collect();
        due.sort_by_key(|stored| stored.position);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulkhead_model::{Event, EventKind, Severity, Timestamp};

    fn event(id: u64, position: u64) -> Arc<StoredEvent> {
        let kind = EventKind::Lost { what: "x".into(), count: position };
        let event = Event {
            id: EventId(id),
            time: Timestamp(0),
            severity: Severity::Warning,
            message: "".into(),
            kind,
        };
        let (last, kind) = (Timestamp(0), "lost".to_owned());
        Arc::new(StoredEvent { position, last, kind, services: vec![], event })
    }

    #[test]
    fn the_last_state_of_what_is_counted_on_is_sent_once_a_minute_has_passed() {
        let mut repeats = Repeats::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(repeats.is_due(&event(1, 1), at(0)));
        repeats.sent(EventId(1), at(0));
        for position in 2..30 {
            assert!(!repeats.is_due(&event(1, position), at(position)));
        }
        assert!(repeats.is_due(&event(2, 30), at(30)), "another event does not wait");
        assert_eq!(repeats.due(at(59)), []);
        assert_eq!(repeats.due(at(60)), [event(1, 29)]);
        repeats.sent(EventId(1), at(60));
        assert_eq!(repeats.due(at(200)), [], "once");
        assert!(repeats.is_due(&event(1, 31), at(200)));
    }

    #[test]
    fn nothing_that_waits_is_forgotten_for_want_of_room_or_at_the_end() {
        let mut repeats = Repeats::default();
        let start = Instant::now();
        repeats.sent(EventId(0), start);
        assert!(!repeats.is_due(&event(0, 1), start));
        let later = start + 2 * REPEAT;
        for id in 1..=2 * ROOM as u64 {
            repeats.sent(EventId(id), later);
        }
        assert_eq!(repeats.rest(), [event(0, 1)]);
        assert_eq!(repeats.rest(), []);
    }
}
