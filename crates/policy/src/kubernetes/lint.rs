//! What policies say that nothing among the manifests has: names of ports, labels of pods and of namespaces.
//!
//! Manifests may be a part of what a cluster holds. So a namespace of which they hold no workload, and one that is only
//! named, is taken to be there.

use super::{
    Diagnostic, Labels, NamespaceMatch, Operator, PeerMatch, Place, Policy, PortSpec, Requirement, Resources,
    Selector, Semantics, Subject, connections::warning, engine::Index, resources::NAMESPACE_NAME_LABEL,
};
use crate::suggest::nearest;
use bulkhead_model::Direction;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(super) fn suspicious(resources: &Resources, semantics: Semantics) -> Vec<Diagnostic> {
    let mut found = unmatched_ports(resources);
    if resources.workloads.is_empty() {
        return found;
    }
    let mut known = Known::new(resources, semantics);
    for policy in &resources.policies {
        if let Some((message, remedy)) = known.why_nobody(&policy.subject) {
            found.push(warning(&policy.place, format!("{policy} selects nothing: {message}"), remedy));
        }
        for (place, direction, subject) in peers(policy) {
            if let Some((message, remedy)) = known.why_nobody(subject) {
                let message = format!("{policy}, {direction}: a peer means nobody: {message}");
                found.push(warning(place, message, remedy));
            }
        }
    }
    found
}

/// The peers of a policy that are pods.
fn peers(policy: &Policy) -> impl Iterator<Item = (&Place, Direction, &Subject)> {
    let of_side = |direction| {
        let rules = policy.rules(direction).unwrap_or_default().iter();
        rules
            .flat_map(move |rule| rule.peers.iter().flatten().map(move |peer| (&rule.place, direction, peer)))
    };
    let all = [Direction::Ingress, Direction::Egress].into_iter().flat_map(of_side);
    all.filter_map(|(place, direction, peer)| match peer {
        PeerMatch::Pods(subject) => Some((place, direction, subject)),
        _ => None,
    })
}

/// What is wrong, and what was probably meant.
type Why = (String, Option<String>);

struct Known<'r> {
    index: Index<'r>,
    namespaces: &'r BTreeMap<String, Labels>,
    /// Labels of the pods of each namespace.
    pods: BTreeMap<&'r str, Vec<&'r Labels>>,
    answers: HashMap<&'r Subject, Option<Why>>,
}

impl<'r> Known<'r> {
    fn new(resources: &'r Resources, semantics: Semantics) -> Self {
        let mut pods: BTreeMap<&str, Vec<&Labels>> = BTreeMap::new();
        for (name, workload) in &resources.workloads {
            let labels = workload.pods.iter().map(|pod| &pod.labels);
            pods.entry(&name.namespace).or_default().extend(labels);
        }
        let (namespaces, answers) = (&resources.namespaces, HashMap::new());
        Self { index: Index::new(resources, semantics), namespaces, pods, answers }
    }

    fn why_nobody(&mut self, subject: &'r Subject) -> Option<Why> {
        if let Some(known) = self.answers.get(subject) {
            return known.clone();
        }
        let answer = if self.index.means_a_workload(subject) { None } else { self.why(subject) };
        self.answers.insert(subject, answer.clone());
        answer
    }

