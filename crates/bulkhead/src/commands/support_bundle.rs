//! `bulkhead support-bundle`: what somebody who helps needs to see, and no secret.

mod redact;

use super::{Context, check};
use crate::{exit::Code, output::waiting};
use anyhow::{Context as _, Result};
use bulkhead_api::{EdgeQuery, EventQuery, HistoryQuery, ServiceQuery, client::Client};
use clap::Args;
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

/// Write what somebody who helps needs to see into one file, without secrets
///
/// The checks of this host, status, services, edges, the last events, policies, settings, metrics and logs. Tokens,
/// passwords, addresses of webhooks and packet contents are left out. Look into it before you pass it on.
#[derive(Debug, Args)]
pub(crate) struct SupportBundleArgs {
    /// Where to write it
    #[arg(short, long, value_name = "FILE", default_value = "bulkhead-support.tar.gz")]
    output: PathBuf,
}

/// A log or a command that gives no answer in this time is left out.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn run(cx: &mut Context, args: SupportBundleArgs) -> Result<Code> {
    let mut bundle = Bundle::create(&args.output)?;
    let checks = check::report(&cx.global.state_dir).await;
    bundle.json("check.json", &checks)?;
    bundle.text("version.txt", &format!("bulkhead {}\n", env!("CARGO_PKG_VERSION")))?;
    for (name, path) in [
        ("host/kernel.txt", "/proc/version"),
        ("host/mounts.txt", "/proc/self/mountinfo"),
        ("host/memory.txt", "/proc/meminfo"),
        ("host/os-release.txt", "/etc/os-release"),
    ] {
        bundle.text(name, &std::fs::read_to_string(path).unwrap_or_else(|error| error.to_string()))?;
    }
    bundle.text("host/pins.txt", &listing(Path::new(super::PINS)))?;
    for (name, program, arguments) in [
        ("host/links.txt", "ip", &["-details", "link", "show"][..]),
        ("host/nftables.txt", "nft", &["list", "ruleset"]),
        ("log.txt", "journalctl", &["--unit", "bulkhead", "--lines", "5000", "--no-pager"]),
    ] {
        bundle.text(name, &command(program, arguments).await)?;
    }
    let missing = match cx.client() {
        Ok(client) => waiting::during("asking the controller", from_server(&client, &mut bundle)).await?,
        Err(error) => vec![format!("{error:#}")],
    };
    bundle.text("missing.txt", &missing.join("\n"))?;
    bundle.finish()?;
    cx.screen.paragraph(
        0,
        &format!(
            "{} is written. Secrets were left out; look into it before you pass it on.",
            args.output.display()
        ),
    )?;
    for what in missing {
        cx.note(&format!("not in it: {what}"))?;
    }
    Ok(Code::Success)
}

/// Everything that can be had; what cannot is said, and no reason to give up.
async fn from_server(client: &Client, bundle: &mut Bundle) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    macro_rules! ask {
        ($name:literal, $question:expr) => {
            match $question.await {
                Ok(answer) => bundle.json($name, &answer)?,
                Err(error) => missing.push(format!("{}: {error}", $name)),
            }
        };
    }
    ask!("status.json", client.status());
    ask!("services.json", client.services(&ServiceQuery::default()));
    ask!("edges.json", client.edges(&EdgeQuery { limit: Some(10_000), ..Default::default() }));
    ask!("events.json", client.events(&EventQuery { limit: Some(1000), ..Default::default() }));
    ask!("policies.json", client.policies());
    ask!(
        "policy-history.json",
        client.policy_history(&HistoryQuery { limit: Some(50), ..Default::default() })
    );
    ask!("settings.json", client.settings());
    ask!("outputs.json", client.outputs());
    ask!("audit-verification.json", client.verify_audit());
    match client.metrics().await {
        Ok(metrics) => bundle.text("metrics.txt", &metrics)?,
        Err(error) => missing.push(format!("metrics.txt: {error}")),
    }
    Ok(missing)
}

async fn command(program: &str, arguments: &[&str]) -> String {
    let run = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(PATIENCE, run).await {
        Ok(Ok(output)) => {
            let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
            text += &String::from_utf8_lossy(&output.stderr);
            text
        }
        Ok(Err(error)) => format!("{program}: {error}\n"),
        Err(_) => format!("{program}: no answer\n"),
    }
}

fn listing(dir: &Path) -> String {
    let mut lines: Vec<String> = match std::fs::read_dir(dir) {
        Ok(entries) => entries.flatten().map(|entry| entry.path().display().to_string()).collect(),
        Err(error) => vec![format!("{}: {error}", dir.display())],
    };
    lines.sort();
    lines.join("\n") + "\n"
}

struct Bundle {
    archive: tar::Builder<GzEncoder<File>>,
}

impl Bundle {
    fn create(path: &Path) -> Result<Self> {
        // It tells much about an estate: its owner alone may read it.
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { archive: tar::Builder::new(GzEncoder::new(file, Compression::default())) })
    }

    fn json(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        let mut tree = serde_json::to_value(value)?;
        redact::tree(&mut tree);
        self.add(name, &serde_json::to_vec_pretty(&tree)?)
    }

    fn text(&mut self, name: &str, text: &str) -> Result<()> {
        self.add(name, redact::text(text).as_bytes())
    }

    fn add(&mut self, name: &str, content: &[u8]) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(crate::output::moment::now().seconds());
        self.archive
            .append_data(&mut header, format!("bulkhead-support/{name}"), content)
            .with_context(|| format!("cannot write {name} into the bundle"))
    }

    fn finish(self) -> Result<()> {
        self.archive
            .into_inner()
            .and_then(GzEncoder::finish)
            .and_then(|file| file.sync_all())
            .context("cannot finish the bundle")
    }
}
