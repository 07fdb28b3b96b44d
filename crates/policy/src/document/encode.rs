//! From documents to tidy YAML: fields in a fixed order, defaults left out.

use super::{
    API_VERSION, Action, Cidr, Conduit, Criteria, Document, ExternalEndpoint, LabelOperator, LabelSelector,
    Metadata, PeerSpec, PortMatch, PortSpec, Rule, SegmentationPolicy, Zone, format_time,
};
use crate::yaml::Tree;
use bulkhead_model::{Application, Direction, IcmpType, RuleOrigin, Timestamp};
use std::collections::BTreeMap;

type Fields = Vec<(String, Tree)>;

impl Document {
    /// The document as one YAML document that reads back as itself.
    pub fn to_yaml(&self) -> String {
        self.to_tree().to_yaml()
    }

    /// The document as a value that `serde` can write in any format.
    pub fn to_tree(&self) -> Tree {
        match self {
            Document::Policy(policy) => policy.to_tree(),
            Document::Zone(zone) => whole("Zone", &zone.metadata, zone_spec(zone)),
            Document::External(external) => {
                whole("ExternalEndpoint", &external.metadata, external_spec(external))
            }
        }
    }

    /// Several documents as one text, separated by `---`.
    pub fn join<'a>(documents: impl IntoIterator<Item = &'a Document>) -> String {
        documents.into_iter().map(Document::to_yaml).collect::<Vec<_>>().join("---\n")
    }
}

impl SegmentationPolicy {
    pub fn to_yaml(&self) -> String {
        self.to_tree().to_yaml()
    }

    pub fn to_tree(&self) -> Tree {
        let mut spec = vec![("target".to_owned(), criteria(&self.target))];
        if let Some(mode) = self.mode {
            spec.push(("mode".to_owned(), Tree::text(mode)));
        }
        if self.tier != RuleOrigin::User {
            spec.push(("tier".to_owned(), Tree::text(self.tier)));
        }
        if let Some(order) = self.order {
            spec.push(("order".to_owned(), Tree::Number(order.into())));
        }
        for direction in [Direction::Ingress, Direction::Egress] {
            let rules = self.rules(direction);
            if !rules.is_empty() {
                let rules = rules.iter().map(|rule| rule.to_tree(direction)).collect();
                spec.push((direction.to_string(), Tree::List(rules)));
            }
        }
        whole("SegmentationPolicy", &self.metadata, spec)
    }
}

impl SegmentationPolicy {
    /// The target on one line of YAML.
    pub fn target_text(&self) -> String {
        criteria(&self.target).to_flow()
    }
}

impl Document {
    /// What the document says, without its name, on one line of YAML.
    pub(crate) fn spec_text(&self) -> String {
        let Tree::Map(fields) = self.to_tree() else { return String::new() };
        fields.into_iter().find(|(key, _)| key == "spec").map_or(String::new(), |(_, spec)| spec.to_flow())
    }
}

impl Rule {
    pub fn to_tree(&self, direction: Direction) -> Tree {
        let mut fields: Fields = Vec::new();
        if let Some(name) = &self.name {
            fields.push(("name".to_owned(), Tree::text(name)));
        }
        match self.action {
            Action::Allow => {}
            Action::Deny => fields.push(("action".to_owned(), Tree::text("deny"))),
            Action::Pass => fields.push(("action".to_owned(), Tree::text("pass"))),
        }
        if let Some(order) = self.order {
            fields.push(("order".to_owned(), Tree::Number(order.into())));
        }
        let key = if direction == Direction::Ingress { "from" } else { "to" };
        fields.push((key.to_owned(), Tree::List(self.peers.iter().map(peer).collect())));
        traffic(&mut fields, &self.ports, &self.applications);
        account(&mut fields, &self.owner, &self.reason, self.expires);
        Tree::Map(fields)
    }

    /// The rule on one line, by which people and the rule book know it: `from: [{service: shop/api}], ports: [...]`.
    pub fn text(&self, direction: Direction) -> String {
        self.to_tree(direction).to_bare_flow()
    }
}

