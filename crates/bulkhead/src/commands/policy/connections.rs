use crate::{
    commands::{
        Context,
        documents::{self, Source},
    },
    exit::{Code, Failure},
};
use anyhow::Result;
use bulkhead_policy::kubernetes::{self, Format, Resources, Semantics, Severity};
use clap::{Args, ValueEnum};
use std::{io::Write, path::PathBuf};

/// Print all connections that Kubernetes manifests allow, between workloads, the ingress controller and the outside
///
/// Needs neither a cluster nor a server. What is not listed is denied.
#[derive(Debug, Args)]
pub(super) struct ConnectionsArgs {
    /// Files and directories with manifests, rendered; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH", required = true)]
    files: Vec<PathBuf>,

    /// How to print them: txt, json, csv, md, dot or mermaid
    #[arg(short, long, default_value = "txt", value_name = "FORMAT", value_parser = parse_format)]
    output: Format,

    /// Whose notation
    #[arg(long = "format", value_enum, default_value = "bulkhead", value_name = "NOTATION")]
    notation: Notation,

    /// Say nothing of what in the manifests does not do what it seems to
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Notation {
    Bulkhead,
    /// That of np-guard's netpol-analyzer, and its reading of host-network pods
    NpGuard,
}

fn parse_format(text: &str) -> Result<Format, String> {
    text.parse().map_err(|error: kubernetes::UnknownFormat| error.to_string())
}

pub(super) fn connections(cx: &mut Context, args: ConnectionsArgs) -> Result<Code> {
    let sources = documents::read_all(&args.files)?;
    let resources = resources(cx, &sources, args.quiet)?;
    let semantics = match args.notation {
        Notation::Bulkhead => Semantics::KUBERNETES,
        Notation::NpGuard => Semantics::NP_GUARD,
    };
    let connectivity = kubernetes::connections(&resources, semantics);
    if !args.quiet {
        for diagnostic in &connectivity.diagnostics {
            cx.note(&diagnostic.to_string())?;
        }
    }
    let text = match args.notation {
        Notation::Bulkhead => kubernetes::write(&connectivity, args.output),
        Notation::NpGuard => kubernetes::write_np_guard(&connectivity, args.output),
    };
    cx.screen.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        writeln!(cx.screen)?;
    }
    Ok(Code::Success)
}

/// The manifests of all sources; every error of every file where there is any.
pub(super) fn resources(cx: &mut Context, sources: &[Source], quiet: bool) -> Result<Resources> {
    let reading = kubernetes::read(sources.iter().map(|s| (s.name.as_str(), s.text.as_str())));
    let worst = if quiet { Severity::Error } else { Severity::Warning };
    for diagnostic in reading.diagnostics.iter().filter(|d| d.severity <= worst) {
        cx.note(&diagnostic.to_string())?;
    }
    let errors = reading.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    reading.into_result().map_err(|_| {
        Failure::new(Code::Invalid, format!("the manifests have {errors} error(s)"))
            .remedy("mend what is said above; nothing is answered from half of them")
            .into()
    })
}
