use crate::{
    DenyReason, Direction, EdgeKey, FlowTuple, Mode, Peer, Process, RuleRef, ServiceName, Timestamp,
    WorkloadId,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Number of an event in the store, ascending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct EventId(pub u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Info,
    Notice,
    Warning,
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        })
    }
}

/// What happened. JSON: `{"type": "denied", ...}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum EventKind {
    /// A connection that was never seen before.
    NewEdge {
        edge: EdgeKey,
        tuple: FlowTuple,
        workload: Option<WorkloadId>,
        process: Option<Process>,
    },
    /// A connection passed that the policy would deny; `count` of them on this edge so far.
    WouldDeny(Denial),
    /// A connection was denied; `count` of them on this edge so far.
    Denied(Denial),
    /// A workload spoke with an address that is not its own.
    Spoof {
        workload: Option<WorkloadId>,
        service: Option<ServiceName>,
        tuple: FlowTuple,
        /// How often it was told of: the kernel tells of a service's false addresses no more often than every five
        /// seconds. The packets are counted in the node's health.
        #[serde(default = "once")]
        count: u64,
        /// When it was told of last, where it was more than once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<Timestamp>,
    },
    /// One client tried many peers or ports in a short time.
    Scan {
        client: Peer,
        workload: Option<WorkloadId>,
        peers: u32,
        ports: u32,
        denied: u64,
        process: Option<Process>,
    },
    ModeChanged {
        service: ServiceName,
        from: Mode,
        to: Mode,
        actor: Box<str>,
        evidence: Box<str>,
    },
    PolicyChanged {
        revision: u64,
        actor: Box<str>,
        summary: Box<str>,
    },
    /// A candidate policy is tried beside the one in force. When the trial has ended, the numbers say what it would have
    /// done to the connections that were seen meanwhile.
    Trial {
        trial: Box<str>,
        actor: Box<str>,
        running: bool,
        /// Connections that passed and would be denied, and how many of them were expected.
        would_deny: u64,
        expected: u64,
        /// Connections that were denied and would pass.
        would_allow: u64,
    },
    /// Documents were proposed, or a proposal was decided.
    Proposal {
        proposal: Box<str>,
        actor: Box<str>,
        /// `open`, `accepted`, `rejected` or `withdrawn`.
        state: Box<str>,
        summary: Box<str>,
    },
    /// Learning advanced, stopped or went back, with its evidence as a sentence.
    Learning {
        service: ServiceName,
        sentence: Box<str>,
    },
    WorkloadStarted {
        workload: WorkloadId,
        name: Box<str>,
        service: ServiceName,
    },
    WorkloadStopped {
        workload: WorkloadId,
        name: Box<str>,
        service: ServiceName,
    },
    /// Something promised does not hold at the moment.
    Degraded {
        what: Box<str>,
        remedy: Box<str>,
    },
    /// What was degraded holds again.
    Recovered {
        what: Box<str>,
    },
    /// Events or records were lost; learning confidence is lowered for that time.
    Lost {
        what: Box<str>,
        count: u64,
    },
}

fn once() -> u64 {
    1
}

/// The forensics of a denial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Denial {
    pub edge: EdgeKey,
    pub tuple: FlowTuple,
    /// Which side denied it.
    pub direction: Direction,
    /// The service whose policy decided.
    pub service: ServiceName,
    pub workload: Option<WorkloadId>,
    pub workload_name: Option<Box<str>>,
    pub process: Option<Process>,
    pub reason: DenyReason,
    pub rule: RuleRef,
    /// `namespace/name` and position of the rule that decided, where one did.
    pub rule_name: Option<Box<str>>,
    /// The first bytes of the packet from its IP header on, at most 128.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packet: Vec<u8>,
    pub count: u64,
    pub last: Timestamp,
    /// The document that would allow it, as YAML that can be applied.
    pub allow_with: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Event {
    pub id: EventId,
    pub time: Timestamp,
    pub severity: Severity,
    /// One sentence for people.
    pub message: Box<str>,
    #[serde(flatten)]
    pub kind: EventKind,
}
