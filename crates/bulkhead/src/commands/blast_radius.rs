use super::Context;
use crate::{
    exit::Code,
    output::{
        Cell, Column, Screen, Style, Table, amount::plural, edges, format::OutputArgs, structured, waiting,
    },
};
use anyhow::Result;
use bulkhead_api::{BlastCount, BlastQuery, BlastRadius, BlastRanking, BlastSide};
use bulkhead_model::ServiceName;
use clap::Args;
use std::io::{self, Write};

/// Show what an attacker who holds a service can reach, now and under the policy; without a service, rank the estate
#[derive(Debug, Args)]
pub(crate) struct BlastRadiusArgs {
    /// The service: namespace/name
    service: Option<ServiceName>,

    /// Only so many steps
    #[arg(long, requires = "service")]
    hops: Option<u32>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(cx: &mut Context, args: BlastRadiusArgs) -> Result<Code> {
    let client = cx.client()?;
    let (format, wide) = (args.output.output, args.output.output.is_wide());
    if let Some(service) = &args.service {
        let query = BlastQuery { hops: args.hops };
        let radius = waiting::during("following every way", client.blast_radius(service, &query)).await?;
        if !structured(&mut cx.screen, format, &radius)? {
            print(&mut cx.screen, &radius, wide)?;
        }
    } else {
        let ranking = waiting::during("following every way", client.blast_ranking()).await?;
        if !structured(&mut cx.screen, format, &ranking)? {
            rank(&mut cx.screen, &ranking, wide)?;
        }
    }
    Ok(Code::Success)
}

fn count(count: &BlastCount) -> String {
    let world = if count.world { ", world" } else { "" };
    format!("{}, {}{world}", plural(count.services, "service"), plural(count.ports, "port"))
}

fn rank(screen: &mut Screen, ranking: &BlastRanking, wide: bool) -> io::Result<()> {
    screen.paragraph(0, &ranking.sentence)?;
    writeln!(screen)?;
    let mut table = Table::new([
        Column::text("SERVICE").shrinks_to(14),
        Column::text("REACHES NOW"),
        Column::text("UNDER ITS POLICY"),
    ]);
    for item in &ranking.items {
        table.row([
            item.service.to_string().into(),
            count(&item.now).into(),
            count(&item.under_policy).into(),
        ]);
    }
    table.print(screen, wide)
}

fn print(screen: &mut Screen, radius: &BlastRadius, wide: bool) -> io::Result<()> {
    screen.paragraph(0, &radius.sentence)?;
    for (title, side) in [("Now", &radius.now), ("Under the policy", &radius.under_policy)] {
        writeln!(screen)?;
        screen.line(Style::Bold, &format!("{title}: {}", count(&side.count)))?;
        if !side.reached.is_empty() {
            reached(side).print(screen, wide)?;
        }
    }
    Ok(())
}

fn reached(side: &BlastSide) -> Table {
    let mut table = Table::new([
        Column::number("HOPS"),
        Column::text("REACHES").shrinks_to(14),
        Column::text("VIA").shrinks_to(14),
        Column::text("PORTS").shrinks_to(12),
    ]);
    for item in &side.reached {
        let ports: Vec<_> = item.ports.iter().map(|p| edges::port(p.protocol, p.port)).collect();
        table.row([
            item.hops.to_string().into(),
            item.peer.to_string().into(),
            item.via.to_string().into(),
            if ports.is_empty() { Cell::styled("none known", Style::Dim) } else { ports.join(" ").into() },
        ]);
    }
    table
}
