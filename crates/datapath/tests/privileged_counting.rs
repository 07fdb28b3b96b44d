//! What is counted: every connection once, whatever happens to it.

mod room;

use bulkhead_abi::{Edge, FlowKey};
use bulkhead_datapath::{AdoptedConnection, EdgeReader};
use bulkhead_model::{Direction, Identity, IpProtocol, Mode};
use bulkhead_testkit::{Packet, TcpFlags, require_root};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use room::{API, INTERFACE, PASS, REDIS, Room, WEB, allow, policy};
use std::net::IpAddr;

const TCP: IpProtocol = IpProtocol::TCP;

fn tcp(from: &str, to: &str, flags: TcpFlags) -> Vec<u8> {
    Packet::tcp(from, to, flags).bytes()
}

fn syn(from: &str, to: &str) -> Vec<u8> {
    tcp(from, to, TcpFlags::SYN)
}

/// Connections and would-be denials of all edges, and how many edges there are.
fn counted(room: &mut Room) -> (u64, u64, usize) {
    let edges = room.datapath.read_edges(&mut EdgeReader::default()).expect("edges");
    let sum = |of: fn(&Edge) -> u64| edges.iter().map(|delta| of(&delta.total)).sum();
    (sum(|edge| edge.connections), sum(|edge| edge.would_deny), edges.len())
}

#[test]
fn an_open_connection_counts_once_whatever_its_peer_is_called_and_its_policy_says() {
    if !require_root("an_open_connection_counts_once_whatever_its_peer_is_called_and_its_policy_says") {
        return;
    }
    let mut room = Room::new();
    let (web, stranger) = ("10.0.0.2:40000", "10.0.0.9:80");
    let called = |room: &Room, identity| {
        room.datapath.set_owner("10.0.0.9".parse().expect("an address"), identity, 79).expect("room");
        room.datapath.invalidate().expect("control");
    };
    let both_speak = |room: &mut Room| {
        assert_eq!(room.send(&tcp(web, stranger, TcpFlags::PSH_ACK)).verdict, PASS);
        assert_eq!(room.receive(&tcp(stranger, web, TcpFlags::PSH_ACK)).verdict, PASS);
        counted(room)
    };
    room.apply(&policy(Mode::Learn, &[], &[]));
    called(&room, Identity::UNKNOWN);
    assert_eq!(room.send(&syn(web, stranger)).verdict, PASS);
    assert_eq!(room.receive(&tcp(stranger, web, TcpFlags::SYN_ACK)).verdict, PASS);
    assert_eq!(both_speak(&mut room), (1, 0, 1));
    called(&room, API);
    assert_eq!(both_speak(&mut room), (1, 0, 2), "its edge has another name now");
    room.apply(&policy(Mode::Monitor, &[], &[]));
    assert_eq!(both_speak(&mut room), (1, 1, 2), "it would be denied");
    called(&room, REDIS);
    assert_eq!(both_speak(&mut room), (1, 1, 3));
    room.apply(&policy(Mode::Monitor, &[], &[allow(REDIS, TCP, 80)]));
    assert_eq!(both_speak(&mut room), (1, 1, 3), "it is allowed again");
    // What belongs to which name: the packets that were sent under it.
    let edges = room.datapath.read_edges(&mut EdgeReader::default()).expect("edges");
    let mut packets: Vec<_> = edges.iter().map(|delta| (delta.key.peer, delta.total.packets)).collect();
    packets.sort_unstable();
    assert_eq!(packets, [(Identity::UNKNOWN.0, [2, 2]), (REDIS.0, [2, 2]), (API.0, [2, 2])]);
}

