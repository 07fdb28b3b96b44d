use super::{Answer, Asked, json, text};
use bulkhead_api::{ApiError, ErrorCode, ModeCounts, NodeStatus, Status, StoreStatus};
use bulkhead_model::Timestamp;
use std::sync::LazyLock;

/// Seconds of a node's silence after which its health means nothing.
const SILENT: u64 = 30;

/// Whether a node has not reported for so long that nothing is known of it.
pub(super) fn is_silent(node: &NodeStatus, now: Timestamp) -> bool {
    now.since(node.last_report).as_secs() > SILENT
}

/// `3 services with 4 workloads and 1 edge: 2 learn, 1 is enforced. No connection was denied in the last 24 hours.`
fn sentence(total: usize, workloads: u64, edges: usize, modes: &ModeCounts, denied: u64) -> String {
    let count = |n: u64, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let are = |n: u64, what: &str| format!("{n} {} {what}", if n == 1 { "is" } else { "are" });
    let learn = format!("{} {}", modes.learn, if modes.learn == 1 { "learns" } else { "learn" });
    let modes: Vec<String> = [
        (modes.learn, learn),
        (modes.monitor, are(modes.monitor, "monitored")),
        (modes.enforce, are(modes.enforce, "enforced")),
        (modes.quarantine, are(modes.quarantine, "quarantined")),
    ]
    .into_iter()
    .filter_map(|(n, text)| (n > 0).then_some(text))
    .collect();
    let denied = match denied {
        0 => "No connection was denied".to_owned(),
        1 => "1 connection was denied".to_owned(),
        n => format!("{n} connections were denied"),
    };
    format!(
        "{} with {} and {}: {}. {denied} in the last 24 hours.",
        count(total as u64, "service"),
        count(workloads, "workload"),
        count(edges as u64, "edge"),
        modes.join(", ")
    )
}

pub(super) async fn status(asked: Asked) -> Answer {
    let (events, oldest_event) = asked.app.read(|reader| reader.count_events()).await?;
    let view = asked.app.view.load_full();
    let store = asked.app.store.borrow().clone();
    let now = asked.app.config.clock.now();
    let services = view.mode_counts();
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
        1 => " 1 workload of an enforced or quarantined service is not confined.".to_owned(),
        holes => format!(" {holes} workloads of enforced or quarantined services are not confined."),
    };
    let sentence = match total {
        0 => "No service has been seen yet.".to_owned(),
        _ => sentence(total, view.workload_count, view.edges.len(), &services, view.denied_24h) + &but,
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
        denied_24h: view.denied_24h,
        would_deny_24h: view.would_deny_24h,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_counts_as_people_do_and_leaves_out_what_is_not_there() {
        let modes = ModeCounts { learn: 2, enforce: 1, ..ModeCounts::default() };
        assert_eq!(
            sentence(3, 4, 1, &modes, 0),
            "3 services with 4 workloads and 1 edge: 2 learn, 1 is enforced. No connection was denied in the last 24 hours."
        );
        let modes = ModeCounts { learn: 1, monitor: 2, quarantine: 1, ..ModeCounts::default() };
        assert_eq!(
            sentence(4, 1, 0, &modes, 1),
            "4 services with 1 workload and 0 edges: 1 learns, 2 are monitored, 1 is quarantined. 1 connection was denied \
             in the last 24 hours."
        );
    }
}
