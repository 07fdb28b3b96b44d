//! Packets, byte by byte correct unless a test says otherwise.
//!
//! ```
//! use bulkhead_testkit::{Packet, TcpFlags};
//! let syn = Packet::tcp("10.0.0.1:40000", "10.0.0.2:6379", TcpFlags::SYN).bytes();
//! assert_eq!(syn.len(), 14 + 20 + 20);
//! ```

use std::net::{IpAddr, SocketAddr};

use etherparse::{IpNumber, PacketBuilder, PacketBuilderStep, ether_type};

/// TCP flags as the low byte of the header has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// The first packet of a connection.
    pub const SYN: Self = Self(0x02);
    /// Its answer.
    pub const SYN_ACK: Self = Self(0x12);
    /// An established connection's packet.
    pub const ACK: Self = Self(0x10);
    /// The same with data.
    pub const PSH_ACK: Self = Self(0x18);
    /// One side is done.
    pub const FIN_ACK: Self = Self(0x11);
    /// Aborted.
    pub const RST: Self = Self(0x04);
    /// Aborted in answer to something.
    pub const RST_ACK: Self = Self(0x14);
}

#[derive(Debug, Clone)]
enum Transport {
    Tcp { ports: (u16, u16), flags: TcpFlags, sequence: u32, acknowledgement: u32 },
    Udp { ports: (u16, u16) },
    Icmp { kind: u8, code: u8, rest: [u8; 4] },
    Raw { protocol: u8 },
}

/// An Ethernet frame in the making.
#[derive(Debug, Clone)]
pub struct Packet {
    macs: ([u8; 6], [u8; 6]),
    vlan: Option<u16>,
    source: IpAddr,
    destination: IpAddr,
    hop_limit: u8,
    transport: Transport,
    payload: Vec<u8>,
}

impl Packet {
    /// A TCP segment. Addresses as `10.0.0.1:80` or `[fd00::1]:80`, both of one family.
    ///
    /// # Panics
    /// When an address cannot be parsed or the families differ.
    #[must_use]
    pub fn tcp(source: &str, destination: &str, flags: TcpFlags) -> Self {
        let (from, to) = sockets(source, destination);
        let ports = (from.port(), to.port());
        Self::new(from.ip(), to.ip(), Transport::Tcp { ports, flags, sequence: 1, acknowledgement: 1 })
    }

    /// A UDP datagram.
    ///
    /// # Panics
    /// As [`Packet::tcp`].
    #[must_use]
    pub fn udp(source: &str, destination: &str) -> Self {
        let (from, to) = sockets(source, destination);
        Self::new(from.ip(), to.ip(), Transport::Udp { ports: (from.port(), to.port()) })
    }

    /// An ICMP or (between IPv6 addresses) ICMPv6 message; `rest` is the second header word.
    ///
    /// # Panics
    /// When an address cannot be parsed or the families differ.
    #[must_use]
    pub fn icmp(source: &str, destination: &str, kind: u8, code: u8, rest: [u8; 4]) -> Self {
        let (from, to) = addresses(source, destination);
        Self::new(from, to, Transport::Icmp { kind, code, rest })
    }

    /// Any other IP protocol by number (SCTP is 132); the payload is what follows the IP header.
    ///
    /// # Panics
    /// When an address cannot be parsed or the families differ.
    #[must_use]
    pub fn ip(source: &str, destination: &str, protocol: u8) -> Self {
        let (from, to) = addresses(source, destination);
        Self::new(from, to, Transport::Raw { protocol })
    }

    fn new(source: IpAddr, destination: IpAddr, transport: Transport) -> Self {
        assert_eq!(source.is_ipv4(), destination.is_ipv4(), "one packet, one family");
        let macs = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        Self { macs, vlan: None, source, destination, hop_limit: 64, transport, payload: Vec::new() }
    }

    /// The bytes behind the transport header.
    #[must_use]
    pub fn payload(mut self, payload: impl AsRef<[u8]>) -> Self {
        payload.as_ref().clone_into(&mut self.payload);
        self
    }

    /// Source and destination hardware addresses.
    #[must_use]
    pub fn macs(mut self, source: [u8; 6], destination: [u8; 6]) -> Self {
        self.macs = (source, destination);
        self
    }

    /// An 802.1Q tag.
    #[must_use]
    pub fn vlan(mut self, id: u16) -> Self {
        self.vlan = Some(id);
        self
    }

