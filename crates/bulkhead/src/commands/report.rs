//! `bulkhead report`: compliance, made, signed and checked.

mod offline;
mod zones;

use super::{Context, recorded::RecordArgs};
use crate::{
    exit::{Code, Failure},
    output::{
        Column, Style, Table,
        format::{self, List, OutputArgs},
        structured,
        table::printable,
        waiting,
    },
};
use anyhow::{Context as _, Result};
use bulkhead_api::{ReportFormat, ReportKey, ReportQuery};
use bulkhead_report::{Framework, Pin, Report, SealedReport, UnknownFormat, Verification, verify};
use clap::{Args, Subcommand};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// Make a signed compliance report, or check one; without a framework, list what there is
///
/// A report says of every requirement whether it is met, not met, or not decidable by this tool, with the evidence: what
/// the policy allows over all flows, what is enforced, and what was seen. It is signed by the controller. Ends with 1 if a
/// requirement is not met.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ReportArgs {
    #[command(subcommand)]
    command: Option<ReportCommand>,

    /// pci-dss, nist-800-53, nist-800-207 or cis-kubernetes
    #[arg(value_name = "FRAMEWORK")]
    framework: Option<Framework>,

    /// The zone that it is about, for example the cardholder environment [default: the whole estate]
    #[arg(long, value_name = "NAME")]
    zone: Option<String>,

    /// Form of the report: html, md or json [default: as the name of --out ends, else md]
    #[arg(short, long, value_name = "FORMAT", value_parser = parse_format)]
    output: Option<ReportFormat>,

    /// Write it into this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Look at documents in files and directories instead of a running estate; nobody signs such a report; `-` is
    /// standard input
    #[arg(short, long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,

    /// Flow records to compare the documents with, as `bulkhead learn` takes them
    #[arg(long, value_name = "FILE", requires = "files")]
    flows: Vec<PathBuf>,

    #[command(flatten)]
    records: RecordArgs,
}

#[derive(Debug, Subcommand)]
enum ReportCommand {
    Verify(VerifyArgs),
    /// Print the fingerprint of the key that signs reports, and the public key: note them elsewhere
    Key(OutputArgs),
    Zones(zones::ZonesArgs),
}

/// Check offline that a report is what was signed, byte by byte, and by whom; ends with 1 if it is not
///
/// Without --key it is said who signed, and you compare. Ends with 6 if the file is no report.
#[derive(Debug, Args)]
struct VerifyArgs {
    /// HTML, Markdown or JSON; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Whose signature it must be: a fingerprint (sha256:...) as `bulkhead report key` prints it, or a file with the
    /// public key
    #[arg(long, value_name = "FINGERPRINT|FILE")]
    key: Option<String>,

    #[command(flatten)]
    output: OutputArgs,
}

fn parse_format(text: &str) -> Result<ReportFormat, String> {
    text.parse().map_err(|error: UnknownFormat| error.to_string())
}

pub(crate) async fn run(cx: &mut Context, args: ReportArgs) -> Result<Code> {
    match &args.command {
        Some(ReportCommand::Verify(verify)) => return check(cx, verify),
        Some(ReportCommand::Key(output)) => return key(cx, *output).await,
        Some(ReportCommand::Zones(zones)) => return zones::run(cx, zones).await,
        None => {}
    }
    let Some(framework) = args.framework else { return list(cx, args.output) };
    let format = match (args.output, &args.out) {
        (Some(format), _) => format,
        (None, Some(path)) => of_name(path)?,
        (None, None) => ReportFormat::Md,
    };
    let (text, report) = if args.files.is_empty() {
        running(cx, framework, &args, format).await?
    } else {
        let report = offline::report(cx, framework, &args)?;
        let sealed = SealedReport::new(report, None);
        (sealed.render(format), sealed.report)
    };
    match &args.out {
        Some(path) => {
            fs::write(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
            let summary = &report.summary.sentence;
            cx.note(&format!("{}: {summary}", path.display()))?;
        }
        None => cx.screen.write_all(text.as_bytes())?,
    }
    Ok(if report.summary.not_met > 0 { Code::Problems } else { Code::Success })
}

/// The report of a running controller, as a file and as what it says.
async fn running(
    cx: &mut Context,
    framework: Framework,
    args: &ReportArgs,
    format: ReportFormat,
) -> Result<(String, Report)> {
    let client = cx.client()?;
    let query = ReportQuery { zone: args.zone.clone(), format: Some(format) };
    let text = waiting::during("making the report", client.report(framework.id(), &query)).await?;
    let report = bulkhead_report::carried(&text).ok_or_else(|| {
        Failure::new(Code::Failed, "the answer is no report")
            .remedy("are server and command line of one version?")
    });
    match (report, format) {
        (Ok(report), _) => Ok((text, report)),
        // Markdown carries no evidence that a program reads.
        (Err(_), ReportFormat::Md) => {
            let query = ReportQuery { format: Some(ReportFormat::Json), ..query };
            let json = waiting::during("making the report", client.report(framework.id(), &query)).await?;
            let report = bulkhead_report::carried(&json).context("the answer is no report")?;
            Ok((text, report))
        }
        (Err(failure), _) => Err(failure.into()),
    }
}

fn of_name(path: &Path) -> Result<ReportFormat> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    extension.parse().map_err(|_| {
        Failure::new(Code::Usage, format!("{} does not say which form the report is to have", path.display()))
            .remedy("let the name end in .html, .md or .json, or say it with -o")
            .into()
    })
}

