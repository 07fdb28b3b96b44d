//! Zones and compliance reports. What they say is made in `bulkhead_report`; here is what it is made from.

use super::{Answer, Asked, json, status::is_silent, text};
use crate::view::View;
use axum::http::{HeaderValue, header};
use bulkhead_api::{
    ApiError, ErrorCode, OutputTarget, Progress, ReportFormat, ReportFrameworks, ReportKey, ReportQuery,
    ReportSource, ServiceSummary, SourceKind, ZoneQuery,
};
use bulkhead_model::Timestamp;
use bulkhead_report::{
    ALGORITHM, Estate, Framework, SealedReport,
    estate::{AuditFacts, DocumentFacts, NodeFacts, Operation, OutputFacts, RevisionFacts, ServiceFacts},
};
use std::{sync::Arc, time::Duration};

/// As many changes of the policy stand in a report.
const REVISIONS: u32 = 200;
/// How long a report waits for nodes to follow a change that is being applied.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn zones(asked: Asked) -> Answer {
    let query: ZoneQuery = asked.query()?;
    let records = records(&asked).await?;
    if let Some(name) = &query.zone
        && asked.app.view.load().set.zone(name).is_none()
    {
        return Err(no_zone(name));
    }
    let list = asked
        .app
        .ponder(move |view| bulkhead_report::zones(&records.estate(view), query.zone.as_deref()))
        .await?;
    json(&list)
}

pub(super) fn frameworks(asked: &Asked) -> Answer {
    let items = Framework::ALL.into_iter().map(Framework::info).collect();
    json(&ReportFrameworks { items, key: key_of(asked) })
}

pub(super) fn key(asked: &Asked) -> Answer {
    json(&key_of(asked))
}

fn key_of(asked: &Asked) -> ReportKey {
    let key = asked.app.key.public();
    ReportKey { algorithm: ALGORITHM.to_owned(), fingerprint: key.fingerprint(), pem: key.to_pem() }
}

fn no_zone(name: &str) -> ApiError {
    let message = format!("there is no zone '{}'", name.chars().take(100).collect::<String>());
    ApiError::new(ErrorCode::NotFound, message, "GET /api/v1/zones lists all zones")
}

