//! `bulkhead policy try`: a candidate beside the policy in force.

use super::{files, list};
use crate::{
    commands::{Context, documents::Joined},
    exit::Code,
    output::{
        Cell, Column, Format, Screen, Style, Table, amount::plural, edges, format::OutputArgs, moment,
        structured, waiting,
    },
};
use anyhow::Result;
use bulkhead_api::{
    Trial, TrialDetail, TrialEffect, TrialJudge, TrialRequest, TrialState,
    client::{Client, ClientError},
};
use bulkhead_model::RuleOrigin;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    time::Duration,
};

/// How often somebody who waits is told more.
const LOOK: Duration = Duration::from_secs(1);

/// Try documents beside the policy in force: count what they would deny and allow, and enforce nothing
///
/// Without a command: begins a trial. Waits for its end with --wait, or later with `policy try wait`; ends with 1 if
/// traffic that is expected would be denied.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct TryArgs {
    #[command(subcommand)]
    command: Option<TryCommand>,

    /// Files and directories with documents; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH", required = true)]
    files: Vec<PathBuf>,

    /// How long: 10m, 1h, 7d
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = moment::parse_duration)]
    time: Duration,

    /// A name for people
    #[arg(long)]
    name: Option<String>,

    /// Documents of the same origin that are not among these count as removed
    #[arg(long)]
    prune: bool,

    /// Where they come from: user; declared for CI/CD and GitOps; or imported [default: as they say]
    #[arg(long, value_parser = list::parse_origin)]
    origin: Option<RuleOrigin>,

    /// Which services to judge as if they enforced
    #[arg(long, value_enum, default_value = "changed")]
    judge: Judge,

    /// Wait for the end, and show what was found
    #[arg(long)]
    wait: bool,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Judge {
    /// Those that a changed document targets; the others in the mode that they are in
    Changed,
    /// None: every service in the mode that it would be in
    Modes,
    /// All
    Enforce,
}

