//! Decoding of Calico's `NetworkPolicy`, `GlobalNetworkPolicy`, `Tier`, `NetworkSet` and `GlobalNetworkSet`
//! (`projectcalico.org/v3`, and `crd.projectcalico.org/v1`, which is how a cluster stores them).
//!
//! What cannot be understood exactly is never widened: an allowing rule is left out and reported, and a rule that denies or
//! passes, or a policy whose pods cannot be told, is an error.

mod entity;
mod selector;

use super::{
    Action, Field, Layer, NamespaceMatch, Object, PeerMatch, Place, Policy, PortMatch, PortSpec, Reader,
    Rule, Selector, Subject,
};
use crate::{
    flowset::{AddressSet, PortSet},
    kubernetes::{Labels, Order, Requirement, Resources, Tier, resources::NAMESPACE_NAME_LABEL},
};
use bulkhead_model::{Direction, IcmpType, IpProtocol, PortRange};
use selector::{Alternatives, Conjunction};
use std::collections::BTreeMap;

/// What is understood only when all files are read: policies name tiers and, by label, sets of addresses.
#[derive(Default)]
pub(in crate::kubernetes) struct Drafts {
    policies: Vec<Draft>,
    /// Order and default action by name.
    tiers: BTreeMap<String, (Order, bool)>,
    sets: Vec<NetworkSet>,
}

struct Draft {
    policy: Policy,
    tier: String,
    order: Order,
    /// For each rule that speaks of labels, which sets of addresses it means beside pods: direction, position, selector.
    sets: Vec<(Direction, usize, SetMatch)>,
}

/// Sets of addresses by label: those of namespaces, or those of the whole cluster.
enum SetMatch {
    Namespaced(Subject),
    Global(Selector),
}

struct NetworkSet {
    namespace: Option<String>,
    labels: Labels,
    addresses: AddressSet,
}

/// Whose rules are read.
struct Context<'c> {
    /// `None`: of a `GlobalNetworkPolicy`.
    namespace: Option<&'c str>,
    direction: Direction,
}

impl Drafts {
    pub(in crate::kubernetes) fn apply(self, resources: &mut Resources) {
        let default = Tier::namespaced();
        for Draft { mut policy, tier, order, sets } in self.policies {
            for (direction, position, wanted) in sets {
                let rules = match direction {
                    Direction::Ingress => policy.ingress.as_mut(),
                    Direction::Egress => policy.egress.as_mut(),
                };
                let rule = rules.and_then(|rules| rules.get_mut(position));
                let Some(peers) = rule.and_then(|rule| rule.peers.as_mut()) else { continue };
                let meant = self.sets.iter().filter(|set| wanted.matches(set, resources));
                peers.extend(
                    meant.map(|set| PeerMatch::Addresses {
                        addresses: set.addresses.clone(),
                        pods_too: false,
                    }),
                );
            }
            // A tier that the files do not tell of is taken for one without order, which denies what it does not decide.
            let (tier, isolates) = match self.tiers.get(&tier) {
                Some((order, denies)) => (Tier::new(*order, &tier), *denies),
                None if *default.name == *tier => (default.clone(), true),
                None => (Tier::new(Order::LAST, &tier), true),
            };
            policy.layer = Layer { tier, order };
            policy.isolates = isolates;
            resources.policies.push(policy);
        }
    }
}

impl SetMatch {
    fn matches(&self, set: &NetworkSet, resources: &Resources) -> bool {
        match (self, &set.namespace) {
            (Self::Namespaced(subject), Some(namespace)) => {
                subject.namespaces.matches(namespace, &resources.namespace_labels(namespace))
                    && subject.pods.matches(&set.labels)
            }
            (Self::Global(selector), None) => selector.matches(&set.labels),
            _ => false,
        }
    }
}

