//! `security.istio.io/v1` `AuthorizationPolicy`: who may open TCP connections to a service of the mesh.

use super::{
    Remarks, Tree, is_every_port, labels, map, object_name,
    segments::{Grant, Segment, Segments},
};
use crate::kubernetes::import::cidrs;
use bulkhead_model::{Direction, IpProtocol, ServiceName};

/// Ports are listed one by one; nobody reads a longer list.
const MOST_PORTS: u32 = 128;

pub(super) fn object(segments: &Segments<'_>, segment: &Segment, remarks: &mut Remarks) -> Tree {
    let service = &segment.service;
    remarks.add("Istio holds back TCP alone: other protocols are as open as the network lets them be");
    if !segment.egress.iter().any(|grant| grant.everyone && grant.traffic.is_all()) {
        remarks.add(format!(
            "{service} egress: cannot be said; what it opens is held back by the policies of its servers alone"
        ));
    }
    let rules = segment.ingress.iter().filter_map(|grant| rule(segments, segment, grant, remarks)).collect();
    map([
        ("apiVersion", Tree::text("security.istio.io/v1")),
        ("kind", Tree::text("AuthorizationPolicy")),
        (
            "metadata",
            map([
                ("name", Tree::text(segments.object_name(service))),
                ("namespace", Tree::text(service.namespace())),
            ]),
        ),
        (
            "spec",
            map([
                ("selector", map([("matchLabels", labels(segments.selector(service)))])),
                // Without any rule, this allows nothing.
                ("action", Tree::text("ALLOW")),
                ("rules", Tree::List(rules)),
            ]),
        ),
    ])
}

fn rule(segments: &Segments<'_>, segment: &Segment, grant: &Grant, remarks: &mut Remarks) -> Option<Tree> {
    let (whose, ports) = segments.ports(segment, Direction::Ingress, grant, remarks);
    let ports = ports.ports_of(IpProtocol::TCP);
    if ports.is_empty() {
        return None;
    }
    grant.remark_on_hosts(&whose, "cannot be said; Istio lets probes of the kubelet in", remarks);
    let mut fields = Vec::new();
    if !grant.everyone {
        let sources = sources(grant, remarks);
        if sources.is_empty() {
            return None;
        }
        let sources = sources.into_iter().map(|source| map([("source", source)])).collect();
        fields.push(("from".to_owned(), Tree::List(sources)));
    }
    if !is_every_port(&ports) {
        let count: u32 = ports.ranges().map(|range| u32::from(range.last - range.first) + 1).sum();
        if count > MOST_PORTS {
            remarks.add(format!(
                "{whose}: tcp/{ports} cannot be said, as ports are listed one by one; it is left out"
            ));
            return None;
        }
        let listed = ports.ranges().flat_map(|range| range.first..=range.last);
        let operation = map([("ports", Tree::texts(listed.map(|port| port.to_string())))]);
        fields.push(("to".to_owned(), Tree::List(vec![map([("operation", operation)])])));
    }
    Some(Tree::Map(fields))
}

fn sources(grant: &Grant, remarks: &mut Remarks) -> Vec<Tree> {
    let mut sources = Vec::new();
    if grant.every_service {
        sources.push(map([("principals", Tree::texts(["*"]))]));
    } else if !grant.services.is_empty() {
        for service in &grant.services {
            remarks.add(format!(
                "{service} is known by its service account: give its pods one of their own, called {}, and mutual TLS",
                service.name()
            ));
        }
        sources.push(map([("principals", Tree::texts(grant.services.iter().map(principal)))]));
    }
    for cidr in cidrs(&grant.outside) {
        let mut fields = vec![("ipBlocks".to_owned(), Tree::texts([cidr.net]))];
        if !cidr.except.is_empty() {
            fields.push(("notIpBlocks".to_owned(), Tree::texts(&cidr.except)));
        }
        // Pods have addresses too. Those of the mesh have principals as well, and are no outsiders.
        fields.push(("notPrincipals".to_owned(), Tree::texts(["*"])));
        sources.push(Tree::Map(fields));
    }
    sources
}

/// In whatever trust domain.
fn principal(service: &ServiceName) -> String {
    format!("*/ns/{}/sa/{}", service.namespace(), object_name(service.name()))
}
