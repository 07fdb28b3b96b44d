use crate::{
    commands::Context,
    exit::Code,
    output::{Cell, Column, Style, Table, edges, format::OutputArgs, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::{Reach, ReachQuery, Reacher, WhoCanReach, WhoCanReachQuery};
use bulkhead_model::ServiceName;
use clap::Args;
use std::io::Write;

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

    #[command(flatten)]
    output: OutputArgs,
}

/// List who can reach a service, directly or over others
#[derive(Debug, Args)]
pub(super) struct WhoCanReachArgs {
    /// The service: namespace/name
    service: ServiceName,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn reach(cx: &mut Context, args: ReachArgs) -> Result<Code> {
    let query = ReachQuery { from: args.from, to: args.to };
    let client = cx.client()?;
    let answer: Reach = waiting::during("following every way", client.reach(&query)).await?;
    if !structured(&mut cx.screen, args.output.output, &answer)? {
        let style = if answer.reachable { Style::Warning } else { Style::Good };
        cx.screen.line(style, &answer.sentence)?;
        for hop in &answer.path {
            let witness = edges::port(hop.protocol, hop.port);
            let seen = if hop.seen { "seen" } else { "never seen" };
            writeln!(
                cx.screen,
                "  {} → {} {witness} ({seen}; all that passes: {})",
                hop.from, hop.to, hop.through
            )?;
        }
    }
    Ok(if answer.reachable { Code::Problems } else { Code::Success })
}

pub(super) async fn who_can_reach(cx: &mut Context, args: WhoCanReachArgs) -> Result<Code> {
    let query = WhoCanReachQuery { service: args.service };
    let client = cx.client()?;
    let answer: WhoCanReach = waiting::during("following every way", client.who_can_reach(&query)).await?;
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
    ]);
    for reacher in reachers {
        table.row([
            reacher.peer.to_string().into(),
            reacher.hops.to_string().into(),
            reacher.through.as_str().into(),
            if reacher.seen { "yes".into() } else { Cell::styled("never", Style::Warning) },
            reacher.open_because.as_deref().unwrap_or("its policy allows it").into(),
        ]);
    }
    table
}
