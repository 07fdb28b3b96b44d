use super::{Context, documents};
use crate::{
    exit::{Code, Failure},
    output::{Cell, Column, Style, Table, diff, format::OutputArgs, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::{Decision, ReviewDecision, ReviewList, ReviewPattern, ReviewQuery, ReviewRequest};
use bulkhead_model::ServiceName;
use clap::{Args, Subcommand};
use std::{io::Write, path::PathBuf};

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
        #[command(flatten)]
        which: WhichArgs,
        /// Accept this narrower rule in its place (see -o yaml)
        #[arg(long, value_name = "ID", conflicts_with = "rule")]
        narrow: Option<String>,
        /// Accept the rule in this file in its place, written as -o yaml shows the item's; it may allow less than the
        /// learned one, and nothing more; `-` is standard input
        #[arg(long, value_name = "FILE")]
        rule: Option<PathBuf>,
    },
    /// It is not to be allowed
    Reject {
        #[command(flatten)]
        which: WhichArgs,
    },
    /// It is an attack: never learn it, report it as such
    Attack {
        #[command(flatten)]
        which: WhichArgs,
    },
    /// Take a decision back
    Undo {
        #[command(flatten)]
        which: WhichArgs,
    },
}

/// Which rules are decided: by number, or all that fit.
#[derive(Debug, Args)]
struct WhichArgs {
    /// Numbers of the list
    #[arg(required_unless_present_any = ["service", "peer", "port", "flag"])]
    ids: Vec<String>,

    /// All rules of services like this: shop/web, 'shop/*'
    #[arg(long, value_name = "PATTERN")]
    service: Option<String>,

    /// All rules whose peer is like this: world, 'shop/*', '203.0.113.*', '*.example.com'
    #[arg(long, value_name = "PATTERN")]
    peer: Option<String>,

    /// All rules on this port
    #[arg(long)]
    port: Option<u16>,

    /// All rules with a flag that says this: scan, declared, open-ended
    #[arg(long, value_name = "TEXT")]
    flag: Option<String>,

    /// Of those that fit, the ones that are decided too
    #[arg(long)]
    decided: bool,

    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    output: OutputArgs,
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
        writeln!(cx.screen)?;
        let decide = "Decide: bulkhead review accept ID, reject ID or attack ID.";
        cx.screen.paragraph(0, &format!("{} undecided. {decide}", list.undecided))?;
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
    let (which, decision, narrow, rule) = match command {
        DecisionCommand::Accept { which, narrow, rule } => (which, Decision::Accept, narrow, rule),
        DecisionCommand::Reject { which } => (which, Decision::Reject, None, None),
        DecisionCommand::Attack { which } => (which, Decision::Attack, None, None),
        DecisionCommand::Undo { which } => (which, Decision::Undo, None, None),
    };
    if which.ids.is_empty() && (narrow.is_some() || rule.is_some()) {
        return Err(Failure::new(Code::Usage, "one rule is narrowed at a time")
            .remedy("name it by its number: bulkhead review")
            .into());
    }
    let rule = rule.map(|path| documents::read(&path)).transpose()?;
    let mut decisions = Vec::new();
    if !which.ids.is_empty() {
        let known = client.review(&ReviewQuery { service: None, all: Some(true), limit: None }).await?;
        for id in &which.ids {
            let id = resolve(&known, id)?;
            decisions.push(ReviewDecision { id, decision, narrow: narrow.clone(), rule: rule.clone() });
        }
    }
    let by_pattern =
        which.service.is_some() || which.peer.is_some() || which.port.is_some() || which.flag.is_some();
    let pattern = by_pattern.then_some(ReviewPattern {
        decision,
        service: which.service,
        peer: which.peer,
        direction: None,
        port: which.port,
        kind: None,
        flag: which.flag,
        decided: which.decided,
    });
    let request = ReviewRequest { decisions, pattern, dry_run: which.dry_run };
    let result = client.decide(&request).await?;
    if structured(&mut cx.screen, which.output.output, &result)? {
        return Ok(Code::Success);
    }
    diff::print(&mut cx.screen, &result.diff)?;
    match result.dry_run {
        true => writeln!(cx.screen, "{} would be decided. Nothing was changed.", result.decided)?,
        false => {
            writeln!(
                cx.screen,
                "{} decided; the policy is at revision {}.",
                result.decided, result.revision
            )?;
        }
    }
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
            kind: bulkhead_api::ReviewKind::Learned,
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
