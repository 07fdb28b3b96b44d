//! Checking a file: whether every byte of it is what was sealed, and by whom.

use crate::{
    canonical,
    key::Pin,
    model::Report,
    render::{self, SEAL_BEGIN, SEAL_END, html::EMBEDDED},
    seal::{ALGORITHM, ReportFormat, Seal, SealedReport, Statement},
};
use bulkhead_model::Timestamp;
use serde::Serialize;

/// What was found of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The form that the file has.
    pub format: ReportFormat,
    /// Whether nothing is wrong: every byte is what was sealed, it is signed, and by the key that was asked for.
    pub sound: bool,
    /// Everything that is wrong.
    pub problems: Vec<String>,
    /// Fingerprint of the key whose signature is right.
    pub signed_by: Option<String>,
    /// Whether that key is the one that was asked for.
    pub pinned: bool,
    pub framework: String,
    pub zone: Option<String>,
    pub made: Timestamp,
    pub revision: Option<u64>,
    /// How many evidence tables are vouched for.
    pub evidence: usize,
}

/// The file is no report, or is so damaged that nothing can be said of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("it has no seal: is it a report of Bulkhead?")]
    NoSeal,
    #[error("it has more than one seal")]
    ManySeals,
    #[error("its seal cannot be read: {0}")]
    Seal(String),
    #[error("it is no JSON report: {0}")]
    Json(String),
}

/// Checks the text of a report in any form. Without a pin it is said who signed, and the reader compares.
///
/// # Errors
/// There is no seal that could be read.
pub fn verify(text: &str, pin: Option<&Pin>) -> Result<Verification, Unreadable> {
    let mut problems = Vec::new();
    let (format, seal) = match text.trim_start().starts_with('{') {
        true => (ReportFormat::Json, json(text, &mut problems)?),
        false => pages(text, &mut problems)?,
    };
    let signed_by = signature(&seal, &mut problems);
    let pinned = match (pin, seal.key()) {
        (Some(pin), Some(key)) if !pin.fits(&key) => {
            problems.push(format!(
                "it is signed by another key: {} instead of {}",
                key.fingerprint(),
                pin.fingerprint()
            ));
            false
        }
        (pin, _) => pin.is_some() && signed_by.is_some(),
    };
    let Statement { framework, zone, made, revision, evidence, .. } = seal.statement;
    Ok(Verification {
        format,
        sound: problems.is_empty(),
        problems,
        signed_by,
        pinned,
        framework,
        zone,
        made,
        revision,
        evidence: evidence.len(),
    })
}

/// The fingerprint of who signed, if the signature is right.
fn signature(seal: &Seal, problems: &mut Vec<String>) -> Option<String> {
    let Some(signature) = &seal.signature else {
        problems.push("it is not signed: it may be whole, but nobody vouches for it".to_owned());
        return None;
    };
    if signature.algorithm != ALGORITHM {
        problems.push(format!("the signature is of an unknown kind: {}", shorten(&signature.algorithm)));
        return None;
    }
    let Some(key) = seal.key() else {
        problems.push("the public key in the seal is no Ed25519 key".to_owned());
        return None;
    };
    if !key.has_signed(seal.statement.text().as_bytes(), &signature.value) {
        problems.push("the signature does not belong to what the seal states".to_owned());
        return None;
    }
    Some(key.fingerprint())
}

fn json(text: &str, problems: &mut Vec<String>) -> Result<Seal, Unreadable> {
    let sealed: SealedReport =
        serde_json::from_str(text).map_err(|error| Unreadable::Json(error.to_string()))?;
    contents(&sealed.report, &sealed.seal.statement, problems);
    // Blanks, escapes and doubled keys mean nothing to a reader of JSON; they are changes all the same.
    let proper = sealed.render(ReportFormat::Json);
    if problems.is_empty() && proper != text {
        problems
            .push(format!("the file is written differently from what was sealed: {}", place(text, &proper)));
    }
    Ok(sealed.seal)
}

