use super::{Answer, Asked, json, text};
use crate::{
    plan::{self, Plan},
    state::{DocumentMeta, KeptDocument, rule_info},
    view::View,
};
use bulkhead_api::{
    ApiError, ApplyRequest, ApplyResult, EffectivePolicy, EffectiveRule, ErrorCode, Finding, HistoryQuery,
    Policy, PolicyFormatQuery, PolicyHistory, PolicyList, PolicyPut, PolicyRevision, RestoreRequest,
};
use bulkhead_model::{Direction, RuleOrigin, RuleRef, ServiceName, Timestamp};
use bulkhead_policy::{Document, Evaluator, RuleBook};
use std::collections::HashMap;

/// How often a change is planned again when somebody else was faster.
const ATTEMPTS: usize = 3;

fn no_document(namespace: &str, name: &str) -> ApiError {
    let message = format!("there is no document '{namespace}/{name}'");
    ApiError::new(ErrorCode::NotFound, message, "GET /api/v1/policies lists all documents")
}

fn policy(
    view: &View,
    (namespace, name): &(String, String),
    meta: &DocumentMeta,
    findings: &[Finding],
) -> Policy {
    let document = view.set.get(&meta.key);
    let (target, mode, ingress, egress) = match &document {
        Some(Document::Policy(policy)) => {
            let target = policy.target.exact_service().map(|name| name.to_string());
            let services = view.set.select(&policy.target, &view.inventory).len();
            let target = target.unwrap_or_else(|| format!("{services} services"));
            (target, policy.mode, policy.ingress.len(), policy.egress.len())
        }
        _ => (meta.key.to_string(), None, 0, 0),
    };
    let of = |finding: &&Finding| finding.rule.split(' ').next() == Some(&meta.key.to_string());
    Policy {
        kind: meta.key.kind.name().to_owned(),
        namespace: namespace.clone(),
        name: name.clone(),
        origin: meta.origin,
        revision: meta.revision,
        updated: meta.updated,
        updated_by: meta.actor.clone(),
        set: meta.manager.clone(),
        target,
        mode,
        ingress_rules: u32::try_from(ingress).unwrap_or(u32::MAX),
        egress_rules: u32::try_from(egress).unwrap_or(u32::MAX),
        yaml: meta.yaml.clone(),
        findings: findings.iter().filter(of).cloned().collect(),
    }
}

pub(super) async fn list(asked: Asked) -> Answer {
    let list = asked
        .app
        .ponder(|view| {
            let findings = plan::findings(view, &view.set, &view.inventory);
            let items = view.documents.iter().map(|(place, meta)| policy(view, place, meta, &findings));
            PolicyList { items: items.collect(), revision: view.revision }
        })
        .await?;
    json(&list)
}

pub(super) async fn one(asked: Asked) -> Answer {
    let query: PolicyFormatQuery = asked.query()?;
    let place = (asked.param("namespace").to_owned(), asked.param("name").to_owned());
    let found = asked
        .app
        .ponder(move |view| {
            let meta = view.documents.get(&place).ok_or_else(|| no_document(&place.0, &place.1))?;
            let findings = plan::findings(view, &view.set, &view.inventory);
            Ok(policy(view, &place, meta, &findings))
        })
        .await??;
    match query.format.as_deref() {
        None | Some("json") => json(&found),
        Some("yaml") => Ok(text("application/yaml", found.yaml)),
        Some(_) => Err(ApiError::new(ErrorCode::Invalid, "there is no such format", "use json or yaml")),
    }
}

/// Whether the name of a set can be used.
pub(super) fn set_name(name: Option<&str>) -> Result<(), ApiError> {
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':');
    if name.is_none_or(|name| (1..=100).contains(&name.len()) && name.chars().all(sound)) {
        return Ok(());
    }
    let remedy = "use 1 to 100 letters, digits, '-', '_', '.', '/' and ':'";
    Err(ApiError::new(ErrorCode::Invalid, "the name of the set is not usable", remedy))
}

