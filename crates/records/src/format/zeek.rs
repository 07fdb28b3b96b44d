//! `conn.log` of Zeek: tab separated with its `#fields` header (which may come again, with other columns, where logs were
//! put together), or one JSON object a line.
//!
//! The originator is who opened the connection. Where Zeek saw no beginning (`OTH`) it guessed itself, and where it turned
//! the connection round (`^` in the history) it concluded. Of ICMP, the ports are type and code.

use crate::{
    Certainty, End, Format, Record, Reporter,
    json::{self, Count, Text, Time},
    read::{LineFormat, Parsed, Taken},
    time,
};
use bulkhead_model::{IcmpType, IpProtocol, Timestamp, Verdict};
use serde::Deserialize;
use std::{net::IpAddr, time::Duration};

#[derive(Debug)]
pub(super) struct Zeek {
    columns: Vec<Option<Column>>,
    separator: char,
}

impl Default for Zeek {
    fn default() -> Self {
        Self { columns: Vec::new(), separator: '\t' }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Time,
    ClientAddress,
    ClientPort,
    ServerAddress,
    ServerPort,
    Protocol,
    Service,
    Duration,
    ClientBytes,
    ServerBytes,
    State,
    History,
}

impl Column {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "ts" => Self::Time,
            "id.orig_h" => Self::ClientAddress,
            "id.orig_p" => Self::ClientPort,
            "id.resp_h" => Self::ServerAddress,
            "id.resp_p" => Self::ServerPort,
            "proto" => Self::Protocol,
            "service" => Self::Service,
            "duration" => Self::Duration,
            "orig_ip_bytes" => Self::ClientBytes,
            "resp_ip_bytes" => Self::ServerBytes,
            "conn_state" => Self::State,
            "history" => Self::History,
            _ => return None,
        })
    }
}

/// One line, of either kind.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    ts: Time,
    #[serde(borrow, rename = "id.orig_h")]
    client: Text<'a>,
    #[serde(rename = "id.orig_p")]
    client_port: Count,
    #[serde(borrow, rename = "id.resp_h")]
    server: Text<'a>,
    #[serde(rename = "id.resp_p")]
    server_port: Count,
    #[serde(borrow)]
    proto: Text<'a>,
    #[serde(borrow)]
    service: Text<'a>,
    duration: f64,
    orig_ip_bytes: Count,
    resp_ip_bytes: Count,
    #[serde(borrow)]
    conn_state: Text<'a>,
    #[serde(borrow)]
    history: Text<'a>,
}

impl LineFormat for Zeek {
    fn format(&self) -> Format {
        Format::Zeek
    }

    fn parse<'a>(&mut self, text: &'a str) -> Parsed<'a> {
        if let Some(header) = text.strip_prefix('#') {
            return self.header(header);
        }
        if text.starts_with('{') {
            return record(serde_json::from_str(text).map_err(|error| json::wrong(&error))?);
        }
        record(self.line(text)?)
    }
}

