//! Tables with a header line, separated by commas, semicolons, tabs or bars.
//!
//! Names of columns are compared without case, blanks, `_`, `-` and `.`; `docs/flow-records.md` lists those that are
//! understood. Where they speak of client and server, the client opened the connection; where they speak of source and
//! destination and both ports are there, it may be an answer, and ports tell.

use crate::{
    Certainty, End, Named, Record, Reporter,
    direction::{Listeners, Opener},
    read::{ReadError, Sink},
    time,
};
use bulkhead_model::{Application, Direction, IpProtocol, Timestamp, Verdict};
use std::{borrow::Cow, io::BufRead, net::IpAddr};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Client,
    ClientNamespace,
    ClientAddress,
    ClientPort,
    Server,
    ServerNamespace,
    ServerAddress,
    ServerPort,
    Protocol,
    Application,
    Start,
    End,
    Action,
    Connections,
    BytesToServer,
    BytesToClient,
    Reporter,
}

const COLUMNS: [(Column, &[&str]); 17] = [
    (
        Column::Client,
        &[
            "client",
            "source",
            "src",
            "from",
            "clientservice",
            "sourceservice",
            "sourceworkload",
            "srcservice",
            "sourcename",
            "srcname",
        ],
    ),
    (Column::ClientNamespace, &["clientnamespace", "sourcenamespace", "srcnamespace", "srcns", "sourcens"]),
    (
        Column::ClientAddress,
        &["clientaddress", "clientip", "sourceaddress", "sourceip", "srcaddress", "srcaddr", "srcip"],
    ),
    (Column::ClientPort, &["clientport", "sourceport", "srcport", "sport"]),
    (
        Column::Server,
        &[
            "server",
            "destination",
            "dest",
            "dst",
            "to",
            "serverservice",
            "destinationservice",
            "destinationworkload",
            "destservice",
            "dstservice",
            "destinationname",
            "destname",
            "dstname",
        ],
    ),
    (
        Column::ServerNamespace,
        &["servernamespace", "destinationnamespace", "destnamespace", "dstnamespace", "destns", "dstns"],
    ),
    (
        Column::ServerAddress,
        &[
            "serveraddress",
            "serverip",
            "destinationaddress",
            "destinationip",
            "destip",
            "destaddress",
            "dstaddress",
            "dstaddr",
            "dstip",
        ],
    ),
    (Column::ServerPort, &["port", "serverport", "destinationport", "destport", "dstport", "dport"]),
    (Column::Protocol, &["protocol", "proto", "ipprotocol", "transport"]),
    (Column::Application, &["application", "app", "l7", "l7protocol", "applicationprotocol"]),
    (Column::Start, &["time", "timestamp", "start", "starttime", "ts", "date", "datetime", "firstseen"]),
    (Column::End, &["end", "endtime", "lastseen"]),
    (Column::Action, &["verdict", "action", "decision", "policyaction", "result"]),
    (Column::Connections, &["connections", "count", "sessions", "flows", "hits", "numflows", "conns"]),
    (Column::BytesToServer, &["bytestoserver", "bytesout", "bytessent", "srcbytes", "origbytes", "bytes"]),
    (Column::BytesToClient, &["bytestoclient", "bytesin", "bytesreceived", "dstbytes", "respbytes"]),
    (Column::Reporter, &["direction", "reporter"]),
];

/// How a table is written, and what its columns mean.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    delimiter: u8,
    columns: Vec<Option<Column>>,
    /// Whether the first line names the columns.
    header: bool,
    /// Whether the columns say who opened the connection, and not only where packets came from.
    stated: bool,
}

impl Dialect {
    pub(crate) fn new(columns: Option<&str>, first: &str) -> Result<Self, String> {
        let header = columns.unwrap_or(first);
        let best = [b',', b';', b'\t', b'|']
            .into_iter()
            .map(|delimiter| (delimiter, named(header, delimiter)))
            .max_by_key(|(_, columns)| columns.iter().flatten().count());
        let (delimiter, names) = best.unwrap_or((b',', Vec::new()));
        let has = |column| names.contains(&Some(column));
        let plain = |name: &str| plain_names(header, delimiter).iter().any(|plain| plain.starts_with(name));
        for (needed, what) in [
            (has(Column::Client) || has(Column::ClientAddress), "client (or source, client_ip, src_ip, ...)"),
            (
                has(Column::Server) || has(Column::ServerAddress),
                "server (or destination, server_ip, dst_ip, ...)",
            ),
            (has(Column::ServerPort) || has(Column::Protocol), "port (or server_port, dst_port, ...)"),
        ] {
            if !needed {
                return Err(format!("the header of the table names no column for {what}"));
            }
        }
        let stated = !has(Column::ClientPort) || plain("client") || plain("from");
        Ok(Self { delimiter, columns: names, header: columns.is_none(), stated })
    }
}

