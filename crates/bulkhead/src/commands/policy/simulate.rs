use super::list;
use crate::{
    commands::{
        Context,
        documents::{self, Joined},
    },
    exit::Code,
    output::{edges, format::OutputArgs, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::SimulateRequest;
use bulkhead_model::Verdict;
use clap::Args;
use std::{io::Write, path::PathBuf};

/// Judge all recorded edges by documents, and show whose verdict changes
///
/// Ends with 1 if anything that passes now would be denied.
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// Files and directories with documents; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH", required = true)]
    files: Vec<PathBuf>,

    /// Judge as if every service were in enforce
    #[arg(long)]
    enforce: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn simulate(cx: &mut Context, args: SimulateArgs) -> Result<Code> {
    let joined = Joined::new(&documents::read_all(&args.files)?);
    let request = SimulateRequest { documents: joined.text, enforce: args.enforce };
    let client = cx.client()?;
    let simulation = waiting::during("judging recorded traffic", client.simulate(&request)).await?;
    if !structured(&mut cx.screen, args.output.output, &simulation)? {
        if !simulation.changes.is_empty() {
            edges::print_changes(&mut cx.screen, &simulation.changes, args.output.output.is_wide())?;
        }
        list::print_findings(&mut cx.screen, &simulation.findings)?;
        writeln!(cx.screen, "{}", simulation.sentence)?;
    }
    let breaks = simulation.changes.iter().any(|c| c.before != Verdict::Denied && c.after == Verdict::Denied);
    Ok(if breaks { Code::Problems } else { Code::Success })
}
