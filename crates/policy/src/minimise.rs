//! The smallest policy that says the same: rules that others cover go, rules that differ in one thing are joined.
//!
//! *The same* is said of each side of each service, over all flows, by the set engine, and not only for the services that
//! there are: for every namespace, label and pattern that documents speak of, services that nothing else distinguishes
//! stand in, so that a rule for what is yet to come is not taken for one that means nothing. What expires covers nothing
//! that stays.

mod ghosts;
mod join;

pub use ghosts::with_stand_ins;

use crate::{
    compile::{Compiler, direction},
    compiled::{Class, CompiledDirection, CompiledPolicy},
    document::{Action, Document, DocumentKey, PortMatch, SegmentationPolicy},
    effective::{EffectiveRule, slot},
    evaluate::Evaluator,
    flowset::TrafficSet,
    inventory::Inventory,
    numbers::NumberMap,
    rulebook::RuleBook,
    set::PolicySet,
    verify::stand_in_for_names,
};
use bulkhead_model::{Direction, EdgeKey, Identity, RuleRef, Timestamp};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

/// A smaller policy, and how it came about.
#[derive(Debug, Clone)]
pub struct Minimised {
    pub set: PolicySet,
    pub dropped: Vec<Dropped>,
    /// Rules before and after.
    pub before: usize,
    pub after: usize,
    /// Whether both say the same of every flow, apart from what was dropped because nothing used it.
    pub equal: bool,
}

/// A rule that is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// `shop/redis ingress[1]`
    pub rule: String,
    pub text: String,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Other rules say all that it says.
    Covered,
    /// It has expired.
    Expired,
    /// No connection that was seen needs it.
    Unused,
}

type Place = (DocumentKey, Direction, usize);

/// Makes a policy smaller. With `evidence`, connections that were seen, rules that none of them needs are dropped as well,
/// of services of which any was seen: the result then allows less.
pub fn minimise(
    set: &PolicySet,
    inventory: &Inventory,
    evidence: Option<&[EdgeKey]>,
    now: Timestamp,
) -> Minimised {
    let before = count(set);
    let mut gone: BTreeMap<Place, Why> = expired(set, now);
    if let Some(edges) = evidence {
        gone.extend(unused(set, inventory, edges, now));
    }
    let base = without(set, &gone.keys().cloned().collect());
    let known = stand_in_for_names(&base, inventory, &[]);
    let (known, complete) = ghosts::beside(&base, known);
    let mut search = Search::new(&base, &known, now, complete);
    let covered = search.covered();
    let small = join::joined(&without(&base, &covered));
    let dropped = covered.into_iter().map(|place| (place, Why::Covered));
    // Positions of the base are not those of the set where something had gone before.
    let dropped: Vec<Dropped> = dropped
        .filter_map(|(place, why)| told(&base, &place, why))
        .chain(gone.iter().filter_map(|(place, why)| told(set, place, *why)))
        .collect();
    let equal = search.same(&small, now);
    Minimised { after: count(&small), set: small, dropped, before, equal }
}

fn count(set: &PolicySet) -> usize {
    set.policies().map(|policy| policy.ingress.len() + policy.egress.len()).sum()
}

fn told(set: &PolicySet, (key, direction, index): &Place, why: Why) -> Option<Dropped> {
    let Document::Policy(policy) = set.get(key)? else { return None };
    let text = policy.rules(*direction).get(*index)?.text(*direction);
    Some(Dropped { rule: format!("{key} {direction}[{index}]"), text, why })
}

const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

fn expired(set: &PolicySet, now: Timestamp) -> BTreeMap<Place, Why> {
    let mut gone = BTreeMap::new();
    for policy in set.policies() {
        for direction in DIRECTIONS {
            for (index, rule) in policy.rules(direction).iter().enumerate() {
                if !rule.is_live(now) {
                    gone.insert((policy.key(), direction, index), Why::Expired);
                }
            }
        }
    }
    gone
}

/// Allowing rules that decide about nothing that was seen, of services of which something was.
fn unused(set: &PolicySet, inventory: &Inventory, edges: &[EdgeKey], now: Timestamp) -> BTreeMap<Place, Why> {
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(set, inventory, &mut book, now);
    let (mut used, mut seen) = (HashSet::new(), HashSet::new());
    for edge in edges {
        for side in evaluator.edge_verdict(edge).sides() {
            used.insert(side.decision.reference());
            seen.extend(inventory.service(&side.service).map(|service| (service.identity, side.direction)));
        }
    }
    let (mut gone, mut silent) = (BTreeMap::new(), HashSet::new());
    for service in inventory.services() {
        for direction in DIRECTIONS {
            for rule in evaluator.effective().rules(service.identity, direction) {
                if rule.is_border() || rule.rule().action != Action::Allow || used.contains(&rule.reference) {
                    continue;
                }
                if seen.contains(&(service.identity, direction)) {
                    gone.insert(place(rule), Why::Unused);
                } else {
                    // It is also the rule of a service of which nothing is known.
                    silent.insert(place(rule));
                }
            }
        }
    }
    gone.retain(|place, _| !silent.contains(place));
    gone
}

