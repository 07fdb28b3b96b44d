use super::{Diagnostic, Place, Severity};
use crate::{
    suggest::nearest,
    yaml::{Mark, Node, Value},
};
use std::sync::Arc;

/// Decodes one document, and remembers everything that is wrong with it.
pub(super) struct Reader<'d> {
    pub(super) file: Arc<str>,
    pub(super) diagnostics: &'d mut Vec<Diagnostic>,
    /// Whether something in the present object makes it unusable.
    pub(super) failed: bool,
}

/// A value and its path in the object.
#[derive(Clone)]
pub(super) struct Field<'n> {
    pub(super) node: &'n Node,
    pub(super) path: String,
}

/// A map whose fields are taken one by one; what is left over at the end is unknown.
pub(super) struct Object<'n> {
    pub(super) mark: Mark,
    pub(super) path: String,
    fields: Vec<(&'n str, Mark, &'n Node)>,
    asked: Vec<&'static str>,
}

impl Reader<'_> {
    fn report(
        &mut self,
        severity: Severity,
        mark: Mark,
        field: &str,
        message: String,
        suggestion: Option<String>,
    ) {
        let place = Place::new(&self.file, mark);
        self.failed |= severity == Severity::Error;
        self.diagnostics.push(Diagnostic { place, severity, field: field.to_owned(), message, suggestion });
    }

    pub(super) fn error(&mut self, at: &Field<'_>, message: impl Into<String>) {
        self.report(Severity::Error, at.node.mark, &at.path, message.into(), None);
    }

    pub(super) fn error_with(
        &mut self,
        at: &Field<'_>,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) {
        self.report(Severity::Error, at.node.mark, &at.path, message.into(), Some(suggestion.into()));
    }

    /// An error of a key rather than of what stands behind it.
    pub(super) fn error_at(&mut self, mark: Mark, path: &str, message: String, suggestion: String) {
        self.report(Severity::Error, mark, path, message, Some(suggestion));
    }

    pub(super) fn error_in(
        &mut self,
        object: &Object<'_>,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) {
        self.report(Severity::Error, object.mark, &object.path, message.into(), Some(suggestion.into()));
    }

    pub(super) fn warning(
        &mut self,
        mark: Mark,
        path: &str,
        message: impl Into<String>,
        suggestion: Option<String>,
    ) {
        self.report(Severity::Warning, mark, path, message.into(), suggestion);
    }

    pub(super) fn note(&mut self, mark: Mark, message: impl Into<String>, suggestion: Option<String>) {
        self.report(Severity::Note, mark, "", message.into(), suggestion);
    }

    pub(super) fn object<'n>(&mut self, at: &Field<'n>) -> Option<Object<'n>> {
        match &at.node.value {
            Value::Map(entries) => {
                let mut fields: Vec<(&str, Mark, &Node)> = Vec::with_capacity(entries.len());
                for (key, mark, node) in entries.iter().filter(|(key, ..)| key != "<<") {
                    fields.push((key, *mark, node));
                }
                // Merge keys (YAML 1.1, which Kubernetes reads): what the map itself says goes first.
                for (_, _, merged) in entries.iter().filter(|(key, ..)| key == "<<") {
                    let sources = match &merged.value {
                        Value::List(items) => items.iter().collect(),
                        _ => vec![merged],
                    };
                    for (key, mark, node) in sources.into_iter().filter_map(entries_of).flatten() {
                        if !fields.iter().any(|(known, ..)| known == key) {
                            fields.push((key, *mark, node));
                        }
                    }
                }
                Some(Object { mark: at.node.mark, path: at.path.clone(), fields, asked: Vec::new() })
            }
            _ => {
                self.error(at, format!("expected a map of fields, found {}", at.node.kind()));
                None
            }
        }
    }

    pub(super) fn list<'n>(&mut self, at: &Field<'n>) -> Vec<Field<'n>> {
        match &at.node.value {
            Value::List(items) => {
                let item = |(index, node)| Field { node, path: format!("{}[{index}]", at.path) };
                items.iter().enumerate().map(item).collect()
            }
            Value::Map(_) => {
                self.error_with(at, "expected a list, found a map", "put '- ' before its first field");
                Vec::new()
            }
            _ => {
                self.error(at, format!("expected a list, found {}", at.node.kind()));
                Vec::new()
            }
        }
    }

    pub(super) fn text<'n>(&mut self, at: &Field<'n>) -> Option<&'n str> {
        match &at.node.value {
            Value::Scalar { text, plain } => {
                if *plain && is_number_or_bool(text) {
                    self.error_with(
                        at,
                        format!(
                            "expected a text, found {text}, which YAML takes for a number or a truth value"
                        ),
                        format!("write \"{text}\" in quotes"),
                    );
                }
                Some(text)
            }
            _ => {
                self.error(at, format!("expected a text, found {}", at.node.kind()));
                None
            }
        }
    }

    pub(super) fn integer(&mut self, at: &Field<'_>, least: i64, most: i64) -> Option<i64> {
        let number = at.node.text().and_then(|text| text.parse::<i64>().ok());
        match number {
            Some(number) if (least..=most).contains(&number) => Some(number),
            Some(number) => {
                self.error(at, format!("{number} is out of range: expected {least} to {most}"));
                None
            }
            None => {
                let found =
                    at.node.text().map_or_else(|| at.node.kind().to_owned(), |text| format!("'{text}'"));
                self.error(at, format!("expected a whole number from {least} to {most}, found {found}"));
                None
            }
        }
    }

    /// Reports the fields that nobody asked for, with the name that was probably meant.
    pub(super) fn finish(&mut self, object: Object<'_>) {
        for (key, mark, _) in &object.fields {
            if !object.asked.contains(key) {
                let path = join(&object.path, key);
                let meant =
                    nearest(key, object.asked.iter().copied()).map(|name| format!("did you mean '{name}'?"));
                self.warning(*mark, &path, format!("'{key}' is not a field here and has no effect"), meant);
            }
        }
    }
}

