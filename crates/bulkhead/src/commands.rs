//! One file per command.

mod audit;
mod blast_radius;
mod check;
mod completions;
mod documents;
mod down;
mod edges;
mod events;
mod flows;
mod graph;
mod history;
mod learn;
mod man;
mod mode;
mod outputs;
mod policy;
mod recorded;
mod report;
mod review;
mod services;
mod settings;
mod status;
mod support_bundle;
mod token;
pub(crate) mod up;

use crate::{
    arguments::{Cli, GlobalArgs},
    connect,
    exit::{Code, Failure},
    output::{Screen, moment, waiting},
};
use anyhow::{Context as _, Result};
use bulkhead_api::client::Client;
use bulkhead_model::Timestamp;
use clap::Subcommand;
use std::{
    future::Future,
    io::{self, IsTerminal, Write},
    time::Duration,
};

/// Where the runtimes listen unless told otherwise.
pub(crate) const DOCKER_SOCKET: &str = "/var/run/docker.sock";
/// Where everything that outlives the agent is pinned.
pub(crate) const PINS: &str = "/sys/fs/bpf/bulkhead";
pub(crate) const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(Box<up::UpArgs>),
    Down(down::DownArgs),
    Check(check::CheckArgs),
    Status(status::StatusArgs),
    Services(services::ServicesArgs),
    Graph(graph::GraphArgs),
    Edges(edges::EdgesArgs),
    Flows(flows::FlowsArgs),
    History(history::HistoryArgs),
    Events(events::EventsArgs),
    Learn(Box<learn::LearnArgs>),
    Policy(policy::PolicyArgs),
    Mode(mode::ModeArgs),
    Promote(mode::PromoteArgs),
    Automation(mode::AutomationArgs),
    Quarantine(mode::QuarantineArgs),
    Review(review::ReviewArgs),
    BlastRadius(blast_radius::BlastRadiusArgs),
    Report(Box<report::ReportArgs>),
    Token(token::TokenArgs),
    Audit(audit::AuditArgs),
    Outputs(outputs::OutputsArgs),
    Settings(settings::SettingsArgs),
    SupportBundle(support_bundle::SupportBundleArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// What every command gets.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) screen: Screen,
    pub(crate) global: GlobalArgs,
}

pub(crate) fn run(cli: Cli) -> Result<Code> {
    let mut context = Context { screen: Screen::stdout(cli.global.color), global: cli.global };
    let cx = &mut context;
    let code = match cli.command {
        Command::Up(args) => up::run(cx, &args),
        Command::Down(args) => wait(down::run(cx, args)),
        Command::Check(args) => wait(check::run(cx, args)),
        Command::Status(args) => wait(status::run(cx, args)),
        Command::Services(args) => wait(services::run(cx, args)),
        Command::Graph(args) => wait(graph::run(cx, args)),
        Command::Edges(args) => wait(edges::run(cx, args)),
        Command::Flows(args) => wait(flows::run(cx, args)),
        Command::History(args) => wait(history::run(cx, args)),
        Command::Events(args) => wait(events::run(cx, args)),
        Command::Learn(args) => learn::run(cx, &args),
        Command::Policy(args) => wait(policy::run(cx, args)),
        Command::Mode(args) => wait(mode::run(cx, args)),
        Command::Promote(args) => wait(mode::promote(cx, args)),
        Command::Automation(args) => wait(mode::automation(cx, args)),
        Command::Quarantine(args) => wait(mode::quarantine(cx, args)),
        Command::Review(args) => wait(review::run(cx, args)),
        Command::BlastRadius(args) => wait(blast_radius::run(cx, args)),
        Command::Report(args) => wait(report::run(cx, *args)),
        Command::Token(args) => wait(token::run(cx, args)),
        Command::Audit(args) => wait(audit::run(cx, args)),
        Command::Outputs(args) => wait(outputs::run(cx, args)),
        Command::Settings(args) => wait(settings::run(cx, args)),
        Command::SupportBundle(args) => wait(support_bundle::run(cx, args)),
        Command::Completions(args) => completions::run(cx, args),
        Command::Man(args) => man::run(cx, args),
    };
    // What was printed before a failure belongs before its message.
    context.screen.flush()?;
    code
}

/// Runs a command that waits for a network or a process.
fn wait<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?
        .block_on(work)
}

/// Does one after another, and ends at the first that fails: with what was done until then, which is told all the same.
async fn each<I, T>(
    items: impl IntoIterator<Item = I>,
    mut work: impl AsyncFnMut(I) -> Result<T>,
) -> (Vec<T>, Result<()>) {
    let mut done = Vec::new();
    for item in items {
        match work(item).await {
            Ok(result) => done.push(result),
            Err(error) => return (done, Err(error)),
        }
    }
    (done, Ok(()))
}

/// That long ago.
fn since(period: Duration) -> Timestamp {
    let millis = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
    Timestamp(moment::now().0.saturating_sub(millis))
}

impl Context {
    pub(crate) fn client(&self) -> Result<Client> {
        connect::client(&self.global)
    }

    /// A remark that is no part of the answer: to standard error.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        self.screen.flush()?;
        waiting::aside(|| writeln!(io::stderr(), "{text}"))
    }

    /// Asks on the terminal; where there is none, that is an error which says what to do instead.
    pub(crate) fn confirm(&mut self, question: &str, otherwise: &str) -> Result<bool> {
        self.screen.flush()?;
        if !io::stdin().is_terminal() {
            let message = format!("{question} Nobody is there to answer");
            return Err(Failure::new(Code::Problems, message).remedy(otherwise).into());
        }
        write!(io::stderr(), "{question} [y/N] ")?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).context("cannot read the answer")?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}
