use super::{Answer, Asked, json, nothing};
use crate::plan::{self, Terms};
use bulkhead_api::{ApiError, ErrorCode, TrialList, TrialRequest};
use bulkhead_model::RuleOrigin;

/// The longest trial, in seconds.
const LONGEST: u64 = 30 * 86_400;

fn unknown(id: &str) -> ApiError {
    let message = format!("there is no trial '{}'", id.chars().take(40).collect::<String>());
    ApiError::new(ErrorCode::NotFound, message, "GET /api/v1/policy/trials lists all trials")
}

fn number(asked: &Asked) -> Result<u64, ApiError> {
    asked.param("id").parse().map_err(|_| unknown(asked.param("id")))
}

pub(super) async fn begin(asked: Asked) -> Answer {
    let request: TrialRequest = asked.json()?;
    let wrong = |message: &str, remedy: &str| Err(ApiError::new(ErrorCode::Invalid, message, remedy));
    if !(1..=LONGEST).contains(&request.seconds) {
        return wrong("a trial lasts from 1 second to 30 days", "choose a time in that range");
    }
    if request.name.as_ref().is_some_and(|name| name.chars().count() > 100) {
        return wrong("the name of the trial is too long", "use at most 100 characters");
    }
    if request.origin == Some(RuleOrigin::Learned) {
        return wrong("the learned tier belongs to learning", "use declared, user or imported");
    }
    let documents = plan::read(&request.documents, "documents")?;
    let terms = Terms { origin: request.origin, prune: request.prune, force: true, ..Terms::default() };
    let plan = asked.app.ponder(move |view| plan::apply(view, documents, &terms)).await??;
    let actor = asked.caller.actor();
    let detail = asked
        .app
        .act(move |state| {
            let id = state.begin_trial(&request, plan, &actor)?;
            // Its tables are made before anybody asks for it.
            state.bring_up_to_date();
            Ok::<_, ApiError>(state.trial_detail(id))
        })
        .await??;
    json(&detail)
}

pub(super) async fn list(asked: Asked) -> Answer {
    json(&TrialList { items: asked.app.act(|state| state.trials()).await? })
}

pub(super) async fn one(asked: Asked) -> Answer {
    let id = number(&asked)?;
    let detail = asked.app.act(move |state| state.trial_detail(id)).await?;
    json(&detail.ok_or_else(|| unknown(asked.param("id")))?)
}

pub(super) async fn stop(asked: Asked) -> Answer {
    let id = number(&asked)?;
    let actor = asked.caller.actor();
    let known = asked.app.act(move |state| state.stop_trial(id, &actor)).await?;
    if known { Ok(nothing()) } else { Err(unknown(asked.param("id"))) }
}
