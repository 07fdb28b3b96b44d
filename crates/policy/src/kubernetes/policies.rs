//! Decoding of `NetworkPolicy`, and of what all policy kinds share, with every way in which it can be wrong.

use super::{
    Action, Layer, NamespaceMatch, Operator, PeerMatch, Place, Policy, PortMatch, PortSpec, Requirement,
    Rule, Selector, Subject,
    reader::{Field, Object, Reader},
    syntax::{PORT_NAME_FORM, is_port_name},
};
use crate::{flowset::AddressSet, suggest::nearest, yaml::Value};
use bulkhead_model::{IpProtocol, PortRange};
use ipnet::IpNet;
use std::{collections::BTreeSet, net::IpAddr};

mod admin;
pub(super) mod calico;
pub(super) mod cilium;
pub(super) mod neuvector;

impl Reader<'_> {
    pub(super) fn network_policy(&mut self, mut object: Object<'_>) -> Option<Policy> {
        let place = Place::new(&self.file, object.mark);
        let metadata = self.metadata(&mut object)?;
        let namespace = metadata.namespace;
        let Some(spec) = object.get("spec") else {
            self.error_in(&object, "a NetworkPolicy needs a spec", "add 'spec: {podSelector: {}}'");
            return None;
        };
        object.ignore(&["apiVersion", "kind", "status"]);
        let mut spec = self.object(&spec)?;
        self.finish(object);
        let pods = spec.get("podSelector").and_then(|field| self.selector(&field)).unwrap_or_default();
        let types = spec.get("policyTypes").map(|field| self.list(&field)).unwrap_or_default();
        let ingress = spec.get("ingress").map(|field| self.list(&field)).unwrap_or_default();
        let egress = spec.get("egress").map(|field| self.list(&field)).unwrap_or_default();
        if let Some(third) = types.get(2) {
            self.error(third, "there are no more than two policy types");
        }
        // Without policyTypes: ingress always, egress if there are egress rules.
        let mut affects = (types.is_empty(), types.is_empty() && !egress.is_empty());
        for at in &types {
            match self.text(at) {
                Some("Ingress") => affects.0 = true,
                Some("Egress") => affects.1 = true,
                Some(other) => {
                    self.error_with(
                        at,
                        format!("'{other}' is not a policy type"),
                        "expected Ingress or Egress",
                    );
                }
                None => {}
            }
        }
        let mark = spec.mark;
        self.finish(spec);
        let unheard = [(affects.0, &ingress, "ingress"), (affects.1, &egress, "egress")];
        for (_, _, direction) in unheard.iter().filter(|(affects, rules, _)| !affects && !rules.is_empty()) {
            let message =
                format!("the {direction} rules have no effect, because policyTypes does not name them");
            self.warning(mark, &format!("spec.{direction}"), message, None);
        }
        let ingress = ingress.iter().map(|at| self.namespaced_rule(at, "from", &namespace)).collect();
        let egress = egress.iter().map(|at| self.namespaced_rule(at, "to", &namespace)).collect();
        (!self.failed).then(|| Policy {
            kind: "NetworkPolicy",
            subject: Subject::labelled(NamespaceMatch::Named(namespace.clone()), pods),
            namespace: Some(namespace),
            name: metadata.name,
            layer: Layer::namespaced(),
            isolates: true,
            ingress: affects.0.then_some(ingress),
            egress: affects.1.then_some(egress),
            place,
        })
    }

    fn namespaced_rule(&mut self, at: &Field<'_>, peers: &'static str, namespace: &str) -> Rule {
        let place = Place::new(&self.file, at.node.mark);
        let mut rule = Rule {
            name: String::new(),
            action: Action::Allow,
            peers: None,
            ports: None,
            applications: Vec::new(),
            place,
        };
        // A rule written as nothing at all (`- `) is the empty rule.
        if matches!(at.node.value, Value::Null) {
            return rule;
        }
        let Some(mut object) = self.object(at) else { return rule };
        // Empty and absent lists match everything alike.
        let list = object.get(peers).map(|field| self.list(&field)).unwrap_or_default();
        if !list.is_empty() {
            rule.peers = Some(list.iter().filter_map(|peer| self.namespaced_peer(peer, namespace)).collect());
        }
        let ports = object.get("ports").map(|field| self.list(&field)).unwrap_or_default();
        if !ports.is_empty() {
            rule.ports = Some(ports.iter().filter_map(|port| self.namespaced_port(port)).collect());
        }
        self.finish(object);
        rule
    }

    fn namespaced_peer(&mut self, at: &Field<'_>, namespace: &str) -> Option<PeerMatch> {
        let mut peer = self.object(at)?;
        let pods = peer.get("podSelector").map(|field| self.selector(&field).unwrap_or_default());
        let namespaces = peer.get("namespaceSelector").map(|field| self.selector(&field).unwrap_or_default());
        let block = peer.get("ipBlock");
        self.finish(peer);
        match (block, namespaces, pods) {
            (Some(block), None, None) => {
                let addresses = self.ip_block(&block)?;
                Some(PeerMatch::Addresses { addresses, pods_too: false })
            }
            (Some(_), ..) => {
                self.error_with(
                    at,
                    "ipBlock cannot stand beside podSelector or namespaceSelector",
                    "make two entries of the list of it",
                );
                None
            }
            (None, None, None) => {
                self.error_with(
                    at,
                    "a peer must say podSelector, namespaceSelector or ipBlock",
                    "leave out the whole list to mean every peer",
                );
                None
            }
            (None, namespaces, pods) => Some(PeerMatch::Pods(Subject::labelled(
                namespaces
                    .map_or_else(|| NamespaceMatch::Named(namespace.to_owned()), NamespaceMatch::Selected),
                pods.unwrap_or_default(),
            ))),
        }
    }

    fn ip_block(&mut self, at: &Field<'_>) -> Option<AddressSet> {
        let mut block = self.object(at)?;
        let Some(cidr) = block.get("cidr") else {
            self.error(at, "an ipBlock needs a cidr");
            return None;
        };
        let network = self.network(&cidr)?;
        let mut addresses = AddressSet::from(network);
        for at in block.get("except").map(|field| self.list(&field)).unwrap_or_default() {
            let Some(except) = self.network(&at) else { continue };
            if !network.contains(&except) || network == except {
                let message = format!("{except} does not lie strictly within {network}");
                self.error_with(&at, message, "an exception is a part of its cidr, and not all of it");
            }
            addresses = addresses.difference(&except.into());
        }
        self.finish(block);
        Some(addresses)
    }

    fn network(&mut self, at: &Field<'_>) -> Option<IpNet> {
        let text = self.text(at)?;
        match text.parse::<IpNet>() {
            Ok(network) => {
                if network.trunc() != network {
                    let message = format!("{network} has bits set behind its prefix");
                    self.warning(
                        at.node.mark,
                        &at.path,
                        message,
                        Some(format!("it means {}", network.trunc())),
                    );
                }
                Some(network.trunc())
            }
            Err(_) => {
                let suggestion = match text.parse::<IpAddr>() {
                    Ok(IpAddr::V4(_)) => format!("for this one address write {text}/32"),
                    Ok(IpAddr::V6(_)) => format!("for this one address write {text}/128"),
                    Err(_) => "expected an address and a prefix length, like 10.0.0.0/8".to_owned(),
                };
                self.error_with(at, format!("'{text}' is not a range of addresses"), suggestion);
                None
            }
        }
    }

    fn namespaced_port(&mut self, at: &Field<'_>) -> Option<PortMatch> {
        let mut object = self.object(at)?;
        let protocol = match object.get("protocol") {
            Some(field) => self.protocol(&field)?,
            None => IpProtocol::TCP,
        };
        let port = object.get("port");
        let end = object.get("endPort");
        self.finish(object);
        let spec = match port {
            None => {
                if let Some(end) = &end {
                    self.error_with(end, "endPort needs port", "add the first port of the range as 'port'");
                }
                PortSpec::All
            }
            Some(port) if is_number(&port) => {
                let first = self.port_number(&port)?;
                let last = match &end {
                    Some(end) => self.port_number(end)?,
                    None => first,
                };
                if let Some(end) = end.filter(|_| last < first) {
                    self.error(&end, format!("endPort {last} lies before port {first}"));
                }
                PortSpec::Range(PortRange { first, last })
            }
            Some(port) if port.node.text().is_some_and(|text| text.parse::<u16>().is_ok()) => {
                let number = port.node.text().unwrap_or("");
                let message = format!("\"{number}\" in quotes is the name of a port, and not a valid one");
                self.error_with(&port, message, format!("write {number} without quotes"));
                return None;
            }
            Some(port) => {
                if let Some(end) = end {
                    self.error(&end, "endPort cannot stand beside a port name");
                }
                PortSpec::Named(self.port_name(&port)?)
            }
        };
        Some(PortMatch { protocol: Some(protocol), port: spec })
    }

    fn port_number(&mut self, at: &Field<'_>) -> Option<u16> {
        u16::try_from(self.integer(at, 1, 65535)?).ok()
    }

    fn port_name(&mut self, at: &Field<'_>) -> Option<String> {
        if at.node.text().is_none_or(str::is_empty) {
            self.error(at, "expected a port from 1 to 65535 or the name of one");
            return None;
        }
        let text = self.text(at)?;
        if !is_port_name(text) {
            self.error_with(at, format!("'{text}' is not the name of a port"), PORT_NAME_FORM);
        }
        Some(text.to_owned())
    }

    /// Reports what cannot be understood. An allowing rule is left out then; any other makes the policy unusable, because
    /// without it something would be allowed that is not.
    pub(super) fn cannot(&mut self, at: &Field<'_>, action: Action, what: &str) {
        if action == Action::Allow {
            let message = format!("{what}: the rule is left out, so that nothing is allowed that is not");
            self.warning(at.node.mark, &at.path, message, None);
        } else {
            self.error(at, format!("{what}, and without this rule more would be allowed than is"));
        }
    }

    pub(super) fn selector(&mut self, at: &Field<'_>) -> Option<Selector> {
        self.selector_with(at, |key| key)
    }

    /// A selector whose keys say more than a label does; `label` is that part of a key.
    pub(super) fn selector_with(&mut self, at: &Field<'_>, label: fn(&str) -> &str) -> Option<Selector> {
        let mut object = self.object(at)?;
        let labels =
            object.get("matchLabels").map(|field| self.labels_with(&field, label)).unwrap_or_default();
        let expressions = object.get("matchExpressions").map(|field| self.list(&field)).unwrap_or_default();
        let mut requirements: Vec<Requirement> = labels
            .into_iter()
            .map(|(key, value)| Requirement { key, operator: Operator::In(BTreeSet::from([value])) })
            .collect();
        requirements.extend(expressions.iter().filter_map(|at| self.requirement(at, label)));
        // Labels written right into the selector are the most common mistake, and would select everything.
        let bare = object.entries().any(|(key, ..)| !matches!(key, "matchLabels" | "matchExpressions"));
        if bare && requirements.is_empty() {
            let remedy = "put the labels under 'matchLabels:'";
            self.error_with(at, "a selector has matchLabels or matchExpressions", remedy);
        } else {
            self.finish(object);
        }
        Some(Selector::new(requirements))
    }

    fn requirement(&mut self, at: &Field<'_>, label: fn(&str) -> &str) -> Option<Requirement> {
        const OPERATORS: [&str; 4] = ["In", "NotIn", "Exists", "DoesNotExist"];
        let mut object = self.object(at)?;
        let field = object.get("key");
        let key = field.as_ref().and_then(|field| self.text(field)).filter(|key| !key.is_empty());
        let (Some(key), Some(field)) = (key.map(str::to_owned), field) else {
            self.error(at, "a match expression needs a key");
            return None;
        };
        self.label_key(label(&key), field.node.mark, &field.path);
        let operator = object.get("operator");
        let values = object.get("values").map(|field| self.list(&field)).unwrap_or_default();
        let mut given = BTreeSet::new();
        for at in &values {
            let Some(value) = self.text(at) else { continue };
            self.label_value(value, at);
            given.insert(value.to_owned());
        }
        let values = given;
        self.finish(object);
        let Some(operator) = operator else {
            self.error_with(
                at,
                "a match expression needs an operator",
                "one of In, NotIn, Exists, DoesNotExist",
            );
            return None;
        };
        let operator = match (operator.node.text().unwrap_or(""), values.is_empty()) {
            ("In", false) => Operator::In(values),
            ("NotIn", false) => Operator::NotIn(values),
            ("Exists", true) => Operator::Exists,
            ("DoesNotExist", true) => Operator::DoesNotExist,
            (name @ ("In" | "NotIn"), _) => {
                self.error(&operator, format!("{name} needs values"));
                return None;
            }
            (name @ ("Exists" | "DoesNotExist"), _) => {
                self.error(&operator, format!("{name} has no values"));
                return None;
            }
            (other, _) => {
                let meant = nearest(other, OPERATORS).map_or_else(|| OPERATORS.join(", "), str::to_owned);
                self.error_with(
                    &operator,
                    format!("'{other}' is not an operator"),
                    format!("expected {meant}"),
                );
                return None;
            }
        };
        Some(Requirement { key, operator })
    }
}

fn is_number(at: &Field<'_>) -> bool {
    match &at.node.value {
        Value::Scalar { text, plain } => *plain && text.parse::<i64>().is_ok(),
        _ => false,
    }
}
