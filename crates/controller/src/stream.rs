//! Server-sent events. A reader that does not keep up is told how much it missed and let go: nothing waits for it.

use crate::{
    rest::{
        Answer, Asked,
        graph::{self as filter, kinds},
    },
    view::View,
};
use axum::{
    body::Body,
    http::{Response, header},
};
use bulkhead_api::{
    ApiError, ErrorCode, EventMessage, EventStreamQuery, FlowMessage, FlowQuery, GraphChange, GraphQuery,
};
use bulkhead_model::{FlowRecord, Peer};
use bulkhead_store::StoredEvent;
use bytes::Bytes;
use futures::Stream;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;

/// Messages that may wait for one reader's network.
const WAITING: usize = 256;
/// A comment is sent after so much silence, so that proxies and readers know that the stream lives.
const SILENCE: Duration = Duration::from_secs(15);
const STILL_HERE: &[u8] = b": still here\n\n";
/// Stored events of one page while a reader catches up.
const PAGE: u32 = 500;

type Out = mpsc::Sender<Result<Bytes, Infallible>>;

fn message(id: Option<u64>, name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    Bytes::from(format!("{id}event: {name}\ndata: {data}\n\n"))
}

fn response(stream: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static) -> Response<Body> {
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    // nginx would hold the messages back.
    headers.insert("x-accel-buffering", http::HeaderValue::from_static("no"));
    response
}

fn slot(asked: &Asked) -> Result<OwnedSemaphorePermit, ApiError> {
    Arc::clone(&asked.app.streams).try_acquire_owned().map_err(|_| {
        ApiError::new(ErrorCode::RateLimited, "too many streams are open", "close one, and try again")
    })
}

/// Sends without waiting: a full queue means a reader that does not keep up.
fn put(out: &Out, bytes: Bytes) -> bool {
    out.try_send(Ok(bytes)).is_ok()
}

/// Whether to go on after a receive error; tells the reader what it missed.
fn missed(asked: &Asked, out: &Out, error: &broadcast::error::RecvError, lost: impl Fn(u64) -> Bytes) {
    if let broadcast::error::RecvError::Lagged(count) = error {
        asked.app.metrics.stream_lost.fetch_add(*count, Ordering::Relaxed);
        put(out, lost(*count));
    }
}

pub(crate) async fn events(asked: Asked) -> Answer {
    let query: EventStreamQuery = asked.query()?;
    let kinds = kinds(query.kind.as_deref())?;
    let permit = slot(&asked)?;
    let resumed =
        asked.headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    let from: Option<u64> = resumed.or(query.from);
    // Before the store is read, so that nothing falls between the two.
    let mut live = asked.app.events.subscribe();
    let (out, inbox) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let _permit = permit;
        let takes = |stored: &StoredEvent, services: bool| {
            (kinds.is_empty() || kinds.contains(&stored.kind))
                && query.severity.is_none_or(|severity| stored.event.severity >= severity)
                && query.service.as_ref().is_none_or(|service| {
                    if services {
                        stored.services.contains(service)
                    } else {
                        crate::state::services_of(&stored.event.kind).contains(service)
                    }
                })
        };
        let tell = |stored: &StoredEvent| {
            message(Some(stored.position), "event", &EventMessage::Event(Box::new(stored.event.clone())))
        };
        let mut position = from;
        if position.is_some()
            && let Err(error) = asked.app.writer.flush().await
        {
            tracing::debug!(%error, "what is not stored yet cannot be told again");
        }
        while let Some(after) = position {
            let Ok(page) = asked.app.read(move |reader| reader.events_after(after, PAGE)).await else {
                return;
            };
            let Some(last) = page.last().map(|stored| stored.position) else { break };
            for stored in page.iter().filter(|stored| takes(stored, false)) {
                // Catching up is done at the reader's own pace.
                if out.send(Ok(tell(stored))).await.is_err() {
                    return;
                }
            }
            position = Some(last);
        }
        let mut last = position.unwrap_or(0);
        loop {
            match next(&mut live, &out).await {
                Next::Item(stored) if stored.position <= last => {}
                Next::Item(stored) => {
                    last = stored.position;
                    if takes(&stored, true) && !put(&out, tell(&stored)) {
                        asked.app.metrics.stream_lost.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                }
                Next::Silence => {}
                Next::End => return,
                Next::Missed(error) => {
                    let lost = |lost| message(None, "lost", &EventMessage::Lost { lost });
                    return missed(&asked, &out, &error, lost);
                }
            }
        }
    });
    Ok(response(ReceiverStream::new(inbox)))
}

/// What a reader of the graph still has to be told: of everything its latest change. A reader that is slow gets fewer
/// messages instead of old ones, and holds at most one change for each edge and node.
#[derive(Default)]
struct Pending {
    changes: BTreeMap<Subject, (Arc<Vec<GraphChange>>, usize)>,
    /// Changes that nobody can name any more.
    lost: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Edge(String),
    Node(Peer),
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.lost == 0
    }

    fn take(&mut self, batch: &Arc<Vec<GraphChange>>, fits: impl Fn(&GraphChange) -> bool) {
        for (index, change) in batch.iter().enumerate().filter(|(_, change)| fits(change)) {
            let subject = match change {
                GraphChange::Edge(judged) => Subject::Edge(judged.id.clone()),
                GraphChange::EdgeRemoved { id } => Subject::Edge(id.clone()),
                GraphChange::Node(node) => Subject::Node(node.peer.clone()),
                GraphChange::NodeRemoved { peer } => Subject::Node(peer.clone()),
                GraphChange::Resync { lost } => {
                    self.lost += lost;
                    continue;
                }
            };
            self.changes.insert(subject, (Arc::clone(batch), index));
        }
    }

    fn tell(&mut self) -> Bytes {
        let changes = std::mem::take(&mut self.changes);
        let mut bytes: Vec<u8> =
            changes.values().flat_map(|(batch, index)| message(None, "graph", &batch[*index])).collect();
        if self.lost > 0 {
            let lost = std::mem::take(&mut self.lost);
            bytes.extend(message(None, "graph", &GraphChange::Resync { lost }));
        }
        bytes.into()
    }
}

