//! Learned rules as a queue for decision.

use super::{Actor, State, edge_id, judge};
use bulkhead_api::{ApiError, Decided, Decision, ErrorCode, Narrowing, ReviewDecision, ReviewItem};
use bulkhead_learn::{LearnedEdge, SetAside, Standing};
use bulkhead_model::{Direction, EdgeKey, Peer, ServiceName, Timestamp};
use bulkhead_policy::document::{Cidr, PeerSpec, Rule};
use bulkhead_store::{Change, DecisionRecord};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DecisionData {
    pub(crate) service: ServiceName,
    pub(crate) direction: Direction,
    pub(crate) edge: EdgeKey,
    pub(crate) decision: Decision,
    pub(crate) actor: String,
    pub(crate) time: Timestamp,
    /// Addresses that were accepted in place of the world.
    #[serde(default)]
    pub(crate) narrow: Vec<IpAddr>,
}

/// The one narrowing that is offered where it can be said exactly what it would deny.
const ADDRESSES: &str = "addresses";

fn item_id(service: &ServiceName, direction: Direction, edge: &EdgeKey) -> String {
    format!("{service}|{direction}|{}", edge_id(edge))
}

impl State {
    #[cfg(test)]
    pub(crate) fn review_items(&self, only: Option<&ServiceName>, decided_too: bool) -> Vec<ReviewItem> {
        self.review_page(only, decided_too, usize::MAX).0
    }

    /// The first so many of the queue, and how many of all are undecided.
    pub(crate) fn review_page(
        &self,
        only: Option<&ServiceName>,
        decided_too: bool,
        limit: usize,
    ) -> (Vec<ReviewItem>, u64) {
        let names = self.services.keys().filter(|name| only.is_none_or(|only| only == *name));
        let (mut items, mut undecided) = (Vec::new(), 0);
        for name in names {
            for learned in self.learner().edges(name) {
                let id = item_id(name, learned.direction, &learned.key);
                let decision = self.decisions.get(&id);
                undecided += u64::from(decision.is_none());
                if (decision.is_none() || decided_too) && items.len() < limit {
                    items.push(self.review_item(id, name, &learned, decision));
                }
            }
        }
        (items, undecided)
    }

    fn review_item(
        &self,
        id: String,
        service: &ServiceName,
        learned: &LearnedEdge,
        decision: Option<&DecisionData>,
    ) -> ReviewItem {
        let key = &learned.key;
        let other = match learned.direction {
            Direction::Egress => &key.server,
            Direction::Ingress => &key.client,
        };
        let ports = vec![judge::port_spec(key.protocol, key.port)];
        let rule = Rule { peers: judge::peer_spec(other).into_iter().collect(), ports, ..Rule::default() };
        let record = self.edges.get(key);
        let evidence = record.and_then(|record| record.judged.as_deref().cloned()).into_iter().collect();
        let narrower = record
            .filter(|record| *other == Peer::World && (1..16).contains(&record.addresses.len()))
            .map(|record| narrowing(&rule, learned.direction, &record.addresses));
        ReviewItem {
            id,
            service: service.clone(),
            direction: learned.direction,
            rule: rule.text(learned.direction),
            yaml: rule.to_tree(learned.direction).to_yaml(),
            evidence,
            flags: flags(learned, other),
            narrower: narrower.into_iter().collect(),
            decision: decision.map(|d| Decided {
                decision: d.decision,
                actor: d.actor.clone(),
                time: d.time,
            }),
        }
    }

    /// Decides, all or nothing.
    pub(crate) fn decide(&mut self, decisions: &[ReviewDecision], actor: &Actor) -> Result<u64, ApiError> {
        let known: std::collections::BTreeMap<String, (ServiceName, LearnedEdge)> = self
            .services
            .keys()
            .flat_map(|name| self.learner().edges(name).into_iter().map(|edge| (name.clone(), edge)))
            .map(|(name, edge)| (item_id(&name, edge.direction, &edge.key), (name, edge)))
            .collect();
        for decision in decisions {
            let wrong = |message: String| {
                Err(ApiError::new(
                    ErrorCode::NotFound,
                    message,
                    "fetch the queue again with GET /api/v1/review",
                ))
            };
            let Some((_, learned)) = known.get(&decision.id) else {
                return wrong(format!("'{}' is no rule in the queue", decision.id));
            };
            if let Some(narrow) = &decision.narrow
                && (narrow != ADDRESSES || self.narrow_addresses(learned).is_empty())
            {
                return wrong(format!("'{narrow}' is not a narrower rule of '{}'", decision.id));
            }
        }
        for decision in decisions {
            let Some((service, learned)) = known.get(&decision.id) else { continue };
            self.decide_one(decision, service.clone(), learned.clone(), actor);
        }
        Ok(decisions.len() as u64)
    }

