use super::{
    Answer, Asked, json,
    policies::{self, set_name},
};
use crate::plan::{self, Plan, Terms};
use crate::state::Actor;
use crate::view::View;
use bulkhead_api::{
    ApiError, ApplyResult, ErrorCode, ProposalDecision, ProposalDetail, ProposalQuery, ProposalRequest,
    ProposalState, Role,
};
use bulkhead_model::RuleOrigin;

fn unknown(id: &str) -> ApiError {
    let message = format!("there is no proposal '{}'", id.chars().take(40).collect::<String>());
    ApiError::new(ErrorCode::NotFound, message, "GET /api/v1/policy/proposals lists all proposals")
}

fn number(asked: &Asked) -> Result<u64, ApiError> {
    asked.param("id").parse().map_err(|_| unknown(asked.param("id")))
}

/// How to plan what a proposal asks for.
fn planned(
    request: &ProposalRequest,
    force: bool,
) -> Result<impl Fn(&View) -> Result<Plan, ApiError> + Send + Clone + 'static, ApiError> {
    let documents = plan::read(&request.documents, request.file.as_deref().unwrap_or("documents"))?;
    let terms = Terms {
        origin: request.origin,
        manager: request.set.clone(),
        prune: request.prune,
        force: force || request.force_conflicts,
    };
    Ok(move |view: &View| plan::apply(view, documents.clone(), &terms))
}

pub(super) async fn make(asked: Asked) -> Answer {
    let request: ProposalRequest = asked.json()?;
    let wrong = |message: &str, remedy: &str| Err(ApiError::new(ErrorCode::Invalid, message, remedy));
    if !(1..=200).contains(&request.title.trim().chars().count())
        || request.title.chars().any(char::is_control)
    {
        return wrong("the title is empty, too long or not printable", "use 1 to 200 characters");
    }
    if request.link.as_ref().is_some_and(|link| link.chars().count() > 500) {
        return wrong("the link is too long", "use at most 500 characters");
    }
    if request.origin == Some(RuleOrigin::Learned) {
        return wrong("the learned tier belongs to learning", "use declared, user or imported");
    }
    set_name(request.set.as_deref())?;
    let preview = policies::carry_out(&asked, "proposal.make", true, planned(&request, false)?).await?;
    let summary = plan::summary(&preview.changes);
    let actor = asked.caller.actor();
    let detail = asked
        .app
        .act(move |state| {
            let documents = request.documents.clone();
            let id = state.propose(request, summary, &actor)?;
            let proposal = state.proposal(id).map(|record| record.shown());
            Ok::<_, ApiError>(proposal.map(|proposal| ProposalDetail {
                proposal,
                documents,
                preview: Some(preview),
                obstacle: None,
            }))
        })
        .await??;
    json(&detail)
}

pub(super) async fn list(asked: Asked) -> Answer {
    let query: ProposalQuery = asked.query()?;
    let open = query.open.unwrap_or(false);
    json(&asked.app.act(move |state| state.proposals(open)).await?)
}

async fn record(asked: &Asked) -> Result<crate::state::ProposalRecord, ApiError> {
    let id = number(asked)?;
    let found = asked.app.act(move |state| state.proposal(id).cloned()).await?;
    found.ok_or_else(|| unknown(asked.param("id")))
}

pub(super) async fn one(asked: Asked) -> Answer {
    let record = record(&asked).await?;
    let (mut preview, mut obstacle) = (None, None);
    if record.state == ProposalState::Open {
        let looked = match planned(&record.request, false) {
            Ok(plan) => policies::carry_out(&asked, "proposal.accept", true, plan).await,
            Err(error) => Err(error),
        };
        match looked {
            Ok(result) => preview = Some(result),
            Err(error) => obstacle = Some(format!("{}; {}", error.message, error.remedy)),
        }
    }
    let documents = record.request.documents.clone();
    json(&ProposalDetail { proposal: record.shown(), documents, preview, obstacle })
}

fn must_be_open(record: &crate::state::ProposalRecord) -> Result<(), ApiError> {
    match record.state {
        ProposalState::Open => Ok(()),
        _ => {
            let message = format!("proposal {} is decided already", record.id);
            Err(ApiError::new(ErrorCode::Conflict, message, "make a new one"))
        }
    }
}

pub(super) async fn decide(asked: Asked) -> Answer {
    let decision: ProposalDecision = asked.json()?;
    let reason = super::services::reason(decision.reason.clone())?;
    let record = record(&asked).await?;
    must_be_open(&record)?;
    let actor = asked.caller.actor();
    if !decision.accept {
        return finish(&asked, record.id, ProposalState::Rejected, actor, reason, None).await;
    }
    let plan = planned(&record.request, decision.force_conflicts)?;
    let result = policies::carry_out(&asked, "policy.apply", false, plan).await?;
    finish(&asked, record.id, ProposalState::Accepted, actor, reason, Some(result)).await
}

/// Whoever made it may take it back, and so may those who decide.
pub(super) async fn withdraw(asked: Asked) -> Answer {
    let record = record(&asked).await?;
    must_be_open(&record)?;
    let actor = asked.caller.actor();
    if actor.name != record.created_by && actor.role < Some(Role::Operator) {
        let message = format!("proposal {} is of {}", record.id, record.created_by);
        return Err(ApiError::new(ErrorCode::Forbidden, message, "ask them, or an operator"));
    }
    finish(&asked, record.id, ProposalState::Withdrawn, actor, String::new(), None).await
}

async fn finish(
    asked: &Asked,
    id: u64,
    decided: ProposalState,
    actor: Actor,
    reason: String,
    preview: Option<ApplyResult>,
) -> Answer {
    let revision = preview.as_ref().map(|result| result.revision);
    let record = asked
        .app
        .act(move |state| {
            state.decide_proposal(id, decided, &actor, &reason, revision);
            state.proposal(id).cloned()
        })
        .await?
        .ok_or_else(|| unknown(asked.param("id")))?;
    let documents = record.request.documents.clone();
    json(&ProposalDetail { proposal: record.shown(), documents, preview, obstacle: None })
}
