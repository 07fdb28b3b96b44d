mod attack;
mod local;

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
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::{
    io::{self, Write},
    path::PathBuf,
};

/// Show what an attacker who holds a service can reach, now and under the policy; without a service, rank the estate
///
/// With scan results, show the likeliest ways of an attacker from outside, weighted by what is known to be vulnerable,
/// and what to close first.
#[derive(Debug, Args)]
pub(crate) struct BlastRadiusArgs {
    /// The service: namespace/name. With --scan, where the attacker starts, in place of the outside
    service: Option<ServiceName>,

    /// Results of a vulnerability scanner: SARIF, CycloneDX, or the JSON of Trivy or Grype; `-` is standard input
    #[arg(long, value_name = "FILE", num_args = 1..)]
    scan: Vec<PathBuf>,

    /// Only the way to this service
    #[arg(long, value_name = "SERVICE", requires = "scan")]
    to: Option<ServiceName>,

    /// Ask documents or manifests in files and directories instead of a server, as if every service that they target
    /// enforced them; what passes now is then what passes without them
    #[arg(short, long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,

    /// Also under these documents, put in force beside those that are there
    #[arg(long, value_name = "PATH", requires = "service", conflicts_with = "scan")]
    candidate: Vec<PathBuf>,

    /// Print the ways as a graph
    #[arg(long, value_enum, value_name = "NOTATION", requires = "service", conflicts_with = "scan")]
    graph: Option<Notation>,

    /// Only so many steps
    #[arg(long, requires = "service")]
    hops: Option<u32>,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Notation {
    /// For Graphviz
    Dot,
    /// For Markdown
    Mermaid,
}

/// What falls with a service.
#[derive(Debug, Serialize)]
struct Radius {
    #[serde(flatten)]
    radius: BlastRadius,
    #[serde(skip_serializing_if = "Option::is_none")]
    under_candidate: Option<BlastSide>,
}

pub(crate) async fn run(cx: &mut Context, args: BlastRadiusArgs) -> Result<Code> {
    if !args.scan.is_empty() {
        return attack::run(cx, args).await;
    }
    let (format, wide) = (args.output.output, args.output.output.is_wide());
    if let Some(service) = &args.service {
        let radius = match args.files.is_empty() {
            true => {
                let query = BlastQuery { hops: args.hops };
                let client = cx.client()?;
                waiting::during("following every way", client.blast_radius(service, &query)).await?
            }
            false => local::radius(cx, &args.files, service, args.hops)?,
        };
        let under_candidate = match args.candidate.is_empty() {
            true => None,
            false => Some(local::under_candidate(cx, &args, service).await?),
        };
        let radius = Radius { radius, under_candidate };
        if let Some(notation) = args.graph {
            local::graph(&mut cx.screen, &radius, notation)?;
        } else if !structured(&mut cx.screen, format, &radius)? {
            print(&mut cx.screen, &radius, wide)?;
        }
    } else {
        let ranking = match args.files.is_empty() {
            true => {
                let client = cx.client()?;
                waiting::during("following every way", client.blast_ranking()).await?
            }
            false => local::ranking(cx, &args.files)?,
        };
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

fn print(screen: &mut Screen, answer: &Radius, wide: bool) -> io::Result<()> {
    let radius = &answer.radius;
    screen.paragraph(0, &radius.sentence)?;
    let sides = [("Now", &radius.now), ("Under the policy", &radius.under_policy)];
    let candidate = answer.under_candidate.as_ref().map(|side| ("Under the candidate", side));
    for (title, side) in sides.into_iter().chain(candidate) {
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
