//! Who can reach whom, over all flows: questions put to compiled tables with sets of flows.

pub(crate) mod graph;

use crate::{
    compiled::{Class, CompiledDirection, CompiledPolicy, CompiledService},
    effective::slot,
    evaluate::{Remote, Traffic},
    flowset::{self, ApplicationSet, PortSet, ProtocolSet, TrafficSet},
    inventory::Inventory,
    rulebook::RuleBook,
};
use bulkhead_model::{Application, Direction, Identity, IpProtocol, Mode, Peer, PortRange};
use graph::Graph;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, OnceLock},
};

/// From which point of view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// No policy at all: the bare network.
    Open,
    /// What passes now: services that learn or monitor hold nothing back, quarantined ones everything.
    Now,
    /// What the policies say, as if every service enforced.
    Policy,
}

/// Tables made ready for questions about all flows.
#[derive(Debug)]
pub struct Reach {
    compiled: Arc<CompiledPolicy>,
    view: View,
    /// Every set of flows that some class allows, each once.
    sets: Vec<TrafficSet>,
    /// Position in `sets` of every class, by the address of its direction, which `compiled` keeps in place.
    classes: HashMap<usize, Arc<[usize]>>,
    /// The same of ingress and egress of each service, by its position.
    of_service: Vec<[Arc<[usize]>; 2]>,
    /// Position in `sets` of each of them.
    index: HashMap<TrafficSet, usize>,
    graph: OnceLock<Graph>,
}

/// Positions of the two trivial sets.
const NOTHING: usize = 0;
const EVERYTHING: usize = 1;

impl Reach {
    pub fn new(compiled: Arc<CompiledPolicy>, view: View) -> Self {
        let sets = vec![TrafficSet::none(), TrafficSet::all()];
        let index = sets.iter().cloned().zip(0..).collect();
        Self::reading(compiled, view, sets, index, None)
    }

    /// The same point of view of other tables. Tables that are the same allocation need not be read again.
    pub fn renewed(&self, compiled: Arc<CompiledPolicy>) -> Self {
        Self::reading(compiled, self.view, self.sets.clone(), self.index.clone(), Some(self))
    }

    fn reading(
        compiled: Arc<CompiledPolicy>,
        view: View,
        mut sets: Vec<TrafficSet>,
        mut index: HashMap<TrafficSet, usize>,
        // It keeps its tables, so none of `compiled` can have come to be in the place of one that is gone.
        before: Option<&Self>,
    ) -> Self {
        let mut of_class: HashMap<&Class, usize> = HashMap::new();
        let mut classes = HashMap::new();
        let mut of_service = Vec::with_capacity(compiled.services.len());
        for service in &compiled.services {
            of_service.push([&service.ingress, &service.egress].map(|direction| {
                let known = classes.entry(address(direction)).or_insert_with(|| {
                    if let Some(known) = before.and_then(|before| before.classes.get(&address(direction))) {
                        return Arc::clone(known);
                    }
                    let positions = direction.classes.iter().map(|class| {
                        *of_class.entry(class).or_insert_with(|| {
                            let set = class.allowed();
                            *index.entry(set.clone()).or_insert_with(|| {
                                sets.push(set);
                                sets.len() - 1
                            })
                        })
                    });
                    positions.collect::<Arc<[usize]>>()
                });
                Arc::clone(known)
            }));
        }
        let compiled = Arc::clone(&compiled);
        Self { compiled, view, sets, index, classes, of_service, graph: OnceLock::new() }
    }

    /// Everything that can be an end of a flow: services, host, remote hosts, the world and its atoms, multicast.
    pub fn peers(&self) -> Vec<Identity> {
        let fixed = [Identity::HOST, Identity::REMOTE_HOST, Identity::WORLD, Identity::MULTICAST];
        let services = self.compiled.services.iter().map(|service| service.identity);
        let atoms: BTreeSet<Identity> = self
            .compiled
            .prefixes
            .iter()
            .map(|prefix| prefix.identity)
            .filter(|id| id.is_external())
            .collect();
        fixed.into_iter().chain(services).chain(atoms).collect()
    }

    /// The world and its atoms.
    pub fn outside(&self) -> Vec<Identity> {
        let peers = self.peers().into_iter();
        peers.filter(|peer| peer.is_external() || *peer == Identity::WORLD).collect()
    }

    /// What `client` may open to `server`, as both sides together have it.
    pub fn traffic(&self, client: Identity, server: Identity) -> TrafficSet {
        let (egress, ingress) = self.sides(client, server);
        match (egress, ingress) {
            (NOTHING, _) | (_, NOTHING) => TrafficSet::none(),
            (EVERYTHING, set) | (set, EVERYTHING) => self.sets[set].clone(),
            (a, b) if a == b => self.sets[a].clone(),
            (a, b) => self.sets[a].intersection(&self.sets[b]),
        }
    }

