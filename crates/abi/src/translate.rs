//! Between the kernel's numbers and the vocabulary.

use crate::{Address, EGRESS, FlowKey};
use bulkhead_model::{DenyReason, Direction, FlowTuple, IpProtocol, Mode, Verdict};
use std::net::{IpAddr, Ipv6Addr};

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        let v6 = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let o = v6.octets();
        let word = |i: usize| u32::from_ne_bytes([o[i], o[i + 1], o[i + 2], o[i + 3]]);
        Address { word: [word(0), word(4), word(8), word(12)] }
    }
}

impl From<Address> for IpAddr {
    fn from(address: Address) -> Self {
        let mut octets = [0; 16];
        for (chunk, word) in octets.chunks_exact_mut(4).zip(address.word) {
            chunk.copy_from_slice(&word.to_ne_bytes());
        }
        Ipv6Addr::from(octets).to_canonical()
    }
}

impl FlowKey {
    pub const fn protocol(&self) -> IpProtocol {
        IpProtocol((self.endpoint & 0xff) as u8)
    }

    pub const fn ifindex(&self) -> u32 {
        self.endpoint >> 8
    }

    /// The flow as its client and server see it; `port` is the server's as the kernel decided it.
    pub fn tuple(&self, direction: Direction, port: u16) -> FlowTuple {
        let (local, remote) = (IpAddr::from(self.local), IpAddr::from(self.remote));
        let has_ports = self.protocol().has_ports();
        let port_of = |p: u16| if has_ports { u16::from_be(p) } else { 0 };
        let (client_address, client_port, server_address) = match direction {
            Direction::Egress => (local, port_of(self.local_port), remote),
            Direction::Ingress => (remote, port_of(self.remote_port), local),
        };
        FlowTuple {
            protocol: self.protocol(),
            client_address,
            client_port,
            server_address,
            server_port: port,
        }
    }
}

/// The direction of a connection; spoofed packets count as sent by the workload.
pub const fn direction(number: u8) -> Direction {
    if number == crate::INGRESS { Direction::Ingress } else { Direction::Egress }
}

pub const fn direction_number(direction: Direction) -> u8 {
    match direction {
        Direction::Ingress => crate::INGRESS,
        Direction::Egress => EGRESS,
    }
}

pub const fn verdict(number: u8) -> Verdict {
    match number {
        0 => Verdict::Allowed,
        1 => Verdict::WouldDeny,
        _ => Verdict::Denied,
    }
}

pub const fn mode(number: u32) -> Mode {
    match number {
        0 => Mode::Learn,
        1 => Mode::Monitor,
        2 => Mode::Enforce,
        _ => Mode::Quarantine,
    }
}

pub const fn mode_number(mode: Mode) -> u32 {
    match mode {
        Mode::Learn => 0,
        Mode::Monitor => 1,
        Mode::Enforce => 2,
        Mode::Quarantine => 3,
    }
}

pub const fn reason(number: u8) -> Option<DenyReason> {
    Some(match number {
        1 => DenyReason::NoRule,
        2 => DenyReason::Rule,
        3 => DenyReason::Quarantine,
        4 => DenyReason::Spoof,
        5 => DenyReason::Malformed,
        6 => DenyReason::Fragment,
        7 => DenyReason::Unidentified,
        8 => DenyReason::TableFull,
        9 => DenyReason::Unrelated,
        _ => return None,
    })
}
