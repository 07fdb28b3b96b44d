//! Records summed up: edges with their totals, and when each was seen.

use crate::{Certainty, End, Item, Named, Names, Record, Reporter};
use bulkhead_model::{Application, EdgeCounters, EdgeKey, IpProtocol, Peer, Timestamp, Verdict};
use std::{collections::BTreeSet, net::IpAddr};

/// Looked into several times for every record. Keys are seeded, so that records cannot be written to collide.
type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// At first, what was seen within so many milliseconds is one sighting.
const WIDTH: u64 = 5 * 60_000;
/// A sighting is never wider: the estimator counts hours.
const WIDEST: u64 = 60 * 60_000;
/// With more sightings than this, wider ones take less memory.
const SIGHTINGS: usize = 4 << 20;
/// A sighting that comes later than so many of its edge is found by another way, so that no order of records is slow.
const LATE: usize = 512;
/// Addresses without a name that are told apart; those that come after are the world.
const ADDRESSES: usize = 1 << 16;
/// Texts and addresses whose peer is remembered; then it is found out again.
const REMEMBERED: usize = 1 << 20;
/// A connection is taken to be in use for no longer than this.
const LONGEST_HOURS: u64 = 31 * 24;

/// What records tell, in memory that grows with the number of edges and of hours, not of records.
#[derive(Debug)]
pub struct History {
    names: Names,
    peers: Vec<Peer>,
    numbers: HashMap<Peer, u32>,
    by_address: HashMap<IpAddr, u32>,
    by_text: HashMap<Box<str>, u32>,
    scratch: String,
    addresses: usize,
    edges: HashMap<Key, u32>,
    table: Vec<Totals>,
    width: u64,
    /// Sightings by edge and time that came so late that they are not in the list of their edge.
    strays: HashMap<(u32, u64), u32>,
    sightings: Vec<Slot>,
    lost: BTreeSet<u64>,
    first: Option<Timestamp>,
    last: Timestamp,
    timeless: u64,
    crowded: u64,
}

type Key = (u32, u32, IpProtocol, u16, Application);

/// Of one edge, by who reported it: both ends tell of the same connections.
#[derive(Debug)]
struct Totals {
    key: Key,
    lanes: [EdgeCounters; 3],
    /// Records that say that it passed, and that it did not.
    passed: [u64; 3],
    denied: [u64; 3],
    first: Timestamp,
    last: Timestamp,
    certainty: Certainty,
    threat: bool,
    /// The sighting that was added to last: records come more or less in the order of time.
    slot: (u64, u32),
    /// Its sightings by time, ascending, but for those that came late.
    by_time: Vec<(u64, u32)>,
}

impl Totals {
    /// The place in `sightings` of what was seen at that time, which may be the first of it.
    fn sighting(
        &mut self,
        edge: u32,
        time: u64,
        strays: &mut HashMap<(u32, u64), u32>,
        sightings: &mut Vec<Slot>,
    ) -> u32 {
        let place = match self.by_time.last() {
            Some((last, _)) if *last >= time => {
                match self.by_time.binary_search_by_key(&time, |(time, _)| *time) {
                    Ok(found) => return self.by_time[found].1,
                    Err(place) => place,
                }
            }
            _ => self.by_time.len(),
        };
        let late = self.by_time.len() - place;
        if late > 0
            && let Some(at) = strays.get(&(edge, time))
        {
            return *at;
        }
        sightings.push(Slot { edge, time, passed: [0; 3], denied: [0; 3], answered: None });
        let at = u32::try_from(sightings.len() - 1).unwrap_or(u32::MAX);
        if late <= LATE {
            self.by_time.insert(place, (time, at));
        } else {
            strays.insert((edge, time), at);
        }
        at
    }
}

#[derive(Debug, Clone)]
struct Slot {
    edge: u32,
    /// In units of the width.
    time: u64,
    passed: [u32; 3],
    denied: [u32; 3],
    answered: Option<bool>,
}

