use bulkhead_model::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use utoipa::{IntoParams, ToSchema};

/// What a credential may do; each role may do all that the one before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees everything but secrets, changes nothing.
    Viewer,
    /// Proposes changes of the policy as well, which others accept or reject: for pipelines.
    Proposer,
    /// Changes modes, policies and quarantine, decides reviews.
    Operator,
    /// Manages tokens, settings and outputs as well.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Viewer => "viewer",
            Self::Proposer => "proposer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        })
    }
}

/// The text names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a role: expected viewer, proposer, operator or admin")]
pub struct UnknownRole(pub String);

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "viewer" => Ok(Self::Viewer),
            "proposer" => Ok(Self::Proposer),
            "operator" => Ok(Self::Operator),
            "admin" => Ok(Self::Admin),
            _ => Err(UnknownRole(text.to_owned())),
        }
    }
}

/// Exchanges a token for a session cookie.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionRequest {
    pub token: String,
}

impl fmt::Debug for SessionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionRequest { token: (hidden) }")
    }
}

/// Who the caller is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Name of the token behind the session.
    pub name: String,
    pub role: Role,
    /// To be sent as `X-Bulkhead-CSRF` with every unsafe method of a cookie session; absent for bearer tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csrf: Option<String>,
    /// When the cookie session ends; absent for bearer tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// An API token, without its secret, which is shown once and stored as a hash alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    pub id: String,
    pub name: String,
    pub role: Role,
    pub created: Timestamp,
    /// Name of the token that created it.
    pub created_by: String,
    pub last_used: Option<Timestamp>,
    pub expires: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenList {
    pub items: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// At most 64 characters; need not be unique.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    pub role: Role,
    /// Without it the token does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
}

/// The only time that the secret is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    #[serde(flatten)]
    pub token: Token,
    /// `bh_...`
    pub secret: String,
}

/// One line of the audit log. Its hash covers all other fields and the hash of the line before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    pub sequence: u64,
    pub time: Timestamp,
    /// Name of the token that acted, `system` for the controller itself.
    pub actor: String,
    pub role: Option<Role>,
    /// `mode.set`, `policy.apply`, `token.create`, `session.failed`, ...
    pub action: String,
    /// What was acted upon.
    pub target: String,
    /// Parameters and outcome as one line of text.
    pub detail: String,
    /// Address of the client.
    pub address: Option<String>,
    /// SHA-256, hexadecimal.
    pub hash: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditList {
    /// Newest first.
    pub items: Vec<AuditEntry>,
    /// Value of `after` for the next page.
    pub next: Option<String>,
}

/// Whether the audit log is whole: nothing changed, removed or inserted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditVerification {
    pub intact: bool,
    pub entries: u64,
    /// Entries before those, which retention has removed; the hash of the last of them is kept, and checked with.
    pub removed: u64,
    /// First sequence number at which the chain does not hold.
    pub broken_at: Option<u64>,
    /// Hash of the newest entry: keep it elsewhere, and a log that was cut off at its end is found out too.
    pub head: String,
    pub sentence: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// At most this many, newest first; default 100, at most 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only entries older than this sequence number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}
