use super::{API_VERSION, Diagnostic, Document, Kind, assertions, decode, fields::Reader};
use crate::{
    suggest,
    yaml::{self, Limits, Mark, Node},
};

/// How to read a text.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOptions {
    pub limits: Limits,
    /// Pass over documents of another API group (manifests beside which policies are kept) and over assertions, instead
    /// of complaining.
    pub skip_foreign: bool,
}

/// All documents of a text (YAML with any number of documents, or JSON), and all that is wrong with it. `file` is what
/// messages call the text. What could be read is returned beside the errors: a caller that applies must refuse the
/// whole when there is any.
pub fn read(file: &str, text: &str, options: ReadOptions) -> (Vec<Document>, Vec<Diagnostic>) {
    let (documents, diagnostics) = read_located(file, text, options);
    (documents.into_iter().map(|(_, document)| document).collect(), diagnostics)
}

/// [`read`], with the place where each document begins.
pub(crate) fn read_located(
    file: &str,
    text: &str,
    options: ReadOptions,
) -> (Vec<(Mark, Document)>, Vec<Diagnostic>) {
    let (nodes, errors) = yaml::parse(text, options.limits);
    let mut reader = Reader { file, path: String::new(), diagnostics: Vec::new() };
    for error in errors {
        reader.wrong(error.mark, error.message, None);
    }
    let mut documents = Vec::new();
    for node in &nodes {
        let items = match node.get("items") {
            // `kubectl get -o yaml` wraps many objects into one list.
            Some(items) if node.get("kind").and_then(Node::text) == Some("List") => match &items.value {
                yaml::Value::List(items) => items.as_slice(),
                _ => std::slice::from_ref(node),
            },
            _ => std::slice::from_ref(node),
        };
        for item in items {
            let before = reader.diagnostics.len();
            if let Some(document) = one(&mut reader, item, options)
                && reader.diagnostics.len() == before
            {
                documents.push((item.mark, document));
            }
        }
    }
    let mut diagnostics = reader.diagnostics;
    diagnostics.sort();
    (documents, diagnostics)
}

fn one(reader: &mut Reader<'_>, node: &Node, options: ReadOptions) -> Option<Document> {
    let version = node.get("apiVersion").and_then(Node::text);
    let group = version.map(|version| version.split('/').next().unwrap_or(version));
    if options.skip_foreign && group != Some("bulkhead.dev") {
        return None;
    }
    let place = |key: &str| node.get(key).map_or(node.mark, |node| node.mark);
    let missing = |reader: &mut Reader<'_>, field: &str, remedy: &str| {
        let mark: Mark = place(field);
        reader.at(field, |reader| reader.wrong(mark, format!("missing; expected {remedy}"), None));
    };
    match version {
        Some(API_VERSION) => {}
        Some(other) => {
            let message =
                format!("'{other}' is not an API version that Bulkhead reads; expected {API_VERSION}");
            reader.at("apiVersion", |reader| reader.wrong(place("apiVersion"), message, None));
            return None;
        }
        None if !matches!(node.value, yaml::Value::Map(_)) => {
            reader.wrong(node.mark, format!("expected a document, found {}", node.kind()), None);
            return None;
        }
        None => {
            missing(reader, "apiVersion", API_VERSION);
            return None;
        }
    }
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let Some(text) = node.get("kind").and_then(Node::text) else {
        missing(reader, "kind", &super::fields::list(&names));
        return None;
    };
    if text == assertions::KIND {
        if !options.skip_foreign {
            let remedy = "keep it in a file of its own, and check it with 'bulkhead policy verify'";
            let message = format!("'{text}' is no policy: it makes claims about policies");
            reader.at("kind", |reader| reader.wrong(place("kind"), message, Some(remedy.to_owned())));
        }
        return None;
    }
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == text) else {
        let nearest = suggest::nearest(text, names.iter().copied());
        let message = format!("'{text}' is not a kind of document; expected {}", super::fields::list(&names));
        let suggestion = nearest.map(|word| format!("did you mean '{word}'?"));
        reader.at("kind", |reader| reader.wrong(place("kind"), message, suggestion));
        return None;
    };
    decode::document(reader, node, kind)
}
