//! The program, run without anything of the host that runs the tests.

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// A directory or file of the repository.
pub(crate) fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A command whose environment says nothing about servers, terminals or pipelines.
pub(crate) fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let tells = ["BULKHEAD_", "GIT_", "GITHUB_"].iter().any(|prefix| name.starts_with(prefix));
        if tells || matches!(&*name, "COLUMNS" | "NO_COLOR") {
            command.env_remove(&*name);
        }
    }
    command
}

/// The program with a state directory that is not there.
pub(crate) fn bulkhead(arguments: &[&str]) -> Command {
    let mut command = clean(env!("CARGO_BIN_EXE_bulkhead"));
    command.args(arguments).args(["--state-dir", "/nonexistent/bulkhead"]);
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    bulkhead(arguments).output().expect("the binary starts")
}

/// In a directory of the repository, so that answers name files as the documentation does.
pub(crate) fn run_in(dir: &str, arguments: &[&str]) -> Output {
    bulkhead(arguments).current_dir(in_repository(dir)).output().expect("the binary starts")
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("not killed")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// What was said on the side.
pub(crate) fn said(output: &Output) -> String {
    text(&output.stderr)
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

/// Both outputs, as a person at a terminal sees them.
pub(crate) fn seen(output: &Output) -> String {
    format!("{}\n--- on the side ---\n{}", text(&output.stdout), said(output))
}
