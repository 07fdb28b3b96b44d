use super::Context;
use crate::{
    exit::{Code, Failure},
    instance::{self, Holder},
    output::waiting,
};
use anyhow::{Context as _, Result};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
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
}

pub(crate) async fn run(cx: &mut Context, args: DownArgs) -> Result<Code> {
    let run_dir = Path::new(instance::RUN_DIR);
    match instance::holder(run_dir) {
        Some(holder) => {
            waiting::during("waiting for Bulkhead to end", stop(run_dir, holder, args.timeout)).await?;
            writeln!(cx.screen, "Bulkhead (process {}) has ended.", holder.pid)?;
        }
        None => writeln!(cx.screen, "No Bulkhead runs on this host.")?,
    }
    if args.remove {
        remove(cx)
    } else {
        if Path::new(super::PINS).exists() {
            writeln!(cx.screen, "What was enforced stays enforced; bulkhead down --remove ends that too.")?;
        }
        Ok(Code::Success)
    }
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

fn remove(cx: &mut Context) -> Result<Code> {
    // While it is held, no other instance can start and pin programs anew.
    let _lock = instance::Lock::take(Path::new(instance::RUN_DIR))?;
    let left = bulkhead_agent::remove_all(Path::new(super::PINS));
    if left.is_empty() {
        writeln!(cx.screen, "Everything is out of the kernel: nothing is observed or enforced any more.")?;
        return Ok(Code::Success);
    }
    for what in &left {
        cx.note(&format!("could not remove: {what}"))?;
    }
    Err(Failure::new(Code::Failed, format!("{} thing(s) could not be removed", left.len()))
        .remedy("run as root: sudo bulkhead down --remove")
        .into())
}
