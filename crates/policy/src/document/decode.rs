//! From the YAML tree to documents. Every function reports all that is wrong and returns what it could read.

mod peers;
mod ports;

use super::{
    Action, Conduit, Document, ExternalEndpoint, Kind, Metadata, Rule, SegmentationPolicy, Zone,
    fields::{Reader, list},
    parse_time,
};
use crate::{
    suggest,
    yaml::{Node, Value},
};
use bulkhead_model::{Application, Direction, Mode, RuleOrigin, ServiceName, Timestamp};
pub(super) use peers::peer;
use peers::{cidr, criteria, host_name, namespace_glob, selector, service_glob};
pub(super) use ports::port;

pub(super) fn document(r: &mut Reader<'_>, node: &Node, kind: Kind) -> Option<Document> {
    // `status` is what Kubernetes adds; it says nothing here.
    r.map(node, &["apiVersion", "kind", "metadata", "spec", "status"])?;
    let metadata = match node.get("metadata") {
        Some(node) => r.at("metadata", |r| metadata(r, node, kind)),
        None => {
            r.at("metadata", |r| r.wrong(node.mark, "missing; expected {name, namespace}", None));
            None
        }
    };
    let Some(spec) = node.get("spec") else {
        r.at("spec", |r| r.wrong(node.mark, "missing", None));
        return None;
    };
    let namespace = metadata.as_ref().map_or(ServiceName::DEFAULT_NAMESPACE, |m| &m.namespace).to_owned();
    r.at("spec", |r| {
        Some(match kind {
            Kind::SegmentationPolicy => Document::Policy(policy(r, spec, metadata, &namespace)?),
            Kind::Zone => Document::Zone(zone(r, spec, metadata)?),
            Kind::ExternalEndpoint => Document::External(external(r, spec, metadata)?),
        })
    })
}

fn metadata(r: &mut Reader<'_>, node: &Node, kind: Kind) -> Option<Metadata> {
    /// What Kubernetes adds is passed over.
    const KNOWN: &[&str] = &[
        "name",
        "namespace",
        "labels",
        "annotations",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
        "ownerReferences",
        "finalizers",
    ];
    let Value::Map(fields) = &node.value else {
        r.wrong(node.mark, format!("expected a map with name and namespace, found {}", node.kind()), None);
        return None;
    };
    for (key, mark, _) in fields {
        if !KNOWN.contains(&key.as_str()) {
            let nearest = suggest::nearest(key, KNOWN.iter().copied());
            let message =
                format!("unknown field '{key}'; expected one of name, namespace, labels or annotations");
            r.wrong(*mark, message, nearest.map(|word| format!("did you mean '{word}'?")));
        }
    }
    let name = match node.get("name") {
        Some(name) => r.at("name", |r| plain_name(r, name)),
        None => {
            r.at("name", |r| r.wrong(node.mark, "missing; expected the name of the document", None));
            None
        }
    };
    let namespace = match node.get("namespace") {
        Some(_) if kind != Kind::SegmentationPolicy => Some(String::new()),
        Some(namespace) => r.at("namespace", |r| plain_name(r, namespace)),
        None if kind == Kind::SegmentationPolicy => Some(ServiceName::DEFAULT_NAMESPACE.to_owned()),
        None => Some(String::new()),
    };
    let mut texts =
        |field: &str| node.get(field).map(|node| r.at(field, |r| r.texts(node))).unwrap_or_default();
    let (labels, annotations) = (texts("labels"), texts("annotations"));
    Some(Metadata { name: name?, namespace: namespace?, labels, annotations })
}

/// One part of a service name, which is what documents, zones and namespaces are called by.
fn plain_name(r: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = r.text(node, "a name")?;
    if ServiceName::new(text, text).is_err() {
        let message =
            format!("'{text}' is not a name; expected at most 253 letters, digits, '-', '_' and '.'");
        r.wrong(node.mark, message, None);
        return None;
    }
    Some(text.to_owned())
}

fn policy(
    r: &mut Reader<'_>,
    spec: &Node,
    metadata: Option<Metadata>,
    namespace: &str,
) -> Option<SegmentationPolicy> {
    let fields = r.map(spec, &["target", "mode", "tier", "order", "ingress", "egress"])?;
    let mut target = None;
    let (mut mode, mut tier, mut order) = (None, RuleOrigin::User, None);
    let (mut ingress, mut egress) = (Vec::new(), Vec::new());
    for (key, _, node) in fields {
        r.at(key, |r| match key.as_str() {
            "target" => target = criteria(r, node, namespace, &["service", "selector", "zone", "namespace"]),
            "mode" => mode = r.word(node, &MODES),
            "tier" => tier = r.word(node, &TIERS).unwrap_or(RuleOrigin::User),
            "order" => order = r.parsed(node, "a whole number"),
            "ingress" => ingress = r.list(node, |r, node| rule(r, node, Direction::Ingress, namespace)),
            "egress" => egress = r.list(node, |r, node| rule(r, node, Direction::Egress, namespace)),
            _ => {}
        });
    }
    if spec.get("target").is_none() {
        let remedy = "missing; expected what the policy speaks of: {service: namespace/name}, {selector: ...}, \
                      {zone: ...} or {namespace: ...}";
        r.at("target", |r| r.wrong(spec.mark, remedy, None));
    }
    Some(SegmentationPolicy { metadata: metadata?, target: target?, mode, tier, order, ingress, egress })
}

