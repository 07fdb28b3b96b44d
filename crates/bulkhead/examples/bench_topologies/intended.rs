//! What a published application is meant to be: its workloads, their ports, and who is meant to connect to whom. All of
//! it is read from its manifests and its own network policies.

use bulkhead_model::{IpProtocol, Peer, ServiceName};
use bulkhead_policy::kubernetes::{
    self, Connectivity, Endpoint, Labels, Operator, PeerMatch, Policy, PortMatch, PortSpec, Resources, Rule,
    Selector, Semantics, TargetPort, WorkloadName,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

/// Who connects to which port of whom, TCP.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) client: Peer,
    pub(crate) server: ServiceName,
    pub(crate) port: u16,
}

/// One workload of the application.
#[derive(Debug, Clone, Default)]
pub(crate) struct Member {
    /// Ports that it exposes, and under which name services offer them (`grpc`, `http`).
    pub(crate) ports: BTreeMap<u16, String>,
    /// `host:port` of its environment.
    pub(crate) addresses: Vec<(String, u16)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Application {
    pub(crate) members: BTreeMap<ServiceName, Member>,
    pub(crate) edges: BTreeSet<Edge>,
    /// Where the policies had to be read with understanding.
    pub(crate) notes: Vec<String>,
}

/// An address outside, as clients from there have it.
pub(crate) const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

impl Application {
    /// Reads all manifests below a folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut files = Vec::new();
        texts(folder, &mut files);
        let reading = kubernetes::read(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
        let mut resources = reading.resources;
        let mut members = members(&resources);
        for (name, addresses) in files.iter().flat_map(|(_, text)| environments(text)) {
            if let Some(member) = members.iter_mut().find(|(known, _)| *known.name == *name) {
                member.1.addresses = addresses;
            }
        }
        let offered = offered(&resources);
        let mut notes = settle_spelling(&mut resources);
        let allowed = kubernetes::connections(&resources, Semantics::KUBERNETES);
        let mut edges = BTreeSet::new();
        for policy in resources.policies.iter().filter(|policy| policy.is_namespaced()) {
            for rule in policy.ingress.iter().flatten() {
                edges.extend(meant(&resources, &members, &offered, policy, rule));
            }
        }
        // A rule of one policy is not the last word: both ends must allow it.
        edges.retain(|edge| {
            let both = allows(&allowed, edge);
            if !both {
                notes.push(format!("{} to {}:{} is denied at one end", edge.client, edge.server, edge.port));
            }
            both
        });
        let members = members.into_iter().map(|(name, member)| (service(&name), member)).collect();
        Self { members, edges, notes }
    }

    /// Every other way there is: from each workload and from outside to each exposed port of another workload.
    pub(crate) fn not_meant(&self) -> BTreeSet<Edge> {
        let clients = || self.members.keys().cloned().map(Peer::Service).chain([Peer::World]);
        let ports =
            self.members.iter().flat_map(|(name, member)| member.ports.keys().map(move |p| (name, *p)));
        ports
            .flat_map(|(server, port)| {
                clients().map(move |client| Edge { client, server: server.clone(), port })
            })
            .filter(|edge| edge.client.service() != Some(&edge.server) && !self.edges.contains(edge))
            .collect()
    }
}

type Members = BTreeMap<WorkloadName, Member>;
/// (namespace, service, port) → the workloads and ports behind it.
type Offered = BTreeMap<(String, String, u16), Vec<(WorkloadName, u16)>>;

fn service(name: &WorkloadName) -> ServiceName {
    ServiceName::new(&name.namespace, &name.name).expect("names of Kubernetes are names of services")
}

fn texts(folder: &Path, found: &mut Vec<(String, String)>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry of the folder").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            texts(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push((path.display().to_string(), fs::read_to_string(&path).expect("text")));
        }
    }
}

