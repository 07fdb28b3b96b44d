//! The thread that writes.

use crate::{Change, Keep, Pruned, Store, StoreError};
use bulkhead_model::Timestamp;
use std::{
    collections::VecDeque,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError, TrySendError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::sync::{oneshot, watch};

/// Changes that may wait while the disk is full, before events begin to be dropped (and counted).
const WAITING_LIMIT: usize = 200_000;
/// Hand-overs that may wait for the thread: minutes of a disk that hangs.
const QUEUE: usize = 4_096;
/// Changes of one transaction.
const BATCH: usize = 4_096;
/// How often a failed write is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// How writing goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreHealth {
    /// Why writing fails at the moment.
    pub failing: Option<String>,
    /// Changes that wait.
    pub pending: u64,
    /// Changes that were dropped since start because too many waited.
    pub lost: u64,
    /// Bytes used by the database.
    pub bytes: u64,
}

type Ack = oneshot::Sender<Result<(), StoreError>>;

enum Command {
    /// Written sometime soon, in order, in one transaction with whatever else is there.
    Later(Vec<Change>),
    /// Written now, or refused now.
    Now(Vec<Change>, Ack),
    Prune {
        now: Timestamp,
        keep: Keep,
        ack: oneshot::Sender<Result<Pruned, StoreError>>,
    },
    /// Answered once all that came before is written (or cannot be).
    Flush(Ack),
}

/// A handle to the writing thread. Dropping it makes the thread write what waits, and end.
#[derive(Debug)]
pub struct Writer {
    commands: Option<mpsc::SyncSender<Command>>,
    dropped: AtomicU64,
    health: watch::Receiver<StoreHealth>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub fn start(store: impl Store) -> Result<Self, std::io::Error> {
        let (commands, inbox) = mpsc::sync_channel(QUEUE);
        let (report, health) = watch::channel(StoreHealth::default());
        let thread = thread::Builder::new().name("store".to_owned()).spawn(move || {
            Worker { store, inbox, report, waiting: VecDeque::new() }.run();
        })?;
        Ok(Self { commands: Some(commands), dropped: AtomicU64::new(0), health, thread: Some(thread) })
    }

    fn send(&self, command: Command) -> Result<(), StoreError> {
        let commands = self.commands.as_ref().ok_or(StoreError::Closed)?;
        commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }

    /// Hands changes over to be written soon; they wait in memory while the disk is full.
    pub fn later(&self, changes: Vec<Change>) {
        let count = changes.len() as u64;
        if count > 0
            && let Err(error) = self.send(Command::Later(changes))
        {
            self.dropped.fetch_add(count, Ordering::Relaxed);
            tracing::error!(%error, count, "changes are not stored");
        }
    }

    /// Changes that were never even queued, since start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Returns once the changes (and all before them) are durable. Where they cannot be written they wait in memory,
    /// as those of [`Writer::later`] do, and the reason is returned.
    pub async fn now(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let (ack, done) = oneshot::channel();
        self.send(Command::Now(changes, ack))?;
        done.await.map_err(|_| StoreError::Closed)?
    }

    /// Returns once everything handed over before is durable.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let (ack, done) = oneshot::channel();
        self.send(Command::Flush(ack))?;
        done.await.map_err(|_| StoreError::Closed)?
    }

    pub async fn prune(&self, now: Timestamp, keep: Keep) -> Result<Pruned, StoreError> {
        let (ack, done) = oneshot::channel();
        self.send(Command::Prune { now, keep, ack })?;
        done.await.map_err(|_| StoreError::Closed)?
    }

    pub fn health(&self) -> watch::Receiver<StoreHealth> {
        self.health.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // It panicked if this is an error, and has said so.
            let _ = thread.join();
        }
    }
}

struct Worker<S> {
    store: S,
    inbox: mpsc::Receiver<Command>,
    report: watch::Sender<StoreHealth>,
    waiting: VecDeque<Change>,
}

impl<S: Store> Worker<S> {
    fn run(mut self) {
        self.measure();
        loop {
            let command = if self.waiting.is_empty() {
                self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                self.inbox.recv_timeout(RETRY)
            };
            match command {
                Ok(command) => self.handle(command),
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.drain();
                }
                Err(RecvTimeoutError::Disconnected) => {
                    if let Err(error) = self.drain() {
                        tracing::error!(%error, waiting = self.waiting.len(), "changes are lost at the end");
                    }
                    return;
                }
            }
        }
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Later(changes) => {
                self.wait(changes);
                // Whatever else has come meanwhile goes into the same transaction.
                while self.waiting.len() < BATCH {
                    match self.inbox.try_recv() {
                        Ok(Command::Later(changes)) => self.wait(changes),
                        Ok(other) => {
                            self.drain_unless_failing();
                            return self.handle(other);
                        }
                        Err(_) => break,
                    }
                }
                self.drain_unless_failing();
            }
            Command::Now(changes, ack) => {
                self.wait(changes);
                let result = self.drain();
                // Nobody listens any more: nothing to do about it.
                let _ = ack.send(result);
            }
            Command::Flush(ack) => {
                let result = self.drain();
                let _ = ack.send(result);
            }
            Command::Prune { now, keep, ack } => {
                let result = self.store.prune(now, keep);
                self.measure();
                let _ = ack.send(result);
            }
        }
    }

    fn drain_unless_failing(&mut self) {
        if self.report.borrow().failing.is_none() {
            let _ = self.drain();
        }
    }

    fn wait(&mut self, changes: Vec<Change>) {
        self.waiting.extend(changes);
        let mut lost = 0;
        while self.waiting.len() > WAITING_LIMIT {
            self.waiting.pop_front();
            lost += 1;
        }
        let pending = self.waiting.len() as u64;
        self.report.send_if_modified(|health| {
            let changed = lost > 0;
            health.lost += lost;
            health.pending = pending;
            changed
        });
    }

    /// Writes all that waits, in order.
    fn drain(&mut self) -> Result<(), StoreError> {
        while !self.waiting.is_empty() {
            let batch: Vec<Change> = self.waiting.drain(..self.waiting.len().min(BATCH)).collect();
            match self.write(&batch) {
                Ok(()) => {}
                Err(error) if error.is_transient() => {
                    batch.into_iter().rev().for_each(|change| self.waiting.push_front(change));
                    self.note();
                    return Err(error);
                }
                Err(error) => {
                    // The batch as a whole cannot be written: one by one, so that one bad change costs itself alone.
                    tracing::error!(%error, changes = batch.len(), "a batch cannot be written");
                    for change in batch {
                        if let Err(error) = self.write(std::slice::from_ref(&change)) {
                            tracing::error!(%error, "a change cannot be written");
                            self.report.send_modify(|health| health.lost += 1);
                        }
                    }
                }
            }
        }
        self.note();
        Ok(())
    }

    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let result = if changes.is_empty() { Ok(()) } else { self.store.write(changes) };
        let failing = result.as_ref().err().map(ToString::to_string);
        self.report.send_if_modified(|health| {
            let changed = health.failing != failing;
            health.failing = failing;
            changed
        });
        if result.is_ok() {
            self.measure();
        }
        result
    }

    fn note(&mut self) {
        let pending = self.waiting.len() as u64;
        self.report.send_if_modified(|health| {
            health.pending = pending;
            false
        });
    }

    fn measure(&mut self) {
        if let Ok(bytes) = self.store.bytes() {
            self.report.send_if_modified(|health| {
                health.bytes = bytes;
                false
            });
        }
    }
}
