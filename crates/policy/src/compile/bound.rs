//! Rules whose peers are numbers.

use crate::{
    compiled::Outcome,
    document::{Action, PeerSpec, PortMatch, Rule},
    inventory::{Inventory, Service},
    set::PolicySet,
};
use bulkhead_model::{Application, Identity, IpProtocol, PortRange, RuleRef};
use std::{collections::BTreeSet, sync::Arc};

/// Who is meant, as numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PeerSet {
    pub(super) any: bool,
    /// Services that nobody knows yet included.
    pub(super) every_service: bool,
    pub(super) host: bool,
    pub(super) remote_host: bool,
    pub(super) multicast: bool,
    pub(super) world: bool,
    pub(super) services: BTreeSet<Identity>,
    pub(super) atoms: BTreeSet<Identity>,
}

impl PeerSet {
    pub(super) fn of(spec: &PeerSpec, set: &PolicySet, inventory: &Inventory) -> Self {
        let mut peers = Self::default();
        match spec {
            PeerSpec::Any => peers.any = true,
            PeerSpec::World => peers.world = true,
            PeerSpec::Host => peers.host = true,
            PeerSpec::RemoteHost => peers.remote_host = true,
            PeerSpec::Multicast => peers.multicast = true,
            PeerSpec::Services(criteria) if criteria.is_every_service() => peers.every_service = true,
            PeerSpec::Services(criteria) => {
                let selected = set.select(criteria, inventory);
                peers.services = selected.iter().map(|service| service.identity).collect();
            }
            PeerSpec::Cidr(_) | PeerSpec::Name(_) | PeerSpec::External(_) => {}
        }
        peers
    }

    pub(super) fn breadth(&self) -> usize {
        let wide = [self.any, self.every_service, self.world].into_iter().filter(|wide| *wide).count();
        let one = [self.host, self.remote_host, self.multicast].into_iter().filter(|one| *one).count();
        wide.saturating_mul(1_000_000) + one + self.services.len() + self.atoms.len()
    }

    pub(super) fn meets(&self, other: &PeerSet) -> bool {
        let wide = |a: &Self, b: &Self| {
            a.any
                || a.every_service && (b.every_service || !b.services.is_empty())
                || a.world && (b.world || !b.atoms.is_empty())
        };
        wide(self, other)
            || wide(other, self)
            || self.host && other.host
            || self.remote_host && other.remote_host
            || self.multicast && other.multicast
            || !self.services.is_disjoint(&other.services)
            || !self.atoms.is_disjoint(&other.atoms)
    }

    pub(super) fn add(&mut self, more: &PeerSet) {
        self.any |= more.any;
        self.every_service |= more.every_service;
        self.host |= more.host;
        self.remote_host |= more.remote_host;
        self.multicast |= more.multicast;
        self.world |= more.world;
        self.services.extend(&more.services);
        self.atoms.extend(&more.atoms);
    }
}

/// A rule whose peers are numbers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BoundRule {
    pub(super) outcome: Outcome,
    /// It decides nothing, but keeps this rule from deciding.
    pub(super) passes: Option<RuleRef>,
    pub(super) peers: Arc<PeerSet>,
    /// `None`: every protocol and port. Those of `named` are not in it.
    pub(super) ports: Option<Vec<(IpProtocol, PortRange)>>,
    pub(super) named: Vec<(IpProtocol, Box<str>)>,
    pub(super) applications: Vec<Application>,
}

impl BoundRule {
    pub(super) fn new(reference: RuleRef, rule: &Rule, peers: Arc<PeerSet>, passes: Option<RuleRef>) -> Self {
        let (mut ports, mut named) = (Vec::new(), Vec::new());
        for spec in &rule.ports {
            match &spec.port {
                PortMatch::All => ports.push((spec.protocol, PortRange::ALL)),
                PortMatch::Range(range) => ports.push((spec.protocol, *range)),
                PortMatch::Named(name) => named.push((spec.protocol, name.clone())),
            }
        }
        Self {
            outcome: Outcome { allow: rule.action == Action::Allow, rule: reference },
            passes,
            peers,
            ports: (!rule.ports.is_empty()).then_some(ports),
            named,
            applications: rule.applications.clone(),
        }
    }

    /// The ports, with the names that mean something to this server.
    pub(super) fn ports_at(&self, server: Option<&Service>) -> Vec<(IpProtocol, PortRange)> {
        let mut ports = self.ports.clone().unwrap_or_default();
        for (protocol, name) in &self.named {
            let of_name = server.and_then(|server| server.named_ports.get(name));
            for &(of_protocol, port) in of_name.into_iter().flatten() {
                if of_protocol == *protocol {
                    ports.push((of_protocol, PortRange::single(port)));
                }
            }
        }
        ports
    }
}
