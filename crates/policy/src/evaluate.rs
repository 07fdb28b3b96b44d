//! The reference evaluator: what the policy says of one flow, told slowly and straight from the documents. The compiled
//! tables and the kernel program are tested against it.
//!
//! Semantics. Every rule speaks for one side: `ingress` rules of the serving service, `egress` rules of the opening
//! service. Of the rules of a side, in the order of tiers (declared, user, imported, learned), inside a tier of explicit
//! `order`, and there deny before allow, the first that matches decides; where none matches the flow is denied.
//! What a denial means is the mode's business: see [`Evaluator::verdict`].
//!
//! Zones. Before all rules stand the borders of zones: a conduit that matches takes the denial of its border out of the
//! way, and decides nothing itself.
//!
//! Applications. A flow's application is known or `unknown`. A rule without `applications` matches all. A rule with
//! `applications` and `ports` matches when the application is one of them *or is unknown*, because the first packets
//! must pass for the application to be seen; it stops to match as soon as another application is known. A rule with
//! `applications` and no `ports` matches only when the application is known to be one of them: closed by default.
//! Applications exist on protocols with ports only.

use crate::{
    compiled::Outcome,
    document::{Action, PeerSpec, PortMatch, Rule},
    effective::{EffectivePolicy, EffectiveRule},
    inventory::{Inventory, Service},
    rulebook::RuleBook,
    set::{ExternalPart, PolicySet},
};
use bulkhead_model::{
    Application, Direction, EdgeKey, ExternalName, IpProtocol, Mode, Peer, RuleRef, ServiceName, Timestamp,
    Verdict,
};
use ipnet::IpNet;
use std::{net::IpAddr, sync::Arc};

/// The other end of a connection, seen from a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remote {
    Service(ServiceName),
    Host,
    RemoteHost,
    Multicast,
    /// An address outside, by what is known of it.
    External {
        /// One address (a whole-length prefix) or a range all of which is meant.
        net: Option<IpNet>,
        /// A name by which it was looked up.
        name: Option<Box<str>>,
    },
    /// Nothing is known of it; no rule matches.
    Unknown,
}

impl Remote {
    pub fn address(address: IpAddr) -> Self {
        Self::External { net: Some(address.into()), name: None }
    }

    pub fn name(name: &str) -> Self {
        Self::External { net: None, name: Some(name.trim_end_matches('.').to_ascii_lowercase().into()) }
    }

    pub fn world() -> Self {
        Self::External { net: None, name: None }
    }
}

impl From<&Peer> for Remote {
    fn from(peer: &Peer) -> Self {
        match peer {
            Peer::Service(name) => Self::Service(name.clone()),
            Peer::External(ExternalName(text)) => match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
                (Ok(net), _) => Self::External { net: Some(net.trunc()), name: None },
                (_, Ok(address)) => Self::address(address),
                _ => Self::name(text),
            },
            Peer::Host => Self::Host,
            Peer::RemoteHost => Self::RemoteHost,
            Peer::World => Self::world(),
            Peer::Multicast => Self::Multicast,
            Peer::Unknown => Self::Unknown,
        }
    }
}

impl From<ServiceName> for Remote {
    fn from(name: ServiceName) -> Self {
        Self::Service(name)
    }
}

/// What is asked for between two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Traffic {
    pub protocol: IpProtocol,
    /// Server port; `type * 256 + code` for ICMP; 0 for protocols without ports.
    pub port: u16,
    pub application: Application,
}

impl Traffic {
    pub const fn new(protocol: IpProtocol, port: u16) -> Self {
        Self { protocol, port, application: Application::UNKNOWN }
    }

    pub const fn tcp(port: u16) -> Self {
        Self::new(IpProtocol::TCP, port)
    }

    pub const fn with(self, application: Application) -> Self {
        Self { application, ..self }
    }
}

impl From<&EdgeKey> for Traffic {
    fn from(edge: &EdgeKey) -> Self {
        Self { protocol: edge.protocol, port: edge.port, application: edge.application }
    }
}

/// What the policy of one side says, whatever the mode.
#[derive(Debug, Clone)]
pub struct Decision {
    pub allow: bool,
    /// The rule that decided; `None` where no rule matched, which denies.
    pub rule: Option<Arc<EffectiveRule>>,
}

impl Decision {
    pub fn outcome(&self) -> Outcome {
        Outcome { allow: self.allow, rule: self.reference() }
    }

    pub fn reference(&self) -> RuleRef {
        self.rule.as_ref().map_or(RuleRef::NONE, |rule| rule.reference)
    }
}

/// One side of a connection: whose policy, in which mode, says what.
#[derive(Debug, Clone)]
pub struct Side {
    pub service: ServiceName,
    pub direction: Direction,
    pub mode: Mode,
    pub decision: Decision,
}

impl Side {
    pub fn verdict(&self) -> Verdict {
        side_verdict(self.mode, self.decision.allow)
    }
}

/// A connection between two ends: what each side says, and what comes of it.
#[derive(Debug, Clone)]
pub struct PairVerdict {
    pub verdict: Verdict,
    /// The opening side, where it is a service of the inventory.
    pub client: Option<Side>,
    /// The serving side, where it is a service of the inventory.
    pub server: Option<Side>,
}

impl PairVerdict {
    /// The rules that decide, the opening side's first; a side without one has none.
    pub fn rules(&self) -> Vec<String> {
        self.sides().filter_map(|side| side.decision.rule.as_ref()).map(|rule| rule.title()).collect()
    }

    /// The sides that there are, client first.
    pub fn sides(&self) -> impl Iterator<Item = &Side> {
        self.client.iter().chain(&self.server)
    }