fn labels(resources: &Resources) -> impl Iterator<Item = (&WorkloadName, &Labels)> {
    resources
        .workloads
        .iter()
        .flat_map(|(name, workload)| workload.pods.iter().map(move |pod| (name, &pod.labels)))
}

fn members(resources: &Resources) -> Members {
    let mut members = Members::new();
    for (name, workload) in &resources.workloads {
        let member = members.entry(name.clone()).or_default();
        for port in workload.pods.iter().flat_map(|pod| &pod.ports) {
            if port.protocol == IpProtocol::TCP {
                member.ports.insert(port.number, port.name.clone());
            }
        }
    }
    for ((_, _, _), targets) in offered(resources) {
        for (name, number) in targets {
            members.entry(name).or_default().ports.entry(number).or_default();
        }
    }
    for ((namespace, _), service) in &resources.services {
        let Some(selector) = &service.selector else { continue };
        for (name, _) in labels(resources).filter(|(w, l)| w.namespace == *namespace && selector.matches(l)) {
            for port in service.ports.iter().filter(|port| !port.name.is_empty()) {
                if let (TargetPort::Number(number), Some(member)) = (&port.target, members.get_mut(name)) {
                    member.ports.insert(*number, port.name.clone());
                }
            }
        }
    }
    members
}

fn offered(resources: &Resources) -> Offered {
    let mut offered = Offered::new();
    for ((namespace, name), service) in &resources.services {
        let Some(selector) = &service.selector else { continue };
        for (workload, pods) in resources.workloads.iter().filter(|(w, _)| w.namespace == *namespace) {
            for pod in pods.pods.iter().filter(|pod| selector.matches(&pod.labels)) {
                for port in service.ports.iter().filter(|port| port.protocol == IpProtocol::TCP) {
                    let number = match &port.target {
                        TargetPort::Number(number) => Some(*number),
                        TargetPort::Named(name) => {
                            pod.ports.iter().find(|known| known.name == *name).map(|known| known.number)
                        }
                    };
                    let key = (namespace.clone(), name.clone(), port.port);
                    offered.entry(key).or_default().extend(number.map(|number| (workload.clone(), number)));
                }
            }
        }
    }
    offered
}

/// `host:port` among the values of the environment of each workload of a file.
fn environments(text: &str) -> Vec<(String, Vec<(String, u16)>)> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_default();
    let found = documents.iter().filter_map(|document| {
        let containers = document.pointer("/spec/template/spec/containers")?.as_array()?;
        let values = containers.iter().filter_map(|container| container.get("env")?.as_array()).flatten();
        let addresses = values.filter_map(|variable| {
            let (host, port) = variable.get("value")?.as_str()?.split_once(':')?;
            Some((host.to_owned(), port.parse().ok()?))
        });
        Some((document.pointer("/metadata/name")?.as_str()?.to_owned(), addresses.collect()))
    });
    found.collect()
}

/// Policies that say `name: cart` where the manifests say `name: carts` mean the same workload; what is not one letter
/// away from exactly one workload is nobody.
fn settle_spelling(resources: &mut Resources) -> Vec<String> {
    let mut notes = BTreeSet::new();
    let mut selectors: Vec<Selector> = Vec::new();
    for policy in &resources.policies {
        selectors.push(policy.subject.pods.clone());
        let rules = policy.ingress.iter().chain(&policy.egress).flatten();
        selectors.extend(rules.flat_map(|rule| rule.peers.iter().flatten()).filter_map(|peer| match peer {
            PeerMatch::Pods(subject) => Some(subject.pods.clone()),
            _ => None,
        }));
    }
    for requirement in selectors.iter().flat_map(Selector::requirements) {
        let (key, Operator::In(values)) = (&requirement.key, &requirement.operator) else { continue };
        for value in values {
            let known: BTreeSet<&String> =
                labels(resources).filter_map(|(_, labels)| labels.get(key)).collect();
            if known.contains(value) {
                continue;
            }
            let near = |label: &str| {
                let (long, short) =
                    if label.len() > value.len() { (label, &**value) } else { (&**value, label) };
                long.len() == short.len() + 1 && long.starts_with(short)
            };
            let close: Vec<String> = known.into_iter().filter(|label| near(label)).cloned().collect();
            let [label] = &close[..] else {
                notes.insert(format!("policies name {key}={value}, which no workload bears: nobody"));
                continue;
            };
            notes.insert(format!("policies say {key}={value}, manifests {key}={label}: read as the same"));
            for pod in resources.workloads.values_mut().flat_map(|workload| &mut workload.pods) {
                if pod.labels.get(key) == Some(label) {
                    pod.labels.insert(key.clone(), value.clone());
                }
            }
        }
    }
    notes.into_iter().collect()
}

