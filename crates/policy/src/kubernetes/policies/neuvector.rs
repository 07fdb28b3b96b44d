//! Decoding of NeuVector's `NvSecurityRule`, `NvClusterSecurityRule` and `NvGroupDefinition` (`neuvector.com/v1`).
//!
//! There is one list of rules from group to group, and the first that matches decides for both ends. So each rule is said
//! here on both sides: as ingress of the one group and as egress of the other. Pods that no object targets hold nothing
//! back. Modes are not taken: they are Bulkhead's to decide.

use super::{
    Action, Field, Layer, NamespaceMatch, Object, PeerMatch, Place, Policy, PortMatch, PortSpec, Reader,
    Rule, Selector, Subject,
};
use crate::{
    document::is_host_name,
    flowset::AddressSet,
    glob::Glob,
    kubernetes::{
        Operator, Order, Requirement, export::neuvector_application, resources::NAMESPACE_NAME_LABEL,
    },
};
use bulkhead_model::{Application, Direction, IpProtocol, PortRange};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// Objects and groups, which are put together when all files are read.
#[derive(Default)]
pub(in crate::kubernetes) struct Rules {
    groups: BTreeMap<String, Vec<Member>>,
    objects: Vec<SecurityRule>,
}

struct SecurityRule {
    kind: &'static str,
    namespace: Option<String>,
    name: String,
    target: Group,
    /// In the order of their list.
    rules: Vec<Entry>,
    place: Place,
}

struct Entry {
    direction: Direction,
    action: Action,
    peer: Group,
    ports: Option<Vec<PortMatch>>,
    applications: Vec<Application>,
    place: Place,
}

/// A group by its name, which tells it where its members are not said here.
#[derive(Clone)]
struct Group {
    name: String,
    members: Option<Vec<Member>>,
}

/// What a group consists of: any of these.
#[derive(Clone, PartialEq, Eq)]
enum Member {
    Pods(Subject),
    /// Addresses, names and nodes.
    Other(PeerMatch),
}

impl Rules {
    /// The policies, and what of the groups is not known.
    pub(in crate::kubernetes) fn policies(mut self) -> (Vec<Policy>, Vec<(Place, String)>) {
        self.objects
            .sort_by(|a, b| (&a.namespace, &a.name, &a.place).cmp(&(&b.namespace, &b.name, &b.place)));
        let mut unknown = Vec::new();
        let groups = &self.groups;
        let mut members = |group: &Group, place: &Place| -> Vec<Member> {
            let known = group.members.as_ref().or_else(|| groups.get(&group.name));
            known.cloned().unwrap_or_else(|| {
                unknown
                    .push((place.clone(), format!("the group '{}' is not among the manifests", group.name)));
                Vec::new()
            })
        };
        let targets: Vec<Vec<Subject>> =
            self.objects.iter().map(|object| pods(&members(&object.target, &object.place))).collect();
        let mut made = Vec::new();
        let mut position = 0;
        for (object, target) in self.objects.iter().zip(&targets) {
            let policy = |subject: &Subject, isolates, ingress, egress, order| Policy {
                kind: object.kind,
                namespace: object.namespace.clone(),
                name: object.name.clone(),
                layer: Layer { tier: Layer::namespaced().tier, order },
                subject: subject.clone(),
                isolates,
                ingress,
                egress,
                place: object.place.clone(),
            };
            for subject in target {
                made.push(policy(
                    subject,
                    true,
                    Some(Vec::new()),
                    Some(Vec::new()),
                    Order::at(f64::from(position)),
                ));
            }
            for entry in &object.rules {
                position += 1;
                let order = Order::at(f64::from(position));
                let peers = members(&entry.peer, &entry.place);
                let rule = |peers: Vec<PeerMatch>| Rule {
                    name: String::new(),
                    action: entry.action,
                    peers: Some(peers),
                    ports: entry.ports.clone(),
                    applications: entry.applications.clone(),
                    place: entry.place.clone(),
                };
                let sides = |rule: Rule, direction| match direction {
                    Direction::Ingress => (Some(vec![rule]), None),
                    Direction::Egress => (None, Some(vec![rule])),
                };
                for subject in target {
                    let whom = peers.iter().cloned().map(PeerMatch::from).collect();
                    let (ingress, egress) = sides(rule(whom), entry.direction);
                    made.push(policy(subject, false, ingress, egress, order));
                }
                // The other end, where anything is held back there.
                let other_way = match entry.direction {
                    Direction::Ingress => Direction::Egress,
                    Direction::Egress => Direction::Ingress,
                };
                for peer in pods(&peers) {
                    if targets.iter().flatten().any(|held| may_overlap(held, &peer)) {
                        let whom = target.iter().cloned().map(PeerMatch::Pods).collect();
                        let (ingress, egress) = sides(rule(whom), other_way);
                        let mut mirrored = policy(&peer, false, ingress, egress, order);
                        mirrored.name =
                            format!("{}.of.{}", object.name, entry.peer.name.to_ascii_lowercase());
                        made.push(mirrored);
                    }
                }
            }
        }
        (made, unknown)
    }
}

