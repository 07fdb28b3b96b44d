use super::{
    export,
    files::{self, Files, inventory, options},
};
use crate::{
    commands::Context,
    exit::{Code, Failure},
    output::{Screen, Style, format, moment, waiting},
};
use anyhow::Result;
use bulkhead_model::Peer;
use bulkhead_policy::{
    ExternalPart, Inventory, PolicySet, View,
    document::{Assertion, PeerSpec, read_assertions},
    verify::{Finding, markdown, verify as check},
};
use clap::{Args, ValueEnum};
use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

/// Check claims about the policy over all flows: what must never be allowed, only, always; who is apart from whom
///
/// Claims are documents of kind Assertions, in files of their own or beside the policy. Ends with 1 if one is broken,
/// and tells a flow that breaks it.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Files and directories with assertions; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    assertions: Vec<PathBuf>,

    /// Ask documents in files and directories instead of a server, as if every service that they target enforced
    /// them; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,

    /// Ask what passes now, in the modes in which services are, and not what would if all of them enforced
    #[arg(long, conflicts_with = "files")]
    now: bool,

    /// End with 1 also if there is nothing for a claim to speak of
    #[arg(long)]
    strict: bool,

    /// How to print what is found
    #[arg(short, long, value_enum, default_value = "txt", value_name = "FORMAT")]
    output: VerifyFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum VerifyFormat {
    /// One line for each claim, and what breaks it below
    Txt,
    Json,
    Yaml,
    /// A table for a merge request
    Md,
    /// The test report that pipelines read
    Junit,
}

pub(super) async fn verify(cx: &mut Context, args: VerifyArgs) -> Result<Code> {
    let assertions = assertions(cx, &args.assertions)?;
    let (set, mut inventory) = if args.files.is_empty() {
        let client = cx.client()?;
        let set = export::read(&client.policies().await?.items)?;
        (set, waiting::during("asking for the services", export::estate(&client)).await?)
    } else {
        let files = Files::read(cx, &args.files)?;
        let named: Vec<Peer> = assertions.iter().flat_map(named_services).collect();
        let inventory = inventory(&[&files], &named);
        (files.set, inventory)
    };
    stand_in_for_names(&set, &mut inventory, &assertions);
    let view = if args.now || !args.files.is_empty() { View::Now } else { View::Policy };
    let findings =
        waiting::work("checking the claims", || check(&set, &inventory, moment::now(), view, &assertions));
    match args.output {
        VerifyFormat::Txt => text(&mut cx.screen, &findings)?,
        VerifyFormat::Json => format::json(&mut cx.screen, &findings)?,
        VerifyFormat::Yaml => format::yaml(&mut cx.screen, &findings)?,
        VerifyFormat::Junit => junit(&mut cx.screen, &findings)?,
        VerifyFormat::Md => cx.screen.write_all(markdown(&findings).as_bytes())?,
    }
    let good = |finding: &Finding| finding.holds && !(args.strict && finding.checked == 0);
    Ok(if findings.iter().all(good) { Code::Success } else { Code::Problems })
}

/// The assertions of files; every error of every file where there is any.
fn assertions(cx: &mut Context, paths: &[PathBuf]) -> Result<Vec<Assertion>> {
    let (mut assertions, mut errors) = (Vec::new(), 0);
    for source in files::sources(cx, paths)? {
        let (found, wrong) = read_assertions(&source.name, &source.text, options());
        assertions.extend(found);
        errors += wrong.len();
        for diagnostic in wrong {
            cx.note(&diagnostic.to_string())?;
        }
    }
    if errors > 0 {
        return Err(Failure::new(Code::Invalid, format!("the assertions have {errors} error(s)"))
            .remedy("mend what is said above; nothing is answered from half of them")
            .into());
    }
    if assertions.is_empty() {
        return Err(Failure::new(Code::NotFound, "there are no assertions in these files")
            .remedy("write a document of kind: Assertions, as in docs/examples/assertions/shop.yaml")
            .into());
    }
    Ok(assertions)
}

