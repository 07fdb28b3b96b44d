//! The programs under test runs, packet by packet.

#[path = "support/pcap.rs"]
mod pcap;
mod room;

use bulkhead_abi::{CONTROL_CLOSED, CONTROL_MARK, CONTROL_SILENT, MARK_MASK, MARK_OWN, MARK_SEEN, Stat};
use bulkhead_datapath::{EdgeReader, SkbContext};
use bulkhead_model::{Identity, IpProtocol, Mode};
use bulkhead_testkit::{Packet, TcpFlags, corpora, require_root};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use room::{API, Allow, DROP, INTERFACE, PASS, REDIRECT, REDIS, Room, WEB, allow, policy, with_prefixes};

const TCP: IpProtocol = IpProtocol::TCP;
const UDP: IpProtocol = IpProtocol::UDP;

fn syn(from: &str, to: &str) -> Vec<u8> {
    Packet::tcp(from, to, TcpFlags::SYN).bytes()
}

fn tcp(from: &str, to: &str, flags: TcpFlags) -> Vec<u8> {
    Packet::tcp(from, to, flags).bytes()
}

/// Both families: the same test with each pair of addresses.
const WEB_REDIS: [(&str, &str); 2] =
    [("10.0.0.2:40000", "10.0.0.3:6379"), ("[fd00::2]:40000", "[fd00::3]:6379")];

#[test]
fn learning_passes_everything_marks_it_and_counts_each_edge() {
    if !require_root("learning_passes_everything_marks_it_and_counts_each_edge") {
        return;
    }
    let mut room = Room::new();
    room.apply(&policy(Mode::Learn, &[], &[]));
    for (web, redis) in WEB_REDIS {
        let run = room.send(&syn(web, redis));
        assert_eq!(run.verdict, PASS);
        assert_eq!(run.mark & MARK_MASK, MARK_SEEN, "the gate shall see that a program has seen the packet");
        assert_eq!(room.receive(&tcp(redis, web, TcpFlags::SYN_ACK)).verdict, PASS);
        for _ in 0..3 {
            assert_eq!(room.send(&tcp(web, redis, TcpFlags::ACK)).verdict, PASS);
        }
    }
    let mut reader = EdgeReader::default();
    let edges = room.datapath.read_edges(&mut reader).expect("edges");
    assert_eq!(edges.len(), 1, "two families, one edge: {edges:?}");
    let edge = edges[0];
    assert_eq!((edge.key.local, edge.key.peer, edge.key.port), (WEB.0, REDIS.0, 6379));
    assert_eq!((edge.edge.connections, edge.edge.packets), (2, [8, 2]));
    assert!(edge.edge.rtt_min_us > 0 || edge.edge.bytes[0] > 0);
    assert!(room.datapath.read_edges(&mut reader).expect("edges").is_empty(), "told once");
}

#[test]
fn what_no_rule_allows_is_denied_at_the_first_packet_and_answered_with_a_reset() {
    if !require_root("what_no_rule_allows_is_denied_at_the_first_packet_and_answered_with_a_reset") {
        return;
    }
    for (web, redis) in WEB_REDIS {
        let mut room = Room::new();
        room.apply(&policy(Mode::Enforce, &[], &[]));
        // The first is left to user space, which looks for the process before the socket is gone.
        assert_eq!(room.send(&syn(web, redis)).verdict, DROP);
        let answer = room.send(&syn(web, redis));
        assert_eq!(answer.verdict, REDIRECT);
        assert_eq!(answer.mark & MARK_MASK, MARK_OWN);
        let sliced = SlicedPacket::from_ethernet(&answer.packet).expect("well formed");
        let Some(TransportSlice::Tcp(reset)) = &sliced.transport else { panic!("no TCP") };
        assert!(reset.rst() && reset.ack() && !reset.syn());
        assert_eq!((reset.source_port(), reset.destination_port()), (6379, 40000));
        assert_eq!(reset.acknowledgment_number(), 2, "sequence number 1 and the SYN");
        check_checksums(&answer.packet);
    }
}

