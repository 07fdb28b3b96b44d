//! What to close first: the openings without which least falls.
//!
//! Greedy, and exact in each step. Only openings on a likeliest path can change anything, and closing one can take away
//! no more than what falls after it and has no other way that is as likely; so openings are tried in the order of that
//! bound until none that is left can be better than the best so far. To try one, only what falls after it is looked at.

use super::attack::{Falls, Next, Weights, entries};
use crate::{
    inventory::Inventory,
    reach::{
        Reach,
        graph::matrix::{self, Matrix},
    },
};
use bulkhead_model::{Identity, ServiceName};
use serde::Serialize;
use std::collections::BinaryHeap;

/// Something to close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Close {
    /// What nobody needs between two services.
    Edge { client: ServiceName, server: ServiceName },
    /// The outside's way to a service.
    Entry { server: ServiceName },
    /// All ways from and to a service that nobody needs: enforce what it needs.
    Service { service: ServiceName },
}

/// What can fall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Exposure {
    /// Services that can be reached from the outside over whatever steps.
    pub services: usize,
    /// Of all services, how likely they fall, summed.
    pub risk: f64,
}

/// One thing to close, and what is left when it and all before it are closed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    pub close: Close,
    pub after: Exposure,
}

/// What is exposed, and what to close in which order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    pub before: Exposure,
    pub steps: Vec<Step>,
}

/// At most `most` things to close, each the one that takes most away at its turn. `needed` says what must stay open:
/// what was seen in use, from a client (`None`: the outside) to a server.
pub fn what_to_close(
    reach: &Reach,
    inventory: &Inventory,
    weights: &Weights,
    needed: &dyn Fn(Option<&ServiceName>, &ServiceName) -> bool,
    most: usize,
) -> Plan {
    let graph = reach.graph();
    let names: Vec<Option<&ServiceName>> = graph
        .services()
        .iter()
        .map(|&identity| inventory.by_identity(identity).map(|service| &service.name))
        .collect();
    let weights: Vec<f64> = graph.services().iter().map(|&service: &Identity| weights.of(service)).collect();
    let mut estate = Estate { edges: graph.edges().clone(), entries: entries(reach, graph) };
    let mut falls = estate.falls(&weights);
    let before = exposure(&falls);
    let is_needed = |client: Option<usize>, server: usize| {
        let (client, server) = (client.map(|client| names[client]), names[server]);
        match (client, server) {
            (Some(Some(client)), Some(server)) => needed(Some(client), server),
            (None, Some(server)) => needed(None, server),
            // Of what has no name nothing can be closed.
            _ => true,
        }
    };
    let mut steps = Vec::new();
    while steps.len() < most {
        let Some((cut, left)) = estate.best(&falls, &weights, &is_needed) else { break };
        let Some(close) = cut.named(&names) else { break };
        estate.close(cut, &is_needed);
        falls = left;
        steps.push(Step { close, after: exposure(&falls) });
    }
    Plan { before, steps }
}

/// Who can talk to whom, and who is open to the outside.
#[derive(Debug, Clone)]
struct Estate {
    edges: Matrix,
    entries: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Cut {
    Edge(usize, usize),
    Entry(usize),
    Service(usize),
}

impl Cut {
    /// Whether an opening stays open without it.
    fn leaves(self, from: Option<usize>, to: usize, needed: Needed<'_>) -> bool {
        match self {
            Cut::Edge(client, server) => (from, to) != (Some(client), server),
            Cut::Entry(server) => from.is_some() || to != server,
            Cut::Service(service) => from != Some(service) && to != service || needed(from, to),
        }
    }

    /// The service after which all falls that can change without it: the likeliest ways of others do not use it.
    fn top(self) -> usize {
        match self {
            Cut::Edge(_, place) | Cut::Entry(place) | Cut::Service(place) => place,
        }
    }

