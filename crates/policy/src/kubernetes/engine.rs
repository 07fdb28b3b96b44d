//! The set engine: what is allowed between two peers, over all packets at once.

use super::{
    Action, Labels, Layer, Network, PeerMatch, Policy, Resources, Rule, Semantics, WorkloadName, universe,
};
use crate::flowset::{AddressSet, ProtocolSet};
use bulkhead_model::{Direction, IpProtocol};
use std::{
    cell::{OnceCell, RefCell},
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    rc::Rc,
};

/// Index of a peer in [`Engine::peers`].
pub(super) type PeerIndex = usize;

/// One end of a connection, of which the policies see nothing more than this.
pub(super) enum Peer {
    Pod(PodPeer),
    /// A range of addresses outside of the cluster that no policy divides.
    External(AddressSet),
}

pub(super) struct PodPeer {
    /// `None`: the ingress controller, of which nothing is known.
    pub(super) workload: Option<WorkloadName>,
    namespace: String,
    namespace_labels: Labels,
    labels: Labels,
    named_ports: Vec<(String, IpProtocol, u16)>,
    /// Whether policies and selectors see it as a pod.
    selectable: bool,
    addresses: BTreeSet<IpAddr>,
    network: Option<Network>,
}

/// Resources prepared for questions between any two of their peers.
pub(super) struct Engine<'r> {
    pub(super) peers: Vec<Peer>,
    policies: &'r [Policy],
    none: Rc<ProtocolSet>,
    universe: Rc<ProtocolSet>,
    /// For each direction and policy, for each rule: which peers it matches.
    matched: [Vec<Vec<BitSet>>; 2],
    /// For each direction and peer: the policies that select it, in deciding order.
    selecting: [Vec<Vec<usize>>; 2],
    /// For each direction and peer that policies select: what is known of its side.
    sides: [Vec<Option<Side>>; 2],
    /// Rules that match a peer → what they allow, for each direction and subject; see [`Engine::one_side`].
    known: RefCell<HashMap<Signature, Rc<ProtocolSet>>>,
}

/// What the policies of one peer say in one direction.
struct Side {
    /// The peers of which any of its rules speaks.
    spoken_of: BitSet,
    /// What holds for all others.
    others: OnceCell<Rc<ProtocolSet>>,
}

/// Direction, subject, and the rules that match the peer. Two peers with the same are treated alike.
type Signature = (bool, PeerIndex, Vec<u64>);

/// Set of small numbers.
pub(super) struct BitSet(Vec<u64>);

impl BitSet {
    fn collect(length: usize, member: impl Fn(usize) -> bool) -> Self {
        let mut words = vec![0u64; length.div_ceil(64)];
        for index in (0..length).filter(|index| member(*index)) {
            words[index / 64] |= 1 << (index % 64);
        }
        Self(words)
    }

    fn contains(&self, index: usize) -> bool {
        self.0[index / 64] >> (index % 64) & 1 == 1
    }

    fn insert_all(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }
}

/// The namespace of the ingress controller, of which only the name is known.
const INGRESS_NAMESPACE: &str = "ingress-controller-ns";

/// What has been decided so far, layer by layer.
struct Verdicts {
    allowed: ProtocolSet,
    /// Not yet decided.
    open: ProtocolSet,
    /// Passed on to the next layer.
    passed: ProtocolSet,
}