/// An edge and all that was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub key: EdgeKey,
    pub counters: EdgeCounters,
    /// Whether anything of it passed. Where the serving end reports, it has the last word.
    pub passed: bool,
    pub first: Timestamp,
    pub last: Timestamp,
    /// The best knowledge of who opened it.
    pub certainty: Certainty,
    /// The source found an attack in it.
    pub threat: bool,
}

/// An edge was seen within some minutes after `time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting<'a> {
    pub edge: &'a EdgeKey,
    pub time: Timestamp,
    pub connections: u64,
    /// Whether anything of it passed.
    pub passed: bool,
    pub answered: Option<bool>,
    pub threat: bool,
}

impl History {
    pub fn new(names: Names) -> Self {
        Self {
            names,
            peers: Vec::new(),
            numbers: HashMap::default(),
            by_address: HashMap::default(),
            by_text: HashMap::default(),
            scratch: String::new(),
            addresses: 0,
            edges: HashMap::default(),
            table: Vec::new(),
            width: WIDTH,
            strays: HashMap::default(),
            sightings: Vec::new(),
            lost: BTreeSet::new(),
            first: None,
            last: Timestamp(0),
            timeless: 0,
            crowded: 0,
        }
    }

    pub fn add(&mut self, item: &Item<'_>) {
        match item {
            Item::Flow(record) => self.record(record),
            Item::Lost { time: Some(time), .. } => {
                self.lost.insert(time.0 / WIDEST);
            }
            Item::Lost { time: None, .. } => {}
        }
    }

    fn record(&mut self, record: &Record<'_>) {
        // Which of those behind a service it was is not told, so it could be any of them.
        if let Some(behind) = self.names.behind(&record.server, record.protocol, record.port) {
            for (server, port) in behind.iter() {
                let server = self.number(server.clone());
                self.opened(record, server, *port);
            }
            return;
        }
        let server = self.peer(&record.server);
        self.opened(record, server, record.port);
    }

    /// A record of a connection to this server and port.
    fn opened(&mut self, record: &Record<'_>, server: u32, port: u16) {
        let key: Key = (self.peer(&record.client), server, record.protocol, port, record.application);
        let Self { edges, table, .. } = self;
        let edge = *edges.entry(key).or_insert_with(|| {
            table.push(Totals {
                key,
                lanes: [EdgeCounters::default(); 3],
                passed: [0; 3],
                denied: [0; 3],
                first: record.start,
                last: record.end,
                certainty: record.certainty,
                threat: false,
                slot: (u64::MAX, 0),
                by_time: Vec::new(),
            });
            u32::try_from(table.len() - 1).unwrap_or(u32::MAX)
        });
        let lane = match record.reporter {
            Reporter::Client => 0,
            Reporter::Server => 1,
            Reporter::Unknown => 2,
        };
        let totals = &mut self.table[edge as usize];
        totals.first = totals.first.min(record.start);
        totals.last = totals.last.max(record.end);
        totals.certainty = totals.certainty.min(record.certainty);
        totals.threat |= record.threat;
        match record.verdict {
            Verdict::Denied => totals.denied[lane] += 1,
            Verdict::Allowed | Verdict::WouldDeny => totals.passed[lane] += 1,
        }
        let counters = &mut totals.lanes[lane];
        match record.verdict {
            Verdict::Denied => counters.denied += record.connections.max(1),
            Verdict::WouldDeny => {
                counters.connections += record.connections;
                counters.would_deny += record.connections.max(1);
            }
            Verdict::Allowed => counters.connections += record.connections,
        }
        counters.bytes_to_server = counters.bytes_to_server.saturating_add(record.bytes_to_server);
        counters.bytes_to_client = counters.bytes_to_client.saturating_add(record.bytes_to_client);
        if record.start.0 == 0 {
            self.timeless += 1;
            return;
        }
        self.first = Some(self.first.map_or(record.start, |first| first.min(record.start)));
        self.last = self.last.max(record.end);
        self.sighted(edge, record.start, lane, record);
        // A connection that stays open is used for longer than the moment of its opening.
        let hours = (record.end.0.saturating_sub(record.start.0) / WIDEST).min(LONGEST_HOURS);
        for hour in 1..=hours {
            self.sighted(edge, Timestamp(record.start.0 + hour * WIDEST), lane, record);
        }
    }

