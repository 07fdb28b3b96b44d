use crate::JudgedEdge;
use bulkhead_model::{
    Application, Direction, FlowRecord, IpProtocol, Mode, Peer, ServiceName, Timestamp, Verdict,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The connection graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Graph {
    pub time: Timestamp,
    pub revision: u64,
    pub nodes: Vec<GraphNode>,
    pub edges: Vec<JudgedEdge>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GraphNode {
    pub peer: Peer,
    /// Absent for peers that are not services.
    pub mode: Option<Mode>,
    pub workloads: u64,
    /// Upper 95 % bound on a new edge within the next hour; absent where nothing is estimated.
    pub upper_hour: Option<f64>,
    pub open_ended: bool,
    /// Connections denied in the last 24 hours, as either end.
    pub denied: u64,
    pub would_deny: u64,
    pub first_seen: Timestamp,
}

/// The connection graph as columns: what a picture of it needs, at a tenth of the size of [`Graph`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GraphColumns {
    pub time: Timestamp,
    pub revision: u64,
    pub nodes: Vec<GraphNode>,
    /// Ends of edges, which name them by their place in this list.
    pub peers: Vec<Peer>,
    /// Applications of edges, likewise.
    pub applications: Vec<Application>,
    pub edges: EdgeColumns,
}

/// One value for each edge in every column, all in the same order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EdgeColumns {
    pub client: Vec<u32>,
    pub server: Vec<u32>,
    pub protocol: Vec<IpProtocol>,
    pub port: Vec<u16>,
    pub application: Vec<u32>,
    pub verdict: Vec<Verdict>,
    pub connections: Vec<u64>,
    pub denied: Vec<u64>,
    pub would_deny: Vec<u64>,
    /// Packets per second, both directions, over the last minute.
    pub rate: Vec<f64>,
    pub first_seen: Vec<Timestamp>,
    pub last_seen: Vec<Timestamp>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct GraphQuery {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// This service and its direct neighbours.
    #[param(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// Only edges used since then.
    #[param(value_type = Option<u64>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// A change of the graph, as the data of a server-sent event named `graph`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum GraphChange {
    /// An edge is new or has changed.
    Edge(Box<JudgedEdge>),
    /// A node is new or has changed.
    Node(GraphNode),
    NodeRemoved {
        peer: Peer,
    },
    EdgeRemoved {
        id: String,
    },
    /// Changes were dropped because the reader was too slow: fetch the graph again.
    Resync {
        lost: u64,
    },
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EdgeQuery {
    /// Text form of the client: `shop/web`, `world`, `host`, an external name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    #[param(inline)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Only edges used since then.
    #[param(value_type = Option<u64>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Only edges first seen since then.
    #[param(value_type = Option<u64>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_since: Option<Timestamp>,
    /// Default 1000, at most 10000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EdgeList {
    pub items: Vec<JudgedEdge>,
    pub next: Option<String>,
}

/// Which single flows to stream.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FlowQuery {
    /// As client or server.
    #[param(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    #[param(inline)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[param(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<IpProtocol>,
    #[param(inline)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
}

/// The data of a server-sent event named `flow` or `lost`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum FlowMessage {
    Flow(Box<FlowRecord>),
    Lost { lost: u64 },
}
