use super::{Labels, Place, Selector, WorkloadName};
use crate::{
    flowset::{AddressSet, ProtocolSet},
    glob::Glob,
};
use bulkhead_model::{Application, Direction, IpProtocol, PortRange};
use std::{fmt, sync::Arc};

/// Any of the policy kinds, in one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub kind: &'static str,
    /// Of a `NetworkPolicy`.
    pub namespace: Option<String>,
    pub name: String,
    pub layer: Layer,
    pub subject: Subject,
    /// Whether what the policy selects is denied whatever no rule of the tier speaks of.
    pub isolates: bool,
    /// `None`: the policy says nothing about this direction.
    pub ingress: Option<Vec<Rule>>,
    pub egress: Option<Vec<Rule>>,
    pub place: Place,
}

/// Where a policy stands in the order of decisions: tiers ascending, and policies inside of each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layer {
    pub tier: Tier,
    pub order: Order,
}

/// Policies that are asked together. What none of a tier's rules decides, and what they pass on, goes to the next tier;
/// where a policy of the tier isolates what it selects, only what is passed on does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tier {
    pub order: Order,
    pub name: Arc<str>,
}

/// A position, ascending. Calico's are numbers with fractions, so these are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order(u64);

/// Pods: those to which a policy applies, or a peer of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    pub namespaces: NamespaceMatch,
    pub pods: Selector,
    /// Where workloads are known by name rather than by label: the name, and the kind does not matter.
    pub workload: Option<Glob>,
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
    /// Where there are any, only what is known to be one of these.
    pub applications: Vec<Application>,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerMatch {
    Pods(Subject),
    /// Addresses; `pods_too` where the kind says that traffic inside the cluster is matched as well.
    Addresses {
        addresses: AddressSet,
        pods_too: bool,
    },
    /// Whatever a host name resolves to, which manifests do not tell; may have `*`.
    Name(Box<str>),
    /// The node of a pod itself, and the other nodes.
    Host,
    RemoteHost,
    /// Something that neither manifests nor documents can tell: nodes by label.
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

    /// Whether the policy is of the tier of `NetworkPolicy`.
    pub fn is_namespaced(&self) -> bool {
        self.layer.tier == Tier::namespaced()
    }
}

impl Layer {
    pub fn admin(priority: u16) -> Self {
        Self { tier: Tier::admin(), order: Order::at(priority.into()) }
    }

    /// Where all `NetworkPolicy` objects stand.
    pub fn namespaced() -> Self {
        Self { tier: Tier::namespaced(), order: Order::at(1000.0) }
    }

    pub fn baseline(priority: u16) -> Self {
        Self { tier: Tier::baseline(), order: Order::at(priority.into()) }
    }
}

/// Names and orders are those that Calico gives to the tiers that Kubernetes has without naming them.
impl Tier {
    pub fn new(order: Order, name: &str) -> Self {
        Self { order, name: name.into() }
    }

    pub fn admin() -> Self {
        Self::new(Order::at(1_000.0), "adminnetworkpolicy")
    }

    pub fn namespaced() -> Self {
        Self::new(Order::at(1_000_000.0), "default")
    }

    pub fn baseline() -> Self {
        Self::new(Order::at(10_000_000.0), "baselineadminnetworkpolicy")
    }
}

impl Order {
    pub const FIRST: Self = Self(0);
    /// After everything that has a number.
    pub const LAST: Self = Self(u64::MAX);

    /// Numbers in their order; what is no number comes last.
    pub fn at(position: f64) -> Self {
        if position.is_nan() {
            return Self::LAST;
        }
        let bits = position.to_bits();
        Self(if position.is_sign_negative() { !bits } else { bits | 1 << 63 })
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::FIRST => f.write_str("first"),
            Self::LAST => f.write_str("last"),
            Self(bits) if bits >> 63 == 1 => write!(f, "{}", f64::from_bits(bits & !(1 << 63))),
            Self(bits) => write!(f, "{}", f64::from_bits(!bits)),
        }
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
    /// These pods of these namespaces.
    pub fn labelled(namespaces: NamespaceMatch, pods: Selector) -> Self {
        Self { namespaces, pods, workload: None }
    }

    pub fn everything() -> Self {
        Self::labelled(NamespaceMatch::Selected(Selector::everything()), Selector::everything())
    }

    pub fn matches(&self, workload: &WorkloadName, namespace_labels: &Labels, labels: &Labels) -> bool {
        self.namespaces.matches(&workload.namespace, namespace_labels)
            && self.is_called(&workload.name)
            && self.pods.matches(labels)
    }

    pub(super) fn is_called(&self, workload: &str) -> bool {
        self.workload.as_ref().is_none_or(|name| name.matches(workload))
    }
}

impl Rule {
    pub(super) fn has_named_ports(&self) -> bool {
        self.ports.iter().flatten().any(|port| matches!(port.port, PortSpec::Named(_)))
    }

    /// The traffic that the rule speaks of, towards a destination with these named ports (none outside the cluster).
    pub(super) fn traffic(&self, destination: &NamedPorts) -> ProtocolSet {
        match &self.ports {
            None => ProtocolSet::all(),
            Some(ports) => ports.iter().map(|port| port.traffic(destination)).collect(),
        }
    }
}

impl PortMatch {
    fn traffic(&self, destination: &NamedPorts) -> ProtocolSet {
        match (&self.port, self.protocol) {
            (PortSpec::All, Some(protocol)) => ProtocolSet::protocol(protocol),
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
