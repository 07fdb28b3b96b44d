use super::{
    State,
    counting::{Source, Taken},
};
use bulkhead_api::{GraphChange, JudgedEdge};
use bulkhead_learn::{SetAside, Sighting, Standing};
use bulkhead_model::{
    Application, DenyReason, Direction, Edge, EdgeCounters, EdgeKey, EventKind, ExternalName, Identity,
    IpProtocol, Mode, Peer, Process, RuleRef, ServiceName, Severity, Timestamp, Verdict,
    node::{ConnectionReport, EdgeReport},
};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, sync::Arc};

/// Single addresses outside that one client may have on one port before they are taken together as the world.
const ADDRESSES: usize = 16;
/// Names likewise: a crawler has no end of them.
const NAMES: usize = 256;

/// An edge as the controller keeps it; all of it but the rate and `judged` is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EdgeRecord {
    pub(crate) key: EdgeKey,
    /// As the client's side counted.
    pub(crate) client: EdgeCounters,
    /// As the server's side counted.
    pub(crate) server: EdgeCounters,
    pub(crate) first_seen: Timestamp,
    pub(crate) last_seen: Timestamp,
    #[serde(default)]
    pub(crate) processes: Vec<Process>,
    /// Addresses outside that it stands for, newest first, at most 16.
    #[serde(default)]
    pub(crate) addresses: Vec<IpAddr>,
    #[serde(default)]
    pub(crate) names: Vec<String>,
    #[serde(default)]
    pub(crate) flagged: Option<String>,
    #[serde(default)]
    pub(crate) announced: bool,
    /// Rules that decided last, by side.
    #[serde(default)]
    pub(crate) egress_rule: RuleRef,
    #[serde(default)]
    pub(crate) ingress_rule: RuleRef,
    /// How much of what the kernel counted is in `client` and `server`.
    #[serde(default)]
    pub(crate) taken: Vec<Taken>,
    #[serde(skip)]
    pub(crate) rate: f64,
    #[serde(skip)]
    pub(crate) rated: Timestamp,
    #[serde(skip)]
    pub(crate) judged: Option<Arc<JudgedEdge>>,
}

/// Stable text for an edge.
pub(crate) fn edge_id(key: &EdgeKey) -> String {
    format!("{}|{}|{}|{}|{}", key.client, key.server, key.protocol, key.port, key.application)
}

impl EdgeRecord {
    fn new(key: EdgeKey, time: Timestamp) -> Self {
        Self {
            key,
            client: EdgeCounters::default(),
            server: EdgeCounters::default(),
            first_seen: time,
            last_seen: time,
            processes: Vec::new(),
            addresses: Vec::new(),
            names: Vec::new(),
            flagged: None,
            announced: false,
            egress_rule: RuleRef::NONE,
            ingress_rule: RuleRef::NONE,
            taken: Vec::new(),
            rate: 0.0,
            rated: time,
            judged: None,
        }
    }

    fn client_tells(&self) -> bool {
        self.client.connections + self.client.packets_to_server + self.client.packets_to_client > 0
    }

    /// One truth of two tellers: the client's side where it is a workload that tells, denials of both.
    pub(crate) fn counters(&self) -> EdgeCounters {
        let mut counters = if self.client_tells() { self.client } else { self.server };
        counters.denied = self.client.denied + self.server.denied;
        counters.would_deny = self.client.would_deny + self.server.would_deny;
        counters
    }

    pub(crate) fn edge(&self) -> Edge {
        Edge {
            key: self.key.clone(),
            counters: self.counters(),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
        }
    }
}

