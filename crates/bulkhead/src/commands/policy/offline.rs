//! Questions about documents in files, answered without a server.

use crate::{
    commands::{Context, documents},
    exit::{Code, Failure},
    output::moment,
};
use anyhow::Result;
use bulkhead_api::{ExplainRequest, Explanation, RuleInfo, SideVerdict};
use bulkhead_model::{Application, EdgeKey, ExternalName, Mode, Peer, ServiceName, Verdict};
use bulkhead_policy::{Evaluator, Inventory, PolicySet, ReadOptions, Remote, RuleBook, Side, Traffic};
use std::path::PathBuf;

/// The documents of files; every error of every file where there is any.
pub(super) fn documents(cx: &mut Context, files: &[PathBuf]) -> Result<PolicySet> {
    let sources = documents::read_all(files)?;
    let texts = sources.iter().map(|s| (s.name.as_str(), s.text.as_str()));
    PolicySet::read(texts, ReadOptions { skip_foreign: true, ..ReadOptions::default() }).or_else(|wrong| {
        for diagnostic in &wrong {
            cx.note(&diagnostic.to_string())?;
        }
        Err(Failure::new(Code::Invalid, format!("the documents have {} error(s)", wrong.len()))
            .remedy("mend what is said above; nothing is answered from half of them")
            .into())
    })
}

/// What the documents say of one connection, with every service in Enforce.
pub(super) fn explain(set: &PolicySet, request: &ExplainRequest) -> Result<Explanation> {
    let (client, server) = (peer(&request.from)?, peer(&request.to)?);
    let mut names = set.named_services();
    names.extend([&client, &server].into_iter().filter_map(|peer| peer.service().cloned()));
    let mut inventory = Inventory::of_names(names.iter().cloned());
    for name in &names {
        if let Some(service) = inventory.service_mut(name) {
            service.mode = Mode::Enforce;
        }
    }
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(set, &inventory, &mut book, moment::now());
    let application = request.application.unwrap_or(Application::UNKNOWN);
    let traffic = Traffic::new(request.protocol, request.port).with(application);
    let verdict = evaluator.verdict(&Remote::from(&client), &Remote::from(&server), traffic);
    let edge = EdgeKey { client, server, protocol: request.protocol, port: request.port, application };
    let sentence = sentence(&edge, verdict.verdict, verdict.sides());
    Ok(Explanation {
        edge,
        verdict: verdict.verdict,
        egress: verdict.client.as_ref().map(side),
        ingress: verdict.server.as_ref().map(side),
        allow_with: None,
        seen: false,
        sentence,
    })
}

/// `shop/web`, `host`, `world`, an address, a range or a domain name.
fn peer(text: &str) -> Result<Peer> {
    Ok(match text {
        "world" => Peer::World,
        "host" => Peer::Host,
        "remote-host" => Peer::RemoteHost,
        "multicast" => Peer::Multicast,
        // A range has a slash, as the name of a service has.
        _ if text.parse::<ServiceName>().is_ok() && text.contains('/') && !is_range(text) => {
            Peer::Service(text.parse()?)
        }
        _ if is_range(text) || text.parse::<std::net::IpAddr>().is_ok() || text.contains('.') => {
            Peer::External(ExternalName(text.into()))
        }
        _ => {
            return Err(Failure::new(Code::Usage, format!("'{text}' names no peer"))
                .remedy(
                    "write a service as namespace/name; or world, host, an address, a range, a domain name",
                )
                .into());
        }
    })
}

fn is_range(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(net, bits)| net.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok())
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
            policy: format!("{}/{}", rule.policy.metadata.namespace, rule.policy.metadata.name),
            direction: rule.direction,
            position: u32::try_from(rule.index).unwrap_or(u32::MAX),
            origin: rule.origin(),
            allow: side.decision.allow,
            text: rule.rule().text(rule.direction),
        }),
    }
}

fn sentence<'a>(edge: &EdgeKey, verdict: Verdict, mut sides: impl Iterator<Item = &'a Side>) -> String {
    match (verdict, sides.find(|side| !side.decision.allow)) {
        (_, Some(side)) => match &side.decision.rule {
            Some(rule) => format!("{} denies it: {}.", side.service, rule.title()),
            None => format!("{} denies it: no rule of its {} allows it.", side.service, side.direction),
        },
        (Verdict::Allowed, None) if edge.client.service().or(edge.server.service()).is_none() => {
            "Neither end is a service: no policy speaks of it.".into()
        }
        _ => "Every side allows it.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulkhead_model::IpProtocol;

    const SHOP: &str = "\
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis, namespace: shop}
spec:
  target: {service: shop/redis}
  ingress:
    - from: [{service: shop/api}]
      ports: [6379]
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: api, namespace: shop}
spec:
  target: {service: shop/api}
  egress:
    - to: [{service: shop/redis}]
      ports: [6379]
";

    fn ask(from: &str, to: &str, port: u16) -> Explanation {
        let set = PolicySet::read([("shop.yaml", SHOP)], ReadOptions::default()).expect("valid");
        let request = ExplainRequest {
            from: from.into(),
            to: to.into(),
            protocol: IpProtocol::TCP,
            port,
            application: None,
        };
        explain(&set, &request).expect("peers")
    }

    #[test]
    fn documents_in_files_decide_and_the_deciding_rule_is_named() {
        let allowed = ask("shop/api", "shop/redis", 6379);
        assert_eq!(allowed.verdict, Verdict::Allowed);
        assert_eq!(
            allowed.ingress.and_then(|side| side.rule).map(|rule| rule.policy),
            Some("shop/redis".into())
        );
        let denied = ask("shop/web", "shop/redis", 6379);
        assert_eq!(denied.verdict, Verdict::Denied);
        assert_eq!(ask("world", "shop/redis", 6379).verdict, Verdict::Denied);
        assert_eq!(ask("shop/api", "shop/redis", 22).verdict, Verdict::Denied);
    }

    #[test]
    fn peers_are_told_apart() {
        assert!(matches!(peer("shop/redis"), Ok(Peer::Service(_))));
        assert!(matches!(peer("203.0.113.0/24"), Ok(Peer::External(_))));
        assert!(matches!(peer("2001:db8::1"), Ok(Peer::External(_))));
        assert!(matches!(peer("api.example.com"), Ok(Peer::External(_))));
        assert!(matches!(peer("world"), Ok(Peer::World)));
        assert!(peer("redis").is_err());
    }
}
