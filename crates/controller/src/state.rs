//! All that the controller knows, owned by one task. Nothing in here does I/O or reads a clock: calls bring reports,
//! commands and the time, and leave [`Effects`] behind, so that all of it is tested without a kernel, a disk or a network.

mod admin;
mod canary;
mod clock;
mod counting;
mod denials;
mod documents;
mod edges;
mod events;
mod expiry;
mod health;
mod held;
mod history;
mod identities;
mod judge;
mod learned;
mod learning;
mod names;
mod persist;
mod proposals;
mod review;
mod scans;
mod services;
#[cfg(test)]
mod tests;
mod trials;
mod workloads;

pub(crate) use admin::{Actor, AuthTable, Credential, hex, secret, sha256};
pub(crate) use documents::{DocumentMeta, KeptDocument, Placement, path_of, place_of};
pub(crate) use edges::{EdgeRecord, edge_id};
pub(crate) use events::{KIND_NAMES, kind_name, services_of};
pub(crate) use held::Found;
pub(crate) use judge::{allow_with, judged_edge, rule_info, side_verdict};
pub(crate) use proposals::Record as ProposalRecord;
pub(crate) use services::ServiceRecord;

use crate::view::View;
use bulkhead_api::{Degradation, GraphChange, Settings};
use bulkhead_learn::{Learner, Scale};
use bulkhead_model::{
    EdgeCounters, EdgeKey, FlowRecord, ServiceName, Timestamp, Workload, WorkloadId,
    node::{NodeHealth, NodeReport},
};
use bulkhead_policy::{Compiler, Inventory, PolicySet, RuleBook, compiled::CompiledPolicy};
use bulkhead_store::{Change, StoredEvent};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

/// What a call leaves to be done outside.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) changes: Vec<Change>,
    pub(crate) events: Vec<Arc<StoredEvent>>,
    pub(crate) graph: Vec<GraphChange>,
    pub(crate) flows: Vec<FlowRecord>,
    /// The node policy must be published anew.
    pub(crate) publish: bool,
    /// Readers must see a new view.
    pub(crate) view: bool,
    /// Tokens or sessions changed.
    pub(crate) auth: bool,
    /// Outputs changed.
    pub(crate) outputs: bool,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) started: Timestamp,
    pub(crate) node: String,
    pub(crate) settings: Settings,
    pub(crate) scale: Scale,
    pub(crate) effects: Effects,

    identities: identities::Identities,
    pub(crate) services: BTreeMap<ServiceName, ServiceRecord>,
    workloads: HashMap<WorkloadId, Arc<Workload>>,
    pub(crate) edges: BTreeMap<EdgeKey, EdgeRecord>,
    /// Which record each edge of the kernel is counted in.
    sources: HashMap<counting::Source, EdgeKey>,
    /// Edges to the world whose totals came before the report that has the address.
    awaited: HashSet<counting::Source>,
    names: names::Names,
    learner: Learner,

    pub(crate) documents: Arc<BTreeMap<(String, String), DocumentMeta>>,
    set: Arc<PolicySet>,
    inventory: Arc<Inventory>,
    book: Arc<RuleBook>,
    compiler: Compiler,
    compiled: Arc<CompiledPolicy>,
    expiry: expiry::Expiry,
    /// Numbers that the stored book has given.
    book_saved: (u32, u32),
    trials: trials::Trials,
    proposals: BTreeMap<u64, proposals::Record>,
    /// What was counted since history was written last.
    recent: history::Recent,
    pub(crate) revision: u64,
    /// Counts changes of documents, for those who prepared one off the task.
    pub(crate) generation: u64,
    stream_flows: bool,
    /// Whether the kernel is left with what it enforces, as this state does not know what that is.
    held: bool,
    /// What has to be done before the end of the call.
    stale: Stale,

    log: events::Log,
    denials: denials::Denials,
    scans: scans::Scans,
    pub(crate) decisions: BTreeMap<String, review::DecisionData>,
    pub(crate) degraded: BTreeMap<String, Degradation>,
    /// Interfaces whose packets are dropped because nobody knows whose they are, and when that was told last.
    unidentified: BTreeMap<Box<str>, Timestamp>,
    pub(crate) health: Option<(Timestamp, NodeHealth)>,
    pub(crate) applied: u64,
    pub(crate) lost: u64,
    /// What was counted on edges since start; it never falls, whatever becomes of the edges.
    pub(crate) connected: EdgeCounters,
    sensor_lost: bool,
    pub(crate) admin: admin::Admin,
    /// Edges whose rate is not zero.
    active: BTreeSet<EdgeKey>,
    /// Edges to be written.
    dirty_edges: HashSet<EdgeKey>,
    /// Edges seen for the first time: written before the call ends, so that a crash costs none.
    fresh: Vec<EdgeKey>,
    dirty_services: BTreeSet<ServiceName>,
    last_slow: Timestamp,
    last_save: Timestamp,
    last_hour: Timestamp,
    /// When the clock was looked at last, and when it was set while this process looked on.
    ticked: Timestamp,
    clock_set: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Stale {
    /// Documents or what they mean changed: compile.
    policy: bool,
    /// Services, labels, modes or resolved names changed: bind again, then compile.
    inventory: bool,
    /// Services whose learned document has to be written again.
    learned: BTreeSet<ServiceName>,
    /// Edges to be judged again.
    edges: BTreeSet<EdgeKey>,
}

