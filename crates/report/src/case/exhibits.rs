//! The evidence, table by table.

use super::Case;
use crate::words::many;
use crate::{
    model::Evidence,
    render::time,
    zone::{ZoneTraffic, ZoneWay, externals},
};
use bulkhead_model::{Direction, Timestamp};

/// Larger tables are cut: their number of rows is told, and what is most telling comes first.
const ROWS: usize = 2000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exhibit {
    Members,
    Scope,
    Ways,
    Crossings,
    Detours,
    Observed,
    Denied,
    Enforcement,
    Rules,
    Insecure,
    Documents,
    Revisions,
    Exceptions,
    Sensors,
    Records,
    Learning,
    Namespaces,
    World,
}

/// A table before it is numbered and hashed.
struct Table {
    title: String,
    says: String,
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

fn cells<const N: usize>(cells: [String; N]) -> Vec<String> {
    cells.to_vec()
}

fn or_dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("–").to_owned()
}

fn when(moment: Option<Timestamp>) -> String {
    moment.filter(|moment| moment.0 > 0).map_or_else(|| "–".to_owned(), time)
}

fn way(direction: Direction) -> String {
    match direction {
        Direction::Ingress => "in".to_owned(),
        Direction::Egress => "out".to_owned(),
    }
}

/// A share as people read it: `0.4 %`, `12 %`.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 10.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

