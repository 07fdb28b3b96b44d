//! From documents to the policy languages of others, as tight as each can say it, with a report of what it cannot say.
//!
//! What is written is computed, not translated: for each service that some document targets, the peers that are treated
//! alike and what they may send, with tiers, orders and denials already worked out. So every language gets additive
//! rules, which all of them have, and the outcome can be proved: what [`Dialect::NetworkPolicy`] writes, read again, is
//! equal over all flows unless a remark says otherwise.

mod aws;
mod calico;
mod cilium;
mod istio;
mod network_policy;
mod neuvector;
mod nftables;
mod proof;
mod segments;

use crate::{
    Inventory, PolicySet,
    flowset::{PortSet, ProtocolSet},
    yaml::Tree,
};
use bulkhead_model::{IcmpType, IpProtocol, PortRange, ServiceName, Timestamp};
pub(super) use neuvector::neuvector_application;
pub use proof::{Proof, prove};
use segments::Segments;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    str::FromStr,
};

/// A policy language of others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `networking.k8s.io/v1` `NetworkPolicy`.
    #[default]
    NetworkPolicy,
    /// `cilium.io/v2` `CiliumNetworkPolicy`.
    Cilium,
    /// `projectcalico.org/v3` `NetworkPolicy`.
    Calico,
    /// `security.istio.io/v1` `AuthorizationPolicy`.
    Istio,
    /// `neuvector.com/v1` `NvSecurityRule`.
    NeuVector,
    /// Security groups of AWS, as a template of CloudFormation in JSON.
    Aws,
    /// A ruleset for `nft -f`.
    Nftables,
}

/// The text names no policy language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a language to export to: expected kubernetes, cilium, calico, istio, neuvector, aws or nftables"
)]
pub struct UnknownDialect(pub String);

/// What came of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Export {
    /// One object for each service, in the order of their names; of AWS one for all.
    pub objects: Vec<Tree>,
    /// What was written.
    pub text: String,
    /// What the language cannot say, and what was written in its place.
    pub remarks: Vec<String>,
}

impl Dialect {
    pub const ALL: [(Dialect, &str); 7] = [
        (Self::NetworkPolicy, "kubernetes"),
        (Self::Cilium, "cilium"),
        (Self::Calico, "calico"),
        (Self::Istio, "istio"),
        (Self::NeuVector, "neuvector"),
        (Self::Aws, "aws"),
        (Self::Nftables, "nftables"),
    ];

    /// Whether what is written can be read again, and so be proved.
    pub fn is_read(self) -> bool {
        matches!(self, Self::NetworkPolicy | Self::Cilium | Self::Calico | Self::NeuVector)
    }
}

impl FromStr for Dialect {
    type Err = UnknownDialect;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
        known.map(|(dialect, _)| *dialect).ok_or_else(|| UnknownDialect(text.to_owned()))
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::ALL.iter().find(|(dialect, _)| dialect == self).map_or("", |(_, name)| name))
    }
}

/// The addresses that services have at the moment, as far as they are known.
pub type Addresses = BTreeMap<ServiceName, BTreeSet<IpAddr>>;

/// Writes what the documents mean for the services of the inventory that they target. Rules that have expired at `now`
/// mean nothing.
pub fn export(set: &PolicySet, inventory: &Inventory, now: Timestamp, dialect: Dialect) -> Export {
    export_with(set, inventory, now, dialect, &Addresses::new())
}

