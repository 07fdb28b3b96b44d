//! `bulkhead check`: can this host do what Bulkhead promises, and where not, what to do.

mod bulkhead;
mod host;
mod kernel;
mod runtimes;
mod system;

use super::{Context, up::configuration::Places};
use crate::{
    exit::Code,
    output::{Screen, Style, format::OutputArgs, structured, waiting},
};
use anyhow::Result;
use clap::Args;
use host::Host;
use serde::Serialize;
use std::{
    io,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Check whether this host can run Bulkhead, and say what to do where it cannot
///
/// Ends with 1 if something that Bulkhead needs is missing. Warnings alone end with 0: they name a promise that does
/// not hold here.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    output: OutputArgs,

    /// Configuration file of `bulkhead up` [default: /etc/bulkhead/bulkhead.toml, where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Address on which the controller would listen [default: as in the file, else 127.0.0.1:7070]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// Socket of Docker [default: as in the file, else /var/run/docker.sock]
    #[arg(long, value_name = "PATH")]
    docker_socket: Option<PathBuf>,

    /// Socket of containerd [default: as in the file, else /run/containerd/containerd.sock]
    #[arg(long, value_name = "PATH")]
    containerd_socket: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Ok,
    /// Bulkhead runs, but something it promises does not hold.
    Warning,
    /// Bulkhead cannot run or cannot enforce.
    Failed,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    /// Stable name, for scripts.
    check: &'static str,
    outcome: Outcome,
    /// What was found, as a sentence.
    found: String,
    /// What follows from it; empty where all is well.
    #[serde(skip_serializing_if = "str::is_empty")]
    means: &'static str,
    /// What to do about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    remedy: String,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Ok, found: found.into(), means: "", remedy: String::new() }
    }

    fn warning(
        check: &'static str,
        found: impl Into<String>,
        means: &'static str,
        remedy: impl Into<String>,
    ) -> Self {
        Self { check, outcome: Outcome::Warning, found: found.into(), means, remedy: remedy.into() }
    }

    fn failed(
        check: &'static str,
        found: impl Into<String>,
        means: &'static str,
        remedy: impl Into<String>,
    ) -> Self {
        Self { outcome: Outcome::Failed, ..Self::warning(check, found, means, remedy) }
    }
}

#[derive(Debug, Serialize)]
struct Category {
    category: &'static str,
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    failed: usize,
    warnings: usize,
    categories: Vec<Category>,
}

impl Report {
    fn new(categories: Vec<Category>) -> Self {
        let count =
            |outcome| categories.iter().flat_map(|c| &c.findings).filter(|f| f.outcome == outcome).count();
        let (failed, warnings) = (count(Outcome::Failed), count(Outcome::Warning));
        Self { ok: failed == 0, failed, warnings, categories }
    }

    fn print(&self, screen: &mut Screen) -> io::Result<()> {
        for category in &self.categories {
            screen.line(Style::Bold, category.category)?;
            for finding in &category.findings {
                let (sign, style) = match finding.outcome {
                    Outcome::Ok => ("√", Style::Good),
                    Outcome::Warning => ("‼", Style::Warning),
                    Outcome::Failed => ("×", Style::Bad),
                };
                screen.item_at(0, style, sign, &finding.found)?;
                if !finding.means.is_empty() {
                    screen.paragraph(4, &format!("This means: {}", finding.means))?;
                }
                if !finding.remedy.is_empty() {
                    screen.paragraph(4, &format!("What to do: {}", finding.remedy))?;
                }
            }
            writeln!(screen)?;
        }
        match (self.failed, self.warnings) {
            (0, 0) => screen.line(Style::Good, "Everything Bulkhead promises holds on this host."),
            (0, n) => screen.line(Style::Warning, &format!("Bulkhead can run here, with {n} warning(s).")),
            (n, _) => {
                screen.line(Style::Bad, &format!("Bulkhead cannot do its work here: {n} check(s) failed."))
            }
        }
    }
}

pub(crate) async fn run(cx: &mut Context, args: CheckArgs) -> Result<Code> {
    let found = Places::find(args.config.as_deref(), args.listen, args.docker_socket, args.containerd_socket);
    let work = examine(&cx.global.state_dir, found);
    let report = waiting::during("checking this host", work).await;
    if !structured(&mut cx.screen, args.output.output, &report)? {
        report.print(&mut cx.screen)?;
    }
    Ok(if report.ok { Code::Success } else { Code::Problems })
}

async fn examine(state_dir: &Path, (places, wrong): (Places, Option<anyhow::Error>)) -> Report {
    let host = Host::this();
    let Places { listen, docker_socket, containerd_socket } = places;
    let mut own = bulkhead::findings(&host, state_dir, listen);
    own.extend(wrong.map(|error| {
        Finding::failed(
            "configuration",
            format!("the configuration file cannot be used: {error:#}"),
            "`bulkhead up` does not start; what is checked here are the usual places",
            "mend it (every setting is in docs/cli.md), or name another one: --config FILE",
        )
    }));
    Report::new(vec![
        Category { category: "kernel", findings: kernel::findings(&host) },
        Category { category: "privileges", findings: system::privileges(&host) },
        Category {
            category: "container runtimes",
            findings: runtimes::findings(&docker_socket, &containerd_socket).await,
        },
        Category { category: "system", findings: system::findings(&host, state_dir) },
        Category { category: "bulkhead", findings: own },
    ])
}

/// What `check` finds with its usual options, for others to print.
pub(super) async fn report(state_dir: &Path) -> impl Serialize + use<> {
    examine(state_dir, Places::find(None, None, None, None)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Format, screen::tests::printed};

    #[test]
    fn a_report_says_what_was_found_what_it_means_and_what_to_do() {
        let report = Report::new(vec![Category {
            category: "kernel",
            findings: vec![
                Finding::ok("version", "kernel 6.12 (needs 5.10 or later)"),
                Finding::failed(
                    "bpffs",
                    "/sys/fs/bpf is mounted read-only",
                    "programs and tables cannot be pinned, so enforcement would end with the agent",
                    "mount -o remount,rw /sys/fs/bpf",
                ),
            ],
        }]);
        assert!(!report.ok);
        insta::assert_snapshot!(printed(80, |s| report.print(s).expect("memory")));
        insta::assert_snapshot!(printed(80, |s| {
            structured(s, Format::Json, &report).expect("memory");
        }));
    }
}
