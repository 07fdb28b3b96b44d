//! Kubernetes' own policies, understood to the letter: manifests in, allowed connections out.
//!
//! [`read`] takes files as (name, text) and gives [`Resources`] with all [`Diagnostic`]s of all files; [`connections`]
//! answers what these resources allow between every pair of workloads, the ingress controller and the addresses outside;
//! [`evaluate`] answers the same for one packet, by walking the policies and without sets, so that the two can be held
//! against each other. [`write()`] and [`write_np_guard`] write a [`Connectivity`] for people and for programs. [`import`]
//! makes documents of the policies, [`export`] policies of documents; [`differences`] proves that they mean the same, or
//! says where they do not.
//!
//! | object | what is understood |
//! |---|---|
//! | `Namespace`, `Pod`, `Deployment`, `StatefulSet`, `DaemonSet`, `ReplicaSet`, `ReplicationController`, `Job`, `CronJob`, `VirtualMachine` | workloads, with labels, named ports, host network; pods under the name of their controller, whatever its kind |
//! | `NetworkPolicy` `networking.k8s.io/v1` | everything |
//! | `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` `policy.networking.k8s.io/v1alpha1` | everything but `nodes` by label, which match nothing here and are reported |
//! | `ClusterNetworkPolicy` `policy.networking.k8s.io/v1alpha2` | likewise |
//! | `Service`, `Ingress`, `Route` (OpenShift), `HTTPRoute`, `GRPCRoute`, `TLSRoute`, `TCPRoute` | what an ingress controller or gateway can be asked to reach |
//! | `UserDefinedNetwork`, `ClusterUserDefinedNetwork` (OVN) | primary networks, which isolate their namespaces |
//! | `NetworkPolicy`, `GlobalNetworkPolicy`, `Tier`, `NetworkSet`, `GlobalNetworkSet` of Calico | all that concerns pods; what manifests cannot tell (service accounts, layer 7) narrows an allowing rule, and is an error where it would widen |
//! | `CiliumNetworkPolicy`, `CiliumClusterwideNetworkPolicy`, `CiliumCIDRGroup` | likewise |
//! | `NvSecurityRule`, `NvClusterSecurityRule`, `NvGroupDefinition` of NeuVector | likewise; one list of rules for both ends |
//! | lists of any of these | item by item |
//!
//! The meaning, in the order in which a packet meets it, for each side on its own direction; it passes if both allow:
//!
//! 1. Admin tier (`AdminNetworkPolicy` and `ClusterNetworkPolicy` of tier `Admin`), by ascending priority, rules in
//!    order, first match decides; `Pass` goes on to 2.
//! 2. `NetworkPolicy`: if any selects the pod in this direction, the union of their rules is what is allowed, and the rest
//!    is denied.
//! 3. Baseline tier, only for pods that 2 does not select: first match decides.
//! 4. Otherwise it is allowed.
//!
//! Calico's tiers stand among these by their order; its policies, Cilium's and NeuVector's stand in 2.
//!
//! `NetworkPolicy` speaks of TCP, UDP and SCTP alone, so these protocols, ports 1 to 65535, are the universe.

mod connections;
mod diagnostic;
mod engine;
mod evaluate;
mod export;
mod import;
mod ingress;
mod lint;
mod objects;
mod output;
mod policies;
mod policy;
mod proof;
mod reader;
mod resources;
mod selector;
mod syntax;
mod workloads;

pub use connections::{Connection, Connectivity, Endpoint, connections};
pub use diagnostic::{Diagnostic, Place, Severity};
pub use evaluate::{Packet, PacketPeer, evaluate};
pub use export::{Addresses, Dialect, Export, Proof, UnknownDialect, export, export_with, prove};
pub use import::{IMPORTED_FROM, Import, import};
pub use objects::{Reading, read, read_kubernetes};
pub use output::{Format, UnknownFormat, write, write_np_guard};
pub use policy::{
    Action, Layer, NamespaceMatch, Order, PeerMatch, Policy, PortMatch, PortSpec, Rule, Subject, Tier,
};
pub use proof::{Difference, differences};
pub use resources::{
    BackendPort, ContainerPort, ExposedService, Labels, Network, Pod, Resources, Semantics, Served, Service,
    ServicePort, TargetPort, Workload, WorkloadName,
};
pub use selector::{Operator, Requirement, Selector};

use crate::flowset::{PortSet, ProtocolSet};
use bulkhead_model::{IpProtocol, PortRange};

/// The protocols that `NetworkPolicy` speaks of, in the order of their names.
pub const PROTOCOLS: [(IpProtocol, &str); 3] =
    [(IpProtocol::SCTP, "SCTP"), (IpProtocol::TCP, "TCP"), (IpProtocol::UDP, "UDP")];

/// All that `NetworkPolicy` can speak of: TCP, UDP and SCTP with ports 1 to 65535.
pub fn universe() -> ProtocolSet {
    let ports = PortSet::from(PortRange { first: 1, last: u16::MAX });
    PROTOCOLS.iter().map(|(protocol, _)| ProtocolSet::ports(*protocol, &ports)).collect()
}

#[cfg(test)]
mod tests;
