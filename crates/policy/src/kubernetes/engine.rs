//! The set engine: what is allowed between two peers, over all packets at once.
//!
//! Pods that no policy can tell apart are one peer, a *class*; so are addresses outside that no policy divides. What a
//! rule's peers are is looked up by namespace and label, each distinct selector once.

mod classes;
mod index;

use super::{Action, Labels, Network, Policy, Resources, Rule, Semantics, WorkloadName};
use crate::flowset::{AddressSet, ProtocolSet};
use bulkhead_model::{Direction, IpProtocol};
use classes::Classes;
pub(super) use index::Index;
use std::{cell::RefCell, collections::HashMap, ops::Range, rc::Rc};

/// Number of a peer: classes of pods first, the ingress controller among them, then the ranges of addresses.
pub(super) type PeerIndex = usize;

/// What policies see of the pods of one class.
pub(super) struct PodClass<'r> {
    /// `None`: the ingress controller, of which nothing is known.
    pub(super) workload: Option<&'r WorkloadName>,
    /// The ports by name that policies ask for: the first of each name is the one that counts.
    named_ports: Vec<(String, IpProtocol, u16)>,
    network: Option<&'r Network>,
}

/// Resources prepared for questions between any two of their peers.
pub(super) struct Engine<'r> {
    /// By number.
    pub(super) pods: Vec<PodClass<'r>>,
    /// The class of each pod of each workload, in the order of its pods.
    pub(super) members: HashMap<&'r WorkloadName, Vec<PeerIndex>>,
    /// The ranges into which rules cut the addresses outside, as sources and as destinations.
    pub(super) ranges: [Vec<AddressSet>; 2],
    policies: &'r [Policy],
    none: Rc<ProtocolSet>,
    universe: Rc<ProtocolSet>,
    /// For each direction and policy, for each rule: which peers it matches.
    matched: [Vec<Vec<Members>>; 2],
    /// For each direction and class: which of `selections` select it.
    selected_by: [Vec<usize>; 2],
    /// Distinct lists of policies that select something, in deciding order. The first is empty.
    selections: Vec<Vec<usize>>,
    known: RefCell<HashMap<Question, Rc<ProtocolSet>>>,
}

/// The peers of a rule.
pub(super) enum Members {
    /// All that there is.
    Everything,
    /// These, ascending.
    Some(Rc<[u32]>),
}

/// What an answer depends on: direction, the policies that are asked, which of their rules match, and the class whose
/// named ports are meant, where any of these rules has any.
type Question = (bool, usize, Vec<u64>, Option<PeerIndex>);

/// What has been decided so far, tier by tier.
struct Verdicts {
    allowed: ProtocolSet,
    /// Not yet decided.
    open: ProtocolSet,
}

impl Members {
    pub(super) fn contains(&self, peer: PeerIndex) -> bool {
        match self {
            Self::Everything => true,
            Self::Some(peers) => u32::try_from(peer).is_ok_and(|peer| peers.binary_search(&peer).is_ok()),
        }
    }
}

impl<'r> Engine<'r> {
    /// `universe` is all the traffic that answers speak of.
    pub(super) fn new(resources: &'r Resources, semantics: Semantics, universe: ProtocolSet) -> Self {
        let policies = &resources.policies;
        let Classes { pods, members, ranges, matched, selected_by, selections } =
            Classes::new(resources, semantics);
        let (none, universe) = (Rc::new(ProtocolSet::none()), Rc::new(universe));
        let known = RefCell::default();
        Self { pods, members, ranges, policies, none, universe, matched, selected_by, selections, known }
    }

    /// The ingress controller.
    pub(super) fn ingress_controller(&self) -> Option<PeerIndex> {
        self.pods.iter().position(|class| class.workload.is_none())
    }

    /// The numbers of the ranges outside, as peers of rules of this direction.
    pub(super) fn externals(&self, direction: Direction) -> Range<PeerIndex> {
        let sources = self.pods.len()..self.pods.len() + self.ranges[0].len();
        match direction {
            Direction::Ingress => sources,
            Direction::Egress => sources.end..sources.end + self.ranges[1].len(),
        }
    }

    /// The policies that select a class in a direction, in deciding order.
    pub(super) fn selecting(&self, direction: Direction, class: PeerIndex) -> &[usize] {
        &self.selections[self.selection(direction, class)]
    }

    fn selection(&self, direction: Direction, peer: PeerIndex) -> usize {
        self.selected_by[way(direction)].get(peer).copied().unwrap_or(0)
    }

    /// The peers that the rules of a class name one by one, those of several rules several times.
    pub(super) fn spoken_of(
        &self,
        direction: Direction,
        class: PeerIndex,
    ) -> impl Iterator<Item = PeerIndex> {
        let rules =
            self.selecting(direction, class).iter().flat_map(move |policy| self.rules(direction, *policy));
        let named = rules.filter_map(|(members, _)| match members {
            Members::Everything => None,
            Members::Some(peers) => Some(peers),
        });
        named.flat_map(|peers| peers.iter().map(|peer| *peer as usize))
    }

    /// How many [`Engine::spoken_of`] are, without counting them.
    pub(super) fn spoken_of_count(&self, direction: Direction, class: PeerIndex) -> usize {
        let rules = self.selecting(direction, class).iter().flat_map(|policy| self.rules(direction, *policy));
        rules
            .map(|(members, _)| match members {
                Members::Everything => 0,
                Members::Some(peers) => peers.len(),
            })
            .sum()
    }

    /// Whether pods of two classes share a network. The ingress controller is in every one.
    fn share_a_network(&self, from: PeerIndex, to: PeerIndex) -> bool {
        match (self.pods.get(from), self.pods.get(to)) {
            (Some(a), Some(b)) => a.network == b.network || a.workload.is_none(),
            _ => true,
        }
    }

