//! Counts of a trial, by edge.

use bulkhead_model::{Application, Direction, Identity, IpProtocol, Mode, RuleRef, Timestamp, Verdict};
use bulkhead_policy::{KernelEdge, WouldBe};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Edges that are kept apart; what comes on others is counted and not judged.
const EDGES: usize = 50_000;

/// A connection's ends and what it is, as the kernel knows them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Pair {
    pub(super) client: Identity,
    pub(super) server: Identity,
    pub(super) protocol: IpProtocol,
    pub(super) port: u16,
    pub(super) application: Application,
}

/// What one end told of an edge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Side {
    passed: u64,
    denied: u64,
    /// Of those that passed, those that the candidate would deny.
    would_deny: u64,
    /// Of those that were denied, those that it would let pass.
    would_allow: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    egress: Side,
    ingress: Side,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// What the candidate said last where it said otherwise than what happened.
    pub(super) service: Identity,
    pub(super) direction: Direction,
    pub(super) rule: RuleRef,
    /// Whether the connections that would be denied were expected, and why; settled when the trial ends.
    #[serde(default)]
    pub(super) expected: Option<(bool, String)>,
}

impl Tally {
    /// Each connection between two services is counted at both ends: what the server let in has passed.
    fn told(&self) -> &Side {
        if self.ingress.passed + self.ingress.denied > 0 { &self.ingress } else { &self.egress }
    }

    pub(super) fn would_deny(&self) -> u64 {
        self.told().would_deny
    }

    /// What was denied at one end has never come to the other.
    pub(super) fn would_allow(&self) -> u64 {
        self.egress.would_allow + self.ingress.would_allow
    }

    pub(super) fn connections(&self) -> u64 {
        self.told().passed + self.egress.denied + self.ingress.denied
    }

    pub(super) fn differs(&self) -> bool {
        self.would_deny() + self.would_allow() > 0
    }
}

/// All counts of a trial. What agrees with the policy in force is stored as a sum.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub(super) struct Tallies {
    pub(super) edges: BTreeMap<Pair, Tally>,
    /// Of edges that are not kept any more.
    agreed: (u64, u64),
    pub(super) not_judged: u64,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    edges: Vec<(Pair, Tally)>,
    agreed_edges: u64,
    agreed_connections: u64,
    not_judged: u64,
}

impl Tallies {
    pub(super) fn count(
        &mut self,
        edge: &KernelEdge,
        would_be: &WouldBe,
        (passed, denied): (u64, u64),
        last: Timestamp,
    ) {
        let (client, server) = match edge.direction {
            Direction::Egress => (edge.local, edge.peer),
            Direction::Ingress => (edge.peer, edge.local),
        };
        let (protocol, port) = (edge.traffic.protocol, edge.traffic.port);
        let pair = Pair { client, server, protocol, port, application: edge.traffic.application };
        if self.edges.len() >= EDGES && !self.edges.contains_key(&pair) {
            self.not_judged += passed + denied;
            return;
        }
        let tally = self.edges.entry(pair).or_insert_with(|| Tally {
            egress: Side::default(),
            ingress: Side::default(),
            first: last,
            last,
            service: would_be.service,
            direction: would_be.direction,
            rule: would_be.rule,
            expected: None,
        });
        let side = match edge.direction {
            Direction::Egress => &mut tally.egress,
            Direction::Ingress => &mut tally.ingress,
        };
        side.passed += passed;
        side.denied += denied;
        let denies = would_be.verdict == Verdict::Denied;
        match denies {
            true => side.would_deny += passed,
            false => side.would_allow += denied,
        }
        let otherwise = if denies { passed } else { denied } > 0;
        // A rule that denies and one that allows say different things; a quarantine is no rule's doing.
        if otherwise {
            (tally.service, tally.direction) = (would_be.service, would_be.direction);
            tally.rule = if would_be.mode == Mode::Quarantine { RuleRef::NONE } else { would_be.rule };
        }
        tally.first = tally.first.min(last);
        tally.last = tally.last.max(last);
    }

    /// Edges and connections that were judged.
    pub(super) fn judged(&self) -> (u64, u64) {
        let connections: u64 = self.edges.values().map(Tally::connections).sum();
        (self.agreed.0 + self.edges.len() as u64, self.agreed.1 + connections)
    }

    /// Keeps apart only what differs.
    pub(super) fn settle(&mut self) {
        *self = Self::from(Saved::from(std::mem::take(self)));
    }
}

impl From<Tallies> for Saved {
    fn from(tallies: Tallies) -> Self {
        let (edges, agreed): (Vec<_>, Vec<_>) =
            tallies.edges.into_iter().partition(|(_, tally)| tally.differs());
        Self {
            agreed_edges: tallies.agreed.0 + agreed.len() as u64,
            agreed_connections: tallies.agreed.1
                + agreed.iter().map(|(_, tally)| tally.connections()).sum::<u64>(),
            edges,
            not_judged: tallies.not_judged,
        }
    }
}

impl From<Saved> for Tallies {
    fn from(saved: Saved) -> Self {
        Self {
            edges: saved.edges.into_iter().collect(),
            agreed: (saved.agreed_edges, saved.agreed_connections),
            not_judged: saved.not_judged,
        }
    }
}
