//! What can cross the border of a zone, over all flows: asked of compiled tables with sets, not of samples.

use crate::{
    estate::Estate,
    membership::{Membership, zone_peer},
};
use bulkhead_model::{Direction, Identity, IpProtocol, Mode, PortRange, RuleOrigin, RuleRef};
use bulkhead_policy::{
    Compiler, Document, ExternalPart, Glob, Inventory, PolicySet, Reach, RuleBook, RuleInfo,
    SegmentationPolicy, View,
    compiled::{Class, CompiledPolicy, Entry},
    document::{Conduit, Criteria, Metadata, PeerSpec, PortMatch, PortSpec, Rule},
    flowset::{ApplicationSet, PortSet, ProtocolSet, TrafficSet},
    peer_of,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

/// The policy as tables, ready for questions about zones.
#[derive(Debug)]
pub(crate) struct Tables<'a> {
    pub(crate) members: Membership<'a>,
    /// As it is enforced: services that learn or monitor hold nothing back.
    pub(crate) now: Reach,
    /// As it is written: as if every service enforced.
    pub(crate) written: Reach,
    pub(crate) book: RuleBook,
}

/// The inventory that questions are asked of, with an address for every name that has none.
pub(crate) fn inventory_of(estate: &Estate<'_>) -> Inventory {
    let mut inventory = estate.inventory.clone();
    let rules = estate.set.policies().flat_map(|policy| policy.ingress.iter().chain(&policy.egress));
    let ways = estate.set.zones().flat_map(|zone| zone.ways());
    let way_peers = ways.flat_map(|way| way.from.iter().chain(&way.to).flatten());
    let zones = estate.set.zones().map(|zone| zone_peer(&zone.metadata.name)).collect::<Vec<_>>();
    // Of a range that is never routed, so that rules for the name, and rules for the world, apply to it.
    let mut next = u32::from(Ipv4Addr::new(240, 0, 0, 1));
    for spec in rules.flat_map(|rule| &rule.peers).chain(way_peers).chain(&zones) {
        for part in estate.set.external_parts(spec) {
            let ExternalPart::Name(pattern) = part else { continue };
            let name = pattern.replace('*', "any");
            if inventory.addresses_of(&name).is_empty() {
                inventory.resolve(&name, [IpAddr::V4(Ipv4Addr::from(next))]);
                next += 1;
            }
        }
    }
    inventory
}

impl<'a> Tables<'a> {
    pub(crate) fn new(estate: &Estate<'a>, inventory: &'a Inventory) -> Self {
        // Addresses are cut where zones and their conduits cut them as well, so that every zone is a union of atoms.
        let mut set = estate.set.clone();
        set.insert(Document::Policy(cuts(estate.set)));
        let mut compiler = Compiler::default();
        let compiled = compiler.compile(&set, inventory, estate.now);
        let now = Reach::new(Arc::clone(&compiled), View::Now);
        let written = Reach::new(Arc::clone(&compiled), View::Policy);
        let members = Membership::new(estate.set, inventory, &compiled, &now);
        Self { members, now, written, book: compiler.book().clone() }
    }

    pub(crate) fn reach(&self, view: View) -> &Reach {
        if view == View::Now { &self.now } else { &self.written }
    }

    pub(crate) fn name(&self, identity: Identity) -> String {
        peer_of(identity, self.members.inventory, &self.book).to_string()
    }

    fn compiled(&self) -> &CompiledPolicy {
        &self.members.compiled
    }
}

/// A document that selects nobody and names every external part that a zone speaks of.
fn cuts(set: &PolicySet) -> SegmentationPolicy {
    let zones = set.zones().map(|zone| zone_peer(&zone.metadata.name));
    let ways = set.zones().flat_map(|zone| zone.ways());
    let peers = ways.flat_map(|way| way.from.iter().chain(&way.to).flatten()).cloned();
    SegmentationPolicy {
        metadata: Metadata {
            name: "zones".to_owned(),
            namespace: "bulkhead-report".to_owned(),
            ..Metadata::default()
        },
        target: Criteria { service: Some(Glob::new("")), ..Criteria::default() },
        mode: None,
        tier: RuleOrigin::User,
        order: None,
        ingress: vec![Rule { peers: zones.chain(peers).collect(), ..Rule::default() }],
        egress: Vec::new(),
    }
}

/// Flows of one member of a zone with those outside whom the policy treats alike.
#[derive(Debug, Clone)]
pub(crate) struct Crossing {
    pub(crate) member: Identity,
    /// `Ingress`: into the zone.
    pub(crate) direction: Direction,
    pub(crate) peers: Vec<Identity>,
    pub(crate) traffic: TrafficSet,
    /// The side whose policy decides: the member's, or that of the service outside where the member is an address.
    pub(crate) side: Side,
}

