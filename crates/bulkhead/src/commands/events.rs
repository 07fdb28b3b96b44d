use super::Context;
use crate::{
    exit::{Code, Failure},
    output::{Screen, Style, amount, edges, format, format::Format, moment, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::{
    EventMessage, EventQuery, EventStreamQuery,
    client::{Client, ClientError, Stream},
};
use bulkhead_model::{Denial, Event, EventKind, Process, ServiceName, Severity, Timestamp};
use clap::Args;
use std::{
    io::{self, Write},
    time::Duration,
};

/// Show what happened: new edges, denials, changes of mode and policy, losses
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Show everything about the event with this number: rule, process, packet, and what would allow it
    id: Option<u64>,

    /// Go on with events as they happen, until interrupted
    #[arg(short, long, conflicts_with = "id")]
    follow: bool,

    /// Only these types, separated by commas: denied,would-deny,new-edge,spoof,scan,mode-changed,policy-changed,
    /// learning,workload-started,workload-stopped,degraded,recovered,lost
    #[arg(short = 't', long = "type", value_name = "TYPES", conflicts_with = "id")]
    kind: Option<String>,

    /// Only events of this service
    #[arg(short, long, conflicts_with = "id")]
    service: Option<ServiceName>,

    /// Only events at least this severe: info, notice, warning or critical
    #[arg(long, value_parser = parse_severity, conflicts_with = "id")]
    severity: Option<Severity>,

    /// Only events within this time: 10m, 1h, 7d
    #[arg(long, value_name = "TIME", value_parser = moment::parse_duration, conflicts_with = "id")]
    since: Option<Duration>,

    /// At most this many, the newest
    #[arg(short = 'n', long, value_name = "N", default_value = "50")]
    limit: u32,

    /// With -f, json is one object a line
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
}

fn parse_severity(text: &str) -> Result<Severity, String> {
    [Severity::Info, Severity::Notice, Severity::Warning, Severity::Critical]
        .into_iter()
        .find(|severity| severity.to_string() == text)
        .ok_or_else(|| format!("'{text}' is not a severity: expected info, notice, warning or critical"))
}

pub(crate) async fn run(cx: &mut Context, args: EventsArgs) -> Result<Code> {
    if let Some(id) = args.id {
        return one(cx, id, args.output).await;
    }
    let client = cx.client()?;
    // The stream is opened before the list is asked for, so that nothing falls between the two.
    let stream_query = EventStreamQuery {
        kind: args.kind.clone(),
        service: args.service.clone(),
        severity: args.severity,
        from: None,
    };
    let stream = if args.follow { Some(client.event_stream(&stream_query, None).await?) } else { None };
    let query = EventQuery {
        kind: args.kind,
        service: args.service,
        severity: args.severity,
        since: args.since.map(super::since),
        after: None,
        limit: Some(args.limit),
    };
    let list = waiting::during("asking for the events", client.events(&query)).await?;
    let Some(mut stream) = stream else {
        if !structured(&mut cx.screen, args.output, &list)? {
            for event in list.items.iter().rev() {
                print(&mut cx.screen, event, args.output)?;
            }
            if list.items.is_empty() {
                cx.note("no such events")?;
            }
        }
        return Ok(Code::Success);
    };
    for event in list.items.iter().rev() {
        print(&mut cx.screen, event, args.output)?;
    }
    cx.screen.flush()?;
    let mut position = None;
    loop {
        match stream.next().await {
            Ok(Some(EventMessage::Event(event))) => {
                if !list.items.contains(&event) {
                    print(&mut cx.screen, &event, args.output)?;
                }
            }
            Ok(Some(EventMessage::Lost { lost })) => {
                cx.note(&format!(
                    "{lost} events were not shown: too many at once; bulkhead events shows them"
                ))?;
            }
            Ok(None) | Err(ClientError::Body(_)) => {
                position = stream.position().or(position);
                cx.note("the server has ended the stream; connecting again")?;
                stream = reconnect(&client, &stream_query, position).await?;
            }
            Err(error) => return Err(error.into()),
        }
        cx.screen.flush()?;
    }
}

/// A server that is being upgraded is back within seconds: nothing is missed, because the stream goes on where it was.
async fn reconnect(
    client: &Client,
    query: &EventStreamQuery,
    position: Option<u64>,
) -> Result<Stream<EventMessage>> {
    let mut tries = 0;
    loop {
        match client.event_stream(query, position).await {
            Ok(stream) => return Ok(stream),
            Err(ClientError::Transport(_)) if tries < 30 => {
                tries += 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn one(cx: &mut Context, id: u64, output: Format) -> Result<Code> {
    let query = EventQuery { after: id.checked_add(1), limit: Some(1), ..Default::default() };
    let list = cx.client()?.events(&query).await?;
    let Some(event) = list.items.into_iter().find(|event| event.id.0 == id) else {
        return Err(Failure::new(Code::NotFound, format!("there is no event {id}"))
            .remedy("list them: bulkhead events; old ones are removed (bulkhead settings)")
            .into());
    };
    if !structured(&mut cx.screen, output, &event)? {
        print_line(&mut cx.screen, &event, moment::now())?;
        details(&mut cx.screen, &event)?;
    }
    Ok(Code::Success)
}

fn print(screen: &mut Screen, event: &Event, output: Format) -> io::Result<()> {
    match output {
        Format::Json => format::json_line(screen, event),
        Format::Yaml => {
            writeln!(screen, "---")?;
            format::yaml(screen, event)
        }
        Format::Table => print_line(screen, event, moment::now()),
        Format::Wide => {
            print_line(screen, event, moment::now())?;
            details(screen, event)
        }
    }
}

/// `13:34:03 #1234 warning  shop/web was denied ...`, wrapped under the message.
pub(super) fn print_line(screen: &mut Screen, event: &Event, now: Timestamp) -> io::Result<()> {
    let head = format!("{} #{} ", moment::clock(event.time, now), event.id.0);
    let severity = format!("{:<8} ", event.severity);
    let indent = head.len() + severity.len();
    screen.span(Style::Dim, &head)?;
    screen.span(event.severity.into(), &severity)?;
    let message = printable(&event.message);
    screen.beside(indent, &message)
}

fn details(screen: &mut Screen, event: &Event) -> io::Result<()> {
    match &event.kind {
        EventKind::Denied(denial) | EventKind::WouldDeny(denial) => denied(screen, denial),
        EventKind::NewEdge { edge, tuple, workload, process } => {
            field(screen, "edge", &edges::arrow(edge))?;
            field(screen, "flow", &tuple.to_string())?;
            optional(screen, "workload", workload.as_ref())?;
            optional(screen, "process", process.as_ref().map(describe).as_ref())
        }
        EventKind::Spoof { workload, service, tuple, count, last } => {
            optional(screen, "service", service.as_ref())?;
            optional(screen, "workload", workload.as_ref())?;
            field(screen, "flow", &tuple.to_string())?;
            let last = last.map(|last| format!(", last at {}", moment::rfc3339(last))).unwrap_or_default();
            field(screen, "told", &format!("{} times{last}", amount::count(*count)))
        }
        EventKind::Scan { client, workload, process, .. } => {
            field(screen, "client", &client.to_string())?;
            optional(screen, "workload", workload.as_ref())?;
            optional(screen, "process", process.as_ref().map(describe).as_ref())
        }
        EventKind::ModeChanged { actor, evidence, .. } => {
            field(screen, "by", actor)?;
            field(screen, "evidence", evidence)
        }
        EventKind::PolicyChanged { revision, actor, summary } => {
            field(screen, "revision", &revision.to_string())?;
            field(screen, "by", actor)?;
            field(screen, "summary", summary)
        }
        EventKind::Trial { trial, actor, would_deny, expected, would_allow, .. } => {
            field(screen, "trial", trial)?;
            field(screen, "by", actor)?;
            field(screen, "would deny", &format!("{would_deny} connections, {expected} of them expected"))?;
            field(screen, "would allow", &format!("{would_allow} connections that were denied"))
        }
        EventKind::Proposal { proposal, actor, summary, .. } => {
            field(screen, "proposal", proposal)?;
            field(screen, "by", actor)?;
            field(screen, "summary", summary)
        }
        EventKind::Degraded { remedy, .. } => field(screen, "what to do", remedy),
        EventKind::Learning { .. }
        | EventKind::WorkloadStarted { .. }
        | EventKind::WorkloadStopped { .. }
        | EventKind::Recovered { .. }
        | EventKind::Lost { .. } => Ok(()),
    }
}

fn denied(screen: &mut Screen, denial: &Denial) -> io::Result<()> {
    field(screen, "edge", &edges::arrow(&denial.edge))?;
    field(screen, "flow", &denial.tuple.to_string())?;
    let rule = denial.rule_name.as_deref().unwrap_or("no rule");
    let by = format!("{} of {}: {} ({rule})", denial.direction, denial.service, denial.reason);
    field(screen, "decided by", &by)?;
    optional(screen, "workload", denial.workload_name.as_ref())?;
    optional(screen, "process", denial.process.as_ref().map(describe).as_ref())?;
    field(screen, "times", &format!("{}, last {}", denial.count, moment::rfc3339(denial.last)))?;
    if !denial.packet.is_empty() {
        field(screen, "packet", "from its IP header on")?;
        for (n, row) in denial.packet.chunks(16).enumerate() {
            let hex: String = row.iter().map(|byte| format!("{byte:02x} ")).collect();
            let text: String = row
                .iter()
                .map(|&b| if b.is_ascii_graphic() || b == b' ' { char::from(b) } else { '.' })
                .collect();
            writeln!(screen, "    {:04x}  {hex:<48} {text}", n * 16)?;
        }
    }
    if let Some(yaml) = &denial.allow_with {
        field(screen, "to allow it", "bulkhead policy apply -f - with")?;
        for line in yaml.lines() {
            writeln!(screen, "    {line}")?;
        }
    }
    Ok(())
}

fn describe(process: &Process) -> String {
    let mut text = format!(
        "{} (pid {}, uid {}): {}",
        process.executable, process.pid, process.uid, process.command_line
    );
    for parent in &process.parents {
        text += &format!(" ← {} (pid {})", parent.command_line, parent.pid);
    }
    text
}

fn optional(screen: &mut Screen, name: &str, value: Option<&impl ToString>) -> io::Result<()> {
    value.map_or(Ok(()), |value| field(screen, name, &value.to_string()))
}

fn field(screen: &mut Screen, name: &str, value: &str) -> io::Result<()> {
    writeln!(screen, "  {name:<11} {}", printable(value))
}

/// What comes from a process or a packet must not move the cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{edges::fixtures::key, screen::tests::printed};
    use bulkhead_model::{
        DenyReason, Direction, EventId, FlowTuple, IpProtocol, ParentProcess, RuleRef, WorkloadId,
    };

    #[test]
    fn a_denial_explains_itself_in_full() {
        let time = Timestamp(1_767_225_600_000);
        let event = Event {
            id: EventId(42),
            time,
            severity: Severity::Warning,
            message: "shop/web was denied to reach shop/redis on tcp/6379: no rule of shop/web allows it"
                .into(),
            kind: EventKind::Denied(Denial {
                edge: key("shop/web", "shop/redis", 6379),
                tuple: FlowTuple {
                    protocol: IpProtocol::TCP,
                    client_address: [172, 18, 0, 2].into(),
                    client_port: 40_000,
                    server_address: [172, 18, 0, 3].into(),
                    server_port: 6379,
                },
                direction: Direction::Egress,
                service: "shop/web".parse().expect("valid"),
                workload: Some(WorkloadId("0123456789abcdef".into())),
                workload_name: Some("shop-web-1".into()),
                process: Some(Process {
                    pid: 4711,
                    executable: "/usr/bin/nc".into(),
                    command_line: "nc redis 6379 \x1b[2J".into(),
                    uid: 33,
                    parents: vec![ParentProcess {
                        pid: 4700,
                        executable: "/usr/bin/python3".into(),
                        command_line: "gunicorn shop:app".into(),
                    }],
                }),
                reason: DenyReason::NoRule,
                rule: RuleRef::NONE,
                rule_name: None,
                packet: b"E\x00\x00<hello, packet".to_vec(),
                count: 3,
                last: time,
                allow_with: Some("apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy".into()),
            }),
        };
        insta::assert_snapshot!(printed(80, |s| {
            print_line(s, &event, time).expect("memory");
            details(s, &event).expect("memory");
        }));
    }
}
