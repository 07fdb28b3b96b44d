use super::{Answer, Asked, json, page};
use crate::{state::State, view};
use bulkhead_api::{
    ApiError, Automation, ErrorCode, ErrorDetail, JudgedEdge, ModeChange, PromotionPreview, PromotionQuery,
    QuarantineRequest, ServiceDetail, ServiceList, ServiceQuery, ServiceSummary,
};
use bulkhead_model::{Mode, Peer, ServiceName};
use bulkhead_policy::{Document, Evaluator, RuleBook};
use bulkhead_store::EventFilter;

fn unknown(name: &ServiceName) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("there is no service '{name}'"),
        "GET /api/v1/services lists all services",
    )
}

pub(super) fn list(asked: &Asked) -> Answer {
    let query: ServiceQuery = asked.query()?;
    let view = asked.app.view.load_full();
    let fits = |summary: &&ServiceSummary| {
        query.namespace.as_deref().is_none_or(|namespace| summary.name.namespace() == namespace)
            && query.mode.is_none_or(|mode| summary.mode == mode)
    };
    let all = view.services.values().map(|summary| &**summary).filter(fits);
    let (items, next) = page(all, query.after.as_deref(), query.limit, |summary| summary.name.to_string());
    json(&ServiceList { items: items.into_iter().cloned().collect(), next })
}

pub(super) async fn detail(asked: Asked) -> Answer {
    let name = asked.service()?;
    let view = asked.app.view.load_full();
    let summary = view.services.get(&name).ok_or_else(|| unknown(&name))?;
    let filter = EventFilter {
        kinds: ["mode-changed", "learning", "scan", "spoof", "denied", "would-deny", "new-edge"]
            .map(str::to_owned)
            .to_vec(),
        service: Some(name.clone()),
        limit: 100,
        ..EventFilter::default()
    };
    let timeline = asked.app.read(move |reader| reader.events(&filter)).await?;
    let side = |of: fn(&JudgedEdge) -> &Peer| -> Vec<JudgedEdge> {
        let own = view.edges_of(&name).filter(|judged| of(judged).service() == Some(&name));
        own.map(|judged| (**judged).clone()).collect()
    };
    let (automation_by, outlook) = view.outlooks.get(&name).cloned().unwrap_or_default();
    json(&ServiceDetail {
        summary: (**summary).clone(),
        automation_by,
        outlook: outlook.to_string(),
        instances: view.workloads.get(&name).into_iter().flatten().map(|w| (**w).clone()).collect(),
        ingress: side(|judged| &judged.edge.key.server),
        egress: side(|judged| &judged.edge.key.client),
        timeline: timeline.into_iter().map(|stored| stored.event).collect(),
        curve: view.curves.get(&name).cloned().unwrap_or_default(),
    })
}

pub(super) async fn promotion(asked: Asked) -> Answer {
    let name = asked.service()?;
    let query: PromotionQuery = asked.query()?;
    let wanted = name.clone();
    let learned = asked
        .app
        .act(move |state| state.services.contains_key(&wanted).then(|| state.learned_of(&wanted)))
        .await?;
    let learned = learned.ok_or_else(|| unknown(&name))?;
    let preview = asked.app.ponder(move |view| preview(view, name, learned, query.to)).await??;
    json(&preview)
}

