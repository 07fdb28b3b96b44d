//! Packets that claim what is not so: another's address, an answer that nobody asked for, a flow that is not open. And
//! what becomes of interfaces that nobody has claimed.

mod room;

use bulkhead_abi::{
    CONTROL_CLOSED, CONTROL_MARK, ContactKey, EGRESS, Event, INGRESS, IRREGULAR, MARK_MASK, MARK_SEEN,
    SPOOFED, Stat, reason, verdict,
};
use bulkhead_datapath::{EdgeReader, Events, KernelEvent};
use bulkhead_model::{DenyReason, IpProtocol, Mode, Verdict};
use bulkhead_testkit::{Packet, TcpFlags, require_root};
use room::{API, Allow, DROP, INTERFACE, PASS, REDIS, Room, WEB, allow, policy};
use std::net::IpAddr;

const TCP: IpProtocol = IpProtocol::TCP;
const UDP: IpProtocol = IpProtocol::UDP;
const EVERYTHING: [Allow; 1] = [Allow { peer: None, protocol: TCP, port: 0, prefix_len: 0 }];

/// A room, and what the kernel tells of it.
struct Watched {
    room: Room,
    events: Events,
    _runtime: tokio::runtime::Runtime,
}

impl Watched {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
        let mut room = Room::new();
        let events = {
            let _context = runtime.enter();
            room.datapath.events().expect("the ring")
        };
        Self { room, events, _runtime: runtime }
    }

    fn flows(&mut self) -> Vec<Event> {
        let flow = |event| match event {
            KernelEvent::Flow(event) => Some(*event),
            KernelEvent::Name { .. } => None,
        };
        self.events.take(1000).into_iter().filter_map(flow).collect()
    }

    /// Identifiers of the DNS answers that were told of.
    fn names(&mut self) -> Vec<u16> {
        let id = |event| match event {
            KernelEvent::Name { local, message, .. } => {
                assert_eq!(local, WEB.0);
                Some(u16::from_be_bytes([message[0], message[1]]))
            }
            KernelEvent::Flow(_) => None,
        };
        self.events.take(1000).into_iter().filter_map(id).collect()
    }

    /// Passed with a would-be denial, and denied, on edges of this direction.
    fn counted(&mut self, direction: u8) -> (u64, u64) {
        let edges = self.room.datapath.read_edges(&mut EdgeReader::default()).expect("edges");
        edges
            .iter()
            .filter(|edge| edge.key.direction == direction)
            .fold((0, 0), |(would, denied), edge| (would + edge.edge.would_deny, denied + edge.edge.denied))
    }
}

/// What a workload can send with an address, of every way through the programs.
fn speaking_as(v4: &str, v6: &str) -> Vec<(&'static str, Vec<u8>)> {
    let of = |address: &str| format!("{address}:40000");
    let of6 = |address: &str| format!("[{address}]:40000");
    let asked = Packet::udp("10.0.0.4:53", "10.0.0.2:53").bytes();
    let [_, later] = Packet::udp(&of(v4), "10.0.0.4:53").payload([7; 200]).fragments_v4(9, 64);
    let mut advertised = [0; 16];
    advertised.copy_from_slice(&v6.parse::<std::net::Ipv6Addr>().expect("valid").octets());
    vec![
        ("TCP", Packet::tcp(&of(v4), "10.0.0.4:80", TcpFlags::SYN).bytes()),
        ("TCP midstream", Packet::tcp(&of(v4), "10.0.0.4:80", TcpFlags::ACK).bytes()),
        ("TCP over IPv6", Packet::tcp(&of6(v6), "[fd00::4]:80", TcpFlags::SYN).bytes()),
        ("UDP", Packet::udp(&of(v4), "10.0.0.4:53").bytes()),
        ("UDP over IPv6", Packet::udp(&of6(v6), "[fd00::4]:53").bytes()),
        ("GRE", Packet::ip(v4, "10.0.0.4", 47).payload([0; 20]).bytes()),
        ("ping", Packet::icmp(v4, "10.0.0.4", 8, 0, [0, 9, 0, 1]).bytes()),
        ("an ICMP error", Packet::icmp(v4, "10.0.0.4", 3, 3, [0; 4]).payload(&asked[14..]).bytes()),
        ("a later fragment", later),
        ("ARP", Packet::arp_request([2; 6], v4, "10.0.0.4")),
        ("IGMP", Packet::ip(v4, "224.0.0.251", 2).payload([0x16, 0, 0, 0, 224, 0, 0, 251]).bytes()),
        ("MLD", Packet::icmp(v6, "ff02::16", 143, 0, [0; 4]).payload([0; 16]).bytes()),
        ("an advertisement", Packet::icmp("fe80::2", "ff02::1", 136, 0, [0; 4]).payload(advertised).bytes()),
    ]
}

