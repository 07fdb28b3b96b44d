//! From documents to tables. Compiling again what changed little costs little: rules, atoms and whole directions that
//! came out the same are the same allocations as before, so that a node finds the difference by comparing pointers.

pub(crate) mod direction;

use crate::{
    compiled::{Class, CompiledDirection, CompiledPolicy, CompiledService, Outcome},
    document::{Action, ExternalEndpoint, PeerSpec, PortMatch, Rule, Zone},
    effective::{BoundDocuments, EffectivePolicy, EffectiveRule, slot},
    external::{Atoms, Parts},
    inventory::{Inventory, Service},
    numbers::NumberMap,
    rulebook::RuleBook,
    set::{ExternalPart, PolicySet},
};
use bulkhead_model::{Application, Direction, Identity, IpProtocol, PortRange, RuleRef, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// Compiles again and again, and remembers. Save its [`RuleBook`] to keep numbers across restarts.
#[derive(Debug, Default)]
pub struct Compiler {
    book: RuleBook,
    rules: NumberMap<RuleRef, Arc<BoundRule>>,
    directions: NumberMap<(Identity, usize), Compiled>,
    empty: Option<Arc<CompiledDirection>>,
    atoms: Arc<[Identity]>,
    alone: BTreeMap<Identity, Identity>,
    resolved: Resolved,
}

/// Documents and peers that were resolved before, and what that was based on.
#[derive(Debug, Default)]
struct Resolved {
    services: Vec<Service>,
    zones: Vec<Arc<Zone>>,
    externals: Vec<Arc<ExternalEndpoint>>,
    peers: HashMap<PeerSpec, Arc<Peers>>,
    /// The peers of every rule. A number stands for one text for ever, so they need not be looked up again.
    of_rule: NumberMap<RuleRef, Arc<[Arc<Peers>]>>,
    documents: BoundDocuments,
}

/// What a peer means: those with identities, and external parts that are yet to be cut.
#[derive(Debug)]
struct Peers {
    set: Arc<PeerSet>,
    parts: Vec<ExternalPart>,
}

impl Resolved {
    /// Forgets everything if what it was based on has changed.
    fn renew(&mut self, set: &PolicySet, inventory: &Inventory) {
        // Modes come and go; criteria see names and labels alone.
        let alike =
            |a: &Service, b: &Service| a.identity == b.identity && a.name == b.name && a.labels == b.labels;
        let same = self.services.len() == inventory.services().len()
            && self.services.iter().zip(inventory.services()).all(|(a, b)| alike(a, b))
            && self.zones.iter().eq(set.zones())
            && self.externals.iter().eq(set.externals());
        if !same {
            *self = Self {
                services: inventory.services().cloned().collect(),
                zones: set.zones().cloned().collect(),
                externals: set.externals().cloned().collect(),
                ..Self::default()
            };
        }
    }

    /// What a peer means, resolved once for all rules that speak of it.
    fn peers(&mut self, spec: &PeerSpec, set: &PolicySet, inventory: &Inventory) -> Arc<Peers> {
        if let Some(known) = self.peers.get(spec) {
            return Arc::clone(known);
        }
        let peers =
            Peers { set: Arc::new(PeerSet::of(spec, set, inventory)), parts: set.external_parts(spec) };
        let peers = Arc::new(peers);
        self.peers.insert(spec.clone(), Arc::clone(&peers));
        peers
    }
}

/// What a direction was made of, and what came out.
#[derive(Debug)]
struct Compiled {
    rules: Vec<Arc<BoundRule>>,
    atoms: Arc<[Identity]>,
    direction: Arc<CompiledDirection>,
}

impl Compiler {
    pub fn new(book: RuleBook) -> Self {
        Self { book, ..Self::default() }
    }

    /// What the numbers in compiled tables stand for.
    pub fn book(&self) -> &RuleBook {
        &self.book
    }

    /// Atoms of the last compilation that are there for the sake of others alone, and what each would be without them:
    /// an atom of the set's own, or the world.
    pub fn alone(&self) -> &BTreeMap<Identity, Identity> {
        &self.alone
    }

    /// Rules of the last compilation by their numbers.
    pub(crate) fn bound(&self, rules: &[RuleRef]) -> Vec<Arc<BoundRule>> {
        rules.iter().filter_map(|rule| self.rules.get(rule)).map(Arc::clone).collect()
    }

    /// A rule that allows everything, for asking what denials alone say.
    pub(crate) fn everything() -> Arc<BoundRule> {
        Arc::new(BoundRule {
            outcome: Outcome { allow: true, rule: RuleRef::NONE },
            passes: None,
            peers: Arc::new(PeerSet { any: true, ..PeerSet::default() }),
            ports: None,
            named: Vec::new(),
            applications: Vec::new(),
        })
    }

    /// All external atoms of the last compilation.
    pub(crate) fn atoms(&self) -> &[Identity] {
        &self.atoms
    }

    /// How many peers and ports a rule means, roughly.
    pub(crate) fn breadth(&self, rule: RuleRef) -> usize {
        let Some(rule) = self.rules.get(&rule) else { return 0 };
        let ports = rule.ports.as_ref().map_or(usize::from(u16::MAX), |ports| {
            ports.iter().map(|(_, range)| usize::from(range.last - range.first) + 1).sum()
        });
        rule.peers.breadth().saturating_mul(ports.max(1))
    }

    /// Whether anything could be the same without a rule: another rule of its action speaks of one of its peers, nothing
    /// would be decided otherwise by having none, or it means nobody.
    pub(crate) fn may_be_spared(&self, rule: RuleRef, list: &[RuleRef]) -> bool {
        let Some(own) = self.rules.get(&rule) else { return false };
        let others = || list.iter().filter(|other| **other != rule).filter_map(|other| self.rules.get(other));
        !own.outcome.allow || own.peers.breadth() == 0 || others().any(|other| own.peers.meets(&other.peers))
    }

    /// For forgetting; another book in its place would give the same numbers to other rules.
    pub fn book_mut(&mut self) -> &mut RuleBook {
        &mut self.book
    }

    /// Tables for every service of the inventory. Rules that have expired at `now` are left out.
    pub fn compile(&mut self, set: &PolicySet, inventory: &Inventory, now: Timestamp) -> Arc<CompiledPolicy> {
        self.compile_beside(set, &[], inventory, now)
    }

    /// [`Compiler::compile`], with external addresses also cut where the others would cut them, so that the tables of
    /// several sets can be compared atom by atom. The tables say of every address what they say without the others.
    pub fn compile_beside(
        &mut self,
        set: &PolicySet,
        others: &[&PolicySet],
        inventory: &Inventory,
        now: Timestamp,
    ) -> Arc<CompiledPolicy> {
        self.resolved.renew(set, inventory);
        let documents = &mut self.resolved.documents;
        let effective = EffectivePolicy::rebind(set, inventory, &mut self.book, now, documents);
        let atoms = self.bind(set, others, inventory, &effective);
        if *self.atoms != *atoms.all {
            self.atoms = atoms.all.into();
        }
        let all_atoms = Arc::clone(&self.atoms);
        let nothing =
            || Arc::new(CompiledDirection { classes: vec![Class::default()], ..Default::default() });
        let empty = Arc::clone(self.empty.get_or_insert_with(nothing));
        let mut before = std::mem::take(&mut self.directions);
        self.directions.reserve(before.len());
        let mut alike: NumberMap<(usize, Vec<RuleRef>), Arc<CompiledDirection>> = NumberMap::default();
        let mut services: Vec<CompiledService> = Vec::with_capacity(inventory.services().len());
        for service in inventory.services() {
            let mut make = |direction: Direction| {
                let rules = effective.rules(service.identity, direction);
                let numbers: Vec<RuleRef> = rules.iter().map(|rule| rule.reference).collect();
                if numbers.is_empty() {
                    return Arc::clone(&empty);
                }
                let rules: Vec<Arc<BoundRule>> =
                    numbers.iter().map(|number| Arc::clone(&self.rules[number])).collect();
                // Names of ports mean something else to every service.
                let shareable = rules.iter().all(|rule| rule.named.is_empty());
                let place = (service.identity, slot(direction));
                let old = before.remove(&place);
                let made = match &old {
                    Some(old) if shareable && old.is_of(&rules, &all_atoms) => Arc::clone(&old.direction),
                    _ => match alike.get(&(slot(direction), numbers.clone())).filter(|_| shareable) {
                        Some(same) => Arc::clone(same),
                        None => {
                            Arc::new(direction::compile(&rules, direction, service, inventory, &all_atoms))
                        }
                    },
                };
                // The same tables stay the same allocation, whatever was computed anew on the way.
                let made = match old {
                    Some(old) if Arc::ptr_eq(&old.direction, &made) || *old.direction == *made => {
                        old.direction
                    }
                    _ => made,
                };
                if shareable {
                    alike.entry((slot(direction), numbers)).or_insert_with(|| Arc::clone(&made));
                }
                let atoms = Arc::clone(&all_atoms);
                self.directions.insert(place, Compiled { rules, atoms, direction: Arc::clone(&made) });
                made
            };
            let (ingress, egress) = (make(Direction::Ingress), make(Direction::Egress));
            services.push(CompiledService {
                identity: service.identity,
                mode: service.mode,
                ingress,
                egress,
            });
        }
        services.sort_by_key(|service| service.identity);
        Arc::new(CompiledPolicy { services, prefixes: atoms.prefixes })
    }

    /// Resolves the peers of all rules that hold anywhere, and cuts the external addresses they speak of into atoms.
    fn bind(
        &mut self,
        set: &PolicySet,
        others: &[&PolicySet],
        inventory: &Inventory,
        effective: &EffectivePolicy,
    ) -> Atoms {
        let mut parts = Parts::default();
        let mut rules: Vec<(RuleRef, &EffectiveRule)> = Vec::new();
        for service in inventory.services() {
            for direction in [Direction::Ingress, Direction::Egress] {
                let of_service = effective.rules(service.identity, direction).iter();
                rules.extend(of_service.map(|rule| (rule.reference, rule.as_ref())));
            }
        }
        rules.sort_unstable_by_key(|(reference, _)| *reference);
        rules.dedup_by_key(|(reference, _)| *reference);
        // Positions of their external parts, by the peers' allocation, which `of_rule` keeps in place.
        let mut positions: NumberMap<usize, Vec<usize>> = NumberMap::default();
        for &(reference, effective) in &rules {
            if !self.resolved.of_rule.contains_key(&reference) {
                let specs = effective.rule().peers.iter();
                let of_rule = specs.map(|spec| self.resolved.peers(spec, set, inventory)).collect();
                self.resolved.of_rule.insert(reference, of_rule);
            }
            let of_rule = &self.resolved.of_rule[&reference];
            for peers in of_rule.iter().filter(|peers| !peers.parts.is_empty()) {
                let add = || peers.parts.iter().map(|part| parts.add(part.clone())).collect();
                positions.entry(address(peers)).or_insert_with(add);
            }
        }
        // Those of rules that are gone.
        let is_there =
            |number: &RuleRef| rules.binary_search_by_key(number, |(reference, _)| *reference).is_ok();
        if self.resolved.of_rule.len() > rules.len() {
            self.resolved.of_rule.retain(|number, _| is_there(number));
        }
        let own = parts.len();
        for other in others {
            let borders = crate::border::borders(other);
            let borders = borders.iter().map(|border| &border.policy);
            for policy in other.policies().chain(borders) {
                for spec in policy.ingress.iter().chain(&policy.egress).flat_map(|rule| &rule.peers) {
                    other.external_parts(spec).into_iter().for_each(|part| {
                        parts.add(part);
                    });
                }
            }
        }
        let atoms = parts.cut(own, inventory, &mut self.book);
        self.alone.clone_from(&atoms.alone);
        for &(reference, effective) in &rules {
            let (rule, passes) = (effective.rule(), effective.passes);
            let union = match &*self.resolved.of_rule[&reference] {
                [peers] if peers.parts.is_empty() => Arc::clone(&peers.set),
                of_rule => {
                    let mut union = PeerSet::default();
                    for peers in of_rule {
                        union.add(&peers.set);
                        let positions = positions.get(&address(peers)).into_iter().flatten();
                        union.atoms.extend(positions.flat_map(|&part| &atoms.of_part[part]));
                    }
                    Arc::new(union)
                }
            };
            // A number stands for one text for ever, so only what its peers mean can have changed.
            let same = self.rules.get(&reference).is_some_and(|old| {
                old.passes == passes && (Arc::ptr_eq(&old.peers, &union) || old.peers == union)
            });
            if !same {
                self.rules.insert(reference, Arc::new(BoundRule::new(reference, rule, union, passes)));
            }
        }
        if self.rules.len() > rules.len() {
            self.rules.retain(|number, _| is_there(number));
        }
        // Those that no rule has any more.
        self.resolved.peers.retain(|_, peers| Arc::strong_count(peers) > 1);
        atoms
    }
}

/// The address of peers.
fn address(peers: &Arc<Peers>) -> usize {
    Arc::as_ptr(peers) as usize
}

impl Compiled {
    fn is_of(&self, rules: &[Arc<BoundRule>], atoms: &Arc<[Identity]>) -> bool {
        self.rules.len() == rules.len()
            && self.rules.iter().zip(rules).all(|(a, b)| Arc::ptr_eq(a, b))
            && (Arc::ptr_eq(&self.atoms, atoms) || self.atoms == *atoms)
    }
}

/// Who is meant, as numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct PeerSet {
    any: bool,
    /// Services that nobody knows yet included.
    every_service: bool,
    host: bool,
    remote_host: bool,
    multicast: bool,
    world: bool,
    services: BTreeSet<Identity>,
    atoms: BTreeSet<Identity>,
}

