//! What wrote a text, and the readers of every format.

mod bulkhead;
mod calico;
pub(crate) mod csv;
mod hubble;
pub(crate) mod neuvector;
mod vpc;
mod zeek;

use crate::read::{LineFormat, Options, ReadError};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::{collections::BTreeMap, fmt, str::FromStr};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    Bulkhead,
    Hubble,
    Calico,
    Vpc,
    Zeek,
    NeuVector,
    Csv,
}

/// The text names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a format: expected bulkhead, hubble, calico, vpc, zeek, neuvector or csv")]
pub struct UnknownFormat(pub String);

impl Format {
    pub const ALL: [Format; 7] =
        [Self::Bulkhead, Self::Hubble, Self::Calico, Self::Vpc, Self::Zeek, Self::NeuVector, Self::Csv];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Bulkhead => "bulkhead",
            Self::Hubble => "hubble",
            Self::Calico => "calico",
            Self::Vpc => "vpc",
            Self::Zeek => "zeek",
            Self::NeuVector => "neuvector",
            Self::Csv => "csv",
        }
    }

    /// As people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Bulkhead => "Bulkhead's flow records",
            Self::Hubble => "Hubble's flows",
            Self::Calico => "Calico's flow logs",
            Self::Vpc => "AWS VPC flow logs",
            Self::Zeek => "Zeek's conn.log",
            Self::NeuVector => "NeuVector's conversations",
            Self::Csv => "CSV",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// A format with what its beginning said.
pub(crate) enum Sniffed {
    Lines(Box<dyn LineFormat>),
    NeuVector,
    Csv(csv::Dialect),
}

impl Sniffed {
    pub(crate) fn format(&self) -> Format {
        match self {
            Self::Lines(parser) => parser.format(),
            Self::NeuVector => Format::NeuVector,
            Self::Csv(_) => Format::Csv,
        }
    }
}

/// Finds out the format from the first line that is not blank.
pub(crate) fn sniff(head: &str, whole: bool, options: &Options) -> Result<Sniffed, ReadError> {
    let head = head.strip_prefix('\u{feff}').unwrap_or(head);
    let (number, first) = head
        .lines()
        .zip(1..)
        .map(|(line, number)| (number, line))
        .find(|(_, line)| !line.trim_ascii().is_empty())
        .unwrap_or((1, ""));
    let format = match options.format {
        Some(format) => format,
        None => guess(head, first, whole, options).ok_or_else(|| ReadError::UnknownFormat {
            line: number,
            start: first.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        })?,
    };
    let header = |why: String| ReadError::Header { line: number, why };
    Ok(match format {
        Format::Bulkhead => Sniffed::Lines(Box::new(bulkhead::Bulkhead::default())),
        Format::Hubble => Sniffed::Lines(Box::new(hubble::Hubble::default())),
        Format::Calico => Sniffed::Lines(Box::new(calico::Calico)),
        Format::Vpc => {
            Sniffed::Lines(Box::new(vpc::Vpc::new(options.columns.as_deref(), first).map_err(header)?))
        }
        Format::Zeek => Sniffed::Lines(Box::new(zeek::Zeek::default())),
        Format::NeuVector => Sniffed::NeuVector,
        Format::Csv => Sniffed::Csv(csv::Dialect::new(options.columns.as_deref(), first).map_err(header)?),
    })
}

fn guess(head: &str, first: &str, whole: bool, options: &Options) -> Option<Format> {
    let start = first.trim_ascii_start();
    if start.starts_with("#separator") || start.starts_with("#fields") {
        return Some(Format::Zeek);
    }
    if start.starts_with(['{', '[']) {
        return json(start).or_else(|| pretty(head, whole));
    }
    if let Some(columns) = options.columns.as_deref() {
        return Some(if vpc::is_header(columns) { Format::Vpc } else { Format::Csv });
    }
    if vpc::is_header(start) || vpc::is_default_line(start) {
        return Some(Format::Vpc);
    }
    csv::Dialect::new(None, first).is_ok().then_some(Format::Csv)
}

/// By the names in a line that is one JSON object.
fn json(line: &str) -> Option<Format> {
    #[derive(Deserialize)]
    struct Elastic {
        _source: BTreeMap<String, IgnoredAny>,
    }
    let object: BTreeMap<String, IgnoredAny> = match serde_json::from_str::<Elastic>(line) {
        Ok(hit) => hit._source,
        Err(_) => serde_json::from_str(line).ok()?,
    };
    let has = |names: &[&str]| names.iter().all(|name| object.contains_key(*name));
    let known = [
        (
            Format::Hubble,
            has(&["flow"]) || has(&["lost_events"]) || has(&["node_status"]) || has(&["IP", "verdict"]),
        ),
        (Format::Bulkhead, has(&["client", "server", "client_address", "server_address"])),
        (Format::Zeek, has(&["id.orig_h", "id.resp_h"])),
        (
            Format::Calico,
            has(&["source_name_aggr"]) || has(&["dest_name_aggr"]) || has(&["source_name", "dest_name"]),
        ),
        (Format::NeuVector, has(&["conversations"]) || has(&["conversation"]) || has(&["from", "to"])),
    ];
    known.into_iter().find(|(_, is)| *is).map(|(format, _)| format)
}

/// One JSON text over many lines, or in one line that is too long to be looked at whole.
fn pretty(head: &str, whole: bool) -> Option<Format> {
    let names = ["\"conversations\"", "\"conversation\"", "\"policy_action\"", "\"sessions\""];
    (names.iter().any(|name| head.contains(name)) || (!whole && head.contains("\"from\"")))
        .then_some(Format::NeuVector)
}

/// A protocol by name or number, as every log has it.
pub(crate) fn protocol(text: &str) -> Result<bulkhead_model::IpProtocol, String> {
    use bulkhead_model::IpProtocol;
    match text {
        "6" | "tcp" | "TCP" => Ok(IpProtocol::TCP),
        "17" | "udp" | "UDP" => Ok(IpProtocol::UDP),
        "icmp6" | "ICMP6" | "ICMPv6" | "ipv6-icmp" => Ok(IpProtocol::ICMPV6),
        "ICMPv4" => Ok(IpProtocol::ICMP),
        _ => text.parse().map_err(|error: bulkhead_model::UnknownProtocol| error.to_string()),
    }
}

/// An application by the name that a log gives it; unknown where Bulkhead has no name for it.
pub(crate) fn application(text: &str) -> bulkhead_model::Application {
    let name = text.trim().to_ascii_lowercase();
    let name = match name.as_str() {
        "ssl" | "https" => "tls",
        "postgres" => "postgresql",
        "mongo" => "mongodb",
        "krb" | "krb_tcp" => "kerberos",
        "ntlm" | "gssapi" | "dce_rpc" | "" | "-" => return bulkhead_model::Application::UNKNOWN,
        "memcache" => "memcached",
        "mssql" | "sqlserver" => "tds",
        other => other,
    };
    name.parse().unwrap_or_default()
}

/// An ICMP record without a type is taken for a ping, which nearly all of them are.
pub(crate) fn echo_request(protocol: bulkhead_model::IpProtocol) -> u16 {
    use bulkhead_model::{IcmpType, IpProtocol};
    let kind = if protocol == IpProtocol::ICMPV6 { 128 } else { 8 };
    IcmpType { kind, code: 0 }.as_port()
}