    /// Whether anything at all may be opened.
    pub fn reaches(&self, client: Identity, server: Identity) -> bool {
        if let Some(graph) = self.graph.get()
            && client != server
            && let (Some(from), Some(to)) = (self.compiled.place_of(client), self.compiled.place_of(server))
        {
            return graph.edges().get(from, to);
        }
        match self.sides(client, server) {
            (NOTHING, _) | (_, NOTHING) => false,
            (EVERYTHING, _) | (_, EVERYTHING) => true,
            (a, b) => a == b || !self.sets[a].intersection(&self.sets[b]).is_empty(),
        }
    }

    /// Whether this may be opened.
    pub fn allows(&self, client: Identity, server: Identity, traffic: Traffic) -> bool {
        let (egress, ingress) = self.sides(client, server);
        let traffic = flowset::Traffic {
            protocol: traffic.protocol,
            port: traffic.port,
            application: traffic.application,
        };
        self.sets[egress].contains(traffic) && self.sets[ingress].contains(traffic)
    }

    /// Every peer that may open something to `server`, and what.
    pub fn who_can_reach(&self, server: Identity) -> Vec<(Identity, TrafficSet)> {
        let clients = self.peers().into_iter().filter(|&client| client != Identity::MULTICAST);
        clients
            .map(|client| (client, self.traffic(client, server)))
            .filter(|(_, traffic)| !traffic.is_empty())
            .collect()
    }

    /// Every peer to which `client` may open something, and what.
    pub fn reachable_from(&self, client: Identity) -> Vec<(Identity, TrafficSet)> {
        self.peers()
            .into_iter()
            .map(|server| (server, self.traffic(client, server)))
            .filter(|(_, traffic)| !traffic.is_empty())
            .collect()
    }

    /// The identities that an end may have: several for a name with several addresses.
    pub fn identities(&self, remote: &Remote, inventory: &Inventory) -> Vec<Identity> {
        match remote {
            Remote::Service(name) => {
                inventory.service(name).map(|service| service.identity).into_iter().collect()
            }
            Remote::Host => vec![Identity::HOST],
            Remote::RemoteHost => vec![Identity::REMOTE_HOST],
            Remote::Multicast => vec![Identity::MULTICAST],
            Remote::Unknown => vec![Identity::UNKNOWN],
            Remote::External { name: Some(name), .. } => {
                let addresses = inventory.addresses_of(name);
                let found: BTreeSet<Identity> =
                    addresses.iter().map(|address| self.compiled.external_identity(*address)).collect();
                if found.is_empty() { vec![Identity::WORLD] } else { found.into_iter().collect() }
            }
            Remote::External { net: Some(net), .. } => {
                // A range may be cut into several atoms; those inside it, and the one that its first address is in.
                let inside = self.compiled.prefixes.iter().filter(|prefix| net.contains(&prefix.net));
                let mut found: BTreeSet<Identity> = inside.map(|prefix| prefix.identity).collect();
                found.insert(self.compiled.external_identity(net.network()));
                found.into_iter().collect()
            }
            Remote::External { net: None, name: None } => vec![Identity::WORLD],
        }
    }

    /// Positions of what the client's egress and the server's ingress allow.
    fn sides(&self, client: Identity, server: Identity) -> (usize, usize) {
        (self.side(client, Direction::Egress, server), self.side(server, Direction::Ingress, client))
    }

    fn side(&self, own: Identity, direction: Direction, other: Identity) -> usize {
        let Some(place) = self.compiled.place_of(own) else { return EVERYTHING };
        let service = &self.compiled.services[place];
        self.by_mode(service).unwrap_or_else(|| {
            self.of_service[place][slot(direction)][service.direction(direction).class_of(other) as usize]
        })
    }

    /// What holds for all peers of a service because of its mode; where its tables decide, nothing.
    fn by_mode(&self, service: &CompiledService) -> Option<usize> {
        match (self.view, service.mode) {
            (View::Open, _) | (View::Now, Mode::Learn | Mode::Monitor) => Some(EVERYTHING),
            (View::Now | View::Policy, Mode::Quarantine) => Some(NOTHING),
            (View::Now, Mode::Enforce) | (View::Policy, _) => None,
        }
    }

    /// Which services can open anything to which; made at the first question that needs all of them.
    pub(crate) fn graph(&self) -> &Graph {
        self.graph.get_or_init(|| Graph::new(self))
    }

