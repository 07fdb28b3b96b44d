//! A report as a page and as a text. Both are made from the same [`Report`](crate::Report) and say the same.

pub(crate) mod html;
pub(crate) mod markdown;

pub(crate) use html::{page as html, seal as html_seal};
pub(crate) use markdown::{seal as markdown_seal, text as markdown};

use crate::model::{Evidence, Report, SourceKind};
use bulkhead_model::Timestamp;
use bulkhead_policy::document::format_time;

/// Around the seal, in both forms; what is outside of them is hashed.
pub(crate) const SEAL_BEGIN: &str = "<!-- bulkhead:seal -->";
pub(crate) const SEAL_END: &str = "<!-- /bulkhead:seal -->";

/// `2026-11-20T13:34:03Z`
pub(crate) fn time(time: Timestamp) -> String {
    format_time(time)
}

/// The lines under the title: what, of what, when.
fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let source = &report.source;
    let from = match source.kind {
        SourceKind::Estate => format!("running estate, {}", names("node", &source.names)),
        SourceKind::Files => {
            format!("{}; nothing that enforces them was asked", names("file", &source.names))
        }
    };
    let mut facts = vec![
        (
            "Subject",
            report.zone.as_ref().map_or("the whole estate".to_owned(), |zone| format!("zone {zone}")),
        ),
        ("Made", time(report.made)),
        ("From", from),
        ("Bulkhead", source.version.clone()),
    ];
    if let Some(revision) = source.revision {
        facts.push(("Policy revision", revision.to_string()));
    }
    if let Some(head) = &source.audit_head {
        facts.push(("Audit log", head.clone()));
    }
    facts
}

fn names(what: &str, names: &[String]) -> String {
    match names {
        [] => format!("no {what}"),
        [one] => format!("{what} {one}"),
        many if many.len() <= 5 => format!("{what}s {}", many.join(", ")),
        many => format!("{} {what}s, {} and others", many.len(), many[..3].join(", ")),
    }
}

/// What stands under a table that is cut.
fn cut(evidence: &Evidence) -> Option<String> {
    let shown = evidence.rows.len() as u64;
    (evidence.total > shown).then(|| format!("{shown} of {} rows are shown.", evidence.total))
}

/// Who vouches for a report, and how to check it.
fn vouching(seal: &crate::seal::Seal) -> String {
    match seal.key() {
        Some(key) => format!(
            "Signed by the key {0}. Check this file offline: bulkhead report verify FILE --key {0}",
            key.fingerprint()
        ),
        None => "Not signed: the hashes say that this file is whole, and not whose it is. Check it offline: \
             bulkhead report verify FILE"
            .to_owned(),
    }
}