fn place(rule: &EffectiveRule) -> Place {
    (rule.document(), rule.direction, rule.index)
}

/// The set without some rules. A document that has lost all goes too, unless it says something else or is the only one of
/// its target: that somebody has a policy closes what it does not allow.
fn without(set: &PolicySet, gone: &BTreeSet<Place>) -> PolicySet {
    let mut less = set.clone();
    let targets: Vec<_> = set.policies().map(|policy| (policy.key(), policy.target.clone())).collect();
    for (key, _) in &targets {
        let Some(Document::Policy(mut policy)) = set.get(key) else { continue };
        let keep = |direction, rules: &mut Vec<_>| {
            let mut index = 0;
            rules.retain(|_| {
                index += 1;
                !gone.contains(&(key.clone(), direction, index - 1))
            });
        };
        let rules = policy.ingress.len() + policy.egress.len();
        keep(Direction::Ingress, &mut policy.ingress);
        keep(Direction::Egress, &mut policy.egress);
        let empty = policy.ingress.is_empty() && policy.egress.is_empty();
        let another = || less.policies().any(|other| other.target == policy.target && other.key() != *key);
        if empty && rules > 0 && policy.mode.is_none() && another() {
            less.remove(key);
        } else if policy.ingress.len() + policy.egress.len() < rules {
            less.insert(Document::Policy(policy));
        }
    }
    less
}

/// What classes allow, each computed once.
#[derive(Default)]
struct Allowed(HashMap<Class, TrafficSet>);

impl Allowed {
    fn learn(&mut self, class: &Class) {
        if !self.0.contains_key(class) {
            self.0.insert(class.clone(), class.allowed());
        }
    }

    fn equal(&mut self, a: &Class, b: &Class) -> bool {
        if a != b {
            self.learn(a);
            self.learn(b);
        }
        a == b || self.0.get(a) == self.0.get(b)
    }

    /// Whether two tables allow the same to every peer, whichever rules decide.
    fn same(&mut self, a: &CompiledDirection, b: &CompiledDirection) -> bool {
        if a == b {
            return true;
        }
        let named =
            |tables: &CompiledDirection| tables.peers.iter().map(|(peer, _)| *peer).collect::<BTreeSet<_>>();
        let mut pairs: BTreeSet<(u32, u32)> = BTreeSet::from([(a.default, b.default)]);
        pairs.extend(named(a).union(&named(b)).map(|&peer| (a.class_of(peer), b.class_of(peer))));
        pairs.into_iter().all(|(of_a, of_b)| self.equal(&a.classes[of_a as usize], &b.classes[of_b as usize]))
    }
}

/// The search for rules without which nothing changes.
struct Search<'a> {
    base: &'a PolicySet,
    inventory: &'a Inventory,
    compiler: Compiler,
    compiled: Arc<CompiledPolicy>,
    /// Rules of each side of each service that are left, in deciding order, and the tables that they make.
    lists: NumberMap<(Identity, usize), (Vec<RuleRef>, Arc<CompiledDirection>)>,
    /// Every rule and whose it is.
    rules: BTreeMap<Place, Candidate>,
    expiring: HashSet<RuleRef>,
    denying: HashSet<RuleRef>,
    /// Whether services stand in for all that denials and other rules could mean together.
    complete: bool,
    allowed: Allowed,
}

struct Candidate {
    reference: RuleRef,
    holders: Vec<Identity>,
    /// How much it says, roughly: those that say little are tried first, so that the broad ones stay.
    breadth: usize,
    droppable: bool,
}

impl<'a> Search<'a> {
    fn new(set: &'a PolicySet, inventory: &'a Inventory, now: Timestamp, complete: bool) -> Self {
        let mut compiler = Compiler::default();
        // Rules that hold nowhere cut addresses too, here as in what comes of it.
        let compiled = compiler.compile_beside(set, &[set], inventory, now);
        let effective = compiler.effective(set, inventory, now);
        let mut search = Self {
            base: set,
            inventory,
            compiler,
            compiled: Arc::clone(&compiled),
            lists: NumberMap::default(),
            rules: BTreeMap::new(),
            expiring: HashSet::new(),
            denying: HashSet::new(),
            complete,
            allowed: Allowed::default(),
        };
        for tables in &compiled.services {
            for (direction, tables_of_side) in DIRECTIONS.into_iter().zip([&tables.ingress, &tables.egress]) {
                let rules = effective.rules(tables.identity, direction);
                for rule in rules {
                    search.take(rule, tables.identity);
                }
                let numbers = rules.iter().map(|rule| rule.reference).collect();
                let side = (tables.identity, slot(direction));
                search.lists.insert(side, (numbers, Arc::clone(tables_of_side)));
            }
        }
        search
    }

