//! Claims about a policy that must hold over all flows: `kind: Assertions`, read and kept apart from the documents that
//! they speak of.
//!
//! ```yaml
//! apiVersion: bulkhead.dev/v1alpha1
//! kind: Assertions
//! metadata: {name: cardholder-data}
//! spec:
//! - name: nothing reaches the cardholder zone from outside of it
//!   never: {from: [any], exceptFrom: [{zone: cardholder}, {service: shop/checkout}], to: [{zone: cardholder}]}
//! - name: the world does not get at the database, over any two services
//!   never: {from: [world], to: [{service: data/db}], hops: 3}
//! - name: only the API uses the database, as PostgreSQL
//!   only: {from: [{service: shop/api}], to: [{service: data/db}], ports: [tcp/5432], applications: [postgresql]}
//! - name: checkout can pay
//!   always: {from: [{service: shop/checkout}], to: [{name: api.pay.example}], ports: [tcp/443]}
//! - name: tenants are apart
//!   isolated: [{zone: tenant-a}, {zone: tenant-b}]
//! - name: what crosses the border goes by a conduit
//!   borders: [cardholder]
//! - name: all of it is enforced
//!   enforced: [{zone: cardholder}]
//! ```

use super::{API_VERSION, Diagnostic, PeerSpec, PortSpec, ReadOptions, decode, fields::Reader};
use crate::yaml::{self, Node, Value};
use bulkhead_model::{Application, ServiceName};

/// A claim and what people call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    pub name: String,
    pub claim: Claim,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// None of these flows is allowed; with more than one hop, neither by way of services in between.
    Never { flows: Selection, hops: u32 },
    /// What reaches `to` comes from `from` and is nothing else.
    Only(Selection),
    /// All of these flows can be opened; without ports, at least one between each two.
    Always(Selection),
    /// None of these may open anything to another of them.
    Isolated(Vec<PeerSpec>),
    /// Nothing crosses the borders of these zones but by their conduits and exceptions.
    Borders(Vec<Box<str>>),
    /// The services among these are in a mode that holds back.
    Enforced(Vec<PeerSpec>),
}

/// Flows between two sets of peers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub from: Vec<PeerSpec>,
    pub except_from: Vec<PeerSpec>,
    pub to: Vec<PeerSpec>,
    pub except_to: Vec<PeerSpec>,
    /// Everything where empty.
    pub ports: Vec<PortSpec>,
    /// Every application where empty.
    pub applications: Vec<Application>,
}

impl Claim {
    /// `never`, `only`, `always`, `isolated`, `borders`, `enforced`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Never { .. } => "never",
            Self::Only(_) => "only",
            Self::Always(_) => "always",
            Self::Isolated(_) => "isolated",
            Self::Borders(_) => "borders",
            Self::Enforced(_) => "enforced",
        }
    }

    /// Everybody whom the claim names.
    pub fn peers(&self) -> Vec<&PeerSpec> {
        match self {
            Self::Never { flows, .. } | Self::Only(flows) | Self::Always(flows) => {
                [&flows.from, &flows.except_from, &flows.to, &flows.except_to].into_iter().flatten().collect()
            }
            Self::Isolated(peers) | Self::Enforced(peers) => peers.iter().collect(),
            // Zones are of the policy, and so is what their borders speak of.
            Self::Borders(_) => Vec::new(),
        }
    }
}

pub(super) const KIND: &str = "Assertions";

const CLAIMS: [&str; 6] = ["never", "only", "always", "isolated", "borders", "enforced"];

/// More hops than this are as good as any number.
const MOST_HOPS: u32 = 64;

/// All assertions of a text (YAML with any number of documents, or JSON), and all that is wrong with it. `file` is what
/// messages call the text. Documents of other kinds are complained about, or passed over with
/// [`ReadOptions::skip_foreign`].
pub fn read_assertions(file: &str, text: &str, options: ReadOptions) -> (Vec<Assertion>, Vec<Diagnostic>) {
    let (nodes, errors) = yaml::parse(text, options.limits);
    let mut reader = Reader { file, path: String::new(), diagnostics: Vec::new() };
    for error in errors {
        reader.wrong(error.mark, error.message, None);
    }
    let mut assertions = Vec::new();
    for node in &nodes {
        let kind = (node.get("apiVersion").and_then(Node::text), node.get("kind").and_then(Node::text));
        if kind != (Some(API_VERSION), Some(KIND)) {
            if options.skip_foreign {
                continue;
            }
            let expected = format!("expected apiVersion: {API_VERSION} and kind: {KIND}");
            reader.wrong(node.mark, expected, None);
            continue;
        }
        reader.map(node, &["apiVersion", "kind", "metadata", "spec"]);
        match node.get("spec") {
            Some(spec) => assertions.extend(reader.at("spec", |r| r.list(spec, assertion))),
            None => reader.at("spec", |r| r.wrong(node.mark, "missing; expected a list of assertions", None)),
        }
    }
    let mut diagnostics = reader.diagnostics;
    diagnostics.sort();
    (assertions, diagnostics)
}

