//! The estate's brain. One task owns all state (`state`); nodes report to it, the REST interface asks it, and what
//! follows leaves it: policies for nodes on a `watch` channel, records for the store, events for whoever listens.
//!
//! | part | what it does |
//! |---|---|
//! | `state` | identities, edges, learning, documents, events: pure, time is a parameter |
//! | `actor` | the task that owns the state |
//! | `view` | the snapshot that readers see |
//! | `plan`, `reach`, `blast` | questions, answered from a snapshot on other threads |
//! | `rest`, `stream`, `server` | the interface |
//! | `outputs` | syslog and webhooks, with a spool |

#![forbid(unsafe_code)]

mod actor;
mod app;
mod backup;
mod blast;
mod config;
mod diff;
mod error;
mod limiter;
mod metrics;
mod outputs;
mod plan;
mod reach;
mod reportkey;
mod rest;
mod server;
mod state;
mod stream;
mod tls;
mod tokenfile;
mod ui;
mod view;

pub use blast::{blast_ranking, blast_side};
pub use config::{Clock, ControllerConfig, Limits, Tls};
pub use error::ControllerError;

use crate::{
    actor::Actor,
    app::App,
    backup::Backup,
    state::{Found, State},
};
use bulkhead_model::node::NodeReport;
use bulkhead_policy::compiled::NodePolicy;
use bulkhead_store::{SqliteStore, Store, Writer};
use std::{net::SocketAddr, os::unix::fs::DirBuilderExt, path::PathBuf, sync::Arc};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

/// Reports that may wait for the controller.
const REPORTS: usize = 65_536;

/// A running controller.
#[derive(Debug)]
pub struct Controller {
    /// What nodes tell. A full channel means that the controller does not keep up: count what is not sent.
    pub reports: mpsc::Sender<NodeReport>,
    /// What nodes are to do, whole, each time it changes.
    pub policy: watch::Receiver<NodePolicy>,
    /// Where the interface listens.
    pub address: SocketAddr,
    /// `http://127.0.0.1:7070/`
    pub url: String,
    /// The token of the first run, as long as its file exists.
    pub admin_token: Option<String>,
    pub admin_token_file: PathBuf,
    /// PEM of the certificate that the server shows, where it made it itself.
    pub certificate: Option<PathBuf>,
    app: Arc<App>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Controller {
    /// Opens the store, restores the state, and serves.
    ///
    /// # Errors
    /// The state directory cannot be used, the database is of a newer version, or the address is taken. Then nodes are
    /// told nothing: what the kernel enforces holds.
    pub async fn start(config: ControllerConfig) -> Result<Self, ControllerError> {
        let now = config.clock.now();
        let directory = config.state_dir.clone();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(|source| ControllerError::StateDirectory { path: directory.clone(), source })?;
        let database = directory.join("bulkhead.db");
        let opened = SqliteStore::open(&database, now)?;
        let mut store = opened.store;
        let loaded = store.load()?;
        let spool = loaded.spool.clone();
        let readers = app::Readers::new(&store)?;
        let writer = Arc::new(Writer::start(store).map_err(ControllerError::Thread)?);

        let stored = loaded.settings.clone();
        let mut state = State::restore(&config, loaded, now);
        if let Some(aside) = opened.set_aside {
            let begins = format!(
                "the database was damaged ({}) and has been set aside as {}",
                aside.why,
                aside.to.display()
            );
            let (what, remedy) = match aside.restored {
                Some(written) => (
                    format!(
                        "{begins}; its backup, {} minutes old, has taken its place",
                        now.since(written).as_secs() / 60
                    ),
                    "look through modes and policies for what was changed since; remove the damaged file",
                ),
                None => (
                    format!("{begins}; everything begins anew"),
                    "restore a backup, or learn again; remove the damaged file",
                ),
            };
            state.degrade("database", &what, remedy);
        }
        state.hold(Found { enforced: config.enforced, begin_anew: config.begin_anew }, &stored);
        let token_file = directory.join("admin.token");
        let admin_token = tokenfile::ensure(&token_file, &mut state)?;

        let tls = tls::prepare(&config.tls, config.listen, &directory)?;
        let (listener, address) = server::bind(config.listen).await?;
        let (stop, stopped) = watch::channel(false);
        let (reports, inbox) = mpsc::channel(REPORTS);
        // Never an empty one first: a node would open what it enforces.
        state.bring_up_to_date();
        let (publish, policy) = watch::channel(state.node_policy());
        let (events_out, events_in) = mpsc::channel(outputs::QUEUE);
        let key = reportkey::ensure(&directory.join("report.key"))?;
        let (app, commands) = App::new(config, &state, readers, Arc::clone(&writer), token_file.clone(), key);
        let mut tasks = Vec::new();
        let outputs = outputs::Dispatcher::new(Arc::clone(&app), spool, state.admin.outputs.clone());
        tasks.push(tokio::spawn(outputs.run(events_in, stopped.clone())));
        let backup = Backup { database, app: Arc::clone(&app), policy: policy.clone() };
        tasks.push(tokio::spawn(backup.run(stopped.clone())));
        let actor = Actor::new(state, Arc::clone(&app), writer, publish, events_out);
        tasks.push(tokio::spawn(actor.run(inbox, commands, stopped.clone())));
        let scheme = if tls.acceptor.is_some() { "https" } else { "http" };
        let prefix = app.config.path_prefix.trim_matches('/').to_owned();
        let slash = if prefix.is_empty() { "" } else { "/" };
        let url = format!("{scheme}://{address}/{prefix}{slash}");
        if let Some(renewal) = tls.renewal {
            tasks.push(tokio::spawn(renewal.run(Arc::clone(&app), stopped.clone())));
        }
        tasks.push(tokio::spawn(server::serve(listener, tls.acceptor, Arc::clone(&app), stopped)));
        tracing::info!(%address, "serving");
        Ok(Self {
            reports,
            policy,
            address,
            url,
            admin_token,
            admin_token_file: token_file,
            certificate: tls.certificate,
            app,
            stop,
            tasks,
        })
    }

    /// Returns once the node enforces what this controller wants; where the state was lost, once it is known that the
    /// node goes on with what it enforced.
    pub async fn settled(&self) {
        const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);
        while !self.app.view.load().settled {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Ends all tasks and writes what waits.
    pub async fn stop(mut self) {
        // Nobody has to listen for it to be true.
        let _ = self.stop.send(true);
        for task in self.tasks.drain(..) {
            if let Err(error) = task.await
                && error.is_panic()
            {
                tracing::error!(%error, "a task of the controller panicked");
            }
        }
        drop(self.app);
    }
}
