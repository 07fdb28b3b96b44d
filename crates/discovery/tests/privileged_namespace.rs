//! Interfaces, sockets and processes of real network namespaces.

use bulkhead_discovery::{
    namespace::{Namespace, NamespaceError, Namespaces},
    process,
    socket::{self, SocketTuple},
};
use bulkhead_model::{Direction, IpProtocol};
use bulkhead_testkit::{Network, require_root, wait_until};
use std::{
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::{AsRawFd, RawFd},
    path::Path,
    time::Duration,
};

const SAFETY_NET: Duration = Duration::from_secs(20);

fn opened(host: &bulkhead_testkit::netns::Host) -> Namespace {
    Namespace::at(&host.namespace.path()).expect("it can be entered")
}

fn inode_of_descriptor(descriptor: RawFd) -> u64 {
    let link = std::fs::read_link(format!("/proc/self/fd/{descriptor}")).expect("open");
    let link = link.to_string_lossy().into_owned();
    link.trim_start_matches("socket:[").trim_end_matches(']').parse().expect("a socket")
}

fn tuple(protocol: IpProtocol, local: SocketAddr, remote: SocketAddr) -> SocketTuple {
    SocketTuple { protocol, local, remote }
}

#[test]
fn interfaces_come_with_both_families_and_lead_to_their_hosts_end() {
    if !require_root("interfaces_come_with_both_families_and_lead_to_their_hosts_end") {
        return;
    }
    let network = Network::new(40, 2);
    let before = std::fs::read_link("/proc/thread-self/ns/net").expect("this thread is somewhere");
    for host in &network.hosts {
        let interfaces = opened(host).interfaces().expect("listed");
        let eth0 = interfaces.iter().find(|i| &*i.name == "eth0").expect("it has one");
        assert!(eth0.addresses.contains(&IpAddr::V4(host.v4)));
        assert!(eth0.addresses.contains(&IpAddr::V6(host.v6)));
        assert!(eth0.addresses.iter().any(|a| matches!(a, IpAddr::V6(a) if a.is_unicast_link_local())));
        assert_eq!(eth0.link_ifindex, Some(network.router.interface_index(&host.host_interface)));
        assert!(eth0.link_elsewhere && eth0.up && eth0.mac.is_some());
        assert_eq!(eth0.kind.as_deref(), Some("veth"));
        let lo = interfaces.iter().find(|i| i.loopback).expect("it has loopback");
        assert_eq!((lo.mac, lo.link_ifindex), (None, None));
    }
    let after = std::fs::read_link("/proc/thread-self/ns/net").expect("this thread is somewhere");
    assert_eq!(before, after, "asking moved the thread that asked");
}

#[test]
fn a_path_that_is_no_namespace_says_so() {
    if !require_root("a_path_that_is_no_namespace_says_so") {
        return;
    }
    assert!(matches!(Namespace::at(Path::new("/etc/hostname")), Err(NamespaceError::Enter { .. })));
    assert!(matches!(Namespace::at(Path::new("/run/netns/no-such")), Err(NamespaceError::Open { .. })));
}

#[test]
fn the_cache_opens_a_namespace_once_and_lets_go_when_told() {
    if !require_root("the_cache_opens_a_namespace_once_and_lets_go_when_told") {
        return;
    }
    let network = Network::new(41, 1);
    let sleeper = network.hosts[0].namespace.spawn("sleep", &["1000"]);
    let namespaces = Namespaces::new();
    let by_path = namespaces.at(&network.hosts[0].namespace.path()).expect("entered");
    assert!(wait_until(SAFETY_NET, || {
        namespaces.of_process(sleeper.id()).is_ok_and(|found| found.id() == by_path.id())
    }));
    let own = namespaces.of_process(std::process::id()).expect("entered");
    assert_ne!(own.id(), by_path.id());
    assert!(process::processes_in(by_path.id()).contains(&sleeper.id()));
    namespaces.forget(by_path.id());
    namespaces.retain(|id| id == own.id());
    assert_eq!(namespaces.len(), 1);
}

