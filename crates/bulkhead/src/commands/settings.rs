use super::Context;
use crate::{
    exit::{Code, Failure},
    output::{Format, format, format::OutputArgs, structured},
};
use anyhow::Result;
use bulkhead_api::Settings;
use clap::{Args, Subcommand};
use serde_json::Value;

/// Show or change what can be changed while the controller runs
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SettingsArgs {
    #[command(subcommand)]
    command: Option<SettingsCommand>,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum SettingsCommand {
    /// Change single settings: bulkhead settings set automatic=true retention.event_days=60
    Set {
        #[arg(required = true, value_name = "NAME=VALUE")]
        assignments: Vec<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
}

pub(crate) async fn run(cx: &mut Context, args: SettingsArgs) -> Result<Code> {
    let client = cx.client()?;
    let settings = client.settings().await?;
    match args.command {
        None => show(cx, &settings, args.output.output)?,
        Some(SettingsCommand::Set { assignments, output }) => {
            let settings = assign(&settings, &assignments)?;
            let settings = client.put_settings(&settings).await?;
            show(cx, &settings, output.output)?;
        }
    }
    Ok(Code::Success)
}

/// For people, settings are YAML: that is the form in which their names are said.
fn show(cx: &mut Context, settings: &Settings, output: Format) -> Result<()> {
    if !structured(&mut cx.screen, output, settings)? {
        format::yaml(&mut cx.screen, settings)?;
    }
    Ok(())
}

fn assign(settings: &Settings, assignments: &[String]) -> Result<Settings> {
    let mut tree = serde_json::to_value(settings)?;
    for assignment in assignments {
        let Some((name, text)) = assignment.split_once('=') else {
            return Err(Failure::new(Code::Usage, format!("'{assignment}' is not NAME=VALUE"))
                .remedy("write it like automatic=true")
                .into());
        };
        let pointer = format!("/{}", name.replace('.', "/"));
        let Some(place) = tree.pointer_mut(&pointer) else {
            return Err(Failure::new(Code::Usage, format!("there is no setting '{name}'"))
                .remedy("see their names: bulkhead settings")
                .into());
        };
        *place = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    }
    serde_json::from_value(tree).map_err(|error| {
        Failure::new(Code::Usage, format!("cannot set {}: {error}", assignments.join(" ")))
            .remedy("see what is there now: bulkhead settings")
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_settings_are_changed_by_name() {
        let assignments = [
            "automatic=true".into(),
            "retention.event_days=60".into(),
            "profile=strict".into(),
            "gates.deployment_hours=0".into(),
        ];
        let changed = assign(&Settings::default(), &assignments).expect("valid");
        assert!(changed.automatic);
        assert_eq!(changed.retention.event_days, 60);
        assert_eq!((changed.gates.deployment_hours, changed.gates.startup), (0, true));
        assert_eq!(changed.profile, bulkhead_api::Profile::Strict);
        assert_eq!(changed.scan, Settings::default().scan);
    }

    #[test]
    fn unknown_names_and_wrong_values_are_refused() {
        for wrong in ["automatic", "no.such=1", "automatic=perhaps", "retention.event_days=-1"] {
            assert!(assign(&Settings::default(), &[wrong.into()]).is_err(), "{wrong}");
        }
    }
}
