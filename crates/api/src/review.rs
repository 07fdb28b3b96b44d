use crate::JudgedEdge;
use bulkhead_model::{Direction, ServiceName, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A learned rule that waits for a decision, or has one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReviewItem {
    pub id: String,
    #[serde(default)]
    pub kind: ReviewKind,
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

/// Where a rule of the queue comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewKind {
    /// It was seen, and is learned unless it is set aside.
    #[default]
    Learned,
    /// An environment, an argument or `depends_on` of Compose names it; it was never seen. It is allowed only when
    /// somebody accepts it.
    Declared,
    /// One rule for many edges of an open-ended service. It is there only when somebody accepts it.
    Proposal,
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
    /// The rule that was accepted in the place of the learned one, as YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
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

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewRequest {
    #[serde(default)]
    pub decisions: Vec<ReviewDecision>,
    /// Decides on every rule that fits as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<ReviewPattern>,
    /// Say what would change, and change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Rules by what they are about; all that is given must fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewPattern {
    pub decision: Decision,
    /// The service, with `*` for any text: `shop/*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The peer, likewise: `203.0.113.*`, `world`, `*.example.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ReviewKind>,
    /// A part of one of the flags: `scan`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// Those that are decided too; always so with `undo`.
    #[serde(default)]
    pub decided: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewDecision {
    pub id: String,
    pub decision: Decision,
    /// With `accept`: the `id` of a narrower rule to be accepted in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrow: Option<String>,
    /// With `accept`: a rule to be accepted in its place, as YAML in the form of the item's. It may allow less than the
    /// learned one, and nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReviewResult {
    pub decided: u64,
    #[serde(default)]
    pub dry_run: bool,
    pub revision: u64,
    /// Of the learned documents, as unified diff.
    pub diff: String,
    /// What takes exactly this back: each rule is left as it was before, decided or not.
    #[serde(default)]
    pub undo: Vec<ReviewDecision>,
}