#[derive(Debug, Subcommand)]
enum TryCommand {
    /// List trials, or show what one has found so far
    Show {
        /// Its number, as the list shows it
        id: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Wait for the end of a trial, and show what it has found
    Wait {
        id: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// End a trial before its time; remove one that has ended
    Stop {
        id: String,
        #[command(flatten)]
        output: OutputArgs,
    },
}

pub(super) async fn run(cx: &mut Context, args: TryArgs) -> Result<Code> {
    let client = cx.client()?;
    match args.command {
        None => begin(cx, &client, args).await,
        Some(TryCommand::Show { id: None, output }) => {
            let list = client.trials().await?;
            if !structured(&mut cx.screen, output.output, &list)? {
                table(&mut cx.screen, &list.items, output.output.is_wide())?;
            }
            Ok(Code::Success)
        }
        Some(TryCommand::Show { id: Some(id), output }) => {
            let detail = client.trial(&id).await?;
            told(cx, output.output, &detail)
        }
        Some(TryCommand::Wait { id, output }) => {
            let detail = wait(&client, &id).await?;
            told(cx, output.output, &detail)
        }
        Some(TryCommand::Stop { id, output }) => {
            let before = client.trial(&id).await?;
            client.stop_trial(&id).await?;
            match client.trial(&id).await {
                Ok(detail) => told(cx, output.output, &detail),
                Err(ClientError::Api(error)) if error.code == bulkhead_api::ErrorCode::NotFound => {
                    if !structured(&mut cx.screen, output.output, &before)? {
                        writeln!(cx.screen, "Trial {id} is removed.")?;
                    }
                    Ok(Code::Success)
                }
                Err(error) => Err(error.into()),
            }
        }
    }
}

async fn begin(cx: &mut Context, client: &Client, args: TryArgs) -> Result<Code> {
    let joined = Joined::new(&files::sources(cx, &args.files)?);
    let request = TrialRequest {
        documents: joined.text.clone(),
        seconds: args.time.as_secs().max(1),
        name: args.name,
        origin: args.origin,
        prune: args.prune,
        judge: match args.judge {
            Judge::Changed => TrialJudge::Changed,
            Judge::Modes => TrialJudge::Modes,
            Judge::Enforce => TrialJudge::Enforce,
        },
    };
    let begun = waiting::during("beginning the trial", client.begin_trial(&request)).await;
    let begun = begun.map_err(|error| joined.placed(error))?;
    let id = begun.trial.id.clone();
    if args.wait {
        let detail = wait(client, &id).await?;
        return told(cx, args.output.output, &detail);
    }
    if !structured(&mut cx.screen, args.output.output, &begun)? {
        cx.screen.paragraph(0, &format!("Trial {id} runs until {}; nothing is enforced by it. See what it finds: bulkhead policy try show {id}",
            moment::rfc3339(begun.trial.ends)))?;
    }
    Ok(Code::Success)
}

/// Waits for the end; shows how it goes where somebody looks.
async fn wait(client: &Client, id: &str) -> Result<TrialDetail> {
    let bar = io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new(100);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {msg}") {
            bar.set_style(style);
        }
        bar
    });
    loop {
        let detail = client.trial(id).await?;
        if detail.trial.state != TrialState::Running {
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
            return Ok(detail);
        }
        if let Some(bar) = &bar {
            let trial = &detail.trial;
            let whole = trial.ends.since(trial.started).as_secs().max(1);
            let passed = moment::now().since(trial.started).as_secs().min(whole);
            bar.set_position(passed * 100 / whole);
            bar.set_message(format!(
                "{} left; {} judged, {} would be denied, {} of them expected",
                moment::short(Duration::from_secs(whole - passed)),
                plural(trial.counts.connections, "connection"),
                trial.counts.would_deny,
                trial.counts.would_deny_expected
            ));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn word(state: TrialState) -> &'static str {
    match state {
        TrialState::Running => "running",
        TrialState::Finished => "finished",
        TrialState::Stopped => "stopped",
    }
}

fn table(screen: &mut Screen, trials: &[Trial], wide: bool) -> io::Result<()> {
    if trials.is_empty() {
        return screen.paragraph(0, "Nothing is tried. Begin: bulkhead policy try -f PATH --for 1h");
    }
    let mut table = Table::new([
        Column::text("ID"),
        Column::text("STATE"),
        Column::text("BEGAN"),
        Column::text("BY").shrinks_to(8),
        Column::number("JUDGED"),
        Column::number("EXPECTED, DENIED"),
        Column::number("DENIED"),
        Column::number("ALLOWED"),
        Column::text("NAME").shrinks_to(8).optional(),
    ]);
    for trial in trials {
        let style = if trial.denials_of_expected > 0 { Style::Bad } else { Style::Good };
        table.row([
            trial.id.as_str().into(),
            word(trial.state).into(),
            moment::ago(trial.started, moment::now()).into(),
            trial.started_by.as_str().into(),
            trial.counts.connections.to_string().into(),
            Cell::styled(trial.denials_of_expected, style),
            trial.counts.would_deny.to_string().into(),
            trial.counts.would_allow.to_string().into(),
            trial.name.as_deref().unwrap_or("-").into(),
        ]);
    }
    table.print(screen, wide)
}

fn told(cx: &mut Context, format: Format, detail: &TrialDetail) -> Result<Code> {
    if !structured(&mut cx.screen, format, detail)? {
        print(&mut cx.screen, detail, format.is_wide())?;
    }
    Ok(if detail.trial.denials_of_expected > 0 { Code::Problems } else { Code::Success })
}

fn print(screen: &mut Screen, detail: &TrialDetail, wide: bool) -> io::Result<()> {
    let trial = &detail.trial;
    let style = if trial.denials_of_expected > 0 { Style::Bad } else { Style::Good };
    screen.span(style, &trial.denials_of_expected.to_string())?;
    writeln!(screen, " denials of expected traffic ({})", word(trial.state))?;
    screen.paragraph(0, &trial.sentence)?;
    if trial.counts.not_judged > 0 {
        let text = format!(
            "{} not judged: external addresses were not told apart yet, or there were too many edges",
            plural(trial.counts.not_judged, "connection")
        );
        screen.line(Style::Dim, &text)?;
    }
    for (effect, title) in [
        (TrialEffect::WouldDeny, "Would be denied:"),
        (TrialEffect::WouldAllow, "Was denied, and would pass:"),
    ] {
        let mut table = Table::new([
            Column::text("EDGE").shrinks_to(24),
            Column::number("TIMES"),
            Column::text("EXPECTED").shrinks_to(8),
            Column::text("RULE").shrinks_to(10),
            Column::text("FIRST").optional(),
            Column::text("LAST").optional(),
            Column::text("WHY").wide_only(),
        ]);
        let now = moment::now();
        for edge in detail.edges.iter().filter(|edge| edge.effect == effect) {
            let expected = match (effect, edge.expected) {
                (TrialEffect::WouldAllow, _) => Cell::styled("-", Style::Dim),
                (_, true) => Cell::styled("yes", Style::Bad),
                (_, false) => Cell::styled("no", Style::Good),
            };
            table.row([
                edges::arrow(&edge.edge).into(),
                edge.connections.to_string().into(),
                expected,
                edges::rule(edge.rule.as_ref()).into(),
                moment::ago(edge.first_seen, now).into(),
                moment::ago(edge.last_seen, now).into(),
                edge.because.as_str().into(),
            ]);
        }
        if !table.is_empty() {
            writeln!(screen)?;
            screen.line(Style::Bold, title)?;
            table.print(screen, wide)?;
        }
    }
    Ok(())
}
