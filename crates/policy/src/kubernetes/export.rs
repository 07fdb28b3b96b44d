//! From documents to the policy languages of others, as tight as each can say it, with a report of what it cannot say.
//!
//! What is written is computed, not translated: for each service that some document targets, the peers that are treated
//! alike and what they may send, with tiers, orders and denials already worked out. So every language gets additive
//! rules, which all of them have, and the outcome can be proved: what [`Dialect::NetworkPolicy`] writes, read again, is
//! equal over all flows unless a remark says otherwise.

mod calico;
mod cilium;
mod istio;
mod network_policy;
mod neuvector;
mod segments;

use crate::{Inventory, PolicySet, flowset::PortSet, yaml::Tree};
use bulkhead_model::{PortRange, Timestamp};
use segments::Segments;
use std::{collections::BTreeSet, fmt, str::FromStr};

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
}

/// The text names no policy language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a language to export to: expected kubernetes, cilium, calico, istio or neuvector")]
pub struct UnknownDialect(pub String);

/// What came of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Export {
    /// One object for each service, in the order of their names.
    pub objects: Vec<Tree>,
    /// What the language cannot say, and what was written in its place.
    pub remarks: Vec<String>,
}

impl Dialect {
    pub const ALL: [(Dialect, &str); 5] = [
        (Self::NetworkPolicy, "kubernetes"),
        (Self::Cilium, "cilium"),
        (Self::Calico, "calico"),
        (Self::Istio, "istio"),
        (Self::NeuVector, "neuvector"),
    ];
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

impl Export {
    /// All objects as one text, separated by `---`.
    pub fn to_yaml(&self) -> String {
        self.objects.iter().map(Tree::to_yaml).collect::<Vec<_>>().join("---\n")
    }
}

/// Writes what the documents mean for the services of the inventory that they target. Rules that have expired at `now`
/// mean nothing.
pub fn export(set: &PolicySet, inventory: &Inventory, now: Timestamp, dialect: Dialect) -> Export {
    let segments = Segments::new(set, inventory, now);
    let mut remarks = Remarks::default();
    let objects = segments.all.iter().map(|segment| match dialect {
        Dialect::NetworkPolicy => network_policy::object(&segments, segment, &mut remarks),
        Dialect::Cilium => cilium::object(&segments, segment, &mut remarks),
        Dialect::Calico => calico::object(&segments, segment, &mut remarks),
        Dialect::Istio => istio::object(&segments, segment, &mut remarks),
        Dialect::NeuVector => neuvector::object(&segments, segment, &mut remarks),
    });
    let objects = objects.collect();
    segments.remark_on_selectors(&mut remarks);
    Export { objects, remarks: remarks.0.into_iter().collect() }
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
