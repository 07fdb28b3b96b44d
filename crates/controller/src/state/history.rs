//! What is counted on edges, by stretches of time, so that the graph of an earlier time can be drawn.

use super::{State, edge_id};
use bulkhead_model::{EdgeCounters, EdgeKey, Timestamp};
use bulkhead_store::{Change, HISTORY_STEP, HistoryCounts, HistoryRecord};
use std::collections::HashMap;

/// How often what was counted is written.
const WRITE_MS: u64 = 60_000;

/// What was counted and is not written yet.
#[derive(Debug, Default)]
pub(super) struct Recent {
    start: Timestamp,
    written: Timestamp,
    counts: HashMap<EdgeKey, HistoryCounts>,
}

impl State {
    /// Takes note of what was counted on an edge. Connections and packets count where the side is the one that tells.
    pub(super) fn note_history(&mut self, key: &EdgeKey, counters: &EdgeCounters, tells: bool) {
        let start = Timestamp(self.now.0 / HISTORY_STEP * HISTORY_STEP);
        if start != self.recent.start {
            self.save_history(true);
            self.recent.start = start;
        }
        let tells = u64::from(tells);
        let more = HistoryCounts {
            connections: counters.connections * tells,
            packets: (counters.packets_to_server + counters.packets_to_client) * tells,
            bytes: (counters.bytes_to_server + counters.bytes_to_client) * tells,
            denied: counters.denied,
            would_deny: counters.would_deny,
        };
        if more == HistoryCounts::default() {
            return;
        }
        let counts = match self.recent.counts.get_mut(key) {
            Some(counts) => counts,
            None => self.recent.counts.entry(key.clone()).or_default(),
        };
        counts.connections += more.connections;
        counts.packets += more.packets;
        counts.bytes += more.bytes;
        counts.denied += more.denied;
        counts.would_deny += more.would_deny;
    }

    /// Hands what was counted to the store, once a minute or at once.
    pub(super) fn save_history(&mut self, at_once: bool) {
        let now = self.now;
        if !at_once && now.0.abs_diff(self.recent.written.0) < WRITE_MS {
            return;
        }
        self.recent.written = now;
        let start = self.recent.start;
        for (key, counts) in self.recent.counts.drain() {
            let Ok(data) = serde_json::to_string(&key) else { continue };
            let record = HistoryRecord { start, edge: edge_id(&key), data, counts };
            self.effects.changes.push(Change::History(record));
        }
    }
}
