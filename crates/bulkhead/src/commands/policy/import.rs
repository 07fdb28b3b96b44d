use super::connections;
use crate::{
    commands::{Context, documents},
    exit::Code,
};
use anyhow::Result;
use bulkhead_policy::{Document, kubernetes};
use clap::Args;
use std::{io::Write, path::PathBuf};

/// Write Kubernetes policies as Bulkhead's documents, with a report of what these cannot say
///
/// Prints YAML that can be applied: bulkhead policy import -f DIR | bulkhead policy apply --origin imported -f -
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Files and directories with manifests, rendered; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH", required = true)]
    files: Vec<PathBuf>,

    /// End with 1 if there is anything that the documents cannot say
    #[arg(long)]
    strict: bool,
}

pub(super) fn import(cx: &mut Context, args: ImportArgs) -> Result<Code> {
    let sources = documents::read_all(&args.files)?;
    let resources = connections::resources(cx, &sources, false)?;
    let import = kubernetes::import(&resources);
    for remark in &import.remarks {
        cx.note(remark)?;
    }
    cx.screen.write_all(Document::join(&import.documents).as_bytes())?;
    Ok(if args.strict && !import.remarks.is_empty() { Code::Problems } else { Code::Success })
}
