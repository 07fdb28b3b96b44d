//! Kernel tables that are full: what is denied stays denied, what learns goes on, and a policy that does not fit changes
//! nothing.

mod room;

use bulkhead_abi::{CONTROL_CLOSED, CONTROL_MARK, EGRESS, EVENT_ANSWER, Edge, EdgeKey, Stat};
use bulkhead_datapath::{DatapathError, EdgeReader, KernelEvent, Policy, Sizes};
use bulkhead_model::{DenyReason, Identity, IpProtocol, Mode, Verdict, node::TableFill};
use bulkhead_policy::compiled::{CompiledPolicy, CompiledService};
use bulkhead_testkit::{Packet, TcpFlags, require_root};
use room::{API, Allow, DROP, PASS, REDIRECT, REDIS, Room, WEB, allow, policy, with_prefixes};
use std::{collections::BTreeMap, sync::Arc};

const TCP: IpProtocol = IpProtocol::TCP;

/// Sizes at which everything of a room just fits.
fn tiny() -> Sizes {
    Sizes {
        endpoints: 2,
        owners: 8,
        prefixes: 8,
        services: 4,
        peers: 8,
        rules: 16,
        flows: 64,
        edges: 16,
        contacts: 16,
        fragments: 16,
        events: 1 << 16,
    }
}

fn syn(from_port: u16, to: &str) -> Vec<u8> {
    Packet::tcp(&format!("10.0.0.2:{from_port}"), to, TcpFlags::SYN).bytes()
}

fn ports(peer: Identity, ports: impl IntoIterator<Item = u16>) -> Vec<Allow> {
    ports.into_iter().map(|port| allow(peer, TCP, port)).collect()
}

fn enforcing(egress: &[Allow]) -> CompiledPolicy {
    policy(Mode::Enforce, &[], egress)
}

fn fill_of(room: &Room, table: &str) -> TableFill {
    room.datapath.fill().into_iter().find(|fill| fill.name == table).expect("every table is told")
}

/// Entries of the tables that policies fill.
fn filled(room: &Room) -> BTreeMap<String, u64> {
    let fill = room.datapath.fill().into_iter();
    fill.filter(|table| ["peers", "rules", "services"].contains(&table.name.as_str()))
        .map(|table| (table.name, table.entries))
        .collect()
}

/// What WEB's edge to a TCP port of REDIS is called.
fn key_of(port: u16) -> EdgeKey {
    let (protocol, direction) = (TCP.0, EGRESS);
    EdgeKey { local: WEB.0, peer: REDIS.0, port, protocol, direction, ..EdgeKey::default() }
}

/// That edge.
fn edge_to(room: &mut Room, port: u16) -> Option<Edge> {
    let edges = room.datapath.read_edges(&mut EdgeReader::default()).expect("edges");
    edges.into_iter().find(|delta| delta.key == key_of(port)).map(|delta| delta.total)
}

/// Exactly this port of REDIS is open.
fn assert_open(room: &mut Room, from_port: u16, open: u16) {
    for port in [6379, 6380] {
        let run = room.send(&syn(from_port, &format!("10.0.0.3:{port}")));
        assert_eq!(run.verdict == PASS, port == open, "port {port}, and {open} is open");
    }
}

/// Policies of which each is too large for one table.
fn too_large() -> Vec<(&'static str, CompiledPolicy)> {
    let many = |count: u32| (0..count).map(|n| Identity(Identity::FIRST_EXTERNAL + n));
    let mut peers = enforcing(&ports(REDIS, [6380]));
    let egress = Arc::make_mut(&mut peers.services[0].egress);
    egress.peers.extend(many(20).map(|peer| (peer, 1)));
    let ranges: Vec<String> = (0..20).map(|n| format!("203.0.{n}.0/24")).collect();
    let ranges: Vec<(&str, Identity)> = ranges.iter().map(String::as_str).zip(many(20)).collect();
    let mut services = enforcing(&ports(REDIS, [6380]));
    for number in 400..410 {
        let like = services.services[1].clone();
        services.services.push(CompiledService { identity: Identity(number), ..like });
    }
    vec![
        ("bh_rules", enforcing(&ports(REDIS, 7000..7040))),
        ("bh_peers", peers),
        ("bh_services", services),
        ("bh_prefixes", with_prefixes(enforcing(&ports(REDIS, [6380])), &ranges)),
    ]
}

