use crate::Scale;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, time::Duration};

/// How much evidence a service needs before it is promoted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    Fast,
    #[default]
    Default,
    Strict,
}

/// The text names no profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownProfile(pub String);

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a learning profile: expected fast, default or strict", self.0)
    }
}

impl std::error::Error for UnknownProfile {}

const HOUR: Duration = Duration::from_secs(3600);

impl Profile {
    pub const ALL: [Profile; 3] = [Self::Fast, Self::Default, Self::Strict];

    /// The upper bound for the next hour must not be above this.
    pub const fn threshold(self) -> f64 {
        match self {
            Self::Fast => 0.13,
            Self::Default => 0.05,
            Self::Strict => 0.03,
        }
    }

    /// New edges a day at the pace of late must not be more than this.
    pub const fn pace_per_day(self) -> f64 {
        match self {
            Self::Fast => 0.75,
            Self::Default => 0.25,
            Self::Strict => 0.125,
        }
    }

    /// Hours of healthy observation without which nothing is promoted.
    pub const fn hours(self) -> f64 {
        24.0
    }

    /// The shadow verdicts must stay clean for so long, by the estimator's clock.
    pub const fn shadow(self) -> Duration {
        match self {
            Self::Fast => HOUR,
            Self::Default => HOUR.saturating_mul(6),
            Self::Strict => HOUR.saturating_mul(24),
        }
    }

    /// How long after promotion to Enforce a denial of something expected rolls back, by the estimator's clock.
    pub const fn canary(self) -> Duration {
        match self {
            Self::Fast => HOUR.saturating_mul(24),
            Self::Default => HOUR.saturating_mul(72),
            Self::Strict => HOUR.saturating_mul(168),
        }
    }

    /// `shadow` and `canary` in wall time.
    pub(crate) fn wall(self, scale: Scale) -> (Duration, Duration) {
        (scale.wall(self.shadow()), scale.wall(self.canary()))
    }
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

impl FromStr for Profile {
    type Err = UnknownProfile;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|p| p.to_string().eq_ignore_ascii_case(text));
        found.ok_or_else(|| UnknownProfile(text.to_owned()))
    }
}
