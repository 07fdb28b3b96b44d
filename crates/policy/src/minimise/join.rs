//! Rules that differ in their peers alone, or in their ports alone, are one.

use super::{DIRECTIONS, rules_mut};
use crate::{
    document::{Document, PeerSpec, PortMatch, PortSpec, Rule, SegmentationPolicy},
    flowset::PortSet,
    set::PolicySet,
};
use bulkhead_model::{IcmpType, IpProtocol};
use std::collections::BTreeMap;

pub(super) fn joined(set: &PolicySet) -> PolicySet {
    let mut smaller = set.clone();
    for policy in set.policies() {
        let mut joined = SegmentationPolicy::clone(policy);
        for direction in DIRECTIONS {
            join(rules_mut(&mut joined, direction));
        }
        smaller.insert(Document::Policy(joined));
    }
    smaller
}

fn join(rules: &mut Vec<Rule>) {
    // Each rule as its author wrote it, beside what it comes to.
    let mut tidied: Vec<Rule> = rules.clone();
    for (rule, tidied) in rules.iter_mut().zip(&mut tidied) {
        tidy(tidied);
        // What does not get shorter stays as it is.
        if (tidied.peers.len(), tidied.ports.len()) != (rule.peers.len(), rule.ports.len()) {
            rule.clone_from(tidied);
        }
    }
    let mut first = 0;
    while first < rules.len() {
        let mut second = first + 1;
        let mut changed = false;
        while second < rules.len() {
            match one(&tidied[first], &tidied[second]) {
                Some(both) => {
                    rules[first].clone_from(&both);
                    tidied[first] = both;
                    rules.remove(second);
                    tidied.remove(second);
                    changed = true;
                }
                None => second += 1,
            }
        }
        // Once joined, it may meet others.
        first += usize::from(!changed);
    }
}

/// Two tidy rules as one, where that says the same.
fn one(a: &Rule, b: &Rule) -> Option<Rule> {
    let named = a.name.is_some() && b.name.is_some() && a.name != b.name;
    let alike = (a.action, a.order, a.expires, &a.applications, &a.owner, &a.reason)
        == (b.action, b.order, b.expires, &b.applications, &b.owner, &b.reason);
    if named || !alike {
        return None;
    }
    let name = a.name.clone().or_else(|| b.name.clone());
    let mut both = if a.ports == b.ports {
        let peers = a.peers.iter().chain(&b.peers).cloned().collect();
        Rule { name, peers, ..a.clone() }
    } else if a.peers == b.peers && a.ports.is_empty() == b.ports.is_empty() {
        let ports = a.ports.iter().chain(&b.ports).cloned().collect();
        Rule { name, ports, ..a.clone() }
    } else if a.peers == b.peers && a.applications.is_empty() {
        // One of them is for all ports.
        Rule { name, ports: Vec::new(), ..a.clone() }
    } else {
        return None;
    };
    tidy(&mut both);
    Some(both)
}

/// Peers and ports in order, each once, and none that another takes in.
fn tidy(rule: &mut Rule) {
    rule.peers.sort();
    rule.peers.dedup();
    let peers = std::mem::take(&mut rule.peers);
    let covered = |peer: &PeerSpec| peers.iter().any(|other| other != peer && takes_in(other, peer));
    rule.peers = peers.iter().filter(|peer| !covered(peer)).cloned().collect();
    rule.ports = ports(&rule.ports);
    rule.applications.sort();
    rule.applications.dedup();
}

/// Whether one peer means all that another means, whatever services there are. Labels are none of it: they change.
fn takes_in(wide: &PeerSpec, narrow: &PeerSpec) -> bool {
    let (wide, narrow) = match (wide, narrow) {
        (PeerSpec::Any, narrow) => return *narrow != PeerSpec::Any,
        (PeerSpec::World, PeerSpec::Cidr(_) | PeerSpec::Name(_) | PeerSpec::External(_)) => return true,
        (PeerSpec::Services(wide), PeerSpec::Services(narrow)) => (wide, narrow),
        _ => return false,
    };
    let Some(name) = narrow.exact_service() else { return false };
    wide.exact_service().is_none()
        && wide.selector.is_none()
        && wide.zone.is_none()
        && wide.service.as_ref().is_none_or(|glob| glob.matches(&name.to_string()))
        && wide.namespace.as_ref().is_none_or(|glob| glob.matches(name.namespace()))
}

fn ports(specs: &[PortSpec]) -> Vec<PortSpec> {
    let mut ranges: BTreeMap<IpProtocol, PortSet> = BTreeMap::new();
    let (mut whole, mut named) = (Vec::new(), Vec::new());
    for spec in specs {
        match &spec.port {
            PortMatch::All => whole.push(spec.protocol),
            PortMatch::Named(_) => named.push(spec.clone()),
            PortMatch::Range(range) => {
                let ports = ranges.entry(spec.protocol).or_insert_with(PortSet::none);
                *ports = ports.union(&PortSet::from(*range));
            }
        }
    }
    whole.sort();
    whole.dedup();
    let mut specs: Vec<PortSpec> = whole.iter().map(|&protocol| PortSpec::whole(protocol)).collect();
    for (protocol, ports) in ranges.into_iter().filter(|(protocol, _)| !whole.contains(protocol)) {
        if protocol.is_icmp() {
            // ICMP is written type by type.
            specs.extend(icmp(protocol, &ports));
        } else {
            specs.extend(ports.ranges().map(|range| PortSpec::new(protocol, range)));
        }
    }
    named.sort();
    named.dedup();
    specs.extend(named.into_iter().filter(|spec| !whole.contains(&spec.protocol)));
    specs
}

fn icmp(protocol: IpProtocol, ports: &PortSet) -> Vec<PortSpec> {
    let mut specs = Vec::new();
    for kind in 0..=u8::MAX {
        let all = IcmpType::any_code(kind);
        let mine = ports.intersection(&PortSet::from(all));
        if mine == PortSet::from(all) {
            specs.push(PortSpec::new(protocol, all));
        } else {
            let codes = mine.ranges().flat_map(|range| range.first..=range.last);
            specs.extend(codes.map(|code| PortSpec::single(protocol, code)));
        }
    }
    specs
}
