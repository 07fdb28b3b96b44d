use super::{Algebra, IntervalSet};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A set of IPv4 and IPv6 addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressSet {
    v4: IntervalSet<u32>,
    v6: IntervalSet<u128>,
}

impl AddressSet {
    pub const fn none() -> Self {
        Self { v4: IntervalSet::empty(), v6: IntervalSet::empty() }
    }

    /// Every address of both families.
    pub fn all() -> Self {
        Self { v4: IntervalSet::full(), v6: IntervalSet::full() }
    }

    pub fn all_v4() -> Self {
        Self { v4: IntervalSet::full(), v6: IntervalSet::empty() }
    }

    pub fn all_v6() -> Self {
        Self { v4: IntervalSet::empty(), v6: IntervalSet::full() }
    }

    pub fn from_parts(v4: IntervalSet<u32>, v6: IntervalSet<u128>) -> Self {
        Self { v4, v6 }
    }

    /// All from `first` to `last`; empty where they are of two families or out of order.
    pub fn range(first: IpAddr, last: IpAddr) -> Self {
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                Self { v4: IntervalSet::range(first.into(), last.into()), ..Self::default() }
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                Self { v6: IntervalSet::range(first.into(), last.into()), ..Self::default() }
            }
            _ => Self::none(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    pub fn is_all(&self) -> bool {
        self.v4.is_full() && self.v6.is_full()
    }

    pub fn v4(&self) -> &IntervalSet<u32> {
        &self.v4
    }

    pub fn v6(&self) -> &IntervalSet<u128> {
        &self.v6
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.into()),
            IpAddr::V6(address) => self.v6.contains(address.into()),
        }
    }

    /// The ranges, IPv4 first.
    pub fn ranges(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> + '_ {
        let v4 =
            self.v4.ranges().map(|(first, last)| (Ipv4Addr::from(first).into(), Ipv4Addr::from(last).into()));
        let v6 =
            self.v6.ranges().map(|(first, last)| (Ipv6Addr::from(first).into(), Ipv6Addr::from(last).into()));
        v4.chain(v6)
    }

    /// The set as networks: the fewest of them, IPv4 first.
    pub fn networks(&self) -> Vec<IpNet> {
        let v4 = self
            .v4
            .prefixes()
            .into_iter()
            .filter_map(|(first, length)| Ipv4Net::new(first.into(), length).ok().map(IpNet::from));
        let v6 = self
            .v6
            .prefixes()
            .into_iter()
            .filter_map(|(first, length)| Ipv6Net::new(first.into(), length).ok().map(IpNet::from));
        v4.chain(v6).collect()
    }

    /// Some address of the set, the smallest.
    pub fn witness(&self) -> Option<IpAddr> {
        let v4 = self.v4.first().map(|first| IpAddr::from(Ipv4Addr::from(first)));
        v4.or_else(|| self.v6.first().map(|first| IpAddr::from(Ipv6Addr::from(first))))
    }

    /// The coarsest division of all addresses in which each of `sets` is a union of parts: addresses that no set tells
    /// apart are in one part. These are the *external atoms*: with them, sets of addresses become sets of peers.
    /// The parts are disjoint, not empty, and cover everything.
    pub fn partition(sets: &[AddressSet]) -> Vec<AddressSet> {
        let mut parts: BTreeMap<Vec<usize>, AddressSet> = BTreeMap::new();
        for (first, last) in cuts(sets.iter().map(|set| &set.v4)) {
            let members = (0..sets.len()).filter(|index| sets[*index].v4.contains(first)).collect();
            let part = parts.entry(members).or_default();
            part.v4 = part.v4.union(&IntervalSet::range(first, last));
        }
        for (first, last) in cuts(sets.iter().map(|set| &set.v6)) {
            let members = (0..sets.len()).filter(|index| sets[*index].v6.contains(first)).collect();
            let part = parts.entry(members).or_default();
            part.v6 = part.v6.union(&IntervalSet::range(first, last));
        }
        parts.into_values().collect()
    }

    /// The union of any number of sets, at the cost of sorting their ranges.
    pub fn union_of<'a>(sets: impl IntoIterator<Item = &'a AddressSet>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for set in sets {
            v4.extend(set.v4.ranges());
            v6.extend(set.v6.ranges());
        }
        Self { v4: IntervalSet::from_ranges(v4), v6: IntervalSet::from_ranges(v6) }
    }

    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }
    pub fn intersection(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersection(&other.v4), v6: self.v6.intersection(&other.v6) }
    }
    /// What is in this set and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        Self { v4: self.v4.difference(&other.v4), v6: self.v6.difference(&other.v6) }
    }
    pub fn complement(&self) -> Self {
        Self { v4: self.v4.complement(), v6: self.v6.complement() }
    }
    pub fn is_subset(&self, other: &Self) -> bool {
        self.v4.is_subset(&other.v4) && self.v6.is_subset(&other.v6)
    }
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.v4.is_disjoint(&other.v4) && self.v6.is_disjoint(&other.v6)
    }
}

/// The pieces into which the ends of the ranges of `sets` cut the whole space.
pub(crate) fn cuts<'a, T: super::Point + 'a>(sets: impl Iterator<Item = &'a IntervalSet<T>>) -> Vec<(T, T)> {
    let mut starts = BTreeSet::from([T::MIN]);
    for (first, last) in sets.flat_map(|set| set.ranges()) {
        starts.insert(first);
        starts.extend(last.next());
    }
    let starts: Vec<T> = starts.into_iter().collect();
    let ends = starts.iter().skip(1).map(|next| next.previous().unwrap_or(T::MIN)).chain([T::MAX]);
    starts.iter().copied().zip(ends).collect()
}

impl From<IpNet> for AddressSet {
    fn from(network: IpNet) -> Self {
        Self::range(network.network(), network.broadcast())
    }
}

impl From<IpAddr> for AddressSet {
    fn from(address: IpAddr) -> Self {
        Self::range(address, address)
    }
}

impl FromIterator<IpNet> for AddressSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        networks.into_iter().fold(Self::none(), |set, network| set.union(&network.into()))
    }
}

delegate_algebra!([] AddressSet);

/// Networks where they are few, else ranges; `all` and `none`.
impl fmt::Display for AddressSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all");
        }
        if self.is_empty() {
            return f.write_str("none");
        }
        let networks = self.networks();
        let texts: Vec<String> = if networks.len() <= 2 * self.ranges().count() {
            networks.iter().map(IpNet::to_string).collect()
        } else {
            self.ranges().map(|(first, last)| format!("{first}-{last}")).collect()
        };
        f.write_str(&texts.join(","))
    }
}
