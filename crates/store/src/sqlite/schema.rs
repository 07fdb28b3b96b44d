//! The tables, as steps from one version to the next: append steps, never change one.

use rusqlite::{Connection, Transaction};

/// "BLKH"
pub(super) const APPLICATION_ID: i64 = 0x424c_4b48;

const STEPS: &[&str] = &[
    "
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE identity (service TEXT PRIMARY KEY, identity INTEGER NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE service (name TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE learner (service TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE edge (id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE policy (
    namespace TEXT NOT NULL, name TEXT NOT NULL, origin TEXT NOT NULL, yaml TEXT NOT NULL,
    revision INTEGER NOT NULL, updated INTEGER NOT NULL, actor TEXT NOT NULL,
    PRIMARY KEY (namespace, name)
) WITHOUT ROWID;
CREATE TABLE revision (
    revision INTEGER PRIMARY KEY, time INTEGER NOT NULL, actor TEXT NOT NULL, summary TEXT NOT NULL,
    diff TEXT NOT NULL, documents TEXT NOT NULL
);
CREATE TABLE event (
    id INTEGER PRIMARY KEY, position INTEGER NOT NULL UNIQUE, time INTEGER NOT NULL, last INTEGER NOT NULL,
    severity INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX event_last ON event (last);
CREATE INDEX event_kind ON event (kind, id);
CREATE TABLE event_service (
    service TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (service, id)
) WITHOUT ROWID;
CREATE INDEX event_service_id ON event_service (id);
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL, actor TEXT NOT NULL, role TEXT, action TEXT NOT NULL,
    target TEXT NOT NULL, detail TEXT NOT NULL, address TEXT, hash TEXT NOT NULL
);
CREATE TRIGGER audit_is_append_only_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_append_only_delete BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TABLE token (
    id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
    created INTEGER NOT NULL, created_by TEXT NOT NULL, last_used INTEGER, expires INTEGER
) WITHOUT ROWID;
CREATE TABLE session (
    hash BLOB PRIMARY KEY, token TEXT NOT NULL, csrf TEXT NOT NULL, expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE setting (key TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE decision (id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE spool (
    output TEXT NOT NULL, id INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (output, id)
) WITHOUT ROWID;
",
    "
ALTER TABLE policy ADD COLUMN manager TEXT;
CREATE TABLE object (
    kind TEXT NOT NULL, id TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE TABLE history_edge (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, data TEXT NOT NULL);
CREATE TABLE history (
    start INTEGER NOT NULL, edge INTEGER NOT NULL, connections INTEGER NOT NULL, packets INTEGER NOT NULL,
    bytes INTEGER NOT NULL, denied INTEGER NOT NULL, would_deny INTEGER NOT NULL, PRIMARY KEY (start, edge)
) WITHOUT ROWID;
",
    "
CREATE TABLE audit_checkpoint (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL, hash TEXT NOT NULL);
DROP TRIGGER audit_is_append_only_delete;
CREATE TRIGGER audit_is_append_only_delete BEFORE DELETE ON audit
    WHEN OLD.sequence > (SELECT coalesce(max(sequence), 0) FROM audit_checkpoint)
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
",
];

/// The version that this program writes.
pub(super) const VERSION: u32 = STEPS.len() as u32;

pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

pub(super) fn application_id(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA application_id", [], |row| row.get(0))
}

/// Brings the tables up to [`VERSION`], all steps or none.
pub(super) fn migrate(transaction: &Transaction<'_>, from: u32) -> rusqlite::Result<()> {
    for step in STEPS.iter().skip(from as usize) {
        transaction.execute_batch(step)?;
    }
    transaction
        .execute_batch(&format!("PRAGMA user_version = {VERSION}; PRAGMA application_id = {APPLICATION_ID};"))
}
