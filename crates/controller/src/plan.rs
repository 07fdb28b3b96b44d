//! What documents would change, worked out beside the task that owns the state.

use crate::{
    diff,
    state::{Placement, State, path_of, place_of},
    view::View,
};
use bulkhead_api::{
    ApiError, ChangeAction, ErrorCode, ErrorDetail, Finding, JudgedEdge, PolicyChange, VerdictChange,
};
use bulkhead_model::{EdgeKey, Mode, RuleOrigin, Verdict};
use bulkhead_policy::{
    Diagnostic, Document, Evaluator, Inventory, PairVerdict, PolicySet, ReadOptions, RuleBook,
    document::{self, DocumentKey},
};
use std::{collections::BTreeSet, sync::Arc};

/// A change of documents that has been thought through.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) changes: Vec<Placement>,
    pub(crate) told: Vec<PolicyChange>,
    pub(crate) diff: String,
    pub(crate) after: PolicySet,
    /// Of the documents that it started from.
    pub(crate) generation: u64,
}

/// What a change means for the traffic that was seen.
#[derive(Debug)]
pub(crate) struct Impact {
    pub(crate) would_break: Vec<JudgedEdge>,
    pub(crate) verdicts: Vec<VerdictChange>,
    pub(crate) findings: Vec<Finding>,
}

fn invalid(errors: &[Diagnostic]) -> ApiError {
    let message = match errors {
        [one] => format!("the documents have an error: {one}"),
        [first, rest @ ..] => format!("the documents have {} errors, the first: {first}", rest.len() + 1),
        [] => "there is no document in the text".to_owned(),
    };
    let mut error = ApiError::new(ErrorCode::Invalid, message, "mend the documents and send them again");
    error.details = errors
        .iter()
        .take(100)
        .map(|wrong| ErrorDetail {
            message: wrong.message.clone(),
            field: (!wrong.path.is_empty()).then(|| wrong.path.clone()),
            file: Some(wrong.file.to_string()),
            line: Some(wrong.mark.line),
            column: Some(wrong.mark.column),
            expected: wrong.suggestion.clone(),
        })
        .collect();
    error
}

/// Reads documents; all of them are sound, or none is returned.
pub(crate) fn read(text: &str, file: &str) -> Result<Vec<Document>, ApiError> {
    let (documents, errors) = document::read(file, text, ReadOptions::default());
    if !errors.is_empty() || documents.is_empty() {
        return Err(invalid(&errors));
    }
    let mut seen = BTreeSet::new();
    for document in &documents {
        if !seen.insert(document.key()) {
            let message = format!("'{}' is there twice", document.key());
            return Err(ApiError::new(ErrorCode::Invalid, message, "give one of them another name"));
        }
    }
    Ok(documents)
}

/// How documents are put in place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// The tier of all of them; as they say themselves without it.
    pub(crate) origin: Option<RuleOrigin>,
    /// The set that owns them from then on; nobody does without one.
    pub(crate) manager: Option<String>,
    /// Remove what the set owned and is not among them. Without a set: what nobody owns and is of that origin.
    pub(crate) prune: bool,
    /// Take over what another set owns, or what somebody wrote by hand.
    pub(crate) force: bool,
}