/// Says what a plan would do, and does it unless it is a rehearsal.
pub(super) async fn carry_out(
    asked: &Asked,
    action: &'static str,
    dry_run: bool,
    make: impl Fn(&View) -> Result<Plan, ApiError> + Send + Clone + 'static,
) -> Result<ApplyResult, ApiError> {
    for _ in 0..ATTEMPTS {
        let make = make.clone();
        let (plan, impact, revision) = asked
            .app
            .ponder(move |view| {
                let plan = make(view)?;
                let impact = plan::impact(view, &plan.after, &plan::Judged::AsTheyAre);
                Ok::<_, ApiError>((plan, impact, view.revision))
            })
            .await??;
        let summary = plan::summary(&plan.told);
        let sentence = format!(
            "{}{summary}; {} seen edges would be denied, {} change their verdict.",
            if dry_run { "Rehearsal: " } else { "" },
            impact.would_break.len(),
            impact.verdicts.len()
        );
        let mut result = ApplyResult {
            dry_run,
            revision,
            changes: plan.told,
            diff: plan.diff.clone(),
            would_break: impact.would_break,
            verdict_changes: impact.verdicts,
            findings: impact.findings,
            sentence,
        };
        if dry_run {
            return Ok(result);
        }
        let actor = asked.caller.actor();
        let (changes, diff, generation) = (plan.changes, plan.diff, plan.generation);
        let done = asked
            .app
            .act(move |state| {
                if state.generation != generation {
                    return None;
                }
                let revision = state.place_documents(changes, &actor.name, &summary, diff);
                state.audit(&actor, action, "policies", &format!("revision {revision}: {summary}"));
                Some(revision)
            })
            .await?;
        if let Some(revision) = done {
            result.revision = revision;
            return Ok(result);
        }
    }
    let message = "others keep changing documents at the same time";
    Err(ApiError::new(ErrorCode::Conflict, message, "try again"))
}

pub(super) async fn apply(asked: Asked) -> Answer {
    let request: ApplyRequest = asked.json()?;
    if request.origin == Some(RuleOrigin::Learned) {
        let message = "the learned tier belongs to learning";
        return Err(ApiError::new(ErrorCode::Invalid, message, "use declared, user or imported"));
    }
    let file = request.file.clone().unwrap_or_else(|| "documents".to_owned());
    let documents = plan::read(&request.documents, &file)?;
    set_name(request.set.as_deref())?;
    let terms = plan::Terms {
        origin: request.origin,
        manager: request.set,
        prune: request.prune,
        force: request.force_conflicts,
    };
    let make = move |view: &View| plan::apply(view, documents.clone(), &terms);
    json(&carry_out(&asked, "policy.apply", request.dry_run, make).await?)
}

pub(super) async fn put(asked: Asked) -> Answer {
    let request: PolicyPut = asked.json()?;
    let place = (asked.param("namespace").to_owned(), asked.param("name").to_owned());
    let documents = plan::read(&request.yaml, "document")?;
    let [document] = documents.as_slice() else {
        let message = "the text has more than one document";
        return Err(ApiError::new(ErrorCode::Invalid, message, "POST /api/v1/policies/apply takes several"));
    };
    if crate::state::path_of(&document.key()) != place {
        let message =
            format!("the document is '{}', the path says '{}/{}'", document.key(), place.0, place.1);
        return Err(ApiError::new(ErrorCode::Invalid, message, "use the same name in both"));
    }
    let make = move |view: &View| {
        let stored = view.documents.get(&place).map(|meta| meta.revision);
        if let Some(expected) = request.if_revision
            && stored != Some(expected)
        {
            let message = format!("the document was changed meanwhile (revision {})", stored.unwrap_or(0));
            return Err(ApiError::new(ErrorCode::Conflict, message, "fetch it again, and merge your change"));
        }
        let terms = plan::Terms { force: request.force_conflicts, ..plan::Terms::default() };
        plan::apply(view, documents.clone(), &terms)
    };
    json(&carry_out(&asked, "policy.put", false, make).await?)
}

