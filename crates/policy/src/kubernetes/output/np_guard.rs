//! The text and JSON of np-guard's `netpol-analyzer list`, so that what reads theirs can read ours.
//!
//! Addresses outside are IPv4 ranges there, one line for each range into which policies divide them; protocols are
//! written in the order of their names; `All Connections` is TCP, UDP and SCTP with every port.

use super::{
    AddressSet, Connection, Connectivity, Endpoint, Format, Network, PROTOCOLS, ProtocolSet, WorkloadName,
    quoted, universe,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    net::{IpAddr, Ipv4Addr},
};

/// A line: ends and traffic.
struct Line {
    from: String,
    to: String,
    traffic: String,
    network: Option<Network>,
}

/// Writes np-guard's text, JSON, CSV, Markdown or Graphviz. It has no Mermaid: ours is written.
pub fn write_np_guard(connectivity: &Connectivity, format: Format) -> String {
    let lines = lines(connectivity);
    match format {
        Format::Json => json(&lines),
        Format::Csv => table(&lines, "src,dst,conn\n", |line| {
            let traffic = &line.traffic;
            let traffic = if traffic.contains(',') { format!("\"{traffic}\"") } else { traffic.clone() };
            format!("{},{},{traffic}\n", line.from, line.to)
        }),
        Format::Markdown => table(&lines, "| src | dst | conn |\n|-----|-----|------|\n", |line| {
            format!("| {} | {} | {} |\n", line.from, line.to, line.traffic)
        }),
        Format::Text => text(connectivity, &lines),
        Format::Dot => dot(connectivity, &lines),
        Format::Mermaid => super::write(connectivity, Format::Mermaid),
    }
}

fn lines(connectivity: &Connectivity) -> Vec<Line> {
    let network = |end: &Endpoint| match end {
        Endpoint::Workload(name) => connectivity.workloads.get(name).cloned().flatten(),
        _ => None,
    };
    let mut lines = Vec::new();
    for Connection { from, to, traffic } in &connectivity.connections {
        let network = network(from).or_else(|| network(to));
        let traffic = traffic_text(traffic);
        for from in ends(from, network.as_ref(), &connectivity.sources) {
            for to in ends(to, network.as_ref(), &connectivity.destinations) {
                lines.push(Line {
                    from: from.clone(),
                    to,
                    traffic: traffic.clone(),
                    network: network.clone(),
                });
            }
        }
    }
    lines.sort_by(|a, b| (&a.from, &a.to).cmp(&(&b.from, &b.to)));
    lines
}

/// The names of one end: several where it is a set of ranges.
fn ends(end: &Endpoint, network: Option<&Network>, ranges: &[AddressSet]) -> Vec<String> {
    match end {
        Endpoint::IngressController => vec!["{ingress-controller}".to_owned()],
        Endpoint::Workload(WorkloadName { namespace, name, kind }) => match network {
            Some(Network::Namespace(_)) => vec![format!("{namespace}[udn]/{name}[{kind}]")],
            _ => vec![format!("{namespace}/{name}[{kind}]")],
        },
        Endpoint::External(addresses) => {
            let mine = ranges.iter().filter(|range| !range.v4().is_empty() && range.is_subset(addresses));
            mine.flat_map(AddressSet::ranges).filter_map(range_text).collect()
        }
    }
}

fn range_text((first, last): (IpAddr, IpAddr)) -> Option<String> {
    let v4 = |address| match address {
        IpAddr::V4(address) => Some::<Ipv4Addr>(address),
        IpAddr::V6(_) => None,
    };
    Some(format!("{}-{}[External]", v4(first)?, v4(last)?))
}

fn traffic_text(traffic: &ProtocolSet) -> String {
    if *traffic == universe() {
        return "All Connections".to_owned();
    }
    let parts = PROTOCOLS.iter().filter_map(|(protocol, name)| {
        let ports = traffic.ports_of(*protocol);
        let ranges: Vec<String> = ports.ranges().map(|range| range.to_string()).collect();
        (!ranges.is_empty()).then(|| format!("{name} {}", ranges.join(",")))
    });
    parts.collect::<Vec<_>>().join(",")
}