fn list(cx: &mut Context, output: Option<ReportFormat>) -> Result<Code> {
    if output == Some(ReportFormat::Json) {
        let items = Framework::ALL.iter().map(|framework| framework.info()).collect();
        format::json(&mut cx.screen, &List { items })?;
        return Ok(Code::Success);
    }
    let mut table = Table::new([
        Column::text("FRAMEWORK"),
        Column::text("TITLE").shrinks_to(20),
        Column::number("REQUIREMENTS"),
        Column::text("ZONE"),
    ]);
    for framework in Framework::ALL {
        let info = framework.info();
        table.row([
            info.id.into(),
            info.title.into(),
            info.requirements.to_string().into(),
            if info.needs_zone { "needed" } else { "optional" }.into(),
        ]);
    }
    table.print(&mut cx.screen, false)?;
    Ok(Code::Success)
}

async fn key(cx: &mut Context, output: OutputArgs) -> Result<Code> {
    let key: ReportKey = cx.client()?.reports().await?.key;
    if !structured(&mut cx.screen, output.output, &key)? {
        writeln!(cx.screen, "{}", key.fingerprint)?;
        cx.screen.write_all(key.pem.as_bytes())?;
    }
    Ok(Code::Success)
}

fn check(cx: &mut Context, args: &VerifyArgs) -> Result<Code> {
    let pin = args.key.as_deref().map(pin).transpose()?;
    let text = super::documents::read(&args.file)?;
    let found = verify(&text, pin.as_ref()).map_err(|error| {
        Failure::new(Code::Invalid, format!("{}: {error}", args.file.display()))
            .remedy("is it the right file, as a whole, as it was made?")
    })?;
    if args.output.output == format::Format::Json || args.output.output == format::Format::Yaml {
        structured(&mut cx.screen, args.output.output, &found)?;
    } else {
        tell(cx, args, &found)?;
    }
    Ok(if found.sound { Code::Success } else { Code::Problems })
}

/// A fingerprint, or what a file holds.
fn pin(text: &str) -> Result<Pin> {
    let wrong = |error: bulkhead_report::KeyError| {
        Failure::new(Code::Invalid, format!("'{text}': {error}"))
            .remedy("`bulkhead report key` prints both, on the host of the controller")
    };
    if text.starts_with("sha256:") {
        return Ok(Pin::parse(text).map_err(wrong)?);
    }
    let file = super::documents::read(Path::new(text))?;
    // What `bulkhead report key` prints has the fingerprint before the key.
    let key = file.find("-----BEGIN").map_or(file.as_str(), |at| &file[at..]);
    Ok(Pin::parse(key).map_err(wrong)?)
}

fn tell(cx: &mut Context, args: &VerifyArgs, found: &Verification) -> Result<()> {
    let of = match &found.zone {
        Some(zone) => format!("{} for zone {}", printable(found.framework.clone()), printable(zone.clone())),
        None => printable(found.framework.clone()),
    };
    let made = bulkhead_policy::document::format_time(found.made);
    let revision = found.revision.map_or(String::new(), |revision| format!(", policy revision {revision}"));
    writeln!(cx.screen, "{}: report on {of}, made {made}{revision}", args.file.display())?;
    if found.sound {
        let sound = format!("sound: every byte is what was signed, with {} evidence tables", found.evidence);
        cx.screen.line(Style::Good, &sound)?;
    }
    for problem in &found.problems {
        cx.screen.line(Style::Bad, &format!("not sound: {problem}"))?;
    }
    match (&found.signed_by, found.pinned) {
        (Some(key), true) => writeln!(cx.screen, "signed by the key that you named: {key}")?,
        (Some(key), false) if args.key.is_none() => cx.screen.paragraph(0, &format!("signed by {key}\ncompare this with what `bulkhead report key` says on the host of the controller"))?,
        (Some(key), false) => writeln!(cx.screen, "signed by {key}")?,
        (None, _) => {}
    }
    Ok(())
}
