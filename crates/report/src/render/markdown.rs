//! Markdown, for merge requests and wikis.

use super::{SEAL_BEGIN, SEAL_END, cut, facts};
use crate::{model::Report, seal::Seal};
use std::fmt::Write;

/// Everything but the seal.
pub(crate) fn text(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write(report, &mut out);
    out
}

fn write(report: &Report, out: &mut String) -> std::fmt::Result {
    let framework = &report.framework;
    writeln!(out, "# {}\n", inline(&framework.title))?;
    writeln!(out, "{}\n", inline(&framework.about))?;
    writeln!(out, "| | |\n|---|---|")?;
    for (name, value) in facts(report) {
        writeln!(out, "| {name} | {} |", inline(&value))?;
    }
    let summary = &report.summary;
    writeln!(out, "\n**{}**\n", inline(&summary.sentence))?;
    writeln!(out, "| met | not met | not decidable by this tool |\n|---:|---:|---:|")?;
    writeln!(out, "| {} | {} | {} |", summary.met, summary.not_met, summary.not_decidable)?;
    if !report.limits.is_empty() {
        writeln!(out, "\n## What this report cannot say\n")?;
        for limit in &report.limits {
            writeln!(out, "- {}", inline(limit))?;
        }
    }
    writeln!(out, "\n## Requirements")?;
    for requirement in &report.requirements {
        writeln!(out, "\n### {} · {}\n", inline(&requirement.number), requirement.status)?;
        writeln!(out, "{}\n", inline(&requirement.asks))?;
        writeln!(out, "{}", inline(&requirement.reason))?;
        if !requirement.gaps.is_empty() {
            writeln!(out, "\nWhat to do:\n")?;
            for gap in &requirement.gaps {
                writeln!(out, "- {} → {}", inline(&gap.what), inline(&gap.remedy))?;
            }
        }
        if !requirement.evidence.is_empty() {
            writeln!(out, "\nEvidence: {}", inline(&requirement.evidence.join(", ")))?;
        }
    }
    writeln!(out, "\n## Evidence")?;
    for evidence in &report.evidence {
        writeln!(out, "\n### {} · {}\n", inline(&evidence.id), inline(&evidence.title))?;
        writeln!(out, "{}", inline(&evidence.says))?;
        if !evidence.rows.is_empty() {
            writeln!(out)?;
            row(&evidence.columns, out)?;
            writeln!(out, "|{}", "---|".repeat(evidence.columns.len()))?;
            for cells in &evidence.rows {
                row(cells, out)?;
            }
        }
        if let Some(cut) = cut(evidence) {
            writeln!(out, "\n{cut}")?;
        }
        writeln!(out, "\nSHA-256 `{}`", inline(&evidence.sha256))?;
    }
    writeln!(out)
}

fn row(cells: &[String], out: &mut String) -> std::fmt::Result {
    out.push('|');
    for cell in cells {
        write!(out, " {} |", inline(cell))?;
    }
    writeln!(out)
}

/// Foreign text as text: nothing in it is markup, and it stays on its line.
fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() || is_hidden(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// What turns the direction of text around, or cannot be seen: names in evidence must read as what they are.
pub(super) fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

const FENCE: &str = "\n```json\n";
const FENCE_END: &str = "```\n";

/// The seal, which ends the text.
pub(crate) fn seal(seal: &Seal) -> String {
    format!(
        "{SEAL_BEGIN}\n## Seal\n\n{}\n{FENCE}{}{FENCE_END}{SEAL_END}\n",
        super::vouching(seal),
        seal.text()
    )
}

/// What the seal says, from between its marks.
pub(crate) fn sealed_text(inside: &str) -> Option<String> {
    let (_, rest) = inside.split_once(FENCE)?;
    rest.strip_suffix(FENCE_END).map(str::to_owned)
}
