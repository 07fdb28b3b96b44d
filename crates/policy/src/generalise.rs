//! From connections that were seen to rules as an engineer would write them.

use crate::{
    document::{Action, Criteria, Metadata, PeerSpec, PortSpec, Rule, SegmentationPolicy},
    evaluate::Remote,
    explain::peer_spec,
};
use bulkhead_model::{
    Application, Direction, EdgeKey, IcmpType, IpProtocol, Peer, PortRange, RuleOrigin, ServiceName,
};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};

/// How far to go beyond what was seen. Never across services.
#[derive(Debug, Clone, Copy)]
pub struct Generalise {
    /// First port that systems hand out by themselves (Linux: 32768). Services that listen there do so by chance.
    pub first_ephemeral: u16,
    /// From so many different ephemeral ports on one pair of peers on, all ephemeral ports are meant (passive FTP, RPC).
    pub many_ephemeral: usize,
    /// With more external ranges than this for the same traffic, the world is meant.
    pub most_external: usize,
}

impl Default for Generalise {
    fn default() -> Self {
        Self { first_ephemeral: 32_768, many_ephemeral: 4, most_external: 32 }
    }
}

/// What was written, and what could not be.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    /// One document of the learned tier for every service that has edges, in the order of names.
    pub policies: Vec<SegmentationPolicy>,
    /// Edges for which no rule was written: nothing is known of one end, or it is an answer that was taken for a
    /// question (to an ephemeral port, between peers that talk the other way round).
    pub left_out: Vec<EdgeKey>,
}

/// Ports of the ephemeral range on which well-known servers listen by choice: Db2 and SAP (50000), gRPC (50051 and its
/// neighbours), HDFS, WireGuard, STOMP, ActiveMQ, MySQL X, Plex. Listed because to forget one is a false denial.
const SERVERS_OF_THE_EPHEMERAL_RANGE: [u16; 16] = [
    32_400, 33_060, 50_000, 50_010, 50_020, 50_051, 50_052, 50_053, 50_070, 50_075, 50_090, 51_820, 55_672,
    61_613, 61_616, 64_738,
];

/// Suffix of the names of learned documents, so that they never take the place of a person's.
const SUFFIX: &str = "-learned";

/// The name of the document in which a service's learned rules stand.
pub fn learned_name(service: &ServiceName) -> crate::document::DocumentKey {
    crate::document::DocumentKey::policy(service.namespace(), &format!("{}{SUFFIX}", service.name()))
}

impl Generalise {
    fn is_ephemeral(&self, port: u16) -> bool {
        port >= self.first_ephemeral && !SERVERS_OF_THE_EPHEMERAL_RANGE.contains(&port)
    }

