//! Changes that somebody else decides on.

use super::apply;
use crate::{
    commands::Context,
    exit::Code,
    output::{Cell, Column, Screen, Style, Table, diff, format::OutputArgs, moment, structured},
};
use anyhow::Result;
use bulkhead_api::{ProposalDecision, ProposalDetail, ProposalList, ProposalQuery, ProposalState};
use clap::{Args, Subcommand};
use std::io::{self, Write};

/// List proposed changes, and decide on them
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct ProposalsArgs {
    #[command(subcommand)]
    command: Option<ProposalCommand>,

    /// With the decided ones too
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum ProposalCommand {
    /// Show a proposal, and what accepting it would do now
    Show {
        /// Its number, as the list shows it
        id: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Accept a proposal: its documents hold from then on
    Accept {
        id: String,
        /// Why, for the audit log
        #[arg(long)]
        reason: Option<String>,
        /// Take over documents that another set manages, or that were written by hand
        #[arg(long)]
        force_conflicts: bool,
        /// Do not ask, even if seen traffic would be denied
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Reject a proposal
    Reject {
        id: String,
        /// Why, for the audit log and for whoever made it
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Take a proposal of your own back
    Withdraw {
        id: String,
        #[command(flatten)]
        output: OutputArgs,
    },
}

pub(super) async fn run(cx: &mut Context, args: ProposalsArgs) -> Result<Code> {
    let client = cx.client()?;
    match args.command {
        None => {
            let list = client.proposals(&ProposalQuery { open: (!args.all).then_some(true) }).await?;
            if !structured(&mut cx.screen, args.output.output, &list)? {
                table(&mut cx.screen, &list, args.output.output.is_wide())?;
            }
        }
        Some(ProposalCommand::Show { id, output }) => {
            let detail = client.proposal(&id).await?;
            if !structured(&mut cx.screen, output.output, &detail)? {
                print(&mut cx.screen, &detail, output.output.is_wide())?;
            }
        }
        Some(ProposalCommand::Accept { id, reason, force_conflicts, yes, output }) => {
            let detail = client.proposal(&id).await?;
            let breaks = detail.preview.as_ref().is_some_and(|preview| !preview.would_break.is_empty());
            if !yes && breaks {
                if output.output.is_table() {
                    print(&mut cx.screen, &detail, output.output.is_wide())?;
                }
                let question = format!("Accept proposal {id} all the same?");
                if !cx.confirm(&question, "say --yes to do it without asking")? {
                    cx.note("nothing was changed")?;
                    return Ok(Code::Problems);
                }
            }
            let decision = ProposalDecision { accept: true, reason, force_conflicts };
            let decided = client.decide_proposal(&id, &decision).await?;
            let done = decided.preview.as_ref().map(|result| &*result.sentence).unwrap_or_default();
            told(cx, output, &decided, &format!("accepted. {done}"))?;
        }
        Some(ProposalCommand::Reject { id, reason, output }) => {
            let decision = ProposalDecision { accept: false, reason, force_conflicts: false };
            let decided = client.decide_proposal(&id, &decision).await?;
            told(cx, output, &decided, "rejected.")?;
        }
        Some(ProposalCommand::Withdraw { id, output }) => {
            let withdrawn = client.withdraw_proposal(&id).await?;
            told(cx, output, &withdrawn, "withdrawn.")?;
        }
    }
    Ok(Code::Success)
}

/// What became of a proposal: as data, or in one line.
fn told(cx: &mut Context, output: OutputArgs, detail: &ProposalDetail, done: &str) -> Result<()> {
    if !structured(&mut cx.screen, output.output, detail)? {
        writeln!(cx.screen, "Proposal {} is {done}", detail.proposal.id)?;
    }
    Ok(())
}

fn word(state: ProposalState) -> (&'static str, Style) {
    match state {
        ProposalState::Open => ("open", Style::Notice),
        ProposalState::Accepted => ("accepted", Style::Good),
        ProposalState::Rejected => ("rejected", Style::Bad),
        ProposalState::Withdrawn => ("withdrawn", Style::Dim),
    }
}

fn table(screen: &mut Screen, list: &ProposalList, wide: bool) -> io::Result<()> {
    if list.items.is_empty() {
        return writeln!(screen, "No proposal waits.");
    }
    let mut table = Table::new([
        Column::text("ID"),
        Column::text("STATE"),
        Column::text("TITLE").shrinks_to(16),
        Column::text("WHAT").shrinks_to(16),
        Column::text("BY").shrinks_to(8),
        Column::text("MADE"),
        Column::text("SET").wide_only(),
        Column::text("LINK").wide_only(),
    ]);
    for proposal in &list.items {
        let (state, style) = word(proposal.state);
        table.row([
            proposal.id.as_str().into(),
            Cell::styled(state, style),
            proposal.title.as_str().into(),
            proposal.summary.as_str().into(),
            proposal.created_by.as_str().into(),
            moment::ago(proposal.created, moment::now()).into(),
            proposal.set.as_deref().unwrap_or("-").into(),
            proposal.link.as_deref().unwrap_or("-").into(),
        ]);
    }
    table.print(screen, wide)
}

fn print(screen: &mut Screen, detail: &ProposalDetail, wide: bool) -> io::Result<()> {
    let proposal = &detail.proposal;
    let (state, style) = word(proposal.state);
    screen.line(Style::Bold, &format!("Proposal {}: {}", proposal.id, proposal.title))?;
    screen.span(style, state)?;
    writeln!(screen, ", by {} {}", proposal.created_by, moment::ago(proposal.created, moment::now()))?;
    if let Some(link) = &proposal.link {
        writeln!(screen, "{link}")?;
    }
    if let Some(decided) = &proposal.decided {
        writeln!(screen, "decided by {}: {}", decided.actor, decided.reason)?;
    }
    if let Some(obstacle) = &detail.obstacle {
        screen.line(Style::Bad, &format!("It cannot be accepted as it is: {obstacle}"))?;
    }
    if let Some(preview) = &detail.preview {
        writeln!(screen)?;
        diff::print(screen, &preview.diff)?;
        apply::print(screen, preview, wide)?;
    }
    Ok(())
}
