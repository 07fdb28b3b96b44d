//! Compliance: what is known of an estate goes in, a report comes out.
//!
//! A report says of every requirement of a framework whether it is met, not met, or not decidable by this tool, and why.
//! What can be proved is proved over all flows, with the set engine of `bulkhead_policy`, and then compared with the
//! traffic that was seen. What a policy says and what is enforced are two things, and are told apart throughout: a policy
//! on a service that only learns proves nothing about traffic.
//!
//! Reports are sealed ([`SealedReport`]): every evidence table has its hash, and an Ed25519 signature stands for all of
//! them and for every byte of the page, so that [`verify`](fn@verify) can check a file without the server.
//!
//! The crate is pure: no I/O, no clock, no unsafe code. Numbers of requirements are those of their frameworks; what they
//! ask for is said in our own words.

#![forbid(unsafe_code)]

mod canonical;
mod case;
mod crossing;
pub mod estate;
mod framework;
mod key;
mod membership;
mod model;
mod phrases;
mod render;
mod scope;
mod seal;
mod verify;
mod words;
mod zone;

pub use estate::Estate;
pub use framework::{Framework, NoSuchZone, UnknownFramework, report};
pub use key::{KeyError, Pin, PublicKey, SigningKey};
pub use model::{
    Evidence, FrameworkInfo, Gap, Report, ReportSource, ReportSummary, Requirement, RequirementStatus,
    SCHEMA, SourceKind,
};
pub use render::html::content_security;
pub use scope::{SCOPE_LABEL, SECURITY_IMPACTING, Scope, ScopeCounts};
pub use seal::{ALGORITHM, ReportFormat, Seal, SealedReport, Signature, Statement, UnknownFormat};
pub use verify::{Unreadable, Verification, carried, verify};
pub use zone::{
    HOPS, Isolation, IsolationStatus, ZoneCrossing, ZoneDetour, ZoneList, ZoneMember, ZoneStatus,
    ZoneTraffic, ZoneWay, zones,
};
