//! Bulkhead's own flow records, as `bulkhead flows -o json` prints them: one a line.
//!
//! Both ends of a connection report it, so each is told by its reporter. A record at the end of a flow holds its
//! counters and opens nothing.

mod printed;

use crate::{
    Certainty, End, Format, Named, Record, Reporter,
    json::{self, Text},
    read::{LineFormat, Parsed},
};
use bulkhead_model::{Application, Direction, Timestamp, Verdict};
use serde::Deserialize;
use std::{borrow::Cow, net::IpAddr};

#[derive(Debug, Default)]
pub(super) struct Bulkhead {
    /// The application of the last line, which is often that of the next.
    last: (String, Application),
}

#[derive(Debug, PartialEq, Deserialize)]
struct Line<'a> {
    time: Timestamp,
    #[serde(borrow)]
    client: Peer<'a>,
    #[serde(borrow)]
    server: Peer<'a>,
    #[serde(borrow)]
    protocol: Text<'a>,
    #[serde(borrow, default)]
    client_address: Text<'a>,
    #[serde(borrow, default)]
    server_address: Text<'a>,
    server_port: u16,
    #[serde(borrow, default)]
    application: Text<'a>,
    direction: Option<Direction>,
    verdict: Verdict,
    #[serde(default)]
    ended: bool,
    #[serde(default)]
    bytes_to_server: u64,
    #[serde(default)]
    bytes_to_client: u64,
    #[serde(default)]
    packets_to_client: u64,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Peer<'a> {
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    name: Text<'a>,
}

impl LineFormat for Bulkhead {
    fn format(&self) -> Format {
        Format::Bulkhead
    }

    fn parse<'a>(&mut self, line: &'a str) -> Parsed<'a> {
        let line: Line<'a> = match printed::line(line) {
            Some(line) => line,
            None => serde_json::from_str(line).map_err(|error| json::wrong(&error))?,
        };
        let application = match line.application.0.as_ref() {
            "" | "unknown" => Application::UNKNOWN,
            name if name == self.last.0 => self.last.1,
            name => {
                self.last = (name.to_owned(), name.parse().unwrap_or_default());
                self.last.1
            }
        };
        Ok(Record {
            start: line.time,
            end: line.time,
            client: end(line.client, &line.client_address)?,
            server: end(line.server, &line.server_address)?,
            protocol: super::protocol(&line.protocol.0)?,
            port: line.server_port,
            application,
            verdict: line.verdict,
            answered: line.ended.then_some(line.packets_to_client > 0),
            connections: u64::from(!line.ended),
            bytes_to_server: line.bytes_to_server,
            bytes_to_client: line.bytes_to_client,
            reporter: match line.direction {
                Some(Direction::Egress) => Reporter::Client,
                Some(Direction::Ingress) => Reporter::Server,
                None => Reporter::Unknown,
            },
            certainty: Certainty::Stated,
            threat: false,
        }
        .into())
    }
}

fn end<'a>(peer: Peer<'a>, address: &Text<'_>) -> Result<End<'a>, String> {
    // The address of a service says nothing beside its name.
    let address = match (peer.kind.0.as_ref(), address.0.as_ref()) {
        ("service", _) | (_, "") => None,
        (_, text) => Some(text.parse::<IpAddr>().map_err(|_| format!("'{text}' is not an address"))?),
    };
    let named = match peer.kind.0.as_ref() {
        "service" => match peer.name.0 {
            Cow::Borrowed(name) => {
                name.split_once('/').map(|(ns, name)| Named::Service(ns.into(), name.into()))
            }
            Cow::Owned(name) => name
                .split_once('/')
                .map(|(ns, name)| Named::Service(ns.to_owned().into(), name.to_owned().into())),
        }
        .ok_or("a service has no namespace")?,
        "external" => Named::Domain(peer.name.0),
        "host" => Named::Host,
        "remote-host" => Named::RemoteHost,
        "world" => match address {
            Some(_) => Named::Nothing,
            None => Named::World,
        },
        "multicast" => Named::Multicast,
        "unknown" => Named::Nothing,
        kind => return Err(format!("'{kind}' is not a kind of peer")),
    };
    Ok(End { address, named })
}
