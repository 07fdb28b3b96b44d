//! A trial as people see it.

use super::{
    State, Trial,
    tally::{Pair, Tally},
};
use bulkhead_api::{RuleInfo, Trial as Shown, TrialCounts, TrialDetail, TrialEdge, TrialEffect, TrialState};
use bulkhead_learn::{DenialKind, Standing};
use bulkhead_model::{Direction, EdgeKey, ExternalName, Identity, Peer};

impl State {
    pub(crate) fn trials(&self) -> Vec<Shown> {
        self.trials.all.values().rev().map(|trial| self.shown(trial)).collect()
    }

    pub(crate) fn trial(&self, id: u64) -> Option<Shown> {
        self.trials.all.get(&id).map(|trial| self.shown(trial))
    }

    /// Trials as far as metrics tell of them.
    pub(crate) fn running_trials(&self) -> Vec<Shown> {
        self.trials.running().map(|trial| self.shown(trial)).collect()
    }

    fn shown(&self, trial: &Trial) -> Shown {
        let record = &trial.record;
        let (edges, connections) = record.tallies.judged();
        let mut counts = TrialCounts {
            connections,
            edges,
            not_judged: record.tallies.not_judged,
            ..TrialCounts::default()
        };
        let mut denied_edges = 0;
        for (pair, tally) in record.tallies.edges.iter().filter(|(_, tally)| tally.differs()) {
            let denied = tally.would_deny();
            counts.would_deny += denied;
            counts.would_allow += tally.would_allow();
            if denied > 0 {
                denied_edges += 1;
                if self.expected(pair, tally).0 {
                    counts.would_deny_expected += denied;
                }
            }
        }
        let state = match (&record.ended, &record.stopped_by) {
            (None, _) => TrialState::Running,
            (Some(_), None) => TrialState::Finished,
            (Some(_), Some(_)) => TrialState::Stopped,
        };
        let end = record.ended.unwrap_or(self.now);
        let minutes = end.since(record.started).as_secs().div_ceil(60);
        let sentence = format!(
            "In {minutes} min, {connections} connections on {edges} edges were judged: {} of them, on {denied_edges} edges, \
             would be denied, {} of which were expected; {} that were denied would pass.",
            counts.would_deny, counts.would_deny_expected, counts.would_allow
        );
        Shown {
            id: record.id.to_string(),
            name: record.name.clone(),
            state,
            started: record.started,
            started_by: record.by.clone(),
            ends: record.ends,
            ended: record.ended,
            judge: record.judge,
            changes: record.changes.clone(),
            counts,
            denials_of_expected: counts.would_deny_expected,
            sentence,
        }
    }

    pub(crate) fn trial_detail(&self, id: u64) -> Option<TrialDetail> {
        let trial = self.trials.all.get(&id)?;
        let mut edges = Vec::new();
        for (pair, tally) in &trial.record.tallies.edges {
            let (expected, because) = self.expected(pair, tally);
            let Some(service) = self.identities.name(tally.service).cloned() else { continue };
            let told = [
                (TrialEffect::WouldDeny, tally.would_deny()),
                (TrialEffect::WouldAllow, tally.would_allow()),
            ];
            for (effect, connections) in told.into_iter().filter(|(_, count)| *count > 0) {
                let denies = effect == TrialEffect::WouldDeny;
                edges.push(TrialEdge {
                    edge: self.trial_edge(pair),
                    effect,
                    connections,
                    first_seen: tally.first,
                    last_seen: tally.last,
                    expected: denies && expected,
                    because: if denies { because.clone() } else { "it was denied".to_owned() },
                    service: service.clone(),
                    rule: self.trial_rule(tally),
                });
            }
        }
        edges.sort_by(|a, b| {
            let rank = |edge: &TrialEdge| (edge.effect, !edge.expected, std::cmp::Reverse(edge.connections));
            rank(a).cmp(&rank(b)).then_with(|| a.edge.cmp(&b.edge))
        });
        Some(TrialDetail { trial: self.shown(trial), diff: trial.record.diff.clone(), edges })
    }

    fn trial_rule(&self, tally: &Tally) -> Option<RuleInfo> {
        let rule = self.book.rule(tally.rule)?;
        Some(RuleInfo {
            reference: rule.reference,
            policy: rule.document.clone(),
            direction: rule.direction,
            position: u32::try_from(rule.index).unwrap_or(u32::MAX),
            origin: rule.origin,
            allow: rule.allow,
            text: rule.text.clone(),
        })
    }

    /// With external peers as the trial tells them apart.
    fn trial_edge(&self, pair: &Pair) -> EdgeKey {
        let peer = |identity: Identity| match self.book.atom(identity) {
            Some(atom) if identity.is_external() => Peer::External(ExternalName(atom.name.0.clone())),
            _ => self.peer(identity, Direction::Ingress, None),
        };
        EdgeKey {
            client: peer(pair.client),
            server: peer(pair.server),
            protocol: pair.protocol,
            port: pair.port,
            application: pair.application,
        }
    }

    /// Whether what would be denied was expected: by the same evidence by which a denial after promotion is judged.
    fn expected(&self, pair: &Pair, tally: &Tally) -> (bool, String) {
        if let Some(settled) = &tally.expected {
            return settled.clone();
        }
        let Some(service) = self.identities.name(tally.service).cloned() else {
            return (false, "its service is gone".to_owned());
        };
        let edge = self.known_edge(pair);
        let kind = match self.learner().standing(&edge) {
            Some(Standing::SetAside(_)) => DenialKind::Suspicious,
            Some(_) => DenialKind::Learned,
            None => self.denial_kind_of(&service, &edge, None),
        };
        (kind.is_expected(), kind.reason().to_owned())
    }

    /// The edge that learning knows: the world's addresses have edges of their own there.
    fn known_edge(&self, pair: &Pair) -> EdgeKey {
        let edge = EdgeKey {
            client: self.peer(pair.client, Direction::Ingress, None),
            server: self.peer(pair.server, Direction::Ingress, None),
            protocol: pair.protocol,
            port: pair.port,
            application: pair.application,
        };
        let outside = pair.server == Identity::WORLD || pair.server.is_external();
        if !outside || self.edges.contains_key(&edge) {
            return edge;
        }
        let mut alike = self.edges.values().filter(|record| {
            let key = &record.key;
            (&key.client, key.protocol, key.port, key.application)
                == (&edge.client, edge.protocol, edge.port, edge.application)
                && matches!(key.server, Peer::External(_) | Peer::World)
        });
        let within = |record: &&super::super::EdgeRecord| {
            record.addresses.iter().any(|address| self.compiled.external_identity(*address) == pair.server)
        };
        alike.find(within).map_or(edge, |record| record.key.clone())
    }

    /// At the end of a trial, what was expected is kept: learning goes on.
    pub(super) fn settle_trial(&mut self, id: u64) {
        let Some(trial) = self.trials.all.get(&id) else { return };
        let differing = trial.record.tallies.edges.iter().filter(|(_, tally)| tally.differs());
        let settled: Vec<(Pair, (bool, String))> =
            differing.map(|(pair, tally)| (pair.clone(), self.expected(pair, tally))).collect();
        let Some(trial) = self.trials.all.get_mut(&id) else { return };
        trial.record.tallies.settle();
        for (pair, expected) in settled {
            if let Some(tally) = trial.record.tallies.edges.get_mut(&pair) {
                tally.expected = Some(expected);
            }
        }
    }
}
