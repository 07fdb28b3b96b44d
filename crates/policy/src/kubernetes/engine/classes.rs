//! Pods that no policy can tell apart are one class.

use super::{Members, PeerIndex, PodClass, index::Index, way};
use crate::{
    flowset::AddressSet,
    kubernetes::{
        Network, PeerMatch, Policy, PortSpec, Resources, Rule, Semantics, WorkloadName, connections::ranges,
    },
};
use bulkhead_model::{Direction, IpProtocol};
use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

/// What [`super::Engine`] consists of.
pub(super) struct Classes<'r> {
    pub(super) pods: Vec<PodClass<'r>>,
    pub(super) members: HashMap<&'r WorkloadName, Vec<PeerIndex>>,
    pub(super) ranges: [Vec<AddressSet>; 2],
    pub(super) matched: [Vec<Vec<Members>>; 2],
    pub(super) selected_by: [Vec<usize>; 2],
    pub(super) selections: Vec<Vec<usize>>,
}

/// The pods and addresses of a rule, before classes are made.
enum Raw<'r> {
    Everything,
    Some { pods: Vec<Rc<[u32]>>, addresses: Vec<&'r AddressSet> },
}

/// All by which policies can tell pods apart: the ingress controller or not, the policies that select it in each
/// direction, the selectors that it is among, its named ports, its network.
type Signature<'r> = (bool, [usize; 2], Vec<u32>, Vec<(String, IpProtocol, u16)>, Option<&'r Network>);

impl<'r> Classes<'r> {
    pub(super) fn new(resources: &'r Resources, semantics: Semantics) -> Self {
        let mut index = Index::new(resources, semantics);
        let ranges = DIRECTIONS.map(|direction| ranges(&resources.policies, direction));
        let raw = DIRECTIONS.map(|direction| {
            let rules = |policy: &'r Policy| -> Vec<Raw<'r>> {
                let mean_pods = semantics.addresses_mean_pods(policy);
                let rules = policy.rules(direction).unwrap_or_default();
                rules.iter().map(|rule| Raw::new(rule, mean_pods, &mut index)).collect()
            };
            resources.policies.iter().map(rules).collect::<Vec<_>>()
        });
        // The policies that select each pod, and each distinct list of them once.
        let mut selections = vec![Vec::new()];
        let mut numbers: HashMap<Vec<usize>, usize> = HashMap::from([(Vec::new(), 0)]);
        let selected = DIRECTIONS.map(|direction| {
            let mut selecting = vec![Vec::new(); index.pods.len()];
            for (number, policy) in resources.policies.iter().enumerate() {
                if policy.rules(direction).is_some() {
                    for pod in index.find(&policy.subject).iter() {
                        selecting[*pod as usize].push(number);
                    }
                }
            }
            let number = |policies: Vec<usize>| {
                *numbers.entry(policies).or_insert_with_key(|policies| {
                    selections.push(policies.clone());
                    selections.len() - 1
                })
            };
            selecting.into_iter().map(number).collect::<Vec<usize>>()
        });
        let (class_of, pods) = classify(resources, &index, &selected);
        let mut members: HashMap<&WorkloadName, Vec<PeerIndex>> = HashMap::new();
        for (facts, class) in index.pods.iter().zip(&class_of) {
            if let Some(name) = facts.workload {
                members.entry(name).or_default().push(*class as PeerIndex);
            }
        }
        let mut selected_by = [vec![0; pods.len()], vec![0; pods.len()]];
        for (of_class, of_pod) in selected_by.iter_mut().zip(&selected) {
            for (class, selection) in class_of.iter().zip(of_pod) {
                of_class[*class as usize] = *selection;
            }
        }
        let first = [pods.len(), pods.len() + ranges[0].len()];
        let mut shared: HashMap<*const u32, Rc<[u32]>> = HashMap::new();
        let matched = DIRECTIONS.map(|direction| {
            let (ranges, first) = (&ranges[way(direction)], first[way(direction)]);
            let members = |raw: &Raw<'_>| raw.members(&class_of, ranges, first, &mut shared);
            let mut members = members;
            raw[way(direction)].iter().map(|rules| rules.iter().map(&mut members).collect()).collect()
        });
        Self { pods, members, ranges, matched, selected_by, selections }
    }
}

