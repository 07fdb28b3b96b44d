//! The task that owns the state.

use crate::{
    app::{App, Command},
    state::{Effects, State},
};
use bulkhead_model::node::NodeReport;
use bulkhead_policy::compiled::NodePolicy;
use bulkhead_store::{Keep, Pruned, StoredEvent, Writer};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, watch};

/// How often readers get a new view at most.
const VIEW: Duration = Duration::from_millis(200);
const TICKS_PER_SECOND: u32 = 5;
/// How often retention is looked after.
const RETENTION: Duration = Duration::from_secs(300);
/// Reports taken at once.
const BATCH: usize = 512;

pub(crate) struct Actor {
    state: State,
    app: Arc<App>,
    writer: Arc<Writer>,
    publish: watch::Sender<NodePolicy>,
    outputs: mpsc::Sender<Arc<StoredEvent>>,
    view_due: bool,
    /// When the last view was made, and how long that took.
    view_made: Option<Instant>,
    view_cost: Duration,
    ticks: u32,
}

impl Actor {
    pub(crate) fn new(
        state: State,
        app: Arc<App>,
        writer: Arc<Writer>,
        publish: watch::Sender<NodePolicy>,
        outputs: mpsc::Sender<Arc<StoredEvent>>,
    ) -> Self {
        let view_cost = Duration::ZERO;
        Self { state, app, writer, publish, outputs, view_due: true, view_made: None, view_cost, ticks: 0 }
    }

    pub(crate) async fn run(
        mut self,
        mut reports: mpsc::Receiver<NodeReport>,
        mut commands: mpsc::Receiver<Command>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let mut health = self.writer.health();
        let mut ticker = tokio::time::interval(Duration::from_secs(1) / TICKS_PER_SECOND);
        ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut retention = tokio::time::interval(RETENTION);
        let mut batch = Vec::with_capacity(BATCH);
        let mut reporting = true;
        self.end_call(None).await;
        loop {
            tokio::select! {
                _ = stopped.changed() => break,
                Some(command) = commands.recv() => self.command(command).await,
                count = reports.recv_many(&mut batch, BATCH), if reporting => {
                    reporting = count > 0;
                    let now = self.app.config.clock.now();
                    for report in batch.drain(..) {
                        self.state.report(report, now);
                    }
                    self.end_call(None).await;
                }
                _ = ticker.tick() => self.tick().await,
                _ = retention.tick() => self.prune(),
                Ok(()) = health.changed() => {
                    self.note_store(&mut health);
                    self.end_call(None).await;
                }
            }
        }
        // What is in the channel was sent before the end.
        let now = self.app.config.clock.now();
        while let Ok(report) = reports.try_recv() {
            self.state.report(report, now);
        }
        self.state.save_everything();
        self.end_call(None).await;
        if let Err(error) = self.writer.flush().await {
            tracing::error!(%error, "not everything is stored");
        }
    }

    async fn tick(&mut self) {
        self.ticks = (self.ticks + 1) % TICKS_PER_SECOND;
        if self.ticks == 0 {
            self.state.tick(self.app.config.clock.now());
            self.end_call(None).await;
        } else {
            let now = self.app.config.clock.now();
            if self.state.is_expiry_due(now) {
                self.state.now = now;
                self.end_call(None).await;
            }
            self.show(false);
        }
    }

    /// Removes old events, beside this task.
    fn prune(&self) {
        let retention = self.state.settings.retention;
        let (app, writer) = (Arc::clone(&self.app), Arc::clone(&self.writer));
        let now = self.state.time_of_expiry();
        tokio::spawn(async move {
            let days = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
            let keep = Keep {
                events: days(retention.event_days),
                history: days(retention.history_days),
                revisions: u64::from(retention.revisions),
                audit: days(retention.audit_days),
                bytes: retention.max_megabytes << 20,
            };
            match writer.prune(now, keep).await {
                Ok(pruned) => {
                    if pruned != Pruned::default() {
                        tracing::info!(?pruned, "what is old was removed");
                    }
                    // The controller may be ending.
                    let _ = app.act(move |state| state.note_pruned(&pruned)).await;
                }
                Err(error) => tracing::warn!(%error, "old events could not be removed"),
            }
        });
    }

    async fn command(&mut self, command: Command) {
        self.state.now = self.app.config.clock.now();
        (command.run)(&mut self.state);
        self.end_call(Some(command.done)).await;
    }

    /// Hands on what a call has left behind. A command waits until readers see it and until it is durable; reports do
    /// not wait.
    async fn end_call(
        &mut self,
        done: Option<tokio::sync::oneshot::Sender<Result<(), bulkhead_store::StoreError>>>,
    ) {
        let mut effects = self.state.finish();
        self.view_due |= effects.view;
        if effects.publish {
            self.publish.send_replace(self.state.node_policy());
        }
        if effects.auth {
            self.app.auth.store(Arc::new(self.state.auth_table()));
        }
        if effects.outputs {
            self.app.outputs.configure(self.state.admin.outputs.clone());
        }
        // Stored (or on the way, in order) before it is told: who resumes a stream reads what was told before.
        let changes = std::mem::take(&mut effects.changes);
        let stored = match &done {
            Some(_) if !changes.is_empty() => self.writer.now(changes).await,
            _ => {
                self.writer.later(changes);
                Ok(())
            }
        };
        self.send_out(&effects);
        self.app.broadcast(&mut effects);
        self.show(done.is_some());
        if let Some(done) = done {
            // Who asked may have gone.
            let _ = done.send(stored);
        }
    }

    fn send_out(&self, effects: &Effects) {
        for event in &effects.events {
            if self.outputs.try_send(Arc::clone(event)).is_err() {
                self.app.outputs.count_lost();
            }
        }
    }

    /// Shows readers what there is; not more often than making it is worth.
    fn show(&mut self, at_once: bool) {
        let pause = VIEW.max(self.view_cost * 20);
        let waited = self.view_made.is_none_or(|made| made.elapsed() >= pause);
        if !self.view_due || !(waited || at_once) {
            return;
        }
        let begun = Instant::now();
        self.app.view.store(Arc::new(self.state.view()));
        self.view_cost = begun.elapsed();
        self.view_made = Some(Instant::now());
        self.view_due = false;
    }

    fn note_store(&mut self, health: &mut watch::Receiver<bulkhead_store::StoreHealth>) {
        self.state.now = self.app.config.clock.now();
        let health = health.borrow_and_update().clone();
        match &health.failing {
            Some(why) => {
                let what = format!(
                    "the database cannot be written ({why}); enforcement goes on, changes wait in memory"
                );
                self.state.degrade("store", &what, "free space on the disk of the state directory");
            }
            None => self.state.recover("store"),
        }
    }
}
