//! Decoding of `CiliumNetworkPolicy` and `CiliumClusterwideNetworkPolicy` (`cilium.io/v2`).
//!
//! Rules that deny come before all that allow. What cannot be understood exactly is never widened: an allowing rule is left
//! out and reported, one that denies is an error.

mod peers;
mod ports;

use super::{
    Action, Field, Layer, NamespaceMatch, Object, PeerMatch, Place, Policy, PortMatch, Reader, Rule,
    Selector, Subject,
};
use crate::{
    flowset::{AddressSet, ApplicationSet},
    kubernetes::{Labels, Order, Requirement, resources::NAMESPACE_NAME_LABEL},
};
use bulkhead_model::{Application, Direction};
use peers::Whom;
use std::sync::Arc;

/// Named groups of ranges, and what refers to them: understood when all files are read.
#[derive(Default)]
pub(in crate::kubernetes) struct Groups {
    groups: Vec<Group>,
}

pub(super) struct Group {
    name: String,
    labels: Labels,
    addresses: AddressSet,
}

/// A policy object that waits for all files to be read.
pub(in crate::kubernetes) struct Waiting<'n> {
    kind: &'static str,
    name: String,
    /// `None`: of a clusterwide policy.
    namespace: Option<String>,
    specs: Vec<Field<'n>>,
    place: Place,
}

impl Waiting<'_> {
    pub(in crate::kubernetes) fn file(&self) -> &Arc<str> {
        &self.place.file
    }
}

/// What the parsers of Cilium's proxy take for theirs, by the names of their rules.
const PARSERS: [(&str, &[&str]); 3] =
    [("http", &["http", "http2", "grpc", "websocket"]), ("kafka", &["kafka"]), ("dns", &["dns"])];

/// The applications that pass a rule of layer 7 that leaves no request out.
pub(in crate::kubernetes) fn parsed_by(key: &str) -> Option<Vec<Application>> {
    let (_, names) = PARSERS.iter().find(|(known, _)| *known == key)?;
    Some(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// The rule of layer 7 that lets these applications through, and no more than it must.
pub(in crate::kubernetes) fn parser_of(applications: &ApplicationSet) -> Option<&'static str> {
    let takes = |key: &str| parsed_by(key).map(|all| applications.is_subset(&all.into_iter().collect()));
    let mut keys = PARSERS.iter().map(|(key, _)| *key).filter(|_| !applications.is_empty());
    keys.find(|key| takes(key) == Some(true))
}

/// Whose rules are read.
struct Context<'c> {
    namespace: Option<&'c str>,
    direction: Direction,
    action: Action,
    groups: &'c [Group],
}

