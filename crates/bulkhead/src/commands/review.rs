use super::Context;
use crate::{
    exit::Code,
    output::{Cell, Column, Style, Table, diff, format::OutputArgs, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::{Decision, ReviewDecision, ReviewList, ReviewQuery, ReviewRequest};
use bulkhead_model::ServiceName;
use clap::{Args, Subcommand};
use std::io::Write;

/// List the learned rules that wait for a decision, and decide
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ReviewArgs {
    #[command(subcommand)]
    decision: Option<DecisionCommand>,

    /// Only rules of this service
    #[arg(short, long)]
    service: Option<ServiceName>,

    /// With the decided ones too
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum DecisionCommand {
    /// It belongs there: allow it by a rule of your own
    Accept {
        /// Numbers of the list
        #[arg(required = true)]
        ids: Vec<String>,
        /// Accept this narrower rule in its place (see -o yaml)
        #[arg(long, value_name = "ID")]
        narrow: Option<String>,
    },
    /// It is not to be allowed
    Reject {
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// It is an attack: never learn it, report it as such
    Attack {
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Take a decision back
    Undo {
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

pub(crate) async fn run(cx: &mut Context, args: ReviewArgs) -> Result<Code> {
    if let Some(decision) = args.decision {
        return decide(cx, decision).await;
    }
    let client = cx.client()?;
    let query = ReviewQuery { service: args.service, all: args.all.then_some(true) };
    let list = waiting::during("asking for the rules", client.review(&query)).await?;
    if structured(&mut cx.screen, args.output.output, &list)? {
        return Ok(Code::Success);
    }
    if list.items.is_empty() {
        writeln!(cx.screen, "Nothing waits for a decision.")?;
    } else {
        table(&list).print(&mut cx.screen, args.output.output.is_wide())?;
        writeln!(
            cx.screen,
            "\n{} undecided. Decide: bulkhead review accept ID, reject ID or attack ID.",
            list.undecided
        )?;
    }
    Ok(Code::Success)
}

fn table(list: &ReviewList) -> Table {
    let mut table = Table::new([
        Column::text("ID").shrinks_to(8),
        Column::text("SERVICE").shrinks_to(12),
        Column::text("RULE").shrinks_to(16),
        Column::text("WHY LOOK").shrinks_to(8),
        Column::text("DECISION").optional(),
        Column::number("EDGES").wide_only(),
    ]);
    for item in &list.items {
        let decision = item.decision.as_ref().map_or("-", |d| match d.decision {
            Decision::Accept => "accepted",
            Decision::Reject => "rejected",
            Decision::Attack => "attack",
            Decision::Undo => "-",
        });
        table.row([
            item.id.as_str().into(),
            item.service.to_string().into(),
            format!("{} {}", item.direction, item.rule).into(),
            Cell::styled(item.flags.join(", "), Style::Warning),
            decision.into(),
            item.evidence.len().to_string().into(),
        ]);
    }
    table
}

async fn decide(cx: &mut Context, command: DecisionCommand) -> Result<Code> {
    let (ids, decision, narrow) = match command {
        DecisionCommand::Accept { ids, narrow } => (ids, Decision::Accept, narrow),
        DecisionCommand::Reject { ids } => (ids, Decision::Reject, None),
        DecisionCommand::Attack { ids } => (ids, Decision::Attack, None),
        DecisionCommand::Undo { ids } => (ids, Decision::Undo, None),
    };
    let decisions =
        ids.into_iter().map(|id| ReviewDecision { id, decision, narrow: narrow.clone() }).collect();
    let result = cx.client()?.decide(&ReviewRequest { decisions }).await?;
    diff::print(&mut cx.screen, &result.diff)?;
    writeln!(cx.screen, "{} decided; the policy is at revision {}.", result.decided, result.revision)?;
    Ok(Code::Success)
}