    /// Whether the policies of both sides allow it, whatever their modes.
    pub fn allowed_by_policy(&self) -> bool {
        self.sides().all(|side| side.decision.allow)
    }
}

/// What one side does with what its policy says.
pub const fn side_verdict(mode: Mode, allow: bool) -> Verdict {
    match (mode, allow) {
        (Mode::Quarantine, _) | (Mode::Enforce, false) => Verdict::Denied,
        (Mode::Monitor, false) => Verdict::WouldDeny,
        (Mode::Learn, _) | (Mode::Monitor | Mode::Enforce, true) => Verdict::Allowed,
    }
}

/// Documents bound to an inventory at one point in time, ready to be asked.
#[derive(Debug)]
pub struct Evaluator<'a> {
    set: &'a PolicySet,
    inventory: &'a Inventory,
    effective: EffectivePolicy,
}

impl<'a> Evaluator<'a> {
    /// `book` gives the rules their numbers; a fresh one will do where nobody compares them with others.
    pub fn new(set: &'a PolicySet, inventory: &'a Inventory, book: &mut RuleBook, now: Timestamp) -> Self {
        Self { set, inventory, effective: EffectivePolicy::new(set, inventory, book, now) }
    }

    pub fn set(&self) -> &'a PolicySet {
        self.set
    }

    pub fn inventory(&self) -> &'a Inventory {
        self.inventory
    }

    /// The rules of every service in deciding order.
    pub fn effective(&self) -> &EffectivePolicy {
        &self.effective
    }

    /// What the policy of `service` says of a connection with `remote`, which `service` opens (egress) or is asked
    /// for (ingress). A service without documents has no rules, so everything is denied, by no rule.
    pub fn decide(
        &self,
        service: &ServiceName,
        direction: Direction,
        remote: &Remote,
        traffic: Traffic,
    ) -> Decision {
        let Some(local) = self.inventory.service(service) else {
            return Decision { allow: false, rule: None };
        };
        let peer = match remote {
            Remote::Service(name) => self.inventory.service(name),
            _ => None,
        };
        let server = match direction {
            Direction::Ingress => Some(local),
            Direction::Egress => peer,
        };
        let mut passed = None;
        for effective in self.effective.rules(local.identity, direction) {
            let rule = effective.rule();
            if passed != Some(effective.reference)
                && rule_takes(rule, server, traffic)
                && rule.peers.iter().any(|spec| self.peer_matches(spec, remote, peer))
            {
                if rule.action == Action::Pass {
                    passed = effective.passes;
                    continue;
                }
                let allow = rule.action == Action::Allow;
                return Decision { allow, rule: Some(Arc::clone(effective)) };
            }
        }
        Decision { allow: false, rule: None }
    }

    /// What becomes of a connection that `client` opens to `server`: denied where a side that enforces denies it,
    /// else would-deny where a side that monitors would, else allowed. Sides that are no services have no say.
    pub fn verdict(&self, client: &Remote, server: &Remote, traffic: Traffic) -> PairVerdict {
        let client_side = self.side(client, Direction::Egress, server, traffic);
        let server_side = self.side(server, Direction::Ingress, client, traffic);
        let worst = [&client_side, &server_side].into_iter().flatten().map(Side::verdict).max();
        PairVerdict { verdict: worst.unwrap_or(Verdict::Allowed), client: client_side, server: server_side }
    }

    /// [`Evaluator::verdict`] of an edge.
    pub fn edge_verdict(&self, edge: &EdgeKey) -> PairVerdict {
        self.verdict(&Remote::from(&edge.client), &Remote::from(&edge.server), Traffic::from(edge))
    }

    fn side(&self, own: &Remote, direction: Direction, other: &Remote, traffic: Traffic) -> Option<Side> {
        let Remote::Service(name) = own else { return None };
        let service = self.inventory.service(name)?;
        let decision = self.decide(name, direction, other, traffic);
        Some(Side { service: name.clone(), direction, mode: service.mode, decision })
    }

    pub(crate) fn peer_matches(&self, spec: &PeerSpec, remote: &Remote, service: Option<&Service>) -> bool {
        match remote {
            Remote::Unknown => false,
            _ if *spec == PeerSpec::Any => true,
            Remote::Service(_) => match spec {
                // Of a service that is not in the inventory nothing is known but that it is one.
                PeerSpec::Services(criteria) => match service {
                    Some(service) => self.set.selects(criteria, service),
                    None => criteria.is_every_service(),
                },
                _ => false,
            },
            Remote::Host => *spec == PeerSpec::Host,
            Remote::RemoteHost => *spec == PeerSpec::RemoteHost,
            Remote::Multicast => *spec == PeerSpec::Multicast,
            Remote::External { net, name } => {
                let means = |part: &ExternalPart| part.means(net.as_ref(), name.as_deref(), self.inventory);
                *spec == PeerSpec::World || self.set.external_parts(spec).iter().any(means)
            }
        }
    }
}

/// Whether ports and applications of a rule fit.
fn rule_takes(rule: &Rule, server: Option<&Service>, traffic: Traffic) -> bool {
    let port_fits = rule.ports.is_empty()
        || rule.ports.iter().any(|spec| {
            spec.protocol == traffic.protocol
                && match &spec.port {
                    PortMatch::All => true,
                    PortMatch::Range(range) => range.contains(traffic.port),
                    PortMatch::Named(name) => server
                        .and_then(|server| server.named_ports.get(name))
                        .is_some_and(|ports| ports.contains(&(traffic.protocol, traffic.port))),
                }
        });
    let application = if traffic.protocol.has_ports() { traffic.application } else { Application::UNKNOWN };
    let application_fits = rule.applications.is_empty()
        || rule.applications.contains(&application)
        || (application == Application::UNKNOWN && !rule.ports.is_empty());
    port_fits && application_fits
}