    /// Whether everything may be opened.
    pub(crate) fn is_open(&self, client: Identity, server: Identity) -> bool {
        self.sides(client, server) == (EVERYTHING, EVERYTHING)
    }

    /// Whether the tables of one side of a service are the same allocation in two readings; of what is no service there
    /// are none.
    pub(crate) fn has_same_tables(&self, other: &Reach, own: Identity, direction: Direction) -> bool {
        match (self.compiled.service(own), other.compiled.service(own)) {
            (None, None) => true,
            (Some(a), Some(b)) => {
                a.mode == b.mode && std::ptr::eq(a.direction(direction), b.direction(direction))
            }
            _ => false,
        }
    }

    /// Whether two readings have the very same classes for a pair, so that there is nothing to compare.
    pub(crate) fn is_same(&self, other: &Reach, client: Identity, server: Identity) -> bool {
        let same = |own: Identity, direction: Direction, peer: Identity| match (
            self.compiled.service(own),
            other.compiled.service(own),
        ) {
            (None, None) => true,
            (Some(a), Some(b)) if a.mode != b.mode => false,
            (Some(a), Some(b)) => {
                let (a, b) = (a.direction(direction), b.direction(direction));
                std::ptr::eq(a, b)
                    || a.classes[a.class_of(peer) as usize] == b.classes[b.class_of(peer) as usize]
            }
            _ => false,
        };
        same(client, Direction::Egress, server) && same(server, Direction::Ingress, client)
    }
}

fn address(direction: &Arc<CompiledDirection>) -> usize {
    Arc::as_ptr(direction) as usize
}

/// What an identity is called.
pub fn peer_of(identity: Identity, inventory: &Inventory, book: &RuleBook) -> Peer {
    match identity {
        Identity::HOST => Peer::Host,
        Identity::REMOTE_HOST => Peer::RemoteHost,
        Identity::WORLD => Peer::World,
        Identity::MULTICAST => Peer::Multicast,
        _ => match (inventory.by_identity(identity), book.atom(identity)) {
            (Some(service), _) => Peer::Service(service.name.clone()),
            (None, Some(atom)) => Peer::External(atom.name.clone()),
            (None, None) => Peer::Unknown,
        },
    }
}

impl Class {
    /// All that the class allows.
    pub fn allowed(&self) -> TrafficSet {
        // Ports by what applications they allow; few different ones, so few products to unite.
        let mut by_applications: BTreeMap<ApplicationSet, Vec<ProtocolSet>> = BTreeMap::new();
        let mut covered = Vec::new();
        let mut at = 0;
        while at < self.entries.len() {
            let first = self.entries[at];
            let group = self.entries[at..]
                .iter()
                .take_while(|entry| (entry.protocol, entry.port) == (first.protocol, first.port))
                .count();
            let ports = prefix(first.protocol, first.port, first.prefix_len);
            let applications = applications(&self.entries[at..at + group]);
            covered.push(ports.clone());
            by_applications.entry(applications).or_default().push(ports);
            at += group;
        }
        if self.otherwise.allow {
            let covered: ProtocolSet = covered.into_iter().collect();
            by_applications.entry(ApplicationSet::all()).or_default().push(covered.complement());
        }
        let products = by_applications
            .into_iter()
            .map(|(applications, ports)| TrafficSet::new(&ports.into_iter().collect(), &applications));
        products.fold(TrafficSet::none(), |all, more| all.union(&more))
    }
}

fn prefix(protocol: IpProtocol, port: u16, length: u8) -> ProtocolSet {
    if length == 0 {
        return ProtocolSet::protocol(protocol);
    }
    let last = port | (u32::from(u16::MAX) >> length) as u16;
    ProtocolSet::ports(protocol, &PortSet::from(PortRange { first: port, last }))
}

/// The applications that the entries of one port prefix allow.
fn applications(entries: &[crate::compiled::Entry]) -> ApplicationSet {
    let of = |application: Option<Application>| {
        entries.iter().find(|entry| entry.application == application).map(|entry| entry.outcome.allow)
    };
    let unknown = of(None).unwrap_or(false);
    let others = of(Some(Application::OTHER)).unwrap_or(unknown);
    let single = ApplicationSet::single(Application::UNKNOWN);
    let mut allowed = if others { single.complement() } else { ApplicationSet::none() };
    for entry in entries {
        if let Some(application) = entry.application.filter(|app| *app != Application::OTHER) {
            let one = ApplicationSet::single(application);
            allowed = if entry.outcome.allow { allowed.union(&one) } else { allowed.difference(&one) };
        }
    }
    if unknown { allowed.union(&single) } else { allowed.difference(&single) }
}
