//! Events leave for the user's own systems. What cannot be sent waits in the store, in order, and is tried again with
//! growing pauses; a spool that is full drops its oldest and counts them, and so is an event that is refused for good.

mod format;
mod patience;
mod repeats;
mod send;

use self::patience::{Patience, Then};
use crate::app::App;
use bulkhead_api::{Output, OutputStatus, OutputTest, Outputs};
use bulkhead_model::{Event, EventId, EventKind, Severity, Timestamp};
use bulkhead_store::{Change, SpoolRecord, StoredEvent};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
};

/// Events that may wait to be spooled.
pub(crate) const QUEUE: usize = 8_192;
/// Events that may wait for one output.
const SPOOL: usize = 50_000;
/// How often it is looked whether what was counted on may be sent again.
const LOOK: Duration = Duration::from_secs(5);

/// What the interface and the state's task see of the outputs.
#[derive(Debug)]
pub(crate) struct Shared {
    status: Mutex<BTreeMap<String, OutputStatus>>,
    wanted: watch::Sender<Outputs>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { status: Mutex::default(), wanted: watch::channel(Outputs::default()).0 }
    }
}

impl Shared {
    pub(crate) fn configure(&self, outputs: Outputs) {
        self.wanted.send_replace(outputs);
    }

    pub(crate) fn status(&self, name: &str) -> OutputStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut OutputStatus)) {
        let mut all = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(name.to_owned()).or_default());
    }

    /// An event did not even get into the queue.
    pub(crate) fn count_lost(&self) {
        let mut all = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        all.values_mut().for_each(|status| status.lost += 1);
    }

    pub(crate) fn each(&self, mut show: impl FnMut(&str, &OutputStatus)) {
        let all = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().for_each(|(name, status)| show(name, status));
    }
}

/// What waits for one output.
#[derive(Debug)]
struct Spool {
    waiting: Mutex<VecDeque<(u64, Event)>>,
    more: Notify,
}

struct Running {
    output: Output,
    spool: Arc<Spool>,
    worker: JoinHandle<()>,
}

pub(crate) struct Dispatcher {
    app: Arc<App>,
    running: BTreeMap<String, Running>,
    kept: Vec<SpoolRecord>,
    next: u64,
    /// So that counters do not flood.
    repeats: repeats::Repeats,
}

impl Dispatcher {
    pub(crate) fn new(app: Arc<App>, kept: Vec<SpoolRecord>, outputs: Outputs) -> Self {
        app.outputs.configure(outputs);
        let next = kept.iter().map(|record| record.id + 1).max().unwrap_or(1);
        Self { app, running: BTreeMap::new(), kept, next, repeats: repeats::Repeats::default() }
    }

