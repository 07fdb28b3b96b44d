//! Rules and their meaning.
//!
//! A [`PolicySet`] is what people write: documents. An [`Inventory`] is what there is: services, their labels and modes,
//! what names resolve to. The [`Evaluator`] says what the documents mean for one flow, slowly and plainly; it is the
//! oracle against which everything else is tested. The [`Compiler`] makes of the same two the tables that kernels hold
//! ([`compiled::CompiledPolicy`]), and [`compiled::CompiledPolicy::lookup`] asks those tables as the kernel does.
//!
//! The crate is pure: no I/O, no clock, no unsafe code.

#![forbid(unsafe_code)]

mod blast;
mod border;
mod compile;
pub mod compiled;
mod diff;
pub mod document;
mod effective;
mod evaluate;
mod explain;
mod external;
pub mod flowset;
mod generalise;
mod glob;
mod inventory;
pub mod kubernetes;
mod lint;
mod lookup;
mod minimise;
mod numbers;
mod ports;
mod reach;
mod rulebook;
pub mod scan;
mod set;
mod simulate;
mod suggest;
mod trial;
pub mod verify;
pub mod yaml;
pub mod zones;

pub use blast::{
    AttackPath, Attacks, BlastRadius, Close, Exposure, Extent, Listening, Plan, Reached, Step, Weights,
    blast_radius, rank, what_to_close,
};
pub use compile::Compiler;
pub use diff::{ChangeKind, DocumentChange, FlowChange, RuleChange, diff, flow_diff};
pub use document::{Diagnostic, Document, ReadOptions, SegmentationPolicy};
pub use effective::{EffectivePolicy, EffectiveRule};
pub use evaluate::{Decision, Evaluator, PairVerdict, Remote, Side, Traffic, side_verdict};
pub use explain::Explanation;
pub use generalise::{Generalise, Learned, learned_name};
pub use glob::{Glob, name_matches};
pub use inventory::{Inventory, Service};
pub use lint::{Finding, Lint, lint};
pub use lookup::PeerAddress;
pub use minimise::{Dropped, Minimised, Why, minimise, with_stand_ins};
pub use reach::{Reach, View, peer_of};
pub use rulebook::{AtomInfo, RuleBook, RuleInfo};
pub use set::{ExternalPart, PolicySet};
pub use simulate::{Modes, VerdictChange, simulate};
pub use trial::{KernelEdge, WouldBe};
