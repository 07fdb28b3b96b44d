//! What `-o json` and `-o yaml` answer: every command, and always the same fields.

use crate::{
    program::{code, in_repository, json, said, text},
    shop::{POLICY, Shop},
};
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write};

/// Lists that fill at their own pace.
const LATER: [&str; 3] = ["curve", "points", "timeline"];

/// The names of the fields, two levels deep: what scripts hold on to.
fn shape(value: &Value) -> String {
    let names = |value: &Value| match value {
        Value::Object(fields) => fields.keys().cloned().collect::<BTreeSet<String>>(),
        Value::Array(items) => {
            items.iter().filter_map(Value::as_object).flat_map(|item| item.keys().cloned()).collect()
        }
        _ => BTreeSet::new(),
    };
    let join = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(" ");
    match value {
        Value::Object(fields) => {
            let mut lines = String::new();
            for (name, field) in fields {
                let inner = if LATER.contains(&&**name) { String::new() } else { join(names(field)) };
                let _ = match (field, inner.is_empty()) {
                    (Value::Array(_), false) => write!(lines, "\n  {name}[]: {inner}"),
                    (_, false) => write!(lines, "\n  {name}: {inner}"),
                    (_, true) => write!(lines, "\n  {name}"),
                };
            }
            lines
        }
        list => format!(" a list\n  []: {}", join(names(list))),
    }
}

/// Every command with every field that it has, and what is in them.
fn fields(told: &str) -> BTreeSet<String> {
    let mut command = "";
    let mut fields = BTreeSet::new();
    for line in told.lines() {
        let Some(field) = line.strip_prefix("  ") else {
            command = line;
            continue;
        };
        let (name, inner) = field.split_once(": ").unwrap_or((field, ""));
        fields.insert(format!("{command} {name}"));
        fields.extend(
            inner.split(' ').filter(|i| !i.is_empty()).map(|inner| format!("{command} {name} {inner}")),
        );
    }
    fields
}

/// No field of what was noted is gone; new ones may come. Note them with `UPDATE_SHAPES=1`.
fn assert_kept(name: &str, told: &str) {
    let path = in_repository("crates/bulkhead/tests/cli/shapes").join(name).with_extension("txt");
    if std::env::var_os("UPDATE_SHAPES").is_some() {
        std::fs::write(&path, told).expect("it can be written");
    }
    let noted = std::fs::read_to_string(&path).expect("it is there");
    let (noted, now) = (fields(&noted), fields(told));
    assert!(noted.len() > 100, "{noted:?}");
    let gone: Vec<&String> = noted.difference(&now).collect();
    assert!(gone.is_empty(), "scripts hold on to these: {gone:#?}");
}

/// Asks as JSON and as YAML; both say the same. Adds the shape to `told`.
async fn same(shop: &Shop, told: &mut String, arguments: &[&str]) -> Value {
    let ask = async |format| shop.run(&[arguments, &["-o", format]].concat()).await;
    let output = ask("json").await;
    assert!(matches!(code(&output), 0 | 1), "{arguments:?}: {}", said(&output));
    let value = json(&output);
    let yaml = ask("yaml").await;
    let from_yaml: Value = serde_saphyr::from_str(&text(&yaml.stdout)).expect("YAML");
    assert_eq!(shape(&value), shape(&from_yaml), "{arguments:?}");
    let _ = writeln!(told, "bulkhead {}:{}", arguments.join(" "), shape(&value));
    value
}

/// Does something, once, and adds the shape of the answer to `told`.
async fn done(shop: &Shop, told: &mut String, arguments: &[&str], ends_with: i32) -> Value {
    let output = shop.run(&[arguments, &["-o", "json"]].concat()).await;
    assert_eq!(code(&output), ends_with, "{arguments:?}: {}", said(&output));
    let value = json(&output);
    let _ = writeln!(told, "bulkhead {}:{}", arguments.join(" "), shape(&value));
    value
}

