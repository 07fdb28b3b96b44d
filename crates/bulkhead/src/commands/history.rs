use super::Context;
use crate::{
    exit::Code,
    output::{
        Cell, Column, Screen, Style, Table, amount::plural, edges, format::OutputArgs, moment, structured,
        waiting,
    },
};
use anyhow::Result;
use bulkhead_api::{HistoryRange, PastGraph, PastGraphQuery, Timeline};
use bulkhead_model::{ServiceName, Timestamp, Verdict};
use clap::Args;
use std::{
    io::{self, Write},
    time::Duration,
};

/// Show what was counted in the past: step by step, or with --edges the connections of that time
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// From this long ago on: 10m, 1h, 7d [default: 1d; with --edges 1h]
    #[arg(long, value_name = "TIME", value_parser = moment::parse_duration)]
    since: Option<Duration>,

    /// Until this long ago [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment::parse_duration)]
    until: Option<Duration>,

    /// The edges of that time instead of its steps
    #[arg(long)]
    edges: bool,

    /// Only edges of this service
    #[arg(long, requires = "edges")]
    service: Option<ServiceName>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(cx: &mut Context, args: HistoryArgs) -> Result<Code> {
    let client = cx.client()?;
    let (since, until) = (args.since.map(super::since), args.until.map(super::since));
    let format = args.output.output;
    if args.edges {
        let query = PastGraphQuery { since, until, namespace: None, service: args.service };
        let graph = waiting::during("reading history", client.past_graph(&query)).await?;
        if !structured(&mut cx.screen, format, &graph)? {
            print_edges(&mut cx.screen, &graph, format.is_wide())?;
        }
    } else {
        let timeline =
            waiting::during("reading history", client.history(&HistoryRange { since, until })).await?;
        if !structured(&mut cx.screen, format, &timeline)? {
            print_steps(&mut cx.screen, &timeline, format.is_wide())?;
        }
    }
    Ok(Code::Success)
}

fn print_steps(screen: &mut Screen, timeline: &Timeline, wide: bool) -> io::Result<()> {
    if timeline.points.is_empty() {
        return writeln!(screen, "Nothing was counted in that time.");
    }
    let mut table = Table::new([
        Column::text("FROM"),
        Column::number("EDGES"),
        Column::number("NEW"),
        Column::number("CONNECTIONS"),
        Column::number("DENIED"),
        Column::number("WOULD DENY"),
    ]);
    for point in &timeline.points {
        table.row([
            moment::rfc3339(point.start).into(),
            point.edges.to_string().into(),
            point.new_edges.to_string().into(),
            point.connections.to_string().into(),
            some(point.denied, Style::Bad),
            some(point.would_deny, Style::Warning),
        ]);
    }
    table.print(screen, wide)?;
    if let Some(oldest) = timeline.oldest {
        writeln!(screen, "The oldest step is of {}.", moment::rfc3339(oldest))?;
    }
    Ok(())
}

fn some(count: u64, style: Style) -> Cell {
    if count > 0 { Cell::styled(count, style) } else { "0".into() }
}

fn print_edges(screen: &mut Screen, graph: &PastGraph, wide: bool) -> io::Result<()> {
    let span = |time: Timestamp| moment::rfc3339(time);
    screen.paragraph(0, &format!("{} to {}: {}", span(graph.since), span(graph.until), graph.sentence))?;
    if graph.edges.is_empty() {
        return Ok(());
    }
    let mut table = Table::new([
        Column::text("EDGE").shrinks_to(24),
        Column::text("VERDICT"),
        Column::number("CONNECTIONS"),
        Column::number("DENIED"),
        Column::number("PACKETS").wide_only(),
        Column::number("BYTES").wide_only(),
    ]);
    for edge in &graph.edges {
        let style = match edge.verdict {
            Verdict::Allowed => Style::Good,
            Verdict::WouldDeny => Style::Warning,
            Verdict::Denied => Style::Bad,
        };
        table.row([
            edges::arrow(&edge.edge).into(),
            Cell::styled(edge.verdict, style),
            edge.connections.to_string().into(),
            (edge.denied + edge.would_deny).to_string().into(),
            edge.packets.to_string().into(),
            edge.bytes.to_string().into(),
        ]);
    }
    table.print(screen, wide)?;
    writeln!(screen, "{}.", plural(graph.edges.len() as u64, "edge"))
}
