//! The kernel says of every packet exactly what the reference evaluator says of its flow: verdict and deciding rule.
//!
//! Random policies of the policy crate's own generator are compiled and installed as an agent does it, one upon the
//! other; random packets go through the programs under test runs. The seed is printed; `BULKHEAD_SEED` sets another, and
//! `BULKHEAD_POLICIES` another number of policies, for machines that are slow because they are emulated.

#[path = "support/estate.rs"]
mod estate;
#[path = "../../policy/tests/support/random.rs"]
mod random;
mod room;

use bulkhead_abi::{
    CONTROL_FLOWS, EGRESS, FLOW_ESTABLISHED, FLOW_REPLIED, Flow, FlowKey, INGRESS, mode_number,
};
use bulkhead_datapath::{Events, KernelEvent, Sizes};
use bulkhead_model::{Application, Direction, Identity, IpProtocol, Mode, ServiceName, Timestamp, Verdict};
use bulkhead_policy::compiled::{CompiledPolicy, Outcome};
use bulkhead_policy::{Compiler, Evaluator, Inventory, PolicySet, RuleBook, Traffic};
use bulkhead_testkit::require_root;
use estate::{End, Frame, LOCAL, MULTICAST, other_end, own_address};
use random::Random;
use room::{DROP, INTERFACE, PASS, REDIRECT, Room};
use std::{net::IpAddr, sync::Arc};

/// Policies unless told otherwise, each with one change to it installed on top; services asked of each; packets of each service.
const POLICIES: usize = 100;
const SERVICES: usize = 8;
const PACKETS: usize = 100;

/// As in `bpf/midstream.h`.
const FIRST_EPHEMERAL: u16 = 32_768;

/// What a packet has to do with the flow table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It opens a flow.
    First,
    /// Its flow is known, has spoken this application, and was decided under another policy.
    Known,
    /// TCP of which the opening was not seen.
    Midstream,
}

#[derive(Debug)]
struct Case {
    kind: Kind,
    service: ServiceName,
    direction: Direction,
    local: IpAddr,
    remote: End,
    traffic: Traffic,
    client_port: u16,
    /// Whether the workload sends this packet.
    sends: bool,
}

/// What the kernel must say.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    verdict: Verdict,
    rule: u32,
    peer: u32,
    direction: u8,
    port: u16,
    application: u16,
    mode: u32,
}

struct Laboratory {
    room: Room,
    events: Events,
    next_port: u16,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    packets: usize,
    by_rule: usize,
    allowed: usize,
    would_deny: usize,
    denied: usize,
    known: usize,
    midstream: usize,
}

struct Question<'a> {
    evaluator: &'a Evaluator<'a>,
    compiled: &'a CompiledPolicy,
    mode: Mode,
    identity: Identity,
}

impl Laboratory {
    fn new() -> Self {
        let mut room =
            Room::with(Sizes { events: 1 << 20, edges: 1 << 18, contacts: 1 << 18, ..Sizes::default() });
        let events = room.datapath.events().expect("the ring");
        room.datapath.set_flags(CONTROL_FLOWS).expect("control");
        for (address, identity) in estate::owners() {
            room.datapath.set_owner(address, identity, 77).expect("room for owners");
        }
        Self { room, events, next_port: 0, tally: Tally::default() }
    }

    /// Installs the policy and asks the kernel about packets of several services.
    fn compare(
        &mut self,
        random: &mut Random,
        set: &PolicySet,
        inventory: &Inventory,
        compiler: &mut Compiler,
    ) {
        let now = Timestamp(random::NOW);
        let compiled = compiler.compile(set, inventory, now);
        self.room.apply(&compiled);
        let mut book: RuleBook = compiler.book().clone();
        let evaluator = Evaluator::new(set, inventory, &mut book, now);
        let names: Vec<_> = inventory.services().map(|service| service.name.clone()).collect();
        // Flows of the same ports were forgotten, and cached under an epoch that has passed.
        self.next_port = 20_000;
        for _ in 0..SERVICES {
            let name = random.pick(&names);
            let service = inventory.service(&name).expect("of the inventory");
            let question = Question {
                evaluator: &evaluator,
                compiled: &compiled,
                mode: service.mode,
                identity: service.identity,
            };
            self.room.datapath.set_endpoint(INTERFACE, service.identity).expect("endpoint");
            for address in LOCAL {
                let address = address.parse().expect("an address");
                self.room.datapath.set_owner(address, service.identity, INTERFACE).expect("owner");
            }
            for _ in 0..PACKETS {
                self.next_port += 1;
                let case = case(random, inventory, &name, self.next_port);
                self.ask(&question, &case, compiler);
            }
        }
    }