    fn named(self, names: &[Option<&ServiceName>]) -> Option<Close> {
        let name = |place: usize| names[place].cloned();
        Some(match self {
            Cut::Edge(client, server) => Close::Edge { client: name(client)?, server: name(server)? },
            Cut::Entry(server) => Close::Entry { server: name(server)? },
            Cut::Service(service) => Close::Service { service: name(service)? },
        })
    }
}

impl Estate {
    fn falls(&self, weights: &[f64]) -> Falls {
        Falls::new(&self.edges, &self.entries, weights, |_, _| true)
    }

    /// What falls without an opening.
    fn falls_without(&self, weights: &[f64], cut: Cut, needed: Needed<'_>) -> Falls {
        let left: Vec<usize> =
            self.entries.iter().copied().filter(|&entry| cut.leaves(None, entry, needed)).collect();
        Falls::new(&self.edges, &left, weights, |from, to| cut.leaves(Some(from), to, needed))
    }

    fn close(&mut self, cut: Cut, needed: Needed<'_>) {
        match cut {
            Cut::Edge(client, server) => self.edges.put(client, server, false),
            Cut::Entry(server) => self.entries.retain(|&entry| entry != server),
            Cut::Service(service) => {
                for other in 0..self.edges.columns() {
                    for (client, server) in [(service, other), (other, service)] {
                        if self.edges.get(client, server) && !needed(Some(client), server) {
                            self.edges.put(client, server, false);
                        }
                    }
                }
                self.entries.retain(|&entry| entry != service || needed(None, service));
            }
        }
    }

    /// The opening without which least falls; of equals a single edge before a whole service.
    fn best(&self, falls: &Falls, weights: &[f64], needed: Needed<'_>) -> Option<(Cut, Falls)> {
        let mut cuts = self.cuts(falls, weights, needed);
        let whole = |cut: &Cut| matches!(cut, Cut::Service(_));
        cuts.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| whole(&a.1).cmp(&whole(&b.1))));
        let mut without = Without::new(self, falls, weights);
        let mut best: Option<(f64, Cut)> = None;
        for (bound, cut) in cuts {
            let gain_so_far = best.map_or(0.0, |(gain, _)| gain);
            let simpler = best.is_some_and(|(_, cut)| whole(&cut)) && !whole(&cut);
            if bound < gain_so_far - LEAST || bound <= LEAST {
                break;
            }
            if bound <= gain_so_far + LEAST && !simpler {
                continue;
            }
            let gain = without.gain(cut, needed);
            if gain > gain_so_far + LEAST || simpler && gain > gain_so_far - LEAST {
                best = Some((gain, cut));
            }
        }
        best.map(|(_, cut)| (cut, self.falls_without(weights, cut, needed)))
    }

    /// Everything that is worth closing, each with the most that it can take away.
    fn cuts(&self, falls: &Falls, weights: &[f64], needed: Needed<'_>) -> Vec<(f64, Cut)> {
        let tree = Tree::new(falls);
        let count = weights.len();
        // The likeliest other way to each service: past the one before it, and past all that falls with that one.
        let (mut other, mut far) = (vec![0.0_f64; count], vec![0.0_f64; count]);
        for &client in &falls.order {
            for server in matrix::members(self.edges.row(client)) {
                if far[server] > 0.0 || tree.is_after(client, server) {
                    continue;
                }
                let likelihood = falls.likelihood[client] * weights[server];
                let before = falls.after[server];
                if other[server] == 0.0 && before != Some(client) {
                    other[server] = likelihood;
                }
                if before.is_none_or(|before| !tree.is_after(client, before)) {
                    far[server] = likelihood;
                }
            }
        }
        let lost = |place: usize, other: f64| {
            let own = falls.likelihood[place];
            tree.with[place] * (1.0 - (other / own).min(1.0))
        };
        let free = |place: usize| !needed(falls.after[place], place);
        // Without a service: all that falls after it, and it itself where it is not needed.
        let mut without: Vec<f64> = vec![0.0; count];
        for &place in &falls.order {
            if free(place) {
                without[place] += falls.likelihood[place];
            }
            if let Some(before) = falls.after[place]
                && (free(place) || free(before))
            {
                without[before] += lost(place, far[place]);
            }
        }
        let mut cuts = Vec::with_capacity(2 * falls.order.len());
        for &place in &falls.order {
            if free(place) {
                let cut = match falls.after[place] {
                    Some(before) => Cut::Edge(before, place),
                    None => Cut::Entry(place),
                };
                cuts.push((lost(place, other[place]), cut));
            }
            cuts.push((without[place], Cut::Service(place)));
        }
        cuts
    }
}

