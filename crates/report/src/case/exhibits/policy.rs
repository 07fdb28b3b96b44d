//! Rules, documents and their history.

use super::{Table, cells, or_dash, way, when};
use crate::{case::Case, render::time};

impl Case<'_> {
    pub(super) fn rule_table(&self) -> Table {
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

    pub(super) fn insecure_table(&self) -> Table {
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

    pub(super) fn document_table(&self) -> Table {
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

    pub(super) fn revisions(&self) -> Table {
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

    pub(super) fn exception_table(&self) -> Table {
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
}
