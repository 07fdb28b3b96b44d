//! `mode`, `promote`, `quarantine` and `automation`: what is done with the connections of a service.

use super::{Context, documents};
use crate::{
    exit::{Code, Failure},
    output::{
        Column, Format, Screen, Style, Table, diff, edges, format::OutputArgs, moment, structured, waiting,
    },
};
use anyhow::Result;
use bulkhead_api::{
    Automation, AutomationRules, ModeChange, Profile, PromotionPreview, PromotionQuery, QuarantineRequest,
    ServiceSummary, client::Client,
};
use bulkhead_model::{Mode, ServiceName};
use clap::{Args, ValueEnum};
use std::{
    io::{self, Write},
    path::PathBuf,
};

pub(super) fn parse(text: &str) -> Result<Mode, String> {
    text.parse().map_err(|error: bulkhead_model::UnknownMode| error.to_string())
}

/// Change the mode of a service: learn, monitor or enforce
///
/// Shows first what the mode would deny of the traffic seen so far, and asks if it is anything.
#[derive(Debug, Args)]
pub(crate) struct ModeArgs {
    /// The service: namespace/name
    service: ServiceName,

    /// learn: everything passes; monitor: reports what would be denied; enforce: only what the policy allows passes
    #[arg(value_parser = parse)]
    mode: Mode,

    #[command(flatten)]
    change: ChangeArgs,
}

/// Move a service one mode on: learn to monitor, monitor to enforce
///
/// Shows first what would be denied of the traffic seen so far, and asks if it is anything.
#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// The service: namespace/name
    service: ServiceName,

    /// Go to this mode at once
    #[arg(long, value_parser = parse)]
    to: Option<Mode>,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
struct ChangeArgs {
    /// Only show what would be denied; ends with 1 if anything would
    #[arg(long)]
    dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    #[command(flatten)]
    output: OutputArgs,
}

/// Cut a service off: nothing passes, whatever the policy says
#[derive(Debug, Args)]
pub(crate) struct QuarantineArgs {
    /// The service: namespace/name
    service: ServiceName,

    /// End the quarantine; the mode before it holds again
    #[arg(long)]
    lift: bool,

    /// Why, for the audit log
    #[arg(long, value_name = "TEXT", conflicts_with = "lift")]
    reason: Option<String>,

    #[command(flatten)]
    output: OutputArgs,
}

/// Show which services are promoted on evidence alone, and change that: for one service, or by rules
#[derive(Debug, Args)]
pub(crate) struct AutomationArgs {
    /// The service: namespace/name; without one, the rules for all services
    service: Option<ServiceName>,

    /// Whether to promote it without being asked; without this, shows whether it is
    #[arg(value_enum)]
    switch: Option<Switch>,

    /// Replace the rules by those in this file, written as `-o yaml` shows them; `-` is standard input
    #[arg(short, long, value_name = "FILE", conflicts_with = "service")]
    file: Option<PathBuf>,