pub(super) async fn report(asked: Asked) -> Answer {
    let query: ReportQuery = asked.query()?;
    let framework: Framework = asked.param("framework").parse().map_err(|_| {
        let name: String = asked.param("framework").chars().take(100).collect();
        let message = format!("there is no framework '{name}'");
        ApiError::new(ErrorCode::NotFound, message, "GET /api/v1/reports lists all frameworks")
    })?;
    if let Some(name) = &query.zone
        && asked.app.view.load().set.zone(name).is_none()
    {
        return Err(no_zone(name));
    }
    // First in the audit log, so that the head in the report covers its making.
    let actor = asked.caller.actor();
    let detail = query.zone.clone().map_or("the whole estate".to_owned(), |zone| format!("zone {zone}"));
    asked.app.act(move |state| state.audit(&actor, "report.create", framework.id(), &detail)).await?;
    let records = records(&asked).await?;
    let format = query.format.unwrap_or_default();
    let app = Arc::clone(&asked.app);
    let zone = query.zone.clone();
    let (made, file) = asked
        .app
        .ponder(move |view| {
            let estate = records.estate(view);
            let report = bulkhead_report::report(framework, &estate, query.zone.as_deref())
                .map_err(|missing| no_zone(&missing.0))?;
            let made = report.made;
            Ok::<_, ApiError>((made, SealedReport::new(report, Some(&app.key)).render(format)))
        })
        .await??;
    let (kind, extension) = match format {
        ReportFormat::Json => ("application/json", "json"),
        ReportFormat::Html => ("text/html; charset=utf-8", "html"),
        ReportFormat::Md => ("text/markdown; charset=utf-8", "md"),
    };
    let mut response = text(kind, file);
    let headers = response.headers_mut();
    if format == ReportFormat::Html
        && let Ok(policy) = HeaderValue::from_str(&bulkhead_report::content_security())
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    let name = file_name(framework, zone.as_deref(), made);
    if let Ok(disposition) = HeaderValue::from_str(&format!("inline; filename=\"{name}.{extension}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// `pci-dss-cardholder-data-2026-11-20`
fn file_name(framework: Framework, zone: Option<&str>, made: Timestamp) -> String {
    let sound = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
    let date = bulkhead_policy::document::format_time(made);
    let date = date.split('T').next().unwrap_or_default();
    match zone {
        Some(zone) => format!("{framework}-{}-{date}", zone.chars().map(sound).collect::<String>()),
        None => format!("{framework}-{date}"),
    }
}

/// What a report needs besides the view.
struct Records {
    audit: AuditFacts,
    revisions: Vec<RevisionFacts>,
    oldest_event: Option<Timestamp>,
    outputs: Vec<OutputFacts>,
    lost: u64,
    now: Timestamp,
}

async fn records(asked: &Asked) -> Result<Records, ApiError> {
    let app = &asked.app;
    // A change that is on its way to the kernel would make every proof doubtful for a moment.
    let mut waited = Duration::ZERO;
    while app.view.load().is_behind() && waited < PATIENCE {
        let step = Duration::from_millis(50);
        tokio::time::sleep(step).await;
        waited += step;
    }
    let (verdict, revisions, (_, oldest_event)) = app
        .read(|reader| {
            Ok((reader.verify_audit()?, reader.revisions(None, REVISIONS)?, reader.count_events()?))
        })
        .await?;
    let outputs = app.act(|state| state.outputs_without_secrets()).await?.outputs;
    let store = app.store.borrow().clone();
    Ok(Records {
        audit: AuditFacts { entries: verdict.entries, broken_at: verdict.broken_at, head: verdict.head },
        revisions: revisions
            .into_iter()
            .map(|revision| RevisionFacts {
                revision: revision.revision,
                time: revision.time,
                actor: revision.actor,
                summary: revision.summary,
            })
            .collect(),
        oldest_event,
        outputs: outputs
            .into_iter()
            .map(|output| OutputFacts {
                enabled: output.enabled,
                kind: match output.target {
                    OutputTarget::Syslog { transport, .. } => {
                        format!("syslog over {}", format!("{transport:?}").to_lowercase())
                    }
                    OutputTarget::Webhook { .. } => "webhook".to_owned(),
                },
                from_severity: output.min_severity.to_string(),
                name: output.name,
            })
            .collect(),
        lost: app.writer.dropped() + store.lost,
        now: app.config.clock.now(),
    })
}

impl Records {
    fn estate<'v>(&self, view: &'v View) -> Estate<'v> {
        let documents = view.documents.values().map(|meta| {
            let facts = DocumentFacts {
                origin: meta.origin,
                revision: meta.revision,
                updated: meta.updated,
                actor: meta.actor.clone(),
            };
            (meta.key.clone(), facts)
        });
        Estate {
            now: self.now,
            source: ReportSource {
                kind: SourceKind::Estate,
                names: view.nodes.iter().map(|node| node.name.clone()).collect(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                revision: Some(view.revision),
                audit_head: Some(self.audit.head.clone()),
            },
            set: &view.set,
            inventory: &view.inventory,
            edges: view.edges.iter().map(|judged| &judged.edge).collect(),
            services: view.services.values().map(|s| (s.name.clone(), facts(s))).collect(),
            documents: documents.collect(),
            revisions: self.revisions.clone(),
            operation: Some(self.operation(view)),
        }
    }

    fn operation(&self, view: &View) -> Operation {
        let nodes = view.nodes.iter().map(|node| NodeFacts {
            name: node.name.clone(),
            last_report: node.last_report,
            silent: is_silent(node, self.now),
            kernel: node.health.kernel.clone(),
            attach_kind: node.health.attach_kind.clone(),
            gate: node.health.gate,
            endpoints: node.health.endpoints,
            lost_events: node.health.lost_events,
            not_covered: node.health.not_covered.clone(),
        });
        Operation {
            wanted_revision: view.revision,
            enforced_revision: view.applied,
            nodes: nodes.collect(),
            lost_events: view.lost + self.lost,
            degraded: view.degraded.iter().map(|degraded| degraded.what.clone()).collect(),
            audit: self.audit.clone(),
            outputs: self.outputs.clone(),
            event_days: view.settings.retention.event_days,
            oldest_event: self.oldest_event,
            learn_scale: view.learn_scale,
        }
    }
}

fn facts(summary: &ServiceSummary) -> ServiceFacts {
    let enforced_since = match summary.progress {
        Progress::Canary { since, .. }
        | Progress::Settled { since }
        | Progress::Quarantined { since, .. } => Some(since),
        Progress::Learning | Progress::Shadow { .. } | Progress::RolledBack { .. } => None,
    };
    ServiceFacts {
        workloads: summary.workloads,
        first_seen: summary.first_seen,
        enforced_since,
        observed_hours: summary.learning.observed_hours,
        upper_day: summary.learning.upper_day,
        learning: summary.learning.sentence.clone(),
        denied_24h: summary.denied_24h,
        would_deny_24h: summary.would_deny_24h,
    }
}
