use super::Context;
use crate::{
    exit::Code,
    output::{Cell, Column, Screen, Style, Table, amount, format::OutputArgs, moment, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::Status;
use clap::Args;
use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

/// Show the estate at a glance: services by mode, what is denied, what is not covered
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(cx: &mut Context, args: StatusArgs) -> Result<Code> {
    let client = cx.client()?;
    let status = waiting::during("asking for the status", client.status()).await?;
    if !structured(&mut cx.screen, args.output.output, &status)? {
        print(&mut cx.screen, client.server(), &status, args.output.output.is_wide())?;
    }
    Ok(Code::Success)
}

fn print(screen: &mut Screen, server: &str, status: &Status, wide: bool) -> io::Result<()> {
    let up = moment::short(Duration::from_secs(status.uptime_seconds));
    screen.line(Style::Bold, &format!("Bulkhead {} at {server}, up {up}", status.version))?;
    screen.paragraph(0, &status.sentence)?;
    writeln!(screen)?;

    let s = &status.services;
    let total = s.learn + s.monitor + s.enforce + s.quarantine;
    let modes =
        [("learn", s.learn), ("monitor", s.monitor), ("enforce", s.enforce), ("quarantine", s.quarantine)];
    let by_mode: Vec<_> =
        modes.iter().filter(|(_, n)| *n > 0).map(|(mode, n)| format!("{n} {mode}")).collect();
    let by_mode = if by_mode.is_empty() { String::new() } else { format!(": {}", by_mode.join(", ")) };
    writeln!(screen, "services   {total}{by_mode}")?;
    writeln!(screen, "workloads  {}", status.workloads)?;
    writeln!(screen, "edges      {}", status.edges)?;
    writeln!(
        screen,
        "denied     {} in the last 24 h; would be denied: {}",
        amount::count(status.denied_24h),
        amount::count(status.would_deny_24h)
    )?;
    let enforced = match status.enforced_revision {
        n if n == status.revision => "enforced by every node".to_owned(),
        n => format!("a node is still at {n}"),
    };
    writeln!(screen, "policy     revision {}, {enforced}", status.revision)?;
    let automatic = if status.automatic { "on evidence, automatically" } else { "by hand" };
    writeln!(screen, "promotion  {automatic}")?;
    let store = &status.store;
    writeln!(screen, "store      {}, {} events", amount::bytes(store.bytes), amount::count(store.events))?;
    let mut odd: BTreeMap<&str, u64> = BTreeMap::new();
    for (what, count) in status.nodes.iter().flat_map(|node| &node.health.packets) {
        if !matches!(what.as_str(), "decisions" | "denied" | "answered") {
            *odd.entry(what).or_default() += count;
        }
    }
    odd.retain(|_, count| *count > 0);
    if !odd.is_empty() {
        let odd: Vec<_> = odd.iter().map(|(what, n)| format!("{} {what}", amount::count(*n))).collect();
        writeln!(screen, "packets    no rule speaks of: {}", odd.join(", "))?;
    }
    if status.lost_events > 0 {
        let lost = format!("lost       {} events: learning counts these hours as unseen", status.lost_events);
        screen.line(Style::Warning, &lost)?;
    }
    if status.learn_scale != 1.0 {
        let scale = format!(
            "learning   runs {} times faster than time: a demonstration, not its figures",
            status.learn_scale
        );
        screen.line(Style::Warning, &scale)?;
    }

    writeln!(screen)?;
    nodes(status).print(screen, wide)?;
    for (title, lines) in [
        ("Not covered", status.not_covered.clone()),
        (
            "Degraded",
            status
                .degraded
                .iter()
                .map(|d| format!("{} (since {}). {}", d.what, moment::rfc3339(d.since), d.remedy))
                .collect(),
        ),
    ] {
        if !lines.is_empty() {
            writeln!(screen)?;
            screen.line(Style::Warning, title)?;
            lines.iter().try_for_each(|line| item(screen, line))?;
        }
    }
    Ok(())
}

/// A list item, wrapped under its dash.
pub(crate) fn item(screen: &mut Screen, text: &str) -> io::Result<()> {
    screen.item(Style::Plain, "-", text)
}

fn nodes(status: &Status) -> Table {
    let mut table = Table::new([
        Column::text("NODE").shrinks_to(8),
        Column::number("ENDPOINTS"),
        Column::text("ATTACH"),
        Column::text("GATE"),
        Column::number("REVISION"),
        Column::text("FULLEST TABLE").shrinks_to(10).optional(),
        Column::text("REPORT"),
        Column::text("KERNEL").wide_only(),
    ]);
    for node in &status.nodes {
        let health = &node.health;
        let fill = |t: &&bulkhead_model::node::TableFill| t.entries as f64 / t.capacity.max(1) as f64;
        let fullest = health.tables.iter().max_by(|a, b| fill(a).total_cmp(&fill(b)));
        table.row([
            node.name.as_str().into(),
            health.endpoints.to_string().into(),
            health.attach_kind.as_str().into(),
            if health.gate {
                Cell::styled("closed", Style::Good)
            } else {
                Cell::styled("open", Style::Warning)
            },
            health.revision.to_string().into(),
            match fullest {
                Some(t) => {
                    let style = if fill(&t) >= 0.8 { Style::Bad } else { Style::Plain };
                    Cell::styled(format!("{} {:.0} %", t.name, fill(&t) * 100.0), style)
                }
                None => "-".into(),
            },
            moment::ago(node.last_report, status.time).into(),
            health.kernel.as_str().into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::screen::tests::printed;
    use bulkhead_api::{Degradation, ModeCounts, NodeStatus, StoreStatus};
    use bulkhead_model::{
        Timestamp,
        node::{NodeHealth, TableFill},
    };

    #[test]
    fn the_status_fits_80_columns_and_names_what_is_not_covered() {
        let time = Timestamp(1_767_225_600_000);
        let status = Status {
            version: "0.1.0".into(),
            time,
            started: Timestamp(time.0 - 12_000_000),
            uptime_seconds: 12_000,
            revision: 17,
            enforced_revision: 16,
            services: ModeCounts { learn: 5, monitor: 3, enforce: 4, quarantine: 0 },
            workloads: 18,
            edges: 46,
            lost_events: 3,
            denied_24h: 12_345,
            would_deny_24h: 2,
            learn_scale: 3600.0,
            automatic: true,
            nodes: vec![NodeStatus {
                name: "host-a".into(),
                last_report: Timestamp(time.0 - 2_000),
                health: NodeHealth {
                    endpoints: 36,
                    attach_kind: "tcx".into(),
                    gate: true,
                    revision: 16,
                    kernel: "6.12.0".into(),
                    tables: vec![TableFill {
                        name: "connections".into(),
                        entries: 850,
                        capacity: 1000,
                        refused: 0,
                    }],
                    ..Default::default()
                },
            }],
            not_covered: vec![
                "host network: the workload 'exporter' shares the host's network and is seen but not \
                               confined; give it a network of its own"
                    .into(),
            ],
            degraded: vec![Degradation {
                what: "the disk is full".into(),
                remedy: "make room under /var/lib/bulkhead".into(),
                since: time,
            }],
            store: StoreStatus { bytes: 3 << 20, events: 1200, oldest_event: None, pending: 0 },
            sentence: "4 of 12 services are enforced.".into(),
        };
        let text = printed(80, |s| print(s, "http://127.0.0.1:7070", &status, false).expect("memory"));
        insta::assert_snapshot!(text);
    }
}
