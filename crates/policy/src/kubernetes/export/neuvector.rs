//! `neuvector.com/v1` `NvSecurityRule`, which knows applications.

use super::{
    Remarks, Tree, is_every_port, map, object_name,
    segments::{Grant, Segment, Segments},
};
use crate::flowset::{AddressSet, ProtocolSet, TrafficSet};
use bulkhead_model::{Application, Direction, ServiceName};

pub(super) fn object(segments: &Segments<'_>, segment: &Segment, remarks: &mut Remarks) -> Tree {
    let service = &segment.service;
    let metadata = map([
        ("name", Tree::text(object_name(&format!("nv.{}.{}", service.name(), service.namespace())))),
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
            for (selector, whom) in peers(segments, segment, grant, direction, remarks) {
                for (protocols, applications) in grant.traffic.products() {
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

/// Each group of peers, with its name for remarks.
fn peers(
    segments: &Segments<'_>,
    segment: &Segment,
    grant: &Grant,
    direction: Direction,
    remarks: &mut Remarks,
) -> Vec<(Tree, String)> {
    let whose = format!("{} {direction}", segment.service);
    let mut groups = Vec::new();
    let mut add = |tree, name: &str| groups.push((tree, format!("{whose} {name}")));
    if grant.everyone || grant.every_service {
        add(reserved("containers"), "containers");
    }
    for service in &grant.services {
        add(group(service), &service.to_string());
    }
    if grant.everyone || grant.host || grant.remote_host {
        add(reserved("nodes"), "nodes");
    }
    if grant.everyone || !grant.outside.is_empty() && segments.is_world(&grant.outside) {
        add(reserved("external"), "external");
    } else if !grant.outside.is_empty() {
        if direction == Direction::Ingress {
            remarks.add(format!(
                "{whose}: ranges of addresses cannot be sources; {} is left out",
                grant.outside
            ));
        } else {
            add(address_group(&grant.outside), "addresses");
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
    let mut parts = Vec::new();
    for (protocol, ports) in traffic.protocols() {
        let all = is_every_port(&ports);
        match protocol.to_string().as_str() {
            name @ ("tcp" | "udp") if all => parts.push(format!("{name}/any")),
            name @ ("tcp" | "udp") => parts.extend(ports.ranges().map(|range| format!("{name}/{range}"))),
            "icmp" => {
                if !all {
                    remarks.add(format!("{whose}: types of icmp cannot be said; all of them are open"));
                }
                parts.push("icmp".to_owned());
            }
            _ => remarks.add(format!("{whose}: protocol {protocol} cannot be said")),
        }
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

/// Applications by the names that NeuVector gives them.
fn application_name(application: Application, remarks: &mut Remarks) -> String {
    match application.name() {
        "http" | "http2" => "HTTP",
        "tls" => "SSL",
        "dns" => "DNS",
        "redis" => "Redis",
        "postgresql" => "PostgreSQL",
        "mysql" => "MySQL",
        "mongodb" => "MongoDB",
        "kafka" => "Kafka",
        "ssh" => "SSH",
        "memcached" => "Memcached",
        "cassandra" => "Cassandra",
        "zookeeper" => "ZooKeeper",
        "etcd" => "etcd",
        "grpc" => "gRPC",
        "ntp" => "NTP",
        "dhcp" => "DHCP",
        "tftp" => "TFTP",
        "oracle" => "Oracle",
        "tds" => "MSSQL",
        "elasticsearch" => "ElasticSearch",
        "amqp" => "RabbitMQ",
        "radius" => "Radius",
        "sip" => "SIP",
        "rtsp" => "RTSP",
        "vnc" => "VNC",
        other => {
            remarks.add(format!("NeuVector may not know the application {other}"));
            return other.to_owned();
        }
    }
    .to_owned()
}