impl<'r> Engine<'r> {
    pub(super) fn new(resources: &'r Resources, semantics: Semantics, ranges: &[AddressSet]) -> Self {
        let mut peers = Vec::new();
        for (name, workload) in &resources.workloads {
            for pod in &workload.pods {
                peers.push(Peer::Pod(PodPeer {
                    workload: Some(name.clone()),
                    namespace: name.namespace.clone(),
                    namespace_labels: resources.namespace_labels(&name.namespace),
                    labels: pod.labels.clone(),
                    named_ports: pod.named_ports(),
                    selectable: !pod.host_network || semantics.host_network_pods_are_pods,
                    addresses: pod.addresses.clone(),
                    network: resources.networks.get(&name.namespace).cloned(),
                }));
            }
        }
        peers.push(Peer::Pod(PodPeer {
            workload: None,
            namespace: INGRESS_NAMESPACE.to_owned(),
            namespace_labels: resources.namespace_labels(INGRESS_NAMESPACE),
            labels: Labels::new(),
            named_ports: Vec::new(),
            selectable: true,
            addresses: BTreeSet::new(),
            network: None,
        }));
        peers.extend(ranges.iter().cloned().map(Peer::External));
        let policies = &resources.policies;
        let per_direction = |direction| {
            let rules = |policy: &Policy| {
                let rules = policy.rules(direction).unwrap_or_default().iter();
                rules
                    .map(|rule| BitSet::collect(peers.len(), |peer| rule_matches(rule, &peers[peer])))
                    .collect()
            };
            policies.iter().map(rules).collect::<Vec<Vec<BitSet>>>()
        };
        let matched = [per_direction(Direction::Ingress), per_direction(Direction::Egress)];
        let selecting = [Direction::Ingress, Direction::Egress].map(|direction| {
            let selects = |peer: &Peer| {
                let selecting = policies
                    .iter()
                    .enumerate()
                    .filter(|(_, policy)| policy.rules(direction).is_some() && peer.is_selected_by(policy));
                selecting.map(|(index, _)| index).collect()
            };
            peers.iter().map(selects).collect::<Vec<Vec<usize>>>()
        });
        let sides = [0, 1].map(|way| {
            let side = |policies: &Vec<usize>| {
                let mut spoken_of = BitSet::collect(peers.len(), |_| false);
                for matched in policies.iter().flat_map(|policy| &matched[way][*policy]) {
                    spoken_of.insert_all(matched);
                }
                (!policies.is_empty()).then(|| Side { spoken_of, others: OnceCell::new() })
            };
            selecting[way].iter().map(side).collect()
        });
        let (none, universe) = (Rc::new(ProtocolSet::none()), Rc::new(universe()));
        Self { peers, policies, none, universe, matched, selecting, sides, known: RefCell::default() }
    }

    /// The ingress controller.
    pub(super) fn ingress_controller(&self) -> Option<PeerIndex> {
        self.peers.iter().position(|peer| matches!(peer, Peer::Pod(PodPeer { workload: None, .. })))
    }

    /// The pods of a workload, in its order.
    pub(super) fn pods_of(&self, name: &WorkloadName) -> Vec<PeerIndex> {
        let is_its = |peer: &Peer| matches!(peer, Peer::Pod(pod) if pod.workload.as_ref() == Some(name));
        let peers = self.peers.iter().enumerate();
        peers.filter(|(_, peer)| is_its(peer)).map(|(index, _)| index).collect()
    }

    /// The policies that select a peer in a direction, in deciding order.
    pub(super) fn selecting(&self, direction: Direction, peer: PeerIndex) -> &[usize] {
        &self.selecting[way(direction)][peer]
    }

    /// What `from` may send to `to`: what both sides allow.
    pub(super) fn allowed(&self, from: PeerIndex, to: PeerIndex) -> Rc<ProtocolSet> {
        if let (Peer::Pod(a), Peer::Pod(b)) = (&self.peers[from], &self.peers[to])
            && a.network != b.network
            && a.workload.is_some()
        {
            return Rc::clone(&self.none);
        }
        let egress = self.one_side(Direction::Egress, from, to);
        if egress.is_empty() {
            return egress;
        }
        let ingress = self.one_side(Direction::Ingress, to, from);
        if ingress.is_empty() || Rc::ptr_eq(&egress, &self.universe) {
            ingress
        } else if Rc::ptr_eq(&ingress, &self.universe) {
            egress
        } else {
            Rc::new(egress.intersection(&ingress))
        }
    }

    /// What the policies of `subject` allow between it and `peer`.
    pub(super) fn one_side(
        &self,
        direction: Direction,
        subject: PeerIndex,
        peer: PeerIndex,
    ) -> Rc<ProtocolSet> {
        let Some(side) = &self.sides[way(direction)][subject] else { return Rc::clone(&self.universe) };
        let selecting = &self.selecting[way(direction)][subject];
        if !side.spoken_of.contains(peer) {
            let others = side.others.get_or_init(|| Rc::new(self.decide(direction, selecting, peer, &[])));
            return Rc::clone(others);
        }
        let destination: &[_] = match (direction, &self.peers[peer], &self.peers[subject]) {
            (Direction::Egress, Peer::Pod(pod), _) | (Direction::Ingress, _, Peer::Pod(pod)) => {
                &pod.named_ports
            }
            _ => &[],
        };
        let (mut words, mut count, mut depends_on_peer) = (vec![0u64], 0usize, false);
        for policy in selecting {
            for (matched, rule) in self.rules(direction, *policy) {
                if count / 64 == words.len() {
                    words.push(0);
                }
                if matched.contains(peer) {
                    words[count / 64] |= 1 << (count % 64);
                    depends_on_peer |= direction == Direction::Egress && rule.has_named_ports();
                }
                count += 1;
            }
        }
        // The ports behind names are the destination's, so such answers hold for one destination only.
        if depends_on_peer {
            return Rc::new(self.decide(direction, selecting, peer, destination));
        }
        let signature = (direction == Direction::Egress, subject, words);
        if let Some(known) = self.known.borrow().get(&signature) {
            return Rc::clone(known);
        }
        let allowed = Rc::new(self.decide(direction, selecting, peer, destination));
        self.known.borrow_mut().insert(signature, Rc::clone(&allowed));
        allowed
    }

