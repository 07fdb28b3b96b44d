//! What documents would do to flows that were seen.

use super::files::{Files, inventory};
use crate::{
    commands::recorded::{Recorded, as_ruled, doubt},
    output::{Cell, Column, Screen, Style, Table, amount, edges, moment},
};
use bulkhead_model::{EdgeKey, Mode, ServiceName, Timestamp, Verdict};
use bulkhead_policy::{Evaluator, PairVerdict, RuleBook};
use serde::Serialize;
use std::io::{self, Write};

/// The verdicts that change, as edges.
#[derive(Debug, Serialize)]
pub(super) struct Judged {
    pub(super) edges: u64,
    /// Connections that were judged, those that were denied when they were seen among them.
    pub(super) connections: u64,
    pub(super) changes: Vec<Change>,
    pub(super) expected_denials: Expected,
    pub(super) sentence: String,
}

/// The one number: denials of traffic that was expected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Expected {
    pub(super) edges: u64,
    pub(super) connections: u64,
}

/// An edge whose verdict is another one.
#[derive(Debug, Serialize)]
pub(super) struct Change {
    pub(super) edge: EdgeKey,
    pub(super) before: Verdict,
    pub(super) after: Verdict,
    /// The rule that decides, or that there is none.
    pub(super) because: String,
    pub(super) first_seen: Timestamp,
    pub(super) last_seen: Timestamp,
    /// Connections whose verdict changes.
    pub(super) connections: u64,
    /// Whether it was traffic that the service is there for; of what is denied.
    pub(super) expected: bool,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) doubt: Option<String>,
    /// Whose policy denies it.
    #[serde(skip)]
    pub(super) denied_by: Option<ServiceName>,
}

impl Change {
    pub(super) fn is_denial(&self) -> bool {
        self.after == Verdict::Denied
    }
}

impl Judged {
    /// Sorted and summed up: what hurts comes first.
    pub(super) fn new(edges: u64, connections: u64, mut changes: Vec<Change>) -> Self {
        changes.sort_by(|a, b| {
            (!a.is_denial(), !a.expected, &a.edge, a.before).cmp(&(
                !b.is_denial(),
                !b.expected,
                &b.edge,
                b.before,
            ))
        });
        let mut expected = Expected::default();
        for change in changes.iter().filter(|change| change.is_denial() && change.expected) {
            expected.edges += 1;
            expected.connections += change.connections;
        }
        let opened = changes.iter().filter(|change| !change.is_denial()).count();
        let doubtful = changes.iter().filter(|change| change.is_denial() && !change.expected).count();
        let mut sentence = match expected.edges {
            0 => format!("Of {} seen, none that was expected would be denied", amount::plural(edges, "edge")),
            n => format!(
                "Denials that were expected traffic: {} on {} of {} seen",
                amount::plural(expected.connections, "connection"),
                amount::plural(n, "edge"),
                edges
            ),
        };
        if doubtful > 0 {
            sentence += &format!(
                "; {} more would be denied that nobody expects",
                amount::plural(doubtful as u64, "edge")
            );
        }
        if opened > 0 {
            sentence += &format!("; {} that was denied would pass", amount::plural(opened as u64, "edge"));
        }
        sentence.push('.');
        Self { edges, connections, changes, expected_denials: expected, sentence }
    }
}

