use super::Context;
use crate::{
    exit::Code,
    output::{Screen, Style, amount, edges, format, moment, waiting},
};
use anyhow::Result;
use bulkhead_api::{Graph, GraphNode, GraphQuery, JudgedEdge};
use bulkhead_model::{Mode, Peer, ServiceName, Verdict};
use clap::{Args, ValueEnum};
use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

/// Denied ports of one peer that are a line each.
const FEW: usize = 3;

/// Show who talks to whom
#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// Only this service and its direct neighbours
    #[arg(short, long)]
    service: Option<ServiceName>,

    /// Only services of this namespace and their neighbours
    #[arg(short, long)]
    namespace: Option<String>,

    /// Only edges used within this time: 10m, 1h, 7d
    #[arg(long, value_name = "TIME", value_parser = moment::parse_duration)]
    since: Option<Duration>,

    /// How to print the graph
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: GraphFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GraphFormat {
    /// Clients with what they connect to
    Table,
    /// As the REST interface says it
    Json,
    /// The same as YAML
    Yaml,
    /// For Graphviz: bulkhead graph -o dot | dot -Tsvg > graph.svg
    Dot,
    /// For Markdown
    Mermaid,
}

pub(crate) async fn run(cx: &mut Context, args: GraphArgs) -> Result<Code> {
    let query =
        GraphQuery { namespace: args.namespace, service: args.service, since: args.since.map(super::since) };
    let client = cx.client()?;
    let graph = waiting::during("asking for the graph", client.graph(&query)).await?;
    let screen = &mut cx.screen;
    match args.output {
        GraphFormat::Table => print(screen, &graph)?,
        GraphFormat::Json => format::json(screen, &graph)?,
        GraphFormat::Yaml => format::yaml(screen, &graph)?,
        GraphFormat::Dot => dot(screen, &graph)?,
        GraphFormat::Mermaid => mermaid(screen, &graph)?,
    }
    Ok(Code::Success)
}

fn print(screen: &mut Screen, graph: &Graph) -> io::Result<()> {
    if graph.edges.is_empty() {
        return writeln!(screen, "No connections yet.");
    }
    let modes: BTreeMap<&Peer, Mode> = graph.nodes.iter().filter_map(|n| Some((&n.peer, n.mode?))).collect();
    let mut by_client: BTreeMap<&Peer, Vec<_>> = BTreeMap::new();
    for edge in &graph.edges {
        by_client.entry(&edge.edge.key.client).or_default().push(edge);
    }
    let width = graph.edges.iter().map(|e| e.edge.key.server.to_string().chars().count()).max().unwrap_or(0);
    // Room for the port, the counter and the verdict beside the name.
    let width = width.min(screen.width.saturating_sub(44).max(12));
    for (client, mut edges) in by_client {
        screen.span(Style::Bold, &client.to_string())?;
        match modes.get(client) {
            Some(mode) => screen.line((*mode).into(), &format!(" ({mode})"))?,
            None => writeln!(screen)?,
        }
        edges.sort_by(|a, b| a.edge.key.cmp(&b.edge.key));
        // A scan leaves an edge for each port that it tried: what is denied to one peer is one line of many ports.
        for tried in edges.chunk_by(|a, b| {
            a.verdict != Verdict::Allowed && a.verdict == b.verdict && a.edge.key.server == b.edge.key.server
        }) {
            let alone = if tried.len() > FEW { 0 } else { tried.len() };
            for edge in &tried[..alone] {
                row(screen, width, edge, &edges::service_port(&edge.edge.key), attempts(edge))?;
            }
            if let (0, Some(edge)) = (alone, tried.first()) {
                let ports = format!("{} ports", tried.len());
                row(screen, width, edge, &ports, tried.iter().map(|edge| attempts(edge)).sum())?;
            }
        }
    }
    Ok(())
}

fn row(screen: &mut Screen, width: usize, edge: &JudgedEdge, port: &str, count: u64) -> io::Result<()> {
    let server = crate::output::table::cut(&edge.edge.key.server.to_string(), width);
    write!(screen, "  → {server:width$}  {port:<18}  {:>6}  ", amount::count(count))?;
    screen.line(edge.verdict.into(), &edge.verdict.to_string())
}

/// Connections, or where these are not allowed, how often they were tried.
fn attempts(edge: &JudgedEdge) -> u64 {
    let counters = &edge.edge.counters;
    if edge.verdict == Verdict::Allowed {
        counters.connections
    } else {
        counters.denied + counters.would_deny
    }
}

/// The edges of one pair of peers are one arrow, labelled with their ports and the worst verdict.
fn arrows(graph: &Graph) -> BTreeMap<(&Peer, &Peer), (Vec<String>, Verdict)> {
    let mut arrows: BTreeMap<_, (Vec<String>, Verdict)> = BTreeMap::new();
    for edge in &graph.edges {
        let key = &edge.edge.key;
        let (ports, verdict) =
            arrows.entry((&key.client, &key.server)).or_insert_with(|| (Vec::new(), Verdict::Allowed));
        ports.push(edges::service_port(key));
        *verdict = (*verdict).max(edge.verdict);
    }
    for (ports, _) in arrows.values_mut() {
        ports.sort();
        ports.dedup();
    }
    arrows
}

