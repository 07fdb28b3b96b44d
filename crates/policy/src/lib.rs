//! Rules and their meaning.
//!
//! A [`PolicySet`] is what people write: documents. An [`Inventory`] is what there is: services, their labels and modes,
//! what names resolve to. The [`Evaluator`] says what the documents mean for one flow, slowly and plainly; it is the
//! oracle against which everything else is tested. The [`Compiler`] makes of the same two the tables that kernels hold
//! ([`compiled::CompiledPolicy`]), and [`compiled::CompiledPolicy::lookup`] asks those tables as the kernel does.
//!
//! The crate is pure: no I/O, no clock, no unsafe code.

#![forbid(unsafe_code)]

mod compile;
pub mod compiled;
pub mod document;
mod effective;
mod evaluate;
mod external;
pub mod flowset;
mod glob;
mod inventory;
pub mod kubernetes;
mod lookup;
mod ports;
mod rulebook;
mod set;
mod suggest;
pub mod yaml;

pub use compile::Compiler;
pub use document::{Diagnostic, Document, ReadOptions, SegmentationPolicy};
pub use effective::{EffectivePolicy, EffectiveRule};
pub use evaluate::{Decision, Evaluator, PairVerdict, Remote, Side, Traffic, side_verdict};
pub use glob::{Glob, name_matches};
pub use inventory::{Inventory, Service};
pub use lookup::PeerAddress;
pub use rulebook::{AtomInfo, RuleBook, RuleInfo};
pub use set::{ExternalPart, PolicySet};
