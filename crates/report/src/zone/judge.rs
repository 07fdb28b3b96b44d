//! What of a border somebody answers for.

use super::{Isolation, IsolationStatus, ZoneCrossing, ZoneDetour, ZoneTraffic, subject};
use crate::{
    crossing::{Crossing, Side, Tables, Way, likeliest},
    estate::Estate,
    phrases::{flow, is_accounted, text, way_name, what},
    words::many,
};
use bulkhead_model::{Direction, Identity, Peer, RuleOrigin, ServiceName, Verdict};
use bulkhead_policy::{Evaluator, RuleBook, document::Zone, flowset::TrafficSet};
use std::collections::HashSet;

/// As many names are told one by one.
const NAMES: usize = 20;

/// Says what of a border is answered for.
pub(super) struct Judge<'a> {
    estate: &'a Estate<'a>,
    tables: &'a Tables<'a>,
    zone: Option<&'a Zone>,
    members: &'a HashSet<Identity>,
    /// Conduits that are open now; absent where there is no border that they would lead across.
    ways: Option<Vec<Way<'a>>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
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

    pub(super) fn isolation(
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
            // What in the zone is no service is guarded by the services outside.
            IsolationStatus::NotEnforced if not_enforcing.is_empty() => format!(
                "Every service in {name} enforces the policy, but services outside do not: {} lead to or from addresses \
                 and names in it.",
                many(faults, "open way")
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
                let holders = self.holders(crossing, peers);
                Some(format!("no document targets {holders}, so nothing is held back"))
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

    /// Whose policy would decide: the member's, or those of the services outside where the member is none.
    fn holders(&self, crossing: &Crossing, peers: &[Identity]) -> String {
        match peers {
            [first, rest @ ..] if !crossing.member.is_service() => match rest.len() {
                0 => self.tables.name(*first),
                more => format!("{} and {more} more", self.tables.name(*first)),
            },
            _ => self.tables.name(crossing.member),
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
    pub(super) fn observed(&self) -> Vec<ZoneTraffic> {
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
