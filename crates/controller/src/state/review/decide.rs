//! Decisions, one by one or by pattern, for real or to see what would change.

use super::{
    super::{Actor, State},
    ADDRESSES, DecisionData, Queued, narrow,
};
use bulkhead_api::{ApiError, Decision, ErrorCode, ReviewDecision, ReviewKind, ReviewPattern, ReviewRequest};
use bulkhead_learn::SetAside;
use bulkhead_model::ServiceName;
use bulkhead_policy::Glob;
use bulkhead_store::{Change, DecisionRecord};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// What was thought through.
type Thought = Vec<(Queued, DecisionData)>;

impl State {
    /// Decides, all or nothing; says what takes it back, rule by rule.
    pub(crate) fn decide(
        &mut self,
        request: &ReviewRequest,
        actor: &Actor,
    ) -> Result<Vec<ReviewDecision>, ApiError> {
        let thought = self.think(request, actor)?;
        let undo = thought.iter().map(|(queued, _)| self.as_it_is(queued)).collect();
        for (queued, data) in thought {
            self.decide_one(&queued, data, actor);
        }
        Ok(undo)
    }

    /// The decision that leads to what holds of a rule now.
    fn as_it_is(&self, queued: &Queued) -> ReviewDecision {
        let held = self.decisions.get(&queued.id);
        let rule = held.filter(|held| held.has_rule()).and_then(super::rule_of);
        ReviewDecision {
            id: queued.id.clone(),
            decision: held.map_or(Decision::Undo, |held| held.decision),
            narrow: None,
            rule: rule.map(|rule| rule.to_tree(queued.direction).to_yaml()),
        }
    }

    /// What a decision would make of the learned documents, as unified diff.
    pub(crate) fn rehearse(&self, request: &ReviewRequest, actor: &Actor) -> Result<(u64, String), ApiError> {
        let thought = self.think(request, actor)?;
        let changed: BTreeMap<String, DecisionData> =
            thought.into_iter().map(|(queued, data)| (queued.id, data)).collect();
        let mut touched: BTreeSet<&ServiceName> = BTreeSet::new();
        for data in changed.values() {
            touched.insert(&data.service);
            if data.kind == ReviewKind::Learned {
                touched
                    .extend([&data.edge.client, &data.edge.server].into_iter().filter_map(|p| p.service()));
            }
        }
        let diffs = touched.into_iter().map(|name| {
            let (before, after) = (self.learned_of(name), self.learned_with(name, &changed));
            crate::diff::unified(&before.key().to_string(), &before.to_yaml(), &after.to_yaml())
        });
        let diff = diffs.collect();
        Ok((changed.len() as u64, diff))
    }

    fn think(&self, request: &ReviewRequest, actor: &Actor) -> Result<Thought, ApiError> {
        let queue: BTreeMap<String, Queued> =
            self.queue(None).into_iter().map(|queued| (queued.id.clone(), queued)).collect();
        let mut thought = Vec::new();
        for wanted in &request.decisions {
            let Some(queued) = queue.get(&wanted.id) else {
                return Err(not_in_queue(format!("'{}' is no rule in the queue", wanted.id)));
            };
            thought.push(self.think_one(queued, wanted, actor)?);
        }
        if let Some(pattern) = &request.pattern {
            let named: BTreeSet<&str> = request.decisions.iter().map(|wanted| wanted.id.as_str()).collect();
            for queued in queue.values().filter(|queued| !named.contains(queued.id.as_str())) {
                if self.fits(pattern, queued) {
                    let (id, decision) = (queued.id.clone(), pattern.decision);
                    let wanted = ReviewDecision { id, decision, narrow: None, rule: None };
                    thought.push(self.think_one(queued, &wanted, actor)?);
                }
            }
        }
        if thought.is_empty() {
            return Err(not_in_queue("no rule in the queue fits".to_owned()));
        }
        Ok(thought)
    }

    fn fits(&self, pattern: &ReviewPattern, queued: &Queued) -> bool {
        let is_decided = self.decisions.contains_key(&queued.id);
        let fits = |glob: &Option<String>, text: &str| {
            glob.as_deref().is_none_or(|glob| glob == "*" || Glob::new(glob).matches(text))
        };
        let wanted = match pattern.decision {
            Decision::Undo => is_decided,
            _ => pattern.decided || !is_decided,
        };
        wanted
            && fits(&pattern.service, &queued.service.to_string())
            && fits(&pattern.peer, &queued.other().to_string())
            && pattern.direction.is_none_or(|direction| direction == queued.direction)
            && pattern.port.is_none_or(|port| port == queued.edge.port)
            && pattern.kind.is_none_or(|kind| kind == queued.kind)
            && pattern.flag.as_deref().is_none_or(|part| queued.flags.iter().any(|flag| flag.contains(part)))
    }

