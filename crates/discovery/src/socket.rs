//! Sockets of a network namespace, by `NETLINK_SOCK_DIAG`.
//!
//! TCP and UDP, both families. An IPv4 connection of an IPv6 socket (`::ffff:10.0.0.1`) is shown as IPv4.

mod diagnosis;

use crate::namespace::{Namespace, NamespaceError};
use bulkhead_model::{Direction, FlowTuple, IpProtocol};
use diagnosis::{FoundSocket, State};
use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
};

/// A connection as one of its ends sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketTuple {
    pub protocol: IpProtocol,
    pub local: SocketAddr,
    pub remote: SocketAddr,
}

impl SocketTuple {
    /// The flow as the workload sees it to which it goes (`Ingress`) or which opened it (`Egress`).
    pub fn of_flow(flow: &FlowTuple, direction: Direction) -> Self {
        let client = SocketAddr::new(flow.client_address, flow.client_port);
        let server = SocketAddr::new(flow.server_address, flow.server_port);
        let (local, remote) = match direction {
            Direction::Egress => (client, server),
            Direction::Ingress => (server, client),
        };
        Self { protocol: flow.protocol, local, remote }
    }
}

/// A port that is served in the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Listener {
    pub protocol: IpProtocol,
    /// Unspecified (`0.0.0.0`, `::`) where it listens on every address. `::` usually serves IPv4 too.
    pub address: IpAddr,
    pub port: u16,
    pub inode: u64,
}

/// A connection that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Connection {
    pub protocol: IpProtocol,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// `Ingress`: the other end opened it.
    pub direction: Direction,
    /// 0 while no process has accepted it.
    pub inode: u64,
}

/// What a namespace serves and what it is connected to, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sockets {
    pub listening: Vec<Listener>,
    pub established: Vec<Connection>,
}

/// Lists the sockets of the namespace, to adopt connections that were open before anybody watched.
///
/// The direction is the true one: a connection on a port that is listened on came from outside. A UDP socket that is
/// not connected counts as a listener unless its port is an ephemeral one, which clients have. Connections in
/// TIME_WAIT are over and not listed.
pub fn listeners_and_connections(namespace: &Namespace) -> Result<Sockets, NamespaceError> {
    let found = namespace.diagnose("for its sockets", diagnosis::all)?;
    Ok(sort(&found, &namespace.ephemeral_ports()))
}

/// The inode of the socket behind a connection: of the connection itself, else of the listener that is about to get it.
/// `None` where there is no such socket any more, or the protocol has none that could be found.
pub fn inode_of(namespace: &Namespace, tuple: &SocketTuple) -> Result<Option<u64>, NamespaceError> {
    if !matches!(tuple.protocol, IpProtocol::TCP | IpProtocol::UDP)
        || tuple.local.is_ipv4() != tuple.remote.is_ipv4()
    {
        return Ok(None);
    }
    let found = namespace.diagnose("for a socket", |socket| diagnosis::one(socket, tuple))?;
    Ok(found.map(|socket| socket.inode).filter(|inode| *inode != 0))
}

