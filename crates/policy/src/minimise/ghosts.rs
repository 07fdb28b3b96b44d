//! Services that stand in for those that are yet to come.

use crate::{
    document::{Action, Criteria, LabelOperator, LabelSelector, PeerSpec, Zone},
    inventory::{Inventory, Service},
    set::PolicySet,
};
use bulkhead_model::{Identity, ServiceName};
use std::collections::{BTreeMap, BTreeSet};

/// More than this and pairs are not built.
const MOST: usize = 20_000;

/// What a service must have to be meant; nothing else is known of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    namespace: Option<String>,
    name: Option<String>,
    labels: BTreeMap<String, String>,
}

/// The inventory with a service for everything that documents can mean, and one for everything that a denial and something
/// else mean together; and whether that was possible.
pub(super) fn beside(set: &PolicySet, inventory: Inventory) -> (Inventory, bool) {
    let (mut all, denied) = meant(set);
    let complete = denied.len().saturating_mul(all.len()) <= MOST;
    if complete {
        let pairs: Vec<Shape> = denied.iter().flat_map(|a| all.iter().filter_map(|b| a.and(b))).collect();
        all.extend(pairs);
    }
    (joined_by(inventory, all), complete)
}

/// The inventory with a service for everything that documents mean by patterns, namespaces, labels and zones: for judging
/// documents where nobody says which services there are.
pub fn with_stand_ins(set: &PolicySet, inventory: Inventory) -> Inventory {
    joined_by(inventory, meant(set).0)
}

/// What documents can mean, and what of it is denied.
fn meant(set: &PolicySet) -> (BTreeSet<Shape>, BTreeSet<Shape>) {
    let (mut all, mut denied) = (BTreeSet::new(), BTreeSet::new());
    for policy in set.policies() {
        all.extend(shapes(&policy.target, set));
        for rule in policy.ingress.iter().chain(&policy.egress) {
            let of_rule: Vec<Shape> = rule.peers.iter().flat_map(|peer| of_peer(peer, set)).collect();
            if rule.action == Action::Deny {
                denied.extend(of_rule.iter().cloned());
            }
            all.extend(of_rule);
        }
    }
    for way in set.zones().flat_map(|zone| zone.ways()) {
        let ends = way.from.iter().chain(&way.to).flatten();
        all.extend(ends.flat_map(|peer| of_peer(peer, set)));
    }
    // A border is a denial of all who are no members.
    for zone in set.zones().filter(|zone| zone.conduits.is_some()) {
        denied.extend(of_zone(&zone.metadata.name, set));
    }
    all.extend(denied.iter().cloned());
    (all, denied)
}

fn joined_by(mut inventory: Inventory, shapes: BTreeSet<Shape>) -> Inventory {
    let highest = inventory.services().map(|service| service.identity.0).max();
    let mut next = highest.map_or(Identity::FIRST_SERVICE, |highest| highest + 1);
    for (number, shape) in shapes.into_iter().enumerate() {
        let namespace = shape.namespace.unwrap_or_else(|| "nowhere-yet".to_owned());
        let name = shape.name.unwrap_or_else(|| format!("nobody-yet-{number}"));
        let Ok(name) = ServiceName::new(&namespace, &name) else { continue };
        if inventory.service(&name).is_none() {
            let mut service = Service::new(name, Identity(next));
            service.labels = shape.labels;
            inventory.insert(service);
            next += 1;
        }
    }
    inventory
}

impl Shape {
    /// Both at once, where that can be.
    fn and(&self, other: &Self) -> Option<Self> {
        let one = |a: &Option<String>, b: &Option<String>| match (a, b) {
            (Some(a), Some(b)) if a != b => None,
            (a, b) => Some(a.clone().or_else(|| b.clone())),
        };
        let mut labels = self.labels.clone();
        for (key, value) in &other.labels {
            if labels.insert(key.clone(), value.clone()).is_some_and(|before| before != *value) {
                return None;
            }
        }
        Some(Self {
            namespace: one(&self.namespace, &other.namespace)?,
            name: one(&self.name, &other.name)?,
            labels,
        })
    }
}

fn of_peer(peer: &PeerSpec, set: &PolicySet) -> Vec<Shape> {
    match peer {
        PeerSpec::Services(criteria) => shapes(criteria, set),
        _ => Vec::new(),
    }
}

fn shapes(criteria: &Criteria, set: &PolicySet) -> Vec<Shape> {
    if criteria.exact_service().is_some() || criteria.is_every_service() {
        return Vec::new();
    }
    let mut shapes = vec![Shape::default()];
    let mut narrow = |with: Vec<Shape>| {
        shapes = shapes.iter().flat_map(|a| with.iter().filter_map(|b| a.and(b))).collect();
    };
    if let Some(service) = &criteria.service {
        narrow(vec![of_name(service.as_str())]);
    }
    if let Some(namespace) = &criteria.namespace {
        narrow(vec![Shape { namespace: Some(concrete(namespace.as_str())), ..Shape::default() }]);
    }
    if let Some(selector) = &criteria.selector {
        narrow(of_selector(selector));
    }
    if let Some(zone) = &criteria.zone {
        narrow(of_zone(zone, set));
    }
    shapes
}

/// Something that a pattern matches.
fn concrete(pattern: &str) -> String {
    pattern.replace('*', "some")
}

fn of_name(pattern: &str) -> Shape {
    let (namespace, name) = pattern.split_once('/').unwrap_or(("", pattern));
    let part = |part: &str| (part != "*").then(|| concrete(part));
    Shape { namespace: part(namespace), name: part(name), ..Shape::default() }
}

fn of_selector(selector: &LabelSelector) -> Vec<Shape> {
    let mut shapes = vec![Shape { labels: selector.match_labels.clone(), ..Shape::default() }];
    for expression in &selector.match_expressions {
        let values: Vec<String> = match expression.operator {
            LabelOperator::In => expression.values.clone(),
            LabelOperator::Exists => vec!["some".to_owned()],
            LabelOperator::NotIn | LabelOperator::DoesNotExist => continue,
        };
        let with = |value: &String| Shape {
            labels: BTreeMap::from([(expression.key.clone(), value.clone())]),
            ..Shape::default()
        };
        shapes = shapes.iter().flat_map(|a| values.iter().filter_map(|value| a.and(&with(value)))).collect();
    }
    shapes
}

fn of_zone(zone: &str, set: &PolicySet) -> Vec<Shape> {
    let of_one = |zone: &Zone| {
        let names = zone.services.iter().map(|glob| of_name(glob.as_str()));
        let namespaces = zone
            .namespaces
            .iter()
            .map(|namespace| Shape { namespace: Some(concrete(namespace.as_str())), ..Shape::default() });
        names.chain(namespaces).chain(zone.selectors.iter().flat_map(of_selector)).collect::<Vec<_>>()
    };
    set.zones_within(zone).into_iter().flat_map(of_one).collect()
}