    fn narrow_addresses(&self, learned: &LearnedEdge) -> Vec<IpAddr> {
        let record = self.edges.get(&learned.key);
        record
            .map(|record| record.addresses.clone())
            .filter(|all| (1..16).contains(&all.len()))
            .unwrap_or_default()
    }

    fn decide_one(
        &mut self,
        wanted: &ReviewDecision,
        service: ServiceName,
        learned: LearnedEdge,
        actor: &Actor,
    ) {
        let edge = learned.key.clone();
        match wanted.decision {
            Decision::Accept => {
                self.learner.judge(&edge, true);
                self.set_flag(&edge, None);
            }
            Decision::Reject => {
                self.learner.judge(&edge, false);
                self.flag(&edge, SetAside::Rejected);
            }
            Decision::Attack => {
                // Only what is not accepted can be set aside.
                self.learner.judge(&edge, false);
                self.learner.set_aside(&edge, SetAside::Threat);
                self.flag(&edge, SetAside::Threat);
            }
            Decision::Undo => {
                // As if it had been seen for the first time now, but known to people.
                self.learner.forget(&edge);
                self.set_flag(&edge, None);
                let sighting = bulkhead_learn::Sighting::new(&edge, self.now);
                self.learner.observe(&sighting);
            }
        }
        for side in [&edge.client, &edge.server] {
            if let Some(name) = side.service() {
                self.stale.learned.insert(name.clone());
            }
        }
        if wanted.decision == Decision::Undo {
            self.decisions.remove(&wanted.id);
            self.effects.changes.push(Change::RemoveDecision(wanted.id.clone()));
        } else {
            let narrow = match wanted.narrow {
                Some(_) if wanted.decision == Decision::Accept => self.narrow_addresses(&learned),
                _ => Vec::new(),
            };
            let data = DecisionData {
                service,
                direction: learned.direction,
                edge,
                decision: wanted.decision,
                actor: actor.name.clone(),
                time: self.now,
                narrow,
            };
            let text = serde_json::to_string(&data).unwrap_or_default();
            self.effects.changes.push(Change::Decision(DecisionRecord { id: wanted.id.clone(), data: text }));
            self.decisions.insert(wanted.id.clone(), data);
        }
        let word = match wanted.decision {
            Decision::Accept => "accept",
            Decision::Reject => "reject",
            Decision::Attack => "attack",
            Decision::Undo => "undo",
        };
        self.audit(actor, "review.decide", &wanted.id, word);
    }
}

fn narrowing(rule: &Rule, direction: Direction, addresses: &[IpAddr]) -> Narrowing {
    let peers = addresses.iter().map(|address| PeerSpec::Cidr(Cidr::whole((*address).into()))).collect();
    let rule = Rule { peers, ..rule.clone() };
    Narrowing {
        id: ADDRESSES.to_owned(),
        rule: rule.text(direction),
        yaml: rule.to_tree(direction).to_yaml(),
        // All that were seen are among them.
        denies_connections: 0,
    }
}

fn flags(learned: &LearnedEdge, other: &Peer) -> Vec<String> {
    let mut flags = Vec::new();
    if let Standing::SetAside(reason) = learned.standing {
        flags.push(match reason {
            SetAside::Scan => "part of a scan".to_owned(),
            SetAside::FanOut => "part of a sudden fan-out".to_owned(),
            SetAside::Threat => "an attack".to_owned(),
            SetAside::Spoof => "came with a false address".to_owned(),
            SetAside::Rejected => "rejected".to_owned(),
        });
    }
    if *other == Peer::World {
        flags.push("open to the whole world".to_owned());
    }
    if learned.episodes <= 1 {
        flags.push("seen in one hour only".to_owned());
    }
    flags
}
