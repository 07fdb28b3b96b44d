//! Flow logs of Calico: one JSON object a line, as the node writes them to files or Elasticsearch keeps them
//! (`_source`), with the names of Calico Enterprise and Cloud or those of Calico 3.30 and later.
//!
//! The source is who opened the flow: Calico follows connections. Each end that Calico guards reports, `src` and `dst`;
//! both tell of the same connections. Where addresses were aggregated away, `pub` is the world and `pvt` nothing that can
//! be known.

use crate::{
    Certainty, End, Format, Named, Record, Reporter,
    json::{self, Count, First, Text, Time},
    read::{LineFormat, Parsed},
};
use bulkhead_model::{Application, IcmpType, Verdict};
use serde::Deserialize;
use std::{borrow::Cow, net::IpAddr};

#[derive(Debug)]
pub(super) struct Calico;

#[derive(Deserialize)]
struct Hit<'a> {
    #[serde(borrow)]
    _source: Line<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    start_time: Time,
    end_time: Time,
    #[serde(borrow)]
    source_ip: Text<'a>,
    #[serde(borrow)]
    source_name: Text<'a>,
    #[serde(borrow)]
    source_name_aggr: Text<'a>,
    #[serde(borrow)]
    source_namespace: Text<'a>,
    #[serde(borrow)]
    source_type: Text<'a>,
    #[serde(borrow)]
    dest_ip: Text<'a>,
    #[serde(borrow)]
    dest_name: Text<'a>,
    #[serde(borrow)]
    dest_name_aggr: Text<'a>,
    #[serde(borrow)]
    dest_namespace: Text<'a>,
    #[serde(borrow)]
    dest_type: Text<'a>,
    dest_port: Count,
    #[serde(borrow)]
    dest_domains: First<Text<'a>>,
    #[serde(borrow, alias = "protocol")]
    proto: Text<'a>,
    #[serde(borrow)]
    action: Text<'a>,
    #[serde(borrow)]
    reporter: Text<'a>,
    num_flows: Option<Count>,
    num_flows_started: Option<Count>,
    bytes_in: Count,
    bytes_out: Count,
    icmp_type: Option<Count>,
    icmp_code: Option<Count>,
}

impl LineFormat for Calico {
    fn format(&self) -> Format {
        Format::Calico
    }

    fn parse<'a>(&mut self, text: &'a str) -> Parsed<'a> {
        let packed = text.contains("\"_source\"");
        let line: Line<'a> = match packed {
            true => serde_json::from_str::<Hit<'a>>(text).map(|hit| hit._source),
            false => serde_json::from_str(text),
        }
        .map_err(|error| json::wrong(&error))?;
        let start = line.start_time.0.or(line.end_time.0).ok_or("it has no start_time")?;
        let action = line.action.0.as_ref();
        let verdict = match () {
            () if action.eq_ignore_ascii_case("allow") => Verdict::Allowed,
            () if action.eq_ignore_ascii_case("deny") => Verdict::Denied,
            () => return Err(format!("'{action}' is no action of Calico")),
        };
        let reporter = match line.reporter.0.as_ref() {
            "src" | "Src" => Reporter::Client,
            "dst" | "Dst" => Reporter::Server,
            _ => Reporter::Unknown,
        };
        let protocol = super::protocol(&line.proto.0)?;
        let port = match (line.icmp_type, protocol.is_icmp()) {
            (_, false) => line.dest_port.port()?,
            (kind, true) => icmp(protocol, kind, line.icmp_code)?,
        };
        // What came in is what the server sent, where the client's end reports.
        let (bytes_to_server, bytes_to_client) = match reporter {
            Reporter::Server => (line.bytes_in.0, line.bytes_out.0),
            _ => (line.bytes_out.0, line.bytes_in.0),
        };
        Ok(Record {
            start,
            end: line.end_time.0.unwrap_or(start).max(start),
            client: end(
                &line.source_type,
                line.source_namespace,
                line.source_name,
                line.source_name_aggr,
                &line.source_ip,
                None,
            ),
            server: end(
                &line.dest_type,
                line.dest_namespace,
                line.dest_name,
                line.dest_name_aggr,
                &line.dest_ip,
                line.dest_domains.0,
            ),
            protocol,
            port,
            application: Application::UNKNOWN,
            verdict,
            answered: None,
            connections: line.num_flows_started.or(line.num_flows).map_or(1, |count| count.0),
            bytes_to_server,
            bytes_to_client,
            reporter,
            certainty: Certainty::Stated,
            threat: false,
        }
        .into())
    }
}

/// Without a type it was a ping: that is nearly all there is, and an answer is none of its own.
fn icmp(
    protocol: bulkhead_model::IpProtocol,
    kind: Option<Count>,
    code: Option<Count>,
) -> Result<u16, String> {
    let byte = |count: Count| u8::try_from(count.0).map_err(|_| format!("{} is no ICMP type", count.0));
    match kind {
        None => Ok(super::echo_request(protocol)),
        Some(kind) => Ok(IcmpType { kind: byte(kind)?, code: byte(code.unwrap_or_default())? }.as_port()),
    }
}

fn end<'a>(
    kind: &Text<'_>,
    namespace: Text<'a>,
    name: Text<'a>,
    aggregated: Text<'a>,
    address: &Text<'_>,
    domain: Option<Text<'a>>,
) -> End<'a> {
    let address = address.0.parse::<IpAddr>().ok();
    let kind = kind.0.as_ref();
    let name = name.given().or_else(|| aggregated.given().map(without_star));
    let named = match (kind, namespace.given(), name) {
        ("hep" | "HostEndpoint", ..) => Named::RemoteHost,
        ("ns" | "net" | "Network" | "NetworkSet", _, name) => {
            match (domain.and_then(Text::given), name.as_deref()) {
                (Some(domain), _) => Named::Domain(domain),
                (None, Some("pub" | "PUBLIC NETWORK")) if address.is_none() => Named::World,
                _ => Named::Nothing,
            }
        }
        (_, Some(namespace), Some(pod)) => Named::Pod(namespace, pod),
        (_, None, Some(name)) if matches!(&*name, "pub" | "PUBLIC NETWORK") && address.is_none() => {
            Named::World
        }
        _ => Named::Nothing,
    };
    End { address, named }
}

/// `web-7d4b9c6f5d-*` stands for all pods of one owner: any suffix that pods may have in its place.
fn without_star(name: Cow<'_, str>) -> Cow<'_, str> {
    match name.strip_suffix("-*") {
        Some(owner) => Cow::Owned(format!("{owner}-bbbbb")),
        None => name,
    }
}
