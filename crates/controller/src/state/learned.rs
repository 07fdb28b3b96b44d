//! From learned edges to documents.

use super::{State, judge::port_spec};
use bulkhead_model::{Direction, EdgeKey, RuleOrigin, ServiceName};
use bulkhead_policy::{
    Document, Generalise, PolicySet, SegmentationPolicy,
    document::{Cidr, Criteria, DocumentKey, Kind, Metadata, PeerSpec, Rule},
    learned_name,
};

impl State {
    /// Whether the document belongs to learning.
    pub(crate) fn is_learned_name(key: &DocumentKey) -> bool {
        let name: Option<ServiceName> =
            key.name.strip_suffix("-learned").and_then(|name| ServiceName::new(&key.namespace, name).ok());
        key.kind == Kind::SegmentationPolicy && name.is_some_and(|name| learned_name(&name) == *key)
    }

    /// The document that allows what was learned of a service: what is set aside is left out, and what a person has
    /// narrowed is said as narrowly.
    pub(crate) fn learned_of(&self, name: &ServiceName) -> SegmentationPolicy {
        let edges = self.learner().edges(name);
        let narrowed: Vec<_> = self
            .decisions
            .values()
            .filter(|decision| decision.service == *name && !decision.narrow.is_empty())
            .collect();
        let is_narrowed = |key: &EdgeKey, direction: Direction| {
            narrowed.iter().any(|decision| decision.edge == *key && decision.direction == direction)
        };
        let accepted: Vec<&EdgeKey> = edges
            .iter()
            .filter(|edge| edge.standing.becomes_rule() && !is_narrowed(&edge.key, edge.direction))
            .map(|edge| &edge.key)
            .collect();
        let key = learned_name(name);
        let found = Generalise::default().policies(accepted).policies.into_iter().find(|p| p.key() == key);
        let mut policy = found.unwrap_or_else(|| nothing_learned(name, &key));
        for decision in narrowed {
            let address = |address: &std::net::IpAddr| PeerSpec::Cidr(Cidr::whole((*address).into()));
            let rule = Rule {
                peers: decision.narrow.iter().map(address).collect(),
                ports: vec![port_spec(decision.edge.protocol, decision.edge.port)],
                ..Rule::default()
            };
            match decision.direction {
                Direction::Ingress => policy.ingress.push(rule),
                Direction::Egress => policy.egress.push(rule),
            }
        }
        policy
    }

    /// The documents in force and what learning would write for every service.
    pub(crate) fn candidate(&self) -> PolicySet {
        let mut set = (*self.parts().0).clone();
        for name in self.services.keys() {
            set.insert(Document::Policy(self.learned_of(name)));
        }
        set
    }
}

fn nothing_learned(name: &ServiceName, key: &DocumentKey) -> SegmentationPolicy {
    SegmentationPolicy {
        metadata: Metadata {
            name: key.name.to_string(),
            namespace: key.namespace.to_string(),
            ..Metadata::default()
        },
        target: Criteria::service(name),
        mode: None,
        tier: RuleOrigin::Learned,
        order: None,
        ingress: Vec::new(),
        egress: Vec::new(),
    }
}
