//! Candidates that are tried beside the policy in force. What the kernel counts on its edges is judged by the tables of
//! the candidate; nothing is enforced by them. See `bulkhead_policy::KernelEdge` for why that is exact.

mod show;
mod tally;

use super::{Actor, State, place_of};
use bulkhead_api::{ApiError, ErrorCode, PolicyChange, TrialJudge, TrialRequest};
use bulkhead_model::{EventKind, Identity, Mode, Severity, Timestamp, node::EdgeReport};
use bulkhead_policy::{
    Compiler, Document, Inventory, KernelEdge, PolicySet, ReadOptions, Traffic,
    compiled::CompiledPolicy,
    document::{self, DocumentKey},
};
use bulkhead_store::Change;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tally::Tallies;

/// Trials at once: each one more means one more compilation at every change.
const RUNNING: usize = 4;
/// Trials that are kept, the newest of them.
const KEPT: usize = 50;
/// How often counts are stored.
const SAVE_MS: u64 = 10_000;
/// The kind of its records in the store.
const KIND: &str = "trial";
/// Where the store keeps which atoms were there for trials alone.
pub(super) const ATOMS: &str = "trial-atoms";

/// All that is stored of a trial.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    id: u64,
    name: Option<String>,
    by: String,
    judge: TrialJudge,
    started: Timestamp,
    ends: Timestamp,
    ended: Option<Timestamp>,
    #[serde(default)]
    stopped_by: Option<String>,
    /// What it changes: namespace and name of the document, and its text where it is not removed.
    wanted: Vec<(String, String, Option<String>)>,
    changes: Vec<PolicyChange>,
    diff: String,
    tallies: Tallies,
}

#[derive(Debug)]
struct Trial {
    record: Record,
    wanted: Vec<(DocumentKey, Option<Document>)>,
    compiler: Compiler,
    compiled: Arc<CompiledPolicy>,
    /// The next rule of the candidate to expire.
    expiry: Option<Timestamp>,
    saved: Timestamp,
    moved: bool,
}

/// Trials, running and ended, and what the kernel is told for their sake.
#[derive(Debug, Default)]
pub(super) struct Trials {
    all: BTreeMap<u64, Trial>,
    /// Atoms that are there for trials alone, or were; and what they are to all but trials.
    alone: BTreeMap<Identity, Identity>,
    /// The revision since which the kernel tells the atoms of all trials apart.
    revision: u64,
    /// Whether nodes have told what they counted since they did.
    apart: bool,
}

impl Record {
    fn is_running(&self) -> bool {
        self.ended.is_none()
    }
}

impl Trial {
    fn new(record: Record, wanted: Vec<(DocumentKey, Option<Document>)>, now: Timestamp) -> Self {
        Self {
            record,
            wanted,
            compiler: Compiler::default(),
            compiled: Arc::default(),
            expiry: None,
            saved: now,
            moved: false,
        }
    }

    /// The policy in force with what the trial changes.
    fn candidate(&self, set: &PolicySet) -> PolicySet {
        let mut candidate = set.clone();
        for (key, document) in &self.wanted {
            match document {
                Some(document) => {
                    candidate.insert(document.clone());
                }
                None => {
                    candidate.remove(key);
                }
            }
        }
        candidate
    }

    /// The inventory in the modes that the trial judges in.
    fn inventory(&self, inventory: &Inventory, set: &PolicySet, candidate: &PolicySet) -> Inventory {
        match self.record.judge {
            TrialJudge::Enforce => crate::plan::with_mode(inventory, Mode::Enforce),
            TrialJudge::Modes => crate::plan::modes_after(inventory, set, candidate),
            TrialJudge::Changed => {
                let mut judged = inventory.clone();
                let mut targets = BTreeSet::new();
                for (key, document) in &self.wanted {
                    for (whose, document) in [(set, set.get(key)), (candidate, document.clone())] {
                        if let Some(Document::Policy(policy)) = document {
                            let selected = whose.select(&policy.target, inventory);
                            targets.extend(selected.into_iter().map(|service| service.name.clone()));
                        }
                    }
                }
                for name in targets {
                    if let Some(service) = judged.service_mut(&name)
                        && service.mode != Mode::Quarantine
                    {
                        service.mode = Mode::Enforce;
                    }
                }
                judged
            }
        }
    }
}

