//! Other rules for services whose edges never end.

use crate::{Learner, generalise};
use bulkhead_model::{Direction, IpProtocol, Peer, ServiceName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// So many peers on one port are worth one rule.
const PEERS: usize = 8;

/// A rule that stands for many edges of one port. Who proposes it does not apply it: a person decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Of the service: `Ingress` for a server with ever new clients, `Egress` for a crawler or a mail relay.
    pub direction: Direction,
    pub protocol: IpProtocol,
    pub port: u16,
    /// Domains, ranges or the world; services of the estate are named one by one.
    pub peers: Vec<Peer>,
    /// Learned edges that it stands for.
    pub edges: u32,
}

impl Learner {
    /// Rules by server side, domain or range for an open-ended service; nothing for others. The widest first.
    pub fn proposals(&self, name: &ServiceName) -> Vec<Proposal> {
        if !self.evidence(name).is_some_and(|evidence| evidence.is_open_ended()) {
            return Vec::new();
        }
        let mut ports: BTreeMap<_, Vec<Peer>> = BTreeMap::new();
        for edge in self.edges(name).into_iter().filter(|edge| edge.standing.becomes_rule()) {
            let other = match edge.direction {
                Direction::Egress => edge.key.server,
                Direction::Ingress => edge.key.client,
            };
            ports.entry((edge.direction, edge.key.protocol, edge.key.port)).or_default().push(other);
        }
        let mut proposals: Vec<Proposal> = ports
            .into_iter()
            .filter(|(_, peers)| peers.len() >= PEERS)
            .map(|((direction, protocol, port), peers)| {
                let edges = u32::try_from(peers.len()).unwrap_or(u32::MAX);
                Proposal { direction, protocol, port, peers: summarise(peers), edges }
            })
            .collect();
        proposals.sort_by_key(|proposal| std::cmp::Reverse(proposal.edges));
        proposals
    }
}

fn summarise(peers: Vec<Peer>) -> Vec<Peer> {
    let (mut outside, mut rest) = (Vec::new(), Vec::new());
    for peer in peers {
        match peer {
            Peer::External(name) => outside.push(name),
            other => rest.push(other),
        }
    }
    rest.extend(generalise(&outside));
    rest.sort();
    rest.dedup();
    // Whatever is outside is the world.
    if rest.contains(&Peer::World) {
        rest.retain(|peer| !matches!(peer, Peer::External(_)));
    }
    rest
}
