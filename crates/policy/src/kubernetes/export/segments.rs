//! What each service may do, worked out: peers that are treated alike, and what they may send.

use super::Remarks;
use crate::{
    Compiler, EffectivePolicy, Inventory, PolicySet,
    compiled::{CompiledDirection, CompiledPolicy},
    document::{Action, PeerSpec, PortMatch, Rule},
    flowset::{AddressSet, ApplicationSet, PortSet, ProtocolSet, TrafficSet},
    kubernetes::syntax,
    set::ExternalPart,
};
use bulkhead_model::{Application, Direction, Identity, ServiceName, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// All that is exported.
pub(super) struct Segments<'a> {
    pub(super) inventory: &'a Inventory,
    /// In the order of the names of the services.
    pub(super) all: Vec<Segment>,
    /// Addresses of each identity outside; of the world, what no other has.
    addresses: BTreeMap<Identity, AddressSet>,
    /// Labels that tell a service from the others of its namespace.
    selectors: BTreeMap<ServiceName, Selector>,
    /// Names of objects, each once in its namespace.
    object_names: BTreeMap<ServiceName, String>,
}

/// What one service may do: its nano-segment.
pub(super) struct Segment {
    pub(super) service: ServiceName,
    pub(super) ingress: Vec<Grant>,
    pub(super) egress: Vec<Grant>,
    /// Host names that it may reach, and how.
    pub(super) names: Vec<(String, TrafficSet)>,
}

/// Peers that are treated alike.
#[derive(Default)]
pub(super) struct Grant {
    /// Everything that there is or will be: all else is empty then.
    pub(super) everyone: bool,
    /// Every service that there is or will be: `services` is empty then.
    pub(super) every_service: bool,
    pub(super) services: Vec<ServiceName>,
    /// Addresses outside.
    pub(super) outside: AddressSet,
    pub(super) host: bool,
    pub(super) remote_host: bool,
    pub(super) multicast: bool,
    pub(super) traffic: TrafficSet,
}

pub(super) struct Selector {
    pub(super) labels: Vec<(String, String)>,
    /// Services that these labels take in as well.
    shared_with: Vec<ServiceName>,
    invented: bool,
}

impl<'a> Segments<'a> {
    pub(super) fn new(set: &'a PolicySet, inventory: &'a Inventory, now: Timestamp) -> Self {
        let mut compiler = Compiler::default();
        let compiled = compiler.compile(set, inventory, now);
        let effective = EffectivePolicy::new(set, inventory, compiler.book_mut(), now);
        let targeted: BTreeSet<&ServiceName> = set.targeted(inventory).into_iter().collect();
        let addresses = addresses(&compiled);
        let all = targeted
            .into_iter()
            .filter_map(|name| Some((name, compiled.service(inventory.service(name)?.identity)?)))
            .map(|(name, tables)| {
                let rules =
                    |direction| effective.rules(tables.identity, direction).iter().map(|rule| rule.rule());
                let side = |direction| {
                    let wide = wide(rules(direction));
                    grants(tables.direction(direction), inventory, &addresses, wide)
                };
                Segment {
                    service: name.clone(),
                    ingress: side(Direction::Ingress),
                    egress: side(Direction::Egress),
                    names: names(set, rules(Direction::Egress)),
                }
            })
            .collect();
        let selectors =
            inventory.services().map(|service| (service.name.clone(), selector(service, inventory)));
        let object_names = object_names(inventory);
        Self { inventory, all, addresses, selectors: selectors.collect(), object_names }
    }

    pub(super) fn object_name(&self, service: &ServiceName) -> &str {
        self.object_names.get(service).map_or("", String::as_str)
    }

    /// Labels of the pods of a service.
    pub(super) fn selector(&self, service: &ServiceName) -> &[(String, String)] {
        self.selectors.get(service).map_or(&[], |selector| &selector.labels)
    }

    /// All addresses that are not those of workloads, hosts and groups.
    pub(super) fn is_world(&self, addresses: &AddressSet) -> bool {
        self.addresses.values().all(|known| known.is_subset(addresses))
    }

    /// No other language knows multicast as a peer of its own.
    pub(super) fn remark_on_multicast(&self, remarks: &mut Remarks) {
        for segment in &self.all {
            for direction in [Direction::Ingress, Direction::Egress] {
                if segment.grants(direction).iter().any(|grant| grant.multicast && !grant.everyone) {
                    remarks.add(format!("{} {direction}: multicast cannot be said", segment.service));
                }
            }
        }
    }

