use super::{SqliteStore, integer, natural};
use crate::{Change, HistoryRecord, Keep, Loaded, PolicyRecord, Pruned, Store, StoreError, StoredEvent};
use bulkhead_model::{Severity, Timestamp};
use rusqlite::{Transaction, TransactionBehavior, params};

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Loaded, StoreError> {
        super::read::load(&self.connection)
    }

    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for change in changes {
            apply(&transaction, change)?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn prune(&mut self, now: Timestamp, keep: Keep) -> Result<Pruned, StoreError> {
        super::prune::prune(self, now, keep)
    }

    fn bytes(&mut self) -> Result<u64, StoreError> {
        let pages: i64 = self.connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let free: i64 = self.connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
        let size: i64 = self.connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        Ok(natural((pages - free) * size))
    }
}

fn put_history(to: &Transaction<'_>, record: &HistoryRecord) -> Result<(), StoreError> {
    run(to, "INSERT OR IGNORE INTO history_edge (id, data) VALUES (?1, ?2)", [&record.edge, &record.data])?;
    let c = &record.counts;
    run(
        to,
        "INSERT INTO history SELECT ?2, number, ?3, ?4, ?5, ?6, ?7 FROM history_edge WHERE id = ?1 \
         ON CONFLICT (start, edge) DO UPDATE SET connections = connections + excluded.connections, \
         packets = packets + excluded.packets, bytes = bytes + excluded.bytes, denied = denied + excluded.denied, \
         would_deny = would_deny + excluded.would_deny",
        params![
            record.edge,
            integer(record.start.0),
            integer(c.connections),
            integer(c.packets),
            integer(c.bytes),
            integer(c.denied),
            integer(c.would_deny)
        ],
    )
}

fn run(to: &Transaction<'_>, sql: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
    to.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn apply(to: &Transaction<'_>, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::Identity { service, identity, next } => {
            run(
                to,
                "INSERT OR REPLACE INTO identity VALUES (?1, ?2)",
                params![service.to_string(), identity.0],
            )?;
            run(to, "INSERT OR REPLACE INTO counter VALUES ('next-identity', ?1)", [next])
        }
        Change::Service(service) => run(
            to,
            "INSERT OR REPLACE INTO service VALUES (?1, ?2)",
            params![service.name.to_string(), service.data],
        ),
        Change::RemoveService(name) => {
            let name = name.to_string();
            run(to, "DELETE FROM service WHERE name = ?1", [&name])?;
            run(to, "DELETE FROM learner WHERE service = ?1", [&name])?;
            run(to, "DELETE FROM identity WHERE service = ?1", [&name])
        }
        Change::Learner { service, data } => {
            run(to, "INSERT OR REPLACE INTO learner VALUES (?1, ?2)", params![service.to_string(), data])
        }
        Change::Edge { id, data } => {
            run(to, "INSERT OR REPLACE INTO edge VALUES (?1, ?2)", params![id, data])
        }
        Change::RemoveEdge(id) => run(to, "DELETE FROM edge WHERE id = ?1", [id]),
        Change::Policy(policy) => put_policy(to, policy),
        Change::RemovePolicy { namespace, name } => {
            run(to, "DELETE FROM policy WHERE namespace = ?1 AND name = ?2", [namespace, name])
        }
        Change::Revision(r) => run(
            to,
            "INSERT OR REPLACE INTO revision VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![integer(r.revision), integer(r.time.0), r.actor, r.summary, r.diff, r.documents],
        ),
        Change::Event(event) => put_event(to, event),
        Change::Audit(a) => run(
            to,
            "INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                integer(a.sequence),
                integer(a.time.0),
                a.actor,
                a.role,
                a.action,
                a.target,
                a.detail,
                a.address,
                a.hash
            ],
        ),
        Change::Token(t) => run(
            to,
            "INSERT OR REPLACE INTO token VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                t.id,
                t.hash,
                t.name,
                t.role,
                integer(t.created.0),
                t.created_by,
                t.last_used.map(|t| integer(t.0)),
                t.expires.map(|t| integer(t.0))
            ],
        ),
        Change::RemoveToken(id) => {
            run(to, "DELETE FROM token WHERE id = ?1", [id])?;
            run(to, "DELETE FROM session WHERE token = ?1", [id])
        }
        Change::Session(s) => run(
            to,
            "INSERT OR REPLACE INTO session VALUES (?1, ?2, ?3, ?4)",
            params![s.hash, s.token, s.csrf, integer(s.expires.0)],
        ),
        Change::RemoveSession(hash) => run(to, "DELETE FROM session WHERE hash = ?1", [hash]),
        Change::Setting { key, data } => {
            run(to, "INSERT OR REPLACE INTO setting VALUES (?1, ?2)", params![key, data])
        }
        Change::Decision(d) => run(to, "INSERT OR REPLACE INTO decision VALUES (?1, ?2)", [&d.id, &d.data]),
        Change::RemoveDecision(id) => run(to, "DELETE FROM decision WHERE id = ?1", [id]),
        Change::Spool(s) => run(
            to,
            "INSERT OR REPLACE INTO spool VALUES (?1, ?2, ?3)",
            params![s.output, integer(s.id), s.data],
        ),
        Change::Unspool { output, id } => {
            run(to, "DELETE FROM spool WHERE output = ?1 AND id = ?2", params![output, integer(*id)])
        }
        Change::Object { kind, id, data } => {
            run(to, "INSERT OR REPLACE INTO object VALUES (?1, ?2, ?3)", params![kind, id, data])
        }
        Change::RemoveObject { kind, id } => {
            run(to, "DELETE FROM object WHERE kind = ?1 AND id = ?2", params![kind, id])
        }
        Change::History(record) => put_history(to, record),
    }
}

fn put_policy(to: &Transaction<'_>, p: &PolicyRecord) -> Result<(), StoreError> {
    run(
        to,
        "INSERT OR REPLACE INTO policy VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            p.namespace,
            p.name,
            p.origin,
            p.yaml,
            integer(p.revision),
            integer(p.updated.0),
            p.actor,
            p.manager
        ],
    )
}

fn put_event(to: &Transaction<'_>, stored: &StoredEvent) -> Result<(), StoreError> {
    let event = &stored.event;
    let data = serde_json::to_string(event).map_err(|source| StoreError::Record { what: "event", source })?;
    run(
        to,
        "INSERT OR REPLACE INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            integer(event.id.0),
            integer(stored.position),
            integer(event.time.0),
            integer(stored.last.0),
            severity_rank(event.severity),
            stored.kind,
            data
        ],
    )?;
    for service in &stored.services {
        run(
            to,
            "INSERT OR IGNORE INTO event_service VALUES (?1, ?2)",
            params![service.to_string(), integer(event.id.0)],
        )?;
    }
    Ok(())
}

pub(super) fn severity_rank(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 0,
        Severity::Notice => 1,
        Severity::Warning => 2,
        Severity::Critical => 3,
    }
}
