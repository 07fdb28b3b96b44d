//! Workloads in the host's network: their sockets are told by their control group, which is an endpoint like an
//! interface.

use super::Node;
use crate::view::Endpoint;
use bulkhead_abi::FIRST_GROUP;
use bulkhead_discovery::cgroup::{self, ControlGroup, GroupError, GroupWatch};
use bulkhead_model::{Attachment, Workload, WorkloadId, node::NodeReport};
use std::{
    future,
    path::{Path, PathBuf},
    sync::PoisonError,
};

/// A control group with our programs on it.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) id: u64,
    /// Not known of those that an earlier agent attached to.
    pub(super) folder: Option<PathBuf>,
    /// None where an earlier agent attached to it and discovery has not told yet whose it is.
    pub(super) workload: Option<WorkloadId>,
}

/// Workloads that have ended and are remembered, in case they are started again.
const RESTING: usize = 256;

/// New groups; for ever nothing where they cannot be watched.
pub(super) async fn made(watch: &mut Option<GroupWatch>) -> Vec<ControlGroup> {
    let Some(watching) = watch else { return future::pending().await };
    match watching.next().await {
        Ok(groups) => groups,
        Err(error) => {
            tracing::warn!(%error, "control groups are not watched any more");
            *watch = None;
            Vec::new()
        }
    }
}

impl Node {
    pub(super) fn watch_groups(&mut self) {
        match GroupWatch::new() {
            Ok(watch) => self.group_watch = watch,
            Err(error) => self.trouble("control groups", format!("cannot be watched: {error}")),
        }
        // A container's group is there some milliseconds before its process: too late to have the kernel look at programs.
        if self.group_watch.is_some()
            && let Err(error) = self.datapath.load_group_programs()
        {
            tracing::info!(%error, "workloads in the host's network cannot be confined");
        }
    }

    /// What an earlier agent attached to goes on under the programs of this one.
    pub(super) fn take_over_groups(&mut self) {
        match self.datapath.take_over_groups() {
            Ok(groups) => {
                let taken = groups
                    .into_iter()
                    .map(|(id, endpoint)| (endpoint, Group { id, folder: None, workload: None }));
                self.groups.extend(taken);
            }
            Err(error) => self.trouble("control groups", error.to_string()),
        }
    }

    /// Whether the workload's sockets are in the host's network.
    fn is_in_hosts_network(&self, workload: &Workload) -> bool {
        match &workload.attachment {
            Attachment::Host => true,
            Attachment::Shared(other) => {
                self.workloads.get(other).is_some_and(|other| other.attachment == Attachment::Host)
            }
            Attachment::Own | Attachment::None => false,
        }
    }

    /// Puts the programs on the control group of a workload in the host's network, if it is one and runs, and says of the
    /// workload why where that cannot be. Returns whether what is said has changed.
    pub(super) fn confine(&mut self, id: &WorkloadId) -> bool {
        // Without a policy nobody has a number: what an earlier agent confined is left to it.
        if self.keeps_earlier {
            return false;
        }
        let Some(workload) = self.workloads.get(id) else { return false };
        if !self.is_in_hosts_network(workload) {
            return false;
        }
        let workload = workload.clone();
        let group = if workload.pid == 0 {
            // It may be about to run.
            let watch = self.group_watch.as_ref();
            watch.and_then(|watch| watch.named_after(&workload.id.0)).ok_or(GroupError::Gone)
        } else {
            cgroup::of_container(workload.pid, &workload.id.0)
        };
        let why = match group {
            Ok(group) => self.join(&workload, &group).err(),
            // Its end will be told.
            Err(GroupError::Gone) => return false,
            Err(error) => Some(error.to_string()),
        };
        if why.is_some() {
            self.leave_group_of(id);
        }
        let unconfined = why.map(String::into_boxed_str);
        let changed = workload.unconfined != unconfined;
        if changed && let Some(workload) = self.workloads.get_mut(id) {
            workload.unconfined = unconfined;
        }
        changed
    }

    /// Groups have been made: that of a container is there before the container runs.
    pub(super) fn groups_are_there(&mut self, made: &[ControlGroup]) {
        for group in made {
            let mut known = self.workloads.values().chain(self.resting.values());
            let owns = |w: &&Workload| self.is_in_hosts_network(w) && group.is_of(&w.id.0);
            let owner = known.find(owns).cloned();
            if let Some(workload) = owner
                && let Err(error) = self.join(&workload, group)
            {
                tracing::debug!(error, group = %group.folder.display(), "cannot join");
            }
        }
    }

