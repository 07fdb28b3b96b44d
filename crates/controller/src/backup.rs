//! A backup of the database is made soon after what nodes enforce has changed, and every hour.

use crate::app::App;
use bulkhead_policy::compiled::NodePolicy;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

const OFTEN: Duration = Duration::from_secs(3_600);
/// How long after one that failed the next is tried.
const RETRY: Duration = Duration::from_secs(10);
/// A large database is copied less often: most of the time nothing is copied.
const SHARE: u32 = 20;

pub(crate) struct Backup {
    pub(crate) database: PathBuf,
    pub(crate) app: Arc<App>,
    /// Changes with whatever nodes are to do.
    pub(crate) policy: watch::Receiver<NodePolicy>,
}

impl Backup {
    pub(crate) async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        tokio::select! {
            _ = stopped.changed() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(&mut self) {
        let mut pause = self.app.config.backup_after;
        loop {
            if let Ok(Err(_)) = timeout(OFTEN, self.policy.changed()).await {
                return;
            }
            // What changes together is copied together.
            sleep(pause).await;
            self.policy.mark_unchanged();
            let begun = Instant::now();
            while !self.make().await {
                sleep(RETRY).await;
            }
            pause = self.app.config.backup_after.max(begun.elapsed() * SHARE).min(OFTEN);
        }
    }

    /// Returns whether there is a new backup.
    async fn make(&self) -> bool {
        // What cannot be written is said elsewhere; what is there is copied.
        let _ = self.app.writer.flush().await;
        let database = self.database.clone();
        let made = tokio::task::spawn_blocking(move || bulkhead_store::back_up(&database)).await;
        let why = match made {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        let made = why.is_none();
        // A controller that stops has nobody to tell it to.
        let _ = self
            .app
            .act(move |state| match why {
                None => state.recover("backup"),
                Some(why) => {
                    let what = format!("there is no fresh backup of the database: {why}");
                    state.degrade("backup", &what, "make room on the disk of the state directory");
                }
            })
            .await;
        made
    }
}
