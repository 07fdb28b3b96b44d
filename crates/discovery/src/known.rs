//! What is known of a runtime's containers, learned from answers that may arrive in any order.

use crate::runtime::Update;
use bulkhead_model::{Attachment, Interface, Workload, WorkloadId};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Containers that are up. Every question gets a number, and an answer is heeded only if nothing that was asked later
/// has been settled already: an inspection that was overtaken by the end of its container must not revive it.
#[derive(Debug, Default)]
pub(crate) struct Known {
    up: BTreeMap<WorkloadId, Workload>,
    /// The question that settled what is known of a container, up or not.
    settled: HashMap<WorkloadId, u64>,
    asked: u64,
}

impl Known {
    /// The next question's number.
    pub(crate) fn ask(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }

    pub(crate) fn get(&self, id: &WorkloadId) -> Option<&Workload> {
        self.up.get(id)
    }

    pub(crate) fn is_up(&self, id: &WorkloadId) -> bool {
        self.up.contains_key(id)
    }

    pub(crate) fn workloads(&self) -> Vec<Workload> {
        self.up.values().cloned().collect()
    }

    /// Everything there is, from nothing.
    pub(crate) fn replace(&mut self, workloads: Vec<Workload>) {
        self.up = workloads.into_iter().map(|w| (w.id.clone(), w)).collect();
        let named = self.up.clone();
        for workload in self.up.values_mut() {
            resolve_sharing(workload, &named);
        }
    }

    /// It ended; answers that are still under way are out of date.
    pub(crate) fn forget(&mut self, id: WorkloadId) -> Option<Update> {
        let now = self.ask();
        self.settled.insert(id.clone(), now);
        self.up.remove(&id).map(|_| Update::Down(id))
    }

    /// The whole of it; `None`: it is not up.
    pub(crate) fn settle(
        &mut self,
        id: WorkloadId,
        asked: u64,
        workload: Option<Workload>,
    ) -> Option<Update> {
        if !self.is_news(&id, asked) {
            return None;
        }
        self.settled.insert(id.clone(), asked);
        match workload {
            Some(workload) => self.put(workload),
            None => self.up.remove(&id).map(|_| Update::Down(id)),
        }
    }

    /// Who it is, but not its process: never replaces what is known.
    pub(crate) fn begin(&mut self, asked: u64, workload: Workload) -> Option<Update> {
        let news = self.is_news(&workload.id, asked) && !self.is_up(&workload.id);
        if news { self.put(workload) } else { None }
    }

    /// It was connected to a network.
    pub(crate) fn attach(&mut self, id: &WorkloadId, asked: u64, interface: Interface) -> Option<Update> {
        let mut workload = self.up.get(id).filter(|_| self.is_news(id, asked))?.clone();
        workload.interfaces.retain(|i| i.network != interface.network);
        workload.interfaces.push(interface);
        workload.interfaces.sort_by(|a, b| a.network.cmp(&b.network));
        self.put(workload)
    }

    /// Of the containers that are known to be up, or that a list says are up, those of which the two disagree and
    /// nothing has been settled since the list was asked for. What is remembered of containers that are neither known
    /// nor in the list (`exists`) is dropped.
    pub(crate) fn differing(
        &mut self,
        up: &HashSet<WorkloadId>,
        exists: impl Fn(&WorkloadId) -> bool,
        asked: u64,
    ) -> Vec<WorkloadId> {
        let known = &self.up;
        self.settled.retain(|id, settled| known.contains_key(id) || exists(id) || *settled > asked);
        let come = up.iter().filter(|id| !self.is_up(id));
        let gone = self.up.keys().filter(|id| !up.contains(*id));
        come.chain(gone).filter(|id| self.is_news(id, asked)).cloned().collect()
    }

    fn is_news(&self, id: &WorkloadId, asked: u64) -> bool {
        self.settled.get(id).is_none_or(|settled| *settled < asked)
    }

    fn put(&mut self, mut workload: Workload) -> Option<Update> {
        resolve_sharing(&mut workload, &self.up);
        let before = self.up.insert(workload.id.clone(), workload.clone());
        (before.as_ref() != Some(&workload)).then_some(Update::Up(workload))
    }
}

/// Docker accepts names and shortened identifiers for `--network container:...`.
fn resolve_sharing(workload: &mut Workload, others: &BTreeMap<WorkloadId, Workload>) {
    if let Attachment::Shared(shared) = &mut workload.attachment
        && !others.contains_key(shared)
        && let Some(other) =
            others.values().find(|other| *other.name == *shared.0 || other.id.0.starts_with(&*shared.0))
    {
        *shared = other.id.clone();
    }
}
