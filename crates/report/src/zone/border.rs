//! The border of a zone, asked about all flows and held against what was seen.

use super::{HOPS, Isolation, ZoneMember, ZoneStatus, ZoneWay, externals, judge::Judge};
use crate::{
    crossing::Tables,
    estate::Estate,
    phrases::{peer_text, way_traffic},
    scope::{self, ScopeCounts, Standing},
};
use bulkhead_model::{Direction, Edge, Identity, ServiceName};
use bulkhead_policy::{
    View,
    document::{Conduit, PeerSpec, Zone},
};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// As many connections and detours are listed for readers of the interface.
const LISTED: usize = 200;

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

    pub(super) fn status(mut self, zone: &Zone) -> ZoneStatus {
        let name = zone.metadata.name.clone();
        self.isolation.observed.truncate(LISTED);
        self.isolation.indirect.truncate(LISTED);
        let members = self.services().into_iter().map(|service| ZoneMember {
            through: self
                .tables
                .members
                .set
                .zone_through(&name, service)
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
            externals: externals(self.estate, &name).into_keys().collect(),
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