/// What one side of a connection does with a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Side {
    /// No service, so no policy.
    None,
    /// A service whose mode holds nothing back.
    Open(Mode),
    Closed,
    /// A class of one of its tables.
    Class {
        service: Identity,
        direction: Direction,
        class: u32,
    },
}

impl Tables<'_> {
    fn side(&self, own: Identity, direction: Direction, other: Identity, view: View) -> Side {
        let Some(service) = self.compiled().service(own) else { return Side::None };
        match (view, service.mode) {
            (_, Mode::Quarantine) => Side::Closed,
            (View::Now, mode @ (Mode::Learn | Mode::Monitor)) => Side::Open(mode),
            _ => Side::Class { service: own, direction, class: service.direction(direction).class_of(other) },
        }
    }

    /// Everything that may cross the border of a zone, each member and way of treating peers once, and how many pairs
    /// were asked about.
    pub(crate) fn crossings(&self, zone: &HashSet<Identity>, view: View) -> (Vec<Crossing>, u64) {
        let outside: Vec<Identity> =
            self.members.peers.iter().copied().filter(|peer| !zone.contains(peer)).collect();
        let mut members: Vec<Identity> = zone.iter().copied().collect();
        members.sort_unstable();
        let (mut found, mut checked) = (Vec::new(), 0);
        let reach = self.reach(view);
        for member in members {
            for direction in [Direction::Ingress, Direction::Egress] {
                let mut groups: HashMap<(Side, TrafficSet), Vec<Identity>> = HashMap::new();
                for &peer in &outside {
                    let (client, server) = match direction {
                        Direction::Ingress => (peer, member),
                        Direction::Egress => (member, peer),
                    };
                    let is_flow = client.is_service() || server.is_service();
                    if !is_flow || client == Identity::MULTICAST {
                        continue;
                    }
                    checked += 1;
                    if !reach.reaches(client, server) {
                        continue;
                    }
                    let opening = self.side(client, Direction::Egress, server, view);
                    let serving = self.side(server, Direction::Ingress, client, view);
                    let (own, other) = match direction {
                        Direction::Ingress => (serving, opening),
                        Direction::Egress => (opening, serving),
                    };
                    let decides = if own == Side::None { other } else { own };
                    groups.entry((decides, reach.traffic(client, server))).or_default().push(peer);
                }
                let crossings = groups.into_iter().map(|((side, traffic), peers)| Crossing {
                    member,
                    direction,
                    peers,
                    traffic,
                    side,
                });
                let mut crossings: Vec<Crossing> = crossings.collect();
                crossings.sort_by(|a, b| a.peers.cmp(&b.peers));
                found.extend(crossings);
            }
        }
        (found, checked)
    }

    /// The rules by which a crossing is allowed, as numbers of the book.
    pub(crate) fn rules_of(&self, crossing: &Crossing) -> Vec<&RuleInfo> {
        let Side::Class { service, direction, class } = crossing.side else { return Vec::new() };
        let Some(class) =
            self.compiled().service(service).and_then(|s| s.direction(direction).classes.get(class as usize))
        else {
            return Vec::new();
        };
        let rules: BTreeSet<RuleRef> = allowing(class, &crossing.traffic);
        rules.into_iter().filter_map(|rule| self.book.rule(rule)).collect()
    }

    /// Who may get to a zone over others, and over whom: every peer outside with the fewest steps that it takes, from 2
    /// on, and the next on its way.
    pub(crate) fn indirect(
        &self,
        zone: &HashSet<Identity>,
        direct: &BTreeSet<Identity>,
        hops: u32,
    ) -> Vec<(Identity, u32, Identity)> {
        let mut found: BTreeMap<Identity, (u32, Identity)> = BTreeMap::new();
        let mut front: Vec<Identity> = direct.iter().copied().filter(|peer| peer.is_service()).collect();
        for hop in 2..=hops {
            let mut next = Vec::new();
            for &server in &front {
                for &client in &self.members.peers {
                    let known = zone.contains(&client)
                        || direct.contains(&client)
                        || found.contains_key(&client)
                        || client == server
                        || client == Identity::MULTICAST;
                    if !known && self.now.reaches(client, server) {
                        found.insert(client, (hop, server));
                        if client.is_service() {
                            next.push(client);
                        }
                    }
                }
            }
            front = next;
        }
        found.into_iter().map(|(peer, (hop, via))| (peer, hop, via)).collect()
    }

    /// Everything that a conduit lets through between two ends; nothing where it does not mean them.
    pub(crate) fn through(&self, way: &Way<'_>, client: Identity, server: Identity) -> TrafficSet {
        if !way.from.contains(&client) || !way.to.contains(&server) {
            return TrafficSet::none();
        }
        TrafficSet::new(&self.ports(&way.conduit.ports, server), &applications(way.conduit))
    }

    /// What ports mean for a server, which may call them by names.
    pub(crate) fn ports(&self, ports: &[PortSpec], server: Identity) -> ProtocolSet {
        if ports.is_empty() {
            return ProtocolSet::all();
        }
        let named = |name: &str| {
            let service = self.members.inventory.by_identity(server);
            service.and_then(|service| service.named_ports.get(name)).cloned().unwrap_or_default()
        };
        let one = |spec: &PortSpec| match &spec.port {
            PortMatch::All => ProtocolSet::protocol(spec.protocol),
            PortMatch::Range(range) => ProtocolSet::ports(spec.protocol, &PortSet::from(*range)),
            PortMatch::Named(name) => named(name)
                .into_iter()
                .filter(|(protocol, _)| *protocol == spec.protocol)
                .map(|(protocol, port)| ProtocolSet::port(protocol, port))
                .collect(),
        };
        ports.iter().map(one).collect()
    }

    /// Conduits of a zone that are open now, with those whom they mean.
    pub(crate) fn ways<'z>(
        &self,
        ways: impl Iterator<Item = &'z Conduit>,
        zone: &HashSet<Identity>,
    ) -> Vec<Way<'z>> {
        let ends = |peers: &Option<Vec<PeerSpec>>| match peers {
            None => zone.clone(),
            Some(peers) => peers.iter().flat_map(|spec| self.members.identities(spec)).collect(),
        };
        ways.map(|conduit| Way { conduit, from: ends(&conduit.from), to: ends(&conduit.to) }).collect()
    }
}