    fn sighted(&mut self, edge: u32, time: Timestamp, lane: usize, record: &Record<'_>) {
        let time = time.0 / self.width;
        let totals = &mut self.table[edge as usize];
        let at = if totals.slot.0 == time {
            totals.slot.1
        } else {
            let at = totals.sighting(edge, time, &mut self.strays, &mut self.sightings);
            totals.slot = (time, at);
            at
        };
        let slot = &mut self.sightings[at as usize];
        let count = match record.verdict {
            Verdict::Denied => &mut slot.denied[lane],
            Verdict::Allowed | Verdict::WouldDeny => &mut slot.passed[lane],
        };
        *count = count.saturating_add(u32::try_from(record.connections).unwrap_or(u32::MAX).max(1));
        slot.answered = slot.answered.max(record.answered);
        if self.sightings.len() > SIGHTINGS && self.width < WIDEST {
            self.widen();
        }
    }

    /// Twice or three times as wide, so that hours stay whole.
    fn widen(&mut self) {
        let factor = if self.width == 4 * WIDTH { 3 } else { 2 };
        self.width *= factor;
        self.strays.clear();
        for totals in &mut self.table {
            totals.slot = (u64::MAX, 0);
            totals.by_time.clear();
        }
        let mut wider: Vec<Slot> = Vec::new();
        for slot in std::mem::take(&mut self.sightings) {
            let time = slot.time / factor;
            let totals = &mut self.table[slot.edge as usize];
            let at = totals.sighting(slot.edge, time, &mut self.strays, &mut wider);
            let into = &mut wider[at as usize];
            for lane in 0..3 {
                into.passed[lane] = into.passed[lane].saturating_add(slot.passed[lane]);
                into.denied[lane] = into.denied[lane].saturating_add(slot.denied[lane]);
            }
            into.answered = into.answered.max(slot.answered);
        }
        self.sightings = wider;
    }

    // === impl peers ===

    fn peer(&mut self, end: &End<'_>) -> u32 {
        let known = match (&end.named, end.address) {
            (Named::Nothing, Some(address)) => self.by_address.get(&address),
            (Named::Service(..) | Named::Pod(..) | Named::Domain(_), _) => {
                text_of(&end.named, end.address, &mut self.scratch);
                self.by_text.get(self.scratch.as_str())
            }
            _ => None,
        };
        if let Some(known) = known {
            return *known;
        }
        let peer = self.names.peer(end);
        let unnamed = matches!(end.named, Named::Nothing)
            && (matches!(peer, Peer::External(_)) || Names::is_unnamed(&peer));
        let number = match self.numbers.get(&peer) {
            Some(number) => *number,
            None if unnamed && self.addresses >= ADDRESSES => {
                self.crowded += 1;
                return self.number(Peer::World);
            }
            None => {
                self.addresses += usize::from(unnamed);
                self.number(peer)
            }
        };
        if self.by_address.len() + self.by_text.len() >= REMEMBERED {
            self.by_address.clear();
            self.by_text.clear();
        }
        match (&end.named, end.address) {
            (Named::Nothing, Some(address)) => {
                self.by_address.insert(address, number);
            }
            (Named::Service(..) | Named::Pod(..) | Named::Domain(_), _) => {
                self.by_text.insert(self.scratch.as_str().into(), number);
            }
            _ => {}
        }
        number
    }

