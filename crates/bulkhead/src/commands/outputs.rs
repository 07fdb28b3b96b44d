use super::{Context, documents};
use crate::{
    exit::{Code, Failure},
    output::{Cell, Column, Format, Style, Table, format::OutputArgs, moment, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::{OutputTarget, Outputs};
use bulkhead_model::Timestamp;
use clap::{Args, Subcommand};
use std::{io::Write, path::PathBuf};

/// Manage the systems that events are sent to: syslog and webhooks
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct OutputsArgs {
    #[command(subcommand)]
    command: Option<OutputsCommand>,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum OutputsCommand {
    /// Replace all of them by those of a file; begin with `bulkhead outputs -o yaml > outputs.yaml`
    Set {
        /// YAML or JSON; `-` reads standard input. A secret `***` keeps what is stored
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Send a test message; ends with 1 if it does not arrive
    Test {
        name: String,
        #[command(flatten)]
        output: OutputArgs,
    },
}

pub(crate) async fn run(cx: &mut Context, args: OutputsArgs) -> Result<Code> {
    let client = cx.client()?;
    match args.command {
        None => {
            let outputs = client.outputs().await?;
            show(cx, &outputs, args.output.output)?;
        }
        Some(OutputsCommand::Set { file, output }) => {
            let text = documents::read(&file)?;
            let mut outputs: Outputs = serde_saphyr::from_str(&text).map_err(|error| {
                Failure::new(Code::Invalid, format!("{}: {error}", file.display()))
                    .remedy("compare it with `bulkhead outputs -o yaml`")
            })?;
            // What `-o yaml` shows of their state is no setting.
            outputs.outputs.iter_mut().for_each(|output| output.status = None);
            let outputs = client.put_outputs(&outputs).await?;
            show(cx, &outputs, output.output)?;
        }
        Some(OutputsCommand::Test { name, output }) => {
            let test = waiting::during("sending a test message", client.test_output(&name)).await?;
            if !structured(&mut cx.screen, output.output, &test)? {
                let (word, style) =
                    if test.delivered { ("arrived", Style::Good) } else { ("failed", Style::Bad) };
                cx.screen.span(style, word)?;
                writeln!(cx.screen, " after {} ms: {}", test.milliseconds, test.message)?;
            }
            return Ok(if test.delivered { Code::Success } else { Code::Problems });
        }
    }
    Ok(Code::Success)
}

fn show(cx: &mut Context, outputs: &Outputs, output: Format) -> Result<()> {
    if !structured(&mut cx.screen, output, outputs)? {
        if outputs.outputs.is_empty() {
            cx.screen.paragraph(0, "Events are sent nowhere. Add a target: bulkhead outputs set -f FILE")?;
        } else {
            table(outputs, moment::now()).print(&mut cx.screen, output.is_wide())?;
        }
    }
    Ok(())
}

/// `host:port` of an address.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

fn table(outputs: &Outputs, now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::text("NAME").shrinks_to(10),
        Column::text("ON"),
        Column::text("TO").shrinks_to(16),
        Column::text("FROM SEVERITY").optional(),
        Column::number("SENT"),
        Column::number("QUEUED").optional(),
        Column::number("LOST"),
        Column::text("LAST ERROR").shrinks_to(10),
        Column::text("LAST SUCCESS").wide_only(),
    ]);
    for output in &outputs.outputs {
        let status = output.status.clone().unwrap_or_default();
        let to = match &output.target {
            OutputTarget::Syslog { address, .. } => format!("syslog {address}"),
            // Of the rest, much is a secret with chat services.
            OutputTarget::Webhook { url, .. } => format!("webhook {}", host(url)),
        };
        table.row([
            output.name.as_str().into(),
            if output.enabled { "yes".into() } else { Cell::styled("no", Style::Dim) },
            to.into(),
            output.min_severity.to_string().into(),
            status.sent.to_string().into(),
            status.queued.to_string().into(),
            status.lost.to_string().into(),
            Cell::styled(status.last_error.as_deref().unwrap_or("-"), Style::Warning),
            status.last_success.map_or("never".into(), |t| moment::ago(t, now)).into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../../docs/operations.md");

    #[test]
    fn the_outputs_of_the_documentation_are_valid() {
        let (_, rest) = PAGE.split_once("```yaml\n").expect("an example");
        let (text, _) = rest.split_once("```").expect("its end");
        let outputs: Outputs = serde_saphyr::from_str(text).expect("outputs");
        assert_eq!(outputs.outputs.len(), 3);
    }

    #[test]
    fn the_documentation_names_metrics_that_there_are() {
        let metrics = include_str!("../../../controller/src/metrics.rs");
        let named: Vec<&str> =
            PAGE.split('`').filter(|word| word.starts_with("bulkhead_") && !word.contains(' ')).collect();
        assert!(named.len() > 5);
        for name in named {
            assert!(metrics.contains(&format!("\"{name}\"")), "{name} is no metric");
        }
    }
}