    /// TTL or hop limit; 64 otherwise.
    #[must_use]
    pub fn hop_limit(mut self, hops: u8) -> Self {
        self.hop_limit = hops;
        self
    }

    /// TCP sequence and acknowledgement numbers; 1 and 1 otherwise.
    #[must_use]
    pub fn sequence(mut self, number: u32, answer: u32) -> Self {
        if let Transport::Tcp { sequence, acknowledgement, .. } = &mut self.transport {
            (*sequence, *acknowledgement) = (number, answer);
        }
        self
    }

    /// The same packet in the other direction: addresses, ports and hardware addresses swapped, no payload.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.macs = (self.macs.1, self.macs.0);
        (self.source, self.destination) = (self.destination, self.source);
        if let Transport::Tcp { ports, .. } | Transport::Udp { ports } = &mut self.transport {
            *ports = (ports.1, ports.0);
        }
        self.payload.clear();
        self
    }

    /// The frame, checksums right.
    ///
    /// # Panics
    /// When a VLAN id or the length is out of range.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let ethernet = PacketBuilder::ethernet2(self.macs.0, self.macs.1);
        match self.vlan {
            Some(id) => self.address(ethernet.single_vlan(id.try_into().expect("a VLAN id has 12 bits"))),
            None => self.address_untagged(ethernet),
        }
    }

    fn address(&self, step: PacketBuilderStep<etherparse::VlanHeader>) -> Vec<u8> {
        self.finish(match (self.source, self.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => step.ipv4(from.octets(), to.octets(), self.hop_limit),
            (IpAddr::V6(from), IpAddr::V6(to)) => step.ipv6(from.octets(), to.octets(), self.hop_limit),
            _ => unreachable!("checked when the packet was made"),
        })
    }

    fn address_untagged(&self, step: PacketBuilderStep<etherparse::Ethernet2Header>) -> Vec<u8> {
        self.finish(match (self.source, self.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => step.ipv4(from.octets(), to.octets(), self.hop_limit),
            (IpAddr::V6(from), IpAddr::V6(to)) => step.ipv6(from.octets(), to.octets(), self.hop_limit),
            _ => unreachable!("checked when the packet was made"),
        })
    }

    fn finish(&self, step: PacketBuilderStep<etherparse::IpHeaders>) -> Vec<u8> {
        let mut frame = Vec::with_capacity(128 + self.payload.len());
        let written = match self.transport {
            Transport::Tcp { ports, flags, sequence, acknowledgement } => {
                let mut header = etherparse::TcpHeader::new(ports.0, ports.1, sequence, 65_000);
                header.acknowledgment_number = acknowledgement;
                header.fin = flags.0 & 0x01 != 0;
                header.syn = flags.0 & 0x02 != 0;
                header.rst = flags.0 & 0x04 != 0;
                header.psh = flags.0 & 0x08 != 0;
                header.ack = flags.0 & 0x10 != 0;
                header.urg = flags.0 & 0x20 != 0;
                header.ece = flags.0 & 0x40 != 0;
                header.cwr = flags.0 & 0x80 != 0;
                step.tcp_header(header).write(&mut frame, &self.payload)
            }
            Transport::Udp { ports } => step.udp(ports.0, ports.1).write(&mut frame, &self.payload),
            Transport::Icmp { kind, code, rest } if self.source.is_ipv4() => {
                step.icmpv4_raw(kind, code, rest).write(&mut frame, &self.payload)
            }
            Transport::Icmp { kind, code, rest } => {
                step.icmpv6_raw(kind, code, rest).write(&mut frame, &self.payload)
            }
            Transport::Raw { protocol } => step.write(&mut frame, IpNumber(protocol), &self.payload),
        };
        written.expect("a packet that fits its length fields");
        frame
    }

    /// An IPv4 datagram cut in two fragments at `first_bytes` (rounded down to a multiple of 8) behind the IP header,
    /// with the given identification. Fragments are complete frames.
    ///
    /// # Panics
    /// For IPv6 packets, and when there is nothing to cut.
    #[must_use]
    pub fn fragments_v4(&self, identification: u16, first_bytes: usize) -> [Vec<u8>; 2] {
        let whole = self.bytes();
        let start = if self.vlan.is_some() { 18 } else { 14 };
        assert_eq!(whole[start] >> 4, 4, "only IPv4 is fragmented by this");
        let body = start + usize::from(whole[start] & 15) * 4;
        let cut = first_bytes / 8 * 8;
        assert!(cut > 0 && body + cut < whole.len(), "nothing to cut");
        let piece = |from: usize, to: usize, more: bool| {
            let mut frame = whole[..body].to_vec();
            frame.extend(&whole[body + from..body + to]);
            let length = u16::try_from(frame.len() - start).expect("shorter than the whole");
            frame[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
            frame[start + 4..start + 6].copy_from_slice(&identification.to_be_bytes());
            let offset = u16::try_from(from / 8).expect("an offset of an IP packet") | u16::from(more) << 13;
            frame[start + 6..start + 8].copy_from_slice(&offset.to_be_bytes());
            frame[start + 10..start + 12].fill(0);
            let sum = internet_checksum(&frame[start..body]);
            frame[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
            frame
        };
        [piece(0, cut, true), piece(cut, whole.len() - body, false)]
    }

    /// An ARP request who-has `target` tell `sender`.
    ///
    /// # Panics
    /// When an address is not IPv4.
    #[must_use]
    pub fn arp_request(mac: [u8; 6], sender: &str, target: &str) -> Vec<u8> {
        let (IpAddr::V4(from), IpAddr::V4(to)) = addresses(sender, target) else { panic!("ARP is for IPv4") };
        let mut frame = vec![0xff; 6];
        frame.extend(mac);
        frame.extend(ether_type::ARP.0.to_be_bytes());
        frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
        frame.extend(mac);
        frame.extend(from.octets());
        frame.extend([0; 6]);
        frame.extend(to.octets());
        frame
    }
}

/// RFC 1071.
fn internet_checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded to sixteen bits")
}

