use super::{Answer, Asked, json, json_kept, page};
use crate::{state::KIND_NAMES, view::View};
use bulkhead_api::{
    ApiError, EdgeColumns, EdgeList, EdgeQuery, ErrorCode, EventList, EventQuery, Graph, GraphColumns,
    GraphNode, GraphQuery, JudgedEdge,
};
use bulkhead_model::{Peer, ServiceName};
use bulkhead_store::EventFilter;
use std::{collections::HashMap, hash::Hash, sync::Arc};

/// Whether an edge belongs to what the query asks for.
pub(crate) fn graph_takes(query: &GraphQuery, judged: &JudgedEdge) -> bool {
    let ends = [&judged.edge.key.client, &judged.edge.key.server];
    let any = |fits: &dyn Fn(&ServiceName) -> bool| ends.iter().any(|peer| peer.service().is_some_and(fits));
    query.namespace.as_deref().is_none_or(|namespace| any(&|name| name.namespace() == namespace))
        && query.service.as_ref().is_none_or(|service| any(&|name| name == service))
        && query.since.is_none_or(|since| judged.edge.last_seen >= since)
}

/// Whether a service belongs to it by itself.
pub(crate) fn graph_names(query: &GraphQuery, name: &ServiceName) -> bool {
    query.namespace.as_deref().is_none_or(|namespace| name.namespace() == namespace)
        && query.service.as_ref().is_none_or(|service| name == service)
}

pub(super) fn graph(asked: &Asked) -> Answer {
    let query: GraphQuery = asked.query()?;
    let view = asked.app.view.load_full();
    json_kept(&snapshot(&view, &query), view.time)
}

pub(crate) fn snapshot(view: &View, query: &GraphQuery) -> Graph {
    let (nodes, edges) = taken(view, query);
    Graph {
        time: view.time,
        revision: view.revision,
        nodes,
        edges: edges.iter().map(|judged| (**judged).clone()).collect(),
    }
}

fn taken(view: &View, query: &GraphQuery) -> (Vec<GraphNode>, Vec<Arc<JudgedEdge>>) {
    let edges: Vec<Arc<JudgedEdge>> =
        view.edges.iter().filter(|judged| graph_takes(query, judged)).cloned().collect();
    let mut nodes = view.nodes_of(&edges, |name| graph_names(query, name));
    let mut places: HashMap<Peer, (u64, u64)> = HashMap::new();
    for judged in &edges {
        let key = &judged.edge.key;
        let ends = [Some(&key.client), (key.server != key.client).then_some(&key.server)];
        for peer in ends.into_iter().flatten().filter(|peer| peer.service().is_none()) {
            let (denied, would_deny) = places.entry(peer.clone()).or_default();
            *denied += judged.edge.counters.denied;
            *would_deny += judged.edge.counters.would_deny;
        }
    }
    for node in nodes.iter_mut().filter(|node| node.mode.is_none()) {
        if let Some((denied, would_deny)) = places.get(&node.peer) {
            (node.denied, node.would_deny) = (node.denied + denied, node.would_deny + would_deny);
        }
    }
    (nodes, edges)
}

pub(super) fn columns(asked: &Asked) -> Answer {
    let query: GraphQuery = asked.query()?;
    let view = asked.app.view.load_full();
    let (nodes, taken) = taken(&view, &query);
    let (mut peers, mut applications) = (Places::default(), Places::default());
    let mut edges = EdgeColumns::default();
    for judged in &taken {
        let (key, counters) = (&judged.edge.key, &judged.edge.counters);
        edges.client.push(peers.of(&key.client));
        edges.server.push(peers.of(&key.server));
        edges.protocol.push(key.protocol);
        edges.port.push(key.port);
        edges.application.push(applications.of(&key.application));
        edges.verdict.push(judged.verdict);
        edges.connections.push(counters.connections);
        edges.denied.push(counters.denied);
        edges.would_deny.push(counters.would_deny);
        // What is shown of it has at most two digits behind the point.
        edges.rate.push((judged.rate * 1000.0).round() / 1000.0);
        edges.first_seen.push(judged.edge.first_seen);
        edges.last_seen.push(judged.edge.last_seen);
    }
    let (time, revision) = (view.time, view.revision);
    let (peers, applications) = (peers.list, applications.list);
    json_kept(&GraphColumns { time, revision, nodes, peers, applications, edges }, time)
}

/// Each thing once, and its place in the list.
struct Places<T> {
    list: Vec<T>,
    at: HashMap<T, u32>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { list: Vec::new(), at: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Places<T> {
    fn of(&mut self, thing: &T) -> u32 {
        if let Some(at) = self.at.get(thing) {
            return *at;
        }
        let at = self.list.len() as u32;
        self.list.push(thing.clone());
        self.at.insert(thing.clone(), at);
        at
    }
}

pub(super) fn edges(asked: &Asked) -> Answer {
    let query: EdgeQuery = asked.query()?;
    let view = asked.app.view.load_full();
    let is = |wanted: &Option<String>, peer: &Peer| {
        wanted.as_deref().is_none_or(|wanted| {
            let text = peer.to_string();
            text == wanted
                || peer.service().is_some_and(|name| name.namespace() == "default" && name.name() == wanted)
        })
    };
    let fits = |judged: &&Arc<JudgedEdge>| {
        let edge = &judged.edge;
        is(&query.client, &edge.key.client)
            && is(&query.server, &edge.key.server)
            && query.verdict.is_none_or(|verdict| judged.verdict == verdict)
            && query.since.is_none_or(|since| edge.last_seen >= since)
            && query.new_since.is_none_or(|since| edge.first_seen >= since)
    };
    let limit = query.limit.unwrap_or(1000);
    let all = view.edges.iter().filter(fits);
    let (items, next) = page(all, query.after.as_deref(), Some(limit), |judged| judged.id.clone());
    json(&EdgeList { items: items.into_iter().map(|judged| (**judged).clone()).collect(), next })
}

/// Types of events from a list with commas.
pub(crate) fn kinds(text: Option<&str>) -> Result<Vec<String>, ApiError> {
    let mut kinds = Vec::new();
    for kind in text.unwrap_or_default().split(',').map(str::trim).filter(|kind| !kind.is_empty()) {
        if !KIND_NAMES.contains(&kind) {
            let message = format!("'{}' is no type of event", kind.chars().take(50).collect::<String>());
            let remedy = format!("use one or more of {}", KIND_NAMES.join(", "));
            return Err(ApiError::new(ErrorCode::Invalid, message, remedy));
        }
        kinds.push(kind.to_owned());
    }
    Ok(kinds)
}

pub(super) async fn events(asked: Asked) -> Answer {
    let query: EventQuery = asked.query()?;
    let filter = EventFilter {
        kinds: kinds(query.kind.as_deref())?,
        service: query.service,
        severity: query.severity,
        since: query.since,
        before: query.after,
        limit: query.limit.unwrap_or(100).clamp(1, 1000),
    };
    let limit = filter.limit as usize;
    let found = asked.app.read(move |reader| reader.events(&filter)).await?;
    let next =
        (found.len() == limit).then(|| found.last().map(|stored| stored.event.id.0.to_string())).flatten();
    json(&EventList { items: found.into_iter().map(|stored| stored.event).collect(), next })
}
