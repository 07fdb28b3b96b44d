use super::{Context, each};
use crate::{
    exit::Code,
    output::{Cell, Column, Style, Table, format::OutputArgs, moment, structured},
};
use anyhow::Result;
use bulkhead_api::{Role, TokenList, TokenRequest};
use bulkhead_model::Timestamp;
use clap::{Args, Subcommand};
use std::{io::Write, time::Duration};

/// Manage the tokens with which people and programs may speak to the controller
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Create a token; its secret is shown this once
    Create {
        /// Whose it is, for the audit log
        name: String,
        /// viewer: sees; proposer: proposes policies as well; operator: changes modes and policies; admin: manages tokens and settings as well
        #[arg(long, default_value = "viewer", value_parser = parse_role)]
        role: Role,
        /// End it after this time: 8h, 30d [default: never]
        #[arg(long, value_name = "TIME", value_parser = moment::parse_duration)]
        expires: Option<Duration>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// List the tokens, without their secrets
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Revoke tokens, and the sessions made from them
    Revoke {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
}

fn parse_role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|error: bulkhead_api::UnknownRole| error.to_string())
}

pub(crate) async fn run(cx: &mut Context, args: TokenArgs) -> Result<Code> {
    let client = cx.client()?;
    match args.command {
        TokenCommand::Create { name, role, expires, output } => {
            let request = TokenRequest { name, role, expires_in_seconds: expires.map(|e| e.as_secs()) };
            let created = client.create_token(&request).await?;
            if !structured(&mut cx.screen, output.output, &created)? {
                // The secret alone on standard output: TOKEN=$(bulkhead token create ci)
                cx.note(&format!(
                    "token {} for '{}' ({}); it is shown this once:",
                    created.token.id, created.token.name, created.token.role
                ))?;
                writeln!(cx.screen, "{}", created.secret)?;
            }
        }
        TokenCommand::List { output } => {
            let list = client.tokens().await?;
            if !structured(&mut cx.screen, output.output, &list)? {
                table(&list, moment::now()).print(&mut cx.screen, output.output.is_wide())?;
            }
        }
        TokenCommand::Revoke { ids, output } => {
            let known = client.tokens().await?.items;
            let (revoked, result) = each(ids, async |id: String| {
                client.delete_token(&id).await?;
                Ok(id)
            })
            .await;
            let items = known.into_iter().filter(|token| revoked.contains(&token.id)).collect();
            if !structured(&mut cx.screen, output.output, &TokenList { items })? {
                for id in revoked {
                    writeln!(cx.screen, "token {id} is revoked")?;
                }
            }
            result?;
        }
    }
    Ok(Code::Success)
}

fn table(list: &TokenList, now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::text("ID"),
        Column::text("NAME").shrinks_to(10),
        Column::text("ROLE"),
        Column::text("CREATED"),
        Column::text("LAST USED"),
        Column::text("EXPIRES"),
        Column::text("CREATED BY").wide_only(),
    ]);
    for token in &list.items {
        table.row([
            token.id.as_str().into(),
            token.name.as_str().into(),
            token.role.to_string().into(),
            moment::ago(token.created, now).into(),
            token.last_used.map_or("never".into(), |t| moment::ago(t, now)).into(),
            match token.expires {
                None => "never".into(),
                Some(at) if at <= now => Cell::styled("expired", Style::Warning),
                Some(at) => format!("in {}", moment::short(at.since(now))).into(),
            },
            token.created_by.as_str().into(),
        ]);
    }
    table
}
