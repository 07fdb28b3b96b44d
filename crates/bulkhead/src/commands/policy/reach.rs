use super::{files::Files, offline};
use crate::{
    commands::Context,
    exit::Code,
    output::{Cell, Column, Style, Table, edges, format::OutputArgs, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::{Reach, ReachQuery, Reacher, WhoCanReach, WhoCanReachQuery};
use bulkhead_model::ServiceName;
use clap::Args;
use std::{io::Write, path::PathBuf};

/// Say whether one peer can ever reach another, over any number of services, and how
///
/// Ends with 1 if it can.
#[derive(Debug, Args)]
pub(super) struct ReachArgs {
    /// From whom: a service, `world`, `host`, or an external name
    #[arg(long, value_name = "PEER")]
    from: String,

    /// To whom
    #[arg(long, value_name = "PEER")]
    to: String,

    /// Ask documents in files and directories instead of a server, as if every service that they target enforced
    /// them; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    output: OutputArgs,
}

/// List who can reach a service, directly or over others
#[derive(Debug, Args)]
pub(super) struct WhoCanReachArgs {
    /// The service: namespace/name
    service: ServiceName,

    /// Ask documents in files and directories instead of a server, as if every service that they target enforced
    /// them; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn reach(cx: &mut Context, args: ReachArgs) -> Result<Code> {
    let answer: Reach = if args.files.is_empty() {
        let query = ReachQuery { from: args.from, to: args.to };
        let client = cx.client()?;
        waiting::during("following every way", client.reach(&query)).await?
    } else {
        let files = Files::read(cx, &args.files)?;
        let (from, to) = (offline::peer(&args.from)?, offline::peer(&args.to)?);
        waiting::work("following every way", || offline::reach(&files, from, to))
    };
    if !structured(&mut cx.screen, args.output.output, &answer)? {
        let style = if answer.reachable { Style::Warning } else { Style::Good };
        cx.screen.line(style, &answer.sentence)?;
        for hop in &answer.path {
            let witness = edges::port(hop.protocol, hop.port);
            write!(cx.screen, "  {} → {} {witness}", hop.from, hop.to)?;
            let seen = match (args.files.is_empty(), hop.seen) {
                (false, _) => "",
                (true, true) => "seen; ",
                (true, false) => "never seen; ",
            };
            writeln!(cx.screen, " ({seen}all that passes: {})", hop.through)?;
            if !hop.rules.is_empty() {
                writeln!(cx.screen, "    by {}", hop.rules.join(", "))?;
            }
        }
    }
    Ok(if answer.reachable { Code::Problems } else { Code::Success })
}

pub(super) async fn who_can_reach(cx: &mut Context, args: WhoCanReachArgs) -> Result<Code> {
    let answer: WhoCanReach = if args.files.is_empty() {
        let query = WhoCanReachQuery { service: args.service };
        let client = cx.client()?;
        waiting::during("following every way", client.who_can_reach(&query)).await?
    } else {
        let files = Files::read(cx, &args.files)?;
        waiting::work("following every way", || offline::who_can_reach(&files, args.service))
    };
    if !structured(&mut cx.screen, args.output.output, &answer)? {
        cx.screen.paragraph(0, &answer.sentence)?;
        for (title, reachers) in [("Directly", &answer.direct), ("Over others", &answer.indirect)] {
            if !reachers.is_empty() {
                writeln!(cx.screen)?;
                cx.screen.line(Style::Bold, title)?;
                table(reachers).print(&mut cx.screen, args.output.output.is_wide())?;
            }
        }
    }
    Ok(Code::Success)
}

fn table(reachers: &[Reacher]) -> Table {
    let mut table = Table::new([
        Column::text("PEER").shrinks_to(14),
        Column::number("HOPS"),
        Column::text("THROUGH").shrinks_to(14),
        Column::text("SEEN"),
        Column::text("OPEN BECAUSE").shrinks_to(14),
        Column::text("BY").wide_only(),
    ]);
    for reacher in reachers {
        table.row([
            reacher.peer.to_string().into(),
            reacher.hops.to_string().into(),
            reacher.through.as_str().into(),
            if reacher.seen { "yes".into() } else { Cell::styled("never", Style::Warning) },
            reacher.open_because.as_deref().unwrap_or("its policy allows it").into(),
            reacher.rules.join(", ").into(),
        ]);
    }
    table
}
