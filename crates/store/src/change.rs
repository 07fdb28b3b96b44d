use crate::AuditRecord;
use bulkhead_model::{Event, Identity, ServiceName, Severity, Timestamp};
use std::time::Duration;

/// One thing that changed.
#[derive(Debug, Clone)]
pub enum Change {
    /// Numbers are given out once: `next` is the first that never was.
    Identity {
        service: ServiceName,
        identity: Identity,
        next: u32,
    },
    Service(ServiceRecord),
    RemoveService(ServiceName),
    /// What learning knows of the service, as JSON.
    Learner {
        service: ServiceName,
        data: String,
    },
    Edge {
        id: String,
        data: String,
    },
    RemoveEdge(String),
    Policy(PolicyRecord),
    RemovePolicy {
        namespace: String,
        name: String,
    },
    Revision(RevisionRecord),
    /// A new event, or one whose counter moved.
    Event(Box<StoredEvent>),
    Audit(AuditRecord),
    Token(TokenRecord),
    RemoveToken(String),
    Session(SessionRecord),
    RemoveSession(Vec<u8>),
    Setting {
        key: &'static str,
        data: String,
    },
    Decision(DecisionRecord),
    RemoveDecision(String),
    Spool(SpoolRecord),
    Unspool {
        output: String,
        id: u64,
    },
    /// Something that is kept whole under its kind and name.
    Object {
        kind: &'static str,
        id: String,
        data: String,
    },
    RemoveObject {
        kind: &'static str,
        id: String,
    },
    /// What was counted on an edge in a stretch of time; added to what was counted there before.
    History(HistoryRecord),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRecord {
    pub name: ServiceName,
    pub data: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRecord {
    pub namespace: String,
    pub name: String,
    pub origin: String,
    pub yaml: String,
    pub revision: u64,
    pub updated: Timestamp,
    pub actor: String,
    /// The set that owns the document; a document without one was written by hand.
    pub manager: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRecord {
    pub revision: u64,
    pub time: Timestamp,
    pub actor: String,
    pub summary: String,
    pub diff: String,
    /// All documents at that revision, as JSON; empty where they were not asked for.
    pub documents: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Ascending over new events and updates of old ones alike.
    pub position: u64,
    /// When it was last counted on.
    pub last: Timestamp,
    pub kind: String,
    pub services: Vec<ServiceName>,
    pub event: Event,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    pub id: String,
    /// SHA-256 of the secret.
    pub hash: Vec<u8>,
    pub name: String,
    pub role: String,
    pub created: Timestamp,
    pub created_by: String,
    pub last_used: Option<Timestamp>,
    pub expires: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// SHA-256 of the cookie's value.
    pub hash: Vec<u8>,
    pub token: String,
    pub csrf: String,
    pub expires: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRecord {
    pub id: String,
    pub data: String,
}

/// Something that waits to be sent to an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolRecord {
    pub output: String,
    pub id: u64,
    pub data: String,
}

/// What was counted on one edge from `start` on, for the length of a [`HISTORY_STEP`] (older ones: for an hour).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryRecord {
    pub start: Timestamp,
    /// Name of the edge, and what it is as JSON.
    pub edge: String,
    pub data: String,
    pub counts: HistoryCounts,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistoryCounts {
    pub connections: u64,
    pub packets: u64,
    pub bytes: u64,
    pub denied: u64,
    pub would_deny: u64,
}

/// How finely history is kept at first, in milliseconds.
pub const HISTORY_STEP: u64 = 10 * 60_000;
/// What it becomes when it is older than [`HISTORY_FINE`].
pub const HISTORY_COARSE: u64 = 60 * 60_000;
pub const HISTORY_FINE: u64 = 2 * 86_400_000;

/// An edge over a stretch of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEdge {
    pub edge: String,
    pub data: String,
    /// Starts of the first and of the last step in which something was counted.
    pub first: Timestamp,
    pub last: Timestamp,
    pub counts: HistoryCounts,
}

/// All edges in one step of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPoint {
    pub start: Timestamp,
    pub edges: u64,
    /// Edges that are in no older step.
    pub new_edges: u64,
    pub counts: HistoryCounts,
}

/// Which events, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// All where empty.
    pub kinds: Vec<String>,
    pub service: Option<ServiceName>,
    pub severity: Option<Severity>,
    pub since: Option<Timestamp>,
    /// Only events with a smaller number.
    pub before: Option<u64>,
    pub limit: u32,
}

/// What the controller starts from.
#[derive(Debug, Default)]
pub struct Loaded {
    pub next_identity: u32,
    pub identities: Vec<(ServiceName, Identity)>,
    pub services: Vec<ServiceRecord>,
    pub learners: Vec<(ServiceName, String)>,
    pub edges: Vec<(String, String)>,
    pub policies: Vec<PolicyRecord>,
    pub revision: u64,
    pub tokens: Vec<TokenRecord>,
    pub sessions: Vec<SessionRecord>,
    pub settings: Vec<(String, String)>,
    pub decisions: Vec<DecisionRecord>,
    pub spool: Vec<SpoolRecord>,
    /// Kind, id and data of what is kept whole.
    pub objects: Vec<(String, String, String)>,
    pub last_event: u64,
    pub last_position: u64,
    pub audit_sequence: u64,
    pub audit_head: String,
}

/// What retention removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Events that were too old, or too many.
    pub by_age: u64,
    pub by_size: u64,
    /// Likewise, lines of history, revisions, and lines of the audit log.
    pub history: u64,
    pub revisions: u64,
    pub audit: u64,
    /// Bytes that are used although nothing more may be removed.
    pub too_large: Option<u64>,
}

/// What may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    pub events: Duration,
    pub history: Duration,
    /// The newest so many.
    pub revisions: u64,
    pub audit: Duration,
    pub bytes: u64,
}
