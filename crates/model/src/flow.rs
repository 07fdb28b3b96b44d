use crate::{
    Application, DenyReason, Direction, IpProtocol, Mode, Peer, Process, RuleRef, Timestamp, Verdict,
};
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr};

/// Addresses and ports of a connection, from its opener to its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FlowTuple {
    pub protocol: IpProtocol,
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub client_address: IpAddr,
    /// 0 for protocols without ports and for ICMP.
    pub client_port: u16,
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub server_address: IpAddr,
    /// As [`crate::EdgeKey::port`].
    pub server_port: u16,
}

impl fmt::Display for FlowTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use std::net::SocketAddr;
        if self.protocol.has_ports() {
            let client = SocketAddr::new(self.client_address, self.client_port);
            let server = SocketAddr::new(self.server_address, self.server_port);
            write!(f, "{} {client} → {server}", self.protocol)
        } else {
            write!(f, "{} {} → {}", self.protocol, self.client_address, self.server_address)
        }
    }
}

/// One connection or datagram exchange as one endpoint saw it. Streams only while somebody asks for flows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FlowRecord {
    pub time: Timestamp,
    pub client: Peer,
    pub server: Peer,
    #[serde(flatten)]
    pub tuple: FlowTuple,
    pub application: Application,
    /// Which side of the connection reported it.
    pub direction: Direction,
    pub verdict: Verdict,
    /// Mode of the reporting side.
    pub mode: Mode,
    /// The rule that decided; 0 where none did.
    pub rule: RuleRef,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DenyReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// Whether this record tells of the end of the flow (then the counters are final).
    pub ended: bool,
    pub packets_to_server: u64,
    pub packets_to_client: u64,
    pub bytes_to_server: u64,
    pub bytes_to_client: u64,
}