fn pages(text: &str, problems: &mut Vec<String>) -> Result<(ReportFormat, Seal), Unreadable> {
    let (before, rest) = text.split_once(SEAL_BEGIN).ok_or(Unreadable::NoSeal)?;
    let (inside, after) = rest.split_once(SEAL_END).ok_or(Unreadable::NoSeal)?;
    if rest.contains(SEAL_BEGIN) || after.contains(SEAL_END) {
        return Err(Unreadable::ManySeals);
    }
    let is_html = text.trim_start().starts_with('<');
    let data =
        if is_html { render::html::sealed_text(inside) } else { render::markdown::sealed_text(inside) };
    let data = data.ok_or_else(|| Unreadable::Seal("its frame is broken".to_owned()))?;
    let seal: Seal = serde_json::from_str(&data).map_err(|error| Unreadable::Seal(error.to_string()))?;
    let whole = format!("{SEAL_BEGIN}{inside}{SEAL_END}");
    if is_html {
        if whole != render::html_seal(&seal) {
            problems.push("the text of the seal itself was changed".to_owned());
        }
        html(before, after, &seal.statement, problems);
        return Ok((ReportFormat::Html, seal));
    }
    // The seal ends the text.
    if whole + after != render::markdown_seal(&seal) {
        problems.push("the text of the seal itself, or after it, was changed".to_owned());
    }
    if canonical::sha256(before.as_bytes()) != seal.statement.markdown {
        problems.push("the text does not have the hash that was sealed".to_owned());
    }
    Ok((ReportFormat::Md, seal))
}

fn html(before: &str, after: &str, statement: &Statement, problems: &mut Vec<String>) {
    if canonical::sha256([before, after].concat().as_bytes()) == statement.html {
        return;
    }
    let embedded = embedded(after);
    let Some(report) = &embedded else {
        problems
            .push("the page does not have the hash that was sealed; its evidence cannot be read".to_owned());
        return;
    };
    contents(report, statement, problems);
    // The evidence is whole, so it can say what the page should read.
    let [proper_before, proper_after] = render::html(report);
    if problems.is_empty()
        && canonical::sha256([&*proper_before, &*proper_after].concat().as_bytes()) == statement.html
    {
        let differs =
            if before == proper_before { place(after, &proper_after) } else { place(before, &proper_before) };
        problems.push(format!("the page differs from its evidence: {differs}"));
    }
    if problems.is_empty() {
        problems.push("the page does not have the hash that was sealed".to_owned());
    }
}

/// The report in a file of JSON or in the page that carries it, as far as it can be read; nothing is checked.
pub fn carried(text: &str) -> Option<Report> {
    match text.trim_start().starts_with('{') {
        true => serde_json::from_str::<SealedReport>(text).ok().map(|sealed| sealed.report),
        false => embedded(text),
    }
}

/// The report that a page carries.
fn embedded(page: &str) -> Option<Report> {
    let (_, rest) = page.split_once(EMBEDDED)?;
    let (text, _) = rest.split_once("</template>")?;
    serde_json::from_str(&render::html::unescape(text)).ok()
}

/// Evidence by evidence, then the rest.
fn contents(report: &Report, statement: &Statement, problems: &mut Vec<String>) {
    let before = problems.len();
    for item in &report.evidence {
        let title = format!("evidence {} ({})", shorten(&item.id), shorten(&item.title));
        match statement.evidence.get(&item.id) {
            None => problems.push(format!("{title} was not there when the report was sealed")),
            Some(sealed) if *sealed != item.hash() => {
                problems.push(format!("{title} was changed: its hash is not the one that was sealed"));
            }
            Some(sealed) if *sealed != item.sha256 => {
                problems.push(format!("{title} shows another hash than the one that was sealed"));
            }
            Some(_) => {}
        }
    }
    for id in statement.evidence.keys().filter(|id| report.evidence.iter().all(|item| item.id != **id)) {
        problems.push(format!("evidence {} is missing", shorten(id)));
    }
    if problems.len() == before && report.hash() != statement.report {
        problems
            .push("the text of the report was changed: its hash is not the one that was sealed".to_owned());
    }
    if problems.len() == before && Statement::heading(report) != Statement::heading_of(statement) {
        problems
            .push("the seal speaks of another report: framework, zone, date or revision differ".to_owned());
    }
}

impl Statement {
    fn heading(report: &Report) -> (&str, &str, Option<&str>, Timestamp, Option<u64>) {
        (&report.schema, &report.framework.id, report.zone.as_deref(), report.made, report.source.revision)
    }

    fn heading_of(&self) -> (&str, &str, Option<&str>, Timestamp, Option<u64>) {
        (&self.schema, &self.framework, self.zone.as_deref(), self.made, self.revision)
    }
}

/// Where two texts begin to differ.
fn place(found: &str, sealed: &str) -> String {
    let (mut found_lines, mut sealed_lines) = (found.split('\n'), sealed.split('\n'));
    for line in 1.. {
        match (found_lines.next(), sealed_lines.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                let (a, b) = (a.unwrap_or("nothing"), b.unwrap_or("nothing"));
                let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count().saturating_sub(20);
                let from = |text: &str| shorten(&text.chars().skip(common).collect::<String>());
                return format!("line {line} reads \"{}\" and was sealed as \"{}\"", from(a), from(b));
            }
        }
    }
    "in its line ends".to_owned()
}

/// Foreign text, short enough for a message, without what a terminal would obey.
fn shorten(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).take(60).collect()
}
