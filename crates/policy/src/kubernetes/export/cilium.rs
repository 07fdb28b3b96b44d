//! `cilium.io/v2` `CiliumNetworkPolicy`.

use super::{
    Remarks, Tree, icmp_kinds, is_every_port, map, remark_on_protocols,
    segments::{Grant, Segment, Segments},
    served,
};
use crate::{
    flowset::{ApplicationSet, PortSet, ProtocolSet},
    kubernetes::{
        import::cidrs,
        policies::cilium::{parsed_by, parser_of},
    },
};
use bulkhead_model::{Direction, IpProtocol, PortRange, ServiceName};

/// The label by which pods are known to be in a namespace.
const NAMESPACE: &str = "k8s:io.kubernetes.pod.namespace";
/// So many types may one rule list.
const MOST_TYPES: usize = 40;
/// And so many ports.
const MOST_PORTS: usize = 40;

pub(super) fn object(segments: &Segments<'_>, segment: &Segment, remarks: &mut Remarks) -> Tree {
    let service = &segment.service;
    let metadata = map([
        ("name", Tree::text(segments.object_name(service))),
        ("namespace", Tree::text(service.namespace())),
    ]);
    let mut sides = Vec::new();
    for direction in [Direction::Ingress, Direction::Egress] {
        let grants = segment.grants(direction).iter();
        let mut rules: Vec<Tree> =
            grants.flat_map(|grant| rules(segments, segment, direction, grant, remarks)).collect();
        if direction == Direction::Egress {
            rules.extend(names(segment, remarks));
        }
        // An empty rule selects the direction and allows nothing: everything else is denied.
        if rules.is_empty() {
            rules.push(Tree::Map(Vec::new()));
        }
        sides.push((direction.to_string(), Tree::List(rules)));
    }
    let selector = map([("matchLabels", super::labels(segments.selector(service)))]);
    let mut spec = vec![("endpointSelector".to_owned(), selector)];
    spec.extend(sides);
    map([
        ("apiVersion", Tree::text("cilium.io/v2")),
        ("kind", Tree::text("CiliumNetworkPolicy")),
        ("metadata", metadata),
        ("spec", Tree::Map(spec)),
    ])
}

fn rules(
    segments: &Segments<'_>,
    segment: &Segment,
    direction: Direction,
    grant: &Grant,
    remarks: &mut Remarks,
) -> Vec<Tree> {
    let sayable = |ports: &ProtocolSet, applications: &ApplicationSet| {
        Parser::of(applications).is_some_and(|parser| parser.takes(ports, direction))
    };
    let (whose, traffic, parsed) =
        segments.ports_and_applications(segment, direction, grant, sayable, remarks);
    let key = |what: &str| match direction {
        Direction::Ingress => format!("from{what}"),
        Direction::Egress => format!("to{what}"),
    };
    let mut peers = Vec::new();
    let mut entities = Vec::new();
    if grant.everyone {
        entities.push("all");
    }
    if grant.host {
        entities.push("host");
    }
    if grant.remote_host {
        entities.push("remote-node");
    }
    let world = !grant.outside.is_empty() && segments.is_world(&grant.outside);
    if world {
        entities.push("world");
    }
    if !entities.is_empty() {
        peers.push((key("Entities"), Tree::texts(entities)));
    }
    if grant.every_service {
        // The entity of the whole cluster holds its nodes as well.
        let anywhere = map([("key", Tree::text(NAMESPACE)), ("operator", Tree::text("Exists"))]);
        let endpoint = map([("matchExpressions", Tree::List(vec![anywhere]))]);
        peers.push((key("Endpoints"), Tree::List(vec![endpoint])));
    }
    if !grant.services.is_empty() {
        let endpoints = grant.services.iter().map(|service| endpoint(segments, service)).collect();
        peers.push((key("Endpoints"), Tree::List(endpoints)));
    }
    if !world && !grant.outside.is_empty() {
        let sets = cidrs(&grant.outside);
        let set = |cidr: &crate::document::Cidr| {
            let mut fields = vec![("cidr".to_owned(), Tree::text(cidr.net))];
            if !cidr.except.is_empty() {
                fields.push(("except".to_owned(), Tree::texts(&cidr.except)));
            }
            Tree::Map(fields)
        };
        peers.push((key("CIDRSet"), Tree::List(sets.iter().map(set).collect())));
    }
    let mut alternatives = ports(&traffic, &whose, remarks);
    for (ports, applications) in &parsed {
        alternatives.extend(Parser::of(applications).map(|parser| {
            parser.remark(applications, &whose, remarks);
            parser.ports(ports)
        }));
    }
    // One rule has one kind of peers, and either ports or ICMP types.
    if traffic.is_all() {
        alternatives = vec![Vec::new()];
    }
    let mut rules = Vec::new();
    for peer in &peers {
        for ports in &alternatives {
            rules.push(Tree::Map([std::slice::from_ref(peer), ports].concat()));
        }
    }
    rules
}

