//! Why a connection passes or not, and the smallest document that would let it pass.

use crate::{
    document::{
        Action, Cidr, Conduit, Criteria, DocumentKey, Metadata, PeerSpec, PortSpec, Rule, SegmentationPolicy,
        is_host_name,
    },
    effective::EffectiveRule,
    evaluate::{Evaluator, PairVerdict, Remote, Side, Traffic},
};
use bulkhead_model::{Application, Direction, RuleOrigin, ServiceName, Verdict};
use std::fmt::Write;

/// The answer to "why".
#[derive(Debug, Clone)]
pub struct Explanation {
    pub client: Remote,
    pub server: Remote,
    pub traffic: Traffic,
    pub verdict: PairVerdict,
    /// Documents which, when applied, make the policies of both sides allow it: one for every side that does not.
    pub remedy: Vec<SegmentationPolicy>,
    /// Sides that no document can open, each with the reason.
    pub without_remedy: Vec<String>,
}

impl Evaluator<'_> {
    /// Which rule decides on each side, and what it would take to allow the connection.
    pub fn explain(&self, client: &Remote, server: &Remote, traffic: Traffic) -> Explanation {
        let verdict = self.verdict(client, server, traffic);
        let (mut remedy, mut without_remedy) = (Vec::new(), Vec::new());
        for side in verdict.sides().filter(|side| !side.decision.allow) {
            let other = match side.direction {
                Direction::Ingress => client,
                Direction::Egress => server,
            };
            match self.remedy(side, other, traffic) {
                Ok(policy) => remedy.push(policy),
                Err(reason) => without_remedy.push(reason),
            }
        }
        let (client, server) = (client.clone(), server.clone());
        Explanation { client, server, traffic, verdict, remedy, without_remedy }
    }

    /// A document of one rule that decides before whatever denies now.
    fn remedy(&self, side: &Side, other: &Remote, traffic: Traffic) -> Result<SegmentationPolicy, String> {
        let (peer, peer_name) = peer_spec(other).ok_or_else(|| {
            format!("{} of {}: nothing is known of the other end", side.direction, side.service)
        })?;
        if let Remote::Service(name) = other
            && self.inventory().service(name).is_none()
        {
            return Err(format!("{} of {}: there is no service {name}", side.direction, side.service));
        }
        let ports = match traffic.protocol.has_ports() || traffic.protocol.is_icmp() {
            true => PortSpec::single(traffic.protocol, traffic.port),
            false => PortSpec::whole(traffic.protocol),
        };
        if let Some(border) = side.decision.rule.as_ref().filter(|rule| rule.is_border()) {
            let own = Criteria::service(&side.service);
            let (from, to) = match side.direction {
                Direction::Ingress => (peer, PeerSpec::Services(own)),
                Direction::Egress => (PeerSpec::Services(own), peer),
            };
            let way = Conduit {
                from: Some(vec![from]),
                to: Some(vec![to]),
                ports: vec![ports],
                ..Conduit::default()
            };
            return Err(format!(
                "{} of {}: the {} has a border, which no rule opens; give the zone a conduit, or an exception that \
                 expires: {{{}}}",
                side.direction,
                side.service,
                border.document(),
                way.text(),
            ));
        }
        let (tier, order) = match &side.decision.rule {
            None => (RuleOrigin::User, None),
            Some(denying) => before(denying).ok_or_else(|| {
                let title = denying.title();
                format!("{} of {}: {title} is the very first of all rules", side.direction, side.service)
            })?,
        };
        let known = traffic.protocol.has_ports() && traffic.application != Application::UNKNOWN;
        let applications = if known { vec![traffic.application] } else { Vec::new() };
        let rule = Rule {
            action: Action::Allow,
            peers: vec![peer],
            ports: vec![ports],
            applications,
            ..Rule::default()
        };
        let (ingress, egress) = match side.direction {
            Direction::Ingress => (vec![rule], Vec::new()),
            Direction::Egress => (Vec::new(), vec![rule]),
        };
        Ok(SegmentationPolicy {
            metadata: Metadata {
                name: self.free_name(&side.service, side.direction, &peer_name, traffic),
                namespace: side.service.namespace().to_owned(),
                ..Metadata::default()
            },
            target: Criteria::service(&side.service),
            mode: None,
            tier,
            order,
            ingress,
            egress,
        })
    }

    /// A telling name that no document has: `redis-from-shop-api-tcp-6379`.
    fn free_name(&self, service: &ServiceName, direction: Direction, peer: &str, traffic: Traffic) -> String {
        let preposition = match direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        let mut name = format!("{}-{preposition}-{peer}-{}", service.name(), traffic.protocol);
        if traffic.protocol.has_ports() || traffic.protocol.is_icmp() {
            let _ = write!(name, "-{}", traffic.port);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let mut name: String = name.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
        name.truncate(240);
        let taken = |name: &str| self.set().get(&DocumentKey::policy(service.namespace(), name)).is_some();
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        std::iter::once(name.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(name)
    }
}

/// The place of a rule that decides just before this one: an order one less, any order where it has none, else the tier
/// above; nothing where it is the first of all.
fn before(denying: &EffectiveRule) -> Option<(RuleOrigin, Option<i32>)> {
    match denying.order() {
        None => Some((denying.origin(), Some(0))),
        Some(order) if order > i32::MIN => Some((denying.origin(), Some(order - 1))),
        Some(_) => match denying.origin() {
            RuleOrigin::Declared => None,
            RuleOrigin::User => Some((RuleOrigin::Declared, None)),
            RuleOrigin::Imported => Some((RuleOrigin::User, None)),
            RuleOrigin::Learned => Some((RuleOrigin::Imported, None)),
        },
    }
}

/// A peer that means exactly this end, and what to call it in a name.
pub(crate) fn peer_spec(remote: &Remote) -> Option<(PeerSpec, String)> {
    Some(match remote {
        Remote::Service(name) => (PeerSpec::Services(Criteria::service(name)), name.to_string()),
        Remote::Host => (PeerSpec::Host, "host".to_owned()),
        Remote::RemoteHost => (PeerSpec::RemoteHost, "remote-host".to_owned()),
        Remote::Multicast => (PeerSpec::Multicast, "multicast".to_owned()),
        Remote::External { name: Some(name), .. } if is_host_name(name) => {
            (PeerSpec::Name(name.clone()), name.to_string())
        }
        Remote::External { net: Some(net), .. } => {
            (PeerSpec::Cidr(Cidr::whole(net.trunc())), net.network().to_string())
        }
        Remote::External { net: None, name: None } => (PeerSpec::World, "world".to_owned()),
        // A name that no document can hold.
        Remote::External { name: Some(_), .. } | Remote::Unknown => return None,
    })
}

impl Explanation {
    /// The remedy as one text that can be applied; empty where the policies allow it or nothing helps.
    pub fn remedy_yaml(&self) -> String {
        self.remedy.iter().map(SegmentationPolicy::to_yaml).collect::<Vec<_>>().join("---\n")
    }

    /// What decided, a line for each side.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences: Vec<String> = self.verdict.sides().map(sentence).collect();
        if sentences.is_empty() {
            sentences
                .push("neither end is a service that Bulkhead knows, so nothing holds it back".to_owned());
        }
        sentences
    }
}

fn sentence(side: &Side) -> String {
    let Side { service, direction, mode, decision } = side;
    let who = match &decision.rule {
        Some(rule) if rule.is_border() => format!("no conduit of the {} covers it", rule.document()),
        Some(rule) => {
            let verb = if decision.allow { "allows" } else { "denies" };
            let text = rule.rule().text(*direction);
            format!("{} ({} tier) {verb} it: {text}", rule.title(), rule.origin())
        }
        None => "no rule allows it".to_owned(),
    };
    let outcome = match side.verdict() {
        Verdict::Denied => "denied",
        Verdict::WouldDeny => "would be denied",
        Verdict::Allowed if decision.allow => "allowed",
        Verdict::Allowed => "passes while it learns",
    };
    format!("{direction} of {service} ({mode}): {outcome}; {who}")
}
