//! From documents to tables. Compiling again what changed little costs little: rules, atoms and whole directions that
//! came out the same are the same allocations as before, so that a node finds the difference by comparing pointers.

mod bound;
pub(crate) mod direction;

use crate::{
    compiled::{Class, CompiledDirection, CompiledPolicy, CompiledService, Outcome},
    document::{ExternalEndpoint, PeerSpec, Zone},
    effective::{BoundDocuments, Changed, EffectivePolicy, EffectiveRule, slot},
    external::{Atoms, Parts},
    inventory::{Inventory, Service},
    numbers::NumberMap,
    rulebook::RuleBook,
    set::{ExternalPart, PolicySet},
};
use bound::{BoundRule, PeerSet};
use bulkhead_model::{Direction, Identity, RuleRef, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    net::IpAddr,
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
    /// The atoms of peers with external parts, by their allocation, which `resolved` keeps.
    atoms_of: NumberMap<usize, Vec<Identity>>,
    resolved: Resolved,
    last: Option<Last>,
}

/// What the last compilation came to, where no other sets stood beside it.
#[derive(Debug)]
struct Last {
    policy: Arc<CompiledPolicy>,
    /// What names resolved to.
    names: BTreeMap<Box<str>, BTreeSet<IpAddr>>,
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
    /// Forgets everything if what it was based on has changed; says whether it has not.
    fn renew(&mut self, set: &PolicySet, inventory: &Inventory) -> bool {
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
        same
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

    /// The rules of every service, by the numbers of this compiler; cheap after the same was compiled.
    pub(crate) fn effective(
        &mut self,
        set: &PolicySet,
        inventory: &Inventory,
        now: Timestamp,
    ) -> EffectivePolicy {
        self.resolved.renew(set, inventory);
        let documents = &mut self.resolved.documents;
        let (effective, changed) = EffectivePolicy::rebind(set, inventory, &mut self.book, now, documents);
        // What has changed is not compiled yet, and would not be told again.
        if changed.is_none_or(|changed| !changed.is_empty()) {
            self.last = None;
        }
        effective
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
        if !self.resolved.renew(set, inventory) {
            self.last = None;
        }
        let documents = &mut self.resolved.documents;
        let (effective, changed) = EffectivePolicy::rebind(set, inventory, &mut self.book, now, documents);
        let last = self.last.take().filter(|last| others.is_empty() && last.names == *inventory.names());
        if let (Some(last), Some(changed)) = (last, changed)
            && let Some(policy) = self.recompile(&last.policy, &changed, set, inventory, &effective)
        {
            self.last = Some(Last { policy: Arc::clone(&policy), ..last });
            return policy;
        }
        let atoms = self.bind(set, others, inventory, &effective);
        if *self.atoms != *atoms.all {
            self.atoms = atoms.all.into();
        }
        let mut before = std::mem::take(&mut self.directions);
        self.directions.reserve(before.len());
        let mut alike = Alike::default();
        let mut services: Vec<CompiledService> = Vec::with_capacity(inventory.services().len());
        for service in inventory.services() {
            let mut make = |direction: Direction| {
                let old = before.remove(&(service.identity, slot(direction)));
                self.direction(service, direction, &effective, old, &mut alike, inventory)
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
        let policy = Arc::new(CompiledPolicy { services, prefixes: atoms.prefixes });
        if others.is_empty() {
            self.last = Some(Last { policy: Arc::clone(&policy), names: inventory.names().clone() });
        }
        policy
    }

    /// The tables after a change of some documents: those of other services are the tables of before. Nothing where the
    /// change cuts the addresses outside in another way, which may concern everybody.
    fn recompile(
        &mut self,
        last: &CompiledPolicy,
        changed: &Changed,
        set: &PolicySet,
        inventory: &Inventory,
        effective: &EffectivePolicy,
    ) -> Option<Arc<CompiledPolicy>> {
        let documents = || changed.gone.iter().chain(&changed.come);
        let living: HashSet<RuleRef> = changed
            .services
            .iter()
            .flat_map(|&service| DIRECTIONS.into_iter().flat_map(move |way| effective.rules(service, way)))
            .map(|rule| rule.reference)
            .collect();
        let come = changed.come.iter().flat_map(|document| document.rules());
        for rule in come.filter(|rule| living.contains(&rule.reference)) {
            let of_rule = self.peers_of(rule.reference, rule, set, inventory);
            // Parts that no rule had are cut out of others.
            if of_rule.iter().any(|peers| !self.is_cut(peers)) {
                return None;
            }
            let union = union(&of_rule, |peers| self.atoms_of_peers(peers));
            self.take_rule(rule.reference, rule, union);
        }
        for rule in documents().flat_map(|document| document.rules()) {
            if !living.contains(&rule.reference) {
                self.rules.remove(&rule.reference);
                self.resolved.of_rule.remove(&rule.reference);
            }
        }
        let unused = |peers: &Arc<Peers>| Arc::strong_count(peers) == 1;
        // And those that no rule has any more are not.
        if self.resolved.peers.values().any(|peers| unused(peers) && !peers.parts.is_empty()) {
            return None;
        }
        self.resolved.peers.retain(|_, peers| !unused(peers));
        let mut alike = Alike::default();
        let mut services = Vec::with_capacity(last.services.len());
        for before in &last.services {
            let service = inventory.by_identity(before.identity)?;
            let mut make = |direction: Direction, old: &Arc<CompiledDirection>| {
                let place = (service.identity, slot(direction));
                // Names of ports may mean something else than before.
                let named = self.directions.get(&place).is_some_and(|compiled| !compiled.is_shareable());
                if !named && !changed.services.contains(&service.identity) {
                    return Arc::clone(old);
                }
                let before = self.directions.remove(&place);
                self.direction(service, direction, effective, before, &mut alike, inventory)
            };
            let ingress = make(Direction::Ingress, &before.ingress);
            let egress = make(Direction::Egress, &before.egress);
            services.push(CompiledService {
                identity: service.identity,
                mode: service.mode,
                ingress,
                egress,
            });
        }
        Some(Arc::new(CompiledPolicy { services, prefixes: last.prefixes.clone() }))
    }

    /// The tables of one direction of a service: those of before where nothing about it has changed.
    fn direction(
        &mut self,
        service: &Service,
        direction: Direction,
        effective: &EffectivePolicy,
        before: Option<Compiled>,
        alike: &mut Alike,
        inventory: &Inventory,
    ) -> Arc<CompiledDirection> {
        let rules = effective.rules(service.identity, direction);
        let numbers: Vec<RuleRef> = rules.iter().map(|rule| rule.reference).collect();
        if numbers.is_empty() {
            let nothing =
                || Arc::new(CompiledDirection { classes: vec![Class::default()], ..Default::default() });
            return Arc::clone(self.empty.get_or_insert_with(nothing));
        }
        let rules: Vec<Arc<BoundRule>> =
            numbers.iter().map(|number| Arc::clone(&self.rules[number])).collect();
        // Names of ports mean something else to every service.
        let shareable = is_shareable(&rules);
        let made = match &before {
            Some(old) if shareable && old.is_of(&rules, &self.atoms) => Arc::clone(&old.direction),
            _ => match alike.get(&(slot(direction), numbers.clone())).filter(|_| shareable) {
                Some(same) => Arc::clone(same),
                None => Arc::new(direction::compile(&rules, direction, service, inventory, &self.atoms)),
            },
        };
        // The same tables stay the same allocation, whatever was computed anew on the way.
        let made = match before {
            Some(old) if Arc::ptr_eq(&old.direction, &made) || *old.direction == *made => old.direction,
            _ => made,
        };
        if shareable {
            alike.entry((slot(direction), numbers)).or_insert_with(|| Arc::clone(&made));
        }
        let compiled = Compiled { rules, atoms: Arc::clone(&self.atoms), direction: Arc::clone(&made) };
        self.directions.insert((service.identity, slot(direction)), compiled);
        made
    }

    /// What the peers of a rule mean, which is resolved once.
    fn peers_of(
        &mut self,
        reference: RuleRef,
        effective: &EffectiveRule,
        set: &PolicySet,
        inventory: &Inventory,
    ) -> Arc<[Arc<Peers>]> {
        if let Some(known) = self.resolved.of_rule.get(&reference) {
            return Arc::clone(known);
        }
        let specs = effective.rule().peers.iter();
        let of_rule: Arc<[_]> = specs.map(|spec| self.resolved.peers(spec, set, inventory)).collect();
        self.resolved.of_rule.insert(reference, Arc::clone(&of_rule));
        of_rule
    }

    /// What the external parts of a peer were cut into.
    fn atoms_of_peers(&self, peers: &Arc<Peers>) -> Vec<Identity> {
        self.atoms_of.get(&address(peers)).cloned().unwrap_or_default()
    }

    /// Whether the external parts of a peer were cut by the last compilation.
    fn is_cut(&self, peers: &Arc<Peers>) -> bool {
        peers.parts.is_empty() || self.atoms_of.contains_key(&address(peers))
    }

    /// Keeps a rule as it is bound now; the one of before where it is the same.
    fn take_rule(&mut self, reference: RuleRef, effective: &EffectiveRule, peers: Arc<PeerSet>) {
        let passes = effective.passes;
        // A number stands for one text for ever, so only what its peers mean can have changed.
        let same = self.rules.get(&reference).is_some_and(|old| {
            old.passes == passes && (Arc::ptr_eq(&old.peers, &peers) || old.peers == peers)
        });
        if !same {
            let rule = BoundRule::new(reference, effective.rule(), peers, passes);
            self.rules.insert(reference, Arc::new(rule));
        }
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
            let of_rule = self.peers_of(reference, effective, set, inventory);
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
        let of_part = |part: &usize| atoms.of_part[*part].iter().copied();
        let of_peers =
            |(place, parts): (usize, Vec<usize>)| (place, parts.iter().flat_map(of_part).collect());
        self.atoms_of = positions.into_iter().map(of_peers).collect();
        for &(reference, effective) in &rules {
            let of_rule = Arc::clone(&self.resolved.of_rule[&reference]);
            let union = union(&of_rule, |peers| self.atoms_of_peers(peers));
            self.take_rule(reference, effective, union);
        }
        if self.rules.len() > rules.len() {
            self.rules.retain(|number, _| is_there(number));
        }
        // Those that no rule has any more.
        self.resolved.peers.retain(|_, peers| Arc::strong_count(peers) > 1);
        atoms
    }
}

const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

/// Directions of the same rules have the same tables.
type Alike = NumberMap<(usize, Vec<RuleRef>), Arc<CompiledDirection>>;

/// All that the peers of a rule mean together, with the atoms of those that have external parts.
fn union(of_rule: &[Arc<Peers>], atoms: impl Fn(&Arc<Peers>) -> Vec<Identity>) -> Arc<PeerSet> {
    match of_rule {
        [peers] if peers.parts.is_empty() => Arc::clone(&peers.set),
        of_rule => {
            let mut union = PeerSet::default();
            for peers in of_rule {
                union.add(&peers.set);
                union.atoms.extend(atoms(peers));
            }
            Arc::new(union)
        }
    }
}

fn is_shareable(rules: &[Arc<BoundRule>]) -> bool {
    rules.iter().all(|rule| rule.named.is_empty())
}

/// The address of peers.
fn address(peers: &Arc<Peers>) -> usize {
    Arc::as_ptr(peers) as usize
}

impl Compiled {
    fn is_shareable(&self) -> bool {
        is_shareable(&self.rules)
    }

    fn is_of(&self, rules: &[Arc<BoundRule>], atoms: &Arc<[Identity]>) -> bool {
        self.rules.len() == rules.len()
            && self.rules.iter().zip(rules).all(|(a, b)| Arc::ptr_eq(a, b))
            && (Arc::ptr_eq(&self.atoms, atoms) || self.atoms == *atoms)
    }
}
