use super::{Connection, Connectivity, Endpoint, Network, PROTOCOLS, WorkloadName, universe};
use crate::flowset::{AddressSet, ProtocolSet};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
    str::FromStr,
};

mod np_guard;

pub use np_guard::write_np_guard;

/// A form in which connections are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Format {
    #[default]
    Text,
    Json,
    Csv,
    Markdown,
    /// Graphviz.
    Dot,
    Mermaid,
}

/// The text names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an output format: expected txt, json, csv, md, dot or mermaid")]
pub struct UnknownFormat(pub String);

impl Format {
    pub const ALL: [(Format, &str); 6] = [
        (Self::Text, "txt"),
        (Self::Json, "json"),
        (Self::Csv, "csv"),
        (Self::Markdown, "md"),
        (Self::Dot, "dot"),
        (Self::Mermaid, "mermaid"),
    ];
}

impl FromStr for Format {
    type Err = UnknownFormat;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
        known.map(|(format, _)| *format).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::ALL.iter().find(|(format, _)| format == self).map_or("", |(_, name)| name))
    }
}

/// Writes the connections; the text ends with a line end, or is empty.
pub fn write(connectivity: &Connectivity, format: Format) -> String {
    let rows: Vec<Row> = connectivity.connections.iter().map(Row::new).collect();
    match format {
        Format::Text => text(&rows),
        Format::Json => json(&connectivity.connections),
        Format::Csv => csv(&rows),
        Format::Markdown => markdown(&rows),
        Format::Dot => dot(connectivity),
        Format::Mermaid => mermaid(connectivity),
    }
}

/// A connection as three texts.
struct Row {
    from: String,
    to: String,
    traffic: String,
}

impl Row {
    fn new(connection: &Connection) -> Self {
        Self {
            from: connection.from.to_string(),
            to: connection.to.to_string(),
            traffic: traffic_text(&connection.traffic),
        }
    }
}

/// `shop/api[Deployment]`, `ingress-controller`, `world`, `10.0.0.0/8`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::External(range) if range.is_all() => f.pad("world"),
            Self::External(range) => f.pad(&range.to_string()),
            Self::Workload(name) => f.pad(&name.to_string()),
            Self::IngressController => f.pad("ingress-controller"),
        }
    }
}

/// `all`, or `tcp/80,443 udp/53`.
fn traffic_text(traffic: &ProtocolSet) -> String {
    if *traffic == universe() {
        return "all".to_owned();
    }
    let mut parts = Vec::new();
    for (protocol, _) in PROTOCOLS {
        let ports = traffic.ports_of(protocol);
        if ports == universe().ports_of(protocol) {
            parts.push(protocol.to_string());
        } else if !ports.is_empty() {
            parts.push(format!("{protocol}/{ports}"));
        }
    }
    parts.join(" ")
}

/// Ends that are longer do not line up.
const WIDEST: usize = 60;

fn text(rows: &[Row]) -> String {
    // Long lists of ranges must not push everything else out of sight.
    let width = |cell: fn(&Row) -> &str| {
        let counts = rows.iter().map(|row| cell(row).chars().count());
        counts.filter(|count| *count <= WIDEST).max().unwrap_or(0)
    };
    let (from, to) = (width(|row| &row.from), width(|row| &row.to));
    rows.iter().fold(String::new(), |mut out, row| {
        let _ = writeln!(out, "{:from$} → {:to$} : {}", row.from, row.to, row.traffic);
        out
    })
}

fn csv(rows: &[Row]) -> String {
    let cell = |text: &str| {
        let quoted = text.contains([',', '"', '\n', '\r']);
        if quoted { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
    };
    let mut out = String::from("from,to,traffic\n");
    for row in rows {
        let _ = writeln!(out, "{},{},{}", cell(&row.from), cell(&row.to), cell(&row.traffic));
    }
    out
}

fn markdown(rows: &[Row]) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let mut out = String::from("| from | to | traffic |\n|------|----|---------|\n");
    for row in rows {
        let _ = writeln!(out, "| {} | {} | {} |", cell(&row.from), cell(&row.to), cell(&row.traffic));
    }
    out
}

