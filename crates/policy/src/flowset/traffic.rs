use super::{Algebra, IntervalSet, Piecewise, ProtocolSet};
use bulkhead_model::{Application, IpProtocol};
use std::fmt;

/// A set of application protocols. *Unknown* (nothing identified) is one element like the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationSet(IntervalSet<u16>);

/// One (protocol, port, application).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Traffic {
    pub protocol: IpProtocol,
    /// As [`bulkhead_model::EdgeKey::port`].
    pub port: u16,
    pub application: Application,
}

/// A set of (protocol, port, application).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrafficSet(Piecewise<u32, ApplicationSet>);

// === impl ApplicationSet ===

impl ApplicationSet {
    pub const fn none() -> Self {
        Self(IntervalSet::empty())
    }

    /// Every application, known to this version or not.
    pub fn all() -> Self {
        Self(IntervalSet::full())
    }

    pub fn single(application: Application) -> Self {
        Self(IntervalSet::single(application.number()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_all(&self) -> bool {
        self.0.is_full()
    }

    pub fn contains(&self, application: Application) -> bool {
        self.0.contains(application.number())
    }

    /// Those that this version knows by name.
    pub fn iter(&self) -> impl Iterator<Item = Application> + '_ {
        Application::all().filter(|application| self.contains(*application))
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

impl FromIterator<Application> for ApplicationSet {
    fn from_iter<I: IntoIterator<Item = Application>>(applications: I) -> Self {
        Self(applications.into_iter().map(Application::number).collect())
    }
}

delegate_algebra!([] ApplicationSet);

/// `http,redis`, `all except tls`, `all`, `none`.
impl fmt::Display for ApplicationSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all");
        }
        if self.is_empty() {
            return f.write_str("none");
        }
        // A set that reaches to the last number is one from which some were taken.
        let (prefix, listed) =
            if self.0.contains(u16::MAX) { ("all except ", self.complement()) } else { ("", self.clone()) };
        f.write_str(prefix)?;
        for (index, application) in listed.iter().enumerate() {
            write!(f, "{}{application}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

// === impl TrafficSet ===

impl TrafficSet {
    pub fn none() -> Self {
        Self(Piecewise::default())
    }

    pub fn all() -> Self {
        Self::new(&ProtocolSet::all(), &ApplicationSet::all())
    }

    /// These applications on these protocols and ports.
    pub fn new(protocols: &ProtocolSet, applications: &ApplicationSet) -> Self {
        Self(Piecewise::product(protocols.points().ranges(), applications))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_all(&self) -> bool {
        *self == Self::all()
    }

    pub fn contains(&self, traffic: Traffic) -> bool {
        self.applications_of(traffic.protocol, traffic.port)
            .is_some_and(|applications| applications.contains(traffic.application))
    }

    /// The applications on one port.
    pub fn applications_of(&self, protocol: IpProtocol, port: u16) -> Option<&ApplicationSet> {
        let port = if protocol.has_ports() || protocol.is_icmp() { port } else { 0 };
        self.0.get(u32::from(protocol.0) << 16 | u32::from(port))
    }

    /// The (protocol, port) on which some application is in the set.
    pub fn protocols(&self) -> ProtocolSet {
        ProtocolSet::from_points(IntervalSet::from_ranges(
            self.0.pieces().map(|(first, last, _)| (first, last)),
        ))
    }

    /// The set as a list of products, one for each distinct set of applications, which are disjoint.
    pub fn products(&self) -> Vec<(ProtocolSet, ApplicationSet)> {
        let mut products: Vec<(ApplicationSet, Vec<(u32, u32)>)> = Vec::new();
        for (first, last, applications) in self.0.pieces() {
            match products.iter_mut().find(|(known, _)| known == applications) {
                Some((_, ranges)) => ranges.push((first, last)),
                None => products.push((applications.clone(), vec![(first, last)])),
            }
        }
        products
            .into_iter()
            .map(|(applications, ranges)| {
                (ProtocolSet::from_points(IntervalSet::from_ranges(ranges)), applications)
            })
            .collect()
    }

    /// Some element, the smallest.
    pub fn witness(&self) -> Option<Traffic> {
        let (point, _, applications) = self.0.pieces().next()?;
        Some(Traffic {
            protocol: IpProtocol((point >> 16) as u8),
            port: point as u16,
            application: Application::from_number(applications.0.first()?),
        })
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
    pub fn complement(&self) -> Self {
        Self::all().difference(self)
    }
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }
}

impl From<ProtocolSet> for TrafficSet {
    fn from(protocols: ProtocolSet) -> Self {
        Self::new(&protocols, &ApplicationSet::all())
    }
}

delegate_algebra!([] TrafficSet);

/// `tcp/6379 (redis); udp/53`; `all` and `none`.
impl fmt::Display for TrafficSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (index, (protocols, applications)) in self.products().iter().enumerate() {
            write!(f, "{}{protocols}", if index == 0 { "" } else { "; " })?;
            if !applications.is_all() {
                write!(f, " ({applications})")?;
            }
        }
        Ok(())
    }
}
