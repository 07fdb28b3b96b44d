//! What a person sees who started Bulkhead.

use super::Configuration;
use crate::{
    commands::status,
    output::{Screen, Style},
};
use bulkhead_api::Status;
use bulkhead_discovery::{RuntimeState, RuntimeStatus};
use std::io::{self, Write};

/// What is known once everything runs.
#[derive(Debug)]
pub(super) struct Started<'a> {
    pub(super) url: &'a str,
    /// The token, where this start made it.
    pub(super) new_token: Option<&'a str>,
    pub(super) token_file: &'a str,
    pub(super) runtimes: &'a [RuntimeStatus],
    pub(super) status: Option<&'a Status>,
}

pub(super) fn print(screen: &mut Screen, config: &Configuration, started: &Started<'_>) -> io::Result<()> {
    let head = format!("Bulkhead {} runs (process {})", env!("CARGO_PKG_VERSION"), std::process::id());
    screen.line(Style::Bold, &head)?;
    writeln!(screen, "  console     {}", started.url)?;
    match started.new_token {
        Some(token) => {
            writeln!(screen, "  token       {token}")?;
            writeln!(screen, "              for an administrator; kept in {}", started.token_file)?;
        }
        None => writeln!(screen, "  token       in {}", started.token_file)?,
    }
    for runtime in started.runtimes {
        let (what, style) = match &runtime.state {
            RuntimeState::Connected { .. } => {
                (format!("connected, {} workload(s)", runtime.workloads), Style::Plain)
            }
            RuntimeState::Absent => ("not there".into(), Style::Dim),
            RuntimeState::Connecting => ("connecting".into(), Style::Plain),
            RuntimeState::Lost { reason, .. } => (format!("lost: {reason}"), Style::Warning),
        };
        write!(screen, "  {:<11} {} ", runtime.runtime, runtime.endpoint)?;
        screen.line(style, &what)?;
    }
    if let Some(status) = started.status {
        for node in &status.nodes {
            let health = &node.health;
            let gate = if health.gate { "closed" } else { "open until something is enforced" };
            writeln!(
                screen,
                "  kernel      {}, {}, {} endpoint(s); first-packet gate {gate}",
                health.kernel, health.attach_kind, health.endpoints
            )?;
        }
    }
    if config.learn_scale != 1.0 {
        let scale = format!(
            "  learning    runs {} times faster than time: a demonstration, not its figures",
            config.learn_scale
        );
        screen.line(Style::Warning, &scale)?;
    }
    if let Some(status) = started.status.filter(|status| !status.not_covered.is_empty()) {
        screen.line(Style::Warning, "  Not covered on this host:")?;
        for what in &status.not_covered {
            status::item(screen, what)?;
        }
    }
    writeln!(
        screen,
        "  Stop with Ctrl-C or `bulkhead down`; what is enforced stays enforced by the kernel."
    )?;
    screen.flush()
}
