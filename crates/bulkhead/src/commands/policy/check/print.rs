//! What is found, for people and for pipelines.

use super::{Compared, Fault, Report, Source};
use crate::{
    commands::policy::{difference, judged, verify::xml},
    output::{Screen, Style, edges},
};
use bulkhead_policy::verify;
use std::io::{self, Write};

pub(super) fn text(screen: &mut Screen, report: &Report) -> io::Result<()> {
    for fault in &report.findings {
        write!(screen, "{}:{}:{}: ", fault.file, fault.line, fault.column)?;
        let style = if fault.severity == "error" { Style::Bad } else { Style::Warning };
        screen.span(style, fault.severity)?;
        write!(screen, ": ")?;
        if !fault.field.is_empty() {
            write!(screen, "{}: ", fault.field)?;
        }
        match &fault.suggestion {
            Some(suggestion) => writeln!(screen, "{}; {suggestion}", fault.message)?,
            None => writeln!(screen, "{}", fault.message)?,
        }
    }
    if let Some(Compared { base, difference }) = &report.difference {
        if difference.is_empty() {
            writeln!(screen, "No document differs from {base}.")?;
        } else {
            screen.line(Style::Bold, &format!("Compared with {base}:"))?;
            difference::print(screen, difference)?;
        }
    }
    if let Some(judged) = &report.simulation {
        judged::print(screen, judged, false)?;
    }
    if !report.claims.is_empty() {
        writeln!(screen, "{} claim(s): {} broken", report.claims.len(), broken(report))?;
    }
    writeln!(
        screen,
        "{} file(s) checked: {} error(s), {} warning(s)",
        report.files, report.errors, report.warnings
    )
}

fn broken(report: &Report) -> usize {
    report.claims.iter().filter(|claim| !claim.holds).count()
}

/// See GitHub's "Workflow commands": `%`, CR and LF are escaped, in properties `:` and `,` as well.
pub(super) fn github(screen: &mut Screen, report: &Report) -> io::Result<()> {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    for fault in &report.findings {
        writeln!(
            screen,
            "::{} file={},line={},col={},title={}::{}",
            fault.severity,
            property(&fault.file),
            fault.line,
            fault.column,
            property(&format!("bulkhead policy check ({})", fault.rule)),
            data(&told(fault))
        )?;
    }
    if let Some(Compared { base, difference }) = &report.difference {
        let message = format!(
            "compared with {base}: {} document(s) differ, flows of {} pair(s) change",
            difference.documents.len(),
            difference.flows.len()
        );
        writeln!(screen, "::notice title=bulkhead policy check::{}", data(&message))?;
    }
    if let Some(judged) = &report.simulation {
        writeln!(screen, "::notice title=bulkhead policy check::{}", data(&judged.sentence))?;
    }
    Ok(())
}

fn told(fault: &Fault) -> String {
    let message = match &fault.suggestion {
        Some(suggestion) => format!("{}: {}; {suggestion}", fault.field, fault.message),
        None => format!("{}: {}", fault.field, fault.message),
    };
    message.trim_start_matches(": ").to_owned()
}