fn plain_names(header: &str, delimiter: u8) -> Vec<String> {
    let plain = |name: &str| -> String {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    header.split(char::from(delimiter)).map(plain).collect()
}

/// Of columns that mean the same, the first counts.
fn named(header: &str, delimiter: u8) -> Vec<Option<Column>> {
    let mut columns: Vec<Option<Column>> = Vec::new();
    for name in plain_names(header, delimiter) {
        let found =
            COLUMNS.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(column, _)| *column);
        columns.push(found.filter(|column| !columns.contains(&Some(*column))));
    }
    columns
}

pub(crate) fn read(input: impl BufRead, dialect: &Dialect, sink: &mut Sink<'_>) -> Result<(), ReadError> {
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(dialect.delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(::csv::Trim::All)
        .from_reader(input);
    let mut row = ::csv::ByteRecord::new();
    let mut listeners = Listeners::default();
    let mut header = dialect.header;
    loop {
        let more = match reader.read_byte_record(&mut row) {
            Ok(more) => more,
            Err(error) => match error.into_kind() {
                ::csv::ErrorKind::Io(error) => return Err(error.into()),
                // Rows of any length and any bytes are read; nothing else goes wrong.
                other => return Err(ReadError::Io(std::io::Error::other(format!("{other:?}")))),
            },
        };
        if !more {
            return Ok(());
        }
        sink.summary.lines += 1;
        let line = row.position().map_or(0, ::csv::Position::line);
        if std::mem::take(&mut header) {
            continue;
        }
        if row.len() == 1 && row.get(0).is_some_and(<[u8]>::is_empty) {
            continue;
        }
        let parsed = record(dialect, &row, &mut listeners).map(Into::into);
        sink.put(line, parsed);
    }
}

/// The cells of one row that matter.
struct Cells<'a> {
    cells: [&'a str; COLUMNS.len()],
}

impl<'a> Cells<'a> {
    fn new(dialect: &Dialect, row: &'a ::csv::ByteRecord) -> Result<Self, String> {
        if row.len() < dialect.columns.len() {
            return Err(format!("it has {} cells instead of {}", row.len(), dialect.columns.len()));
        }
        let mut cells = [""; COLUMNS.len()];
        for (cell, column) in row.iter().zip(&dialect.columns) {
            if let Some(column) = column {
                let text = std::str::from_utf8(cell).map_err(|_| "it is not text (UTF-8)".to_owned())?;
                cells[*column as usize] = if text == "-" { "" } else { text };
            }
        }
        Ok(Self { cells })
    }

    fn get(&self, column: Column) -> Option<&'a str> {
        Some(self.cells[column as usize]).filter(|text| !text.is_empty())
    }

    fn number(&self, column: Column) -> Result<Option<u64>, String> {
        self.get(column).map(|text| text.parse().map_err(|_| format!("'{text}' is not a number"))).transpose()
    }

    fn port(&self, column: Column) -> Result<Option<u16>, String> {
        self.get(column).map(|text| text.parse().map_err(|_| format!("'{text}' is not a port"))).transpose()
    }

    fn time(&self, column: Column) -> Result<Option<Timestamp>, String> {
        self.get(column)
            .map(|text| time::parse(text).ok_or_else(|| format!("'{text}' is not a time")))
            .transpose()
    }
}

