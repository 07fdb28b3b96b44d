mod exposed;
mod units;

use super::{
    Diagnostic, Network, PeerMatch, Place, Policy, Resources, Semantics, Severity, WorkloadName,
    engine::Engine, lint::suspicious, universe,
};
use crate::flowset::{AddressSet, IntervalSet, ProtocolSet, cuts};
use bulkhead_model::Direction;
use exposed::from_ingress;
use std::{collections::BTreeMap, rc::Rc};
use units::Units;

/// One end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// Addresses outside of the cluster.
    External(AddressSet),
    Workload(WorkloadName),
    /// The ingress controller or gateway, wherever it runs.
    IngressController,
}

/// All that one end may send to another: never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection {
    pub from: Endpoint,
    pub to: Endpoint,
    pub traffic: ProtocolSet,
}

/// What a set of resources allows. What is not listed is denied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connectivity {
    /// Sorted; each pair of ends once. A workload's connections to itself are not listed. Addresses outside are one end
    /// as far as they are treated alike.
    pub connections: Vec<Connection>,
    /// Every workload and its network (`None`: the cluster's), connected or not.
    pub workloads: BTreeMap<WorkloadName, Option<Network>>,
    /// The ranges into which the policies divide the addresses outside, as sources and as destinations.
    pub sources: Vec<AddressSet>,
    pub destinations: Vec<AddressSet>,
    pub several_networks: bool,
    /// What in the policies does not do what it seems to.
    pub diagnostics: Vec<Diagnostic>,
}

/// All connections that the resources allow.
pub fn connections(resources: &Resources, semantics: Semantics) -> Connectivity {
    let engine = Engine::new(resources, semantics, universe());
    let units = Units::new(resources, &engine);
    let mut found = units.between(&engine);
    found.extend(units.outside(&engine));
    let mut diagnostics = suspicious(resources, semantics);
    found.extend(from_ingress(resources, semantics, &engine, &mut diagnostics));
    found.sort();
    let workloads = resources.workloads.keys();
    let [sources, destinations] = engine.ranges;
    Connectivity {
        connections: found,
        workloads: workloads
            .map(|name| (name.clone(), resources.networks.get(&name.namespace).cloned()))
            .collect(),
        sources,
        destinations,
        several_networks: resources.several_networks,
        diagnostics,
    }
}

/// What any of the pods of a workload may do.
pub(super) fn union(mut sets: impl Iterator<Item = Rc<ProtocolSet>>) -> ProtocolSet {
    let Some(first) = sets.next() else { return ProtocolSet::none() };
    sets.fold(Rc::unwrap_or_clone(first), |all, more| all.union(&more))
}

/// The ranges into which the rules of one direction cut all addresses, ascending, IPv4 first.
pub(super) fn ranges(policies: &[Policy], direction: Direction) -> Vec<AddressSet> {
    let rules = policies.iter().flat_map(|policy| policy.rules(direction).unwrap_or_default());
    let mentioned: Vec<&AddressSet> = rules
        .flat_map(|rule| rule.peers.iter().flatten())
        .filter_map(|peer| match peer {
            PeerMatch::Addresses { addresses, .. } => Some(addresses),
            _ => None,
        })
        .collect();
    let v4 = cuts(mentioned.iter().map(|set| set.v4()));
    let v6 = cuts(mentioned.iter().map(|set| set.v6()));
    let v4 =
        v4.into_iter().map(|(a, b)| AddressSet::from_parts(IntervalSet::range(a, b), IntervalSet::empty()));
    let v6 =
        v6.into_iter().map(|(a, b)| AddressSet::from_parts(IntervalSet::empty(), IntervalSet::range(a, b)));
    v4.chain(v6).collect()
}

pub(super) fn warning(place: &Place, message: String, suggestion: Option<String>) -> Diagnostic {
    Diagnostic {
        place: place.clone(),
        severity: Severity::Warning,
        field: String::new(),
        message,
        suggestion,
    }
}