impl Reader<'_> {
    pub(in crate::kubernetes) fn cilium_group(&mut self, mut object: Object<'_>, groups: &mut Groups) {
        let Some(metadata) = self.metadata(&mut object) else { return };
        let spec = object.get("spec").and_then(|spec| self.object(&spec));
        let cidrs = spec.and_then(|mut spec| spec.get("externalCIDRs"));
        let cidrs = cidrs.map(|cidrs| self.list(&cidrs)).unwrap_or_default();
        let addresses = cidrs.iter().filter_map(|cidr| self.address_or_network(cidr)).collect();
        groups.groups.push(Group { name: metadata.name, labels: metadata.labels, addresses });
    }

    /// The head of a policy; what it says is read by [`Reader::cilium_policy`].
    pub(in crate::kubernetes) fn cilium_object<'n>(
        &mut self,
        kind: &'static str,
        mut object: Object<'n>,
    ) -> Option<Waiting<'n>> {
        let place = Place::new(&self.file, object.mark);
        let metadata = self.metadata(&mut object)?;
        let mut specs: Vec<Field<'n>> = object.get("spec").into_iter().collect();
        specs.extend(object.get("specs").map(|field| self.list(&field)).unwrap_or_default());
        if specs.is_empty() {
            self.error_in(&object, format!("a {kind} needs a spec"), "add 'spec: {endpointSelector: {}}'");
            return None;
        }
        object.ignore(&["apiVersion", "kind", "status"]);
        self.finish(object);
        let namespace = (kind == "CiliumNetworkPolicy").then_some(metadata.namespace);
        Some(Waiting { kind, name: metadata.name, namespace, specs, place })
    }

    pub(in crate::kubernetes) fn cilium_policy(
        &mut self,
        waiting: &Waiting<'_>,
        groups: &Groups,
    ) -> Vec<Policy> {
        self.failed = false;
        let mut policies = Vec::new();
        for spec in &waiting.specs {
            policies.extend(self.cilium_spec(waiting, spec, &groups.groups).unwrap_or_default());
        }
        if self.failed { Vec::new() } else { policies }
    }

    fn cilium_spec(
        &mut self,
        waiting: &Waiting<'_>,
        at: &Field<'_>,
        groups: &[Group],
    ) -> Option<Vec<Policy>> {
        let namespace = waiting.namespace.as_deref();
        let mut spec = self.object(at)?;
        spec.ignore(&["labels", "description"]);
        if let Some(nodes) = spec.get("nodeSelector") {
            let message = "passed over: a policy for nodes concerns no pods";
            self.warning(nodes.node.mark, &nodes.path, message, None);
            return None;
        }
        let Some(selector) = spec.get("endpointSelector") else {
            self.error_in(
                &spec,
                "a policy needs an endpointSelector",
                "'endpointSelector: {}' selects every pod",
            );
            return None;
        };
        let subject = self.cilium_endpoints(&selector, namespace)?;
        let defaults = match spec.get("enableDefaultDeny") {
            None => [None, None],
            Some(field) => {
                let mut object = self.object(&field)?;
                let [ingress, egress] = ["ingress", "egress"].map(|key| object.get(key));
                self.finish(object);
                [ingress, egress].map(|field| field.map(|field| field.node.text() == Some("true")))
            }
        };
        let mut policies = Vec::new();
        let sides = [
            (Direction::Ingress, ["ingress", "ingressDeny"], defaults[0]),
            (Direction::Egress, ["egress", "egressDeny"], defaults[1]),
        ];
        for (direction, keys, default) in sides {
            let lists = keys.map(|key| spec.get(key).map(|field| self.list(&field)).unwrap_or_default());
            let said = lists.iter().any(|list| !list.is_empty());
            let isolates = default.unwrap_or(said);
            for (list, action) in lists.iter().zip([Action::Allow, Action::Deny]) {
                let context = Context { namespace, direction, action, groups };
                let rules: Vec<Rule> = list.iter().flat_map(|at| self.cilium_rule(at, &context)).collect();
                let needed = !rules.is_empty() || action == Action::Allow && isolates;
                if !needed {
                    continue;
                }
                let mut layer = Layer::namespaced();
                if action == Action::Deny {
                    layer.order = Order::FIRST;
                }
                let (ingress, egress) = match direction {
                    Direction::Ingress => (Some(rules), None),
                    Direction::Egress => (None, Some(rules)),
                };
                policies.push(Policy {
                    kind: waiting.kind,
                    namespace: waiting.namespace.clone(),
                    name: waiting.name.clone(),
                    layer,
                    subject: subject.clone(),
                    isolates,
                    ingress,
                    egress,
                    place: waiting.place.clone(),
                });
            }
        }
        self.finish(spec);
        Some(policies)
    }

    /// One rule, or one for each of its alternatives.
    fn cilium_rule(&mut self, at: &Field<'_>, context: &Context<'_>) -> Vec<Rule> {
        let place = Place::new(&self.file, at.node.mark);
        let Some(mut object) = self.object(at) else { return Vec::new() };
        let Some(peers) = self.cilium_peers(&mut object, at, context) else { return Vec::new() };
        if let Some(field) = object.get("authentication") {
            let mode = self.object(&field).and_then(|mut object| object.get("mode"));
            if mode.is_none_or(|mode| mode.node.text() != Some("disabled")) {
                self.cannot(&field, context.action, "authentication cannot be said");
                return Vec::new();
            }
        }
        let ports = object.get("toPorts");
        let icmps = object.get("icmps");
        self.finish(object);
        let all_peers = match peers {
            // A rule that says neither whom nor what it means matches nothing: it only closes the direction.
            Whom::Unsaid if ports.is_none() && icmps.is_none() => return Vec::new(),
            Whom::Unsaid | Whom::Everybody => None,
            Whom::These(peers) => Some(peers),
        };
        let mut alternatives: Vec<(Option<Vec<PortMatch>>, Vec<Application>)> = Vec::new();
        if let Some(field) = &ports {
            for at in self.list(field) {
                match self.cilium_ports(&at, context) {
                    Some((ports, applications)) => alternatives.push((Some(ports), applications)),
                    None => return Vec::new(),
                }
            }
        }
        if let Some(field) = &icmps {
            for at in self.list(field) {
                match self.cilium_icmp(&at) {
                    Some(types) => alternatives.push((Some(types), Vec::new())),
                    None => return Vec::new(),
                }
            }
        }
        if ports.is_none() && icmps.is_none() {
            alternatives.push((None, Vec::new()));
        }
        alternatives
            .into_iter()
            .map(|(ports, applications)| Rule {
                name: String::new(),
                action: context.action,
                peers: all_peers.clone(),
                ports,
                applications,
                place: place.clone(),
            })
            .collect()
    }

    /// Pods by labels, which may have a source before them and may be those of their namespace.
    fn cilium_endpoints(&mut self, at: &Field<'_>, namespace: Option<&str>) -> Option<Subject> {
        let selector = self.selector_with(at, |key| key.split_once(':').map_or(key, |(_, label)| label))?;
        let (mut of_namespace, mut of_pod) = (Vec::new(), Vec::new());
        for Requirement { key, operator } in selector.requirements().iter().cloned() {
            let key =
                ["k8s:", "any:"].into_iter().find_map(|source| key.strip_prefix(source)).unwrap_or(&key);
            if key == "io.kubernetes.pod.namespace" {
                of_namespace.push(Requirement { key: NAMESPACE_NAME_LABEL.to_owned(), operator });
            } else if let Some(label) = key.strip_prefix("io.cilium.k8s.namespace.labels.") {
                of_namespace.push(Requirement { key: label.to_owned(), operator });
            } else if key.contains(':') || key.starts_with("io.cilium.k8s.policy.") {
                self.error(
                    at,
                    format!("manifests do not tell the label '{key}', so whom this means is not known"),
                );
                return None;
            } else {
                of_pod.push(Requirement { key: key.to_owned(), operator });
            }
        }
        let namespaces = match (namespace, of_namespace.is_empty()) {
            (Some(namespace), true) => NamespaceMatch::Named(namespace.to_owned()),
            _ => super::calico::named(Selector::new(of_namespace)),
        };
        Some(Subject::labelled(namespaces, Selector::new(of_pod)))
    }
}

/// Everything but pods.
fn outside(addresses: AddressSet) -> PeerMatch {
    PeerMatch::Addresses { addresses, pods_too: false }
}
