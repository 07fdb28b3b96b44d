use super::Context;
use crate::{arguments::Cli, exit::Code};
use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::Write;

/// Print a completion script for a shell
///
/// For bash: `bulkhead completions bash > /etc/bash_completion.d/bulkhead`
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    shell: Shell,
}

pub(crate) fn run(cx: &mut Context, args: CompletionsArgs) -> Result<Code> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bulkhead", &mut script);
    cx.screen.write_all(&script)?;
    Ok(Code::Success)
}
