//! `neuvector.com/v1` `NvSecurityRule`, which knows applications.

use super::{
    Remarks, Tree, is_every_port, map, object_name, remark_on_protocols,
    segments::{Grant, Segment, Segments},
    served,
};
use crate::flowset::{AddressSet, ProtocolSet, TrafficSet};
use bulkhead_model::{Application, Direction, IpProtocol, ServiceName};

pub(super) fn object(segments: &Segments<'_>, segment: &Segment, remarks: &mut Remarks) -> Tree {
    let service = &segment.service;
    let metadata = map([
        (
            "name",
            Tree::text(format!("nv.{}.{}", segments.object_name(service), object_name(service.namespace()))),
        ),
        ("namespace", Tree::text(service.namespace())),
    ]);
    for (name, _) in &segment.names {
        remarks.add(format!(
            "{service}: the name {name} is written as its addresses of this moment; none are known where none follow"
        ));
    }
    let mut count = 0;
    let mut rules = |direction: Direction, remarks: &mut Remarks| {
        let mut rules = Vec::new();
        for grant in segment.grants(direction) {
            for (selector, whom, traffic) in peers(segments, segment, grant, direction, remarks) {
                for (protocols, applications) in traffic.products() {
                    let traffic = TrafficSet::new(&protocols, &applications);
                    let Some(ports) = ports(&traffic.protocols(), &whom, remarks) else { continue };
                    let names: Vec<String> = if applications.is_all() {
                        vec!["any".to_owned()]
                    } else {
                        let known =
                            applications.iter().filter(|application| *application != Application::UNKNOWN);
                        known.map(|application| application_name(application, remarks)).collect()
                    };
                    count += 1;
                    rules.push(map([
                        ("selector", selector.clone()),
                        ("ports", Tree::text(&ports)),
                        ("applications", Tree::texts(names)),
                        ("action", Tree::text("allow")),
                        (
                            "name",
                            Tree::text(format!(
                                "{}.{}-{direction}-{count}",
                                service.name(),
                                service.namespace()
                            )),
                        ),
                    ]));
                }
            }
        }
        Tree::List(rules)
    };
    let (ingress, egress) = (rules(Direction::Ingress, remarks), rules(Direction::Egress, remarks));
    let target = map([("policymode", Tree::text("Protect")), ("selector", group(service))]);
    map([
        ("apiVersion", Tree::text("neuvector.com/v1")),
        ("kind", Tree::text("NvSecurityRule")),
        ("metadata", metadata),
        (
            "spec",
            map([
                ("target", target),
                ("ingress", ingress),
                ("egress", egress),
                ("file", Tree::List(Vec::new())),
                ("process", Tree::List(Vec::new())),
            ]),
        ),
    ])
}

fn criterion(key: &str, value: impl ToString) -> Tree {
    map([("key", Tree::text(key)), ("op", Tree::text("=")), ("value", Tree::text(value))])
}

/// The group that NeuVector makes of a service by itself.
fn group(service: &ServiceName) -> Tree {
    let name = format!("{}.{}", service.name(), service.namespace());
    let criteria = vec![criterion("service", &name), criterion("domain", service.namespace())];
    map([("name", Tree::text(format!("nv.{name}"))), ("criteria", Tree::List(criteria))])
}

fn reserved(name: &str) -> Tree {
    map([("name", Tree::text(name)), ("criteria", Tree::List(Vec::new()))])
}

