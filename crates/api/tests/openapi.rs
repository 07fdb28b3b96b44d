//! The checked-in document is the one that the types make.

use std::{collections::BTreeSet, fs, path::Path};

fn document() -> String {
    let mut text = serde_json::to_string_pretty(&bulkhead_api::openapi()).expect("serialises");
    text.push('\n');
    text
}

#[test]
fn the_checked_in_openapi_document_is_not_stale() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let made = document();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, &made).expect("writable");
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        made == checked_in,
        "crates/api/openapi.json is stale: run `UPDATE_OPENAPI=1 cargo test -p bulkhead-api` and commit it"
    );
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document: serde_json::Value = serde_json::from_str(&document()).expect("JSON");
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("local");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn collect(value: &serde_json::Value, into: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => {
            if let Some(reference) = map.get("$ref").and_then(|r| r.as_str()) {
                into.insert(reference.to_owned());
            }
            map.values().for_each(|v| collect(v, into));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|v| collect(v, into)),
        _ => {}
    }
}

#[test]
fn endpoints_have_unique_identifiers_and_places() {
    let mut ids = BTreeSet::new();
    let mut places = BTreeSet::new();
    for endpoint in bulkhead_api::ENDPOINTS {
        assert!(ids.insert(endpoint.id), "{}", endpoint.id);
        assert!(places.insert((endpoint.method, endpoint.path)), "{endpoint:?}");
    }
}
