//! The graph of the past.

use super::{Answer, Asked, json};
use bulkhead_api::{
    ApiError, ErrorCode, HistoryRange, PastEdge, PastGraph, PastGraphQuery, Timeline, TimelinePoint,
};
use bulkhead_model::{EdgeKey, ServiceName, Timestamp, Verdict};
use bulkhead_store::{HISTORY_COARSE, HISTORY_FINE, HISTORY_STEP, HistoryEdge};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// From the step in which `since` lies on; `length` before `until` where it is not given.
fn stretch(
    asked: &Asked,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    length: u64,
) -> Result<(Timestamp, Timestamp), ApiError> {
    let now = asked.app.config.clock.now();
    let until = until.unwrap_or(now);
    let since = since.unwrap_or(Timestamp(until.0.saturating_sub(length)));
    if since > until {
        let message = "'since' is later than 'until'";
        return Err(ApiError::new(ErrorCode::Invalid, message, "exchange them"));
    }
    let is_old = now.0.saturating_sub(since.0) > HISTORY_FINE;
    let step = if is_old { HISTORY_COARSE } else { HISTORY_STEP };
    Ok((Timestamp(since.0 / step * step), until))
}

pub(super) async fn timeline(asked: Asked) -> Answer {
    let query: HistoryRange = asked.query()?;
    let (since, until) = stretch(&asked, query.since, query.until, DAY)?;
    let (oldest, points) =
        asked.app.read(move |reader| Ok((reader.oldest_history()?, reader.timeline(since, until)?))).await?;
    let points = points.into_iter().map(|point| TimelinePoint {
        start: point.start,
        edges: point.edges,
        new_edges: point.new_edges,
        connections: point.counts.connections,
        denied: point.counts.denied,
        would_deny: point.counts.would_deny,
    });
    json(&Timeline { oldest, step: HISTORY_STEP, points: points.collect() })
}

pub(super) async fn graph(asked: Asked) -> Answer {
    let query: PastGraphQuery = asked.query()?;
    let (since, until) = stretch(&asked, query.since, query.until, HOUR)?;
    let found = asked.app.read(move |reader| reader.history(since, until)).await?;
    let takes = |edge: &EdgeKey| {
        let any = |fits: &dyn Fn(&ServiceName) -> bool| {
            [&edge.client, &edge.server].iter().any(|peer| peer.service().is_some_and(fits))
        };
        query.namespace.as_deref().is_none_or(|namespace| any(&|name| name.namespace() == namespace))
            && query.service.as_ref().is_none_or(|service| any(&|name| name == service))
    };
    let edges: Vec<PastEdge> = found.into_iter().filter_map(past).filter(|past| takes(&past.edge)).collect();
    let connections: u64 = edges.iter().map(|edge| edge.connections).sum();
    let denied: u64 = edges.iter().map(|edge| edge.denied).sum();
    let sentence =
        format!("{} edges were used by {connections} connections; {denied} were denied.", edges.len());
    json(&PastGraph { since, until, edges, sentence })
}

/// What of a later version cannot be read is left out.
fn past(found: HistoryEdge) -> Option<PastEdge> {
    let counts = found.counts;
    Some(PastEdge {
        edge: serde_json::from_str(&found.data).ok()?,
        id: found.edge,
        verdict: match (counts.denied, counts.would_deny) {
            (0, 0) => Verdict::Allowed,
            (0, _) => Verdict::WouldDeny,
            _ => Verdict::Denied,
        },
        connections: counts.connections,
        packets: counts.packets,
        bytes: counts.bytes,
        denied: counts.denied,
        would_deny: counts.would_deny,
        first_step: found.first,
        last_step: found.last,
    })
}
