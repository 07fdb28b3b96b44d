//! What Bulkhead's own tests stand on.
//!
//! Most of Bulkhead's promises are about a kernel and about real containers, so its tests need both. This crate
//! keeps the part that is not about any one test: the guard that refuses to pass silently, packets, network
//! namespaces wired to each other, a private `dockerd`, images made without a registry.
//!
//! Everything here cleans up after itself when it is dropped. Run tests that use it in a room of their own
//! (`./dev room cargo test ...`, which `./dev test` does), so that even a test that is killed leaves nothing.
#![forbid(unsafe_code)]

pub mod cgroup;
pub mod dockerd;
mod guard;
pub mod image;
pub mod netns;
pub mod packet;
mod process;
mod wait;
mod wire;

pub use cgroup::ControlGroup;
pub use dockerd::Dockerd;
pub use guard::{corpora, require, require_root};
pub use netns::{Host, Namespace, Network};
pub use nix::sys::signal::Signal;
pub use packet::{Packet, TcpFlags};
pub use process::{Child, Output, run, run_ok};
pub use wait::wait_until;
pub use wire::{Received, Wire};