/// Plans to put documents in place.
pub(crate) fn apply(view: &View, documents: Vec<Document>, terms: &Terms) -> Result<Plan, ApiError> {
    let mut wanted: Vec<(DocumentKey, Option<Document>)> = Vec::new();
    for mut document in documents {
        if let (Document::Policy(policy), Some(origin)) = (&mut document, terms.origin) {
            policy.tier = origin;
        }
        let key = document.key();
        let learned = matches!(&document, Document::Policy(p) if p.tier == RuleOrigin::Learned);
        if State::is_learned_name(&key) || learned {
            let message = format!("'{key}' belongs to learning, which would write over it");
            let remedy = "use another name (not ...-learned) and another tier than learned";
            return Err(ApiError::new(ErrorCode::Conflict, message, remedy));
        }
        wanted.push((key, Some(document)));
    }
    if terms.prune {
        let origin = terms.origin.unwrap_or(RuleOrigin::User);
        let kept: BTreeSet<DocumentKey> = wanted.iter().map(|(key, _)| key.clone()).collect();
        let gone = view.documents.values().filter(|meta| {
            meta.manager == terms.manager
                && (terms.manager.is_some() || meta.origin == origin)
                && !kept.contains(&meta.key)
        });
        wanted.extend(gone.map(|meta| (meta.key.clone(), None)));
    }
    if !terms.force {
        no_conflicts(view, &wanted, terms)?;
    }
    let owned = |(key, document): (DocumentKey, Option<Document>)| {
        let document = document.map(|document| {
            let known = view.documents.get(&path_of(&key));
            let same = known.filter(|known| !terms.force && known.yaml == document.to_yaml());
            // Who says what is there already does not take it from whoever manages it.
            let owner = same.and_then(|known| known.manager.clone());
            (document, owner.or_else(|| terms.manager.clone()))
        });
        Placement { key, document }
    };
    Ok(plan(view, wanted.into_iter().map(owned).collect()))
}

/// Refuses to change what others own. To say of a document what it says already is no conflict.
fn no_conflicts(
    view: &View,
    wanted: &[(DocumentKey, Option<Document>)],
    terms: &Terms,
) -> Result<(), ApiError> {
    let conflicts: Vec<(String, String)> = wanted
        .iter()
        .filter_map(|(key, document)| {
            let known = view.documents.get(&path_of(key))?;
            let same = document.as_ref().is_some_and(|document| document.to_yaml() == known.yaml);
            if same || known.manager == terms.manager {
                return None;
            }
            let owner = match &known.manager {
                Some(manager) => format!("the set '{manager}' manages it"),
                None => format!("it was written by hand ({})", known.actor),
            };
            Some((key.to_string(), owner))
        })
        .collect();
    let Some((first, owner)) = conflicts.first() else { return Ok(()) };
    let message = match conflicts.len() {
        1 => format!("apply failed with 1 conflict: '{first}': {owner}"),
        more => format!("apply failed with {more} conflicts, the first with '{first}': {owner}"),
    };
    let remedy = "change it where it is managed, or leave it out, or take it over with --force-conflicts \
                  (\"force_conflicts\": true)";
    let mut error = ApiError::new(ErrorCode::Conflict, message, remedy);
    error.details = conflicts
        .into_iter()
        .take(100)
        .map(|(document, message)| ErrorDetail { message, field: Some(document), ..ErrorDetail::default() })
        .collect();
    Err(error)
}

pub(crate) fn delete(view: &View, namespace: &str, name: &str) -> Result<Plan, ApiError> {
    let key = place_of(namespace, name);
    if !view.documents.contains_key(&(namespace.to_owned(), name.to_owned())) {
        let message = format!("there is no document '{key}'");
        return Err(ApiError::new(ErrorCode::NotFound, message, "GET /api/v1/policies lists all documents"));
    }
    Ok(plan(view, vec![Placement { key, document: None }]))
}

/// Plans to have exactly these documents besides the learned ones.
pub(crate) fn restore(view: &View, documents: Vec<(Document, Option<String>)>) -> Plan {
    let mut wanted: Vec<Placement> = Vec::new();
    for (document, manager) in documents {
        let key = document.key();
        if !State::is_learned_name(&key) {
            wanted.push(Placement { key, document: Some((document, manager)) });
        }
    }
    let kept: BTreeSet<DocumentKey> = wanted.iter().map(|placed| placed.key.clone()).collect();
    let gone = view
        .documents
        .values()
        .filter(|meta| !State::is_learned_name(&meta.key) && !kept.contains(&meta.key))
        .map(|meta| Placement { key: meta.key.clone(), document: None });
    wanted.extend(gone);
    plan(view, wanted)
}