    pub(crate) async fn run(
        mut self,
        mut events: mpsc::Receiver<Arc<StoredEvent>>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let mut wanted = self.app.outputs.wanted.subscribe();
        self.configure(&wanted.borrow_and_update().clone());
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                _ = stopped.changed() => break,
                Ok(()) = wanted.changed() => {
                    let outputs = wanted.borrow_and_update().clone();
                    self.configure(&outputs);
                }
                Some(event) = events.recv() => self.take(&event),
                _ = look.tick() => {
                    for event in self.repeats.due(Instant::now()) {
                        self.spool(&event);
                    }
                }
            }
        }
        // The state's task has the last word: its end closes the channel.
        while let Some(event) = events.recv().await {
            self.take(&event);
        }
        for event in self.repeats.rest() {
            self.spool(&event);
        }
        for running in self.running.into_values() {
            running.worker.abort();
        }
    }

    /// Starts, stops and restarts workers, so that exactly what is wanted runs.
    fn configure(&mut self, outputs: &Outputs) {
        let wanted: BTreeMap<&str, &Output> =
            outputs.outputs.iter().filter(|o| o.enabled).map(|o| (o.name.as_str(), o)).collect();
        let over: Vec<String> = self
            .running
            .iter()
            .filter(|(name, running)| wanted.get(name.as_str()).is_none_or(|w| **w != running.output))
            .map(|(name, _)| name.clone())
            .collect();
        let mut spools: BTreeMap<String, Arc<Spool>> = BTreeMap::new();
        for name in over {
            if let Some(running) = self.running.remove(&name) {
                running.worker.abort();
                spools.insert(name, running.spool);
            }
        }
        for (name, output) in wanted {
            if self.running.contains_key(name) {
                continue;
            }
            let spool = spools.remove(name).unwrap_or_else(|| Arc::new(self.kept_spool(name)));
            let queued = spool.waiting.lock().unwrap_or_else(PoisonError::into_inner).len() as u64;
            self.app.outputs.change(name, |status| status.queued = queued);
            let worker = tokio::spawn(work(Arc::clone(&self.app), output.clone(), Arc::clone(&spool)));
            self.running.insert(name.to_owned(), Running { output: output.clone(), spool, worker });
        }
        // What waited for an output that is no more waits for nothing.
        let mut gone = Vec::new();
        for (name, spool) in spools {
            let waiting = spool.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            gone.extend(waiting.iter().map(|(id, _)| Change::Unspool { output: name.clone(), id: *id }));
        }
        self.app.writer.later(gone);
    }

    fn kept_spool(&mut self, name: &str) -> Spool {
        let (own, others) =
            std::mem::take(&mut self.kept).into_iter().partition(|record| record.output == name);
        self.kept = others;
        let own: Vec<SpoolRecord> = own;
        let read = |record: SpoolRecord| Some((record.id, serde_json::from_str(&record.data).ok()?));
        Spool { waiting: Mutex::new(own.into_iter().filter_map(read).collect()), more: Notify::new() }
    }

    fn take(&mut self, stored: &Arc<StoredEvent>) {
        if self.repeats.is_due(stored, Instant::now()) {
            self.spool(stored);
        }
    }

    fn spool(&mut self, stored: &StoredEvent) {
        let event = &stored.event;
        let mut changes = Vec::new();
        for (name, running) in &self.running {
            let output = &running.output;
            let takes = event.severity >= output.min_severity
                && (output.types.is_empty() || output.types.contains(&stored.kind));
            if !takes {
                continue;
            }
            self.repeats.sent(event.id, Instant::now());
            let id = self.next;
            self.next += 1;
            let data = serde_json::to_string(event).unwrap_or_default();
            changes.push(Change::Spool(SpoolRecord { output: name.clone(), id, data }));
            let mut waiting = running.spool.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push_back((id, event.clone()));
            if waiting.len() > SPOOL
                && let Some((oldest, _)) = waiting.pop_front()
            {
                changes.push(Change::Unspool { output: name.clone(), id: oldest });
                self.app.outputs.change(name, |status| status.lost += 1);
            }
            let queued = waiting.len() as u64;
            self.app.outputs.change(name, |status| status.queued = queued);
            running.spool.more.notify_one();
        }
        self.app.writer.later(changes);
    }
}

/// Sends what waits, one after the other, until aborted.
async fn work(app: Arc<App>, output: Output, spool: Arc<Spool>) {
    let mut patience = Patience::default();
    let mut line = send::Line::default();
    loop {
        let first = spool.waiting.lock().unwrap_or_else(PoisonError::into_inner).front().cloned();
        let Some((id, event)) = first else {
            spool.more.notified().await;
            continue;
        };
        match send::deliver(&output, &event, &mut line).await {
            Ok(_) => {
                patience = Patience::default();
                let now = app.config.clock.now();
                let queued = remove(&app, &output, &spool, id);
                app.outputs.change(&output.name, |status| {
                    status.sent += 1;
                    status.queued = queued;
                    status.last_success = Some(now);
                    status.last_error = None;
                });
            }
            Err(error) => {
                let then = patience.failed(&error);
                tracing::warn!(output = output.name, %error, ?then, "an event could not be sent");
                app.outputs.change(&output.name, |status| status.last_error = Some(error.to_string()));
                line = send::Line::default();
                let (Then::Again(pause) | Then::GiveUp(pause)) = then;
                if matches!(then, Then::GiveUp(_)) {
                    let queued = remove(&app, &output, &spool, id);
                    app.outputs.change(&output.name, |status| {
                        status.lost += 1;
                        status.queued = queued;
                    });
                }
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Takes an event out of the spool; returns how many are left.
fn remove(app: &App, output: &Output, spool: &Spool, id: u64) -> u64 {
    let mut waiting = spool.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.retain(|(waiting, _)| *waiting != id);
    let queued = waiting.len() as u64;
    drop(waiting);
    app.writer.later(vec![Change::Unspool { output: output.name.clone(), id }]);
    queued
}

/// Sends one message that says it is a test.
pub(crate) async fn test(output: &Output, now: Timestamp) -> OutputTest {
    let event = Event {
        id: EventId(0),
        time: now,
        severity: Severity::Info,
        message: "This is a test message from Bulkhead.".into(),
        kind: EventKind::Recovered { what: "test of this output".into() },
    };
    let begun = Instant::now();
    let result = send::deliver(output, &event, &mut send::Line::default()).await;
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    match result {
        Ok(message) => OutputTest { delivered: true, message, milliseconds },
        Err(error) => OutputTest { delivered: false, message: error.to_string(), milliseconds },
    }
}