/// Each end once, then each connection; addresses are red, as there.
fn dot(connectivity: &Connectivity, lines: &[Line]) -> String {
    const EXTERNAL: &str = "[External]";
    let ends = lines.iter().flat_map(|line| [&line.from, &line.to]).cloned();
    let all: BTreeSet<String> =
        ends.chain(connectivity.workloads.keys().map(WorkloadName::to_string)).collect();
    let name = |end: &str| quoted(end.strip_suffix(EXTERNAL).unwrap_or(end));
    let mut nodes = Vec::new();
    for end in &all {
        let colour = if end.ends_with(EXTERNAL) { "red2" } else { "blue" };
        let name = name(end);
        nodes.push(format!("\t{name} [label={name} color=\"{colour}\" fontcolor=\"{colour}\"]\n"));
    }
    let edge = |line: &Line| {
        let traffic = quoted(&line.traffic);
        let (from, to) = (name(&line.from), name(&line.to));
        format!("\t{from} -> {to} [label={traffic} color=\"gold2\" fontcolor=\"darkgreen\"]\n")
    };
    let edges: String = lines.iter().map(edge).collect();
    format!("digraph {{\n{}{edges}}}", nodes.concat())
}

fn table(lines: &[Line], header: &str, row: impl Fn(&Line) -> String) -> String {
    lines.iter().fold(header.to_owned(), |out, line| out + &row(line))
}

fn json(lines: &[Line]) -> String {
    if lines.is_empty() {
        return "[]".to_owned();
    }
    let objects: Vec<String> = lines
        .iter()
        .map(|line| {
            format!(
                "  {{\n    \"src\": {},\n    \"dst\": {},\n    \"conn\": {}\n  }}",
                quoted(&line.from),
                quoted(&line.to),
                quoted(&line.traffic)
            )
        })
        .collect();
    format!("[\n{}\n]", objects.join(",\n"))
}

fn text(connectivity: &Connectivity, lines: &[Line]) -> String {
    let mut out = String::new();
    let mut sections: BTreeMap<Option<&Network>, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        sections.entry(line.network.as_ref()).or_default().push(line);
    }
    let cluster = sections.remove(&None).unwrap_or_default();
    let write = |out: &mut String, lines: &[&Line]| {
        for line in lines {
            let _ = writeln!(out, "{} => {} : {}", line.from, line.to, line.traffic);
        }
    };
    if !sections.is_empty() {
        out.push_str("Permitted connectivity analyzed in Pod network:\n");
        if cluster.is_empty() {
            let anyone = connectivity.workloads.values().any(Option::is_none);
            out.push_str(if anyone {
                "All connections are not allowed for the workloads in the pod-network\n"
            } else {
                "all input workloads are configured with (C)UDN as their primary network interface\n"
            });
        }
    }
    write(&mut out, &cluster);
    for (network, lines) in sections {
        let name = match network {
            Some(Network::Namespace(name)) => format!("UDN {name}"),
            Some(Network::Cluster(name)) => format!("CUDN {name}"),
            None => continue,
        };
        let _ = writeln!(out, "\nPermitted connectivity analyzed in primary {name}:");
        write(&mut out, &lines);
    }
    if connectivity.several_networks && !connectivity.workloads.is_empty() {
        out.push_str("\nWorkload-to-Networks Mapping:\n");
        let by_text: BTreeMap<String, _> =
            connectivity.workloads.iter().map(|(name, network)| (name.to_string(), network)).collect();
        for (workload, network) in by_text {
            let network = match network {
                None => "pod-network".to_owned(),
                Some(Network::Namespace(name)) => format!("{name}[UDN]"),
                Some(Network::Cluster(name)) => format!("{name}[CUDN]"),
            };
            let _ = writeln!(out, "{workload}: \n\tPrimary Network: {network}");
        }
    }
    out
}
