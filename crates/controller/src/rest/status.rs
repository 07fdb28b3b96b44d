use super::{Answer, Asked, json, text};
use bulkhead_api::{ApiError, ErrorCode, NodeStatus, Status, StoreStatus};
use bulkhead_model::Timestamp;
use std::sync::LazyLock;

/// Seconds of a node's silence after which its health means nothing.
const SILENT: u64 = 30;

/// Whether a node has not reported for so long that nothing is known of it.
pub(super) fn is_silent(node: &NodeStatus, now: Timestamp) -> bool {
    now.since(node.last_report).as_secs() > SILENT
}

pub(super) async fn status(asked: Asked) -> Answer {
    let (events, oldest_event) = asked.app.read(|reader| reader.count_events()).await?;
    let view = asked.app.view.load_full();
    let store = asked.app.store.borrow().clone();
    let now = asked.app.config.clock.now();
    let services = view.mode_counts();
    let denied_24h = view.services.values().map(|s| s.denied_24h).sum();
    let would_deny_24h = view.services.values().map(|s| s.would_deny_24h).sum();
    let total = view.services.len();
    let mut not_covered: Vec<String> =
        view.nodes.iter().flat_map(|node| node.health.not_covered.clone()).collect();
    not_covered.extend(
        view.nodes
            .iter()
            .filter(|node| is_silent(node, now))
            .map(|node| format!("node {} does not report: what happens there is not seen", node.name)),
    );
    let enforced_revision = if view.nodes.is_empty() { 0 } else { view.applied };
    let dropping = view.services.values().filter(|s| s.mode.drops());
    let but = match dropping.map(|s| s.unconfined).sum::<u64>() {
        0 => String::new(),
        holes => format!(" {holes} workloads of enforced or quarantined services are not confined."),
    };
    let sentence = match total {
        0 => "No service has been seen yet.".to_owned(),
        _ => format!(
            "{total} services with {} workloads and {} edges: {} learn, {} are monitored, {} are enforced, {} are \
             quarantined; {denied_24h} connections were denied in the last 24 hours.{but}",
            view.workload_count,
            view.edges.len(),
            services.learn,
            services.monitor,
            services.enforce,
            services.quarantine
        ),
    };
    json(&Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        time: now,
        started: view.started,
        uptime_seconds: now.since(view.started).as_secs(),
        revision: view.revision,
        enforced_revision,
        services,
        workloads: view.workload_count,
        edges: view.edges.len() as u64,
        lost_events: view.lost + asked.app.writer.dropped() + store.lost,
        denied_24h,
        would_deny_24h,
        learn_scale: view.learn_scale,
        automatic: view.settings.automatic,
        nodes: view.nodes.clone(),
        not_covered,
        degraded: view.degraded.clone(),
        store: StoreStatus { bytes: store.bytes, events, oldest_event, pending: store.pending },
        sentence,
    })
}

pub(super) fn openapi() -> Answer {
    static DOCUMENT: LazyLock<String> =
        LazyLock::new(|| serde_json::to_string(&bulkhead_api::openapi()).unwrap_or_default());
    Ok(text("application/json", DOCUMENT.clone()))
}

pub(super) fn ready(asked: &Asked) -> Answer {
    match &asked.app.store.borrow().failing {
        None => Ok(text("text/plain; charset=utf-8", "ready\n".to_owned())),
        Some(why) => Err(ApiError::new(
            ErrorCode::Unavailable,
            format!("the database cannot be written: {why}"),
            "free space on the disk of the state directory",
        )),
    }
}
