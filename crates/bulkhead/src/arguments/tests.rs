use super::*;
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write;

#[test]
fn the_command_line_has_no_contradictions() {
    Cli::command().debug_assert();
}

#[test]
fn the_help_names_every_command_and_exit_code() {
    insta::assert_snapshot!(Cli::command().term_width(80).render_help().to_string());
}

#[test]
fn every_command_and_option_is_explained() {
    fn visit(command: &Command, path: &str) {
        let path = format!("{path} {}", command.get_name());
        assert!(command.get_about().is_some(), "{path} has no explanation");
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            let obvious = arg.is_positional() || matches!(arg.get_id().as_str(), "help" | "version");
            assert!(arg.get_help().is_some() || obvious, "{path} {} has no explanation", arg.get_id());
        }
        command.get_subcommands().for_each(|sub| visit(sub, &path));
    }
    visit(&Cli::command(), "");
}

/// `docs/cli.md` is made of the same definitions as the help. Rewrite it with `UPDATE_DOCS=1`.
#[test]
fn the_documentation_of_the_command_line_is_not_stale() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let wanted = documentation();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).expect("docs/cli.md can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == wanted, "docs/cli.md is stale: UPDATE_DOCS=1 cargo test -p bulkhead documentation");
}

fn documentation() -> String {
    let mut cli = Cli::command();
    cli.build();
    let mut text = String::from(HEAD);
    for (code, sentence) in Code::ALL {
        let _ = writeln!(text, "| {} | {sentence} |", code as u8);
    }
    text += "\n## Options of every command\n\n";
    let global: Vec<_> = cli.get_arguments().filter(|arg| arg.is_global_set()).collect();
    options(&mut text, &global);
    let _ = write!(text, "\n{FILE}```toml\n{}```\n", crate::commands::up::configuration::EXAMPLE);
    text += "\n## Commands\n";
    cli.get_subcommands()
        .filter(|c| c.get_name() != "help")
        .for_each(|c| section(&mut text, c, "bulkhead", 3));
    text
}

const HEAD: &str = "\
# The command line

Made from the definitions of the commands themselves; a test fails where it is stale.

`bulkhead up` runs the agent and the controller of a host. Every other command asks the controller that runs there, or
another one that `--server` names; `check`, `completions`, `man` and the questions about files need none.

Lists are tables that fit the terminal, and 80 columns where there is none; a cell that was cut ends in `…`, and
`-o wide` cuts nothing. `-o json` and `-o yaml` say what the REST interface says, and are as stable as it is. Colour is
used on a terminal only, and never where `NO_COLOR` is set. Remarks that are no part of the answer go to standard error.

## Exit codes

| code | meaning |
|---|---|
";

const FILE: &str = "\
## Configuration file

`bulkhead up` reads `/etc/bulkhead/bulkhead.toml` where it exists, or what `--config` names. Options of the command line
win over it. All of it may be left out; a name that is not known is an error with its line.

";

fn section(text: &mut String, command: &Command, parent: &str, level: usize) {
    let path = format!("{parent} {}", command.get_name());
    let _ = writeln!(text, "\n{} `{path}`\n", "#".repeat(level));
    if let Some(about) = command.get_long_about().or(command.get_about()) {
        let _ = writeln!(text, "{about}\n");
    }
    let subcommands: Vec<_> = command.get_subcommands().filter(|c| c.get_name() != "help").collect();
    let arguments: Vec<_> = command.get_arguments().filter(|arg| own(arg)).collect();
    if subcommands.is_empty() || !arguments.is_empty() {
        let usage = command.clone().render_usage().to_string();
        let _ = writeln!(text, "```\n{}\n```\n", usage.trim_start_matches("Usage: "));
    }
    options(text, &arguments);
    subcommands.iter().for_each(|sub| section(text, sub, &path, level + 1));
}

fn own(arg: &Arg) -> bool {
    !arg.is_global_set() && !matches!(arg.get_id().as_str(), "help" | "version") && !arg.is_hide_set()
}

fn options(text: &mut String, arguments: &[&Arg]) {
    if arguments.is_empty() {
        return;
    }
    *text += "| | |\n|---|---|\n";
    for arg in arguments {
        let mut names = Vec::new();
        names.extend(arg.get_short().map(|c| format!("-{c}")));
        names.extend(arg.get_long().map(|name| format!("--{name}")));
        let takes_value = arg.get_action().takes_values();
        let value = arg.get_value_names().and_then(|v| v.first()).map(|v| v.as_str()).unwrap_or_default();
        let name = match (arg.is_positional(), takes_value) {
            (true, _) => format!("`<{value}>`"),
            (false, true) => format!("`{} <{value}>`", names.join(", ")),
            (false, false) => format!("`{}`", names.join(", ")),
        };
        let mut says = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let possible: Vec<_> = arg
            .get_possible_values()
            .iter()
            .filter(|_| takes_value)
            .map(|v| match v.get_help() {
                Some(help) => format!("`{}`: {help}", v.get_name()),
                None => format!("`{}`", v.get_name()),
            })
            .collect();
        if !possible.is_empty() && possible.len() < 12 {
            let _ = write!(says, " ({})", possible.join("; "));
        }
        let defaults: Vec<_> = arg.get_default_values().iter().filter_map(|v| v.to_str()).collect();
        if takes_value && !defaults.is_empty() {
            let _ = write!(says, ". Default: `{}`", defaults.join(" "));
        }
        if let Some(env) = arg.get_env().and_then(|v| v.to_str()) {
            let _ = write!(says, ". Environment: `{env}`");
        }
        let _ = writeln!(text, "| {name} | {} |", says.replace('|', "\\|").replace('\n', " "));
    }
}
