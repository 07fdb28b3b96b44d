//! Security groups of AWS, as a template of CloudFormation.
//!
//! One group for each service; rules name the group at their other end. Groups are stateful, allow alone, and ask both ends,
//! so that they say what documents mean but for what is told.

use super::{
    Remarks, Tree, icmp_types, is_every_port, map,
    segments::{Grant, Segment, Segments},
};
use crate::flowset::ProtocolSet;
use bulkhead_model::{Direction, IpProtocol, ServiceName};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

/// Rules of one direction that a group may have, unless AWS is asked for more.
const MOST_RULES: usize = 60;

type Fields = Vec<(String, Tree)>;

pub(super) fn template(segments: &Segments<'_>, remarks: &mut Remarks) -> Tree {
    let identifiers = identifiers(segments);
    let targeted: BTreeSet<&ServiceName> = segments.all.iter().map(|segment| &segment.service).collect();
    let mut resources: Fields = Vec::new();
    for (service, identifier) in &identifiers {
        resources.push((identifier.clone(), group(service, targeted.contains(service))));
    }
    for segment in &segments.all {
        segment.remark_on_names(remarks);
        for direction in [Direction::Ingress, Direction::Egress] {
            let rules: Vec<Fields> = segment
                .grants(direction)
                .iter()
                .flat_map(|grant| rules(segments, segment, direction, grant, &identifiers, remarks))
                .collect();
            if rules.len() > MOST_RULES {
                remarks.add(format!(
                    "{} {direction}: {} rules; AWS takes {MOST_RULES} for a group unless asked for more",
                    segment.service,
                    rules.len()
                ));
            }
            let (kind, side) = match direction {
                Direction::Ingress => ("AWS::EC2::SecurityGroupIngress", "Ingress"),
                Direction::Egress => ("AWS::EC2::SecurityGroupEgress", "Egress"),
            };
            for (number, rule) in (1..).zip(rules) {
                let mut properties = vec![("GroupId".to_owned(), group_id(&identifiers[&segment.service]))];
                properties.extend(rule);
                let name = format!("{}{side}{number}", identifiers[&segment.service]);
                resources
                    .push((name, map([("Type", Tree::text(kind)), ("Properties", Tree::Map(properties))])));
            }
        }
    }
    map([
        ("AWSTemplateFormatVersion", Tree::text("2010-09-09")),
        ("Description", Tree::text("Security groups of services, written by Bulkhead")),
        ("Parameters", map([("VpcId", map([("Type", Tree::text("AWS::EC2::VPC::Id"))]))])),
        ("Resources", Tree::Map(resources)),
    ])
}

/// Names of resources: letters and digits alone.
fn identifiers(segments: &Segments<'_>) -> BTreeMap<ServiceName, String> {
    let base = |service: &ServiceName| {
        let text = format!("{}-{}", service.namespace(), service.name());
        let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words
            .flat_map(|word| {
                let (first, rest) = word.split_at(1);
                [first.to_ascii_uppercase(), rest.to_owned()]
            })
            .collect()
    };
    Segments::each_once(segments.inventory, base, |base, number| format!("{base}x{number}"))
}

fn group(service: &ServiceName, targeted: bool) -> Tree {
    let tag = map([("Key", Tree::text("bulkhead.dev/service")), ("Value", Tree::text(service))]);
    let mut properties = vec![
        ("GroupDescription".to_owned(), Tree::text(service)),
        ("VpcId".to_owned(), map([("Ref", Tree::text("VpcId"))])),
        ("Tags".to_owned(), Tree::List(vec![tag])),
    ];
    let cidr = |key: &str, net: &str| map([("IpProtocol", Tree::text("-1")), (key, Tree::text(net))]);
    if targeted {
        // A group without egress rules is given one for everything, so this one says nothing in its place.
        properties.push(("SecurityGroupEgress".to_owned(), Tree::List(vec![cidr("CidrIp", "127.0.0.1/32")])));
    } else {
        // No document speaks of the service: it holds nothing back.
        let all = || Tree::List(vec![cidr("CidrIp", "0.0.0.0/0"), cidr("CidrIpv6", "::/0")]);
        properties.push(("SecurityGroupIngress".to_owned(), all()));
        properties.push(("SecurityGroupEgress".to_owned(), all()));
    }
    map([("Type", Tree::text("AWS::EC2::SecurityGroup")), ("Properties", Tree::Map(properties))])
}

fn group_id(identifier: &str) -> Tree {
    map([("Fn::GetAtt", Tree::texts([identifier, "GroupId"]))])
}