    fn think_one(
        &self,
        queued: &Queued,
        wanted: &ReviewDecision,
        actor: &Actor,
    ) -> Result<(Queued, DecisionData), ApiError> {
        let accepts = wanted.decision == Decision::Accept;
        if !accepts && (wanted.narrow.is_some() || wanted.rule.is_some()) {
            let message = "only what is accepted can be narrowed";
            return Err(ApiError::new(ErrorCode::Invalid, message, "leave out 'narrow' and 'rule'"));
        }
        let mut narrow = Vec::new();
        if let Some(name) = &wanted.narrow {
            narrow = self.narrow_addresses(queued);
            if name != ADDRESSES || narrow.is_empty() {
                return Err(not_in_queue(format!("'{name}' is not a narrower rule of '{}'", wanted.id)));
            }
        }
        let rule = match (&wanted.rule, queued.kind) {
            (Some(yaml), _) => {
                let rule = narrow::parse(yaml, queued)?;
                self.must_be_narrower(queued, &rule)?;
                Some(rule.to_tree(queued.direction).to_yaml())
            }
            // Nobody has learned it: the rule is the decision's own.
            (None, ReviewKind::Declared | ReviewKind::Proposal) if accepts => {
                Some(queued.rule.to_tree(queued.direction).to_yaml())
            }
            (None, _) => None,
        };
        let data = DecisionData {
            kind: queued.kind,
            service: queued.service.clone(),
            direction: queued.direction,
            edge: queued.edge.clone(),
            decision: wanted.decision,
            actor: actor.name.clone(),
            time: self.now,
            narrow,
            rule,
        };
        Ok((queued.clone(), data))
    }

    fn narrow_addresses(&self, queued: &Queued) -> Vec<IpAddr> {
        let record = self.edges.get(&queued.edge);
        record
            .map(|record| record.addresses.clone())
            .filter(|all| (1..16).contains(&all.len()))
            .unwrap_or_default()
    }

    fn decide_one(&mut self, queued: &Queued, data: DecisionData, actor: &Actor) {
        let edge = &queued.edge;
        match data.decision {
            _ if queued.kind != ReviewKind::Learned => {}
            Decision::Accept => {
                self.learner.judge(edge, true);
                self.set_flag(edge, None);
            }
            Decision::Reject => {
                self.learner.judge(edge, false);
                self.flag(edge, SetAside::Rejected);
            }
            Decision::Attack => {
                // Only what is not accepted can be set aside.
                self.learner.judge(edge, false);
                self.learner.set_aside(edge, SetAside::Threat);
                self.flag(edge, SetAside::Threat);
            }
            Decision::Undo => {
                // As if it had been seen for the first time now, but known to people.
                self.learner.forget(edge);
                self.set_flag(edge, None);
                let sighting = bulkhead_learn::Sighting::new(edge, self.now);
                self.learner.observe(&sighting);
            }
        }
        self.stale.learned.insert(queued.service.clone());
        if queued.kind == ReviewKind::Learned {
            for name in [&edge.client, &edge.server].into_iter().filter_map(|peer| peer.service()) {
                self.stale.learned.insert(name.clone());
            }
        }
        let word = match data.decision {
            Decision::Accept => "accept",
            Decision::Reject => "reject",
            Decision::Attack => "attack",
            Decision::Undo => "undo",
        };
        let detail = match &data.rule {
            Some(rule) => format!("{word}: {}", rule.split_whitespace().collect::<Vec<_>>().join(" ")),
            None => word.to_owned(),
        };
        if data.decision == Decision::Undo {
            self.decisions.remove(&queued.id);
            self.effects.changes.push(Change::RemoveDecision(queued.id.clone()));
        } else {
            let text = serde_json::to_string(&data).unwrap_or_default();
            self.effects.changes.push(Change::Decision(DecisionRecord { id: queued.id.clone(), data: text }));
            self.decisions.insert(queued.id.clone(), data);
        }
        self.audit(actor, "review.decide", &queued.id, &detail);
    }
}

fn not_in_queue(message: String) -> ApiError {
    ApiError::new(ErrorCode::NotFound, message, "fetch the queue again with GET /api/v1/review")
}
