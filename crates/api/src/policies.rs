use crate::{JudgedEdge, RuleInfo, SideVerdict};
use bulkhead_model::{
    Application, EdgeKey, IpProtocol, Mode, Peer, RuleOrigin, ServiceName, Timestamp, Verdict,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A policy document as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub origin: RuleOrigin,
    /// Revision that last changed it.
    pub revision: u64,
    pub updated: Timestamp,
    pub updated_by: String,
    /// The set that manages it; absent where it was written by hand.
    pub set: Option<String>,
    /// What it applies to, as one line.
    pub target: String,
    pub mode: Option<Mode>,
    pub ingress_rules: u32,
    pub egress_rules: u32,
    /// The document as YAML that can be applied.
    pub yaml: String,
    /// What is suspicious about it: rules that can never match, and the like.
    pub findings: Vec<Finding>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyList {
    pub items: Vec<Policy>,
    pub revision: u64,
}

/// Something that is allowed but probably not meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// `shadowed`, `redundant`, `conflict`, `no-such-service`, ...
    pub kind: String,
    /// `namespace/name ingress[0]`
    pub rule: String,
    pub message: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PolicyFormatQuery {
    /// `json` (default) or `yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// One document to put in the place of the one with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyPut {
    pub yaml: String,
    /// Refuse where the stored document has another revision: somebody else was faster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
    /// Take the document over from the set that manages it.
    #[serde(default)]
    pub force_conflicts: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyRequest {
    /// One or more YAML documents, separated by `---`. All of them hold, or none.
    pub documents: String,
    /// Say what would happen, and change nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// Remove documents of the set that are not among these; without a set, those of the same origin that no set manages.
    #[serde(default)]
    pub prune: bool,
    /// The set that manages these documents from then on: a repository, a pipeline. Nobody else changes them by mistake,
    /// and it changes nobody else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    pub set: Option<String>,
    /// Take over documents that another set manages, or that were written by hand.
    #[serde(default)]
    pub force_conflicts: bool,
    /// Origin of the documents: `user` (default), `declared` (CI/CD, GitOps) or `imported`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<RuleOrigin>,
    /// Name of the file, for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// What an apply did, or would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApplyResult {
    pub dry_run: bool,
    /// After the change; unchanged for a dry run.
    pub revision: u64,
    pub changes: Vec<PolicyChange>,
    /// Unified diff of the documents.
    pub diff: String,
    /// Seen edges that passed before and would be denied.
    pub would_break: Vec<JudgedEdge>,
    /// Edges whose verdict changes in any way.
    pub verdict_changes: Vec<VerdictChange>,
    pub findings: Vec<Finding>,
    pub sentence: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyChange {
    pub action: ChangeAction,
    pub namespace: String,
    pub name: String,
    pub origin: RuleOrigin,
    /// What changes, in words.
    pub summary: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeAction {
    Created,
    Updated,
    Deleted,
    Unchanged,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VerdictChange {
    pub edge: EdgeKey,
    pub before: Verdict,
    pub after: Verdict,
    /// What decides afterwards, as one sentence.
    pub because: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulateRequest {
    pub documents: String,
    /// Judge as if every service were in Enforce.
    #[serde(default)]
    pub enforce: bool,
    /// Judge as if the services that these documents target were in Enforce, and the others as they are.
    #[serde(default)]
    pub enforce_targeted: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Simulation {
    pub edges: u64,
    pub changes: Vec<VerdictChange>,
    pub findings: Vec<Finding>,
    pub sentence: String,
}

/// A state of all documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyRevision {
    pub revision: u64,
    pub time: Timestamp,
    pub actor: String,
    pub summary: String,
    /// From the revision before, as unified diff.
    pub diff: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyHistory {
    /// Newest first.
    pub items: Vec<PolicyRevision>,
    pub next: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    /// Default 50, at most 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only revisions before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    pub revision: u64,
    #[serde(default)]
    pub dry_run: bool,
}

/// All rules of a service in deciding order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EffectivePolicy {
    pub service: ServiceName,
    pub mode: Mode,
    pub revision: u64,
    pub ingress: Vec<EffectiveRule>,
    pub egress: Vec<EffectiveRule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EffectiveRule {
    #[serde(flatten)]
    pub rule: RuleInfo,
    /// Connections that it decided, as far as edges remember.
    pub hits: u64,
    pub last_hit: Option<Timestamp>,
}

/// "May A speak to B?" Peers in text form: `shop/web`, `world`, `host`, an address or a domain name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    #[schema(example = "shop/web")]
    pub from: String,
    #[schema(example = "shop/redis")]
    pub to: String,
    #[serde(default = "tcp")]
    pub protocol: IpProtocol,
    /// Server port; ICMP: `type * 256 + code`; 0 for protocols without ports.
    #[serde(default)]
    pub port: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<Application>,
}

fn tcp() -> IpProtocol {
    IpProtocol::TCP
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    pub edge: EdgeKey,
    pub verdict: Verdict,
    pub egress: Option<SideVerdict>,
    pub ingress: Option<SideVerdict>,
    /// What would allow it, as YAML that can be applied; absent where it is allowed.
    pub allow_with: Option<String>,
    /// Whether such an edge was ever seen.
    pub seen: bool,
    pub sentence: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReachQuery {
    pub from: String,
    pub to: String,
}

/// Whether a packet can ever get from one peer to another, over any number of services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reach {
    pub from: Peer,
    pub to: Peer,
    pub reachable: bool,
    /// The shortest way, hop by hop.
    pub path: Vec<ReachHop>,
    pub sentence: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReachHop {
    pub from: Peer,
    pub to: Peer,
    /// A witness: protocol and port that pass.
    pub protocol: IpProtocol,
    pub port: u16,
    /// All that passes on this hop, as text: `tcp/6379, udp/53`.
    pub through: String,
    /// Whether such a connection was seen.
    pub seen: bool,
    /// The rules that let the witness through; none of a side whose mode does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WhoCanReachQuery {
    #[param(value_type = String)]
    pub service: ServiceName,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhoCanReach {
    pub service: ServiceName,
    /// Peers that may connect directly.
    pub direct: Vec<Reacher>,
    /// Peers that may get there over others.
    pub indirect: Vec<Reacher>,
    pub sentence: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reacher {
    pub peer: Peer,
    pub hops: u32,
    /// All that passes on the last hop, as text.
    pub through: String,
    /// Whether a direct connection was seen.
    pub seen: bool,
    /// The side whose policy is not enforced and therefore lets it pass; absent where the policy allows it.
    pub open_because: Option<String>,
    /// The rules that let one such flow through on the last hop; none of a side whose mode does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}