fn rules(
    segments: &Segments<'_>,
    segment: &Segment,
    direction: Direction,
    grant: &Grant,
    identifiers: &BTreeMap<ServiceName, String>,
    remarks: &mut Remarks,
) -> Vec<Fields> {
    let (whose, traffic) = segments.ports(segment, direction, grant, remarks);
    grant.remark_on_hosts(&whose, "cannot be said", remarks);
    if grant.every_service && !grant.everyone {
        remarks.add(format!("{whose}: of all services, only those of now are written"));
    }
    let mut peers: Vec<(String, Tree)> = Vec::new();
    if grant.everyone || grant.outside == crate::flowset::AddressSet::all() {
        peers.push(("CidrIp".to_owned(), Tree::text("0.0.0.0/0")));
        peers.push(("CidrIpv6".to_owned(), Tree::text("::/0")));
    } else {
        for network in grant.outside.networks() {
            let key = if network.addr().is_ipv4() { "CidrIp" } else { "CidrIpv6" };
            peers.push((key.to_owned(), Tree::text(network)));
        }
    }
    if !grant.everyone && !grant.outside.is_empty() {
        remarks.add(format!("{whose}: ranges also mean services whose addresses are in them"));
    }
    let key = match direction {
        Direction::Ingress => "SourceSecurityGroupId",
        Direction::Egress => "DestinationSecurityGroupId",
    };
    if !grant.everyone {
        let named = identifiers.iter().filter(|(service, _)| grant.takes_in(service));
        peers.extend(named.map(|(_, identifier)| (key.to_owned(), group_id(identifier))));
    }
    let permissions = permissions(&traffic);
    let rule = |peer: &(String, Tree)| {
        let one = |permission: &Fields| permission.iter().cloned().chain([peer.clone()]).collect::<Fields>();
        permissions.iter().map(one).collect::<Vec<_>>()
    };
    peers.iter().flat_map(rule).collect()
}

/// Protocol and ports; of ICMP, type and code, -1 for all.
fn permissions(traffic: &ProtocolSet) -> Vec<Fields> {
    let one = |protocol: &str, ports: Option<(i64, i64)>| {
        let mut fields = vec![("IpProtocol".to_owned(), Tree::text(protocol))];
        if let Some((from, to)) = ports {
            fields.push(("FromPort".to_owned(), Tree::Number(from)));
            fields.push(("ToPort".to_owned(), Tree::Number(to)));
        }
        fields
    };
    if traffic.is_all() {
        return vec![one("-1", None)];
    }
    let mut found = Vec::new();
    for (protocol, ports) in traffic.protocols() {
        let name = match protocol {
            IpProtocol::TCP => "tcp".to_owned(),
            IpProtocol::UDP => "udp".to_owned(),
            IpProtocol::ICMP => "icmp".to_owned(),
            IpProtocol::ICMPV6 => "icmpv6".to_owned(),
            other => other.0.to_string(),
        };
        if protocol.is_icmp() && ports.is_all() {
            found.push(one(&name, Some((-1, -1))));
        } else if protocol.is_icmp() {
            let types = ports.ranges().flat_map(icmp_types);
            found.extend(
                types.map(|(kind, code)| one(&name, Some((kind.into(), code.map_or(-1, i64::from))))),
            );
        } else if matches!(protocol, IpProtocol::TCP | IpProtocol::UDP) {
            if is_every_port(&ports) {
                found.push(one(&name, Some((0, 65535))));
            } else {
                found.extend(
                    ports.ranges().map(|range| one(&name, Some((range.first.into(), range.last.into())))),
                );
            }
        } else {
            // Ports of other protocols are not looked at.
            found.push(one(&name, None));
        }
    }
    found
}

/// A tree as JSON.
pub(super) fn json(tree: &Tree) -> String {
    let mut out = String::new();
    write_json(&mut out, tree, 0);
    out.push('\n');
    out
}

fn write_json(out: &mut String, tree: &Tree, indent: usize) {
    let quoted = |text: &str| crate::kubernetes::output::quoted(text);
    let block = |brackets: [char; 2], items: Vec<(Option<&str>, &Tree)>, out: &mut String| {
        out.push(brackets[0]);
        for (number, (key, value)) in items.iter().enumerate() {
            let _ = write!(out, "{}\n{}", if number == 0 { "" } else { "," }, "  ".repeat(indent + 1));
            if let Some(key) = key {
                let _ = write!(out, "{}: ", quoted(key));
            }
            write_json(out, value, indent + 1);
        }
        if !items.is_empty() {
            let _ = write!(out, "\n{}", "  ".repeat(indent));
        }
        out.push(brackets[1]);
    };
    match tree {
        Tree::Text(text) => out.push_str(&quoted(text)),
        Tree::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Tree::Bool(value) => {
            let _ = write!(out, "{value}");
        }
        Tree::List(items) => block(['[', ']'], items.iter().map(|item| (None, item)).collect(), out),
        Tree::Map(fields) => {
            block(['{', '}'], fields.iter().map(|(key, value)| (Some(key.as_str()), value)).collect(), out);
        }
    }
}