fn sockets(source: &str, destination: &str) -> (SocketAddr, SocketAddr) {
    let parse = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text}: expected ADDRESS:PORT"));
    (parse(source), parse(destination))
}

fn addresses(source: &str, destination: &str) -> (IpAddr, IpAddr) {
    let parse = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text}: expected an IP address"));
    (parse(source), parse(destination))
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};

    #[test]
    fn a_segment_parses_as_what_it_was_built_from_in_both_families() {
        for (from, to) in [("10.0.0.1:4000", "10.0.0.2:80"), ("[fd00::1]:4000", "[fd00::2]:80")] {
            let frame = Packet::tcp(from, to, TcpFlags::SYN).payload("hello").bytes();
            let parsed = SlicedPacket::from_ethernet(&frame).expect("a frame");
            let Some(TransportSlice::Tcp(tcp)) = parsed.transport else { panic!("no TCP in {parsed:?}") };
            assert_eq!((tcp.source_port(), tcp.destination_port()), (4000, 80));
            assert!(tcp.syn() && !tcp.ack());
            assert_eq!(tcp.payload(), b"hello");
        }
    }

    #[test]
    fn fragments_carry_correct_header_checksums_and_together_the_whole() {
        let packet = Packet::udp("10.0.0.1:1", "10.0.0.2:2").payload([7; 64]);
        let [first, second] = packet.fragments_v4(9, 16);
        assert_eq!(internet_checksum(&first[14..34]), 0);
        assert_eq!(internet_checksum(&second[14..34]), 0);
        assert_eq!([&first[34..], &second[34..]].concat(), packet.bytes()[34..]);
        let Some(NetSlice::Ipv4(header)) = SlicedPacket::from_ethernet(&second).expect("a frame").net else {
            panic!("no IPv4")
        };
        assert_eq!(header.header().fragments_offset().value(), 2);
    }

    #[test]
    fn a_reversed_packet_comes_from_where_the_first_went() {
        let there = Packet::udp("10.0.0.1:1000", "10.0.0.2:53");
        assert_eq!(there.clone().reversed().bytes(), {
            Packet::udp("10.0.0.2:53", "10.0.0.1:1000").macs(there.macs.1, there.macs.0).bytes()
        });
    }

    #[test]
    fn a_tag_adds_four_bytes_and_keeps_the_rest() {
        let plain = Packet::ip("10.0.0.1", "10.0.0.2", 132).payload([1; 12]);
        let tagged = plain.clone().vlan(7).bytes();
        assert_eq!(tagged[12..16], [0x81, 0, 0, 7]);
        assert_eq!(tagged[18..], plain.bytes()[14..]);
    }
}