fn plan(view: &View, wanted: Vec<Placement>) -> Plan {
    let mut after = (*view.set).clone();
    let (mut changes, mut told, mut text) = (Vec::new(), Vec::new(), String::new());
    for Placement { key, document: placed } in wanted {
        let (document, manager) =
            placed.map_or((None, None), |(document, manager)| (Some(document), manager));
        let place = path_of(&key);
        let known = view.documents.get(&place);
        let old = known.map_or("", |meta| meta.yaml.as_str());
        let new = document.as_ref().map(Document::to_yaml).unwrap_or_default();
        let action = match (old.is_empty(), new.is_empty()) {
            (true, true) => continue,
            (true, false) => ChangeAction::Created,
            (false, true) => ChangeAction::Deleted,
            (false, false) if old == new && known.is_none_or(|known| known.manager == manager) => {
                ChangeAction::Unchanged
            }
            (false, false) => ChangeAction::Updated,
        };
        let piece = diff::unified(&key.to_string(), old, &new);
        let lines = |sign: char| piece.lines().skip(2).filter(|line| line.starts_with(sign)).count();
        let summary = match action {
            ChangeAction::Unchanged => "is as it was".to_owned(),
            ChangeAction::Updated if old == new => match &manager {
                Some(manager) => format!("is managed by the set '{manager}' from now on"),
                None => "is managed by no set any more".to_owned(),
            },
            _ => format!("{} lines added, {} removed", lines('+'), lines('-')),
        };
        let origin = match &document {
            Some(Document::Policy(policy)) => policy.tier,
            _ => known.map_or(RuleOrigin::User, |meta| meta.origin),
        };
        told.push(PolicyChange { action, namespace: place.0, name: place.1, origin, summary });
        text.push_str(&piece);
        if action == ChangeAction::Unchanged {
            continue;
        }
        match &document {
            Some(document) => {
                after.insert(document.clone());
            }
            None => {
                after.remove(&key);
            }
        }
        changes.push(Placement { key, document: document.map(|document| (document, manager)) });
    }
    Plan { changes, told, diff: text, after, generation: view.generation }
}