/// Nodes by namespace; those that are no services have none.
fn by_namespace(graph: &Graph) -> BTreeMap<Option<&str>, Vec<(usize, &GraphNode)>> {
    let mut namespaces: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (n, node) in graph.nodes.iter().enumerate() {
        namespaces.entry(node.peer.service().map(ServiceName::namespace)).or_default().push((n, node));
    }
    namespaces
}

fn label(node: &GraphNode) -> String {
    match (&node.peer, node.mode) {
        (Peer::Service(name), Some(mode)) => format!("{} ({mode})", name.name()),
        (peer, _) => peer.to_string(),
    }
}

fn numbers(graph: &Graph) -> BTreeMap<&Peer, usize> {
    graph.nodes.iter().enumerate().map(|(n, node)| (&node.peer, n)).collect()
}

fn dot(screen: &mut Screen, graph: &Graph) -> io::Result<()> {
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    writeln!(
        screen,
        "digraph bulkhead {{\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];"
    )?;
    for (namespace, nodes) in by_namespace(graph) {
        let indent = if let Some(namespace) = namespace {
            writeln!(screen, "  subgraph {} {{", quote(&format!("cluster_{namespace}")))?;
            writeln!(screen, "    label={};", quote(namespace))?;
            "    "
        } else {
            "  "
        };
        for (n, node) in nodes {
            let colour = match node.mode {
                Some(Mode::Enforce) => ", color=\"#1a7f37\"",
                Some(Mode::Monitor) => ", color=\"#9a6700\"",
                Some(Mode::Quarantine) => ", color=\"#cf222e\"",
                Some(Mode::Learn) => ", color=\"#0969da\"",
                None => ", style=dashed",
            };
            writeln!(screen, "{indent}n{n} [label={}{colour}];", quote(&label(node)))?;
        }
        if namespace.is_some() {
            writeln!(screen, "  }}")?;
        }
    }
    let numbers = numbers(graph);
    for ((client, server), (ports, verdict)) in arrows(graph) {
        let (Some(client), Some(server)) = (numbers.get(client), numbers.get(server)) else { continue };
        let style = match verdict {
            Verdict::Allowed => "",
            Verdict::WouldDeny => ", color=\"#9a6700\", style=dashed",
            Verdict::Denied => ", color=\"#cf222e\", style=dashed",
        };
        let label = quote(&ports.join("\n")).replace('\n', "\\n");
        writeln!(screen, "  n{client} -> n{server} [label={label}{style}];")?;
    }
    writeln!(screen, "}}")
}

fn mermaid(screen: &mut Screen, graph: &Graph) -> io::Result<()> {
    // Mermaid reads entities inside quoted labels; quotes themselves end them.
    let quote = |text: &str| format!("\"{}\"", text.replace('#', "#35;").replace('"', "#quot;"));
    writeln!(screen, "graph LR")?;
    for (namespace, nodes) in by_namespace(graph) {
        let indent = if let Some(namespace) = namespace {
            writeln!(screen, "  subgraph {}", quote(namespace))?;
            "    "
        } else {
            "  "
        };
        for (n, node) in nodes {
            writeln!(screen, "{indent}n{n}[{}]", quote(&label(node)))?;
        }
        if namespace.is_some() {
            writeln!(screen, "  end")?;
        }
    }
    let numbers = numbers(graph);
    for ((client, server), (ports, verdict)) in arrows(graph) {
        let (Some(client), Some(server)) = (numbers.get(client), numbers.get(server)) else { continue };
        let arrow = if verdict == Verdict::Allowed { "-->" } else { "-.->" };
        let mut text = ports.join(", ");
        if verdict != Verdict::Allowed {
            text += &format!(" ({verdict})");
        }
        writeln!(screen, "  n{client} {arrow}|{}| n{server}", quote(&text))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{edges::fixtures::edge, screen::tests::printed};
    use bulkhead_model::Timestamp;

    fn sample() -> Graph {
        let node = |peer: Peer, mode| GraphNode {
            peer,
            mode,
            workloads: 1,
            upper_hour: None,
            open_ended: false,
            denied: 0,
            would_deny: 0,
            first_seen: Timestamp(0),
        };
        let service = |name: &str| Peer::Service(name.parse().expect("valid"));
        Graph {
            time: Timestamp(0),
            revision: 1,
            nodes: vec![
                node(service("shop/web"), Some(Mode::Learn)),
                node(service("shop/redis"), Some(Mode::Enforce)),
                node(Peer::World, None),
            ],
            edges: vec![
                edge("shop/web", "shop/redis", 6379, Verdict::Allowed),
                edge("shop/web", "shop/redis", 6380, Verdict::Denied),
                edge("world", "shop/web", 443, Verdict::Allowed),
            ],
        }
    }

    #[test]
    fn the_graph_is_a_list_of_clients() {
        insta::assert_snapshot!(printed(80, |s| print(s, &sample()).expect("memory")));
    }

    #[test]
    fn the_ports_of_a_scan_are_one_line_for_each_peer() {
        let mut graph = sample();
        let scan = (7000..7040).map(|port| edge("shop/web", "shop/redis", port, Verdict::Denied));
        graph.edges.extend(scan);
        insta::assert_snapshot!(printed(80, |s| print(s, &graph).expect("memory")));
    }

    #[test]
    fn the_graph_is_written_for_graphviz_and_markdown() {
        insta::assert_snapshot!(printed(80, |s| dot(s, &sample()).expect("memory")));
        insta::assert_snapshot!(printed(80, |s| mermaid(s, &sample()).expect("memory")));
    }
}
