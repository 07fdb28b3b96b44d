//! What to close first: the openings without which least falls.
//!
//! Greedy, and exact in each step. Only openings on a likeliest path can change anything, and closing one can take away
//! no more than what falls after it; so openings are tried in the order of that bound until none that is left can be
//! better than the best so far.

use super::attack::{Falls, Weights, entries};
use crate::{
    inventory::Inventory,
    reach::{Reach, graph::matrix::Matrix},
};
use bulkhead_model::{Identity, ServiceName};
use serde::Serialize;

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
        let now = exposure(&falls);
        let Some((cut, closed, left)) = best(&estate, &falls, &weights, &is_needed) else { break };
        let after = exposure(&left);
        if after.risk >= now.risk - 1e-9 {
            break;
        }
        let Some(close) = cut.named(&names) else { break };
        steps.push(Step { close, after });
        (estate, falls) = (closed, left);
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
        Falls::new(&self.edges, &self.entries, weights)
    }

    /// The estate without an opening.
    fn without(&self, cut: Cut, needed: &dyn Fn(Option<usize>, usize) -> bool) -> Self {
        let mut closed = self.clone();
        match cut {
            Cut::Edge(client, server) => closed.edges.put(client, server, false),
            Cut::Entry(server) => closed.entries.retain(|&entry| entry != server),
            Cut::Service(service) => {
                for other in 0..self.edges.columns() {
                    for (client, server) in [(service, other), (other, service)] {
                        if self.edges.get(client, server) && !needed(Some(client), server) {
                            closed.edges.put(client, server, false);
                        }
                    }
                }
                closed.entries.retain(|&entry| entry != service || needed(None, service));
            }
        }
        closed
    }
}

fn exposure(falls: &Falls) -> Exposure {
    Exposure { services: falls.order.len(), risk: falls.likelihood.iter().sum() }
}

/// The opening without which least falls; of equals a single edge before a whole service.
fn best(
    estate: &Estate,
    falls: &Falls,
    weights: &[f64],
    needed: &dyn Fn(Option<usize>, usize) -> bool,
) -> Option<(Cut, Estate, Falls)> {
    // What falls with each service: it, and all that falls after it.
    let mut with: Vec<f64> = falls.likelihood.clone();
    for &place in falls.order.iter().rev() {
        if let Some(before) = falls.after[place] {
            with[before] += with[place];
        }
    }
    let mut cuts: Vec<(f64, Cut)> = Vec::new();
    for &place in &falls.order {
        let cut = match falls.after[place] {
            Some(before) => (!needed(Some(before), place)).then_some(Cut::Edge(before, place)),
            None => (!needed(None, place)).then_some(Cut::Entry(place)),
        };
        cuts.extend(cut.map(|cut| (with[place], cut)));
        cuts.push((with[place], Cut::Service(place)));
    }
    cuts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let now: f64 = falls.likelihood.iter().sum();
    let mut best: Option<(f64, Cut, Estate, Falls)> = None;
    for (bound, cut) in cuts {
        let gain_so_far = best.as_ref().map_or(0.0, |(gain, ..)| *gain);
        if bound < gain_so_far {
            break;
        }
        let closed = estate.without(cut, needed);
        let left = closed.falls(weights);
        let gain = now - left.likelihood.iter().sum::<f64>();
        let simpler = matches!(best, Some((_, Cut::Service(_), ..))) && !matches!(cut, Cut::Service(_));
        if gain > gain_so_far + 1e-9 || gain > gain_so_far - 1e-9 && simpler {
            best = Some((gain, cut, closed, left));
        }
    }
    best.map(|(_, cut, closed, left)| (cut, closed, left))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(best(&estate, &estate.falls(&weights), &weights, &everything).is_none());
        let entry = |client: Option<usize>, _: usize| client.is_none();
        let (cut, _, left) =
            best(&estate, &estate.falls(&weights), &weights, &entry).expect("something can be closed");
        assert!(matches!(cut, Cut::Service(0)), "{cut:?}");
        assert_eq!(exposure(&left), Exposure { services: 1, risk: 1.0 });
    }
}
