//! AWS VPC flow logs as text: the default format (version 2), or whatever the header line or a person names.
//!
//! A record is what one network interface saw of packets of one direction in one interval. Who opened the connection is
//! told by `tcp-flags` where they are there (SYN alone: the source; SYN and ACK: the destination), else concluded from
//! ports. `pkt-srcaddr` and `pkt-dstaddr` are the ends themselves where an address in between (a NAT gateway, a node of
//! EKS) was logged, so that both views of such a flow are one. `flow-direction` says whose interface it was.

use crate::{
    End, Format, Item, Named, Record, Reporter,
    direction::{Listeners, Opener, by_flags},
    read::{LineFormat, Parsed, Taken},
    time,
};
use bulkhead_model::{Application, Timestamp, Verdict};
use std::net::IpAddr;

const DEFAULT: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start \
                       end action log-status";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    SourceAddress,
    DestinationAddress,
    PacketSource,
    PacketDestination,
    SourcePort,
    DestinationPort,
    Protocol,
    Bytes,
    Start,
    End,
    Action,
    Status,
    TcpFlags,
    Direction,
    Other,
}

impl Column {
    fn of(name: &str) -> Self {
        match name.trim().trim_start_matches("${").trim_end_matches('}').replace('_', "-").as_str() {
            "srcaddr" => Self::SourceAddress,
            "dstaddr" => Self::DestinationAddress,
            "pkt-srcaddr" => Self::PacketSource,
            "pkt-dstaddr" => Self::PacketDestination,
            "srcport" => Self::SourcePort,
            "dstport" => Self::DestinationPort,
            "protocol" => Self::Protocol,
            "bytes" => Self::Bytes,
            "start" => Self::Start,
            "end" => Self::End,
            "action" => Self::Action,
            "log-status" => Self::Status,
            "tcp-flags" => Self::TcpFlags,
            "flow-direction" => Self::Direction,
            _ => Self::Other,
        }
    }
}

/// Whether a line names the columns of such a log.
pub(super) fn is_header(line: &str) -> bool {
    let columns: Vec<Column> = line.split_ascii_whitespace().map(Column::of).collect();
    let has = |column| columns.contains(&column);
    (has(Column::SourceAddress) || has(Column::PacketSource))
        && (has(Column::DestinationAddress) || has(Column::PacketDestination))
}

/// Whether a line is of the default format.
pub(super) fn is_default_line(line: &str) -> bool {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    fields.len() == 14
        && fields[0].parse::<u8>().is_ok()
        && matches!(fields[12], "ACCEPT" | "REJECT" | "-")
        && matches!(fields[13], "OK" | "NODATA" | "SKIPDATA")
}

#[derive(Debug)]
pub(super) struct Vpc {
    columns: Vec<Column>,
    listeners: Listeners,
}

impl Vpc {
    pub(super) fn new(columns: Option<&str>, first: &str) -> Result<Self, String> {
        let header = columns.unwrap_or(if is_header(first) { first } else { DEFAULT });
        let columns: Vec<Column> = header.split_ascii_whitespace().map(Column::of).collect();
        for (needed, name) in [
            (Column::SourcePort, "srcport"),
            (Column::DestinationPort, "dstport"),
            (Column::Protocol, "protocol"),
        ] {
            if !columns.contains(&needed) {
                return Err(format!("the columns name no {name}"));
            }
        }
        if !is_header(header) {
            return Err("the columns name no srcaddr and dstaddr".to_owned());
        }
        if !(columns.contains(&Column::Start) || columns.contains(&Column::End)) {
            return Err("the columns name no start".to_owned());
        }
        Ok(Self { columns, listeners: Listeners::default() })
    }
}

/// The fields of one line that matter.
#[derive(Default)]
struct Fields<'a> {
    source: &'a str,
    destination: &'a str,
    packet_source: &'a str,
    packet_destination: &'a str,
    source_port: &'a str,
    destination_port: &'a str,
    protocol: &'a str,
    bytes: &'a str,
    start: &'a str,
    end: &'a str,
    action: &'a str,
    status: &'a str,
    flags: &'a str,
    direction: &'a str,
}

impl LineFormat for Vpc {
    fn format(&self) -> Format {
        Format::Vpc
    }

