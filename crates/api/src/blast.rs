use bulkhead_model::{IpProtocol, Peer, ServiceName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Services in order of what falls with them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BlastRanking {
    pub items: Vec<BlastSummary>,
    /// Sum over all services of reachable pairs, now and with every service enforced.
    pub pairs_now: u64,
    pub pairs_under_policy: u64,
    pub sentence: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BlastSummary {
    pub service: ServiceName,
    /// Under the modes in force.
    pub now: BlastCount,
    /// If every service enforced its policy (learned, where it has no other).
    pub under_policy: BlastCount,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlastCount {
    pub services: u64,
    /// Pairs of service and known listening port.
    pub ports: u64,
    /// Whether the world can be reached.
    pub world: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct BlastQuery {
    /// Only so many steps; without it until nothing more falls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops: Option<u32>,
}

/// What an attacker who holds the service can reach, in rings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BlastRadius {
    pub service: ServiceName,
    pub now: BlastSide,
    pub under_policy: BlastSide,
    pub sentence: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BlastSide {
    pub count: BlastCount,
    pub reached: Vec<BlastReached>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BlastReached {
    pub peer: Peer,
    /// 1 for direct neighbours.
    pub hops: u32,
    /// The peer from which it falls first.
    pub via: Peer,
    /// Listening ports that can be reached there; empty where none is known.
    pub ports: Vec<BlastPort>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct BlastPort {
    pub protocol: IpProtocol,
    pub port: u16,
}

/// What to close first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct BlastPlanQuery {
    /// At most so many steps; default 10, at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What to close, in the order in which it takes most away. Nothing that was seen in use is among it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BlastPlan {
    /// As it is now.
    pub before: BlastExposure,
    pub steps: Vec<BlastStep>,
    pub sentence: String,
}

/// What can fall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BlastExposure {
    /// Services that can be reached from outside, over whatever steps.
    pub services: u64,
    /// How likely services fall, summed over all of them: their number where all are equally weak.
    pub risk: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BlastStep {
    #[serde(flatten)]
    pub close: BlastClose,
    /// When it and all before it are closed.
    pub after: BlastExposure,
    /// What to do, in words.
    pub sentence: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "close", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum BlastClose {
    /// What nobody needs between two services.
    Edge { client: ServiceName, server: ServiceName },
    /// The outside's way to a service.
    Entry { server: ServiceName },
    /// All ways from and to a service that nobody needs: enforce what it needs.
    Service { service: ServiceName },
}
