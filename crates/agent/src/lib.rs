//! One node: what discovery finds and what the kernel sees, joined.
//!
//! The agent attaches the datapath to every workload interface as soon as it appears, says whose it is as soon as
//! discovery knows, applies what the controller publishes, and reports connections, edges and health. It decides
//! nothing by itself: when it is killed, the kernel goes on with the last policy.

#![forbid(unsafe_code)]

mod config;
mod events;
mod links;
mod lock;
mod names;
mod node;
mod resolver;
mod strangers;
mod translate;
mod view;

pub use config::AgentConfig;
pub use names::{Resolved, read_answer};

pub use bulkhead_datapath::{Sizes, enforces};

use bulkhead_datapath::DatapathError;
use bulkhead_discovery::Update;
use bulkhead_model::node::NodeReport;
use bulkhead_policy::compiled::NodePolicy;
use lock::PinLock;
use std::{
    future::Future,
    io,
    path::{Path, PathBuf},
};
use tokio::sync::{mpsc, watch};

#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(transparent)]
    Datapath(#[from] DatapathError),
    #[error("cannot watch network interfaces: {0}")]
    Links(#[from] io::Error),
    #[error("cannot list network interfaces: {0}")]
    Netlink(#[from] rtnetlink::Error),
    #[error("kernel events cannot be read any more: {0}")]
    Events(#[source] io::Error),
    #[error("the reader of kernel events broke down: {0}")]
    Reader(#[source] tokio::task::JoinError),
    #[error("another Bulkhead works with {0} already")]
    Taken(PathBuf),
    #[error("cannot use {path}: {source}")]
    Pins { path: PathBuf, source: io::Error },
}

/// The agent of one node.
#[derive(Debug)]
pub struct Agent;

impl Agent {
    /// Runs until `shutdown` resolves or discovery ends. What is attached and applied stays in the kernel.
    ///
    /// `updates` is discovery's stream, `policy` what the controller wants, `reports` the way back to it.
    pub async fn run(
        config: AgentConfig,
        updates: mpsc::Receiver<Update>,
        policy: watch::Receiver<NodePolicy>,
        reports: mpsc::Sender<NodeReport>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), AgentError> {
        node::Node::start(config, reports).await?.run(updates, policy, shutdown).await
    }
}

/// Takes everything out of the kernel: programs, maps, gate. Nothing is enforced after this. Returns what could not be
/// removed, as sentences.
pub fn remove_all(pins: &Path) -> Vec<String> {
    let mut left = Vec::new();
    let _lock = match PinLock::take(pins) {
        Ok(lock) => lock,
        Err(error) => return vec![error.to_string()],
    };
    if let Err(error) = bulkhead_datapath::Gate::new([]).remove() {
        // Without nft there can be no gate either.
        if !matches!(error, bulkhead_datapath::GateError::Run(_)) {
            left.push(error.to_string());
        }
    }
    if let Err(error) = bulkhead_datapath::remove_all(pins) {
        left.push(format!("{}: {error}", pins.display()));
    }
    left
}