/// What a rule means: the clients that it names; and where it names nobody, those from outside and those whose
/// environment names the service.
fn meant(
    resources: &Resources,
    members: &Members,
    offered: &Offered,
    policy: &Policy,
    rule: &Rule,
) -> Vec<Edge> {
    let selected = |name: &WorkloadName, labels: &Labels| {
        policy.subject.matches(name, &resources.namespace_labels(&name.namespace), labels)
    };
    let own = policy.namespace.as_deref().unwrap_or_default();
    let named = |peers: &[PeerMatch]| -> Vec<Peer> {
        let matches = |name: &WorkloadName, labels: &Labels, peer: &PeerMatch| match peer {
            PeerMatch::Pods(subject) => {
                subject.matches(name, &resources.namespace_labels(&name.namespace), labels)
            }
            _ => false,
        };
        labels(resources)
            .filter(|(name, labels)| peers.iter().any(|peer| matches(name, labels, peer)))
            .map(|(name, _)| Peer::Service(service(name)))
            .collect()
    };
    let mut edges = Vec::new();
    for (server, _) in
        labels(resources).filter(|(name, labels)| name.namespace == own && selected(name, labels))
    {
        let ports = members.get(server).map(|member| member.ports.keys().copied()).into_iter().flatten();
        for port in ports.filter(|port| speaks_of(rule, *port)) {
            let clients = match &rule.peers {
                Some(peers) => named(peers),
                None => {
                    let declared = members.iter().filter(|(client, member)| {
                        member.addresses.iter().any(|(host, at)| {
                            let place = (client.namespace.clone(), host.clone(), *at);
                            let behind = (server.clone(), port);
                            offered.get(&place).is_some_and(|targets| targets.contains(&behind))
                        })
                    });
                    declared.map(|(name, _)| Peer::Service(service(name))).chain([Peer::World]).collect()
                }
            };
            let clients = clients.into_iter().filter(|client| client.service() != Some(&service(server)));
            edges.extend(clients.map(|client| Edge { client, server: service(server), port }));
        }
    }
    edges
}

fn speaks_of(rule: &Rule, port: u16) -> bool {
    let speaks = |PortMatch { protocol, port: spec }: &PortMatch| {
        protocol.is_none_or(|protocol| protocol == IpProtocol::TCP)
            && match spec {
                PortSpec::All => true,
                PortSpec::Range(range) => (range.first..=range.last).contains(&port),
                PortSpec::Named(name) => panic!("no policy of these applications names a port, but {name}"),
            }
    };
    rule.ports.as_ref().is_none_or(|ports| ports.iter().any(speaks))
}

fn allows(connectivity: &Connectivity, edge: &Edge) -> bool {
    let is = |end: &Endpoint, peer: &Peer| match (end, peer) {
        (Endpoint::Workload(name), Peer::Service(wanted)) => service(name) == *wanted,
        (Endpoint::External(addresses), Peer::World) => addresses.contains(IpAddr::V4(OUTSIDE)),
        _ => false,
    };
    let server = Peer::Service(edge.server.clone());
    connectivity.connections.iter().any(|connection| {
        is(&connection.from, &edge.client)
            && is(&connection.to, &server)
            && connection.traffic.contains(IpProtocol::TCP, edge.port)
    })
}
