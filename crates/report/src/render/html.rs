//! One page that stands alone: no script, nothing fetched, styles in the page and named by their hash in its own content
//! security policy, so that nothing a workload or a document is called can do anything in it.

use super::{SEAL_BEGIN, SEAL_END, cut, facts, markdown::is_hidden, time};
use crate::{
    canonical,
    model::{Evidence, Report, Requirement, RequirementStatus},
    seal::Seal,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::digest::{SHA256, digest};
use std::fmt::{self, Write};

/// What the report that a page carries stands in.
pub(crate) const EMBEDDED: &str = "<template id=\"report\">";
const STYLE: &str = include_str!("style.css");
const SEAL_DATA: &str = "<pre>";
const SEAL_DATA_END: &str = "</pre>\n</section>\n";

/// What a browser may do with a page: show it.
pub fn content_security() -> String {
    let hash = BASE64_STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

/// The page before its seal and after it.
pub(crate) fn page(report: &Report) -> [String; 2] {
    let (mut before, mut after) = (String::new(), String::new());
    // Writing to a string does not fail.
    let _ = head(report, &mut before)
        .and_then(|()| body(report, &mut before))
        .and_then(|()| tail(report, &mut after));
    [before, after]
}

fn head(report: &Report, out: &mut String) -> fmt::Result {
    let title = match &report.zone {
        Some(zone) => format!("{}: zone {zone}", report.framework.title),
        None => report.framework.title.clone(),
    };
    writeln!(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">", content_security())?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(out, "<title>{}</title>", Text(&title))?;
    writeln!(out, "<style>{STYLE}</style>\n</head>")
}

fn body(report: &Report, out: &mut String) -> fmt::Result {
    let framework = &report.framework;
    writeln!(out, "<body>\n<header>")?;
    writeln!(out, "<p class=\"mark\">Bulkhead · compliance report</p>")?;
    writeln!(out, "<h1>{}</h1>", Text(&framework.title))?;
    writeln!(out, "<p class=\"about\">{}</p>", Text(&framework.about))?;
    writeln!(out, "<dl class=\"facts\">")?;
    for (name, value) in facts(report) {
        writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", Text(&value))?;
    }
    writeln!(out, "</dl>\n</header>\n<main>")?;
    summary(report, out)?;
    writeln!(out, "<section>\n<h2>Requirements</h2>")?;
    for requirement in &report.requirements {
        self::requirement(requirement, out)?;
    }
    writeln!(out, "</section>\n<section class=\"evidence\">\n<h2>Evidence</h2>")?;
    for evidence in &report.evidence {
        table(evidence, out)?;
    }
    writeln!(out, "</section>")
}

fn summary(report: &Report, out: &mut String) -> fmt::Result {
    let summary = &report.summary;
    writeln!(
        out,
        "<section class=\"summary\">\n<p class=\"sentence\">{}</p>\n<ul class=\"counts\">",
        Text(&summary.sentence)
    )?;
    for (count, status) in [
        (summary.met, RequirementStatus::Met),
        (summary.not_met, RequirementStatus::NotMet),
        (summary.not_decidable, RequirementStatus::NotDecidable),
    ] {
        writeln!(out, "<li class=\"{}\"><b>{count}</b> {status}</li>", class(status))?;
    }
    writeln!(
        out,
        "</ul>\n<table class=\"overview\">\n<thead><tr><th>Requirement</th><th>Asks for</th><th>Status</th></tr></thead>\n<tbody>"
    )?;
    for requirement in &report.requirements {
        writeln!(
            out,
            "<tr><td><a href=\"#{}\">{}</a></td><td>{}</td><td>{}</td></tr>",
            anchor(&requirement.number),
            Text(&requirement.number),
            Text(&requirement.asks),
            badge(requirement.status)
        )?;
    }
    writeln!(out, "</tbody>\n</table>")?;
    if !report.limits.is_empty() {
        writeln!(out, "<h2>What this report cannot say</h2>\n<ul class=\"limits\">")?;
        for limit in &report.limits {
            writeln!(out, "<li>{}</li>", Text(limit))?;
        }
        writeln!(out, "</ul>")?;
    }
    writeln!(out, "</section>")
}

fn requirement(requirement: &Requirement, out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "<article class=\"requirement {}\" id=\"{}\">\n<h3><span class=\"number\">{}</span> {}</h3>",
        class(requirement.status),
        anchor(&requirement.number),
        Text(&requirement.number),
        badge(requirement.status)
    )?;
    writeln!(out, "<p class=\"asks\">{}</p>\n<p>{}</p>", Text(&requirement.asks), Text(&requirement.reason))?;
    if !requirement.gaps.is_empty() {
        writeln!(
            out,
            "<table class=\"gaps\">\n<thead><tr><th>What is missing</th><th>What to do</th></tr></thead>\n<tbody>"
        )?;
        for gap in &requirement.gaps {
            writeln!(out, "<tr><td>{}</td><td>{}</td></tr>", Text(&gap.what), Text(&gap.remedy))?;
        }
        writeln!(out, "</tbody>\n</table>")?;
    }
    if !requirement.evidence.is_empty() {
        write!(out, "<p class=\"refers\">Evidence:")?;
        for id in &requirement.evidence {
            write!(out, " <a href=\"#{}\">{}</a>", anchor(id), Text(id))?;
        }
        writeln!(out, "</p>")?;
    }
    writeln!(out, "</article>")
}

fn table(evidence: &Evidence, out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "<article id=\"{}\">\n<h3><span class=\"number\">{}</span> {}</h3>\n<p>{}</p>",
        anchor(&evidence.id),
        Text(&evidence.id),
        Text(&evidence.title),
        Text(&evidence.says)
    )?;
    if !evidence.rows.is_empty() {
        write!(out, "<table>\n<thead><tr>")?;
        for column in &evidence.columns {
            write!(out, "<th>{}</th>", Text(column))?;
        }
        writeln!(out, "</tr></thead>\n<tbody>")?;
        for row in &evidence.rows {
            write!(out, "<tr>")?;
            for cell in row {
                match is_figure(cell) {
                    true => write!(out, "<td class=\"figure\">{}</td>", escape(cell))?,
                    false => write!(out, "<td>{}</td>", Text(cell))?,
                }
            }
            writeln!(out, "</tr>")?;
        }
        writeln!(out, "</tbody>\n</table>")?;
    }
    if let Some(cut) = cut(evidence) {
        writeln!(out, "<p>{cut}</p>")?;
    }
    writeln!(out, "<p class=\"hash\">SHA-256 {}</p>\n</article>", Text(&evidence.sha256))
}