/// Services that a claim calls by their full names: without an estate, they are there because it says so.
pub(super) fn named_services(assertion: &Assertion) -> Vec<Peer> {
    let service = |spec: &PeerSpec| match spec {
        PeerSpec::Services(criteria) => criteria.exact_service().map(Peer::Service),
        _ => None,
    };
    assertion.claim.peers().into_iter().filter_map(service).collect()
}

/// Domain names of claims and documents have addresses that nobody knows here. One of a range that is never routed stands
/// in for each, so that rules for the name, and rules for the world, apply to it.
fn stand_in_for_names(set: &PolicySet, inventory: &mut Inventory, assertions: &[Assertion]) {
    let mut next = u32::from(Ipv4Addr::new(240, 0, 0, 1));
    let rules = set.policies().flat_map(|policy| policy.ingress.iter().chain(&policy.egress));
    let claimed = assertions.iter().flat_map(|assertion| assertion.claim.peers());
    let peers = claimed.chain(rules.flat_map(|rule| &rule.peers));
    for part in peers.flat_map(|spec| set.external_parts(spec)) {
        let ExternalPart::Name(name) = part else { continue };
        // Something that the pattern matches.
        let name = name.replace('*', "any");
        if inventory.addresses_of(&name).is_empty() {
            inventory.resolve(&name, [IpAddr::V4(Ipv4Addr::from(next))]);
            next += 1;
        }
    }
}

fn text(screen: &mut Screen, findings: &[Finding]) -> io::Result<()> {
    for finding in findings {
        let style = match (finding.holds, finding.checked) {
            (true, 0) => Style::Warning,
            (true, _) => Style::Good,
            (false, _) => Style::Bad,
        };
        let told = finding.to_string();
        let (result, rest) = told.split_once(':').unwrap_or((&told, ""));
        screen.span(style, result)?;
        writeln!(screen, ":{rest}")?;
    }
    let broken = findings.iter().filter(|finding| !finding.holds).count();
    writeln!(screen, "{} claim(s) checked over all flows: {broken} broken", findings.len())
}

fn junit(screen: &mut Screen, findings: &[Finding]) -> io::Result<()> {
    let broken = findings.iter().filter(|finding| !finding.holds).count();
    writeln!(screen, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        screen,
        "<testsuite name=\"bulkhead policy verify\" tests=\"{}\" failures=\"{broken}\">",
        findings.len()
    )?;
    for finding in findings {
        let name = xml(&finding.name);
        if finding.holds {
            writeln!(screen, "  <testcase name=\"{name}\" classname=\"{}\"/>", finding.claim)?;
            continue;
        }
        writeln!(screen, "  <testcase name=\"{name}\" classname=\"{}\">", finding.claim)?;
        writeln!(screen, "    <failure message=\"broken by {} of {}\">", finding.broken, finding.checked)?;
        for violation in &finding.violations {
            writeln!(screen, "{}", xml(&format!("{}: {}", violation.path.join(" → "), violation.what)))?;
        }
        writeln!(screen, "    </failure>\n  </testcase>")?;
    }
    writeln!(screen, "</testsuite>")
}

pub(super) fn xml(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => "&quot;".into(),
            // Other control characters have no place in XML 1.0.
            c if c.is_control() && c != '\n' && c != '\t' => "\u{fffd}".into(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::screen::tests::printed;
    use bulkhead_policy::verify::Violation;

    #[test]
    fn pipelines_get_a_test_report() {
        let holds = Finding {
            name: "customers get in".into(),
            claim: "always",
            holds: true,
            checked: 3,
            violations: Vec::new(),
            broken: 0,
        };
        let broken = Finding {
            name: "database <is> apart".into(),
            claim: "never",
            holds: false,
            checked: 12,
            violations: vec![Violation {
                path: vec!["world".into(), "shop/web".into(), "shop/db".into()],
                what: "may be reached".into(),
                witness: vec!["tcp/443".into(), "tcp/5432".into()],
                rules: vec!["shop/db ingress[1]".into()],
            }],
            broken: 1,
        };
        insta::assert_snapshot!(printed(80, |s| junit(s, &[holds, broken]).expect("memory")));
    }
}