impl PeerSpec {
    /// The peer on one line of YAML.
    pub fn text(&self) -> String {
        peer(self).to_flow()
    }
}

impl Conduit {
    /// The conduit on one line of YAML.
    pub fn text(&self) -> String {
        self.to_tree().to_bare_flow()
    }

    pub fn to_tree(&self) -> Tree {
        let mut fields: Fields = Vec::new();
        if let Some(name) = &self.name {
            fields.push(("name".to_owned(), Tree::text(name)));
        }
        for (key, peers) in [("from", &self.from), ("to", &self.to)] {
            if let Some(peers) = peers {
                fields.push((key.to_owned(), Tree::List(peers.iter().map(peer).collect())));
            }
        }
        traffic(&mut fields, &self.ports, &self.applications);
        account(&mut fields, &self.owner, &self.reason, self.expires);
        Tree::Map(fields)
    }
}

fn traffic(fields: &mut Fields, ports: &[PortSpec], applications: &[Application]) {
    if !ports.is_empty() {
        fields.push(("ports".to_owned(), Tree::List(ports.iter().map(port).collect())));
    }
    if !applications.is_empty() {
        fields.push(("applications".to_owned(), Tree::texts(applications)));
    }
}

/// Who answers for something, why it is there, and until when.
fn account(fields: &mut Fields, owner: &Option<String>, reason: &Option<String>, expires: Option<Timestamp>) {
    for (key, text) in [("owner", owner), ("reason", reason)] {
        if let Some(text) = text {
            fields.push((key.to_owned(), Tree::text(text)));
        }
    }
    if let Some(expires) = expires {
        fields.push(("expires".to_owned(), Tree::text(format_time(expires))));
    }
}

fn whole(kind: &str, metadata: &Metadata, spec: Fields) -> Tree {
    let mut meta = vec![("name".to_owned(), Tree::text(&metadata.name))];
    if !metadata.namespace.is_empty() {
        meta.push(("namespace".to_owned(), Tree::text(&metadata.namespace)));
    }
    for (key, map) in [("labels", &metadata.labels), ("annotations", &metadata.annotations)] {
        if !map.is_empty() {
            meta.push((key.to_owned(), texts(map)));
        }
    }
    Tree::Map(vec![
        ("apiVersion".to_owned(), Tree::text(API_VERSION)),
        ("kind".to_owned(), Tree::text(kind)),
        ("metadata".to_owned(), Tree::Map(meta)),
        ("spec".to_owned(), Tree::Map(spec)),
    ])
}

fn texts(map: &BTreeMap<String, String>) -> Tree {
    Tree::Map(map.iter().map(|(key, value)| (key.clone(), Tree::text(value))).collect())
}

fn criteria(criteria: &Criteria) -> Tree {
    let mut fields: Fields = Vec::new();
    if let Some(service) = &criteria.service {
        fields.push(("service".to_owned(), Tree::text(service)));
    }
    if let Some(namespace) = &criteria.namespace {
        fields.push(("namespace".to_owned(), Tree::text(namespace)));
    }
    if let Some(labels) = &criteria.selector {
        fields.push(("selector".to_owned(), selector(labels)));
    }
    if let Some(zone) = &criteria.zone {
        fields.push(("zone".to_owned(), Tree::text(zone)));
    }
    Tree::Map(fields)
}

fn selector(selector: &LabelSelector) -> Tree {
    let mut fields: Fields = Vec::new();
    if !selector.match_labels.is_empty() {
        fields.push(("matchLabels".to_owned(), texts(&selector.match_labels)));
    }
    if !selector.match_expressions.is_empty() {
        let expressions = selector.match_expressions.iter().map(|expression| {
            let operator = match expression.operator {
                LabelOperator::In => "In",
                LabelOperator::NotIn => "NotIn",
                LabelOperator::Exists => "Exists",
                LabelOperator::DoesNotExist => "DoesNotExist",
            };
            let mut fields = vec![
                ("key".to_owned(), Tree::text(&expression.key)),
                ("operator".to_owned(), Tree::text(operator)),
            ];
            if !expression.values.is_empty() {
                fields.push(("values".to_owned(), Tree::texts(&expression.values)));
            }
            Tree::Map(fields)
        });
        fields.push(("matchExpressions".to_owned(), Tree::List(expressions.collect())));
    }
    Tree::Map(fields)
}

