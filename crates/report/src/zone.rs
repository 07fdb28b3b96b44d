//! Zones: who is in them, what may cross their borders, what did, and whether that is what somebody answers for.

use crate::{
    crossing::{Crossing, Side, Tables, Way, inventory_of, likeliest},
    estate::Estate,
    membership::zone_peer,
    scope::{self, ScopeCounts, Standing},
};
use bulkhead_model::{Direction, Edge, Identity, Mode, Peer, RuleOrigin, ServiceName, Timestamp, Verdict};
use bulkhead_policy::{
    Evaluator, ExternalPart, RuleBook, View,
    document::{Conduit, PeerSpec, Rule, Zone},
    flowset::TrafficSet,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
};

/// How many steps a detour into a zone may have.
pub const HOPS: u32 = 3;
/// As many names are told one by one.
const NAMES: usize = 20;
/// As many connections and detours are listed for readers of the interface.
const LISTED: usize = 200;

/// A zone and what is known of its border.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneStatus {
    pub name: String,
    /// Who answers for it, and why it is there.
    pub owner: Option<String>,
    pub reason: Option<String>,
    pub members: Vec<ZoneMember>,
    /// External addresses and names that belong to it.
    pub externals: Vec<String>,
    /// Zones directly inside of it.
    pub zones: Vec<String>,
    /// Zones that it is directly inside of.
    pub within: Vec<String>,
    /// Whether only its conduits lead across its border; otherwise whatever rules allow does.
    pub border: bool,
    pub conduits: Vec<ZoneWay>,
    /// Ways across for a time, with an owner, a reason and an end.
    pub exceptions: Vec<ZoneWay>,
    pub isolation: Isolation,
    /// The estate as this zone divides it.
    pub scope: ScopeCounts,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneMember {
    pub service: ServiceName,
    pub mode: Mode,
    /// The zone whose criteria take it in: this one, or one inside of it.
    pub through: String,
    pub workloads: u64,
}

/// A conduit or an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneWay {
    pub name: Option<String>,
    /// Who opens connections: peers as policies write them, or the zone itself.
    pub from: Vec<String>,
    pub to: Vec<String>,
    /// `tcp/5432 (postgresql)`; `all`
    pub traffic: String,
    pub owner: Option<String>,
    pub reason: Option<String>,
    pub expires: Option<Timestamp>,
    pub expired: bool,
    /// Connections seen on it, and the last of them.
    pub connections: u64,
    pub last_used: Option<Timestamp>,
}

/// Whether anything crosses the border of a zone that nobody answers for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Isolation {
    pub status: IsolationStatus,
    pub sentence: String,
    /// Pairs of ends that were asked about, each over all protocols, ports and applications.
    pub checked: u64,
    /// What may cross as things are now, each with whether it is answered for.
    pub crossings: Vec<ZoneCrossing>,
    /// What crossed, or tried to: the most recent first, at most 200.
    pub observed: Vec<ZoneTraffic>,
    /// How many different connections were seen across the border.
    pub observed_total: u64,
    /// Members whose mode holds nothing back.
    pub not_enforcing: Vec<ServiceName>,
    /// Peers that may get in over others, within three steps; at most 200.
    pub indirect: Vec<ZoneDetour>,
    pub indirect_total: u64,
    /// Why what is enforced may differ from what the policy says.
    pub doubts: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum IsolationStatus {
    /// Over all flows, nothing crosses that nobody answers for, and that is enforced.
    Proved,
    /// The policy lets something across that nobody answers for.
    Open,
    /// The policy would hold, but members of the zone do not enforce it.
    NotEnforced,
    /// The policy holds; whether it is enforced is not known.
    Unproved,
    /// Nobody is in the zone.
    Empty,
}

impl fmt::Display for IsolationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Proved => "proved",
            Self::Open => "open",
            Self::NotEnforced => "not enforced",
            Self::Unproved => "enforcement not known",
            Self::Empty => "empty",
        })
    }
}

/// What one member and peers that are treated alike may open to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneCrossing {
    /// `ingress`: into the zone.
    pub direction: Direction,
    pub member: String,
    /// The first of them.
    pub peers: Vec<String>,
    pub peer_count: u64,
    /// `tcp/6379 (redis); udp/53`; `all`
    pub traffic: String,
    /// One flow of it: `tcp/6379`.
    pub example: String,
    /// Conduits, or rules.
    pub by: Vec<String>,
    /// Whether the policies of both sides allow it; otherwise a mode lets it pass.
    pub written: bool,
    /// Why nobody answers for it; absent where somebody does.
    pub fault: Option<String>,
}

