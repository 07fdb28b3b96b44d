//! Peers by their text, and sets of flows as people read them.

use bulkhead_api::{ApiError, ErrorCode};
use bulkhead_model::{ExternalName, IpProtocol, Peer, ServiceName};
use bulkhead_policy::{Inventory, flowset::TrafficSet};
use std::net::IpAddr;

/// A peer from its text form.
pub(crate) fn parse_peer(text: &str, inventory: &Inventory) -> Result<Peer, ApiError> {
    let text = text.trim();
    let reserved = match text {
        "world" => Some(Peer::World),
        "host" => Some(Peer::Host),
        "remote-host" => Some(Peer::RemoteHost),
        "multicast" => Some(Peer::Multicast),
        "unknown" => Some(Peer::Unknown),
        _ => None,
    };
    if let Some(peer) = reserved {
        return Ok(peer);
    }
    let outside = || Peer::External(ExternalName(text.to_ascii_lowercase().into()));
    if text.parse::<ipnet::IpNet>().is_ok() || text.parse::<IpAddr>().is_ok() {
        return Ok(outside());
    }
    match text.parse::<ServiceName>() {
        Ok(name) if text.contains('/') || inventory.service(&name).is_some() => Ok(Peer::Service(name)),
        // A bare word without a dot is a service that is not known, not a domain.
        Ok(name) if !text.contains('.') => Ok(Peer::Service(name)),
        Ok(_) => Ok(outside()),
        Err(error) => Err(ApiError::new(
            ErrorCode::Invalid,
            format!("'{}' is no peer: {error}", text.chars().take(100).collect::<String>()),
            "name a service (namespace/name), world, host, remote-host, an address, a range or a domain name",
        )),
    }
}

/// All that passes, short enough for a line.
pub(crate) fn text(traffic: &TrafficSet) -> String {
    if traffic.is_all() {
        return "everything".to_owned();
    }
    let text = traffic.to_string();
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// A protocol and a port that pass; what people know best where everything does.
pub(crate) fn witness(traffic: &TrafficSet) -> (IpProtocol, u16) {
    match traffic.witness() {
        _ if traffic.is_all() => (IpProtocol::TCP, 443),
        Some(witness) => (witness.protocol, witness.port),
        None => (IpProtocol::TCP, 0),
    }
}
