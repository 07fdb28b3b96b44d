//! `bulkhead learn`: services, graph, completeness and a policy from records alone.

mod print;

use super::{
    Context,
    recorded::{self, RecordArgs, Recorded, as_ruled, doubt},
};
use crate::{
    exit::{Code, Failure},
    output::{
        format::{self, Format},
        waiting,
    },
};
use anyhow::{Context as _, Result};
use bulkhead_learn::{Proposal, Report};
use bulkhead_model::{EdgeCounters, EdgeKey, Peer, ServiceName, Timestamp};
use bulkhead_policy::{Document, Generalise, SegmentationPolicy};
use bulkhead_records::{Certainty, Names, Summary};
use clap::Args;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
};

/// Learn from flow records, without a server or an agent: services, graph, completeness, a proposed policy
///
/// Reads what `bulkhead flows -o json`, Hubble, Calico, AWS VPC, Zeek or NeuVector wrote, or a table (CSV), packed with
/// gzip or not, and says what stays undecided and why. `-o yaml` prints the proposed documents. Ends with 1 if there are
/// lines that could not be read.
#[derive(Debug, Args)]
pub(crate) struct LearnArgs {
    /// Flow records; and manifests (directories, .yaml, .yml) that say which pod and address is what; `-` is standard
    /// input
    #[arg(short, long = "file", value_name = "PATH", required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    records: RecordArgs,

    /// Write the proposed documents into this directory, one file for each service
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,

    /// How to print the answer; yaml: the proposed documents alone
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
}

/// All that is said, as JSON says it.
#[derive(Debug, Serialize)]
struct Answer {
    files: Vec<Told>,
    /// First and last moment that the records tell of.
    period: Option<(Timestamp, Timestamp)>,
    services: Vec<Learned>,
    edges: Vec<Edge>,
    undecided: Vec<Undecided>,
    /// Documents as YAML.
    policy: String,
    policies: usize,
}

#[derive(Debug, Serialize)]
struct Told {
    file: String,
    format: &'static str,
    lines: u64,
    records: u64,
    skipped: BTreeMap<&'static str, u64>,
    malformed: u64,
    faults: Vec<Fault>,
    lost: u64,
    inferred: u64,
    guessed: u64,
}

#[derive(Debug, Serialize)]
struct Fault {
    line: u64,
    why: String,
}

#[derive(Debug, Serialize)]
struct Learned {
    service: ServiceName,
    clients: usize,
    servers: usize,
    /// Absent where no record of it has a time.
    completeness: Option<Report>,
    /// For services whose edges never end.
    proposals: Vec<Proposal>,
}

#[derive(Debug, Serialize)]
struct Edge {
    #[serde(flatten)]
    key: EdgeKey,
    #[serde(flatten)]
    counters: EdgeCounters,
    first_seen: Timestamp,
    last_seen: Timestamp,
    opener: &'static str,
    /// Whether the proposed policy allows it.
    proposed: bool,
}

#[derive(Debug, Serialize)]
struct Undecided {
    what: String,
    why: String,
    advice: Option<String>,
}

pub(crate) fn run(cx: &mut Context, args: &LearnArgs) -> Result<Code> {
    let (manifests, flows) = apart(&args.files)?;
    if flows.is_empty() {
        return Err(Failure::new(Code::Usage, "no file of flow records is named")
            .remedy("name one with -f beside the manifests, for example: bulkhead learn -f flows.jsonl -f manifests/")
            .into());
    }
    let recorded = recorded::read(cx, &flows, &manifests, &args.records)?;
    let proposed = waiting::work("writing the policy", || propose(&recorded));
    if let Some(dir) = &args.write {
        write(dir, &proposed.policies)?;
    }
    let answer = waiting::work("estimating completeness", || answer(&recorded, &proposed));
    match args.output {
        Format::Json => format::json(&mut cx.screen, &answer)?,
        Format::Yaml => {
            cx.screen.write_all(answer.policy.as_bytes())?;
            for file in &answer.files {
                if file.malformed > 0 {
                    cx.note(&format!("{}: {} lines could not be read", file.file, file.malformed))?;
                }
            }
        }
        Format::Table | Format::Wide => print::print(&mut cx.screen, &answer, args.output.is_wide())?,
    }
    let malformed = recorded.files.iter().any(|(_, summary)| summary.malformed > 0);
    Ok(if malformed { Code::Problems } else { Code::Success })
}

/// Manifests, and records. A JSON file may be either: manifests say what kind they are.
fn apart(files: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut manifests, mut flows) = (Vec::new(), Vec::new());
    for path in files {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let is_manifest = path != Path::new("-")
            && (path.is_dir()
                || matches!(extension, "yaml" | "yml")
                || (extension == "json" && says_api_version(path)?));
        if is_manifest { manifests.push(path.clone()) } else { flows.push(path.clone()) }
    }
    Ok((manifests, flows))
}

fn says_api_version(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.take(4096).read_to_end(&mut start).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(String::from_utf8_lossy(&start).contains("\"apiVersion\""))
}

struct Proposed {
    policies: Vec<SegmentationPolicy>,
    left_out: Vec<EdgeKey>,
}

/// Rules for what is expected. An address that nothing names is an address, and gets no document.
fn propose(recorded: &Recorded) -> Proposed {
    let edges: Vec<EdgeKey> = recorded.expected().map(|seen| as_ruled(&seen.key)).collect();
    let learned = Generalise::default().policies(&edges);
    // Between two ends that are no services there is nothing to write.
    let left_out =
        learned.left_out.into_iter().filter(|edge| is_service(&edge.client) || is_service(&edge.server));
    Proposed { policies: learned.policies, left_out: left_out.collect() }
}