/// A connection across the border as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneTraffic {
    pub direction: Direction,
    pub client: String,
    pub server: String,
    /// `tcp/6379 redis`
    pub what: String,
    pub connections: u64,
    pub denied: u64,
    pub would_deny: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// What a connection on it meets now.
    pub verdict: Verdict,
    /// Whether the policies of both sides allow it, whatever the modes.
    pub written: bool,
    /// What allows it.
    pub by: Vec<String>,
    /// It was first seen, and passed, after the policy that denies it was in force: the proof and the traffic contradict
    /// each other.
    pub contradicts: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneDetour {
    pub peer: String,
    /// Steps that it takes, from 2 on.
    pub hops: u32,
    /// The next on the way.
    pub via: String,
}

/// All zones of an estate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneList {
    pub items: Vec<ZoneStatus>,
    pub revision: Option<u64>,
    pub time: Timestamp,
    pub sentence: String,
}

/// Looks at every zone, or at one.
pub fn zones(estate: &Estate<'_>, only: Option<&str>) -> ZoneList {
    let inventory = inventory_of(estate);
    let tables = Tables::new(estate, &inventory);
    let wanted = estate.set.zones().filter(|zone| only.is_none_or(|name| zone.metadata.name == name));
    let items: Vec<ZoneStatus> =
        wanted.map(|zone| Border::new(estate, &tables, Some(zone)).status(zone)).collect();
    let proved = items.iter().filter(|zone| zone.isolation.status == IsolationStatus::Proved).count();
    let sentence = match items.len() {
        0 => "There is no zone.".to_owned(),
        1 => format!("Of one zone, {proved} is proved to be isolated."),
        count => format!("Of {count} zones, {proved} are proved to be isolated."),
    };
    ZoneList { items, revision: estate.source.revision, time: estate.now, sentence }
}

/// A zone, or the whole estate, asked about.
#[derive(Debug)]
pub(crate) struct Border<'a> {
    pub(crate) estate: &'a Estate<'a>,
    pub(crate) tables: &'a Tables<'a>,
    members: HashSet<Identity>,
    pub(crate) isolation: Isolation,
    /// Where every service stands; empty for the whole estate.
    pub(crate) standings: BTreeMap<ServiceName, Standing>,
}

impl<'a> Border<'a> {
    pub(crate) fn new(estate: &'a Estate<'a>, tables: &'a Tables<'a>, zone: Option<&'a Zone>) -> Self {
        let members = match zone {
            Some(zone) => tables.members.zone(&zone.metadata.name),
            None => tables.members.inventory.services().map(|service| service.identity).collect(),
        };
        let judge = Judge::new(estate, tables, zone, &members);
        let (now, checked) = tables.crossings(&members, View::Now);
        let (written, _) = tables.crossings(&members, View::Policy);
        let direct: BTreeSet<Identity> = now
            .iter()
            .filter(|crossing| crossing.direction == Direction::Ingress)
            .flat_map(|crossing| crossing.peers.iter().copied())
            .collect();
        let detours = tables.indirect(&members, &direct, HOPS);
        let observed = judge.observed();
        let standings = zone.map(|zone| {
            scope::standings(estate, tables, zone, &members, [&now, &written], &observed, &detours)
        });
        let isolation = judge.isolation(&now, &written, checked, observed, &detours);
        Self { estate, tables, members, isolation, standings: standings.unwrap_or_default() }
    }

