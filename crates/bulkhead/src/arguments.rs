//! The command line as types. Help, completions, man pages and `docs/cli.md` are made from them.

use crate::{commands::Command, exit::Code, output::screen::Colour};
use clap::{Args, Parser, builder::styling};
use std::path::PathBuf;

/// Finds every container and connection of this host, learns them, writes the policy, and enforces it in the kernel.
#[derive(Debug, Parser)]
#[command(name = "bulkhead", version, max_term_width = 100, styles = STYLES)]
#[command(after_help = after_help(), subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Yellow.on_default().bold())
    .usage(styling::AnsiColor::Yellow.on_default().bold())
    .literal(styling::AnsiColor::Green.on_default())
    .placeholder(styling::AnsiColor::Cyan.on_default());

fn after_help() -> String {
    let mut text = String::from(
        "Start here: `bulkhead check`, then `bulkhead up`, then `bulkhead services`.\n\nExit codes:\n",
    );
    for (code, sentence) in Code::ALL {
        text += &format!("  {}  {sentence}\n", code as u8);
    }
    text
}

#[derive(Debug, Clone, Args)]
pub(crate) struct GlobalArgs {
    /// Address of the controller [default: what `bulkhead up` wrote into the state directory, else 127.0.0.1:7070]
    #[arg(long, global = true, env = "BULKHEAD_SERVER", value_name = "URL", hide_env_values = true)]
    #[arg(help_heading = "Global options", display_order = 900)]
    pub(crate) server: Option<String>,

    /// Token to show the controller [default: admin.token in the state directory]
    #[arg(long, global = true, env = "BULKHEAD_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    #[arg(help_heading = "Global options", display_order = 901)]
    pub(crate) token: Option<String>,

    /// Directory of the controller's state on this host
    #[arg(long, global = true, env = "BULKHEAD_STATE", value_name = "DIR", hide_env_values = true)]
    #[arg(default_value = "/var/lib/bulkhead", help_heading = "Global options", display_order = 902)]
    pub(crate) state_dir: PathBuf,

    /// PEM file of the authority to trust for https [default: tls/certificate.pem in the state directory, where
    /// the server is this host's own; else the system's authorities]
    #[arg(long, global = true, env = "BULKHEAD_CA", value_name = "FILE", hide_env_values = true)]
    #[arg(help_heading = "Global options", display_order = 902)]
    pub(crate) ca: Option<PathBuf>,

    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    #[arg(help_heading = "Global options", display_order = 903)]
    pub(crate) color: Colour,
}

#[cfg(test)]
mod tests;