pub(crate) fn graph(asked: Asked) -> Answer {
    let query: GraphQuery = asked.query()?;
    let permit = slot(&asked)?;
    let mut live = asked.app.graph.subscribe();
    // One message under way is enough: what happens meanwhile is gathered here.
    let (out, inbox) = mpsc::channel::<Result<Bytes, Infallible>>(1);
    tokio::spawn(async move {
        let _permit = permit;
        let mut pending = Pending::default();
        loop {
            tokio::select! {
                received = live.recv() => match received {
                    Ok(batch) => {
                        let view = asked.app.view.load();
                        pending.take(&batch, |change| takes_change(&view, &query, change));
                    }
                    Err(broadcast::error::RecvError::Lagged(count)) => {
                        asked.app.metrics.stream_lost.fetch_add(count, Ordering::Relaxed);
                        pending.lost += count;
                    }
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                place = out.reserve(), if !pending.is_empty() => match place {
                    Ok(place) => place.send(Ok(pending.tell())),
                    Err(_) => return,
                },
                () = out.closed() => return,
                () = tokio::time::sleep(SILENCE), if pending.is_empty() => {
                    put(&out, Bytes::from_static(STILL_HERE));
                }
            }
        }
    });
    Ok(response(ReceiverStream::new(inbox)))
}

fn takes_change(view: &View, query: &GraphQuery, change: &GraphChange) -> bool {
    let named = |peer: &Peer| match peer.service() {
        Some(name) => {
            filter::graph_names(query, name)
                || query.service.as_ref().is_some_and(|own| neighbours(view, own, peer))
        }
        None => query.namespace.is_none(),
    };
    match change {
        GraphChange::Edge(judged) => filter::graph_takes(query, judged),
        GraphChange::Node(node) => named(&node.peer),
        GraphChange::NodeRemoved { peer } => named(peer),
        GraphChange::EdgeRemoved { .. } | GraphChange::Resync { .. } => true,
    }
}

fn neighbours(view: &View, own: &bulkhead_model::ServiceName, other: &Peer) -> bool {
    view.edges_of(own).any(|judged| judged.edge.key.client == *other || judged.edge.key.server == *other)
}

/// Counts readers of flows; nodes send single flows only while there is one.
struct Listening(Arc<crate::app::App>);

impl Listening {
    async fn begin(app: &Arc<crate::app::App>) -> Result<Self, ApiError> {
        let listening = Self(Arc::clone(app));
        if app.flow_readers.fetch_add(1, Ordering::SeqCst) == 0 {
            app.act(|state| state.set_stream_flows(true)).await?;
        }
        Ok(listening)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if self.0.flow_readers.fetch_sub(1, Ordering::SeqCst) == 1 {
            let app = Arc::clone(&self.0);
            tokio::spawn(async move {
                let readers = Arc::clone(&app);
                // Somebody may have come meanwhile.
                let _ = app
                    .act(move |state| state.set_stream_flows(readers.flow_readers.load(Ordering::SeqCst) > 0))
                    .await;
            });
        }
    }
}

pub(crate) async fn flows(asked: Asked) -> Answer {
    let query: FlowQuery = asked.query()?;
    let permit = slot(&asked)?;
    let mut live = asked.app.flows.subscribe();
    let listening = Listening::begin(&asked.app).await?;
    let (out, inbox) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let (_permit, _listening) = (permit, listening);
        loop {
            match next(&mut live, &out).await {
                Next::Item(flow) => {
                    let tell = || message(None, "flow", &FlowMessage::Flow(Box::new((*flow).clone())));
                    if takes_flow(&query, &flow) && !put(&out, tell()) {
                        asked.app.metrics.stream_lost.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                }
                Next::Silence => {}
                Next::End => return,
                Next::Missed(error) => {
                    let lost = |lost| message(None, "lost", &FlowMessage::Lost { lost });
                    return missed(&asked, &out, &error, lost);
                }
            }
        }
    });
    Ok(response(ReceiverStream::new(inbox)))
}

fn takes_flow(query: &FlowQuery, flow: &FlowRecord) -> bool {
    let own = |service: &bulkhead_model::ServiceName| {
        flow.client.service() == Some(service) || flow.server.service() == Some(service)
    };
    query.service.as_ref().is_none_or(own)
        && query.verdict.is_none_or(|verdict| flow.verdict == verdict)
        && query.port.is_none_or(|port| flow.tuple.server_port == port)
        && query.protocol.is_none_or(|protocol| flow.tuple.protocol == protocol)
        && query.direction.is_none_or(|direction| flow.direction == direction)
}

enum Next<T> {
    Item(Arc<T>),
    /// Nothing happened; the reader was told that the stream lives.
    Silence,
    /// The reader or the controller is gone.
    End,
    Missed(broadcast::error::RecvError),
}

async fn next<T>(live: &mut broadcast::Receiver<Arc<T>>, out: &Out) -> Next<T> {
    tokio::select! {
        received = live.recv() => match received {
            Ok(item) => Next::Item(item),
            Err(broadcast::error::RecvError::Closed) => Next::End,
            Err(error) => Next::Missed(error),
        },
        () = out.closed() => Next::End,
        () = tokio::time::sleep(SILENCE) => {
            if put(out, Bytes::from_static(STILL_HERE)) { Next::Silence } else { Next::End }
        }
    }
}
