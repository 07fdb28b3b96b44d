//! What a node's agent and the controller say to each other. In the embedded default both are in one process and these
//! values travel over channels; between machines they travel over gRPC.

use crate::{
    Application, DenyReason, Direction, EdgeCounters, FlowRecord, FlowTuple, Identity, Mode, Process,
    RuleRef, Timestamp, Verdict, Workload, WorkloadId,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::IpAddr};

/// From the agent to the controller.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeReport {
    /// The whole truth about the node's workloads; what is not in it is gone.
    Workloads(Vec<Workload>),
    WorkloadUp(Box<Workload>),
    WorkloadDown(WorkloadId),
    /// A pair of peers and a port seen for the first time, or a verdict seen for the first time on it.
    Connection(Box<ConnectionReport>),
    /// What the kernel has counted of edges that changed since the last report, and now and then of all. Sent at
    /// intervals; the same totals told twice count once.
    Edges(Vec<EdgeReport>),
    /// The peer of a connection that was reported as unknown is known now: the same report, with its name.
    Identified(Box<ConnectionReport>),
    Flow(Box<FlowRecord>),
    /// Packets of an interface that nobody has identified are dropped. Told again each minute while it goes on.
    Unidentified {
        interface: Box<str>,
        /// Known where only the policy of its service is missing.
        workload: Option<WorkloadId>,
    },
    /// A name was resolved by a workload.
    Resolved {
        service: Identity,
        name: Box<str>,
        addresses: Vec<IpAddr>,
        ttl_seconds: u32,
    },
    /// The kernel enforces this revision now.
    Applied {
        revision: u64,
    },
    Health(NodeHealth),
}

/// A first: of an edge, of a denial, of a spoofed address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionReport {
    pub time: Timestamp,
    /// The service on whose endpoint it was seen.
    pub local: Identity,
    pub peer: Identity,
    /// `Egress`: `local` opened it.
    pub direction: Direction,
    pub tuple: FlowTuple,
    pub application: Application,
    pub verdict: Verdict,
    pub reason: Option<DenyReason>,
    pub rule: RuleRef,
    pub mode: Mode,
    pub workload: Option<WorkloadId>,
    pub process: Option<Process>,
    /// From the IP header on, at most 128 bytes.
    pub packet: Vec<u8>,
    /// Seen open when the agent came, not opened before its eyes.
    pub adopted: bool,
}

/// Counters of one kernel edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeReport {
    pub local: Identity,
    pub peer: Identity,
    pub direction: Direction,
    /// The peer's address where `peer` is the world: the world has many.
    pub peer_address: Option<IpAddr>,
    pub protocol: crate::IpProtocol,
    pub port: u16,
    pub application: Application,
    /// Which counting `counters` is the total of: with another number it began anew at zero. So a report that is lost,
    /// or comes twice, or from an agent that knows nothing of the one before, changes no sum.
    pub counting: u64,
    /// Totals since that counting began.
    pub counters: EdgeCounters,
    /// The rule that decided last.
    pub rule: RuleRef,
    pub last_seen: Timestamp,
}

/// How well the node's sensor and enforcement are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NodeHealth {
    pub time: Timestamp,
    /// Events that the kernel could not hand over since start.
    pub lost_events: u64,
    /// Endpoints with programs attached.
    pub endpoints: u32,
    /// Fill of the kernel tables.
    pub tables: Vec<TableFill>,
    /// Packets that the kernel programs counted since their tables were made, by what became of them: `malformed`,
    /// `fragment`, `spoof` (told, and dropped where that is enforced), `unidentified` (from or to an interface of nobody
    /// known), `denied` by the policy, `answered` with a refusal, `other-ethertype`; `decisions` asked the policy.
    #[serde(default)]
    pub packets: BTreeMap<String, u64>,
    /// Promises that do not hold on this node, each as a sentence with its remedy.
    pub not_covered: Vec<String>,
    pub kernel: String,
    /// `tcx` or `clsact`.
    pub attach_kind: String,
    /// Whether the first-packet gate is installed.
    pub gate: bool,
    /// Revision that the kernel enforces.
    pub revision: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TableFill {
    pub name: String,
    pub entries: u64,
    pub capacity: u64,
    /// Entries that found no room since the agent started.
    #[serde(default)]
    pub refused: u64,
}

/// What a declared external range or name means for the kernel: this prefix is that identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Prefix {
    pub net: IpNet,
    pub identity: Identity,
}
