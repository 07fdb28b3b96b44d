//! `policy diff A B`: what a change of documents means, without a server.

use super::files::{Files, inventory};
use crate::{
    commands::Context,
    exit::Code,
    output::{Screen, Style, format::OutputArgs, moment, structured, waiting},
};
use anyhow::Result;
use bulkhead_model::Peer;
use bulkhead_policy::{ChangeKind, DocumentChange, FlowChange, Inventory, PolicySet};
use serde::Serialize;
use std::{
    io::{self, Write},
    path::PathBuf,
};

/// What a change of documents means.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    pub(super) documents: Vec<Changed>,
    pub(super) flows: Vec<Flow>,
}

impl Difference {
    pub(super) fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.flows.is_empty()
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Changed {
    pub(super) document: String,
    pub(super) change: &'static str,
    fields: Vec<String>,
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
pub(super) struct Rule {
    pub(super) change: &'static str,
    pub(super) direction: bulkhead_model::Direction,
    pub(super) rule: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Flow {
    pub(super) client: Peer,
    pub(super) server: Peer,
    /// As text: `tcp/6379`; empty where nothing.
    pub(super) gained: String,
    pub(super) lost: String,
}

impl From<DocumentChange> for Changed {
    fn from(change: DocumentChange) -> Self {
        Self {
            document: change.key.to_string(),
            change: match change.kind {
                ChangeKind::Added => "added",
                ChangeKind::Removed => "removed",
                ChangeKind::Changed => "changed",
            },
            fields: change.fields,
            rules: change
                .rules
                .into_iter()
                .map(|rule| Rule {
                    change: if rule.added { "added" } else { "removed" },
                    direction: rule.direction,
                    rule: rule.text,
                })
                .collect(),
        }
    }
}

impl From<FlowChange> for Flow {
    fn from(change: FlowChange) -> Self {
        let text = |set: &bulkhead_policy::flowset::TrafficSet| {
            if set.is_empty() { String::new() } else { set.to_string() }
        };
        let (gained, lost) = (text(&change.gained), text(&change.lost));
        Self { client: change.client, server: change.server, gained, lost }
    }
}

pub(super) fn run(cx: &mut Context, before: PathBuf, after: PathBuf, output: OutputArgs) -> Result<Code> {
    let (before, after) = (Files::read(cx, &[before])?, Files::read(cx, &[after])?);
    let difference = waiting::work("comparing", || between(&before, &after));
    if !structured(&mut cx.screen, output.output, &difference)? {
        print(&mut cx.screen, &difference)?;
    }
    Ok(if difference.is_empty() { Code::Success } else { Code::Problems })
}

/// Over all flows, where every targeted service enforces.
pub(super) fn between(before: &Files, after: &Files) -> Difference {
    let inventory = inventory(&[after, before], []);
    let flows = flows(&before.apart(&inventory), &after.apart(&inventory), &inventory);
    Difference { documents: documents(&before.set, &after.set), flows }
}

/// The same in an estate.
pub(super) fn within(before: &PolicySet, after: &PolicySet, estate: &Inventory) -> Difference {
    Difference { documents: documents(before, after), flows: flows(before, after, estate) }
}

fn flows(before: &PolicySet, after: &PolicySet, inventory: &Inventory) -> Vec<Flow> {
    let (before, after) = (before.with_bystanders(inventory), after.with_bystanders(inventory));
    let changes = bulkhead_policy::flow_diff(&before, &after, inventory, moment::now());
    changes.into_iter().map(Flow::from).collect()
}

fn documents(before: &PolicySet, after: &PolicySet) -> Vec<Changed> {
    bulkhead_policy::diff(before, after).into_iter().map(Changed::from).collect()
}

pub(super) fn print(screen: &mut Screen, difference: &Difference) -> io::Result<()> {
    for document in &difference.documents {
        let style = match document.change {
            "added" => Style::Good,
            "removed" => Style::Bad,
            _ => Style::Notice,
        };
        screen.span(style, document.change)?;
        writeln!(screen, " {}", document.document)?;
        for field in &document.fields {
            writeln!(screen, "    {field}")?;
        }
        for rule in &document.rules {
            let (sign, style) = if rule.change == "added" { ('+', Style::Good) } else { ('-', Style::Bad) };
            screen.line(style, &format!("  {sign} {}: {}", rule.direction, rule.rule))?;
        }
    }
    if difference.flows.is_empty() {
        return writeln!(screen, "No flow becomes allowed or denied.");
    }
    writeln!(screen, "\nFlows, where every targeted service enforces:")?;
    for flow in &difference.flows {
        writeln!(screen, "  {} → {}", flow.client, flow.server)?;
        if !flow.gained.is_empty() {
            screen.line(Style::Good, &format!("    + {}", flow.gained))?;
        }
        if !flow.lost.is_empty() {
            screen.line(Style::Bad, &format!("    - {}", flow.lost))?;
        }
    }
    Ok(())
}