impl Reader<'_> {
    pub(in crate::kubernetes) fn calico_tier(&mut self, mut object: Object<'_>, drafts: &mut Drafts) {
        let Some(metadata) = self.metadata(&mut object) else { return };
        let Some(mut spec) = object.get("spec").and_then(|spec| self.object(&spec)) else { return };
        let order = spec.get("order").map_or(Some(Order::LAST), |field| self.order(&field));
        let denies = match spec.get("defaultAction") {
            None => true,
            Some(field) => match self.text(&field) {
                Some("Deny") => true,
                Some("Pass") => false,
                Some(other) => {
                    let message = format!("'{other}' is not a default action");
                    self.error_with(&field, message, "expected Deny or Pass");
                    return;
                }
                None => return,
            },
        };
        self.finish(spec);
        // The default tier is where Calico has it, whatever is written.
        let order =
            if *metadata.name == *Tier::namespaced().name { Some(Tier::namespaced().order) } else { order };
        if let Some(order) = order {
            drafts.tiers.insert(metadata.name, (order, denies));
        }
    }

    pub(in crate::kubernetes) fn calico_set(
        &mut self,
        kind: &str,
        mut object: Object<'_>,
        drafts: &mut Drafts,
    ) {
        let Some(metadata) = self.metadata(&mut object) else { return };
        let spec = object.get("spec").and_then(|spec| self.object(&spec));
        let nets = spec.and_then(|mut spec| {
            let (nets, domains) = (spec.get("nets"), spec.get("allowedEgressDomains"));
            self.finish(spec);
            if let Some(domains) = domains {
                let message = "domains of a set are not understood here; nothing is allowed by them";
                self.warning(domains.node.mark, &domains.path, message, None);
            }
            nets
        });
        let nets = nets.map(|nets| self.list(&nets)).unwrap_or_default();
        let addresses = nets.iter().filter_map(|net| self.address_or_network(net)).collect();
        let namespace = (kind == "NetworkSet").then_some(metadata.namespace);
        drafts.sets.push(NetworkSet { namespace, labels: metadata.labels, addresses });
    }

    fn order(&mut self, at: &Field<'_>) -> Option<Order> {
        let number =
            at.node.text().and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite());
        if number.is_none() {
            self.error(at, "expected a number");
        }
        number.map(Order::at)
    }

    pub(in crate::kubernetes) fn calico_policy(
        &mut self,
        kind: &'static str,
        mut object: Object<'_>,
        drafts: &mut Drafts,
    ) {
        let place = Place::new(&self.file, object.mark);
        let Some(metadata) = self.metadata(&mut object) else { return };
        let Some(spec) = object.get("spec") else {
            return self.error_in(&object, format!("a {kind} needs a spec"), "add 'spec: {selector: all()}'");
        };
        object.ignore(&["apiVersion", "kind", "status"]);
        self.finish(object);
        let Some(mut spec) = self.object(&spec) else { return };
        let namespace = (kind == "NetworkPolicy").then_some(metadata.namespace);
        spec.ignore(&["performanceHints", "applyOnForward"]);
        for key in ["doNotTrack", "preDNAT"] {
            if spec.get(key).is_some_and(|field| field.node.text() == Some("true")) {
                let message = format!("passed over: with {key}, it concerns hosts alone");
                return self.warning(spec.mark, key, message, None);
            }
        }
        let subjects = self.calico_subjects(&mut spec, namespace.as_deref());
        let tier = spec.get("tier").and_then(|field| self.text(&field)).unwrap_or("default").to_owned();
        let order = spec.get("order").map_or(Some(Order::LAST), |field| self.order(&field));
        let affects = self.calico_types(&mut spec);
        let mut sets = Vec::new();
        let mut rules = |reader: &mut Self, spec: &mut Object<'_>, key: &'static str, direction| {
            let list = spec.get(key).map(|field| reader.list(&field)).unwrap_or_default();
            let context = Context { namespace: namespace.as_deref(), direction };
            let mut rules = Vec::new();
            for at in &list {
                if let Some((rule, wanted)) = reader.calico_rule(at, &context) {
                    sets.extend(wanted.into_iter().map(|wanted| (direction, rules.len(), wanted)));
                    rules.push(rule);
                }
            }
            (rules, !list.is_empty())
        };
        let (ingress, says_ingress) = rules(self, &mut spec, "ingress", Direction::Ingress);
        let (egress, says_egress) = rules(self, &mut spec, "egress", Direction::Egress);
        self.finish(spec);
        let (Some(subjects), Some(order)) = (subjects, order) else { return };
        if self.failed {
            return;
        }
        // Without types: what there are rules for, and ingress where there are none at all.
        let affects = affects.unwrap_or((says_ingress || !says_egress, says_egress));
        for subject in subjects {
            let policy = Policy {
                kind,
                namespace: namespace.clone(),
                name: metadata.name.clone(),
                layer: Layer::namespaced(),
                subject,
                isolates: true,
                ingress: affects.0.then(|| ingress.clone()),
                egress: affects.1.then(|| egress.clone()),
                place: place.clone(),
            };
            let sets = sets.iter().map(|(direction, position, wanted)| {
                let wanted = match wanted {
                    SetMatch::Namespaced(subject) => SetMatch::Namespaced(subject.clone()),
                    SetMatch::Global(selector) => SetMatch::Global(selector.clone()),
                };
                (*direction, *position, wanted)
            });
            drafts.policies.push(Draft { policy, tier: tier.clone(), order, sets: sets.collect() });
        }
    }

    fn calico_types(&mut self, spec: &mut Object<'_>) -> Option<(bool, bool)> {
        let types = spec.get("types")?;
        let list = self.list(&types);
        let mut affects = (false, false);
        for at in &list {
            match self.text(at) {
                Some("Ingress") => affects.0 = true,
                Some("Egress") => affects.1 = true,
                Some(other) => {
                    let message = format!("'{other}' is not a policy type");
                    self.error_with(at, message, "expected Ingress or Egress");
                }
                None => {}
            }
        }
        (!list.is_empty()).then_some(affects)
    }

    /// The pods to which a policy applies: any of these.
    fn calico_subjects(&mut self, spec: &mut Object<'_>, namespace: Option<&str>) -> Option<Vec<Subject>> {
        if let Some(at) = spec.get("serviceAccountSelector").filter(|at| at.node.text() != Some("")) {
            self.error(
                &at,
                "manifests do not tell the labels of service accounts, so it is not known whom this concerns",
            );
        }
        let pods = spec.get("selector");
        let namespaces = spec.get("namespaceSelector");
        let pods = pods.as_ref().map_or_else(|| Some(vec![Vec::new()]), |at| self.expression(at));
        if let Some(namespace) = namespace {
            if let Some(at) = namespaces {
                self.error(
                    &at,
                    "a NetworkPolicy is for its own namespace; a GlobalNetworkPolicy has namespaceSelector",
                );
            }
            return pods.map(|pods| subjects(Scope::Own(namespace), pods));
        }
        let namespaces =
            namespaces.as_ref().map_or_else(|| Some(vec![Vec::new()]), |at| self.expression(at))?;
        pods.map(|pods| subjects(Scope::Chosen(namespaces), pods))
    }

    /// A selector as alternatives. Labels of service accounts are not known.
    fn expression(&mut self, at: &Field<'_>) -> Option<Alternatives> {
        let text = self.text(at)?;
        match selector::parse(text) {
            Ok(alternatives) => {
                let unknown = alternatives.iter().flatten().find(|requirement| {
                    requirement.key.starts_with("pcsa.")
                        || requirement.key == "projectcalico.org/serviceaccount"
                });
                if let Some(requirement) = unknown {
                    let message = format!(
                        "manifests do not tell service accounts, so '{}' cannot be asked",
                        requirement.key
                    );
                    self.error(at, message);
                    return None;
                }
                Some(alternatives)
            }
            Err(wrong) => {
                let place = format!("at character {} of \"{text}\"", wrong.at + 1);
                self.error_with(at, wrong.message, place);
                None
            }
        }
    }

    fn calico_rule(&mut self, at: &Field<'_>, context: &Context<'_>) -> Option<(Rule, Vec<SetMatch>)> {
        let place = Place::new(&self.file, at.node.mark);
        let mut object = self.object(at)?;
        object.ignore(&["metadata"]);
        let action = match object.get("action") {
            None => {
                self.error_in(&object, "a rule needs an action", "one of Allow, Deny, Pass, Log");
                return None;
            }
            Some(field) => match self.text(&field)? {
                "Allow" => Action::Allow,
                "Deny" => Action::Deny,
                "Pass" => Action::Pass,
                // Decides nothing.
                "Log" => return None,
                other => {
                    let meant = super::nearest(other, ["Allow", "Deny", "Pass", "Log"]).unwrap_or("Allow");
                    self.error_with(
                        &field,
                        format!("'{other}' is not an action"),
                        format!("did you mean '{meant}'?"),
                    );
                    return None;
                }
            },
        };
        let protocol = object.get("protocol").map(|field| self.calico_protocol(&field));
        if protocol == Some(None) {
            return None;
        }
        let protocol = protocol.flatten();
        for key in ["notProtocol", "notICMP", "http"] {
            if let Some(field) = object.get(key) {
                self.cannot(&field, action, &format!("{key} cannot be said"));
                return None;
            }
        }
        let family = match object.get("ipVersion") {
            None => None,
            Some(field) => Some(self.integer(&field, 4, 6)?),
        };
        let icmp = object.get("icmp");
        let (source, destination) = (object.get("source"), object.get("destination"));
        self.finish(object);
        let icmp = match icmp {
            Some(field) => self.calico_icmp(&field).map(|range| Some((field, range)))?,
            None => None,
        };
        let (peer, own) = match context.direction {
            Direction::Ingress => (source, destination.clone()),
            Direction::Egress => (destination.clone(), source),
        };
        let ports = self.calico_ports(destination.as_ref(), protocol, icmp, action)?;
        // Beside the ports of the destination, nothing more is said of the pod itself.
        if let Some(own) = own
            && !self.calico_own_side(&own, context, action)
        {
            return None;
        }
        let (peers, sets) = match peer {
            None => (None, Vec::new()),
            Some(peer) => self.calico_entity(&peer, context, action)?,
        };
        let peers = match (family, peers) {
            (None, peers) => peers,
            (Some(family), Some(peers))
                if sets.is_empty()
                    && peers.iter().all(|peer| matches!(peer, PeerMatch::Addresses { .. })) =>
            {
                let all = if family == 4 { AddressSet::all_v4() } else { AddressSet::all_v6() };
                let cut = |peer| match peer {
                    PeerMatch::Addresses { addresses, pods_too } => {
                        PeerMatch::Addresses { addresses: addresses.intersection(&all), pods_too }
                    }
                    other => other,
                };
                Some(peers.into_iter().map(cut).collect())
            }
            _ => {
                self.cannot(at, action, "ipVersion can only be said of ranges of addresses");
                return None;
            }
        };
        Some((Rule { name: String::new(), action, peers, ports, applications: Vec::new(), place }, sets))
    }

    /// `None` where it is none.
    fn calico_protocol(&mut self, at: &Field<'_>) -> Option<IpProtocol> {
        let text = at.node.text().unwrap_or("");
        let known = match text {
            "TCP" => Some(IpProtocol::TCP),
            "UDP" => Some(IpProtocol::UDP),
            "SCTP" => Some(IpProtocol::SCTP),
            "ICMP" => Some(IpProtocol::ICMP),
            "ICMPv6" => Some(IpProtocol::ICMPV6),
            "UDPLite" => Some(IpProtocol(136)),
            other => other.parse::<u8>().ok().filter(|number| *number > 0).map(IpProtocol),
        };
        if known.is_none() {
            let remedy = "expected TCP, UDP, SCTP, ICMP, ICMPv6, UDPLite or a number from 1 to 255";
            self.error_with(at, format!("'{text}' is not a protocol"), remedy);
        }
        known
    }

    fn calico_icmp(&mut self, at: &Field<'_>) -> Option<PortRange> {
        let mut object = self.object(at)?;
        let (kind, code) = (object.get("type"), object.get("code"));
        self.finish(object);
        let number = |reader: &mut Self, field: &Field<'_>, most| {
            reader.integer(field, 0, most).and_then(|number| u8::try_from(number).ok())
        };
        let Some(kind) = kind else {
            self.error(at, "icmp needs a type");
            return None;
        };
        let kind = number(self, &kind, 254)?;
        match code {
            None => Some(IcmpType::any_code(kind)),
            Some(code) => {
                Some(PortRange::single(IcmpType { kind, code: number(self, &code, 255)? }.as_port()))
            }
        }
    }

    /// The traffic of a rule: `Some(None)` is all of it.
    fn calico_ports(
        &mut self,
        destination: Option<&Field<'_>>,
        protocol: Option<IpProtocol>,
        icmp: Option<(Field<'_>, PortRange)>,
        action: Action,
    ) -> Option<Option<Vec<PortMatch>>> {
        let mut destination = match destination {
            Some(field) => Some(self.object(field)?),
            None => None,
        };
        let ports = destination.as_mut().and_then(|object| object.get("ports"));
        let not_ports = destination.as_mut().and_then(|object| object.get("notPorts"));
        let at = ports.as_ref().or(not_ports.as_ref()).cloned();
        let Some(protocol) = protocol else {
            if let Some(at) = at.or(icmp.map(|(field, _)| field)) {
                self.error_with(&at, "ports and types need a protocol", "add 'protocol: TCP' to the rule");
                return None;
            }
            return Some(None);
        };
        if let Some((field, range)) = icmp {
            if !protocol.is_icmp() {
                self.error(&field, "icmp needs the protocol ICMP or ICMPv6");
                return None;
            }
            return Some(Some(vec![PortMatch { protocol: Some(protocol), port: PortSpec::Range(range) }]));
        }
        let Some(at) = at else {
            return Some(Some(vec![PortMatch { protocol: Some(protocol), port: PortSpec::All }]));
        };
        if !protocol.has_ports() {
            self.error(&at, "this protocol has no ports");
            return None;
        }
        let mut wanted = match &ports {
            Some(field) => self.calico_port_list(field)?,
            None => (PortSet::all(), Vec::new()),
        };
        if let Some(field) = &not_ports {
            let (numbers, names) = self.calico_port_list(field)?;
            if !names.is_empty() || !wanted.1.is_empty() {
                self.cannot(field, action, "notPorts with names of ports cannot be said");
                return None;
            }
            wanted.0 = wanted.0.difference(&numbers);
        }
        let numbers = wanted.0.ranges().map(PortSpec::Range);
        let all = numbers.chain(wanted.1.into_iter().map(PortSpec::Named));
        Some(Some(all.map(|port| PortMatch { protocol: Some(protocol), port }).collect()))
    }

    /// Numbers, ranges like `1000:2000`, and names.
    fn calico_port_list(&mut self, at: &Field<'_>) -> Option<(PortSet, Vec<String>)> {
        let (mut ranges, mut names) = (Vec::new(), Vec::new());
        for item in self.list(at) {
            let text = item.node.text().unwrap_or("");
            let number = |text: &str| text.trim().parse::<u16>().ok();
            if let Some(port) = number(text) {
                ranges.push(PortRange::single(port));
            } else if let Some((first, last)) = text.split_once(':') {
                match (number(first), number(last)) {
                    (Some(first), Some(last)) if first <= last => ranges.push(PortRange { first, last }),
                    _ => {
                        self.error_with(
                            &item,
                            format!("'{text}' is not a range of ports"),
                            "write it as 8000:8100",
                        );
                        return None;
                    }
                }
            } else {
                names.push(self.port_name(&item)?);
            }
        }
        Some((ranges.into_iter().collect(), names))
    }
}