    /// Whose rules of a direction a grant becomes, as remarks call it, and the ports of its traffic.
    pub(super) fn ports(
        &self,
        segment: &Segment,
        direction: Direction,
        grant: &Grant,
        remarks: &mut Remarks,
    ) -> (String, ProtocolSet) {
        let (whose, ports, _) = self.ports_and_applications(segment, direction, grant, |_, _| false, remarks);
        (whose, ports)
    }

    /// [`Segments::ports`], and apart from these the ports with applications that can be said.
    pub(super) fn ports_and_applications(
        &self,
        segment: &Segment,
        direction: Direction,
        grant: &Grant,
        sayable: impl Fn(&ProtocolSet, &ApplicationSet) -> bool,
        remarks: &mut Remarks,
    ) -> (String, ProtocolSet, Vec<(ProtocolSet, ApplicationSet)>) {
        let whose = format!("{} {direction}", segment.service);
        let server = (direction == Direction::Ingress).then(|| self.inventory.service(&segment.service));
        let (ports, said) = grant.ports(server.flatten(), &whose, sayable, remarks);
        (whose, ports, said)
    }

    /// A name of its own for each service, made from `base` and, where several have the same, a number.
    pub(super) fn each_once(
        inventory: &Inventory,
        base: impl Fn(&ServiceName) -> String,
        numbered: impl Fn(&str, u32) -> String,
    ) -> BTreeMap<ServiceName, String> {
        let (mut taken, mut names) = (BTreeSet::new(), BTreeMap::new());
        let services: BTreeSet<&ServiceName> = inventory.services().map(|service| &service.name).collect();
        for service in services {
            let base = base(service);
            let alternatives = (2..).map(|number| numbered(&base, number));
            let mut candidates = std::iter::once(base.clone()).chain(alternatives);
            let free = candidates.find(|name| taken.insert(name.clone()));
            names.insert(service.clone(), free.unwrap_or(base));
        }
        names
    }

    /// What a service that is targeted may exchange with another in a direction; everything where it is not targeted.
    pub(super) fn side(&self, service: &ServiceName, direction: Direction, peer: &ServiceName) -> TrafficSet {
        let Ok(found) = self.all.binary_search_by(|segment| segment.service.cmp(service)) else {
            return TrafficSet::all();
        };
        let grants = self.all[found].grants(direction).iter();
        let meant = grants.filter(|grant| grant.takes_in(peer));
        meant.fold(TrafficSet::none(), |all, grant| all.union(&grant.traffic))
    }

    pub(super) fn remark_on_selectors(&self, remarks: &mut Remarks) {
        let granted = self.all.iter().flat_map(|segment| segment.ingress.iter().chain(&segment.egress));
        let used: BTreeSet<&ServiceName> = self
            .all
            .iter()
            .map(|segment| &segment.service)
            .chain(granted.flat_map(|grant| &grant.services))
            .collect();
        for name in used {
            let Some(selector) = self.selectors.get(name) else { continue };
            if selector.invented {
                let (key, value) = &selector.labels[0];
                remarks.add(format!("{name} has no labels; give its pods the label {key}: {value}"));
            } else if !selector.shared_with.is_empty() {
                let others: Vec<String> = selector.shared_with.iter().map(ServiceName::to_string).collect();
                remarks.add(format!("the labels of {name} take in {} as well", others.join(", ")));
            }
        }
    }
}

impl Segment {
    pub(super) fn grants(&self, direction: Direction) -> &[Grant] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    /// Names, where only addresses can be said.
    pub(super) fn remark_on_names(&self, remarks: &mut Remarks) {
        for (name, _) in &self.names {
            remarks.add(format!(
                "{}: the name {name} cannot be said; its addresses of this moment are written in its place",
                self.service
            ));
        }
    }
}

impl Grant {
    /// Hosts, where these cannot be said.
    pub(super) fn remark_on_hosts(&self, whose: &str, what: &str, remarks: &mut Remarks) {
        if (self.host || self.remote_host) && !self.everyone {
            remarks.add(format!("{whose}: hosts {what}"));
        }
    }

    /// Whether a service is among the peers.
    pub(super) fn takes_in(&self, service: &ServiceName) -> bool {
        self.everyone || self.every_service || self.services.binary_search(service).is_ok()
    }

