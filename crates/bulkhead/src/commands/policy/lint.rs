use super::{list, offline};
use crate::{
    commands::Context,
    exit::Code,
    output::{format::OutputArgs, moment, structured},
};
use anyhow::Result;
use bulkhead_api::Finding;
use clap::Args;
use std::{io::Write, path::PathBuf};

/// Find what in the policy is allowed but probably not meant: shadowed, dead, redundant, conflicting, unknown names
///
/// Ends with 1 if anything is found.
#[derive(Debug, Args)]
pub(super) struct LintArgs {
    /// Judge documents in files and directories instead of the policy of a server; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn lint(cx: &mut Context, args: LintArgs) -> Result<Code> {
    let findings: Vec<Finding> = if args.files.is_empty() {
        let policies = cx.client()?.policies().await?;
        policies.items.into_iter().flat_map(|policy| policy.findings).collect()
    } else {
        let set = offline::documents(cx, &args.files)?;
        let inventory = offline::inventory(&[&set], []);
        let found = bulkhead_policy::lint(&set, &inventory, &[], moment::now());
        found
            .into_iter()
            .map(|finding| Finding {
                kind: finding.lint.code().to_owned(),
                rule: match finding.rule {
                    Some((direction, index)) => format!("{} {direction}[{index}]", finding.document),
                    None => finding.document.to_string(),
                },
                message: match finding.suggestion {
                    Some(suggestion) => format!("{}; {suggestion}", finding.message),
                    None => finding.message,
                },
            })
            .collect()
    };
    if !structured(&mut cx.screen, args.output.output, &findings)? {
        if findings.is_empty() {
            writeln!(cx.screen, "Nothing to look at.")?;
        } else {
            list::print_findings(&mut cx.screen, &findings)?;
        }
    }
    Ok(if findings.is_empty() { Code::Success } else { Code::Problems })
}