    /// What `from` may send to `to`: what both sides allow.
    pub(super) fn allowed(&self, from: PeerIndex, to: PeerIndex) -> Rc<ProtocolSet> {
        if !self.share_a_network(from, to) {
            return Rc::clone(&self.none);
        }
        let egress = self.one_side(Direction::Egress, from, to);
        if egress.is_empty() {
            return egress;
        }
        let ingress = self.one_side(Direction::Ingress, to, from);
        if ingress.is_empty() || Rc::ptr_eq(&egress, &self.universe) {
            ingress
        } else if Rc::ptr_eq(&ingress, &self.universe) || Rc::ptr_eq(&ingress, &egress) {
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
        let destination = if direction == Direction::Egress { peer } else { subject };
        self.side(direction, subject, destination, |members| members.contains(peer))
    }

    /// What the policies of `subject` allow between it and addresses outside that none of its rules names.
    pub(super) fn others(&self, direction: Direction, subject: PeerIndex) -> Rc<ProtocolSet> {
        let destination = if direction == Direction::Egress { PeerIndex::MAX } else { subject };
        self.side(direction, subject, destination, |members| matches!(members, Members::Everything))
    }

    /// Whether the rules for everybody ask for named ports, so that there is no one answer for all others.
    pub(super) fn others_differ(&self, subject: PeerIndex) -> bool {
        let policies = self.selecting(Direction::Egress, subject).iter();
        policies
            .flat_map(|policy| self.rules(Direction::Egress, *policy))
            .any(|(members, rule)| matches!(members, Members::Everything) && rule.has_named_ports())
    }

    fn side(
        &self,
        direction: Direction,
        subject: PeerIndex,
        destination: PeerIndex,
        matches: impl Fn(&Members) -> bool,
    ) -> Rc<ProtocolSet> {
        let selection = self.selection(direction, subject);
        if self.selections[selection].is_empty() {
            return Rc::clone(&self.universe);
        }
        let (mut words, mut count, mut by_name) = (Vec::new(), 0usize, false);
        for policy in &self.selections[selection] {
            for (members, rule) in self.rules(direction, *policy) {
                if count / 64 == words.len() {
                    words.push(0u64);
                }
                if matches(members) {
                    words[count / 64] |= 1 << (count % 64);
                    by_name |= rule.has_named_ports();
                }
                count += 1;
            }
        }
        let question = (direction == Direction::Egress, selection, words, by_name.then_some(destination));
        if let Some(known) = self.known.borrow().get(&question) {
            return Rc::clone(known);
        }
        let ports = self.pods.get(destination).map_or(&[][..], |class| &class.named_ports);
        let allowed = Rc::new(self.decide(direction, selection, &question.2, ports));
        self.known.borrow_mut().insert(question, Rc::clone(&allowed));
        allowed
    }

    fn rules(&self, direction: Direction, policy: usize) -> impl Iterator<Item = (&Members, &Rule)> {
        let rules = self.policies[policy].rules(direction).unwrap_or_default();
        self.matched[way(direction)][policy].iter().zip(rules)
    }

    /// What the policies of a selection allow, of whose rules the ones in `matching` match.
    fn decide(
        &self,
        direction: Direction,
        selection: usize,
        matching: &[u64],
        destination: &[(String, IpProtocol, u16)],
    ) -> ProtocolSet {
        let mut verdicts = Verdicts { allowed: ProtocolSet::none(), open: (*self.universe).clone() };
        let selecting = &self.selections[selection];
        let mut number = 0;
        for tier in selecting.chunk_by(|a, b| self.policies[*a].layer.tier == self.policies[*b].layer.tier) {
            let mut rules = Vec::new();
            for policy in tier {
                for rule in self.policies[*policy].rules(direction).unwrap_or_default() {
                    if matching[number / 64] >> (number % 64) & 1 == 1 {
                        rules.push(rule);
                    }
                    number += 1;
                }
            }
            verdicts.tier(&rules, tier.iter().any(|policy| self.policies[*policy].isolates), destination);
        }
        verdicts.allowed.union(&verdicts.open)
    }
}

impl Verdicts {
    /// Lets the first rule that speaks of it decide on everything that is open. Open afterwards is what was passed on and,
    /// unless the tier isolates, what no rule spoke of.
    fn tier(&mut self, rules: &[&Rule], isolates: bool, destination: &[(String, IpProtocol, u16)]) {
        let mut passed = ProtocolSet::none();
        for rule in rules {
            if self.open.is_empty() {
                break;
            }
            // What an application is known to be is seen later: until then it is let through, and not held back.
            if !rule.applications.is_empty() && rule.action != Action::Allow {
                continue;
            }
            let traffic = rule.traffic(destination).intersection(&self.open);
            match rule.action {
                Action::Allow => self.allowed = self.allowed.union(&traffic),
                Action::Deny => {}
                Action::Pass => passed = passed.union(&traffic),
            }
            self.open = self.open.difference(&traffic);
        }
        self.open = if isolates { passed } else { self.open.union(&passed) };
    }
}

pub(super) const fn way(direction: Direction) -> usize {
    match direction {
        Direction::Ingress => 0,
        Direction::Egress => 1,
    }
}

/// The namespace of the ingress controller, of which only the name is known.
const INGRESS_NAMESPACE: &str = "ingress-controller-ns";

/// One pod as policies see it, before classes are made.
pub(super) struct PodFacts<'r> {
    workload: Option<&'r WorkloadName>,
    /// Position of its namespace.
    namespace: usize,
    labels: &'r Labels,
    pod: Option<&'r super::Pod>,
    /// Whether policies and selectors see it as a pod.
    selectable: bool,
}
