//! What changes the policy, and what such a change would do.

use super::{DocumentName, difference, files, list};
use crate::{
    commands::{Context, documents::Joined, each},
    exit::Code,
    output::{
        Cell, Column, Format, Screen, Style, Table, diff, edges,
        format::{List, OutputArgs},
        moment, structured, waiting,
    },
};
use anyhow::Result;
use bulkhead_api::{
    ApplyRequest, ApplyResult, ChangeAction, ProposalRequest, RestoreRequest, client::Client,
};
use bulkhead_model::RuleOrigin;
use clap::Args;
use std::{
    io::{self, Write},
    path::PathBuf,
};

/// Apply documents: all of them hold from then on, or none
///
/// Says first what seen traffic would be denied by them, and asks if it is any.
#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    sources: Sources,

    /// Say what would happen, and change nothing; ends with 1 if seen traffic would be denied
    #[arg(long)]
    dry_run: bool,

    /// Propose it, for an operator to accept or reject; all that a token of the role proposer may do
    #[arg(long, conflicts_with = "dry_run")]
    propose: bool,

    /// What a proposal is about, in one line
    #[arg(
        long,
        requires = "propose",
        value_name = "TEXT",
        default_value_if("propose", "true", "proposed by bulkhead policy apply")
    )]
    title: Option<String>,

    /// Where a proposal comes from: the address of a merge request or pipeline
    #[arg(long, requires = "propose", value_name = "URL")]
    link: Option<String>,

    /// Do not ask, even if seen traffic would be denied
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// Show how documents differ from the policy in force, or from other documents
///
/// With -f: from the policy of the server, and whose traffic they would change. With two paths: which documents, rules
/// and flows differ between them, without a server. Ends with 1 if there is any difference.
#[derive(Debug, Args)]
#[command(override_usage = "bulkhead policy diff [OPTIONS] <BEFORE> <AFTER>\n       \
                            bulkhead policy diff [OPTIONS] --file <PATH>...")]
pub(super) struct DiffArgs {
    /// File or directory with the documents before
    #[arg(requires = "after", conflicts_with = "files", required_unless_present = "files")]
    before: Option<PathBuf>,

    /// File or directory with the documents after
    after: Option<PathBuf>,

    /// Files and directories with documents to compare with the policy in force; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,

    /// Documents of the same origin that are not among these count as removed
    #[arg(long, requires = "files")]
    prune: bool,

    /// Compare with the documents of this set when --prune is given
    #[arg(long, value_name = "NAME", requires = "files")]
    set: Option<String>,

    /// Where they come from: user; declared for CI/CD and GitOps; or imported
    #[arg(long, default_value = "user", value_parser = list::parse_origin)]
    origin: RuleOrigin,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct Sources {
    /// Files and directories with documents; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH", required = true)]
    files: Vec<PathBuf>,

    /// Remove documents of the set that are not among these; without --set, those of the same origin that no set manages
    #[arg(long)]
    prune: bool,

    /// Where they come from: user; declared for CI/CD and GitOps; or imported
    #[arg(long, default_value = "user", value_parser = list::parse_origin)]
    origin: RuleOrigin,

    /// The set that manages these documents from then on, like a repository: nobody else changes them by mistake
    #[arg(long, value_name = "NAME")]
    set: Option<String>,

    /// Take over documents that another set manages, or that were written by hand
    #[arg(long)]
    force_conflicts: bool,
}

/// Delete documents
#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// namespace/name, as `policy list` shows it
    #[arg(required = true)]
    names: Vec<DocumentName>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// Make an earlier revision of the whole policy hold again
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// Its number, as `policy history` shows it
    revision: u64,

    /// Say what would happen, and change nothing; ends with 1 if seen traffic would be denied
    #[arg(long)]
    dry_run: bool,

    /// Do not ask, even if seen traffic would be denied
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    output: OutputArgs,
}

async fn send(client: &Client, sources: &Sources, joined: &Joined, dry_run: bool) -> Result<ApplyResult> {
    let request = ApplyRequest {
        documents: joined.text.clone(),
        dry_run,
        prune: sources.prune,
        origin: Some(sources.origin),
        set: sources.set.clone(),
        force_conflicts: sources.force_conflicts,
        file: None,
    };
    let what = if dry_run { "looking ahead" } else { "applying" };
    waiting::during(what, client.apply(&request)).await.map_err(|error| joined.placed(error))
}

async fn propose(cx: &mut Context, args: ApplyArgs, joined: &Joined) -> Result<Code> {
    let request = ProposalRequest {
        title: args.title.unwrap_or_default(),
        link: args.link,
        documents: joined.text.clone(),
        prune: args.sources.prune,
        origin: Some(args.sources.origin),
        set: args.sources.set,
        force_conflicts: args.sources.force_conflicts,
        file: None,
    };
    let client = cx.client()?;
    let made = waiting::during("proposing", client.propose(&request)).await;
    let made = made.map_err(|error| joined.placed(error))?;
    let format = args.output.output;
    if !structured(&mut cx.screen, format, &made)? {
        if let Some(preview) = &made.preview {
            print(&mut cx.screen, preview, format.is_wide())?;
        }
        let id = &made.proposal.id;
        cx.screen.paragraph(
            0,
            &format!("Proposal {id} waits for an operator: bulkhead policy proposals accept {id}"),
        )?;
    }
    Ok(Code::Success)
}

