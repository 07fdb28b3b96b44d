use crate::{Automation, AutomationBy, CurvePoint, LearningSummary, Progress};
use bulkhead_model::{
    Direction, Edge, Event, Identity, Mode, Process, RuleOrigin, RuleRef, ServiceName, Timestamp, Verdict,
    Workload,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceSummary {
    pub name: ServiceName,
    pub identity: Identity,
    pub mode: Mode,
    /// Running workloads.
    pub workloads: u64,
    /// Of these, how many no mode confines, or not in all of their networks (`instances[].unconfined` says why).
    #[serde(default)]
    pub unconfined: u64,
    pub images: Vec<String>,
    pub learning: LearningSummary,
    pub automation: Automation,
    pub progress: Progress,
    /// Connections denied in the last 24 hours, as either end.
    pub denied_24h: u64,
    pub would_deny_24h: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceList {
    pub items: Vec<ServiceSummary>,
    pub next: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ServiceQuery {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[param(inline)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// At most this many; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Everything about one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceDetail {
    #[serde(flatten)]
    pub summary: ServiceSummary,
    /// Whose word `automation` is.
    #[serde(default)]
    pub automation_by: AutomationBy,
    /// What it waits for, in a sentence: why it is not promoted yet, or what would take it back.
    #[serde(default)]
    pub outlook: String,
    /// Running workloads, `summary.workloads` of them.
    pub instances: Vec<Workload>,
    /// Who connects to it.
    pub ingress: Vec<JudgedEdge>,
    /// What it connects to.
    pub egress: Vec<JudgedEdge>,
    /// Events that changed what the service may do, or what is known of it; newest first.
    pub timeline: Vec<Event>,
    pub curve: Vec<CurvePoint>,
}

/// An edge and what the policy in force says of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JudgedEdge {
    /// Stable identifier of the edge: `client|server|protocol|port|application`.
    pub id: String,
    #[serde(flatten)]
    pub edge: Edge,
    /// Of the connection as a whole: what a connection on this edge meets now.
    pub verdict: Verdict,
    /// What the client's policy says; absent where the client is no service.
    pub egress: Option<SideVerdict>,
    /// What the server's policy says; absent where the server is no service.
    pub ingress: Option<SideVerdict>,
    /// Packets per second, both directions, over the last minute.
    pub rate: f64,
    /// Names that were resolved for an external server, newest first.
    pub names: Vec<String>,
    /// Processes seen behind it, newest first, at most eight.
    pub processes: Vec<Process>,
    /// Why it is not learned without a decision: it came with a scan, or was denied by hand.
    pub flagged: Option<String>,
}

/// One side's judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SideVerdict {
    pub service: ServiceName,
    pub direction: Direction,
    pub mode: Mode,
    /// What this side does with a connection.
    pub verdict: Verdict,
    /// Whether the side's policy allows it, whatever the mode.
    pub allowed: bool,
    pub rule: Option<RuleInfo>,
}

/// A rule by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleInfo {
    pub reference: RuleRef,
    /// `namespace/name` of the document.
    pub policy: String,
    pub direction: Direction,
    /// Position in the document's list of that direction, from 0.
    pub position: u32,
    pub origin: RuleOrigin,
    pub allow: bool,
    /// The rule as one line for people.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModeChange {
    pub mode: Mode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuarantineRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PromotionQuery {
    /// Mode to look ahead to; `enforce` where none is given.
    #[param(inline)]
    #[serde(default = "enforce")]
    pub to: Mode,
}

fn enforce() -> Mode {
    Mode::Enforce
}

/// What would happen if the service went to another mode now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PromotionPreview {
    pub service: ServiceName,
    pub from: Mode,
    pub to: Mode,
    /// Whether evidence alone would promote it.
    pub ready: bool,
    /// Seen edges that would be denied.
    pub would_deny: Vec<JudgedEdge>,
    pub learning: LearningSummary,
    /// The learned policy that would be in force.
    pub policy_yaml: String,
    /// From the policy in force to that one, as unified diff.
    pub diff: String,
    pub sentence: String,
}
