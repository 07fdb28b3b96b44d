//! Walking a YAML tree while keeping the path, and collecting everything that is wrong on the way.

use super::Diagnostic;
use crate::{
    suggest,
    yaml::{Mark, Node, Value},
};
use std::{collections::BTreeMap, fmt::Display, str::FromStr};

/// At most so many errors of one text are worth reading.
const MOST: usize = 200;

pub(super) struct Reader<'a> {
    pub(super) file: &'a str,
    pub(super) path: String,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    pub(super) fn wrong(&mut self, mark: Mark, message: impl Into<String>, suggestion: Option<String>) {
        if self.diagnostics.len() < MOST {
            self.diagnostics.push(Diagnostic {
                file: self.file.into(),
                mark,
                path: self.path.clone(),
                message: message.into(),
                suggestion,
            });
        }
    }

    /// Runs `read` one level deeper.
    pub(super) fn at<R>(&mut self, field: &str, read: impl FnOnce(&mut Self) -> R) -> R {
        let length = self.path.len();
        if !self.path.is_empty() && !field.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(field);
        let result = read(self);
        self.path.truncate(length);
        result
    }

    /// The fields of a map; complains of those that are not `known`.
    pub(super) fn map<'n>(&mut self, node: &'n Node, known: &[&str]) -> Option<&'n [(String, Mark, Node)]> {
        let Value::Map(fields) = &node.value else {
            let message = format!("expected a map with {}, found {}", list(known), node.kind());
            self.wrong(node.mark, message, None);
            return None;
        };
        for (key, mark, _) in fields {
            if !known.contains(&key.as_str()) {
                let nearest = suggest::nearest(key, known.iter().copied());
                let message = format!("unknown field '{key}'; expected one of {}", list(known));
                self.wrong(*mark, message, nearest.map(|word| format!("did you mean '{word}'?")));
            }
        }
        Some(fields)
    }

    pub(super) fn text<'n>(&mut self, node: &'n Node, expected: &str) -> Option<&'n str> {
        match &node.value {
            Value::Scalar { text, .. } => Some(text),
            _ => {
                self.wrong(node.mark, format!("expected {expected}, found {}", node.kind()), None);
                None
            }
        }
    }

    /// A scalar that `FromStr` understands; its error says what was expected.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, node: &Node, expected: &str) -> Option<T> {
        let text = self.text(node, expected)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let error: T::Err = error;
                self.wrong(node.mark, format!("{error}; expected {expected}"), None);
                None
            }
        }
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let text = self.text(node, &list(&names))?;
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, value)| *value);
        if found.is_none() {
            let nearest = suggest::nearest(text, names.iter().copied());
            let message = format!("'{text}' is not one of {}", list(&names));
            self.wrong(node.mark, message, nearest.map(|word| format!("did you mean '{word}'?")));
        }
        found
    }

    /// Every item of a list that can be read; a single value where a list belongs is an error with its remedy.
    pub(super) fn list<T>(
        &mut self,
        node: &Node,
        mut read: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Vec<T> {
        match &node.value {
            Value::Null => Vec::new(),
            Value::List(items) => items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| self.at(&format!("[{index}]"), |reader| read(reader, item)))
                .collect(),
            _ => {
                let message = format!("expected a list, found {}", node.kind());
                self.wrong(node.mark, message, Some("write it as a list: [ ... ]".to_owned()));
                Vec::new()
            }
        }
    }

    /// A map of texts: labels, annotations.
    pub(super) fn texts(&mut self, node: &Node) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        match &node.value {
            Value::Null => {}
            Value::Map(fields) => {
                for (key, _, value) in fields {
                    self.at(key, |reader| {
                        if matches!(value.value, Value::Null) {
                            texts.insert(key.clone(), String::new());
                        } else if let Some(text) = reader.text(value, "a text") {
                            texts.insert(key.clone(), text.to_owned());
                        }
                    });
                }
            }
            _ => {
                let message = format!("expected a map of texts, found {}", node.kind());
                self.wrong(node.mark, message, None);
            }
        }
        texts
    }
}

/// `a, b or c`
pub(super) fn list(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
