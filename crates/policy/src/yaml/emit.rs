use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use std::fmt::Write;

/// A value to be written: as tidy YAML, or (through `serde`) as anything else. Maps keep their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    Text(String),
    Number(i64),
    Bool(bool),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

/// Longest line on which a list or map is still written as `[...]` or `{...}`.
const FLOW_WIDTH: usize = 100;

impl Tree {
    pub fn text(text: impl ToString) -> Tree {
        Tree::Text(text.to_string())
    }

    pub fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Tree {
        Tree::List(items.into_iter().map(Tree::text).collect())
    }

    /// The tree as one YAML document, block style where it is long, with a line end at its end.
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        match self {
            Tree::Map(fields) if !fields.is_empty() => block_map(&mut out, fields, 0, false),
            Tree::List(items) if !items.is_empty() => block_list(&mut out, items, 0),
            other => {
                out.push_str(&other.to_flow());
                out.push('\n');
            }
        }
        out
    }

    /// The tree on one line.
    pub fn to_flow(&self) -> String {
        let mut out = String::new();
        self.write_flow(&mut out);
        out
    }

    /// The tree on one line; a map without its braces.
    pub(crate) fn to_bare_flow(&self) -> String {
        let mut out = String::new();
        match self {
            Tree::Map(fields) => write_fields(&mut out, fields),
            other => other.write_flow(&mut out),
        }
        out
    }

    fn write_flow(&self, out: &mut String) {
        match self {
            Tree::Text(text) => write_scalar(out, text),
            Tree::Number(number) => {
                let _ = write!(out, "{number}");
            }
            Tree::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Tree::List(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    out.push_str(if number == 0 { "" } else { ", " });
                    item.write_flow(out);
                }
                out.push(']');
            }
            Tree::Map(fields) => {
                out.push('{');
                write_fields(out, fields);
                out.push('}');
            }
        }
    }

    fn depth(&self) -> usize {
        match self {
            Tree::List(items) => 1 + items.iter().map(Tree::depth).max().unwrap_or(0),
            Tree::Map(fields) => 1 + fields.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Lists of scalars and of small maps read better on one line; whole rules do not.
    fn fits(&self, indent: usize) -> bool {
        self.depth() <= 2 && indent + self.to_flow().len() <= FLOW_WIDTH
    }
}

fn write_fields(out: &mut String, fields: &[(String, Tree)]) {
    for (number, (key, value)) in fields.iter().enumerate() {
        out.push_str(if number == 0 { "" } else { ", " });
        write_scalar(out, key);
        out.push_str(": ");
        value.write_flow(out);
    }
}

fn block_map(out: &mut String, fields: &[(String, Tree)], indent: usize, mut inline_first: bool) {
    for (key, value) in fields {
        if !std::mem::take(&mut inline_first) {
            out.push_str(&" ".repeat(indent));
        }
        write_scalar(out, key);
        out.push(':');
        let wants_block = match value {
            Tree::List(items) => items.iter().any(|item| item.depth() > 1),
            Tree::Map(fields) => fields.iter().any(|(_, value)| value.depth() > 1),
            _ => false,
        };
        match value {
            _ if !wants_block && value.fits(indent + key.len() + 2) => {
                out.push(' ');
                value.write_flow(out);
                out.push('\n');
            }
            Tree::Map(fields) if !fields.is_empty() => {
                out.push('\n');
                block_map(out, fields, indent + 2, false);
            }
            Tree::List(items) if !items.is_empty() => {
                out.push('\n');
                block_list(out, items, indent + 2);
            }
            _ => {
                out.push(' ');
                value.write_flow(out);
                out.push('\n');
            }
        }
    }
}

fn block_list(out: &mut String, items: &[Tree], indent: usize) {
    for item in items {
        out.push_str(&" ".repeat(indent));
        out.push_str("- ");
        match item {
            Tree::Map(fields) if !fields.is_empty() && (item.depth() > 1 || !item.fits(indent + 2)) => {
                block_map(out, fields, indent + 2, true);
            }
            _ => {
                item.write_flow(out);
                out.push('\n');
            }
        }
    }
}

/// What some readers of YAML take for something else than a text.
const WORDS: [&str; 11] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"];

/// A scalar that every YAML reader (1.1 and 1.2) reads back as this very text.
fn write_scalar(out: &mut String, text: &str) {
    let plain_start =
        text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'/' || b == b'.');
    let plain_rest = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b' ' | b'(' | b')'));
    let looks_like_a_word = text.bytes().any(|b| b.is_ascii_alphabetic())
        && !text.as_bytes()[0].is_ascii_digit()
        && !text.starts_with('.')
        && !text.ends_with(' ')
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    // Addresses start with a digit and are safe as long as they cannot be numbers or dates.
    let looks_like_an_address = text.matches('.').count() == 3
        && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'/'));
    if plain_start && plain_rest && (looks_like_a_word || looks_like_an_address) || is_range(text) {
        return out.push_str(text);
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// `8000-8100`: no YAML reader takes this for a number or a date (dates have two dashes).
fn is_range(text: &str) -> bool {
    text.split_once('-').is_some_and(|(first, last)| {
        let digits = |part: &str| (1..=5).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        digits(first) && digits(last)
    })
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Text(text) => serializer.serialize_str(text),
            Tree::Number(number) => serializer.serialize_i64(*number),
            Tree::Bool(value) => serializer.serialize_bool(*value),
            Tree::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Tree::Map(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Limits, Value, parse};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was_written(text in any::<String>(), key in "[ -~]{1,12}") {
            let tree = Tree::Map(vec![(key.clone(), Tree::List(vec![Tree::text(&text), Tree::text("x")]))]);
            let yaml = tree.to_yaml();
            let (documents, errors) = parse(&yaml, Limits::default());
            prop_assert!(errors.is_empty(), "{errors:?} in {yaml}");
            let list = documents[0].get(&key).expect("key");
            let Value::List(items) = &list.value else { panic!("{list:?}") };
            prop_assert_eq!(items[0].text(), Some(text.as_str()));
        }
    }
}
