//! Flow records in files, of Bulkhead or of other products, summed up and learned from.

use super::{Context, documents, policy::files};
use crate::{
    exit::{Code, Failure},
    output::{table::printable, waiting::Sign},
};
use anyhow::{Context as _, Result};
use bulkhead_discovery::naming;
use bulkhead_learn::{Learner, Past, SetAside, Settings, Standing, replay};
use bulkhead_model::{EdgeKey, ExternalName, Peer, ServiceName};
use bulkhead_policy::kubernetes::{self, Served, Severity, WorkloadName};
use bulkhead_records::{
    Certainty, Format, History, Names, Options, OwnerOfPod, ReadError, Seen, Summary, read as read_records,
};
use clap::Args;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// How the files are written, and what the addresses in them are.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RecordArgs {
    /// Who wrote the records: bulkhead, hubble, calico, vpc, zeek, neuvector or csv [default: found out]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,

    /// Names of the columns of VPC flow logs or CSV that have no header line
    #[arg(long, value_name = "NAMES")]
    columns: Option<String>,

    /// Table of addresses and ranges with their names: lines of ADDRESS,NAMESPACE/SERVICE
    #[arg(long, value_name = "FILE")]
    names: Vec<PathBuf>,
}

/// All that files of records tell.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) files: Vec<(String, Summary)>,
    pub(crate) history: History,
    /// In the order in which they came up first.
    pub(crate) edges: Vec<Seen>,
    /// The standing of each of `edges`.
    pub(crate) standings: Vec<Standing>,
    pub(crate) learner: Learner,
}

/// Reads every file, packed or not; `-` is standard input. `manifests` say which addresses and pods belong to which
/// service.
pub(crate) fn read(
    cx: &mut Context,
    files: &[PathBuf],
    manifests: &[PathBuf],
    args: &RecordArgs,
) -> Result<Recorded> {
    let mut history = History::new(names(cx, manifests, &args.names)?);
    let options = Options { format: args.format, columns: args.columns.clone() };
    let mut summaries = Vec::new();
    let mut wrong = Vec::new();
    for path in files {
        let name = if path == Path::new("-") { "standard input".into() } else { path.display().to_string() };
        match read_one(path, &name, &options, &mut history) {
            Ok(summary) => summaries.push((name, summary)),
            Err(error) => wrong.push(error),
        }
    }
    match wrong.len() {
        0 => {}
        1 => return Err(wrong.remove(0)),
        count => {
            for error in wrong {
                cx.note(&format!("{error:#}"))?;
            }
            return Err(Failure::new(Code::Invalid, format!("{count} files of records cannot be read"))
                .remedy("mend what is said above; nothing is concluded from the others alone")
                .into());
        }
    }
    let _sign = Sign::new("learning from them");
    let edges = history.edges();
    let lost: BTreeSet<_> = history.lost_hours().collect();
    let learner = {
        let past: Vec<Past<'_>> = history
            .sightings(&edges)
            .into_iter()
            .map(|seen| Past {
                edge: seen.edge,
                time: seen.time,
                connections: seen.connections,
                answered: seen.answered,
                passed: seen.passed,
                threat: seen.threat,
            })
            .collect();
        replay(Settings::default(), &past, &lost)
    };
    let standings = edges
        .iter()
        .map(|seen| match learner.standing(&seen.key) {
            Some(standing) => standing,
            None if seen.threat => Standing::SetAside(SetAside::Threat),
            None => Standing::Learned,
        })
        .collect();
    Ok(Recorded { files: summaries, history, edges, standings, learner })
}

fn read_one(path: &Path, name: &str, options: &Options, history: &mut History) -> Result<Summary> {
    let doing = format!("reading {}", printable(name.to_owned()));
    let (sign, input): (Sign, Box<dyn Read>) = if path == Path::new("-") {
        (Sign::new(&doing), Box::new(io::stdin().lock()))
    } else {
        let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
        let size = file.metadata().ok().filter(|file| file.is_file()).map_or(0, |file| file.len());
        (if size > 0 { Sign::of_bytes(&doing, size) } else { Sign::new(&doing) }, Box::new(file))
    };
    read_records(sign.counted(input), options, |item| history.add(item)).map_err(|error| match error {
        ReadError::Io(error) => anyhow::Error::from(error).context(format!("cannot read {name}")),
        other => Failure::new(Code::Invalid, format!("{name}: {other}"))
            .remedy("name the format with --format, and the columns of a log without a header with --columns")
            .into(),
    })
}