/// A conduit and those whom it means.
#[derive(Debug)]
pub(crate) struct Way<'z> {
    pub(crate) conduit: &'z Conduit,
    from: HashSet<Identity>,
    to: HashSet<Identity>,
}

/// Applications that a conduit lets through. The first packets of a connection pass before it is known what it speaks, so
/// unknown ones pass where ports are given, as with rules.
fn applications(conduit: &Conduit) -> ApplicationSet {
    if conduit.applications.is_empty() {
        return ApplicationSet::all();
    }
    let unknown = (!conduit.ports.is_empty()).then_some(bulkhead_model::Application::UNKNOWN);
    conduit.applications.iter().copied().chain(unknown).collect()
}

/// The rules of a class that allow anything of this traffic.
fn allowing(class: &Class, traffic: &TrafficSet) -> BTreeSet<RuleRef> {
    let part = |entry: &Entry| !traffic.intersection(&TrafficSet::from(range(entry))).is_empty();
    let entries = class.entries.iter().filter(|entry| entry.outcome.allow && part(entry));
    let mut rules: BTreeSet<RuleRef> = entries.map(|entry| entry.outcome.rule).collect();
    if class.otherwise.allow {
        let covered: ProtocolSet = class.entries.iter().map(range).collect();
        if !traffic.difference(&TrafficSet::from(covered)).is_empty() {
            rules.insert(class.otherwise.rule);
        }
    }
    rules.remove(&RuleRef::NONE);
    rules
}

fn range(entry: &Entry) -> ProtocolSet {
    if entry.prefix_len == 0 {
        return ProtocolSet::protocol(entry.protocol);
    }
    let last = entry.port | (u32::from(u16::MAX) >> entry.prefix_len) as u16;
    ProtocolSet::ports(entry.protocol, &PortSet::from(PortRange { first: entry.port, last }))
}

/// One of these flows, and of many such as people know.
pub(crate) fn likeliest(traffic: &TrafficSet) -> Option<(IpProtocol, u16)> {
    let among = |protocol, first, last| {
        let ports = ProtocolSet::ports(protocol, &PortSet::from(PortRange { first, last }));
        traffic.intersection(&TrafficSet::from(ports)).witness()
    };
    let found = among(IpProtocol::TCP, 443, 443)
        .or_else(|| among(IpProtocol::TCP, 1, u16::MAX))
        .or_else(|| among(IpProtocol::UDP, 1, u16::MAX))
        .or_else(|| traffic.witness())?;
    Some((found.protocol, found.port))
}