impl Trials {
    pub(super) fn restore(objects: &[(String, String, String)], atoms: Option<&str>, now: Timestamp) -> Self {
        let mut all = BTreeMap::new();
        for (_, id, data) in objects.iter().filter(|(kind, ..)| kind == KIND) {
            let record: Record = match serde_json::from_str(data) {
                Ok(record) => record,
                Err(error) => {
                    tracing::error!(trial = id, %error, "a stored trial cannot be read; it is left out");
                    continue;
                }
            };
            let read = |(namespace, name, yaml): &(String, String, Option<String>)| {
                let text = yaml.as_deref();
                let found =
                    text.and_then(|text| document::read("trial", text, ReadOptions::default()).0.pop());
                (place_of(namespace, name), found)
            };
            let wanted = record.wanted.iter().map(read).collect();
            all.insert(record.id, Trial::new(record, wanted, now));
        }
        let alone = atoms.and_then(|data| serde_json::from_str::<Vec<_>>(data).ok()).unwrap_or_default();
        Self { all, alone: alone.into_iter().collect(), revision: 0, apart: false }
    }

    fn running(&self) -> impl Iterator<Item = &Trial> {
        self.all.values().filter(|trial| trial.record.is_running())
    }
}

impl State {
    /// What an identity of the kernel is to all but trials.
    pub(super) fn without_trials(&self, identity: Identity) -> Identity {
        self.trials.alone.get(&identity).copied().unwrap_or(identity)
    }

    /// Compiles the policy in force; while trials run, with theirs beside it.
    pub(super) fn compile(&mut self) -> Arc<CompiledPolicy> {
        let now = self.now;
        let (set, inventory) = (Arc::clone(&self.set), Arc::clone(&self.inventory));
        let candidates: Vec<(u64, PolicySet)> =
            self.trials.running().map(|trial| (trial.record.id, trial.candidate(&set))).collect();
        let mut all: Vec<&PolicySet> = candidates.iter().map(|(_, candidate)| candidate).collect();
        if !all.is_empty() {
            all.push(&set);
        }
        for (id, candidate) in &candidates {
            let Some(trial) = self.trials.all.get_mut(id) else { continue };
            let judged = trial.inventory(&inventory, &set, candidate);
            // One book gives all numbers, so that an atom is the same number to everybody.
            *trial.compiler.book_mut() = std::mem::take(self.compiler.book_mut());
            trial.compiled = trial.compiler.compile_beside(candidate, &all, &judged, now);
            *self.compiler.book_mut() = std::mem::take(trial.compiler.book_mut());
            trial.expiry = candidate.next_expiry(now);
        }
        let compiled = self.compiler.compile_beside(&set, &all, &inventory, now);
        self.note_atoms(&compiled);
        compiled
    }

    fn note_atoms(&mut self, compiled: &CompiledPolicy) {
        let mut alone = self.compiler.alone().clone();
        let used: BTreeSet<Identity> = compiled.prefixes.iter().map(|prefix| prefix.identity).collect();
        // Kernels may go on telling of atoms that were there for a trial that has ended.
        let before = self.trials.alone.iter().filter(|(atom, _)| !used.contains(atom));
        for (atom, coarser) in before {
            alone.entry(*atom).or_insert(*coarser);
        }
        if alone != self.trials.alone {
            let list: Vec<(&Identity, &Identity)> = alone.iter().collect();
            if let Ok(data) = serde_json::to_string(&list) {
                self.effects.changes.push(Change::Setting { key: ATOMS, data });
            }
            self.trials.alone = alone;
        }
        if compiled.prefixes != self.compiled.prefixes {
            self.trials.apart = false;
            // The number that these tables are about to get.
            self.trials.revision = self.revision + 1;
        }
    }

    pub(crate) fn begin_trial(
        &mut self,
        request: &TrialRequest,
        plan: crate::plan::Plan,
        actor: &Actor,
    ) -> Result<u64, ApiError> {
        if self.trials.running().count() >= RUNNING {
            let message = format!("{RUNNING} trials are running already");
            return Err(ApiError::new(ErrorCode::Conflict, message, "stop one of them, or wait for its end"));
        }
        let id = self.trials.all.keys().next_back().map_or(1, |last| last + 1);
        let now = self.now;
        let ends = Timestamp(now.0.saturating_add(request.seconds.saturating_mul(1000)));
        let wanted: Vec<(DocumentKey, Option<Document>)> = plan
            .changes
            .into_iter()
            .map(|change| (change.key, change.document.map(|(document, _)| document)))
            .collect();
        let text = |(key, document): &(DocumentKey, Option<Document>)| {
            let (namespace, name) = super::path_of(key);
            (namespace, name, document.as_ref().map(Document::to_yaml))
        };
        let record = Record {
            id,
            name: request.name.clone(),
            by: actor.name.clone(),
            judge: request.judge,
            started: now,
            ends,
            ended: None,
            stopped_by: None,
            wanted: wanted.iter().map(text).collect(),
            changes: plan.told,
            diff: plan.diff,
            tallies: Tallies::default(),
        };
        self.trials.all.insert(id, Trial::new(record, wanted, now));
        self.stale.policy = true;
        self.forget_old_trials();
        self.save_trial(id);
        let what = crate::plan::summary(&self.trials.all[&id].record.changes);
        self.audit(actor, "trial.begin", &id.to_string(), &format!("for {} s: {what}", request.seconds));
        let message = format!("trial {id} by {} began: {what}", actor.name);
        self.tell_trial(id, &actor.name, Severity::Info, message);
        Ok(id)
    }

