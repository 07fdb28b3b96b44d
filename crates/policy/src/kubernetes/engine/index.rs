//! Which pods a selector means, by namespace and label; each distinct question is answered once.

use super::{INGRESS_NAMESPACE, PodFacts};
use crate::{
    flowset::AddressSet,
    kubernetes::{Labels, NamespaceMatch, Operator, Resources, Selector, Semantics, Subject},
};
use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

/// All pods, the ingress controller last, and ways to find them.
pub(in crate::kubernetes) struct Index<'r> {
    pub(super) pods: Vec<PodFacts<'r>>,
    namespaces: Vec<(&'r str, Labels)>,
    by_namespace: Vec<Vec<u32>>,
    by_label: HashMap<(&'r str, &'r str), Vec<u32>>,
    chosen: HashMap<NamespaceMatch, Rc<[bool]>>,
    found: HashMap<Subject, Rc<[u32]>>,
    addressed: HashMap<AddressSet, Rc<[u32]>>,
}

impl<'r> Index<'r> {
    pub(in crate::kubernetes) fn new(resources: &'r Resources, semantics: Semantics) -> Self {
        static NO_LABELS: Labels = Labels::new();
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        let mentioned = resources.workloads.keys().map(|name| name.namespace.as_str());
        for name in mentioned.chain([INGRESS_NAMESPACE]) {
            let next = names.len();
            names.entry(name).or_insert(next);
        }
        let mut namespaces = vec![("", Labels::new()); names.len()];
        for (name, number) in &names {
            namespaces[*number] = (name, resources.namespace_labels(name));
        }
        let mut pods = Vec::new();
        for (name, workload) in &resources.workloads {
            pods.extend(workload.pods.iter().map(|pod| PodFacts {
                workload: Some(name),
                namespace: names[name.namespace.as_str()],
                labels: &pod.labels,
                pod: Some(pod),
                selectable: !pod.host_network || semantics.host_network_pods_are_pods,
            }));
        }
        let namespace = names[INGRESS_NAMESPACE];
        pods.push(PodFacts { workload: None, namespace, labels: &NO_LABELS, pod: None, selectable: true });
        let mut by_namespace = vec![Vec::new(); namespaces.len()];
        let mut by_label: HashMap<(&str, &str), Vec<u32>> = HashMap::new();
        for (number, pod) in (0..).zip(&pods).filter(|(_, pod)| pod.selectable) {
            by_namespace[pod.namespace].push(number);
            for (key, value) in pod.labels {
                by_label.entry((key, value)).or_default().push(number);
            }
        }
        let (chosen, found, addressed) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { pods, namespaces, by_namespace, by_label, chosen, found, addressed }
    }

    /// The labels of the namespace of a pod.
    fn chosen(&mut self, wanted: &NamespaceMatch) -> Rc<[bool]> {
        if let Some(known) = self.chosen.get(wanted) {
            return Rc::clone(known);
        }
        let chosen: Rc<[bool]> =
            self.namespaces.iter().map(|(name, labels)| wanted.matches(name, labels)).collect();
        self.chosen.insert(wanted.clone(), Rc::clone(&chosen));
        chosen
    }

    /// The pods that these are, ascending. Those that are nodes to policies are none.
    pub(super) fn find(&mut self, wanted: &Subject) -> Rc<[u32]> {
        if let Some(known) = self.found.get(wanted) {
            return Rc::clone(known);
        }
        let chosen = self.chosen(&wanted.namespaces);
        let is_one = |number: &u32| {
            let pod = &self.pods[*number as usize];
            chosen[pod.namespace]
                && wanted.pods.matches(pod.labels)
                && pod.workload.map_or(wanted.workload.is_none(), |name| wanted.is_called(&name.name))
        };
        let inside: usize = chosen
            .iter()
            .zip(&self.by_namespace)
            .filter(|(chosen, _)| **chosen)
            .map(|(_, pods)| pods.len())
            .sum();
        let mut found: Vec<u32> = match self.labelled(&wanted.pods) {
            Some(pods) if pods.len() < inside => pods.into_iter().filter(is_one).collect(),
            _ => {
                let pods = chosen.iter().zip(&self.by_namespace).filter(|(chosen, _)| **chosen);
                pods.flat_map(|(_, pods)| pods).copied().filter(is_one).collect()
            }
        };
        found.sort_unstable();
        let found: Rc<[u32]> = found.into();
        self.found.insert(wanted.clone(), Rc::clone(&found));
        found
    }

    /// Whether any pod of the manifests is meant.
    pub(in crate::kubernetes) fn means_a_workload(&mut self, wanted: &Subject) -> bool {
        let found = self.find(wanted);
        found.iter().any(|number| self.pods[*number as usize].workload.is_some())
    }

    /// All pods that one of the selector's requirements leaves, where one of them names values.
    fn labelled(&self, selector: &Selector) -> Option<Vec<u32>> {
        let candidates =
            selector.requirements().iter().filter_map(|requirement| match &requirement.operator {
                Operator::In(values) => {
                    let lists =
                        values.iter().filter_map(|value| self.by_label.get(&(&*requirement.key, &**value)));
                    Some(lists.flatten().copied().collect::<Vec<u32>>())
                }
                _ => None,
            });
        candidates.min_by_key(Vec::len)
    }

    /// The pods that have one of these addresses. Where manifests do not tell them, only "every address" is sure to hold
    /// them.
    pub(super) fn at(&mut self, addresses: &AddressSet) -> Rc<[u32]> {
        if let Some(known) = self.addressed.get(addresses) {
            return Rc::clone(known);
        }
        let full = addresses.v4().is_full() || addresses.v6().is_full();
        let found: Rc<[u32]> = (0..)
            .zip(&self.pods)
            .filter(|(_, facts)| match facts.pod.map(|pod| &pod.addresses) {
                Some(known) if !known.is_empty() => known.iter().any(|address| addresses.contains(*address)),
                _ => full,
            })
            .map(|(number, _)| number)
            .collect();
        self.addressed.insert(addresses.clone(), Rc::clone(&found));
        found
    }

    /// Every distinct set of pods that was asked for.
    pub(super) fn answers(&self) -> impl Iterator<Item = &Rc<[u32]>> {
        self.found.values().chain(self.addressed.values())
    }
}
