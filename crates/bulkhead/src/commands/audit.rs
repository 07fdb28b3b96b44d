use super::Context;
use crate::{
    exit::Code,
    output::{Column, Style, Table, format::OutputArgs, moment, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::{AuditEntry, AuditQuery, client::Client};
use bulkhead_model::Timestamp;
use clap::{Args, Subcommand};
use std::io::Write;

/// Show who did what, or verify that the log is whole
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: Option<AuditCommand>,

    /// Only what this token did
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,

    /// Only this action: mode.set, policy.apply, token.create, ...
    #[arg(long)]
    action: Option<String>,

    /// At most this many, the newest
    #[arg(short = 'n', long, value_name = "N", default_value = "50")]
    limit: u32,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Verify the chain of hashes; ends with 1 if it is broken
    Verify {
        /// The hash that an earlier verification gave: a log that was cut off at its end is found out too
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
}

pub(crate) async fn run(cx: &mut Context, args: AuditArgs) -> Result<Code> {
    let client = cx.client()?;
    if let Some(AuditCommand::Verify { head, output }) = args.command {
        let verification = waiting::during("verifying the audit log", client.verify_audit()).await?;
        // A head that was noted earlier must be in the log still: the newest entry's, or an older one's.
        let known = match &head {
            Some(head) => *head == verification.head || holds(&client, head).await?,
            None => true,
        };
        if !structured(&mut cx.screen, output.output, &verification)? {
            let style = if verification.intact && known { Style::Good } else { Style::Bad };
            cx.screen.line(style, &verification.sentence)?;
            if !known {
                let cut = "The hash that was noted earlier is not in the log: it was cut or replaced.";
                cx.screen.line(Style::Bad, cut)?;
            }
            writeln!(cx.screen, "newest entry's hash: {}", verification.head)?;
        }
        return Ok(if verification.intact && known { Code::Success } else { Code::Problems });
    }
    let query = AuditQuery { limit: Some(args.limit), after: None, actor: args.actor, action: args.action };
    let list = client.audit(&query).await?;
    if !structured(&mut cx.screen, args.output.output, &list)? {
        table(&list.items, moment::now()).print(&mut cx.screen, args.output.output.is_wide())?;
    }
    Ok(Code::Success)
}

/// Whether an entry with this hash is in the log.
async fn holds(client: &Client, hash: &str) -> Result<bool> {
    let mut query = AuditQuery { limit: Some(1000), ..Default::default() };
    loop {
        let page = client.audit(&query).await?;
        if page.items.iter().any(|entry| entry.hash == hash) {
            return Ok(true);
        }
        match (page.next, page.items.last()) {
            (Some(_), Some(last)) => query.after = Some(last.sequence),
            _ => return Ok(false),
        }
    }
}

fn table(entries: &[AuditEntry], now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::number("NO"),
        Column::text("TIME"),
        Column::text("WHO").shrinks_to(8),
        Column::text("ACTION"),
        Column::text("TARGET").shrinks_to(10),
        Column::text("DETAIL").shrinks_to(10),
        Column::text("FROM").wide_only(),
        Column::text("HASH").wide_only(),
    ]);
    for entry in entries.iter().rev() {
        table.row([
            entry.sequence.to_string().into(),
            moment::clock(entry.time, now).into(),
            entry.actor.as_str().into(),
            entry.action.as_str().into(),
            entry.target.as_str().into(),
            entry.detail.as_str().into(),
            entry.address.as_deref().unwrap_or("-").into(),
            entry.hash.as_str().into(),
        ]);
    }
    table
}
