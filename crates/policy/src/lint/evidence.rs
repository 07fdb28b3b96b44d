//! What was seen says which rules are needed, and how much of them.

use super::{Lint, Linter};
use crate::{
    document::{Action, PeerSpec, PortMatch},
    effective::EffectiveRule,
};
use bulkhead_model::{Direction, EdgeKey, IpProtocol, Peer, RuleRef};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What was seen of a rule.
#[derive(Debug, Default)]
struct Use {
    ports: BTreeSet<(IpProtocol, u16)>,
    peers: BTreeSet<Peer>,
}

impl Linter<'_> {
    pub(super) fn evidence(&mut self, edges: &[EdgeKey]) {
        if edges.is_empty() {
            return;
        }
        let mut used: BTreeMap<RuleRef, Use> = BTreeMap::new();
        for edge in edges {
            let verdict = self.evaluator.edge_verdict(edge);
            for side in verdict.sides() {
                let other = match side.direction {
                    Direction::Ingress => &edge.client,
                    Direction::Egress => &edge.server,
                };
                let used = used.entry(side.decision.reference()).or_default();
                used.ports.insert((edge.protocol, edge.port));
                used.peers.insert(other.clone());
            }
        }
        let mut seen = HashSet::new();
        let services: Vec<_> = self.inventory.services().map(|service| service.identity).collect();
        for service in services {
            for direction in [Direction::Ingress, Direction::Egress] {
                for rule in self.evaluator.effective().rules(service, direction).to_vec() {
                    if rule.rule().action == Action::Deny
                        || !self.deciding.contains(&rule.reference)
                        || !seen.insert(rule.reference)
                    {
                        continue;
                    }
                    self.use_of(&rule, used.get(&rule.reference));
                }
            }
        }
    }

    fn use_of(&mut self, rule: &EffectiveRule, used: Option<&Use>) {
        let (key, place) = (rule.document(), Some((rule.direction, rule.index)));
        let Some(used) = used else {
            let message = "no connection that was seen needs it".to_owned();
            self.found(Lint::Unused, &key, place, message, None);
            return;
        };
        let allowed: u32 = match rule.rule().ports.as_slice() {
            [] => u32::MAX,
            ports => ports
                .iter()
                .map(|spec| match &spec.port {
                    PortMatch::All => 65_536,
                    PortMatch::Range(range) if !spec.protocol.is_icmp() => {
                        u32::from(range.last - range.first) + 1
                    }
                    _ => 1,
                })
                .fold(0, u32::saturating_add),
        };
        // A range of a hundred ports of which three are used is how servers are; a thousand is not.
        if allowed >= 1000 && used.ports.len() <= 5 {
            let ports: Vec<String> =
                used.ports.iter().map(|(protocol, port)| format!("{protocol}/{port}")).collect();
            let message = match allowed {
                u32::MAX => format!("allows every protocol and port; only {} was seen", ports.join(", ")),
                _ => format!("allows {allowed} ports; only {} was seen", ports.join(", ")),
            };
            let hint = format!("narrow it to ports: [{}]", ports.join(", "));
            self.found(Lint::OverBroad, &key, place, message, Some(hint));
        }
        let everybody = |peer: &PeerSpec| match peer {
            PeerSpec::Any => true,
            PeerSpec::Services(criteria) => criteria.is_every_service(),
            _ => false,
        };
        if rule.rule().peers.iter().any(everybody)
            && used.peers.len() <= 3
            && self.inventory.services().len() > 10
        {
            let peers: Vec<String> = used.peers.iter().map(ToString::to_string).collect();
            let message = format!("allows everybody; only {} was seen", peers.join(", "));
            self.found(Lint::OverBroad, &key, place, message, Some("name the peers that need it".to_owned()));
        }
    }
}
