//! Learned rules as a queue for decision; beside them what is declared and was never seen, and what would stand for many.

mod decide;
mod narrow;

use super::{State, edge_id, judge};
use bulkhead_api::{Decided, Decision, Narrowing, ReviewItem, ReviewKind};
use bulkhead_learn::{LearnedEdge, Proposal, SetAside, Standing};
use bulkhead_model::{Application, Direction, EdgeKey, Peer, ServiceName, Timestamp};
use bulkhead_policy::document::{Cidr, PeerSpec, Rule};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, net::IpAddr};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DecisionData {
    #[serde(default)]
    pub(crate) kind: ReviewKind,
    pub(crate) service: ServiceName,
    pub(crate) direction: Direction,
    pub(crate) edge: EdgeKey,
    pub(crate) decision: Decision,
    pub(crate) actor: String,
    pub(crate) time: Timestamp,
    /// Addresses that were accepted in place of the world.
    #[serde(default)]
    pub(crate) narrow: Vec<IpAddr>,
    /// The rule that was accepted in place of the learned one, or that is not learned at all; as YAML.
    #[serde(default)]
    pub(crate) rule: Option<String>,
}

impl DecisionData {
    /// Whether it brings a rule of its own.
    pub(crate) fn has_rule(&self) -> bool {
        self.decision == Decision::Accept && (!self.narrow.is_empty() || self.rule.is_some())
    }
}

/// The one narrowing that is offered where it can be said exactly what it would deny.
const ADDRESSES: &str = "addresses";

/// A rule of the queue.
#[derive(Debug, Clone)]
struct Queued {
    id: String,
    kind: ReviewKind,
    service: ServiceName,
    direction: Direction,
    edge: EdgeKey,
    rule: Rule,
    flags: Vec<String>,
}

impl Queued {
    fn other(&self) -> &Peer {
        match self.direction {
            Direction::Egress => &self.edge.server,
            Direction::Ingress => &self.edge.client,
        }
    }

    fn learned(service: &ServiceName, learned: LearnedEdge) -> Self {
        let mut queued = Self::of_edge(ReviewKind::Learned, service, learned.direction, learned.key.clone());
        queued.flags = flags(&learned, queued.other());
        queued
    }

    fn of_edge(kind: ReviewKind, service: &ServiceName, direction: Direction, edge: EdgeKey) -> Self {
        let prefix = if kind == ReviewKind::Declared { "declared|" } else { "" };
        let id = format!("{prefix}{service}|{direction}|{}", edge_id(&edge));
        let ports = vec![judge::port_spec(edge.protocol, edge.port)];
        let rule = Rule { ports, ..Rule::default() };
        let mut queued =
            Self { id, kind, service: service.clone(), direction, edge, rule, flags: Vec::new() };
        queued.rule.peers = judge::peer_spec(queued.other()).into_iter().collect();
        queued
    }

    fn declared(service: &ServiceName, direction: Direction, edge: EdgeKey) -> Self {
        let mut queued = Self::of_edge(ReviewKind::Declared, service, direction, edge);
        queued.flags.push("declared, not seen".to_owned());
        queued
    }

    fn proposal(service: &ServiceName, proposal: &Proposal) -> Self {
        let Proposal { direction, protocol, port, .. } = *proposal;
        let own = Peer::Service(service.clone());
        let (client, server) = match direction {
            Direction::Egress => (own, Peer::World),
            Direction::Ingress => (Peer::World, own),
        };
        let edge = EdgeKey { client, server, protocol, port, application: Application::UNKNOWN };
        Self {
            id: format!("proposal|{service}|{direction}|{protocol}|{port}"),
            kind: ReviewKind::Proposal,
            service: service.clone(),
            direction,
            edge,
            rule: Rule {
                peers: proposal.peers.iter().filter_map(judge::peer_spec).collect(),
                ports: vec![judge::port_spec(protocol, port)],
                ..Rule::default()
            },
            flags: vec![format!("open-ended: stands for {} edges that were seen", proposal.edges)],
        }
    }
}

