//! What falls with a service by documents in files, and as a graph.

use super::{BlastRadiusArgs, Notation, Radius};
use crate::{
    commands::{
        Context,
        policy::{
            export,
            files::{Files, inventory},
        },
    },
    exit::{Code, Failure},
    output::{
        Screen, edges, moment,
        waiting::{self, Sign},
    },
};
use anyhow::Result;
use bulkhead_api::{BlastRadius, BlastRanking, BlastSide, GraphQuery};
use bulkhead_controller::{blast_ranking, blast_side};
use bulkhead_model::{EdgeKey, Peer, ServiceName};
use bulkhead_policy::{Compiler, Inventory, Listening, PolicySet, Reach, View};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    path::PathBuf,
};

/// Documents and an inventory, ready to be asked.
struct Asked {
    inventory: Inventory,
    compiler: Compiler,
    listening: Listening,
}

impl Asked {
    fn new<'e>(inventory: Inventory, seen: impl IntoIterator<Item = &'e EdgeKey>) -> Self {
        let listening = Listening::new(&inventory, seen);
        Self { inventory, compiler: Compiler::default(), listening }
    }

    fn reach(&mut self, set: &PolicySet, view: View) -> Reach {
        Reach::new(self.compiler.compile(set, &self.inventory, moment::now()), view)
    }

    fn side(&self, reach: &Reach, service: &ServiceName, hops: Option<u32>) -> Result<BlastSide> {
        let hops = hops.unwrap_or(u32::MAX);
        let book = self.compiler.book();
        blast_side(reach, book, &self.inventory, &self.listening, service, hops).ok_or_else(|| {
            Failure::new(Code::NotFound, format!("no document or manifest names the service '{service}'"))
                .into()
        })
    }
}

pub(super) fn radius(
    cx: &mut Context,
    paths: &[PathBuf],
    service: &ServiceName,
    hops: Option<u32>,
) -> Result<BlastRadius> {
    let files = Files::read(cx, paths)?;
    let _sign = Sign::new("following every way");
    let mut asked = Asked::new(inventory(&[&files], []), []);
    let (open, policy) = (asked.reach(&files.set, View::Open), asked.reach(&files.set, View::Now));
    let (now, under_policy) = (asked.side(&open, service, hops)?, asked.side(&policy, service, hops)?);
    let sentence = format!(
        "Whoever holds {service} reaches {} services without the policy, {} under it.",
        now.count.services, under_policy.count.services
    );
    Ok(BlastRadius { service: service.clone(), now, under_policy, sentence })
}

pub(super) fn ranking(cx: &mut Context, paths: &[PathBuf]) -> Result<BlastRanking> {
    let files = Files::read(cx, paths)?;
    let _sign = Sign::new("following every way");
    let mut asked = Asked::new(inventory(&[&files], []), []);
    let (open, policy) = (asked.reach(&files.set, View::Open), asked.reach(&files.set, View::Now));
    Ok(blast_ranking(&open, &policy, &asked.inventory, &asked.listening))
}

/// Under a candidate beside the documents of files or of the server. Services that none of them targets hold nothing back.
pub(super) async fn under_candidate(
    cx: &mut Context,
    args: &BlastRadiusArgs,
    service: &ServiceName,
) -> Result<BlastSide> {
    let candidate = Files::read(cx, &args.candidate)?;
    let (mut set, inventory, seen) = if args.files.is_empty() {
        let client = cx.client()?;
        let set = export::read(&client.policies().await?.items)?;
        let mut estate = waiting::during("asking for the services", export::estate(&client)).await?;
        candidate.set.named_services().iter().for_each(|name| estate.ensure(name));
        let edges = client.graph(&GraphQuery::default()).await?.edges;
        let answered = edges.into_iter().filter(|judged| judged.edge.counters.connections > 0);
        (set, estate, answered.map(|judged| judged.edge.key).collect())
    } else {
        let files = Files::read(cx, &args.files)?;
        let inventory = inventory(&[&files, &candidate], []);
        (files.set, inventory, Vec::new())
    };
    candidate.set.documents().for_each(|document| {
        set.insert(document);
    });
    let _sign = Sign::new("following every way");
    let mut asked = Asked::new(inventory, &seen);
    let whole = set.with_bystanders(&asked.inventory);
    let reach = asked.reach(&whole, View::Policy);
    asked.side(&reach, service, args.hops)
}

/// Ways as they are now; dotted where the policy, or the candidate in its place, takes them away.
pub(super) fn graph(screen: &mut Screen, answer: &Radius, notation: Notation) -> io::Result<()> {
    let radius = &answer.radius;
    let after = answer.under_candidate.as_ref().unwrap_or(&radius.under_policy);
    let of = |side: &BlastSide| -> BTreeMap<(Peer, Peer), String> {
        let ways = side.reached.iter().map(|reached| {
            let ports: Vec<String> =
                reached.ports.iter().map(|port| edges::port(port.protocol, port.port)).collect();
            ((reached.via.clone(), reached.peer.clone()), ports.join(", "))
        });
        ways.collect()
    };
    let (now, stays) = (of(&radius.now), of(after));
    let reached: BTreeSet<&Peer> = after.reached.iter().map(|reached| &reached.peer).collect();
    let own = Peer::Service(radius.service.clone());
    let peers: BTreeSet<&Peer> =
        now.keys().chain(stays.keys()).flat_map(|(from, to)| [from, to]).chain([&own]).collect();
    let numbers: BTreeMap<&Peer, usize> = peers.into_iter().zip(0..).collect();
    let quote = |text: &str| match notation {
        Notation::Dot => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        Notation::Mermaid => format!("\"{}\"", text.replace('#', "#35;").replace('"', "#quot;")),
    };
    writeln!(
        screen,
        "{}",
        if notation == Notation::Dot { "digraph blast_radius {\n  rankdir=LR;" } else { "graph LR" }
    )?;
    for (peer, number) in &numbers {
        let name = quote(&peer.to_string());
        let taken = **peer != own && !reached.contains(peer);
        match notation {
            Notation::Dot => {
                let style = if taken { ", style=dashed" } else { "" };
                writeln!(screen, "  n{number} [label={name}{style}];")?;
            }
            Notation::Mermaid => writeln!(screen, "  n{number}[{name}]")?,
        }
    }
    let all: BTreeMap<&(Peer, Peer), &String> = now.iter().chain(&stays).collect();
    for (way, ports) in all {
        let (from, to) = (numbers[&way.0], numbers[&way.1]);
        let stays = stays.contains_key(way);
        match notation {
            Notation::Dot => {
                let style = if stays { "" } else { ", style=dashed" };
                writeln!(screen, "  n{from} -> n{to} [label={}{style}];", quote(ports))?;
            }
            Notation::Mermaid => {
                let arrow = if stays { "-->" } else { "-.->" };
                let label = if ports.is_empty() { String::new() } else { format!("|{}|", quote(ports)) };
                writeln!(screen, "  n{from} {arrow}{label} n{to}")?;
            }
        }
    }
    if notation == Notation::Dot { writeln!(screen, "}}") } else { Ok(()) }
}
