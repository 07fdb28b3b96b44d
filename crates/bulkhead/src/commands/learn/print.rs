//! The answer for people.

use super::{Answer, Learned};
use crate::output::{Cell, Column, Screen, Style, Table, amount, edges as words, moment, table::printable};
use bulkhead_learn::{Profile, Report};
use bulkhead_records::Format;
use std::io::{self, Write};

/// So many rows of a list are shown; `-o wide` shows all.
const MOST: usize = 40;

pub(super) fn print(screen: &mut Screen, answer: &Answer, wide: bool) -> io::Result<()> {
    files(screen, answer)?;
    writeln!(screen)?;
    title(screen, "Services", answer.services.len())?;
    services(&answer.services, wide).print(screen, wide)?;
    more(screen, answer.services.len(), wide)?;
    writeln!(screen)?;
    title(screen, "Edges", answer.edges.len())?;
    edges(answer, wide).print(screen, wide)?;
    more(screen, answer.edges.len(), wide)?;
    if !answer.undecided.is_empty() {
        writeln!(screen)?;
        title(screen, "Undecided", answer.undecided.len())?;
        for item in answer.undecided.iter().take(if wide { usize::MAX } else { MOST }) {
            screen.paragraph(2, &format!("{}: {}", item.what, item.why))?;
            if let Some(advice) = &item.advice {
                screen.paragraph(4, advice)?;
            }
        }
        more(screen, answer.undecided.len(), wide)?;
    }
    writeln!(screen)?;
    let documents = amount::plural(answer.policies as u64, "document");
    screen.paragraph(
        0,
        &format!(
            "Proposed: {documents}. See them with -o yaml, keep them with --write DIR, and try them on other records \
             with bulkhead policy simulate -f DIR --flows FILE."
        ),
    )
}

fn title(screen: &mut Screen, name: &str, count: usize) -> io::Result<()> {
    screen.line(Style::Bold, &format!("{name} ({count})"))
}

fn more(screen: &mut Screen, count: usize, wide: bool) -> io::Result<()> {
    if count > MOST && !wide {
        writeln!(screen, "  and {} more: -o wide shows all", count - MOST)?;
    }
    Ok(())
}

fn files(screen: &mut Screen, answer: &Answer) -> io::Result<()> {
    for file in &answer.files {
        let format: Option<Format> = file.format.parse().ok();
        screen.paragraph(
            0,
            &format!(
                "{}: {}, {} in {}",
                file.file,
                format.map_or(file.format, Format::title),
                amount::plural(file.records, "record"),
                amount::plural(file.lines, "line")
            ),
        )?;
        for (why, count) in &file.skipped {
            writeln!(screen, "  {why}: {count}")?;
        }
        if file.lost > 0 {
            writeln!(
                screen,
                "  {} records were lost by whoever wrote it: these hours do not count",
                file.lost
            )?;
        }
        if file.guessed > 0 {
            writeln!(screen, "  of {} the opener had to be guessed", file.guessed)?;
        }
        if file.malformed > 0 {
            screen.line(
                Style::Warning,
                &format!("  {} could not be read", amount::plural(file.malformed, "line")),
            )?;
            for fault in &file.faults {
                let width = screen.width.saturating_sub(4);
                let text = printable(format!("line {}: {}", fault.line, fault.why));
                writeln!(screen, "    {}", crate::output::table::cut(&text, width))?;
            }
        }
    }
    if let Some((first, last)) = answer.period {
        let long = moment::short(last.since(first));
        writeln!(screen, "{long} of records: {} to {}", minute(first), minute(last))?;
    }
    Ok(())
}

/// `2026-03-02 08:00`
fn minute(time: bulkhead_model::Timestamp) -> String {
    moment::rfc3339(time).get(..16).unwrap_or_default().replace('T', " ")
}

fn services(services: &[Learned], wide: bool) -> Table {
    let mut table = Table::new([
        Column::text("SERVICE").shrinks_to(12),
        Column::number("CLIENTS"),
        Column::number("SERVERS"),
        Column::number("OBSERVED"),
        Column::number("NEW/HOUR"),
        Column::text("STATE").shrinks_to(12),
        Column::text("KNOWLEDGE").wide_only(),
    ]);
    for service in services.iter().take(if wide { usize::MAX } else { MOST }) {
        let report = service.completeness.as_ref();
        table.row([
            service.service.to_string().into(),
            service.clients.to_string().into(),
            service.servers.to_string().into(),
            report.map_or("-".into(), |r| format!("{:.1} h", r.observed_hours)).into(),
            report.map_or("-".into(), |r| bound(r.upper_hour)).into(),
            report.map_or(Cell::styled("no times", Style::Dim), state),
            report.map_or(String::new(), |r| r.sentence.clone()).into(),
        ]);
    }
    table
}

/// `-` where nothing can be said.
fn bound(chance: f64) -> String {
    if chance >= 1.0 { "-".to_owned() } else { format!("≤{}", amount::percent(chance)) }
}

fn state(report: &Report) -> Cell {
    match () {
        () if report.open_ended => Cell::styled("open-ended", Style::Warning),
        () if report.ready.of(Profile::Default) => Cell::styled("enough seen", Style::Good),
        () if report.ready.of(Profile::Fast) => Cell::styled("enough for the profile fast", Style::Good),
        () => "too little seen".into(),
    }
}

fn edges(answer: &Answer, wide: bool) -> Table {
    let mut table = Table::new([
        Column::text("CLIENT").shrinks_to(10),
        Column::text("SERVER").shrinks_to(10),
        Column::text("PORT").shrinks_to(8),
        Column::number("CONNS"),
        Column::number("DENIED").optional(),
        Column::text("RULE"),
        Column::text("FIRST SEEN").wide_only(),
        Column::text("LAST SEEN").wide_only(),
        Column::text("OPENER").wide_only(),
    ]);
    for edge in answer.edges.iter().take(if wide { usize::MAX } else { MOST }) {
        let denied = edge.counters.denied + edge.counters.would_deny;
        table.row([
            edge.key.client.to_string().into(),
            edge.key.server.to_string().into(),
            words::service_port(&edge.key).into(),
            amount::count(edge.counters.connections).into(),
            if denied == 0 { "-".into() } else { Cell::styled(amount::count(denied), Style::Warning) },
            if edge.proposed { "yes".into() } else { Cell::styled("no", Style::Dim) },
            minute(edge.first_seen).into(),
            minute(edge.last_seen).into(),
            edge.opener.into(),
        ]);
    }
    table
}