fn record<'a>(
    dialect: &Dialect,
    row: &'a ::csv::ByteRecord,
    listeners: &mut Listeners,
) -> Result<Record<'a>, String> {
    let cells = Cells::new(dialect, row)?;
    let client = end(&cells, Column::Client, Column::ClientNamespace, Column::ClientAddress)?;
    let server = end(&cells, Column::Server, Column::ServerNamespace, Column::ServerAddress)?;
    // `tcp/6379` may stand in the column of the port or of the protocol.
    let port_text = cells.get(Column::ServerPort).unwrap_or_default();
    let (protocol, to) = match port_text.split_once('/') {
        Some((protocol, port)) => (super::protocol(protocol)?, port),
        None => match cells.get(Column::Protocol) {
            Some(text) => match text.split_once('/') {
                Some((protocol, port)) => (super::protocol(protocol)?, port),
                None => (super::protocol(text)?, port_text),
            },
            None => (IpProtocol::TCP, port_text),
        },
    };
    let to: u16 = match to {
        "" if protocol.has_ports() => return Err("it has no port".to_owned()),
        "" => 0,
        text => text.parse().map_err(|_| format!("'{text}' is not a port"))?,
    };
    let from = cells.port(Column::ClientPort)?;
    let (opener, certainty) = match from {
        Some(from) if !dialect.stated => {
            listeners.conclude(protocol, (client.address, from), (server.address, to))
        }
        _ => (Opener::Source, Certainty::Stated),
    };
    let verdict = match cells.get(Column::Action).map(str::to_ascii_lowercase).as_deref() {
        None
        | Some(
            "allow" | "allowed" | "accept" | "accepted" | "pass" | "passed" | "forwarded" | "permit" | "ok"
            | "1" | "true",
        ) => Verdict::Allowed,
        Some("would-deny" | "audit" | "violate" | "alert") => Verdict::WouldDeny,
        Some(
            "deny" | "denied" | "drop" | "dropped" | "reject" | "rejected" | "block" | "blocked" | "0"
            | "false",
        ) => Verdict::Denied,
        Some(other) => return Err(format!("'{other}' is not a verdict")),
    };
    let start = cells.time(Column::Start)?.or(cells.time(Column::End)?).unwrap_or(Timestamp(0));
    let asks = opener == Opener::Source;
    let reporter = match cells.get(Column::Reporter).map(str::to_ascii_lowercase).as_deref() {
        Some("egress" | "out" | "outbound" | "src" | "client" | "source") => Some(Direction::Egress),
        Some("ingress" | "in" | "inbound" | "dst" | "server" | "destination") => Some(Direction::Ingress),
        _ => None,
    };
    let bytes = (
        cells.number(Column::BytesToServer)?.unwrap_or(0),
        cells.number(Column::BytesToClient)?.unwrap_or(0),
    );
    let (client, server, bytes) =
        if asks { (client, server, bytes) } else { (server, client, (bytes.1, bytes.0)) };
    Ok(Record {
        start,
        end: cells.time(Column::End)?.unwrap_or(start).max(start),
        client,
        server,
        protocol,
        port: match protocol {
            _ if protocol.is_icmp() && to == 0 => super::echo_request(protocol),
            _ if asks => to,
            _ => from.unwrap_or(to),
        },
        application: cells.get(Column::Application).map_or(Application::UNKNOWN, super::application),
        verdict,
        answered: None,
        connections: match cells.number(Column::Connections)? {
            Some(count) => count,
            None => u64::from(asks),
        },
        bytes_to_server: bytes.0,
        bytes_to_client: bytes.1,
        reporter: match reporter {
            Some(Direction::Egress) => Reporter::Client,
            Some(Direction::Ingress) => Reporter::Server,
            None => Reporter::Unknown,
        },
        certainty,
        threat: false,
    })
}

/// `shop/redis`, `redis` with its namespace in a column of its own, `api.example.com`, an address, `world`, `host`.
fn end<'a>(cells: &Cells<'a>, name: Column, namespace: Column, address: Column) -> Result<End<'a>, String> {
    let given = match cells.get(address) {
        Some(text) => Some(text.parse::<IpAddr>().map_err(|_| format!("'{text}' is not an address"))?),
        None => None,
    };
    let Some(text) = cells.get(name) else {
        return if given.is_some() {
            Ok(End::address(given))
        } else {
            Err("an end has neither name nor address".to_owned())
        };
    };
    let named = match text {
        "world" | "internet" if given.is_none() => Named::World,
        "host" => Named::Host,
        "remote-host" => Named::RemoteHost,
        "multicast" => Named::Multicast,
        "world" | "internet" | "unknown" => Named::Nothing,
        _ => match (text.parse::<IpAddr>(), cells.get(namespace), text.split_once('/')) {
            (Ok(address), ..) => return Ok(End::address(Some(given.unwrap_or(address)))),
            (_, Some(namespace), None) => Named::Pod(namespace.into(), text.into()),
            (_, _, Some((namespace, name))) => Named::Service(namespace.into(), name.into()),
            (_, None, None) if text.contains('.') => Named::Domain(text.into()),
            (_, None, None) => Named::Service(Cow::Borrowed("default"), text.into()),
        },
    };
    Ok(End { address: given, named })
}