fn is_service(peer: &Peer) -> bool {
    matches!(peer, Peer::Service(_))
}

/// Whether documents can be written for it.
fn is_named(peer: &Peer) -> bool {
    is_service(peer) && !Names::is_unnamed(peer)
}

fn answer(recorded: &Recorded, proposed: &Proposed) -> Answer {
    let mut peers: BTreeMap<&ServiceName, (BTreeSet<&Peer>, BTreeSet<&Peer>)> = BTreeMap::new();
    for seen in recorded.edges.iter().filter(|seen| seen.passed) {
        let key = &seen.key;
        if let Peer::Service(client) = &key.client {
            peers.entry(client).or_default().1.insert(&key.server);
        }
        if let Peer::Service(server) = &key.server {
            peers.entry(server).or_default().0.insert(&key.client);
        }
    }
    let services = peers
        .into_iter()
        .map(|(service, (clients, servers))| Learned {
            service: service.clone(),
            clients: clients.len(),
            servers: servers.len(),
            completeness: recorded.learner.report(service),
            proposals: recorded.learner.proposals(service),
        })
        .collect();
    let mut edges: Vec<Edge> = recorded
        .edges
        .iter()
        .zip(&recorded.standings)
        .map(|(seen, standing)| Edge {
            key: seen.key.clone(),
            counters: seen.counters,
            first_seen: seen.first,
            last_seen: seen.last,
            opener: match seen.certainty {
                Certainty::Stated => "stated",
                Certainty::Inferred => "inferred",
                Certainty::Guessed => "guessed",
            },
            proposed: doubt(seen, *standing).is_none()
                && (is_named(&seen.key.client) || is_named(&seen.key.server))
                && !proposed.left_out.contains(&as_ruled(&seen.key)),
        })
        .collect();
    edges.sort_by(|a, b| a.key.cmp(&b.key));
    let documents: Vec<Document> = proposed.policies.iter().cloned().map(Document::Policy).collect();
    Answer {
        files: recorded.files.iter().map(|(file, summary)| told(file, summary)).collect(),
        period: recorded.history.period(),
        services,
        edges,
        undecided: undecided(recorded, proposed),
        policy: Document::join(&documents),
        policies: proposed.policies.len(),
    }
}

fn told(file: &str, summary: &Summary) -> Told {
    Told {
        file: file.to_owned(),
        format: summary.format.name(),
        lines: summary.lines,
        records: summary.records,
        skipped: summary.skipped.clone(),
        malformed: summary.malformed,
        faults: summary.faults.iter().map(|f| Fault { line: f.line, why: f.why.clone() }).collect(),
        lost: summary.lost,
        inferred: summary.inferred,
        guessed: summary.guessed,
    }
}

/// What a person has to decide or to find out, the most far-reaching first.
fn undecided(recorded: &Recorded, proposed: &Proposed) -> Vec<Undecided> {
    let mut list = Vec::new();
    let mut say = |what: String, why: &str, advice: Option<&str>| {
        list.push(Undecided { what, why: why.to_owned(), advice: advice.map(str::to_owned) });
    };
    let unnamed: BTreeSet<&Peer> = recorded
        .edges
        .iter()
        .flat_map(|seen| [&seen.key.client, &seen.key.server])
        .filter(|peer| Names::is_unnamed(peer))
        .collect();
    if !unnamed.is_empty() {
        let some: Vec<String> = unnamed
            .iter()
            .take(3)
            .filter_map(|peer| Names::unnamed_address(peer))
            .map(|a| a.to_string())
            .collect();
        let more = if unnamed.len() > some.len() { ", ..." } else { "" };
        say(
            format!("{} private address(es): {}{more}", unnamed.len(), some.join(", ")),
            "nothing says which services they are",
            Some(
                "name them: --names FILE with lines of ADDRESS,NAMESPACE/SERVICE, or -f with manifests of pods",
            ),
        );
    }
    if recorded.history.crowded() > 0 {
        say(
            format!("{} record(s) of further addresses", recorded.history.crowded()),
            "there are too many addresses to tell apart: they are taken for the world",
            None,
        );
    }
    if recorded.history.timeless() > 0 {
        say(
            format!("{} record(s) without a time", recorded.history.timeless()),
            "nothing can be said about completeness",
            None,
        );
    }
    for service in recorded.learner.services() {
        if recorded.learner.report(service).is_some_and(|report| report.open_ended) {
            say(
                service.to_string(),
                "it keeps meeting new peers: no list of them will be complete",
                Some("write rules by server side, domain or range"),
            );
        }
    }
    let mut doubtful: Vec<(String, &'static str)> = recorded
        .edges
        .iter()
        .zip(&recorded.standings)
        .filter_map(|(seen, standing)| {
            Some((crate::output::edges::arrow(&seen.key), doubt(seen, *standing)?))
        })
        .collect();
    doubtful.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    for (edge, why) in doubtful {
        say(edge, why, None);
    }
    for edge in &proposed.left_out {
        say(crate::output::edges::arrow(edge), "it looks like an answer that was taken for a question", None);
    }
    list
}

/// One file a document, none of which may be there already.
fn write(dir: &Path, policies: &[SegmentationPolicy]) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    for policy in policies {
        let path = dir.join(format!("{}.{}.yaml", policy.metadata.namespace, policy.metadata.name));
        let mut file = File::create_new(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Failure::new(
                Code::Invalid,
                format!("{} is there already", path.display()),
            )
            .remedy("name a directory that is empty or not there, and compare: bulkhead policy diff OLD NEW")
            .into(),
            _ => anyhow::Error::from(error).context(format!("cannot write {}", path.display())),
        })?;
        file.write_all(policy.to_yaml().as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
