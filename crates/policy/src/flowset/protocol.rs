use super::{Algebra, IntervalSet};
use bulkhead_model::{IpProtocol, PortRange};
use std::fmt;

/// A set of ports; for ICMP, of `type * 256 + code`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSet(IntervalSet<u16>);

/// A set of (protocol, port) over all 256 IP protocols.
///
/// Held as one interval set over `protocol << 16 | port`. A protocol that has neither ports nor types is in the set as a
/// whole or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolSet(IntervalSet<u32>);

/// Last element of the (protocol, port) space.
const LAST: u32 = 0xff_ffff;

// === impl PortSet ===

impl PortSet {
    pub const fn none() -> Self {
        Self(IntervalSet::empty())
    }

    pub fn all() -> Self {
        Self(IntervalSet::full())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_all(&self) -> bool {
        self.0.is_full()
    }

    pub fn contains(&self, port: u16) -> bool {
        self.0.contains(port)
    }

    pub fn ranges(&self) -> impl ExactSizeIterator<Item = PortRange> + '_ {
        self.0.ranges().map(|(first, last)| PortRange { first, last })
    }

    /// The set as aligned blocks (port, prefix length): the fewest.
    pub fn prefixes(&self) -> Vec<(u16, u8)> {
        self.0.prefixes()
    }

    pub fn intervals(&self) -> &IntervalSet<u16> {
        &self.0
    }

    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0))
    }
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0))
    }
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0))
    }
    pub fn complement(&self) -> Self {
        Self(self.0.complement())
    }
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }
}

impl From<PortRange> for PortSet {
    fn from(range: PortRange) -> Self {
        Self(IntervalSet::range(range.first, range.last))
    }
}

impl From<IntervalSet<u16>> for PortSet {
    fn from(intervals: IntervalSet<u16>) -> Self {
        Self(intervals)
    }
}

impl FromIterator<u16> for PortSet {
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        Self(ports.into_iter().collect())
    }
}

impl FromIterator<PortRange> for PortSet {
    fn from_iter<I: IntoIterator<Item = PortRange>>(ranges: I) -> Self {
        Self(IntervalSet::from_ranges(ranges.into_iter().map(|range| (range.first, range.last))))
    }
}

/// `80,443,8000-8080`; `all` and `none`.
impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all");
        }
        if self.is_empty() {
            return f.write_str("none");
        }
        for (index, range) in self.ranges().enumerate() {
            write!(f, "{}{range}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

// === impl ProtocolSet ===

const fn base(protocol: IpProtocol) -> u32 {
    (protocol.0 as u32) << 16
}

/// Whether a part of this protocol can be named.
const fn divisible(protocol: IpProtocol) -> bool {
    protocol.has_ports() || protocol.is_icmp()
}

impl ProtocolSet {
    pub const fn none() -> Self {
        Self(IntervalSet::empty())
    }

    /// Everything that IP carries.
    pub fn all() -> Self {
        Self(IntervalSet::range(0, LAST))
    }

    /// All of one protocol.
    pub fn protocol(protocol: IpProtocol) -> Self {
        Self(IntervalSet::range(base(protocol), base(protocol) | 0xffff))
    }

    /// These ports of one protocol. Of a protocol without ports: all of it, unless `ports` is empty.
    pub fn ports(protocol: IpProtocol, ports: &PortSet) -> Self {
        if ports.is_empty() {
            return Self::none();
        }
        if !divisible(protocol) {
            return Self::protocol(protocol);
        }
        let base = base(protocol);
        Self(IntervalSet::from_ranges(
            ports.0.ranges().map(|(first, last)| (base | u32::from(first), base | u32::from(last))),
        ))
    }

    pub fn port(protocol: IpProtocol, port: u16) -> Self {
        Self::ports(protocol, &PortSet::from_iter([port]))
    }

    pub fn port_range(protocol: IpProtocol, range: PortRange) -> Self {
        Self::ports(protocol, &PortSet::from(range))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_all(&self) -> bool {
        self.0.ranges().eq([(0, LAST)])
    }

    /// `port` is ignored for a protocol that has neither ports nor types.
    pub fn contains(&self, protocol: IpProtocol, port: u16) -> bool {
        let port = if divisible(protocol) { port } else { 0 };
        self.0.contains(base(protocol) | u32::from(port))
    }

    /// The ports of one protocol in this set; all or none for a protocol without ports.
    pub fn ports_of(&self, protocol: IpProtocol) -> PortSet {
        let base = base(protocol);
        let mine = self.0.intersection(&IntervalSet::range(base, base | 0xffff));
        PortSet(IntervalSet::from_ranges(mine.ranges().map(|(first, last)| (first as u16, last as u16))))
    }

    /// Every protocol of which something is in the set, ascending by number, with its ports.
    pub fn protocols(&self) -> impl Iterator<Item = (IpProtocol, PortSet)> + '_ {
        (0..=u8::MAX)
            .map(IpProtocol)
            .map(|protocol| (protocol, self.ports_of(protocol)))
            .filter(|(_, ports)| !ports.is_empty())
    }

    /// Some element, the smallest: (protocol, port).
    pub fn witness(&self) -> Option<(IpProtocol, u16)> {
        self.0.first().map(|point| (IpProtocol((point >> 16) as u8), point as u16))
    }

    /// Ranges of `protocol << 16 | port`.
    pub fn points(&self) -> &IntervalSet<u32> {
        &self.0
    }

    pub(super) fn from_points(points: IntervalSet<u32>) -> Self {
        Self(points)
    }

    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0))
    }
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0))
    }
    /// What is in this set and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0))
    }
    /// Everything that IP carries and this set does not hold.
    pub fn complement(&self) -> Self {
        Self::all().difference(self)
    }
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.0.is_disjoint(&other.0)
    }
}

impl FromIterator<ProtocolSet> for ProtocolSet {
    fn from_iter<I: IntoIterator<Item = ProtocolSet>>(sets: I) -> Self {
        Self(IntervalSet::from_ranges(sets.into_iter().flat_map(|set| set.0.ranges().collect::<Vec<_>>())))
    }
}

delegate_algebra!([] ProtocolSet);

/// `tcp/80,443 udp icmp/2048-2303`; `all` and `none`.
impl fmt::Display for ProtocolSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all");
        }
        if self.is_empty() {
            return f.write_str("none");
        }
        let mut parts: Vec<String> = Vec::new();
        // Whole protocols that follow one another are written as a range of numbers.
        let mut whole: Vec<IpProtocol> = Vec::new();
        let flush = |whole: &mut Vec<IpProtocol>, parts: &mut Vec<String>| {
            match whole.as_slice() {
                [first, _, _, .., last] => parts.push(format!("{}-{}", first.0, last.0)),
                few => parts.extend(few.iter().map(IpProtocol::to_string)),
            }
            whole.clear();
        };
        let mut partial = Vec::new();
        for (protocol, ports) in self.protocols() {
            if ports.is_all() {
                if whole.last().is_some_and(|before| before.0 + 1 != protocol.0) {
                    flush(&mut whole, &mut parts);
                }
                whole.push(protocol);
            } else {
                partial.push(format!("{protocol}/{ports}"));
            }
        }
        flush(&mut whole, &mut parts);
        parts.extend(partial);
        f.write_str(&parts.join(" "))
    }
}