impl State {
    pub(crate) fn report(&mut self, report: NodeReport, now: Timestamp) {
        self.now = now;
        match report {
            // Their numbers are of services that this state does not know, or knows by other numbers.
            NodeReport::Connection(_)
            | NodeReport::Edges(_)
            | NodeReport::Identified(_)
            | NodeReport::Flow(_)
                if self.held => {}
            NodeReport::Workloads(workloads) => self.all_workloads(workloads),
            NodeReport::WorkloadUp(workload) => self.workload_up(*workload),
            NodeReport::WorkloadDown(id) => self.workload_down(&id),
            NodeReport::Connection(connection) => self.connection(*connection),
            NodeReport::Edges(edges) => {
                edges.into_iter().for_each(|edge| self.edge_report(edge));
                self.nodes_counted();
            }
            NodeReport::Identified(connection) => self.identified(*connection),
            NodeReport::Unidentified { interface, workload } => self.unidentified(&interface, workload),
            NodeReport::Flow(flow) => self.effects.flows.push(*flow),
            NodeReport::Resolved { name, addresses, ttl_seconds, .. } => {
                self.resolved(&name, &addresses, ttl_seconds);
            }
            NodeReport::Applied { revision } => {
                self.applied = revision;
                self.effects.view = true;
            }
            NodeReport::Health(health) => self.node_health(health),
        }
    }

    /// Ends a call: compiles what is stale and hands out what is to be done.
    pub(crate) fn finish(&mut self) -> Effects {
        self.bring_up_to_date();
        for key in std::mem::take(&mut self.fresh) {
            self.save_edge(&key);
        }
        std::mem::take(&mut self.effects)
    }

    /// Time has passed; called about every second.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.now = now;
        self.watch_clock();
        self.advance_learning();
        self.flush_denials();
        self.cool_rates();
        let due = |last: Timestamp, seconds: u64| now.since(last).as_secs() >= seconds || now < last;
        // In a demonstration a second is worth hours.
        let often = if self.scale.is_real() { 5 } else { 1 };
        if due(self.last_slow, often) {
            self.last_slow = now;
            self.promote();
            self.watch_health();
            self.effects.view = true;
        }
        self.watch_trials(false);
        self.save_history(false);
        self.save_names();
        if due(self.last_save, 5) {
            self.last_save = now;
            self.save_dirty();
        }
        if due(self.last_hour, 600) {
            self.last_hour = now;
            self.expire();
        }
    }

    pub(crate) fn view(&self) -> View {
        crate::view::build(self)
    }

    pub(crate) fn parts(&self) -> (Arc<PolicySet>, Arc<Inventory>, Arc<RuleBook>, Arc<CompiledPolicy>) {
        (
            Arc::clone(&self.set),
            Arc::clone(&self.inventory),
            Arc::clone(&self.book),
            Arc::clone(&self.compiled),
        )
    }

    pub(crate) fn learner(&self) -> &Learner {
        &self.learner
    }

    pub(crate) fn set_stream_flows(&mut self, wanted: bool) {
        if self.stream_flows != wanted {
            self.stream_flows = wanted;
            self.revision += 1;
            self.effects.publish = true;
        }
    }
}
