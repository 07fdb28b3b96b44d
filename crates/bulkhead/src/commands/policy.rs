//! `bulkhead policy`: what may be, and every question about it.

mod apply;
mod check;
mod connections;
mod difference;
mod explain;
pub(in crate::commands) mod export;
pub(in crate::commands) mod files;
mod import;
mod judged;
mod lint;
mod list;
mod minimise;
pub(in crate::commands) mod offline;
mod proposals;
mod reach;
mod simulate;
mod trial;
mod verify;

use super::Context;
use crate::exit::{Code, Failure};
use anyhow::Result;
use clap::{Args, Subcommand};

/// Read, change and question the policy
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    List(list::ListArgs),
    Show(list::ShowArgs),
    Export(export::ExportArgs),
    Effective(list::EffectiveArgs),
    History(list::HistoryArgs),
    Apply(apply::ApplyArgs),
    Diff(apply::DiffArgs),
    Delete(apply::DeleteArgs),
    Restore(apply::RestoreArgs),
    Explain(explain::ExplainArgs),
    Simulate(simulate::SimulateArgs),
    Try(trial::TryArgs),
    Proposals(proposals::ProposalsArgs),
    Reach(reach::ReachArgs),
    WhoCanReach(reach::WhoCanReachArgs),
    Lint(lint::LintArgs),
    Minimise(minimise::MinimiseArgs),
    Verify(verify::VerifyArgs),
    Connections(connections::ConnectionsArgs),
    Check(check::CheckArgs),
    Import(import::ImportArgs),
}

pub(crate) async fn run(cx: &mut Context, args: PolicyArgs) -> Result<Code> {
    match args.command {
        PolicyCommand::List(args) => list::list(cx, args).await,
        PolicyCommand::Show(args) => list::show(cx, args).await,
        PolicyCommand::Export(args) => export::export(cx, args).await,
        PolicyCommand::Effective(args) => list::effective(cx, args).await,
        PolicyCommand::History(args) => list::history(cx, args).await,
        PolicyCommand::Apply(args) => apply::apply(cx, args).await,
        PolicyCommand::Diff(args) => apply::diff(cx, args).await,
        PolicyCommand::Delete(args) => apply::delete(cx, args).await,
        PolicyCommand::Restore(args) => apply::restore(cx, args).await,
        PolicyCommand::Explain(args) => explain::explain(cx, args).await,
        PolicyCommand::Simulate(args) => simulate::simulate(cx, args).await,
        PolicyCommand::Try(args) => trial::run(cx, args).await,
        PolicyCommand::Proposals(args) => proposals::run(cx, args).await,
        PolicyCommand::Reach(args) => reach::reach(cx, args).await,
        PolicyCommand::WhoCanReach(args) => reach::who_can_reach(cx, args).await,
        PolicyCommand::Lint(args) => lint::lint(cx, args).await,
        PolicyCommand::Minimise(args) => minimise::minimise(cx, args).await,
        PolicyCommand::Verify(args) => verify::verify(cx, args).await,
        PolicyCommand::Connections(args) => connections::connections(cx, args),
        PolicyCommand::Check(args) => check::check(cx, args).await,
        PolicyCommand::Import(args) => import::import(cx, args),
    }
}

/// The name of a document: `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DocumentName {
    namespace: String,
    name: String,
}

impl std::str::FromStr for DocumentName {
    type Err = Failure;
    fn from_str(text: &str) -> Result<Self, Failure> {
        // Documents are named by the same rules as services.
        let name: bulkhead_model::ServiceName = text.parse().map_err(|_| {
            Failure::new(Code::Usage, format!("'{text}' is not the name of a policy"))
                .remedy("write namespace/name, as bulkhead policy list shows it")
        })?;
        Ok(Self { namespace: name.namespace().into(), name: name.name().into() })
    }
}

impl std::fmt::Display for DocumentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
