use crate::ApplyResult;
use bulkhead_model::{RuleOrigin, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A change of documents that somebody else is to decide on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposalRequest {
    /// What it is about, in one line; at most 200 characters.
    #[schema(max_length = 200)]
    pub title: String,
    /// Where it comes from: a merge request, a pipeline. At most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub link: Option<String>,
    /// As for an apply; so is all that follows.
    pub documents: String,
    #[serde(default)]
    pub prune: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<RuleOrigin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    #[serde(default)]
    pub force_conflicts: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProposalState {
    Open,
    Accepted,
    Rejected,
    /// By whoever made it, or because they made a newer one of the same set.
    Withdrawn,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Proposal {
    pub id: String,
    pub title: String,
    pub link: Option<String>,
    pub set: Option<String>,
    pub state: ProposalState,
    pub created: Timestamp,
    pub created_by: String,
    /// What it would change, in words, as of when it was made.
    pub summary: String,
    pub decided: Option<ProposalDecided>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProposalDecided {
    pub actor: String,
    pub time: Timestamp,
    pub reason: String,
    /// The revision that it became.
    pub revision: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProposalList {
    /// Newest first.
    pub items: Vec<Proposal>,
    pub open: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ProposalQuery {
    /// Only those that wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProposalDetail {
    #[serde(flatten)]
    pub proposal: Proposal,
    pub documents: String,
    /// What accepting it would do now, or what it did; absent where it cannot be accepted as it is.
    pub preview: Option<ApplyResult>,
    /// Why it cannot.
    pub obstacle: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposalDecision {
    pub accept: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
    /// Take documents over from others who manage them.
    #[serde(default)]
    pub force_conflicts: bool,
}
