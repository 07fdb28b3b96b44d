use bulkhead_model::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use utoipa::ToSchema;

/// How well a service is known, as numbers and as one sentence.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LearningSummary {
    /// Upper 95 % bound on the chance that the next hour shows an edge never seen, 0 to 1.
    pub upper_hour: f64,
    /// The same for the next day.
    pub upper_day: f64,
    /// Share of the service's connections whose edge is known, 0 to 1.
    pub coverage: f64,
    /// New edges to be expected in the next day.
    pub expected_new_day: f64,
    /// Hours observed with a healthy sensor.
    pub observed_hours: f64,
    pub edges: u64,
    /// Whether the evidence suffices for the profile. Gates that are not armed may still hold enforcement back.
    pub ready: bool,
    /// Keeps finding new peers by its nature (crawler, proxy, mail): never complete.
    pub open_ended: bool,
    /// What limits confidence, each as a sentence.
    pub limits: Vec<String>,
    pub gates: Vec<Gate>,
    /// All of it in one sentence.
    pub sentence: String,
}

/// A condition for promotion that time alone does not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gate {
    /// `bound`, `pace`, `observation`, `open-ended`, `restart`, `calendar`, `deployment`, `sensor`.
    pub name: String,
    pub armed: bool,
    /// Why it is (not) armed.
    pub sentence: String,
}

/// A point of the discovery curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CurvePoint {
    pub time: Timestamp,
    /// Distinct edges known.
    pub edges: u64,
    pub upper_hour: f64,
}

/// How much evidence promotion asks for.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    Fast,
    #[default]
    Default,
    Strict,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fast => "fast",
            Self::Default => "default",
            Self::Strict => "strict",
        })
    }
}

/// The text names no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a profile: expected fast, default or strict")]
pub struct UnknownProfile(pub String);

impl FromStr for Profile {
    type Err = UnknownProfile;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "fast" => Ok(Self::Fast),
            "default" => Ok(Self::Default),
            "strict" => Ok(Self::Strict),
            _ => Err(UnknownProfile(text.to_owned())),
        }
    }
}

/// Whether a service is promoted on evidence alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Automation {
    pub automatic: bool,
    #[serde(default)]
    pub profile: Profile,
}

/// Whose word it is whether a service is promoted on evidence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum AutomationBy {
    /// It was set for this service.
    Hand,
    /// The first rule that fits it, counted from 1.
    Rule { rule: u32 },
    /// What holds where no rule fits.
    #[default]
    Default,
}

impl fmt::Display for AutomationBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hand => f.write_str("set for this service"),
            Self::Rule { rule } => write!(f, "by rule {rule} of the settings"),
            Self::Default => f.write_str("by default"),
        }
    }
}

/// Where a service stands on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "stage", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Progress {
    /// Connections are learned; nothing is judged.
    Learning,
    /// The policy is written and judges in the shadow; `clean_until` is when it will have been clean for long enough.
    Shadow {
        since: Timestamp,
        would_deny: u64,
        clean_until: Timestamp,
    },
    /// Just promoted to Enforce and watched: a denial that learning should have known rolls it back.
    Canary {
        since: Timestamp,
        until: Timestamp,
        denied: u64,
    },
    /// Enforced beyond its canary period.
    Settled {
        since: Timestamp,
    },
    /// Rolled back from its canary.
    RolledBack {
        at: Timestamp,
        reason: String,
    },
    Quarantined {
        since: Timestamp,
        reason: String,
    },
}