pub(super) async fn delete(asked: Asked) -> Answer {
    let (namespace, name) = (asked.param("namespace").to_owned(), asked.param("name").to_owned());
    let make = move |view: &View| plan::delete(view, &namespace, &name);
    json(&carry_out(&asked, "policy.delete", false, make).await?)
}

pub(super) async fn history(asked: Asked) -> Answer {
    let query: HistoryQuery = asked.query()?;
    let limit = query.limit.unwrap_or(50).clamp(1, 500);
    let found = asked.app.read(move |reader| reader.revisions(query.after, limit)).await?;
    let next =
        (found.len() == limit as usize).then(|| found.last().map(|r| r.revision.to_string())).flatten();
    let items = found
        .into_iter()
        .map(|record| PolicyRevision {
            revision: record.revision,
            time: record.time,
            actor: record.actor,
            summary: record.summary,
            diff: record.diff,
        })
        .collect();
    json(&PolicyHistory { items, next })
}

pub(super) async fn restore(asked: Asked) -> Answer {
    let request: RestoreRequest = asked.json()?;
    let revision = request.revision;
    let record = asked.app.read(move |reader| reader.revision(revision)).await?.ok_or_else(|| {
        let message = format!("there is no revision {revision}");
        ApiError::new(ErrorCode::NotFound, message, "GET /api/v1/policies/history lists all revisions")
    })?;
    let unreadable = |error: String| {
        let message = format!("revision {revision} cannot be read: {error}");
        ApiError::new(ErrorCode::Internal, message, "restore another revision")
    };
    let kept: Vec<KeptDocument> =
        serde_json::from_str(&record.documents).map_err(|e| unreadable(e.to_string()))?;
    let mut documents = Vec::new();
    for kept in kept {
        let found = plan::read(&kept.yaml, "revision").map_err(|e| unreadable(e.message))?;
        documents.extend(found.into_iter().map(|document| (document, kept.manager.clone())));
    }
    let make = move |view: &View| Ok(plan::restore(view, documents.clone()));
    json(&carry_out(&asked, "policy.restore", request.dry_run, make).await?)
}

pub(super) async fn effective(asked: Asked) -> Answer {
    let name = asked.service()?;
    let policy = asked.app.ponder(move |view| effective_of(view, name)).await??;
    json(&policy)
}

fn effective_of(view: &View, name: ServiceName) -> Result<EffectivePolicy, ApiError> {
    let Some(summary) = view.services.get(&name) else {
        let message = format!("there is no service '{name}'");
        return Err(ApiError::new(ErrorCode::NotFound, message, "GET /api/v1/services lists all services"));
    };
    let mut book: RuleBook = (*view.book).clone();
    let evaluator = Evaluator::new(&view.set, &view.inventory, &mut book, view.time);
    let mut hits: HashMap<RuleRef, (u64, Timestamp)> = HashMap::new();
    for judged in view.edges_of(&name) {
        let counters = &judged.edge.counters;
        for side in
            [&judged.egress, &judged.ingress].into_iter().flatten().filter(|side| side.service == name)
        {
            let Some(rule) = &side.rule else { continue };
            let (count, last) = hits.entry(rule.reference).or_default();
            *count += if rule.allow { counters.connections } else { counters.denied + counters.would_deny };
            *last = (*last).max(judged.edge.last_seen);
        }
    }
    let rules = |direction: Direction| {
        let rules = evaluator.effective().rules_of(&view.inventory, &name, direction);
        let shown = rules.iter().map(|rule| {
            let (count, last) = hits.get(&rule.reference).copied().unwrap_or_default();
            EffectiveRule { rule: rule_info(rule), hits: count, last_hit: (last.0 > 0).then_some(last) }
        });
        shown.collect()
    };
    Ok(EffectivePolicy {
        mode: summary.mode,
        revision: view.revision,
        ingress: rules(Direction::Ingress),
        egress: rules(Direction::Egress),
        service: name,
    })
}