/// In one line, for history and events.
pub(crate) fn summary(told: &[PolicyChange]) -> String {
    let of = |action: ChangeAction, word: &str| {
        let names: Vec<String> = told
            .iter()
            .filter(|change| change.action == action)
            .map(|change| format!("{}/{}", change.namespace, change.name))
            .collect();
        match names.len() {
            0 => None,
            1..=4 => Some(format!("{word} {}", names.join(", "))),
            more => Some(format!("{word} {more} documents")),
        }
    };
    let parts: Vec<String> = [
        of(ChangeAction::Created, "created"),
        of(ChangeAction::Updated, "updated"),
        of(ChangeAction::Deleted, "deleted"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() { "nothing changed".to_owned() } else { parts.join("; ") }
}

/// The inventory with the modes that documents ask for, where they ask for others than before.
pub(crate) fn modes_after(inventory: &Inventory, set: &PolicySet, after: &PolicySet) -> Inventory {
    let mut changed = inventory.clone();
    let asked: Vec<_> = inventory
        .services()
        .filter_map(|service| {
            let mode = after.requested_mode(service).map(|(mode, _)| mode)?;
            let before = set.requested_mode(service).map(|(mode, _)| mode);
            (before != Some(mode)).then(|| (service.name.clone(), mode))
        })
        .collect();
    for (name, mode) in asked {
        if let Some(service) = changed.service_mut(&name) {
            service.mode = mode;
        }
    }
    changed
}

pub(crate) fn with_mode(inventory: &Inventory, mode: Mode) -> Inventory {
    let mut inventory = inventory.clone();
    let names: Vec<_> = inventory.services().map(|service| service.name.clone()).collect();
    for name in names {
        if let Some(service) = inventory.service_mut(&name) {
            service.mode = mode;
        }
    }
    inventory
}

/// In which modes services are judged.
#[derive(Debug)]
pub(crate) enum Judged {
    AsTheyAre,
    /// Those that these documents target as if they enforced, the others as they are.
    TargetsEnforcing(PolicySet),
    /// All as if they enforced.
    Enforcing,
}

/// What would become of the edges that were seen.
pub(crate) fn impact(view: &View, after: &PolicySet, judged: &Judged) -> Impact {
    let mut inventory = modes_after(&view.inventory, &view.set, after);
    let enforce = matches!(judged, Judged::Enforcing);
    if let Judged::TargetsEnforcing(candidate) = judged {
        let targeted: Vec<_> = candidate.targeted(&view.inventory).into_iter().cloned().collect();
        for name in &targeted {
            // Whoever is in quarantine stays there.
            if let Some(service) = inventory.service_mut(name).filter(|service| !service.mode.drops()) {
                service.mode = Mode::Enforce;
            }
        }
    }
    let before_inventory = if enforce {
        Arc::new(with_mode(&view.inventory, Mode::Enforce))
    } else {
        Arc::clone(&view.inventory)
    };
    if enforce {
        inventory = with_mode(&inventory, Mode::Enforce);
    }
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(after, &inventory, &mut book, view.time);
    let mut old_book = RuleBook::default();
    let old = enforce.then(|| Evaluator::new(&view.set, &before_inventory, &mut old_book, view.time));
    let (mut would_break, mut verdicts) = (Vec::new(), Vec::new());
    for judged in &view.edges {
        let key = &judged.edge.key;
        let pair = evaluator.edge_verdict(key);
        let before = old.as_ref().map_or(judged.verdict, |old| old.edge_verdict(key).verdict);
        if before == pair.verdict {
            continue;
        }
        if pair.verdict == Verdict::Denied {
            would_break.push((**judged).clone());
        }
        let because = because(&pair);
        verdicts.push(VerdictChange { edge: key.clone(), before, after: pair.verdict, because });
    }
    Impact { would_break, verdicts, findings: findings(view, after, &inventory) }
}

/// The side that decides, and its rule.
pub(crate) fn because(pair: &PairVerdict) -> String {
    let deciding = pair.sides().find(|side| side.verdict() == pair.verdict && !side.decision.allow);
    match deciding.or_else(|| pair.sides().next()) {
        None => "no side of it is a service: nothing decides".to_owned(),
        Some(side) if side.mode == Mode::Quarantine => format!("{} is quarantined", side.service),
        Some(side) => match (&side.decision.rule, side.decision.allow) {
            (Some(rule), true) => format!("rule {} of {} allows it", rule.title(), side.service),
            (Some(rule), false) => format!("rule {} of {} denies it", rule.title(), side.service),
            (None, _) if side.mode == Mode::Learn => {
                format!("{} is in Learn and has no rule for it", side.service)
            }
            (None, _) => format!("no {} rule of {} allows it", side.direction, side.service),
        },
    }
}

/// What is allowed but probably not meant.
pub(crate) fn findings(view: &View, set: &PolicySet, inventory: &Inventory) -> Vec<Finding> {
    let edges: Vec<EdgeKey> = view.edges.iter().map(|judged| judged.edge.key.clone()).collect();
    bulkhead_policy::lint(set, inventory, &edges, view.time)
        .into_iter()
        .map(|finding| Finding {
            kind: finding.lint.code().to_owned(),
            rule: match finding.rule {
                Some((direction, index)) => format!("{} {direction}[{index}]", finding.document),
                None => finding.document.to_string(),
            },
            message: match finding.suggestion {
                Some(suggestion) => format!("{}; {suggestion}", finding.message),
                None => finding.message,
            },
        })
        .collect()
}
