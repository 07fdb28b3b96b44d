//! What is known of an engine's containers, learned from answers that may arrive in any order.

use super::document::ListedContainer;
use crate::runtime::{RuntimeError, Update};
use bulkhead_model::{Attachment, Interface, Workload, WorkloadId};
use std::collections::{BTreeMap, HashMap, HashSet};

/// An answer to a question that was asked as number `asked`.
#[derive(Debug)]
pub(super) enum Finding {
    /// From the list: who it is, but not its process.
    Begun { id: String, asked: u64, workload: Option<Box<Workload>> },
    /// From an inspection; `None`: it is not up.
    Whole { id: String, asked: u64, workload: Option<Box<Workload>> },
    /// From a network that it was connected to.
    Attached { id: String, asked: u64, interface: Option<Interface> },
    /// Everything there is, to compare with what is known.
    Listed { containers: Vec<ListedContainer>, asked: u64 },
    /// The engine cannot be asked any more.
    Failed(RuntimeError),
}

/// Containers that are up. Every question gets a number, and an answer is heeded only if nothing that was asked later
/// has been settled already: an inspection that was overtaken by the end of its container must not revive it.
#[derive(Debug, Default)]
pub(super) struct Known {
    up: BTreeMap<WorkloadId, Workload>,
    /// The question that settled what is known of a container, up or not.
    settled: HashMap<WorkloadId, u64>,
    asked: u64,
}

impl Known {
    /// The next question's number.
    pub(super) fn ask(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }

    pub(super) fn replace(&mut self, workloads: Vec<Workload>) {
        self.up = workloads.into_iter().map(|w| (w.id.clone(), w)).collect();
        let named = self.up.clone();
        for workload in self.up.values_mut() {
            resolve_sharing(workload, &named);
        }
    }

    pub(super) fn workloads(&self) -> Vec<Workload> {
        self.up.values().cloned().collect()
    }

    pub(super) fn is_up(&self, id: &str) -> bool {
        self.up.contains_key(&WorkloadId(id.into()))
    }

    /// It ended; answers that are still under way are out of date.
    pub(super) fn forget(&mut self, id: &str) -> Option<Update> {
        let id = WorkloadId(id.into());
        let now = self.ask();
        self.settled.insert(id.clone(), now);
        self.up.remove(&id).map(|_| Update::Down(id))
    }

    /// What the answer changes.
    pub(super) fn learn(&mut self, finding: Finding) -> Result<Option<Update>, RuntimeError> {
        Ok(match finding {
            Finding::Begun { id, asked, workload } => {
                let id = WorkloadId(id.into());
                // It never replaces what an inspection said.
                let news = self.is_news(&id, asked) && !self.up.contains_key(&id);
                workload.filter(|_| news).and_then(|workload| self.put(*workload))
            }
            Finding::Whole { id, asked, workload } => {
                let id = WorkloadId(id.into());
                if !self.is_news(&id, asked) {
                    return Ok(None);
                }
                self.settled.insert(id.clone(), asked);
                match workload {
                    Some(workload) => self.put(*workload),
                    None => self.up.remove(&id).map(|_| Update::Down(id)),
                }
            }
            Finding::Attached { id, asked, interface } => {
                let id = WorkloadId(id.into());
                let news = self.is_news(&id, asked);
                let workload = self.up.get(&id).filter(|_| news).cloned();
                workload.zip(interface).and_then(|(mut workload, interface)| {
                    workload.interfaces.retain(|i| i.network != interface.network);
                    workload.interfaces.push(interface);
                    workload.interfaces.sort_by(|a, b| a.network.cmp(&b.network));
                    self.put(workload)
                })
            }
            Finding::Listed { containers, asked } => {
                let listed: HashSet<&str> = containers.iter().map(|c| c.id.as_str()).collect();
                let up = &self.up;
                self.settled
                    .retain(|id, settled| up.contains_key(id) || listed.contains(&*id.0) || *settled > asked);
                None
            }
            Finding::Failed(error) => return Err(error),
        })
    }

    /// Containers of which the list says otherwise than is known, and which nothing has been settled of since the list
    /// was asked for.
    pub(super) fn differing(&self, listed: &[ListedContainer], asked: u64) -> Vec<String> {
        let up: HashSet<&str> = listed.iter().filter(|c| c.is_up()).map(|c| c.id.as_str()).collect();
        let come = up.iter().copied().filter(|id| !self.is_up(id));
        let gone = self.up.keys().map(|id| &*id.0).filter(|id| !up.contains(id));
        come.chain(gone)
            .filter(|id| self.is_news(&WorkloadId((*id).into()), asked))
            .map(str::to_owned)
            .collect()
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
