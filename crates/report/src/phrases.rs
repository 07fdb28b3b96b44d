//! Flows, rules and peers as people say them.

use bulkhead_model::{Application, Edge, IpProtocol};
use bulkhead_policy::{
    document::{Conduit, LabelSelector, PeerSpec, PortMatch, PortSpec, Rule},
    flowset::TrafficSet,
};

/// Whether anybody has said why a rule is there.
pub(crate) fn is_accounted(rule: &Rule) -> bool {
    rule.reason.is_some() || rule.name.is_some()
}

/// Sets of flows, short enough for a cell.
pub(crate) fn text(traffic: &TrafficSet) -> String {
    if traffic.is_all() {
        return "all protocols and ports".to_owned();
    }
    let text = traffic.to_string();
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// `tcp/443`, `icmp type 8`, `gre`
pub(crate) fn flow(protocol: IpProtocol, port: u16) -> String {
    if protocol.has_ports() {
        format!("{protocol}/{port}")
    } else if protocol.is_icmp() {
        format!("{protocol} type {}", port >> 8)
    } else {
        protocol.to_string()
    }
}

pub(crate) fn what(edge: &Edge) -> String {
    let flow = flow(edge.key.protocol, edge.key.port);
    match edge.key.application {
        Application::UNKNOWN => flow,
        application => format!("{flow} {application}"),
    }
}

pub(crate) fn way_name(way: &Conduit) -> String {
    match (&way.name, &way.reason) {
        (Some(name), _) => format!("conduit \"{name}\""),
        (None, Some(reason)) => format!("conduit \"{reason}\""),
        (None, None) => "a conduit without a name".to_owned(),
    }
}

pub(crate) fn way_traffic(way: &Conduit) -> String {
    let rule = Rule { ports: way.ports.clone(), applications: way.applications.clone(), ..Rule::default() };
    rule_traffic(&rule)
}

/// Ports and applications as a document has them.
pub(crate) fn rule_traffic(rule: &Rule) -> String {
    let port = |spec: &PortSpec| match &spec.port {
        PortMatch::All => spec.protocol.to_string(),
        PortMatch::Range(range) if range.first == range.last => flow(spec.protocol, range.first),
        PortMatch::Range(range) if spec.protocol.is_icmp() => {
            format!("{} type {}", spec.protocol, range.first >> 8)
        }
        PortMatch::Range(range) => format!("{}/{}-{}", spec.protocol, range.first, range.last),
        PortMatch::Named(name) => format!("{} port {name}", spec.protocol),
    };
    let ports: Vec<String> = rule.ports.iter().map(port).collect();
    let applications: Vec<String> = rule.applications.iter().map(ToString::to_string).collect();
    match (ports.as_slice(), applications.as_slice()) {
        ([], []) => "all protocols and ports".to_owned(),
        (ports, []) => ports.join(", "),
        ([], applications) => applications.join(", "),
        (ports, applications) => format!("{} ({})", ports.join(", "), applications.join(", ")),
    }
}

/// A peer as people say it.
pub(crate) fn peer_text(spec: &PeerSpec) -> String {
    match spec {
        PeerSpec::Services(criteria) => {
            let mut parts = Vec::new();
            parts.extend(criteria.service.as_ref().map(|glob| glob.as_str().to_owned()));
            parts.extend(criteria.namespace.as_ref().map(|glob| format!("namespace {}", glob.as_str())));
            parts.extend(criteria.zone.as_ref().map(|zone| format!("zone {zone}")));
            parts.extend(criteria.selector.as_ref().map(selector_text));
            parts.join(" and ")
        }
        PeerSpec::Cidr(cidr) => cidr.net.to_string(),
        PeerSpec::Name(name) => name.to_string(),
        PeerSpec::External(name) => format!("external {name}"),
        PeerSpec::World => "world".to_owned(),
        PeerSpec::Host => "host".to_owned(),
        PeerSpec::RemoteHost => "remote-host".to_owned(),
        PeerSpec::Multicast => "multicast".to_owned(),
        PeerSpec::Any => "any".to_owned(),
    }
}

fn selector_text(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
    let expressions = selector
        .match_expressions
        .iter()
        .map(|e| format!("{} {:?} {}", e.key, e.operator, e.values.join(",")));
    format!("label {}", labels.chain(expressions).collect::<Vec<_>>().join(", "))
}
