//! Which rules hold for which service, in the order in which they decide.

use crate::{
    document::{Action, DocumentKey, Rule, SegmentationPolicy},
    inventory::Inventory,
    rulebook::{Numbers, RuleBook},
    set::PolicySet,
};
use bulkhead_model::{Direction, Identity, RuleOrigin, RuleRef, ServiceName, Timestamp};
use std::{collections::HashMap, sync::Arc};

/// A rule as it holds for the services that its document targets.
#[derive(Debug, Clone)]
pub struct EffectiveRule {
    pub reference: RuleRef,
    pub direction: Direction,
    /// Position in the document's list of that direction, from 0.
    pub index: usize,
    pub policy: Arc<SegmentationPolicy>,
}

impl EffectiveRule {
    pub fn rule(&self) -> &Rule {
        &self.policy.rules(self.direction)[self.index]
    }

    pub fn origin(&self) -> RuleOrigin {
        self.policy.tier
    }

    /// Position inside the tier: the rule's own, else its document's.
    pub fn order(&self) -> Option<i32> {
        self.rule().order.or(self.policy.order)
    }

    pub fn document(&self) -> DocumentKey {
        self.policy.key()
    }

    /// `shop/redis ingress[0]`
    pub fn title(&self) -> String {
        let title = format!("{} {}[{}]", self.document(), self.direction, self.index);
        match &self.rule().name {
            Some(name) => format!("{title} \"{name}\""),
            None => title,
        }
    }

    /// Less decides first: tier, then explicit order (none comes last), then deny before allow, then names and
    /// positions, which only decide which of two rules of one action is called the deciding one.
    fn rank(&self) -> impl Ord + '_ {
        let metadata = &self.policy.metadata;
        (
            self.policy.tier,
            self.order().map_or(i64::MAX, i64::from),
            self.rule().action == Action::Allow,
            (metadata.namespace.as_str(), metadata.name.as_str()),
            self.index,
        )
    }
}

/// The live rules of every service, in deciding order.
#[derive(Debug, Clone, Default)]
pub struct EffectivePolicy {
    services: HashMap<Identity, [Vec<Arc<EffectiveRule>>; 2]>,
}

/// Documents that were bound before: those that did not change need not be bound again, as long as services, zones and
/// labels are the same.
#[derive(Debug, Default)]
pub(crate) struct BoundDocuments(HashMap<DocumentKey, Arc<BoundDocument>>);

#[derive(Debug)]
struct BoundDocument {
    policy: Arc<SegmentationPolicy>,
    targets: Vec<Identity>,
    rules: [Vec<Arc<EffectiveRule>>; 2],
}

impl BoundDocument {
    fn new(
        policy: &Arc<SegmentationPolicy>,
        numbers: &Numbers,
        set: &PolicySet,
        inventory: &Inventory,
    ) -> Self {
        let targets = set.select(&policy.target, inventory);
        let rules = [Direction::Ingress, Direction::Egress].map(|direction| {
            let numbers = numbers[slot(direction)].iter().enumerate();
            numbers
                .map(|(index, &reference)| {
                    Arc::new(EffectiveRule { reference, direction, index, policy: Arc::clone(policy) })
                })
                .collect()
        });
        let targets = targets.into_iter().map(|service| service.identity).collect();
        Self { policy: Arc::clone(policy), targets, rules }
    }
}

impl EffectivePolicy {
    /// Binds documents to services. Rules that have expired at `now` are left out.
    pub fn new(set: &PolicySet, inventory: &Inventory, book: &mut RuleBook, now: Timestamp) -> Self {
        Self::rebind(set, inventory, book, now, &mut BoundDocuments::default())
    }

    /// [`EffectivePolicy::new`] for one who keeps `bound`, and empties it when services or zones change.
    pub(crate) fn rebind(
        set: &PolicySet,
        inventory: &Inventory,
        book: &mut RuleBook,
        now: Timestamp,
        bound: &mut BoundDocuments,
    ) -> Self {
        let numbers = book.number(set.policies());
        let mut before = std::mem::take(&mut bound.0);
        let mut services: HashMap<Identity, [Vec<Arc<EffectiveRule>>; 2]> = HashMap::new();
        for policy in set.policies() {
            let key = policy.key();
            let document = match before.remove(&key) {
                Some(old) if Arc::ptr_eq(&old.policy, policy) => old,
                _ => Arc::new(BoundDocument::new(policy, &numbers[&key], set, inventory)),
            };
            for (slot, rules) in document.rules.iter().enumerate() {
                for rule in rules.iter().filter(|rule| rule.rule().is_live(now)) {
                    for target in &document.targets {
                        services.entry(*target).or_default()[slot].push(Arc::clone(rule));
                    }
                }
            }
            bound.0.insert(key, document);
        }
        for rules in services.values_mut().flatten() {
            rules.sort_by(|a, b| a.rank().cmp(&b.rank()));
        }
        Self { services }
    }

    /// Rules of a service in deciding order.
    pub fn rules(&self, service: Identity, direction: Direction) -> &[Arc<EffectiveRule>] {
        self.services.get(&service).map_or(&[], |rules| &rules[slot(direction)])
    }

    /// Rules of a service by name.
    pub fn rules_of(
        &self,
        inventory: &Inventory,
        name: &ServiceName,
        direction: Direction,
    ) -> &[Arc<EffectiveRule>] {
        inventory.service(name).map_or(&[], |service| self.rules(service.identity, direction))
    }
}

pub(crate) const fn slot(direction: Direction) -> usize {
    match direction {
        Direction::Ingress => 0,
        Direction::Egress => 1,
    }
}