impl<'r> Raw<'r> {
    fn new(rule: &'r Rule, addresses_mean_pods: bool, index: &mut Index<'_>) -> Self {
        let Some(peers) = &rule.peers else { return Self::Everything };
        let (mut pods, mut addresses) = (Vec::new(), Vec::new());
        for peer in peers {
            match peer {
                PeerMatch::Pods(subject) => pods.push(index.find(subject)),
                PeerMatch::Addresses { addresses: these, pods_too } => {
                    addresses.push(these);
                    if *pods_too && addresses_mean_pods {
                        pods.push(index.at(these));
                    }
                }
                // Manifests do not tell where these are.
                PeerMatch::Name(_) | PeerMatch::Host | PeerMatch::RemoteHost | PeerMatch::Unknown(_) => {}
            }
        }
        Self::Some { pods, addresses }
    }

    /// The classes and ranges. Rules of one selector share one list.
    fn members(
        &self,
        class_of: &[u32],
        ranges: &[AddressSet],
        first: PeerIndex,
        shared: &mut HashMap<*const u32, Rc<[u32]>>,
    ) -> Members {
        let Self::Some { pods, addresses } = self else { return Members::Everything };
        let of_classes = |pods: &[Rc<[u32]>]| -> Vec<u32> {
            let classes: BTreeSet<u32> =
                pods.iter().flat_map(|pods| pods.iter().map(|pod| class_of[*pod as usize])).collect();
            classes.into_iter().collect()
        };
        if let ([one], []) = (pods.as_slice(), addresses.as_slice()) {
            // The lists live as long as the index, so that their places tell them apart.
            let known = shared.entry(one.as_ptr()).or_insert_with(|| of_classes(pods).into());
            return Members::Some(Rc::clone(known));
        }
        let mut peers = of_classes(pods);
        let inside: BTreeSet<usize> =
            addresses.iter().flat_map(|addresses| positions(ranges, addresses)).collect();
        peers.extend(inside.into_iter().filter_map(|position| u32::try_from(first + position).ok()));
        Members::Some(peers.into())
    }
}

/// The ranges that these addresses consist of. Ranges ascend, IPv4 first, and none is cut by the addresses of a rule.
fn positions(ranges: &[AddressSet], addresses: &AddressSet) -> Vec<usize> {
    let mut found = Vec::new();
    for (first, last) in addresses.ranges() {
        let start = ranges.partition_point(|range| range.witness().is_some_and(|lowest| lowest < first));
        let inside = ranges[start..].iter().take_while(|range| {
            range.witness().is_some_and(|lowest| lowest <= last && lowest.is_ipv4() == first.is_ipv4())
        });
        found.extend((start..).zip(inside).map(|(position, _)| position));
    }
    found
}

/// The class of each pod, and what the classes are.
fn classify<'r>(
    resources: &'r Resources,
    index: &Index<'r>,
    selected: &[Vec<usize>; 2],
) -> (Vec<u32>, Vec<PodClass<'r>>) {
    let asked = names_of_ports(resources);
    let mut among: Vec<Vec<u32>> = vec![Vec::new(); index.pods.len()];
    for (number, pods) in (0..).zip(index.answers()) {
        for pod in pods.iter() {
            among[*pod as usize].push(number);
        }
    }
    let mut known: HashMap<Signature<'r>, u32> = HashMap::new();
    let (mut class_of, mut classes) = (Vec::with_capacity(index.pods.len()), Vec::new());
    for (number, facts) in index.pods.iter().enumerate() {
        let mut named_ports: Vec<(String, IpProtocol, u16)> = Vec::new();
        for port in facts.pod.iter().flat_map(|pod| &pod.ports) {
            if asked.contains(port.name.as_str()) && !named_ports.iter().any(|(name, ..)| *name == port.name)
            {
                named_ports.push((port.name.clone(), port.protocol, port.number));
            }
        }
        named_ports.sort();
        let network = facts.workload.and_then(|name| resources.networks.get(&name.namespace));
        let policies = [selected[0][number], selected[1][number]];
        let signature = (
            facts.workload.is_none(),
            policies,
            std::mem::take(&mut among[number]),
            named_ports.clone(),
            network,
        );
        let class = *known.entry(signature).or_insert_with(|| {
            classes.push(PodClass { workload: facts.workload, named_ports, network });
            (classes.len() - 1) as u32
        });
        class_of.push(class);
    }
    (class_of, classes)
}

/// The names of ports that policies ask for.
fn names_of_ports(resources: &Resources) -> BTreeSet<&str> {
    let rules = resources.policies.iter().flat_map(|policy| [&policy.ingress, &policy.egress]);
    let ports = rules.flatten().flatten().flat_map(|rule| rule.ports.iter().flatten());
    ports
        .filter_map(|port| match &port.port {
            PortSpec::Named(name) => Some(name.as_str()),
            _ => None,
        })
        .collect()
}