impl State {
    /// Who an identity is. `address` tells apart what the kernel calls the world, for peers that are connected to:
    /// who connects from outside is the world.
    pub(super) fn peer(&self, identity: Identity, direction: Direction, address: Option<IpAddr>) -> Peer {
        let identity = self.without_trials(identity);
        match identity {
            Identity::UNKNOWN => Peer::Unknown,
            Identity::HOST => Peer::Host,
            Identity::REMOTE_HOST => Peer::RemoteHost,
            Identity::MULTICAST => Peer::Multicast,
            Identity::WORLD => match (direction, address) {
                (Direction::Egress, Some(address)) => Peer::External(self.name_of(address)),
                _ => Peer::World,
            },
            _ if identity.is_external() => match self.book.atom(identity) {
                Some(atom) => Peer::External(plain(&atom.name)),
                None => Peer::World,
            },
            _ => self.identities.name(identity).cloned().map_or(Peer::Unknown, Peer::Service),
        }
    }

    fn name_of(&self, address: IpAddr) -> ExternalName {
        match self.names.of(address).next() {
            Some(name) => ExternalName(name.into()),
            None => ExternalName(address.to_canonical().to_string().into()),
        }
    }

    fn key(
        &self,
        (local, peer, direction): (Identity, Identity, Direction),
        address: Option<IpAddr>,
        (protocol, port): (IpProtocol, u16),
        application: Application,
    ) -> EdgeKey {
        let own = self.peer(local, Direction::Ingress, None);
        let other = self.peer(peer, direction, address);
        let (client, server) = match direction {
            Direction::Egress => (own, other),
            Direction::Ingress => (other, own),
        };
        let key = EdgeKey { client, server, protocol, port, application };
        let world = EdgeKey { server: Peer::World, ..key.clone() };
        let folded = matches!(key.server, Peer::External(_))
            && self.without_trials(peer) == Identity::WORLD
            && !self.edges.contains_key(&key)
            && self.edges.contains_key(&world);
        if folded { world } else { key }
    }

    pub(super) fn connection(&mut self, report: ConnectionReport) {
        let outside = match report.direction {
            Direction::Egress => report.tuple.server_address,
            Direction::Ingress => report.tuple.client_address,
        };
        let place = (report.tuple.protocol, report.tuple.server_port);
        let ends = (report.local, report.peer, report.direction);
        let key = self.key(ends, Some(outside), place, report.application);
        if report.reason == Some(DenyReason::Spoof) {
            return self.spoofed(&key, report);
        }
        if report.reason.is_some_and(DenyReason::is_irregular) {
            return self.denial(&key, report);
        }
        let nameless = matches!(self.without_trials(report.peer), Identity::WORLD | Identity::UNKNOWN);
        let key = self.touch(key, report.time, nameless.then_some(outside));
        if let (Some(process), Some(record)) = (&report.process, self.edges.get_mut(&key)) {
            record.processes.retain(|known| known.executable != process.executable);
            record.processes.insert(0, process.clone());
            record.processes.truncate(8);
        }
        self.set_rule(&key, report.direction, report.rule);
        self.learn(&key, report.time, 1, None, report.verdict);
        self.announce(&key, &report);
        if report.verdict != Verdict::Allowed {
            self.denial(&key, report);
        }
    }

    fn announce(&mut self, key: &EdgeKey, report: &ConnectionReport) {
        let Some(record) = self.edges.get_mut(key) else { return };
        if record.announced {
            return;
        }
        record.announced = true;
        let kind = EventKind::NewEdge {
            edge: key.clone(),
            tuple: report.tuple,
            workload: report.workload.clone(),
            process: report.process.clone(),
        };
        self.emit_at(report.time, Severity::Info, format!("new edge: {key}"), kind);
    }

