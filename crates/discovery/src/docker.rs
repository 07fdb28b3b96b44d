//! Docker Engine, over its API on a unix socket. Works from Docker 20.10 (API 1.41) on.

mod document;
mod engine;
mod resolve;

use crate::{
    known::Known,
    runtime::{Runtime, RuntimeError, Sink, Update},
};
use bulkhead_model::{Interface, Workload, WorkloadId};
use document::{Event, ListedContainer};
use engine::Engine;
use std::{
    collections::HashSet,
    convert::Infallible,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{Semaphore, mpsc};

pub(crate) const NAME: &str = "docker";

/// Inspections under way at once. A container that is held in its start keeps its inspection waiting, so there must be
/// room for others.
const INSPECTIONS: usize = 32;

/// Answers that wait to be looked at; further ones wait with those who got them.
const WAITING_FINDINGS: usize = 1024;

/// How often the list of containers is compared with what the events told.
const RECONCILE: Duration = Duration::from_secs(30);

/// Drivers of networks whose packets never come by an interface of the host.
const BESIDE_THE_HOST: [&str; 2] = ["macvlan", "ipvlan"];

/// The engine's networks whose packets pass by the host, unseen: each with its driver in brackets.
pub async fn networks_beside_the_host(socket: &Path) -> Result<Vec<String>, RuntimeError> {
    let networks = Engine::connect(socket).await?.networks_of_drivers(&BESIDE_THE_HOST).await?;
    let beside = networks.iter().filter(|network| BESIDE_THE_HOST.contains(&&*network.driver));
    let mut names: Vec<String> = beside.map(|at| format!("{} ({})", at.name, at.driver)).collect();
    names.sort_unstable();
    Ok(names)
}

/// One Docker Engine.
#[derive(Debug)]
pub struct Docker {
    socket: PathBuf,
    reconcile: Duration,
}

impl Docker {
    pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self::with_reconciliation(socket, RECONCILE)
    }

    /// As [`Docker::new`], with another interval for comparing what is known with what is.
    pub fn with_reconciliation(socket: impl Into<PathBuf>, every: Duration) -> Self {
        Self { socket: socket.into(), reconcile: every }
    }

    async fn run(&self, sink: &Sink) -> Result<Infallible, RuntimeError> {
        let engine = Engine::connect(&self.socket).await?;
        // Events first, so that nothing happens between the list and them.
        let mut events = engine.events().await?;
        let mut known = Known::default();
        known.replace(resolve::all(&engine).await?);
        sink.snapshot(known.workloads()).await?;

        let (findings, mut found) = mpsc::channel(WAITING_FINDINGS);
        let asker = Asker { engine, findings, permits: Arc::new(Semaphore::new(INSPECTIONS)) };
        let mut reconcile = tokio::time::interval(self.reconcile);
        reconcile.tick().await;
        loop {
            let update = tokio::select! {
                event = events.recv() => {
                    let event = event.unwrap_or(Err(RuntimeError::EventsEnded))?;
                    heed(&event, &mut known, &asker)
                }
                Some(finding) = found.recv() => learn(finding, &mut known, &asker)?,
                _ = reconcile.tick() => {
                    asker.list(known.ask());
                    None
                }
            };
            if let Some(update) = update {
                sink.send(update).await?;
            }
        }
    }
}

#[async_trait::async_trait]
impl Runtime for Docker {
    fn name(&self) -> &'static str {
        NAME
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
    /// From the list: who it is, but not its process.
    Begun { asked: u64, workload: Option<Box<Workload>> },
    /// From an inspection; `None`: it is not up.
    Whole { id: WorkloadId, asked: u64, workload: Option<Box<Workload>> },
    /// From a network that it was connected to.
    Attached { id: WorkloadId, asked: u64, interface: Option<Interface> },
    /// Everything there is, to compare with what is known.
    Listed { asked: u64, containers: Vec<ListedContainer> },
    /// The engine cannot be asked any more.
    Failed(RuntimeError),
}