#[test]
fn a_policy_that_does_not_fit_leaves_the_old_one_in_force_and_nothing_behind() {
    if !require_root("a_policy_that_does_not_fit_leaves_the_old_one_in_force_and_nothing_behind") {
        return;
    }
    let mut room = Room::with(tiny());
    let (first, second) = (enforcing(&ports(REDIS, [6379])), enforcing(&ports(REDIS, [6380])));
    let mut from_port = 1000;
    for (table, large) in too_large() {
        for restarted in [false, true] {
            // Twice, so that no slot names anything older.
            room.apply(&first);
            room.apply(&first);
            let before = filled(&room);
            if restarted {
                room.policy = Policy::recover(&room.datapath).expect("tables");
            }
            for _ in 0..2 {
                let error = room.policy.apply(&room.datapath, &large).expect_err("too large");
                let DatapathError::Full { table: full, .. } = error else { panic!("{table}: {error}") };
                assert_eq!(full, table);
                assert!(fill_of(&room, &table["bh_".len()..]).refused > 0, "{table}");
                assert_eq!(filled(&room), before, "{table}, restarted {restarted}");
                assert_open(&mut room, from_port, 6379);
                from_port += 1;
            }
            room.apply(&second);
            assert_open(&mut room, from_port, 6380);
            room.apply(&second);
            assert_eq!(filled(&room), before, "{table}: the same size as the first, restarted {restarted}");
            from_port += 1;
        }
    }
}

#[test]
fn a_policy_that_fits_beside_the_present_one_needs_no_room_for_the_one_before() {
    if !require_root("a_policy_that_fits_beside_the_present_one_needs_no_room_for_the_one_before") {
        return;
    }
    // Each port is an edge.
    let mut room = Room::with(Sizes { edges: 64, ..tiny() });
    for round in 0..8_u16 {
        // Seven entries of sixteen.
        let open = 7000 + round * 10;
        room.apply(&enforcing(&ports(REDIS, open..open + 7)));
        for port in [open - 1, open, open + 6, open + 7] {
            let run = room.send(&syn(1000 + round, &format!("10.0.0.3:{port}")));
            assert_eq!(run.verdict == PASS, (open..open + 7).contains(&port), "round {round}, port {port}");
        }
    }
}

#[test]
fn more_connections_than_the_table_holds_open_nothing_and_cut_no_learner() {
    if !require_root("more_connections_than_the_table_holds_open_nothing_and_cut_no_learner") {
        return;
    }
    let mut room = Room::with(tiny());
    room.apply(&enforcing(&ports(REDIS, [6379])));
    for from_port in 1000..1500 {
        assert_ne!(room.send(&syn(from_port, "10.0.0.3:6380")).verdict, PASS, "{from_port}");
        room.send(&syn(from_port, "10.0.0.3:6379"));
    }
    for mode in [Mode::Learn, Mode::Monitor] {
        room.apply(&policy(mode, &[], &[]));
        for from_port in 2000..2500 {
            assert_eq!(room.send(&syn(from_port, "10.0.0.3:6380")).verdict, PASS, "{mode} {from_port}");
        }
    }
    let flows = room.datapath.flows.count().expect("flows");
    assert!(flows <= 64, "{flows} flows");
}

#[test]
fn more_edges_than_the_table_holds_are_decided_and_the_loss_is_counted() {
    if !require_root("more_edges_than_the_table_holds_are_decided_and_the_loss_is_counted") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let _context = runtime.enter();
    // Where nothing is enforced, nothing has to be kept for it.
    for (mode, flags, scanned) in [
        (Mode::Enforce, CONTROL_CLOSED, 12),
        (Mode::Monitor, CONTROL_CLOSED, 12),
        (Mode::Learn, CONTROL_CLOSED, 12),
        (Mode::Learn, 0, 16),
    ] {
        let mut room = Room::with(tiny());
        let mut events = room.datapath.events().expect("the ring");
        room.datapath.set_flags(CONTROL_MARK | flags).expect("control");
        room.apply(&policy(mode, &[], &ports(REDIS, [6379])));
        for port in 7000..7100 {
            let verdict = room.send(&syn(1000, &format!("10.0.0.3:{port}"))).verdict;
            assert_eq!(verdict == PASS, mode != Mode::Enforce, "{mode} {port}");
        }
        let refused = |room: &Room| ["edges", "edges-for-all"].map(|table| fill_of(room, table).refused);
        let beyond = 100 - scanned;
        assert_eq!(refused(&room), if scanned == 16 { [beyond, 0] } else { [0, beyond] }, "{mode}");
        let filled = ["edges", "edges-for-all"].map(|table| fill_of(&room, table));
        assert_eq!(filled.each_ref().map(|table| table.entries), [scanned, 12], "{mode}");
        assert_eq!(filled.each_ref().map(|table| table.capacity), [16, 12], "{mode}");
        assert_eq!(room.send(&syn(1000, "10.0.0.3:6379")).verdict, PASS, "{mode}: what a rule allows");
        let counted = edge_to(&mut room, 6379).map(|edge| edge.connections);
        assert_eq!(
            counted,
            (mode == Mode::Enforce).then_some(1),
            "{mode}: there is room for what is enforced"
        );
        // Uncounted is not unheard of: beside the firsts, at least one that found no room is told.
        let told = events.take(1000).len() as u64;
        assert!((scanned + 1..=101).contains(&told), "{mode}: {told} events");
    }
}

