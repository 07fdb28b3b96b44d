//! Sets of flows, exactly: union, intersection, difference, complement, emptiness, subset, equality.
//!
//! A question about a policy ("does anything outside this zone reach that database?") is a question about *all* flows,
//! so it is answered with sets, not with samples. Every set here is **canonical**: two sets hold the same flows if and
//! only if the values are equal (`==`, `Hash`), so a semantic diff is a comparison and a fixed point is found with `!=`.
//!
//! | type | a set of | built from |
//! |---|---|---|
//! | [`IntervalSet<T>`] | integers (`u8`, `u16`, `u32`, `u128`) | disjoint, sorted, non-adjacent ranges |
//! | [`PortSet`] | ports, or ICMP `type * 256 + code` | ranges |
//! | [`ProtocolSet`] | (protocol, port) | any of the 256 IP protocols; the ports of those that have ports |
//! | [`ApplicationSet`] | applications, *unknown* being one of them | numbers |
//! | [`TrafficSet`] | (protocol, port, application) | [`ProtocolSet`] × [`ApplicationSet`] |
//! | [`AddressSet`] | IPv4 and IPv6 addresses | ranges, networks |
//! | [`FlowSet<P>`] | (peer, protocol, port, application) | peers of any type, for example `(Peer, Peer)` |
//!
//! ```
//! use bulkhead_model::{Application, IpProtocol};
//! use bulkhead_policy::flowset::{ApplicationSet, FlowSet, PortSet, ProtocolSet, TrafficSet};
//!
//! let web = ProtocolSet::ports(IpProtocol::TCP, &PortSet::from_iter([80, 443]));
//! let tcp = ProtocolSet::protocol(IpProtocol::TCP);
//! assert!(web.is_subset(&tcp));
//! assert_eq!(tcp.difference(&web).union(&web), tcp);
//!
//! let before = FlowSet::of("api", TrafficSet::from(web.clone()));
//! let after = FlowSet::of("api", TrafficSet::new(&web, &ApplicationSet::single("http".parse().unwrap())));
//! let lost = before.difference(&after);
//! let (peer, flow) = lost.witness().unwrap();
//! assert_eq!((*peer, flow.protocol, flow.port), ("api", IpProtocol::TCP, 80));
//! assert_eq!(flow.application, Application::UNKNOWN);
//! ```
//!
//! Protocols without ports are there or not as a whole: they have no part. For ICMP the "port" is the type and code as
//! [`bulkhead_model::IcmpType`] says. Port 0 belongs to the ports of TCP, UDP and SCTP, since a packet can carry it.

/// [`Algebra`] by the methods of the same names that a set has anyway.
macro_rules! delegate_algebra {
    ([$($generics:tt)*] $set:ty) => {
        impl<$($generics)*> Algebra for $set {
            fn empty() -> Self {
                <$set>::default()
            }
            fn is_empty(&self) -> bool {
                <$set>::is_empty(self)
            }
            fn union(&self, other: &Self) -> Self {
                <$set>::union(self, other)
            }
            fn intersection(&self, other: &Self) -> Self {
                <$set>::intersection(self, other)
            }
            fn difference(&self, other: &Self) -> Self {
                <$set>::difference(self, other)
            }
        }
    };
}

mod address;
mod interval;
mod piecewise;
mod protocol;
mod set;
mod traffic;

pub use address::AddressSet;
pub(crate) use address::cuts;
pub use interval::{IntervalSet, Point};
pub use piecewise::{Algebra, Piecewise};
pub use protocol::{PortSet, ProtocolSet};
pub use set::FlowSet;
pub use traffic::{ApplicationSet, Traffic, TrafficSet};

#[cfg(test)]
mod tests;
