use super::{
    files::{Files, inventory},
    list,
};
use crate::{
    commands::Context,
    exit::{Code, Failure},
    output::{Format, format::OutputArgs, moment, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::{Policy, ServiceQuery, client::Client};
use bulkhead_model::{RuleOrigin, ServiceName};
use bulkhead_policy::{
    Document, Inventory, PolicySet, ReadOptions,
    kubernetes::{self, Addresses, Dialect, Severity},
};
use clap::Args;
use serde::Serialize;
use std::{collections::BTreeMap, io::Write, path::PathBuf};

/// Print documents as YAML, to be kept in git or applied elsewhere; or in the language of another product
///
/// In another language, what it cannot say is reported on standard error. For nftables, the addresses of services are
/// those of the server's workloads; without a server, the sets of addresses are left empty.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Language to write: kubernetes (NetworkPolicy), cilium, calico, istio, neuvector, aws (security groups) or nftables
    /// [default: Bulkhead's own]
    #[arg(long, value_name = "LANGUAGE", value_parser = parse_dialect)]
    to: Option<Dialect>,

    /// Take documents in files and directories instead of those of a server; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH", conflicts_with_all = ["namespace", "origin"])]
    files: Vec<PathBuf>,

    /// Only documents of this namespace
    #[arg(short, long)]
    namespace: Option<String>,

    /// Only documents of this origin: declared, user, imported or learned
    #[arg(long, value_parser = list::parse_origin)]
    origin: Option<RuleOrigin>,

    /// End with 1 if there is anything that the language cannot say
    #[arg(long, requires = "to")]
    strict: bool,

    /// Read what was written again, and print every flow that it allows otherwise than the documents; ends with 1 if
    /// there is any that the report does not tell of (kubernetes, cilium, calico, neuvector)
    #[arg(long, requires = "to")]
    prove: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// With the report that otherwise goes to standard error.
#[derive(Debug, Serialize)]
struct Answer {
    /// As it is written without -o.
    text: String,
    /// What the language cannot say.
    remarks: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Proved>,
}

/// What reading it again showed.
#[derive(Debug, Serialize)]
struct Proved {
    /// What was written and is not read again.
    errors: Vec<String>,
    /// Flows that are allowed otherwise.
    differences: Vec<String>,
    /// How many of them no remark tells of.
    untold: usize,
}

fn parse_dialect(text: &str) -> Result<Dialect, String> {
    text.parse().map_err(|error: kubernetes::UnknownDialect| error.to_string())
}

pub(super) async fn export(cx: &mut Context, args: ExportArgs) -> Result<Code> {
    let format = args.output.output;
    let (set, inventory, addresses) = if args.files.is_empty() {
        let client = cx.client()?;
        let mut policies = client.policies().await?.items;
        list::keep(&mut policies, args.namespace.as_deref(), args.origin);
        if args.to.is_none() {
            let yaml =
                |policy: &Policy| format!("---\n{}\n", policy.yaml.trim_start_matches("---\n").trim_end());
            return own(cx, format, policies.iter().map(yaml).collect());
        }
        let set = read(&policies)?;
        let inventory = waiting::during("asking for the services", estate(&client)).await?;
        let addresses = match args.to {
            Some(Dialect::Nftables) => addresses(&client, &inventory).await?,
            _ => Addresses::new(),
        };
        (set, inventory, addresses)
    } else {
        let files = Files::read(cx, &args.files)?;
        let (inventory, set) = (inventory(&[&files], []), files.set);
        (set, inventory, Addresses::new())
    };
    let Some(dialect) = args.to else {
        return own(cx, format, Document::join(&set.documents().collect::<Vec<_>>()));
    };
    if args.prove {
        return prove(cx, format, &set, &inventory, dialect, args.strict);
    }
    let export = waiting::work("writing", || {
        kubernetes::export_with(&set, &inventory, moment::now(), dialect, &addresses)
    });
    let answer = Answer { text: export.text, remarks: export.remarks, proof: None };
    write(cx, format, &answer)?;
    Ok(if args.strict && !answer.remarks.is_empty() { Code::Problems } else { Code::Success })
}

/// Documents in Bulkhead's own language, which says all of them.
fn own(cx: &mut Context, format: Format, text: String) -> Result<Code> {
    write(cx, format, &Answer { text, remarks: Vec::new(), proof: None })?;
    Ok(Code::Success)
}

/// For people, what was written goes to standard output, and what could not be to standard error.
fn write(cx: &mut Context, format: Format, answer: &Answer) -> Result<()> {
    if !structured(&mut cx.screen, format, answer)? {
        for remark in &answer.remarks {
            cx.note(remark)?;
        }
        cx.screen.write_all(answer.text.as_bytes())?;
    }
    Ok(())
}

fn prove(
    cx: &mut Context,
    format: Format,
    set: &PolicySet,
    inventory: &Inventory,
    dialect: Dialect,
    strict: bool,
) -> Result<Code> {
    if !dialect.is_read() {
        return Err(Failure::new(Code::Usage, format!("Bulkhead writes {dialect} and does not read it"))
            .remedy("prove kubernetes, cilium, calico or neuvector")
            .into());
    }
    let proof = waiting::work("proving that it says the same", || {
        kubernetes::prove(set, inventory, moment::now(), dialect)
    });
    let wrong = proof.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let proved = Proved {
        errors: wrong.map(ToString::to_string).collect(),
        differences: proof.differences.iter().map(ToString::to_string).collect(),
        untold: proof.untold().count(),
    };
    let (all, untold) = (proved.differences.len(), proved.untold);
    let answer = Answer { text: proof.export.text, remarks: proof.export.remarks, proof: Some(proved) };
    write(cx, format, &answer)?;
    if let (true, Some(proved)) = (format.is_table(), &answer.proof) {
        for error in &proved.errors {
            cx.note(&format!("what was written is not read again: {error}"))?;
        }
        for change in &proved.differences {
            cx.note(&format!("differs: {change}"))?;
        }
        cx.note(&match (all, untold) {
            (0, _) => "proved: what was written means the same, over all flows".to_owned(),
            (all, 0) => {
                format!("proved: {all} difference(s), all between ends of which the report above speaks")
            }
            (all, untold) => format!("{untold} of {all} difference(s) are not in the report above"),
        })?;
    }
    Ok(if untold > 0 || strict && all > 0 { Code::Problems } else { Code::Success })
}

/// The documents of the server as one set.
pub(in crate::commands) fn read(policies: &[Policy]) -> Result<PolicySet> {
    let texts = policies.iter().map(|p| (p.name.as_str(), p.yaml.as_str()));
    PolicySet::read(texts, ReadOptions::default()).map_err(|wrong| {
        let first = wrong.first().map(ToString::to_string).unwrap_or_default();
        Failure::new(Code::Failed, format!("cannot read the server's documents: {first}"))
            .remedy("server and command line may be of different versions: compare bulkhead --version")
            .into()
    })
}

/// The services that run, with the labels that all their workloads have.
pub(in crate::commands) async fn estate(client: &Client) -> Result<Inventory> {
    let services = client.services(&ServiceQuery::default()).await?.items;
    let mut inventory = Inventory::of_names(services.iter().map(|service| service.name.clone()));
    for service in &services {
        let labels = common_labels(client, &service.name).await?;
        if let Some(known) = inventory.service_mut(&service.name) {
            known.labels = labels;
            known.mode = service.mode;
        }
    }
    Ok(inventory)
}

async fn common_labels(client: &Client, service: &ServiceName) -> Result<BTreeMap<String, String>> {
    let mut instances = client.service(service).await?.instances.into_iter();
    let Some(mut common) = instances.next().map(|workload| workload.labels) else {
        return Ok(BTreeMap::new());
    };
    for workload in instances {
        common.retain(|key, value| workload.labels.get(key) == Some(value));
    }
    Ok(common)
}

/// The addresses of the workloads of each service.
async fn addresses(client: &Client, inventory: &Inventory) -> Result<Addresses> {
    let mut addresses = Addresses::new();
    for service in inventory.services() {
        let instances = client.service(&service.name).await?.instances;
        let mine = instances.iter().flat_map(|workload| &workload.interfaces);
        addresses.insert(
            service.name.clone(),
            mine.flat_map(|interface| interface.addresses.iter().copied()).collect(),
        );
    }
    Ok(addresses)
}