    /// Rules that allow every edge given and as little else as makes sense: ports of one peer are taken together, peers
    /// with the same ports are taken together, ephemeral ports and many external ranges are generalised.
    pub fn policies<'e>(&self, edges: impl IntoIterator<Item = &'e EdgeKey>) -> Learned {
        let edges: BTreeSet<&EdgeKey> = edges.into_iter().collect();
        let mut seen: BTreeMap<(&ServiceName, Direction), Peers> = BTreeMap::new();
        let mut left_out = Vec::new();
        // An edge to an ephemeral port whose ends also talk the other way round on a port that is none is an answer
        // that was taken for a question.
        let questions: BTreeSet<(&Peer, &Peer, IpProtocol)> = edges
            .iter()
            .filter(|edge| !self.is_ephemeral(edge.port))
            .map(|edge| (&edge.client, &edge.server, edge.protocol))
            .collect();
        for edge in &edges {
            if edge.protocol.has_ports()
                && self.is_ephemeral(edge.port)
                && questions.contains(&(&edge.server, &edge.client, edge.protocol))
            {
                left_out.push((*edge).clone());
                continue;
            }
            let (client, server) = (Remote::from(&edge.client), Remote::from(&edge.server));
            let mut written = false;
            for (own, direction, other) in [
                (edge.client.service(), Direction::Egress, &server),
                (edge.server.service(), Direction::Ingress, &client),
            ] {
                if let Some(own) = own
                    && let Some((peer, _)) = peer_spec(other)
                {
                    let peers = seen.entry((own, direction)).or_default();
                    peers
                        .entry(peer)
                        .or_default()
                        .entry(edge.application)
                        .or_default()
                        .insert((edge.protocol, edge.port));
                    written = true;
                }
            }
            if !written {
                left_out.push((*edge).clone());
            }
        }
        let services: BTreeSet<&ServiceName> = seen.keys().map(|(service, _)| *service).collect();
        let policies = services.into_iter().map(|service| {
            let mut rules =
                |direction| seen.remove(&(service, direction)).map_or(Vec::new(), |peers| self.rules(peers));
            let (ingress, egress) = (rules(Direction::Ingress), rules(Direction::Egress));
            let key = learned_name(service);
            SegmentationPolicy {
                metadata: Metadata {
                    name: key.name.into(),
                    namespace: key.namespace.into(),
                    ..Metadata::default()
                },
                target: Criteria::service(service),
                mode: None,
                tier: RuleOrigin::Learned,
                order: None,
                ingress,
                egress,
            }
        });
        let policies: Vec<_> = policies.collect();
        Learned { policies, left_out }
    }

    fn rules(&self, peers: Peers) -> Vec<Rule> {
        // Peers that are spoken to in the same way are one rule.
        let mut alike: BTreeMap<(Vec<Application>, Vec<PortSpec>), BTreeSet<PeerSpec>> = BTreeMap::new();
        for (peer, traffic) in peers {
            for (applications, ports) in self.traffic(traffic) {
                alike.entry((applications, ports)).or_default().insert(peer.clone());
            }
        }
        let mut rules: Vec<Rule> = alike
            .into_iter()
            .map(|((applications, ports), peers)| Rule {
                action: Action::Allow,
                peers: self.peers(peers),
                ports,
                applications,
                ..Rule::default()
            })
            .collect();
        rules.sort_by(|a, b| {
            (&a.peers, &a.ports, &a.applications).cmp(&(&b.peers, &b.ports, &b.applications))
        });
        rules
    }

    /// Of one peer: ports by the applications that were seen on them. A port on which something was not identified and
    /// something was is one on which that application speaks, because a rule with ports also lets pass what is unknown.
    fn traffic(&self, seen: Seen) -> BTreeMap<Vec<Application>, Vec<PortSpec>> {
        let mut by_port: BTreeMap<(IpProtocol, u16), BTreeSet<Application>> = BTreeMap::new();
        for (application, ports) in seen {
            for port in ports {
                by_port
                    .entry(port)
                    .or_default()
                    .extend((application != Application::UNKNOWN).then_some(application));
            }
        }
        let mut by_applications: BTreeMap<Vec<Application>, BTreeSet<(IpProtocol, u16)>> = BTreeMap::new();
        for (port, applications) in by_port {
            by_applications.entry(applications.into_iter().collect()).or_default().insert(port);
        }
        by_applications.into_iter().map(|(applications, ports)| (applications, self.ports(&ports))).collect()
    }

    fn ports(&self, ports: &BTreeSet<(IpProtocol, u16)>) -> Vec<PortSpec> {
        let mut specs = BTreeSet::new();
        for &(protocol, port) in ports {
            let same = ports.range((protocol, 0)..=(protocol, u16::MAX));
            specs.insert(if protocol.is_icmp() {
                // Codes of one type are details of one message.
                PortSpec::new(protocol, IcmpType::any_code(IcmpType::from_port(port).kind))
            } else if !protocol.has_ports() {
                PortSpec::whole(protocol)
            } else if self.is_ephemeral(port)
                && same.filter(|(_, port)| self.is_ephemeral(*port)).count() >= self.many_ephemeral
            {
                PortSpec::new(protocol, PortRange { first: self.first_ephemeral, last: u16::MAX })
            } else {
                PortSpec::single(protocol, port)
            });
        }
        specs.into_iter().collect()
    }

    /// Neighbouring ranges become one; too many of them become the world.
    fn peers(&self, peers: BTreeSet<PeerSpec>) -> Vec<PeerSpec> {
        let nets: Vec<IpNet> = peers
            .iter()
            .filter_map(|peer| match peer {
                PeerSpec::Cidr(cidr) if cidr.except.is_empty() => Some(cidr.net),
                _ => None,
            })
            .collect();
        let nets = IpNet::aggregate(&nets);
        let mut rest: Vec<PeerSpec> =
            peers.into_iter().filter(|peer| !matches!(peer, PeerSpec::Cidr(_))).collect();
        if rest.contains(&PeerSpec::World) || nets.len() > self.most_external {
            rest.retain(|peer| !matches!(peer, PeerSpec::Name(_) | PeerSpec::World));
            rest.push(PeerSpec::World);
        } else {
            rest.extend(nets.into_iter().map(|net| PeerSpec::Cidr(crate::document::Cidr::whole(net))));
        }
        rest.sort();
        rest
    }
}

type Seen = BTreeMap<Application, BTreeSet<(IpProtocol, u16)>>;
type Peers = BTreeMap<PeerSpec, Seen>;