impl From<Member> for PeerMatch {
    fn from(member: Member) -> Self {
        match member {
            Member::Pods(subject) => Self::Pods(subject),
            Member::Other(peer) => peer,
        }
    }
}

fn pods(members: &[Member]) -> Vec<Subject> {
    members
        .iter()
        .filter_map(|member| match member {
            Member::Pods(subject) => Some(subject.clone()),
            Member::Other(_) => None,
        })
        .collect()
}

/// Whether two selectors may select the same pod: unless names say otherwise.
fn may_overlap(a: &Subject, b: &Subject) -> bool {
    let namespaces = match (&a.namespaces, &b.namespaces) {
        (NamespaceMatch::Named(a), NamespaceMatch::Named(b)) => a == b,
        _ => true,
    };
    let names = match (&a.workload, &b.workload) {
        (Some(a), Some(b)) if a.is_exact() && b.is_exact() => a == b,
        _ => true,
    };
    namespaces && names
}

/// Groups that NeuVector has by itself.
fn reserved(name: &str) -> Option<Vec<Member>> {
    Some(match name {
        "containers" => vec![Member::Pods(Subject::everything())],
        "nodes" => vec![Member::Other(PeerMatch::Host), Member::Other(PeerMatch::RemoteHost)],
        "external" => {
            vec![Member::Other(PeerMatch::Addresses { addresses: AddressSet::all(), pods_too: false })]
        }
        _ => {
            let service = name.strip_prefix("nv.")?;
            vec![Member::Pods(service_subject(service)?)]
        }
    })
}

/// `web.shop`: the workload web of the namespace shop.
fn service_subject(service: &str) -> Option<Subject> {
    let (name, namespace) = service.rsplit_once('.')?;
    Some(Subject {
        namespaces: NamespaceMatch::Named(namespace.to_owned()),
        pods: Selector::everything(),
        workload: Some(Glob::new(name)),
    })
}