pub(super) fn markdown(screen: &mut Screen, report: &Report) -> io::Result<()> {
    writeln!(screen, "**Policy check**: {} error(s), {} warning(s)", report.errors, report.warnings)?;
    if !report.findings.is_empty() {
        writeln!(screen, "\n| where | what | field |\n|---|---|---|")?;
        for fault in &report.findings {
            let place = format!("{}:{}", fault.file, fault.line);
            let what = format!("{}: {}", fault.severity, fault.message);
            writeln!(screen, "| {} | {} | {} |", cell(&place), cell(&what), cell(&fault.field))?;
        }
    }
    if !report.claims.is_empty() {
        writeln!(screen, "\n{}", verify::markdown(&report.claims).trim_end())?;
    }
    if let Some(Compared { base, difference }) = &report.difference {
        writeln!(screen, "\n**Compared with `{}`**", base.replace('`', ""))?;
        if difference.is_empty() {
            writeln!(screen, "\nNo document differs.")?;
        }
        for document in &difference.documents {
            writeln!(screen, "- {} {}", document.change, cell(&document.document))?;
            for rule in &document.rules {
                let sign = if rule.change == "added" { '+' } else { '-' };
                writeln!(screen, "  - `{sign} {}: {}`", rule.direction, rule.rule.replace('`', ""))?;
            }
        }
        if !difference.flows.is_empty() {
            writeln!(screen, "\n| from | to | becomes allowed | becomes denied |\n|---|---|---|---|")?;
            for flow in &difference.flows {
                let (client, server) = (flow.client.to_string(), flow.server.to_string());
                writeln!(
                    screen,
                    "| {} | {} | {} | {} |",
                    cell(&client),
                    cell(&server),
                    cell(&flow.gained),
                    cell(&flow.lost)
                )?;
            }
        }
    }
    if let Some(judged) = &report.simulation {
        writeln!(screen, "\n**Recorded traffic**: {}", judged.sentence)?;
        if !judged.changes.is_empty() {
            writeln!(
                screen,
                "\n| edge | before | after | connections | expected | because |\n|---|---|---|---|---|---|"
            )?;
        }
        for change in &judged.changes {
            let expected = match (change.is_denial(), change.expected) {
                (true, true) => "**yes**",
                (true, false) => "no",
                (false, _) => "",
            };
            writeln!(
                screen,
                "| {} | {} | {} | {} | {expected} | {} |",
                cell(&edges::arrow(&change.edge)),
                change.before,
                change.after,
                change.connections,
                cell(&change.because)
            )?;
        }
    }
    Ok(())
}

/// Text of strangers within a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ").replace('<', "&lt;")
}

/// A test for each file, each claim, and the recorded traffic.
pub(super) fn junit(screen: &mut Screen, report: &Report, sources: &[Source]) -> io::Result<()> {
    let of_file = |name: &str| -> Vec<&Fault> {
        let own = |f: &&Fault| {
            f.file == name
                && f.severity == "error"
                && !matches!(f.rule.as_str(), super::rules::CLAIM_BROKEN | super::rules::FLOW_DENIED)
        };
        report.findings.iter().filter(own).collect()
    };
    let denied: Vec<&Fault> =
        report.findings.iter().filter(|f| f.rule == super::rules::FLOW_DENIED).collect();
    let files: Vec<(&str, Vec<&Fault>)> =
        sources.iter().map(|s| (s.name.as_str(), of_file(&s.name))).collect();
    let failures = files.iter().filter(|(_, faults)| !faults.is_empty()).count()
        + broken(report)
        + usize::from(!denied.is_empty());
    let tests = files.len() + report.claims.len() + usize::from(report.simulation.is_some());
    writeln!(screen, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(screen, "<testsuite name=\"bulkhead policy check\" tests=\"{tests}\" failures=\"{failures}\">")?;
    for (name, faults) in &files {
        let lines: Vec<String> =
            faults.iter().map(|f| format!("{}:{}: {}", f.file, f.line, told(f))).collect();
        case(screen, name, "document", &lines)?;
    }
    for claim in &report.claims {
        let broken =
            |violation: &verify::Violation| format!("{}: {}", violation.path.join(" → "), violation.what);
        let lines: Vec<String> = match claim.holds {
            true => Vec::new(),
            false => claim.violations.iter().map(broken).collect(),
        };
        case(screen, &claim.name, claim.claim, &lines)?;
    }
    if report.simulation.is_some() {
        let lines: Vec<String> = denied.iter().map(|fault| fault.message.clone()).collect();
        case(screen, "no expected traffic is denied", "flows", &lines)?;
    }
    writeln!(screen, "</testsuite>")
}

fn case(screen: &mut Screen, name: &str, class: &str, failures: &[String]) -> io::Result<()> {
    let name = xml(name);
    if failures.is_empty() {
        return writeln!(screen, "  <testcase name=\"{name}\" classname=\"{class}\"/>");
    }
    writeln!(screen, "  <testcase name=\"{name}\" classname=\"{class}\">")?;
    writeln!(screen, "    <failure message=\"{} fault(s)\">", failures.len())?;
    for failure in failures {
        writeln!(screen, "{}", xml(failure))?;
    }
    writeln!(screen, "    </failure>\n  </testcase>")
}