    /// The ports on which any application is allowed, as tight as ports can say it, and those with applications that can
    /// be said. Where applications are the whole condition, the ports that the server says it serves.
    fn ports(
        &self,
        server: Option<&crate::Service>,
        whose: &str,
        sayable: impl Fn(&ProtocolSet, &ApplicationSet) -> bool,
        remarks: &mut Remarks,
    ) -> (ProtocolSet, Vec<(ProtocolSet, ApplicationSet)>) {
        let (mut ports, mut with_applications) = (ProtocolSet::none(), Vec::new());
        for (protocols, applications) in self.traffic.products() {
            if applications.is_all() {
                ports = ports.union(&protocols);
                continue;
            }
            let served: ProtocolSet = server
                .map(|server| &server.exposes)
                .into_iter()
                .flatten()
                .map(|exposure| ProtocolSet::port(exposure.protocol, exposure.port))
                .collect();
            // Closed until the application is known: there are no ports in the condition.
            let by_application_alone = !applications.contains(Application::UNKNOWN);
            let narrowed = protocols.intersection(&served);
            let said = if by_application_alone && !narrowed.is_empty() { narrowed } else { protocols };
            let known = applications.difference(&ApplicationSet::single(Application::UNKNOWN));
            if sayable(&said, &known) {
                if by_application_alone {
                    remarks.add(format!("{whose}: {known} can be said of ports alone; {said} is open to it"));
                }
                with_applications.push((said, known));
                continue;
            }
            remarks.add(format!(
                "{whose}: that it is {known} cannot be said; {said} is open to every application"
            ));
            ports = ports.union(&said);
        }
        (ports, with_applications)
    }
}

/// Whether rules speak of everyone, and of every service: those that are not there yet included.
fn wide<'r>(rules: impl Iterator<Item = &'r Rule>) -> (bool, bool) {
    let allowing = rules.filter(|rule| rule.action == Action::Allow).flat_map(|rule| &rule.peers);
    let peers: Vec<&PeerSpec> = allowing.collect();
    let everyone = peers.iter().any(|peer| **peer == PeerSpec::Any);
    let services =
        peers.iter().any(|peer| matches!(peer, PeerSpec::Services(criteria) if criteria.is_every_service()));
    (everyone, everyone || services)
}

fn grants(
    tables: &CompiledDirection,
    inventory: &Inventory,
    addresses: &BTreeMap<Identity, AddressSet>,
    (everyone, every_service): (bool, bool),
) -> Vec<Grant> {
    let allowed: Vec<TrafficSet> = tables.classes.iter().map(|class| class.allowed()).collect();
    let mut alike: BTreeMap<&TrafficSet, Grant> = BTreeMap::new();
    let mut take = |identity: Identity, add: &dyn Fn(&mut Grant)| {
        let traffic = &allowed[tables.class_of(identity) as usize];
        if !traffic.is_empty() {
            add(alike.entry(traffic).or_default());
        }
    };
    for service in inventory.services() {
        take(service.identity, &|grant| grant.services.push(service.name.clone()));
    }
    for (identity, mine) in addresses {
        take(*identity, &|grant| grant.outside = grant.outside.union(mine));
    }
    take(Identity::HOST, &|grant| grant.host = true);
    take(Identity::REMOTE_HOST, &|grant| grant.remote_host = true);
    take(Identity::MULTICAST, &|grant| grant.multicast = true);
    let total = inventory.services().len();
    let outside = addresses.values().fold(AddressSet::none(), |all, more| all.union(more));
    let finish = |(traffic, mut grant): (&TrafficSet, Grant)| {
        grant.services.sort();
        let all_services = grant.services.len() == total;
        let hosts = grant.host && grant.remote_host && grant.multicast;
        if everyone && all_services && grant.outside == outside && hosts {
            grant = Grant { everyone: true, ..Grant::default() };
        } else if every_service && all_services {
            grant.every_service = true;
            grant.services.clear();
        }
        Grant { traffic: traffic.clone(), ..grant }
    };
    alike.into_iter().map(finish).collect()
}

/// Names of services may have letters that those of objects may not; two of them must not become one object.
fn object_names(inventory: &Inventory) -> BTreeMap<ServiceName, String> {
    let base =
        |service: &ServiceName| format!("{}/{}", service.namespace(), super::object_name(service.name()));
    let names = Segments::each_once(inventory, base, |base, number| format!("{base}-{number}"));
    // Another namespace may have the same.
    let own = |name: String| name.split_once('/').map_or(String::new(), |(_, name)| name.to_owned());
    names.into_iter().map(|(service, name)| (service, own(name))).collect()
}

/// The addresses of each identity outside, the world included: the most specific prefix decides.
fn addresses(compiled: &CompiledPolicy) -> BTreeMap<Identity, AddressSet> {
    let mut prefixes: Vec<_> = compiled.prefixes.iter().collect();
    prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.net.prefix_len()));
    let mut addresses: BTreeMap<Identity, AddressSet> = BTreeMap::new();
    let mut covered = AddressSet::none();
    for prefix in prefixes {
        let net = AddressSet::from(prefix.net);
        let mine = addresses.entry(prefix.identity).or_default();
        *mine = mine.union(&net.difference(&covered));
        covered = covered.union(&net);
    }
    let world = addresses.entry(Identity::WORLD).or_default();
    *world = world.union(&covered.complement());
    addresses.retain(|_, mine| !mine.is_empty());
    addresses
}

