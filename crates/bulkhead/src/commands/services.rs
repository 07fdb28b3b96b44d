use super::{Context, events};
use crate::{
    exit::Code,
    output::{
        Cell, Column, Screen, Style, Table, amount, edges, format::OutputArgs, moment, structured, waiting,
    },
};
use anyhow::Result;
use bulkhead_api::{Progress, ServiceDetail, ServiceQuery, ServiceSummary};
use bulkhead_model::{Mode, ServiceName, Timestamp};
use clap::Args;
use std::io::{self, Write};

/// List the services with their mode and how well they are known; or show one of them
#[derive(Debug, Args)]
pub(crate) struct ServicesArgs {
    /// Show everything about this service: namespace/name
    name: Option<ServiceName>,

    /// Only services of this namespace (Compose project, Swarm stack)
    #[arg(short, long, conflicts_with = "name")]
    namespace: Option<String>,

    /// Only services in this mode
    #[arg(short, long, conflicts_with = "name", value_parser = super::mode::parse)]
    mode: Option<Mode>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(cx: &mut Context, args: ServicesArgs) -> Result<Code> {
    let client = cx.client()?;
    let format = args.output.output;
    if let Some(name) = &args.name {
        let detail = waiting::during("asking for the service", client.service(name)).await?;
        if !structured(&mut cx.screen, format, &detail)? {
            print_detail(&mut cx.screen, &detail, moment::now(), format.is_wide())?;
        }
        return Ok(Code::Success);
    }
    let query = ServiceQuery { namespace: args.namespace, mode: args.mode, ..Default::default() };
    let list = waiting::during("asking for the services", client.services(&query)).await?;
    if structured(&mut cx.screen, format, &list)? {
        return Ok(Code::Success);
    }
    if list.items.is_empty() {
        cx.screen
            .paragraph(0, "No services yet. They appear as soon as a container runs; see bulkhead status.")?;
    } else {
        table(&list.items, moment::now()).print(&mut cx.screen, format.is_wide())?;
    }
    Ok(Code::Success)
}

fn table(services: &[ServiceSummary], now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::text("SERVICE").shrinks_to(12),
        Column::text("MODE"),
        Column::number("RUN"),
        Column::number("EDGES"),
        Column::number("NEW/HOUR"),
        Column::number("DENIED").optional(),
        Column::text("STATE").shrinks_to(12),
        Column::number("NEW/DAY").wide_only(),
        Column::number("OBSERVED").wide_only(),
        Column::text("IMAGES").wide_only(),
        Column::text("KNOWLEDGE").wide_only(),
    ]);
    for service in services {
        let l = &service.learning;
        table.row([
            service.name.to_string().into(),
            Cell::styled(service.mode, service.mode.into()),
            service.workloads.to_string().into(),
            l.edges.to_string().into(),
            bound(l.upper_hour).into(),
            match (service.denied_24h, service.would_deny_24h) {
                (0, 0) => "-".into(),
                (0, would) => Cell::styled(format!("({})", amount::count(would)), Style::Warning),
                (denied, _) => Cell::styled(amount::count(denied), Style::Bad),
            },
            state(service, now),
            bound(l.upper_day).into(),
            format!("{:.1} h", l.observed_hours).into(),
            service.images.join(", ").into(),
            l.sentence.as_str().into(),
        ]);
    }
    table
}

/// An upper bound: `≤0.4 %`; below what can be said exactly it is `<0.01 %` already.
fn bound(chance: f64) -> String {
    match amount::percent(chance) {
        exact if exact.starts_with(['<', '-']) => exact,
        exact => format!("≤{exact}"),
    }
}

fn state(service: &ServiceSummary, now: Timestamp) -> Cell {
    // Whatever else is to be said of a mode that does not hold.
    if service.mode.drops() && service.unconfined > 0 {
        return Cell::styled(not_confined(service), Style::Bad);
    }
    let left = |until: Timestamp| moment::short(until.since(now));
    match &service.progress {
        Progress::Learning if service.learning.open_ended => Cell::styled("open-ended", Style::Warning),
        Progress::Learning if service.learning.ready => Cell::styled("ready for monitor", Style::Good),
        Progress::Learning => match service.learning.limits.first() {
            Some(limit) => limit.as_str().into(),
            None => "learning".into(),
        },
        Progress::Shadow { clean_until, .. } if *clean_until <= now => {
            Cell::styled("ready for enforce", Style::Good)
        }
        Progress::Shadow { would_deny: 0, clean_until, .. } => {
            format!("shadow clean, {} to go", left(*clean_until)).into()
        }
        Progress::Shadow { would_deny, .. } => {
            Cell::styled(format!("shadow: {would_deny} would be denied"), Style::Warning)
        }
        Progress::Canary { until, denied, .. } => {
            format!("canary, {} to go, {denied} denied", left(*until)).into()
        }
        Progress::Settled { .. } => Cell::styled("settled", Style::Good),
        Progress::RolledBack { reason, .. } => Cell::styled(format!("rolled back: {reason}"), Style::Bad),
        Progress::Quarantined { reason, .. } => Cell::styled(format!("cut off: {reason}"), Style::Bad),
    }
}

fn not_confined(service: &ServiceSummary) -> String {
    format!("{} of {} not confined", service.unconfined, service.workloads)
}