fn tail(report: &Report, out: &mut String) -> fmt::Result {
    let json = canonical::compact(&canonical::value(report));
    writeln!(out, "</main>\n{EMBEDDED}{}</template>", escape(&json))?;
    writeln!(
        out,
        "<footer>{} · {}</footer>\n</body>\n</html>",
        Text(&report.framework.title),
        time(report.made)
    )
}

/// The seal, which stands between the two parts of the page.
pub(crate) fn seal(seal: &Seal) -> String {
    format!(
        "{SEAL_BEGIN}<section class=\"seal\">\n<h2>Seal</h2>\n<p>{}</p>\n{SEAL_DATA}{}{SEAL_DATA_END}{SEAL_END}",
        Text(&super::vouching(seal)),
        escape(&seal.text())
    )
}

/// What the seal says, from between its marks.
pub(crate) fn sealed_text(inside: &str) -> Option<String> {
    let (_, rest) = inside.split_once(SEAL_DATA)?;
    rest.strip_suffix(SEAL_DATA_END).map(unescape)
}

fn class(status: RequirementStatus) -> &'static str {
    match status {
        RequirementStatus::Met => "met",
        RequirementStatus::NotMet => "not-met",
        RequirementStatus::NotDecidable => "open",
    }
}

fn badge(status: RequirementStatus) -> String {
    let glyph = match status {
        RequirementStatus::Met => "✓",
        RequirementStatus::NotMet => "✕",
        RequirementStatus::NotDecidable => "?",
    };
    format!(
        "<span class=\"badge {}\"><span aria-hidden=\"true\">{glyph}</span> {status}</span>",
        class(status)
    )
}

/// Whether a cell is a number or a time, which is not broken into lines.
fn is_figure(cell: &str) -> bool {
    cell.len() <= 24
        && cell.starts_with(|c: char| c.is_ascii_digit())
        && cell.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | ':' | 'T' | 'Z' | '.' | ' ' | '%'))
}

/// An identifier for a number: `PCI 1.2.5` and the like hold nothing but this.
fn anchor(text: &str) -> String {
    let sound = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    format!("r-{}", text.chars().map(sound).collect::<String>())
}

/// Foreign text as text. What a browser would not show, or would show backwards, is shown as a mark.
struct Text<'a>(&'a str);

/// Longer runs without a blank may be broken after these signs, and still longer ones anywhere.
const RUN: usize = 14;
const LONGEST_RUN: usize = 32;

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut run = 0;
        for c in self.0.chars() {
            run = if c.is_whitespace() { 0 } else { run + 1 };
            match c {
                c if (c.is_control() && c != '\n') || is_hidden(c) => f.write_char('\u{fffd}')?,
                c => write_escaped(c, f)?,
            }
            if run >= LONGEST_RUN || (run >= RUN && matches!(c, '/' | '.' | '-' | '_' | ',' | ':')) {
                f.write_str("<wbr>")?;
                run = 0;
            }
        }
        Ok(())
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let _ = write_escaped(c, &mut out);
    }
    out
}

fn write_escaped(c: char, out: &mut impl Write) -> fmt::Result {
    match c {
        '&' => out.write_str("&amp;"),
        '<' => out.write_str("&lt;"),
        '>' => out.write_str("&gt;"),
        '"' => out.write_str("&quot;"),
        '\'' => out.write_str("&#39;"),
        c => out.write_char(c),
    }
}

/// The reverse of [`escape`].
pub(crate) fn unescape(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    plain.replace("&amp;", "&")
}