impl Reader<'_> {
    pub(in crate::kubernetes) fn neuvector_group(&mut self, mut object: Object<'_>, rules: &mut Rules) {
        let Some(metadata) = self.metadata(&mut object) else { return };
        let spec = object.get("spec").and_then(|spec| self.object(&spec));
        let Some(selector) = spec.and_then(|mut spec| spec.get("selector")) else { return };
        if let Some(group) = self.neuvector_selector(&selector, None) {
            let members = group.members.unwrap_or_default();
            rules.groups.insert(metadata.name, members.clone());
            rules.groups.insert(group.name, members);
        }
    }

    pub(in crate::kubernetes) fn neuvector_rule(
        &mut self,
        kind: &'static str,
        mut object: Object<'_>,
        rules: &mut Rules,
    ) {
        let place = Place::new(&self.file, object.mark);
        let Some(metadata) = self.metadata(&mut object) else { return };
        let Some(mut spec) = object.get("spec").and_then(|spec| self.object(&spec)) else {
            return self.error_in(&object, format!("a {kind} needs a spec"), "add spec.target");
        };
        let namespace = (kind == "NvSecurityRule").then_some(metadata.namespace);
        spec.ignore(&["process", "process_profile", "file", "dlp", "waf"]);
        let Some(target) = spec.get("target") else {
            return self.error_in(&spec, format!("a {kind} needs a target"), "add 'target: {selector: ...}'");
        };
        let Some(mut target) = self.object(&target) else { return };
        if let Some(mode) = target.get("policymode")
            && matches!(mode.node.text(), Some("Discover" | "Monitor"))
        {
            let message =
                "modes are not taken: what is not allowed here is denied as soon as a service enforces";
            self.warning(mode.node.mark, &mode.path, message, None);
        }
        let Some(selector) = target.get("selector") else {
            return self.error_in(&target, "a target needs a selector", "{name: ..., criteria: [...]}");
        };
        self.finish(target);
        let target = self.neuvector_selector(&selector, namespace.as_deref());
        let mut entries = Vec::new();
        for (key, direction) in [("ingress", Direction::Ingress), ("egress", Direction::Egress)] {
            for at in spec.get(key).map(|field| self.list(&field)).unwrap_or_default() {
                entries.extend(self.neuvector_entry(&at, direction));
            }
        }
        self.finish(spec);
        let Some(target) = target.filter(|_| !self.failed) else { return };
        rules.objects.push(SecurityRule {
            kind,
            namespace,
            name: metadata.name,
            target,
            rules: entries,
            place,
        });
    }

    fn neuvector_entry(&mut self, at: &Field<'_>, direction: Direction) -> Option<Entry> {
        let place = Place::new(&self.file, at.node.mark);
        let mut object = self.object(at)?;
        object.ignore(&["name", "priority"]);
        let action = match object.get("action") {
            Some(field) => match self.text(&field)?.to_ascii_lowercase().as_str() {
                "allow" => Action::Allow,
                "deny" => Action::Deny,
                other => {
                    self.error_with(&field, format!("'{other}' is not an action"), "expected allow or deny");
                    return None;
                }
            },
            None => {
                self.error_in(&object, "a rule needs an action", "allow or deny");
                return None;
            }
        };
        let Some(selector) = object.get("selector") else {
            self.error_in(
                &object,
                "a rule needs a selector",
                "{name: external, criteria: []} is the outside",
            );
            return None;
        };
        let (ports, applications) = (object.get("ports"), object.get("applications"));
        self.finish(object);
        let peer = self.neuvector_selector(&selector, None)?;
        let ports = match ports {
            None => None,
            Some(field) => self.neuvector_ports(&field)?,
        };
        let mut known = Vec::new();
        for at in applications.map(|field| self.list(&field)).unwrap_or_default() {
            let text = self.text(&at)?;
            if text.eq_ignore_ascii_case("any") {
                known.clear();
                break;
            }
            match neuvector_application(text) {
                Some(application) => known.push(application),
                None => {
                    self.cannot(&at, action, &format!("the application '{text}' is not known here"));
                    return None;
                }
            }
        }
        Some(Entry { direction, action, peer, ports, applications: known, place })
    }

    /// `any`, or `tcp/80,udp/1000-2000,icmp`: `Some(None)` is everything.
    fn neuvector_ports(&mut self, at: &Field<'_>) -> Option<Option<Vec<PortMatch>>> {
        let text = at.node.text().unwrap_or("");
        if text.eq_ignore_ascii_case("any") || text.is_empty() {
            return Some(None);
        }
        let mut ports = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (protocol, numbers) = part.split_once('/').unwrap_or((part, "any"));
            let number = |text: &str| text.trim().parse::<u16>().ok();
            let range = |text: &str| match text.split_once('-') {
                Some((first, last)) => number(first).zip(number(last)),
                None => number(text).map(|port| (port, port)),
            };
            let protocol = match protocol.to_ascii_lowercase().as_str() {
                "tcp" => Some(IpProtocol::TCP),
                "udp" => Some(IpProtocol::UDP),
                "icmp" => Some(IpProtocol::ICMP),
                _ => None,
            };
            let port = match numbers {
                "any" => Some(PortSpec::All),
                numbers => range(numbers)
                    .filter(|(first, last)| first <= last)
                    .map(|(first, last)| PortSpec::Range(PortRange { first, last })),
            };
            let (Some(protocol), Some(port)) = (protocol, port) else {
                self.error_with(
                    at,
                    format!("'{part}' is not a port"),
                    "write tcp/80, udp/1000-2000, icmp or any",
                );
                return None;
            };
            ports.push(PortMatch { protocol: Some(protocol), port });
        }
        Some(Some(ports))
    }

    /// A group. One that is only named is looked up when all files are read.
    fn neuvector_selector(&mut self, at: &Field<'_>, namespace: Option<&str>) -> Option<Group> {
        let mut object = self.object(at)?;
        object.ignore(&["comment", "original_name", "name_referral"]);
        let name = object.get("name").and_then(|field| self.text(&field)).unwrap_or("").to_owned();
        let criteria = object.get("criteria").map(|field| self.list(&field)).unwrap_or_default();
        self.finish(object);
        if criteria.is_empty() {
            return Some(Group { members: reserved(&name), name });
        }
        let members = self.neuvector_members(at, &criteria, namespace)?;
        Some(Group { name, members: Some(members) })
    }

    /// Values of one key are alternatives, keys must all hold.
    fn neuvector_members(
        &mut self,
        at: &Field<'_>,
        criteria: &[Field<'_>],
        namespace: Option<&str>,
    ) -> Option<Vec<Member>> {
        let mut wanted: BTreeMap<&str, [BTreeSet<String>; 2]> = BTreeMap::new();
        let mut exists = Vec::new();
        for at in criteria {
            let mut one = self.object(at)?;
            let (key, op, value) = (one.get("key"), one.get("op"), one.get("value"));
            self.finish(one);
            let (Some(key), Some(value)) = (key, value) else {
                self.error(at, "a criterion needs key, op and value");
                return None;
            };
            let (key, value) = (key.node.text().unwrap_or(""), value.node.text().unwrap_or(""));
            let negated = match op.as_ref().and_then(|op| op.node.text()) {
                None | Some("=") => false,
                Some("!=") => true,
                Some(other) => {
                    self.error(at, format!("parts of values ('{other}') cannot be selected here"));
                    return None;
                }
            };
            if matches!(key, "image" | "container" | "node" | "application") {
                self.error(at, format!("manifests do not tell '{key}', so whom this means is not known"));
                return None;
            }
            if value == "*" && !negated {
                if !matches!(key, "service" | "domain" | "address") {
                    exists.push(Requirement { key: key.to_owned(), operator: Operator::Exists });
                }
            } else if value.contains(['*', '?']) && key != "address" {
                self.error(at, "patterns of values cannot be selected here");
                return None;
            } else {
                wanted.entry(key).or_default()[usize::from(negated)].insert(value.to_owned());
            }
        }
        if let Some([addresses, not]) = wanted.remove("address") {
            if !wanted.is_empty() || !exists.is_empty() || !not.is_empty() {
                self.error(at, "addresses beside other criteria cannot be said");
                return None;
            }
            return addresses.iter().map(|text| self.neuvector_address(at, text)).collect();
        }
        let services = wanted.remove("service").unwrap_or_default();
        let [domains, not_domains] = wanted.remove("domain").unwrap_or_default();
        if !services[1].is_empty() {
            self.error(at, "services that are not meant cannot be said");
            return None;
        }
        let mut labels = exists;
        for (key, [values, not]) in wanted {
            let requirement = |operator| Requirement { key: key.to_owned(), operator };
            labels.extend((!values.is_empty()).then(|| requirement(Operator::In(values))));
            labels.extend((!not.is_empty()).then(|| requirement(Operator::NotIn(not))));
        }
        let pods = Selector::new(labels);
        if !services[0].is_empty() {
            let chosen =
                services[0].iter().filter_map(|service| service_subject(service)).filter(|subject| {
                    let NamespaceMatch::Named(own) = &subject.namespaces else { return true };
                    (domains.is_empty() || domains.contains(own)) && !not_domains.contains(own)
                });
            return Some(
                chosen.map(|subject| Member::Pods(Subject { pods: pods.clone(), ..subject })).collect(),
            );
        }
        let requirement = |operator| Requirement { key: NAMESPACE_NAME_LABEL.to_owned(), operator };
        let mut of_namespace = Vec::new();
        of_namespace.extend((!domains.is_empty()).then(|| requirement(Operator::In(domains.clone()))));
        of_namespace.extend((!not_domains.is_empty()).then(|| requirement(Operator::NotIn(not_domains))));
        let namespaces = match namespace.filter(|_| of_namespace.is_empty()) {
            Some(own) => NamespaceMatch::Named(own.to_owned()),
            None => super::calico::named(Selector::new(of_namespace)),
        };
        Some(vec![Member::Pods(Subject::labelled(namespaces, pods))])
    }

    fn neuvector_address(&mut self, at: &Field<'_>, text: &str) -> Option<Member> {
        let outside = |addresses| Member::Other(PeerMatch::Addresses { addresses, pods_too: false });
        let single = |text: &str| text.trim().parse::<IpAddr>().ok();
        if let Some(address) = single(text) {
            return Some(outside(address.into()));
        }
        if let Ok(network) = text.parse::<ipnet::IpNet>() {
            return Some(outside(network.into()));
        }
        if let Some((first, last)) = text.split_once('-').and_then(|(a, b)| single(a).zip(single(b))) {
            return Some(outside(AddressSet::range(first, last)));
        }
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        if is_host_name(&name) {
            return Some(Member::Other(PeerMatch::Name(name.into())));
        }
        self.error(at, format!("'{text}' is not an address, a range, or a host name"));
        None
    }
}
