use super::{integer, natural, write::severity_rank};
use crate::{
    AuditRecord, AuditVerdict, DecisionRecord, EventFilter, GENESIS, HistoryCounts, HistoryEdge,
    HistoryPoint, Loaded, PolicyRecord, Reader, RevisionRecord, ServiceRecord, SessionRecord, SpoolRecord,
    StoreError, StoredEvent, TokenRecord, audit::Verifier,
};
use bulkhead_model::{Event, Identity, ServiceName, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params_from_iter, types::Value};
use std::{path::Path, time::Duration};

/// A connection that only reads.
#[derive(Debug)]
pub struct SqliteReader {
    connection: Connection,
}

impl SqliteReader {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(Self { connection })
    }
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp(natural(row.get(column)?)))
}

fn optional_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|t| Timestamp(natural(t))))
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let found = statement.query_map([], read)?.collect::<Result<_, _>>()?;
    Ok(found)
}

fn largest(connection: &Connection, sql: &str) -> Result<u64, StoreError> {
    let found: Option<i64> = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(natural(found.unwrap_or(0)))
}

/// A name from the column, or nothing where a later version's rules forbid it.
fn service(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<ServiceName>> {
    Ok(row.get::<_, String>(column)?.parse().ok())
}

pub(super) fn load(connection: &Connection) -> Result<Loaded, StoreError> {
    let named = |sql: &str| -> Result<Vec<(ServiceName, String)>, StoreError> {
        let all = rows(connection, sql, |row| Ok((service(row, 0)?, row.get::<_, String>(1)?)))?;
        Ok(all.into_iter().filter_map(|(name, data)| Some((name?, data))).collect())
    };
    let texts =
        |sql: &str| rows(connection, sql, |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    let next = largest(connection, "SELECT max(value) FROM counter WHERE name = 'next-identity'")?;
    let identities = rows(connection, "SELECT service, identity FROM identity", |row| {
        Ok((service(row, 0)?, Identity(row.get(1)?)))
    })?;
    let head = connection
        .query_row("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1", [], |row| {
            Ok((natural(row.get(0)?), row.get::<_, String>(1)?))
        })
        .optional()?
        .unwrap_or((0, GENESIS.to_owned()));
    Ok(Loaded {
        next_identity: u32::try_from(next).unwrap_or(0).max(Identity::FIRST_SERVICE),
        identities: identities.into_iter().filter_map(|(name, id)| Some((name?, id))).collect(),
        services: named("SELECT name, data FROM service")?
            .into_iter()
            .map(|(name, data)| ServiceRecord { name, data })
            .collect(),
        learners: named("SELECT service, data FROM learner")?,
        edges: texts("SELECT id, data FROM edge")?,
        policies: rows(connection, "SELECT * FROM policy ORDER BY namespace, name", |row| {
            Ok(PolicyRecord {
                namespace: row.get(0)?,
                name: row.get(1)?,
                origin: row.get(2)?,
                yaml: row.get(3)?,
                revision: natural(row.get(4)?),
                updated: time(row, 5)?,
                actor: row.get(6)?,
                manager: row.get(7)?,
            })
        })?,
        revision: largest(connection, "SELECT max(revision) FROM revision")?,
        tokens: rows(connection, "SELECT * FROM token", |row| {
            Ok(TokenRecord {
                id: row.get(0)?,
                hash: row.get(1)?,
                name: row.get(2)?,
                role: row.get(3)?,
                created: time(row, 4)?,
                created_by: row.get(5)?,
                last_used: optional_time(row, 6)?,
                expires: optional_time(row, 7)?,
            })
        })?,
        sessions: rows(connection, "SELECT * FROM session", |row| {
            Ok(SessionRecord {
                hash: row.get(0)?,
                token: row.get(1)?,
                csrf: row.get(2)?,
                expires: time(row, 3)?,
            })
        })?,
        settings: texts("SELECT key, data FROM setting")?,
        decisions: texts("SELECT id, data FROM decision")?
            .into_iter()
            .map(|(id, data)| DecisionRecord { id, data })
            .collect(),
        spool: rows(connection, "SELECT * FROM spool ORDER BY output, id", |row| {
            Ok(SpoolRecord { output: row.get(0)?, id: natural(row.get(1)?), data: row.get(2)? })
        })?,
        objects: rows(connection, "SELECT kind, id, data FROM object", |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?,
        last_event: largest(connection, "SELECT max(id) FROM event")?,
        last_position: largest(connection, "SELECT max(position) FROM event")?,
        audit_sequence: head.0,
        audit_head: head.1,
    })
}

fn event(row: &Row<'_>) -> rusqlite::Result<(u64, Timestamp, String, String)> {
    Ok((natural(row.get(0)?), time(row, 1)?, row.get(2)?, row.get(3)?))
}

fn decode((position, last, kind, data): (u64, Timestamp, String, String)) -> Result<StoredEvent, StoreError> {
    let event: Event =
        serde_json::from_str(&data).map_err(|source| StoreError::Record { what: "event", source })?;
    Ok(StoredEvent { position, last, kind, services: Vec::new(), event })
}

fn audit_record(row: &Row<'_>) -> rusqlite::Result<AuditRecord> {
    Ok(AuditRecord {
        sequence: natural(row.get(0)?),
        time: time(row, 1)?,
        actor: row.get(2)?,
        role: row.get(3)?,
        action: row.get(4)?,
        target: row.get(5)?,
        detail: row.get(6)?,
        address: row.get(7)?,
        hash: row.get(8)?,
    })
}

impl Reader for SqliteReader {
    fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>, StoreError> {
        let mut values: Vec<Value> = Vec::new();
        let mut sql = String::from("SELECT e.position, e.last, e.kind, e.data FROM event e");
        if let Some(service) = &filter.service {
            sql.push_str(" JOIN event_service s ON s.id = e.id AND s.service = ?");
            values.push(service.to_string().into());
        }
        sql.push_str(" WHERE 1");
        if !filter.kinds.is_empty() {
            let marks = vec!["?"; filter.kinds.len()].join(", ");
            sql.push_str(&format!(" AND e.kind IN ({marks})"));
            values.extend(filter.kinds.iter().map(|kind| kind.clone().into()));
        }
        if let Some(severity) = filter.severity {
            sql.push_str(" AND e.severity >= ?");
            values.push(severity_rank(severity).into());
        }
        if let Some(since) = filter.since {
            sql.push_str(" AND e.last >= ?");
            values.push(integer(since.0).into());
        }
        if let Some(before) = filter.before {
            sql.push_str(" AND e.id < ?");
            values.push(integer(before).into());
        }
        sql.push_str(" ORDER BY e.id DESC LIMIT ?");
        values.push(i64::from(filter.limit).into());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_map(params_from_iter(values), event)?;
        found.map(|row| decode(row?)).collect()
    }

    fn events_after(&self, position: u64, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT position, last, kind, data FROM event WHERE position > ?1 ORDER BY position LIMIT ?2",
        )?;
        let found = statement.query_map([integer(position), i64::from(limit)], event)?;
        found.map(|row| decode(row?)).collect()
    }

    fn count_events(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT count(*), min(time) FROM event")?;
        Ok(statement.query_row([], |row| Ok((natural(row.get(0)?), optional_time(row, 1)?)))?)
    }

    fn audit(
        &self,
        before: Option<u64>,
        actor: Option<&str>,
        action: Option<&str>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT * FROM audit WHERE (?1 IS NULL OR sequence < ?1) AND (?2 IS NULL OR actor = ?2) \
             AND (?3 IS NULL OR action = ?3) ORDER BY sequence DESC LIMIT ?4",
        )?;
        let values = rusqlite::params![before.map(integer), actor, action, limit];
        let found = statement.query_map(values, audit_record)?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    fn verify_audit(&self) -> Result<AuditVerdict, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT * FROM audit ORDER BY sequence")?;
        let removed = self
            .connection
            .query_row("SELECT sequence, hash FROM audit_checkpoint", [], |row| {
                Ok((natural(row.get(0)?), row.get(1)?))
            })
            .optional()?;
        let mut verifier = Verifier::new(removed);
        let mut entries = 0;
        for record in statement.query_map([], audit_record)? {
            verifier.check(&record?);
            entries += 1;
        }
        Ok(verifier.finish(entries))
    }

    fn revisions(&self, before: Option<u64>, limit: u32) -> Result<Vec<RevisionRecord>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT revision, time, actor, summary, diff, '' FROM revision WHERE (?1 IS NULL OR revision < ?1) \
             ORDER BY revision DESC LIMIT ?2",
        )?;
        let values = rusqlite::params![before.map(integer), limit];
        let found = statement.query_map(values, revision_record)?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    fn history(&self, from: Timestamp, to: Timestamp) -> Result<Vec<HistoryEdge>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT e.id, e.data, min(h.start), max(h.start), sum(h.connections), sum(h.packets), sum(h.bytes), \
             sum(h.denied), sum(h.would_deny) FROM history h JOIN history_edge e ON e.number = h.edge \
             WHERE h.start BETWEEN ?1 AND ?2 GROUP BY h.edge ORDER BY e.id",
        )?;
        let found = statement.query_map([integer(from.0), integer(to.0)], |row| {
            Ok(HistoryEdge {
                edge: row.get(0)?,
                data: row.get(1)?,
                first: time(row, 2)?,
                last: time(row, 3)?,
                counts: counts(row, 4)?,
            })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    fn timeline(&self, from: Timestamp, to: Timestamp) -> Result<Vec<HistoryPoint>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "WITH born AS (SELECT start, count(*) AS edges FROM (SELECT min(start) AS start FROM history GROUP BY edge) \
             GROUP BY start) \
             SELECT h.start, count(*), coalesce((SELECT edges FROM born WHERE born.start = h.start), 0), \
             sum(h.connections), sum(h.packets), sum(h.bytes), sum(h.denied), sum(h.would_deny) \
             FROM history h WHERE h.start BETWEEN ?1 AND ?2 GROUP BY h.start ORDER BY h.start",
        )?;
        let found = statement.query_map([integer(from.0), integer(to.0)], |row| {
            Ok(HistoryPoint {
                start: time(row, 0)?,
                edges: natural(row.get(1)?),
                new_edges: natural(row.get(2)?),
                counts: counts(row, 3)?,
            })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    fn oldest_history(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT min(start) FROM history")?;
        Ok(statement.query_row([], |row| optional_time(row, 0))?)
    }

    fn revision(&self, revision: u64) -> Result<Option<RevisionRecord>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT * FROM revision WHERE revision = ?1")?;
        Ok(statement.query_row([integer(revision)], revision_record).optional()?)
    }
}

/// Five columns from this one on.
fn counts(row: &Row<'_>, column: usize) -> rusqlite::Result<HistoryCounts> {
    let at = |offset: usize| Ok::<_, rusqlite::Error>(natural(row.get(column + offset)?));
    Ok(HistoryCounts {
        connections: at(0)?,
        packets: at(1)?,
        bytes: at(2)?,
        denied: at(3)?,
        would_deny: at(4)?,
    })
}

fn revision_record(row: &Row<'_>) -> rusqlite::Result<RevisionRecord> {
    Ok(RevisionRecord {
        revision: natural(row.get(0)?),
        time: time(row, 1)?,
        actor: row.get(2)?,
        summary: row.get(3)?,
        diff: row.get(4)?,
        documents: row.get(5)?,
    })
}
