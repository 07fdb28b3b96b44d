//! Several runtimes as one stream.

use crate::{
    Backoff,
    runtime::{Report, Runtime, RuntimeError, RuntimeState, RuntimeStatus, Sink, Update, now},
};
use bulkhead_model::{Workload, WorkloadId};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{sync::mpsc, task::JoinSet};

/// Updates that wait for a slow reader before the runtimes are slowed down.
const WAITING: usize = 1024;

/// The stream of updates. When it is dropped, the runtimes are followed no more.
#[derive(Debug)]
pub struct Discovery {
    pub updates: mpsc::Receiver<Update>,
    pub status: StatusReader,
}

/// How the runtimes are doing, readable at any time.
#[derive(Debug, Clone)]
pub struct StatusReader(Vec<Arc<Mutex<RuntimeStatus>>>);

impl StatusReader {
    pub fn read(&self) -> Vec<RuntimeStatus> {
        self.0.iter().map(|s| s.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }
}

/// Follows the runtimes until the returned stream is dropped. The first update is a snapshot, sent as soon as each of
/// them has told what it knows or has turned out not to be there.
///
/// Must be called within a Tokio runtime.
pub fn watch_runtimes(runtimes: Vec<Box<dyn Runtime>>, backoff: &Backoff) -> Discovery {
    let (reports, incoming) = mpsc::channel(WAITING);
    let (outgoing, updates) = mpsc::channel(WAITING);
    let mut tasks = JoinSet::new();
    let mut statuses = Vec::new();
    for (place, runtime) in runtimes.into_iter().enumerate() {
        let status = Arc::new(Mutex::new(RuntimeStatus {
            runtime: runtime.name(),
            endpoint: runtime.endpoint(),
            state: RuntimeState::Connecting,
            workloads: 0,
            gaps: 0,
        }));
        statuses.push(status.clone());
        tasks.spawn(supervise(runtime, Sink { place, updates: reports.clone(), status }, backoff.clone()));
    }
    drop(reports);
    let merger = Merger::new(statuses.clone());
    tokio::spawn(async move {
        merger.run(incoming, outgoing).await;
        drop(tasks); // which ends them
    });
    Discovery { updates, status: StatusReader(statuses) }
}

async fn supervise(mut runtime: Box<dyn Runtime>, sink: Sink, mut backoff: Backoff) {
    loop {
        let error = runtime.follow(&sink).await;
        let before = sink.status.lock().unwrap_or_else(PoisonError::into_inner).state.clone();
        let state = match before {
            _ if matches!(error, RuntimeError::Abandoned) => return,
            RuntimeState::Connected { .. } => {
                backoff.reset();
                sink.status.lock().unwrap_or_else(PoisonError::into_inner).gaps += 1;
                tracing::warn!(runtime = runtime.name(), %error, "lost; its workloads stay as they were");
                RuntimeState::Lost { since: now(), reason: error.to_string() }
            }
            RuntimeState::Connecting | RuntimeState::Absent if error.is_absent() => RuntimeState::Absent,
            RuntimeState::Lost { since, .. } => RuntimeState::Lost { since, reason: error.to_string() },
            _ => RuntimeState::Lost { since: now(), reason: error.to_string() },
        };
        sink.set_state(state);
        if sink.updates.send((sink.place, Report::Unreachable)).await.is_err() {
            return;
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}

/// Docker keeps its containers in this namespace of containerd.
const DOCKERS_RUNTIME: &str = "containerd/moby";

/// What each runtime said, and what of it is told: containers that Docker reports itself, and reports better, are not
/// told a second time from containerd's view of them.
struct Merger {
    statuses: Vec<Arc<Mutex<RuntimeStatus>>>,
    /// `None` until the runtime has spoken.
    known: Vec<Option<BTreeMap<WorkloadId, Workload>>>,
    unreachable: Vec<bool>,
    begun: bool,
}

impl Merger {
    fn new(statuses: Vec<Arc<Mutex<RuntimeStatus>>>) -> Self {
        let runtimes = statuses.len();
        Self {
            statuses,
            known: (0..runtimes).map(|_| None).collect(),
            unreachable: vec![false; runtimes],
            begun: false,
        }
    }

    async fn run(mut self, mut incoming: mpsc::Receiver<(usize, Report)>, outgoing: mpsc::Sender<Update>) {
        loop {
            let received = tokio::select! {
                received = incoming.recv() => received,
                () = outgoing.closed() => None,
            };
            let Some((place, report)) = received else { return };
            if let Some(update) = self.merge(place, report)
                && outgoing.send(update).await.is_err()
            {
                return;
            }
            let told = self.known[place].as_ref().map_or(0, BTreeMap::len);
            self.statuses[place].lock().unwrap_or_else(PoisonError::into_inner).workloads = told;
        }
    }

    fn merge(&mut self, place: usize, report: Report) -> Option<Update> {
        match report {
            Report::Unreachable => {
                self.unreachable[place] = true;
                if self.begun || !self.all_have_spoken() {
                    return None;
                }
                self.begun = true;
                Some(Update::Snapshot(self.everything()))
            }
            Report::Update(Update::Snapshot(workloads)) => {
                self.known[place] = Some(workloads.into_iter().map(|w| (w.id.clone(), w)).collect());
                self.begun |= self.all_have_spoken();
                self.begun.then(|| Update::Snapshot(self.everything()))
            }
            Report::Update(Update::Up(workload)) => {
                let told = self.begun && !self.is_told_by_docker(&workload);
                let known = self.known[place].get_or_insert_default();
                known.insert(workload.id.clone(), workload.clone());
                told.then_some(Update::Up(workload))
            }
            Report::Update(Update::Down(id)) => {
                let gone = self.known[place].as_mut()?.remove(&id)?;
                (self.begun && !self.is_told_by_docker(&gone)).then_some(Update::Down(id))
            }
        }
    }

    fn all_have_spoken(&self) -> bool {
        self.known.iter().zip(&self.unreachable).all(|(known, unreachable)| known.is_some() || *unreachable)
    }

    fn everything(&self) -> Vec<Workload> {
        let all = self.known.iter().flatten().flat_map(BTreeMap::values);
        all.filter(|workload| !self.is_told_by_docker(workload)).cloned().collect()
    }

    /// Docker has spoken, so what containerd says of Docker's containers is not needed.
    fn is_told_by_docker(&self, workload: &Workload) -> bool {
        let docker = |place: usize| {
            self.statuses[place].lock().unwrap_or_else(PoisonError::into_inner).runtime == crate::docker::NAME
        };
        &*workload.runtime == DOCKERS_RUNTIME
            && (0..self.known.len()).any(|place| self.known[place].is_some() && docker(place))
    }
}

#[cfg(test)]
mod tests;
