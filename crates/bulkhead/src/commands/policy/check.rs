mod base;
mod faults;
mod print;
mod rules;
mod sarif;

use super::{
    difference::{self, Difference},
    files::{self, Files, inventory, options},
    judged::{self, Judged},
    simulate,
    verify::named_services,
};
use crate::{
    commands::{
        Context,
        documents::{self, Source},
        recorded::{self, RecordArgs},
    },
    exit::Code,
    output::{edges, format, moment, waiting},
};
use anyhow::Result;
use base::Base;
use bulkhead_api::SimulateRequest;
use bulkhead_model::Peer;
use bulkhead_policy::{Document, PolicySet, View, document::Assertion, verify};
use clap::{Args, ValueEnum};
use faults::{Fault, Places};
use serde::Serialize;
use std::path::PathBuf;

/// Check documents, manifests and claims for a pipeline, and what a change of them means
///
/// Schema and meaning of Bulkhead's documents and of Kubernetes' policies; what in them is probably not meant; every claim
/// (kind Assertions) that is found; with --base, which flows become allowed or denied; with --flows, which recorded
/// traffic would be denied. Needs a server only where it is named. Ends with 1 if there are errors, broken claims or
/// denials of expected traffic; with --strict, warnings count too.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Files and directories; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Count warnings as errors
    #[arg(long)]
    strict: bool,

    /// Compare with the same paths in this revision of git; or `server`: with the policy in force, as if these documents
    /// were applied to it
    #[arg(long, value_name = "REVISION")]
    base: Option<String>,

    /// Judge these flow records by the documents, of Bulkhead or another product; or `recorded`: what the server has seen
    #[arg(long, value_name = "FILE")]
    flows: Vec<PathBuf>,

    /// Manifests that say which pods and addresses of the records belong to which service
    #[arg(long, value_name = "PATH")]
    manifests: Vec<PathBuf>,

    /// Edges of expected traffic that may be denied
    #[arg(long, value_name = "N", default_value_t = 0)]
    tolerate: u64,

    #[command(flatten)]
    records: RecordArgs,

    /// How to print what is found
    #[arg(short, long, value_enum, default_value = "txt", value_name = "FORMAT")]
    output: CheckFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// One line each: file:line:column: severity: field: message
    Txt,
    Json,
    Yaml,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// The test report that pipelines read
    Junit,
    /// Annotations of GitHub Actions
    Github,
    /// Tables for a merge request
    Md,
}

/// All that was found.
#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    files: usize,
    errors: usize,
    warnings: usize,
    findings: Vec<Fault>,
    /// Every claim, and whether it holds.
    claims: Vec<verify::Finding>,
    /// What it was compared with, and what differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Compared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulation: Option<Judged>,
}

#[derive(Debug, Serialize)]
struct Compared {
    base: String,
    #[serde(flatten)]
    difference: Difference,
}

pub(super) async fn check(cx: &mut Context, args: CheckArgs) -> Result<Code> {
    let (sources, unread) = documents::gather(&args.paths);
    // What is not there was not checked: that is no finding about it.
    if unread.iter().any(|unread| unread.is_missing(&args.paths)) {
        return Err(files::refused_with(cx, &sources, unread));
    }
    let mut report = waiting::work("checking the documents", || Report::of_documents(&sources));
    report.files += unread.len();
    report.findings.extend(unread.iter().map(faults::unread));
    if let Some((files, assertions)) =
        waiting::work("reading the documents", || readable(&sources)).filter(|_| unread.is_empty())
    {
        let places = Places::new(&sources);
        report.findings.extend(waiting::work("judging the documents", || faults::lint(&files, &places)));
        waiting::work("checking the claims", || report.claims(&files, &assertions, &places));
        let candidate: Vec<Document> = files.set.documents().collect();
        let mut after = files;
        if let Some(revision) = &args.base {
            let base = Base::read(cx, revision, &args.paths, after).await?;
            let difference = waiting::work("comparing", || match &base.estate {
                Some(estate) => difference::within(&base.before.set, &base.after.set, estate),
                None => difference::between(&base.before, &base.after),
            });
            after = base.after;
            report.difference = Some(Compared { base: revision.clone(), difference });
        }
        if !args.flows.is_empty() {
            let judged = judge(cx, &args, &candidate, &after).await?;
            if judged.expected_denials.edges > args.tolerate {
                report.findings.extend(denials(&judged, &after.set, &places));
            }
            report.simulation = Some(judged);
        }
    }
    report.conclude(args.strict);
    let screen = &mut cx.screen;
    match args.output {
        CheckFormat::Txt => print::text(screen, &report)?,
        CheckFormat::Json => format::json(screen, &report)?,
        CheckFormat::Yaml => format::yaml(screen, &report)?,
        CheckFormat::Sarif => format::json(screen, &sarif::log(&report))?,
        CheckFormat::Junit => print::junit(screen, &report, &sources)?,
        CheckFormat::Github => print::github(screen, &report)?,
        CheckFormat::Md => print::markdown(screen, &report)?,
    }
    Ok(if report.ok { Code::Success } else { Code::Problems })
}

