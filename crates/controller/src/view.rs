//! What readers see: a snapshot of the state, cheap to make because what did not change is shared.

use crate::state::{DocumentMeta, State};
use bulkhead_api::{
    AutomationBy, CurvePoint, Degradation, GraphNode, JudgedEdge, ModeCounts, NodeStatus, ServiceSummary,
    Settings,
};
use bulkhead_model::{EdgeCounters, Mode, Peer, ServiceName, Timestamp, Workload};
use bulkhead_policy::{Inventory, PolicySet, RuleBook, compiled::CompiledPolicy};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

#[derive(Debug)]
pub(crate) struct View {
    pub(crate) time: Timestamp,
    pub(crate) started: Timestamp,
    pub(crate) revision: u64,
    pub(crate) applied: u64,
    /// Whether the node enforces what is wanted.
    pub(crate) settled: bool,
    pub(crate) generation: u64,
    pub(crate) settings: Settings,
    pub(crate) learn_scale: f64,
    pub(crate) services: BTreeMap<ServiceName, Arc<ServiceSummary>>,
    pub(crate) workloads: BTreeMap<ServiceName, Vec<Arc<Workload>>>,
    pub(crate) curves: BTreeMap<ServiceName, Vec<CurvePoint>>,
    /// Whose word each service's automation is, and what the service waits for.
    pub(crate) outlooks: BTreeMap<ServiceName, (AutomationBy, Arc<str>)>,
    /// In order of their keys.
    pub(crate) edges: Vec<Arc<JudgedEdge>>,
    pub(crate) documents: Arc<BTreeMap<(String, String), DocumentMeta>>,
    pub(crate) set: Arc<PolicySet>,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) book: Arc<RuleBook>,
    pub(crate) compiled: Arc<CompiledPolicy>,
    pub(crate) degraded: Vec<Degradation>,
    pub(crate) nodes: Vec<NodeStatus>,
    pub(crate) lost: u64,
    pub(crate) connected: EdgeCounters,
    pub(crate) workload_count: u64,
    /// Of the last 24 hours, each counted once, whichever of its ends are services.
    pub(crate) denied_24h: u64,
    pub(crate) would_deny_24h: u64,
    pub(crate) trials: Vec<bulkhead_api::Trial>,
}

pub(crate) fn build(state: &State) -> View {
    let (set, inventory, book, compiled) = state.parts();
    let names = || state.services.keys().cloned();
    let nodes = state.health.iter().map(|(last_report, health)| NodeStatus {
        name: state.node.clone(),
        last_report: *last_report,
        health: health.clone(),
    });
    View {
        time: state.now,
        started: state.started,
        revision: state.revision,
        applied: state.applied,
        settled: state.is_settled(),
        generation: state.generation,
        settings: state.settings.clone(),
        learn_scale: state.scale.factor(),
        services: names().filter_map(|name| Some((name.clone(), Arc::new(summary(state, &name)?)))).collect(),
        workloads: names().map(|name| (name.clone(), state.workloads_of(&name))).collect(),
        curves: state.services.iter().map(|(name, record)| (name.clone(), record.curve.clone())).collect(),
        outlooks: state
            .services
            .iter()
            .map(|(name, record)| {
                (name.clone(), (state.automation_and_by(name).1, Arc::clone(&record.outlook)))
            })
            .collect(),
        edges: state.edges.values().filter_map(|record| record.judged.clone()).collect(),
        documents: Arc::clone(&state.documents),
        set,
        inventory,
        book,
        compiled,
        degraded: state.degraded.values().cloned().collect(),
        nodes: nodes.collect(),
        lost: state.lost,
        connected: state.connected,
        workload_count: state.workload_count(),
        denied_24h: state.services.values().map(|record| record.decided_denied.total(state.now)).sum(),
        would_deny_24h: state
            .services
            .values()
            .map(|record| record.decided_would_deny.total(state.now))
            .sum(),
        trials: state.running_trials(),
    }
}

