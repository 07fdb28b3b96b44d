//! Whether manifests and documents mean the same, over all flows.

use super::{Connectivity, Endpoint, Resources, Semantics, connections, universe};
use crate::{
    Compiler, Inventory, PolicySet, Reach, View,
    compiled::CompiledPolicy,
    flowset::{AddressSet, ApplicationSet, TrafficSet},
};
use bulkhead_model::{Application, Identity, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Two ends between which manifests and documents allow different things.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// `namespace/name` of a service, or addresses outside.
    pub from: String,
    pub to: String,
    pub manifests: TrafficSet,
    pub documents: TrafficSet,
}

/// `shop/web → shop/db: manifests allow tcp/5432, documents none`
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, manifests, documents } = self;
        write!(f, "{from} → {to}: manifests allow {manifests}, documents {documents}")
    }
}

type Flows = BTreeMap<(String, String), TrafficSet>;

/// Where the policies among the resources and the documents differ, in what both can speak of: services of the inventory
/// and addresses outside, TCP, UDP and SCTP. Nothing: they mean the same.
pub fn differences(
    resources: &Resources,
    set: &PolicySet,
    inventory: &Inventory,
    now: Timestamp,
) -> Vec<Difference> {
    let mut connectivity = connections(resources, Semantics::KUBERNETES);
    let compiled = Compiler::default().compile(set, inventory, now);
    refine(&mut connectivity, &compiled);
    let manifests = of_manifests(&connectivity, inventory);
    let documents =
        of_documents(Reach::new(compiled.clone(), View::Policy), &compiled, inventory, &connectivity);
    let none = TrafficSet::none();
    let pairs: BTreeSet<&(String, String)> = manifests.keys().chain(documents.keys()).collect();
    let mut found = Vec::new();
    for pair in pairs {
        let (here, there) = (manifests.get(pair).unwrap_or(&none), documents.get(pair).unwrap_or(&none));
        if here != there {
            let (from, to) = pair.clone();
            found.push(Difference { from, to, manifests: here.clone(), documents: there.clone() });
        }
    }
    found
}

/// Cuts the ranges of addresses further, where documents cut them.
fn refine(connectivity: &mut Connectivity, compiled: &CompiledPolicy) {
    let cuts: Vec<AddressSet> = compiled.prefixes.iter().map(|prefix| prefix.net.into()).collect();
    let parts = AddressSet::partition(&cuts);
    for ranges in [&mut connectivity.sources, &mut connectivity.destinations] {
        *ranges = ranges
            .iter()
            .flat_map(|range| parts.iter().map(move |part| range.intersection(part)))
            .filter(|part| !part.is_empty())
            .collect();
    }
}

fn of_manifests(connectivity: &Connectivity, inventory: &Inventory) -> Flows {
    let mut flows = Flows::new();
    for connection in &connectivity.connections {
        let names = |end: &Endpoint, ranges: &[AddressSet]| match end {
            Endpoint::IngressController => Vec::new(),
            Endpoint::Workload(name) => {
                let name = format!("{}/{}", name.namespace, name.name);
                let known = name.parse().is_ok_and(|name| inventory.service(&name).is_some());
                if known { vec![name] } else { Vec::new() }
            }
            Endpoint::External(addresses) => {
                ranges.iter().filter(|range| range.is_subset(addresses)).map(ToString::to_string).collect()
            }
        };
        for from in names(&connection.from, &connectivity.sources) {
            for to in names(&connection.to, &connectivity.destinations) {
                // Workloads of one name and two kinds are one service, which is not compared with itself.
                if from != to {
                    let known = flows.entry((from.clone(), to)).or_default();
                    *known = known.union(&connection.traffic.clone().into());
                }
            }
        }
    }
    flows
}

fn of_documents(
    reach: Reach,
    compiled: &CompiledPolicy,
    inventory: &Inventory,
    connectivity: &Connectivity,
) -> Flows {
    // Manifests know no applications: what passes is what passes before one is known.
    let opening = TrafficSet::new(&universe(), &ApplicationSet::single(Application::UNKNOWN));
    let mut flows = Flows::new();
    let mut add = |from: &str, to: &str, client: Identity, server: Identity| {
        let traffic = TrafficSet::from(reach.traffic(client, server).intersection(&opening).protocols());
        if !traffic.is_empty() {
            flows.insert((from.to_owned(), to.to_owned()), traffic);
        }
    };
    let outside = |range: &AddressSet| range.witness().map(|address| compiled.external_identity(address));
    for service in inventory.services() {
        let name = service.name.to_string();
        for other in inventory.services().filter(|other| other.name != service.name) {
            add(&name, &other.name.to_string(), service.identity, other.identity);
        }
        for range in &connectivity.sources {
            if let Some(identity) = outside(range) {
                add(&range.to_string(), &name, identity, service.identity);
            }
        }
        for range in &connectivity.destinations {
            if let Some(identity) = outside(range) {
                add(&name, &range.to_string(), service.identity, identity);
            }
        }
    }
    flows
}