/// The documents and claims, where all of them can be read: nothing is concluded from half of them.
fn readable(sources: &[Source]) -> Option<(Files, Vec<Assertion>)> {
    let files = Files::of(sources).ok()?;
    let mut assertions = Vec::new();
    for source in sources {
        let (found, wrong) =
            bulkhead_policy::document::read_assertions(&source.name, &source.text, options());
        if !wrong.is_empty() {
            return None;
        }
        assertions.extend(found);
    }
    Some((files, assertions))
}

async fn judge(cx: &mut Context, args: &CheckArgs, candidate: &[Document], files: &Files) -> Result<Judged> {
    if simulate::is_recorded(&args.flows) {
        let documents = Document::join(candidate);
        let request = SimulateRequest { documents, enforce: false, enforce_targeted: true };
        return Ok(simulate::server(cx, request).await?.judged);
    }
    let recorded = recorded::read(cx, &args.flows, &args.manifests, &args.records)?;
    recorded::remark_malformed(cx, &recorded)?;
    Ok(waiting::work("judging recorded traffic", || judged::judge(&recorded, files, false)))
}

/// Denials of expected traffic, at the document of the service that denies.
fn denials(judged: &Judged, set: &PolicySet, places: &Places) -> Vec<Fault> {
    let denied = judged.changes.iter().filter(|change| change.is_denial() && change.expected);
    denied
        .map(|change| {
            let service = change.denied_by.as_ref();
            let (file, mark) =
                service.and_then(|name| places.of_target(set, name)).unwrap_or_else(|| places.first());
            Fault {
                file,
                line: mark.line,
                column: mark.column,
                severity: "error",
                rule: rules::FLOW_DENIED.to_owned(),
                field: String::new(),
                message: format!(
                    "{} was seen {} time(s), last {}, and would be denied: {}",
                    edges::arrow(&change.edge),
                    change.connections,
                    moment::rfc3339(change.last_seen),
                    change.because
                ),
                suggestion: None,
            }
        })
        .collect()
}

impl Report {
    fn of_documents(sources: &[Source]) -> Self {
        Self {
            ok: true,
            files: sources.len(),
            errors: 0,
            warnings: 0,
            findings: faults::of_documents(sources),
            claims: Vec::new(),
            difference: None,
            simulation: None,
        }
    }

    /// Checks claims as `policy verify -f` does.
    fn claims(&mut self, files: &Files, assertions: &[Assertion], places: &Places) {
        if assertions.is_empty() {
            return;
        }
        let named: Vec<Peer> = assertions.iter().flat_map(named_services).collect();
        let inventory = inventory(&[files], &named);
        self.claims = verify::verify(&files.set, &inventory, moment::now(), View::Now, assertions);
        self.findings.extend(self.claims.iter().filter_map(|claim| faults::claim(claim, places)));
    }

    fn conclude(&mut self, strict: bool) {
        self.findings.sort();
        self.findings.dedup();
        let count = |severity| self.findings.iter().filter(|f| f.severity == severity).count();
        (self.errors, self.warnings) = (count("error"), count("warning"));
        self.ok = self.errors == 0 && !(strict && self.warnings > 0);
    }
}

#[cfg(test)]
mod tests;
