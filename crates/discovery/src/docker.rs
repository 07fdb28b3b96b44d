//! Docker Engine, over its API on a unix socket. Works from Docker 20.10 (API 1.41) on.

mod document;
mod engine;
mod known;
mod resolve;
mod time;

use crate::runtime::{Runtime, RuntimeError, Sink, Update};
use document::{Event, ListedContainer};
use engine::Engine;
use known::{Finding, Known};
use std::{convert::Infallible, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::{Semaphore, mpsc};

pub(crate) const NAME: &str = "docker";

/// Inspections under way at once. A container that is held in its start keeps its inspection waiting, so there must be
/// room for others.
const INSPECTIONS: usize = 32;

/// Answers that wait to be looked at; further ones wait with those who got them.
const WAITING_FINDINGS: usize = 1024;

/// How often the list of containers is compared with what the events told.
const RECONCILE: Duration = Duration::from_secs(30);

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
                Some(finding) = found.recv() => {
                    if let Finding::Listed { containers, asked } = &finding {
                        for id in known.differing(containers, *asked) {
                            tracing::debug!(container = %id, "events did not tell of a change");
                            asker.inspect(id, known.ask());
                        }
                    }
                    known.learn(finding)?
                }
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

/// Does what an event asks for. Answers come later, as findings.
fn heed(event: &Event, known: &mut Known, asker: &Asker) -> Option<Update> {
    let container = event.container()?.to_owned();
    tracing::trace!(kind = %event.kind, action = %event.action, %container, "event");
    match (&*event.kind, event.action()) {
        ("container", "die" | "destroy") => return known.forget(&container),
        // Labels and image are known from the list at once; inspecting may have to wait for the start.
        ("container", "create") => asker.list_one(container.clone(), known.ask()),
        ("network", "connect") => {
            if !known.is_up(&container) {
                asker.list_one(container.clone(), known.ask());
            }
            asker.network(event.actor.id.clone(), event.network_name(), container.clone(), known.ask());
        }
        ("container", _) | ("network", "disconnect") => {}
        _ => return None,
    }
    asker.inspect(container, known.ask());
    None
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

    fn inspect(&self, id: String, asked: u64) {
        let permits = self.permits.clone();
        self.spawn(|engine| async move {
            let _permit = permits.acquire_owned().await;
            match resolve::one(&engine, &id).await {
                Ok(workload) => Finding::Whole { id, asked, workload: workload.map(Box::new) },
                Err(RuntimeError::Silent { .. } | RuntimeError::Malformed { .. }) => {
                    begun(&engine, id, asked).await
                }
                Err(error) => Finding::Failed(error),
            }
        });
    }

    fn list_one(&self, id: String, asked: u64) {
        self.spawn(|engine| async move { begun(&engine, id, asked).await });
    }

    fn network(&self, network: String, name: String, id: String, asked: u64) {
        self.spawn(|engine| async move {
            match resolve::endpoint(&engine, &network, &name, &id).await {
                Ok(interface) => Finding::Attached { id, asked, interface },
                Err(error) => Finding::Failed(error),
            }
        });
    }

    fn list(&self, asked: u64) {
        self.spawn(|engine| async move {
            match engine.containers(None).await {
                Ok(containers) => Finding::Listed { containers, asked },
                Err(error) => Finding::Failed(error),
            }
        });
    }
}

async fn begun(engine: &Engine, id: String, asked: u64) -> Finding {
    match resolve::listed(engine, &id).await {
        Ok(workload) => Finding::Begun { id, asked, workload: workload.map(Box::new) },
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