/// Each group of peers, with its name for remarks, and what it may.
fn peers(
    segments: &Segments<'_>,
    segment: &Segment,
    grant: &Grant,
    direction: Direction,
    remarks: &mut Remarks,
) -> Vec<(Tree, String, TrafficSet)> {
    let whose = format!("{} {direction}", segment.service);
    let mut groups = Vec::new();
    let mut add = |tree, name: &str, traffic| groups.push((tree, format!("{whose} {name}"), traffic));
    let all = || grant.traffic.clone();
    // One rule lets both ends speak there, so each says no more than what both ends allow here.
    let opposite = match direction {
        Direction::Ingress => Direction::Egress,
        Direction::Egress => Direction::Ingress,
    };
    let both = |service: &ServiceName| {
        grant.traffic.intersection(&segments.side(service, opposite, &segment.service))
    };
    let names: Vec<&ServiceName> = segments.inventory.services().map(|service| &service.name).collect();
    if grant.everyone {
        remarks.add(format!("{whose}: multicast cannot be said"));
    }
    if grant.everyone || grant.every_service {
        if names.iter().all(|service| both(service) == grant.traffic) {
            add(reserved("containers"), "containers", all());
        } else {
            remarks.add(format!(
                "{whose}: only the services of now are written, because some of them allow less"
            ));
            for service in names {
                add(group(service), &service.to_string(), both(service));
            }
        }
    }
    for service in &grant.services {
        add(group(service), &service.to_string(), both(service));
    }
    if grant.everyone || grant.host || grant.remote_host {
        if !grant.everyone && grant.host != grant.remote_host {
            remarks.add(format!(
                "{whose}: a workload's own host and the others cannot be told apart; both are open"
            ));
        }
        add(reserved("nodes"), "nodes", all());
    }
    if grant.everyone || !grant.outside.is_empty() && segments.is_world(&grant.outside) {
        add(reserved("external"), "external", all());
    } else if !grant.outside.is_empty() {
        if direction == Direction::Ingress {
            remarks.add(format!(
                "{whose}: ranges of addresses cannot be sources; {} is left out",
                grant.outside
            ));
        } else {
            add(address_group(&grant.outside), "addresses", all());
        }
    }
    groups
}

fn address_group(addresses: &AddressSet) -> Tree {
    let ranges = addresses.ranges().map(|(first, last)| criterion("address", format!("{first}-{last}")));
    let name =
        format!("addresses-{}", object_name(&addresses.to_string()).chars().take(48).collect::<String>());
    map([("name", Tree::text(name)), ("criteria", Tree::List(ranges.collect()))])
}

/// `tcp/80,udp/1000-2000`, `any`.
fn ports(traffic: &ProtocolSet, whose: &str, remarks: &mut Remarks) -> Option<String> {
    if traffic.is_all() {
        return Some("any".to_owned());
    }
    remark_on_protocols(traffic, &[IpProtocol::TCP, IpProtocol::UDP, IpProtocol::ICMP], whose, remarks);
    let mut parts = Vec::new();
    for (protocol, ports) in traffic.protocols() {
        let all = is_every_port(&ports);
        match protocol.to_string().as_str() {
            name @ ("tcp" | "udp") if all => parts.push(format!("{name}/any")),
            name @ ("tcp" | "udp") => {
                parts.extend(served(&ports).ranges().map(|range| format!("{name}/{range}")))
            }
            "icmp" => {
                if !all {
                    remarks.add(format!("{whose}: types of icmp cannot be said; all of them are open"));
                }
                parts.push("icmp".to_owned());
            }
            _ => {}
        }
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

/// Applications by the names that NeuVector gives them.
const APPLICATIONS: [(&str, &str); 26] = [
    ("http", "HTTP"),
    ("http2", "HTTP"),
    ("tls", "SSL"),
    ("dns", "DNS"),
    ("redis", "Redis"),
    ("postgresql", "PostgreSQL"),
    ("mysql", "MySQL"),
    ("mongodb", "MongoDB"),
    ("kafka", "Kafka"),
    ("ssh", "SSH"),
    ("memcached", "Memcached"),
    ("cassandra", "Cassandra"),
    ("zookeeper", "ZooKeeper"),
    ("etcd", "etcd"),
    ("grpc", "gRPC"),
    ("ntp", "NTP"),
    ("dhcp", "DHCP"),
    ("tftp", "TFTP"),
    ("oracle", "Oracle"),
    ("tds", "MSSQL"),
    ("elasticsearch", "ElasticSearch"),
    ("amqp", "RabbitMQ"),
    ("radius", "Radius"),
    ("sip", "SIP"),
    ("rtsp", "RTSP"),
    ("vnc", "VNC"),
];

fn application_name(application: Application, remarks: &mut Remarks) -> String {
    match APPLICATIONS.iter().find(|(ours, _)| *ours == application.name()) {
        Some((_, theirs)) => (*theirs).to_owned(),
        None => {
            remarks.add(format!("NeuVector may not know the application {application}"));
            application.name().to_owned()
        }
    }
}

/// The application that NeuVector, or its export here, calls so.
pub(in crate::kubernetes) fn neuvector_application(name: &str) -> Option<Application> {
    let known = APPLICATIONS.iter().find(|(_, theirs)| theirs.eq_ignore_ascii_case(name));
    known.map_or(name, |(ours, _)| ours).parse().ok()
}
