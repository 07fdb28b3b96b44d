use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Of a connection, seen from one service: who opened it. `Egress`: the service did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    Ingress,
    Egress,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

/// What is done with the connections of a service. Ordered by how much is held back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Everything passes and is learned.
    #[default]
    Learn,
    /// Everything passes; what the policy would deny is reported as would-deny.
    Monitor,
    /// Only what the policy allows passes.
    Enforce,
    /// Nothing passes, whatever the policy says.
    Quarantine,
}

/// The text names no mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a mode: expected learn, monitor, enforce or quarantine")]
pub struct UnknownMode(pub String);

impl Mode {
    pub const ALL: [Mode; 4] = [Self::Learn, Self::Monitor, Self::Enforce, Self::Quarantine];

    /// Whether a denial drops the packet in this mode.
    pub const fn drops(self) -> bool {
        matches!(self, Self::Enforce | Self::Quarantine)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Learn => "learn",
            Self::Monitor => "monitor",
            Self::Enforce => "enforce",
            Self::Quarantine => "quarantine",
        })
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.to_string().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownMode(text.to_owned()))
    }
}

/// What became of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Allowed,
    /// It passed, because the side that would deny it is in Monitor.
    WouldDeny,
    Denied,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Allowed => "allowed",
            Self::WouldDeny => "would-deny",
            Self::Denied => "denied",
        })
    }
}

/// Where a rule comes from; the order is the order of the tiers, first decides first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RuleOrigin {
    Declared,
    User,
    Imported,
    Learned,
}

impl fmt::Display for RuleOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Declared => "declared",
            Self::User => "user",
            Self::Imported => "imported",
            Self::Learned => "learned",
        })
    }
}

/// The number by which kernel tables, flows and events name the rule that decided. `NONE` says that no rule matched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct RuleRef(pub u32);

impl RuleRef {
    pub const NONE: RuleRef = RuleRef(0);
}

/// Why a packet or a connection was denied, or would have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DenyReason {
    /// No rule of the policy allows it.
    NoRule,
    /// A deny rule matched.
    Rule,
    /// The service is quarantined.
    Quarantine,
    /// The workload spoke with an address that is not its own.
    Spoof,
    /// The packet cannot be parsed.
    Malformed,
    /// A later fragment whose first fragment was not seen, or that overlaps.
    Fragment,
    /// The endpoint's workload is not yet identified.
    Unidentified,
    /// A kernel table is full.
    TableFull,
    /// An ICMP error about nothing that is open.
    Unrelated,
}

impl DenyReason {
    /// Of packets that no rule can speak of: there is no connection to be learned, counted or allowed.
    #[must_use]
    pub const fn is_irregular(self) -> bool {
        matches!(self, Self::Malformed | Self::Fragment | Self::Unrelated)
    }
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NoRule => "no-rule",
            Self::Rule => "rule",
            Self::Quarantine => "quarantine",
            Self::Spoof => "spoof",
            Self::Malformed => "malformed",
            Self::Fragment => "fragment",
            Self::Unidentified => "unidentified",
            Self::TableFull => "table-full",
            Self::Unrelated => "unrelated",
        })
    }
}
