use super::Context;
use crate::{
    exit::Code,
    output::{edges, format::OutputArgs, moment, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::EdgeQuery;
use bulkhead_model::Verdict;
use clap::Args;
use std::{io::Write, time::Duration};

/// List the edges: client service, server, protocol and port, with counters and verdict
#[derive(Debug, Args)]
pub(crate) struct EdgesArgs {
    /// Only edges of this client: a service, `world`, `host`, or an external name
    #[arg(long, value_name = "PEER")]
    from: Option<String>,

    /// Only edges to this server
    #[arg(long, value_name = "PEER")]
    to: Option<String>,

    /// Only edges with this verdict: allowed, would-deny or denied
    #[arg(long, value_parser = parse_verdict)]
    verdict: Option<Verdict>,

    /// Only edges used within this time: 10m, 1h, 7d
    #[arg(long, value_name = "TIME", value_parser = moment::parse_duration)]
    since: Option<Duration>,

    /// Only edges that were first seen within this time
    #[arg(long, value_name = "TIME", value_parser = moment::parse_duration)]
    new: Option<Duration>,

    /// At most this many
    #[arg(long, value_name = "N")]
    limit: Option<u32>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn parse_verdict(text: &str) -> Result<Verdict, String> {
    [Verdict::Allowed, Verdict::WouldDeny, Verdict::Denied]
        .into_iter()
        .find(|verdict| verdict.to_string() == text)
        .ok_or_else(|| format!("'{text}' is not a verdict: expected allowed, would-deny or denied"))
}

pub(crate) async fn run(cx: &mut Context, args: EdgesArgs) -> Result<Code> {
    let query = EdgeQuery {
        client: args.from,
        server: args.to,
        verdict: args.verdict,
        since: args.since.map(super::since),
        new_since: args.new.map(super::since),
        limit: args.limit,
        after: None,
    };
    let client = cx.client()?;
    let list = waiting::during("asking for the edges", client.edges(&query)).await?;
    if structured(&mut cx.screen, args.output.output, &list)? {
        return Ok(Code::Success);
    }
    if list.items.is_empty() {
        writeln!(cx.screen, "No such connections.")?;
        return Ok(Code::Success);
    }
    edges::table(&list.items, moment::now()).print(&mut cx.screen, args.output.output.is_wide())?;
    if list.next.is_some() {
        writeln!(cx.screen, "There are more: raise --limit (now {}).", list.items.len())?;
    }
    Ok(Code::Success)
}