pub(super) async fn apply(cx: &mut Context, args: ApplyArgs) -> Result<Code> {
    let joined = Joined::new(&files::sources(cx, &args.sources.files)?);
    if args.propose {
        return propose(cx, args, &joined).await;
    }
    let client = cx.client()?;
    let format = args.output.output;
    if args.dry_run || !args.yes {
        let preview = send(&client, &args.sources, &joined, true).await?;
        if args.dry_run {
            return told(cx, format, &preview);
        }
        let question = "Apply it all the same?";
        if !preview.would_break.is_empty() && !agreed(cx, format, &preview, question)? {
            return Ok(Code::Problems);
        }
    }
    let result = send(&client, &args.sources, &joined, false).await?;
    told(cx, format, &result)
}

pub(super) async fn restore(cx: &mut Context, args: RestoreArgs) -> Result<Code> {
    let client = cx.client()?;
    let format = args.output.output;
    if args.dry_run || !args.yes {
        let preview = client.restore(&RestoreRequest { revision: args.revision, dry_run: true }).await?;
        if args.dry_run {
            return told(cx, format, &preview);
        }
        let question = format!("Restore revision {} all the same?", args.revision);
        if !preview.would_break.is_empty() && !agreed(cx, format, &preview, &question)? {
            return Ok(Code::Problems);
        }
    }
    let result = client.restore(&RestoreRequest { revision: args.revision, dry_run: false }).await?;
    told(cx, format, &result)
}

fn agreed(cx: &mut Context, format: Format, preview: &ApplyResult, question: &str) -> Result<bool> {
    if format.is_table() {
        print(&mut cx.screen, preview, format.is_wide())?;
    }
    let agreed = cx.confirm(question, "say --yes to do it without asking, or look first with --dry-run")?;
    if !agreed {
        cx.note("nothing was changed")?;
    }
    Ok(agreed)
}

pub(super) async fn diff(cx: &mut Context, args: DiffArgs) -> Result<Code> {
    if let (Some(before), Some(after)) = (args.before, args.after) {
        return difference::run(cx, before, after, args.output);
    }
    let sources = Sources {
        files: args.files,
        prune: args.prune,
        origin: args.origin,
        set: args.set,
        // A difference is told, whoever may make it.
        force_conflicts: true,
    };
    let joined = Joined::new(&files::sources(cx, &sources.files)?);
    let result = send(&cx.client()?, &sources, &joined, true).await?;
    if !structured(&mut cx.screen, args.output.output, &result)? {
        diff::print(&mut cx.screen, &result.diff)?;
        if !result.verdict_changes.is_empty() {
            writeln!(cx.screen)?;
            edges::print_changes(&mut cx.screen, &result.verdict_changes, args.output.output.is_wide())?;
        }
        cx.screen.paragraph(0, &result.sentence)?;
    }
    let same = result.changes.iter().all(|change| change.action == ChangeAction::Unchanged);
    Ok(if same { Code::Success } else { Code::Problems })
}

pub(super) async fn delete(cx: &mut Context, args: DeleteArgs) -> Result<Code> {
    let client = cx.client()?;
    let names: Vec<_> = args.names.iter().map(ToString::to_string).collect();
    let question = format!("Delete {}?", names.join(", "));
    if !args.yes && !cx.confirm(&question, "say --yes to do it without asking")? {
        cx.note("nothing was changed")?;
        return Ok(Code::Problems);
    }
    let (deleted, result) = each(&args.names, async |name: &DocumentName| {
        Ok(client.delete_policy(&name.namespace, &name.name).await?)
    })
    .await;
    let deleted = List { items: deleted };
    if !structured(&mut cx.screen, args.output.output, &deleted)? {
        for (name, result) in args.names.iter().zip(&deleted.items) {
            cx.screen.paragraph(0, &format!("{name} is deleted. {}", result.sentence))?;
        }
    }
    result?;
    Ok(Code::Success)
}

/// Prints the result; a dry run that would break something is a problem.
fn told(cx: &mut Context, format: Format, result: &ApplyResult) -> Result<Code> {
    if !structured(&mut cx.screen, format, result)? {
        print(&mut cx.screen, result, format.is_wide())?;
    }
    Ok(if result.dry_run && !result.would_break.is_empty() { Code::Problems } else { Code::Success })
}

pub(super) fn print(screen: &mut Screen, result: &ApplyResult, wide: bool) -> io::Result<()> {
    let mut table = Table::new([
        Column::text("CHANGE"),
        Column::text("POLICY").shrinks_to(12),
        Column::text("ORIGIN"),
        Column::text("WHAT").shrinks_to(16),
    ]);
    for change in &result.changes {
        let (word, style) = match change.action {
            ChangeAction::Created => ("created", Style::Good),
            ChangeAction::Updated => ("updated", Style::Notice),
            ChangeAction::Deleted => ("deleted", Style::Bad),
            ChangeAction::Unchanged => ("unchanged", Style::Dim),
        };
        table.row([
            Cell::styled(word, style),
            format!("{}/{}", change.namespace, change.name).into(),
            change.origin.to_string().into(),
            change.summary.as_str().into(),
        ]);
    }
    if !table.is_empty() {
        table.print(screen, wide)?;
    }
    if !result.would_break.is_empty() {
        writeln!(screen)?;
        screen.line(Style::Warning, "Of what was seen, this passes now and is denied with it:")?;
        edges::table(&result.would_break, moment::now()).print(screen, wide)?;
    }
    list::print_findings(screen, &result.findings)?;
    let done = if result.dry_run { "Nothing was changed. " } else { "" };
    screen.paragraph(0, &format!("{done}{}", result.sentence))
}
