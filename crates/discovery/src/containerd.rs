//! containerd, over gRPC on its unix socket: Kubernetes' pods, plain containers, and Docker's where Docker's own API
//! cannot be reached.
//!
//! Not by CRI's `GetContainerEvents`: a second reader there can take events from kubelet.

mod api;
mod message;
mod resolve;
mod spec;

use crate::{
    known::Known,
    runtime::{Runtime, RuntimeError, Sink, Update},
};
use api::{Api, Event, Happened};
use bulkhead_model::{Workload, WorkloadId};
use resolve::{Everything, join_pod, workload_id};
use std::{collections::HashSet, convert::Infallible, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, interval_at},
};

/// Questions about single containers under way at once.
const QUESTIONS: usize = 16;

/// Answers that wait to be looked at; further ones wait with those who got them.
const WAITING_FINDINGS: usize = 1024;

/// The first comparison of the lists with what is known comes soon: containerd does not say from when on it tells
/// events, so something may have happened between the lists and them.
const FIRST_COMPARISON: Duration = Duration::from_secs(1);
const COMPARISONS: Duration = Duration::from_secs(30);

/// One containerd.
#[derive(Debug)]
pub struct Containerd {
    socket: PathBuf,
    namespaces: Vec<String>,
}

impl Containerd {
    pub const DEFAULT_SOCKET: &str = "/run/containerd/containerd.sock";
    pub const DEFAULT_NAMESPACES: [&str; 3] = ["k8s.io", "moby", "default"];

    pub fn new(socket: impl Into<PathBuf>, namespaces: Vec<String>) -> Self {
        Self { socket: socket.into(), namespaces }
    }

    async fn run(&self, sink: &Sink) -> Result<Infallible, RuntimeError> {
        let api = Api::connect(&self.socket).await?;
        let mut events = api.events(&self.namespaces);
        let mut known = Known::default();
        known.replace(resolve::everything(&api, &self.namespaces).await?.workloads);
        sink.snapshot(known.workloads()).await?;

        let (findings, mut found) = mpsc::channel(WAITING_FINDINGS);
        let permits = Arc::new(Semaphore::new(QUESTIONS));
        let asker = Asker { api, namespaces: self.namespaces.clone(), findings, permits };
        let mut comparisons = interval_at(Instant::now() + FIRST_COMPARISON, COMPARISONS);
        loop {
            let updates = tokio::select! {
                event = events.recv() => {
                    heed(event.unwrap_or(Err(RuntimeError::EventsEnded))?, &mut known, &asker)
                }
                Some(finding) = found.recv() => learn(finding, &mut known)?,
                _ = comparisons.tick() => {
                    asker.ask_for_everything(known.ask());
                    Vec::new()
                }
            };
            for update in updates {
                sink.send(update).await?;
            }
        }
    }
}

#[async_trait::async_trait]
impl Runtime for Containerd {
    fn name(&self) -> &'static str {
        "containerd"
    }

    fn endpoint(&self) -> String {
        self.socket.display().to_string()
    }

    async fn follow(&mut self, sink: &Sink) -> RuntimeError {
        match self.run(sink).await {
            Err(error) => error,
            Ok(never) => match never {},
        }
    }
}

/// An answer to a question that was asked as number `asked`.
#[derive(Debug)]
enum Finding {
    /// `None`: it is not up.
    One { id: WorkloadId, asked: u64, workload: Option<Box<Workload>> },
    /// To compare with what is known.
    Everything { asked: u64, everything: Everything },
    /// containerd cannot be asked any more.
    Failed(RuntimeError),
}

/// Does what an event asks for. Answers come later, as findings.
fn heed(event: Event, known: &mut Known, asker: &Asker) -> Vec<Update> {
    let Event { namespace, container, happened } = event;
    tracing::trace!(%namespace, %container, ?happened, "event");
    match happened {
        Happened::Ended => known.forget(workload_id(&namespace, &container)).into_iter().collect(),
        Happened::Created | Happened::Changed => {
            // What was just created has no task yet, and is about to get one.
            asker.ask(namespace, container, happened == Happened::Created, known.ask());
            Vec::new()
        }
    }
}

fn learn(finding: Finding, known: &mut Known) -> Result<Vec<Update>, RuntimeError> {
    match finding {
        Finding::One { id, asked, workload } => {
            let workload = workload.map(|mut workload| {
                join_pod(&mut workload, |pod| known.get(pod));
                *workload
            });
            Ok(known.settle(id, asked, workload).into_iter().collect())
        }
        Finding::Everything { asked, everything } => {
            let Everything { workloads, waiting } = everything;
            let mut up: HashSet<WorkloadId> = workloads.iter().map(|w| w.id.clone()).collect();
            // Created, known, and still without a task: not gone.
            up.extend(waiting.iter().filter(|id| known.is_up(id)).cloned());
            let differing = known.differing(&up, |id| waiting.contains(id), asked);
            let change = |id: WorkloadId| {
                tracing::debug!(container = %id, "events did not tell of a change");
                let workload = workloads.iter().find(|w| w.id == id).cloned();
                known.settle(id, asked, workload)
            };
            Ok(differing.into_iter().filter_map(change).collect())
        }
        Finding::Failed(error) => Err(error),
    }
}

/// Asks containerd in the background.
struct Asker {
    api: Api,
    namespaces: Vec<String>,
    findings: mpsc::Sender<Finding>,
    permits: Arc<Semaphore>,
}

impl Asker {
    fn ask(&self, namespace: String, container: String, without_task: bool, asked: u64) {
        let (api, permits) = (self.api.clone(), self.permits.clone());
        self.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let workload = resolve::one(&api, &namespace, &container, without_task).await?;
            let id = workload_id(&namespace, &container);
            Ok(Finding::One { id, asked, workload: workload.map(Box::new) })
        });
    }

    fn ask_for_everything(&self, asked: u64) {
        let (api, namespaces) = (self.api.clone(), self.namespaces.clone());
        self.spawn(async move {
            let everything = resolve::everything(&api, &namespaces).await?;
            Ok(Finding::Everything { asked, everything })
        });
    }

    fn spawn(&self, asking: impl Future<Output = Result<Finding, RuntimeError>> + Send + 'static) {
        let findings = self.findings.clone();
        tokio::spawn(async move {
            // Nobody waits for the answer any more once the connection is given up.
            tokio::select! {
                finding = asking => {
                    let _ = findings.send(finding.unwrap_or_else(Finding::Failed)).await;
                }
                () = findings.closed() => {}
            }
        });
    }
}