impl Zeek {
    fn header(&mut self, header: &str) -> Parsed<'static> {
        // `#separator \x09`, with a blank, says what separates everything after it.
        if let Some(separator) = header.strip_prefix("separator ") {
            let code = separator.trim().strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex, 16).ok());
            self.separator = code.map(char::from).ok_or("its separator cannot be read")?;
        } else if let Some(fields) = header.strip_prefix("fields") {
            self.columns = fields.split(self.separator).skip(1).map(Column::of).collect();
            for (needed, name) in [
                (Column::Time, "ts"),
                (Column::ClientAddress, "id.orig_h"),
                (Column::ServerAddress, "id.resp_h"),
                (Column::ServerPort, "id.resp_p"),
                (Column::Protocol, "proto"),
            ] {
                if !self.columns.contains(&Some(needed)) {
                    return Err(format!("its fields name no {name}: is it a conn.log?"));
                }
            }
        }
        Ok(Taken::Nothing("header lines"))
    }

    fn line<'a>(&self, text: &'a str) -> Result<Line<'a>, String> {
        if self.columns.is_empty() {
            return Err("no #fields line came before it".to_owned());
        }
        let mut line = Line::default();
        let mut values = text.split(self.separator);
        for (at, column) in self.columns.iter().enumerate() {
            let Some(value) = values.next() else {
                return Err(format!("it has {at} fields instead of {}", self.columns.len()));
            };
            let Some(column) = column else { continue };
            let text = || Text(value.into());
            let count = || -> Result<Count, String> {
                match value {
                    "-" | "(empty)" => Ok(Count(0)),
                    _ => value.parse().map(Count).map_err(|_| format!("'{value}' is not a number")),
                }
            };
            match column {
                Column::Time => line.ts = Time(time::parse(value)),
                Column::ClientAddress => line.client = text(),
                Column::ClientPort => line.client_port = count()?,
                Column::ServerAddress => line.server = text(),
                Column::ServerPort => line.server_port = count()?,
                Column::Protocol => line.proto = text(),
                Column::Service => line.service = text(),
                Column::Duration => line.duration = value.parse().unwrap_or(0.0),
                Column::ClientBytes => line.orig_ip_bytes = count()?,
                Column::ServerBytes => line.resp_ip_bytes = count()?,
                Column::State => line.conn_state = text(),
                Column::History => line.history = text(),
            }
        }
        match values.count() {
            0 => Ok(line),
            more => {
                Err(format!("it has {} fields instead of {}", self.columns.len() + more, self.columns.len()))
            }
        }
    }
}

fn record<'a>(line: Line<'a>) -> Parsed<'a> {
    let start = line.ts.0.ok_or("it has no time")?;
    let address =
        |text: &Text<'_>| text.0.parse::<IpAddr>().map_err(|_| format!("'{}' is not an address", text.0));
    let (client, server) = (address(&line.client)?, address(&line.server)?);
    let protocol = match line.proto.0.as_ref() {
        // Zeek calls both so; the family tells which one it is.
        "icmp" if server.is_ipv6() => IpProtocol::ICMPV6,
        "unknown_transport" => return Ok(Taken::Nothing("protocols that Zeek does not know")),
        text => super::protocol(text)?,
    };
    let port = if protocol.is_icmp() {
        let byte = |count: Count| u8::try_from(count.0).map_err(|_| format!("{} is no ICMP type", count.0));
        IcmpType { kind: byte(line.client_port)?, code: byte(line.server_port)? }.as_port()
    } else {
        line.server_port.port()?
    };
    let state = line.conn_state.0.as_ref();
    let certainty = match () {
        () if state == "OTH" => Certainty::Guessed,
        () if line.history.0.contains('^') => Certainty::Inferred,
        () => Certainty::Stated,
    };
    let answered = match state {
        // No answer, a refusal, or an originator that gave up before.
        "S0" | "REJ" | "SH" | "RSTOS0" => Some(false),
        "" | "OTH" | "SHR" | "RSTRH" => None,
        _ => Some(true),
    };
    let seconds = if line.duration.is_finite() { line.duration.clamp(0.0, 1e9) } else { 0.0 };
    // Several analysers may have recognised it: the last is the innermost.
    let service = line.service.0.rsplit(',').next().unwrap_or_default().to_owned();
    Ok(Record {
        start,
        end: Timestamp(start.0.saturating_add(Duration::from_secs_f64(seconds).as_millis() as u64)),
        client: End::address(Some(client)),
        server: End::address(Some(server)),
        protocol,
        port,
        application: super::application(&service),
        verdict: Verdict::Allowed,
        answered,
        connections: 1,
        bytes_to_server: line.orig_ip_bytes.0,
        bytes_to_client: line.resp_ip_bytes.0,
        reporter: Reporter::Unknown,
        certainty,
        threat: false,
    }
    .into())
}