    fn rules(&self, direction: Direction, policy: usize) -> impl Iterator<Item = (&BitSet, &Rule)> {
        let rules = self.policies[policy].rules(direction).unwrap_or_default();
        self.matched[way(direction)][policy].iter().zip(rules)
    }

    fn decide(
        &self,
        direction: Direction,
        selecting: &[usize],
        peer: PeerIndex,
        destination: &[(String, IpProtocol, u16)],
    ) -> ProtocolSet {
        let none = ProtocolSet::none;
        let mut verdicts = Verdicts { allowed: none(), open: (*self.universe).clone(), passed: none() };
        let (mut admin, mut namespaced, mut baseline) = (Vec::new(), Vec::new(), Vec::new());
        for index in selecting {
            match self.policies[*index].layer {
                Layer::Admin { .. } => admin.push(*index),
                Layer::Namespaced => namespaced.push(*index),
                Layer::Baseline { .. } => baseline.push(*index),
            }
        }
        let matching = |policies: &[usize]| -> Vec<&Rule> {
            let rules = policies.iter().flat_map(|policy| self.rules(direction, *policy));
            rules.filter(|(matched, _)| matched.contains(peer)).map(|(_, rule)| rule).collect()
        };
        verdicts.first_match(&matching(&admin), destination);
        if namespaced.is_empty() {
            verdicts.first_match(&matching(&baseline), destination);
            return verdicts.allowed.union(&verdicts.open);
        }
        for rule in matching(&namespaced) {
            let traffic = rule.traffic(destination).intersection(&verdicts.open);
            verdicts.allowed = verdicts.allowed.union(&traffic);
        }
        verdicts.allowed
    }
}

impl Verdicts {
    /// Lets the first rule that speaks of it decide on everything that is open, and opens again what was passed on.
    fn first_match(&mut self, rules: &[&Rule], destination: &[(String, IpProtocol, u16)]) {
        for rule in rules {
            if self.open.is_empty() {
                break;
            }
            let traffic = rule.traffic(destination).intersection(&self.open);
            match rule.action {
                Action::Allow => self.allowed = self.allowed.union(&traffic),
                Action::Deny => {}
                Action::Pass => self.passed = self.passed.union(&traffic),
            }
            self.open = self.open.difference(&traffic);
        }
        self.open = self.open.union(&std::mem::take(&mut self.passed));
    }
}

const fn way(direction: Direction) -> usize {
    match direction {
        Direction::Ingress => 0,
        Direction::Egress => 1,
    }
}

impl Peer {
    fn is_selected_by(&self, policy: &Policy) -> bool {
        match self {
            Self::Pod(pod) => {
                pod.selectable && policy.subject.matches(&pod.namespace, &pod.namespace_labels, &pod.labels)
            }
            Self::External(_) => false,
        }
    }
}

fn rule_matches(rule: &Rule, peer: &Peer) -> bool {
    rule.peers.as_ref().is_none_or(|matches| matches.iter().any(|one| peer_matches(one, peer)))
}

fn peer_matches(one: &PeerMatch, peer: &Peer) -> bool {
    match (one, peer) {
        (PeerMatch::Pods { namespaces, pods }, Peer::Pod(pod)) => {
            pod.selectable
                && namespaces.matches(&pod.namespace, &pod.namespace_labels)
                && pods.matches(&pod.labels)
        }
        (PeerMatch::Addresses { addresses, .. }, Peer::External(range)) => range.is_subset(addresses),
        // Pods have addresses as well; where manifests do not tell them, only "every address" is sure to hold them.
        (PeerMatch::Addresses { addresses, pods_too: true }, Peer::Pod(pod)) => {
            if pod.addresses.is_empty() {
                addresses.v4().is_full() || addresses.v6().is_full()
            } else {
                pod.addresses.iter().any(|address| addresses.contains(*address))
            }
        }
        _ => false,
    }
}