#[test]
fn with_the_address_of_another_service_nobody_speaks_in_any_mode() {
    if !require_root("with_the_address_of_another_service_nobody_speaks_in_any_mode") {
        return;
    }
    let mut watched = Watched::new();
    for mode in [Mode::Learn, Mode::Monitor, Mode::Enforce, Mode::Quarantine] {
        watched.room.apply(&policy(mode, &EVERYTHING, &EVERYTHING));
        for (what, packet) in speaking_as("10.0.0.3", "fd00::3") {
            assert_eq!(watched.room.send(&packet).verdict, DROP, "{mode:?}: {what}");
        }
    }
    // Each protocol is told of once in five seconds.
    let told = watched.flows();
    let first = told.first().expect("told at once");
    assert_eq!((first.direction, first.mode), (SPOOFED, bulkhead_abi::mode_number(Mode::Learn) as u8));
    for event in told.iter().filter(|event| event.direction == SPOOFED) {
        assert_eq!(
            (verdict(event.verdict), reason(event.reason)),
            (Verdict::Denied, Some(DenyReason::Spoof))
        );
    }
    // No would-be denial: what is said to have passed has passed.
    assert_eq!(watched.counted(SPOOFED).0, 0);
    watched.room.apply(&policy(Mode::Learn, &[], &[]));
    for (what, packet) in speaking_as("10.0.0.2", "fd00::2") {
        assert_eq!(watched.room.send(&packet).verdict, PASS, "its own: {what}");
    }
}

#[test]
fn an_address_that_is_nobodys_passes_while_nothing_is_enforced_here() {
    if !require_root("an_address_that_is_nobodys_passes_while_nothing_is_enforced_here") {
        return;
    }
    let mut watched = Watched::new();
    for (mode, open, closed) in
        [(Mode::Learn, PASS, DROP), (Mode::Monitor, PASS, DROP), (Mode::Enforce, DROP, DROP)]
    {
        watched.room.apply(&policy(mode, &EVERYTHING, &EVERYTHING));
        // A virtual router (RFC 5798), the host, the world.
        for address in ["10.0.0.9", "10.0.0.1", "203.0.113.9"] {
            let packets = [
                Packet::ip(address, "224.0.0.18", 112).payload([0; 20]).bytes(),
                Packet::tcp(&format!("{address}:40000"), "10.0.0.4:80", TcpFlags::SYN).bytes(),
                Packet::arp_request([2; 6], address, "10.0.0.4"),
            ];
            for (flags, expected) in [(CONTROL_MARK, open), (CONTROL_MARK | CONTROL_CLOSED, closed)] {
                watched.room.datapath.set_flags(flags).expect("control");
                for packet in &packets {
                    assert_eq!(watched.room.send(packet).verdict, expected, "{mode:?}: {address}, {flags}");
                }
            }
        }
    }
    assert!(watched.counted(SPOOFED).0 > 0, "what passes is told all the same");
}

#[test]
fn a_service_on_several_networks_and_an_address_with_a_new_owner_are_no_spoofers() {
    if !require_root("a_service_on_several_networks_and_an_address_with_a_new_owner_are_no_spoofers") {
        return;
    }
    let mut room = Room::new();
    let owner = |room: &Room, address: &str, identity, ifindex| {
        let address: IpAddr = address.parse().expect("an address");
        room.datapath.set_owner(address, identity, ifindex).expect("room for owners");
        room.datapath.invalidate().expect("control");
    };
    owner(&room, "10.0.0.12", WEB, 79);
    let from = |address: &str| Packet::tcp(&format!("{address}:40000"), "10.0.0.3:80", TcpFlags::SYN).bytes();
    for (mode, expected) in [(Mode::Learn, PASS), (Mode::Monitor, PASS), (Mode::Enforce, DROP)] {
        room.apply(&policy(mode, &EVERYTHING, &EVERYTHING));
        for flags in [CONTROL_MARK, CONTROL_MARK | CONTROL_CLOSED] {
            room.datapath.set_flags(flags).expect("control");
            assert_eq!(room.send(&from("10.0.0.12")).verdict, expected, "{mode:?}: of its other interface");
        }
    }
    room.apply(&policy(Mode::Enforce, &EVERYTHING, &EVERYTHING));
    assert_eq!(room.send(&from("10.0.0.4")).verdict, DROP, "the address is API's");
    // API is gone; the runtime gives its address to a new container, of which discovery tells before it forgets API.
    owner(&room, "10.0.0.4", WEB, INTERFACE);
    assert_eq!(room.send(&from("10.0.0.4")).verdict, PASS);
}

