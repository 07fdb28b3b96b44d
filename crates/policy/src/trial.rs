//! A candidate beside the policy in force: what it would say of the traffic that the kernel counts.
//!
//! The kernel counts by edge: service, peer, protocol, port (ICMP: type and code), direction, application. All that tables
//! ask of a packet is in that key, so one look into the candidate's tables per edge says of every connection on it what
//! a second look in the kernel would say of each one, and costs no packet anything. The one thing that a key may be too
//! coarse for is an external peer, which is an atom of the *policy in force*; so while a trial runs, both are compiled
//! beside each other ([`Compiler::compile_beside`](crate::Compiler::compile_beside)), and no atom is of two minds.

use crate::{compiled::CompiledPolicy, evaluate::Traffic, lookup::PeerAddress, side_verdict};
use bulkhead_model::{Direction, Identity, Mode, RuleRef, Verdict};

/// What the kernel counts by, ICMP's type and code in place of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelEdge {
    /// The service at whose endpoint it was counted.
    pub local: Identity,
    pub peer: Identity,
    /// `Egress`: `local` opened it.
    pub direction: Direction,
    pub traffic: Traffic,
}

/// What a candidate would do with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WouldBe {
    /// Of both sides together, each in the mode that the candidate's tables give it.
    pub verdict: Verdict,
    /// The service on whose side it was decided so, and its direction; where both sides say the same, the opening one.
    pub service: Identity,
    pub direction: Direction,
    pub mode: Mode,
    /// The rule that decided there.
    pub rule: RuleRef,
}

impl CompiledPolicy {
    /// What these tables would do with the connections on an edge. The peer's side is asked too where it is a service:
    /// who is let out on one side may be turned away on the other.
    pub fn would_be(&self, edge: &KernelEdge) -> WouldBe {
        let opposite = match edge.direction {
            Direction::Egress => Direction::Ingress,
            Direction::Ingress => Direction::Egress,
        };
        let side = |own: Identity, other: Identity, direction: Direction| {
            let service = self.service(own)?;
            let outcome = self.lookup(own, direction, PeerAddress::Known(other), edge.traffic);
            let verdict = side_verdict(service.mode, outcome.allow);
            Some(WouldBe { verdict, service: own, direction, mode: service.mode, rule: outcome.rule })
        };
        let own = side(edge.local, edge.peer, edge.direction);
        let other = side(edge.peer, edge.local, opposite);
        let (first, second) = match edge.direction {
            Direction::Egress => (own, other),
            Direction::Ingress => (other, own),
        };
        let nobody = WouldBe {
            verdict: Verdict::Allowed,
            service: edge.local,
            direction: edge.direction,
            mode: Mode::Learn,
            rule: RuleRef::NONE,
        };
        match (first, second) {
            (Some(a), Some(b)) if b.verdict > a.verdict => b,
            (Some(a), _) => a,
            (None, b) => b.unwrap_or(nobody),
        }
    }
}
