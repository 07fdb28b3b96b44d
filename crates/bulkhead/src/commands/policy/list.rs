use super::DocumentName;
use crate::{
    commands::Context,
    exit::Code,
    output::{
        Cell, Column, Screen, Style, Table, amount, diff, format, format::OutputArgs, moment, structured,
    },
};
use anyhow::Result;
use bulkhead_api::{EffectivePolicy, EffectiveRule, Finding, HistoryQuery, Policy};
use bulkhead_model::{RuleOrigin, ServiceName, Timestamp};
use clap::Args;
use std::io::{self, Write};

/// List the policy documents
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only documents of this namespace
    #[arg(short, long)]
    namespace: Option<String>,

    /// Only documents of this origin: declared, user, imported or learned
    #[arg(long, value_parser = parse_origin)]
    origin: Option<RuleOrigin>,

    #[command(flatten)]
    output: OutputArgs,
}

/// Print a document as YAML that can be applied
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// namespace/name, as `policy list` shows it
    name: DocumentName,

    /// json: with what the controller knows about the document
    #[arg(short, long, value_enum, default_value = "yaml", value_name = "FORMAT")]
    output: ShowFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ShowFormat {
    Yaml,
    Json,
}

/// Show all rules that hold for a service, in deciding order, with how often each decided
#[derive(Debug, Args)]
pub(super) struct EffectiveArgs {
    /// The service: namespace/name
    service: ServiceName,
    #[command(flatten)]
    output: OutputArgs,
}

/// List the revisions of the policy: who changed what and when
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Show the differences too
    #[arg(short, long)]
    diff: bool,

    /// At most this many, the newest
    #[arg(short = 'n', long, value_name = "N", default_value = "20")]
    limit: u32,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn parse_origin(text: &str) -> Result<RuleOrigin, String> {
    [RuleOrigin::Declared, RuleOrigin::User, RuleOrigin::Imported, RuleOrigin::Learned]
        .into_iter()
        .find(|origin| origin.to_string() == text)
        .ok_or_else(|| format!("'{text}' is not an origin: expected declared, user, imported or learned"))
}

pub(super) fn keep(policies: &mut Vec<Policy>, namespace: Option<&str>, origin: Option<RuleOrigin>) {
    policies.retain(|p| namespace.is_none_or(|n| p.namespace == n) && origin.is_none_or(|o| p.origin == o));
}

pub(super) async fn list(cx: &mut Context, args: ListArgs) -> Result<Code> {
    let mut list = cx.client()?.policies().await?;
    keep(&mut list.items, args.namespace.as_deref(), args.origin);
    if !structured(&mut cx.screen, args.output.output, &list)? {
        if list.items.is_empty() {
            cx.screen
                .paragraph(0, "No policy documents. Learned ones appear when a service goes to monitor.")?;
        } else {
            table(&list.items, moment::now()).print(&mut cx.screen, args.output.output.is_wide())?;
            print_findings(&mut cx.screen, list.items.iter().flat_map(|policy| &policy.findings))?;
        }
    }
    Ok(Code::Success)
}

fn table(policies: &[Policy], now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::text("POLICY").shrinks_to(12),
        Column::text("ORIGIN"),
        Column::text("TARGET").shrinks_to(12),
        Column::text("MODE"),
        Column::number("IN"),
        Column::number("OUT"),
        Column::text("UPDATED").optional(),
        Column::text("BY").shrinks_to(6).optional(),
        Column::number("REVISION").wide_only(),
    ]);
    for policy in policies {
        table.row([
            format!("{}/{}", policy.namespace, policy.name).into(),
            policy.origin.to_string().into(),
            policy.target.as_str().into(),
            policy.mode.map_or("-".into(), |mode| Cell::styled(mode, mode.into())),
            policy.ingress_rules.to_string().into(),
            policy.egress_rules.to_string().into(),
            moment::ago(policy.updated, now).into(),
            policy.updated_by.as_str().into(),
            policy.revision.to_string().into(),
        ]);
    }
    table
}

