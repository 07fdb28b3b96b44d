use crate::JudgedEdge;
use bulkhead_model::{Direction, ServiceName, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A learned rule that waits for a decision, or has one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReviewItem {
    pub id: String,
    /// The service whose policy the rule belongs to.
    pub service: ServiceName,
    pub direction: Direction,
    /// The rule as one line for people.
    pub rule: String,
    /// The rule as YAML of its document's list.
    pub yaml: String,
    /// The edges it comes from.
    pub evidence: Vec<JudgedEdge>,
    /// Why a person should look: scan, open-ended, seen once, ...; empty where nothing is odd.
    pub flags: Vec<String>,
    /// Narrower rules that could be accepted in its place.
    pub narrower: Vec<Narrowing>,
    pub decision: Option<Decided>,
}

/// A narrower rule, and what it would deny of the recorded traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Narrowing {
    pub id: String,
    pub rule: String,
    pub yaml: String,
    /// Seen connections that it would deny.
    pub denies_connections: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decided {
    pub decision: Decision,
    pub actor: String,
    pub time: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It belongs there: a rule of the user's own says so from now on.
    Accept,
    /// Not to be allowed.
    Reject,
    /// It is an attack: never learned, reported as such.
    Attack,
    /// Take the decision back.
    Undo,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReviewList {
    pub items: Vec<ReviewItem>,
    pub undecided: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReviewQuery {
    #[param(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// With the decided ones too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
    /// The first so many alone; 0 asks only how many wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewRequest {
    pub decisions: Vec<ReviewDecision>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewDecision {
    pub id: String,
    pub decision: Decision,
    /// With `accept`: the `id` of a narrower rule to be accepted in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrow: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReviewResult {
    pub decided: u64,
    pub revision: u64,
    pub diff: String,
}