#[test]
fn what_finds_no_room_to_be_counted_does_not_begin_where_it_is_enforced_and_what_is_open_goes_on() {
    if !require_root(
        "what_finds_no_room_to_be_counted_does_not_begin_where_it_is_enforced_and_what_is_open_goes_on",
    ) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let _context = runtime.enter();
    let mut room = Room::with(Sizes { rules: 64, ..tiny() });
    let mut events = room.datapath.events().expect("the ring");
    let datagrams = [Allow { peer: Some(REDIS), protocol: IpProtocol::UDP, port: 0, prefix_len: 0 }];
    let allowed = [&ports(REDIS, 7000..7020)[..], &datagrams].concat();
    room.apply(&policy(Mode::Enforce, &[], &allowed));
    let send = |room: &mut Room, from_port: u16, port: u16, flags| {
        let (from, to) = (format!("10.0.0.2:{from_port}"), format!("10.0.0.3:{port}"));
        room.send(&Packet::tcp(&from, &to, flags).bytes()).verdict
    };
    for port in 7000..7016 {
        assert_eq!(send(&mut room, 1000, port, TcpFlags::SYN), PASS, "{port}");
    }
    events.take(1000);
    let denied = room.datapath.stat(Stat::Denied).expect("stats");
    // The first is told, and user space looks for its process before it answers; what follows is answered at once.
    assert_eq!(send(&mut room, 1000, 7016, TcpFlags::SYN), DROP);
    let told = events.take(10);
    let [KernelEvent::Flow(event)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(bulkhead_abi::verdict(event.verdict), Verdict::Denied);
    assert_eq!(bulkhead_abi::reason(event.reason), Some(DenyReason::TableFull));
    assert_eq!((event.port, event.flags & EVENT_ANSWER), (7016, EVENT_ANSWER));
    assert_eq!(send(&mut room, 1000, 7017, TcpFlags::SYN), REDIRECT);
    let datagram = Packet::udp("10.0.0.2:1000", "10.0.0.3:53").bytes();
    assert_eq!(room.send(&datagram).verdict, REDIRECT);
    assert_eq!(room.datapath.stat(Stat::Denied).expect("stats"), denied + 3);
    assert_eq!(fill_of(&room, "edges").refused, 3);
    assert_eq!(room.datapath.flows.count().expect("flows"), 16, "no flow of what was denied");
    // What is open goes on, another connection of an edge that is there begins, and an open one that has to be decided
    // anew, or was never seen before, is not cut.
    assert_eq!(send(&mut room, 1000, 7003, TcpFlags::PSH_ACK), PASS);
    assert_eq!(send(&mut room, 1001, 7003, TcpFlags::SYN), PASS);
    room.datapath.invalidate().expect("control");
    assert_eq!(send(&mut room, 1000, 7003, TcpFlags::PSH_ACK), PASS);
    assert_eq!(send(&mut room, 40_000, 7018, TcpFlags::PSH_ACK), PASS);
    for mode in [Mode::Learn, Mode::Monitor] {
        room.apply(&policy(mode, &[], &ports(REDIS, 7000..7020)));
        let lost = room.datapath.stat(Stat::EdgesFull).expect("stats");
        let kept = room.datapath.stat(Stat::EdgesKept).expect("stats");
        assert_eq!(send(&mut room, 1000 + mode as u16, 7019, TcpFlags::SYN), PASS, "{mode}");
        let now = [Stat::EdgesFull, Stat::EdgesKept].map(|stat| room.datapath.stat(stat).expect("stats"));
        assert_eq!(now.iter().sum::<u64>(), lost + kept + 1, "{mode}: counted as lost");
    }
    // An edge that goes makes room.
    room.apply(&policy(Mode::Enforce, &[], &allowed));
    assert_eq!(send(&mut room, 1002, 7017, TcpFlags::SYN), REDIRECT);
    room.datapath.remove_edge(&key_of(7005)).expect("an edge");
    assert_eq!(send(&mut room, 1002, 7017, TcpFlags::SYN), PASS);
    assert_eq!(edge_to(&mut room, 7017).map(|edge| edge.connections), Some(1));
}

#[test]
fn how_many_edges_there_are_is_known_after_a_restart_and_put_right_where_it_was_lost() {
    if !require_root("how_many_edges_there_are_is_known_after_a_restart_and_put_right_where_it_was_lost") {
        return;
    }
    let mut room = Room::with(tiny());
    room.apply(&enforcing(&ports(REDIS, [6379])));
    let mut next_port = 7000;
    // One denied SYN to a new port; returns whether there is an edge for it.
    let mut scan = |room: &mut Room| {
        next_port += 1;
        assert_ne!(room.send(&syn(1000, &format!("10.0.0.3:{next_port}"))).verdict, PASS);
        edge_to(room, next_port).is_some()
    };
    for _ in 0..12 {
        assert!(scan(&mut room));
    }
    room.restart();
    assert!(!scan(&mut room));
    for port in [7003, 7004, 7005] {
        room.datapath.remove_edge(&key_of(port)).expect("an edge");
    }
    room.restart();
    assert!(scan(&mut room) && scan(&mut room));
    // An earlier version counted nothing.
    room.lose_pin("bh_edge_use");
    room.restart();
    room.datapath.read_edges(&mut EdgeReader::default()).expect("edges");
    let full = [scan(&mut room), scan(&mut room)];
    assert_eq!(full, [true, false], "eleven of twelve were there");
}

#[test]
fn more_fragments_than_the_table_holds_pass_nothing_that_is_denied() {
    if !require_root("more_fragments_than_the_table_holds_pass_nothing_that_is_denied") {
        return;
    }
    let mut room = Room::with(tiny());
    room.apply(&enforcing(&[allow(REDIS, IpProtocol::UDP, 53)]));
    let denied = Packet::udp("10.0.0.2:4000", "10.0.0.3:54").payload([7; 200]);
    let pieces: Vec<_> = (1..200).map(|number| denied.fragments_v4(number, 64)).collect();
    for [first, _] in &pieces {
        assert_ne!(room.send(first).verdict, PASS);
    }
    for [_, later] in &pieces {
        assert_ne!(room.send(later).verdict, PASS);
    }
}

#[test]
fn addresses_and_interfaces_beyond_the_tables_are_refused_by_name() {
    if !require_root("addresses_and_interfaces_beyond_the_tables_are_refused_by_name") {
        return;
    }
    let mut room = Room::with(tiny());
    room.apply(&enforcing(&ports(API, [80])));
    let one_more = "10.0.0.9".parse().expect("an address");
    let error = room.datapath.set_owner(one_more, API, 78).expect_err("full");
    assert!(matches!(error, DatapathError::Full { table: "bh_owners", capacity: 8 }), "{error}");
    let owners = fill_of(&room, "owners");
    assert_eq!((owners.entries, owners.capacity, owners.refused), (8, 8, 1));
    // It is not API's, so API's rules do not open it.
    assert_ne!(room.send(&syn(1000, "10.0.0.9:80")).verdict, PASS);
    assert_eq!(room.send(&syn(1000, "10.0.0.4:80")).verdict, PASS);
    // Replacing what is there needs no room.
    room.datapath.set_owner("10.0.0.3".parse().expect("an address"), API, 78).expect("known");
    room.datapath.set_endpoint(500, WEB).expect("room for one more");
    let error = room.datapath.set_endpoint(501, WEB).expect_err("full");
    assert!(matches!(error, DatapathError::Full { table: "bh_endpoints", capacity: 2 }), "{error}");
}

#[test]
fn the_range_of_all_ipv6_takes_in_no_ipv4() {
    if !require_root("the_range_of_all_ipv6_takes_in_no_ipv4") {
        return;
    }
    let mut room = Room::new();
    let outside = Identity(Identity::FIRST_EXTERNAL);
    let rules = enforcing(&ports(outside, [443]));
    room.apply(&with_prefixes(rules, &[("::/0", outside), ("::ffff:198.51.100.0/120", outside)]));
    let v6 = Packet::tcp("[fd00::2]:1000", "[2001:db8::5]:443", TcpFlags::SYN).bytes();
    assert_eq!(room.send(&v6).verdict, PASS);
    assert_ne!(room.send(&syn(1000, "203.0.113.5:443")).verdict, PASS);
    assert_ne!(room.send(&syn(1000, "198.51.100.5:443")).verdict, PASS);
}

#[test]
fn a_pinned_table_keeps_its_size_and_says_so() {
    if !require_root("a_pinned_table_keeps_its_size_and_says_so") {
        return;
    }
    let room = Room::with(tiny());
    let larger = Sizes { rules: tiny().rules * 2, events: tiny().events * 2, ..tiny() };
    let again = room.open_again(larger.clone());
    let kept: Vec<_> =
        again.kept_sizes().iter().map(|kept| (kept.table, kept.entries, kept.wanted)).collect();
    assert_eq!(kept, [("rules", tiny().rules, larger.rules), ("events", tiny().events, larger.events)]);
    let fill = again.fill().into_iter().find(|fill| fill.name == "rules").expect("a table of that name");
    assert_eq!(fill.capacity, u64::from(tiny().rules), "what there is room for, not what is asked for");
    drop(again);
    assert!(room.open_again(tiny()).kept_sizes().is_empty());
}
