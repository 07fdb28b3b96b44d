//! A report on documents in files, and on recorded flows beside them.

use super::ReportArgs;
use crate::{
    commands::{
        Context,
        policy::files::{Files, inventory},
        recorded,
    },
    exit::{Code, Failure},
    output::{moment, waiting},
};
use anyhow::Result;
use bulkhead_model::{Edge, Peer};
use bulkhead_report::{Estate, Framework, Report, ReportSource, SourceKind, report as make};
use std::collections::BTreeMap;

pub(super) fn report(cx: &mut Context, framework: Framework, args: &ReportArgs) -> Result<Report> {
    let files = Files::read(cx, &args.files)?;
    let edges: Vec<Edge> = match args.flows.as_slice() {
        [] => Vec::new(),
        flows => recorded::read(cx, flows, &[], &args.records)?
            .edges
            .into_iter()
            .map(|seen| Edge {
                key: seen.key,
                counters: seen.counters,
                first_seen: seen.first,
                last_seen: seen.last,
            })
            .collect(),
    };
    let peers: Vec<Peer> =
        edges.iter().flat_map(|edge| [edge.key.client.clone(), edge.key.server.clone()]).collect();
    let inventory = inventory(&[&files], &peers);
    let set = files.set;
    let names = args.files.iter().chain(&args.flows).map(|path| path.display().to_string());
    let estate = Estate {
        now: moment::now(),
        source: ReportSource {
            kind: SourceKind::Files,
            names: names.collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: None,
            audit_head: None,
        },
        set: &set,
        inventory: &inventory,
        edges: edges.iter().collect(),
        services: BTreeMap::new(),
        documents: BTreeMap::new(),
        revisions: Vec::new(),
        operation: None,
    };
    let made = waiting::work("making the report", || make(framework, &estate, args.zone.as_deref()));
    made.map_err(|missing| {
        let zones: Vec<&str> = set.zones().map(|zone| zone.metadata.name.as_str()).collect();
        let remedy = match zones.as_slice() {
            [] => "the documents have no zone: write one, as in docs/compliance.md".to_owned(),
            zones => format!("the documents have {}", zones.join(", ")),
        };
        Failure::new(Code::NotFound, missing.to_string()).remedy(remedy).into()
    })
}