/// A DNS message: its head, and a body that nobody reads here.
fn dns(from: &str, to: &str, id: u16, response: bool) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    let flags = if response { 0x81 } else { 0x01 };
    Packet::udp(from, to).payload([high, low, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]).bytes()
}

#[test]
fn a_name_is_told_once_for_each_question_that_the_workload_has_asked() {
    if !require_root("a_name_is_told_once_for_each_question_that_the_workload_has_asked") {
        return;
    }
    let mut watched = Watched::new();
    watched.room.apply(&policy(Mode::Enforce, &[allow(REDIS, UDP, 5000)], &[allow(REDIS, UDP, 53)]));
    for (web, published, server) in [
        ("10.0.0.2:4000", "10.0.0.2:5000", "10.0.0.3:53"),
        ("[fd00::2]:4000", "[fd00::2]:5000", "[fd00::3]:53"),
    ] {
        // To a port that is open for all: a flow that the workload has not opened, even if it answers there.
        assert_eq!(watched.room.receive(&dns(server, published, 7, true)).verdict, PASS);
        assert_eq!(watched.room.send(&dns(published, server, 7, false)).verdict, PASS);
        assert_eq!(watched.room.receive(&dns(server, published, 7, true)).verdict, PASS);
        assert_eq!(watched.names(), [0; 0], "planted on a published port");

        // Several questions over one socket, as the C library asks for A and AAAA.
        for id in [21, 22] {
            assert_eq!(watched.room.send(&dns(web, server, id, false)).verdict, PASS);
        }
        assert_eq!(watched.room.receive(&dns(server, web, 23, true)).verdict, PASS);
        assert_eq!(watched.names(), [0; 0], "another identifier");
        for id in [22, 21, 21, 22] {
            assert_eq!(watched.room.receive(&dns(server, web, id, true)).verdict, PASS);
        }
        assert_eq!(watched.names(), [22, 21], "each is answered once");
        // Neither a question from the server nor an answer by the workload is a question of the workload.
        assert_eq!(watched.room.receive(&dns(server, web, 24, false)).verdict, PASS);
        assert_eq!(watched.room.send(&dns(web, server, 24, true)).verdict, PASS);
        assert_eq!(watched.room.receive(&dns(server, web, 24, true)).verdict, PASS);
        assert_eq!(watched.names(), [0; 0]);
    }
}

fn error_about(quoted: &[u8]) -> Vec<u8> {
    Packet::icmp("10.0.0.1", "10.0.0.2", 3, 3, [0; 4]).payload(&quoted[14..]).bytes()
}

#[test]
fn monitor_counts_of_packets_without_a_flow_what_enforce_drops() {
    if !require_root("monitor_counts_of_packets_without_a_flow_what_enforce_drops") {
        return;
    }
    let rules = [allow(REDIS, UDP, 53)];
    let query = Packet::udp("10.0.0.2:4000", "10.0.0.3:53").payload([7; 200]);
    // Link layer discovery, of which no rule can speak.
    let mut foreign = Packet::arp_request([2; 6], "10.0.0.2", "10.0.0.3");
    foreign[12..14].copy_from_slice(&0x88cc_u16.to_be_bytes());
    let [_, later] = query.fragments_v4(5, 64);
    let [first, after_change] = query.fragments_v4(6, 64);
    let never_sent = Packet::udp("10.0.0.2:4999", "10.0.0.3:53").bytes();

    let mut watched = Watched::new();
    watched.room.apply(&policy(Mode::Learn, &[], &[]));
    assert_eq!(watched.room.send(&foreign).verdict, PASS);
    assert_eq!(watched.room.receive(&error_about(&never_sent)).verdict, PASS);
    assert_eq!(watched.counted(IRREGULAR), (0, 0), "learning denies nothing, and would not");
    for (mode, verdict_of, expected) in
        [(Mode::Monitor, Verdict::WouldDeny, PASS), (Mode::Enforce, Verdict::Denied, DROP)]
    {
        watched.flows();
        let before = watched.counted(IRREGULAR);
        watched.room.apply(&policy(mode, &[], &rules));
        assert_eq!(watched.room.send(&first).verdict, PASS, "{mode:?}");
        let runs = [
            watched.room.send(&foreign),
            watched.room.receive(&error_about(&never_sent)),
            watched.room.send(&later),
        ];
        // The flow of the first fragment is no longer allowed.
        watched.room.apply(&policy(mode, &[], &[]));
        let runs = runs.into_iter().chain([watched.room.send(&after_change)]).collect::<Vec<_>>();
        let verdicts: Vec<u32> = runs.iter().map(|run| run.verdict).collect();
        assert_eq!(verdicts, [expected; 4], "{mode:?}");
        for run in [&runs[0], &runs[2], &runs[3]] {
            assert!(expected == DROP || run.mark & MARK_MASK == MARK_SEEN, "the gate lets it pass");
        }
        let after = watched.counted(IRREGULAR);
        let more = (after.0 - before.0, after.1 - before.1);
        assert_eq!(more, if mode == Mode::Monitor { (4, 0) } else { (0, 4) }, "{mode:?}");
        let told: Vec<_> =
            watched.flows().iter().map(|e| (e.direction, verdict(e.verdict), reason(e.reason))).collect();
        for (direction, why) in [
            (EGRESS, DenyReason::Malformed),
            (INGRESS, DenyReason::Unrelated),
            (EGRESS, DenyReason::Fragment),
        ] {
            // Told once in five seconds of one edge, so Enforce may come too soon after Monitor.
            let expected = (direction, verdict_of, Some(why));
            assert!(mode == Mode::Enforce || told.contains(&expected), "{mode:?} {why}: {told:?}");
        }
    }
}