fn print_detail(screen: &mut Screen, detail: &ServiceDetail, now: Timestamp, wide: bool) -> io::Result<()> {
    let service = &detail.summary;
    screen.line(Style::Bold, &service.name.to_string())?;
    screen.span(Style::Plain, "mode       ")?;
    screen.line(service.mode.into(), &service.mode.to_string())?;
    let by = detail.automation_by;
    if service.automation.automatic {
        writeln!(
            screen,
            "promotion  on evidence, automatically (profile {}; {by})",
            service.automation.profile
        )?;
    } else {
        writeln!(screen, "promotion  by hand (bulkhead promote {}; {by})", service.name)?;
    }
    for (workload, why) in detail.instances.iter().filter_map(|w| Some((w, w.unconfined.as_ref()?))) {
        screen.item(Style::Bad, "×", &format!("{} is not confined: {why}", workload.name))?;
    }
    if !detail.outlook.is_empty() {
        write!(screen, "next       ")?;
        screen.beside(11, &detail.outlook)?;
    }
    write!(screen, "images     ")?;
    let images = if service.images.is_empty() { "-".to_owned() } else { service.images.join(", ") };
    screen.beside(11, &images)?;
    writeln!(
        screen,
        "seen       first {}, last {}",
        moment::ago(service.first_seen, now),
        moment::ago(service.last_seen, now)
    )?;
    writeln!(
        screen,
        "denied     {} in the last 24 h; would be denied: {}",
        service.denied_24h, service.would_deny_24h
    )?;

    writeln!(screen)?;
    screen.line(Style::Bold, "Knowledge")?;
    screen.paragraph(2, &service.learning.sentence)?;
    for gate in &service.learning.gates {
        let (sign, style) = if gate.armed { ("√", Style::Good) } else { ("‼", Style::Warning) };
        screen.item(style, sign, &format!("{}: {}", gate.name, gate.sentence))?;
    }

    let mut workloads = Table::new([
        Column::text("WORKLOAD").shrinks_to(12),
        Column::text("ID"),
        Column::text("ADDRESSES").shrinks_to(15),
        Column::text("STARTED"),
        Column::text("IMAGE").wide_only(),
    ]);
    for workload in &detail.instances {
        let addresses: Vec<_> =
            workload.interfaces.iter().flat_map(|i| &i.addresses).map(ToString::to_string).collect();
        workloads.row([
            workload.name.as_ref().into(),
            workload.id.to_string().into(),
            addresses.join(" ").into(),
            workload.started.map_or("-".to_owned(), |t| moment::ago(t, now)).into(),
            workload.image.as_ref().into(),
        ]);
    }
    section(screen, "Workloads", &workloads, "none runs", wide)?;
    section(screen, "Who connects to it", &edges::table(&detail.ingress, now), "nobody so far", wide)?;
    section(screen, "What it connects to", &edges::table(&detail.egress, now), "nothing so far", wide)?;
    if !detail.timeline.is_empty() {
        writeln!(screen)?;
        screen.line(Style::Bold, "Timeline")?;
        for event in detail.timeline.iter().rev() {
            events::print_line(screen, event, now)?;
        }
    }
    Ok(())
}

fn section(screen: &mut Screen, title: &str, table: &Table, none: &str, wide: bool) -> io::Result<()> {
    writeln!(screen)?;
    screen.line(Style::Bold, title)?;
    if table.is_empty() { writeln!(screen, "{none}") } else { table.print(screen, wide) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::screen::tests::printed;
    use bulkhead_api::{Automation, LearningSummary};
    use bulkhead_model::Identity;

    const NOW: Timestamp = Timestamp(1_767_225_600_000);

    fn service(name: &str, mode: Mode, progress: Progress, learning: LearningSummary) -> ServiceSummary {
        ServiceSummary {
            name: name.parse().expect("valid"),
            identity: Identity(256),
            mode,
            workloads: 2,
            unconfined: 0,
            images: vec!["redis:7".into()],
            learning,
            automation: Automation::default(),
            progress,
            denied_24h: 0,
            would_deny_24h: 0,
            first_seen: Timestamp(NOW.0 - 86_400_000),
            last_seen: NOW,
        }
    }

    #[test]
    fn services_fit_80_columns() {
        let young = LearningSummary {
            upper_hour: 0.31,
            edges: 4,
            limits: vec!["too short: 3.2 hours observed, 24 are needed".into()],
            ..Default::default()
        };
        let known = LearningSummary { upper_hour: 0.00004, edges: 12, ready: true, ..Default::default() };
        let mut denied = service(
            "shop/payment",
            Mode::Enforce,
            Progress::Canary { since: NOW, until: Timestamp(NOW.0 + 3_600_000), denied: 14_000 },
            known.clone(),
        );
        denied.denied_24h = 14_000;
        let mut beside = service("shop/beside", Mode::Enforce, Progress::Learning, known.clone());
        beside.unconfined = 1;
        let list = [
            beside,
            service("shop/redis", Mode::Learn, Progress::Learning, young),
            service(
                "monitoring/a-very-long-service-name",
                Mode::Monitor,
                Progress::Shadow { since: NOW, would_deny: 0, clean_until: Timestamp(NOW.0 + 7_200_000) },
                known,
            ),
            denied,
        ];
        insta::assert_snapshot!(printed(80, |s| table(&list, NOW).print(s, false).expect("memory")));
    }

    /// `said.json` is read by the console's tests as well: what one says, the other says.
    #[test]
    fn the_console_says_the_same_of_where_a_service_stands() {
        #[derive(serde::Deserialize)]
        struct Known {
            #[serde(default)]
            open_ended: bool,
            #[serde(default)]
            ready: bool,
            #[serde(default)]
            limits: Vec<String>,
        }
        #[derive(serde::Deserialize)]
        struct Said {
            progress: Vec<(Progress, Known, String)>,
        }
        let said: Said = serde_json::from_str(include_str!("../output/said.json")).expect("cases");
        for (progress, Known { open_ended, ready, limits }, text) in said.progress {
            let learning = LearningSummary { open_ended, ready, limits, ..Default::default() };
            let service = service("shop/web", Mode::Enforce, progress, learning);
            assert_eq!(state(&service, NOW).text(), text);
        }
    }
}
