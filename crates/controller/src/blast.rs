//! Blast radius, from a snapshot.

use crate::view::View;
use bulkhead_api::{BlastCount, BlastPort, BlastRadius, BlastRanking, BlastReached, BlastSide, BlastSummary};
use bulkhead_model::{EdgeKey, Identity, Peer, ServiceName, Timestamp};
use bulkhead_policy::{
    Compiler, Extent, Inventory, Listening, PolicySet, Reach, RuleBook, Traffic, View as From, blast_radius,
    peer_of,
};
use std::{collections::BTreeMap, sync::Arc};

/// How long a ranking is good for.
const FRESH_SECONDS: u64 = 10;

/// A ranking and what it was made of.
#[derive(Debug)]
pub(crate) struct Ranked {
    pub(crate) made: Timestamp,
    pub(crate) revision: u64,
    pub(crate) ranking: Arc<BlastRanking>,
}

impl Ranked {
    pub(crate) fn is_fresh(&self, view: &View) -> bool {
        self.revision == view.revision && view.time.since(self.made).as_secs() < FRESH_SECONDS
    }
}

struct Sides {
    listening: Listening,
    now: Reach,
    /// Every service enforces its policy, and learning has written one for those that have none.
    policy: Reach,
    policy_book: RuleBook,
}

/// Edges whose server answered: a refused or denied attempt does not make a listener.
fn answered(view: &View) -> Vec<&EdgeKey> {
    let edges = view.edges.iter().map(|judged| &judged.edge);
    let answered = edges.filter(|edge| edge.counters.connections > 0 && edge.counters.packets_to_client > 0);
    answered.map(|edge| &edge.key).collect()
}

fn sides(view: &View, candidate: &PolicySet) -> Sides {
    let mut compiler = Compiler::new(RuleBook::default());
    let compiled = compiler.compile(candidate, &view.inventory, view.time);
    Sides {
        listening: Listening::new(&view.inventory, answered(view)),
        now: Reach::new(Arc::clone(&view.compiled), From::Now),
        policy: Reach::new(compiled, From::Policy),
        policy_book: compiler.book().clone(),
    }
}

fn count(extent: Extent, world: bool) -> BlastCount {
    BlastCount { services: extent.services as u64, ports: extent.ports as u64, world }
}

pub(crate) fn ranking(view: &View, candidate: &PolicySet) -> BlastRanking {
    let sides = sides(view, candidate);
    let of = |reach: &Reach| extents(reach, &view.inventory, &sides.listening);
    let (now, policy) = (of(&sides.now), of(&sides.policy));
    let world = |reach: &Reach, name: &ServiceName| {
        let origin = view.inventory.service(name).map(|service| service.identity);
        origin.is_some_and(|origin| reach.reaches(origin, Identity::WORLD))
    };
    let mut items: Vec<BlastSummary> = now
        .iter()
        .map(|(name, extent)| BlastSummary {
            service: name.clone(),
            now: count(*extent, world(&sides.now, name)),
            under_policy: count(policy.get(name).copied().unwrap_or_default(), world(&sides.policy, name)),
        })
        .collect();
    items.sort_by(|a, b| {
        let size = |item: &BlastSummary| (item.now.services, item.now.ports, item.under_policy.services);
        size(b).cmp(&size(a)).then_with(|| a.service.cmp(&b.service))
    });
    let pairs =
        |of: &BTreeMap<ServiceName, Extent>| of.values().map(|extent| extent.services as u64).sum::<u64>();
    let (pairs_now, pairs_under_policy) = (pairs(&now), pairs(&policy));
    let sentence = match items.first() {
        None => "No service is known.".to_owned(),
        Some(worst) => format!(
            "Whoever holds {} reaches {} of {} other services now; if every service enforced its policy, {}.",
            worst.service,
            worst.now.services,
            items.len() - 1,
            worst.under_policy.services
        ),
    };
    BlastRanking { items, pairs_now, pairs_under_policy, sentence }
}