/// What is allowed but probably not meant.
pub(super) fn print_findings<'a>(
    screen: &mut Screen,
    findings: impl IntoIterator<Item = &'a Finding>,
) -> io::Result<()> {
    for (n, finding) in findings.into_iter().enumerate() {
        if n == 0 {
            writeln!(screen)?;
        }
        screen.span(Style::Warning, &format!("‼ {}", finding.kind))?;
        writeln!(screen, " {}: {}", finding.rule, finding.message)?;
    }
    Ok(())
}

pub(super) async fn show(cx: &mut Context, args: ShowArgs) -> Result<Code> {
    let policy = cx.client()?.policy(&args.name.namespace, &args.name.name).await?;
    match args.output {
        ShowFormat::Yaml => cx.screen.write_all(policy.yaml.as_bytes())?,
        ShowFormat::Json => format::json(&mut cx.screen, &policy)?,
    }
    Ok(Code::Success)
}

pub(super) async fn effective(cx: &mut Context, args: EffectiveArgs) -> Result<Code> {
    let policy = cx.client()?.effective_policy(&args.service).await?;
    if !structured(&mut cx.screen, args.output.output, &policy)? {
        print_effective(&mut cx.screen, &policy, moment::now(), args.output.output.is_wide())?;
    }
    Ok(Code::Success)
}

fn print_effective(
    screen: &mut Screen,
    policy: &EffectivePolicy,
    now: Timestamp,
    wide: bool,
) -> io::Result<()> {
    write!(screen, "{} is in ", policy.service)?;
    screen.span(policy.mode.into(), &policy.mode.to_string())?;
    writeln!(screen, "; policy revision {}.", policy.revision)?;
    writeln!(screen, "The first rule that matches decides.")?;
    for (title, rules) in [("Ingress", &policy.ingress), ("Egress", &policy.egress)] {
        writeln!(screen)?;
        screen.line(Style::Bold, title)?;
        if rules.is_empty() {
            writeln!(screen, "no rule: everything is denied")?;
        } else {
            rules_table(rules, now).print(screen, wide)?;
        }
    }
    Ok(())
}

fn rules_table(rules: &[EffectiveRule], now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::number("NO"),
        Column::text("ACTION"),
        Column::text("RULE").shrinks_to(20),
        Column::text("ORIGIN"),
        Column::text("FROM POLICY").shrinks_to(12),
        Column::number("HITS"),
        Column::text("LAST HIT").optional(),
    ]);
    for (n, rule) in rules.iter().enumerate() {
        let info = &rule.rule;
        table.row([
            (n + 1).to_string().into(),
            if info.allow { "allow".into() } else { Cell::styled("deny", Style::Bad) },
            info.text.as_str().into(),
            info.origin.to_string().into(),
            format!("{}[{}]", info.policy, info.position).into(),
            amount::count(rule.hits).into(),
            rule.last_hit.map_or("never".into(), |t| moment::ago(t, now)).into(),
        ]);
    }
    table
}

pub(super) async fn history(cx: &mut Context, args: HistoryArgs) -> Result<Code> {
    let query = HistoryQuery { limit: Some(args.limit), after: None };
    let history = cx.client()?.policy_history(&query).await?;
    if structured(&mut cx.screen, args.output.output, &history)? {
        return Ok(Code::Success);
    }
    let now = moment::now();
    if args.diff {
        for revision in history.items.iter().rev() {
            let head = format!(
                "revision {} by {} {}: {}",
                revision.revision,
                revision.actor,
                moment::ago(revision.time, now),
                revision.summary
            );
            cx.screen.line(Style::Bold, &head)?;
            diff::print(&mut cx.screen, &revision.diff)?;
            writeln!(cx.screen)?;
        }
        return Ok(Code::Success);
    }
    let mut table = Table::new([
        Column::number("REVISION"),
        Column::text("WHEN"),
        Column::text("WHO").shrinks_to(8),
        Column::text("WHAT").shrinks_to(20),
    ]);
    for revision in history.items.iter().rev() {
        table.row([
            revision.revision.to_string().into(),
            moment::ago(revision.time, now).into(),
            revision.actor.as_str().into(),
            revision.summary.as_str().into(),
        ]);
    }
    table.print(&mut cx.screen, args.output.output.is_wide())?;
    Ok(Code::Success)
}
