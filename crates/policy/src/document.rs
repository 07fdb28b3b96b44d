//! Policy as text: `SegmentationPolicy`, `Zone` and `ExternalEndpoint` documents, read from YAML or JSON with errors that
//! say where and what was expected, and written back tidily.

mod assertions;
mod date;
mod decode;
mod diagnostic;
mod encode;
mod fields;
mod read;
mod schema;
#[cfg(test)]
mod tests;

pub use assertions::{Assertion, Claim, Selection, read_assertions};
pub use date::{format_time, parse_time};
pub use diagnostic::Diagnostic;
pub(crate) use read::read_located;
pub use read::{ReadOptions, read};
pub use schema::json_schema;

use crate::glob::Glob;
use bulkhead_model::{
    Application, Direction, IpProtocol, Mode, PortRange, RuleOrigin, ServiceName, Timestamp,
};
use ipnet::IpNet;
use std::{collections::BTreeMap, fmt, net::IpAddr};

/// `apiVersion` of every document.
pub const API_VERSION: &str = "bulkhead.dev/v1alpha1";

/// One document of policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    Policy(SegmentationPolicy),
    Zone(Zone),
    External(ExternalEndpoint),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    SegmentationPolicy,
    Zone,
    ExternalEndpoint,
}

/// What a document is known by. Zones and external endpoints belong to the whole estate: their namespace is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey {
    pub kind: Kind,
    pub namespace: Box<str>,
    pub name: Box<str>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    pub name: String,
    /// Namespace of the document; bare service names in it are of this namespace.
    pub namespace: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

/// What some services may do, and what may be done to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentationPolicy {
    pub metadata: Metadata,
    /// The services that it speaks of.
    pub target: Criteria,
    /// The mode that its author wishes for. The controller decides.
    pub mode: Option<Mode>,
    /// Tier; `user` where the document does not say.
    pub tier: RuleOrigin,
    /// Position inside the tier, ascending; rules without one come after all that have one.
    pub order: Option<i32>,
    pub ingress: Vec<Rule>,
    pub egress: Vec<Rule>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    #[default]
    Allow,
    Deny,
    /// Leaves the decision to what comes after the document. No document of a person's says it: borders of zones do.
    Pass,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    pub action: Action,
    pub name: Option<String>,
    /// Overrides the document's.
    pub order: Option<i32>,
    /// `from` or `to`: any of these.
    pub peers: Vec<PeerSpec>,
    /// Any of these; every protocol and port where empty.
    pub ports: Vec<PortSpec>,
    /// Any of these; every application, identified or not, where empty.
    pub applications: Vec<Application>,
    /// From this instant on the rule means nothing.
    pub expires: Option<Timestamp>,
    /// Who answers for it; like `reason`, for people and reports.
    pub owner: Option<String>,
    pub reason: Option<String>,
}

/// Which services: all that is given must hold, and at least one thing is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Criteria {
    /// `namespace/name`, each part may have `*`.
    pub service: Option<Glob>,
    pub namespace: Option<Glob>,
    pub selector: Option<LabelSelector>,
    /// Name of a [`Zone`].
    pub zone: Option<Box<str>>,
}

/// Kubernetes' label selector; empty selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelSelector {
    pub match_labels: BTreeMap<String, String>,
    pub match_expressions: Vec<LabelExpression>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelExpression {
    pub key: String,
    pub operator: LabelOperator,
    pub values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LabelOperator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerSpec {
    /// Services; for a zone alone, also the external endpoints in it.
    Services(Criteria),
    /// External addresses: never those of workloads or hosts.
    Cidr(Cidr),
    /// Addresses that a name resolves to: `api.example.com`, `*.example.com`.
    Name(Box<str>),
    /// What a declared [`ExternalEndpoint`] of this name consists of.
    External(Box<str>),
    /// Everything that is neither workload nor host nor multicast.
    World,
    Host,
    RemoteHost,
    Multicast,
    /// Everything that is known at all.
    Any,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    pub net: IpNet,
    /// Parts of `net` that are not meant.
    pub except: Vec<IpNet>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSpec {
    pub protocol: IpProtocol,
    pub port: PortMatch,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortMatch {
    /// The whole protocol.
    All,
    /// Ports; for ICMP, `type * 256 + code`.
    Range(PortRange),
    /// The port that the serving workload gives this name.
    Named(Box<str>),
}

/// A named set of services and external endpoints: a member is what any of its criteria takes in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Zone {
    pub metadata: Metadata,
    pub services: Vec<Glob>,
    pub namespaces: Vec<Glob>,
    pub selectors: Vec<LabelSelector>,
    pub names: Vec<Box<str>>,
    pub cidrs: Vec<Cidr>,
    pub externals: Vec<Box<str>>,
    pub zones: Vec<Box<str>>,
    /// Who answers for it; like `reason`, for people and reports.
    pub owner: Option<String>,
    pub reason: Option<String>,
    /// The only ways across its border, where it has one: `None` is a zone without a border.
    pub conduits: Option<Vec<Conduit>>,
    /// Further ways across, for a time. Each has an owner, a reason and an end.
    pub exceptions: Vec<Conduit>,
}

/// A way across the border of a zone. It allows nothing by itself: what goes by it, rules decide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conduit {
    pub name: Option<String>,
    /// Who opens connections; the zone itself where absent. Any of these.
    pub from: Option<Vec<PeerSpec>>,
    /// To whom; the zone itself where absent.
    pub to: Option<Vec<PeerSpec>>,
    /// Any of these; every protocol and port where empty.
    pub ports: Vec<PortSpec>,
    /// Any of these; every application where empty.
    pub applications: Vec<Application>,
    pub owner: Option<String>,
    pub reason: Option<String>,
    /// From this instant on it is closed.
    pub expires: Option<Timestamp>,
}

/// Something outside that has a name of its own here: a payment provider, an office network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExternalEndpoint {
    pub metadata: Metadata,
    pub names: Vec<Box<str>>,
    pub ranges: Vec<Cidr>,
}