#[test]
fn denied_datagrams_are_answered_as_administratively_prohibited() {
    if !require_root("denied_datagrams_are_answered_as_administratively_prohibited") {
        return;
    }
    for (web, redis) in WEB_REDIS {
        let mut room = Room::new();
        room.apply(&policy(Mode::Enforce, &[], &[]));
        let answer = room.send(&Packet::udp(web, redis).payload(b"hello, a payload of some length").bytes());
        assert_eq!(answer.verdict, REDIRECT);
        let sliced = SlicedPacket::from_ethernet(&answer.packet).expect("well formed");
        match sliced.transport {
            Some(TransportSlice::Icmpv4(icmp)) => assert_eq!((icmp.type_u8(), icmp.code_u8()), (3, 13)),
            Some(TransportSlice::Icmpv6(icmp)) => assert_eq!((icmp.type_u8(), icmp.code_u8()), (1, 1)),
            other => panic!("not ICMP: {other:?}"),
        }
        check_checksums(&answer.packet);
    }
}

#[test]
fn each_address_of_the_world_that_is_denied_is_told_and_a_sweep_of_them_is_not() {
    if !require_root("each_address_of_the_world_that_is_denied_is_told_and_a_sweep_of_them_is_not") {
        return;
    }
    let mut room = Room::new();
    room.apply(&policy(Mode::Enforce, &[], &[]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    let mut events = room.datapath.events().expect("the ring");
    for outside in ["169.254.169.254", "203.0.113.66", "203.0.113.67"] {
        room.send(&syn("10.0.0.2:40000", &format!("{outside}:80")));
        room.send(&syn("10.0.0.2:40001", &format!("{outside}:80")));
    }
    room.send(&syn("[fd00::2]:40000", "[2001:db8:cafe::66]:80"));
    // On one port the world is one edge; who was meant is another question each time.
    assert_eq!(events.take(100).len(), 4);
    for last in 1..=250 {
        room.send(&syn("10.0.0.2:40000", &format!("198.51.100.{last}:80")));
    }
    assert!(
        events.take(1000).len() < 250,
        "bounded in a second, or the sweep would take the room of all others"
    );
    let edges = room.datapath.read_edges(&mut EdgeReader::default()).expect("edges");
    assert_eq!(edges.len(), 1, "{edges:?}");
    assert_eq!(edges[0].edge.denied, 257, "and all are counted");
}

#[test]
fn silence_is_a_choice_and_the_world_is_never_answered() {
    if !require_root("silence_is_a_choice_and_the_world_is_never_answered") {
        return;
    }
    let mut room = Room::new();
    room.apply(&policy(Mode::Enforce, &[], &[]));
    let from_world = syn("203.0.113.9:5555", "10.0.0.2:80");
    for _ in 0..2 {
        assert_eq!(room.receive(&from_world).verdict, DROP);
    }
    room.datapath.set_flags(CONTROL_SILENT | CONTROL_MARK).expect("control");
    let (web, redis) = WEB_REDIS[0];
    for _ in 0..2 {
        assert_eq!(room.send(&syn(web, redis)).verdict, DROP);
    }
}

#[test]
fn replies_need_no_rule_but_a_reply_permission_opens_nothing_new() {
    if !require_root("replies_need_no_rule_but_a_reply_permission_opens_nothing_new") {
        return;
    }
    for (web, redis) in WEB_REDIS {
        let mut room = Room::new();
        room.apply(&policy(Mode::Enforce, &[], &[allow(REDIS, TCP, 6379)]));
        assert_eq!(room.send(&syn(web, redis)).verdict, PASS);
        assert_eq!(room.receive(&tcp(redis, web, TcpFlags::SYN_ACK)).verdict, PASS);
        assert_eq!(room.send(&tcp(web, redis, TcpFlags::ACK)).verdict, PASS);
        assert_eq!(room.receive(&tcp(redis, web, TcpFlags::PSH_ACK)).verdict, PASS);
        // The server opens a connection of its own over the same tuple.
        assert_ne!(room.receive(&syn(redis, web)).verdict, PASS);
        // The allowed connection goes on.
        assert_eq!(room.send(&tcp(web, redis, TcpFlags::PSH_ACK)).verdict, PASS);
    }
}

#[test]
fn an_answer_without_a_question_is_denied() {
    if !require_root("an_answer_without_a_question_is_denied") {
        return;
    }
    let mut room = Room::new();
    room.apply(&policy(Mode::Enforce, &[], &[]));
    let (web, redis) = WEB_REDIS[0];
    for flags in [TcpFlags::SYN_ACK, TcpFlags::ACK, TcpFlags::PSH_ACK, TcpFlags::FIN_ACK, TcpFlags::RST] {
        assert_ne!(room.receive(&tcp(redis, web, flags)).verdict, PASS, "{flags:?}");
    }
    assert_ne!(room.receive(&Packet::udp("10.0.0.3:53", web).bytes()).verdict, PASS);
}

#[test]
fn monitor_passes_and_counts_what_it_would_deny() {
    if !require_root("monitor_passes_and_counts_what_it_would_deny") {
        return;
    }
    let mut room = Room::new();
    room.apply(&policy(Mode::Monitor, &[], &[]));
    let (web, redis) = WEB_REDIS[0];
    assert_eq!(room.send(&syn(web, redis)).verdict, PASS);
    let edges = room.datapath.read_edges(&mut EdgeReader::default()).expect("edges");
    assert_eq!((edges[0].edge.would_deny, edges[0].edge.denied, edges[0].edge.connections), (1, 0, 0));
}

#[test]
fn quarantine_denies_what_the_policy_allows_and_cuts_what_is_open() {
    if !require_root("quarantine_denies_what_the_policy_allows_and_cuts_what_is_open") {
        return;
    }
    let mut room = Room::new();
    let rules = [allow(REDIS, TCP, 6379)];
    room.apply(&policy(Mode::Enforce, &[], &rules));
    let (web, redis) = WEB_REDIS[0];
    assert_eq!(room.send(&syn(web, redis)).verdict, PASS);
    assert_eq!(room.receive(&tcp(redis, web, TcpFlags::SYN_ACK)).verdict, PASS);
    assert_eq!(room.send(&tcp(web, redis, TcpFlags::ACK)).verdict, PASS);
    room.apply(&policy(Mode::Quarantine, &[], &rules));
    assert_ne!(room.send(&tcp(web, redis, TcpFlags::PSH_ACK)).verdict, PASS);
    assert_ne!(room.receive(&tcp(redis, web, TcpFlags::PSH_ACK)).verdict, PASS);
    assert_ne!(room.send(&Packet::arp_request([2, 0, 0, 0, 0, 2], "10.0.0.2", "10.0.0.3")).verdict, PASS);
}

#[test]
fn a_rule_change_reaches_open_connections_both_ways() {
    if !require_root("a_rule_change_reaches_open_connections_both_ways") {
        return;
    }
    let mut room = Room::new();
    let (web, redis) = WEB_REDIS[0];
    for round in 0..4 {
        room.apply(&policy(Mode::Enforce, &[], &[allow(REDIS, TCP, 6379)]));
        assert_eq!(room.send(&syn(web, redis)).verdict, PASS, "round {round}");
        assert_eq!(room.receive(&tcp(redis, web, TcpFlags::SYN_ACK)).verdict, PASS);
        assert_eq!(room.send(&tcp(web, redis, TcpFlags::ACK)).verdict, PASS);
        room.apply(&policy(Mode::Enforce, &[], &[allow(API, TCP, 6379)]));
        assert_ne!(room.send(&tcp(web, redis, TcpFlags::ACK)).verdict, PASS, "round {round}");
    }
}

#[test]
fn a_workload_that_speaks_with_anothers_address_is_denied() {
    if !require_root("a_workload_that_speaks_with_anothers_address_is_denied") {
        return;
    }
    let mut room = Room::new();
    let everything = [Allow { peer: None, protocol: TCP, port: 0, prefix_len: 0 }];
    room.apply(&policy(Mode::Enforce, &everything, &everything));
    for forged in ["10.0.0.4:1", "10.0.0.9:1", "10.0.0.1:1", "203.0.113.1:1"] {
        assert_eq!(room.send(&syn(forged, "10.0.0.3:80")).verdict, DROP, "{forged}");
    }
    assert_eq!(room.send(&syn("[fd00::4]:1", "[fd00::3]:80")).verdict, DROP);
    assert_eq!(room.send(&Packet::arp_request([2; 6], "10.0.0.4", "10.0.0.3")).verdict, DROP);
    assert_eq!(room.send(&Packet::arp_request([2; 6], "10.0.0.2", "10.0.0.3")).verdict, PASS);
    assert_eq!(room.send(&syn("10.0.0.2:1", "10.0.0.3:80")).verdict, PASS);
    assert!(room.datapath.stat(Stat::Spoof).expect("stats") >= 6);
}

#[test]
fn messages_between_neighbours_pass_when_they_are_true_and_routers_need_a_rule() {
    if !require_root("messages_between_neighbours_pass_when_they_are_true_and_routers_need_a_rule") {
        return;
    }
    let mut room = Room::new();
    room.apply(&policy(Mode::Enforce, &[], &[]));
    let report =
        |from: &str| Packet::ip(from, "224.0.0.251", 2).payload([0x16, 0, 0, 0, 224, 0, 0, 251]).bytes();
    assert_eq!(room.send(&report("10.0.0.2")).verdict, PASS);
    assert_eq!(room.send(&report("0.0.0.0")).verdict, PASS, "no address yet");
    assert_eq!(room.send(&report("10.0.0.4")).verdict, DROP);
    let message =
        |from: &str, kind: u8| Packet::icmp(from, "ff02::1", kind, 0, [0; 4]).payload([0; 16]).bytes();
    for (kind, own, forged) in [(133, PASS, DROP), (135, PASS, DROP), (143, PASS, DROP), (134, DROP, DROP)] {
        assert_eq!(room.send(&message("fe80::2", kind)).verdict, own, "type {kind}");
        assert_eq!(room.send(&message("fd00::2", kind)).verdict, own, "type {kind}");
        assert_eq!(room.send(&message("fd00::4", kind)).verdict, forged, "type {kind}");
        assert_eq!(room.receive(&message("fe80::1", kind)).verdict, PASS, "type {kind} from a neighbour");
    }
    let router = Allow {
        peer: Some(Identity::MULTICAST),
        protocol: IpProtocol::ICMPV6,
        port: 134 << 8,
        prefix_len: 8,
    };
    room.apply(&policy(Mode::Enforce, &[], &[router]));
    assert_eq!(room.send(&message("fe80::2", 134)).verdict, PASS);
}

#[test]
fn ipv4_in_disguise_does_not_ride_on_an_open_connection() {
    if !require_root("ipv4_in_disguise_does_not_ride_on_an_open_connection") {
        return;
    }
    let mut room = Room::new();
    room.apply(&policy(Mode::Enforce, &[], &[allow(REDIS, TCP, 6379)]));
    let (web, redis) = WEB_REDIS[0];
    assert_eq!(room.send(&syn(web, redis)).verdict, PASS);
    assert_eq!(room.receive(&tcp(redis, web, TcpFlags::SYN_ACK)).verdict, PASS);
    for _ in 0..2 {
        assert_eq!(room.send(&tcp(web, redis, TcpFlags::ACK)).verdict, PASS);
    }
    let disguised = tcp("[::ffff:10.0.0.2]:40000", "[::ffff:10.0.0.3]:6379", TcpFlags::ACK);
    assert_eq!(room.send(&disguised).verdict, DROP);
    assert_eq!(room.send(&tcp(web, redis, TcpFlags::ACK)).verdict, PASS);
}

#[test]
fn endpoints_that_are_not_identified_are_closed_once_anything_is_enforced() {
    if !require_root("endpoints_that_are_not_identified_are_closed_once_anything_is_enforced") {
        return;
    }
    let mut room = Room::new();
    room.apply(&policy(Mode::Learn, &[], &[]));
    room.datapath.remove_endpoint(INTERFACE).expect("endpoint");
    let packet = syn("10.0.0.2:1", "10.0.0.3:80");
    assert_eq!(room.send(&packet).verdict, PASS);
    room.datapath.set_flags(CONTROL_CLOSED | CONTROL_MARK).expect("control");
    assert_eq!(room.send(&packet).verdict, DROP);
    assert_eq!(room.receive(&syn("10.0.0.3:1", "10.0.0.2:80")).verdict, DROP);
    room.datapath.exempt_endpoint(INTERFACE).expect("endpoint");
    assert_eq!(room.send(&packet).verdict, PASS);
}

#[test]
fn later_fragments_share_the_fate_of_their_first() {
    if !require_root("later_fragments_share_the_fate_of_their_first") {
        return;
    }
    let mut room = Room::new();
    room.apply(&policy(Mode::Enforce, &[], &[allow(REDIS, UDP, 53)]));
    let allowed = Packet::udp("10.0.0.2:4000", "10.0.0.3:53").payload([7; 200]);
    let denied = Packet::udp("10.0.0.2:4000", "10.0.0.3:54").payload([7; 200]);
    let [first, later] = allowed.fragments_v4(1, 64);
    assert_eq!(room.send(&later).verdict, DROP, "a later fragment before its first");
    assert_eq!(room.send(&first).verdict, PASS);
    assert_eq!(room.send(&later).verdict, PASS);
    let [first, later] = denied.fragments_v4(2, 64);
    assert_ne!(room.send(&first).verdict, PASS);
    assert_eq!(room.send(&later).verdict, DROP);
    // Two first fragments of one number with different ports: an overlap, of which nothing passes any more.
    let [first, later] = allowed.fragments_v4(3, 64);
    let [other_first, _] = Packet::udp("10.0.0.2:4001", "10.0.0.3:53").payload([7; 200]).fragments_v4(3, 64);
    assert_eq!(room.send(&first).verdict, PASS);
    assert_ne!(room.send(&other_first).verdict, PASS);
    assert_eq!(room.send(&later).verdict, DROP);
    // A second fragment that would overwrite the transport header.
    let mut overlapping = allowed.fragments_v4(4, 64)[1].clone();
    overlapping[20..22].copy_from_slice(&1_u16.to_be_bytes());
    assert_eq!(room.send(&overlapping).verdict, DROP);
}

#[test]
fn pings_are_requests_and_answers_and_errors_belong_to_their_flow() {
    if !require_root("pings_are_requests_and_answers_and_errors_belong_to_their_flow") {
        return;
    }
    let mut room = Room::new();
    let ping = Allow { peer: Some(REDIS), protocol: IpProtocol::ICMP, port: 8 << 8, prefix_len: 8 };
    room.apply(&policy(Mode::Enforce, &[], &[ping, allow(REDIS, UDP, 53)]));
    let request = Packet::icmp("10.0.0.2", "10.0.0.3", 8, 0, [0, 9, 0, 1]).bytes();
    let answer = Packet::icmp("10.0.0.3", "10.0.0.2", 0, 0, [0, 9, 0, 1]).bytes();
    assert_eq!(room.receive(&answer).verdict, DROP, "an answer that nobody asked for");
    assert_eq!(room.send(&request).verdict, PASS);
    assert_eq!(room.receive(&answer).verdict, PASS);
    let their_request = Packet::icmp("10.0.0.3", "10.0.0.2", 8, 0, [0, 9, 0, 1]).bytes();
    assert_eq!(room.receive(&their_request).verdict, DROP);

    let query = Packet::udp("10.0.0.2:4000", "10.0.0.3:53").bytes();
    let error_about =
        |inner: &[u8]| Packet::icmp("10.0.0.1", "10.0.0.2", 3, 3, [0; 4]).payload(&inner[14..]).bytes();
    assert_eq!(room.receive(&error_about(&query)).verdict, DROP, "about a packet that was never sent");
    assert_eq!(room.send(&query).verdict, PASS);
    assert_eq!(room.receive(&error_about(&query)).verdict, PASS);
    let other = Packet::udp("10.0.0.2:4000", "10.0.0.3:54").bytes();
    assert_eq!(room.receive(&error_about(&other)).verdict, DROP);
}

#[test]
fn ranges_protocols_by_number_and_external_ranges_are_told_apart() {
    if !require_root("ranges_protocols_by_number_and_external_ranges_are_told_apart") {
        return;
    }
    let mut room = Room::new();
    let atom = Identity(Identity::FIRST_EXTERNAL);
    let inner = Identity(Identity::FIRST_EXTERNAL + 1);
    let rules = [
        // 8000-8007
        Allow { peer: Some(REDIS), protocol: TCP, port: 8000, prefix_len: 13 },
        Allow { peer: Some(REDIS), protocol: IpProtocol::GRE, port: 0, prefix_len: 0 },
        allow(atom, TCP, 443),
        allow(REDIS, IpProtocol::SCTP, 36412),
    ];
    let ranges = [("203.0.113.0/24", atom), ("203.0.113.128/25", inner), ("2001:db8::/32", atom)];
    room.apply(&with_prefixes(policy(Mode::Enforce, &[], &rules), &ranges));
    for (port, passes) in [(7999, false), (8000, true), (8007, true), (8008, false)] {
        let run = room.send(&syn("10.0.0.2:1000", &format!("10.0.0.3:{port}")));
        assert_eq!(run.verdict == PASS, passes, "port {port}");
    }
    assert_eq!(room.send(&Packet::ip("10.0.0.2", "10.0.0.3", 47).payload([0; 20]).bytes()).verdict, PASS);
    assert_eq!(room.send(&Packet::ip("10.0.0.2", "10.0.0.3", 50).payload([0; 20]).bytes()).verdict, DROP);
    assert_eq!(room.send(&syn("10.0.0.2:1000", "203.0.113.5:443")).verdict, PASS);
    assert_ne!(
        room.send(&syn("10.0.0.2:1000", "203.0.113.200:443")).verdict,
        PASS,
        "the longer prefix decides"
    );
    assert_eq!(room.send(&syn("[fd00::2]:1000", "[2001:db8::5]:443")).verdict, PASS);
    assert_ne!(room.send(&syn("10.0.0.2:1000", "198.51.100.1:443")).verdict, PASS);
    let mut sctp = 1000_u16.to_be_bytes().to_vec();
    sctp.extend(36412_u16.to_be_bytes());
    sctp.extend([0; 12]);
    assert_eq!(room.send(&Packet::ip("10.0.0.2", "10.0.0.3", 132).payload(sctp).bytes()).verdict, PASS);
}

#[test]
fn vlan_tags_and_extension_headers_hide_nothing() {
    if !require_root("vlan_tags_and_extension_headers_hide_nothing") {
        return;
    }
    let mut room = Room::new();
    room.apply(&policy(Mode::Enforce, &[], &[allow(REDIS, TCP, 6379)]));
    let tagged =
        |port: u16| Packet::tcp("10.0.0.2:40000", &format!("10.0.0.3:{port}"), TcpFlags::SYN).vlan(7).bytes();
    assert_eq!(room.send(&tagged(6379)).verdict, PASS);
    assert_ne!(room.send(&tagged(6380)).verdict, PASS);
    for header in [0_u8, 60] {
        for (port, passes) in [(6379, true), (6380, false)] {
            let plain = syn("[fd00::2]:41000", &format!("[fd00::3]:{port}"));
            let run = room.send(&with_extension(&plain, header));
            assert_eq!(run.verdict == PASS, passes, "header {header} port {port}");
        }
    }
    // Nine headers are more than anybody needs.
    let mut long = syn("[fd00::2]:41000", "[fd00::3]:6379");
    for _ in 0..9 {
        long = with_extension(&long, 60);
    }
    assert_eq!(room.send(&long).verdict, DROP);
}

#[test]
fn multicast_is_a_peer_of_its_own() {
    if !require_root("multicast_is_a_peer_of_its_own") {
        return;
    }
    let mut room = Room::new();
    room.apply(&policy(Mode::Enforce, &[], &[allow(Identity::MULTICAST, UDP, 5353)]));
    assert_eq!(room.send(&Packet::udp("10.0.0.2:5353", "224.0.0.251:5353").bytes()).verdict, PASS);
    assert_eq!(room.send(&Packet::udp("[fd00::2]:5353", "[ff02::fb]:5353").bytes()).verdict, PASS);
    assert_ne!(room.send(&Packet::udp("10.0.0.2:1900", "239.255.255.250:1900").bytes()).verdict, PASS);
}

#[test]
fn what_cannot_be_parsed_is_denied_in_enforce_and_passes_while_learning() {
    if !require_root("what_cannot_be_parsed_is_denied_in_enforce_and_passes_while_learning") {
        return;
    }
    let whole = syn("10.0.0.2:40000", "10.0.0.3:6379");
    let mut broken: Vec<(&str, Vec<u8>)> = vec![
        ("cut in the TCP header", whole[..14 + 20 + 10].to_vec()),
        ("header length 16", changed(&whole, 14, 0x44)),
        ("version 5", changed(&whole, 14, 0x55)),
        ("total length beyond the packet", changed(&whole, 16, 0x7f)),
    ];
    let v6 = syn("[fd00::2]:40000", "[fd00::3]:6379");
    broken.push(("payload length beyond the packet", changed(&v6, 14 + 4, 0x7f)));
    broken.push(("IPv4 in an IPv6 frame", changed(&v6, 14, 0x45)));
    broken.push(("IPv4 addresses in IPv6", syn("[::ffff:10.0.0.2]:40000", "[::ffff:10.0.0.3]:6379")));
    let everything = [Allow { peer: None, protocol: TCP, port: 0, prefix_len: 0 }];
    let mut room = Room::new();
    room.apply(&policy(Mode::Enforce, &everything, &everything));
    for (what, packet) in &broken {
        assert_eq!(room.send(packet).verdict, DROP, "{what}");
        assert_eq!(room.receive(packet).verdict, DROP, "{what}");
    }
    assert_eq!(room.datapath.stat(Stat::Malformed).expect("stats"), broken.len() as u64 * 2);
    room.apply(&policy(Mode::Learn, &[], &[]));
    for (what, packet) in &broken {
        assert_eq!(room.send(packet).verdict, PASS, "{what}");
    }
}

#[test]
fn our_own_answers_pass_and_only_on_the_mark_that_no_workload_can_set() {
    if !require_root("our_own_answers_pass_and_only_on_the_mark_that_no_workload_can_set") {
        return;
    }
    let mut room = Room::new();
    room.apply(&policy(Mode::Enforce, &[], &[]));
    let reset = tcp("10.0.0.3:6379", "10.0.0.2:40000", TcpFlags::RST_ACK);
    let marked = SkbContext { mark: MARK_OWN, ifindex: INTERFACE };
    let run = room.datapath.test_run("bh_to_workload", &reset, marked, 1).expect("a test run");
    assert_eq!((run.verdict, run.mark & MARK_MASK), (PASS, 0));
    assert_eq!(room.receive(&reset).verdict, DROP);
}

#[test]
fn published_hostile_captures_do_no_harm() {
    if !require_root("published_hostile_captures_do_no_harm") {
        return;
    }
    let Some(corpus) = corpora("published_hostile_captures_do_no_harm") else { return };
    let mut room = Room::new();
    room.apply(&policy(Mode::Enforce, &[], &[allow(REDIS, TCP, 6379)]));
    let mut packets = 0;
    for file in pcap::files_in(&corpus.join("robustness/tcpdump")) {
        for frame in pcap::frames_of(&file) {
            for program in ["bh_from_workload", "bh_to_workload"] {
                // The kernel itself refuses what is shorter than an Ethernet header.
                let context = SkbContext { mark: 0, ifindex: INTERFACE };
                if let Ok(run) = room.datapath.test_run(program, frame, context, 1) {
                    assert_ne!(
                        (program, run.verdict),
                        ("bh_from_workload", 0),
                        "an answer that no program gives"
                    );
                    packets += 1;
                }
            }
        }
    }
    println!("{packets} hostile packets");
    assert!(packets > 1000, "only {packets} packets were read");
}

fn changed(packet: &[u8], at: usize, to: u8) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet[at] = to;
    packet
}

/// Puts an extension header of eight bytes behind the IPv6 header.
fn with_extension(packet: &[u8], header: u8) -> Vec<u8> {
    let mut out = packet.to_vec();
    let next = out[14 + 6];
    out[14 + 6] = header;
    let length = u16::from_be_bytes([out[14 + 4], out[14 + 5]]) + 8;
    out[14 + 4..14 + 6].copy_from_slice(&length.to_be_bytes());
    out.splice(54..54, [next, 0, 1, 4, 0, 0, 0, 0]);
    out
}

/// The kernel computed them by itself.
fn check_checksums(frame: &[u8]) {
    let sliced = SlicedPacket::from_ethernet(frame).expect("well formed");
    match (sliced.net.expect("IP"), sliced.transport.expect("transport")) {
        (NetSlice::Ipv4(ip), TransportSlice::Tcp(tcp)) => {
            assert_eq!(ip.header().to_header().calc_header_checksum(), ip.header().header_checksum());
            let expected = tcp.to_header().calc_checksum_ipv4(&ip.header().to_header(), tcp.payload());
            assert_eq!(tcp.checksum(), expected.expect("short"));
        }
        (NetSlice::Ipv6(ip), TransportSlice::Tcp(tcp)) => {
            let expected = tcp.to_header().calc_checksum_ipv6(&ip.header().to_header(), tcp.payload());
            assert_eq!(tcp.checksum(), expected.expect("short"));
        }
        (NetSlice::Ipv4(ip), TransportSlice::Icmpv4(icmp)) => {
            assert_eq!(ip.header().to_header().calc_header_checksum(), ip.header().header_checksum());
            assert_eq!(icmp.icmp_type().calc_checksum(icmp.payload()), icmp.checksum());
        }
        (NetSlice::Ipv6(ip), TransportSlice::Icmpv6(icmp)) => {
            assert!(icmp.is_checksum_valid(ip.header().source(), ip.header().destination()));
        }
        other => panic!("unexpected answer {other:?}"),
    }
}
