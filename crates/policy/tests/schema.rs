//! The JSON Schema that editors use takes what the reader takes, and the file in `docs` is the one in the code.

#[path = "support/random.rs"]
mod random;

use bulkhead_policy::document::json_schema;
use random::{Random, policy_set};
use serde_json::Value;
use std::{fs, path::PathBuf};

fn schema() -> Value {
    serde_json::to_value(json_schema()).expect("a tree is JSON")
}

/// As much of a validator as the schema uses: `Err` says where and why.
fn check(root: &Value, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let fail = |why: &str| Err(format!("{path}: {why}"));
    let Value::Object(rules) = schema else { return fail("not a schema") };
    for (keyword, rule) in rules {
        match keyword.as_str() {
            "$ref" => {
                let name =
                    rule.as_str().and_then(|text| text.strip_prefix("#/$defs/")).expect("a local name");
                let found = root["$defs"].get(name).unwrap_or_else(|| panic!("no definition of {name}"));
                check(root, found, value, path)?;
            }
            "type" => {
                let is = |name: &Value| match name.as_str().expect("a name") {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "number" => value.is_number(),
                    "integer" => value.is_i64(),
                    "boolean" => value.is_boolean(),
                    other => panic!("type {other}"),
                };
                let fits = rule.as_array().map_or_else(|| is(rule), |names| names.iter().any(is));
                if !fits {
                    return fail(&format!("not {rule}"));
                }
            }
            "const" if value != rule => return fail("another constant"),
            "enum" if !rule.as_array().expect("a list").contains(value) => return fail("none of the words"),
            "required" => {
                for name in rule.as_array().expect("a list") {
                    if value.get(name.as_str().expect("a name")).is_none() {
                        return fail(&format!("{name} is missing"));
                    }
                }
            }
            "properties" => {
                for (name, of) in rule.as_object().expect("a map") {
                    if let Some(inner) = value.get(name) {
                        check(root, of, inner, &format!("{path}.{name}"))?;
                    }
                }
            }
            "additionalProperties" => {
                for (name, inner) in value.as_object().into_iter().flatten() {
                    let known = rules.get("properties").is_some_and(|known| known.get(name).is_some());
                    match rule {
                        Value::Bool(false) if !known => return fail(&format!("{name} is unknown")),
                        Value::Object(_) if !known => check(root, rule, inner, &format!("{path}.{name}"))?,
                        _ => {}
                    }
                }
            }
            "items" => {
                for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, inner, &format!("{path}[{index}]"))?;
                }
            }
            "minItems" => {
                if value
                    .as_array()
                    .is_some_and(|items| (items.len() as u64) < rule.as_u64().expect("a number"))
                {
                    return fail("too few items");
                }
            }
            "anyOf" | "oneOf" => {
                let forms = rule.as_array().expect("a list");
                let fitting = forms.iter().filter(|form| check(root, form, value, path).is_ok()).count();
                if fitting == 0 || (keyword == "oneOf" && fitting > 1) {
                    return fail(&format!("{fitting} forms fit"));
                }
            }
            // A pattern is a hint for people here; the reader decides.
            "const" | "enum" | "$schema" | "$id" | "$defs" | "title" | "description" | "pattern" => {}
            other => panic!("the schema uses {other}, which this test does not know"),
        }
    }
    Ok(())
}

#[test]
fn the_schema_takes_every_random_document() {
    let root = schema();
    let mut random = Random::seeded("schema");
    for _ in 0..200 {
        for document in policy_set(&mut random).documents() {
            let value = serde_json::to_value(document.to_tree()).expect("a tree is JSON");
            check(&root, &root, &value, "document")
                .unwrap_or_else(|why| panic!("{why}\n{}", document.to_yaml()));
        }
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let root = schema();
    let sound = serde_json::json!({
        "apiVersion": "bulkhead.dev/v1alpha1",
        "kind": "SegmentationPolicy",
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": {"target": {"service": "redis"}, "ingress": [{"from": ["any"], "ports": [80]}]},
    });
    check(&root, &root, &sound, "document").expect("sound");
    for (pointer, wrong) in [
        ("/kind", serde_json::json!("Policy")),
        ("/spec/target", serde_json::json!({"servce": "redis"})),
        ("/spec/mode", serde_json::json!("enforced")),
        ("/spec/ingress/0", serde_json::json!({"ports": [80]})),
        ("/spec/ingress/0", serde_json::json!({"to": ["any"]})),
        ("/spec/ingress/0/from/0", serde_json::json!("wrld")),
        ("/spec/ingress/0/from/0", serde_json::json!({"cidr": "10.0.0.0/8", "name": "a.example"})),
        ("/spec/ingress/0/ports", serde_json::json!([])),
        ("/spec/ingress/0/applications", serde_json::json!(["postgres"])),
    ] {
        let mut broken = sound.clone();
        let (parent, key) = pointer.rsplit_once('/').expect("a path");
        let place = broken.pointer_mut(parent).expect("a place");
        match place {
            Value::Array(items) => items[key.parse::<usize>().expect("an index")] = wrong.clone(),
            place => place[key] = wrong.clone(),
        }
        assert!(check(&root, &root, &broken, "document").is_err(), "{pointer} {wrong}");
        let text = broken.to_string();
        let (_, errors) =
            bulkhead_policy::document::read("x", &text, bulkhead_policy::ReadOptions::default());
        assert!(!errors.is_empty(), "{text}");
    }
}

#[test]
fn the_schema_file_is_the_one_in_the_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/policy.schema.json");
    let wanted = serde_json::to_string_pretty(&json_schema()).expect("a tree is JSON") + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &wanted).expect("written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        found, wanted,
        "stale; UPDATE_SCHEMA=1 cargo test -p bulkhead-policy --test schema rewrites it"
    );
}