    pub(super) fn edge_report(&mut self, mut report: EdgeReport) {
        if self.is_counted(&report) {
            return;
        }
        let place = (report.protocol, report.port);
        let ends = (report.local, report.peer, report.direction);
        let key = self.key(ends, report.peer_address, place, report.application);
        let Some(key) = self.counted_in(key, &report) else { return };
        let address = report.peer_address.filter(|_| self.without_trials(report.peer) == Identity::WORLD);
        let key = self.touch(key, report.last_seen, address);
        report.counters = self.take_total(&key, &report);
        self.judge_by_trials(&report);
        let now = self.now;
        let from_client = report.direction == Direction::Egress;
        let Some(record) = self.edges.get_mut(&key) else { return };
        let before = record.counters();
        let counters = if from_client { &mut record.client } else { &mut record.server };
        counters.add(&report.counters);
        self.connected.add(&record.counters().since(&before));
        let tells = from_client || !record.client_tells();
        if tells {
            let packets = (report.counters.packets_to_server + report.counters.packets_to_client) as f64;
            let seconds = now.since(record.rated).as_secs_f64().clamp(1.0, 60.0);
            let weight = 1.0 - (-seconds / 20.0_f64).exp();
            record.rate += (packets / seconds - record.rate) * weight;
            record.rated = now;
            self.active.insert(key.clone());
        }
        self.note_history(&key, &report.counters, tells);
        self.set_rule(&key, report.direction, report.rule);
        self.count_denials(&key, report.direction, &report.counters, report.last_seen);
        let c = &report.counters;
        let verdict = match (c.connections, c.would_deny, c.denied) {
            (_, would, _) if would > 0 => Verdict::WouldDeny,
            (0, 0, denied) if denied > 0 => Verdict::Denied,
            _ => Verdict::Allowed,
        };
        let answered = bulkhead_learn::answered(report.protocol, c);
        if c.connections + c.packets_to_server + c.packets_to_client + c.denied + c.would_deny > 0 {
            let connections = if tells { c.connections } else { 0 };
            self.learn(&key, report.last_seen, connections, answered, verdict);
        }
    }

    fn set_rule(&mut self, key: &EdgeKey, direction: Direction, rule: RuleRef) {
        if let Some(record) = self.edges.get_mut(key) {
            match direction {
                Direction::Egress => record.egress_rule = rule,
                Direction::Ingress => record.ingress_rule = rule,
            }
        }
    }

    /// Makes sure that the edge exists; returns its key, which is another one where addresses were taken together.
    fn touch(&mut self, key: EdgeKey, time: Timestamp, address: Option<IpAddr>) -> EdgeKey {
        let key = if self.edges.contains_key(&key) { key } else { self.fold(key) };
        for peer in [&key.client, &key.server] {
            if let Some(name) = peer.service()
                && let Some(record) = self.services.get_mut(name)
            {
                record.last_seen = record.last_seen.max(time);
            }
        }
        let names: Vec<String> =
            address.map(|address| self.names.of(address).map(str::to_owned).collect()).unwrap_or_default();
        if !self.edges.contains_key(&key) {
            self.fresh.push(key.clone());
        }
        let record = self.edges.entry(key.clone()).or_insert_with(|| EdgeRecord::new(key.clone(), time));
        record.last_seen = record.last_seen.max(time);
        record.first_seen = record.first_seen.min(time);
        if let Some(address) = address {
            record.addresses.retain(|known| *known != address);
            record.addresses.insert(0, address);
            record.addresses.truncate(ADDRESSES);
        }
        for name in names.into_iter().rev() {
            record.names.retain(|known| *known != name);
            record.names.insert(0, name);
        }
        record.names.truncate(8);
        self.dirty_edges.insert(key.clone());
        self.stale.edges.insert(key.clone());
        self.effects.view = true;
        key
    }

    /// Too many single addresses or names of one client on one port become the world.
    fn fold(&mut self, key: EdgeKey) -> EdgeKey {
        let Peer::External(name) = &key.server else { return key };
        let is_address = name.0.parse::<IpAddr>().is_ok();
        let limit = if is_address { ADDRESSES } else { NAMES };
        let alike: Vec<EdgeKey> = self
            .outside(&key)
            .map(|record| &record.key)
            .filter(|known| {
                matches!(&known.server, Peer::External(n) if n.0.parse::<IpAddr>().is_ok() == is_address)
            })
            .cloned()
            .collect();
        if alike.len() < limit {
            return key;
        }
        let world = EdgeKey { server: Peer::World, ..key };
        for old in alike {
            let Some(part) = self.remove_edge(&old) else { continue };
            self.learner.forget(&old);
            let whole = self
                .edges
                .entry(world.clone())
                .or_insert_with(|| EdgeRecord::new(world.clone(), part.first_seen));
            whole.client.add(&part.client);
            whole.server.add(&part.server);
            whole.first_seen = whole.first_seen.min(part.first_seen);
            whole.last_seen = whole.last_seen.max(part.last_seen);
            whole.addresses.extend(part.addresses);
            whole.addresses.truncate(ADDRESSES);
            whole.names.extend(part.names);
            whole.names.truncate(8);
            whole.announced = true;
            self.sources_moved(&world, &part.taken);
            if let Some(whole) = self.edges.get_mut(&world) {
                whole.taken.extend(part.taken);
            }
        }
        world
    }

