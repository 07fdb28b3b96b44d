use super::{
    Diagnostic, Network, Place, Resources, Severity,
    policies::{calico, cilium, neuvector},
    reader::{Field, Object, Reader},
};
use crate::yaml::{self, Limits, Node, Value};
use std::sync::Arc;

/// What a set of files says, and all that is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    pub resources: Resources,
    /// In the order of files and lines.
    pub diagnostics: Vec<Diagnostic>,
}

impl Reading {
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The resources, unless anything at all is wrong in earnest: then all that is wrong.
    pub fn into_result(self) -> Result<Resources, Vec<Diagnostic>> {
        if self.has_errors() { Err(self.diagnostics) } else { Ok(self.resources) }
    }
}

/// Labels of namespaces whose primary network is not the cluster's.
const PRIMARY_NETWORK_LABEL: &str = "k8s.ovn.org/primary-user-defined-network";

/// What is understood only when all files are read.
#[derive(Default)]
struct Pending<'n> {
    /// Whether policies of other products are understood.
    others: bool,
    networks: Vec<PendingNetwork>,
    calico: calico::Drafts,
    cilium_groups: cilium::Groups,
    cilium: Vec<cilium::Waiting<'n>>,
    neuvector: neuvector::Rules,
}

/// Reads manifests: YAML of any number of documents, or JSON; lists of objects are read item by item. Objects of kinds
/// that do not bear on connectivity are passed over. The order of the files does not matter.
pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Reading {
    read_kinds(files, true)
}

/// [`read`], without the policies of Calico, Cilium and NeuVector, which are reported as passed over.
pub fn read_kubernetes<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Reading {
    read_kinds(files, false)
}

fn read_kinds<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>, others: bool) -> Reading {
    let mut reading = Reading::default();
    let mut texts: Vec<(Arc<str>, Vec<Node>)> = Vec::new();
    for (name, text) in files {
        let file: Arc<str> = name.into();
        let nodes = parse(&file, text, &mut reading.diagnostics);
        texts.push((file, nodes));
    }
    let mut pending = Pending { others, ..Pending::default() };
    for (file, nodes) in &texts {
        for node in nodes {
            let mut reader =
                Reader { file: Arc::clone(file), diagnostics: &mut reading.diagnostics, failed: false };
            let root = Field { node, path: String::new() };
            reader.document(root, &mut reading.resources, &mut pending, 0);
        }
    }
    reading.complete(pending);
    reading.check_policies();
    reading.diagnostics.sort();
    reading.diagnostics.dedup();
    reading
}

impl Reading {
    fn complete(&mut self, pending: Pending<'_>) {
        pending.calico.apply(&mut self.resources);
        for waiting in &pending.cilium {
            let file = Arc::clone(waiting.file());
            let mut reader = Reader { file, diagnostics: &mut self.diagnostics, failed: false };
            self.resources.policies.extend(reader.cilium_policy(waiting, &pending.cilium_groups));
        }
        let (policies, unknown) = pending.neuvector.policies();
        self.resources.policies.extend(policies);
        self.diagnostics.extend(unknown.into_iter().map(|(place, message)| Diagnostic {
            place,
            severity: Severity::Error,
            field: String::new(),
            message,
            suggestion: Some("give its criteria, or the NvGroupDefinition of this name".to_owned()),
        }));
        self.resources.complete();
        for network in pending.networks {
            network.apply(self);
        }
    }
}