/// [`export`], for languages in which services are known by their addresses.
pub fn export_with(
    set: &PolicySet,
    inventory: &Inventory,
    now: Timestamp,
    dialect: Dialect,
    addresses: &Addresses,
) -> Export {
    let segments = Segments::new(set, inventory, now);
    let mut remarks = Remarks::default();
    segments.remark_on_multicast(&mut remarks);
    let each = segments.all.iter();
    let objects: Vec<Tree> = match dialect {
        Dialect::NetworkPolicy => {
            each.map(|segment| network_policy::object(&segments, segment, &mut remarks)).collect()
        }
        Dialect::Cilium => each.map(|segment| cilium::object(&segments, segment, &mut remarks)).collect(),
        Dialect::Calico => each.map(|segment| calico::object(&segments, segment, &mut remarks)).collect(),
        Dialect::Istio => each.map(|segment| istio::object(&segments, segment, &mut remarks)).collect(),
        Dialect::NeuVector => {
            each.map(|segment| neuvector::object(&segments, segment, &mut remarks)).collect()
        }
        Dialect::Aws => vec![aws::template(&segments, &mut remarks)],
        Dialect::Nftables => Vec::new(),
    };
    let text = match dialect {
        Dialect::Aws => objects.iter().map(aws::json).collect(),
        Dialect::Nftables => nftables::ruleset(&segments, addresses, &mut remarks),
        _ => objects.iter().map(Tree::to_yaml).collect::<Vec<_>>().join("---\n"),
    };
    if !matches!(dialect, Dialect::Aws | Dialect::Nftables | Dialect::NeuVector) {
        segments.remark_on_selectors(&mut remarks);
    }
    Export { objects, text, remarks: remarks.0.into_iter().collect() }
}

/// What cannot be said, each once.
#[derive(Debug, Default)]
struct Remarks(BTreeSet<String>);

impl Remarks {
    fn add(&mut self, text: impl Into<String>) {
        self.0.insert(text.into());
    }
}

fn map<const N: usize>(fields: [(&str, Tree); N]) -> Tree {
    Tree::Map(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn labels(labels: &[(String, String)]) -> Tree {
    Tree::Map(labels.iter().map(|(key, value)| (key.clone(), Tree::text(value))).collect())
}

/// Whether these are all ports that a server can have.
fn is_every_port(ports: &PortSet) -> bool {
    PortSet::from(PortRange { first: 1, last: u16::MAX }).is_subset(ports)
}

/// Name of an object: what Kubernetes takes for one.
fn object_name(text: &str) -> String {
    let name: String = text
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
        .collect();
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() { "policy".to_owned() } else { name.to_owned() }
}

/// Ports that can be served: some languages take 0 for all of them.
fn served(ports: &PortSet) -> PortSet {
    ports.intersection(&PortSet::from(PortRange { first: 1, last: u16::MAX }))
}

/// Types of ICMP as wholes (no code), and single codes where a type is not whole.
fn icmp_types(range: PortRange) -> Vec<(u8, Option<u8>)> {
    let mut entries = Vec::new();
    let mut next = u32::from(range.first);
    while next <= u32::from(range.last) {
        let IcmpType { kind, code } = IcmpType::from_port(next as u16);
        let whole = IcmpType::any_code(kind);
        if code == 0 && whole.last <= range.last {
            entries.push((kind, None));
            next += 256;
        } else {
            entries.push((kind, Some(code)));
            next += 1;
        }
    }
    entries
}

/// The types of ICMP of which anything is meant, and whether each is meant as a whole.
fn icmp_kinds(traffic: &ProtocolSet, protocol: IpProtocol) -> Vec<(u8, bool)> {
    let ports = traffic.ports_of(protocol);
    let kinds = (0..=u8::MAX).map(|kind| (kind, PortSet::from(IcmpType::any_code(kind))));
    kinds
        .filter(|(_, whole)| !ports.intersection(whole).is_empty())
        .map(|(kind, whole)| (kind, whole.is_subset(&ports)))
        .collect()
}

/// What of the traffic is of other protocols than these, where a language knows only these.
fn remark_on_protocols(traffic: &ProtocolSet, known: &[IpProtocol], whose: &str, remarks: &mut Remarks) {
    let known: ProtocolSet = known.iter().map(|protocol| ProtocolSet::protocol(*protocol)).collect();
    let unsaid = traffic.difference(&known);
    if !unsaid.is_empty() {
        remarks.add(format!("{whose}: {unsaid} cannot be said"));
    }
}
