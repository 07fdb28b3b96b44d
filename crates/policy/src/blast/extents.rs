//! How much each service of the estate reaches, all at once: what is reached in k steps is what is reached in one, and
//! what those reach in k - 1.

use super::{Extent, Listening};
use crate::{
    evaluate::Traffic,
    reach::{
        Reach,
        graph::matrix::{self, Matrix},
    },
};
use bulkhead_model::Identity;
use std::collections::HashMap;

pub(super) fn extents(reach: &Reach, listening: &Listening, hops: u32) -> HashMap<Identity, Extent> {
    let graph = reach.graph();
    let services = graph.services();
    // The known ports of all services, one after the other.
    let mut places = Vec::with_capacity(services.len() + 1);
    let mut ports = Vec::new();
    for &service in services {
        places.push(ports.len());
        ports.extend(listening.of(service));
    }
    places.push(ports.len());
    let mut opened = Matrix::new(services.len(), ports.len());
    for client in 0..services.len() {
        for server in matrix::members(graph.reached_by(client)) {
            let (from, to) = (services[client], services[server]);
            let of_server = places[server]..places[server + 1];
            if of_server.is_empty() {
                continue;
            }
            let open = reach.is_open(from, to);
            for (place, &(protocol, port)) in of_server.clone().zip(&ports[of_server]) {
                if open || reach.allows(from, to, Traffic::new(protocol, port)) {
                    opened.put(client, place, true);
                }
            }
        }
    }
    let (mut reached, mut reached_ports) = (graph.edges().clone(), opened);
    for _ in 1..hops {
        let next = further(graph.edges(), &reached);
        let next_ports = further(graph.edges(), &reached_ports);
        if next == reached && next_ports == reached_ports {
            break;
        }
        (reached, reached_ports) = (next, next_ports);
    }
    let mut extents = HashMap::new();
    let peers = reach.outside();
    for (place, &identity) in services.iter().enumerate() {
        let own = places[place]..places[place + 1];
        let own_ports = own.filter(|&port| matrix::contains(reached_ports.row(place), port)).count();
        let extent = Extent {
            services: matrix::count(reached.row(place)) - usize::from(reached.get(place, place)),
            ports: matrix::count(reached_ports.row(place)) - own_ports,
            external: peers.iter().filter(|&&peer| reach.reaches(identity, peer)).count(),
        };
        if hops > 0 {
            extents.insert(identity, extent);
        }
    }
    extents
}

/// One step more: what one reaches, and what those reach.
fn further(edges: &Matrix, reached: &Matrix) -> Matrix {
    let mut next = reached.clone();
    let whole = reached.columns();
    for from in 0..edges.columns() {
        for (step, through) in matrix::members(edges.row(from)).enumerate() {
            // Where everything is open, the first steps show it all.
            if step % 64 == 0 && matrix::count(next.row(from)) == whole {
                break;
            }
            matrix::add(next.row_mut(from), reached.row(through));
        }
    }
    next
}