fn entries_of(node: &Node) -> Option<&Vec<(String, Mark, Node)>> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        _ => None,
    }
}

impl<'n> Object<'n> {
    /// The value of a field; `None` where it is absent or null.
    pub(super) fn get(&mut self, key: &'static str) -> Option<Field<'n>> {
        self.asked.push(key);
        let (_, _, node) = self.fields.iter().find(|(name, ..)| *name == key)?;
        (!matches!(node.value, Value::Null)).then(|| Field { node, path: join(&self.path, key) })
    }

    /// Whether a template of pods is found by this path.
    pub(super) fn has_containers(&self, path: &[&str]) -> bool {
        let Some((first, rest)) = path.split_first() else { return false };
        let root = self.fields.iter().find(|(name, ..)| name == first).map(|(_, _, node)| *node);
        let inside = rest.iter().chain(&["spec", "containers"]);
        let found = inside.fold(root, |node, key| node.and_then(|node| node.get(key)));
        found.is_some_and(|node| matches!(node.value, Value::List(_)))
    }

    /// Fields that are known and of no concern.
    pub(super) fn ignore(&mut self, keys: &[&'static str]) {
        self.asked.extend(keys);
    }

    /// Each key, where it stands, and its value.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'n str, Mark, Field<'n>)> + '_ {
        self.fields.iter().map(|(key, mark, node)| (*key, *mark, Field { node, path: join(&self.path, key) }))
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// What YAML 1.1, as Kubernetes reads it, does not take for a text.
fn is_number_or_bool(text: &str) -> bool {
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | ".nan" | ".inf" | "-.inf"
    );
    let starts_like_a_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    word || starts_like_a_number && (text.parse::<f64>().is_ok() || is_based(text))
}

/// `0x1F`, `0o17`, `0b11`.
fn is_based(text: &str) -> bool {
    let digits = |prefix, radix| {
        text.strip_prefix(prefix)
            .is_some_and(|rest: &str| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    digits("0x", 16) || digits("0o", 8) || digits("0b", 2)
}
