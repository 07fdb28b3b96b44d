//! Strata that have not been watched yet are not enforced.

use crate::{
    Phase, Scale,
    clock::HOUR_MS,
    service::{Memory, STARTUP_MS},
};
use bulkhead_model::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Starts that must have been watched before the first minutes after a start are enforced.
const STARTS: u32 = 2;
/// A start takes real time whatever the scale of the clock.
const STARTUP_LEAST: Duration = Duration::from_secs(5);

/// Why a service in Enforce is treated as in Monitor for now. JSON: `{"hold": "phase", ...}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hold", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Hold {
    /// A workload started, and fewer than two starts were watched before.
    Startup { until: Timestamp },
    /// A new image was deployed; the operator chose how long what is new with it only alerts.
    Deployment { until: Timestamp },
    /// The service has never been watched in this hour of the week.
    Phase(Phase),
}

impl Hold {
    /// In words, without a full stop.
    pub fn reason(&self) -> String {
        match self {
            Self::Startup { .. } => {
                "a workload has just started, and too few starts have been seen".to_owned()
            }
            Self::Deployment { .. } => "a new image was deployed".to_owned(),
            Self::Phase(Phase { hour, weekend }) => {
                let day = if *weekend { "the weekend" } else { "a weekday" };
                format!("the hour from {hour}:00 of {day} has not been seen yet")
            }
        }
    }
}

/// Which gates are used. All by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gates {
    pub startup: bool,
    pub calendar: bool,
    /// How long a new image only alerts on what is new with it, by the estimator's clock. An attack window, so the
    /// operator chooses; zero closes it.
    pub deployment: Duration,
}

impl Default for Gates {
    fn default() -> Self {
        Self { startup: true, calendar: true, deployment: Duration::from_secs(6 * 3600) }
    }
}

/// Length of the start-up window in wall time.
fn startup_window(scale: Scale) -> Duration {
    scale.wall(Duration::from_millis(STARTUP_MS)).max(STARTUP_LEAST)
}

/// Whether `now` is within the start-up window of a workload.
pub(crate) fn starting(memory: &Memory, scale: Scale, now: Timestamp) -> bool {
    memory.last_start.is_some_and(|start| now >= start && now.since(start) < startup_window(scale))
}

/// Estimator's milliseconds for which what is new with the last deployment is still being learned.
pub(crate) fn deployment_left(memory: &Memory, gates: &Gates, estimator: u64) -> Option<u64> {
    let open = u64::try_from(gates.deployment.as_millis()).unwrap_or(u64::MAX);
    let until = memory.deployed?.saturating_add(open);
    (estimator < until).then(|| until - estimator)
}

pub(crate) fn hold(
    memory: &Memory,
    gates: &Gates,
    scale: Scale,
    now: Timestamp,
    estimator: u64,
    phase: Phase,
) -> Option<Hold> {
    // The start that is going on is one of those counted.
    if gates.startup && memory.starts <= STARTS && starting(memory, scale, now) {
        let start = memory.last_start.unwrap_or(now);
        return Some(Hold::Startup { until: start.after(startup_window(scale)) });
    }
    if let Some(left) = deployment_left(memory, gates, estimator) {
        return Some(Hold::Deployment { until: now.after(scale.wall(Duration::from_millis(left))) });
    }
    (gates.calendar && !memory.calendar.has_seen(phase)).then_some(Hold::Phase(phase))
}

/// Hours of the estimator's clock in `ms`.
pub(crate) fn hours(ms: u64) -> f64 {
    ms as f64 / HOUR_MS as f64
}