#[test]
fn a_tcp_connection_leads_to_its_process_on_both_ends_and_in_both_families() {
    if !require_root("a_tcp_connection_leads_to_its_process_on_both_ends_and_in_both_families") {
        return;
    }
    let network = Network::new(42, 2);
    let (server_host, client_host) = (&network.hosts[0], &network.hosts[1]);
    let (server_side, client_side) = (opened(server_host), opened(client_host));
    for address in server_host.addresses() {
        let server =
            server_host.namespace.spawn("busybox", &["nc", "-l", "-p", "6379", "-e", "sleep", "1000"]);
        let listening = || {
            let sockets = socket::listeners_and_connections(&server_side).expect("listed");
            sockets.listening.iter().any(|l| l.port == 6379)
        };
        assert!(wait_until(SAFETY_NET, listening));
        let client = client_host
            .namespace
            .spawn("busybox", &["nc", &address.to_string(), "6379", "-e", "sleep", "1000"]);
        let connection = || {
            let sockets = socket::listeners_and_connections(&client_side).expect("listed");
            sockets.established.iter().find(|c| c.remote == SocketAddr::new(address, 6379)).copied()
        };
        assert!(wait_until(SAFETY_NET, || connection().is_some()));
        let seen = connection().expect("just seen");
        assert_eq!(seen.direction, Direction::Egress);

        let at_client = tuple(IpProtocol::TCP, seen.local, seen.remote);
        let found = || process::of_connection(&client_side, &at_client).expect("asked");
        assert!(wait_until(SAFETY_NET, || found().is_some_and(|p| p.command_line.contains("sleep 1000"))));
        let process = found().expect("just found");
        assert_eq!((process.pid, process.uid), (client.id(), 0));
        assert!(process.executable.starts_with('/'));
        assert_eq!(process.parents, [], "this test, its parent, is of another network");

        let at_server = tuple(IpProtocol::TCP, seen.remote, seen.local);
        let found = || process::of_connection(&server_side, &at_server).expect("asked");
        assert!(wait_until(SAFETY_NET, || found().is_some_and(|p| p.pid == server.id())));
        let sockets = socket::listeners_and_connections(&server_side).expect("listed");
        let accepted = sockets.established.iter().find(|c| c.remote == seen.local).expect("it is open");
        assert_eq!(accepted.direction, Direction::Ingress);

        // Another connection of the same addresses does not exist, and nobody is named for it.
        let other = SocketAddr::new(seen.local.ip(), seen.local.port() ^ 1);
        let stranger = tuple(IpProtocol::TCP, other, seen.remote);
        assert_eq!(process::of_connection(&client_side, &stranger).expect("asked"), None);
        // The right connection asked for in the wrong namespace likewise.
        assert_eq!(process::of_connection(&server_side, &at_client).expect("asked"), None);

        drop(client);
        assert!(wait_until(SAFETY_NET, || {
            process::of_connection(&client_side, &at_client).expect("asked").is_none()
        }));
        drop(server);
    }
}

#[test]
fn a_socket_held_by_a_process_of_another_namespace_names_nobody() {
    if !require_root("a_socket_held_by_a_process_of_another_namespace_names_nobody") {
        return;
    }
    let network = Network::new(43, 1);
    let host = &network.hosts[0];
    let namespace = opened(host);
    let listener =
        host.namespace.enter(|| TcpListener::bind(SocketAddr::new(host.v4.into(), 7000)).expect("bound"));
    let client = host.namespace.enter(|| TcpStream::connect((host.v4, 7000)).expect("connected"));
    let at_client = tuple(
        IpProtocol::TCP,
        client.local_addr().expect("connected"),
        client.peer_addr().expect("connected"),
    );
    let inode = inode_of_descriptor(client.as_raw_fd());
    assert_eq!(socket::inode_of(&namespace, &at_client).expect("asked"), Some(inode));
    assert_eq!(process::of_connection(&namespace, &at_client).expect("asked"), None);

    // Nobody has accepted the other end yet: it belongs to whoever listens.
    let at_server = tuple(IpProtocol::TCP, at_client.remote, at_client.local);
    let listening = inode_of_descriptor(listener.as_raw_fd());
    assert_eq!(socket::inode_of(&namespace, &at_server).expect("asked"), Some(listening));
    let accepted = listener.accept().expect("accepted").0;
    let inode = inode_of_descriptor(accepted.as_raw_fd());
    assert_eq!(socket::inode_of(&namespace, &at_server).expect("asked"), Some(inode));

    let sockets = socket::listeners_and_connections(&namespace).expect("listed");
    let mut directions: Vec<_> = sockets.established.iter().map(|c| (c.local, c.direction)).collect();
    directions.sort_by_key(|(local, _)| local.port());
    let expected = [(at_server.local, Direction::Ingress), (at_client.local, Direction::Egress)];
    assert_eq!(directions, expected);
}

