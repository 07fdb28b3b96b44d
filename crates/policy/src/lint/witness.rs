//! Flows that stand for all that a rule matches.

use super::Linter;
use crate::{
    document::{PeerSpec, PortMatch, Rule},
    evaluate::{Remote, Traffic},
    set::ExternalPart,
};
use bulkhead_model::{Application, IpProtocol};
use std::collections::BTreeSet;

impl Linter<'_> {
    /// Some flows that a rule matches by itself: every kind of peer in it with every port range in it.
    pub(super) fn witnesses(&mut self, rule: &Rule) -> Vec<(Remote, Traffic)> {
        let mut remotes = BTreeSet::new();
        for peer in &rule.peers {
            match peer {
                PeerSpec::Services(criteria) => {
                    let selected = self.select(criteria);
                    remotes.extend(
                        selected.iter().take(64).map(|service| Remote::Service(service.name.clone())),
                    );
                }
                PeerSpec::World => {
                    remotes.insert(Remote::world());
                }
                PeerSpec::Host => {
                    remotes.insert(Remote::Host);
                }
                PeerSpec::RemoteHost => {
                    remotes.insert(Remote::RemoteHost);
                }
                PeerSpec::Multicast => {
                    remotes.insert(Remote::Multicast);
                }
                PeerSpec::Any => {
                    remotes.extend([Remote::world(), Remote::Host, Remote::RemoteHost, Remote::Multicast]);
                    let services = self.inventory.services().take(64);
                    remotes.extend(services.map(|service| Remote::Service(service.name.clone())));
                }
                PeerSpec::Cidr(_) | PeerSpec::Name(_) | PeerSpec::External(_) => {}
            }
            for part in self.set.external_parts(peer) {
                match part {
                    ExternalPart::Cidr(cidr) => {
                        let (first, last) = (cidr.net.network(), cidr.net.broadcast());
                        let ends = [first, last].into_iter().filter(|address| cidr.contains(address));
                        remotes.extend(ends.map(Remote::address));
                    }
                    ExternalPart::Name(pattern) => {
                        remotes
                            .extend(self.inventory.addresses_of(&pattern).into_iter().map(Remote::address));
                    }
                }
            }
        }
        let mut traffic = BTreeSet::new();
        let application = rule.applications.first().copied().unwrap_or(Application::UNKNOWN);
        if rule.ports.is_empty() {
            traffic.extend([1, 80, 65_535].map(|port| Traffic::tcp(port).with(application)));
            traffic.insert(Traffic::new(IpProtocol::UDP, 53).with(application));
            traffic.insert(Traffic::new(IpProtocol::GRE, 0));
        }
        for spec in &rule.ports {
            match &spec.port {
                PortMatch::All => {
                    traffic.insert(Traffic::new(spec.protocol, 0).with(application));
                }
                PortMatch::Range(range) => {
                    for port in [range.first, range.last] {
                        traffic.insert(Traffic::new(spec.protocol, port).with(application));
                    }
                }
                PortMatch::Named(name) => {
                    let named = self.inventory.services().filter_map(|service| service.named_ports.get(name));
                    let ports = named.flatten().filter(|(protocol, _)| *protocol == spec.protocol);
                    traffic.extend(
                        ports.map(|&(protocol, port)| Traffic::new(protocol, port).with(application)),
                    );
                }
            }
        }
        remotes
            .into_iter()
            .flat_map(|remote| traffic.iter().map(move |traffic| (remote.clone(), *traffic)))
            .collect()
    }
}