/// Host names that rules allow, and what.
fn names<'r>(set: &PolicySet, rules: impl Iterator<Item = &'r Rule>) -> Vec<(String, TrafficSet)> {
    let mut names: BTreeMap<String, TrafficSet> = BTreeMap::new();
    let mut denied = TrafficSet::none();
    for rule in rules {
        let traffic = traffic(rule).difference(&denied);
        if rule.action == Action::Deny {
            // Only what is denied to everybody outside surely holds for a name as well.
            if rule.peers.iter().any(|peer| matches!(peer, PeerSpec::Any | PeerSpec::World)) {
                denied = denied.union(&traffic);
            }
            continue;
        }
        for part in rule.peers.iter().flat_map(|peer| set.external_parts(peer)) {
            if let ExternalPart::Name(name) = part
                && !traffic.is_empty()
            {
                let known = names.entry(name.into()).or_default();
                *known = known.union(&traffic);
            }
        }
    }
    names.into_iter().collect()
}

/// What a rule speaks of, towards something that has no named ports.
fn traffic(rule: &Rule) -> TrafficSet {
    let ports: ProtocolSet = if rule.ports.is_empty() {
        ProtocolSet::all()
    } else {
        let one = |spec: &crate::document::PortSpec| match &spec.port {
            PortMatch::All => ProtocolSet::protocol(spec.protocol),
            PortMatch::Range(range) => ProtocolSet::ports(spec.protocol, &PortSet::from(*range)),
            PortMatch::Named(_) => ProtocolSet::none(),
        };
        rule.ports.iter().map(one).collect()
    };
    let applications = if rule.applications.is_empty() {
        ApplicationSet::all()
    } else {
        rule.applications.iter().copied().collect()
    };
    TrafficSet::new(&ports, &applications)
}

/// Labels that change with every rollout or from pod to pod.
const PASSING_LABELS: [&str; 6] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
];

/// Labels by which people select.
const USUAL_LABELS: [&str; 6] = [
    "app.kubernetes.io/name",
    "app",
    "k8s-app",
    "name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
];

/// The labels by which pods can be selected: those that stay, and that Kubernetes would take.
pub(super) fn lasting_labels(service: &crate::Service) -> impl Iterator<Item = (&String, &String)> {
    service
        .labels
        .iter()
        .filter(|(key, value)| syntax::is_label(key, value))
        .filter(|(key, _)| !PASSING_LABELS.contains(&key.as_str()))
}

/// The label by which a service is known that has none.
pub(super) fn invented_label(service: &ServiceName) -> (String, String) {
    ("app".to_owned(), service.name().to_owned())
}

/// The fewest labels that tell a service from all others of its namespace, the usual ones first.
fn selector(service: &crate::Service, inventory: &Inventory) -> Selector {
    let mut labels: Vec<(&String, &String)> = lasting_labels(service).collect();
    if labels.is_empty() {
        return Selector {
            labels: vec![invented_label(&service.name)],
            shared_with: Vec::new(),
            invented: true,
        };
    }
    let usual = |key: &str| USUAL_LABELS.iter().position(|usual| *usual == key).unwrap_or(USUAL_LABELS.len());
    labels.sort_by_key(|(key, _)| (usual(key), (*key).clone()));
    let neighbours: Vec<&crate::Service> = inventory
        .services()
        .filter(|other| other.name != service.name && other.name.namespace() == service.name.namespace())
        .collect();
    let shared = |chosen: &[(&String, &String)]| -> Vec<ServiceName> {
        let alike = |other: &&&crate::Service| {
            chosen.iter().all(|(key, value)| other.labels.get(*key) == Some(*value))
        };
        neighbours.iter().filter(alike).map(|other| other.name.clone()).collect()
    };
    let owned = |chosen: &[(&String, &String)]| {
        chosen.iter().map(|(key, value)| ((*key).clone(), (*value).clone())).collect()
    };
    let singles = labels.iter().map(|label| vec![*label]);
    let pairs = labels
        .iter()
        .enumerate()
        .flat_map(|(index, first)| labels[index + 1..].iter().map(move |second| vec![*first, *second]));
    let mut candidates = singles.chain(pairs);
    match candidates.find(|chosen| shared(chosen).is_empty()) {
        Some(chosen) => Selector { labels: owned(&chosen), shared_with: Vec::new(), invented: false },
        None => Selector { labels: owned(&labels), shared_with: shared(&labels), invented: false },
    }
}