fn preview(
    view: &view::View,
    name: ServiceName,
    learned: bulkhead_policy::SegmentationPolicy,
    to: Mode,
) -> Result<PromotionPreview, ApiError> {
    let summary = view.services.get(&name).ok_or_else(|| unknown(&name))?;
    let key = learned.key();
    let policy_yaml = learned.to_yaml();
    let old = view.documents.get(&crate::state::path_of(&key)).map_or("", |meta| meta.yaml.as_str());
    let diff = crate::diff::unified(&key.to_string(), old, &policy_yaml);
    let mut set = (*view.set).clone();
    set.insert(Document::Policy(learned));
    let mut inventory = (*view.inventory).clone();
    if let Some(service) = inventory.service_mut(&name) {
        service.mode = to;
    }
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(&set, &inventory, &mut book, view.time);
    let would_deny: Vec<JudgedEdge> = view
        .edges_of(&name)
        .filter(|judged| {
            let pair = evaluator.edge_verdict(&judged.edge.key);
            pair.sides().any(|side| side.service == name && !side.decision.allow)
        })
        .map(|judged| (**judged).clone())
        .collect();
    let what = match to {
        Mode::Learn => "nothing would be judged".to_owned(),
        Mode::Quarantine => "nothing would pass, whatever the policy says".to_owned(),
        _ if would_deny.is_empty() => "no seen edge would be denied".to_owned(),
        _ => format!("{} of the seen edges would be denied", would_deny.len()),
    };
    let open = summary.learning.gates.iter().filter(|gate| !gate.armed).count();
    let gates = match open {
        0 => "all gates are armed".to_owned(),
        open => format!("{open} gates are not armed"),
    };
    Ok(PromotionPreview {
        from: summary.mode,
        to,
        ready: summary.learning.ready,
        would_deny,
        learning: summary.learning.clone(),
        policy_yaml,
        diff,
        sentence: format!("In {to}, {what}; {gates}."),
        service: name,
    })
}

pub(super) fn reason(text: Option<String>) -> Result<String, ApiError> {
    let text = text.unwrap_or_default();
    if text.chars().count() > 1000 {
        let mut error =
            ApiError::new(ErrorCode::Invalid, "the reason is too long", "use at most 1000 characters");
        error.details.push(ErrorDetail {
            message: "too long".to_owned(),
            field: Some("reason".to_owned()),
            ..ErrorDetail::default()
        });
        return Err(error);
    }
    Ok(text)
}

async fn change(
    asked: Asked,
    action: &'static str,
    work: impl FnOnce(&mut State, &ServiceName, &str) -> Result<String, ApiError> + Send + 'static,
) -> Answer {
    let name = asked.service()?;
    let actor = asked.caller.actor();
    let summary = asked
        .app
        .act(move |state| {
            if !state.services.contains_key(&name) {
                return Err(unknown(&name));
            }
            let detail = work(state, &name, &actor.name)?;
            state.audit(&actor, action, &name.to_string(), &detail);
            view::summary(state, &name).ok_or_else(|| unknown(&name))
        })
        .await??;
    json(&summary)
}

pub(super) async fn set_mode(asked: Asked) -> Answer {
    let wanted: ModeChange = asked.json()?;
    let why = reason(wanted.reason)?;
    change(asked, "mode.set", move |state, name, actor| {
        let evidence = if why.is_empty() { "by hand".to_owned() } else { why };
        state.enter_mode(name, wanted.mode, actor, &evidence, false);
        Ok(format!("{}: {evidence}", wanted.mode))
    })
    .await
}

pub(super) async fn quarantine(asked: Asked) -> Answer {
    let wanted: QuarantineRequest = asked.json()?;
    let why = reason(wanted.reason)?;
    change(asked, "quarantine.begin", move |state, name, actor| {
        let evidence = if why.is_empty() { "by hand".to_owned() } else { why };
        state.enter_mode(name, Mode::Quarantine, actor, &evidence, false);
        Ok(evidence)
    })
    .await
}

pub(super) async fn release(asked: Asked) -> Answer {
    change(asked, "quarantine.end", |state, name, actor| {
        let quarantine = state.services.get(name).and_then(|record| record.quarantine.clone());
        let Some(quarantine) = quarantine else {
            let message = format!("'{name}' is not quarantined");
            return Err(ApiError::new(ErrorCode::Conflict, message, "nothing has to be done"));
        };
        state.enter_mode(name, quarantine.before, actor, "the quarantine was ended", false);
        Ok(format!("back to {}", quarantine.before))
    })
    .await
}

pub(super) async fn set_automation(asked: Asked) -> Answer {
    let wanted: Automation = asked.json()?;
    change(asked, "automation.set", move |state, name, _| {
        state.set_automation(name, wanted);
        Ok(format!("automatic {}, profile {}", wanted.automatic, wanted.profile))
    })
    .await
}
