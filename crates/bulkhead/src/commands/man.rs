use super::Context;
use crate::{arguments::Cli, exit::Code};
use anyhow::{Context as _, Result};
use clap::{Args, CommandFactory};
use std::{io::Write, path::PathBuf};

/// Write a manual page for every command into a directory
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Where to write them, for example /usr/local/share/man/man1
    dir: PathBuf,
}

pub(crate) fn run(cx: &mut Context, args: ManArgs) -> Result<Code> {
    std::fs::create_dir_all(&args.dir).with_context(|| format!("cannot create {}", args.dir.display()))?;
    clap_mangen::generate_to(Cli::command(), &args.dir)
        .with_context(|| format!("cannot write manual pages into {}", args.dir.display()))?;
    writeln!(cx.screen, "manual pages are in {}; read one: man -l {0}/bulkhead.1", args.dir.display())?;
    Ok(Code::Success)
}
