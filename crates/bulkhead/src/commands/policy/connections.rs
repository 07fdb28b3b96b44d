use super::files;
use crate::{
    commands::Context,
    exit::{Code, Failure},
    output::{format, waiting},
};
use anyhow::Result;
use bulkhead_policy::kubernetes::{self, Format, Reading, Resources, Semantics, Severity};
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

    /// How to print them
    #[arg(short, long, value_enum, default_value = "txt", value_name = "FORMAT")]
    output: ConnectionsFormat,

    /// Whose notation
    #[arg(long = "format", value_enum, default_value = "bulkhead", value_name = "NOTATION")]
    notation: Notation,

    /// Say nothing of what in the manifests does not do what it seems to
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ConnectionsFormat {
    /// One line each
    Txt,
    Json,
    Yaml,
    Csv,
    /// A table for Markdown
    Md,
    /// For Graphviz
    Dot,
    /// For Markdown
    Mermaid,
}

impl ConnectionsFormat {
    fn written(self) -> Format {
        match self {
            Self::Txt => Format::Text,
            // YAML says the same in other signs.
            Self::Json | Self::Yaml => Format::Json,
            Self::Csv => Format::Csv,
            Self::Md => Format::Markdown,
            Self::Dot => Format::Dot,
            Self::Mermaid => Format::Mermaid,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Notation {
    Bulkhead,
    /// That of np-guard's netpol-analyzer, and its reading of host-network pods and backends
    NpGuard,
}

pub(super) fn connections(cx: &mut Context, args: ConnectionsArgs) -> Result<Code> {
    let sources = files::sources(cx, &args.files)?;
    let texts = sources.iter().map(|source| (source.name.as_str(), source.text.as_str()));
    let (reading, semantics) = waiting::work("reading the manifests", || match args.notation {
        Notation::Bulkhead => (kubernetes::read(texts), Semantics::KUBERNETES),
        Notation::NpGuard => (kubernetes::read_kubernetes(texts), Semantics::NP_GUARD),
    });
    let resources = sound(cx, reading, args.quiet)?;
    let connectivity =
        waiting::work("finding the connections", || kubernetes::connections(&resources, semantics));
    if !args.quiet {
        for diagnostic in &connectivity.diagnostics {
            cx.note(&diagnostic.to_string())?;
        }
    }
    let text = match args.notation {
        Notation::Bulkhead => kubernetes::write(&connectivity, args.output.written()),
        Notation::NpGuard => kubernetes::write_np_guard(&connectivity, args.output.written()),
    };
    if args.output == ConnectionsFormat::Yaml {
        format::yaml(&mut cx.screen, &serde_json::from_str::<serde_json::Value>(&text)?)?;
        return Ok(Code::Success);
    }
    cx.screen.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        writeln!(cx.screen)?;
    }
    Ok(Code::Success)
}

/// What manifests say; every error of every file where there is any.
pub(super) fn sound(cx: &mut Context, reading: Reading, quiet: bool) -> Result<Resources> {
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
