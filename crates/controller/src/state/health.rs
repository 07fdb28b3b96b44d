//! What is wrong at the moment, and what was lost.

use super::State;
use bulkhead_api::Degradation;
use bulkhead_model::{EventKind, Severity, Timestamp, node::NodeHealth};

/// Fill of a kernel table from which on it is said aloud.
const FULL: f64 = 0.8;
/// A node that says nothing for longer is silent.
const SILENT_SECONDS: u64 = 30;

impl State {
    /// Something promised does not hold; said once, until it holds again.
    pub(crate) fn degrade(&mut self, key: &str, what: &str, remedy: &str) {
        if let Some(known) = self.degraded.get_mut(key) {
            known.what = what.to_owned();
            return;
        }
        let degradation = Degradation { what: what.to_owned(), remedy: remedy.to_owned(), since: self.now };
        self.degraded.insert(key.to_owned(), degradation);
        self.effects.view = true;
        let kind = EventKind::Degraded { what: what.into(), remedy: remedy.into() };
        self.emit(Severity::Critical, format!("degraded: {what}; {remedy}"), kind);
    }

    pub(crate) fn recover(&mut self, key: &str) {
        if let Some(known) = self.degraded.remove(key) {
            self.effects.view = true;
            let what = known.what;
            let message = format!("recovered: {what}");
            self.emit(Severity::Notice, message, EventKind::Recovered { what: what.into() });
        }
    }

    pub(crate) fn lose(&mut self, what: &str, count: u64) {
        if count == 0 {
            return;
        }
        self.lost += count;
        self.sensor_lost = true;
        let kind = EventKind::Lost { what: what.into(), count };
        self.emit(Severity::Warning, format!("{count} lost: {what}"), kind);
    }

    pub(super) fn node_health(&mut self, health: NodeHealth) {
        let before = self.health.as_ref().map_or(0, |(_, before)| before.lost_events);
        // A smaller number is a new agent's.
        let lost = health.lost_events.checked_sub(before).unwrap_or(health.lost_events);
        self.lose("events that the kernel could not hand over", lost);
        for table in &health.tables {
            let key = format!("table {}", table.name);
            let fill = table.entries as f64 / table.capacity.max(1) as f64;
            if table.capacity > 0 && fill >= FULL {
                let what = format!(
                    "kernel table {} is {:.0} % full ({} of {})",
                    table.name,
                    fill * 100.0,
                    table.entries,
                    table.capacity
                );
                self.degrade(&key, &what, "raise its limit in the agent's configuration");
            } else {
                self.recover(&key);
            }
        }
        if health.revision > 0 {
            self.applied = health.revision;
        }
        self.health = Some((self.now, health));
        self.effects.view = true;
    }

    pub(super) fn watch_health(&mut self) {
        if self.is_silent(self.now) {
            let what = "the agent does not report; the last policy is still enforced, nothing new is seen";
            self.degrade("agent", what, "look at the agent's log and restart it");
        } else {
            self.recover("agent");
        }
    }

    pub(super) fn is_silent(&self, now: Timestamp) -> bool {
        self.health
            .as_ref()
            .is_some_and(|(last, _)| now.since(*last).max(last.since(now)).as_secs() > SILENT_SECONDS)
    }
}