impl Case<'_> {
    pub(super) fn exhibit(&self, exhibit: Exhibit, id: String) -> Evidence {
        let Table { title, says, columns, mut rows } = match exhibit {
            Exhibit::Members => self.members(),
            Exhibit::Scope => self.scope(),
            Exhibit::Ways => self.ways(),
            Exhibit::Crossings => self.crossings(),
            Exhibit::Detours => self.detours(),
            Exhibit::Observed => self.traffic(false),
            Exhibit::Denied => self.traffic(true),
            Exhibit::Enforcement => self.enforcement(),
            Exhibit::Rules => self.rule_table(),
            Exhibit::Insecure => self.insecure_table(),
            Exhibit::Documents => self.document_table(),
            Exhibit::Revisions => self.revisions(),
            Exhibit::Exceptions => self.exception_table(),
            Exhibit::Sensors => self.sensors(),
            Exhibit::Records => self.records(),
            Exhibit::Learning => self.learning(),
            Exhibit::Namespaces => self.namespace_table(),
            Exhibit::World => self.world(),
        };
        let total = rows.len() as u64;
        rows.truncate(ROWS);
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        let mut evidence = Evidence { id, title, says, columns, rows, total, sha256: String::new() };
        evidence.sha256 = evidence.hash();
        evidence
    }

    fn members(&self) -> Table {
        let services = self.border.services();
        let mut rows: Vec<Vec<String>> = services
            .iter()
            .map(|service| {
                let through =
                    self.zone.and_then(|zone| self.tables.members.through(&zone.metadata.name, service));
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
        rows.extend(outside.into_iter().map(|name| {
            cells([name, "external".to_owned(), "–".to_owned(), "–".to_owned(), "–".to_owned()])
        }));
        Table {
            title: format!("Who belongs to {}", self.subject()),
            says: format!(
                "Members of {2}: {0}, {1}.",
                many(services.len(), "service"),
                many(count, "external range or name"),
                self.subject()
            ),
            columns: &["Member", "Kind", "Through zone", "Mode", "Workloads"],
            rows,
        }
    }

    fn scope(&self) -> Table {
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

    fn ways(&self) -> Table {
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

    fn crossings(&self) -> Table {
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

    fn detours(&self) -> Table {
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

    fn traffic(&self, denied: bool) -> Table {
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

    fn enforcement(&self) -> Table {
        let mut services = self.border.services();
        services.sort_by_key(|service| (service.mode.drops(), service.name.clone()));
        let enforcing = services.iter().filter(|service| service.mode.drops()).count();
        let rows = services.iter().map(|service| {
            let facts = self.estate.services.get(&service.name);
            let number = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), |n| n.to_string());
            cells([
                service.name.to_string(),
                service.mode.to_string(),
                when(facts.and_then(|facts| facts.enforced_since)),
                number(facts.map(|facts| facts.denied_24h)),
                number(facts.map(|facts| facts.would_deny_24h)),
            ])
        });
        let note = match self.estate.operation {
            None => " These modes are what the documents would need, not what runs.",
            Some(_) => "",
        };
        Table {
            title: format!("Modes of the services in {}", self.subject()),
            says: format!(
                "{enforcing} of {} services hold back what their policy denies.{note}",
                services.len()
            ),
            columns: &["Service", "Mode", "Enforced since", "Denied in 24 h", "Would deny in 24 h"],
            rows: rows.collect(),
        }
    }

    fn rule_table(&self) -> Table {
        let rules = self.rules();
        let rows: Vec<Vec<String>> = rules
            .iter()
            .map(|rule| {
                cells([
                    rule.place.clone(),
                    rule.origin.to_string(),
                    way(rule.direction),
                    rule.services.to_string(),
                    rule.peers.clone(),
                    rule.traffic.clone(),
                    or_dash(rule.reason.as_deref()),
                    or_dash(rule.owner.as_deref()),
                    when(rule.expires),
                    rule.connections.to_string(),
                    when(rule.last_used),
                ])
            })
            .collect();
        let unused = rules.iter().filter(|rule| rule.connections == 0).count();
        Table {
            title: format!("What rules allow to the services in {}", self.subject()),
            says: format!(
                "Rules that allow something: {}; without a connection that was seen: {unused}.",
                rules.len()
            ),
            columns: &[
                "Rule",
                "Origin",
                "Way",
                "Services",
                "Peers",
                "Traffic",
                "Why",
                "Owner",
                "Expires",
                "Connections",
                "Last used",
            ],
            rows,
        }
    }

    fn insecure_table(&self) -> Table {
        let found = self.insecure();
        Table {
            title: "Insecure protocols".to_owned(),
            says: format!(
                "Places that allow or use protocols known to be insecure, by port and application: {}.",
                found.len()
            ),
            columns: &["Protocol", "Where"],
            rows: found.into_iter().map(|found| cells([found.what, found.place])).collect(),
        }
    }

    fn document_table(&self) -> Table {
        let documents = self.documents();
        let rows: Vec<Vec<String>> = documents
            .iter()
            .map(|document| {
                cells([
                    document.name.clone(),
                    document.origin.to_string(),
                    document.rules.to_string(),
                    when(document.updated.as_ref().map(|(time, _)| *time)),
                    or_dash(document.updated.as_ref().map(|(_, actor)| actor.as_str())),
                    when(document.reviewed),
                ])
            })
            .collect();
        Table {
            title: format!("Documents about {}", self.subject()),
            says: format!(
                "Documents that speak of it: {}. A document counts as reviewed when a person wrote it, or when its annotation \
                 bulkhead.dev/reviewed says so.",
                documents.len()
            ),
            columns: &["Document", "Origin", "Rules", "Changed", "By", "Reviewed"],
            rows,
        }
    }

    fn revisions(&self) -> Table {
        let rows = self.estate.revisions.iter().map(|revision| {
            cells([
                revision.revision.to_string(),
                time(revision.time),
                revision.actor.clone(),
                revision.summary.clone(),
            ])
        });
        Table {
            title: "Changes of the policy".to_owned(),
            says: match self.estate.revisions.len() {
                0 => "No change is on record.".to_owned(),
                count => format!("Changes: {count}, newest first."),
            },
            columns: &["Revision", "When", "Who", "What"],
            rows: rows.collect(),
        }
    }

    fn exception_table(&self) -> Table {
        let exceptions = self.exceptions();
        let expired = exceptions.iter().filter(|exception| exception.expired).count();
        let rows = exceptions.iter().map(|exception| {
            cells([
                exception.place.clone(),
                exception.what.clone(),
                or_dash(exception.owner.as_deref()),
                or_dash(exception.reason.as_deref()),
                when(exception.expires),
                if exception.expired { "expired".to_owned() } else { "in force".to_owned() },
            ])
        });
        Table {
            title: "Exceptions".to_owned(),
            says: format!("Rules and conduits for a time: {}; expired: {expired}.", exceptions.len()),
            columns: &["Where", "What", "Owner", "Reason", "Expires", "State"],
            rows: rows.collect(),
        }
    }

    fn sensors(&self) -> Table {
        let columns: &[&str] = &[
            "Node",
            "Last report",
            "Kernel",
            "Attached by",
            "Gate",
            "Endpoints",
            "Lost events",
            "Not covered",
        ];
        let title = "Sensors and enforcement".to_owned();
        let Some(operation) = &self.estate.operation else {
            return Table {
                title,
                says: "Made from files: no node was asked.".to_owned(),
                columns,
                rows: Vec::new(),
            };
        };
        let rows = operation.nodes.iter().map(|node| {
            let report = if node.silent {
                format!("silent since {}", time(node.last_report))
            } else {
                time(node.last_report)
            };
            cells([
                node.name.clone(),
                report,
                or_dash(Some(&node.kernel)),
                or_dash(Some(&node.attach_kind)),
                if node.gate { "yes".to_owned() } else { "no".to_owned() },
                node.endpoints.to_string(),
                node.lost_events.to_string(),
                or_dash(Some(&node.not_covered.join("; "))),
            ])
        });
        let degraded = match operation.degraded.as_slice() {
            [] => String::new(),
            degraded => format!(" Degraded: {}.", degraded.join("; ")),
        };
        Table {
            title,
            says: format!(
                "Nodes: {}. Revision {} is enforced, revision {} is wanted. Lost events: {}.{degraded}",
                operation.nodes.len(),
                operation.enforced_revision,
                operation.wanted_revision,
                operation.lost_events
            ),
            columns,
            rows: rows.collect(),
        }
    }

    fn records(&self) -> Table {
        let columns: &[&str] = &["Record", "Value"];
        let title = "Records and where they go".to_owned();
        let Some(operation) = &self.estate.operation else {
            return Table {
                title,
                says: "Made from files: there are no records.".to_owned(),
                columns,
                rows: Vec::new(),
            };
        };
        let audit = &operation.audit;
        let mut rows = vec![
            cells(["entries in the audit log".to_owned(), audit.entries.to_string()]),
            cells([
                "chain of the audit log".to_owned(),
                audit.broken_at.map_or_else(|| "whole".to_owned(), |at| format!("broken at entry {at}")),
            ]),
            cells(["hash of its newest entry".to_owned(), audit.head.clone()]),
            cells(["events are kept for".to_owned(), format!("{} days", operation.event_days)]),
            cells(["oldest event".to_owned(), when(operation.oldest_event)]),
        ];
        rows.extend(operation.outputs.iter().map(|output| {
            let state = if output.enabled { "" } else { ", switched off" };
            cells([
                format!("output {}", output.name),
                format!("{}, from {} on{state}", output.kind, output.from_severity),
            ])
        }));
        let sent = operation.outputs.iter().filter(|output| output.enabled).count();
        Table {
            title,
            says: format!("Entries in the audit log: {}. Outputs that events go to: {sent}.", audit.entries),
            columns,
            rows,
        }
    }

    fn learning(&self) -> Table {
        let services = self.border.services();
        let mut known: Vec<_> =
            services.iter().filter_map(|s| Some((&s.name, self.estate.services.get(&s.name)?))).collect();
        known.sort_by(|a, b| b.1.upper_day.total_cmp(&a.1.upper_day).then_with(|| a.0.cmp(b.0)));
        let rows = known.iter().map(|(name, facts)| {
            cells([
                name.to_string(),
                when(Some(facts.first_seen)),
                format!("{:.0} h", facts.observed_hours),
                percent(facts.upper_day),
                facts.learning.clone(),
            ])
        });
        Table {
            title: format!("How well the services in {} are known", self.subject()),
            says: format!(
                "For {} of {} services there is an estimate: the upper 95 % bound on the chance that the next day shows a \
                 connection never seen.",
                known.len(),
                services.len()
            ),
            columns: &["Service", "First seen", "Observed", "Unseen within a day", "In words"],
            rows: rows.collect(),
        }
    }

    fn namespace_table(&self) -> Table {
        let namespaces = self.namespaces();
        let rows: Vec<Vec<String>> = namespaces
            .iter()
            .map(|(name, namespace)| {
                cells([
                    name.clone(),
                    namespace.services.to_string(),
                    namespace.targeted.to_string(),
                    namespace.enforcing.to_string(),
                    namespace.documents.len().to_string(),
                ])
            })
            .collect();
        Table {
            title: "Namespaces".to_owned(),
            says: format!("Namespaces with services: {}.", namespaces.len()),
            columns: &["Namespace", "Services", "With a policy", "Enforcing", "Documents"],
            rows,
        }
    }

    fn world(&self) -> Table {
        let (reached, checked) = self.reached_by_world();
        let free = self.free_to_world();
        let mut rows: Vec<Vec<String>> = reached
            .iter()
            .map(|(name, traffic)| cells(["from the world".to_owned(), name.to_string(), traffic.clone()]))
            .collect();
        rows.extend(free.iter().map(|(name, why)| {
            cells(["to the world".to_owned(), name.to_string(), format!("everything: {why}")])
        }));
        Table {
            title: format!("{} and the world", capital(&self.subject())),
            says: format!(
                "Over all flows, in the modes that hold now: the world reaches {} of {checked} services, {} reach the world, \
                 and {} of these may send everything.",
                reached.len(),
                self.reaching_world(),
                free.len()
            ),
            columns: &["Way", "Service", "Traffic"],
            rows,
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
