//! Blast radius, from a snapshot.

use crate::view::View;
use bulkhead_api::{
    BlastClose, BlastCount, BlastExposure, BlastPlan, BlastPort, BlastRadius, BlastRanking, BlastReached,
    BlastSide, BlastStep, BlastSummary,
};
use bulkhead_model::{EdgeKey, Identity, Peer, ServiceName, Timestamp};
use bulkhead_policy::{
    Close, Compiler, Exposure, Extent, Inventory, Listening, PolicySet, Reach, RuleBook, View as From,
    Weights, blast_radius, peer_of, rank, what_to_close,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

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
    blast_ranking(&sides.now, &sides.policy, &view.inventory, &sides.listening)
}

/// All services by what falls with them, as things are and under a policy.
pub fn blast_ranking(
    reach_now: &Reach,
    under_policy: &Reach,
    inventory: &Inventory,
    listening: &Listening,
) -> BlastRanking {
    let of = |reach: &Reach| -> BTreeMap<ServiceName, Extent> {
        rank(reach, inventory, listening, u32::MAX).into_iter().collect()
    };
    let (now, policy) = (of(reach_now), of(under_policy));
    let world = |reach: &Reach, name: &ServiceName| {
        let origin = inventory.service(name).map(|service| service.identity);
        origin.is_some_and(|origin| reach.reaches(origin, Identity::WORLD))
    };
    let mut items: Vec<BlastSummary> = now
        .iter()
        .map(|(name, extent)| BlastSummary {
            service: name.clone(),
            now: count(*extent, world(reach_now, name)),
            under_policy: count(policy.get(name).copied().unwrap_or_default(), world(under_policy, name)),
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
    let now = blast_side(&sides.now, &view.book, &view.inventory, &sides.listening, name, hops)?;
    let under_policy =
        blast_side(&sides.policy, &sides.policy_book, &view.inventory, &sides.listening, name, hops)?;
    let sentence = format!(
        "Whoever holds {name} reaches {} services on {} known ports now; under policy {} on {}.",
        now.count.services, now.count.ports, under_policy.count.services, under_policy.count.ports
    );
    Some(BlastRadius { service: name.clone(), now, under_policy, sentence })
}

/// What falls with a service, from one point of view.
pub fn blast_side(
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

/// What to close first: openings that nobody was seen to use.
pub(crate) fn plan(view: &View, most: usize) -> BlastPlan {
    let reach = Reach::new(Arc::clone(&view.compiled), From::Now);
    let mut used: BTreeSet<(Option<&ServiceName>, &ServiceName)> = BTreeSet::new();
    for judged in &view.edges {
        let key = &judged.edge.key;
        if let Some(server) = key.server.service()
            && judged.edge.counters.connections > 0
        {
            used.insert((key.client.service(), server));
        }
    }
    let needed = |client: Option<&ServiceName>, server: &ServiceName| used.contains(&(client, server));
    let weights = Weights::default();
    let plan = what_to_close(&reach, &view.inventory, &weights, &needed, most);
    let exposure = |of: &Exposure| BlastExposure { services: of.services as u64, risk: of.risk };
    let before = exposure(&plan.before);
    let steps: Vec<BlastStep> = plan
        .steps
        .iter()
        .map(|step| {
            let (close, what) = match &step.close {
                Close::Edge { client, server } => (
                    BlastClose::Edge { client: client.clone(), server: server.clone() },
                    format!("close the way from {client} to {server}, which nobody uses"),
                ),
                Close::Entry { server } => (
                    BlastClose::Entry { server: server.clone() },
                    format!("close the outside's way to {server}, which nobody uses"),
                ),
                Close::Service { service } => (
                    BlastClose::Service { service: service.clone() },
                    format!("enforce what {service} needs, and nothing else"),
                ),
            };
            let sentence = format!("{what}: {} services are left in reach", step.after.services);
            BlastStep { close, after: exposure(&step.after), sentence }
        })
        .collect();
    let sentence = match steps.last() {
        None => {
            format!("{} services can be reached from outside; nothing unused makes it more.", before.services)
        }
        Some(last) => format!(
            "{} services can be reached from outside; closing {} unused ways leaves {}.",
            before.services,
            steps.len(),
            last.after.services
        ),
    };
    BlastPlan { before, steps, sentence }
}
