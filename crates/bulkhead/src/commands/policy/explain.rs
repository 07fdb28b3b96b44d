use super::{files::Files, offline};
use crate::{
    commands::{Context, status},
    exit::{Code, Failure},
    output::{Screen, Style, edges, format::OutputArgs, structured, waiting},
};
use anyhow::Result;
use bulkhead_api::{ExplainRequest, Explanation, SideVerdict};
use bulkhead_model::{Application, IcmpType, IpProtocol, Verdict};
use clap::Args;
use std::{
    io::{self, Write},
    path::PathBuf,
};

/// Say whether a connection may be, which rule decides, and what would allow it
///
/// Ends with 1 if it would be denied.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Who connects: a service, `world`, `host`, an address or a domain name
    #[arg(long, value_name = "PEER")]
    from: String,

    /// To whom
    #[arg(long, value_name = "PEER")]
    to: String,

    /// tcp, udp, sctp, icmp, icmpv6, or a number
    #[arg(long, default_value = "tcp")]
    protocol: IpProtocol,

    /// Server port; for ICMP the type, or type.code
    #[arg(short, long, value_name = "PORT", default_value = "0")]
    port: String,

    /// Application protocol: redis, http, ...
    #[arg(long)]
    application: Option<Application>,

    /// Ask documents in files and directories instead of a server, as if every service that they target enforced
    /// them; `-` is standard input
    #[arg(short, long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,

    /// Say nothing: the exit code is the answer
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn explain(cx: &mut Context, args: ExplainArgs) -> Result<Code> {
    let request = ExplainRequest {
        from: args.from,
        to: args.to,
        protocol: args.protocol,
        port: parse_port(args.protocol, &args.port)?,
        application: args.application,
    };
    let offline = !args.files.is_empty();
    let answer = if offline {
        let files = Files::read(cx, &args.files)?;
        waiting::work("asking the documents", || offline::explain(&files, &request))?
    } else {
        cx.client()?.explain(&request).await?
    };
    if !args.quiet && !structured(&mut cx.screen, args.output.output, &answer)? {
        print(&mut cx.screen, &answer, offline, args.output.output.is_wide())?;
    }
    Ok(if answer.verdict == Verdict::Denied { Code::Problems } else { Code::Success })
}

/// `6379`; for ICMP `8` or `3.1`.
pub(super) fn parse_port(protocol: IpProtocol, text: &str) -> Result<u16> {
    let parsed = if protocol.is_icmp() {
        let (kind, code) = text.split_once('.').unwrap_or((text, "0"));
        kind.parse().ok().zip(code.parse().ok()).map(|(kind, code)| IcmpType { kind, code }.as_port())
    } else {
        text.parse().ok()
    };
    parsed.ok_or_else(|| {
        let expected = if protocol.is_icmp() { "a type from 0 to 255, or type.code" } else { "0 to 65535" };
        Failure::new(Code::Usage, format!("'{text}' is not a port of {protocol}"))
            .remedy(format!("expected {expected}"))
            .into()
    })
}

fn print(screen: &mut Screen, answer: &Explanation, offline: bool, wide: bool) -> io::Result<()> {
    write!(screen, "{} ", edges::arrow(&answer.edge))?;
    screen.line(answer.verdict.into(), &answer.verdict.to_string())?;
    for line in answer.sentence.lines() {
        status::item(screen, line)?;
    }
    if wide {
        for side in [answer.egress.as_ref(), answer.ingress.as_ref()].into_iter().flatten() {
            print_side(screen, side)?;
        }
    }
    if !answer.seen && !offline {
        screen.line(Style::Dim, "Such a connection was never seen.")?;
    }
    if let Some(yaml) = &answer.allow_with {
        writeln!(screen)?;
        screen.line(Style::Bold, "This would allow it (bulkhead policy apply -f -):")?;
        screen.write_all(yaml.as_bytes())?;
    }
    Ok(())
}

fn print_side(screen: &mut Screen, side: &SideVerdict) -> io::Result<()> {
    write!(screen, "  {} of {} ({}): ", side.direction, side.service, side.mode)?;
    screen.line(side.verdict.into(), &side.verdict.to_string())?;
    screen.paragraph(4, &edges::rule(side.rule.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{edges::fixtures::key, screen::tests::printed};
    use bulkhead_api::RuleInfo;
    use bulkhead_model::{Direction, Mode, RuleOrigin, RuleRef};

    #[test]
    fn an_explanation_names_both_sides_and_what_would_allow_it() {
        let side = |service: &str, direction, allowed, rule| SideVerdict {
            service: service.parse().expect("valid"),
            direction,
            mode: Mode::Enforce,
            verdict: if allowed { Verdict::Allowed } else { Verdict::Denied },
            allowed,
            rule,
        };
        let rule = RuleInfo {
            reference: RuleRef(7),
            policy: "shop/web".into(),
            direction: Direction::Egress,
            position: 2,
            origin: RuleOrigin::User,
            allow: true,
            text: "to shop/redis tcp/6379".into(),
        };
        let answer = Explanation {
            edge: key("shop/web", "shop/redis", 6379),
            verdict: Verdict::Denied,
            egress: Some(side("shop/web", Direction::Egress, true, Some(rule))),
            ingress: Some(side("shop/redis", Direction::Ingress, false, None)),
            allow_with: Some("apiVersion: bulkhead.dev/v1alpha1\n".into()),
            seen: false,
            sentence: "shop/redis denies it: no rule of its ingress allows shop/web.".into(),
        };
        insta::assert_snapshot!(printed(80, |s| print(s, &answer, false, true).expect("memory")));
    }

    #[test]
    fn ports_of_icmp_are_types_and_codes() {
        assert_eq!(parse_port(IpProtocol::TCP, "6379").expect("valid"), 6379);
        assert_eq!(parse_port(IpProtocol::ICMP, "8").expect("valid"), 0x800);
        assert_eq!(parse_port(IpProtocol::ICMP, "3.1").expect("valid"), 0x301);
        for (protocol, wrong) in
            [(IpProtocol::TCP, "65536"), (IpProtocol::ICMP, "256"), (IpProtocol::TCP, "http")]
        {
            assert!(parse_port(protocol, wrong).is_err(), "{wrong}");
        }
    }
}