    /// As [`Self::confine`], of a workload that has been told already.
    pub(super) async fn confine_and_tell(&mut self) {
        let ids: Vec<WorkloadId> = self.workloads.keys().cloned().collect();
        for id in ids {
            if self.confine(&id)
                && let Some(workload) = self.workloads.get(&id).cloned()
            {
                self.send(NodeReport::WorkloadUp(Box::new(workload))).await;
            }
        }
    }

    fn join(&mut self, workload: &Workload, group: &ControlGroup) -> Result<(), String> {
        if self.own_groups.contains(&group.id) {
            return Err("it is Bulkhead itself, whose control interface no policy shall cut off".to_owned());
        }
        let known = self.groups.iter().find(|(_, known)| known.id == group.id);
        let known = known.map(|(number, known)| (*number, known.workload.clone()));
        if let Some((number, Some(owner))) = &known {
            if *owner != workload.id {
                return Err(format!("it shares the control group {} with another", group.folder.display()));
            }
            if self.view.read().unwrap_or_else(PoisonError::into_inner).endpoints.contains_key(number) {
                return Ok(());
            }
        }
        // Started anew, it is in a new one.
        if known.is_none() {
            self.leave_group_of(&workload.id);
        }
        let number = match known {
            Some((number, _)) => number,
            None => self.free_number().ok_or("there are too many")?,
        };
        let namespace =
            self.namespaces.at(Path::new("/proc/thread-self/ns/net")).map_err(|e| e.to_string())?;
        let endpoint = Endpoint {
            workload: workload.id.clone(),
            identity: self.identity_of(workload),
            namespace,
            mac: [0; 6],
            host_mac: [0; 6],
            // The host's addresses stay the host's: nobody can tell whose packets come from them.
            addresses: Vec::new(),
            since_ns: bulkhead_datapath::monotonic_ns(),
        };
        let folder = Some(group.folder.clone());
        self.groups.insert(number, Group { id: group.id, folder, workload: Some(workload.id.clone()) });
        // Whose it is before the programs ask: what runs in it already is not cut off in between.
        self.place_endpoint(number, endpoint);
        match self.datapath.attach_group(&group.folder, group.id, number) {
            Ok(()) => {
                tracing::debug!(group = %group.folder.display(), number, "joined");
                Ok(())
            }
            Err(error) => {
                // Half of the programs would be a promise that does not hold.
                self.leave_group(number);
                Err(format!("{error}; give the container a network of its own"))
            }
        }
    }

    fn free_number(&self) -> Option<u32> {
        (FIRST_GROUP..1 << 24).find(|number| !self.groups.contains_key(number))
    }

    fn leave_group_of(&mut self, id: &WorkloadId) {
        let left = self.groups.iter().find(|(_, group)| group.workload.as_ref() == Some(id));
        if let Some(number) = left.map(|(number, _)| *number) {
            self.leave_group(number);
        }
    }

    pub(super) fn leave_group(&mut self, number: u32) {
        let Some(group) = self.groups.remove(&number) else { return };
        // Programs first: without its endpoint the group would be closed.
        if let Err(error) = self.datapath.detach_group(group.id) {
            tracing::warn!(%error, group = group.id, "cannot forget a control group");
        }
        self.drop_endpoint(number);
    }

    /// A workload has ended. Started again, it is confined as soon as its group is there.
    pub(super) fn rest(&mut self, workload: Workload) {
        if !self.is_in_hosts_network(&workload) {
            return;
        }
        if self.resting.len() >= RESTING
            && let Some(oldest) = self.resting.keys().next().cloned()
        {
            self.resting.remove(&oldest);
        }
        self.resting.insert(workload.id.clone(), Workload { pid: 0, ..workload });
    }

    /// Groups of workloads that are gone, and those of an earlier agent's that discovery does not tell of.
    pub(super) fn leave_groups_of_nobody(&mut self) {
        if self.keeps_earlier {
            return;
        }
        let exists = |group: &Group| group.folder.as_ref().is_some_and(|folder| folder.exists());
        let gone = |group: &Group| match &group.workload {
            Some(id) if self.workloads.contains_key(id) => false,
            Some(id) => !(self.resting.contains_key(id) && exists(group)),
            None => self.discovered,
        };
        let left: Vec<u32> = self.groups.iter().filter(|(_, g)| gone(g)).map(|(number, _)| *number).collect();
        for number in left {
            self.leave_group(number);
        }
    }
}