    /// Edges of the same client, port and application to single peers outside.
    fn outside(&self, key: &EdgeKey) -> impl Iterator<Item = &EdgeRecord> {
        let first = EdgeKey { server: Peer::External(ExternalName("".into())), ..key.clone() };
        let place = (key.protocol, key.port, key.application);
        self.edges
            .range(first.clone()..)
            .map(|(_, record)| record)
            .take_while(move |record| record.key.client == first.client)
            .filter(move |EdgeRecord { key, .. }| {
                (key.protocol, key.port, key.application) == place && matches!(key.server, Peer::External(_))
            })
    }

    /// Where the kernel's sum is counted: it knows no addresses outside, and no names that came later. `None`: wait for
    /// the report that has the address; the total comes again.
    fn counted_in(&mut self, key: EdgeKey, report: &EdgeReport) -> Option<EdgeKey> {
        if self.edges.contains_key(&key) {
            return Some(key);
        }
        let source = Source::of(report);
        match self.without_trials(report.peer) {
            // The last one whose peer was named: what was still on its way when it was.
            Identity::UNKNOWN => Some(self.sources.get(&source).cloned().unwrap_or(key)),
            Identity::WORLD if report.peer_address.is_none() && report.direction == Direction::Egress => {
                let last = self.outside(&key).max_by_key(|record| record.last_seen);
                match last.map(|record| record.key.clone()) {
                    Some(last) => Some(last),
                    None if self.awaited.insert(source) => None,
                    None => Some(key),
                }
            }
            _ => Some(key),
        }
    }

    /// The peer of a connection that was counted as unknown has a name now: what was counted goes where it belongs.
    pub(super) fn identified(&mut self, report: ConnectionReport) {
        let peer = match report.direction {
            Direction::Egress => report.tuple.server_address,
            Direction::Ingress => report.tuple.client_address,
        };
        let place = (report.tuple.protocol, report.tuple.server_port);
        let ends = (report.local, Identity::UNKNOWN, report.direction);
        let unknown = self.key(ends, None, place, report.application);
        let ends = (report.local, report.peer, report.direction);
        let key = self.key(ends, None, place, report.application);
        let (time, rule, verdict) = (report.time, report.rule, report.verdict);
        // Its total may come after its name.
        let source = Source { peer: Identity::UNKNOWN, ..Source::of_connection(&report) };
        self.sources.entry(source).or_insert_with(|| key.clone());
        self.connection(report);
        let Some(record) = self.edges.get_mut(&unknown) else { return };
        let known = record.addresses.iter().position(|address| *address == peer);
        if let Some(place) = known {
            record.addresses.remove(place);
            self.dirty_edges.insert(unknown.clone());
        }
        let rest = record.addresses.len() as u64;
        if rest > 0 && known.is_none() {
            return;
        }
        // The kernel counts strangers as one: each has an equal part of what there is.
        let (client, server) = (record.client.part(rest + 1), record.server.part(rest + 1));
        record.client = record.client.since(&client);
        record.server = record.server.since(&server);
        let mut taken = Vec::new();
        if rest == 0 {
            let old = self.remove_edge(&unknown);
            self.learner.forget(&unknown);
            taken = old.map(|old| old.taken).unwrap_or_default();
            for taken in &taken {
                self.sources.insert(taken.source(&unknown), key.clone());
            }
        }
        let Some(record) = self.edges.get_mut(&key) else { return };
        record.client.add(&client);
        record.server.add(&server);
        record.taken.extend(taken);
        let connections = client.connections + server.connections;
        self.set_rule(&key, ends.2, rule);
        self.learn(&key, time, connections, None, verdict);
        self.dirty_edges.insert(key.clone());
        self.stale.edges.insert(key);
    }