    /// Services among the members, by name.
    pub(crate) fn services(&self) -> Vec<&'a bulkhead_policy::Service> {
        let inventory = self.tables.members.inventory;
        let mut services: Vec<_> =
            self.members.iter().filter_map(|identity| inventory.by_identity(*identity)).collect();
        services.sort_by(|a, b| a.name.cmp(&b.name));
        services
    }

    fn status(mut self, zone: &Zone) -> ZoneStatus {
        let name = zone.metadata.name.clone();
        self.isolation.observed.truncate(LISTED);
        self.isolation.indirect.truncate(LISTED);
        let members = self.services().into_iter().map(|service| ZoneMember {
            through: self
                .tables
                .members
                .through(&name, service)
                .map_or_else(|| name.clone(), |zone| zone.metadata.name.clone()),
            service: service.name.clone(),
            mode: service.mode,
            workloads: self.estate.services.get(&service.name).map_or(0, |facts| facts.workloads),
        });
        let within = self.estate.set.zones().filter(|zone| zone.zones.iter().any(|inner| **inner == *name));
        ZoneStatus {
            owner: zone.owner.clone(),
            reason: zone.reason.clone(),
            members: members.collect(),
            externals: externals(self.estate, &name),
            zones: zone.zones.iter().map(ToString::to_string).collect(),
            within: within.map(|zone| zone.metadata.name.clone()).collect(),
            border: zone.conduits.is_some(),
            conduits: self.ways(zone, zone.conduits.iter().flatten()),
            exceptions: self.ways(zone, zone.exceptions.iter()),
            scope: ScopeCounts::of(&self.standings),
            isolation: self.isolation,
            name,
        }
    }

    pub(crate) fn ways<'z>(&self, zone: &Zone, ways: impl Iterator<Item = &'z Conduit>) -> Vec<ZoneWay> {
        let ends = |peers: &Option<Vec<PeerSpec>>| match peers {
            None => vec![format!("zone {}", zone.metadata.name)],
            Some(peers) => peers.iter().map(peer_text).collect(),
        };
        ways.map(|way| {
            let used = self.estate.edges.iter().filter(|edge| self.uses(zone, way, edge));
            let (connections, last_used) = used.fold((0, None), |(count, last), edge| {
                (count + edge.counters.connections, last.max(Some(edge.last_seen)))
            });
            ZoneWay {
                name: way.name.clone(),
                from: ends(&way.from),
                to: ends(&way.to),
                traffic: way_traffic(way),
                owner: way.owner.clone(),
                reason: way.reason.clone(),
                expires: way.expires,
                expired: !way.is_live(self.estate.now),
                connections,
                last_used,
            }
        })
        .collect()
    }

    /// Whether an observed connection goes by a conduit.
    fn uses(&self, zone: &Zone, way: &Conduit, edge: &Edge) -> bool {
        let members = &self.tables.members;
        let inside = |peer| members.observed_in(&zone.metadata.name, peer);
        let means = |peers: &Option<Vec<PeerSpec>>, peer| match peers {
            None => inside(peer),
            Some(peers) => peers.iter().any(|spec| members.means(spec, peer)),
        };
        let key = &edge.key;
        let server = key.server.service().and_then(|name| members.inventory.service(name));
        let ports = self.tables.ports(&way.ports, server.map_or(Identity::UNKNOWN, |s| s.identity));
        inside(&key.client) != inside(&key.server)
            && means(&way.from, &key.client)
            && means(&way.to, &key.server)
            && ports.contains(key.protocol, key.port)
    }
}

/// Says what of a border is answered for.
struct Judge<'a> {
    estate: &'a Estate<'a>,
    tables: &'a Tables<'a>,
    zone: Option<&'a Zone>,
    members: &'a HashSet<Identity>,
    /// Conduits that are open now; absent where there is no border that they would lead across.
    ways: Option<Vec<Way<'a>>>,
}

impl<'a> Judge<'a> {
    fn new(
        estate: &'a Estate<'a>,
        tables: &'a Tables<'a>,
        zone: Option<&'a Zone>,
        members: &'a HashSet<Identity>,
    ) -> Self {
        let ways = zone.filter(|zone| zone.conduits.is_some()).map(|zone| {
            let live = zone.ways().filter(|way| way.is_live(estate.now));
            tables.ways(live, members)
        });
        Self { estate, tables, zone, members, ways }
    }

