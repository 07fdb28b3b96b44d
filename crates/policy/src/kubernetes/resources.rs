use super::{Place, Policy, Selector};
use bulkhead_model::IpProtocol;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

pub type Labels = BTreeMap<String, String>;

/// What the manifests say, as far as it bears on who may talk to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resources {
    /// Labels of each namespace, `kubernetes.io/metadata.name` among them; also of namespaces that are only mentioned.
    pub namespaces: BTreeMap<String, Labels>,
    pub workloads: BTreeMap<WorkloadName, Workload>,
    pub services: BTreeMap<(String, String), Service>,
    /// What ingress controllers and gateways are asked to reach.
    pub exposed: Vec<ExposedService>,
    /// In deciding order: admin by priority, `NetworkPolicy`, baseline by priority.
    pub policies: Vec<Policy>,
    /// Primary networks other than the cluster's, by namespace.
    pub networks: BTreeMap<String, Network>,
    /// Whether anything speaks of networks beside the cluster's own (user-defined networks, virtual machines).
    pub several_networks: bool,
}

/// `namespace/name[Kind]`, as np-guard and others write it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadName {
    pub namespace: String,
    pub name: String,
    /// Kind of the controller: `Deployment`, `Pod` where there is none, or any custom kind.
    pub kind: String,
}

/// All replicas of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Its pods as far as they differ: one for a controller, maybe more where pods are listed one by one.
    pub pods: Vec<Pod>,
    pub place: Place,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pod {
    pub labels: Labels,
    pub ports: Vec<ContainerPort>,
    pub host_network: bool,
    /// Where the manifest is of a running pod.
    pub addresses: BTreeSet<IpAddr>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerPort {
    /// Empty where it has none.
    pub name: String,
    pub protocol: IpProtocol,
    pub number: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// `None` for a service without selector, whose endpoints are not pods that manifests know.
    pub selector: Option<Selector>,
    pub ports: Vec<ServicePort>,
    /// Of its own, behind which its pods are: of the cluster, of a load balancer, from outside.
    pub addresses: BTreeSet<IpAddr>,
}

/// A port of one of a service's addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served<'r> {
    pub address: IpAddr,
    pub port: &'r ServicePort,
    /// The workloads behind it, each with the port that it serves on.
    pub behind: Vec<(&'r WorkloadName, u16)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    pub name: String,
    pub protocol: IpProtocol,
    pub port: u16,
    pub target: TargetPort,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetPort {
    Number(u16),
    Named(String),
}

/// One service behind an `Ingress`, a `Route` or a gateway's route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExposedService {
    pub namespace: String,
    pub service: String,
    pub port: BackendPort,
    /// Whether a number is the port of the pods (`Route`) rather than that of the service.
    pub of_pods: bool,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendPort {
    /// Every port of the service.
    Any,
    Number(u16),
    Named(String),
}

/// A primary network of some namespaces, isolated from all other networks of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// `UserDefinedNetwork` of one namespace, which names it.
    Namespace(String),
    /// `ClusterUserDefinedNetwork` of this name.
    Cluster(String),
}

/// Where Kubernetes leaves a choice, which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Semantics {
    /// Whether policies select pods of the host's network, and peers by selector match them. Kubernetes leaves it to the
    /// implementation, and most treat them as their node: selected by nothing, matched by address alone.
    pub host_network_pods_are_pods: bool,
    /// Whether networks in `AdminNetworkPolicy` and `BaselineAdminNetworkPolicy` mean pods whose addresses lie in them, as
    /// the API says.
    pub admin_networks_mean_pods: bool,
    /// Whether an ingress controller reaches only ports that containers declare, and a backend's port may be that of the
    /// service or that of its pods. In Kubernetes declaring them is information, and the port is that of the service.
    pub backends_are_declared: bool,
}

impl Semantics {
    /// Whether addresses in rules of a policy can mean pods.
    pub(super) fn addresses_mean_pods(self, policy: &Policy) -> bool {
        self.admin_networks_mean_pods
            || !matches!(policy.kind, "AdminNetworkPolicy" | "BaselineAdminNetworkPolicy")
    }

    /// As the API says, and where it leaves a choice, as the common network plugins do it.
    pub const KUBERNETES: Self = Self {
        host_network_pods_are_pods: false,
        admin_networks_mean_pods: true,
        backends_are_declared: false,
    };
    /// As np-guard's netpol-analyzer has it.
    pub const NP_GUARD: Self = Self {
        host_network_pods_are_pods: true,
        admin_networks_mean_pods: false,
        backends_are_declared: true,
    };
}

/// The label that the API server gives to every namespace.
pub(super) const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl Resources {
    /// The labels of a namespace; of an unknown one, those that the API server would give it.
    pub fn namespace_labels(&self, namespace: &str) -> Labels {
        self.namespaces
            .get(namespace)
            .cloned()
            .unwrap_or_else(|| Labels::from([(NAMESPACE_NAME_LABEL.to_owned(), namespace.to_owned())]))
    }

    /// Whom connections to the addresses of services reach. Only manifests of running clusters tell it.
    pub fn served(&self) -> Vec<Served<'_>> {
        let mut served = Vec::new();
        for ((namespace, _), service) in &self.services {
            let Some(selector) = service.selector.as_ref().filter(|_| !service.addresses.is_empty()) else {
                continue;
            };
            let workloads: Vec<_> =
                self.workloads.iter().filter(|(name, _)| name.namespace == *namespace).collect();
            for port in &service.ports {
                let of_pods = workloads.iter().flat_map(|(name, workload)| {
                    let pods = workload.pods.iter().filter(|pod| selector.matches(&pod.labels));
                    pods.filter_map(|pod| Some((*name, pod.target(port)?)))
                });
                let behind: BTreeSet<(&WorkloadName, u16)> = of_pods.collect();
                let behind: Vec<_> = behind.into_iter().collect();
                let at = |address: &IpAddr| Served { address: *address, port, behind: behind.clone() };
                served.extend(service.addresses.iter().map(at));
            }
        }
        served
    }

    /// Makes sure that every namespace that is mentioned is known and carries its name, and that policies stand in order.
    pub(super) fn complete(&mut self) {
        let mentioned: Vec<String> = self.workloads.keys().map(|name| name.namespace.clone()).collect();
        for namespace in mentioned {
            self.namespaces.entry(namespace).or_default();
        }
        for (name, labels) in &mut self.namespaces {
            labels.entry(NAMESPACE_NAME_LABEL.to_owned()).or_insert_with(|| name.clone());
        }
        self.policies.sort_by(|a, b| {
            (&a.layer, &a.namespace, &a.name, &a.place).cmp(&(&b.layer, &b.namespace, &b.name, &b.place))
        });
    }
}

impl Pod {
    /// The port to which a service sends what arrives on one of its own.
    fn target(&self, port: &ServicePort) -> Option<u16> {
        match &port.target {
            TargetPort::Number(number) => Some(*number),
            TargetPort::Named(name) => {
                let mut known = self.ports.iter().filter(|known| known.protocol == port.protocol);
                known.find(|known| known.name == *name).map(|known| known.number)
            }
        }
    }
}

impl fmt::Display for WorkloadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}[{}]", self.namespace, self.name, self.kind))
    }
}
