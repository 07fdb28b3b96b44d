//! Ways of an attacker from outside, weighted by what is known to be vulnerable.
//!
//! A weight is how likely an attacker who can talk to a service takes it, from 0 to 1. A path is as likely as all its
//! steps together, so of all paths to a service the likeliest is found as a shortest path is. Since the weight of a step
//! is that of the service that it leads to, whoever is reached first is reached by its likeliest path, and each service is
//! looked at once, however many edges there are.

use crate::{
    inventory::Inventory,
    reach::{
        Reach,
        graph::{
            Graph,
            matrix::{self, Matrix},
        },
    },
};
use bulkhead_model::{Identity, ServiceName};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BinaryHeap},
};

/// How likely each service is taken by one who can talk to it.
#[derive(Debug, Clone)]
pub struct Weights {
    /// Of services of which nothing is known.
    usual: f64,
    of: BTreeMap<Identity, f64>,
}

impl Default for Weights {
    /// Whoever can be talked to falls: paths count, not weaknesses.
    fn default() -> Self {
        Self { usual: 1.0, of: BTreeMap::new() }
    }
}

impl Weights {
    /// Weights of some services; `usual` for all others. What is not between 0 and 1 is cut.
    pub fn new(usual: f64, of: impl IntoIterator<Item = (Identity, f64)>) -> Self {
        let clean = |weight: f64| if weight.is_nan() { 0.0 } else { weight.clamp(0.0, 1.0) };
        Self { usual: clean(usual), of: of.into_iter().map(|(of, weight)| (of, clean(weight))).collect() }
    }

    pub fn of(&self, service: Identity) -> f64 {
        self.of.get(&service).copied().unwrap_or(self.usual)
    }
}

/// The likeliest way to a service.
#[derive(Debug, Clone, PartialEq)]
pub struct AttackPath {
    /// From the service that is entered first to the one that is reached.
    pub services: Vec<ServiceName>,
    /// All weights of the path, multiplied.
    pub likelihood: f64,
}

/// The likeliest ways to all services that can be reached at all.
#[derive(Debug, Clone)]
pub struct Attacks {
    services: Vec<Identity>,
    pub(super) falls: Falls,
}

/// By position: how likely it falls, and after whom.
#[derive(Debug, Clone)]
pub(super) struct Falls {
    pub(super) likelihood: Vec<f64>,
    pub(super) after: Vec<Option<usize>>,
    /// In the order in which they fall.
    pub(super) order: Vec<usize>,
}

impl Attacks {
    /// Ways from the outside: over every service to which the world, or a part of it, can open anything.
    pub fn from_outside(reach: &Reach, weights: &Weights) -> Self {
        let graph = reach.graph();
        Self::new(graph, entries(reach, graph), weights)
    }

    /// Ways of one who holds these services already.
    pub fn from_services(reach: &Reach, held: &[Identity], weights: &Weights) -> Self {
        let graph = reach.graph();
        let mut weights = weights.clone();
        weights.of.extend(held.iter().map(|&service| (service, 1.0)));
        let entries = held.iter().filter_map(|&service| graph.place(service)).collect();
        Self::new(graph, entries, &weights)
    }

    fn new(graph: &Graph, entries: Vec<usize>, weights: &Weights) -> Self {
        let services = graph.services().to_vec();
        let weights: Vec<f64> = services.iter().map(|&service| weights.of(service)).collect();
        Self { falls: Falls::new(graph.edges(), &entries, &weights, |_, _| true), services }
    }

    /// How likely a service falls; 0 where it cannot be reached.
    pub fn likelihood(&self, service: Identity) -> f64 {
        self.services.binary_search(&service).map_or(0.0, |place| self.falls.likelihood[place])
    }

    /// The likeliest way to a service.
    pub fn path(&self, service: Identity, inventory: &Inventory) -> Option<AttackPath> {
        let place = self.services.binary_search(&service).ok()?;
        let likelihood = self.falls.likelihood[place];
        if likelihood <= 0.0 {
            return None;
        }
        let mut places = vec![place];
        while let Some(before) = self.falls.after[*places.last()?] {
            places.push(before);
        }
        let name =
            |&place: &usize| inventory.by_identity(self.services[place]).map(|service| service.name.clone());
        let services = places.iter().rev().map(name).collect::<Option<Vec<_>>>()?;
        Some(AttackPath { services, likelihood })
    }

    /// The likeliest way to each service that can be reached, the likeliest first; of equals the shorter, then by name.
    pub fn paths(&self, inventory: &Inventory) -> Vec<AttackPath> {
        let mut paths: Vec<AttackPath> =
            self.services.iter().filter_map(|&service| self.path(service, inventory)).collect();
        paths.sort_by(|a, b| {
            b.likelihood
                .total_cmp(&a.likelihood)
                .then_with(|| a.services.len().cmp(&b.services.len()))
                .then_with(|| a.services.last().cmp(&b.services.last()))
        });
        paths
    }
}

/// Services to which anybody outside can open anything.
pub(super) fn entries(reach: &Reach, graph: &Graph) -> Vec<usize> {
    let outside = reach.outside();
    let open = |service: Identity| outside.iter().any(|&peer| reach.reaches(peer, service));
    (0..graph.services().len()).filter(|&place| open(graph.services()[place])).collect()
}

/// A service that may fall next.
pub(super) struct Next(pub(super) f64, pub(super) usize);

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then_with(|| other.1.cmp(&self.1))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Next {}

impl Falls {
    /// Only edges count that are `open`, from a client to a server.
    pub(super) fn new(
        edges: &Matrix,
        entries: &[usize],
        weights: &[f64],
        open_edge: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let count = weights.len();
        let mut falls =
            Self { likelihood: vec![0.0; count], after: vec![None; count], order: Vec::with_capacity(count) };
        let mut untouched = matrix::ones(count);
        let mut open = BinaryHeap::new();
        let touch = |falls: &mut Self, open: &mut BinaryHeap<Next>, place: usize, by: Option<usize>| {
            let likelihood = by.map_or(1.0, |by| falls.likelihood[by]) * weights[place];
            falls.likelihood[place] = likelihood;
            falls.after[place] = by;
            if likelihood > 0.0 {
                open.push(Next(likelihood, place));
            }
        };
        for &entry in entries {
            matrix::put(&mut untouched, entry, false);
            touch(&mut falls, &mut open, entry, None);
        }
        while let Some(Next(_, place)) = open.pop() {
            falls.order.push(place);
            let row = edges.row(place);
            for at in 0..row.len() {
                for next in matrix::members(&[row[at] & untouched[at]]) {
                    let next = at * 64 + next;
                    if open_edge(place, next) {
                        matrix::put(&mut untouched, next, false);
                        touch(&mut falls, &mut open, next, Some(place));
                    }
                }
            }
        }
        falls
    }
}
