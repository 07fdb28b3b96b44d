//! What must survive a restart.
//!
//! The controller keeps its state in memory and writes every change here; [`Store`] is what it needs of a database, so
//! that several controllers can later share one that is not SQLite. [`Writer`] owns the writing end on a thread of its
//! own: nothing here ever blocks an async thread, and a full disk delays writes instead of losing them.
//!
//! Records that only the controller understands travel as JSON text; columns exist for what is searched.

#![forbid(unsafe_code)]

mod audit;
mod change;
mod error;
mod sqlite;
mod writer;

pub use audit::{AuditRecord, AuditVerdict, GENESIS};
pub use change::{
    Change, DecisionRecord, EventFilter, HISTORY_COARSE, HISTORY_FINE, HISTORY_STEP, HistoryCounts,
    HistoryEdge, HistoryPoint, HistoryRecord, Keep, Loaded, PolicyRecord, Pruned, RevisionRecord,
    ServiceRecord, SessionRecord, SpoolRecord, StoredEvent, TokenRecord,
};
pub use error::StoreError;
pub use sqlite::{Opened, SetAside, SqliteReader, SqliteStore, back_up};
pub use writer::{StoreHealth, Writer};

use bulkhead_model::Timestamp;

/// The writing end: one owner.
pub trait Store: Send + 'static {
    /// All that the controller keeps in memory.
    fn load(&mut self) -> Result<Loaded, StoreError>;
    /// All of the changes or none; once it returns they survive a crash of the process and of the machine.
    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError>;
    /// Removes what is older than may be kept, makes old history coarse, and removes the oldest events, history and
    /// revisions while too many bytes are used; never the newest of each, nor the audit log.
    fn prune(&mut self, now: Timestamp, keep: Keep) -> Result<Pruned, StoreError>;
    fn bytes(&mut self) -> Result<u64, StoreError>;
}

/// A reading end: any number, independent of the writer.
pub trait Reader: Send + 'static {
    fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>, StoreError>;
    /// In order of their stream position, which is greater than `position`.
    fn events_after(&self, position: u64, limit: u32) -> Result<Vec<StoredEvent>, StoreError>;
    fn count_events(&self) -> Result<(u64, Option<Timestamp>), StoreError>;
    /// Newest first, older than sequence number `before`.
    fn audit(
        &self,
        before: Option<u64>,
        actor: Option<&str>,
        action: Option<&str>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError>;
    /// Walks the whole chain.
    fn verify_audit(&self) -> Result<AuditVerdict, StoreError>;
    /// Newest first, older than revision `before`, without their documents.
    fn revisions(&self, before: Option<u64>, limit: u32) -> Result<Vec<RevisionRecord>, StoreError>;
    /// Edges on which something was counted in steps that begin between the two, both included.
    fn history(&self, from: Timestamp, to: Timestamp) -> Result<Vec<HistoryEdge>, StoreError>;
    /// The steps between the two, in order.
    fn timeline(&self, from: Timestamp, to: Timestamp) -> Result<Vec<HistoryPoint>, StoreError>;
    /// Start of the oldest step.
    fn oldest_history(&self) -> Result<Option<Timestamp>, StoreError>;
    /// With its documents.
    fn revision(&self, revision: u64) -> Result<Option<RevisionRecord>, StoreError>;
}