impl Document {
    pub fn metadata(&self) -> &Metadata {
        match self {
            Document::Policy(policy) => &policy.metadata,
            Document::Zone(zone) => &zone.metadata,
            Document::External(external) => &external.metadata,
        }
    }

    pub fn key(&self) -> DocumentKey {
        let metadata = self.metadata();
        match self {
            Document::Policy(policy) => policy.key(),
            Document::Zone(_) => DocumentKey::zone(&metadata.name),
            Document::External(_) => DocumentKey::external(&metadata.name),
        }
    }
}

impl SegmentationPolicy {
    /// A document that people write is in a namespace; the border of a zone is known by its zone.
    pub fn key(&self) -> DocumentKey {
        match self.is_border() {
            true => DocumentKey::zone(&self.metadata.name),
            false => DocumentKey::policy(&self.metadata.namespace, &self.metadata.name),
        }
    }

    /// Whether it is the border of a zone, made from its conduits.
    pub(crate) fn is_border(&self) -> bool {
        self.metadata.namespace.is_empty()
    }

    /// The rules of one direction.
    pub fn rules(&self, direction: Direction) -> &[Rule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

impl DocumentKey {
    pub fn policy(namespace: &str, name: &str) -> Self {
        Self { kind: Kind::SegmentationPolicy, namespace: namespace.into(), name: name.into() }
    }

    pub fn zone(name: &str) -> Self {
        Self { kind: Kind::Zone, namespace: "".into(), name: name.into() }
    }

    pub fn external(name: &str) -> Self {
        Self { kind: Kind::ExternalEndpoint, namespace: "".into(), name: name.into() }
    }
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::SegmentationPolicy => write!(f, "{}/{}", self.namespace, self.name),
            Kind::Zone => write!(f, "zone {}", self.name),
            Kind::ExternalEndpoint => write!(f, "external {}", self.name),
        }
    }
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::SegmentationPolicy, Kind::Zone, Kind::ExternalEndpoint];

    pub const fn name(self) -> &'static str {
        match self {
            Kind::SegmentationPolicy => "SegmentationPolicy",
            Kind::Zone => "Zone",
            Kind::ExternalEndpoint => "ExternalEndpoint",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Criteria {
    pub fn service(name: &ServiceName) -> Self {
        Self { service: Some(Glob::new(&name.to_string())), ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.service.is_none() && self.namespace.is_none() && self.selector.is_none() && self.zone.is_none()
    }

    /// The one service that this means, where it names exactly one.
    pub fn exact_service(&self) -> Option<ServiceName> {
        let glob = self.service.as_ref().filter(|glob| glob.is_exact())?;
        glob.as_str().parse().ok()
    }

    /// Whether every service is meant, those that are yet to come included.
    pub fn is_every_service(&self) -> bool {
        self.selector.as_ref().is_none_or(LabelSelector::is_empty)
            && self.zone.is_none()
            && self.service.as_ref().is_none_or(Glob::is_everything)
            && self.namespace.as_ref().is_none_or(Glob::is_everything)
            && !self.is_empty()
    }
}

impl LabelSelector {
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|expression| expression.matches(labels))
    }
}

impl LabelExpression {
    /// As Kubernetes: `NotIn` also holds where the label is absent.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            LabelOperator::In => value.is_some_and(|value| self.values.contains(value)),
            LabelOperator::NotIn => !value.is_some_and(|value| self.values.contains(value)),
            LabelOperator::Exists => value.is_some(),
            LabelOperator::DoesNotExist => value.is_none(),
        }
    }
}

impl PeerSpec {
    /// The one service that this means, where it names exactly one.
    pub fn exact_service(&self) -> Option<ServiceName> {
        match self {
            PeerSpec::Services(criteria) => criteria.exact_service(),
            _ => None,
        }
    }
}

impl Cidr {
    /// The whole of a range.
    pub fn whole(net: IpNet) -> Self {
        Self { net, except: Vec::new() }
    }

    pub fn contains(&self, address: &IpAddr) -> bool {
        self.net.contains(address) && !self.except.iter().any(|except| except.contains(address))
    }

    /// Whether all of a range is meant.
    pub fn holds(&self, net: &IpNet) -> bool {
        self.net.contains(net)
            && !self.except.iter().any(|except| except.contains(net) || net.contains(except))
    }
}

impl PortSpec {
    pub const fn new(protocol: IpProtocol, range: PortRange) -> Self {
        Self { protocol, port: PortMatch::Range(range) }
    }

    pub const fn single(protocol: IpProtocol, port: u16) -> Self {
        Self::new(protocol, PortRange::single(port))
    }

    pub const fn whole(protocol: IpProtocol) -> Self {
        Self { protocol, port: PortMatch::All }
    }
}

/// Whether a text can stand for host names in a document: labels of letters, digits, `-`, `_` and `*`, not stars alone,
/// and no address.
pub fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'*'))
    };
    text.len() <= 253
        && text.split('.').all(label)
        && !text.split('.').all(|label| label.bytes().all(|b| b == b'*'))
        && text.parse::<IpAddr>().is_err()
}

impl Zone {
    /// Conduits and exceptions, in this order; nothing where the zone has no border.
    pub fn ways(&self) -> impl Iterator<Item = &Conduit> {
        let exceptions = self.conduits.is_some().then_some(&self.exceptions);
        self.conduits.iter().chain(exceptions).flatten()
    }
}

impl Conduit {
    /// Whether it is still open at this time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

impl Rule {
    /// Whether the rule still means something at this time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}
