//! From Kubernetes' policies to documents that mean the same.
//!
//! Each policy becomes one document of the tier `imported` that keeps its selectors, so that pods to come are taken in as
//! well. What the two worlds say differently is said explicitly:
//!
//! - The order of admin policies becomes `order`: one number for each of their rules, ascending. `NetworkPolicy` rules
//!   have none and so come after them.
//! - A service that no `NetworkPolicy` selects in a direction is open in it. It gets a document `open.NAME` that says so,
//!   behind what the baseline denies it.
//! - `Pass` cannot be said rule by rule. The services that it concerns get, for that direction, a document `passed.NAME`
//!   that states the outcome for each peer.
//! - Labels of namespaces are resolved to the namespaces that carry them now; several become a zone.
//!
//! Pods of the host's network are no services here, as they are none to the policies ([`Semantics::KUBERNETES`]).

mod terms;

pub(super) use terms::cidrs;

use super::{
    Action, NamespaceMatch, PeerMatch, Pod, Policy, PortSpec, Resources, Rule, Selector, Semantics, Subject,
    Tier, WorkloadName,
    connections::union,
    engine::{Engine, PeerIndex},
    syntax::is_port_name,
};
use crate::{
    Glob, Inventory, PolicySet, Service,
    document::{self, Criteria, Document, PeerSpec, Zone},
    flowset::{AddressSet, ProtocolSet},
};
use bulkhead_model::{Direction, Exposure, Identity, RuleOrigin, ServiceName};
use std::collections::{BTreeMap, BTreeSet};
use terms::{
    denies_first, every_service, label_selector, policy_name, port_specs, port_specs_of, takeable, with_world,
};

/// What came of an import.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// Zones first, then policies by name.
    pub documents: Vec<Document>,
    /// The services of the manifests, with invented identities.
    pub services: Vec<Service>,
    /// What documents cannot say, or say for the present alone.
    pub remarks: Vec<String>,
}

impl Import {
    pub fn policy_set(&self) -> PolicySet {
        self.documents.iter().cloned().collect()
    }

    pub fn inventory(&self) -> Inventory {
        Inventory::new(self.services.iter().cloned())
    }
}

/// Annotation that tells what a document was made from.
pub const IMPORTED_FROM: &str = "bulkhead.dev/imported-from";
/// Namespace of documents that are made from policies of the whole cluster.
const CLUSTER: &str = "cluster";
const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

/// Makes documents of all policies among the resources.
pub fn import(resources: &Resources) -> Import {
    let engine = Engine::new(resources, Semantics::KUBERNETES, ProtocolSet::all());
    let mut importer = Importer {
        resources,
        members: members(resources, &engine),
        engine,
        services: Vec::new(),
        zones: BTreeMap::new(),
        documents: BTreeMap::new(),
        remarks: BTreeSet::new(),
    };
    importer.take_services();
    importer.take_policies();
    importer.open_the_rest();
    if !resources.networks.is_empty() {
        importer.remark("isolation of user-defined networks is not imported: it is no policy");
    }
    let zones = importer.zones.into_iter().map(|(namespaces, name)| {
        Document::Zone(Zone {
            metadata: document::Metadata { name, ..Default::default() },
            namespaces: namespaces.iter().map(|name| Glob::new(name)).collect(),
            ..Zone::default()
        })
    });
    Import {
        documents: zones.chain(importer.documents.into_values().map(Document::Policy)).collect(),
        services: importer.services,
        remarks: importer.remarks.into_iter().collect(),
    }
}

struct Importer<'r> {
    resources: &'r Resources,
    engine: Engine<'r>,
    /// Pods of each service.
    members: BTreeMap<ServiceName, Vec<(PeerIndex, &'r Pod)>>,
    services: Vec<Service>,
    /// Names of the zones that stand for several namespaces.
    zones: BTreeMap<Vec<String>, String>,
    documents: BTreeMap<(String, String), document::SegmentationPolicy>,
    remarks: BTreeSet<String>,
}