/// What of layer 7 Cilium's proxy can be told without going into requests: which protocol it has to be.
struct Parser(&'static str);

impl Parser {
    fn of(applications: &ApplicationSet) -> Option<Self> {
        parser_of(applications).map(Self)
    }

    /// The proxy takes few single ports of its protocols, and looks into DNS where it is asked.
    fn takes(&self, ports: &ProtocolSet, direction: Direction) -> bool {
        let known: &[IpProtocol] = match self.0 {
            "dns" if direction == Direction::Ingress => &[],
            "dns" => &[IpProtocol::TCP, IpProtocol::UDP],
            _ => &[IpProtocol::TCP],
        };
        let count = |set: &PortSet| -> usize {
            set.ranges().map(|range| usize::from(range.last - range.first) + 1).sum()
        };
        ports.protocols().all(|(protocol, _)| known.contains(&protocol))
            && ports.protocols().map(|(_, ports)| count(&ports)).sum::<usize>() <= MOST_PORTS
    }

    fn remark(&self, applications: &ApplicationSet, whose: &str, remarks: &mut Remarks) {
        let all: ApplicationSet = parsed_by(self.0).into_iter().flatten().collect();
        let more = all.difference(applications);
        if !more.is_empty() {
            remarks.add(format!("{whose}: {applications} cannot be told from {more}, which is open too"));
        }
    }

    fn ports(&self, ports: &ProtocolSet) -> Vec<(String, Tree)> {
        let entries = ports.protocols().flat_map(|(protocol, ports)| {
            let numbers: Vec<u16> = ports.ranges().flat_map(|range| range.first..=range.last).collect();
            numbers.into_iter().map(move |number| entry(protocol, PortRange::single(number)))
        });
        let any =
            if self.0 == "dns" { vec![("matchPattern".to_owned(), Tree::text("*"))] } else { Vec::new() };
        let rules = map([(self.0, Tree::List(vec![Tree::Map(any)]))]);
        let ports = map([("ports", Tree::List(entries.collect())), ("rules", rules)]);
        vec![("toPorts".to_owned(), Tree::List(vec![ports]))]
    }
}

fn endpoint(segments: &Segments<'_>, service: &ServiceName) -> Tree {
    let mut labels = segments.selector(service).to_vec();
    labels.push((NAMESPACE.to_owned(), service.namespace().to_owned()));
    map([("matchLabels", super::labels(&labels))])
}

/// `toPorts` and `icmps`; none where everything is meant, or nothing can be said.
fn ports(traffic: &ProtocolSet, whose: &str, remarks: &mut Remarks) -> Vec<Vec<(String, Tree)>> {
    if traffic.is_all() {
        return Vec::new();
    }
    let known = [IpProtocol::TCP, IpProtocol::UDP, IpProtocol::SCTP, IpProtocol::ICMP, IpProtocol::ICMPV6];
    remark_on_protocols(traffic, &known, whose, remarks);
    let (mut entries, mut types) = (Vec::new(), Vec::new());
    for (protocol, ports) in traffic.protocols() {
        if protocol.has_ports() && is_every_port(&ports) {
            entries.push(map([("port", Tree::text(0)), ("protocol", protocol_name(protocol))]));
        } else if protocol.has_ports() {
            entries.extend(served(&ports).ranges().map(|range| entry(protocol, range)));
        } else if protocol.is_icmp() {
            let family = if protocol == IpProtocol::ICMP { "IPv4" } else { "IPv6" };
            let kinds = icmp_kinds(traffic, protocol);
            for (kind, _) in kinds.iter().filter(|(_, whole)| !whole) {
                remarks.add(format!(
                    "{whose}: codes of {protocol} type {kind} cannot be told apart; all of them are open"
                ));
            }
            let field = |(kind, _): &(u8, bool)| {
                map([("type", Tree::Number((*kind).into())), ("family", Tree::text(family))])
            };
            types.extend(kinds.chunks(MOST_TYPES).map(|kinds| kinds.iter().map(field).collect::<Vec<_>>()));
        }
    }
    let mut alternatives = Vec::new();
    for entries in entries.chunks(MOST_PORTS) {
        let ports = map([("ports", Tree::List(entries.to_vec()))]);
        alternatives.push(vec![("toPorts".to_owned(), Tree::List(vec![ports]))]);
    }
    for types in types {
        let fields = map([("fields", Tree::List(types))]);
        alternatives.push(vec![("icmps".to_owned(), Tree::List(vec![fields]))]);
    }
    alternatives
}

fn protocol_name(protocol: IpProtocol) -> Tree {
    Tree::text(protocol.to_string().to_ascii_uppercase())
}

/// One of `toPorts`.
fn entry(protocol: IpProtocol, range: PortRange) -> Tree {
    let port = ("port".to_owned(), Tree::text(range.first));
    let mut fields = vec![port, ("protocol".to_owned(), protocol_name(protocol))];
    if range.first != range.last {
        fields.push(("endPort".to_owned(), Tree::Number(range.last.into())));
    }
    Tree::Map(fields)
}

/// Host names. Cilium learns their addresses from DNS answers that pass its proxy, which a rule has to send there.
fn names(segment: &Segment, remarks: &mut Remarks) -> Vec<Tree> {
    let mut rules = Vec::new();
    for (name, traffic) in &segment.names {
        let whose = format!("{} egress to {name}", segment.service);
        if name.starts_with("*.") {
            remarks.add(format!("{whose}: '*.' means one label there, and one or more here"));
        }
        let kind = if name.contains('*') { "matchPattern" } else { "matchName" };
        let names = Tree::List(vec![map([(kind, Tree::text(name))])]);
        let ports = ports(&traffic.protocols(), &whose, remarks);
        for ports in if ports.is_empty() { vec![Vec::new()] } else { ports } {
            let mut fields = vec![("toFQDNs".to_owned(), names.clone())];
            fields.extend(ports);
            rules.push(Tree::Map(fields));
        }
    }
    if !rules.is_empty() {
        let dns = map([(NAMESPACE, Tree::text("kube-system")), ("k8s-app", Tree::text("kube-dns"))]);
        let any = Tree::List(vec![map([("matchPattern", Tree::text("*"))])]);
        let port = map([("port", Tree::text(53)), ("protocol", Tree::text("ANY"))]);
        let to_ports = map([("ports", Tree::List(vec![port])), ("rules", map([("dns", any)]))]);
        rules.push(map([
            ("toEndpoints", Tree::List(vec![map([("matchLabels", dns)])])),
            ("toPorts", Tree::List(vec![to_ports])),
        ]));
        remarks.add(format!(
            "{}: names need DNS through Cilium's proxy, so DNS to kube-dns is allowed",
            segment.service
        ));
    }
    rules
}