impl State {
    fn queue(&self, only: Option<&ServiceName>) -> Vec<Queued> {
        let wanted = |name: &ServiceName| only.is_none_or(|only| only == name);
        let mut queue = Vec::new();
        for name in self.services.keys() {
            if wanted(name) {
                let learned = self.learner().edges(name).into_iter();
                queue.extend(learned.map(|edge| Queued::learned(name, edge)));
                let proposals = self.learner().proposals(name);
                queue.extend(proposals.iter().map(|proposal| Queued::proposal(name, proposal)));
            }
            for edge in self.learner().declared_edges(name) {
                let server =
                    edge.server.service().filter(|server| self.services.contains_key(*server)).cloned();
                if let Some(server) = server.filter(|server| wanted(server)) {
                    queue.push(Queued::declared(&server, Direction::Ingress, edge.clone()));
                }
                if wanted(name) {
                    queue.push(Queued::declared(name, Direction::Egress, edge));
                }
            }
        }
        // What was decided stays to be undone, also when nothing declares or proposes it any more.
        let known: BTreeSet<&str> = queue.iter().map(|queued| queued.id.as_str()).collect();
        let gone: Vec<Queued> = self
            .decisions
            .iter()
            .filter(|(id, data)| {
                data.kind != ReviewKind::Learned && wanted(&data.service) && !known.contains(id.as_str())
            })
            .map(|(id, data)| {
                let mut queued = Queued::of_edge(data.kind, &data.service, data.direction, data.edge.clone());
                queued.id.clone_from(id);
                if let Some(Ok(rule)) = data.rule.as_deref().map(|yaml| narrow::parse(yaml, &queued)) {
                    queued.rule = rule;
                }
                queued
            })
            .collect();
        queue.extend(gone);
        queue
    }

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
        let queue = self.queue(only);
        let open = |queued: &Queued| !self.decisions.contains_key(&queued.id);
        let undecided = queue.iter().filter(|queued| open(queued)).count() as u64;
        let shown = queue.into_iter().filter(|queued| decided_too || open(queued)).take(limit);
        (shown.map(|queued| self.review_item(queued)).collect(), undecided)
    }

    fn review_item(&self, queued: Queued) -> ReviewItem {
        let record = match queued.kind {
            ReviewKind::Learned => self.edges.get(&queued.edge),
            _ => None,
        };
        let evidence = record.and_then(|record| record.judged.as_deref().cloned()).into_iter().collect();
        let narrower = record
            .filter(|record| *queued.other() == Peer::World && (1..16).contains(&record.addresses.len()))
            .map(|record| narrowing(&queued.rule, queued.direction, &record.addresses));
        ReviewItem {
            kind: queued.kind,
            rule: queued.rule.text(queued.direction),
            yaml: queued.rule.to_tree(queued.direction).to_yaml(),
            evidence,
            narrower: narrower.into_iter().collect(),
            decision: self.decisions.get(&queued.id).map(|d| Decided {
                decision: d.decision,
                actor: d.actor.clone(),
                time: d.time,
                rule: d.rule.clone(),
            }),
            id: queued.id,
            service: queued.service,
            direction: queued.direction,
            flags: queued.flags,
        }
    }
}

/// The rule that a decision brings; none where it brings none, or where it cannot be read any more.
pub(super) fn rule_of(decision: &DecisionData) -> Option<Rule> {
    let queued = Queued::of_edge(decision.kind, &decision.service, decision.direction, decision.edge.clone());
    if let Some(yaml) = &decision.rule {
        return narrow::parse(yaml, &queued)
            .map_err(|error| tracing::error!(%error, "the rule of a decision cannot be read; it is left out"))
            .ok();
    }
    let address = |address: &IpAddr| PeerSpec::Cidr(Cidr::whole((*address).into()));
    let peers: Vec<PeerSpec> = decision.narrow.iter().map(address).collect();
    (!peers.is_empty()).then_some(Rule { peers, ..queued.rule })
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
