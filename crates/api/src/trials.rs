use crate::{PolicyChange, RuleInfo};
use bulkhead_model::{EdgeKey, RuleOrigin, ServiceName, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Documents to be tried beside the policy in force. Nothing is enforced by them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrialRequest {
    /// One or more YAML documents, as for an apply.
    pub documents: String,
    /// How long, in seconds: from 1 second to 30 days.
    #[schema(minimum = 1, maximum = 2592000)]
    pub seconds: u64,
    /// For people; at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100)]
    pub name: Option<String>,
    /// As for an apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<RuleOrigin>,
    /// As for an apply.
    #[serde(default)]
    pub prune: bool,
    #[serde(default)]
    pub judge: TrialJudge,
}

/// In which modes a trial judges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrialJudge {
    /// Services that a changed document targets as if they enforced, all others in the mode that they are in.
    #[default]
    Changed,
    /// Every service in the mode that it would be in.
    Modes,
    /// Every service as if it enforced.
    Enforce,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrialState {
    Running,
    /// Its time was over.
    Finished,
    /// Somebody ended it before.
    Stopped,
}

/// A candidate policy that runs, or ran, beside the policy in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trial {
    pub id: String,
    pub name: Option<String>,
    pub state: TrialState,
    pub started: Timestamp,
    pub started_by: String,
    /// When its time is over.
    pub ends: Timestamp,
    pub ended: Option<Timestamp>,
    pub judge: TrialJudge,
    /// What the candidate changes.
    pub changes: Vec<PolicyChange>,
    pub counts: TrialCounts,
    /// Connections that passed, were expected, and would be denied: the one number that matters.
    pub denials_of_expected: u64,
    pub sentence: String,
}

/// Connections since the trial began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrialCounts {
    /// All that were judged.
    pub connections: u64,
    pub edges: u64,
    /// Passed, and would be denied.
    pub would_deny: u64,
    /// Of these, those that were expected.
    pub would_deny_expected: u64,
    /// Were denied, and would pass.
    pub would_allow: u64,
    /// Not judged: the nodes did not tell the candidate's external addresses apart yet, or too many edges were there.
    pub not_judged: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrialList {
    /// Newest first.
    pub items: Vec<Trial>,
}

/// A trial with all that it found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrialDetail {
    #[serde(flatten)]
    pub trial: Trial,
    /// From the policy in force to the candidate when the trial began, as unified diff.
    pub diff: String,
    /// Edges whose connections would fare otherwise: expected ones that would be denied first, most connections first.
    pub edges: Vec<TrialEdge>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrialEffect {
    /// Passed, and would be denied.
    WouldDeny,
    /// Was denied, and would pass.
    WouldAllow,
}

/// Connections of one edge that would fare otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrialEdge {
    pub edge: EdgeKey,
    pub effect: TrialEffect,
    pub connections: u64,
    /// Within the trial.
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// Whether the connections were expected: learned, declared, known of other services of the image.
    pub expected: bool,
    /// Why they were, or were not.
    pub because: String,
    /// The service on whose side the candidate decides.
    pub service: ServiceName,
    /// The candidate's rule that decides; none where no rule allows it.
    pub rule: Option<RuleInfo>,
}
