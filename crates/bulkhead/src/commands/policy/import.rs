use super::{connections, files};
use crate::{
    commands::Context,
    exit::Code,
    output::{format::OutputArgs, structured, waiting},
};
use anyhow::Result;
use bulkhead_policy::{
    Document,
    kubernetes::{self, Severity},
};
use clap::Args;
use serde::Serialize;
use std::{io::Write, path::PathBuf};

/// Write policies of Kubernetes, Cilium, Calico and NeuVector as Bulkhead's documents, and report what these cannot say
///
/// Give the manifests of the workloads as well: what no policy selects is open there, and has to be said here. Prints
/// YAML that can be applied: bulkhead policy import -f DIR | bulkhead policy apply --origin imported -f -
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Files and directories with manifests, rendered; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH", required = true)]
    files: Vec<PathBuf>,

    /// End with 1 if there is anything that the documents cannot say, or that does not do what it seems to
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// With the report that otherwise goes to standard error.
#[derive(Debug, Serialize)]
struct Answer {
    /// The documents as YAML.
    policy: String,
    policies: usize,
    remarks: Vec<String>,
}

pub(super) fn import(cx: &mut Context, args: ImportArgs) -> Result<Code> {
    let sources = files::sources(cx, &args.files)?;
    let texts = sources.iter().map(|source| (source.name.as_str(), source.text.as_str()));
    let reading = waiting::work("reading the manifests", || kubernetes::read(texts));
    let warned = reading.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Warning);
    let resources = connections::sound(cx, reading, false)?;
    let import = waiting::work("writing documents", || kubernetes::import(&resources));
    let answer = Answer {
        policy: Document::join(&import.documents),
        policies: import.documents.len(),
        remarks: import.remarks,
    };
    if !structured(&mut cx.screen, args.output.output, &answer)? {
        for remark in &answer.remarks {
            cx.note(remark)?;
        }
        cx.screen.write_all(answer.policy.as_bytes())?;
    }
    Ok(if args.strict && (warned || !answer.remarks.is_empty()) { Code::Problems } else { Code::Success })
}