    fn parse<'a>(&mut self, line: &'a str) -> Parsed<'a> {
        if is_header(line) {
            return Ok(Taken::Nothing("header lines"));
        }
        let fields = self.fields(line)?;
        let when = |text: &str| -> Result<Option<Timestamp>, String> {
            match text {
                "" | "-" => Ok(None),
                _ => time::parse(text).map(Some).ok_or_else(|| format!("'{text}' is not a time")),
            }
        };
        let start = when(fields.start)?;
        match fields.status {
            "NODATA" => return Ok(Taken::Nothing("intervals without traffic")),
            // Some records of the interval were left out.
            "SKIPDATA" => return Ok(Taken::Item(Item::Lost { time: start, count: 1 })),
            _ => {}
        }
        let end = when(fields.end)?;
        let start = start.or(end).ok_or("it has no start")?;
        let address = |packet: &str, interface: &str| -> Result<IpAddr, String> {
            let text = if matches!(packet, "" | "-") { interface } else { packet };
            text.parse().map_err(|_| format!("'{text}' is not an address"))
        };
        let source = address(fields.packet_source, fields.source)?;
        let destination = address(fields.packet_destination, fields.destination)?;
        let protocol = super::protocol(fields.protocol)?;
        let port = |text: &str| -> Result<u16, String> {
            match text {
                "" | "-" => Ok(0),
                _ => text.parse().map_err(|_| format!("'{text}' is not a port")),
            }
        };
        let (from, to) = (port(fields.source_port)?, port(fields.destination_port)?);
        let verdict = match fields.action {
            "ACCEPT" => Verdict::Allowed,
            "REJECT" => Verdict::Denied,
            "" => Verdict::Allowed,
            other => return Err(format!("'{other}' is neither ACCEPT nor REJECT")),
        };
        let flags: u8 = match fields.flags {
            "" | "-" => 0,
            text => text.parse().map_err(|_| format!("'{text}' are no tcp-flags"))?,
        };
        let (syn, ack) = (flags & 0x02 != 0, flags & 0x10 != 0);
        let (source_place, destination_place) = ((Some(source), from), (Some(destination), to));
        let (opener, certainty) = match by_flags(syn, ack) {
            Some(opener) => self.listeners.stated(opener, protocol, source_place, destination_place),
            None => self.listeners.conclude(protocol, source_place, destination_place),
        };
        let asks = opener == Opener::Source;
        let reporter = match (fields.direction, asks) {
            ("egress", true) | ("ingress", false) => Reporter::Client,
            ("ingress", true) | ("egress", false) => Reporter::Server,
            _ => Reporter::Unknown,
        };
        let bytes = fields.bytes.parse().unwrap_or(0);
        let (client, server) = if asks { (source, destination) } else { (destination, source) };
        // An interval without a SYN tells more of a connection that an earlier one told of.
        let opens = asks && (syn || fields.flags.is_empty() || !protocol.has_ports() || flags == 0);
        Ok(Record {
            start,
            end: end.unwrap_or(start).max(start),
            client: place(client),
            server: place(server),
            protocol,
            port: match protocol {
                _ if protocol.is_icmp() => super::echo_request(protocol),
                _ if asks => to,
                _ => from,
            },
            application: Application::UNKNOWN,
            verdict,
            answered: (!asks).then_some(flags & 0x04 == 0 || syn),
            connections: u64::from(opens),
            bytes_to_server: if asks { bytes } else { 0 },
            bytes_to_client: if asks { 0 } else { bytes },
            reporter,
            certainty,
            threat: false,
        }
        .into())
    }
}

fn place(address: IpAddr) -> End<'static> {
    End { address: Some(address), named: Named::Nothing }
}

impl Vpc {
    fn fields<'a>(&self, line: &'a str) -> Result<Fields<'a>, String> {
        let mut fields = Fields::default();
        let mut values = line.split_ascii_whitespace();
        for (at, column) in self.columns.iter().enumerate() {
            let Some(value) = values.next() else {
                return Err(format!("it has {at} fields instead of {}", self.columns.len()));
            };
            let field = match column {
                Column::SourceAddress => &mut fields.source,
                Column::DestinationAddress => &mut fields.destination,
                Column::PacketSource => &mut fields.packet_source,
                Column::PacketDestination => &mut fields.packet_destination,
                Column::SourcePort => &mut fields.source_port,
                Column::DestinationPort => &mut fields.destination_port,
                Column::Protocol => &mut fields.protocol,
                Column::Bytes => &mut fields.bytes,
                Column::Start => &mut fields.start,
                Column::End => &mut fields.end,
                Column::Action => &mut fields.action,
                Column::Status => &mut fields.status,
                Column::TcpFlags => &mut fields.flags,
                Column::Direction => &mut fields.direction,
                Column::Other => continue,
            };
            *field = value;
        }
        let more = values.count();
        if more > 0 {
            return Err(format!(
                "it has {} fields instead of {}",
                self.columns.len() + more,
                self.columns.len()
            ));
        }
        Ok(fields)
    }
}
