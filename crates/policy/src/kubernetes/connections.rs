mod units;

use super::{
    BackendPort, Diagnostic, Network, PeerMatch, Place, Pod, Policy, Resources, Semantics, Service,
    ServicePort, Severity, TargetPort, Workload, WorkloadName, engine::Engine, lint::suspicious, universe,
};
use crate::flowset::{AddressSet, IntervalSet, ProtocolSet, cuts};
use bulkhead_model::{Direction, IpProtocol};
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
    found.extend(from_ingress(resources, &engine, &mut diagnostics));
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

/// What the ingress controller may send to the workloads behind the services that it is asked to expose.
fn from_ingress(
    resources: &Resources,
    engine: &Engine<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Connection> {
    let Some(controller) = engine.ingress_controller() else { return Vec::new() };
    let mut by_namespace: BTreeMap<&str, Vec<(&WorkloadName, &Workload)>> = BTreeMap::new();
    if !resources.exposed.is_empty() {
        for (name, workload) in &resources.workloads {
            by_namespace.entry(&name.namespace).or_default().push((name, workload));
        }
    }
    let mut wanted: BTreeMap<&WorkloadName, (ProtocolSet, &Place)> = BTreeMap::new();
    for exposed in &resources.exposed {
        let name = (exposed.namespace.clone(), exposed.service.clone());
        let Some(service) = resources.services.get(&name) else {
            let message = format!("there is no service {}/{}", name.0, name.1);
            diagnostics.push(warning(&exposed.place, message, None));
            continue;
        };
        let Some(selector) = &service.selector else {
            let message = format!("the service {}/{} has no selector", name.0, name.1);
            diagnostics.push(warning(&exposed.place, message, None));
            continue;
        };
        let targets = targets(service, &exposed.port);
        for (name, workload) in by_namespace.get(exposed.namespace.as_str()).into_iter().flatten() {
            let chosen = workload.pods.iter().filter(|pod| selector.matches(&pod.labels));
            let traffic: ProtocolSet =
                chosen.flat_map(|pod| targets.iter().map(|to| reachable(pod, to))).collect();
            if !traffic.is_empty() {
                let known = wanted.entry(name).or_insert((ProtocolSet::none(), &exposed.place));
                known.0 = known.0.union(&traffic);
            }
        }
    }
    let mut found = Vec::new();
    for (name, (traffic, place)) in wanted {
        let classes = engine.members.get(name).into_iter().flatten();
        let allowed = union(classes.map(|class| engine.allowed(controller, *class)));
        let traffic = traffic.intersection(&allowed);
        if traffic.is_empty() {
            let message = format!(
                "{name} is exposed here, but policies deny it to an ingress controller of which nothing is known"
            );
            let remedy = "a policy that selects the real controller may allow it";
            diagnostics.push(warning(place, message, Some(remedy.to_owned())));
        } else {
            found.push(Connection {
                from: Endpoint::IngressController,
                to: Endpoint::Workload(name.clone()),
                traffic,
            });
        }
    }
    found
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

/// Where a service sends what arrives on the port that the ingress names.
fn targets(service: &Service, wanted: &BackendPort) -> Vec<TargetPort> {
    let matches = |port: &&ServicePort| match wanted {
        BackendPort::Any => true,
        BackendPort::Number(number) => port.port == *number || port.target == TargetPort::Number(*number),
        BackendPort::Named(name) => port.name == *name || port.target == TargetPort::Named(name.clone()),
    };
    let most = if *wanted == BackendPort::Any { usize::MAX } else { 1 };
    service.ports.iter().filter(matches).take(most).map(|port| port.target.clone()).collect()
}

/// The TCP port of the pod behind a target port, where the pod says that it has it.
fn reachable(pod: &Pod, target: &TargetPort) -> ProtocolSet {
    let port = pod.ports.iter().find(|port| {
        port.protocol == IpProtocol::TCP
            && match target {
                TargetPort::Number(number) => port.number == *number,
                TargetPort::Named(name) => port.name == *name,
            }
    });
    port.map_or_else(ProtocolSet::none, |port| ProtocolSet::port(IpProtocol::TCP, port.number))
}