    /// How much evidence to ask for: fast, default or strict
    #[arg(long, default_value = "default", value_parser = parse_profile)]
    profile: Profile,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

pub(super) fn parse_profile(text: &str) -> Result<Profile, String> {
    text.parse().map_err(|error: bulkhead_api::UnknownProfile| error.to_string())
}

pub(crate) async fn run(cx: &mut Context, args: ModeArgs) -> Result<Code> {
    let client = cx.client()?;
    if args.mode == Mode::Quarantine {
        return Err(Failure::new(Code::Usage, "quarantine has a command of its own")
            .remedy(format!("bulkhead quarantine {}", args.service))
            .into());
    }
    change(cx, &client, &args.service, args.mode, args.change).await
}

pub(crate) async fn promote(cx: &mut Context, args: PromoteArgs) -> Result<Code> {
    let client = cx.client()?;
    let to = match args.to {
        Some(mode) => mode,
        None => match client.service(&args.service).await?.summary.mode {
            Mode::Learn => Mode::Monitor,
            Mode::Monitor => Mode::Enforce,
            mode => {
                return Err(Failure::new(Code::Invalid, format!("{} is in {mode} already", args.service))
                    .remedy("choose a mode yourself: bulkhead mode SERVICE MODE")
                    .into());
            }
        },
    };
    change(cx, &client, &args.service, to, args.change).await
}

async fn change(
    cx: &mut Context,
    client: &Client,
    service: &ServiceName,
    to: Mode,
    args: ChangeArgs,
) -> Result<Code> {
    let format = args.output.output;
    // Nothing is denied in Learn: there is nothing to look ahead to.
    if args.dry_run || (to != Mode::Learn && !args.yes) {
        let query = PromotionQuery { to };
        let preview = waiting::during("looking ahead", client.promotion(service, &query)).await?;
        let would_deny = preview.would_deny.len();
        if args.dry_run {
            if !structured(&mut cx.screen, format, &preview)? {
                print_preview(&mut cx.screen, &preview, format.is_wide())?;
            }
            return Ok(if would_deny == 0 { Code::Success } else { Code::Problems });
        }
        if would_deny > 0 {
            if format.is_table() {
                print_preview(&mut cx.screen, &preview, format.is_wide())?;
            }
            let question = format!("Put {service} into {to}?");
            if !cx.confirm(&question, "say --yes to do it without asking, or look first with --dry-run")? {
                cx.note("nothing was changed")?;
                return Ok(Code::Problems);
            }
        }
    }
    let change = ModeChange { mode: to, reason: args.reason };
    let summary = waiting::during("changing the mode", client.set_mode(service, &change)).await?;
    told(cx, format, &summary)
}

fn print_preview(screen: &mut Screen, preview: &PromotionPreview, wide: bool) -> io::Result<()> {
    screen.line(Style::Bold, &format!("{}: {} → {}", preview.service, preview.from, preview.to))?;
    screen.paragraph(0, &preview.sentence)?;
    for gate in preview.learning.gates.iter().filter(|gate| !gate.armed) {
        screen.item_at(0, Style::Warning, "‼", &format!("{}: {}", gate.name, gate.sentence))?;
    }
    writeln!(screen)?;
    if preview.would_deny.is_empty() {
        screen.line(Style::Good, "Nothing that was seen would be denied.")?;
    } else {
        let denied = if preview.to.drops() { "would be denied" } else { "would be reported as would-deny" };
        screen.line(Style::Warning, &format!("Of what was seen, this {denied}:"))?;
        edges::table(&preview.would_deny, moment::now()).print(screen, wide)?;
    }
    if !preview.diff.is_empty() {
        writeln!(screen)?;
        screen.line(Style::Bold, "The policy would change:")?;
        diff::print(screen, &preview.diff)?;
    }
    Ok(())
}

pub(crate) async fn quarantine(cx: &mut Context, args: QuarantineArgs) -> Result<Code> {
    let client = cx.client()?;
    let summary = if args.lift {
        client.release(&args.service).await?
    } else {
        client.quarantine(&args.service, &QuarantineRequest { reason: args.reason }).await?
    };
    told(cx, args.output.output, &summary)
}

pub(crate) async fn automation(cx: &mut Context, args: AutomationArgs) -> Result<Code> {
    let client = cx.client()?;
    let Some(service) = args.service else {
        let rules = match args.file {
            None => client.automation().await?,
            Some(path) => {
                let text = documents::read(&path)?;
                let wanted = serde_saphyr::from_str(&text).map_err(|error| {
                    Failure::new(Code::Invalid, format!("{}: {error}", path.display()))
                        .remedy("write it as bulkhead automation -o yaml shows it")
                })?;
                client.put_automation(&wanted).await?
            }
        };
        return rules_told(cx, args.output.output, &rules);
    };
    let summary = match args.switch {
        None => client.service(&service).await?.summary,
        Some(switch) => {
            let automation = Automation { automatic: switch == Switch::On, profile: args.profile };
            client.set_automation(&service, &automation).await?
        }
    };
    if !structured(&mut cx.screen, args.output.output, &summary)? {
        let how = if summary.automation.automatic {
            format!("is promoted on evidence (profile {})", summary.automation.profile)
        } else {
            "is promoted by hand".to_owned()
        };
        cx.screen.paragraph(0, &format!("{} {how}. {}", summary.name, summary.learning.sentence))?;
    }
    Ok(Code::Success)
}

fn rules_told(cx: &mut Context, format: Format, rules: &AutomationRules) -> Result<Code> {
    if structured(&mut cx.screen, format, rules)? {
        return Ok(Code::Success);
    }
    let how = |automatic: bool, profile: Profile| match automatic {
        true => format!("on evidence ({profile})"),
        false => "by hand".to_owned(),
    };
    let mut table = Table::new([Column::text("SERVICES").shrinks_to(20), Column::text("PROMOTED")]);
    for setting in &rules.by_hand {
        let automation = setting.automation;
        table.row([setting.service.to_string().into(), how(automation.automatic, automation.profile).into()]);
    }
    for rule in &rules.rules {
        let labels = rule.labels.iter().map(|(key, value)| format!("{key}={value}"));
        let named = [("namespace", &rule.namespace), ("zone", &rule.zone)].into_iter();
        let named = named.filter_map(|(what, name)| Some(format!("{what} {}", name.as_ref()?)));
        let who: Vec<String> = named.chain(labels).collect();
        let who = if who.is_empty() { "all".to_owned() } else { who.join(", ") };
        table.row([who.into(), how(rule.automatic, rule.profile).into()]);
    }
    table.row(["all others".into(), how(rules.automatic, rules.profile).into()]);
    table.print(&mut cx.screen, format.is_wide())?;
    Ok(Code::Success)
}

fn told(cx: &mut Context, format: Format, summary: &ServiceSummary) -> Result<Code> {
    if !structured(&mut cx.screen, format, summary)? {
        write!(cx.screen, "{} is in ", summary.name)?;
        cx.screen.span(summary.mode.into(), &summary.mode.to_string())?;
        let means = match summary.mode {
            Mode::Learn => "everything passes and is learned",
            Mode::Monitor => "everything passes; what the policy would deny is reported",
            Mode::Enforce => "only what its policy allows passes",
            Mode::Quarantine => "nothing passes; end it with --lift",
        };
        writeln!(cx.screen, ": {means}.")?;
    }
    Ok(Code::Success)
}
