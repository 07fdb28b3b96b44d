//! A ruleset for `nft -f`, for a host that forwards between workloads.
//!
//! Services are sets of addresses. Whatever a targeted service opens goes through a chain of its own, and whatever is
//! opened to it through another: what these do not return, they drop. Answers pass.

use super::{
    Addresses, Remarks, icmp_types, is_every_port,
    segments::{Grant, Segment, Segments},
};
use crate::flowset::{AddressSet, IntervalSet, ProtocolSet};
use bulkhead_model::{Direction, IpProtocol, ServiceName};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    net::IpAddr,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

pub(super) fn ruleset(segments: &Segments<'_>, addresses: &Addresses, remarks: &mut Remarks) -> String {
    let names = names(segments);
    let mut out = String::from(
        "# Written by Bulkhead. Apply with 'nft -f FILE'; it replaces what it wrote before.\n\
         table inet bulkhead\ndelete table inet bulkhead\ntable inet bulkhead {\n",
    );
    for (service, name) in &names {
        let known = addresses.get(service);
        if known.is_none_or(BTreeSet::is_empty) {
            remarks.add(format!(
                "{service}: its addresses are not known here; add them to the sets {name}_4 and {name}_6"
            ));
        }
        for family in FAMILIES {
            let mine = known.into_iter().flatten().filter(|address| Family::of(address) == family);
            let _ = writeln!(out, "  # {service}");
            set(&mut out, &format!("{name}_{}", family.digit()), family, mine);
        }
    }
    let all: BTreeSet<&IpAddr> = addresses.values().flatten().collect();
    for family in FAMILIES {
        out.push_str(
            "  # Addresses of all services: ranges outside never mean these. New ones belong here as well.\n",
        );
        let mine = all.iter().copied().filter(|address| Family::of(address) == family);
        set(&mut out, &format!("services_{}", family.digit()), family, mine);
    }
    let mut ways = String::new();
    for segment in &segments.all {
        segment.remark_on_names(remarks);
        for direction in [Direction::Egress, Direction::Ingress] {
            let chain = format!("{direction}_{}", names[&segment.service]);
            let _ = writeln!(out, "  chain {chain} {{");
            for grant in segment.grants(direction) {
                for rule in rules(segments, segment, direction, grant, &names, remarks) {
                    let _ = writeln!(out, "    {rule} return");
                }
            }
            out.push_str("    counter drop\n  }\n");
        }
    }
    // Both ends are asked: first the one that opens.
    for (direction, side) in [(Direction::Egress, "saddr"), (Direction::Ingress, "daddr")] {
        for segment in &segments.all {
            let name = &names[&segment.service];
            for family in FAMILIES {
                let (word, digit) = (family.word(), family.digit());
                let _ = writeln!(ways, "    {word} {side} @{name}_{digit} jump {direction}_{name}");
            }
        }
    }
    let _ = write!(
        out,
        "  chain forward {{\n    type filter hook forward priority filter; policy accept;\n    \
         ct state established,related accept\n{ways}  }}\n}}\n"
    );
    remarks.add(
        "what a host forwards is held, not what it sends and receives itself; between ports of one bridge, \
         net.bridge.bridge-nf-call-iptables has to be 1",
    );
    out
}

impl Family {
    fn of(address: &IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    fn word(self) -> &'static str {
        if self == Self::V4 { "ip" } else { "ip6" }
    }

    fn digit(self) -> char {
        if self == Self::V4 { '4' } else { '6' }
    }

    fn part(self, addresses: &AddressSet) -> AddressSet {
        addresses.intersection(&if self == Self::V4 { AddressSet::all_v4() } else { AddressSet::all_v6() })
    }
}

/// Names of sets and chains: letters, digits and lines below, each once.
fn names(segments: &Segments<'_>) -> BTreeMap<ServiceName, String> {
    let base = |service: &ServiceName| {
        let text = format!("s_{}_{}", service.namespace(), service.name());
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(90).collect()
    };
    Segments::each_once(segments.inventory, base, |base, number| format!("{base}_{number}"))
}

fn set<'a>(out: &mut String, name: &str, family: Family, addresses: impl Iterator<Item = &'a IpAddr>) {
    let kind = if family == Family::V4 { "ipv4_addr" } else { "ipv6_addr" };
    let elements: Vec<String> = addresses.map(IpAddr::to_string).collect();
    let elements = match elements.is_empty() {
        true => String::new(),
        false => format!(" elements = {{ {} }}", elements.join(", ")),
    };
    let _ = writeln!(out, "  set {name} {{ type {kind};{elements} }}");
}

/// Each way in which something of a grant passes, as the conditions of a rule.
fn rules(
    segments: &Segments<'_>,
    segment: &Segment,
    direction: Direction,
    grant: &Grant,
    names: &BTreeMap<ServiceName, String>,
    remarks: &mut Remarks,
) -> Vec<String> {
    let (whose, traffic) = segments.ports(segment, direction, grant, remarks);
    grant.remark_on_hosts(&whose, "cannot be said", remarks);
    let side = if direction == Direction::Ingress { "saddr" } else { "daddr" };
    let mut rules = Vec::new();
    for family in FAMILIES {
        let traffic = conditions(&traffic, family);
        let (word, digit) = (family.word(), family.digit());
        let mut peers = Vec::new();
        if grant.everyone {
            peers.push(format!("meta nfproto {}", if family == Family::V4 { "ipv4" } else { "ipv6" }));
        }
        if grant.every_service {
            peers.push(format!("{word} {side} @services_{digit}"));
        }
        for service in &grant.services {
            peers.push(format!("{word} {side} @{}_{digit}", names[service]));
        }
        let outside = family.part(&grant.outside);
        if !outside.is_empty() {
            let ranges: Vec<String> = outside
                .ranges()
                .map(
                    |(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") },
                )
                .collect();
            let whole = if family == Family::V4 { outside.v4().is_full() } else { outside.v6().is_full() };
            let ranges =
                if whole { String::new() } else { format!(" {word} {side} {{ {} }}", ranges.join(", ")) };
            peers.push(format!("{word} {side} != @services_{digit}{ranges}"));
        }
        for peer in &peers {
            rules.extend(traffic.iter().map(|traffic| format!("{peer} {traffic}").trim().to_owned()));
        }
    }
    rules
}

/// The traffic of one family as conditions; one that says nothing is all of it.
fn conditions(traffic: &ProtocolSet, family: Family) -> Vec<String> {
    if traffic.is_all() {
        return vec![String::new()];
    }
    let (mut found, mut whole) = (Vec::new(), Vec::new());
    for (protocol, ports) in traffic.protocols() {
        let name = protocol.to_string();
        let other = if family == Family::V4 { IpProtocol::ICMPV6 } else { IpProtocol::ICMP };
        if protocol == other {
            continue;
        }
        if protocol.is_icmp() && !ports.is_all() {
            for (kind, code) in ports.ranges().flat_map(icmp_types) {
                let code = code.map_or_else(String::new, |code| format!(" {name} code {code}"));
                found.push(format!("{name} type {kind}{code}"));
            }
        } else if protocol.has_ports() && !is_every_port(&ports) {
            let ranges: Vec<String> = ports.ranges().map(|range| range.to_string()).collect();
            found.push(format!("meta l4proto {} th dport {{ {} }}", protocol.0, ranges.join(", ")));
        } else {
            whole.push((protocol.0, protocol.0));
        }
    }
    let whole: Vec<String> = IntervalSet::from_ranges(whole)
        .ranges()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    if !whole.is_empty() {
        found.push(format!("meta l4proto {{ {} }}", whole.join(", ")));
    }
    found
}
