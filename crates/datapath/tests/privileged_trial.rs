//! What a trial of a candidate would deny, counted from the kernel's edges, is what a kernel that enforces the candidate
//! denies: the same packets, twice, on random policies. The seed is printed; `BULKHEAD_SEED` sets another.

#[allow(dead_code, reason = "the differential test uses the rest")]
#[path = "support/estate.rs"]
mod estate;
#[path = "../../policy/tests/support/random.rs"]
mod random;
mod room;

use bulkhead_abi::EdgeKey;
use bulkhead_datapath::{EdgeReader, Sizes};
use bulkhead_model::{Application, Direction, Identity, IpProtocol, Mode, ServiceName, Timestamp, Verdict};
use bulkhead_policy::{Compiler, Inventory, KernelEdge, Remote, Traffic, compiled::CompiledPolicy};
use bulkhead_testkit::require_root;
use estate::{End, Frame, LOCAL, other_end, own_address};
use random::Random;
use room::{INTERFACE, Room};
use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

const POLICIES: usize = 40;
const PACKETS: usize = 150;

/// A first packet, but for the client's port, which no edge knows.
#[derive(Clone)]
struct First {
    direction: Direction,
    local: IpAddr,
    remote: End,
    traffic: Traffic,
}

impl First {
    fn frame(&self, client_port: u16) -> Vec<u8> {
        let server_port = self.traffic.port;
        let (source, destination) = match self.direction {
            Direction::Egress => ((self.local, client_port), (self.remote.address, server_port)),
            Direction::Ingress => ((self.remote.address, client_port), (self.local, server_port)),
        };
        let (protocol, icmp) = (self.traffic.protocol, self.traffic.port);
        Frame { source, destination, protocol, icmp, identifier: client_port, opens: true }.bytes()
    }
}

fn first(random: &mut Random, inventory: &Inventory, own: &ServiceName) -> First {
    loop {
        let v6 = random.one_in(2);
        let mut traffic = random::traffic(random);
        traffic.application = Application::UNKNOWN;
        if !traffic.protocol.has_ports() {
            (traffic.protocol, traffic.port) = estate::without_ports(random, traffic, v6);
        }
        // Without a port of the client's, two packets are one flow.
        let remote = other_end(random, inventory, v6);
        // What a service opens to itself is judged at both its ends, and one of them is not in the room.
        let itself = remote.remote == Remote::Service(own.clone());
        if !itself && (traffic.protocol.has_ports() || traffic.protocol.is_icmp()) {
            let direction = random.pick(&[Direction::Ingress, Direction::Egress]);
            return First { direction, local: own_address(v6), remote, traffic };
        }
    }
}

/// Allowed and denied connections by edge.
type Counts = BTreeMap<(u32, u8, u8, u16), (u64, u64)>;

fn place(key: &EdgeKey) -> (u32, u8, u8, u16) {
    (key.peer, key.direction, key.protocol, key.port)
}

struct Laboratory {
    room: Room,
    reader: EdgeReader,
    next_port: u16,
}

impl Laboratory {
    /// Sends the packets under a policy, and reads what the kernel counted of them: (passed, denied) by edge.
    fn play(&mut self, policy: &CompiledPolicy, packets: &[First]) -> Vec<(EdgeKey, u64, u64)> {
        self.room.apply(policy);
        self.room.datapath.read_edges(&mut self.reader).expect("edges");
        for packet in packets {
            self.next_port = self.next_port.checked_add(1).filter(|port| *port < 60_000).unwrap_or(20_000);
            let frame = packet.frame(self.next_port);
            match packet.direction {
                Direction::Egress => self.room.send(&frame),
                Direction::Ingress => self.room.receive(&frame),
            };
        }
        self.room.datapath.forget_flows(INTERFACE).expect("flows");
        let deltas = self.room.datapath.read_edges(&mut self.reader).expect("edges");
        let counts = deltas.iter().map(|delta| {
            let edge = &delta.edge;
            (delta.key, edge.connections + edge.would_deny, edge.denied)
        });
        counts.filter(|(_, passed, denied)| passed + denied > 0).collect()
    }
}

