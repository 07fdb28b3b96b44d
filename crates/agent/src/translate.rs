//! From the kernel's records to reports.

use crate::view::View;
use bulkhead_abi::{EVENT_ADOPTED, Event};
use bulkhead_datapath::EdgeDelta;
use bulkhead_model::{
    Application, Direction, EdgeCounters, ExternalName, FlowRecord, Identity, IpProtocol, Peer, Process,
    RuleRef, Timestamp, WorkloadId,
    node::{ConnectionReport, EdgeReport},
};
use std::net::IpAddr;

/// Wall-clock time of a moment of CLOCK_MONOTONIC.
pub(crate) fn wall_clock(monotonic_ns: u64) -> Timestamp {
    let now = Timestamp::from(std::time::SystemTime::now());
    let ago = bulkhead_datapath::monotonic_ns().saturating_sub(monotonic_ns) / 1_000_000;
    Timestamp(now.0.saturating_sub(ago))
}

/// A number of this boot of the host.
pub(crate) fn boot() -> u64 {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    // FNV-1a: equal in every version of this program.
    id.trim().bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

pub(crate) fn connection(
    event: &Event,
    workload: Option<WorkloadId>,
    process: Option<Process>,
) -> ConnectionReport {
    let direction = bulkhead_abi::direction(event.direction);
    ConnectionReport {
        time: wall_clock(event.time_ns),
        local: Identity(event.local),
        peer: Identity(event.peer),
        direction,
        tuple: event.key.tuple(direction, event.port),
        application: Application::from_number(event.application),
        verdict: bulkhead_abi::verdict(event.verdict),
        reason: bulkhead_abi::reason(event.reason),
        rule: RuleRef(event.rule),
        mode: bulkhead_abi::mode(u32::from(event.mode)),
        workload,
        process,
        packet: event.snap[..usize::from(event.length).min(event.snap.len())].to_vec(),
        adopted: event.flags & EVENT_ADOPTED != 0,
    }
}

/// `boot` tells apart the boots of the host: times of CLOCK_MONOTONIC come again after each.
pub(crate) fn edge(delta: &EdgeDelta, boot: u64) -> Option<EdgeReport> {
    let EdgeDelta { key, total: edge, .. } = delta;
    if matches!(key.direction, bulkhead_abi::SPOOFED | bulkhead_abi::IRREGULAR) {
        return None;
    }
    let direction = bulkhead_abi::direction(key.direction);
    // [0] is what the workload sent.
    let (to_server, to_client) = match direction {
        Direction::Egress => (0, 1),
        Direction::Ingress => (1, 0),
    };
    Some(EdgeReport {
        local: Identity(key.local),
        peer: Identity(key.peer),
        direction,
        peer_address: None,
        protocol: IpProtocol(key.protocol),
        port: key.port,
        application: Application::from_number(key.application),
        counting: boot ^ edge.first_ns,
        counters: EdgeCounters {
            connections: edge.connections,
            denied: edge.denied,
            would_deny: edge.would_deny,
            packets_to_server: edge.packets[to_server],
            packets_to_client: edge.packets[to_client],
            bytes_to_server: edge.bytes[to_server],
            bytes_to_client: edge.bytes[to_client],
            rtt_min_us: edge.rtt_min_us,
        },
        rule: RuleRef(edge.rule),
        last_seen: wall_clock(edge.last_ns),
    })
}

pub(crate) fn flow(event: &Event, view: &View, process: Option<Process>, ended: bool) -> FlowRecord {
    let direction = bulkhead_abi::direction(event.direction);
    let tuple = event.key.tuple(direction, event.port);
    let remote: IpAddr = event.key.remote.into();
    let local = peer(view, Identity(event.local), remote);
    let other = peer(view, Identity(event.peer), remote);
    let (client, server, to_server) = match direction {
        Direction::Egress => (local, other, 0),
        Direction::Ingress => (other, local, 1),
    };
    FlowRecord {
        time: wall_clock(event.time_ns),
        client,
        server,
        tuple,
        application: Application::from_number(event.application),
        direction,
        verdict: bulkhead_abi::verdict(event.verdict),
        mode: bulkhead_abi::mode(u32::from(event.mode)),
        rule: RuleRef(event.rule),
        reason: bulkhead_abi::reason(event.reason),
        process,
        ended,
        packets_to_server: event.packets[to_server],
        packets_to_client: event.packets[1 - to_server],
        bytes_to_server: event.bytes[to_server],
        bytes_to_client: event.bytes[1 - to_server],
    }
}

fn peer(view: &View, identity: Identity, address: IpAddr) -> Peer {
    match identity {
        Identity::HOST => Peer::Host,
        Identity::REMOTE_HOST => Peer::RemoteHost,
        Identity::WORLD => Peer::World,
        Identity::MULTICAST => Peer::Multicast,
        other if other.is_external() => Peer::External(ExternalName(address.to_string().into())),
        other => view.services.get(&other).cloned().map_or(Peer::Unknown, Peer::Service),
    }
}