fn parse(file: &Arc<str>, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Node> {
    // JSON may be indented with tabs, YAML may not; inside of JSON strings there are none.
    let json = text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']);
    let spaced = if json && text.contains('\t') { Some(text.replace('\t', " ")) } else { None };
    let text = spaced.as_deref().unwrap_or(text);
    let (documents, errors) = yaml::parse(text, Limits::default());
    for error in errors {
        let template = text.contains("{{");
        let suggestion = template.then(|| {
            "this looks like a template that has not been rendered; run 'helm template' and give its output".to_owned()
        });
        diagnostics.push(Diagnostic {
            place: Place::new(file, error.mark),
            severity: Severity::Error,
            field: String::new(),
            message: error.message,
            suggestion,
        });
    }
    documents
}

/// A network whose namespaces are found when all files are read.
struct PendingNetwork {
    network: Network,
    /// `None`: the one namespace of the network.
    selector: Option<super::Selector>,
    place: Place,
}

impl PendingNetwork {
    fn apply(self, reading: &mut Reading) {
        let namespaces: Vec<String> = match (&self.network, &self.selector) {
            (_, Some(selector)) => {
                let chosen =
                    reading.resources.namespaces.iter().filter(|(_, labels)| selector.matches(labels));
                chosen.map(|(name, _)| name.clone()).collect()
            }
            (Network::Namespace(namespace) | Network::Cluster(namespace), None) => vec![namespace.clone()],
        };
        for namespace in namespaces {
            let labelled = reading
                .resources
                .namespaces
                .get(&namespace)
                .is_some_and(|labels| labels.contains_key(PRIMARY_NETWORK_LABEL));
            if labelled {
                reading.resources.networks.insert(namespace, self.network.clone());
            } else {
                reading.diagnostics.push(Diagnostic {
                    place: self.place.clone(),
                    severity: Severity::Warning,
                    field: "metadata.namespace".to_owned(),
                    message: format!("the namespace '{namespace}' keeps the cluster's network"),
                    suggestion: Some(format!("give it the label '{PRIMARY_NETWORK_LABEL}'")),
                });
            }
        }
    }
}

impl Reader<'_> {
    fn document<'n>(
        &mut self,
        root: Field<'n>,
        resources: &mut Resources,
        pending: &mut Pending<'n>,
        depth: u8,
    ) {
        self.failed = false;
        if !matches!(root.node.value, Value::Map(_)) {
            let message = format!("passed over: {} is not a Kubernetes object", root.node.kind());
            self.note(root.node.mark, message, None);
            return;
        }
        let Some(mut object) = self.object(&root) else { return };
        let kind = object.get("kind").and_then(|kind| kind.node.text());
        let version = object.get("apiVersion").and_then(|version| version.node.text()).unwrap_or("");
        let Some(kind) = kind else {
            self.note(root.node.mark, "passed over: it has no kind, so it is not a Kubernetes object", None);
            return;
        };
        if kind.ends_with("List") && depth < 3 {
            for item in object.get("items").map(|items| self.list(&items)).unwrap_or_default() {
                self.list_item(item, kind, version, resources, pending, depth);
            }
            return;
        }
        self.known_object(kind, version, object, resources, pending);
    }

    /// Items of a typed list may leave out what the list says of them.
    fn list_item<'n>(
        &mut self,
        item: Field<'n>,
        list: &str,
        version: &str,
        resources: &mut Resources,
        pending: &mut Pending<'n>,
        depth: u8,
    ) {
        let kind = list.strip_suffix("List").unwrap_or_default();
        if item.node.get("kind").is_some() || kind.is_empty() {
            return self.document(item, resources, pending, depth + 1);
        }
        self.failed = false;
        if let Some(object) = self.object(&item) {
            self.known_object(kind, version, object, resources, pending);
        }
    }

    fn known_object<'n>(
        &mut self,
        kind: &str,
        version: &str,
        mut object: Object<'n>,
        resources: &mut Resources,
        pending: &mut Pending<'n>,
    ) {
        // Other products have kinds of the same names; the group tells them apart.
        let group = version.rsplit_once('/').map_or("", |(group, _)| group);
        let others = pending.others;
        match kind {
            _ if others && is_of_others(kind, group) => self.object_of_others(kind, object, pending),
            "Namespace" if group.is_empty() => self.namespace(object, resources),
            "NetworkPolicy" if matches!(group, "" | "networking.k8s.io" | "extensions") => {
                resources.policies.extend(self.network_policy(object));
            }
            "AdminNetworkPolicy" => resources.policies.extend(self.admin_network_policy(object)),
            "BaselineAdminNetworkPolicy" => resources.policies.extend(self.baseline_network_policy(object)),
            "ClusterNetworkPolicy" if group == "policy.networking.k8s.io" => {
                resources.policies.extend(self.cluster_network_policy(object));
            }
            "Service" if group.is_empty() => self.service(object, resources),
            "Ingress" if matches!(group, "" | "networking.k8s.io" | "extensions") => {
                self.ingress(object, resources)
            }
            "Route" if matches!(group, "" | "route.openshift.io") => self.route(object, resources),
            "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "TCPRoute" => self.gateway_route(object, resources),
            "UserDefinedNetwork" | "ClusterUserDefinedNetwork" => {
                resources.several_networks = true;
                pending.networks.extend(self.user_defined_network(kind, object));
            }
            "NetworkAttachmentDefinition" | "MultiNetworkPolicy" => {
                resources.several_networks = true;
                let message =
                    format!("passed over: {kind} concerns secondary networks, which are not understood");
                self.warning(object.mark, "kind", message, None);
            }
            "Kustomization" => {
                let remedy = "run 'kubectl kustomize' and give its output".to_owned();
                self.note(
                    object.mark,
                    "passed over: kustomize makes manifests of this, and has not yet",
                    Some(remedy),
                );
            }
            _ => {
                resources.several_networks |= kind == "VirtualMachine";
                let mark = object.mark;
                object.ignore(&["apiVersion", "kind"]);
                if !self.workload(kind, others, object, resources) && looks_like_a_policy(kind) {
                    let message =
                        format!("passed over: {kind} ({version}) is a policy that is not understood here");
                    self.warning(mark, "kind", message, None);
                }
            }
        }
    }

    /// One of [`is_of_others`].
    fn object_of_others<'n>(&mut self, kind: &str, object: Object<'n>, pending: &mut Pending<'n>) {
        match kind {
            "NetworkPolicy" => self.calico_policy("NetworkPolicy", object, &mut pending.calico),
            "GlobalNetworkPolicy" => {
                self.calico_policy("GlobalNetworkPolicy", object, &mut pending.calico);
            }
            "Tier" => self.calico_tier(object, &mut pending.calico),
            "NetworkSet" | "GlobalNetworkSet" => {
                self.calico_set(kind, object, &mut pending.calico);
            }
            "CiliumNetworkPolicy" => pending.cilium.extend(self.cilium_object("CiliumNetworkPolicy", object)),
            "CiliumClusterwideNetworkPolicy" => {
                pending.cilium.extend(self.cilium_object("CiliumClusterwideNetworkPolicy", object));
            }
            "CiliumCIDRGroup" => self.cilium_group(object, &mut pending.cilium_groups),
            "NvSecurityRule" => self.neuvector_rule("NvSecurityRule", object, &mut pending.neuvector),
            "NvClusterSecurityRule" => {
                self.neuvector_rule("NvClusterSecurityRule", object, &mut pending.neuvector);
            }
            "NvGroupDefinition" => self.neuvector_group(object, &mut pending.neuvector),
            _ => {}
        }
    }

    fn user_defined_network(&mut self, kind: &str, mut object: Object<'_>) -> Option<PendingNetwork> {
        let metadata = self.metadata(&mut object)?;
        let place = Place::new(&self.file, object.mark);
        let spec = object.get("spec")?;
        let mut spec = self.object(&spec)?;
        let cluster = kind == "ClusterUserDefinedNetwork";
        let selector =
            spec.get("namespaceSelector").and_then(|field| self.selector(&field)).unwrap_or_default();
        let mut network = match spec.get("network") {
            Some(network) if cluster => self.object(&network)?,
            _ => spec,
        };
        let layers: Vec<_> =
            ["layer2", "layer3"].into_iter().filter_map(|layer| network.get(layer)).collect();
        let primary =
            layers.iter().any(|layer| layer.node.get("role").and_then(Node::text) == Some("Primary"));
        if !primary {
            let message = format!("passed over: {} is a secondary network", metadata.name);
            self.warning(object.mark, "spec", message, None);
            return None;
        }
        Some(if cluster {
            PendingNetwork { network: Network::Cluster(metadata.name), selector: Some(selector), place }
        } else {
            PendingNetwork { network: Network::Namespace(metadata.namespace), selector: None, place }
        })
    }
}

