use crate::{
    commands::{
        Context,
        documents::{self, Source},
    },
    exit::Code,
    output::{Screen, Style, format},
};
use anyhow::Result;
use bulkhead_policy::{
    PolicySet, ReadOptions,
    document::read_assertions,
    kubernetes::{self, Semantics, Severity},
};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::{
    io::{self, Write},
    path::PathBuf,
};

/// Check documents and manifests for a pipeline: Bulkhead's own policies, and Kubernetes' policies
///
/// Needs no server. Ends with 1 if there are errors; with --strict, warnings count too.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Files and directories; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Count warnings as errors
    #[arg(long)]
    strict: bool,

    /// How to print what is found
    #[arg(short, long, value_enum, default_value = "txt", value_name = "FORMAT")]
    output: CheckFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// One line each: file:line:column: severity: field: message
    Txt,
    Json,
    /// Annotations of GitHub Actions
    Github,
    /// A table for a merge request
    Md,
}

/// One thing that is wrong or suspicious.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Fault {
    file: String,
    line: u32,
    column: u32,
    severity: &'static str,
    field: String,
    message: String,
    suggestion: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    files: usize,
    errors: usize,
    warnings: usize,
    findings: Vec<Fault>,
}

pub(super) fn check(cx: &mut Context, args: CheckArgs) -> Result<Code> {
    let sources = documents::read_all(&args.paths)?;
    let report = report(&sources, args.strict);
    match args.output {
        CheckFormat::Txt => text(&mut cx.screen, &report)?,
        CheckFormat::Json => format::json(&mut cx.screen, &report)?,
        CheckFormat::Github => github(&mut cx.screen, &report)?,
        CheckFormat::Md => markdown(&mut cx.screen, &report)?,
    }
    Ok(if report.ok { Code::Success } else { Code::Problems })
}

fn report(sources: &[Source], strict: bool) -> Report {
    let files = || sources.iter().map(|s| (s.name.as_str(), s.text.as_str()));
    let mut findings = Vec::new();
    let options = ReadOptions { skip_foreign: true, ..ReadOptions::default() };
    let own = PolicySet::read(files(), options).err().unwrap_or_default();
    let claims = files().flat_map(|(name, text)| read_assertions(name, text, options).1);
    findings.extend(own.into_iter().chain(claims).map(|d| Fault {
        file: d.file.into(),
        line: d.mark.line,
        column: d.mark.column,
        severity: "error",
        field: d.path,
        message: d.message,
        suggestion: d.suggestion,
    }));
    let reading = kubernetes::read(files());
    let seems = kubernetes::connections(&reading.resources, Semantics::KUBERNETES).diagnostics;
    let foreign = reading.diagnostics.into_iter().chain(seems).filter(|d| d.severity < Severity::Note);
    for d in foreign {
        let fault = Fault {
            file: d.place.file.to_string(),
            line: d.place.line,
            column: d.place.column,
            severity: if d.severity == Severity::Error { "error" } else { "warning" },
            field: d.field,
            message: d.message,
            suggestion: d.suggestion,
        };
        // Text that is no YAML is refused by both readers, in words of their own.
        let same_place = |f: &Fault| {
            f.file == fault.file && f.line == fault.line && f.severity == "error" && f.field.is_empty()
        };
        if !(fault.severity == "error" && fault.field.is_empty() && findings.iter().any(same_place)) {
            findings.push(fault);
        }
    }
    findings.sort();
    findings.dedup();
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (count("error"), count("warning"));
    Report { ok: errors == 0 && !(strict && warnings > 0), files: sources.len(), errors, warnings, findings }
}

fn text(screen: &mut Screen, report: &Report) -> io::Result<()> {
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
    writeln!(
        screen,
        "{} file(s) checked: {} error(s), {} warning(s)",
        report.files, report.errors, report.warnings
    )
}

/// See GitHub's "Workflow commands": `%`, CR and LF are escaped, in properties `:` and `,` as well.
fn github(screen: &mut Screen, report: &Report) -> io::Result<()> {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    for fault in &report.findings {
        let message = match &fault.suggestion {
            Some(suggestion) => format!("{}: {}; {suggestion}", fault.field, fault.message),
            None => format!("{}: {}", fault.field, fault.message),
        };
        writeln!(
            screen,
            "::{} file={},line={},col={},title=bulkhead policy check::{}",
            fault.severity,
            property(&fault.file),
            fault.line,
            fault.column,
            data(message.trim_start_matches(": "))
        )?;
    }
    Ok(())
}

fn markdown(screen: &mut Screen, report: &Report) -> io::Result<()> {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    writeln!(screen, "**Policy check**: {} error(s), {} warning(s)\n", report.errors, report.warnings)?;
    if report.findings.is_empty() {
        return Ok(());
    }
    writeln!(screen, "| where | what | field |\n|---|---|---|")?;
    for fault in &report.findings {
        let place = format!("{}:{}", fault.file, fault.line);
        let what = format!("{}: {}", fault.severity, fault.message);
        writeln!(screen, "| {} | {} | {} |", cell(&place), cell(&what), cell(&fault.field))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::screen::tests::printed;

    const GOOD: &str = "\
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis, namespace: shop}
spec:
  target: {service: shop/redis}
  ingress:
    - from: [{service: shop/api}]
      ports: [6379]
";

    fn source(name: &str, text: &str) -> Source {
        Source { name: name.into(), text: text.into() }
    }

    #[test]
    fn good_documents_of_both_kinds_pass_together() {
        let foreign = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
        let report = report(&[source("a.yaml", GOOD), source("b.yaml", foreign)], true);
        assert!(report.ok, "{:?}", report.findings);
    }

    #[test]
    fn every_fault_of_every_file_is_told_in_every_form() {
        let typo = GOOD.replace("ports:", "prots:");
        let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: n}\n\
                      spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]}\n";
        let report = report(&[source("a.yaml", &typo), source("b.yaml", policy)], false);
        let files: Vec<_> = report.findings.iter().map(|f| f.file.as_str()).collect();
        assert!(!report.ok);
        assert!(files.contains(&"a.yaml") && files.contains(&"b.yaml"), "{:?}", report.findings);
        let lines = |print: fn(&mut Screen, &Report) -> io::Result<()>| {
            printed(80, |s| print(s, &report).expect("memory"))
        };
        assert!(lines(text).contains("a.yaml:8:7: error:"), "{}", lines(text));
        assert!(lines(github).starts_with("::error file=a.yaml,line=8,col=7,"), "{}", lines(github));
        assert!(lines(markdown).contains("| a.yaml:8 |"), "{}", lines(markdown));
    }
}
