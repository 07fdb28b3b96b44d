//! What crosses the border of a zone, may or did.

use super::{Table, capital, cells, or_dash, way, when};
use crate::{
    case::Case,
    words::many,
    zone::{ZoneTraffic, ZoneWay, externals},
};

impl Case<'_> {
    pub(super) fn members(&self) -> Table {
        let services = self.border.services();
        let mut rows: Vec<Vec<String>> = services
            .iter()
            .map(|service| {
                let through = self
                    .zone
                    .and_then(|zone| self.tables.members.set.zone_through(&zone.metadata.name, service));
                cells([
                    service.name.to_string(),
                    "service".to_owned(),
                    through.map_or_else(|| "–".to_owned(), |zone| zone.metadata.name.clone()),
                    service.mode.to_string(),
                    self.estate
                        .services
                        .get(&service.name)
                        .map_or_else(|| "–".to_owned(), |f| f.workloads.to_string()),
                ])
            })
            .collect();
        let outside = self.zone.map(|zone| externals(self.estate, &zone.metadata.name)).unwrap_or_default();
        let count = outside.len();
        rows.extend(outside.into_iter().map(|(name, through)| {
            cells([name, "external".to_owned(), through, "–".to_owned(), "–".to_owned()])
        }));
        Table {
            title: format!("Who belongs to {}", self.subject()),
            says: format!(
                "Members of {}: {}; addresses and names outside: {count}.",
                self.subject(),
                many(services.len(), "service")
            ),
            columns: &["Member", "Kind", "Through zone", "Mode", "Workloads"],
            rows,
        }
    }

    pub(super) fn scope(&self) -> Table {
        let mut standings: Vec<_> = self.border.standings.iter().collect();
        standings.sort_by_key(|(name, standing)| (standing.scope, *name));
        let rows = standings.into_iter().map(|(name, standing)| {
            cells([name.to_string(), standing.scope.to_string(), standing.why.clone()])
        });
        let counts = crate::scope::ScopeCounts::of(&self.border.standings);
        Table {
            title: format!("The estate as {} divides it", self.subject()),
            says: format!(
                "Services in scope: {}; connected to them: {}; security-impacting: {}; out of scope: {}.",
                counts.in_scope, counts.connected_to, counts.security_impacting, counts.out_of_scope
            ),
            columns: &["Service", "Standing", "Why"],
            rows: rows.collect(),
        }
    }

    pub(super) fn ways(&self) -> Table {
        let Some(zone) = self.zone else {
            return Table {
                title: "Conduits and exceptions".to_owned(),
                says: "No zone was named.".to_owned(),
                columns: &[],
                rows: Vec::new(),
            };
        };
        let row = |kind: &str, way: ZoneWay| {
            cells([
                kind.to_owned(),
                or_dash(way.name.as_deref()),
                format!("{} → {}", way.from.join(", "), way.to.join(", ")),
                way.traffic,
                or_dash(way.owner.as_deref()),
                or_dash(way.reason.as_deref()),
                match way.expired {
                    true => format!("expired {}", when(way.expires)),
                    false => when(way.expires),
                },
                way.connections.to_string(),
                when(way.last_used),
            ])
        };
        let conduits = self.border.ways(zone, zone.conduits.iter().flatten());
        let exceptions = self.border.ways(zone, zone.exceptions.iter());
        let says = match zone.conduits {
            None => format!(
                "{} has no border of its own: whatever rules allow crosses it.",
                capital(&self.subject())
            ),
            Some(_) => format!(
                "Conduits: {}; exceptions: {}. Whatever else crosses the border of {} is denied by it.",
                conduits.len(),
                exceptions.len(),
                self.subject()
            ),
        };
        let rows = conduits.into_iter().map(|way| row("conduit", way));
        let rows = rows.chain(exceptions.into_iter().map(|way| row("exception", way)));
        Table {
            title: format!("Conduits and exceptions of {}", self.subject()),
            says,
            columns: &[
                "Kind",
                "Name",
                "Way",
                "Traffic",
                "Owner",
                "Reason",
                "Expires",
                "Connections",
                "Last used",
            ],
            rows: rows.collect(),
        }
    }

    pub(super) fn crossings(&self) -> Table {
        let isolation = &self.border.isolation;
        let mut crossings: Vec<_> = isolation.crossings.iter().collect();
        // What nobody answers for first.
        crossings.sort_by_key(|crossing| crossing.fault.is_none());
        let faults = crossings.iter().filter(|crossing| crossing.fault.is_some()).count();
        let rows = crossings.into_iter().map(|crossing| {
            let more = crossing.peer_count.saturating_sub(crossing.peers.len() as u64);
            let mut peers = crossing.peers.join(", ");
            if more > 0 {
                peers = format!("{peers} and {more} more");
            }
            cells([
                way(crossing.direction),
                crossing.member.clone(),
                peers,
                crossing.traffic.clone(),
                crossing.example.clone(),
                or_dash(Some(&crossing.by.join("; "))),
                or_dash(crossing.fault.as_deref()),
            ])
        });
        Table {
            title: format!("What may cross the border of {}, over all flows", self.subject()),
            says: format!(
                "Asked of {} with sets of flows, in the modes that hold now: {}, {faults} of which nobody answers for.",
                many(isolation.checked, "pair"),
                many(isolation.crossings.len(), "way")
            ),
            columns: &["Way", "Member", "Peers", "Traffic", "For example", "By", "Fault"],
            rows: rows.collect(),
        }
    }

    pub(super) fn detours(&self) -> Table {
        let isolation = &self.border.isolation;
        let rows = isolation
            .indirect
            .iter()
            .map(|detour| cells([detour.peer.clone(), detour.hops.to_string(), detour.via.clone()]));
        Table {
            title: format!("Who may get to {} over others", self.subject()),
            says: format!(
                "Further peers that get there within {1} steps, if an attacker holds every service on the way: {0}.",
                isolation.indirect_total,
                crate::zone::HOPS
            ),
            columns: &["Peer", "Steps", "Next on the way"],
            rows: rows.collect(),
        }
    }

    pub(super) fn traffic(&self, denied: bool) -> Table {
        let wanted = |seen: &&ZoneTraffic| !denied || seen.denied > 0;
        let seen: Vec<_> = self.border.isolation.observed.iter().filter(wanted).collect();
        let passed = seen.iter().filter(|seen| seen.connections > 0).count();
        let refused: u64 = seen.iter().map(|seen| seen.denied).sum();
        let rows = seen.iter().map(|seen| {
            cells([
                way(seen.direction),
                seen.client.clone(),
                seen.server.clone(),
                seen.what.clone(),
                seen.connections.to_string(),
                seen.denied.to_string(),
                seen.would_deny.to_string(),
                when(Some(seen.first_seen)),
                when(Some(seen.last_seen)),
                seen.verdict.to_string(),
                or_dash(Some(&seen.by.join("; "))),
            ])
        });
        let (title, says) = if denied {
            (
                format!("What was denied at the border of {}", self.subject()),
                format!("Denied connections: {refused}, of {}.", many(seen.len(), "kind")),
            )
        } else {
            (
                format!("What was seen at the border of {}", self.subject()),
                format!(
                    "Kinds of connection seen across it: {}; of these passed: {passed}. Denied connections: {refused}.",
                    seen.len()
                ),
            )
        };
        Table {
            title,
            says,
            columns: &[
                "Way",
                "Client",
                "Server",
                "What",
                "Passed",
                "Denied",
                "Would deny",
                "First seen",
                "Last seen",
                "Now",
                "By",
            ],
            rows: rows.collect(),
        }
    }
}