/// Does what an event asks for. Answers come later, as findings.
fn heed(event: &Event, known: &mut Known, asker: &Asker) -> Option<Update> {
    let id = WorkloadId(event.container()?.into());
    tracing::trace!(kind = %event.kind, action = %event.action, container = %id, "event");
    match (&*event.kind, event.action()) {
        ("container", "die" | "destroy") => return known.forget(id),
        // Labels and image are known from the list at once; inspecting may have to wait for the start.
        ("container", "create") => asker.list_one(id.clone(), known.ask()),
        ("network", "connect") => {
            if !known.is_up(&id) {
                asker.list_one(id.clone(), known.ask());
            }
            asker.network(event.actor.id.clone(), event.network_name(), id.clone(), known.ask());
        }
        ("container", _) | ("network", "disconnect") => {}
        _ => return None,
    }
    asker.inspect(id, known.ask());
    None
}

fn learn(finding: Finding, known: &mut Known, asker: &Asker) -> Result<Option<Update>, RuntimeError> {
    Ok(match finding {
        Finding::Begun { asked, workload } => workload.and_then(|workload| known.begin(asked, *workload)),
        Finding::Whole { id, asked, workload } => known.settle(id, asked, workload.map(|w| *w)),
        Finding::Attached { id, asked, interface } => interface.and_then(|i| known.attach(&id, asked, i)),
        Finding::Listed { asked, containers } => {
            let ids = |only_up: bool| -> HashSet<WorkloadId> {
                let wanted = containers.iter().filter(|c| !only_up || c.is_up());
                wanted.map(|c| WorkloadId(c.id.as_str().into())).collect()
            };
            let exists = ids(false);
            for id in known.differing(&ids(true), |id| exists.contains(id), asked) {
                tracing::debug!(container = %id, "events did not tell of a change");
                asker.inspect(id, known.ask());
            }
            None
        }
        Finding::Failed(error) => return Err(error),
    })
}

/// Asks the engine in the background, because an answer may take as long as a container's start.
struct Asker {
    engine: Engine,
    findings: mpsc::Sender<Finding>,
    permits: Arc<Semaphore>,
}

impl Asker {
    fn spawn<F>(&self, ask: impl FnOnce(Engine) -> F)
    where
        F: Future<Output = Finding> + Send + 'static,
    {
        let asking = ask(self.engine.clone());
        let findings = self.findings.clone();
        tokio::spawn(async move {
            // Nobody waits for the answer any more once the connection is given up.
            tokio::select! {
                finding = asking => { let _ = findings.send(finding).await; }
                () = findings.closed() => {}
            }
        });
    }

    fn inspect(&self, id: WorkloadId, asked: u64) {
        let permits = self.permits.clone();
        self.spawn(|engine| async move {
            let _permit = permits.acquire_owned().await;
            match resolve::one(&engine, &id.0).await {
                Ok(workload) => Finding::Whole { id, asked, workload: workload.map(Box::new) },
                Err(RuntimeError::Silent { .. } | RuntimeError::Malformed { .. }) => {
                    begun(&engine, &id.0, asked).await
                }
                Err(error) => Finding::Failed(error),
            }
        });
    }

    fn list_one(&self, id: WorkloadId, asked: u64) {
        self.spawn(|engine| async move { begun(&engine, &id.0, asked).await });
    }

    fn network(&self, network: String, name: String, id: WorkloadId, asked: u64) {
        self.spawn(|engine| async move {
            match resolve::endpoint(&engine, &network, &name, &id.0).await {
                Ok(interface) => Finding::Attached { id, asked, interface },
                Err(error) => Finding::Failed(error),
            }
        });
    }

    fn list(&self, asked: u64) {
        self.spawn(|engine| async move {
            match engine.containers(None).await {
                Ok(containers) => Finding::Listed { asked, containers },
                Err(error) => Finding::Failed(error),
            }
        });
    }
}

async fn begun(engine: &Engine, id: &str, asked: u64) -> Finding {
    match resolve::listed(engine, id).await {
        Ok(workload) => Finding::Begun { asked, workload: workload.map(Box::new) },
        Err(error) => Finding::Failed(error),
    }
}

/// States of a container that the stream tells of: it runs, or it is about to.
fn is_up(state: &str) -> bool {
    matches!(state, "created" | "running" | "paused" | "restarting")
}

impl ListedContainer {
    fn is_up(&self) -> bool {
        is_up(&self.state)
    }
}

#[cfg(test)]
mod tests;
