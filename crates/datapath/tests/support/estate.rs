//! Who has which address in the differential test, and packets of any protocol between them.

use super::random::{ADDRESSES, NETS, Random};
use bulkhead_model::{Identity, IpProtocol, ServiceName};
use bulkhead_policy::compiled::CompiledPolicy;
use bulkhead_policy::{Inventory, PeerAddress, Remote, Traffic};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The workload under test.
pub(crate) const LOCAL: [&str; 2] = ["10.0.0.2", "fd00::2"];
pub(crate) const MULTICAST: [&str; 2] = ["224.0.0.251", "ff02::fb"];
const MANY: [[&str; 4]; 2] = [
    ["224.0.0.251", "239.255.255.250", "255.255.255.255", "232.0.0.1"],
    ["ff02::fb", "ff02::1", "ff05::2", "ff0e::1"],
];
/// The last identity of a service that the generator gives, and more.
const LAST: u32 = 400;
/// Of a service that no table names.
const STRANGER: Identity = Identity(9_999);

/// The other end of a packet: as the evaluator and as the kernel know it.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) remote: Remote,
    pub(crate) address: IpAddr,
    /// `None`: the ranges decide.
    identity: Option<Identity>,
}

impl End {
    pub(crate) fn peer_address(&self) -> PeerAddress {
        self.identity.map_or(PeerAddress::Address(self.address), PeerAddress::Known)
    }

    pub(crate) fn identity(&self, compiled: &CompiledPolicy) -> Identity {
        self.identity.unwrap_or_else(|| compiled.external_identity(self.address))
    }
}

pub(crate) fn own_address(v6: bool) -> IpAddr {
    LOCAL[usize::from(v6)].parse().expect("an address")
}

fn address_of(identity: Identity, v6: bool) -> IpAddr {
    let number = u16::try_from(identity.0).expect("small");
    match v6 {
        true => Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, number).into(),
        false => {
            let [high, low] = number.to_be_bytes();
            Ipv4Addr::new(10, 1, high, low).into()
        }
    }
}

fn known(remote: Remote, identity: Identity, v6: bool) -> End {
    End { remote, address: address_of(identity, v6), identity: Some(identity) }
}

/// Every address that belongs to somebody, beside the workload's own.
pub(crate) fn owners() -> Vec<(IpAddr, Identity)> {
    let fixed = [Identity::UNKNOWN, Identity::HOST, Identity::REMOTE_HOST, STRANGER];
    let services = (Identity::FIRST_SERVICE..=LAST).map(Identity);
    fixed
        .into_iter()
        .chain(services)
        .flat_map(|identity| [false, true].map(|v6| (address_of(identity, v6), identity)))
        .collect()
}

pub(crate) fn other_end(random: &mut Random, inventory: &Inventory, v6: bool) -> End {
    match random.below(20) {
        0..=8 => {
            let services: Vec<_> = inventory.services().map(|s| (s.name.clone(), s.identity)).collect();
            let (name, identity) = random.pick(&services);
            known(Remote::Service(name), identity, v6)
        }
        9 => {
            let name = ServiceName::new("elsewhere", "stranger").expect("valid");
            known(Remote::Service(name), STRANGER, v6)
        }
        10 => known(Remote::Host, Identity::HOST, v6),
        11 => known(Remote::RemoteHost, Identity::REMOTE_HOST, v6),
        12 => known(Remote::Unknown, Identity::UNKNOWN, v6),
        13 => {
            let address = random.pick(&MANY[usize::from(v6)]).parse().expect("an address");
            End { remote: Remote::Multicast, address, identity: Some(Identity::MULTICAST) }
        }
        _ => {
            let address = external(random, v6);
            End { remote: Remote::address(address), address, identity: None }
        }
    }
}

/// Addresses that rules speak of, and those at both edges of every range.
fn external(random: &mut Random, v6: bool) -> IpAddr {
    loop {
        let address = match random.one_in(2) {
            true => random.pick(&ADDRESSES).parse().expect("an address"),
            false => {
                let net: IpNet = random.pick(&NETS).parse().expect("a range");
                let edge = if random.one_in(2) { net.network() } else { net.broadcast() };
                let step = random.below(3) as i32 - 1;
                beside(edge, step)
            }
        };
        let usual = !address.is_unspecified()
            && !address.is_multicast()
            && address != IpAddr::V4(Ipv4Addr::BROADCAST)
            && !matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        if address.is_ipv6() == v6 && usual {
            return address;
        }
    }
}

fn beside(address: IpAddr, step: i32) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits().wrapping_add_signed(step)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits().wrapping_add_signed(step.into())).into(),
    }
}

/// A message or another protocol that begins something: errors belong to flows, and neighbour discovery to nobody.
pub(crate) fn without_ports(random: &mut Random, traffic: Traffic, v6: bool) -> (IpProtocol, u16) {
    if !traffic.protocol.is_icmp() {
        return (random.pick(&[traffic.protocol, IpProtocol(4), IpProtocol(50), IpProtocol(112)]), 0);
    }
    let protocol = match (random.one_in(8), v6) {
        (true, _) => traffic.protocol,
        (false, true) => IpProtocol::ICMPV6,
        (false, false) => IpProtocol::ICMP,
    };
    let [kind, code] = traffic.port.to_be_bytes();
    let message = match (protocol, kind) {
        (_, 3) => 13 << 8 | u16::from(code),
        // Answers that nobody asked for have no code to the kernel.
        (IpProtocol::ICMP, 0) => 0,
        _ => traffic.port,
    };
    (protocol, message)
}

/// A packet without payload.
pub(crate) struct Frame {
    pub(crate) source: (IpAddr, u16),
    pub(crate) destination: (IpAddr, u16),
    pub(crate) protocol: IpProtocol,
    /// Type and code.
    pub(crate) icmp: u16,
    pub(crate) identifier: u16,
    pub(crate) opens: bool,
}

impl Frame {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut transport = [0_u8; 20];
        if self.protocol.is_icmp() {
            transport[..2].copy_from_slice(&self.icmp.to_be_bytes());
            transport[4..6].copy_from_slice(&self.identifier.to_be_bytes());
        } else if self.protocol.has_ports() {
            transport[..2].copy_from_slice(&self.source.1.to_be_bytes());
            transport[2..4].copy_from_slice(&self.destination.1.to_be_bytes());
            if self.protocol == IpProtocol::TCP {
                transport[12] = 5 << 4;
                transport[13] = if self.opens { 0x02 } else { 0x10 };
            }
        }
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        match (self.source.0, self.destination.0) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                frame.extend([8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, self.protocol.0, 0, 0]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, self.protocol.0, 64]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
            }
            other => panic!("one packet, one family: {other:?}"),
        }
        frame.extend(transport);
        frame
    }
}
