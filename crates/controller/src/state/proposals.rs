//! Changes of documents that wait for somebody else's decision.

use super::{Actor, State};
use bulkhead_api::{
    ApiError, ErrorCode, Proposal, ProposalDecided, ProposalList, ProposalRequest, ProposalState,
};
use bulkhead_model::{EventKind, Severity, Timestamp};
use bulkhead_store::Change;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The kind of its records in the store.
const KIND: &str = "proposal";
/// Proposals that may wait.
const OPEN: usize = 200;
/// Decided ones that are kept.
const KEPT: usize = 500;

/// All that is stored of a proposal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: u64,
    pub(crate) request: ProposalRequest,
    pub(crate) state: ProposalState,
    pub(crate) created: Timestamp,
    pub(crate) created_by: String,
    pub(crate) summary: String,
    pub(crate) decided: Option<ProposalDecided>,
}

impl Record {
    pub(crate) fn shown(&self) -> Proposal {
        Proposal {
            id: self.id.to_string(),
            title: self.request.title.clone(),
            link: self.request.link.clone(),
            set: self.request.set.clone(),
            state: self.state,
            created: self.created,
            created_by: self.created_by.clone(),
            summary: self.summary.clone(),
            decided: self.decided.clone(),
        }
    }
}

pub(super) fn restore(objects: &[(String, String, String)]) -> BTreeMap<u64, Record> {
    let mut all = BTreeMap::new();
    for (_, id, data) in objects.iter().filter(|(kind, ..)| kind == KIND) {
        match serde_json::from_str::<Record>(data) {
            Ok(record) => {
                all.insert(record.id, record);
            }
            Err(error) => {
                tracing::error!(proposal = id, %error, "a stored proposal cannot be read; it is left out")
            }
        }
    }
    all
}

fn word(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Open => "open",
        ProposalState::Accepted => "accepted",
        ProposalState::Rejected => "rejected",
        ProposalState::Withdrawn => "withdrawn",
    }
}

impl State {
    pub(crate) fn proposals(&self, open_only: bool) -> ProposalList {
        let is_open = |record: &&Record| record.state == ProposalState::Open;
        let open = self.proposals.values().filter(is_open).count() as u64;
        let shown = self.proposals.values().rev().filter(|record| !open_only || is_open(record));
        ProposalList { items: shown.map(Record::shown).collect(), open }
    }

    pub(crate) fn proposal(&self, id: u64) -> Option<&Record> {
        self.proposals.get(&id)
    }

    pub(crate) fn propose(
        &mut self,
        request: ProposalRequest,
        summary: String,
        actor: &Actor,
    ) -> Result<u64, ApiError> {
        // A pipeline that runs again means its latest text.
        let older: Vec<u64> = self
            .proposals
            .values()
            .filter(|known| {
                known.state == ProposalState::Open
                    && known.created_by == actor.name
                    && known.request.set.is_some()
                    && known.request.set == request.set
            })
            .map(|known| known.id)
            .collect();
        for id in older {
            self.decide_proposal(id, ProposalState::Withdrawn, actor, "a newer one came", None);
        }
        let open = self.proposals.values().filter(|known| known.state == ProposalState::Open).count();
        if open >= OPEN {
            let message = format!("{open} proposals wait already");
            return Err(ApiError::new(
                ErrorCode::Conflict,
                message,
                "have some of them decided, or withdraw one",
            ));
        }
        let id = self.proposals.keys().next_back().map_or(1, |last| last + 1);
        let title = request.title.clone();
        let record = Record {
            id,
            request,
            state: ProposalState::Open,
            created: self.now,
            created_by: actor.name.clone(),
            summary: summary.clone(),
            decided: None,
        };
        self.proposals.insert(id, record);
        self.save_proposal(id);
        self.audit(actor, "proposal.make", &id.to_string(), &format!("{title}: {summary}"));
        self.tell_proposal(id, &actor.name);
        self.forget_old_proposals();
        Ok(id)
    }

    pub(crate) fn decide_proposal(
        &mut self,
        id: u64,
        state: ProposalState,
        actor: &Actor,
        reason: &str,
        revision: Option<u64>,
    ) {
        let now = self.now;
        let Some(record) = self.proposals.get_mut(&id) else { return };
        record.state = state;
        let (actor_name, reason_text) = (actor.name.clone(), reason.to_owned());
        record.decided =
            Some(ProposalDecided { actor: actor_name, time: now, reason: reason_text, revision });
        self.save_proposal(id);
        let action = match state {
            ProposalState::Open => "proposal.make",
            ProposalState::Accepted => "proposal.accept",
            ProposalState::Rejected => "proposal.reject",
            ProposalState::Withdrawn => "proposal.withdraw",
        };
        let detail = match revision {
            Some(revision) => format!("revision {revision}; {reason}"),
            None => reason.to_owned(),
        };
        self.audit(actor, action, &id.to_string(), &detail);
        self.tell_proposal(id, &actor.name);
    }

    fn tell_proposal(&mut self, id: u64, actor: &str) {
        let Some(record) = self.proposals.get(&id) else { return };
        let (state, title, summary) =
            (word(record.state), record.request.title.clone(), record.summary.clone());
        let message = match record.state {
            ProposalState::Open => format!("{actor} proposes '{title}': {summary}"),
            _ => format!("proposal {id} '{title}' was {state} by {actor}"),
        };
        let kind = EventKind::Proposal {
            proposal: id.to_string().into(),
            actor: actor.into(),
            state: state.into(),
            summary: format!("{title}: {summary}").into(),
        };
        self.emit(Severity::Notice, message, kind);
    }

    fn save_proposal(&mut self, id: u64) {
        if let Some(Ok(data)) = self.proposals.get(&id).map(serde_json::to_string) {
            self.effects.changes.push(Change::Object { kind: KIND, id: id.to_string(), data });
        }
    }

    fn forget_old_proposals(&mut self) {
        while self.proposals.len() > KEPT + OPEN {
            let decided = self.proposals.values().find(|record| record.state != ProposalState::Open);
            let Some(id) = decided.map(|record| record.id) else { return };
            self.proposals.remove(&id);
            self.effects.changes.push(Change::RemoveObject { kind: KIND, id: id.to_string() });
        }
    }
}
