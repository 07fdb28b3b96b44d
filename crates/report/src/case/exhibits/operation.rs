//! What runs: modes, sensors, records, and what is known of services.

use super::{Table, capital, cells, or_dash, percent, when};
use crate::{case::Case, render::time};

impl Case<'_> {
    pub(super) fn enforcement(&self) -> Table {
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

    pub(super) fn sensors(&self) -> Table {
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

    pub(super) fn records(&self) -> Table {
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

    pub(super) fn learning(&self) -> Table {
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

    pub(super) fn namespace_table(&self) -> Table {
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

    pub(super) fn world(&self) -> Table {
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
