use super::{Namespace, NamespaceError, NamespaceId, identify, open, path_of};
use bulkhead_model::Workload;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Two descriptors each; the usual limit of a process is 1,024 descriptors.
const CAPACITY: usize = 200;

/// Namespaces that were asked lately, kept open. When there are too many, the one not asked for the longest goes.
#[derive(Debug, Default)]
pub struct Namespaces {
    open: Mutex<Opened>,
}

#[derive(Debug, Default)]
struct Opened {
    clock: u64,
    by_id: HashMap<NamespaceId, (u64, Arc<Namespace>)>,
}

impl Namespaces {
    pub fn new() -> Self {
        Self::default()
    }

    /// Of the process `pid`, see [`Namespace::of_process`].
    pub fn of_process(&self, pid: u32) -> Result<Arc<Namespace>, NamespaceError> {
        self.at(&PathBuf::from(format!("/proc/{pid}/ns/net")))
    }

    /// Of a workload that runs.
    pub fn of_workload(&self, workload: &Workload) -> Result<Arc<Namespace>, NamespaceError> {
        self.at(&path_of(workload).ok_or(NamespaceError::Nowhere)?)
    }

    /// By a path that leads to the namespace, see [`Namespace::at`].
    pub fn at(&self, path: &Path) -> Result<Arc<Namespace>, NamespaceError> {
        // The descriptor holds the namespace, so its number cannot be given away between the question and the answer;
        // and what is in the cache is held likewise.
        let file = open(path)?;
        let id =
            identify(&file).map_err(|e| NamespaceError::Open { path: path.to_owned(), source: e.into() })?;
        if let Some(known) = self.lock().touch(id) {
            return Ok(known);
        }
        let entered = Arc::new(Namespace::enter(file, path)?);
        self.lock().insert(entered.clone());
        Ok(entered)
    }

    /// Lets go of a namespace. Its workload is gone; held on to, its links would outlive it.
    pub fn forget(&self, id: NamespaceId) {
        self.lock().by_id.remove(&id);
    }

    /// Lets go of all namespaces but these.
    pub fn retain(&self, mut keep: impl FnMut(NamespaceId) -> bool) {
        self.lock().by_id.retain(|id, _| keep(*id));
    }

    /// How many namespaces are held open.
    pub fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Opened> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opened {
    fn touch(&mut self, id: NamespaceId) -> Option<Arc<Namespace>> {
        self.clock += 1;
        let (used, namespace) = self.by_id.get_mut(&id)?;
        *used = self.clock;
        Some(namespace.clone())
    }

    fn insert(&mut self, namespace: Arc<Namespace>) {
        self.clock += 1;
        self.by_id.insert(namespace.id(), (self.clock, namespace));
        if self.by_id.len() > CAPACITY
            && let Some(oldest) = self.by_id.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| *id)
        {
            self.by_id.remove(&oldest);
        }
    }
}