    fn take(&mut self, effective: &EffectiveRule, holder: Identity) {
        let rule = effective.rule();
        if rule.expires.is_some() {
            self.expiring.insert(effective.reference);
        }
        if rule.action == Action::Deny {
            self.denying.insert(effective.reference);
        }
        if effective.is_border() {
            return;
        }
        let breadth = self.compiler.breadth(effective.reference);
        let named = rule.ports.iter().any(|port| matches!(port.port, PortMatch::Named(_)));
        self.rules
            .entry(place(effective))
            .or_insert_with(|| Candidate {
                reference: effective.reference,
                holders: Vec::new(),
                breadth,
                droppable: !named,
            })
            .holders
            .push(holder);
    }

    /// Rules without which nothing changes, each after those before it have gone.
    fn covered(&mut self) -> BTreeSet<Place> {
        let mut order: Vec<(usize, Place)> =
            self.rules.iter().map(|(place, rule)| (rule.breadth, place.clone())).collect();
        order.sort();
        let mut gone = BTreeSet::new();
        for (_, place) in order {
            let Some(rule) = self.rules.remove(&place) else { continue };
            if !rule.droppable {
                continue;
            }
            let less: Option<Vec<_>> =
                rule.holders.iter().map(|&holder| self.spared(holder, place.1, rule.reference)).collect();
            let Some(less) = less else { continue };
            for (&holder, tables) in rule.holders.iter().zip(less) {
                if let Some((list, made)) = self.lists.get_mut(&(holder, slot(place.1))) {
                    list.retain(|reference| *reference != rule.reference);
                    *made = Arc::new(tables);
                }
            }
            gone.insert(place);
        }
        gone
    }

    /// The tables of a side of a service without a rule, if these say the same.
    fn spared(
        &mut self,
        holder: Identity,
        direction: Direction,
        reference: RuleRef,
    ) -> Option<CompiledDirection> {
        let (list, with) = self.lists.get(&(holder, slot(direction)))?;
        let own_expires = self.expiring.contains(&reference);
        if !own_expires && list.iter().any(|other| self.expiring.contains(other)) {
            return None;
        }
        if !self.complete && list.iter().any(|other| self.denying.contains(other)) {
            return None;
        }
        if !self.compiler.may_be_spared(reference, list) {
            return None;
        }
        let service = self.inventory.by_identity(holder)?;
        let less: Vec<RuleRef> = list.iter().copied().filter(|other| *other != reference).collect();
        let tables = |list: &[RuleRef], open: bool| {
            let mut rules = self.compiler.bound(list);
            rules.extend(open.then(Compiler::everything));
            direction::compile(&rules, direction, service, self.inventory, self.compiler.atoms())
        };
        let without = tables(&less, false);
        if !self.allowed.same(with, &without) {
            return None;
        }
        // A denial is also a guard against rules that somebody will write: another denial must say what it says.
        let guards = self.denying.contains(&reference);
        let open = guards.then(|| (tables(list, true), tables(&less, true)));
        let still_guarded = open.is_none_or(|(with, without)| self.allowed.same(&with, &without));
        still_guarded.then_some(without)
    }

    /// Whether a smaller set says the same of each side of each service as the one that was searched.
    fn same(&mut self, small: &PolicySet, now: Timestamp) -> bool {
        let atoms = self.compiler.atoms().to_vec();
        let tables = self.compiler.compile_beside(small, &[self.base, small], self.inventory, now);
        // A smaller set speaks of no address of which the whole one does not, so that both are cut alike.
        let whole = if self.compiler.atoms() == atoms {
            Arc::clone(&self.compiled)
        } else {
            self.compiler.compile_beside(self.base, &[self.base, small], self.inventory, now)
        };
        whole.services.iter().zip(&tables.services).all(|(a, b)| {
            self.allowed.same(&a.ingress, &b.ingress) && self.allowed.same(&a.egress, &b.egress)
        })
    }
}

/// Rules of one document and direction.
fn rules_mut(policy: &mut SegmentationPolicy, direction: Direction) -> &mut Vec<crate::document::Rule> {
    match direction {
        Direction::Ingress => &mut policy.ingress,
        Direction::Egress => &mut policy.egress,
    }
}
