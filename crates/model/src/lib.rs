//! The vocabulary of Bulkhead.
//!
//! Every other crate speaks in these types, so that a word means one thing everywhere: a *service* is the set of
//! replicas that are one thing, an *identity* is the number by which the kernel knows a service or another peer, an
//! *edge* is "this client service talks to that server, on this protocol, port and application".
//!
//! The crate is pure: no I/O, no clock (time is always a parameter, see [`Timestamp`]), no unsafe code.

#![forbid(unsafe_code)]

mod application;
mod edge;
mod event;
mod flow;
mod identity;
mod net;
pub mod node;
mod peer;
#[cfg(feature = "schema")]
mod schema;
mod service;
mod time;
mod verdict;
mod workload;

pub use application::{Application, UnknownApplication};
pub use edge::{Edge, EdgeCounters, EdgeKey};
pub use event::{Denial, Event, EventId, EventKind, Severity};
pub use flow::{FlowRecord, FlowTuple};
pub use identity::Identity;
pub use net::{IcmpType, IpProtocol, PortRange, UnknownProtocol};
pub use peer::{ExternalName, Peer};
pub use service::{InvalidServiceName, ServiceName};
pub use time::Timestamp;
pub use verdict::{DenyReason, Direction, Mode, RuleOrigin, RuleRef, UnknownMode, Verdict};
pub use workload::{
    Attachment, Exposure, Interface, ParentProcess, Process, PublishedPort, Workload, WorkloadId,
    WorkloadOwner,
};
