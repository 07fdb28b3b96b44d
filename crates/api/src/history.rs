use bulkhead_model::{EdgeKey, ServiceName, Timestamp, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which stretch of stored history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HistoryRange {
    /// A day before `until` where absent.
    #[param(value_type = Option<u64>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Now where absent.
    #[param(value_type = Option<u64>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What was counted over time, for a slider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Timeline {
    /// The oldest step that is stored; absent where nothing is.
    pub oldest: Option<Timestamp>,
    /// Length of a step in milliseconds; steps older than two days are an hour long.
    pub step: u64,
    pub points: Vec<TimelinePoint>,
}

/// One step, in order of time; steps in which nothing was counted are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelinePoint {
    pub start: Timestamp,
    /// Edges on which something was counted.
    pub edges: u64,
    /// Edges that are in no older step.
    pub new_edges: u64,
    pub connections: u64,
    pub denied: u64,
    pub would_deny: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PastGraphQuery {
    /// An hour before `until` where absent.
    #[param(value_type = Option<u64>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Now where absent.
    #[param(value_type = Option<u64>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// This service and its direct neighbours.
    #[param(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
}

/// The connection graph of a stretch of time that has passed, in whole steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PastGraph {
    pub since: Timestamp,
    pub until: Timestamp,
    pub edges: Vec<PastEdge>,
    pub sentence: String,
}

/// What was counted on an edge in that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PastEdge {
    /// As the edge is called today.
    pub id: String,
    pub edge: EdgeKey,
    /// The worst that a connection met then.
    pub verdict: Verdict,
    pub connections: u64,
    pub packets: u64,
    pub bytes: u64,
    pub denied: u64,
    pub would_deny: u64,
    /// Starts of the first and of the last step in which something was counted.
    pub first_step: Timestamp,
    pub last_step: Timestamp,
}
