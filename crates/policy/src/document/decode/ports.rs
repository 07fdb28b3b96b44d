//! Which traffic is meant: protocols, ports, ICMP types.

use crate::{
    document::{PortMatch, PortSpec, fields::Reader},
    suggest,
    yaml::Node,
};
use bulkhead_model::{IcmpType, IpProtocol, PortRange};

/// `{protocol: tcp, port: 80}`, or the same as a text: `tcp/80`, `80`, `udp/8000-8100`, `icmp/8`, `icmp`.
pub(in crate::document) fn port(r: &mut Reader<'_>, node: &Node) -> Option<PortSpec> {
    match node.text() {
        Some(text) => short(r, node, text),
        None => long(r, node),
    }
}

fn short(r: &mut Reader<'_>, node: &Node, text: &str) -> Option<PortSpec> {
    let (protocol, port) = match text.split_once('/') {
        Some((protocol, port)) => (protocol, Some(port)),
        None if text.starts_with(|c: char| c.is_ascii_digit()) => ("tcp", Some(text)),
        None => (text, None),
    };
    let protocol = protocol_of(r, node, protocol)?;
    match port {
        None => Some(PortSpec::whole(protocol)),
        Some(port) if protocol.is_icmp() => {
            let (kind, code) = port.split_once('/').map_or((port, None), |(kind, code)| (kind, Some(code)));
            let kind: u8 = number(r, node, kind, "an ICMP type from 0 to 255")?;
            let code = match code {
                Some(code) => Some(number(r, node, code, "an ICMP code from 0 to 255")?),
                None => None,
            };
            Some(PortSpec::new(protocol, icmp_range(kind, code)))
        }
        Some(port) => ports(r, node, protocol, port).map(|port| PortSpec { protocol, port }),
    }
}

fn long(r: &mut Reader<'_>, node: &Node) -> Option<PortSpec> {
    r.map(node, &["protocol", "port", "endPort", "type", "code"])?;
    let get = |key: &str| node.get(key);
    let protocol = match get("protocol") {
        None => IpProtocol::TCP,
        Some(node) => r.at("protocol", |r| {
            let text = r.text(node, "a protocol: tcp, udp, sctp, icmp, icmpv6 or a number")?;
            protocol_of(r, node, text)
        })?,
    };
    for (key, fits) in [
        ("port", protocol.has_ports()),
        ("endPort", protocol.has_ports()),
        ("type", protocol.is_icmp()),
        ("code", protocol.is_icmp()),
    ] {
        if !fits && let Some(node) = get(key) {
            r.at(key, |r| r.wrong(node.mark, format!("{protocol} has no {key}"), None));
            return None;
        }
    }
    if let Some(kind_node) = get("type") {
        let kind = r.at("type", |r| r.parsed::<u8>(kind_node, "an ICMP type from 0 to 255"))?;
        let code = match get("code") {
            Some(node) => Some(r.at("code", |r| r.parsed::<u8>(node, "an ICMP code from 0 to 255"))?),
            None => None,
        };
        return Some(PortSpec::new(protocol, icmp_range(kind, code)));
    }
    if let Some(node) = get("code") {
        r.at("code", |r| r.wrong(node.mark, "a code needs a type", None));
        return None;
    }
    let Some(port_node) = get("port") else {
        if let Some(node) = get("endPort") {
            r.at("endPort", |r| r.wrong(node.mark, "endPort needs a port", None));
            return None;
        }
        if get("protocol").is_none() {
            r.wrong(node.mark, "expected a protocol, a port or both", None);
            return None;
        }
        return Some(PortSpec::whole(protocol));
    };
    let port = r.at("port", |r| {
        let text = r.text(port_node, "a port, a range such as 8000-8100, or the name of a port")?;
        ports(r, port_node, protocol, text)
    })?;
    let Some(end_node) = get("endPort") else { return Some(PortSpec { protocol, port }) };
    r.at("endPort", |r| {
        let last = r.parsed::<u16>(end_node, "a port from 0 to 65535")?;
        match port {
            PortMatch::Range(range) if range.first == range.last && range.first <= last => {
                Some(PortSpec::new(protocol, PortRange { first: range.first, last }))
            }
            _ => {
                r.wrong(end_node.mark, "endPort must follow a port that is a number and not greater", None);
                None
            }
        }
    })
}

fn protocol_of(r: &mut Reader<'_>, node: &Node, text: &str) -> Option<IpProtocol> {
    match text.parse::<IpProtocol>() {
        Ok(protocol) => Some(protocol),
        Err(error) => {
            let names = ["tcp", "udp", "sctp", "icmp", "icmpv6", "igmp", "gre", "esp", "ah"];
            let nearest = suggest::nearest(text, names);
            r.wrong(node.mark, error.to_string(), nearest.map(|word| format!("did you mean '{word}'?")));
            None
        }
    }
}

fn ports(r: &mut Reader<'_>, node: &Node, protocol: IpProtocol, text: &str) -> Option<PortMatch> {
    if !protocol.has_ports() {
        r.wrong(node.mark, format!("{protocol} has no ports"), None);
        return None;
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        let expected = "a port from 0 to 65535 or a range such as 8000-8100";
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last): (u16, u16) =
            (number(r, node, first.trim(), expected)?, number(r, node, last.trim(), expected)?);
        if first > last {
            r.wrong(node.mark, format!("'{text}' is empty; expected {expected}"), None);
            return None;
        }
        return Some(PortMatch::Range(PortRange { first, last }));
    }
    // IANA service names (RFC 6335) as Kubernetes has them, a little more generous.
    if text.is_empty()
        || text.len() > 63
        || !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    {
        r.wrong(node.mark, format!("'{text}' is neither a port, nor a range, nor the name of a port"), None);
        return None;
    }
    Some(PortMatch::Named(text.into()))
}

fn number<T: std::str::FromStr>(r: &mut Reader<'_>, node: &Node, text: &str, expected: &str) -> Option<T> {
    let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    if number.is_none() {
        r.wrong(node.mark, format!("'{text}' is not {expected}"), None);
    }
    number
}

fn icmp_range(kind: u8, code: Option<u8>) -> PortRange {
    match code {
        Some(code) => PortRange::single(IcmpType { kind, code }.as_port()),
        None => IcmpType::any_code(kind),
    }
}