pub(crate) fn radius(
    view: &View,
    candidate: &PolicySet,
    name: &ServiceName,
    hops: u32,
) -> Option<BlastRadius> {
    let sides = sides(view, candidate);
    let now = side(&sides.now, &view.book, &view.inventory, &sides.listening, name, hops)?;
    let under_policy =
        side(&sides.policy, &sides.policy_book, &view.inventory, &sides.listening, name, hops)?;
    let sentence = format!(
        "Whoever holds {name} reaches {} services on {} known ports now; under policy {} on {}.",
        now.count.services, now.count.ports, under_policy.count.services, under_policy.count.ports
    );
    Some(BlastRadius { service: name.clone(), now, under_policy, sentence })
}

fn side(
    reach: &Reach,
    book: &RuleBook,
    inventory: &Inventory,
    listening: &Listening,
    name: &ServiceName,
    hops: u32,
) -> Option<BlastSide> {
    let radius = blast_radius(reach, inventory, listening, name, hops)?;
    let world = radius.external.contains(&Identity::WORLD);
    let own = Peer::Service(name.clone());
    let mut reached: Vec<BlastReached> = radius
        .reached
        .iter()
        .map(|found| BlastReached {
            peer: Peer::Service(found.service.clone()),
            hops: found.hop,
            via: Peer::Service(found.via.clone()),
            ports: found
                .ports
                .iter()
                .map(|(protocol, port)| BlastPort { protocol: *protocol, port: *port })
                .collect(),
        })
        .collect();
    let host = radius.host.then_some(Identity::HOST);
    reached.extend(radius.external.iter().copied().chain(host).map(|identity| BlastReached {
        peer: peer_of(identity, inventory, book),
        hops: 1,
        via: own.clone(),
        ports: Vec::new(),
    }));
    Some(BlastSide { count: count(radius.extent(hops), world), reached })
}

/// A set of services by their position.
#[derive(Clone)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    fn insert(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn has(&self, at: usize) -> bool {
        self.0[at / 64] & (1 << (at % 64)) != 0
    }

    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
}

/// The extents of all services at once: every pair is asked for one time, the rest is done with sets.
fn extents(reach: &Reach, inventory: &Inventory, listening: &Listening) -> BTreeMap<ServiceName, Extent> {
    let services: Vec<(&ServiceName, Identity)> =
        inventory.services().map(|s| (&s.name, s.identity)).collect();
    let size = services.len();
    let mut next: Vec<Bits> = vec![Bits::new(size); size];
    // For every known port of every service: who may open it.
    let mut ports: Vec<(usize, Bits)> = Vec::new();
    for (server, (_, identity)) in services.iter().enumerate() {
        let open: Vec<Traffic> =
            listening.of(*identity).map(|(protocol, port)| Traffic::new(protocol, port)).collect();
        let mut clients: Vec<Bits> = vec![Bits::new(size); open.len()];
        for (client, (_, from)) in services.iter().enumerate() {
            if client == server || !reach.reaches(*from, *identity) {
                continue;
            }
            next[client].insert(server);
            for (traffic, clients) in open.iter().zip(&mut clients) {
                if reach.allows(*from, *identity, *traffic) {
                    clients.insert(client);
                }
            }
        }
        ports.extend(clients.into_iter().map(|clients| (server, clients)));
    }
    let peers = reach.peers();
    let external: Vec<Identity> =
        peers.into_iter().filter(|peer| peer.is_external() || *peer == Identity::WORLD).collect();
    let extent = |origin: usize| {
        let mut held = Bits::new(size);
        held.insert(origin);
        let mut front = vec![origin];
        while let Some(at) = front.pop() {
            let before = held.clone();
            held.add(&next[at]);
            front.extend((0..size).filter(|at| held.has(*at) && !before.has(*at)));
        }
        let open = ports.iter().filter(|(server, clients)| *server != origin && held.meets(clients)).count();
        let outside = external.iter().filter(|peer| reach.reaches(services[origin].1, **peer)).count();
        Extent { services: held.count() - 1, ports: open, external: outside }
    };
    services.iter().enumerate().map(|(at, (name, _))| ((*name).clone(), extent(at))).collect()
}