impl PeerSet {
    fn of(spec: &PeerSpec, set: &PolicySet, inventory: &Inventory) -> Self {
        let mut peers = Self::default();
        match spec {
            PeerSpec::Any => peers.any = true,
            PeerSpec::World => peers.world = true,
            PeerSpec::Host => peers.host = true,
            PeerSpec::RemoteHost => peers.remote_host = true,
            PeerSpec::Multicast => peers.multicast = true,
            PeerSpec::Services(criteria) if criteria.is_every_service() => peers.every_service = true,
            PeerSpec::Services(criteria) => {
                let selected = set.select(criteria, inventory);
                peers.services = selected.iter().map(|service| service.identity).collect();
            }
            PeerSpec::Cidr(_) | PeerSpec::Name(_) | PeerSpec::External(_) => {}
        }
        peers
    }

    fn breadth(&self) -> usize {
        let wide = [self.any, self.every_service, self.world].into_iter().filter(|wide| *wide).count();
        let one = [self.host, self.remote_host, self.multicast].into_iter().filter(|one| *one).count();
        wide.saturating_mul(1_000_000) + one + self.services.len() + self.atoms.len()
    }

    fn meets(&self, other: &PeerSet) -> bool {
        let wide = |a: &Self, b: &Self| {
            a.any
                || a.every_service && (b.every_service || !b.services.is_empty())
                || a.world && (b.world || !b.atoms.is_empty())
        };
        wide(self, other)
            || wide(other, self)
            || self.host && other.host
            || self.remote_host && other.remote_host
            || self.multicast && other.multicast
            || !self.services.is_disjoint(&other.services)
            || !self.atoms.is_disjoint(&other.atoms)
    }

