//! What every source of workloads has in common.

use bulkhead_model::{Timestamp, Workload, WorkloadId};
use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::sync::mpsc;

/// A change of what runs on this host.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are the large one")]
pub enum Update {
    /// The whole truth: what is not in it is gone. The first update of all, and again after every gap in the events.
    Snapshot(Vec<Workload>),
    /// New, or known and changed. Comes more than once while a container starts: its service is known before it has an
    /// address, and its process last.
    Up(Workload),
    /// It has stopped or was removed.
    Down(WorkloadId),
}

/// A source of workloads: Docker, containerd, Kubernetes.
#[async_trait::async_trait]
pub trait Runtime: Send {
    /// `docker`, `containerd`, ...
    fn name(&self) -> &'static str;

    /// Where it is reached, for people.
    fn endpoint(&self) -> String;

    /// Connects, says everything once by [`Sink::snapshot`], then every change, until the connection is lost or
    /// events were missed. Is called again after a pause, for ever.
    async fn follow(&mut self, sink: &Sink) -> RuntimeError;
}

/// Why a runtime is not followed any more.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error("nothing answers at {}: {source}", path.display())]
    Connect { path: PathBuf, source: io::Error },
    #[error("{what} was refused with status {code}: {message}")]
    Refused { what: String, code: u32, message: String },
    #[error("{what} got no answer within {limit:?}")]
    Silent { what: String, limit: Duration },
    #[error("the answer to {what} cannot be understood: {reason}")]
    Malformed { what: String, reason: String },
    #[error("the connection broke while {what}: {reason}")]
    Broken { what: String, reason: String },
    #[error("the event stream ended")]
    EventsEnded,
    #[error("events were missed: {0}")]
    Gap(&'static str),
    #[error("nobody listens any more")]
    Abandoned,
}

impl RuntimeError {
    /// Whether there is no such runtime here at all, which is no fault.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Connect { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// How a runtime is doing, for `bulkhead status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeStatus {
    pub runtime: &'static str,
    pub endpoint: String,
    pub state: RuntimeState,
    /// Workloads that it reports.
    pub workloads: usize,
    /// How often the connection was lost or events were missed; each was followed by a new snapshot.
    pub gaps: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeState {
    /// It has not answered yet.
    Connecting,
    Connected {
        since: Timestamp,
    },
    /// It was never there.
    Absent,
    /// Its workloads are still those of before.
    Lost {
        since: Timestamp,
        reason: String,
    },
}

/// Where a runtime puts what it finds.
#[derive(Debug)]
pub struct Sink {
    pub(crate) place: usize,
    pub(crate) updates: mpsc::Sender<(usize, Report)>,
    pub(crate) status: Arc<Mutex<RuntimeStatus>>,
}

/// From one runtime to the merger.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are the large one")]
pub(crate) enum Report {
    Update(Update),
    /// It cannot be reached; others need not wait for it.
    Unreachable,
}

impl Sink {
    /// The whole truth of this runtime: it is connected.
    pub async fn snapshot(&self, workloads: Vec<Workload>) -> Result<(), RuntimeError> {
        self.set_state(RuntimeState::Connected { since: now() });
        self.send(Update::Snapshot(workloads)).await
    }

    /// One change.
    pub async fn send(&self, update: Update) -> Result<(), RuntimeError> {
        let sent = self.updates.send((self.place, Report::Update(update))).await;
        sent.map_err(|_| RuntimeError::Abandoned)
    }

    pub(crate) fn set_state(&self, state: RuntimeState) {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).state = state;
    }
}

pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}
