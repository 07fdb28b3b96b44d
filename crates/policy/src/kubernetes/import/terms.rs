//! The terms of policies in those of documents.

use super::{
    super::{Action, Operator, PROTOCOLS, Policy, PortMatch, PortSpec, Selector, syntax::is_port_name},
    CLUSTER, DIRECTIONS,
};
use crate::{
    Glob,
    document::{self, Cidr, Criteria, LabelExpression, LabelOperator, LabelSelector, PeerSpec},
    flowset::{AddressSet, IntervalSet, ProtocolSet},
};

/// All addresses of both families are the world.
pub(super) fn with_world(mut peers: Vec<PeerSpec>) -> Vec<PeerSpec> {
    let all = [AddressSet::all_v4(), AddressSet::all_v6()].map(|all| {
        let net = all.networks().into_iter().next();
        net.map(|net| PeerSpec::Cidr(Cidr::whole(net)))
    });
    if all.iter().flatten().all(|all| peers.contains(all)) {
        peers.retain(|peer| !all.contains(&Some(peer.clone())));
        peers.push(PeerSpec::World);
    }
    peers
}

pub(super) fn every_service() -> Criteria {
    Criteria { namespace: Some(Glob::new("*")), ..Criteria::default() }
}

/// Whether the rules of a tier need no order: nothing is passed on, and what denies comes before what allows.
pub(super) fn denies_first(tier: &[Policy]) -> bool {
    DIRECTIONS.into_iter().all(|direction| {
        let rules = tier.iter().flat_map(|policy| policy.rules(direction).unwrap_or_default());
        let mut actions = rules.map(|rule| rule.action).skip_while(|action| *action == Action::Deny);
        actions.all(|action| action == Action::Allow)
    })
}

pub(super) fn policy_name(policy: &Policy) -> (String, String) {
    match &policy.namespace {
        Some(namespace) => (namespace.clone(), policy.name.clone()),
        None => (CLUSTER.to_owned(), format!("{}.{}", policy.kind.to_ascii_lowercase(), policy.name)),
    }
}

pub(super) fn label_selector(selector: &Selector) -> LabelSelector {
    let mut out = LabelSelector::default();
    for requirement in selector.requirements() {
        let key = requirement.key.clone();
        let (operator, values) = match &requirement.operator {
            Operator::In(values) if values.len() == 1 && !out.match_labels.contains_key(&key) => {
                out.match_labels.extend(values.iter().map(|value| (key.clone(), value.clone())));
                continue;
            }
            Operator::In(values) => (LabelOperator::In, values.iter().cloned().collect()),
            Operator::NotIn(values) => (LabelOperator::NotIn, values.iter().cloned().collect()),
            Operator::Exists => (LabelOperator::Exists, Vec::new()),
            Operator::DoesNotExist => (LabelOperator::DoesNotExist, Vec::new()),
        };
        out.match_expressions.push(LabelExpression { key, operator, values });
    }
    out
}

/// Networks, each with exceptions where that is shorter.
pub(in crate::kubernetes) fn cidrs(addresses: &AddressSet) -> Vec<Cidr> {
    let v4 = AddressSet::from_parts(addresses.v4().clone(), IntervalSet::empty());
    let v6 = AddressSet::from_parts(IntervalSet::empty(), addresses.v6().clone());
    [v4, v6].iter().flat_map(shortest).collect()
}

fn shortest(addresses: &AddressSet) -> Vec<Cidr> {
    let networks = addresses.networks();
    let (Some(first), Some(last)) = (networks.first().copied(), networks.last()) else { return Vec::new() };
    // The smallest network that holds them all, and what of it is not meant.
    let around =
        std::iter::successors(Some(first), ipnet::IpNet::supernet).find(|network| network.contains(last));
    let around = around.unwrap_or(first);
    let except = AddressSet::from(around).difference(addresses).networks();
    if except.len() + 1 < networks.len() {
        vec![Cidr { net: around, except }]
    } else {
        networks.into_iter().map(Cidr::whole).collect()
    }
}

pub(super) fn port_specs(traffic: &ProtocolSet) -> Vec<document::PortSpec> {
    let mut specs = Vec::new();
    for (protocol, ports) in traffic.protocols() {
        if ports.is_all() {
            specs.push(document::PortSpec::whole(protocol));
        } else {
            specs.extend(ports.ranges().map(|range| document::PortSpec::new(protocol, range)));
        }
    }
    specs
}

/// All but names that no port can have.
pub(super) fn takeable(ports: &[PortMatch]) -> impl Iterator<Item = &PortMatch> {
    ports.iter().filter(|port| !matches!(&port.port, PortSpec::Named(name) if !is_port_name(name)))
}

pub(super) fn port_specs_of(port: &PortMatch) -> Vec<document::PortSpec> {
    // A name without a protocol is the port of this name, whichever protocol it has.
    let protocols = match port.protocol {
        Some(protocol) => vec![protocol],
        None => PROTOCOLS.map(|(protocol, _)| protocol).to_vec(),
    };
    let matched = match &port.port {
        PortSpec::All => document::PortMatch::All,
        PortSpec::Range(range) => document::PortMatch::Range(*range),
        PortSpec::Named(name) => document::PortMatch::Named(name.as_str().into()),
    };
    protocols.into_iter().map(|protocol| document::PortSpec { protocol, port: matched.clone() }).collect()
}
