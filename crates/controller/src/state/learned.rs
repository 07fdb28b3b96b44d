//! From learned edges to documents.

use super::{State, review::DecisionData};
use bulkhead_api::{Decision, ReviewKind};
use bulkhead_learn::LearnedEdge;
use bulkhead_model::{Direction, EdgeKey, RuleOrigin, ServiceName};
use bulkhead_policy::{
    Document, Generalise, PolicySet, SegmentationPolicy,
    document::{Criteria, DocumentKey, Kind, Metadata},
    learned_name,
};
use std::collections::{BTreeMap, HashMap};

impl State {
    /// Whether the document belongs to learning.
    pub(crate) fn is_learned_name(key: &DocumentKey) -> bool {
        let name: Option<ServiceName> =
            key.name.strip_suffix("-learned").and_then(|name| ServiceName::new(&key.namespace, name).ok());
        key.kind == Kind::SegmentationPolicy && name.is_some_and(|name| learned_name(&name) == *key)
    }

    /// The document that allows what was learned of a service: what is set aside is left out, what a person has narrowed
    /// is said as narrowly, and what a person accepted without its being learned is there as well.
    pub(crate) fn learned_of(&self, name: &ServiceName) -> SegmentationPolicy {
        self.learned_with(name, &BTreeMap::new())
    }

    /// [`State::learned_of`], as it would be with these decisions too.
    pub(super) fn learned_with(
        &self,
        name: &ServiceName,
        changed: &BTreeMap<String, DecisionData>,
    ) -> SegmentationPolicy {
        let edges = self.learner().edges(name);
        let own: Vec<&DecisionData> = self
            .decisions
            .iter()
            .filter(|(id, _)| !changed.contains_key(*id))
            .chain(changed)
            .map(|(_, decision)| decision)
            .filter(|decision| decision.service == *name && decision.has_rule())
            .collect();
        let judged: HashMap<&EdgeKey, Decision> = changed
            .values()
            .filter(|decision| decision.kind == ReviewKind::Learned)
            .map(|decision| (&decision.edge, decision.decision))
            .collect();
        let becomes_rule = |edge: &LearnedEdge| match judged.get(&edge.key) {
            Some(Decision::Accept | Decision::Undo) => true,
            Some(Decision::Reject | Decision::Attack) => false,
            None => edge.standing.becomes_rule(),
        };
        let is_narrowed = |edge: &LearnedEdge| {
            own.iter().any(|decision| {
                decision.kind == ReviewKind::Learned
                    && decision.edge == edge.key
                    && decision.direction == edge.direction
            })
        };
        let accepted: Vec<&EdgeKey> = edges
            .iter()
            .filter(|edge| becomes_rule(edge) && !is_narrowed(edge))
            .map(|edge| &edge.key)
            .collect();
        let key = learned_name(name);
        let found = Generalise::default().policies(accepted).policies.into_iter().find(|p| p.key() == key);
        let mut policy = found.unwrap_or_else(|| nothing_learned(name, &key));
        for decision in own {
            let Some(rule) = super::review::rule_of(decision) else { continue };
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
