//! Questions and answers of `NETLINK_SOCK_DIAG` (linux/inet_diag.h).

use super::SocketTuple;
use crate::netlink::{Socket, u32_at};
use bulkhead_model::IpProtocol;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// A TCP state of the kernel (net/tcp_states.h); UDP uses `ESTABLISHED` for connected and `CLOSE` for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State(u8);

impl State {
    pub(super) const ESTABLISHED: State = State(1);
    pub(super) const SYN_SENT: State = State(2);
    pub(super) const SYN_RECV: State = State(3);
    pub(super) const TIME_WAIT: State = State(6);
    pub(super) const CLOSE: State = State(7);
    pub(super) const LISTEN: State = State(10);
    pub(super) const NEW_SYN_RECV: State = State(12);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FoundSocket {
    pub(super) protocol: IpProtocol,
    pub(super) state: State,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) inode: u64,
}

const BY_FAMILY: u16 = 20;
const INET: u8 = 2;
const INET6: u8 = 10;
const ALL_STATES: u32 = u32::MAX;
const UNSPECIFIED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Every TCP and UDP socket of the namespace.
pub(super) fn all(socket: &mut Socket) -> io::Result<Vec<FoundSocket>> {
    let mut found = Vec::new();
    for protocol in [IpProtocol::TCP, IpProtocol::UDP] {
        for family in [INET, INET6] {
            let answers = socket.list(BY_FAMILY, &question(family, protocol, UNSPECIFIED, UNSPECIFIED))?;
            found.extend(answers.iter().filter_map(|(_, message)| parse(protocol, message)));
        }
    }
    Ok(found)
}

/// The socket of one connection, or the listener that will get it.
pub(super) fn one(socket: &mut Socket, tuple: &SocketTuple) -> io::Result<Option<FoundSocket>> {
    if let IpAddr::V6(address) = tuple.remote.ip()
        && address.is_unicast_link_local()
    {
        // Such a socket is bound to its interface, and the kernel wants that number in the question.
        return Ok(all(socket)?.into_iter().find(|found| {
            found.protocol == tuple.protocol && found.local == tuple.local && found.remote == tuple.remote
        }));
    }
    let family = if tuple.local.is_ipv4() { INET } else { INET6 };
    let unspecified: IpAddr =
        if tuple.local.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let mut ask = |local: SocketAddr, remote: SocketAddr| {
        // For UDP the kernel reads source and destination the other way round (`udp_dump_one`, "for historical
        // reasons").
        let (from, to) = if tuple.protocol == IpProtocol::UDP { (remote, local) } else { (local, remote) };
        let answer = socket.one(BY_FAMILY, &question(family, tuple.protocol, from, to))?;
        Ok::<_, io::Error>(answer.and_then(|message| parse(tuple.protocol, &message)))
    };
    match ask(tuple.local, tuple.remote)? {
        Some(found) if found.inode != 0 && found.local.port() == tuple.local.port() => Ok(Some(found)),
        // A TCP connection that nobody has accepted yet, or that is over, belongs to no process; its listener does.
        _ if tuple.protocol == IpProtocol::TCP => {
            let listener = ask(tuple.local, SocketAddr::new(unspecified, 0))?;
            Ok(listener
                .filter(|found| found.state == State::LISTEN && found.local.port() == tuple.local.port()))
        }
        _ => Ok(None),
    }
}

/// `struct inet_diag_req_v2`.
fn question(family: u8, protocol: IpProtocol, from: SocketAddr, to: SocketAddr) -> [u8; 56] {
    let mut bytes = [0; 56];
    bytes[0] = family;
    bytes[1] = protocol.0;
    bytes[4..8].copy_from_slice(&ALL_STATES.to_ne_bytes());
    bytes[8..10].copy_from_slice(&from.port().to_be_bytes());
    bytes[10..12].copy_from_slice(&to.port().to_be_bytes());
    put(&mut bytes[12..28], from.ip());
    put(&mut bytes[28..44], to.ip());
    bytes[48..].fill(0xff); // INET_DIAG_NOCOOKIE
    bytes
}

fn put(bytes: &mut [u8], address: IpAddr) {
    match address {
        IpAddr::V4(address) => bytes[..4].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => bytes.copy_from_slice(&address.octets()),
    }
}

/// `struct inet_diag_msg`.
fn parse(protocol: IpProtocol, message: &[u8]) -> Option<FoundSocket> {
    let family = *message.first()?;
    let port = |at: usize| Some(u16::from_be_bytes(*message.get(at..)?.first_chunk()?));
    let address = |at: usize| -> Option<IpAddr> {
        let bytes = message.get(at..)?;
        match family {
            INET => Some(Ipv4Addr::from(*bytes.first_chunk::<4>()?).into()),
            INET6 => Some(Ipv6Addr::from(*bytes.first_chunk::<16>()?).to_canonical()),
            _ => None,
        }
    };
    Some(FoundSocket {
        protocol,
        state: State(*message.get(1)?),
        local: SocketAddr::new(address(8)?, port(4)?),
        remote: SocketAddr::new(address(24)?, port(6)?),
        inode: u32_at(message, 68)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(family: u8, state: u8, local: &[u8], remote: &[u8]) -> Vec<u8> {
        let mut message = vec![0; 72];
        message[0] = family;
        message[1] = state;
        message[4..6].copy_from_slice(&6379u16.to_be_bytes());
        message[6..8].copy_from_slice(&40000u16.to_be_bytes());
        message[8..8 + local.len()].copy_from_slice(local);
        message[24..24 + remote.len()].copy_from_slice(remote);
        message[68..72].copy_from_slice(&77u32.to_ne_bytes());
        message
    }

    #[test]
    fn an_ipv4_connection_of_an_ipv6_socket_is_shown_as_ipv4() {
        let mapped = |last: u8| [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, last];
        let found = parse(IpProtocol::TCP, &answer(INET6, 1, &mapped(1), &mapped(2))).expect("a socket");
        assert_eq!(found.local, "10.0.0.1:6379".parse().expect("an address"));
        assert_eq!(found.remote, "10.0.0.2:40000".parse().expect("an address"));
        assert_eq!((found.state, found.inode), (State::ESTABLISHED, 77));
    }

    #[test]
    fn truncated_answers_and_unknown_families_are_no_sockets() {
        let whole = answer(INET, 1, &[10, 0, 0, 1], &[10, 0, 0, 2]);
        assert!(parse(IpProtocol::TCP, &whole).is_some());
        for length in 0..whole.len() {
            assert_eq!(parse(IpProtocol::TCP, &whole[..length]), None, "{length}");
        }
        assert_eq!(parse(IpProtocol::TCP, &answer(1, 1, &[], &[])), None);
    }
}