/// Kinds of Calico, Cilium and NeuVector.
fn is_of_others(kind: &str, group: &str) -> bool {
    match group {
        "projectcalico.org" | "crd.projectcalico.org" => {
            matches!(
                kind,
                "NetworkPolicy" | "GlobalNetworkPolicy" | "Tier" | "NetworkSet" | "GlobalNetworkSet"
            )
        }
        "cilium.io" => {
            matches!(kind, "CiliumNetworkPolicy" | "CiliumClusterwideNetworkPolicy" | "CiliumCIDRGroup")
        }
        "neuvector.com" => matches!(kind, "NvSecurityRule" | "NvClusterSecurityRule" | "NvGroupDefinition"),
        _ => false,
    }
}

/// Policies of other products, of which a person would think that they count here.
fn looks_like_a_policy(kind: &str) -> bool {
    kind.ends_with("NetworkPolicy") || matches!(kind, "AuthorizationPolicy")
}

impl Reading {
    /// What can be seen only with all files read: two of one name, priorities that leave the outcome open.
    fn check_policies(&mut self) {
        let mut found = Vec::new();
        // Policies stand in deciding order, so those that could be confused stand beside each other.
        for pair in self.resources.policies.windows(2) {
            let [policy, other] = pair else { continue };
            let name = |policy: &super::Policy| (policy.kind, policy.namespace.clone(), policy.name.clone());
            let ordered = [super::Tier::admin(), super::Tier::baseline()].contains(&policy.layer.tier);
            // Objects of others may be several policies here.
            let (field, message) = if policy.place == other.place {
                continue;
            } else if name(policy) == name(other) {
                ("metadata.name", format!("{policy} is defined twice; the other is at {}", policy.place))
            } else if policy.layer == other.layer && ordered {
                (
                    "spec.priority",
                    format!("{policy} has the same priority, so which one decides is not defined"),
                )
            } else {
                continue;
            };
            found.push(Diagnostic {
                place: other.place.clone(),
                severity: Severity::Warning,
                field: field.to_owned(),
                message,
                suggestion: None,
            });
        }
        self.diagnostics.extend(found);
    }
}
