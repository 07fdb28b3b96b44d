//! Learns an application from its own connections, enforces what was learned, and counts what comes of it.

use crate::{
    estate::{Begin, Estate, timed},
    intended::{Application, Edge},
    stub::{Attempt, Outcome},
};
use bulkhead_api::{EdgeQuery, GraphQuery, JudgedEdge, ModeChange, PromotionQuery};
use bulkhead_model::{EdgeKey, IpProtocol, Mode, Verdict};
use serde::Serialize;
use std::{collections::BTreeSet, time::Duration};

/// Connections of each edge in each address family while it is learned.
const EACH: u64 = 3;

/// How one application fared.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Fidelity {
    pub(crate) workloads: usize,
    pub(crate) exposed_ports: usize,
    pub(crate) intended_edges: usize,
    pub(crate) learned_edges: usize,
    /// Connections while learning, all answered.
    pub(crate) connections: u64,
    pub(crate) recall: f64,
    pub(crate) precision: f64,
    /// Intended, and not learned.
    pub(crate) missing: Vec<String>,
    /// Learned, and not intended.
    pub(crate) surplus: Vec<String>,
    /// Intended edges that a preview says would be denied.
    pub(crate) preview_denies: usize,
    /// From the last answer of the controller to all modes being enforced by the kernel.
    pub(crate) enforce_ms: u64,
    /// Of enforced intended connections, both families: all, and those that were answered.
    pub(crate) intended_tried: usize,
    pub(crate) intended_answered: usize,
    /// Of connections that are not intended, both families: all, those that were denied, and how.
    pub(crate) other_tried: usize,
    pub(crate) other_denied: usize,
    pub(crate) other_refused_at_once: usize,
    /// Edges that are not intended, and how many of them the graph shows as denied.
    pub(crate) other_edges: usize,
    pub(crate) other_edges_shown_denied: usize,
    /// Connections accepted by servers that were not meant to be, by the servers' own count.
    pub(crate) accepted_against_policy: u64,
    /// Of the denied ones, those that were answered once Bulkhead was removed and all else was as before.
    pub(crate) other_answered_without: usize,
    /// What did not go as it should, one sentence each.
    pub(crate) failures: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) seconds: f64,
}

impl Fidelity {
    pub(crate) fn is_perfect(&self) -> bool {
        let learned = self.missing.is_empty() && self.surplus.is_empty() && self.preview_denies == 0;
        learned
            && self.failures.is_empty()
            && self.accepted_against_policy == 0
            && self.intended_answered == self.intended_tried
            && self.other_denied == self.other_tried
            && self.other_answered_without == self.other_tried
            && self.other_edges_shown_denied == self.other_edges
    }
}

pub(crate) fn measure(application: &Application, number: u8, begin: Begin) -> Fidelity {
    let (mut fidelity, duration) = timed(|| measured(application, number, begin));
    fidelity.seconds = duration.as_secs_f64();
    fidelity
}

fn measured(application: &Application, number: u8, begin: Begin) -> Fidelity {
    let mut estate = Estate::start(application, number, begin);
    let mut found = Fidelity {
        workloads: application.members.len(),
        exposed_ports: application.members.values().map(|member| member.ports.len()).sum(),
        intended_edges: application.edges.len(),
        notes: application.notes.clone(),
        ..Fidelity::default()
    };
    if begin == Begin::Settled {
        estate.check_servers(application);
    }
    learn(&estate, application, &mut found);
    promote(&estate, application, &mut found);
    enforce(&estate, application, &mut found);
    // Were they denied, or did they never lead anywhere?
    estate.remove_bulkhead();
    let mut attempts = estate.attempts(application, &application.not_meant(), Duration::from_secs(10));
    let mut closed = Vec::new();
    // The kernel lets go of programs some moments after their pins are gone.
    bulkhead_testkit::wait_until(Duration::from_secs(20), || {
        closed = estate.run(&attempts);
        closed.retain(|(_, outcome)| *outcome != Outcome::Answered);
        found.other_answered_without += attempts.len() - closed.len();
        attempts = closed.iter().map(|(attempt, _)| attempt.clone()).collect();
        attempts.is_empty()
    });
    for (attempt, outcome) in &closed {
        found.failures.push(sentence("without Bulkhead", attempt, outcome));
    }
    found
}