const MODES: [(&str, Mode); 4] = [
    ("learn", Mode::Learn),
    ("monitor", Mode::Monitor),
    ("enforce", Mode::Enforce),
    ("quarantine", Mode::Quarantine),
];

const TIERS: [(&str, RuleOrigin); 4] = [
    ("declared", RuleOrigin::Declared),
    ("user", RuleOrigin::User),
    ("imported", RuleOrigin::Imported),
    ("learned", RuleOrigin::Learned),
];

fn rule(r: &mut Reader<'_>, node: &Node, direction: Direction, namespace: &str) -> Option<Rule> {
    let (own, other) = match direction {
        Direction::Ingress => ("from", "to"),
        Direction::Egress => ("to", "from"),
    };
    if let Some(wrong) = node.get(other) {
        let message = format!("'{other}' does not belong into {direction}");
        r.at(other, |r| r.wrong(wrong.mark, message, Some(format!("did you mean '{own}'?"))));
    }
    let known =
        ["action", "name", "order", own, "ports", "applications", "expires", "owner", "reason", other];
    let fields = r.map(node, &known)?;
    let mut rule = Rule::default();
    for (key, _, node) in fields {
        r.at(key, |r| match key.as_str() {
            "action" => {
                let words = [("allow", Action::Allow), ("deny", Action::Deny)];
                rule.action = r.word(node, &words).unwrap_or_default();
            }
            "name" => rule.name = r.text(node, "a text").map(str::to_owned),
            "order" => rule.order = r.parsed(node, "a whole number"),
            "ports" => rule.ports = r.list(node, port),
            "applications" => rule.applications = r.list(node, application),
            "expires" => rule.expires = expires(r, node),
            "owner" => rule.owner = r.text(node, "a text").map(str::to_owned),
            "reason" => rule.reason = r.text(node, "a text").map(str::to_owned),
            key if key == own => rule.peers = r.list(node, |r, node| peer(r, node, namespace)),
            _ => {}
        });
    }
    if node.get(own).is_none() && node.get(other).is_none() {
        let remedy = format!("write '{own}: [any]' if everybody is meant");
        r.at(own, |r| r.wrong(node.mark, "missing; expected a list of peers", Some(remedy)));
    }
    not_empty(r, node);
    Some(rule)
}

/// An empty list that silently meant "all" would open what its author wanted closed.
fn not_empty(r: &mut Reader<'_>, node: &Node) {
    for field in ["ports", "applications"] {
        if let Some(node) = node.get(field)
            && (matches!(node.value, Value::Null)
                || matches!(&node.value, Value::List(items) if items.is_empty()))
        {
            let remedy = format!("leave '{field}' out if all are meant");
            r.at(field, |r| r.wrong(node.mark, "an empty list matches nothing", Some(remedy)));
        }
    }
}

fn expires(r: &mut Reader<'_>, node: &Node) -> Option<Timestamp> {
    let expected = "a date or time such as 2026-12-31 or 2026-12-31T18:00:00Z";
    let text = r.text(node, expected)?;
    let time = parse_time(text);
    if time.is_none() {
        r.wrong(node.mark, format!("'{text}' is not a time; expected {expected}"), None);
    }
    time
}

pub(super) fn application(r: &mut Reader<'_>, node: &Node) -> Option<Application> {
    let text = r.text(node, "the name of an application protocol")?;
    match text.parse::<Application>() {
        Ok(Application::UNKNOWN) => {
            r.wrong(node.mark, "'unknown' is no application that a rule can name", None);
            None
        }
        Ok(application) => Some(application),
        Err(error) => {
            let names: Vec<&str> = Application::all().map(Application::name).collect();
            let alias = match text.to_ascii_lowercase().as_str() {
                "postgres" | "pg" => Some("postgresql"),
                "ssl" | "https" => Some("tls"),
                "mongo" => Some("mongodb"),
                "elastic" => Some("elasticsearch"),
                _ => suggest::nearest(text, names),
            };
            r.wrong(node.mark, error.to_string(), alias.map(|word| format!("did you mean '{word}'?")));
            None
        }
    }
}

