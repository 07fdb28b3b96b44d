use super::{Algebra, Traffic, TrafficSet};
use std::collections::BTreeMap;

/// A set of flows: for each peer (or pair of peers, or whatever `P` is) its traffic.
///
/// Canonical as long as the peers are atoms, that is disjoint: services and the parts of
/// [`super::AddressSet::partition`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowSet<P: Ord>(BTreeMap<P, TrafficSet>);

impl<P: Ord> Default for FlowSet<P> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<P: Ord + Clone> FlowSet<P> {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn of(peer: P, traffic: TrafficSet) -> Self {
        let mut set = Self::none();
        set.insert(peer, &traffic);
        set
    }

    /// All traffic of all these peers: a universe to take a complement in.
    pub fn all(peers: impl IntoIterator<Item = P>) -> Self {
        Self(peers.into_iter().map(|peer| (peer, TrafficSet::all())).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of peers with any traffic.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds traffic of one peer.
    pub fn insert(&mut self, peer: P, traffic: &TrafficSet) {
        if traffic.is_empty() {
            return;
        }
        let mine = self.0.entry(peer).or_default();
        *mine = if mine.is_empty() { traffic.clone() } else { mine.union(traffic) };
    }

    /// The traffic of one peer; none where it has no traffic.
    pub fn traffic(&self, peer: &P) -> Option<&TrafficSet> {
        self.0.get(peer)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&P, &TrafficSet)> {
        self.0.iter()
    }

    pub fn contains(&self, peer: &P, traffic: Traffic) -> bool {
        self.0.get(peer).is_some_and(|set| set.contains(traffic))
    }

    /// Some flow of the set, the smallest.
    pub fn witness(&self) -> Option<(&P, Traffic)> {
        let (peer, traffic) = self.0.first_key_value()?;
        Some((peer, traffic.witness()?))
    }

    /// Only the flows of the peers that `keep` accepts.
    pub fn filter(&self, keep: impl Fn(&P) -> bool) -> Self {
        Self(self.0.iter().filter(|(peer, _)| keep(peer)).map(|(p, t)| (p.clone(), t.clone())).collect())
    }

    pub fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        for (peer, traffic) in &other.0 {
            union.insert(peer.clone(), traffic);
        }
        union
    }

    pub fn intersection(&self, other: &Self) -> Self {
        let both = self.0.iter().filter_map(|(peer, traffic)| {
            let traffic = traffic.intersection(other.0.get(peer)?);
            (!traffic.is_empty()).then(|| (peer.clone(), traffic))
        });
        Self(both.collect())
    }

    /// What is in this set and not in `other`. The complement in a universe is `universe.difference(&set)`.
    pub fn difference(&self, other: &Self) -> Self {
        let rest = self.0.iter().filter_map(|(peer, traffic)| {
            let traffic = match other.0.get(peer) {
                Some(theirs) => traffic.difference(theirs),
                None => traffic.clone(),
            };
            (!traffic.is_empty()).then(|| (peer.clone(), traffic))
        });
        Self(rest.collect())
    }

    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|(peer, traffic)| other.0.get(peer).is_some_and(|theirs| traffic.is_subset(theirs)))
    }
}

impl<P: Ord + Clone> FromIterator<(P, TrafficSet)> for FlowSet<P> {
    fn from_iter<I: IntoIterator<Item = (P, TrafficSet)>>(flows: I) -> Self {
        let mut set = Self::none();
        for (peer, traffic) in flows {
            set.insert(peer, &traffic);
        }
        set
    }
}

delegate_algebra!([P: Ord + Clone] FlowSet<P>);
