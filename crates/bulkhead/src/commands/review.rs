use super::Context;
use crate::{
    exit::{Code, Failure},
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
    let query = ReviewQuery { service: args.service, all: args.all.then_some(true), limit: None };
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
        Column::text("ID"),
        Column::text("SERVICE").shrinks_to(12),
        Column::text("RULE").shrinks_to(16),
        Column::text("WHY LOOK").shrinks_to(8),
        Column::text("DECISION").optional(),
        Column::number("EDGES").wide_only(),
        Column::text("FULL ID").wide_only(),
    ]);
    for item in &list.items {
        let decision = item.decision.as_ref().map_or("-", |d| match d.decision {
            Decision::Accept => "accepted",
            Decision::Reject => "rejected",
            Decision::Attack => "attack",
            Decision::Undo => "-",
        });
        table.row([
            short(&item.id).into(),
            item.service.to_string().into(),
            format!("{} {}", item.direction, item.rule).into(),
            Cell::styled(item.flags.join(", "), Style::Warning),
            decision.into(),
            item.evidence.len().to_string().into(),
            item.id.as_str().into(),
        ]);
    }
    table
}

/// The rule's own identifier is as long as the rule. For people it is eight digits of a hash (FNV-1a, 64 bits folded to
/// 32), which stays the same as long as the rule does.
fn short(id: &str) -> String {
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}

/// The identifier that is meant: written in full, or as the list shows it.
fn resolve(list: &ReviewList, text: &str) -> Result<String> {
    let mut meant = list.items.iter().map(|item| &item.id).filter(|id| *id == text || short(id) == text);
    match (meant.next(), meant.next()) {
        (Some(id), None) => Ok(id.clone()),
        (None, _) => Err(Failure::new(Code::NotFound, format!("there is no learned rule '{text}'"))
            .remedy("list them: bulkhead review --all")
            .into()),
        (Some(_), Some(_)) => Err(Failure::new(Code::Invalid, format!("'{text}' may be more than one rule"))
            .remedy("write its id in full: bulkhead review -o wide")
            .into()),
    }
}

async fn decide(cx: &mut Context, command: DecisionCommand) -> Result<Code> {
    let client = cx.client()?;
    let known = client.review(&ReviewQuery { service: None, all: Some(true), limit: None }).await?;
    let (ids, decision, narrow) = match command {
        DecisionCommand::Accept { ids, narrow } => (ids, Decision::Accept, narrow),
        DecisionCommand::Reject { ids } => (ids, Decision::Reject, None),
        DecisionCommand::Attack { ids } => (ids, Decision::Attack, None),
        DecisionCommand::Undo { ids } => (ids, Decision::Undo, None),
    };
    let decisions = ids
        .iter()
        .map(|id| Ok(ReviewDecision { id: resolve(&known, id)?, decision, narrow: narrow.clone() }))
        .collect::<Result<_>>()?;
    let result = client.decide(&ReviewRequest { decisions }).await?;
    diff::print(&mut cx.screen, &result.diff)?;
    writeln!(cx.screen, "{} decided; the policy is at revision {}.", result.decided, result.revision)?;
    Ok(Code::Success)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulkhead_api::ReviewItem;
    use bulkhead_model::Direction;

    #[test]
    fn rules_are_named_by_short_numbers_or_in_full() {
        let item = |id: &str| ReviewItem {
            id: id.into(),
            service: "shop/redis".parse().expect("valid"),
            direction: Direction::Ingress,
            rule: String::new(),
            yaml: String::new(),
            evidence: Vec::new(),
            flags: Vec::new(),
            narrower: Vec::new(),
            decision: None,
        };
        let list = ReviewList { items: vec![item("a|ingress|b"), item("a|egress|b")], undecided: 2 };
        assert_eq!(short("a|ingress|b").len(), 8);
        assert_eq!(resolve(&list, &short("a|egress|b")).expect("known"), "a|egress|b");
        assert_eq!(resolve(&list, "a|ingress|b").expect("known"), "a|ingress|b");
        assert!(resolve(&list, "00000000").is_err());
    }
}