/// What must stay open, from a client (`None`: the outside) to a server.
type Needed<'n> = &'n dyn Fn(Option<usize>, usize) -> bool;

/// Less than this is nothing.
const LEAST: f64 = 1e-9;

/// The likeliest paths, which are a tree.
struct Tree {
    /// Of each service: its own likelihood and that of all that fall after it.
    with: Vec<f64>,
    /// When a walk of the tree comes to a service, and when it leaves the last that falls after it.
    span: Vec<(usize, usize)>,
}

impl Tree {
    fn new(falls: &Falls) -> Self {
        let count = falls.likelihood.len();
        let mut with = falls.likelihood.clone();
        let mut sizes = vec![1_usize; count];
        for &place in falls.order.iter().rev() {
            if let Some(before) = falls.after[place] {
                with[before] += with[place];
                sizes[before] += sizes[place];
            }
        }
        // In the order in which they fall each comes before all that fall after it, so its span can be divided up.
        let mut span = vec![(usize::MAX, 0); count];
        let mut free = vec![0_usize; count];
        let mut next_root = 0;
        for &place in &falls.order {
            let next = falls.after[place].map_or(&mut next_root, |before| &mut free[before]);
            let start = *next;
            *next += sizes[place];
            span[place] = (start, start + sizes[place]);
            free[place] = start + 1;
        }
        Self { with, span }
    }

    /// Whether one falls after the other, or is it.
    fn is_after(&self, place: usize, before: usize) -> bool {
        let (start, end) = self.span[before];
        (start..end).contains(&self.span[place].0)
    }
}

/// What falls without an opening, told from what falls with it: only what falls after it can fall less likely, so only
/// these look for their likeliest way anew, from all others, which fall as before.
struct Without<'e> {
    estate: &'e Estate,
    falls: &'e Falls,
    weights: &'e [f64],
    tree: Tree,
    /// Clients of each service.
    clients: Matrix,
    /// Those that fall, in the order of the walk of the tree: what falls after one is one piece of it.
    walk: Vec<usize>,
    is_entry: Vec<bool>,
    /// Room for the likelihoods of one piece, and whether each is settled.
    anew: Vec<(f64, bool)>,
}

impl<'e> Without<'e> {
    fn new(estate: &'e Estate, falls: &'e Falls, weights: &'e [f64]) -> Self {
        let tree = Tree::new(falls);
        let count = weights.len();
        let mut clients = Matrix::new(count, count);
        // Whoever does not fall opens nothing.
        for &client in &falls.order {
            for server in matrix::members(estate.edges.row(client)) {
                clients.put(server, client, true);
            }
        }
        let mut walk = vec![0; falls.order.len()];
        falls.order.iter().for_each(|&place| walk[tree.span[place].0] = place);
        let mut is_entry = vec![false; count];
        estate.entries.iter().for_each(|&entry| is_entry[entry] = true);
        Self { estate, falls, weights, tree, clients, walk, is_entry, anew: vec![(0.0, false); count] }
    }

    /// How much less likely all together fall.
    fn gain(&mut self, cut: Cut, needed: Needed<'_>) -> f64 {
        let Self { estate, falls, weights, tree, clients, walk, is_entry, anew } = self;
        let (start, end) = tree.span[cut.top()];
        let piece = &walk[start..end];
        let mut open = BinaryHeap::new();
        for &place in piece {
            let mut best: f64 = 0.0;
            if is_entry[place] && cut.leaves(None, place, needed) {
                best = 1.0;
            }
            for client in matrix::members(clients.row(place)) {
                let likelihood = falls.likelihood[client];
                if likelihood > best
                    && !tree.is_after(client, cut.top())
                    && cut.leaves(Some(client), place, needed)
                {
                    best = likelihood;
                }
            }
            anew[place] = (best * weights[place], false);
            if best > 0.0 {
                open.push(Next(anew[place].0, place));
            }
        }
        while let Some(Next(likelihood, place)) = open.pop() {
            if anew[place].1 {
                continue;
            }
            anew[place].1 = true;
            for server in matrix::members(estate.edges.row(place)) {
                let (known, settled) = anew[server];
                let through = likelihood * weights[server];
                if !settled
                    && through > known
                    && tree.is_after(server, cut.top())
                    && cut.leaves(Some(place), server, needed)
                {
                    anew[server].0 = through;
                    open.push(Next(through, server));
                }
            }
        }
        piece.iter().map(|&place| falls.likelihood[place] - anew[place].0).sum()
    }
}

