use super::Context;
use crate::{
    exit::{Code, Failure},
    instance::{self, Holder},
    output::{format::OutputArgs, structured, waiting},
};
use anyhow::{Context as _, Result};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use std::{io::Write, path::Path, time::Duration};

/// Stop the Bulkhead of this host; with --remove, take everything of it out of the kernel as well
///
/// Without --remove, what was enforced stays enforced by the kernel.
#[derive(Debug, Args)]
pub(crate) struct DownArgs {
    /// Detach and remove all programs, tables, links and rules: nothing is enforced from then on
    #[arg(long)]
    remove: bool,

    /// How long to wait for it to end
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = crate::output::moment::parse_duration)]
    timeout: Duration,

    #[command(flatten)]
    output: OutputArgs,
}

/// What became of it, as JSON says it.
#[derive(Debug, Serialize)]
struct Ended {
    /// The process that has ended; absent where none ran.
    process: Option<i32>,
    /// Whether the kernel still enforces what it was told.
    enforced: bool,
    /// What could not be removed.
    left: Vec<String>,
}

pub(crate) async fn run(cx: &mut Context, args: DownArgs) -> Result<Code> {
    let run_dir = Path::new(instance::RUN_DIR);
    let holder = instance::holder(run_dir);
    if let Some(holder) = holder {
        waiting::during("waiting for Bulkhead to end", stop(run_dir, holder, args.timeout)).await?;
    }
    let process = holder.map(|holder| holder.pid);
    let left = if args.remove { remove(run_dir) } else { Ok(Vec::new()) };
    let ended = Ended {
        process,
        enforced: Path::new(super::PINS).exists(),
        left: left.as_ref().map_or_else(|_| Vec::new(), Clone::clone),
    };
    if !structured(&mut cx.screen, args.output.output, &ended)? {
        match process {
            Some(pid) => writeln!(cx.screen, "Bulkhead (process {pid}) has ended.")?,
            None => writeln!(cx.screen, "No Bulkhead runs on this host.")?,
        }
        match (args.remove, left.as_deref()) {
            (true, Ok([])) => cx
                .screen
                .paragraph(0, "Everything is out of the kernel: nothing is observed or enforced any more.")?,
            (false, _) if ended.enforced => {
                cx.screen.paragraph(
                    0,
                    "What was enforced stays enforced; bulkhead down --remove ends that too.",
                )?;
            }
            _ => {}
        }
    }
    for what in &left? {
        cx.note(&format!("could not remove: {what}"))?;
    }
    if ended.left.is_empty() {
        return Ok(Code::Success);
    }
    Err(Failure::new(Code::Failed, format!("{} thing(s) could not be removed", ended.left.len()))
        .remedy("run as root: sudo bulkhead down --remove")
        .into())
}

/// Asks the process to end and waits until its lock is free, which the kernel sees to however it ends.
async fn stop(run_dir: &Path, holder: Holder, timeout: Duration) -> Result<()> {
    let pid = Pid::from_raw(holder.pid).context("the lock names no process")?;
    kill_process(pid, Signal::TERM).map_err(|error| {
        let failure = Failure::new(
            if error == rustix::io::Errno::PERM { Code::NotPermitted } else { Code::Failed },
            format!("cannot stop process {}: {error}", holder.pid),
        );
        failure.remedy("run as root: sudo bulkhead down")
    })?;
    let free = async {
        while instance::holder(run_dir).is_some_and(|now| now == holder) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(timeout, free).await.map_err(|_| {
        Failure::new(Code::Failed, format!("process {} has not ended after {timeout:?}", holder.pid))
            .remedy(format!("look what it does (journalctl -u bulkhead), or end it: kill -9 {}", holder.pid))
            .into()
    })
}

/// Takes everything out of the kernel, and says what could not be.
fn remove(run_dir: &Path) -> Result<Vec<String>> {
    // While it is held, no other instance can start and pin programs anew.
    let _lock = instance::Lock::take(run_dir)?;
    Ok(waiting::work("taking everything out of the kernel", || {
        bulkhead_agent::remove_all(Path::new(super::PINS))
    }))
}
