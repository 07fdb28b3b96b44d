//! SARIF 2.1.0 (OASIS), as code scanning reads it.

use super::{Report, faults::Fault, rules::RULES};
use serde_json::{Value, json};
use std::fmt::Write;

pub(super) fn log(report: &Report) -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": {"text": rule.short},
                "fullDescription": {"text": rule.short},
                "help": {"text": rule.help, "markdown": rule.help},
                "defaultConfiguration": {"level": rule.level},
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "bulkhead",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": report.findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn result(fault: &Fault) -> Value {
    let mut message = String::new();
    if !fault.field.is_empty() {
        message += &format!("{}: ", fault.field);
    }
    message += &fault.message;
    if let Some(suggestion) = &fault.suggestion {
        message += &format!("; {suggestion}");
    }
    let mut location = json!({"uri": uri(&fault.file)});
    if !fault.file.starts_with('/') {
        location["uriBaseId"] = json!("%SRCROOT%");
    }
    json!({
        "ruleId": fault.rule,
        "ruleIndex": RULES.iter().position(|rule| rule.id == fault.rule),
        "level": fault.severity,
        "message": {"text": message},
        "locations": [{"physicalLocation": {
            "artifactLocation": location,
            "region": {"startLine": fault.line.max(1), "startColumn": fault.column.max(1)},
        }}],
    })
}

/// RFC 3986: what is not unreserved, or a slash, is escaped.
fn uri(path: &str) -> String {
    let mut text = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(byte.into())
            }
            // Memory cannot fail to be written to.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_are_references_as_the_standard_writes_them() {
        assert_eq!(uri("./a b/ü.yaml"), "a%20b/%C3%BC.yaml");
        assert_eq!(uri("/x/y.yaml"), "file:///x/y.yaml");
    }
}