    pub(super) fn remove_edge(&mut self, key: &EdgeKey) -> Option<EdgeRecord> {
        let record = self.edges.remove(key)?;
        let id = edge_id(key);
        self.dirty_edges.remove(key);
        self.stale.edges.remove(key);
        self.active.remove(key);
        self.effects.changes.push(bulkhead_store::Change::RemoveEdge(id.clone()));
        self.effects.graph.push(GraphChange::EdgeRemoved { id });
        self.effects.view = true;
        Some(record)
    }

    /// Tells learning, and looks at what it says.
    fn learn(
        &mut self,
        key: &EdgeKey,
        time: Timestamp,
        connections: u64,
        answered: Option<bool>,
        verdict: Verdict,
    ) {
        // The client's side may have let through what the server's side denies: that teaches nothing either.
        let judged =
            self.edges.get(key).and_then(|record| record.judged.as_ref()).map(|judged| judged.verdict);
        let verdict = judged.map_or(verdict, |judged| judged.max(verdict));
        let sighting = Sighting { connections, answered, verdict, ..Sighting::new(key, time) };
        let learned = self.learner.observe(&sighting);
        if let Standing::SetAside(reason) = learned.standing {
            self.flag(key, reason);
            for edge in &learned.spike {
                self.flag(edge, reason);
            }
            let fresh = learned.is_new || !learned.spike.is_empty();
            if matches!(reason, SetAside::Scan | SetAside::FanOut) && fresh {
                self.scanned(key, &learned.spike, time);
            }
        }
        if learned.is_new && !learned.denied {
            for service in [&key.client, &key.server].into_iter().filter_map(Peer::service) {
                self.note_new_edge(service, learned.standing.becomes_rule());
            }
        }
    }

    fn note_new_edge(&mut self, service: &ServiceName, becomes_rule: bool) {
        let now = self.now;
        let Some(record) = self.services.get_mut(service) else { return };
        if record.kernel_mode() == Mode::Monitor && becomes_rule {
            record.shadow += 1;
            record.shadow_last = Some(now);
            self.stale.learned.insert(service.clone());
        }
        self.dirty_services.insert(service.clone());
    }

    pub(super) fn flag(&mut self, key: &EdgeKey, reason: SetAside) {
        let text = match reason {
            SetAside::Scan => "came with a scan",
            SetAside::FanOut => "came with a sudden fan-out",
            SetAside::Threat => "an attack was found in it",
            SetAside::Spoof => "came with a false address",
            SetAside::Rejected => "rejected by hand",
        };
        self.set_flag(key, Some(text));
    }

    pub(super) fn set_flag(&mut self, key: &EdgeKey, text: Option<&str>) {
        if let Some(record) = self.edges.get_mut(key)
            && record.flagged.as_deref() != text
        {
            record.flagged = text.map(str::to_owned);
            self.dirty_edges.insert(key.clone());
            self.stale.edges.insert(key.clone());
        }
    }

    /// Rates fall when nothing comes.
    pub(super) fn cool_rates(&mut self) {
        let now = self.now;
        let edges = &mut self.edges;
        let stale = &mut self.stale.edges;
        self.active.retain(|key| {
            let Some(record) = edges.get_mut(key) else { return false };
            if now.since(record.rated).as_secs() > 60 {
                record.rate = 0.0;
                stale.insert(key.clone());
                return false;
            }
            true
        });
    }
}

/// A range of one address is that address.
fn plain(name: &ExternalName) -> ExternalName {
    match name.0.parse::<ipnet::IpNet>() {
        Ok(net) if net.prefix_len() == net.max_prefix_len() => ExternalName(net.addr().to_string().into()),
        _ => name.clone(),
    }
}