fn sort(found: &[FoundSocket], ephemeral: &RangeInclusive<u16>) -> Sockets {
    let listens = |socket: &FoundSocket| match (socket.protocol, socket.state) {
        (IpProtocol::TCP, state) => state == State::LISTEN,
        (_, state) => state == State::CLOSE && !ephemeral.contains(&socket.local.port()),
    };
    let open = |socket: &FoundSocket| match socket.protocol {
        IpProtocol::TCP => {
            !matches!(socket.state, State::LISTEN | State::CLOSE | State::TIME_WAIT)
                && socket.remote.port() != 0
        }
        _ => socket.state == State::ESTABLISHED,
    };
    let listening: Vec<_> = found
        .iter()
        .filter(|socket| listens(socket) && socket.local.port() != 0)
        .map(|socket| Listener {
            protocol: socket.protocol,
            address: socket.local.ip(),
            port: socket.local.port(),
            inode: socket.inode,
        })
        .collect();
    let served: HashSet<_> = listening.iter().map(|l| (l.protocol, l.port)).collect();
    let direction = |socket: &FoundSocket| {
        let by_port = served.contains(&(socket.protocol, socket.local.port()))
            // The listener has gone and left its connections, as a server does that is being replaced.
            || !ephemeral.contains(&socket.local.port()) && ephemeral.contains(&socket.remote.port());
        match socket.state {
            State::SYN_SENT if socket.protocol == IpProtocol::TCP => Direction::Egress,
            State::SYN_RECV | State::NEW_SYN_RECV => Direction::Ingress,
            _ if by_port => Direction::Ingress,
            _ => Direction::Egress,
        }
    };
    let established = found
        .iter()
        .filter(|socket| open(socket))
        .map(|socket| Connection {
            protocol: socket.protocol,
            local: socket.local,
            remote: socket.remote,
            direction: direction(socket),
            inode: socket.inode,
        })
        .collect();
    Sockets { listening, established }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(protocol: IpProtocol, state: State, local: &str, remote: &str) -> FoundSocket {
        FoundSocket {
            protocol,
            state,
            local: local.parse().expect("an address"),
            remote: remote.parse().expect("an address"),
            inode: 1,
        }
    }

    fn directions(found: &[FoundSocket]) -> Vec<Direction> {
        sort(found, &(32768..=60999)).established.iter().map(|c| c.direction).collect()
    }

    #[test]
    fn a_connection_on_a_port_that_is_listened_on_came_from_outside() {
        let found = [
            socket(IpProtocol::TCP, State::LISTEN, "[::]:6379", "[::]:0"),
            socket(IpProtocol::TCP, State::ESTABLISHED, "172.18.0.2:6379", "172.18.0.3:40000"),
            socket(IpProtocol::TCP, State::ESTABLISHED, "172.18.0.2:40001", "172.18.0.4:6379"),
        ];
        assert_eq!(directions(&found), [Direction::Ingress, Direction::Egress]);
    }

    #[test]
    fn a_listener_on_an_ephemeral_port_still_makes_its_connections_incoming() {
        let found = [
            socket(IpProtocol::TCP, State::LISTEN, "0.0.0.0:50051", "0.0.0.0:0"),
            socket(IpProtocol::TCP, State::ESTABLISHED, "172.18.0.2:50051", "172.18.0.3:40000"),
        ];
        assert_eq!(directions(&found), [Direction::Ingress]);
    }

    #[test]
    fn connections_of_a_listener_that_has_gone_are_still_incoming() {
        let found = [socket(IpProtocol::TCP, State::ESTABLISHED, "172.18.0.2:80", "172.18.0.3:40000")];
        assert_eq!(directions(&found), [Direction::Ingress]);
    }

    #[test]
    fn listening_on_a_port_for_tcp_says_nothing_about_udp() {
        let found = [
            socket(IpProtocol::TCP, State::LISTEN, "0.0.0.0:40000", "0.0.0.0:0"),
            socket(IpProtocol::UDP, State::ESTABLISHED, "172.18.0.2:40000", "172.18.0.3:53"),
        ];
        assert_eq!(directions(&found), [Direction::Egress]);
    }

    #[test]
    fn an_unconnected_udp_socket_listens_only_below_the_ephemeral_ports() {
        let found = [
            socket(IpProtocol::UDP, State::CLOSE, "0.0.0.0:53", "0.0.0.0:0"),
            socket(IpProtocol::UDP, State::CLOSE, "0.0.0.0:45000", "0.0.0.0:0"),
        ];
        let sockets = sort(&found, &(32768..=60999));
        assert_eq!(sockets.listening.iter().map(|l| l.port).collect::<Vec<_>>(), [53]);
        assert!(sockets.established.is_empty());
    }

    #[test]
    fn connections_in_time_wait_are_over() {
        let found = [socket(IpProtocol::TCP, State::TIME_WAIT, "172.18.0.2:40000", "172.18.0.3:80")];
        assert!(sort(&found, &(32768..=60999)).established.is_empty());
    }

    #[test]
    fn half_open_connections_know_their_direction_without_a_listener() {
        let found = [
            socket(IpProtocol::TCP, State::SYN_SENT, "172.18.0.2:80", "172.18.0.3:40000"),
            socket(IpProtocol::TCP, State::NEW_SYN_RECV, "172.18.0.2:40000", "172.18.0.3:80"),
        ];
        assert_eq!(directions(&found), [Direction::Egress, Direction::Ingress]);
    }
}