/// The rules of discovery, manifests, and tables: the later ones have the last word.
fn names(cx: &mut Context, manifests: &[PathBuf], tables: &[PathBuf]) -> Result<Names> {
    let rules = OwnerOfPod { owner: naming::owner_of_pod, sanitise: naming::sanitise };
    let mut names = Names::new(rules);
    if !manifests.is_empty() {
        from_manifests(cx, manifests, &mut names)?;
    }
    for path in tables {
        names.table(&documents::read(path)?).map_err(|error| {
            Failure::new(Code::Invalid, format!("{}: {error}", path.display()))
                .remedy("write lines of ADDRESS,NAMESPACE/SERVICE, as in docs/examples/flows/names.csv")
        })?;
    }
    Ok(names)
}

fn from_manifests(cx: &mut Context, paths: &[PathBuf], names: &mut Names) -> Result<()> {
    let sources = files::sources(cx, paths)?;
    let reading = kubernetes::read(sources.iter().map(|s| (s.name.as_str(), s.text.as_str())));
    let errors = reading.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let mut count = 0;
    for diagnostic in errors {
        cx.note(&diagnostic.to_string())?;
        count += 1;
    }
    let resources = reading.into_result().map_err(|_| {
        Failure::new(Code::Invalid, format!("the manifests have {count} error(s)"))
            .remedy("mend what is said above; nothing is learned with half of them")
    })?;
    for (workload, what) in &resources.workloads {
        let Some(service) = service_of(workload) else { continue };
        for pod in what.pods.iter().filter(|pod| !pod.host_network) {
            for address in &pod.addresses {
                names.address(*address, Peer::Service(service.clone()));
            }
        }
    }
    for Served { address, port, behind } in resources.served() {
        let behind: BTreeSet<(ServiceName, u16)> = behind
            .into_iter()
            .filter_map(|(workload, target)| Some((service_of(workload)?, target)))
            .collect();
        names.virtual_port((address, port.protocol, port.port), behind);
    }
    Ok(())
}

/// The service that a workload of manifests is here.
fn service_of(workload: &WorkloadName) -> Option<ServiceName> {
    // The name of a replica set or a job is that of its pods without their last part.
    let name = match workload.kind.as_str() {
        "ReplicaSet" | "Job" => naming::owner_of_pod(&format!("{}-bbbbb", workload.name), &BTreeMap::new()),
        "Pod" => naming::owner_of_pod(&workload.name, &BTreeMap::new()),
        _ => workload.name.clone(),
    };
    ServiceName::new(&workload.namespace, &name).ok()
}

impl Recorded {
    /// The edges that learning makes rules of, or would: what passed, what is no scan or attack, and of which it is known
    /// who opened it.
    pub(crate) fn expected(&self) -> impl Iterator<Item = &Seen> {
        self.edges
            .iter()
            .zip(&self.standings)
            .filter(|(seen, standing)| doubt(seen, **standing).is_none())
            .map(|(seen, _)| seen)
    }
}

/// The edge as rules speak of it: an address that nothing names is an address.
pub(crate) fn as_ruled(edge: &EdgeKey) -> EdgeKey {
    let outside = |peer: &Peer| match Names::unnamed_address(peer) {
        Some(address) => Peer::External(ExternalName(address.to_string().into())),
        None => peer.clone(),
    };
    EdgeKey { client: outside(&edge.client), server: outside(&edge.server), ..edge.clone() }
}

/// Why an edge is not taken for what the service is there for; nothing where it is.
pub(crate) fn doubt(seen: &Seen, standing: Standing) -> Option<&'static str> {
    match standing {
        _ if !seen.passed => Some("it was denied"),
        Standing::SetAside(SetAside::Scan) => Some("it is part of a scan"),
        Standing::SetAside(SetAside::FanOut) => Some("it is part of a sudden spike"),
        Standing::SetAside(SetAside::Threat) => Some("an attack was found in it"),
        Standing::SetAside(SetAside::Spoof) => Some("its client used another's address"),
        Standing::SetAside(SetAside::Rejected) => Some("it was rejected"),
        _ if seen.key.client == Peer::Unknown || seen.key.server == Peer::Unknown => {
            Some("nothing is known of one end")
        }
        _ if seen.certainty == Certainty::Guessed => Some("who opened it is a guess"),
        Standing::Learned | Standing::Accepted => None,
    }
}

/// Says on the side how many lines could not be read, and the first of them.
pub(crate) fn remark_malformed(cx: &mut Context, recorded: &Recorded) -> io::Result<()> {
    for (file, summary) in recorded.files.iter().filter(|(_, summary)| summary.malformed > 0) {
        let first = summary.faults.first().map(ToString::to_string).unwrap_or_default();
        let said = printable(format!("{file}: {} line(s) could not be read; {first}", summary.malformed));
        cx.note(&said)?;
    }
    Ok(())
}