fn learn(estate: &Estate, application: &Application, found: &mut Fidelity) {
    let attempts = estate.attempts(application, &application.edges, Duration::from_secs(10));
    for _ in 0..EACH {
        for (attempt, outcome) in estate.run(&attempts) {
            found.connections += 1;
            if outcome != Outcome::Answered {
                found.failures.push(sentence("while learning", &attempt, &outcome));
            }
        }
    }
    // Every connection is counted, or no more come.
    let counted =
        |edges: &[JudgedEdge]| edges.iter().map(|judged| judged.edge.counters.connections).sum::<u64>();
    let mut steady = (0, 0);
    estate.wait_until("the counters stand still", |estate| {
        let now = counted(&graph(estate));
        steady = if now == steady.0 { (now, steady.1 + 1) } else { (now, 0) };
        // Polled each 10 ms; the agent reports each 200 ms.
        steady.0 == found.connections || steady.1 > 500
    });
    if steady.0 != found.connections {
        found.failures.push(format!("{} connections counted of {}", steady.0, found.connections));
    }
    let edges = graph(estate);
    let learned: BTreeSet<&EdgeKey> = edges.iter().map(|judged| &judged.edge.key).collect();
    let (known, surplus): (BTreeSet<_>, Vec<_>) = {
        let (known, surplus): (Vec<_>, Vec<_>) = learned
            .iter()
            .partition(|key| intended(key).is_some_and(|edge| application.edges.contains(&edge)));
        (known.into_iter().filter_map(intended).collect(), surplus)
    };
    found.learned_edges = learned.len();
    found.missing = application.edges.difference(&known).map(text).collect();
    found.surplus = surplus.iter().map(|key| key.to_string()).collect();
    found.recall = known.len() as f64 / application.edges.len() as f64;
    found.precision = (learned.len() - surplus.len()) as f64 / learned.len() as f64;
    for judged in edges.iter().filter(|judged| judged.flagged.is_some()) {
        let why = judged.flagged.as_deref().unwrap_or_default();
        found.failures.push(format!("{} is set aside: {why}", judged.edge.key));
    }
}

fn promote(estate: &Estate, application: &Application, found: &mut Fidelity) {
    for name in application.members.keys() {
        let preview = estate.ask(estate.client.promotion(name, &PromotionQuery { to: Mode::Enforce }));
        found.preview_denies += preview.would_deny.len();
    }
    for name in application.members.keys() {
        let change =
            ModeChange { mode: Mode::Enforce, reason: Some("learned from its own traffic".to_owned()) };
        let summary = estate.ask(estate.client.set_mode(name, &change));
        assert_eq!(summary.mode, Mode::Enforce);
    }
    let ((), duration) = timed(|| {
        estate.wait_until("the kernel enforces what was learned", |estate| {
            let status = estate.ask(estate.client.status());
            status.enforced_revision == status.revision
                && status.services.enforce as usize == application.members.len()
        });
    });
    found.enforce_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
}

fn enforce(estate: &Estate, application: &Application, found: &mut Fidelity) {
    let accepted = estate.accepted();
    let attempts = estate.attempts(application, &application.edges, Duration::from_secs(10));
    for (attempt, outcome) in estate.run(&attempts) {
        found.intended_tried += 1;
        match outcome {
            Outcome::Answered => found.intended_answered += 1,
            outcome => found.failures.push(sentence("intended", &attempt, &outcome)),
        }
    }
    let accepted_as_meant = estate.accepted();
    if accepted_as_meant - accepted != found.intended_answered as u64 {
        let count = accepted_as_meant - accepted;
        found
            .failures
            .push(format!("servers accepted {count} of {} intended connections", found.intended_tried));
    }
    let others = application.not_meant();
    let attempts = estate.attempts(application, &others, Duration::from_secs(2));
    for (attempt, outcome) in estate.run(&attempts) {
        found.other_tried += 1;
        match outcome {
            Outcome::Refused | Outcome::Silent => {
                found.other_denied += 1;
                found.other_refused_at_once += usize::from(outcome == Outcome::Refused);
                // Whoever is on this host learns at once that it is denied; outside nothing is answered.
                if (outcome == Outcome::Refused) != attempt.edge.client.service().is_some() {
                    found.failures.push(sentence("denied, but not as it should be", &attempt, &outcome));
                }
            }
            outcome => found.failures.push(sentence("not intended", &attempt, &outcome)),
        }
    }
    found.accepted_against_policy = estate.accepted() - accepted_as_meant;
    found.other_edges = others.len();
    let shown = |estate: &Estate| {
        let denied =
            EdgeQuery { verdict: Some(Verdict::Denied), limit: Some(10_000), ..EdgeQuery::default() };
        let edges = estate.ask(estate.client.edges(&denied)).items;
        let keys: BTreeSet<Edge> = edges.iter().filter_map(|judged| intended(&judged.edge.key)).collect();
        others.intersection(&keys).count()
    };
    let enough = bulkhead_testkit::wait_until(Duration::from_secs(10), || shown(estate) == others.len());
    found.other_edges_shown_denied = if enough { others.len() } else { shown(estate) };
    // Nothing of what was denied has become part of what is allowed.
    for judged in graph(estate) {
        let meant = intended(&judged.edge.key).is_some_and(|edge| application.edges.contains(&edge));
        if (judged.verdict == Verdict::Allowed) != meant {
            found.failures.push(format!("{} is {} at the end", judged.edge.key, judged.verdict));
        }
    }
}

fn graph(estate: &Estate) -> Vec<JudgedEdge> {
    estate.ask(estate.client.graph(&GraphQuery::default())).edges
}

/// The edge in the words of manifests; `None` where they have none for it.
fn intended(key: &EdgeKey) -> Option<Edge> {
    let server = key.server.service()?.clone();
    (key.protocol == IpProtocol::TCP).then(|| Edge { client: key.client.clone(), server, port: key.port })
}

fn text(edge: &Edge) -> String {
    format!("{} → {} {}", edge.client, edge.server, edge.port)
}

fn sentence(what: &str, attempt: &Attempt, outcome: &Outcome) -> String {
    format!("{what}: {} at {}: {outcome:?}", text(&attempt.edge), attempt.to)
}