#[test]
fn errors_and_fragments_of_a_flow_from_before_a_change_follow_the_policy_in_force() {
    if !require_root("errors_and_fragments_of_a_flow_from_before_a_change_follow_the_policy_in_force") {
        return;
    }
    let mut room = Room::new();
    let rules = [allow(REDIS, UDP, 53), allow(API, UDP, 53)];
    room.apply(&policy(Mode::Enforce, &[], &rules));
    let query = Packet::udp("10.0.0.2:4000", "10.0.0.3:53").payload([7; 200]);
    let [first, later] = query.fragments_v4(1, 64);
    let error = error_about(&query.bytes());
    assert_eq!(room.send(&first).verdict, PASS);
    assert_eq!(room.receive(&error).verdict, PASS);
    // Somewhere a container has started: all is asked anew, and nothing is different.
    room.datapath.invalidate().expect("control");
    assert_eq!(room.receive(&error).verdict, PASS);
    assert_eq!(room.send(&later).verdict, PASS);
    // Another rule has gone, then this one.
    room.apply(&policy(Mode::Enforce, &[], &rules[..1]));
    assert_eq!(room.receive(&error).verdict, PASS);
    assert_eq!(room.send(&later).verdict, PASS);
    room.apply(&policy(Mode::Enforce, &[], &rules[1..]));
    assert_eq!(room.receive(&error).verdict, DROP, "about a connection that is allowed no more");
    assert_eq!(room.send(&later).verdict, DROP, "of a connection that is allowed no more");
}

#[test]
fn an_interface_that_nobody_identifies_is_counted_and_told_of_not_at_once_and_not_always() {
    if !require_root("an_interface_that_nobody_identifies_is_counted_and_told_of_not_at_once_and_not_always")
    {
        return;
    }
    let mut watched = Watched::new();
    watched.room.apply(&policy(Mode::Learn, &[], &[]));
    watched.room.datapath.remove_endpoint(INTERFACE).expect("endpoint");
    let arp = Packet::arp_request([2; 6], "10.0.0.2", "10.0.0.3");
    let syn = Packet::tcp("10.0.0.2:1", "10.0.0.3:80", TcpFlags::SYN).bytes();
    let dropped = |watched: &Watched| watched.room.datapath.stat(Stat::Unidentified).expect("stats");
    assert_eq!(watched.room.send(&arp).verdict, PASS);
    assert_eq!(dropped(&watched), 0, "it passes while nothing is enforced");

    watched.room.datapath.set_flags(CONTROL_CLOSED | CONTROL_MARK).expect("control");
    for packet in [&arp, &syn] {
        assert_eq!(watched.room.send(packet).verdict, DROP);
    }
    assert_eq!(watched.flows(), [], "perhaps it has just begun");
    assert_eq!(dropped(&watched), 2);

    // As if it were known for a while.
    let mut key = ContactKey { direction: IRREGULAR, ..ContactKey::default() };
    key.remote.word[0] = INTERFACE;
    assert!(watched.room.datapath.contacts.get(&key).expect("contacts").is_some());
    watched.room.datapath.contacts.set(&key, &0).expect("contacts");
    for packet in [&syn, &syn, &arp] {
        assert_eq!(watched.room.send(packet).verdict, DROP);
    }
    let [event] = watched.flows()[..] else { panic!("one event") };
    assert_eq!(
        (verdict(event.verdict), reason(event.reason)),
        (Verdict::Denied, Some(DenyReason::Unidentified))
    );
    assert_eq!((event.ifindex, event.local), (INTERFACE, 0));
    assert_eq!(IpAddr::from(event.key.local), "10.0.0.2".parse::<IpAddr>().expect("valid"));
    assert_eq!(dropped(&watched), 5);
}
