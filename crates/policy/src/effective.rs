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
use std::{collections::BTreeSet, sync::Arc};

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
    services: Arc<ByService>,
}

/// Rules of ingress and egress.
type ByService = NumberMap<Identity, [Vec<Arc<EffectiveRule>>; 2]>;

/// Documents that were bound before: those that did not change need not be bound again, as long as services, zones and
/// labels are the same.
#[derive(Debug, Default)]
pub(crate) struct BoundDocuments {
    /// By the allocation of the policy, which they keep.
    documents: NumberMap<usize, Arc<BoundDocument>>,
    borders: Option<Arc<[Border]>>,
    last: Option<Bound>,
}

/// What came out last, and from when until when no rule of it expires.
#[derive(Debug)]
struct Bound {
    services: Arc<ByService>,
    since: Timestamp,
    until: Timestamp,
}

/// What is not as it was bound before.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// Whose rules are others than before.
    pub(crate) services: BTreeSet<Identity>,
    pub(crate) gone: Vec<Arc<BoundDocument>>,
    pub(crate) come: Vec<Arc<BoundDocument>>,
}

#[derive(Debug)]
pub(crate) struct BoundDocument {
    /// Keeps its allocation.
    _policy: Arc<SegmentationPolicy>,
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
        Self { _policy: Arc::clone(policy), targets, rules, holders: None }
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
        Self { _policy: Arc::clone(&border.policy), targets: Vec::new(), rules, holders: Some(holders) }
    }

    /// Gives its living rules to those whose they are, and says until when all of them live.
    fn hold(&self, by_service: &mut ByService, until: &mut Timestamp, now: Timestamp) {
        for (slot, rules) in self.rules.iter().enumerate() {
            for rule in rules.iter().filter(|rule| rule.rule().is_live(now)) {
                *until = rule.rule().expires.map_or(*until, |expires| expires.min(*until));
                for target in self.targets(slot, rule.index) {
                    by_service.entry(*target).or_default()[slot].push(Arc::clone(rule));
                }
            }
        }
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &Arc<EffectiveRule>> {
        self.rules.iter().flatten()
    }

    /// Whose rule the one at this position is.
    fn targets(&self, slot: usize, index: usize) -> &[Identity] {
        match &self.holders {
            Some(holders) => &holders[slot][index],
            None => &self.targets,
        }
    }
}

impl Changed {
    pub(crate) fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.come.is_empty()
    }
}

impl Bound {
    fn of<'d>(
        documents: impl Iterator<Item = &'d Arc<BoundDocument>>,
        services: usize,
        now: Timestamp,
    ) -> Self {
        let mut by_service = ByService::default();
        by_service.reserve(services);
        let mut until = Timestamp(u64::MAX);
        for document in documents {
            document.hold(&mut by_service, &mut until, now);
        }
        for rules in by_service.values_mut().flatten() {
            rules.sort_by(|a, b| a.rank().cmp(&b.rank()));
        }
        Self { services: Arc::new(by_service), since: now, until }
    }

    /// After some documents have gone and others have come; tells whose rules that concerns.
    fn with(mut self, changed: &mut Changed, now: Timestamp) -> Self {
        // Nobody else has it as a rule, so that it need not be copied.
        let by_service = Arc::make_mut(&mut self.services);
        for document in changed.gone.iter().chain(&changed.come) {
            for (slot, rules) in document.rules.iter().enumerate() {
                changed.services.extend(rules.iter().flat_map(|rule| document.targets(slot, rule.index)));
            }
        }
        let gone: BTreeSet<RuleRef> =
            changed.gone.iter().flat_map(|document| document.rules()).map(|rule| rule.reference).collect();
        for service in &changed.services {
            for rules in by_service.get_mut(service).into_iter().flatten() {
                rules.retain(|rule| !gone.contains(&rule.reference));
            }
        }
        for document in &changed.come {
            document.hold(by_service, &mut self.until, now);
        }
        for service in &changed.services {
            for rules in by_service.get_mut(service).into_iter().flatten() {
                rules.sort_by(|a, b| a.rank().cmp(&b.rank()));
            }
        }
        Self { since: now, ..self }
    }
}

impl EffectivePolicy {
    /// Binds documents to services. Rules that have expired at `now` are left out.
    pub fn new(set: &PolicySet, inventory: &Inventory, book: &mut RuleBook, now: Timestamp) -> Self {
        Self::rebind(set, inventory, book, now, &mut BoundDocuments::default()).0
    }

    /// [`EffectivePolicy::new`] for one who keeps `bound`, and empties it when services or zones change. Says what is not as
    /// it was the last time; nothing where everything may be different.
    pub(crate) fn rebind(
        set: &PolicySet,
        inventory: &Inventory,
        book: &mut RuleBook,
        now: Timestamp,
        bound: &mut BoundDocuments,
    ) -> (Self, Option<Changed>) {
        let borders = Arc::clone(bound.borders.get_or_insert_with(|| borders(set).into()));
        let of_borders = || borders.iter().map(|border| &border.policy);
        book.number(set.policies().chain(of_borders()));
        let mut before = std::mem::take(&mut bound.documents);
        bound.documents.reserve(before.len());
        let mut changed = Changed::default();
        let documents = set.policies().map(|policy| (policy, None));
        for (policy, border) in documents.chain(borders.iter().map(|border| (&border.policy, Some(border)))) {
            let place = Arc::as_ptr(policy) as usize;
            let document = before.remove(&place).unwrap_or_else(|| {
                let numbers = book.numbers_of(policy);
                let document = Arc::new(match border {
                    Some(border) => BoundDocument::of_border(border, &numbers, set, inventory),
                    None => BoundDocument::new(policy, &numbers, set, inventory),
                });
                changed.come.push(Arc::clone(&document));
                document
            });
            bound.documents.insert(place, document);
        }
        changed.gone = before.into_values().collect();
        let last = bound.last.take().filter(|last| last.since <= now && now < last.until);
        let anew = last.is_none();
        let last = match last {
            Some(last) => last.with(&mut changed, now),
            None => Bound::of(bound.documents.values(), inventory.services().len(), now),
        };
        let effective = Self { services: Arc::clone(&last.services) };
        bound.last = Some(last);
        (effective, (!anew).then_some(changed))
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
