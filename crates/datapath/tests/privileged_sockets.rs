//! Sockets of a workload in the host's network, on every kernel.

mod room;
#[path = "support/site.rs"]
mod site;

use bulkhead_abi::{
    EGRESS, EVENT_CONNECTION, Event, FIRST_GROUP, FLOW_ADOPTED, FLOW_FIN_IN, FLOW_FIN_OUT, FlowKey, INGRESS,
};
use bulkhead_datapath::KernelEvent;
use bulkhead_model::{IpProtocol, Mode};
use bulkhead_testkit::wait_until;
use room::{REDIS, WEB, policy};
use site::{CLOSED, OPEN, SAFETY_NET, Site, echo_datagrams, echo_streams, echoes, edge, enforced, key};
use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

fn denials(events: &mut bulkhead_datapath::Events) -> Vec<Event> {
    let taken = events.take(10_000).into_iter().filter_map(|event| match event {
        KernelEvent::Flow(event) if event.kind == EVENT_CONNECTION && event.verdict == 2 => Some(*event),
        _ => None,
    });
    taken.collect()
}

#[test]
fn what_a_service_in_the_hosts_network_may_not_reach_fails_at_once_and_is_told() {
    let test = "what_a_service_in_the_hosts_network_may_not_reach_fails_at_once_and_is_told";
    let Some(site) = Site::new(test, 130) else { return };
    let (mut datapath, _tables) = site.open(&enforced());
    let mut events = {
        let _entered = site.runtime.enter();
        datapath.events().expect("the ring")
    };
    site.attach(&mut datapath);
    for peer in site.peers() {
        echoes(&mut site.connect(peer, OPEN).expect("allowed")).expect("an echo");
        assert_eq!(site.exchange(peer, OPEN).expect("allowed"), 5);
        // Refused by the peer it would be ConnectionRefused, unanswered it would take two minutes.
        assert_eq!(site.connect(peer, CLOSED).expect_err("denied").kind(), ErrorKind::PermissionDenied);
        assert_eq!(site.exchange(peer, CLOSED).expect_err("denied").kind(), ErrorKind::PermissionDenied);
    }
    let told = denials(&mut events);
    for protocol in [IpProtocol::TCP, IpProtocol::UDP] {
        let event = told.iter().find(|e| e.key.protocol() == protocol).expect("a denial is told");
        assert_eq!((event.local, event.peer, event.port), (WEB.0, REDIS.0, CLOSED));
        assert_eq!(bulkhead_abi::reason(event.reason), Some(bulkhead_model::DenyReason::NoRule));
        assert_eq!(event.direction, EGRESS);
    }
    let connect = told.iter().find(|e| e.key.protocol() == IpProtocol::TCP).expect("found above");
    assert_eq!(connect.pid, std::process::id(), "who asked");
    for protocol in [IpProtocol::TCP, IpProtocol::UDP] {
        let allowed = edge(&mut datapath, key(REDIS, protocol, OPEN, EGRESS)).expect("counted");
        assert_eq!((allowed.connections, allowed.denied), (2, 0), "{protocol:?}");
        assert!(allowed.packets.iter().all(|n| *n >= 2), "{allowed:?}");
        let denied = edge(&mut datapath, key(REDIS, protocol, CLOSED, EGRESS)).expect("counted");
        assert_eq!((denied.connections, denied.denied), (0, 2), "{protocol:?}");
    }
    // Who is not in the group is not concerned.
    for peer in site.peers() {
        let host = || TcpStream::connect(SocketAddr::new(peer, CLOSED));
        echoes(&mut site.network.router.enter(host).expect("the host's own")).expect("an echo");
    }
    site.remove();
    for peer in site.peers() {
        echoes(&mut site.connect(peer, CLOSED).expect("nothing is left")).expect("an echo");
    }
}

