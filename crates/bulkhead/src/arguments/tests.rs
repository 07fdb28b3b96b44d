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

/// Commands that answer nothing that a program reads, and why.
const NO_DATA: [(&str, &str); 5] = [
    ("bulkhead up", "it runs until it is stopped"),
    ("bulkhead support-bundle", "it writes a file, which -o names"),
    ("bulkhead completions", "it prints a script"),
    ("bulkhead man", "it writes manual pages"),
    ("bulkhead report", "its answer is a document: HTML, Markdown or JSON"),
];

#[test]
fn every_command_that_answers_offers_json_and_yaml() {
    fn visit(command: &Command, path: &str, without: &mut Vec<String>) {
        let answers = !command.is_subcommand_required_set() && command.get_name() != "help";
        let output = command.get_arguments().find(|arg| arg.get_long() == Some("output"));
        let offered: Vec<String> = output
            .map(Arg::get_possible_values)
            .unwrap_or_default()
            .iter()
            .map(|v| v.get_name().into())
            .collect();
        if answers && !["json", "yaml"].iter().all(|format| offered.iter().any(|name| name == format)) {
            without.push(path.to_owned());
        }
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            visit(sub, &format!("{path} {}", sub.get_name()), without);
        }
    }
    let mut cli = Cli::command();
    cli.build();
    let mut without = Vec::new();
    visit(&cli, "bulkhead", &mut without);
    let mut known: Vec<&str> = NO_DATA.iter().map(|(command, _)| *command).collect();
    known.sort_unstable();
    without.sort_unstable();
    assert_eq!(without, known);
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
    for (command, because) in NO_DATA {
        let _ = writeln!(text, "| `{}` | {because} |", command.trim_start_matches("bulkhead "));
    }
    text += CODES;
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
`-o wide` cuts nothing. Colour is used on a terminal only, and never where `NO_COLOR` is set. Remarks that are no part of
the answer go to standard error; so does a line that shows that something is done, on a terminal only, where it takes
longer than a moment.

## Answers for programs

Every command that answers takes `-o json` and `-o yaml`, also those that change something. Both say the same: what the
REST interface says of it ([its description](../crates/api/openapi.json)), with the same names, and as stable as it is. Where
nothing but the command line answers:

| command | what it says |
|---|---|
| `down` | `process`: the one that has ended, or null; `enforced`: whether the kernel still enforces; `left`: what could not be removed |
| `policy delete A B` | `items`: for each that was deleted what `policy apply` says. Where one fails, those before it are said all the same |
| `policy try stop` | what `policy try show` says; of a trial that is removed, for the last time |
| `token revoke A B` | `items`: the tokens that were revoked. Where one fails, those before it are said all the same |
| `policy export` | `text`; `remarks`: what the language cannot say; with `--prove` also `proof`: `errors`, `differences`, `untold` |
| `policy import` | `policy`: the documents; `policies`: how many; `remarks`: what they cannot say |
| `policy minimise` | `rules_before`, `rules_after`, `dropped`, `documents`: those that change |
| `policy lint`, `verify`, `connections` | a list |
| `check` | `ok`, `failed`, `warnings`, `categories`: each with its `findings`: `check`, `outcome`, `found`, `means`, `remedy` |

`flows` and `events -f` print one JSON object a line. `learn -o yaml` prints the documents that it proposes, and
`policy show -o yaml` the document itself: they can be applied. Without data are:

| command | because |
|---|---|
";

const CODES: &str = "
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