const OUTPUTS: &str = "\
outputs:
  - {name: chat, enabled: true, min_severity: critical, target: {kind: webhook, url: 'http://127.0.0.1:1/x'}}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_that_asks_answers_in_the_shape_that_scripts_know() {
    let shop = Shop::open().await;
    let policy = shop.file("redis.yaml", POLICY);
    let policy = policy.to_str().expect("UTF-8");
    shop.text(&["policy", "apply", "-f", policy, "--yes"]).await;
    shop.until(&["edges", "-o", "json"], |list| !list["items"][0].is_null()).await;
    let claims = in_repository("docs/examples/assertions/shop.yaml");
    let claims = claims.to_str().expect("UTF-8");
    let mut told = String::new();
    for arguments in [
        &["status"][..],
        &["services"],
        &["services", "shop/redis"],
        &["graph"],
        &["edges"],
        &["history"],
        &["events", "-t", "policy-changed"],
        &["policy", "list"],
        &["policy", "effective", "shop/redis"],
        &["policy", "history"],
        &["policy", "export"],
        &["policy", "diff", "-f", "POLICY"],
        &["policy", "explain", "--from", "shop/web", "--to", "shop/redis", "-p", "6379"],
        &["policy", "simulate", "-f", "POLICY"],
        &["policy", "try", "show"],
        &["policy", "proposals"],
        &["policy", "reach", "--from", "shop/web", "--to", "shop/redis"],
        &["policy", "who-can-reach", "shop/redis"],
        &["policy", "lint"],
        &["policy", "minimise"],
        &["policy", "verify", "CLAIMS"],
        &["policy", "check", "POLICY"],
        &["mode", "shop/redis", "monitor", "--dry-run"],
        &["promote", "shop/redis", "--dry-run"],
        &["automation"],
        &["automation", "shop/redis"],
        &["review"],
        &["blast-radius"],
        &["blast-radius", "shop/web"],
        &["report", "key"],
        &["report", "zones"],
        &["token", "list"],
        &["audit"],
        &["audit", "verify"],
        &["outputs"],
        &["settings"],
        &["check"],
    ] {
        let named: Vec<&str> = arguments
            .iter()
            .map(|argument| match *argument {
                "POLICY" => policy,
                "CLAIMS" => claims,
                other => other,
            })
            .collect();
        same(&shop, &mut told, &named).await;
    }
    assert_kept("asked", &told.replace(policy, "redis.yaml").replace(claims, "claims.yaml"));
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_that_changes_something_says_as_data_what_became_of_it() {
    let shop = Shop::open().await;
    let policy = shop.file("redis.yaml", POLICY);
    let policy = policy.to_str().expect("UTF-8");
    let outputs = shop.file("outputs.yaml", OUTPUTS);
    let mut told = String::new();
    let told_of = &mut told;

    done(&shop, told_of, &["policy", "apply", "-f", policy, "--yes"], 0).await;
    let deleted = done(&shop, told_of, &["policy", "delete", "shop/redis", "--yes"], 0).await;
    assert_eq!(deleted["items"][0]["changes"][0]["action"], "deleted");
    let revision = shop.json(&["policy", "history", "-o", "json"]).await["items"][0]["revision"].to_string();
    done(&shop, told_of, &["policy", "restore", &revision, "--yes"], 0).await;

    let mut decided = Vec::new();
    for decision in ["accept", "reject", "withdraw"] {
        let made = done(&shop, told_of, &["policy", "apply", "-f", policy, "--propose"], 0).await;
        let id = made["id"].as_str().expect("a number").to_owned();
        let answer = done(&shop, told_of, &["policy", "proposals", decision, &id], 0).await;
        decided.push(answer["state"].clone());
    }
    assert_eq!(decided, ["accepted", "rejected", "withdrawn"]);

    let begun = done(&shop, told_of, &["policy", "try", "-f", policy], 0).await;
    let id = begun["id"].as_str().expect("a number").to_owned();
    let stopped = done(&shop, told_of, &["policy", "try", "stop", &id], 0).await;
    assert_eq!(stopped["state"], "stopped");
    let removed = done(&shop, told_of, &["policy", "try", "stop", &id], 0).await;
    assert_eq!(removed["id"], stopped["id"], "as it was");

    done(&shop, told_of, &["mode", "shop/redis", "monitor", "--yes"], 0).await;
    done(&shop, told_of, &["quarantine", "shop/redis"], 0).await;
    done(&shop, told_of, &["quarantine", "shop/redis", "--lift"], 0).await;
    let on = done(&shop, told_of, &["automation", "shop/redis", "on"], 0).await;
    assert_eq!(on["automation"]["automatic"], true);
    let asked = shop.json(&["automation", "shop/redis", "-o", "json"]).await;
    assert_eq!(asked["automation"]["automatic"], true, "asking switches nothing off");
    shop.until(&["review", "--all", "-o", "json"], |queue| !queue["items"][0].is_null()).await;
    for decision in ["accept", "attack"] {
        done(&shop, told_of, &["review", decision, "--service", "shop/*", "--dry-run"], 0).await;
    }
    done(&shop, told_of, &["review", "reject", "--service", "shop/*"], 0).await;
    let undone = done(&shop, told_of, &["review", "undo", "--service", "shop/*", "--decided"], 0).await;
    assert!(undone["decided"].as_u64().is_some_and(|count| count > 0), "{undone}");

    let created = done(&shop, told_of, &["token", "create", "ci"], 0).await;
    let id = created["id"].as_str().expect("a number").to_owned();
    // The second is not there: the first is revoked all the same, and told.
    let output = shop.run(&["token", "revoke", &id, "no-such-token", "-o", "json"]).await;
    assert_eq!(code(&output), 5, "{}", said(&output));
    let revoked = json(&output);
    assert_eq!(revoked["items"].as_array().map(Vec::len), Some(1), "{revoked}");
    assert_eq!(revoked["items"][0]["name"], "ci");
    let _ = writeln!(told_of, "bulkhead token revoke:{}", shape(&revoked));

    done(&shop, told_of, &["outputs", "set", "-f", outputs.to_str().expect("UTF-8")], 0).await;
    let test = done(&shop, told_of, &["outputs", "test", "chat"], 1).await;
    assert_eq!(test["delivered"], false, "nobody listens there");
    done(&shop, told_of, &["settings", "set", "retention.event_days=60"], 0).await;

    let state = shop.state.path().to_string_lossy().into_owned();
    assert_kept(
        "changed",
        &told.replace(&state, "STATE").replace(&format!("restore {revision}"), "restore REVISION"),
    );
    shop.controller.stop().await;
}