/// Of which namespaces a selector speaks.
enum Scope<'s> {
    Own(&'s str),
    Chosen(Alternatives),
}

/// Pods by the alternatives of their labels, in these namespaces. Calico gives pods and namespaces labels of its own, which
/// say what is said otherwise here.
fn subjects(scope: Scope<'_>, pods: Alternatives) -> Vec<Subject> {
    let mut found = Vec::new();
    for conjunction in pods {
        let Some((mut of_namespace, of_pod)) = split(conjunction) else { continue };
        match &scope {
            Scope::Own(namespace) if of_namespace.is_empty() => {
                let namespaces = NamespaceMatch::Named((*namespace).to_owned());
                found.push(Subject::labelled(namespaces, Selector::new(of_pod)));
            }
            Scope::Own(namespace) => {
                let own = Selector::label(NAMESPACE_NAME_LABEL, *namespace);
                of_namespace.extend(own.requirements().iter().cloned());
                let namespaces = NamespaceMatch::Selected(Selector::new(of_namespace));
                found.push(Subject::labelled(namespaces, Selector::new(of_pod)));
            }
            Scope::Chosen(alternatives) => {
                for chosen in alternatives {
                    let chosen = chosen.iter().cloned().map(|mut requirement| {
                        if requirement.key == "projectcalico.org/name" {
                            requirement.key = NAMESPACE_NAME_LABEL.to_owned();
                        }
                        requirement
                    });
                    let all = Selector::new(chosen.chain(of_namespace.iter().cloned()));
                    let namespaces = named(all);
                    found.push(Subject::labelled(namespaces, Selector::new(of_pod.clone())));
                }
            }
        }
    }
    found
}