#[test]
fn udp_sockets_are_found_connected_or_not_and_ipv4_through_an_ipv6_socket_too() {
    if !require_root("udp_sockets_are_found_connected_or_not_and_ipv4_through_an_ipv6_socket_too") {
        return;
    }
    let network = Network::new(44, 1);
    let host = &network.hosts[0];
    let namespace = opened(host);
    let far: SocketAddr = "10.77.44.1:53".parse().expect("an address");
    let server = host.namespace.enter(|| UdpSocket::bind("[::]:5353").expect("bound"));
    let unconnected = host.namespace.enter(|| UdpSocket::bind((host.v4, 0)).expect("bound"));
    let connected = host.namespace.enter(|| {
        let socket = UdpSocket::bind((host.v6, 0)).expect("bound");
        socket.connect("[fd77:44::1]:53").expect("routed");
        socket
    });

    let asked = tuple(IpProtocol::UDP, SocketAddr::new(host.v4.into(), 5353), far);
    let inode = inode_of_descriptor(server.as_raw_fd());
    assert_eq!(socket::inode_of(&namespace, &asked).expect("asked"), Some(inode));

    let asked = tuple(IpProtocol::UDP, unconnected.local_addr().expect("bound"), far);
    let inode = inode_of_descriptor(unconnected.as_raw_fd());
    assert_eq!(socket::inode_of(&namespace, &asked).expect("asked"), Some(inode));

    let remote = connected.peer_addr().expect("connected");
    let asked = tuple(IpProtocol::UDP, connected.local_addr().expect("bound"), remote);
    let inode = inode_of_descriptor(connected.as_raw_fd());
    assert_eq!(socket::inode_of(&namespace, &asked).expect("asked"), Some(inode));

    let sockets = socket::listeners_and_connections(&namespace).expect("listed");
    assert_eq!(sockets.listening.iter().map(|l| l.port).collect::<Vec<_>>(), [5353]);
    let open: Vec<_> = sockets.established.iter().map(|c| (c.inode, c.direction)).collect();
    assert_eq!(open, [(inode, Direction::Egress)]);
}

#[test]
fn a_tcp_connection_between_link_local_addresses_is_found() {
    if !require_root("a_tcp_connection_between_link_local_addresses_is_found") {
        return;
    }
    let network = Network::new(45, 2);
    let link_local = |host: &bulkhead_testkit::netns::Host| {
        let interfaces = opened(host).interfaces().expect("listed");
        let eth0 = interfaces.iter().find(|i| &*i.name == "eth0").expect("it has one");
        let address = eth0.addresses.iter().find_map(|a| match a {
            IpAddr::V6(a) if a.is_unicast_link_local() => Some(*a),
            _ => None,
        });
        (address.expect("the kernel gives one"), eth0.ifindex)
    };
    let (server_address, _) = link_local(&network.hosts[0]);
    let (_, scope) = link_local(&network.hosts[1]);
    let listener = network.hosts[0].namespace.enter(|| TcpListener::bind("[::]:7001").expect("bound"));
    let target = std::net::SocketAddrV6::new(server_address, 7001, 0, scope);
    let client = network.hosts[1].namespace.enter(|| TcpStream::connect(target).expect("connected"));
    let without_scope = |address: SocketAddr| SocketAddr::new(address.ip(), address.port());
    let asked = tuple(
        IpProtocol::TCP,
        without_scope(client.local_addr().expect("connected")),
        without_scope(client.peer_addr().expect("connected")),
    );
    let inode = inode_of_descriptor(client.as_raw_fd());
    assert_eq!(socket::inode_of(&opened(&network.hosts[1]), &asked).expect("asked"), Some(inode));
    drop(listener);
}