    fn ask(&mut self, question: &Question<'_>, case: &Case, compiler: &Compiler) {
        let frame = case.frame();
        if case.kind == Kind::Known {
            let flow = Flow {
                // No policy has this epoch, and no peer this identity.
                epoch: 1,
                local: question.identity.0,
                peer: u32::MAX,
                port: case.traffic.port,
                application: case.traffic.application.number(),
                direction: bulkhead_abi::direction_number(case.direction),
                state: FLOW_REPLIED | FLOW_ESTABLISHED,
                last: self.room.jiffies(),
                ..Flow::default()
            };
            self.room.datapath.flows.set(&case.key(), &flow).expect("room for flows");
        }
        let run = if case.sends { self.room.send(&frame) } else { self.room.receive(&frame) };
        let mut told = self.events.take(8);
        let expected = question.expected(case);
        let context = || {
            let title = |rule| compiler.book().rule(bulkhead_model::RuleRef(rule)).map(|rule| rule.title());
            let tables = question.tables(case);
            format!(
                "{case:?}\nevaluator {:?}, tables {tables:?}, expected {expected:?}\n{}",
                title(expected.rule),
                question.evaluator.set().documents().map(|d| d.to_yaml()).collect::<Vec<_>>().join("---\n")
            )
        };
        let (Some(KernelEvent::Flow(event)), None) = (told.pop(), told.pop()) else {
            panic!(
                "one packet, one event, but verdict {} came with another number: {}",
                run.verdict,
                context()
            )
        };
        let got = Told {
            verdict: bulkhead_abi::verdict(event.verdict),
            rule: event.rule,
            peer: event.peer,
            direction: event.direction,
            port: event.port,
            application: event.application,
            mode: u32::from(event.mode),
        };
        assert!(got == expected, "{got:?}\n{}", context());
        let flow = self.room.datapath.flow(&event.key).expect("flows");
        if expected.verdict == Verdict::Denied {
            assert!([DROP, REDIRECT].contains(&run.verdict), "{}: {}", run.verdict, context());
            assert!(flow.is_none(), "{flow:?}: {}", context());
        } else {
            assert_eq!(run.verdict, PASS, "{}", context());
            let flow = flow.unwrap_or_else(|| panic!("no flow: {}", context()));
            assert_eq!((flow.rule, flow.peer), (expected.rule, expected.peer), "{}", context());
            assert_eq!(bulkhead_abi::verdict(flow.verdict), expected.verdict, "{}", context());
            self.room.datapath.flows.remove(&event.key).expect("flows");
        }
        self.tally.count(case.kind, &expected);
    }
}

impl Tally {
    fn count(&mut self, kind: Kind, told: &Told) {
        self.packets += 1;
        self.by_rule += usize::from(told.rule != 0);
        self.allowed += usize::from(told.verdict == Verdict::Allowed);
        self.would_deny += usize::from(told.verdict == Verdict::WouldDeny);
        self.denied += usize::from(told.verdict == Verdict::Denied);
        self.known += usize::from(kind == Kind::Known);
        self.midstream += usize::from(kind == Kind::Midstream);
    }
}

impl Question<'_> {
    fn decide(&self, case: &Case, direction: Direction, port: u16) -> Outcome {
        let traffic = Traffic { port, ..case.traffic };
        self.evaluator.decide(&case.service, direction, &case.remote.remote, traffic).outcome()
    }

    fn expected(&self, case: &Case) -> Told {
        let mut direction = case.direction;
        let mut port = case.traffic.port;
        let mut outcome = self.decide(case, direction, port);
        if case.kind == Kind::Midstream {
            // The port that clients get is taken for the client's, unless the policy allows only the other way round.
            let other_port = case.client_port;
            let other_direction = match direction {
                Direction::Ingress => Direction::Egress,
                Direction::Egress => Direction::Ingress,
            };
            let other = self.decide(case, other_direction, other_port);
            let (local, _) = case.ports();
            let guess = if local >= FIRST_EPHEMERAL { Direction::Egress } else { Direction::Ingress };
            let take_other = if guess == direction {
                !outcome.allow && other.allow
            } else {
                other.allow || !outcome.allow
            };
            if take_other {
                (direction, port, outcome) = (other_direction, other_port, other);
            }
        }
        let verdict = match (self.mode, outcome.allow) {
            (Mode::Quarantine, _) | (Mode::Enforce, false) => Verdict::Denied,
            (Mode::Monitor, false) => Verdict::WouldDeny,
            _ => Verdict::Allowed,
        };
        Told {
            verdict,
            rule: outcome.rule.0,
            peer: case.remote.identity(self.compiled).0,
            direction: if direction == Direction::Egress { EGRESS } else { INGRESS },
            port,
            application: case.traffic.application.number(),
            mode: mode_number(self.mode),
        }
    }

    /// To tell faults of the kernel from faults of the compiler.
    fn tables(&self, case: &Case) -> Outcome {
        self.compiled.lookup(self.identity, case.direction, case.remote.peer_address(), case.traffic)
    }
}