    fn isolation(
        &self,
        now: &[Crossing],
        written: &[Crossing],
        checked: u64,
        observed: Vec<ZoneTraffic>,
        detours: &[(Identity, u32, Identity)],
    ) -> Isolation {
        let told: Vec<ZoneCrossing> = now.iter().flat_map(|crossing| self.tell(crossing)).collect();
        let open =
            written.iter().flat_map(|crossing| self.tell(crossing)).filter(|c| c.fault.is_some()).count();
        let faults = told.iter().filter(|crossing| crossing.fault.is_some()).count();
        let services: Vec<_> =
            self.members.iter().filter_map(|id| self.tables.members.inventory.by_identity(*id)).collect();
        let mut not_enforcing: Vec<ServiceName> =
            services.iter().filter(|s| !s.mode.drops()).map(|s| s.name.clone()).collect();
        not_enforcing.sort();
        let mut doubts = match &self.estate.operation {
            None => vec!["it was made from files: nothing says what is enforced".to_owned()],
            Some(operation) => operation.doubts(),
        };
        let contradicting = observed.iter().filter(|seen| seen.contradicts).count();
        if contradicting > 0 {
            doubts.push(format!("{contradicting} observed connections passed that the policy denies"));
        }
        let status = match () {
            () if services.is_empty() => IsolationStatus::Empty,
            () if open > 0 => IsolationStatus::Open,
            () if faults > 0 || !not_enforcing.is_empty() => IsolationStatus::NotEnforced,
            () if !doubts.is_empty() => IsolationStatus::Unproved,
            () => IsolationStatus::Proved,
        };
        let name = subject(self.zone);
        let sentence = match status {
            IsolationStatus::Empty => format!("No service belongs to {name}: nothing was proved."),
            IsolationStatus::Open => format!(
                "The policy lets something across the border of {name} in {open} ways that nobody answers for."
            ),
            IsolationStatus::NotEnforced => format!(
                "The policy would isolate {name}, but {} of {} services in it do not enforce theirs.",
                not_enforcing.len(),
                services.len()
            ),
            IsolationStatus::Unproved => {
                format!(
                    "The policy isolates {name}; that it is enforced is not known: {}.",
                    doubts.join("; ")
                )
            }
            IsolationStatus::Proved => format!(
                "Over all flows between {checked} pairs, nothing crosses the border of {name} but what is \
                 answered for, in {} ways, and every service in it enforces that.",
                told.len()
            ),
        };
        let observed_total = observed.len() as u64;
        let name_of = |identity: Identity| self.tables.name(identity);
        let told_detours = detours.iter().map(|&(peer, hops, via)| ZoneDetour {
            peer: name_of(peer),
            hops,
            via: name_of(via),
        });
        Isolation {
            status,
            sentence,
            checked,
            crossings: told,
            observed,
            observed_total,
            not_enforcing,
            indirect: told_detours.collect(),
            indirect_total: detours.len() as u64,
            doubts,
        }
    }

    /// One crossing; two where conduits mean some of its peers and not others.
    fn tell(&self, crossing: &Crossing) -> Vec<ZoneCrossing> {
        let (covered, rest): (Vec<Identity>, Vec<Identity>) = match &self.ways {
            Some(ways) => crossing.peers.iter().partition(|&&peer| self.covers(ways, crossing, peer)),
            None => (crossing.peers.clone(), Vec::new()),
        };
        let mut told = Vec::new();
        if !covered.is_empty() {
            told.push(self.tell_part(crossing, &covered, true));
        }
        if !rest.is_empty() {
            told.push(self.tell_part(crossing, &rest, false));
        }
        told
    }

    fn ends(&self, crossing: &Crossing, peer: Identity) -> (Identity, Identity) {
        match crossing.direction {
            Direction::Ingress => (peer, crossing.member),
            Direction::Egress => (crossing.member, peer),
        }
    }

