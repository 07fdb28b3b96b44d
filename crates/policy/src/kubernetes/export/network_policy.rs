//! `networking.k8s.io/v1` `NetworkPolicy`.

use super::{
    Remarks, Tree, labels, map,
    segments::{Grant, Segment, Segments},
};
use crate::{
    flowset::{AddressSet, ProtocolSet},
    kubernetes::{PROTOCOLS, import::cidrs, universe},
};
use bulkhead_model::{Direction, PortRange};

pub(super) fn object(segments: &Segments<'_>, segment: &Segment, remarks: &mut Remarks) -> Tree {
    let service = &segment.service;
    let metadata = map([
        ("name", Tree::text(segments.object_name(service))),
        ("namespace", Tree::text(service.namespace())),
    ]);
    let rules = |direction, remarks: &mut Remarks| {
        let grants = segment.grants(direction).iter();
        Tree::List(grants.flat_map(|grant| rules(segments, segment, direction, grant, remarks)).collect())
    };
    segment.remark_on_names(remarks);
    map([
        ("apiVersion", Tree::text("networking.k8s.io/v1")),
        ("kind", Tree::text("NetworkPolicy")),
        ("metadata", metadata),
        (
            "spec",
            map([
                ("podSelector", map([("matchLabels", labels(segments.selector(service)))])),
                ("policyTypes", Tree::texts(["Ingress", "Egress"])),
                ("ingress", rules(Direction::Ingress, remarks)),
                ("egress", rules(Direction::Egress, remarks)),
            ]),
        ),
    ])
}

/// One rule, or one for each server where these serve an application on ports of their own; none where nothing can be said.
fn rules(
    segments: &Segments<'_>,
    segment: &Segment,
    direction: Direction,
    grant: &Grant,
    remarks: &mut Remarks,
) -> Vec<Tree> {
    let (whose, traffic) = segments.ports(segment, direction, grant, remarks);
    grant.remark_on_hosts(&whose, "cannot be said; most network plugins let a pod's own host in", remarks);
    let Some(ports) = ports(&traffic, &whose, remarks) else { return Vec::new() };
    let key = if direction == Direction::Ingress { "from" } else { "to" };
    let mut fields = Vec::new();
    if !grant.everyone {
        let peers = peers(segments, segment, grant);
        if peers.is_empty() {
            return Vec::new();
        }
        fields.push((key.to_owned(), Tree::List(peers)));
    }
    if !ports.is_empty() {
        fields.push(("ports".to_owned(), Tree::List(ports)));
    }
    vec![Tree::Map(fields)]
}

fn peers(segments: &Segments<'_>, segment: &Segment, grant: &Grant) -> Vec<Tree> {
    let mut peers = Vec::new();
    if grant.every_service {
        peers.push(map([("namespaceSelector", Tree::Map(Vec::new()))]));
    }
    for service in &grant.services {
        let pods = ("podSelector", map([("matchLabels", labels(segments.selector(service)))]));
        if service.namespace() == segment.service.namespace() {
            peers.push(map([pods]));
        } else {
            let name = vec![("kubernetes.io/metadata.name".to_owned(), service.namespace().to_owned())];
            peers.push(map([("namespaceSelector", map([("matchLabels", labels(&name))])), pods]));
        }
    }
    peers.extend(blocks(&grant.outside));
    peers
}

fn blocks(addresses: &AddressSet) -> Vec<Tree> {
    let block = |cidr: &crate::document::Cidr| {
        let mut fields = vec![("cidr".to_owned(), Tree::text(cidr.net))];
        if !cidr.except.is_empty() {
            fields.push(("except".to_owned(), Tree::texts(&cidr.except)));
        }
        map([("ipBlock", Tree::Map(fields))])
    };
    cidrs(addresses).iter().map(block).collect()
}

/// Entries of `ports`: none where all is meant. `None` where nothing of it can be said.
fn ports(traffic: &ProtocolSet, whose: &str, remarks: &mut Remarks) -> Option<Vec<Tree>> {
    if traffic.is_all() {
        return Some(Vec::new());
    }
    let beyond: ProtocolSet =
        PROTOCOLS.iter().map(|(protocol, _)| ProtocolSet::protocol(*protocol)).collect();
    let unsaid = traffic.difference(&beyond);
    if !unsaid.is_empty() {
        remarks.add(format!("{whose}: {unsaid} cannot be said, only TCP, UDP and SCTP"));
    }
    let mut entries = Vec::new();
    for (protocol, name) in PROTOCOLS {
        let all = universe().ports_of(protocol);
        let ports = traffic.ports_of(protocol).intersection(&all);
        let protocol = ("protocol", Tree::text(name));
        if ports == all {
            entries.push(map([protocol]));
            continue;
        }
        for PortRange { first, last } in ports.ranges() {
            let port = ("port", Tree::Number(first.into()));
            if first == last {
                entries.push(map([protocol.clone(), port]));
            } else {
                entries.push(map([protocol.clone(), port, ("endPort", Tree::Number(last.into()))]));
            }
        }
    }
    (!entries.is_empty()).then_some(entries)
}