    fn number(&mut self, peer: Peer) -> u32 {
        if let Some(number) = self.numbers.get(&peer) {
            return *number;
        }
        let number = u32::try_from(self.peers.len()).unwrap_or(u32::MAX);
        self.peers.push(peer.clone());
        self.numbers.insert(peer, number);
        number
    }

    // === impl conclusions ===

    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Every edge, in the order of its first record. The key of the n-th edge is that of the n-th here.
    pub fn edges(&self) -> Vec<Seen> {
        self.table.iter().map(|totals| self.seen(totals)).collect()
    }

    fn seen(&self, totals: &Totals) -> Seen {
        let (client, server, protocol, port, application) = totals.key;
        let peer = |number: u32| self.peers.get(number as usize).cloned().unwrap_or(Peer::Unknown);
        let mut counters = EdgeCounters::default();
        for lane in &totals.lanes {
            counters.connections = counters.connections.max(lane.connections);
            counters.denied = counters.denied.max(lane.denied);
            counters.would_deny = counters.would_deny.max(lane.would_deny);
            counters.bytes_to_server = counters.bytes_to_server.max(lane.bytes_to_server);
            counters.bytes_to_client = counters.bytes_to_client.max(lane.bytes_to_client);
        }
        let served = totals.passed[1] > 0 || totals.denied[1] > 0;
        let passed = if served { totals.passed[1] > 0 } else { totals.passed.iter().any(|n| *n > 0) };
        if !passed {
            // What the opener let out was refused at the other end.
            counters.connections = 0;
        }
        Seen {
            passed,
            key: EdgeKey { client: peer(client), server: peer(server), protocol, port, application },
            counters,
            first: totals.first,
            last: totals.last,
            certainty: totals.certainty,
            threat: totals.threat,
        }
    }

    /// When `edges`, which [`History::edges`] gave, were seen, in the order of time. Where the serving end reports, it has
    /// the last word: what the opener let out may have been refused there.
    pub fn sightings<'e>(&self, edges: &'e [Seen]) -> Vec<Sighting<'e>> {
        let mut order: Vec<&Slot> = self.sightings.iter().collect();
        order.sort_unstable_by_key(|slot| (slot.time, slot.edge));
        order
            .into_iter()
            .filter_map(|slot| {
                let seen = edges.get(slot.edge as usize)?;
                let served = slot.passed[1] > 0 || slot.denied[1] > 0;
                let connections = slot.passed.into_iter().max().unwrap_or(0);
                Some(Sighting {
                    edge: &seen.key,
                    time: Timestamp(slot.time * self.width),
                    connections: connections.into(),
                    passed: if served { slot.passed[1] > 0 } else { connections > 0 },
                    answered: slot.answered,
                    threat: seen.threat,
                })
            })
            .collect()
    }

    /// First and last moment that records tell of; nothing where none has a time.
    pub fn period(&self) -> Option<(Timestamp, Timestamp)> {
        self.first.map(|first| (first, self.last))
    }

    /// Beginnings of the hours in which the source lost records.
    pub fn lost_hours(&self) -> impl Iterator<Item = Timestamp> + '_ {
        self.lost.iter().map(|hour| Timestamp(hour * WIDEST))
    }

    /// Records that have no time.
    pub fn timeless(&self) -> u64 {
        self.timeless
    }

    /// Addresses that were taken for the world, because there were too many.
    pub fn crowded(&self) -> u64 {
        self.crowded
    }
}

/// A text that no other end with another name has.
fn text_of(named: &Named<'_>, address: Option<IpAddr>, into: &mut String) {
    use std::fmt::Write;
    into.clear();
    match named {
        Named::Service(namespace, name) => {
            into.extend(["s", namespace, "\0", name]);
        }
        Named::Pod(namespace, pod) => {
            into.extend(["p", namespace, "\0", pod]);
        }
        Named::Domain(name) => {
            into.extend(["d", name, "\0"]);
            if let Some(address) = address {
                // Memory cannot fail to be written to.
                let _ = write!(into, "{address}");
            }
        }
        _ => {}
    }
}
