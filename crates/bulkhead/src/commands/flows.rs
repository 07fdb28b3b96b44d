use super::Context;
use crate::{
    exit::Code,
    output::{Screen, Style, edges, format, format::Format, moment},
};
use anyhow::Result;
use bulkhead_api::{FlowMessage, FlowQuery};
use bulkhead_model::{Direction, FlowRecord, IpProtocol, ServiceName, Verdict};
use clap::Args;
use std::{
    io::{self, Write},
    time::Duration,
};
use tokio::time::Instant;

/// Watch single flows as they happen
///
/// Nodes report single flows only while somebody watches. Without -f it watches for --for and ends.
#[derive(Debug, Args)]
pub(crate) struct FlowsArgs {
    /// Watch until interrupted
    #[arg(short, long)]
    follow: bool,

    /// How long to watch without -f
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = moment::parse_duration)]
    #[arg(conflicts_with = "follow")]
    period: Duration,

    /// End after this many flows
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,

    /// Only flows of this service, as client or server
    #[arg(short, long)]
    service: Option<ServiceName>,

    /// Only flows with this verdict: allowed, would-deny or denied
    #[arg(long, value_parser = super::edges::parse_verdict)]
    verdict: Option<Verdict>,

    /// Only flows to this server port
    #[arg(short, long)]
    port: Option<u16>,

    /// Only flows of this protocol: tcp, udp, sctp, icmp, icmpv6, or a number
    #[arg(long)]
    protocol: Option<IpProtocol>,

    /// json: one object a line
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
}

pub(crate) async fn run(cx: &mut Context, args: FlowsArgs) -> Result<Code> {
    let query = FlowQuery {
        service: args.service,
        verdict: args.verdict,
        port: args.port,
        protocol: args.protocol,
        direction: None,
    };
    let mut stream = cx.client()?.flows(&query).await?;
    let until = (!args.follow).then(|| Instant::now() + args.period);
    let mut seen = 0;
    while args.count.is_none_or(|count| seen < count) {
        let message = match until {
            Some(until) => match tokio::time::timeout_at(until, stream.next()).await {
                Ok(message) => message?,
                Err(_) => break,
            },
            None => stream.next().await?,
        };
        let Some(message) = message else { break };
        match message {
            FlowMessage::Flow(flow) => {
                seen += 1;
                match args.output {
                    Format::Json => format::json_line(&mut cx.screen, &flow)?,
                    Format::Yaml => {
                        writeln!(cx.screen, "---")?;
                        format::yaml(&mut cx.screen, &flow)?;
                    }
                    Format::Table | Format::Wide => print(&mut cx.screen, &flow, args.output.is_wide())?,
                }
            }
            FlowMessage::Lost { lost } => {
                cx.note(&format!("{lost} flows were not shown: too many at once"))?
            }
        }
        cx.screen.flush()?;
    }
    if seen == 0 && !args.follow {
        cx.note("no flow in this time; watch on with -f")?;
    }
    Ok(Code::Success)
}

/// `13:34:03 out shop/web → shop/redis tcp/6379 denied (no-rule)`, in two lines where it does not fit; wide adds addresses and
/// the process.
fn print(screen: &mut Screen, flow: &FlowRecord, wide: bool) -> io::Result<()> {
    // Both ends report, where both are workloads.
    let side = match flow.direction {
        Direction::Ingress => " in ",
        Direction::Egress => " out",
    };
    let head = format!("{}{side} ", moment::clock(flow.time, moment::now()));
    let client = flow.client.to_string();
    let to = format!("→ {} {} ", flow.server, edges::port(flow.tuple.protocol, flow.tuple.server_port));
    let verdict = flow.verdict.to_string();
    let mut rest = match flow.reason {
        Some(reason) => format!(" ({reason})"),
        None if flow.ended => {
            format!(" ended, {}", crate::output::amount::bytes(flow.bytes_to_server + flow.bytes_to_client))
        }
        None => String::new(),
    };
    if wide {
        rest += &format!(" [{}]", flow.tuple);
        if let Some(process) = &flow.process {
            rest += &format!(" by {} (pid {})", process.executable.escape_debug(), process.pid);
        }
    }
    screen.span(Style::Dim, &head)?;
    let parts = [&head, &client, " ", &to, &verdict, &rest];
    let fits = parts.iter().map(|part| part.chars().count()).sum::<usize>() <= screen.width;
    if wide || fits {
        write!(screen, "{client} {to}")?;
    } else {
        write!(screen, "{client}\n{:indent$}{to}", "", indent = head.len())?;
    }
    screen.span(flow.verdict.into(), &verdict)?;
    writeln!(screen, "{rest}")
}
