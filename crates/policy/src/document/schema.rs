//! The JSON Schema of the documents, for editors: completion, hovering, underlined mistakes.

use super::{API_VERSION, Kind};
use crate::yaml::Tree;
use bulkhead_model::Application;

/// JSON Schema (draft 2020-12) of one document of any kind.
pub fn json_schema() -> Tree {
    let kinds = Kind::ALL.map(|kind| reference(kind.name()));
    let Tree::Map(mut fields) = map([
        ("$schema", text("https://json-schema.org/draft/2020-12/schema")),
        ("title", text("Bulkhead policy documents")),
        ("oneOf", Tree::List(kinds.into())),
    ]) else {
        return Tree::Map(Vec::new());
    };
    let definitions = [
        ("SegmentationPolicy", document(Kind::SegmentationPolicy, policy_spec())),
        ("Zone", document(Kind::Zone, zone_spec())),
        ("ExternalEndpoint", document(Kind::ExternalEndpoint, external_spec())),
        ("metadata", metadata()),
        ("name", name("A name: letters, digits, '-', '_' and '.'", r"^[A-Za-z0-9._-]{1,253}$")),
        (
            "service",
            name("A service: namespace/name; '*' for any characters of a part", r"^[A-Za-z0-9._*/-]{1,507}$"),
        ),
        ("namespace", name("A namespace; '*' for any characters", r"^[A-Za-z0-9._*-]{1,253}$")),
        ("hostName", name("A host name; a leading '*.' for one or more labels", r"^[A-Za-z0-9._*-]{1,254}$")),
        (
            "range",
            name("Addresses: 203.0.113.0/24, 2001:db8::/32, 192.0.2.1", r"^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"),
        ),
        ("texts", map([("type", text("object")), ("additionalProperties", scalar())])),
        ("selector", selector()),
        ("criteria", closed("Services: all that is given must hold", criteria(), &[])),
        ("cidr", any_of([reference("range"), closed("A range without some of its parts", cidr(), &["net"])])),
        ("peer", peer()),
        ("port", port()),
        ("application", choice(Application::all().skip(1).map(Application::name))),
        ("ingressRule", rule("from")),
        ("egressRule", rule("to")),
    ];
    fields.push(("$defs".to_owned(), map(definitions)));
    Tree::Map(fields)
}

