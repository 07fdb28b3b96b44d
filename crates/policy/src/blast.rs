//! Blast radius: what an attacker who holds a service can reach, in one step and in several.

mod attack;
mod extents;
mod plan;

pub use attack::{AttackPath, Attacks, Weights};
use extents::extents;
pub use plan::{Close, Exposure, Plan, Step, what_to_close};

use crate::{
    evaluate::Traffic,
    inventory::Inventory,
    reach::{Reach, graph::matrix},
};
use bulkhead_model::{EdgeKey, Identity, IpProtocol, ServiceName};
use std::collections::{BTreeMap, BTreeSet};

/// Ports on which services are known to listen: seen in connections or declared.
#[derive(Debug, Clone, Default)]
pub struct Listening(BTreeMap<Identity, Ports>);

type Ports = BTreeSet<(IpProtocol, u16)>;

impl Listening {
    pub fn new<'e>(inventory: &Inventory, edges: impl IntoIterator<Item = &'e EdgeKey>) -> Self {
        let mut ports: BTreeMap<Identity, Ports> = BTreeMap::new();
        for edge in edges {
            if let Some(service) = edge.server.service().and_then(|name| inventory.service(name))
                && edge.protocol.has_ports()
            {
                ports.entry(service.identity).or_default().insert((edge.protocol, edge.port));
            }
        }
        for service in inventory.services() {
            let exposed = service.exposes.iter().map(|exposed| (exposed.protocol, exposed.port));
            let named = service.named_ports.values().flatten().copied();
            ports.entry(service.identity).or_default().extend(exposed.chain(named));
        }
        Self(ports)
    }

    pub fn of(&self, service: Identity) -> impl ExactSizeIterator<Item = (IpProtocol, u16)> + '_ {
        static NONE: Ports = BTreeSet::new();
        self.0.get(&service).unwrap_or(&NONE).iter().copied()
    }
}

/// A service within reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    pub service: ServiceName,
    /// Steps it takes, from 1.
    pub hop: u32,
    /// The last service on the way; the origin itself for the first hop.
    pub via: ServiceName,
    /// Known listening ports that are open to any service within reach before the last step.
    pub ports: Vec<(IpProtocol, u16)>,
}

/// What can be reached from one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlastRadius {
    pub service: ServiceName,
    /// In the order of hops, then of names.
    pub reached: Vec<Reached>,
    /// External peers that the service itself reaches: the world is one, every declared range or name is one.
    pub external: Vec<Identity>,
    /// Whether it reaches the host it runs on.
    pub host: bool,
}

/// A blast radius as numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extent {
    pub services: usize,
    pub ports: usize,
    pub external: usize,
}

impl BlastRadius {
    /// Numbers within so many hops.
    pub fn extent(&self, hops: u32) -> Extent {
        let within = || self.reached.iter().filter(|reached| reached.hop <= hops);
        Extent {
            services: within().count(),
            ports: within().map(|reached| reached.ports.len()).sum(),
            external: self.external.len(),
        }
    }
}

/// What `service` reaches within `hops` steps; `None` if there is no such service. A service counts as reached when
/// anything at all may be opened to it, whether or not something is known to listen.
pub fn blast_radius(
    reach: &Reach,
    inventory: &Inventory,
    listening: &Listening,
    service: &ServiceName,
    hops: u32,
) -> Option<BlastRadius> {
    let origin = inventory.service(service)?.identity;
    let graph = reach.graph();
    let start = graph.place(origin)?;
    let mut found: BTreeMap<usize, (u32, usize, Ports)> = BTreeMap::new();
    // Those of whom there is more to find.
    let mut open = matrix::ones(graph.services().len());
    matrix::put(&mut open, start, false);
    let mut front = vec![start];
    for hop in 1..=hops {
        let mut next = Vec::new();
        for &client in &front {
            let row: Vec<u64> = graph.reached_by(client).iter().zip(&open).map(|(a, b)| a & b).collect();
            for server in matrix::members(&row).filter(|&server| server != client) {
                let (_, _, ports) = found.entry(server).or_insert_with(|| {
                    next.push(server);
                    (hop, client, BTreeSet::new())
                });
                let (from, to) = (graph.services()[client], graph.services()[server]);
                let all = listening.of(to);
                let known = all.len();
                ports.extend(
                    all.filter(|&(protocol, port)| reach.allows(from, to, Traffic::new(protocol, port))),
                );
                if ports.len() == known {
                    matrix::put(&mut open, server, false);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        front = next;
    }
    let name =
        |place: usize| inventory.by_identity(graph.services()[place]).map(|service| service.name.clone());
    let mut reached: Vec<Reached> = found
        .into_iter()
        .filter_map(|(place, (hop, via, ports))| {
            Some(Reached { service: name(place)?, hop, via: name(via)?, ports: ports.into_iter().collect() })
        })
        .collect();
    reached.sort_by(|a, b| (a.hop, &a.service).cmp(&(b.hop, &b.service)));
    let external = reach.outside().into_iter();
    Some(BlastRadius {
        service: service.clone(),
        reached,
        external: external.filter(|&peer| reach.reaches(origin, peer)).collect(),
        host: reach.reaches(origin, Identity::HOST),
    })
}

/// Every service with its extent within `hops` steps, the greatest first.
pub fn rank(
    reach: &Reach,
    inventory: &Inventory,
    listening: &Listening,
    hops: u32,
) -> Vec<(ServiceName, Extent)> {
    let extents = extents(reach, listening, hops);
    let mut ranking: Vec<(ServiceName, Extent)> = inventory
        .services()
        .filter_map(|service| Some((service.name.clone(), *extents.get(&service.identity)?)))
        .collect();
    ranking.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    ranking
}
