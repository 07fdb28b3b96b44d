use crate::{
    commands::Context,
    exit::Code,
    output::{Column, Screen, Style, Table, format::OutputArgs, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::{IsolationStatus, ZoneQuery, ZoneStatus, ZoneWay};
use bulkhead_policy::document::format_time;
use clap::Args;
use std::io::Write;

/// Show zones: who is in them, what may cross their borders, and whether they are isolated
///
/// Ends with 1 if one of them is not proved to be isolated.
#[derive(Debug, Args)]
pub(super) struct ZonesArgs {
    /// Only this one, with its members, conduits and what crosses its border
    #[arg(value_name = "NAME")]
    zone: Option<String>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(cx: &mut Context, args: &ZonesArgs) -> Result<Code> {
    let client = cx.client()?;
    let query = ZoneQuery { zone: args.zone.clone() };
    let list = waiting::during("asking for the zones", client.zones(&query)).await?;
    if !structured(&mut cx.screen, args.output.output, &list)? {
        match (&args.zone, list.items.as_slice()) {
            (Some(_), [zone]) => detail(&mut cx.screen, zone)?,
            (_, []) => cx.screen.paragraph(0, &list.sentence)?,
            _ => {
                table(&list.items).print(&mut cx.screen, args.output.output.is_wide())?;
                cx.screen.paragraph(0, &list.sentence)?;
            }
        }
    }
    let proved = list.items.iter().all(|zone| zone.isolation.status == IsolationStatus::Proved);
    Ok(if proved { Code::Success } else { Code::Problems })
}

fn table(zones: &[ZoneStatus]) -> Table {
    let mut table = Table::new([
        Column::text("ZONE").shrinks_to(12),
        Column::number("SERVICES"),
        Column::text("BORDER"),
        Column::number("CONDUITS"),
        Column::number("EXCEPTIONS"),
        Column::text("ISOLATION"),
        Column::number("CONNECTED TO").wide_only(),
        Column::text("OWNER").shrinks_to(8),
    ]);
    for zone in zones {
        table.row([
            zone.name.as_str().into(),
            zone.members.len().to_string().into(),
            if zone.border { "conduits only" } else { "rules" }.into(),
            zone.conduits.len().to_string().into(),
            zone.exceptions.len().to_string().into(),
            zone.isolation.status.to_string().into(),
            zone.scope.connected_to.to_string().into(),
            zone.owner.as_deref().unwrap_or("-").into(),
        ]);
    }
    table
}

fn detail(screen: &mut Screen, zone: &ZoneStatus) -> Result<()> {
    let isolation = &zone.isolation;
    let style = if isolation.status == IsolationStatus::Proved { Style::Good } else { Style::Bad };
    screen.line(style, &isolation.sentence)?;
    let scope = &zone.scope;
    writeln!(
        screen,
        "in scope {}, connected to it {}, security-impacting {}, out of scope {}\n",
        scope.in_scope, scope.connected_to, scope.security_impacting, scope.out_of_scope
    )?;
    let mut members = Table::new([Column::text("MEMBER"), Column::text("MODE"), Column::text("THROUGH")]);
    for member in &zone.members {
        members.row([
            member.service.to_string().into(),
            member.mode.to_string().into(),
            member.through.as_str().into(),
        ]);
    }
    for external in &zone.externals {
        members.row([external.as_str().into(), "-".into(), "-".into()]);
    }
    members.print(screen, false)?;
    if !zone.conduits.is_empty() || !zone.exceptions.is_empty() {
        writeln!(screen)?;
        let mut ways = Table::new([
            Column::text("WAY").shrinks_to(12),
            Column::text("TRAFFIC").shrinks_to(10),
            Column::text("OWNER").shrinks_to(8),
            Column::text("REASON").shrinks_to(8),
            Column::text("EXPIRES"),
            Column::number("USED"),
        ]);
        zone.conduits.iter().chain(&zone.exceptions).for_each(|way| self::way(&mut ways, way));
        ways.print(screen, false)?;
    }
    writeln!(screen)?;
    let mut crossings = Table::new([
        Column::text("CROSSES"),
        Column::text("MEMBER").shrinks_to(10),
        Column::text("PEERS").shrinks_to(10),
        Column::text("TRAFFIC").shrinks_to(10),
        Column::text("FAULT").shrinks_to(10),
    ]);
    for crossing in &isolation.crossings {
        let more = crossing.peer_count.saturating_sub(crossing.peers.len() as u64);
        let mut peers = crossing.peers.join(", ");
        if more > 0 {
            peers += &format!(" and {more} more");
        }
        crossings.row([
            crossing.direction.to_string().into(),
            crossing.member.as_str().into(),
            peers.as_str().into(),
            crossing.traffic.as_str().into(),
            crossing.fault.as_deref().unwrap_or("-").into(),
        ]);
    }
    crossings.print(screen, false)?;
    Ok(())
}

fn way(table: &mut Table, way: &ZoneWay) {
    let expires = match (way.expires, way.expired) {
        (Some(time), false) => format_time(time),
        (Some(time), true) => format!("expired {}", format_time(time)),
        (None, _) => "-".to_owned(),
    };
    table.row([
        format!("{} → {}", way.from.join(", "), way.to.join(", ")).as_str().into(),
        way.traffic.as_str().into(),
        way.owner.as_deref().unwrap_or("-").into(),
        way.reason.as_deref().or(way.name.as_deref()).unwrap_or("-").into(),
        expires.as_str().into(),
        way.connections.to_string().into(),
    ]);
}
