use super::{
    Action, Labels, NamespaceMatch, PeerMatch, Pod, Policy, PortMatch, PortSpec, Resources, Rule, Semantics,
    WorkloadName,
};
use bulkhead_model::{Direction, IpProtocol};
use std::net::IpAddr;

/// One end of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketPeer<'a> {
    /// One of the pods (by index) of a workload.
    Pod(&'a WorkloadName, usize),
    /// An address outside of the cluster.
    Address(IpAddr),
}

/// The first packet of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    pub from: PacketPeer<'a>,
    pub to: PacketPeer<'a>,
    pub protocol: IpProtocol,
    /// Destination port; for ICMP, `type * 256 + code`.
    pub port: u16,
}

/// Whether the policies let one packet pass: rule by rule, as the definitions of the kinds tell it, without sets and
/// without anything prepared. This is what [`super::connections`] is tested against.
pub fn evaluate(resources: &Resources, semantics: Semantics, packet: &Packet<'_>) -> bool {
    let network = |peer: &PacketPeer<'_>| match peer {
        PacketPeer::Pod(name, _) => Some(resources.networks.get(&name.namespace)),
        PacketPeer::Address(_) => None,
    };
    if let (Some(from), Some(to)) = (network(&packet.from), network(&packet.to))
        && from != to
    {
        return false;
    }
    let walk = Walk { resources, semantics, packet };
    walk.side(Direction::Egress) && walk.side(Direction::Ingress)
}

struct Walk<'a> {
    resources: &'a Resources,
    semantics: Semantics,
    packet: &'a Packet<'a>,
}

impl Walk<'_> {
    fn side(&self, direction: Direction) -> bool {
        let (subject, peer) = match direction {
            Direction::Egress => (self.packet.from, self.packet.to),
            Direction::Ingress => (self.packet.to, self.packet.from),
        };
        let Some((name, pod)) = self.pod(subject) else { return true };
        if self.is_node(pod) {
            return true;
        }
        let labels = self.resources.namespace_labels(&name.namespace);
        let selecting: Vec<&Policy> = self
            .resources
            .policies
            .iter()
            .filter(|policy| policy.rules(direction).is_some())
            .filter(|policy| policy.subject.matches(name, &labels, &pod.labels))
            .collect();
        let matching = |policy: &&Policy| -> Option<Action> {
            let rules = policy.rules(direction).unwrap_or_default();
            let mean_pods = self.semantics.addresses_mean_pods(policy);
            rules.iter().find(|rule| self.rule_matches(rule, peer, mean_pods)).map(|rule| rule.action)
        };
        for tier in selecting.chunk_by(|a, b| a.layer.tier == b.layer.tier) {
            match tier.iter().find_map(matching) {
                Some(Action::Allow) => return true,
                Some(Action::Deny) => return false,
                Some(Action::Pass) => {}
                None if tier.iter().any(|policy| policy.isolates) => return false,
                None => {}
            }
        }
        true
    }

    fn pod<'p>(&'p self, peer: PacketPeer<'p>) -> Option<(&'p WorkloadName, &'p Pod)> {
        match peer {
            PacketPeer::Pod(name, index) => {
                Some((name, self.resources.workloads.get(name)?.pods.get(index)?))
            }
            PacketPeer::Address(_) => None,
        }
    }

    fn is_node(&self, pod: &Pod) -> bool {
        pod.host_network && !self.semantics.host_network_pods_are_pods
    }

    fn rule_matches(&self, rule: &Rule, peer: PacketPeer<'_>, addresses_mean_pods: bool) -> bool {
        // Of a first packet, no application is known.
        if !rule.applications.is_empty() && rule.action != Action::Allow {
            return false;
        }
        let matches = |one: &PeerMatch| self.peer_matches(one, peer, addresses_mean_pods);
        let peers = rule.peers.as_ref().is_none_or(|peers| peers.iter().any(matches));
        peers && rule.ports.as_ref().is_none_or(|ports| ports.iter().any(|port| self.port_matches(port)))
    }

    fn peer_matches(&self, one: &PeerMatch, peer: PacketPeer<'_>, addresses_mean_pods: bool) -> bool {
        match (one, peer, self.pod(peer)) {
            (PeerMatch::Pods(wanted), _, Some((name, pod))) => {
                let labels: Labels = self.resources.namespace_labels(&name.namespace);
                let namespace = match &wanted.namespaces {
                    NamespaceMatch::Named(namespace) => *namespace == name.namespace,
                    NamespaceMatch::Selected(selector) => selector.matches(&labels),
                };
                let called = wanted.workload.as_ref().is_none_or(|wanted| wanted.matches(&name.name));
                namespace && called && wanted.pods.matches(&pod.labels) && !self.is_node(pod)
            }
            (PeerMatch::Addresses { addresses, .. }, PacketPeer::Address(address), _) => {
                addresses.contains(address)
            }
            (PeerMatch::Addresses { addresses, pods_too: true }, _, Some((_, pod)))
                if addresses_mean_pods =>
            {
                let unknown = pod.addresses.is_empty();
                unknown && (addresses.v4().is_full() || addresses.v6().is_full())
                    || pod.addresses.iter().any(|address| addresses.contains(*address))
            }
            _ => false,
        }
    }

    fn port_matches(&self, one: &PortMatch) -> bool {
        let Packet { protocol, port, .. } = *self.packet;
        if one.protocol.is_some_and(|wanted| wanted != protocol) {
            return false;
        }
        match &one.port {
            PortSpec::All => true,
            PortSpec::Range(range) => range.contains(port),
            PortSpec::Named(name) => self.pod(self.packet.to).is_some_and(|(_, pod)| {
                // The first port of this name is the one that counts.
                let named = pod.ports.iter().find(|known| known.name == *name);
                named.is_some_and(|known| known.protocol == protocol && known.number == port)
            }),
        }
    }
}
