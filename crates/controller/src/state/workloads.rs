use super::State;
use bulkhead_model::{EventKind, Peer, ServiceName, Severity, Workload, WorkloadId};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

impl State {
    /// The whole truth about workloads.
    pub(super) fn all_workloads(&mut self, workloads: Vec<Workload>) {
        self.learner.workloads(&workloads, self.now);
        let present: HashSet<_> = workloads.iter().map(|w| w.id.clone()).collect();
        let gone: Vec<WorkloadId> =
            self.workloads.keys().filter(|id| !present.contains(*id)).cloned().collect();
        for id in gone {
            self.forget_workload(&id);
        }
        for workload in workloads {
            self.know_workload(workload);
        }
    }

    pub(super) fn workload_up(&mut self, workload: Workload) {
        self.learner.workload_up(&workload, self.now);
        self.know_workload(workload);
    }

    pub(super) fn workload_down(&mut self, id: &WorkloadId) {
        self.learner.workload_down(id, self.now);
        self.forget_workload(id);
    }

    fn know_workload(&mut self, workload: Workload) {
        let known = self.workloads.get(&workload.id);
        if known.is_some_and(|known| **known == workload) {
            return;
        }
        let is_new = known.is_none_or(|known| known.service != workload.service);
        if is_new {
            self.forget_workload(&workload.id);
        }
        let now = self.now;
        let Some(record) = self.ensure_service(&workload.service) else { return };
        record.running.insert(workload.id.clone());
        record.last_seen = now;
        if !workload.image.is_empty() && record.images.len() < 16 {
            record.images.insert(workload.image.to_string());
        }
        let service = workload.service.clone();
        let id = workload.id.clone();
        let name = workload.name.clone();
        self.workloads.insert(id.clone(), Arc::new(workload));
        self.refresh_labels(&service);
        self.dirty_services.insert(service.clone());
        self.stale.inventory = true;
        if is_new {
            let message = format!("workload {name} of {service} started");
            let kind = EventKind::WorkloadStarted { workload: id, name, service: service.clone() };
            self.emit(Severity::Info, message, kind);
        }
        self.node_changed(&service);
    }

    fn forget_workload(&mut self, id: &WorkloadId) {
        let Some(workload) = self.workloads.remove(id) else { return };
        let now = self.now;
        if let Some(record) = self.services.get_mut(&workload.service) {
            record.running.remove(id);
            record.last_seen = now;
        }
        self.refresh_labels(&workload.service);
        self.dirty_services.insert(workload.service.clone());
        self.stale.inventory = true;
        let message = format!("workload {} of {} stopped", workload.name, workload.service);
        let kind = EventKind::WorkloadStopped {
            workload: id.clone(),
            name: workload.name.clone(),
            service: workload.service.clone(),
        };
        self.emit(Severity::Info, message, kind);
        self.node_changed(&workload.service);
    }

    /// Labels on which all running workloads agree; those of the last one stay when none runs.
    fn refresh_labels(&mut self, name: &ServiceName) {
        let Some(record) = self.services.get_mut(name) else { return };
        let mut labels: Option<BTreeMap<String, String>> = None;
        for id in &record.running {
            let Some(workload) = self.workloads.get(id) else { continue };
            match &mut labels {
                None => labels = Some(workload.labels.clone()),
                Some(common) => common.retain(|key, value| workload.labels.get(key) == Some(value)),
            }
        }
        if let Some(labels) = labels {
            record.labels = labels;
        }
    }

    pub(crate) fn workload(&self, id: &WorkloadId) -> Option<&Arc<Workload>> {
        self.workloads.get(id)
    }

    pub(crate) fn workloads_of(&self, name: &ServiceName) -> Vec<Arc<Workload>> {
        let ids = self.services.get(name).into_iter().flat_map(|record| &record.running);
        ids.filter_map(|id| self.workloads.get(id).cloned()).collect()
    }

    pub(crate) fn workload_count(&self) -> u64 {
        self.workloads.len() as u64
    }

    /// Tells streams of the graph that a service looks different now.
    pub(super) fn node_changed(&mut self, name: &ServiceName) {
        self.effects.view = true;
        let node = crate::view::graph_node(self, &Peer::Service(name.clone()));
        self.effects.graph.push(bulkhead_api::GraphChange::Node(node));
    }
}
