//! What runs on this host: containers as a stream of workload events, and what is inside their network namespaces.
//!
//! [`watch`] follows Docker and containerd and survives their restarts. [`naming`] says which service a container
//! belongs to. [`namespace`], [`socket`] and [`process`] look into a workload: interfaces, addresses, open sockets, and
//! the process behind a connection; [`cgroup`] finds its control group. They ask the kernel (netlink, `/proc`) and block
//! for some tens of microseconds.

#![forbid(unsafe_code)]

mod backoff;
pub mod cgroup;
mod config;
pub mod containerd;
pub mod declared;
pub mod docker;
mod known;
pub mod namespace;
pub mod naming;
mod netlink;
pub mod process;
mod runtime;
pub mod socket;
mod time;
mod watch;

pub use backoff::Backoff;
pub use config::{Config, watch};
pub use runtime::{Runtime, RuntimeError, RuntimeState, RuntimeStatus, Sink, Update};
pub use watch::{Discovery, StatusReader, watch_runtimes};