/// A JSON text, quotes and all.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `{"connections": [{"from": {"kind": "workload", ...}, "to": ..., "all": bool, "traffic": [{"protocol", "ports"}]}]}`
fn json(connections: &[Connection]) -> String {
    let endpoint = |endpoint: &Endpoint| match endpoint {
        Endpoint::External(range) => {
            let networks: Vec<String> =
                range.networks().iter().map(|network| quoted(&network.to_string())).collect();
            format!("{{\"kind\": \"external\", \"networks\": [{}]}}", networks.join(", "))
        }
        Endpoint::Workload(WorkloadName { namespace, name, kind }) => format!(
            "{{\"kind\": \"workload\", \"namespace\": {}, \"name\": {}, \"owner\": {}}}",
            quoted(namespace),
            quoted(name),
            quoted(kind)
        ),
        Endpoint::IngressController => "{\"kind\": \"ingress-controller\"}".to_owned(),
    };
    let mut rows = Vec::new();
    for Connection { from, to, traffic } in connections {
        let protocols: Vec<String> = traffic
            .protocols()
            .map(|(protocol, ports)| {
                let ranges: Vec<String> = ports
                    .ranges()
                    .map(|range| format!("{{\"first\": {}, \"last\": {}}}", range.first, range.last))
                    .collect();
                format!("{{\"protocol\": \"{protocol}\", \"ports\": [{}]}}", ranges.join(", "))
            })
            .collect();
        rows.push(format!(
            "    {{\"from\": {}, \"to\": {}, \"all\": {}, \"traffic\": [{}]}}",
            endpoint(from),
            endpoint(to),
            *traffic == universe(),
            protocols.join(", ")
        ));
    }
    let body = if rows.is_empty() { String::new() } else { format!("\n{}\n  ", rows.join(",\n")) };
    format!("{{\n  \"connections\": [{body}]\n}}\n")
}

fn dot(connectivity: &Connectivity) -> String {
    let mut out =
        String::from("digraph connections {\n  rankdir=LR\n  node [shape=box fontname=\"sans-serif\"]\n");
    for (namespace, workloads) in by_namespace(connectivity) {
        let cluster = quoted(&format!("cluster_{namespace}"));
        let _ = writeln!(out, "  subgraph {cluster} {{\n    label={}", quoted(namespace));
        for workload in workloads {
            let label = format!("{}[{}]", workload.name, workload.kind);
            let _ = writeln!(out, "    {} [label={}]", quoted(&workload.to_string()), quoted(&label));
        }
        out.push_str("  }\n");
    }
    let outside: BTreeSet<String> = connectivity
        .connections
        .iter()
        .flat_map(|connection| [&connection.from, &connection.to])
        .filter(|end| !matches!(end, Endpoint::Workload(_)))
        .map(Endpoint::to_string)
        .collect();
    for end in outside {
        let _ = writeln!(out, "  {} [shape=ellipse]", quoted(&end));
    }
    for row in connectivity.connections.iter().map(Row::new) {
        let _ =
            writeln!(out, "  {} -> {} [label={}]", quoted(&row.from), quoted(&row.to), quoted(&row.traffic));
    }
    out.push_str("}\n");
    out
}

fn mermaid(connectivity: &Connectivity) -> String {
    // Mermaid's own identifiers must be plain words, and its labels know no quotes.
    let label = |text: &str| format!("\"{}\"", text.replace('"', "#quot;"));
    let mut identifiers: BTreeMap<String, String> = BTreeMap::new();
    let mut out = String::from("flowchart LR\n");
    for (namespace, workloads) in by_namespace(connectivity) {
        let _ = writeln!(out, "  subgraph ns{}[{}]", identifiers.len(), label(namespace));
        for workload in workloads {
            let identifier = format!("n{}", identifiers.len());
            let _ = writeln!(
                out,
                "    {identifier}[{}]",
                label(&format!("{} ({})", workload.name, workload.kind))
            );
            identifiers.insert(workload.to_string(), identifier);
        }
        out.push_str("  end\n");
    }
    for row in connectivity.connections.iter().map(Row::new) {
        for end in [&row.from, &row.to] {
            if !identifiers.contains_key(end) {
                let identifier = format!("n{}", identifiers.len());
                let _ = writeln!(out, "  {identifier}([{}])", label(end));
                identifiers.insert(end.clone(), identifier);
            }
        }
        let _ = writeln!(
            out,
            "  {} -->|{}| {}",
            identifiers[&row.from],
            label(&row.traffic),
            identifiers[&row.to]
        );
    }
    out
}

fn by_namespace(connectivity: &Connectivity) -> BTreeMap<&str, Vec<&WorkloadName>> {
    let mut namespaces: BTreeMap<&str, Vec<&WorkloadName>> = BTreeMap::new();
    for workload in connectivity.workloads.keys() {
        namespaces.entry(&workload.namespace).or_default().push(workload);
    }
    namespaces
}
