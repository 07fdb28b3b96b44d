//! One text for one value: JSON with sorted keys, so that a hash means something. Compact, it is what RFC 8785 asks for of
//! values without fractions, and reports have none.

use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write;

/// A value of this crate's own types as JSON.
pub(crate) fn value(of: &impl Serialize) -> Value {
    // Maps of reports have texts for keys and numbers are whole: nothing in them cannot be said in JSON.
    serde_json::to_value(of).expect("reports are JSON")
}

/// On one line, without blanks.
pub(crate) fn compact(value: &Value) -> String {
    let mut text = String::new();
    write(value, None, &mut text);
    text
}

/// On many lines, for people, and with a line's end after the last.
pub(crate) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(value, Some(0), &mut text);
    text.push('\n');
    text
}

/// SHA-256 of the compact form, in hexadecimal.
pub(crate) fn hash(value: &Value) -> String {
    sha256(compact(value).as_bytes())
}

/// In hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of lower-case hexadecimal digits; there is no second text for the same bytes.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

/// `depth` is how far lines are indented; none for one line.
fn write(value: &Value, depth: Option<usize>, text: &mut String) {
    match value {
        Value::Array(items) => {
            let items = items.iter().map(|item| (None, item));
            list(items, ['[', ']'], depth, text);
        }
        Value::Object(fields) => {
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_by(|a, b| a.0.cmp(b.0));
            list(fields.into_iter().map(|(key, value)| (Some(key), value)), ['{', '}'], depth, text);
        }
        scalar => {
            let _ = write!(text, "{scalar}");
        }
    }
}

fn list<'v>(
    items: impl ExactSizeIterator<Item = (Option<&'v String>, &'v Value)>,
    [open, close]: [char; 2],
    depth: Option<usize>,
    text: &mut String,
) {
    let count = items.len();
    // Rows of tables stay on one line: they are read across.
    let within = depth.filter(|_| count > 0);
    text.push(open);
    let mut inner = within.map(|depth| depth + 1);
    for (at, (key, value)) in items.enumerate() {
        if at > 0 {
            text.push(',');
        }
        if let Some(depth) = inner {
            line(depth, text);
        }
        if let Some(key) = key {
            let _ = write!(text, "{}:", Value::String(key.clone()));
            if depth.is_some() {
                text.push(' ');
            }
        }
        let is_row = key.is_none() && value.as_array().is_some_and(|row| row.iter().all(Value::is_string));
        write(value, if is_row { None } else { inner }, text);
    }
    if let Some(depth) = inner.take() {
        line(depth - 1, text);
    }
    text.push(close);
}

fn line(depth: usize, text: &mut String) {
    text.push('\n');
    (0..depth).for_each(|_| text.push_str("  "));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_nothing_is_added() {
        let value = json!({"b": [1, "x\u{1}\"ü"], "a": {"d": null, "c": true}, "e": []});
        assert_eq!(compact(&value), "{\"a\":{\"c\":true,\"d\":null},\"b\":[1,\"x\\u0001\\\"ü\"],\"e\":[]}");
    }

    #[test]
    fn both_forms_say_the_same() {
        let value = json!({"rows": [["a", "b"], []], "n": {"x": [1, {"y": 2}]}, "z": {}});
        assert_eq!(serde_json::from_str::<Value>(&pretty(&value)).expect("JSON"), value);
        assert!(pretty(&value).contains("    [\"a\",\"b\"],\n"), "{}", pretty(&value));
    }

    #[test]
    fn hexadecimal_digits_have_one_spelling() {
        assert_eq!(unhex("00ff1a"), Some(vec![0, 255, 26]));
        for wrong in ["0", "0g", "FF", "00ff1", " 0"] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
