//! `policy minimise`: the smallest documents that say the same.

use super::{
    export,
    files::{Files, inventory},
};
use crate::{
    commands::Context,
    exit::{Code, Failure},
    output::{Style, amount::plural, format::OutputArgs, moment, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::GraphQuery;
use bulkhead_policy::{ChangeKind, Document, Dropped, diff, minimise as smaller};
use clap::Args;
use serde::Serialize;
use std::{io::Write, path::PathBuf};

/// Print the smallest policy that says the same: without rules that others cover, and with rules joined that differ in one
/// thing
///
/// That both say the same of all flows is proved, also for services that are yet to come. Documents go to standard output,
/// what changes to standard error.
#[derive(Debug, Args)]
pub(super) struct MinimiseArgs {
    /// Take documents in files and directories instead of those of a server; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,

    /// Drop also what no connection on record needs; the result then allows less
    #[arg(long, conflicts_with = "files")]
    evidence: bool,

    /// Print only what changes
    #[arg(long)]
    diff: bool,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Serialize)]
struct Answer {
    rules_before: usize,
    rules_after: usize,
    dropped: Vec<Dropped>,
    /// The documents that change, as they are now; those that go are named with no text.
    documents: Vec<Changed>,
}

#[derive(Debug, Serialize)]
struct Changed {
    document: String,
    yaml: Option<String>,
}

pub(super) async fn minimise(cx: &mut Context, args: MinimiseArgs) -> Result<Code> {
    let mut edges = None;
    let (set, inventory) = if args.files.is_empty() {
        let client = cx.client()?;
        let set = export::read(&client.policies().await?.items)?;
        if args.evidence {
            let graph = client.graph(&GraphQuery::default()).await?;
            edges = Some(graph.edges.into_iter().map(|judged| judged.edge.key).collect::<Vec<_>>());
        }
        (set, waiting::during("asking for the services", export::estate(&client)).await?)
    } else {
        let files = Files::read(cx, &args.files)?;
        let (inventory, set) = (inventory(&[&files], []), files.set);
        (set, inventory)
    };
    let result = waiting::work("looking for the smallest policy that says the same", || {
        smaller(&set, &inventory, edges.as_deref(), moment::now())
    });
    if !result.equal {
        // It cannot be, unless there is a mistake in the search; then nothing is better than something wrong.
        return Err(Failure::new(Code::Failed, "the smaller policy would not say the same")
            .remedy("please report it with the documents; nothing was changed")
            .into());
    }
    let changes = diff(&set, &result.set);
    let answer = Answer {
        rules_before: result.before,
        rules_after: result.after,
        dropped: result.dropped,
        documents: changes
            .iter()
            .map(|change| Changed {
                document: change.key.to_string(),
                yaml: result.set.get(&change.key).map(|document| document.to_yaml()),
            })
            .collect(),
    };
    if structured(&mut cx.screen, args.output.output, &answer)? {
        return Ok(Code::Success);
    }
    if !args.diff {
        let documents: Vec<Document> = result.set.documents().collect();
        cx.screen.write_all(Document::join(&documents).as_bytes())?;
    }
    let mut lines = Vec::new();
    for change in &changes {
        let word = if change.kind == ChangeKind::Removed { "removed" } else { "changed" };
        lines.push((Style::Notice, format!("{word} {}", change.key)));
        for rule in &change.rules {
            let (sign, style) = if rule.added { ('+', Style::Good) } else { ('-', Style::Bad) };
            lines.push((style, format!("  {sign} {}: {}", rule.direction, rule.text)));
        }
    }
    let before = plural(answer.rules_before as u64, "rule");
    let proof =
        if args.evidence { "nothing that was seen needs more" } else { "they say the same of every flow" };
    lines.push((Style::Bold, format!("{before} become {}; {proof}", answer.rules_after)));
    for (style, line) in lines {
        if args.diff {
            cx.screen.line(style, &line)?;
        } else {
            cx.note(&line)?;
        }
    }
    Ok(Code::Success)
}