    /// Whether all of it goes by conduits.
    fn covers(&self, ways: &[Way<'_>], crossing: &Crossing, peer: Identity) -> bool {
        let (client, server) = self.ends(crossing, peer);
        let ways = ways.iter().map(|way| self.tables.through(way, client, server));
        let covered = ways.fold(TrafficSet::none(), |all, more| all.union(&more));
        crossing.traffic.is_subset(&covered)
    }

    fn tell_part(&self, crossing: &Crossing, peers: &[Identity], covered: bool) -> ZoneCrossing {
        let written = peers.first().is_some_and(|&peer| {
            let (client, server) = self.ends(crossing, peer);
            crossing.traffic.is_subset(&self.tables.written.traffic(client, server))
        });
        let rules = self.tables.rules_of(crossing);
        let mut by: Vec<String> = Vec::new();
        if let (Some(ways), Some(&peer)) = (&self.ways, peers.first()) {
            let (client, server) = self.ends(crossing, peer);
            let used = ways
                .iter()
                .filter(|way| {
                    let through = self.tables.through(way, client, server);
                    !through.intersection(&crossing.traffic).is_empty()
                })
                .map(|way| way_name(way.conduit));
            by.extend(used);
        }
        by.extend(rules.iter().map(|rule| format!("rule {}", rule.title())));
        let fault = match crossing.side {
            Side::Open(_) if self.estate.operation.is_none() => {
                Some("no document targets it, so nothing is held back".to_owned())
            }
            Side::Open(mode) => Some(format!(
                "mode {mode} holds nothing back, so a policy on it proves nothing about traffic"
            )),
            _ if !covered => Some("no conduit of the zone leads there".to_owned()),
            _ if self.ways.is_some() => None,
            _ => rules.iter().find_map(|rule| self.fault(rule.document.as_str(), rule.direction, rule.index)),
        };
        ZoneCrossing {
            direction: crossing.direction,
            member: self.tables.name(crossing.member),
            peers: peers.iter().take(NAMES).map(|&peer| self.tables.name(peer)).collect(),
            peer_count: peers.len() as u64,
            traffic: text(&crossing.traffic),
            example: likeliest(&crossing.traffic)
                .map_or_else(String::new, |(protocol, port)| flow(protocol, port)),
            by,
            written,
            fault,
        }
    }

    /// Why nobody answers for a rule, where a zone has no border to do so.
    fn fault(&self, document: &str, direction: Direction, index: usize) -> Option<String> {
        let mut policies = self.estate.set.policies();
        let policy = policies.find(|policy| policy.key().to_string() == document)?;
        let rule = policy.rules(direction).get(index)?;
        let place = format!("{document} {direction}[{index}]");
        if policy.tier == RuleOrigin::Learned && !is_accounted(rule) {
            return Some(format!("{place} was learned from traffic, and nobody has said why it is right"));
        }
        if !is_accounted(rule) {
            return Some(format!("{place} says neither why nor by whom it is allowed"));
        }
        let narrow = !rule.ports.is_empty() || !rule.applications.is_empty();
        (!narrow).then(|| format!("{place} names no ports and no applications"))
    }

    /// Every observed connection across the border, the most recent first.
    fn observed(&self) -> Vec<ZoneTraffic> {
        let members = &self.tables.members;
        let is_inside = |peer: &Peer| match self.zone {
            Some(zone) => members.observed_in(&zone.metadata.name, peer),
            None => peer.service().is_some(),
        };
        let mut book = RuleBook::default();
        let evaluator = Evaluator::new(self.estate.set, members.inventory, &mut book, self.estate.now);
        let changed = self.estate.revisions.first().map(|revision| revision.time);
        let mut seen: Vec<ZoneTraffic> = Vec::new();
        for edge in &self.estate.edges {
            let inside = [&edge.key.client, &edge.key.server].map(is_inside);
            if inside[0] == inside[1] {
                continue;
            }
            let verdict = evaluator.edge_verdict(&edge.key);
            let written = verdict.allowed_by_policy();
            let sides: Vec<_> = verdict.sides().collect();
            let holding = sides.iter().filter(|side| side.mode.drops() && !side.decision.allow);
            let since =
                holding.filter_map(|side| self.estate.services.get(&side.service)?.enforced_since).min();
            let in_force = since.zip(changed).map(|(enforced, changed)| enforced.max(changed));
            let rules = sides.iter().filter_map(|side| side.decision.rule.as_ref());
            seen.push(ZoneTraffic {
                direction: if inside[1] { Direction::Ingress } else { Direction::Egress },
                client: edge.key.client.to_string(),
                server: edge.key.server.to_string(),
                what: what(edge),
                connections: edge.counters.connections,
                denied: edge.counters.denied,
                would_deny: edge.counters.would_deny,
                first_seen: edge.first_seen,
                last_seen: edge.last_seen,
                verdict: verdict.verdict,
                written,
                by: rules
                    .map(|rule| match rule.is_border() {
                        true => format!("border of {}", rule.document()),
                        false => format!("rule {}", rule.title()),
                    })
                    .collect(),
                contradicts: verdict.verdict == Verdict::Denied
                    && edge.counters.connections > 0
                    && in_force.is_some_and(|since| edge.first_seen > since),
            });
        }
        seen.sort_by(|a, b| {
            b.last_seen.cmp(&a.last_seen).then_with(|| (&a.client, &a.server).cmp(&(&b.client, &b.server)))
        });
        seen
    }
}

/// What a report or a border is of, in a sentence.
pub(crate) fn subject(zone: Option<&Zone>) -> String {
    zone.map_or_else(|| "the estate".to_owned(), |zone| format!("zone {}", zone.metadata.name))
}

/// Whether anybody has said why a rule is there.
pub(crate) fn is_accounted(rule: &Rule) -> bool {
    rule.reason.is_some() || rule.name.is_some()
}

/// External members of a zone, in the words of documents.
pub(crate) fn externals(estate: &Estate<'_>, zone: &str) -> Vec<String> {
    let parts = estate.set.external_parts(&zone_peer(zone));
    let texts: BTreeSet<String> = parts
        .iter()
        .map(|part| match part {
            ExternalPart::Cidr(cidr) if cidr.except.is_empty() => cidr.net.to_string(),
            ExternalPart::Cidr(cidr) => {
                let except: Vec<String> = cidr.except.iter().map(ToString::to_string).collect();
                format!("{} except {}", cidr.net, except.join(", "))
            }
            ExternalPart::Name(name) => name.to_string(),
        })
        .collect();
    texts.into_iter().collect()
}

/// Sets of flows, short enough for a cell.
pub(crate) fn text(traffic: &TrafficSet) -> String {
    if traffic.is_all() {
        return "all protocols and ports".to_owned();
    }
    let text = traffic.to_string();
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// `tcp/443`, `icmp type 8`, `gre`
pub(crate) fn flow(protocol: bulkhead_model::IpProtocol, port: u16) -> String {
    if protocol.has_ports() {
        format!("{protocol}/{port}")
    } else if protocol.is_icmp() {
        format!("{protocol} type {}", port >> 8)
    } else {
        protocol.to_string()
    }
}

fn what(edge: &Edge) -> String {
    let flow = flow(edge.key.protocol, edge.key.port);
    match edge.key.application {
        bulkhead_model::Application::UNKNOWN => flow,
        application => format!("{flow} {application}"),
    }
}

pub(crate) fn way_name(way: &Conduit) -> String {
    match (&way.name, &way.reason) {
        (Some(name), _) => format!("conduit \"{name}\""),
        (None, Some(reason)) => format!("conduit \"{reason}\""),
        (None, None) => "a conduit without a name".to_owned(),
    }
}

fn way_traffic(way: &Conduit) -> String {
    let rule = Rule { ports: way.ports.clone(), applications: way.applications.clone(), ..Rule::default() };
    rule_traffic(&rule)
}

/// Ports and applications as a document has them.
pub(crate) fn rule_traffic(rule: &Rule) -> String {
    use bulkhead_policy::document::PortMatch;
    let port = |spec: &bulkhead_policy::document::PortSpec| match &spec.port {
        PortMatch::All => spec.protocol.to_string(),
        PortMatch::Range(range) if range.first == range.last => flow(spec.protocol, range.first),
        PortMatch::Range(range) if spec.protocol.is_icmp() => {
            format!("{} type {}", spec.protocol, range.first >> 8)
        }
        PortMatch::Range(range) => format!("{}/{}-{}", spec.protocol, range.first, range.last),
        PortMatch::Named(name) => format!("{} port {name}", spec.protocol),
    };
    let ports: Vec<String> = rule.ports.iter().map(port).collect();
    let applications: Vec<String> = rule.applications.iter().map(ToString::to_string).collect();
    match (ports.as_slice(), applications.as_slice()) {
        ([], []) => "all protocols and ports".to_owned(),
        (ports, []) => ports.join(", "),
        ([], applications) => applications.join(", "),
        (ports, applications) => format!("{} ({})", ports.join(", "), applications.join(", ")),
    }
}

/// A peer as people say it.
pub(crate) fn peer_text(spec: &PeerSpec) -> String {
    match spec {
        PeerSpec::Services(criteria) => {
            let mut parts = Vec::new();
            parts.extend(criteria.service.as_ref().map(|glob| glob.as_str().to_owned()));
            parts.extend(criteria.namespace.as_ref().map(|glob| format!("namespace {}", glob.as_str())));
            parts.extend(criteria.zone.as_ref().map(|zone| format!("zone {zone}")));
            parts.extend(criteria.selector.as_ref().map(selector_text));
            parts.join(" and ")
        }
        PeerSpec::Cidr(cidr) => cidr.net.to_string(),
        PeerSpec::Name(name) => name.to_string(),
        PeerSpec::External(name) => format!("external {name}"),
        PeerSpec::World => "world".to_owned(),
        PeerSpec::Host => "host".to_owned(),
        PeerSpec::RemoteHost => "remote-host".to_owned(),
        PeerSpec::Multicast => "multicast".to_owned(),
        PeerSpec::Any => "any".to_owned(),
    }
}

fn selector_text(selector: &bulkhead_policy::document::LabelSelector) -> String {
    let labels = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
    let expressions = selector
        .match_expressions
        .iter()
        .map(|e| format!("{} {:?} {}", e.key, e.operator, e.values.join(",")));
    format!("label {}", labels.chain(expressions).collect::<Vec<_>>().join(", "))
}