impl Case {
    /// Of the workload, of the other end.
    fn ports(&self) -> (u16, u16) {
        match self.direction {
            Direction::Egress => (self.client_port, self.traffic.port),
            Direction::Ingress => (self.traffic.port, self.client_port),
        }
    }

    fn key(&self) -> FlowKey {
        let (local, remote) = self.ports();
        FlowKey {
            local: self.local.into(),
            remote: self.remote.address.into(),
            local_port: local.to_be(),
            remote_port: remote.to_be(),
            endpoint: INTERFACE << 8 | u32::from(self.traffic.protocol.0),
        }
    }

    fn frame(&self) -> Vec<u8> {
        let (local, remote) = self.ports();
        let (source, destination) = match self.sends {
            true => ((self.local, local), (self.remote.address, remote)),
            false => ((self.remote.address, remote), (self.local, local)),
        };
        Frame {
            source,
            destination,
            protocol: self.traffic.protocol,
            icmp: self.traffic.port,
            identifier: self.client_port,
            opens: self.kind == Kind::First,
        }
        .bytes()
    }
}

fn case(random: &mut Random, inventory: &Inventory, service: &ServiceName, client_port: u16) -> Case {
    let v6 = random.one_in(2);
    let direction = random.pick(&[Direction::Ingress, Direction::Egress]);
    let remote = other_end(random, inventory, v6);
    let mut traffic = random::traffic(random);
    let mut kind = Kind::First;
    if !traffic.protocol.has_ports() {
        traffic.application = Application::UNKNOWN;
        (traffic.protocol, traffic.port) = estate::without_ports(random, traffic, v6);
    } else if traffic.application != Application::UNKNOWN {
        // At the first packet nothing is known.
        kind = Kind::Known;
    } else if traffic.protocol == IpProtocol::TCP && random.one_in(6) {
        kind = Kind::Midstream;
    }
    let mut sends = direction == Direction::Egress;
    if kind != Kind::First {
        sends = random.one_in(2);
    }
    let mut local = own_address(v6);
    if !sends && kind == Kind::First && random.one_in(16) {
        local = MULTICAST[usize::from(v6)].parse().expect("an address");
    }
    // Where neither port or both could be a client's, it would depend on the edges that are known.
    let tells = kind == Kind::Midstream && traffic.port < FIRST_EPHEMERAL;
    let client_port = if tells { FIRST_EPHEMERAL + client_port % 20_000 } else { client_port };
    Case { kind, service: service.clone(), direction, local, remote, traffic, client_port, sends }
}

#[test]
fn the_kernel_says_of_every_random_packet_what_the_evaluator_says() {
    if !require_root("the_kernel_says_of_every_random_packet_what_the_evaluator_says") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let _context = runtime.enter();
    let mut random = Random::seeded("differential");
    let mut laboratory = Laboratory::new();
    let told = std::env::var("BULKHEAD_POLICIES").ok();
    let policies = told.map_or(POLICIES, |text| text.parse().expect("BULKHEAD_POLICIES is a number"));
    for _ in 0..policies {
        let mut inventory = random::inventory(&mut random);
        let mut set = random::policy_set(&mut random);
        let mut compiler = Compiler::default();
        laboratory.compare(&mut random, &set, &inventory, &mut compiler);
        random::change(&mut random, &mut set, &mut inventory);
        laboratory.compare(&mut random, &set, &inventory, &mut compiler);
    }
    let Tally { packets, by_rule, allowed, would_deny, denied, known, midstream } = laboratory.tally;
    println!(
        "{packets} packets under {} policies: {allowed} allowed, {would_deny} would-deny, {denied} denied; \
         a rule decided {by_rule}; {known} of known applications, {midstream} in mid-stream",
        2 * policies
    );
    assert!(policies < POLICIES || packets >= 100_000, "{packets}");
    for (what, count) in [
        ("by rule", by_rule),
        ("allowed", allowed),
        ("would-deny", would_deny),
        ("denied", denied),
        ("known", known),
    ] {
        assert!(count * 16 > packets, "the test says little of '{what}': {count} of {packets}");
    }

    // All that was installed goes again: with the second empty policy no slot names anything older.
    let nothing = Arc::new(CompiledPolicy::default());
    for _ in 0..2 {
        laboratory.room.apply(&nothing);
    }
    for table in laboratory.room.datapath.fill() {
        if ["peers", "rules", "services"].contains(&table.name.as_str()) {
            assert_eq!(table.entries, 0, "{table:?} keeps what no policy names");
        }
    }
}