/// Judges what was recorded by documents. Services that these target enforce them; the others hold nothing back, unless
/// all are to be judged as if they enforced. Each edge is judged once, however many flows it stands for.
pub(super) fn judge(recorded: &Recorded, files: &Files, enforce: bool) -> Judged {
    let keys: Vec<EdgeKey> = recorded.edges.iter().map(|seen| as_ruled(&seen.key)).collect();
    let mut inventory = inventory(&[files], keys.iter().flat_map(|key| [&key.client, &key.server]));
    if enforce {
        let names: Vec<_> = inventory.services().map(|service| service.name.clone()).collect();
        for name in &names {
            if let Some(service) = inventory.service_mut(name) {
                service.mode = Mode::Enforce;
            }
        }
    }
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(&files.set, &inventory, &mut book, moment::now());
    let (mut changes, mut connections) = (Vec::new(), 0);
    for ((seen, key), standing) in recorded.edges.iter().zip(&keys).zip(&recorded.standings) {
        let counters = seen.counters;
        connections += counters.connections + counters.denied;
        let pair = evaluator.edge_verdict(key);
        let passes = pair.verdict != Verdict::Denied;
        let change = |before, after, connections| {
            let doubt = doubt(seen, *standing);
            Change {
                edge: key.clone(),
                before,
                after,
                because: because(&pair),
                first_seen: seen.first,
                last_seen: seen.last,
                connections,
                expected: doubt.is_none(),
                doubt: doubt.map(str::to_owned),
                denied_by: pair
                    .sides()
                    .find(|side| side.verdict() == Verdict::Denied)
                    .map(|side| side.service.clone()),
            }
        };
        if seen.passed && !passes {
            let before = if counters.would_deny > 0 { Verdict::WouldDeny } else { Verdict::Allowed };
            // What was reported as would-deny already is no surprise.
            let mut change = change(before, Verdict::Denied, counters.connections.max(1));
            if before == Verdict::WouldDeny && change.expected {
                change.expected = false;
                change.doubt = Some("the policy of that time would have denied it too".to_owned());
            }
            changes.push(change);
        }
        if counters.denied > 0 && passes {
            let mut change = change(Verdict::Denied, pair.verdict, counters.denied);
            change.expected = false;
            change.doubt = None;
            changes.push(change);
        }
    }
    Judged::new(recorded.edges.len() as u64, connections, changes)
}

/// `rule shop/db ingress[0] denies it`, or who has no rule for it.
fn because(pair: &PairVerdict) -> String {
    let denying = pair.sides().find(|side| side.verdict() == Verdict::Denied);
    match denying.or_else(|| pair.sides().next()) {
        None => "no end of it is a service".to_owned(),
        Some(side) => match (&side.decision.rule, side.verdict()) {
            (Some(rule), Verdict::Denied) => format!("{} denies it", rule.title()),
            (None, Verdict::Denied) => format!("no {} rule of {} allows it", side.direction, side.service),
            (Some(rule), _) if side.decision.allow => format!("{} allows it", rule.title()),
            _ => format!("{} holds nothing back", side.service),
        },
    }
}

pub(super) fn print(screen: &mut Screen, judged: &Judged, wide: bool) -> io::Result<()> {
    if !judged.changes.is_empty() {
        table(&judged.changes).print(screen, wide)?;
    }
    screen.paragraph(0, &judged.sentence)
}

fn table(changes: &[Change]) -> Table {
    let now = moment::now();
    let mut table = Table::new([
        Column::text("CLIENT").shrinks_to(10),
        Column::text("SERVER").shrinks_to(10),
        Column::text("PORT").shrinks_to(8),
        Column::text("BEFORE"),
        Column::text("AFTER"),
        Column::number("CONNS"),
        Column::text("EXPECTED"),
        Column::text("LAST").optional(),
        Column::text("FIRST").wide_only(),
        Column::text("BECAUSE").wide_only(),
        Column::text("DOUBT").wide_only(),
    ]);
    for change in changes {
        table.row([
            change.edge.client.to_string().into(),
            change.edge.server.to_string().into(),
            edges::service_port(&change.edge).into(),
            Cell::styled(change.before, change.before.into()),
            Cell::styled(change.after, change.after.into()),
            amount::count(change.connections).into(),
            match (change.is_denial(), change.expected) {
                (false, _) => "-".into(),
                (true, true) => Cell::styled("yes", Style::Bad),
                (true, false) => "no".into(),
            },
            moment::ago(change.last_seen, now).into(),
            moment::ago(change.first_seen, now).into(),
            change.because.clone().into(),
            change.doubt.clone().unwrap_or_default().into(),
        ]);
    }
    table
}

/// Why each of the changes, one a line: for outputs without room in a table.
pub(super) fn explain(screen: &mut Screen, judged: &Judged) -> io::Result<()> {
    for change in judged.changes.iter().filter(|change| change.is_denial() && change.expected) {
        writeln!(screen, "  {}: {}", edges::arrow(&change.edge), change.because)?;
    }
    Ok(())
}