#[test]
fn nobody_reaches_a_service_in_the_hosts_network_without_a_rule() {
    let test = "nobody_reaches_a_service_in_the_hosts_network_without_a_rule";
    let Some(site) = Site::new(test, 131) else { return };
    let (mut datapath, mut tables) = site.open(&enforced());
    let mut events = {
        let _entered = site.runtime.enter();
        datapath.events().expect("the ring")
    };
    site.attach(&mut datapath);
    let router = [IpAddr::from([10, 77, 131, 1]), IpAddr::from(Ipv6Addr::new(0xfd77, 131, 0, 0, 0, 0, 0, 1))];
    for port in [OPEN, CLOSED] {
        let any = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        let (stream, datagrams) =
            site.web(|| (TcpListener::bind(any).expect("free"), UdpSocket::bind(any).expect("free")));
        std::thread::spawn(move || echo_streams(&stream));
        std::thread::spawn(move || echo_datagrams(&datagrams));
    }
    let peer = &site.network.hosts[0].namespace;
    let connect = |to: IpAddr, port| {
        peer.enter(|| TcpStream::connect_timeout(&(to, port).into(), Duration::from_millis(700)))
    };
    let send = |to: IpAddr, port| {
        peer.enter(|| {
            let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any).expect("a port");
            socket.send_to(b"hello", (to, port)).expect("sent");
            socket
        })
    };
    let mut open = Vec::new();
    for host in router {
        let mut stream = connect(host, OPEN).expect("allowed");
        echoes(&mut stream).expect("an echo");
        open.push(stream);
        let socket = send(host, OPEN);
        socket.set_read_timeout(Some(SAFETY_NET)).expect("a timeout");
        socket.recv(&mut [0; 64]).expect("an echo");
        connect(host, CLOSED).expect_err("denied");
        send(host, CLOSED);
    }
    for protocol in [IpProtocol::TCP, IpProtocol::UDP] {
        let allowed = edge(&mut datapath, key(REDIS, protocol, OPEN, INGRESS)).expect("counted");
        assert_eq!((allowed.connections, allowed.denied), (2, 0), "{protocol:?}");
        let denied = || {
            let edge = edge(&mut datapath, key(REDIS, protocol, CLOSED, INGRESS));
            edge.is_some_and(|edge| edge.denied >= 2 && edge.connections == 0)
        };
        assert!(wait_until(SAFETY_NET, denied), "{protocol:?}");
    }
    let told = denials(&mut events);
    assert!(told.iter().any(|e| (e.direction, e.port) == (INGRESS, CLOSED) && e.length > 20), "{told:?}");
    // A rule that is taken back reaches what is open.
    tables.apply(&datapath, &policy(Mode::Enforce, &[], &[])).expect("room");
    for stream in &mut open {
        stream.write_all(b"ping").expect("it can be sent");
        stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
        stream.read_exact(&mut [0; 4]).expect_err("no answer comes back");
    }
    site.remove();
    for stream in &mut open {
        stream.set_read_timeout(Some(SAFETY_NET)).expect("a timeout");
        stream.read_exact(&mut [0; 4]).expect("TCP sends it again");
    }
}

#[test]
fn a_connection_of_which_only_the_end_is_seen_counts_once_and_has_ended() {
    let test = "a_connection_of_which_only_the_end_is_seen_counts_once_and_has_ended";
    let Some(site) = Site::new(test, 135) else { return };
    let (mut datapath, _tables) = site.open(&enforced());
    let open = site.peers().map(|peer| {
        let mut stream = site.connect(peer, OPEN).expect("nothing is attached");
        echoes(&mut stream).expect("an echo");
        stream
    });
    site.attach(&mut datapath);
    for mut stream in open {
        let end = |end: std::io::Result<SocketAddr>| end.expect("it is open");
        let (local, remote) = (end(stream.local_addr()), end(stream.peer_addr()));
        stream.shutdown(Shutdown::Write).expect("it is open");
        assert_eq!(stream.read(&mut [0; 4]).expect("the peer ends as well"), 0);
        let flow = FlowKey {
            local: local.ip().into(),
            remote: remote.ip().into(),
            local_port: local.port().to_be(),
            remote_port: remote.port().to_be(),
            endpoint: FIRST_GROUP << 8 | u32::from(IpProtocol::TCP.0),
        };
        let flow = datapath.flow(&flow).expect("flows").expect("its end was seen");
        let ended = FLOW_ADOPTED | FLOW_FIN_OUT | FLOW_FIN_IN;
        assert_eq!(flow.state & ended, ended, "{flow:?}");
    }
    let edge = edge(&mut datapath, key(REDIS, IpProtocol::TCP, OPEN, EGRESS)).expect("counted");
    assert_eq!((edge.connections, edge.denied), (2, 0));
    site.remove();
}