pub(crate) fn summary(state: &State, name: &ServiceName) -> Option<ServiceSummary> {
    let record = state.services.get(name)?;
    let automation = state.automation(name);
    Some(ServiceSummary {
        name: name.clone(),
        identity: record.identity,
        mode: record.mode,
        workloads: record.running.len() as u64,
        unconfined: state.workloads_of(name).iter().filter(|w| w.unconfined.is_some()).count() as u64,
        images: record.images.iter().cloned().collect(),
        learning: state.learning_summary(name, automation),
        automation,
        progress: state.progress(name),
        denied_24h: record.denied.total(state.now),
        would_deny_24h: record.would_deny.total(state.now),
        first_seen: record.first_seen,
        last_seen: record.last_seen,
    })
}

/// A service as the graph shows it.
pub(crate) fn graph_node(state: &State, peer: &Peer) -> GraphNode {
    match peer.service().and_then(|name| summary(state, name)) {
        Some(summary) => service_node(&summary),
        None => place_node(peer.clone(), state.now),
    }
}

pub(crate) fn service_node(summary: &ServiceSummary) -> GraphNode {
    GraphNode {
        peer: Peer::Service(summary.name.clone()),
        mode: Some(summary.mode),
        workloads: summary.workloads,
        upper_hour: Some(summary.learning.upper_hour),
        open_ended: summary.learning.open_ended,
        denied: summary.denied_24h,
        would_deny: summary.would_deny_24h,
        first_seen: summary.first_seen,
    }
}

fn place_node(peer: Peer, first_seen: Timestamp) -> GraphNode {
    GraphNode {
        peer,
        mode: None,
        workloads: 0,
        upper_hour: None,
        open_ended: false,
        denied: 0,
        would_deny: 0,
        first_seen,
    }
}

impl View {
    /// Whether nodes have yet to apply the policy as it is wanted.
    pub(crate) fn is_behind(&self) -> bool {
        !self.nodes.is_empty() && self.applied < self.revision
    }

    pub(crate) fn mode_counts(&self) -> ModeCounts {
        let mut counts = ModeCounts::default();
        for summary in self.services.values() {
            match summary.mode {
                Mode::Learn => counts.learn += 1,
                Mode::Monitor => counts.monitor += 1,
                Mode::Enforce => counts.enforce += 1,
                Mode::Quarantine => counts.quarantine += 1,
            }
        }
        counts
    }

    /// Services of these edges and all others that are asked for, then every other end of an edge.
    pub(crate) fn nodes_of(
        &self,
        edges: &[Arc<JudgedEdge>],
        named: impl Fn(&ServiceName) -> bool,
    ) -> Vec<GraphNode> {
        let mut services: BTreeSet<&ServiceName> = self.services.keys().filter(|name| named(name)).collect();
        let mut places: BTreeMap<&Peer, Timestamp> = BTreeMap::new();
        for judged in edges {
            for peer in [&judged.edge.key.client, &judged.edge.key.server] {
                match peer.service() {
                    Some(name) if self.services.contains_key(name) => {
                        services.insert(name);
                    }
                    _ => {
                        let first = places.entry(peer).or_insert(judged.edge.first_seen);
                        *first = (*first).min(judged.edge.first_seen);
                    }
                }
            }
        }
        let known = services.into_iter().filter_map(|name| self.services.get(name)).map(|s| service_node(s));
        known.chain(places.into_iter().map(|(peer, first)| place_node(peer.clone(), first))).collect()
    }

    pub(crate) fn edges_of<'a>(&'a self, name: &'a ServiceName) -> impl Iterator<Item = &'a Arc<JudgedEdge>> {
        let own = move |peer: &Peer| peer.service() == Some(name);
        self.edges.iter().filter(move |judged| own(&judged.edge.key.client) || own(&judged.edge.key.server))
    }
}