/// The one namespace that a selector names, where it does nothing else.
pub(super) fn named(selector: Selector) -> NamespaceMatch {
    let one = match selector.requirements() {
        [Requirement { key, operator: super::Operator::In(values) }]
            if key == NAMESPACE_NAME_LABEL && values.len() == 1 =>
        {
            values.first().cloned()
        }
        _ => None,
    };
    one.map_or(NamespaceMatch::Selected(selector), NamespaceMatch::Named)
}

/// What a conjunction says of namespaces, and what of pods. `None` where no pod of Kubernetes can match.
fn split(conjunction: Conjunction) -> Option<(Conjunction, Conjunction)> {
    let (mut of_namespace, mut of_pod) = (Vec::new(), Vec::new());
    for mut requirement in conjunction {
        if requirement.key == "projectcalico.org/orchestrator" {
            let labels = Labels::from([(requirement.key.clone(), "k8s".to_owned())]);
            if !Selector::new([requirement]).matches(&labels) {
                return None;
            }
        } else if requirement.key == "projectcalico.org/namespace" {
            requirement.key = NAMESPACE_NAME_LABEL.to_owned();
            of_namespace.push(requirement);
        } else if let Some(key) = requirement.key.strip_prefix("pcns.") {
            requirement.key = key.to_owned();
            of_namespace.push(requirement);
        } else {
            of_pod.push(requirement);
        }
    }
    Some((of_namespace, of_pod))
}

/// The text of a field that is set to something.
fn said<'n>(field: Option<Field<'n>>) -> Option<Field<'n>> {
    field.filter(|field| {
        field.node.text() != Some("")
            && !matches!(&field.node.value, crate::yaml::Value::List(items) if items.is_empty())
    })
}
