use super::{
    files::{self, Files},
    judged::{self, Change, Judged},
    list,
};
use crate::{
    commands::{
        Context,
        documents::Joined,
        recorded::{self, RecordArgs},
    },
    exit::Code,
    output::{format::OutputArgs, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::{Finding, GraphQuery, JudgedEdge, SimulateRequest};
use bulkhead_model::{EdgeKey, Verdict};
use clap::Args;
use serde::Serialize;
use std::{collections::HashMap, path::PathBuf};

/// Judge recorded flows by documents, and show whose verdict changes
///
/// Each edge that changes, with when it was seen, how often, and the rule; and one number: denials that were expected
/// traffic, which is what passed and is neither a scan, a spike nor an attack. Ends with 1 if anything that passed would
/// be denied.
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// Files and directories with documents; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH", required = true)]
    files: Vec<PathBuf>,

    /// Files of flow records, of Bulkhead or another product; or `recorded`: the edges that the server has seen
    #[arg(long, value_name = "FILE", default_value = RECORDED)]
    flows: Vec<PathBuf>,

    /// Manifests that say which pods and addresses of the records belong to which service
    #[arg(long, value_name = "PATH")]
    manifests: Vec<PathBuf>,

    #[command(flatten)]
    records: RecordArgs,

    /// Judge as if every service were in enforce, with documents or without
    #[arg(long)]
    enforce: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// What stands for the server's own records.
pub(super) const RECORDED: &str = "recorded";

#[derive(Debug, Serialize)]
pub(super) struct Simulation {
    #[serde(flatten)]
    pub(super) judged: Judged,
    /// What is suspicious about the documents themselves; a server knows enough to say.
    findings: Vec<Finding>,
}

pub(super) async fn simulate(cx: &mut Context, args: SimulateArgs) -> Result<Code> {
    let simulation = if is_recorded(&args.flows) {
        let joined = Joined::new(&files::sources(cx, &args.files)?);
        let request =
            SimulateRequest { documents: joined.text, enforce: args.enforce, enforce_targeted: false };
        server(cx, request).await?
    } else {
        let files = Files::read(cx, &args.files)?;
        let recorded = recorded::read(cx, &args.flows, &args.manifests, &args.records)?;
        recorded::remark_malformed(cx, &recorded)?;
        let judged =
            waiting::work("judging recorded traffic", || judged::judge(&recorded, &files, args.enforce));
        Simulation { judged, findings: Vec::new() }
    };
    if !structured(&mut cx.screen, args.output.output, &simulation)? {
        judged::print(&mut cx.screen, &simulation.judged, args.output.output.is_wide())?;
        if !args.output.output.is_wide() {
            judged::explain(&mut cx.screen, &simulation.judged)?;
        }
        list::print_findings(&mut cx.screen, &simulation.findings)?;
    }
    let breaks = simulation.judged.changes.iter().any(Change::is_denial);
    Ok(if breaks { Code::Problems } else { Code::Success })
}

pub(super) fn is_recorded(flows: &[PathBuf]) -> bool {
    flows.iter().any(|path| path.as_os_str() == RECORDED)
}

/// The server's verdicts, with what it knows of each edge.
pub(super) async fn server(cx: &mut Context, request: SimulateRequest) -> Result<Simulation> {
    let client = cx.client()?;
    let simulation = waiting::during("judging recorded traffic", client.simulate(&request)).await?;
    let graph = client.graph(&GraphQuery::default()).await?;
    let connections = graph.edges.iter().map(|e| e.edge.counters.connections + e.edge.counters.denied).sum();
    let known: HashMap<&EdgeKey, &JudgedEdge> = graph.edges.iter().map(|e| (&e.edge.key, e)).collect();
    let changes = simulation.changes.into_iter().map(|change| {
        let seen = known.get(&change.edge);
        let counters = seen.map(|seen| seen.edge.counters).unwrap_or_default();
        let denies = change.after == Verdict::Denied;
        let doubt = match seen.and_then(|seen| seen.flagged.clone()) {
            flagged @ Some(_) => flagged,
            None if change.before == Verdict::WouldDeny => {
                Some("the policy in force would deny it too".to_owned())
            }
            None => None,
        };
        Change {
            before: change.before,
            after: change.after,
            because: change.because,
            first_seen: seen.map_or_else(Default::default, |seen| seen.edge.first_seen),
            last_seen: seen.map_or_else(Default::default, |seen| seen.edge.last_seen),
            connections: if denies { counters.connections.max(1) } else { counters.denied },
            expected: denies && doubt.is_none(),
            doubt: doubt.filter(|_| denies),
            denied_by: None,
            edge: change.edge,
        }
    });
    let judged = Judged::new(simulation.edges, connections, changes.collect());
    Ok(Simulation { judged, findings: simulation.findings })
}