fn assertion(r: &mut Reader<'_>, node: &Node) -> Option<Assertion> {
    let known: Vec<&str> = ["name"].iter().chain(&CLAIMS).copied().collect();
    let fields = r.map(node, &known)?;
    let name = node.get("name").and_then(|name| r.at("name", |r| r.text(name, "a text")));
    let mut claims = Vec::new();
    for (key, _, node) in fields.iter().filter(|(key, ..)| CLAIMS.contains(&key.as_str())) {
        claims.push((key.as_str(), r.at(key, |r| claim(r, key, node))));
    }
    let [(word, claim)] = claims.as_slice() else {
        let message = "expected exactly one of never, only, always, isolated, borders or enforced";
        r.wrong(node.mark, message, Some("write each claim as an item of its own".to_owned()));
        return None;
    };
    Some(Assertion { name: name.unwrap_or(word).to_owned(), claim: claim.clone()? })
}

fn claim(r: &mut Reader<'_>, word: &str, node: &Node) -> Option<Claim> {
    let peers =
        |r: &mut Reader<'_>| r.list(node, |r, node| decode::peer(r, node, ServiceName::DEFAULT_NAMESPACE));
    match word {
        "isolated" => {
            let peers = peers(r);
            if peers.len() < 2 && matches!(&node.value, Value::List(items) if items.len() < 2) {
                r.wrong(node.mark, "two or more are needed to be apart", None);
                return None;
            }
            Some(Claim::Isolated(peers))
        }
        "borders" => {
            let name = |r: &mut Reader<'_>, node: &Node| r.text(node, "the name of a zone").map(Into::into);
            Some(Claim::Borders(r.list(node, name)))
        }
        "enforced" => Some(Claim::Enforced(peers(r))),
        "never" => {
            let flows = selection(r, node, true)?;
            let hops = match node.get("hops") {
                Some(hops) => r.at("hops", |r| {
                    let number: u32 = r.parsed(hops, "a number of hops from 1 to 64")?;
                    if (1..=MOST_HOPS).contains(&number) {
                        return Some(number);
                    }
                    r.wrong(hops.mark, format!("{number} is out of range; expected 1 to {MOST_HOPS}"), None);
                    None
                })?,
                None => 1,
            };
            Some(Claim::Never { flows, hops })
        }
        "only" => selection(r, node, false).map(Claim::Only),
        _ => selection(r, node, false).map(Claim::Always),
    }
}

fn selection(r: &mut Reader<'_>, node: &Node, hops: bool) -> Option<Selection> {
    let mut known = vec!["from", "exceptFrom", "to", "exceptTo", "ports", "applications"];
    if hops {
        known.push("hops");
    }
    let fields = r.map(node, &known)?;
    let mut selection = Selection::default();
    for (key, _, node) in fields {
        r.at(key, |r| {
            let peers = |r: &mut Reader<'_>| {
                r.list(node, |r, node| decode::peer(r, node, ServiceName::DEFAULT_NAMESPACE))
            };
            match key.as_str() {
                "from" => selection.from = peers(r),
                "exceptFrom" => selection.except_from = peers(r),
                "to" => selection.to = peers(r),
                "exceptTo" => selection.except_to = peers(r),
                "ports" => selection.ports = r.list(node, decode::port),
                "applications" => selection.applications = r.list(node, decode::application),
                _ => {}
            }
        });
    }
    for key in ["from", "to"] {
        if node.get(key).is_none() {
            let remedy = format!("write '{key}: [any]' if everybody is meant");
            r.at(key, |r| r.wrong(node.mark, "missing; expected a list of peers", Some(remedy)));
        }
    }
    Some(selection)
}