#[test]
fn a_connection_that_was_open_before_counts_once_however_it_is_found() {
    if !require_root("a_connection_that_was_open_before_counts_once_however_it_is_found") {
        return;
    }
    let mut room = Room::new();
    room.apply(&policy(Mode::Learn, &[], &[]));
    let (web, redis) = ("10.0.0.2:40000", "10.0.0.3:6379");
    let adopted = AdoptedConnection {
        protocol: TCP,
        local: web.parse().expect("an address"),
        remote: redis.parse().expect("an address"),
        direction: Direction::Egress,
    };
    // Sockets are looked at before and after its first packet.
    for _ in 0..2 {
        room.datapath.adopt(INTERFACE, WEB, adopted).expect("room");
        assert_eq!(room.send(&tcp(web, redis, TcpFlags::PSH_ACK)).verdict, PASS);
        assert_eq!(counted(&mut room), (1, 0, 1));
    }
    // Of another one only the end is seen, and seen again.
    for _ in 0..2 {
        assert_eq!(room.send(&tcp("10.0.0.2:40001", redis, TcpFlags::FIN_ACK)).verdict, PASS);
        assert_eq!(counted(&mut room), (2, 0, 1));
    }
    room.apply(&policy(Mode::Enforce, &[], &[]));
    assert_ne!(room.send(&tcp("10.0.0.2:40001", redis, TcpFlags::FIN_ACK)).verdict, PASS);
}

#[test]
fn connections_that_have_closed_make_room_and_their_last_packets_open_nothing() {
    if !require_root("connections_that_have_closed_make_room_and_their_last_packets_open_nothing") {
        return;
    }
    // Every CPU keeps some of its own.
    sched_setaffinity(Pid::from_raw(0), &{
        let mut first = CpuSet::new();
        first.set(0).expect("a small number");
        first
    })
    .expect("a CPU");
    let mut room = Room::new();
    room.apply(&policy(Mode::Enforce, &[], &[allow(REDIS, TCP, 6379)]));
    let redis = "[fd00::3]:6379";
    let from = |number: u16| format!("[fd00::2]:{}", 40_000 + number);
    let total: u16 = 300;
    for number in 0..total {
        let web = &from(number);
        assert_eq!(room.send(&syn(web, redis)).verdict, PASS);
        assert_eq!(room.receive(&tcp(redis, web, TcpFlags::SYN_ACK)).verdict, PASS);
        assert_eq!(room.send(&tcp(web, redis, TcpFlags::PSH_ACK)).verdict, PASS);
        assert_eq!(room.send(&tcp(web, redis, TcpFlags::FIN_ACK)).verdict, PASS);
        assert_eq!(room.receive(&tcp(redis, web, TcpFlags::FIN_ACK)).verdict, PASS);
        assert_eq!(room.send(&tcp(web, redis, TcpFlags::ACK)).verdict, PASS);
    }
    let flows = room.datapath.flows.count().expect("flows");
    assert!(flows <= 64, "{flows} flows of connections that have closed");
    let edges = room.datapath.read_edges(&mut EdgeReader::default()).expect("edges");
    let [edge] = &edges[..] else { panic!("{edges:?}") };
    let (all, edge) = (u64::from(total), edge.total);
    assert_eq!((edge.connections, edge.packets), (all, [4 * all, 2 * all]));
    assert!(edge.rtt_min_us > 0, "every connection answered its SYN");
    // The first ones are forgotten, and say their last words again.
    for number in [0, 1, total - 1] {
        assert_eq!(room.receive(&tcp(redis, &from(number), TcpFlags::FIN_ACK)).verdict, PASS, "{number}");
    }
    assert_eq!(counted(&mut room), (all, 0, 1));
    // Whose ports are used again is none that has closed.
    let web = &from(5);
    for number in 300..600 {
        assert_eq!(room.send(&syn(web, redis)).verdict, PASS);
        let web = &from(number);
        assert_eq!(room.send(&syn(web, redis)).verdict, PASS);
        assert_eq!(room.send(&tcp(web, redis, TcpFlags::RST)).verdict, PASS);
    }
    let key = |number: u16| FlowKey {
        local: "fd00::2".parse::<IpAddr>().expect("an address").into(),
        remote: "fd00::3".parse::<IpAddr>().expect("an address").into(),
        local_port: (40_000 + number).to_be(),
        remote_port: 6379_u16.to_be(),
        endpoint: INTERFACE << 8 | u32::from(TCP.0),
    };
    assert!(room.datapath.flow(&key(5)).expect("flows").is_some());
    assert!(room.datapath.flow(&key(300)).expect("flows").is_none());
    assert!(room.datapath.flow(&key(599)).expect("flows").is_some());
}
