//! What may go, and what never does.

use super::{SqliteStore, integer, natural};
use crate::{HISTORY_COARSE, HISTORY_FINE, Keep, Pruned, Store, StoreError};
use bulkhead_model::Timestamp;
use rusqlite::{OptionalExtension, TransactionBehavior, params};
use std::time::Duration;

/// What size never takes: the newest events, the newest lines of history, the newest revisions.
const EVENTS: i64 = 1_000;
const HISTORY: i64 = 1_000;
const REVISIONS: u64 = 10;
/// Events of one bite: small, so that no write waits for long.
const BITE: i64 = 2_000;

pub(super) fn prune(store: &mut SqliteStore, now: Timestamp, keep: Keep) -> Result<Pruned, StoreError> {
    let before = |age: Duration| {
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        integer(now.0.saturating_sub(age))
    };
    let mut pruned = Pruned {
        by_age: store.remove("last < ?1", before(keep.events))?,
        history: store.remove_history(before(keep.history))?,
        revisions: store.remove_revisions(keep.revisions, None)?,
        ..Pruned::default()
    };
    pruned.audit = store.remove_audit(before(keep.audit))?;
    store.make_coarse(now)?;
    while store.bytes()? > keep.bytes {
        if !store.remove_oldest(&mut pruned)? {
            pruned.too_large = Some(store.bytes()?);
            break;
        }
        store.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    if pruned != Pruned::default() {
        let mut vacuum = store.connection.prepare("PRAGMA incremental_vacuum")?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
    }
    Ok(pruned)
}

impl SqliteStore {
    /// One bite of whatever begins earliest; `false` where everything is at its floor.
    fn remove_oldest(&mut self, pruned: &mut Pruned) -> Result<bool, StoreError> {
        let one = |sql: &str, floor: i64| -> Result<Option<i64>, StoreError> {
            Ok(self.connection.query_row(sql, [floor], |row| row.get(0)).optional()?.flatten())
        };
        // Each `None` where there is no more than the floor.
        let event = one("SELECT min(time) FROM event HAVING count(*) > ?1", EVENTS)?;
        let history = one("SELECT min(start) FROM history HAVING count(*) > ?1", HISTORY)?;
        let revision = one("SELECT min(time) FROM revision HAVING count(*) > ?1", integer(REVISIONS))?;
        let oldest = [event, history, revision].into_iter().flatten().min();
        let Some(oldest) = oldest else { return Ok(false) };
        if history == Some(oldest) {
            pruned.history += self.remove_history(oldest + 1)?;
        } else if revision == Some(oldest) {
            pruned.revisions += self.remove_revisions(REVISIONS, Some(oldest))?;
        } else {
            let bound: i64 = self.connection.query_row(
                "SELECT max(id) FROM (SELECT id FROM event ORDER BY id LIMIT \
                 min(?1, max(0, (SELECT count(*) FROM event) - ?2)))",
                [BITE, EVENTS],
                |row| row.get(0),
            )?;
            pruned.by_size += self.remove("id <= ?1", bound)?;
        }
        Ok(true)
    }

    fn remove(&mut self, condition: &str, value: i64) -> Result<u64, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            &format!("DELETE FROM event_service WHERE id IN (SELECT id FROM event WHERE {condition})"),
            [value],
        )?;
        let removed = transaction.execute(&format!("DELETE FROM event WHERE {condition}"), [value])?;
        transaction.commit()?;
        Ok(removed as u64)
    }

    fn remove_history(&mut self, before: i64) -> Result<u64, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let removed = transaction.execute("DELETE FROM history WHERE start < ?1", [before])?;
        if removed > 0 {
            transaction.execute(
                "DELETE FROM history_edge WHERE number NOT IN (SELECT DISTINCT edge FROM history)",
                [],
            )?;
        }
        transaction.commit()?;
        Ok(removed as u64)
    }

    /// All but the newest so many, or of those the ones that are not of after `until`.
    fn remove_revisions(&mut self, keep: u64, until: Option<i64>) -> Result<u64, StoreError> {
        let removed = self.connection.execute(
            "DELETE FROM revision WHERE (?2 IS NULL OR time <= ?2) AND revision <= \
             (SELECT revision FROM revision ORDER BY revision DESC LIMIT 1 OFFSET ?1)",
            params![integer(keep), until],
        )?;
        Ok(removed as u64)
    }

    /// Lines of the audit log that are older, from its beginning on, but never the newest. The hash of the last one that
    /// goes stays: what is left is verified from there.
    fn remove_audit(&mut self, before: i64) -> Result<u64, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // The first line that stays: clocks are set, so that times do not always ascend.
        let first: Option<i64> = transaction.query_row(
            "SELECT coalesce((SELECT min(sequence) FROM audit WHERE time >= ?1), (SELECT max(sequence) FROM audit))",
            [before],
            |row| row.get(0),
        )?;
        let removed = match first {
            Some(first) => {
                transaction.execute(
                    "INSERT OR REPLACE INTO audit_checkpoint SELECT 1, sequence, hash FROM audit WHERE sequence = ?1",
                    [first - 1],
                )?;
                transaction.execute("DELETE FROM audit WHERE sequence < ?1", [first])?
            }
            None => 0,
        };
        transaction.commit()?;
        Ok(natural(i64::try_from(removed).unwrap_or(i64::MAX)))
    }

    /// What is old enough is kept by the hour alone.
    fn make_coarse(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let step = integer(HISTORY_COARSE);
        let before = integer(now.0.saturating_sub(HISTORY_FINE)) / step * step;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "INSERT INTO history SELECT start / ?2 * ?2, edge, sum(connections), sum(packets), sum(bytes), sum(denied), \
             sum(would_deny) FROM history WHERE start < ?1 AND start % ?2 <> 0 GROUP BY start / ?2, edge \
             ON CONFLICT (start, edge) DO UPDATE SET connections = connections + excluded.connections, \
             packets = packets + excluded.packets, bytes = bytes + excluded.bytes, denied = denied + excluded.denied, \
             would_deny = would_deny + excluded.would_deny",
            [before, step],
        )?;
        transaction.execute("DELETE FROM history WHERE start < ?1 AND start % ?2 <> 0", [before, step])?;
        transaction.commit()?;
        Ok(())
    }
}
