use super::{Labels, Place, Selector, universe};
use crate::flowset::{AddressSet, ProtocolSet};
use bulkhead_model::{Direction, IpProtocol, PortRange};
use std::fmt;

/// Any of the policy kinds, in one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub kind: &'static str,
    /// Of a `NetworkPolicy`.
    pub namespace: Option<String>,
    pub name: String,
    pub layer: Layer,
    pub subject: Subject,
    /// `None`: the policy says nothing about this direction.
    pub ingress: Option<Vec<Rule>>,
    pub egress: Option<Vec<Rule>>,
    pub place: Place,
}

/// Where a policy stands in the order of decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// First match decides, by ascending priority.
    Admin { priority: u16 },
    /// `NetworkPolicy`: additive, and it isolates what it selects.
    Namespaced,
    /// First match decides, for what no `NetworkPolicy` selects.
    Baseline { priority: u16 },
}

/// The pods to which a policy applies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    pub namespaces: NamespaceMatch,
    pub pods: Selector,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamespaceMatch {
    /// The namespace with this name.
    Named(String),
    /// By labels.
    Selected(Selector),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Allow,
    Deny,
    /// Go on to the next layer.
    Pass,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Empty where rules have no names.
    pub name: String,
    pub action: Action,
    /// `None`: every peer.
    pub peers: Option<Vec<PeerMatch>>,
    /// `None`: everything.
    pub ports: Option<Vec<PortMatch>>,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerMatch {
    Pods {
        namespaces: NamespaceMatch,
        pods: Selector,
    },
    /// Addresses; `pods_too` where the kind says that traffic inside the cluster is matched as well.
    Addresses {
        addresses: AddressSet,
        pods_too: bool,
    },
    /// Nodes by label or domain names: nothing that manifests can tell.
    Unknown(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortMatch {
    /// `None`, which only named ports have: whichever protocol the port with this name has.
    pub protocol: Option<IpProtocol>,
    pub port: PortSpec,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortSpec {
    All,
    Range(PortRange),
    /// The port that the destination pod has under this name.
    Named(String),
}

/// The ports of a destination pod by name: (name, protocol, number).
pub(super) type NamedPorts = [(String, IpProtocol, u16)];

impl Policy {
    pub fn rules(&self, direction: Direction) -> Option<&[Rule]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }

    pub fn is_namespaced(&self) -> bool {
        self.layer == Layer::Namespaced
    }
}

/// `NetworkPolicy shop/api`, `AdminNetworkPolicy quarantine`.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

impl NamespaceMatch {
    pub fn matches(&self, name: &str, labels: &Labels) -> bool {
        match self {
            Self::Named(namespace) => namespace == name,
            Self::Selected(selector) => selector.matches(labels),
        }
    }
}

impl Subject {
    pub fn matches(&self, namespace: &str, namespace_labels: &Labels, labels: &Labels) -> bool {
        self.namespaces.matches(namespace, namespace_labels) && self.pods.matches(labels)
    }
}

impl Rule {
    pub(super) fn has_named_ports(&self) -> bool {
        self.ports.iter().flatten().any(|port| matches!(port.port, PortSpec::Named(_)))
    }

    /// The traffic that the rule speaks of, towards a destination with these named ports (none outside the cluster).
    pub(super) fn traffic(&self, destination: &NamedPorts) -> ProtocolSet {
        match &self.ports {
            None => universe(),
            Some(ports) => ports.iter().map(|port| port.traffic(destination)).collect(),
        }
    }
}

impl PortMatch {
    fn traffic(&self, destination: &NamedPorts) -> ProtocolSet {
        match (&self.port, self.protocol) {
            (PortSpec::All, Some(protocol)) => {
                ProtocolSet::port_range(protocol, PortRange { first: 1, last: u16::MAX })
            }
            (PortSpec::Range(range), Some(protocol)) => ProtocolSet::port_range(protocol, *range),
            (PortSpec::Named(name), wanted) => match destination.iter().find(|(known, ..)| known == name) {
                Some((_, protocol, number)) if wanted.is_none_or(|wanted| wanted == *protocol) => {
                    ProtocolSet::port(*protocol, *number)
                }
                _ => ProtocolSet::none(),
            },
            (_, None) => ProtocolSet::none(),
        }
    }
}
