//! Which rules hold for which service, in the order in which they decide.

use crate::{
    border::{Border, borders},
    document::{Action, DocumentKey, Rule, SegmentationPolicy},
    inventory::Inventory,
    numbers::NumberMap,
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
    /// Where this is a conduit: the rule of the border that does not decide about what matches here.
    pub passes: Option<RuleRef>,
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

    /// Whether it belongs to the border of a zone, and to no document of rules.
    pub fn is_border(&self) -> bool {
        self.policy.is_border()
    }

    /// Less decides first: borders, each as it is written; then tier, then explicit order (none comes last), then deny before allow, then names and
    /// positions, which only decide which of two rules of one action is called the deciding one.
    fn rank(&self) -> impl Ord + '_ {
        let metadata = &self.policy.metadata;
        let border = self.is_border();
        (
            !border,
            self.policy.tier,
            self.order().map_or(i64::MAX, i64::from),
            !border && self.rule().action == Action::Allow,
            (metadata.namespace.as_str(), metadata.name.as_str()),
            self.index,
        )
    }
}

/// The live rules of every service, in deciding order.
#[derive(Debug, Clone, Default)]
pub struct EffectivePolicy {
    services: NumberMap<Identity, [Vec<Arc<EffectiveRule>>; 2]>,
}

/// Documents that were bound before: those that did not change need not be bound again, as long as services, zones and
/// labels are the same.
#[derive(Debug, Default)]
pub(crate) struct BoundDocuments {
    documents: HashMap<DocumentKey, Arc<BoundDocument>>,
    borders: Option<Arc<[Border]>>,
}

#[derive(Debug)]
struct BoundDocument {
    policy: Arc<SegmentationPolicy>,
    targets: Vec<Identity>,
    rules: [Vec<Arc<EffectiveRule>>; 2],
    /// Of a border, the targets of each rule.
    holders: Option<[Vec<Vec<Identity>>; 2]>,
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
                    let policy = Arc::clone(policy);
                    Arc::new(EffectiveRule { reference, direction, index, policy, passes: None })
                })
                .collect()
        });
        let targets = targets.into_iter().map(|service| service.identity).collect();
        Self { policy: Arc::clone(policy), targets, rules, holders: None }
    }

    fn of_border(border: &Border, numbers: &Numbers, set: &PolicySet, inventory: &Inventory) -> Self {
        let zone = &border.policy.metadata.name;
        let mut rules = [Vec::new(), Vec::new()];
        let mut holders = [Vec::new(), Vec::new()];
        for direction in [Direction::Ingress, Direction::Egress] {
            let slot = slot(direction);
            let numbers = &numbers[slot];
            for (index, holder) in border.holders[slot].iter().enumerate() {
                let policy = Arc::clone(&border.policy);
                let passes = holder.passes.map(|at| numbers[at]);
                let reference = numbers[index];
                rules[slot].push(Arc::new(EffectiveRule { reference, direction, index, policy, passes }));
                let services = inventory.services().filter(|service| holder.holds(zone, service, set));
                holders[slot].push(services.map(|service| service.identity).collect());
            }
        }
        Self { policy: Arc::clone(&border.policy), targets: Vec::new(), rules, holders: Some(holders) }
    }

    /// Whose rule the one at this position is.
    fn targets(&self, slot: usize, index: usize) -> &[Identity] {
        match &self.holders {
            Some(holders) => &holders[slot][index],
            None => &self.targets,
        }
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
        let borders = Arc::clone(bound.borders.get_or_insert_with(|| borders(set).into()));
        let of_borders = || borders.iter().map(|border| &border.policy);
        let numbers = book.number(set.policies().chain(of_borders()));
        let mut before = std::mem::take(&mut bound.documents);
        let mut services: NumberMap<Identity, [Vec<Arc<EffectiveRule>>; 2]> = NumberMap::default();
        bound.documents.reserve(before.len());
        services.reserve(inventory.services().len());
        let documents = set.policies().map(|policy| (policy, None));
        for (policy, border) in documents.chain(borders.iter().map(|border| (&border.policy, Some(border)))) {
            let key = policy.key();
            let document = match before.remove(&key) {
                Some(old) if Arc::ptr_eq(&old.policy, policy) => old,
                _ => Arc::new(match border {
                    Some(border) => BoundDocument::of_border(border, &numbers[&key], set, inventory),
                    None => BoundDocument::new(policy, &numbers[&key], set, inventory),
                }),
            };
            for (slot, rules) in document.rules.iter().enumerate() {
                for rule in rules.iter().filter(|rule| rule.rule().is_live(now)) {
                    for target in document.targets(slot, rule.index) {
                        services.entry(*target).or_default()[slot].push(Arc::clone(rule));
                    }
                }
            }
            bound.documents.insert(key, document);
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
