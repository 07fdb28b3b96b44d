//! The memory of a learner: one fixed-size record per edge, peers named once for the whole estate.

use bulkhead_model::{Application, Direction, EdgeKey, IpProtocol, Peer, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Peers by number, so that an edge does not repeat names.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    names: Vec<Peer>,
    numbers: BTreeMap<Peer, u32>,
}

impl Peers {
    pub(crate) fn number(&mut self, peer: &Peer) -> u32 {
        if let Some(number) = self.numbers.get(peer) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(peer.clone());
        self.numbers.insert(peer.clone(), number);
        number
    }

    pub(crate) fn find(&self, peer: &Peer) -> Option<u32> {
        self.numbers.get(peer).copied()
    }

    pub(crate) fn name(&self, number: u32) -> &Peer {
        self.names.get(number as usize).unwrap_or(&Peer::Unknown)
    }
}

/// An edge as one of its two services sees it. The order keeps the applications of one port together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    pub(crate) peer: u32,
    pub(crate) port: u16,
    pub(crate) protocol: IpProtocol,
    pub(crate) direction: Direction,
    pub(crate) application: Application,
}

impl Slot {
    pub(crate) fn new(edge: &EdgeKey, peer: u32, direction: Direction) -> Self {
        Self { peer, port: edge.port, protocol: edge.protocol, direction, application: edge.application }
    }

    pub(crate) fn with(self, application: Application) -> Self {
        Self { application, ..self }
    }

    pub(crate) fn key(self, own: &Peer, peers: &Peers) -> EdgeKey {
        let other = peers.name(self.peer).clone();
        let (client, server) = match self.direction {
            Direction::Egress => (own.clone(), other),
            Direction::Ingress => (other, own.clone()),
        };
        EdgeKey { client, server, protocol: self.protocol, port: self.port, application: self.application }
    }
}

/// Why an edge that was seen is not learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetAside {
    /// Its client tried many ports or unanswering peers in a short time.
    Scan,
    /// Its client suddenly spoke to many peers that it had never spoken to.
    FanOut,
    /// An attack was found in it.
    Threat,
    /// Its client spoke with an address that is not its own.
    Spoof,
    /// A person said that it must not be.
    Rejected,
}

/// What learning makes of an edge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Counts, and becomes a rule.
    #[default]
    Learned,
    /// A person said that it may be: as learned, and never set aside again.
    Accepted,
    /// Flagged for decision: does not count, and becomes no rule.
    SetAside(SetAside),
}

impl Standing {
    pub fn becomes_rule(self) -> bool {
        !matches!(self, Self::SetAside(_))
    }
}

/// What is remembered of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) first_seen: Timestamp,
    pub(crate) last_seen: Timestamp,
    /// Estimator's time at which the last episode began.
    pub(crate) episode: u64,
    /// Estimator's hour in which the edge was first seen.
    pub(crate) hour: u32,
    /// Connections, saturating.
    pub(crate) hits: u32,
    /// Saturating.
    pub(crate) episodes: u16,
    pub(crate) standing: Standing,
    /// First seen within the start-up stratum, which is an independent sample: tells nothing of what is unseen later.
    pub(crate) from_startup: bool,
}

// The promise of 64 bytes an edge.
const _: () = assert!(size_of::<(Slot, Record)>() == 56);

/// An edge that becomes a rule, or waits for a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedEdge {
    pub key: EdgeKey,
    pub direction: Direction,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub connections: u32,
    pub episodes: u16,
    pub standing: Standing,
    /// First seen right after a start of a workload.
    pub from_startup: bool,
}

/// As stored: peers by name and estimator's times, so that a learner can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedEdge {
    #[serde(flatten)]
    pub(crate) edge: LearnedEdge,
    pub(crate) episode: u64,
    pub(crate) hour: u32,
}
