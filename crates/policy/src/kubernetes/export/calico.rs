//! `projectcalico.org/v3` `NetworkPolicy`.

use super::{
    Remarks, Tree, icmp_types, is_every_port, map,
    segments::{Grant, Segment, Segments},
};
use crate::{
    flowset::{AddressSet, ProtocolSet},
    kubernetes::{PROTOCOLS, import::cidrs},
};
use bulkhead_model::{Direction, PortRange, ServiceName};

type Fields = Vec<(String, Tree)>;

pub(super) fn object(segments: &Segments<'_>, segment: &Segment, remarks: &mut Remarks) -> Tree {
    let service = &segment.service;
    let metadata = map([
        ("name", Tree::text(segments.object_name(service))),
        ("namespace", Tree::text(service.namespace())),
    ]);
    for (name, _) in &segment.names {
        remarks.add(format!(
            "{service}: the name {name} cannot be said in open-source Calico; its addresses of this moment are written"
        ));
    }
    let rules = |direction, remarks: &mut Remarks| {
        let grants = segment.grants(direction).iter();
        Tree::List(grants.flat_map(|grant| rules(segments, segment, direction, grant, remarks)).collect())
    };
    map([
        ("apiVersion", Tree::text("projectcalico.org/v3")),
        ("kind", Tree::text("NetworkPolicy")),
        ("metadata", metadata),
        (
            "spec",
            map([
                ("selector", Tree::text(selector(segments, service))),
                ("types", Tree::texts(["Ingress", "Egress"])),
                ("ingress", rules(Direction::Ingress, remarks)),
                ("egress", rules(Direction::Egress, remarks)),
            ]),
        ),
    ])
}

fn selector(segments: &Segments<'_>, service: &ServiceName) -> String {
    let parts = segments.selector(service).iter().map(|(key, value)| format!("{key} == '{value}'"));
    parts.collect::<Vec<_>>().join(" && ")
}

/// Rules of Calico have one protocol and one peer each.
fn rules(
    segments: &Segments<'_>,
    segment: &Segment,
    direction: Direction,
    grant: &Grant,
    remarks: &mut Remarks,
) -> Vec<Tree> {
    let (whose, traffic) = segments.ports(segment, direction, grant, remarks);
    grant.remark_on_hosts(&whose, "are not said; Calico lets a pod's own host in", remarks);
    let peers = peers(segments, segment, grant);
    let own = match direction {
        Direction::Ingress => "source",
        Direction::Egress => "destination",
    };
    let mut rules = Vec::new();
    for (action, head, ports) in decisions(&traffic) {
        for peer in &peers {
            let mut rule: Fields = vec![("action".to_owned(), Tree::text(action))];
            rule.extend(head.iter().cloned());
            // Ports are always the server's.
            let mut destination = if own == "destination" { peer.clone() } else { Vec::new() };
            if !ports.is_empty() {
                destination.push(("ports".to_owned(), Tree::List(ports.clone())));
            }
            if own == "source" && !peer.is_empty() {
                rule.push(("source".to_owned(), Tree::Map(peer.clone())));
            }
            if !destination.is_empty() {
                rule.push(("destination".to_owned(), Tree::Map(destination)));
            }
            rules.push(Tree::Map(rule));
        }
    }
    rules
}

/// Each peer as the fields of an entity; no fields for everyone.
fn peers(segments: &Segments<'_>, segment: &Segment, grant: &Grant) -> Vec<Fields> {
    if grant.everyone {
        return vec![Vec::new()];
    }
    let mut peers = Vec::new();
    if grant.every_service {
        peers.push(vec![("namespaceSelector".to_owned(), Tree::text("all()"))]);
    }
    for service in &grant.services {
        let mut fields = vec![("selector".to_owned(), Tree::text(selector(segments, service)))];
        if service.namespace() != segment.service.namespace() {
            let namespace = format!("projectcalico.org/name == '{}'", service.namespace());
            fields.push(("namespaceSelector".to_owned(), Tree::text(namespace)));
        }
        peers.push(fields);
    }
    peers.extend(nets(&grant.outside));
    peers
}

fn nets(addresses: &AddressSet) -> Vec<Fields> {
    let (whole, cut): (Vec<_>, Vec<_>) =
        cidrs(addresses).into_iter().partition(|cidr| cidr.except.is_empty());
    // Ranges are addresses outside: pods that have such addresses are not meant.
    let outside = || ("notSelector".to_owned(), Tree::text("all()"));
    let mut entities = Vec::new();
    if !whole.is_empty() {
        entities.push(vec![("nets".to_owned(), Tree::texts(whole.iter().map(|cidr| cidr.net))), outside()]);
    }
    for cidr in cut {
        entities.push(vec![
            ("nets".to_owned(), Tree::texts([cidr.net])),
            ("notNets".to_owned(), Tree::texts(&cidr.except)),
            outside(),
        ]);
    }
    entities
}

/// What of all traffic is denied, where that is shorter to say than what is allowed: each peer is of one grant alone, so
/// that the rule behind it allows no more than the rest. Otherwise what is allowed.
fn decisions(traffic: &ProtocolSet) -> Vec<(&'static str, Fields, Vec<Tree>)> {
    let named = |action, heads: Vec<(Fields, Vec<Tree>)>| {
        heads.into_iter().map(move |(head, ports)| (action, head, ports)).collect::<Vec<_>>()
    };
    if traffic.is_all() || traffic.protocols().count() <= usize::from(u8::MAX / 2) {
        return named("Allow", protocols(traffic));
    }
    let zero = PROTOCOLS.map(|(protocol, _)| ProtocolSet::port(protocol, 0)).into_iter().collect();
    let mut rules = named("Deny", protocols(&ProtocolSet::all().difference(traffic).difference(&zero)));
    rules.push(("Allow", Vec::new(), Vec::new()));
    rules
}

/// What begins a rule for each protocol, and the ports.
fn protocols(traffic: &ProtocolSet) -> Vec<(Fields, Vec<Tree>)> {
    if traffic.is_all() {
        return vec![(Vec::new(), Vec::new())];
    }
    let mut heads = Vec::new();
    for (protocol, ports) in traffic.protocols() {
        let name = match protocol.to_string().as_str() {
            "icmp" => Tree::text("ICMP"),
            "icmpv6" => Tree::text("ICMPv6"),
            "tcp" | "udp" | "sctp" => Tree::text(protocol.to_string().to_ascii_uppercase()),
            _ => Tree::Number(protocol.0.into()),
        };
        let head = vec![("protocol".to_owned(), name)];
        if protocol.is_icmp() && !ports.is_all() {
            for (kind, code) in ports.ranges().flat_map(icmp_types) {
                let mut fields = vec![("type".to_owned(), Tree::Number(kind.into()))];
                fields.extend(code.map(|code| ("code".to_owned(), Tree::Number(code.into()))));
                let mut head = head.clone();
                head.push(("icmp".to_owned(), Tree::Map(fields)));
                heads.push((head, Vec::new()));
            }
        } else if protocol.has_ports() && !is_every_port(&ports) {
            let entry = |range: PortRange| {
                if range.first == range.last {
                    Tree::Number(range.first.into())
                } else {
                    Tree::text(format!("{}:{}", range.first, range.last))
                }
            };
            heads.push((head, ports.ranges().map(entry).collect()));
        } else {
            heads.push((head, Vec::new()));
        }
    }
    heads
}
