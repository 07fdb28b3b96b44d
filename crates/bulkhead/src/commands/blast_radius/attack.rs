//! `blast-radius --scan`: the ways of an attacker, weighted by what scanners found.

use super::BlastRadiusArgs;
use crate::{
    commands::{
        Context, documents,
        policy::{
            export,
            files::{Files, inventory},
        },
    },
    exit::{Code, Failure},
    output::{Cell, Column, Screen, Style, Table, amount::plural, moment, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::{GraphQuery, ServiceQuery};
use bulkhead_model::ServiceName;
use bulkhead_policy::{
    AttackPath, Attacks, Close, Compiler, Inventory, Plan, PolicySet, Reach, View,
    scan::{Scanned, Weakness, Weaknesses, read_scan},
    what_to_close,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    sync::Arc,
};

/// So many things to close are told.
const STEPS: usize = 10;

#[derive(Debug, Serialize)]
struct Answer {
    /// Services that can be reached, the likeliest to fall first.
    services: Vec<Fallen>,
    /// Sum of all likelihoods, now and as if every service enforced.
    risk_now: f64,
    risk_under_policy: f64,
    /// What to close first, of what passes now and nobody was seen to use.
    close: Plan,
    /// What was scanned and is no service here.
    unknown_scans: Vec<String>,
    /// Services that nobody scanned.
    unscanned: Vec<ServiceName>,
}

#[derive(Debug, Serialize)]
struct Fallen {
    service: ServiceName,
    /// How likely an attacker gets there, 0 to 1.
    now: f64,
    under_policy: f64,
    /// The likeliest way now, the service itself last; as under the policy where there is none now.
    path: Vec<ServiceName>,
    weakness: Option<Weakness>,
}

/// What questions are asked of.
struct Estate {
    set: PolicySet,
    inventory: Inventory,
    images: BTreeMap<ServiceName, Vec<String>>,
    /// Pairs that were seen to talk, the outside being none.
    seen: BTreeSet<(Option<ServiceName>, ServiceName)>,
}

pub(super) async fn run(cx: &mut Context, args: BlastRadiusArgs) -> Result<Code> {
    let scanned = scans(cx, &args)?;
    let estate = estate(cx, &args).await?;
    for service in args.service.iter().chain(&args.to) {
        if estate.inventory.service(service).is_none() {
            return Err(Failure::new(Code::NotFound, format!("there is no service '{service}'"))
                .remedy("bulkhead services lists all")
                .into());
        }
    }
    let answer = waiting::work("following every way", || answer(&estate, &scanned, &args));
    if !structured(&mut cx.screen, args.output.output, &answer)? {
        print(&mut cx.screen, &answer, &args)?;
    }
    Ok(Code::Success)
}

/// What the files say; every error of every file where there is any.
fn scans(cx: &mut Context, args: &BlastRadiusArgs) -> Result<Vec<Scanned>> {
    let (mut scanned, mut wrong) = (Vec::new(), 0);
    for path in &args.scan {
        match read_scan(&path.display().to_string(), &documents::read(path)?) {
            Ok(found) => scanned.extend(found),
            Err(error) => {
                wrong += 1;
                cx.note(&error.to_string())?;
            }
        }
    }
    if wrong > 0 {
        return Err(Failure::new(Code::Invalid, format!("{} cannot be read", plural(wrong, "scan result")))
            .remedy("give SARIF, CycloneDX JSON, or the JSON of Trivy or Grype")
            .into());
    }
    Ok(scanned)
}

async fn estate(cx: &mut Context, args: &BlastRadiusArgs) -> Result<Estate> {
    if !args.files.is_empty() {
        let files = Files::read(cx, &args.files)?;
        let inventory = inventory(&[&files], []);
        return Ok(Estate { set: files.set, inventory, images: BTreeMap::new(), seen: BTreeSet::new() });
    }
    let client = cx.client()?;
    let set = export::read(&client.policies().await?.items)?;
    let inventory = waiting::during("asking for the services", export::estate(&client)).await?;
    let services = client.services(&ServiceQuery::default()).await?.items;
    let images = services.into_iter().map(|service| (service.name, service.images)).collect();
    let edges = client.graph(&GraphQuery::default()).await?.edges;
    let seen = edges.into_iter().filter_map(|judged| {
        let edge = judged.edge.key;
        Some((edge.client.service().cloned(), edge.server.service()?.clone()))
    });
    Ok(Estate { set, inventory, images, seen: seen.collect() })
}

fn answer(estate: &Estate, scanned: &[Scanned], args: &BlastRadiusArgs) -> Answer {
    let Estate { set, inventory, images, seen } = estate;
    let weaknesses = Weaknesses::new(scanned, inventory, images);
    let weights = weaknesses.weights(inventory);
    let compiled = Compiler::default().compile(set, inventory, moment::now());
    let now = Reach::new(Arc::clone(&compiled), View::Now);
    let policy = match args.files.is_empty() {
        true => Reach::new(compiled, View::Policy),
        // Services without documents are not closed by a policy that does not speak of them.
        false => Reach::new(compiled, View::Now),
    };
    let held = args.service.as_ref().and_then(|name| inventory.service(name)).map(|held| held.identity);
    let attacks = |reach: &Reach| match held {
        Some(held) => Attacks::from_services(reach, &[held], &weights),
        None => Attacks::from_outside(reach, &weights),
    };
    let (today, strict) = (attacks(&now), attacks(&policy));
    let mut services: Vec<Fallen> = Vec::new();
    let (mut risk_now, mut risk_under_policy) = (0.0, 0.0);
    for service in inventory.services() {
        let (likely, under_policy) =
            (today.likelihood(service.identity), strict.likelihood(service.identity));
        risk_now += likely;
        risk_under_policy += under_policy;
        let wanted = args.to.as_ref().is_none_or(|to| *to == service.name);
        if likely.max(under_policy) <= 0.0 || !wanted || held == Some(service.identity) {
            continue;
        }
        let path = |attacks: &Attacks| attacks.path(service.identity, inventory);
        let AttackPath { services: path, .. } = path(&today)
            .or_else(|| path(&strict))
            .unwrap_or(AttackPath { services: Vec::new(), likelihood: 0.0 });
        let weakness = weaknesses.service(&service.name).cloned();
        services.push(Fallen { service: service.name.clone(), now: likely, under_policy, path, weakness });
    }
    services.sort_by(|a, b| {
        (b.now, b.under_policy)
            .partial_cmp(&(a.now, a.under_policy))
            .unwrap_or(std::cmp::Ordering::Equal)
            .then_with(|| a.path.len().cmp(&b.path.len()))
            .then_with(|| a.service.cmp(&b.service))
    });
    let needed = |client: Option<&ServiceName>, server: &ServiceName| {
        seen.contains(&(client.cloned(), server.clone()))
    };
    let close = what_to_close(&now, inventory, &weights, &needed, STEPS);
    Answer {
        services,
        risk_now,
        risk_under_policy,
        close,
        unknown_scans: weaknesses.strange,
        unscanned: weaknesses.unscanned,
    }
}

fn print(screen: &mut Screen, answer: &Answer, args: &BlastRadiusArgs) -> io::Result<()> {
    let from = args.service.as_ref().map_or_else(|| "the outside".to_owned(), ToString::to_string);
    if answer.services.is_empty() {
        let to = args.to.as_ref().map_or_else(|| "no service".to_owned(), |to| format!("not {to}"));
        screen.line(Style::Good, &format!("From {from} an attacker reaches {to}."))?;
        return Ok(());
    }
    screen.paragraph(
        0,
        &format!(
            "From {from} an attacker can get at {}. Expected to fall: {:.2} services now, {:.2} under the policy.",
            plural(answer.services.len() as u64, "service"),
            answer.risk_now,
            answer.risk_under_policy
        ),
    )?;
    writeln!(screen)?;
    let mut table = Table::new([
        Column::text("SERVICE").shrinks_to(14),
        Column::number("NOW"),
        Column::number("POLICY"),
        Column::text("WORST").shrinks_to(14),
        Column::text("LIKELIEST WAY").shrinks_to(20),
    ]);
    for fallen in &answer.services {
        let worst = fallen.weakness.as_ref().map(|weakness| {
            let worst = &weakness.worst;
            format!("{} {:.1}{}", worst.id, worst.score, if worst.exploited { ", exploited" } else { "" })
        });
        let way: Vec<String> = fallen.path.iter().map(ToString::to_string).collect();
        table.row([
            fallen.service.to_string().into(),
            percent(fallen.now).into(),
            percent(fallen.under_policy).into(),
            worst.map_or_else(|| Cell::styled("none known", Style::Dim), Into::into),
            way.join(" → ").into(),
        ]);
    }
    table.print(screen, args.output.output.is_wide())?;
    if args.service.is_none() && !answer.close.steps.is_empty() {
        writeln!(screen)?;
        screen.line(Style::Bold, "What to close first, of what nobody was seen to use:")?;
        for (index, step) in answer.close.steps.iter().enumerate() {
            let what = match &step.close {
                Close::Edge { client, server } => format!("{client} → {server}"),
                Close::Entry { server } => format!("the outside → {server}"),
                Close::Service { service } => format!("{service}: enforce what it needs"),
            };
            let left = plural(step.after.services as u64, "service");
            writeln!(screen, "{:>3}. {what} (leaves {:.2} of {left})", index + 1, step.after.risk)?;
        }
    }
    if !answer.unscanned.is_empty() {
        let names: Vec<String> = answer.unscanned.iter().map(ToString::to_string).collect();
        writeln!(screen)?;
        screen.paragraph(0, &format!("Not scanned: {}.", names.join(", ")))?;
    }
    if !answer.unknown_scans.is_empty() {
        screen
            .paragraph(0, &format!("Scanned, but no service here: {}.", answer.unknown_scans.join(", ")))?;
    }
    Ok(())
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