    /// Why nobody is meant; `None` where manifests alone do not tell.
    fn why(&self, subject: &Subject) -> Option<Why> {
        let chosen: Vec<&str> = match &subject.namespaces {
            NamespaceMatch::Named(name) => vec![name],
            NamespaceMatch::Selected(selector) => {
                let chosen = self.namespaces.iter().filter(|(_, labels)| selector.matches(labels));
                let chosen: Vec<&str> = chosen.map(|(name, _)| name.as_str()).collect();
                if chosen.is_empty() {
                    return self.why_no_namespace(selector);
                }
                chosen
            }
        };
        let labels: Vec<&Labels> =
            chosen.iter().filter_map(|name| self.pods.get(name)).flatten().copied().collect();
        if labels.is_empty() {
            return None;
        }
        let within = match chosen.as_slice() {
            [one] => format!("of namespace {one}"),
            _ => format!("of {} namespaces", chosen.len()),
        };
        if let Some(name) = &subject.workload {
            return Some((format!("no workload {within} is called {name}"), None));
        }
        if labels.iter().any(|labels| subject.pods.matches(labels)) {
            return Some((format!("pods {within} that it means are in the host's network"), None));
        }
        let missing = missing(&subject.pods, &labels);
        let (what, remedy) = match missing {
            Some(requirement) => (text(requirement), meant(requirement, &labels)),
            None => (format!("{} at once", subject.pods), None),
        };
        // Of all namespaces there may be more than manifests hold; one that is mistyped is told all the same.
        let everywhere = NamespaceMatch::Selected(Selector::everything());
        if subject.namespaces == everywhere && remedy.is_none() {
            return None;
        }
        Some((format!("no pod {within} has {what}"), remedy))
    }

    fn why_no_namespace(&self, selector: &Selector) -> Option<Why> {
        let labels: Vec<&Labels> = self.namespaces.values().collect();
        let Some(requirement) = missing(selector, &labels) else {
            return Some((format!("no namespace has {selector} at once"), None));
        };
        let remedy = meant(requirement, &labels);
        if requirement.key == NAMESPACE_NAME_LABEL && remedy.is_none() {
            return None;
        }
        let silent = labels.iter().all(|labels| labels.keys().all(|key| key == NAMESPACE_NAME_LABEL));
        let remedy = match silent {
            true => Some("give the manifests of the namespaces as well".to_owned()),
            false => remedy,
        };
        Some((format!("no namespace has {}", text(requirement)), remedy))
    }
}

fn text(requirement: &Requirement) -> String {
    Selector::new([requirement.clone()]).to_string()
}

/// The first requirement that none of these labels fulfil.
fn missing<'s>(selector: &'s Selector, labels: &[&Labels]) -> Option<&'s Requirement> {
    let nobody = |requirement: &&Requirement| {
        let alone = Selector::new([(*requirement).clone()]);
        !labels.iter().any(|labels| alone.matches(labels))
    };
    selector.requirements().iter().find(nobody)
}

/// The label that somebody has and that differs least.
fn meant(requirement: &Requirement, labels: &[&Labels]) -> Option<String> {
    let values: BTreeSet<&str> =
        labels.iter().filter_map(|labels| labels.get(&requirement.key)).map(String::as_str).collect();
    if values.is_empty() {
        let keys: BTreeSet<&str> =
            labels.iter().flat_map(|labels| labels.keys()).map(String::as_str).collect();
        return nearest(&requirement.key, keys).map(|key| format!("did you mean the label '{key}'?"));
    }
    let Operator::In(wanted) = &requirement.operator else { return None };
    let nearest = wanted.iter().find_map(|wanted| nearest(wanted, values.iter().copied()))?;
    Some(format!("did you mean {}={nearest}?", requirement.key))
}

/// Names of ports that no pod has.
fn unmatched_ports(resources: &Resources) -> Vec<Diagnostic> {
    let pods = resources.workloads.values().flat_map(|workload| &workload.pods);
    let known: BTreeSet<&str> = pods.flat_map(|pod| &pod.ports).map(|port| port.name.as_str()).collect();
    let mut found = Vec::new();
    for policy in &resources.policies {
        let rules = [&policy.ingress, &policy.egress].into_iter().flatten().flatten();
        for (rule, port) in rules.flat_map(|rule| rule.ports.iter().flatten().map(move |port| (rule, port))) {
            if let PortSpec::Named(name) = &port.port
                && !known.contains(name.as_str())
            {
                let message = format!("no workload has a port named '{name}', so this matches nothing");
                found.push(warning(&rule.place, message, None));
            }
        }
    }
    found
}
