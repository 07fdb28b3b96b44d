//! What the interface's tasks share.

use crate::{
    config::ControllerConfig,
    limiter::Limiter,
    metrics::Metrics,
    state::{AuthTable, Effects, State},
    view::View,
};
use arc_swap::ArcSwap;
use bulkhead_api::{ApiError, ErrorCode, GraphChange};
use bulkhead_model::FlowRecord;
use bulkhead_report::SigningKey;
use bulkhead_store::{Reader, SqliteReader, SqliteStore, StoreError, StoreHealth, StoredEvent, Writer};
use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize},
};
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};

/// What slow readers of streams may lag behind.
const STREAM: usize = 4_096;
/// Requests that may wait for the state's task.
const COMMANDS: usize = 1_024;
const READERS: usize = 4;

/// Something to be done with the state.
pub(crate) struct Command {
    pub(crate) run: Box<dyn FnOnce(&mut State) + Send>,
    /// Told once what was done is durable.
    pub(crate) done: oneshot::Sender<Result<(), StoreError>>,
}

pub(crate) struct App {
    pub(crate) config: ControllerConfig,
    pub(crate) view: ArcSwap<View>,
    pub(crate) auth: ArcSwap<AuthTable>,
    pub(crate) events: broadcast::Sender<Arc<StoredEvent>>,
    pub(crate) graph: broadcast::Sender<Arc<Vec<GraphChange>>>,
    pub(crate) flows: broadcast::Sender<Arc<FlowRecord>>,
    pub(crate) flow_readers: AtomicUsize,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) store: watch::Receiver<StoreHealth>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) metrics: Metrics,
    pub(crate) limiter: Limiter,
    pub(crate) outputs: crate::outputs::Shared,
    pub(crate) token_file: PathBuf,
    /// Signs reports.
    pub(crate) key: SigningKey,
    pub(crate) ranking: Mutex<Option<crate::blast::Ranked>>,
    commands: mpsc::Sender<Command>,
    readers: Readers,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

/// A few connections for reading, used one request at a time.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    free: Arc<Mutex<Vec<SqliteReader>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(store: &SqliteStore) -> Result<Self, StoreError> {
        let free: Vec<SqliteReader> = (0..READERS).map(|_| store.reader()).collect::<Result<_, _>>()?;
        Ok(Self { free: Arc::new(Mutex::new(free)), permits: Arc::new(Semaphore::new(READERS)) })
    }
}

impl App {
    pub(crate) fn new(
        config: ControllerConfig,
        state: &State,
        readers: Readers,
        writer: Arc<Writer>,
        token_file: PathBuf,
        key: SigningKey,
    ) -> (Arc<Self>, mpsc::Receiver<Command>) {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let app = Self {
            view: ArcSwap::from_pointee(state.view()),
            auth: ArcSwap::from_pointee(state.auth_table()),
            events: broadcast::channel(STREAM).0,
            graph: broadcast::channel(STREAM).0,
            flows: broadcast::channel(STREAM).0,
            flow_readers: AtomicUsize::new(0),
            streams: Arc::new(Semaphore::new(config.limits.streams)),
            store: writer.health(),
            writer,
            metrics: Metrics::default(),
            limiter: Limiter::new(config.limits),
            outputs: crate::outputs::Shared::default(),
            token_file,
            key,
            ranking: Mutex::new(None),
            commands,
            readers,
            config,
        };
        (Arc::new(app), inbox)
    }

    /// Runs a closure on the task that owns the state and waits until what it changed is seen by readers and durable.
    pub(crate) async fn act<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut State) -> R + Send + 'static,
    ) -> Result<R, ApiError> {
        let gone =
            || ApiError::new(ErrorCode::Unavailable, "the controller is stopping", "try again in a moment");
        let (answer, result) = oneshot::channel();
        let (done, durable) = oneshot::channel();
        let run = Box::new(move |state: &mut State| {
            // Who asked may have gone; what was asked for is done all the same.
            let _ = answer.send(work(state));
        });
        self.commands.send(Command { run, done }).await.map_err(|_| gone())?;
        let result = result.await.map_err(|_| gone())?;
        match durable.await {
            Ok(Ok(())) => Ok(result),
            Ok(Err(error)) => Err(ApiError::new(
                ErrorCode::Unavailable,
                format!("it is in force, but not stored yet: {error}"),
                "free space on the disk of the state directory; what waits is then written by itself",
            )),
            Err(_) => Err(gone()),
        }
    }

    /// Reads from the store on a thread that may block.
    pub(crate) async fn read<R: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Reader) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, ApiError> {
        let failed = |error: &dyn fmt::Display| {
            tracing::error!(%error, "the store cannot be read");
            ApiError::new(
                ErrorCode::Unavailable,
                format!("the store cannot be read: {error}"),
                "try again; look at the server's log",
            )
        };
        let readers = self.readers.clone();
        let permit = Arc::clone(&readers.permits).acquire_owned().await.map_err(|e| failed(&e))?;
        let result = tokio::task::spawn_blocking(move || {
            let take = || readers.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(reader) = take() else { return Err(StoreError::Closed) };
            let result = work(&reader);
            readers.free.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            drop(permit);
            result
        })
        .await;
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(failed(&error)),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Works on the current view on a thread that may take its time.
    pub(crate) async fn ponder<R: Send + 'static>(
        &self,
        work: impl FnOnce(&View) -> R + Send + 'static,
    ) -> Result<R, ApiError> {
        let view = self.view.load_full();
        tokio::task::spawn_blocking(move || work(&view)).await.map_err(|error| {
            tracing::error!(%error, "a question could not be answered");
            ApiError::new(
                ErrorCode::Internal,
                "the question could not be answered",
                "look at the server's log",
            )
        })
    }

    /// Hands what a call left behind to those who listen.
    pub(crate) fn broadcast(&self, effects: &mut Effects) {
        // Sending fails when nobody listens, which is fine.
        for event in &effects.events {
            self.metrics.event(&event.kind);
            let _ = self.events.send(Arc::clone(event));
        }
        if !effects.graph.is_empty() {
            let _ = self.graph.send(Arc::new(std::mem::take(&mut effects.graph)));
        }
        for flow in effects.flows.drain(..) {
            let _ = self.flows.send(Arc::new(flow));
        }
    }
}
