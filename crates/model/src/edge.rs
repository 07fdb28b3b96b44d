use crate::{Application, IpProtocol, Peer, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who talks to whom, and how: the unit of the connection graph, of learning and of learned rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EdgeKey {
    pub client: Peer,
    pub server: Peer,
    pub protocol: IpProtocol,
    /// Server port; ICMP type and code for ICMP ([`crate::IcmpType`]); 0 for protocols without ports.
    pub port: u16,
    pub application: Application,
}

impl fmt::Display for EdgeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {} {}", self.client, self.server, self.protocol)?;
        if self.protocol.has_ports() {
            write!(f, "/{}", self.port)?;
        } else if self.protocol.is_icmp() {
            write!(f, " type {}", self.port >> 8)?;
        }
        if self.application != Application::UNKNOWN {
            write!(f, " {}", self.application)?;
        }
        Ok(())
    }
}

/// Totals of an edge, or of an interval of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EdgeCounters {
    /// Connections (TCP, SCTP) or exchanges (UDP, ICMP) opened and allowed to pass.
    pub connections: u64,
    /// Connections that the policy denied.
    pub denied: u64,
    /// Connections that passed only because the denying side is in Monitor.
    pub would_deny: u64,
    pub packets_to_server: u64,
    pub packets_to_client: u64,
    /// Bytes of IP packets.
    pub bytes_to_server: u64,
    pub bytes_to_client: u64,
    /// Smallest TCP handshake round-trip time seen, in microseconds; 0 where none was measured.
    pub rtt_min_us: u32,
}

impl EdgeCounters {
    /// What has been counted since the same counting stood at `before`.
    #[must_use]
    pub fn since(&self, before: &EdgeCounters) -> EdgeCounters {
        EdgeCounters {
            connections: self.connections.saturating_sub(before.connections),
            denied: self.denied.saturating_sub(before.denied),
            would_deny: self.would_deny.saturating_sub(before.would_deny),
            packets_to_server: self.packets_to_server.saturating_sub(before.packets_to_server),
            packets_to_client: self.packets_to_client.saturating_sub(before.packets_to_client),
            bytes_to_server: self.bytes_to_server.saturating_sub(before.bytes_to_server),
            bytes_to_client: self.bytes_to_client.saturating_sub(before.bytes_to_client),
            rtt_min_us: self.rtt_min_us,
        }
    }

    /// One of so many equal parts, rounded down.
    #[must_use]
    pub fn part(&self, parts: u64) -> EdgeCounters {
        let parts = parts.max(1);
        EdgeCounters {
            connections: self.connections / parts,
            denied: self.denied / parts,
            would_deny: self.would_deny / parts,
            packets_to_server: self.packets_to_server / parts,
            packets_to_client: self.packets_to_client / parts,
            bytes_to_server: self.bytes_to_server / parts,
            bytes_to_client: self.bytes_to_client / parts,
            rtt_min_us: self.rtt_min_us,
        }
    }

    pub fn add(&mut self, more: &EdgeCounters) {
        self.connections += more.connections;
        self.denied += more.denied;
        self.would_deny += more.would_deny;
        self.packets_to_server += more.packets_to_server;
        self.packets_to_client += more.packets_to_client;
        self.bytes_to_server += more.bytes_to_server;
        self.bytes_to_client += more.bytes_to_client;
        if self.rtt_min_us == 0 || (more.rtt_min_us != 0 && more.rtt_min_us < self.rtt_min_us) {
            self.rtt_min_us = more.rtt_min_us;
        }
    }
}

/// An edge with its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Edge {
    #[serde(flatten)]
    pub key: EdgeKey,
    #[serde(flatten)]
    pub counters: EdgeCounters,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}
