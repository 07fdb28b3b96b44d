//! What the policy says of an edge, and what would have to be said for it to pass.

use super::{EdgeRecord, edge_id};
use bulkhead_api::{JudgedEdge, RuleInfo, SideVerdict};
use bulkhead_model::{EdgeKey, IpProtocol, Peer, Timestamp};
use bulkhead_policy::{
    EffectiveRule, Evaluator, Inventory, PolicySet, Remote, RuleBook, Side, Traffic,
    document::{Cidr, Criteria, PeerSpec, PortSpec},
};
use ipnet::IpNet;
use std::net::IpAddr;

/// The edge as the interface shows it, under the policy of the evaluator.
pub(crate) fn judged_edge(record: &EdgeRecord, evaluator: &Evaluator<'_>) -> JudgedEdge {
    let pair = evaluator.edge_verdict(&record.key);
    JudgedEdge {
        id: edge_id(&record.key),
        edge: record.edge(),
        verdict: pair.verdict,
        egress: pair.client.as_ref().map(side_verdict),
        ingress: pair.server.as_ref().map(side_verdict),
        rate: (record.rate * 1000.0).round() / 1000.0,
        names: record.names.clone(),
        processes: record.processes.clone(),
        flagged: record.flagged.clone(),
    }
}

pub(crate) fn side_verdict(side: &Side) -> SideVerdict {
    SideVerdict {
        service: side.service.clone(),
        direction: side.direction,
        mode: side.mode,
        verdict: side.verdict(),
        allowed: side.decision.allow,
        rule: side.decision.rule.as_deref().map(rule_info),
    }
}

pub(crate) fn rule_info(rule: &EffectiveRule) -> RuleInfo {
    RuleInfo {
        reference: rule.reference,
        policy: rule.document().to_string(),
        direction: rule.direction,
        position: u32::try_from(rule.index).unwrap_or(u32::MAX),
        origin: rule.origin(),
        allow: rule.rule().action == bulkhead_policy::document::Action::Allow,
        text: rule.rule().text(rule.direction),
    }
}

/// How a rule speaks of a peer; `None` for peers that no rule can mean.
pub(crate) fn peer_spec(peer: &Peer) -> Option<PeerSpec> {
    Some(match peer {
        Peer::Service(name) => PeerSpec::Services(Criteria::service(name)),
        Peer::External(name) => match (name.0.parse::<IpNet>(), name.0.parse::<IpAddr>()) {
            (Ok(net), _) => PeerSpec::Cidr(Cidr::whole(net.trunc())),
            (_, Ok(address)) => PeerSpec::Cidr(Cidr::whole(address.into())),
            _ => PeerSpec::Name(name.0.clone()),
        },
        Peer::Host => PeerSpec::Host,
        Peer::RemoteHost => PeerSpec::RemoteHost,
        Peer::World => PeerSpec::World,
        Peer::Multicast => PeerSpec::Multicast,
        Peer::Unknown => return None,
    })
}

/// How a rule speaks of a protocol and a port.
pub(crate) fn port_spec(protocol: IpProtocol, port: u16) -> PortSpec {
    if protocol.has_ports() || protocol.is_icmp() {
        PortSpec::single(protocol, port)
    } else {
        PortSpec::whole(protocol)
    }
}

/// Documents that would let the edge pass, as YAML that can be applied; `None` where it passes, or where no document
/// helps.
pub(crate) fn allow_with(
    edge: &EdgeKey,
    set: &PolicySet,
    inventory: &Inventory,
    now: Timestamp,
) -> Option<String> {
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(set, inventory, &mut book, now);
    let explanation =
        evaluator.explain(&Remote::from(&edge.client), &Remote::from(&edge.server), Traffic::from(edge));
    Some(explanation.remedy_yaml()).filter(|yaml| !yaml.is_empty())
}