type Field = (&'static str, Tree);

fn document(kind: Kind, spec: Tree) -> Tree {
    let fields = vec![
        ("apiVersion", map([("const", text(API_VERSION))])),
        ("kind", map([("const", text(kind.name()))])),
        ("metadata", reference("metadata")),
        ("spec", spec),
        ("status", map([])),
    ];
    closed(kind.name(), fields, &["apiVersion", "kind", "metadata", "spec"])
}

fn metadata() -> Tree {
    // Kubernetes adds fields of its own, so others are let pass.
    map([
        ("type", text("object")),
        ("required", list(["name"])),
        (
            "properties",
            map([
                ("name", reference("name")),
                ("namespace", reference("name")),
                ("labels", reference("texts")),
                ("annotations", reference("texts")),
            ]),
        ),
    ])
}

fn policy_spec() -> Tree {
    let fields = vec![
        ("target", reference("criteria")),
        (
            "mode",
            described(
                "The mode its author wishes for",
                choice(["learn", "monitor", "enforce", "quarantine"]),
            ),
        ),
        ("tier", described("Which rules decide first", choice(["declared", "user", "imported", "learned"]))),
        ("order", described("Position inside the tier, ascending; none comes last", integer())),
        ("ingress", described("Who may open connections to the target", array(reference("ingressRule")))),
        ("egress", described("To whom the target may open connections", array(reference("egressRule")))),
    ];
    closed("Whose policy it is, and its rules", fields, &["target"])
}

fn rule(peers: &'static str) -> Tree {
    let fields = vec![
        ("name", scalar()),
        ("action", described("allow where it is absent", choice(["allow", "deny"]))),
        ("order", integer()),
        (peers, described("Any of these", array(reference("peer")))),
        ("ports", described("Any of these; all where it is absent", filled(reference("port")))),
        ("applications", described("Any of these; all where it is absent", filled(reference("application")))),
        ("expires", described("A date or time: 2030-12-31, 2030-12-31T18:00:00Z", scalar())),
        ("owner", described("Who answers for it", scalar())),
        ("reason", described("Why it is there", scalar())),
    ];
    closed("A rule", fields, &[peers])
}

fn criteria() -> Vec<Field> {
    vec![
        ("service", reference("service")),
        ("namespace", reference("namespace")),
        ("selector", reference("selector")),
        ("zone", reference("name")),
    ]
}

fn cidr() -> Vec<Field> {
    vec![("net", reference("range")), ("except", array(reference("range")))]
}

fn peer() -> Tree {
    let words = ["any", "world", "host", "remoteHost", "multicast"];
    let single = |key: &'static str, of: Tree| closed(key, vec![(key, of)], &[key]);
    let mut forms = vec![
        choice(words),
        reference("criteria"),
        single("cidr", reference("cidr")),
        single("name", reference("hostName")),
        single("external", reference("name")),
    ];
    forms.extend(words.map(|word| single(word, map([]))));
    map([("anyOf", Tree::List(forms))])
}

fn port() -> Tree {
    let fields = vec![
        ("protocol", described("tcp where it is absent; a name or a number", scalar())),
        ("port", described("A port, a range such as 8000-8100, or the name of a port", scalar())),
        ("endPort", integer()),
        ("type", described("ICMP type", integer())),
        ("code", described("ICMP code", integer())),
    ];
    any_of([scalar(), closed("A protocol, a port or both", fields, &[])])
}

fn selector() -> Tree {
    let expression = closed(
        "A condition on a label",
        vec![
            ("key", scalar()),
            ("operator", choice(["In", "NotIn", "Exists", "DoesNotExist"])),
            ("values", array(scalar())),
        ],
        &["key", "operator"],
    );
    let fields = vec![("matchLabels", reference("texts")), ("matchExpressions", array(expression))];
    closed("Labels, as in Kubernetes; empty selects everything", fields, &[])
}

fn zone_spec() -> Tree {
    let fields = vec![
        ("services", array(reference("service"))),
        ("namespaces", array(reference("namespace"))),
        ("labels", reference("texts")),
        ("selector", reference("selector")),
        ("selectors", array(reference("selector"))),
        ("names", array(reference("hostName"))),
        ("cidrs", array(reference("cidr"))),
        ("externals", array(reference("name"))),
        ("zones", array(reference("name"))),
        ("owner", described("Who answers for it", scalar())),
        ("reason", described("Why it is there", scalar())),
        (
            "conduits",
            described("The only ways across its border; none where it is absent", array(conduit(&[]))),
        ),
        (
            "exceptions",
            described("Further ways across, for a time", array(conduit(&["owner", "reason", "expires"]))),
        ),
    ];
    closed("Members: what any of these takes in; and the ways across the border", fields, &[])
}

fn conduit(required: &[&str]) -> Tree {
    let fields = vec![
        ("name", scalar()),
        (
            "from",
            described("Who opens connections; the zone itself where it is absent", array(reference("peer"))),
        ),
        ("to", described("To whom; the zone itself where it is absent", array(reference("peer")))),
        ("ports", described("Any of these; all where it is absent", filled(reference("port")))),
        ("applications", described("Any of these; all where it is absent", filled(reference("application")))),
        ("owner", described("Who answers for it", scalar())),
        ("reason", described("Why it is there", scalar())),
        ("expires", described("A date or time: 2030-12-31, 2030-12-31T18:00:00Z", scalar())),
    ];
    closed("A way across the border of the zone", fields, required)
}

fn external_spec() -> Tree {
    let fields = vec![("names", array(reference("hostName"))), ("ranges", array(reference("cidr")))];
    closed("What it consists of", fields, &[])
}

// === pieces of a schema ===

fn text(text: &str) -> Tree {
    Tree::text(text)
}

fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> Tree {
    Tree::texts(items)
}

fn map(fields: impl IntoIterator<Item = Field>) -> Tree {
    Tree::Map(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn reference(name: &str) -> Tree {
    map([("$ref", Tree::Text(format!("#/$defs/{name}")))])
}

fn name(description: &str, pattern: &str) -> Tree {
    map([("description", text(description)), ("type", text("string")), ("pattern", text(pattern))])
}

/// A text, which YAML may have taken for a number or a truth value.
fn scalar() -> Tree {
    map([("type", list(["string", "number", "boolean"]))])
}

fn integer() -> Tree {
    map([("type", text("integer"))])
}

fn choice<'a>(words: impl IntoIterator<Item = &'a str>) -> Tree {
    map([("enum", list(words))])
}

fn array(items: Tree) -> Tree {
    map([("type", text("array")), ("items", items)])
}

/// A list that must not be empty.
fn filled(items: Tree) -> Tree {
    map([("type", text("array")), ("minItems", Tree::Number(1)), ("items", items)])
}

fn any_of(forms: impl IntoIterator<Item = Tree>) -> Tree {
    map([("anyOf", Tree::List(forms.into_iter().collect()))])
}

fn described(description: &str, schema: Tree) -> Tree {
    match schema {
        Tree::Map(fields) => {
            let mut with = vec![("description".to_owned(), text(description))];
            with.extend(fields);
            Tree::Map(with)
        }
        other => other,
    }
}

/// An object that has these fields and no others.
fn closed(description: &str, fields: Vec<Field>, required: &[&str]) -> Tree {
    map([
        ("description", text(description)),
        ("type", text("object")),
        ("additionalProperties", Tree::Bool(false)),
        ("required", list(required.iter().copied())),
        ("properties", map(fields)),
    ])
}