#[test]
fn a_trial_counts_what_enforcing_the_candidate_denies() {
    if !require_root("a_trial_counts_what_enforcing_the_candidate_denies") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let _context = runtime.enter();
    let mut random = Random::seeded("trial");
    let room = Room::with(Sizes { events: 1 << 20, edges: 1 << 16, ..Sizes::default() });
    for (address, identity) in estate::owners() {
        room.datapath.set_owner(address, identity, 77).expect("room for owners");
    }
    let mut laboratory = Laboratory { room, reader: EdgeReader::default(), next_port: 20_000 };
    let (mut denied, mut allowed, mut otherwise, mut apart) = (0, 0, 0, 0);
    for _ in 0..POLICIES {
        let inventory = random::inventory(&mut random);
        let (set, candidate) = (random::policy_set(&mut random), random::policy_set(&mut random));
        let names: Vec<_> = inventory.services().map(|service| service.name.clone()).collect();
        let name = random.pick(&names);
        let identity = inventory.service(&name).expect("of the inventory").identity;
        // The workload's service enforces, the other ends have no say: there is one endpoint in the room.
        let mut enforcing = inventory.clone();
        for other in &names {
            let mode = if *other == name { Mode::Enforce } else { Mode::Learn };
            enforcing.service_mut(other).expect("of the inventory").mode = mode;
        }
        let all = [&set, &candidate];
        let now = Timestamp(random::NOW);
        let mut tried = Compiler::default();
        let would_be = tried.compile_beside(&candidate, &all, &enforcing, now);
        let mut compiler = Compiler::new(std::mem::take(tried.book_mut()));
        let in_force = compiler.compile_beside(&set, &all, &inventory, now);
        apart += compiler.alone().len();

        laboratory.room.datapath.set_endpoint(INTERFACE, identity).expect("endpoint");
        for address in LOCAL {
            let address = address.parse().expect("an address");
            laboratory.room.datapath.set_owner(address, identity, INTERFACE).expect("owner");
        }
        let packets: Vec<First> = (0..PACKETS).map(|_| first(&mut random, &inventory, &name)).collect();
        let mut trial = Counts::new();
        for (key, passed, refused) in laboratory.play(&in_force, &packets) {
            let edge = KernelEdge {
                local: Identity(key.local),
                peer: Identity(key.peer),
                direction: bulkhead_abi::direction(key.direction),
                traffic: Traffic::new(IpProtocol(key.protocol), key.port),
            };
            let verdict = would_be.would_be(&edge).verdict;
            let counts = trial.entry(place(&key)).or_default();
            match verdict {
                Verdict::Denied => counts.1 += passed + refused,
                _ => counts.0 += passed + refused,
            }
            otherwise += if verdict == Verdict::Denied { passed } else { refused };
        }
        let mut enforced = Counts::new();
        for (key, passed, refused) in laboratory.play(&would_be, &packets) {
            let counts = enforced.entry(place(&key)).or_default();
            (counts.0, counts.1) = (counts.0 + passed, counts.1 + refused);
        }
        assert_eq!(trial, enforced, "{name} of {identity:?}");
        denied += enforced.values().map(|counts| counts.1).sum::<u64>();
        allowed += enforced.values().map(|counts| counts.0).sum::<u64>();
    }
    println!(
        "{} connections: {denied} denied, {allowed} allowed, {otherwise} otherwise than in force; {apart} atoms for trials",
        denied + allowed
    );
    assert!(denied > 500 && allowed > 100 && otherwise > 200 && apart > 50, "the test says little");
    let nothing = Arc::new(CompiledPolicy::default());
    for _ in 0..2 {
        laboratory.room.apply(&nothing);
    }
}
