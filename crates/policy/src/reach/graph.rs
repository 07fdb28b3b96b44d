//! All pairs of services at once: who can open anything to whom, as one bit each. 5,000 services are 3 MB, and a step of
//! all of them a few million words.

pub(crate) mod matrix;

use super::{EVERYTHING, NOTHING, Reach, address};
use crate::compiled::{CompiledDirection, CompiledService};
use bulkhead_model::{Direction, Identity};
use matrix::{Matrix, members, ones};
use std::collections::HashMap;

/// Services by position, in the order of their identities, and which of them can open anything to which other.
#[derive(Debug)]
pub(crate) struct Graph {
    services: Vec<Identity>,
    /// Row: client, column: server.
    edges: Matrix,
}

/// What one side of a service says, of peers by their position in `Reach::sets`.
enum Tables<'r> {
    All(usize),
    Each(&'r CompiledDirection, &'r [usize]),
}

impl Graph {
    pub(super) fn new(reach: &Reach) -> Self {
        let services = &reach.compiled.services;
        let places: HashMap<Identity, usize> =
            services.iter().map(|service| service.identity).zip(0..).collect();
        let all = ones(services.len());
        // Row by row whom servers admit, and to whom they are open altogether.
        let mut admits = Matrix::new(services.len(), services.len());
        let mut admits_all = admits.clone();
        let (mut open, mut open_all) = (vec![0; all.len()], vec![0; all.len()]);
        for (server, service) in services.iter().enumerate() {
            let usual = usual(&tables(reach, service, Direction::Ingress));
            matrix::put(&mut open, server, usual != NOTHING);
            matrix::put(&mut open_all, server, usual == EVERYTHING);
        }
        for client in 0..services.len() {
            admits.row_mut(client).copy_from_slice(&open);
            admits_all.row_mut(client).copy_from_slice(&open_all);
        }
        for (server, service) in services.iter().enumerate() {
            each(&tables(reach, service, Direction::Ingress), &places, |client, set| {
                admits.put(client, server, set != NOTHING);
                admits_all.put(client, server, set == EVERYTHING);
            });
        }
        let mut edges = Matrix::new(services.len(), services.len());
        let mut meets: HashMap<(usize, usize), bool> = HashMap::new();
        let (mut row, mut row_all) = (vec![0; all.len()], vec![0; all.len()]);
        for (client, service) in services.iter().enumerate() {
            let tables = tables(reach, service, Direction::Egress);
            let usual = usual(&tables);
            row.copy_from_slice(&all);
            row_all.copy_from_slice(&all);
            if usual == NOTHING {
                row.fill(0);
            }
            if usual != EVERYTHING {
                row_all.fill(0);
            }
            each(&tables, &places, |server, set| {
                matrix::put(&mut row, server, set != NOTHING);
                matrix::put(&mut row_all, server, set == EVERYTHING);
            });
            for (at, word) in row.iter_mut().enumerate() {
                *word &= admits.row(client)[at];
                row_all[at] = *word & (row_all[at] | admits_all.row(client)[at]);
            }
            let unsure: Vec<u64> = row.iter().zip(&row_all).map(|(some, sure)| some & !sure).collect();
            for server in members(&unsure) {
                let (a, b) = reach.sides(service.identity, services[server].identity);
                let meets = a == b
                    || *meets
                        .entry((a, b))
                        .or_insert_with(|| !reach.sets[a].intersection(&reach.sets[b]).is_empty());
                matrix::put(&mut row, server, meets);
            }
            edges.row_mut(client).copy_from_slice(&row);
            edges.put(client, client, false);
        }
        Self { services: services.iter().map(|service| service.identity).collect(), edges }
    }

    pub(crate) fn services(&self) -> &[Identity] {
        &self.services
    }

    pub(crate) fn place(&self, identity: Identity) -> Option<usize> {
        self.services.binary_search(&identity).ok()
    }

    pub(crate) fn edges(&self) -> &Matrix {
        &self.edges
    }

    /// To whom a service can open anything. That replicas of one service can talk among themselves leads nowhere.
    pub(crate) fn reached_by(&self, client: usize) -> &[u64] {
        self.edges.row(client)
    }
}

fn tables<'r>(reach: &'r Reach, service: &'r CompiledService, direction: Direction) -> Tables<'r> {
    match reach.by_mode(service) {
        Some(set) => Tables::All(set),
        None => {
            let tables = match direction {
                Direction::Ingress => &service.ingress,
                Direction::Egress => &service.egress,
            };
            Tables::Each(tables, &reach.classes[&address(tables)])
        }
    }
}

/// What holds for peers that are not named.
fn usual(tables: &Tables<'_>) -> usize {
    match tables {
        Tables::All(set) => *set,
        Tables::Each(tables, sets) => sets[tables.default as usize],
    }
}

/// What holds for services that are named.
fn each(tables: &Tables<'_>, places: &HashMap<Identity, usize>, mut take: impl FnMut(usize, usize)) {
    let Tables::Each(tables, sets) = tables else { return };
    for (peer, class) in &tables.peers {
        if let Some(&place) = places.get(peer) {
            take(place, sets[*class as usize]);
        }
    }
}
