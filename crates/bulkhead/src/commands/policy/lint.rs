use super::{
    files::{self, Files, inventory},
    list,
};
use crate::{
    commands::{
        Context,
        documents::Source,
        recorded::{self, RecordArgs, as_ruled},
    },
    exit::Code,
    output::{format::OutputArgs, moment, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::Finding;
use bulkhead_model::EdgeKey;
use bulkhead_policy::{
    Document, Lint, PolicySet,
    document::DocumentKey,
    kubernetes::{self, Diagnostic, IMPORTED_FROM, Semantics, Severity},
    with_stand_ins,
};
use clap::Args;
use std::{io::Write, path::PathBuf};

/// Find what in the policy is allowed but probably not meant: shadowed, dead, redundant, conflicting, unknown names
///
/// Policies of Kubernetes in files are judged as well: names of ports and labels that nothing has, rules that say nothing.
/// Ends with 1 if anything is found.
#[derive(Debug, Args)]
pub(super) struct LintArgs {
    /// Judge files and directories instead of the policy of a server; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,

    /// Flow records, of Bulkhead or another product, that say what of the rules is used
    #[arg(long, value_name = "FILE", requires = "files")]
    flows: Vec<PathBuf>,

    #[command(flatten)]
    records: RecordArgs,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn lint(cx: &mut Context, args: LintArgs) -> Result<Code> {
    let findings: Vec<Finding> = if args.files.is_empty() {
        let policies = cx.client()?.policies().await?;
        policies.items.into_iter().flat_map(|policy| policy.findings).collect()
    } else {
        let edges: Vec<EdgeKey> = match args.flows.as_slice() {
            [] => Vec::new(),
            flows => {
                let recorded = recorded::read(cx, flows, &args.files, &args.records)?;
                recorded::remark_malformed(cx, &recorded)?;
                recorded.expected().map(|seen| as_ruled(&seen.key)).collect()
            }
        };
        let sources = files::sources(cx, &args.files)?;
        let files = Files::sound(cx, &sources)?;
        waiting::work("judging the documents", || {
            let found = of_documents(&files, &edges).into_iter().map(|found| told(found, &files.set));
            found.chain(of_manifests(&sources).into_iter().map(of_manifest)).collect()
        })
    };
    if !structured(&mut cx.screen, args.output.output, &findings)? {
        if findings.is_empty() {
            writeln!(cx.screen, "Nothing to look at.")?;
        } else {
            list::print_findings(&mut cx.screen, &findings)?;
        }
    }
    Ok(if findings.is_empty() { Code::Success } else { Code::Problems })
}

/// What is said of documents. Where no manifests tell which services there are, names and labels may be those of any.
pub(super) fn of_documents(files: &Files, edges: &[EdgeKey]) -> Vec<bulkhead_policy::Finding> {
    let known = inventory(&[files], edges.iter().flat_map(|edge| [&edge.client, &edge.server]));
    let known = if files.tells_services() { known } else { with_stand_ins(&files.set, known) };
    let mut found = bulkhead_policy::lint(&files.set, &known, edges, moment::now());
    // Of documents that were made of other policies, what these do not say is not their author's; names are judged there.
    let by_author = |key: &DocumentKey| !files.imported || imported_from(&files.set, key).is_some();
    found.retain(|finding| {
        by_author(&finding.document)
            && !(files.imported && matches!(finding.lint, Lint::Unknown | Lint::SelectsNothing))
    });
    found
}

/// The policy of another product that a document was made of.
fn imported_from(set: &PolicySet, key: &DocumentKey) -> Option<String> {
    match set.get(key)? {
        Document::Policy(policy) => policy.metadata.annotations.get(IMPORTED_FROM).cloned(),
        _ => None,
    }
}

fn told(finding: bulkhead_policy::Finding, set: &PolicySet) -> Finding {
    let origin = imported_from(set, &finding.document);
    let rule = match (&origin, finding.rule) {
        (None, None) => finding.document.to_string(),
        (None, Some((direction, index))) => format!("{} {direction}[{index}]", finding.document),
        (Some(origin), None) => origin.clone(),
        // Rules that mean nobody are not imported, so positions are not those of the other policy.
        (Some(origin), Some((direction, index))) => {
            let text = match set.get(&finding.document) {
                Some(Document::Policy(policy)) => {
                    policy.rules(direction).get(index).map(|rule| rule.text(direction)).unwrap_or_default()
                }
                _ => String::new(),
            };
            format!("{origin} {direction} {text}")
        }
    };
    let message = match finding.suggestion {
        Some(suggestion) => format!("{}; {suggestion}", finding.message),
        None => finding.message,
    };
    Finding { kind: finding.lint.code().to_owned(), rule, message }
}

/// What manifests and policies of other products seem to do and do not.
pub(super) fn of_manifests(sources: &[Source]) -> Vec<Diagnostic> {
    let reading = kubernetes::read(sources.iter().map(|s| (s.name.as_str(), s.text.as_str())));
    let seems = kubernetes::connections(&reading.resources, Semantics::KUBERNETES).diagnostics;
    reading.diagnostics.into_iter().chain(seems).filter(|d| d.severity < Severity::Note).collect()
}

fn of_manifest(diagnostic: Diagnostic) -> Finding {
    let Diagnostic { place, field, message, suggestion, .. } = diagnostic;
    let place = if field.is_empty() { place.to_string() } else { format!("{place}: {field}") };
    let message = suggestion.map_or(message.clone(), |suggestion| format!("{message}; {suggestion}"));
    Finding { kind: "manifest".to_owned(), rule: place, message }
}