/// The pods of each service, those of the host's network left out.
fn members<'r>(
    resources: &'r Resources,
    engine: &Engine<'_>,
) -> BTreeMap<ServiceName, Vec<(PeerIndex, &'r Pod)>> {
    let mut members: BTreeMap<ServiceName, Vec<(PeerIndex, &Pod)>> = BTreeMap::new();
    for (name, workload) in &resources.workloads {
        let Ok(service) = service_name(name) else { continue };
        let classes = engine.members.get(name).into_iter().flatten();
        for (class, pod) in classes.zip(&workload.pods).filter(|(_, pod)| !pod.host_network) {
            members.entry(service.clone()).or_default().push((*class, pod));
        }
    }
    members
}

fn service_name(name: &WorkloadName) -> Result<ServiceName, bulkhead_model::InvalidServiceName> {
    ServiceName::new(&name.namespace, &name.name)
}

impl Importer<'_> {
    fn remark(&mut self, text: impl Into<String>) {
        self.remarks.insert(text.into());
    }

    fn take_services(&mut self) {
        let mut kinds: BTreeMap<ServiceName, BTreeSet<&str>> = BTreeMap::new();
        for name in self.resources.workloads.keys() {
            match service_name(name) {
                Ok(service) => {
                    kinds.entry(service).or_default().insert(&name.kind);
                }
                Err(error) => self.remark(format!("{name} is left out: {error}")),
            }
        }
        for (service, kinds) in kinds.iter().filter(|(_, kinds)| kinds.len() > 1) {
            let kinds: Vec<&str> = kinds.iter().copied().collect();
            self.remark(format!("{} of the name {service} are one service here", kinds.join(" and ")));
        }
        let numbers = (Identity::FIRST_SERVICE..).map(Identity);
        for ((name, pods), identity) in self.members.clone().into_iter().zip(numbers) {
            let mut service = Service::new(name.clone(), identity);
            let alike =
                |key: &String, value: &String| pods.iter().all(|(_, pod)| pod.labels.get(key) == Some(value));
            let labels = pods.iter().flat_map(|(_, pod)| &pod.labels);
            service.labels = labels
                .clone()
                .filter(|(key, value)| alike(key, value))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            if labels.clone().any(|(key, value)| !alike(key, value)) {
                self.remark(format!(
                    "pods of {name} differ in their labels; only what they share counts here"
                ));
            }
            let ports: BTreeSet<_> = pods.iter().flat_map(|(_, pod)| &pod.ports).collect();
            for port in ports {
                service.exposes.push(Exposure { protocol: port.protocol, port: port.number });
                if !port.name.is_empty() {
                    service
                        .named_ports
                        .entry(port.name.as_str().into())
                        .or_default()
                        .push((port.protocol, port.number));
                }
            }
            self.services.push(service);
        }
    }

    fn take_policies(&mut self) {
        let resources = self.resources;
        if self.members.is_empty() && !resources.policies.is_empty() {
            self.remark(
                "there are no workloads among the manifests: what no policy selects is open there and closed by these \
                 documents",
            );
        }
        let mut order = 0;
        let mut first = 0;
        for tier in resources.policies.chunk_by(|a, b| a.layer.tier == b.layer.tier) {
            let numbered = (first..).zip(tier);
            first += tier.len();
            // What comes after the policies of namespaces is said to each service that it concerns.
            if tier[0].layer.tier > Tier::namespaced() {
                continue;
            }
            let last = tier[0].is_namespaced();
            let ordered = !last || !denies_first(tier);
            let rules: Vec<_> = numbered
                .map(|(index, policy)| {
                    let rules = DIRECTIONS.map(|direction| {
                        let rules = policy.rules(direction)?.iter();
                        let taken =
                            rules.filter_map(|rule| self.rule(rule, ordered.then(|| next(&mut order))));
                        Some(taken.collect::<Vec<_>>())
                    });
                    (index, policy, rules)
                })
                .collect();
            // What the tier does not decide does not reach the next one.
            let end = (!last).then(|| next(&mut order));
            for (index, policy, rules) in rules {
                let Some(target) = self.criteria(&policy.subject) else {
                    self.remark(format!("{policy} selects no namespace that is known"));
                    continue;
                };
                let [ingress, egress] = rules;
                if ordered {
                    let end = end.filter(|_| policy.isolates);
                    self.take_ordered(index, policy, &target, [ingress, egress], end);
                } else {
                    let (ingress, egress) = (ingress.unwrap_or_default(), egress.unwrap_or_default());
                    self.add(policy_name(policy), target, ingress, egress, Some(policy.to_string()));
                }
            }
        }
    }

    /// Where some of the services that a policy selects have their outcome stated, the others are named one by one.
    fn take_ordered(
        &mut self,
        index: usize,
        policy: &Policy,
        target: &Criteria,
        rules: [Option<Vec<document::Rule>>; 2],
        end: Option<i32>,
    ) {
        let names: Vec<ServiceName> = self.members.keys().cloned().collect();
        for (direction, rules) in DIRECTIONS.into_iter().zip(rules) {
            let Some(mut rules) = rules else { continue };
            if let Some(end) = end {
                rules.push(document::Rule {
                    action: document::Action::Deny,
                    order: Some(end),
                    peers: vec![PeerSpec::Any],
                    ..document::Rule::default()
                });
            }
            if rules.is_empty() && !policy.isolates {
                continue;
            }
            let selected: Vec<&ServiceName> =
                names.iter().filter(|name| self.selecting(direction, name).contains(&index)).collect();
            let stated = selected.iter().any(|name| self.is_passed(direction, name));
            let (namespace, base) = policy_name(policy);
            let origin = Some(policy.to_string());
            if !stated {
                let name = format!("{base}.{direction}");
                self.add_side((namespace, name), target.clone(), direction, rules, origin);
                continue;
            }
            let others: Vec<&ServiceName> =
                selected.into_iter().filter(|name| !self.is_passed(direction, name)).collect();
            for service in others {
                let name = format!("{base}.{direction}.{}.{}", service.namespace(), service.name());
                let target = Criteria::service(service);
                self.add_side((namespace.clone(), name), target, direction, rules.clone(), origin.clone());
            }
        }
    }

    /// Services that are open in a direction, and those whose outcome has to be stated.
    fn open_the_rest(&mut self) {
        let resources = self.resources;
        let names: Vec<ServiceName> = self.members.keys().cloned().collect();
        for name in names {
            for direction in DIRECTIONS {
                let target = Criteria::service(&name);
                let key =
                    |what: &str| (name.namespace().to_owned(), format!("{what}.{direction}.{}", name.name()));
                if self.is_passed(direction, &name) {
                    let rules = self.outcome(direction, &name);
                    self.add_side(key("passed"), target, direction, rules, None);
                    continue;
                }
                let selecting = self.selecting(direction, &name);
                let policies: Vec<&Policy> =
                    selecting.iter().map(|index| &resources.policies[*index]).collect();
                let is_late = |policy: &Policy| policy.layer.tier > Tier::namespaced();
                if policies.iter().any(|policy| policy.isolates && !is_late(policy)) {
                    continue;
                }
                // Behind every rule of the tiers before, of which there are fewer.
                let mut order = 1_000_000;
                let (mut rules, mut open) = (Vec::new(), true);
                let late: Vec<&Policy> = policies.into_iter().filter(|policy| is_late(policy)).collect();
                for tier in late.chunk_by(|a, b| a.layer.tier == b.layer.tier) {
                    let matching = tier.iter().flat_map(|policy| policy.rules(direction).unwrap_or_default());
                    rules.extend(
                        matching
                            .filter_map(|rule| self.rule(rule, Some(next(&mut order))))
                            .collect::<Vec<_>>(),
                    );
                    if tier.iter().any(|policy| policy.isolates) {
                        open = false;
                        break;
                    }
                }
                if open {
                    rules.push(document::Rule { peers: vec![PeerSpec::Any], ..document::Rule::default() });
                }
                self.add_side(key("open"), target, direction, rules, None);
            }
        }
    }

    /// The policies that select any pod of a service.
    fn selecting(&self, direction: Direction, service: &ServiceName) -> BTreeSet<usize> {
        let pods = self.members.get(service).into_iter().flatten();
        pods.flat_map(|(index, _)| self.engine.selecting(direction, *index)).copied().collect()
    }

    fn is_passed(&self, direction: Direction, service: &ServiceName) -> bool {
        self.selecting(direction, service).iter().any(|index| {
            let rules = self.resources.policies[*index].rules(direction).unwrap_or_default();
            rules.iter().any(|rule| rule.action == Action::Pass)
        })
    }

    /// What holds for a service in a direction, peer by peer.
    fn outcome(&mut self, direction: Direction, service: &ServiceName) -> Vec<document::Rule> {
        let mine = self.members[service].clone();
        let side = |peers: &mut dyn Iterator<Item = PeerIndex>| -> ProtocolSet {
            let pairs = peers.flat_map(|peer| mine.iter().map(move |(me, _)| (*me, peer)));
            union(pairs.map(|(me, peer)| self.engine.one_side(direction, me, peer)))
        };
        let mut alike: BTreeMap<ProtocolSet, (Vec<PeerSpec>, AddressSet)> = BTreeMap::new();
        for (name, pods) in &self.members {
            let traffic = side(&mut pods.iter().map(|(index, _)| *index));
            alike.entry(traffic).or_default().0.push(PeerSpec::Services(Criteria::service(name)));
        }
        let externals = self.engine.externals(direction);
        for (index, range) in externals.zip(&self.engine.ranges[usize::from(direction == Direction::Egress)])
        {
            let addresses = &mut alike.entry(side(&mut std::iter::once(index))).or_default().1;
            *addresses = addresses.union(range);
        }
        if self.names_hosts(direction, service) {
            self.remark(format!(
                "{service} {direction}: hosts and host names are left out of what is stated for it, because of 'Pass'"
            ));
        } else {
            let hosts = union(mine.iter().map(|(me, _)| self.engine.others(direction, *me)));
            alike.entry(hosts).or_default().0.extend([PeerSpec::Host, PeerSpec::RemoteHost]);
        }
        let mut rules = Vec::new();
        for (traffic, (mut peers, addresses)) in alike.into_iter().filter(|(traffic, _)| !traffic.is_empty())
        {
            peers.extend(cidrs(&addresses).into_iter().map(PeerSpec::Cidr));
            let peers = with_world(peers);
            let ports = if traffic.is_all() { Vec::new() } else { port_specs(&traffic) };
            rules.push(document::Rule { order: Some(0), peers, ports, ..document::Rule::default() });
        }
        rules.push(document::Rule {
            action: document::Action::Deny,
            order: Some(1),
            peers: vec![PeerSpec::Any],
            ..document::Rule::default()
        });
        rules
    }

    /// Whether any rule that concerns a service speaks of hosts or of host names.
    fn names_hosts(&self, direction: Direction, service: &ServiceName) -> bool {
        let selecting = self.selecting(direction, service);
        let policies = selecting.iter().map(|index| &self.resources.policies[*index]);
        let rules = policies.flat_map(|policy| policy.rules(direction).unwrap_or_default());
        rules
            .flat_map(|rule| rule.peers.iter().flatten())
            .any(|peer| matches!(peer, PeerMatch::Name(_) | PeerMatch::Host | PeerMatch::RemoteHost))
    }

    /// `None` where the rule matches nothing at all.
    fn rule(&mut self, rule: &Rule, order: Option<i32>) -> Option<document::Rule> {
        let peers = match &rule.peers {
            None => vec![PeerSpec::Any],
            Some(peers) => peers.iter().flat_map(|peer| self.peer(peer)).collect(),
        };
        let peers = with_world(peers);
        let ports: Option<Vec<document::PortSpec>> =
            rule.ports.as_ref().map(|ports| takeable(ports).flat_map(port_specs_of).collect());
        for port in rule.ports.iter().flatten() {
            if let PortSpec::Named(name) = &port.port
                && !is_port_name(name)
            {
                self.remark(format!("'{name}' cannot be the name of a port, so nothing is said by it"));
            }
        }
        if peers.is_empty() || ports.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        Some(document::Rule {
            action: if rule.action == Action::Allow {
                document::Action::Allow
            } else {
                document::Action::Deny
            },
            name: (!rule.name.is_empty()).then(|| rule.name.clone()),
            order,
            peers,
            ports: ports.unwrap_or_default(),
            applications: rule.applications.clone(),
            ..document::Rule::default()
        })
    }

    fn peer(&mut self, peer: &PeerMatch) -> Vec<PeerSpec> {
        match peer {
            PeerMatch::Pods(subject) => self.criteria(subject).map(PeerSpec::Services).into_iter().collect(),
            PeerMatch::Name(name) => vec![PeerSpec::Name(name.clone())],
            PeerMatch::Host => vec![PeerSpec::Host],
            PeerMatch::RemoteHost => vec![PeerSpec::RemoteHost],
            PeerMatch::Addresses { addresses, pods_too } => {
                let mut peers: Vec<PeerSpec> = cidrs(addresses).into_iter().map(PeerSpec::Cidr).collect();
                if *pods_too && (addresses.v4().is_full() || addresses.v6().is_full()) {
                    peers.push(PeerSpec::Services(every_service()));
                }
                peers
            }
            PeerMatch::Unknown(what) => {
                self.remark(format!("{what} are not imported: manifests do not tell which these are"));
                Vec::new()
            }
        }
    }

    /// `None` where no namespace is meant.
    fn criteria(&mut self, subject: &Subject) -> Option<Criteria> {
        let Subject { namespaces, pods, workload } = subject;
        let selector = (!pods.selects_everything()).then(|| label_selector(pods));
        let mut criteria = Criteria { selector, ..Criteria::default() };
        if let Some(name) = workload {
            let namespace = match namespaces {
                NamespaceMatch::Named(namespace) => namespace,
                NamespaceMatch::Selected(_) => "*",
            };
            criteria.service = Some(Glob::new(&format!("{namespace}/{name}")));
            let all = |selector: &Selector| selector.selects_everything();
            if !matches!(namespaces, NamespaceMatch::Selected(selector) if !all(selector)) {
                return Some(criteria);
            }
        }
        match namespaces {
            NamespaceMatch::Named(name) => criteria.namespace = Some(Glob::new(name)),
            NamespaceMatch::Selected(selector) if selector.selects_everything() => {
                criteria.namespace = Some(Glob::new("*"));
            }
            NamespaceMatch::Selected(selector) => {
                let known = self.resources.namespaces.iter();
                let chosen: Vec<String> = known
                    .filter(|(_, labels)| selector.matches(labels))
                    .map(|(name, _)| name.clone())
                    .collect();
                match chosen.as_slice() {
                    [] => return None,
                    [one] => criteria.namespace = Some(Glob::new(one)),
                    _ => {
                        let name = format!("namespaces-{}", self.zones.len() + 1);
                        criteria.zone = Some(self.zones.entry(chosen).or_insert(name).as_str().into());
                    }
                }
            }
        }
        Some(criteria)
    }

    fn add_side(
        &mut self,
        name: (String, String),
        target: Criteria,
        direction: Direction,
        rules: Vec<document::Rule>,
        origin: Option<String>,
    ) {
        match direction {
            Direction::Ingress => self.add(name, target, rules, Vec::new(), origin),
            Direction::Egress => self.add(name, target, Vec::new(), rules, origin),
        }
    }

    fn add(
        &mut self,
        (namespace, mut name): (String, String),
        target: Criteria,
        ingress: Vec<document::Rule>,
        egress: Vec<document::Rule>,
        origin: Option<String>,
    ) {
        // One object of others may be several policies here, which are one document where they concern the same services.
        if let Some(known) = self.documents.get_mut(&(namespace.clone(), name.clone()))
            && origin.is_some()
            && known.target == target
            && known.metadata.annotations.get(IMPORTED_FROM) == origin.as_ref()
        {
            known.ingress.extend(ingress);
            known.egress.extend(egress);
            return;
        }
        // A policy without rules denies, and so does a document; names of policies may collide with those made here.
        while self.documents.contains_key(&(namespace.clone(), name.clone())) {
            name.push_str(".again");
        }
        let metadata = document::Metadata {
            name: name.clone(),
            namespace: namespace.clone(),
            annotations: origin.map(|origin| (IMPORTED_FROM.to_owned(), origin)).into_iter().collect(),
            ..document::Metadata::default()
        };
        let tier = RuleOrigin::Imported;
        let policy =
            document::SegmentationPolicy { metadata, target, mode: None, tier, order: None, ingress, egress };
        self.documents.insert((namespace, name), policy);
    }
}

fn next(order: &mut i32) -> i32 {
    *order += 1;
    *order
}