    fn add(&mut self, more: &PeerSet) {
        self.any |= more.any;
        self.every_service |= more.every_service;
        self.host |= more.host;
        self.remote_host |= more.remote_host;
        self.multicast |= more.multicast;
        self.world |= more.world;
        self.services.extend(&more.services);
        self.atoms.extend(&more.atoms);
    }
}

/// A rule whose peers are numbers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BoundRule {
    outcome: Outcome,
    /// It decides nothing, but keeps this rule from deciding.
    passes: Option<RuleRef>,
    peers: Arc<PeerSet>,
    /// `None`: every protocol and port. Those of `named` are not in it.
    ports: Option<Vec<(IpProtocol, PortRange)>>,
    named: Vec<(IpProtocol, Box<str>)>,
    applications: Vec<Application>,
}

impl BoundRule {
    fn new(reference: RuleRef, rule: &Rule, peers: Arc<PeerSet>, passes: Option<RuleRef>) -> Self {
        let (mut ports, mut named) = (Vec::new(), Vec::new());
        for spec in &rule.ports {
            match &spec.port {
                PortMatch::All => ports.push((spec.protocol, PortRange::ALL)),
                PortMatch::Range(range) => ports.push((spec.protocol, *range)),
                PortMatch::Named(name) => named.push((spec.protocol, name.clone())),
            }
        }
        Self {
            outcome: Outcome { allow: rule.action == Action::Allow, rule: reference },
            passes,
            peers,
            ports: (!rule.ports.is_empty()).then_some(ports),
            named,
            applications: rule.applications.clone(),
        }
    }

    /// The ports, with the names that mean something to this server.
    fn ports_at(&self, server: Option<&Service>) -> Vec<(IpProtocol, PortRange)> {
        let mut ports = self.ports.clone().unwrap_or_default();
        for (protocol, name) in &self.named {
            let of_name = server.and_then(|server| server.named_ports.get(name));
            for &(of_protocol, port) in of_name.into_iter().flatten() {
                if of_protocol == *protocol {
                    ports.push((of_protocol, PortRange::single(port)));
                }
            }
        }
        ports
    }
}