fn zone(r: &mut Reader<'_>, spec: &Node, metadata: Option<Metadata>) -> Option<Zone> {
    let known = [
        "services",
        "namespaces",
        "labels",
        "selector",
        "selectors",
        "names",
        "cidrs",
        "externals",
        "zones",
        "owner",
        "reason",
        "conduits",
        "exceptions",
    ];
    let fields = r.map(spec, &known)?;
    let mut zone = Zone::default();
    for (key, _, node) in fields {
        r.at(key, |r| match key.as_str() {
            "services" => {
                zone.services = r.list(node, |r, node| service_glob(r, node, ServiceName::DEFAULT_NAMESPACE));
            }
            "namespaces" => zone.namespaces = r.list(node, namespace_glob),
            "labels" => {
                let match_labels = r.texts(node);
                if match_labels.is_empty() {
                    r.wrong(node.mark, "no labels would take in every service", None);
                }
                zone.selectors.push(super::LabelSelector { match_labels, match_expressions: Vec::new() });
            }
            "selector" => zone.selectors.extend(selector(r, node)),
            "selectors" => zone.selectors.extend(r.list(node, selector)),
            "names" => zone.names = r.list(node, host_name),
            "cidrs" => zone.cidrs = r.list(node, cidr),
            "externals" => zone.externals = r.list(node, |r, node| plain_name(r, node).map(Into::into)),
            "zones" => zone.zones = r.list(node, |r, node| plain_name(r, node).map(Into::into)),
            "owner" => zone.owner = r.text(node, "a text").map(str::to_owned),
            "reason" => zone.reason = r.text(node, "a text").map(str::to_owned),
            "conduits" => zone.conduits = Some(r.list(node, |r, node| conduit(r, node, &[]))),
            "exceptions" => {
                zone.exceptions = r.list(node, |r, node| conduit(r, node, &["owner", "reason", "expires"]));
            }
            _ => {}
        });
    }
    if let (Some(exceptions), None) = (spec.get("exceptions"), spec.get("conduits")) {
        let remedy = "write 'conduits: []' if nothing but the exceptions may cross it".to_owned();
        r.at("exceptions", |r| {
            r.wrong(exceptions.mark, "the zone has no border to except from", Some(remedy))
        });
    }
    zone.metadata = metadata?;
    Some(zone)
}

fn conduit(r: &mut Reader<'_>, node: &Node, required: &[&str]) -> Option<Conduit> {
    let known = ["name", "from", "to", "ports", "applications", "owner", "reason", "expires"];
    let fields = r.map(node, &known)?;
    let mut conduit = Conduit::default();
    for (key, _, node) in fields {
        let peers =
            |r: &mut Reader<'_>| r.list(node, |r, node| peer(r, node, ServiceName::DEFAULT_NAMESPACE));
        r.at(key, |r| match key.as_str() {
            "name" => conduit.name = r.text(node, "a text").map(str::to_owned),
            "from" => conduit.from = Some(peers(r)),
            "to" => conduit.to = Some(peers(r)),
            "ports" => conduit.ports = r.list(node, port),
            "applications" => conduit.applications = r.list(node, application),
            "owner" => conduit.owner = r.text(node, "a text").map(str::to_owned),
            "reason" => conduit.reason = r.text(node, "a text").map(str::to_owned),
            "expires" => conduit.expires = expires(r, node),
            _ => {}
        });
    }
    if conduit.from.is_none() && conduit.to.is_none() {
        let remedy = "name who comes in with 'from', or where the zone's members go with 'to'".to_owned();
        r.wrong(node.mark, "leads nowhere", Some(remedy));
    }
    for field in required.iter().filter(|field| node.get(field).is_none()) {
        r.at(field, |r| r.wrong(node.mark, "missing; an exception has an owner, a reason and an end", None));
    }
    not_empty(r, node);
    Some(conduit)
}

fn external(r: &mut Reader<'_>, spec: &Node, metadata: Option<Metadata>) -> Option<ExternalEndpoint> {
    let fields = r.map(spec, &["names", "ranges"])?;
    let mut external = ExternalEndpoint::default();
    for (key, _, node) in fields {
        r.at(key, |r| match key.as_str() {
            "names" => external.names = r.list(node, host_name),
            "ranges" => external.ranges = r.list(node, cidr),
            _ => {}
        });
    }
    if external.names.is_empty() && external.ranges.is_empty() {
        let known = list(&["names", "ranges"]);
        r.wrong(spec.mark, format!("empty; expected {known}"), None);
    }
    external.metadata = metadata?;
    Some(external)
}
