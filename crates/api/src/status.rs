use bulkhead_model::{Timestamp, node::NodeHealth};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The estate at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    pub version: String,
    /// The server's clock at the time of the answer.
    pub time: Timestamp,
    pub started: Timestamp,
    pub uptime_seconds: u64,
    /// Of the policy as it is wanted.
    pub revision: u64,
    /// The oldest revision that a node still enforces; equal to `revision` once every node follows.
    pub enforced_revision: u64,
    pub services: ModeCounts,
    pub workloads: u64,
    pub edges: u64,
    /// Events lost by nodes, store or streams since start.
    pub lost_events: u64,
    /// Each counted once, also where both of its ends are services (which count it each, in their own numbers).
    pub denied_24h: u64,
    pub would_deny_24h: u64,
    /// How many times faster than the wall clock learning believes time to pass. Anything but 1 is for demonstrations:
    /// figures of learning do not hold then.
    pub learn_scale: f64,
    /// Whether services are promoted without being asked for, where nothing else is set for them.
    pub automatic: bool,
    pub nodes: Vec<NodeStatus>,
    /// Promises that do not hold, each as a sentence with its remedy.
    pub not_covered: Vec<String>,
    /// What is wrong at the moment.
    pub degraded: Vec<Degradation>,
    pub store: StoreStatus,
    /// The state of the estate as one sentence with numbers.
    pub sentence: String,
}

/// Services by mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModeCounts {
    pub learn: u64,
    pub monitor: u64,
    pub enforce: u64,
    pub quarantine: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeStatus {
    pub name: String,
    pub last_report: Timestamp,
    pub health: NodeHealth,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Degradation {
    pub what: String,
    pub remedy: String,
    pub since: Timestamp,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreStatus {
    /// Size of the database on disk.
    pub bytes: u64,
    pub events: u64,
    pub oldest_event: Option<Timestamp>,
    /// Records that wait to be written.
    pub pending: u64,
}
