//! Edges, ports and rules as people read them.

use super::{Cell, Column, Screen, Style, Table, amount, moment};
use bulkhead_api::{JudgedEdge, RuleInfo, SideVerdict, VerdictChange};
use bulkhead_model::{Application, EdgeKey, IcmpType, IpProtocol, Timestamp};
use std::io;

/// `tcp/6379`, `icmp/8`, `gre`.
pub(crate) fn port(protocol: IpProtocol, port: u16) -> String {
    if protocol.has_ports() {
        format!("{protocol}/{port}")
    } else if protocol.is_icmp() {
        let IcmpType { kind, code } = IcmpType::from_port(port);
        if code == 0 { format!("{protocol}/{kind}") } else { format!("{protocol}/{kind}.{code}") }
    } else {
        protocol.to_string()
    }
}

/// `tcp/6379 redis`
pub(crate) fn service_port(key: &EdgeKey) -> String {
    let port = port(key.protocol, key.port);
    if key.application == Application::UNKNOWN { port } else { format!("{port} {}", key.application) }
}

/// `shop/web → shop/redis tcp/6379`
pub(crate) fn arrow(key: &EdgeKey) -> String {
    format!("{} → {} {}", key.client, key.server, service_port(key))
}

/// `shop/redis ingress[0] (user): from shop/api` or `no rule`.
pub(crate) fn rule(rule: Option<&RuleInfo>) -> String {
    match rule {
        Some(rule) => {
            format!("{} {}[{}] ({}): {}", rule.policy, rule.direction, rule.position, rule.origin, rule.text)
        }
        None => "no rule".into(),
    }
}

/// The side that decides: the one that denies, else the server's.
pub(crate) fn deciding(edge: &JudgedEdge) -> Option<&SideVerdict> {
    let sides = [edge.ingress.as_ref(), edge.egress.as_ref()];
    sides.into_iter().flatten().max_by_key(|side| side.verdict)
}

/// The peer's name, and the newest name that was resolved for it where it is an address.
fn server(edge: &JudgedEdge) -> String {
    let server = edge.edge.key.server.to_string();
    match edge.names.first() {
        Some(name) if *name != server => format!("{server} ({name})"),
        _ => server,
    }
}

pub(crate) fn table(edges: &[JudgedEdge], now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::text("CLIENT").shrinks_to(10),
        Column::text("SERVER").shrinks_to(10),
        Column::text("PORT").shrinks_to(8),
        Column::text("VERDICT"),
        Column::number("CONNS"),
        Column::number("DENIED").optional(),
        Column::number("BYTES").optional(),
        Column::text("LAST SEEN").optional(),
        Column::text("FIRST SEEN").wide_only(),
        Column::number("RTT MIN").wide_only(),
        Column::text("DECIDED BY").wide_only(),
    ]);
    for edge in edges {
        let (key, counters) = (&edge.edge.key, &edge.edge.counters);
        let decided = match deciding(edge) {
            Some(side) => format!("{} {} ({})", side.direction, rule(side.rule.as_ref()), side.mode),
            None => "-".into(),
        };
        table.row([
            key.client.to_string().into(),
            server(edge).into(),
            service_port(key).into(),
            Cell::styled(edge.verdict, edge.verdict.into()),
            amount::count(counters.connections).into(),
            match counters.denied + counters.would_deny {
                0 => "-".into(),
                n => Cell::styled(amount::count(n), Style::Warning),
            },
            amount::bytes(counters.bytes_to_server + counters.bytes_to_client).into(),
            moment::ago(edge.edge.last_seen, now).into(),
            moment::rfc3339(edge.edge.first_seen).into(),
            match counters.rtt_min_us {
                0 => "-".into(),
                us => format!("{us} µs").into(),
            },
            decided.into(),
        ]);
    }
    table
}

pub(crate) fn print_changes(screen: &mut Screen, changes: &[VerdictChange], wide: bool) -> io::Result<()> {
    let mut table = Table::new([
        Column::text("CLIENT").shrinks_to(10),
        Column::text("SERVER").shrinks_to(10),
        Column::text("PORT").shrinks_to(8),
        Column::text("BEFORE"),
        Column::text("AFTER"),
        Column::text("BECAUSE").shrinks_to(12),
    ]);
    for change in changes {
        table.row([
            change.edge.client.to_string().into(),
            change.edge.server.to_string().into(),
            service_port(&change.edge).into(),
            Cell::styled(change.before, change.before.into()),
            Cell::styled(change.after, change.after.into()),
            change.because.clone().into(),
        ]);
    }
    table.print(screen, wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_every_protocol_have_a_short_form() {
        let shown: Vec<_> = [
            (IpProtocol::TCP, 6379),
            (IpProtocol::ICMP, 8 << 8),
            (IpProtocol::ICMP, 3 << 8 | 1),
            (IpProtocol::GRE, 0),
        ]
        .map(|(protocol, number)| port(protocol, number))
        .into();
        assert_eq!(shown, ["tcp/6379", "icmp/8", "icmp/3.1", "gre"]);
    }
}

#[cfg(test)]
pub(crate) mod fixtures {
    use super::*;
    use bulkhead_model::{Edge, EdgeCounters, Peer, Verdict};

    pub(crate) fn peer(text: &str) -> Peer {
        match text {
            "world" => Peer::World,
            "host" => Peer::Host,
            _ => Peer::Service(text.parse().expect("valid")),
        }
    }

    pub(crate) fn key(client: &str, server: &str, port: u16) -> EdgeKey {
        EdgeKey {
            client: peer(client),
            server: peer(server),
            protocol: IpProtocol::TCP,
            port,
            application: Application::UNKNOWN,
        }
    }

    /// An edge over TCP with 12,345 connections, used a minute after it was first seen.
    pub(crate) fn edge(client: &str, server: &str, port: u16, verdict: Verdict) -> JudgedEdge {
        JudgedEdge {
            id: format!("{client}|{server}|tcp|{port}|unknown"),
            edge: Edge {
                key: key(client, server, port),
                counters: EdgeCounters {
                    connections: 12_345,
                    denied: if verdict == Verdict::Allowed { 0 } else { 7 },
                    bytes_to_server: 3 << 20,
                    bytes_to_client: 5 << 20,
                    rtt_min_us: 120,
                    ..Default::default()
                },
                first_seen: Timestamp(1_767_225_540_000),
                last_seen: Timestamp(1_767_225_600_000),
            },
            verdict,
            egress: None,
            ingress: None,
            rate: 0.0,
            names: Vec::new(),
            processes: Vec::new(),
            flagged: None,
        }
    }
}
