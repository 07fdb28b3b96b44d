//! Questions about documents in files, answered without a server.
//!
//! Without an estate, the services are those that manifests, documents or the question name. Those that a document targets
//! are taken to enforce it; the others hold nothing back, as services without documents do.

mod reach;

pub(super) use reach::{reach, who_can_reach};

use super::files::{Files, inventory};
use crate::{
    exit::{Code, Failure},
    output::moment,
};
use anyhow::Result;
use bulkhead_api::{ExplainRequest, Explanation, RuleInfo, SideVerdict};
use bulkhead_model::{Application, EdgeKey, ExternalName, Mode, Peer, ServiceName};
use bulkhead_policy::{Evaluator, Remote, RuleBook, SegmentationPolicy, Side, Traffic};
use std::net::IpAddr;

/// What the documents say of one connection.
pub(super) fn explain(files: &Files, request: &ExplainRequest) -> Result<Explanation> {
    let (client, server) = (peer(&request.from)?, peer(&request.to)?);
    let inventory = inventory(&[files], [&client, &server]);
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(&files.set, &inventory, &mut book, moment::now());
    let application = request.application.unwrap_or(Application::UNKNOWN);
    let traffic = Traffic::new(request.protocol, request.port).with(application);
    let answer = evaluator.explain(&Remote::from(&client), &Remote::from(&server), traffic);
    let sentences: Vec<String> =
        answer.sentences().into_iter().chain(answer.without_remedy.clone()).collect();
    // A service without documents needs none: the first one would close it for everything else.
    let enforces = |policy: &SegmentationPolicy| {
        let service = policy.target.exact_service().and_then(|name| inventory.service(&name));
        service.is_some_and(|service| service.mode == Mode::Enforce)
    };
    let remedy: Vec<_> =
        answer.remedy.iter().filter(|policy| enforces(policy)).map(SegmentationPolicy::to_yaml).collect();
    Ok(Explanation {
        edge: EdgeKey { client, server, protocol: request.protocol, port: request.port, application },
        verdict: answer.verdict.verdict,
        egress: answer.verdict.client.as_ref().map(side),
        ingress: answer.verdict.server.as_ref().map(side),
        allow_with: (!remedy.is_empty()).then(|| remedy.join("---\n")),
        seen: false,
        sentence: sentences.join("\n"),
    })
}

/// `shop/web`, `host`, `world`, an address, a range or a domain name.
pub(super) fn peer(text: &str) -> Result<Peer> {
    Ok(match text {
        "world" => Peer::World,
        "host" => Peer::Host,
        "remote-host" => Peer::RemoteHost,
        "multicast" => Peer::Multicast,
        _ if is_address(text) => Peer::External(ExternalName(text.into())),
        // A bare name may be a service of the default namespace or a domain: with a dot it is a domain.
        _ if text.contains('/') && text.parse::<ServiceName>().is_ok() => Peer::Service(text.parse()?),
        _ if text.contains('.') && !text.contains('/') => Peer::External(ExternalName(text.into())),
        _ => {
            return Err(Failure::new(Code::Usage, format!("'{text}' names no peer"))
                .remedy(
                    "write a service as namespace/name; or world, host, an address, a range, a domain name",
                )
                .into());
        }
    })
}

/// An address or a range.
fn is_address(text: &str) -> bool {
    let (net, bits) = text.split_once('/').unwrap_or((text, "0"));
    net.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok()
}

fn side(side: &Side) -> SideVerdict {
    SideVerdict {
        service: side.service.clone(),
        direction: side.direction,
        mode: side.mode,
        verdict: side.verdict(),
        allowed: side.decision.allow,
        rule: side.decision.rule.as_ref().map(|rule| RuleInfo {
            reference: rule.reference,
            policy: rule.document().to_string(),
            direction: rule.direction,
            position: u32::try_from(rule.index).unwrap_or(u32::MAX),
            origin: rule.origin(),
            allow: side.decision.allow,
            text: rule.rule().text(rule.direction),
        }),
    }
}

#[cfg(test)]
mod tests;