pub(super) fn peer(peer: &PeerSpec) -> Tree {
    let one = |key: &str, value: Tree| Tree::Map(vec![(key.to_owned(), value)]);
    match peer {
        PeerSpec::Services(which) => criteria(which),
        PeerSpec::Cidr(range) => one("cidr", cidr(range)),
        PeerSpec::Name(name) => one("name", Tree::text(name)),
        PeerSpec::External(name) => one("external", Tree::text(name)),
        PeerSpec::World => Tree::text("world"),
        PeerSpec::Host => Tree::text("host"),
        PeerSpec::RemoteHost => Tree::text("remoteHost"),
        PeerSpec::Multicast => Tree::text("multicast"),
        PeerSpec::Any => Tree::text("any"),
    }
}

fn cidr(cidr: &Cidr) -> Tree {
    if cidr.except.is_empty() {
        return Tree::text(cidr.net);
    }
    Tree::Map(vec![
        ("net".to_owned(), Tree::text(cidr.net)),
        ("except".to_owned(), Tree::texts(&cidr.except)),
    ])
}

fn port(spec: &PortSpec) -> Tree {
    let mut fields = vec![("protocol".to_owned(), Tree::text(spec.protocol))];
    match &spec.port {
        PortMatch::All => {}
        PortMatch::Named(name) => fields.push(("port".to_owned(), Tree::text(name))),
        PortMatch::Range(range) if spec.protocol.is_icmp() => {
            let (first, last) = (IcmpType::from_port(range.first), IcmpType::from_port(range.last));
            fields.push(("type".to_owned(), Tree::Number(first.kind.into())));
            if first == last {
                fields.push(("code".to_owned(), Tree::Number(first.code.into())));
            }
        }
        PortMatch::Range(range) if range.first == range.last => {
            fields.push(("port".to_owned(), Tree::Number(range.first.into())));
        }
        PortMatch::Range(range) => fields.push(("port".to_owned(), Tree::text(range))),
    }
    Tree::Map(fields)
}

fn zone_spec(zone: &Zone) -> Fields {
    let mut fields: Fields = Vec::new();
    let mut push = |key: &str, items: Vec<Tree>| {
        if !items.is_empty() {
            fields.push((key.to_owned(), Tree::List(items)));
        }
    };
    push("services", zone.services.iter().map(Tree::text).collect());
    push("namespaces", zone.namespaces.iter().map(Tree::text).collect());
    push("selectors", zone.selectors.iter().map(selector).collect());
    push("names", zone.names.iter().map(Tree::text).collect());
    push("cidrs", zone.cidrs.iter().map(cidr).collect());
    push("externals", zone.externals.iter().map(Tree::text).collect());
    push("zones", zone.zones.iter().map(Tree::text).collect());
    account(&mut fields, &zone.owner, &zone.reason, None);
    if let Some(conduits) = &zone.conduits {
        // Even an empty list says something: that there is a border.
        let conduits = conduits.iter().map(Conduit::to_tree).collect();
        fields.push(("conduits".to_owned(), Tree::List(conduits)));
    }
    if !zone.exceptions.is_empty() {
        let exceptions = zone.exceptions.iter().map(Conduit::to_tree).collect();
        fields.push(("exceptions".to_owned(), Tree::List(exceptions)));
    }
    fields
}

fn external_spec(external: &ExternalEndpoint) -> Fields {
    let mut fields: Fields = Vec::new();
    if !external.names.is_empty() {
        fields.push(("names".to_owned(), Tree::texts(&external.names)));
    }
    if !external.ranges.is_empty() {
        fields.push(("ranges".to_owned(), Tree::List(external.ranges.iter().map(cidr).collect())));
    }
    fields
}
