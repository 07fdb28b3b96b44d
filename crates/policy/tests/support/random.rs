//! Random inventories, policies and flows out of small worlds, so that everything collides with everything.

#![allow(dead_code, reason = "every test that includes this file uses a part of it")]

use bulkhead_model::{
    Application, Direction, IcmpType, Identity, IpProtocol, Mode, PortRange, RuleOrigin, ServiceName,
    Timestamp,
};
use bulkhead_policy::document::{
    Action, Cidr, Conduit, Criteria, Document, ExternalEndpoint, LabelExpression, LabelOperator,
    LabelSelector, Metadata, PeerSpec, PortMatch, PortSpec, Rule, SegmentationPolicy, Zone,
};
use bulkhead_policy::{Glob, Inventory, PolicySet, Remote, Service, Traffic};
use std::net::IpAddr;

/// The time at which everything is asked.
pub(crate) const NOW: u64 = 1_800_000_000_000;

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn seeded(test: &str) -> Self {
        let seed =
            std::env::var("BULKHEAD_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_260_731);
        println!("{test}: BULKHEAD_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }

    pub(crate) fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.below(most + 1);
        (0..count).map(|_| make(self)).collect()
    }
}

const NAMES: [&str; 5] = ["api", "web", "db", "cache", "batch"];
const NAMESPACES: [&str; 3] = ["shop", "pay", "default"];
const HOSTS: [&str; 4] = ["api.bank.example", "www.bank.example", "bank.example", "cdn.example"];
const PATTERNS: [&str; 5] =
    ["*.bank.example", "api.bank.example", "bank.example", "*.example", "cdn.example"];
pub(crate) const ADDRESSES: [&str; 9] = [
    "203.0.113.1",
    "203.0.113.77",
    "203.0.113.200",
    "198.51.100.9",
    "198.51.100.200",
    "192.0.2.1",
    "2001:db8::1",
    "2001:db8:1::1",
    "2001:db9::1",
];
pub(crate) const NETS: [&str; 12] = [
    "203.0.113.0/24",
    "203.0.113.0/25",
    "203.0.113.64/26",
    "203.0.113.77/32",
    "203.0.113.200/32",
    "198.51.100.0/24",
    "198.51.100.128/25",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/32",
    "2001:db8:1::/48",
    "2001:db8::1/128",
];
const PORTS: [u16; 10] = [0, 1, 22, 80, 443, 6379, 6380, 8000, 8100, 65535];
const PORT_NAMES: [&str; 3] = ["http", "redis", "admin"];
const APPLICATIONS: [&str; 4] = ["http", "redis", "tls", "postgresql"];
const PROTOCOLS: [IpProtocol; 6] = [
    IpProtocol::TCP,
    IpProtocol::UDP,
    IpProtocol::ICMP,
    IpProtocol::ICMPV6,
    IpProtocol::SCTP,
    IpProtocol::GRE,
];
const ICMP_TYPES: [u8; 5] = [0, 3, 8, 9, 128];

pub(crate) fn service_name(random: &mut Random) -> ServiceName {
    ServiceName::new(random.pick(&NAMESPACES), random.pick(&NAMES)).expect("valid")
}

pub(crate) fn inventory(random: &mut Random) -> Inventory {
    let mut inventory = Inventory::default();
    let mut identity = Identity::FIRST_SERVICE;
    for namespace in NAMESPACES {
        for name in NAMES {
            if random.one_in(4) {
                continue;
            }
            identity += 1 + random.below(3) as u32;
            let name = ServiceName::new(namespace, name).expect("valid");
            let mut service = Service::new(name, Identity(identity));
            service.mode = random.pick(&Mode::ALL);
            if random.one_in(2) {
                service.labels.insert("tier".into(), random.pick(&["front", "back"]).into());
            }
            if random.one_in(3) {
                service.labels.insert("pci".into(), "true".into());
            }
            for port_name in PORT_NAMES {
                if random.one_in(2) {
                    let ports = random.some(2, |r| (r.pick(&PROTOCOLS[..2]), r.pick(&PORTS)));
                    service.named_ports.insert(port_name.into(), ports);
                }
            }
            inventory.insert(service);
        }
    }
    if inventory.services().len() == 0 {
        inventory.insert(Service::new("shop/api".parse().expect("valid"), Identity(256)));
    }
    for host in HOSTS {
        inventory.resolve(host, addresses(random));
    }
    inventory
}

fn addresses(random: &mut Random) -> Vec<IpAddr> {
    random.some(3, |random| random.pick(&ADDRESSES).parse().expect("valid"))
}

pub(crate) fn selector(random: &mut Random) -> LabelSelector {
    let mut selector = LabelSelector::default();
    if random.one_in(2) {
        selector.match_labels.insert("tier".into(), random.pick(&["front", "back"]).into());
    }
    if random.one_in(2) {
        let operator = random.pick(&[
            LabelOperator::In,
            LabelOperator::NotIn,
            LabelOperator::Exists,
            LabelOperator::DoesNotExist,
        ]);
        let values = match operator {
            LabelOperator::In | LabelOperator::NotIn => vec!["true".to_owned()],
            _ => Vec::new(),
        };
        selector.match_expressions.push(LabelExpression { key: "pci".into(), operator, values });
    }
    selector
}

pub(crate) fn criteria(random: &mut Random) -> Criteria {
    let mut criteria = Criteria::default();
    match random.below(8) {
        0 => criteria.zone = Some(random.pick(&["pci", "outer", "nowhere"]).into()),
        1 => criteria.namespace = Some(Glob::new(random.pick(&["shop", "pay", "*", "s*"]))),
        2 => criteria.selector = Some(selector(random)),
        3 => criteria.service = Some(Glob::new(random.pick(&["*/*", "shop/*", "*/api", "pay/c*"]))),
        4 => {
            criteria.namespace = Some(Glob::new("shop"));
            criteria.selector = Some(selector(random));
        }
        _ => criteria = Criteria::service(&service_name(random)),
    }
    criteria
}

pub(crate) fn cidr(random: &mut Random) -> Cidr {
    let mut cidr = Cidr::whole(random.pick(&NETS).parse().expect("valid"));
    if random.one_in(2) {
        cidr.except = NETS
            .iter()
            .map(|net| net.parse().expect("valid"))
            .filter(|net| cidr.net.contains(net) && random.one_in(3))
            .collect();
    }
    cidr
}

pub(crate) fn peer(random: &mut Random) -> PeerSpec {
    match random.below(14) {
        0..=4 => PeerSpec::Services(criteria(random)),
        5..=7 => PeerSpec::Cidr(cidr(random)),
        8 => PeerSpec::Name(random.pick(&PATTERNS).into()),
        9 => PeerSpec::External(random.pick(&["bank", "nobody"]).into()),
        10 => PeerSpec::World,
        11 => random.pick(&[PeerSpec::Host, PeerSpec::RemoteHost]),
        12 => PeerSpec::Multicast,
        _ => PeerSpec::Any,
    }
}

pub(crate) fn port(random: &mut Random) -> PortSpec {
    let protocol = match random.below(4) {
        0 => random.pick(&PROTOCOLS),
        _ => IpProtocol::TCP,
    };
    if random.one_in(6) || (!protocol.has_ports() && !protocol.is_icmp()) {
        return PortSpec::whole(protocol);
    }
    if protocol.is_icmp() {
        let kind = random.pick(&ICMP_TYPES);
        return match random.one_in(2) {
            true => PortSpec::new(protocol, IcmpType::any_code(kind)),
            false => PortSpec::single(protocol, u16::from(kind) << 8 | random.below(2) as u16),
        };
    }
    if random.one_in(5) {
        return PortSpec { protocol, port: PortMatch::Named(random.pick(&PORT_NAMES).into()) };
    }
    let (a, b) = (random.pick(&PORTS), random.pick(&PORTS));
    let range =
        if random.one_in(2) { PortRange { first: a.min(b), last: a.max(b) } } else { PortRange::single(a) };
    PortSpec::new(protocol, range)
}

pub(crate) fn rule(random: &mut Random) -> Rule {
    Rule {
        action: if random.one_in(3) { Action::Deny } else { Action::Allow },
        name: random.one_in(5).then(|| "a rule: with #odd \"name\"".to_owned()),
        order: random.one_in(6).then(|| random.below(5) as i32 - 2),
        peers: random.some(3, peer),
        ports: if random.one_in(3) { Vec::new() } else { random.some(3, port) },
        applications: match random.one_in(3) {
            true => random.some(2, |random| random.pick(&APPLICATIONS).parse().expect("known")),
            false => Vec::new(),
        },
        expires: random.one_in(8).then(|| Timestamp(NOW - 1000 + random.below(3) as u64 * 1000)),
        owner: None,
        reason: None,
    }
}

pub(crate) fn policy(random: &mut Random, name: &str) -> SegmentationPolicy {
    SegmentationPolicy {
        metadata: Metadata {
            name: name.into(),
            namespace: random.pick(&NAMESPACES).into(),
            ..Metadata::default()
        },
        target: criteria(random),
        mode: random.one_in(4).then(|| random.pick(&Mode::ALL)),
        tier: random.pick(&[
            RuleOrigin::Declared,
            RuleOrigin::User,
            RuleOrigin::User,
            RuleOrigin::Imported,
            RuleOrigin::Learned,
        ]),
        order: random.one_in(4).then(|| random.below(5) as i32 - 2),
        ingress: random.some(4, rule),
        egress: random.some(4, rule),
    }
}

/// Ways across a border, some of them closed in both senses.
fn conduits(random: &mut Random) -> Vec<Conduit> {
    random.some(3, |random| {
        let from = random.one_in(2).then(|| vec![peer(random)]);
        let to = (from.is_none() || random.one_in(3)).then(|| vec![peer(random)]);
        let Rule { ports, applications, expires, .. } = rule(random);
        Conduit { from, to, ports, applications, expires, ..Conduit::default() }
    })
}

pub(crate) fn zones(random: &mut Random) -> Vec<Document> {
    let named = |name: &str| Metadata { name: name.into(), ..Metadata::default() };
    let closed = random.one_in(4).then(|| conduits(random));
    let pci = Zone {
        metadata: named("pci"),
        services: vec![Glob::new("*/db")],
        selectors: vec![LabelSelector {
            match_labels: [("pci".to_owned(), "true".to_owned())].into(),
            ..LabelSelector::default()
        }],
        names: vec!["cdn.example".into()],
        cidrs: vec![Cidr::whole("198.51.100.0/24".parse().expect("valid"))],
        // A circle of zones must not matter.
        zones: vec!["outer".into()],
        exceptions: closed.as_ref().map_or_else(Vec::new, |_| {
            let account = |way: Conduit| Conduit {
                owner: Some("shop".into()),
                reason: Some("a migration".into()),
                expires: way.expires.or(Some(Timestamp(NOW + 1000))),
                ..way
            };
            conduits(random).into_iter().map(account).collect()
        }),
        conduits: closed,
        ..Zone::default()
    };
    let outer = Zone {
        metadata: named("outer"),
        namespaces: vec![Glob::new("pay")],
        externals: vec!["bank".into()],
        zones: vec!["pci".into()],
        conduits: random.one_in(4).then(|| conduits(random)),
        ..Zone::default()
    };
    let bank = ExternalEndpoint {
        metadata: named("bank"),
        names: vec!["*.bank.example".into()],
        ranges: vec![Cidr {
            net: "203.0.113.0/25".parse().expect("valid"),
            except: vec!["203.0.113.64/26".parse().expect("valid")],
        }],
    };
    vec![Document::Zone(pci), Document::Zone(outer), Document::External(bank)]
}

pub(crate) fn policy_set(random: &mut Random) -> PolicySet {
    let count = 1 + random.below(14);
    let policies = (0..count).map(|index| Document::Policy(policy(random, &format!("policy-{index}"))));
    let policies: Vec<_> = policies.collect();
    policies.into_iter().chain(zones(random)).collect()
}

/// Changes something: a document, a service, an address.
pub(crate) fn change(random: &mut Random, set: &mut PolicySet, inventory: &mut Inventory) {
    match random.below(5) {
        0 => {
            let name = format!("policy-{}", random.below(6));
            set.insert(Document::Policy(policy(random, &name)));
        }
        1 => {
            let keys: Vec<_> = set.policies().map(|policy| policy.key()).collect();
            if !keys.is_empty() {
                let key = random.pick(&keys);
                set.remove(&key);
            }
        }
        2 => {
            let found = addresses(random);
            inventory.resolve(random.pick(&HOSTS), found);
        }
        3 => {
            let name = service_name(random);
            inventory.ensure(&name);
        }
        _ => {
            let names: Vec<_> = inventory.services().map(|service| service.name.clone()).collect();
            let name = random.pick(&names);
            if let Some(service) = inventory.service_mut(&name) {
                service.labels.insert("tier".into(), "front".into());
                service.mode = Mode::Quarantine;
            }
        }
    }
}

pub(crate) fn remote(random: &mut Random, inventory: &Inventory) -> Remote {
    match random.below(10) {
        0..=4 => {
            let names: Vec<_> = inventory.services().map(|service| service.name.clone()).collect();
            Remote::Service(if random.one_in(10) { service_name(random) } else { random.pick(&names) })
        }
        5..=7 => Remote::address(random.pick(&ADDRESSES).parse().expect("valid")),
        8 => random.pick(&[Remote::Host, Remote::RemoteHost, Remote::Unknown]),
        _ => random.pick(&[Remote::Multicast, Remote::world()]),
    }
}

pub(crate) fn traffic(random: &mut Random) -> Traffic {
    let protocol = match random.below(4) {
        0 => random.pick(&PROTOCOLS),
        _ => IpProtocol::TCP,
    };
    let port = if protocol.is_icmp() {
        u16::from(random.pick(&ICMP_TYPES)) << 8 | random.below(3) as u16
    } else if protocol.has_ports() {
        random.pick(&PORTS).saturating_add(random.below(2) as u16)
    } else {
        0
    };
    let application = match random.below(2) {
        0 => Application::UNKNOWN,
        _ => random.pick(&["http", "redis", "tls", "postgresql", "ssh"]).parse().expect("known"),
    };
    Traffic { protocol, port, application }
}

pub(crate) fn flow(random: &mut Random, inventory: &Inventory) -> (ServiceName, Direction, Remote, Traffic) {
    let names: Vec<_> = inventory.services().map(|service| service.name.clone()).collect();
    let direction = random.pick(&[Direction::Ingress, Direction::Egress]);
    let (service, remote) = (random.pick(&names), remote(random, inventory));
    (service, direction, remote, traffic(random))
}