    /// Ends a running trial; removes one that has ended.
    pub(crate) fn stop_trial(&mut self, id: u64, actor: &Actor) -> bool {
        let Some(trial) = self.trials.all.get(&id) else { return false };
        if trial.record.is_running() {
            self.audit(actor, "trial.stop", &id.to_string(), "");
            self.end_trial(id, Some(actor));
        } else {
            self.audit(actor, "trial.delete", &id.to_string(), "");
            self.trials.all.remove(&id);
            self.effects.changes.push(Change::RemoveObject { kind: KIND, id: id.to_string() });
            self.effects.view = true;
        }
        true
    }

    fn end_trial(&mut self, id: u64, stopped_by: Option<&Actor>) {
        let now = self.now;
        let Some(trial) = self.trials.all.get_mut(&id) else { return };
        trial.record.ended = Some(now.min(trial.record.ends));
        trial.record.stopped_by = stopped_by.map(|actor| actor.name.clone());
        let by = trial.record.by.clone();
        self.settle_trial(id);
        self.stale.policy = true;
        self.save_trial(id);
        let sentence = self.trial(id).map(|shown| shown.sentence).unwrap_or_default();
        let actor = stopped_by.map_or(by, |actor| actor.name.clone());
        self.tell_trial(id, &actor, Severity::Notice, format!("trial {id} ended: {sentence}"));
    }

    fn tell_trial(&mut self, id: u64, actor: &str, severity: Severity, message: String) {
        self.effects.view = true;
        let Some(shown) = self.trial(id) else { return };
        let kind = EventKind::Trial {
            trial: id.to_string().into(),
            actor: actor.into(),
            running: shown.ended.is_none(),
            would_deny: shown.counts.would_deny,
            expected: shown.denials_of_expected,
            would_allow: shown.counts.would_allow,
        };
        self.emit(severity, message, kind);
    }

    fn forget_old_trials(&mut self) {
        while self.trials.all.len() > KEPT {
            let oldest = self.trials.all.values().find(|trial| !trial.record.is_running());
            let Some(id) = oldest.map(|trial| trial.record.id) else { return };
            self.trials.all.remove(&id);
            self.effects.changes.push(Change::RemoveObject { kind: KIND, id: id.to_string() });
        }
    }

    fn save_trial(&mut self, id: u64) {
        let now = self.now;
        let Some(trial) = self.trials.all.get_mut(&id) else { return };
        (trial.saved, trial.moved) = (now, false);
        if let Ok(data) = serde_json::to_string(&trial.record) {
            self.effects.changes.push(Change::Object { kind: KIND, id: id.to_string(), data });
        }
    }

    /// Ends trials whose time is over, and stores what the others have counted.
    pub(super) fn watch_trials(&mut self, at_once: bool) {
        let now = self.now;
        let running: Vec<u64> = self.trials.running().map(|trial| trial.record.id).collect();
        for id in running {
            let trial = &self.trials.all[&id];
            self.stale.policy |= trial.expiry.is_some_and(|expiry| expiry <= now);
            if trial.record.ends <= now {
                self.end_trial(id, None);
            } else if trial.moved && (at_once || now.since(trial.saved).as_millis() >= u128::from(SAVE_MS)) {
                self.save_trial(id);
            }
        }
    }

    /// Nodes have told what they counted; from the second time on that they do so with tables that tell all atoms apart,
    /// no count is from before.
    pub(super) fn nodes_counted(&mut self) {
        self.trials.apart = self.applied >= self.trials.revision;
    }

    /// Judges what a node has counted on an edge since it told last.
    pub(super) fn judge_by_trials(&mut self, report: &EdgeReport) {
        let counters = &report.counters;
        let passed = counters.connections + counters.would_deny;
        if passed + counters.denied == 0 {
            return;
        }
        let outside = report.peer.is_external() || report.peer == Identity::WORLD;
        let edge = KernelEdge {
            local: report.local,
            peer: report.peer,
            direction: report.direction,
            traffic: Traffic {
                protocol: report.protocol,
                port: report.port,
                application: report.application,
            },
        };
        for trial in self.trials.all.values_mut().filter(|trial| trial.record.is_running()) {
            trial.moved = true;
            if outside && !self.trials.apart {
                trial.record.tallies.not_judged += passed + counters.denied;
                continue;
            }
            let would_be = trial.compiled.would_be(&edge);
            trial.record.tallies.count(&edge, &would_be, (passed, counters.denied), report.last_seen);
        }
    }
}