fn exposure(falls: &Falls) -> Exposure {
    Exposure { services: falls.order.len(), risk: falls.likelihood.iter().sum() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A path 0 → 1 → 2 → 3 with a side door 0 → 3; 0 is open to the outside.
    fn estate() -> Estate {
        let mut edges = Matrix::new(4, 4);
        for (client, server) in [(0, 1), (1, 2), (2, 3), (0, 3)] {
            edges.put(client, server, true);
        }
        Estate { edges, entries: vec![0] }
    }

    #[test]
    fn the_likeliest_path_wins_over_the_shortest() {
        let falls = estate().falls(&[1.0, 0.9, 0.9, 0.5]);
        assert_eq!(falls.likelihood, [1.0, 0.9, 0.9 * 0.9, 0.5]);
        assert_eq!(falls.after, [None, Some(0), Some(1), Some(0)]);
    }

    #[test]
    fn what_is_needed_stays_open() {
        let everything = |_: Option<usize>, _: usize| true;
        let (estate, weights) = (estate(), [1.0; 4]);
        assert!(estate.best(&estate.falls(&weights), &weights, &everything).is_none());
        let entry = |client: Option<usize>, _: usize| client.is_none();
        let (cut, left) =
            estate.best(&estate.falls(&weights), &weights, &entry).expect("something can be closed");
        assert!(matches!(cut, Cut::Service(0)), "{cut:?}");
        assert_eq!(exposure(&left), Exposure { services: 1, risk: 1.0 });
    }

    proptest! {
        #[test]
        fn no_other_single_closing_takes_away_more(
            pairs in prop::collection::vec((0usize..7, 0usize..7), 0..24),
            entries in prop::collection::btree_set(0usize..7, 1..3),
            weights in prop::collection::vec(prop::sample::select(vec![0.1, 0.5, 0.9, 1.0]), 7),
            kept in prop::collection::vec((0usize..7, 0usize..7), 0..6),
        ) {
            let mut edges = Matrix::new(7, 7);
            pairs.iter().filter(|(a, b)| a != b).for_each(|&(a, b)| edges.put(a, b, true));
            let estate = Estate { edges, entries: entries.into_iter().collect() };
            let needed = |client: Option<usize>, server: usize| match client {
                Some(client) => kept.contains(&(client, server)),
                None => kept.contains(&(server, server)),
            };
            let falls = estate.falls(&weights);
            let least = estate.best(&falls, &weights, &needed).map_or(exposure(&falls).risk, |(_, left)| exposure(&left).risk);
            let all = (0..7).flat_map(|a| (0..7).map(move |b| Cut::Edge(a, b)));
            let all = all.chain((0..7).map(Cut::Entry)).chain((0..7).map(Cut::Service));
            for cut in all {
                let allowed = match cut {
                    Cut::Edge(client, server) => !needed(Some(client), server),
                    Cut::Entry(server) => !needed(None, server),
                    Cut::Service(_) => true,
                };
                if allowed {
                    let left = exposure(&estate.falls_without(&weights, cut, &needed));
                    prop_assert!(left.risk >= least - 1e-6, "{cut:?} leaves {} and not {least}", left.risk);
                    let mut closed = estate.clone();
                    closed.close(cut, &needed);
                    prop_assert_eq!(exposure(&closed.falls(&weights)), left);
                }
            }
        }
    }
}
