use crate::netlink::{Socket, attributes, u32_at};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// An interface as its namespace sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceInterface {
    pub ifindex: u32,
    /// The interface it is linked to: the other end of a veth pair, the parent of a macvlan (`IFLA_LINK`). The number
    /// is of the namespace where that one lives.
    pub link_ifindex: Option<u32>,
    /// Whether the linked interface is in another namespace (`IFLA_LINK_NETNSID` is present). For a container's veth
    /// it is, and `link_ifindex` is then the number of its host's end, unless containers are nested.
    pub link_elsewhere: bool,
    pub mac: Option<[u8; 6]>,
    /// Of both families, link-local ones too.
    pub addresses: Vec<IpAddr>,
    pub name: Box<str>,
    /// `veth`, `macvlan`, `ipvlan`, `bridge`, ...; `None` for loopback and physical devices.
    pub kind: Option<Box<str>>,
    /// Administratively up (`IFF_UP`).
    pub up: bool,
    pub loopback: bool,
}

impl NamespaceInterface {
    /// Whether what is sent there never comes by an interface of the host: a macvlan, ipvlan or VLAN whose parent is
    /// elsewhere, or a device that was moved in (SR-IOV). What a container makes for itself sends by its other interfaces.
    pub fn passes_by_the_host(&self) -> bool {
        let moved_in = self.kind.is_none() && !self.loopback;
        let child = self.link_elsewhere && self.kind.as_deref() != Some("veth");
        self.up && (moved_in || child)
    }
}

const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const NEW_ADDRESS: u16 = 20;
const GET_ADDRESS: u16 = 22;

/// `struct ifinfomsg` and `struct ifaddrmsg` (linux/rtnetlink.h, linux/if_addr.h).
const LINK_HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;

const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;

pub(super) fn list(socket: &mut Socket) -> io::Result<Vec<NamespaceInterface>> {
    let links = socket.list(GET_LINK, &[0; LINK_HEADER])?;
    let mut interfaces: Vec<_> = links
        .iter()
        .filter(|(kind, _)| *kind == NEW_LINK)
        .filter_map(|(_, message)| parse_link(message))
        .collect();
    for (kind, message) in socket.list(GET_ADDRESS, &[0; ADDRESS_HEADER])? {
        let Some((ifindex, address)) = parse_address(&message).filter(|_| kind == NEW_ADDRESS) else {
            continue;
        };
        if let Some(interface) = interfaces.iter_mut().find(|i| i.ifindex == ifindex) {
            interface.addresses.push(address);
        }
    }
    Ok(interfaces)
}

fn parse_link(message: &[u8]) -> Option<NamespaceInterface> {
    const ADDRESS: u16 = 1;
    const NAME: u16 = 3;
    const LINK: u16 = 5;
    const INFO: u16 = 18;
    const LINK_NETNSID: u16 = 37;
    const INFO_KIND: u16 = 1;

    let ifindex = u32_at(message, 4)?;
    let flags = u32_at(message, 8)?;
    let mut interface = NamespaceInterface {
        ifindex,
        link_ifindex: None,
        link_elsewhere: false,
        mac: None,
        addresses: Vec::new(),
        name: "".into(),
        kind: None,
        up: flags & IFF_UP != 0,
        loopback: flags & IFF_LOOPBACK != 0,
    };
    for (kind, value) in attributes(message, LINK_HEADER) {
        match kind {
            ADDRESS if !interface.loopback => interface.mac = value.try_into().ok(),
            NAME => interface.name = text(value),
            LINK => interface.link_ifindex = u32_at(value, 0).filter(|index| *index != 0),
            LINK_NETNSID => interface.link_elsewhere = true,
            INFO => {
                interface.kind =
                    attributes(value, 0).find(|(kind, _)| *kind == INFO_KIND).map(|(_, v)| text(v))
            }
            _ => {}
        }
    }
    Some(interface)
}

fn parse_address(message: &[u8]) -> Option<(u32, IpAddr)> {
    const ADDRESS: u16 = 1;
    const LOCAL: u16 = 2;

    let ifindex = u32_at(message, 4)?;
    // On a point-to-point link ADDRESS is the peer's and LOCAL ours; elsewhere they are equal, or LOCAL is missing.
    let mut found = None;
    for (kind, value) in attributes(message, ADDRESS_HEADER) {
        match kind {
            LOCAL => found = address(value).or(found),
            ADDRESS if found.is_none() => found = address(value),
            _ => {}
        }
    }
    let found = found?;
    // `ifaddrmsg.ifa_family` must agree with the length, or the message is not what it seems.
    let family = u16::from(*message.first()?);
    (family == if found.is_ipv4() { 2 } else { 10 }).then_some((ifindex, found))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => bytes.first_chunk().map(|b: &[u8; 4]| Ipv4Addr::from(*b).into()),
        16 => bytes.first_chunk().map(|b: &[u8; 16]| Ipv6Addr::from(*b).into()),
        _ => None,
    }
}

/// Text that ends with a zero byte.
fn text(bytes: &[u8]) -> Box<str> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = ((value.len() + 4) as u16).to_ne_bytes().to_vec();
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn link(ifindex: u32, flags: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![0; LINK_HEADER];
        bytes[4..8].copy_from_slice(&ifindex.to_ne_bytes());
        bytes[8..12].copy_from_slice(&flags.to_ne_bytes());
        bytes.extend(attributes.concat());
        bytes
    }

    #[test]
    fn a_containers_veth_names_its_other_end() {
        let message = link(
            2,
            IFF_UP,
            &[
                attribute(3, b"eth0\0"),
                attribute(5, &17u32.to_ne_bytes()),
                attribute(37, &0u32.to_ne_bytes()),
                attribute(1, &[2, 0x42, 0xac, 0x11, 0, 2]),
                attribute(18, &attribute(1, b"veth")),
            ],
        );
        let interface = parse_link(&message).expect("a link");
        assert_eq!(&*interface.name, "eth0");
        assert_eq!(interface.link_ifindex, Some(17));
        assert!(interface.link_elsewhere && interface.up && !interface.loopback);
        assert_eq!(interface.mac, Some([2, 0x42, 0xac, 0x11, 0, 2]));
        assert_eq!(interface.kind.as_deref(), Some("veth"));
    }

    #[test]
    fn the_local_address_of_a_point_to_point_link_is_ours_not_the_peers() {
        let mut message = vec![2, 24, 0, 0];
        message.extend_from_slice(&5u32.to_ne_bytes());
        message.extend(attribute(1, &[10, 0, 0, 1]));
        message.extend(attribute(2, &[10, 0, 0, 2]));
        assert_eq!(parse_address(&message), Some((5, "10.0.0.2".parse().expect("an address"))));
    }

    #[test]
    fn an_address_whose_family_contradicts_its_length_is_left_out() {
        let mut message = vec![10, 24, 0, 0];
        message.extend_from_slice(&5u32.to_ne_bytes());
        message.extend(attribute(1, &[10, 0, 0, 1]));
        assert_eq!(parse_address(&message), None);
    }

    #[test]
    fn truncated_messages_are_no_interfaces() {
        let whole = link(2, IFF_UP, &[attribute(3, b"eth0\0")]);
        for length in 0..12 {
            assert!(parse_link(&whole[..length]).is_none());
        }
    }
}
