//! The kernel half of Bulkhead, seen from user space.
//!
//! [`Datapath`] loads the programs of `bpf/`, keeps programs, links and maps pinned so that enforcement outlives the
//! process, and offers what an agent needs: attach an interface, say whose addresses are whose, apply a compiled
//! policy as one step, read edges and events, adopt and expire flows, answer denied connections. [`Gate`] closes
//! interfaces that no program has seen yet. Unsafe code lives in `sys` alone.

mod answer;
mod apply;
mod attach;
mod edges;
mod error;
mod events;
mod flows;
mod gate;
mod groups;
mod kernel;
mod load;
mod prefixes;
mod sys;
mod table;

pub use answer::Answerer;
pub use apply::{Applied, Policy};
pub use attach::{AttachKind, remove_all};
pub use edges::{EdgeDelta, EdgeReader};
pub use error::DatapathError;
pub use events::{Events, KernelEvent};
pub use flows::{AdoptedConnection, SweepReport};
pub use gate::{Gate, GateError};
pub use kernel::kernel_release;
pub use load::{Config, Datapath, KeptSize, OBJECT, Sizes, enforces};
pub use sys::{SkbContext, TestRun};
pub use table::Table;

/// CLOCK_MONOTONIC in nanoseconds: the clock of everything that the kernel programs report.
pub fn monotonic_ns() -> u64 {
    sys::monotonic_ns()
}
