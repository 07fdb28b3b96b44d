//! The commands against a real controller in this process.

use crate::{
    program::{code, said, text},
    shop::{POLICY, Shop},
};
use serde_json::Value;
use std::{fs, process::Stdio};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_show_the_shop_as_tables_that_fit_and_as_data() {
    let shop = Shop::open().await;
    let status = shop.text(&["status"]).await;
    assert!(status.contains("host-a") && status.contains("'exporter' is seen but not confined"), "{status}");
    for list in [
        &["status"][..],
        &["services"],
        &["services", "shop/redis"],
        &["edges"],
        &["graph"],
        &["events"],
        &["history"],
        &["policy", "list"],
        &["policy", "history"],
        &["policy", "effective", "shop/redis"],
        &["policy", "who-can-reach", "shop/redis"],
        &["mode", "shop/redis", "monitor", "--dry-run"],
        &["review"],
        &["blast-radius"],
        &["automation"],
        &["report", "zones"],
        &["token", "list"],
        &["audit"],
        &["outputs"],
    ] {
        for columns in [60, 80] {
            let mut command = shop.command(list);
            command.env("COLUMNS", columns.to_string());
            let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
            let output = output.expect("the binary starts");
            assert_eq!(code(&output), 0, "{list:?}: {}", said(&output));
            let table = text(&output.stdout);
            assert!(
                table.lines().all(|line| line.chars().count() <= columns),
                "{columns}: {list:?}\n{table}"
            );
            assert!(!table.contains('\x1b'), "{list:?}");
        }
    }
    let services = shop.json(&["services", "-o", "json"]).await;
    let names: Vec<_> =
        services["items"].as_array().expect("a list").iter().map(|s| s["name"].clone()).collect();
    assert_eq!(names, ["shop/redis", "shop/web"]);
    let edges = shop.until(&["edges", "-o", "json"], |list| !list["items"][0].is_null()).await;
    assert_eq!(edges["items"][0]["port"], 6379);
    let yaml = shop.text(&["edges", "-o", "yaml"]).await;
    let same: Value = serde_saphyr::from_str(&yaml).expect("YAML");
    assert_eq!(same["items"][0]["id"], edges["items"][0]["id"]);
    assert!(shop.text(&["graph", "-o", "dot"]).await.starts_with("digraph bulkhead {"));
    assert!(shop.text(&["graph", "-o", "mermaid"]).await.starts_with("graph LR"));
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_are_applied_explained_and_taken_back() {
    let shop = Shop::open().await;
    let file = shop.file("redis.yaml", POLICY);
    let path = file.to_str().expect("UTF-8");
    assert_eq!(code(&shop.run(&["policy", "diff", "-f", path]).await), 1, "it is new");
    shop.text(&["policy", "apply", "-f", path, "--yes"]).await;
    assert_eq!(code(&shop.run(&["policy", "diff", "-f", path]).await), 0, "now it is the same");
    assert!(shop.text(&["policy", "show", "shop/redis"]).await.contains("SegmentationPolicy"));
    assert!(shop.text(&["policy", "effective", "shop/redis"]).await.contains("shop/web"));
    shop.text(&["mode", "shop/redis", "enforce", "--yes"]).await;

    let asked = |from: &'static str| {
        ["policy", "explain", "--from", from, "--to", "shop/redis", "--port", "6379", "--quiet"]
    };
    assert_eq!(code(&shop.run(&asked("shop/web")).await), 0);
    assert_eq!(code(&shop.run(&asked("world")).await), 1);
    let reach = shop.run(&["policy", "reach", "--from", "shop/web", "--to", "shop/redis"]).await;
    assert_eq!(code(&reach), 1, "{}", said(&reach));
    assert!(shop.text(&["policy", "who-can-reach", "shop/redis"]).await.contains("shop/web"));

    shop.text(&["policy", "delete", "shop/redis", "--yes"]).await;
    let history = shop.json(&["policy", "history", "-o", "json"]).await;
    assert!(history["items"].as_array().is_some_and(|items| items.len() >= 2), "{history}");
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_compared_with_the_policy_in_force_and_judged_by_what_was_seen() {
    let shop = Shop::open().await;
    let inside = shop.file("redis.yaml", POLICY);
    let inside = inside.to_str().expect("UTF-8");
    shop.text(&["policy", "apply", "-f", inside, "--yes"]).await;
    shop.until(&["edges", "-o", "json"], |list| !list["items"][0].is_null()).await;
    let candidate = shop.file("candidate.yaml", &POLICY.replace("ports: [6379]", "ports: [6380]"));
    let candidate = candidate.to_str().expect("UTF-8");

    let check = |path| ["policy", "check", path, "--base", "server", "--flows", "recorded", "-o", "json"];
    let output = shop.run(&check(candidate)).await;
    assert_eq!(code(&output), 1, "{}", said(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["difference"]["base"], "server");
    let flow = &report["difference"]["flows"][0];
    assert_eq!(
        (flow["gained"].as_str(), flow["lost"].as_str()),
        (Some("tcp/6380"), Some("tcp/6379")),
        "{report}"
    );
    assert_eq!(report["simulation"]["expected_denials"]["edges"], 1, "{report}");
    assert_eq!(report["findings"][0]["rule"], "flow-denied", "{report}");
    let same = shop.run(&check(inside)).await;
    assert_eq!(code(&same), 0, "{}{}", String::from_utf8_lossy(&same.stdout), said(&same));
    let report: Value = serde_json::from_slice(&same.stdout).expect("JSON");
    assert_eq!(report["difference"]["flows"].as_array().map(Vec::len), Some(0), "{report}");

    shop.text(&["mode", "shop/redis", "enforce", "--yes"]).await;
    let simulate = |path| ["policy", "simulate", "-f", path, "--flows", "recorded", "-o", "json"];
    // What was learned would still allow what the candidate merely leaves out.
    assert_eq!(code(&shop.run(&simulate(candidate)).await), 0);
    let denying = shop.file("denying.yaml", &POLICY.replace("- from:", "- action: deny\n      from:"));
    let output = shop.run(&simulate(denying.to_str().expect("UTF-8"))).await;
    assert_eq!(code(&output), 1, "{}", said(&output));
    let simulation: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let change = &simulation["changes"][0];
    assert_eq!(
        (change["before"].as_str(), change["after"].as_str()),
        (Some("allowed"), Some("denied")),
        "{simulation}"
    );
    assert_eq!(change["edge"]["port"], 6379);
    assert!(change["last_seen"].as_u64().is_some_and(|time| time > 0), "{simulation}");
    assert_eq!(code(&shop.run(&simulate(inside)).await), 0);

    let blast = ["blast-radius", "shop/web", "--candidate", candidate, "-o", "json"];
    let blast = shop.json(&blast).await;
    assert!(blast["under_candidate"]["count"]["services"].is_u64(), "{blast}");
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_document_is_refused_with_its_file_line_and_column() {
    let shop = Shop::open().await;
    let good = shop.file("a.yaml", POLICY);
    let wrong =
        shop.file("b.yaml", &POLICY.replace("ports:", "prots:").replace("name: redis", "name: other"));
    let files = [good.to_str().expect("UTF-8"), wrong.to_str().expect("UTF-8")];
    let output = shop.run(&["policy", "apply", "--yes", "-f", files[0], "-f", files[1]]).await;
    assert_eq!(code(&output), 6, "{}", said(&output));
    assert!(said(&output).contains("b.yaml:8:"), "{}", said(&output));
    let list = shop.json(&["policy", "list", "-o", "json"]).await;
    let user = list["items"].as_array().expect("a list").iter().filter(|p| p["origin"] == "user").count();
    assert_eq!(user, 0, "nothing is half applied: {list}");
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mode_is_previewed_changed_and_quarantine_is_lifted() {
    let shop = Shop::open().await;
    let preview = shop.run(&["mode", "shop/redis", "enforce", "--dry-run", "-o", "json"]).await;
    let preview: Value = serde_json::from_slice(&preview.stdout).expect("JSON");
    assert_eq!(preview["to"], "enforce");
    let mode = async || shop.json(&["services", "shop/redis", "-o", "json"]).await["mode"].clone();
    assert_eq!(mode().await, "learn", "a dry run changes nothing");
    shop.text(&["mode", "shop/redis", "monitor", "--yes"]).await;
    assert_eq!(mode().await, "monitor");
    shop.text(&["quarantine", "shop/redis", "--reason", "test"]).await;
    assert_eq!(mode().await, "quarantine");
    shop.text(&["quarantine", "shop/redis", "--lift"]).await;
    assert_eq!(mode().await, "monitor");
    shop.text(&["automation", "shop/redis", "on", "--profile", "strict"]).await;
    let service = shop.json(&["services", "shop/redis", "-o", "json"]).await;
    assert_eq!(service["automation"]["profile"], "strict");
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_and_what_is_not_permitted_have_their_own_codes() {
    let shop = Shop::open().await;
    assert_eq!(code(&shop.run(&["services", "shop/nobody"]).await), 5);
    assert_eq!(code(&shop.run(&["policy", "show", "shop/nothing"]).await), 5);
    let wrong = shop.run(&["status", "--token", "bh_wrong"]).await;
    assert_eq!(code(&wrong), 4, "{}", said(&wrong));

    let output = shop.run(&["token", "create", "reader", "--role", "viewer"]).await;
    let secret = String::from_utf8(output.stdout.clone()).expect("UTF-8").trim().to_owned();
    assert!(secret.starts_with("bh_") && !secret.contains('\n'), "the secret alone on standard output");
    assert_eq!(code(&shop.run(&["status", "--token", &secret]).await), 0);
    let refused = shop.run(&["mode", "shop/redis", "monitor", "--yes", "--token", &secret]).await;
    assert_eq!(code(&refused), 4, "{}", said(&refused));
    assert!(said(&refused).contains("what to do:"), "{}", said(&refused));

    let tokens = shop.json(&["token", "list", "-o", "json"]).await;
    assert!(!tokens.to_string().contains(&secret), "secrets are never listed");
    let token =
        tokens["items"].as_array().expect("a list").iter().find(|t| t["name"] == "reader").expect("listed");
    shop.text(&["token", "revoke", token["id"].as_str().expect("text")]).await;
    assert_eq!(code(&shop.run(&["status", "--token", &secret]).await), 4);
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_audit_review_and_blast_radius_answer() {
    let shop = Shop::open().await;
    shop.text(&["settings", "set", "retention.event_days=60"]).await;
    assert_eq!(shop.json(&["settings", "-o", "json"]).await["retention"]["event_days"], 60);
    assert_eq!(code(&shop.run(&["settings", "set", "no.such=1"]).await), 2);
    assert_eq!(code(&shop.run(&["settings", "set", "retention.event_days=0"]).await), 6);
    let audit = shop.text(&["audit"]).await;
    assert!(audit.contains("admin"), "{audit}");
    let verification = shop.json(&["audit", "verify", "-o", "json"]).await;
    assert_eq!(verification["intact"], true);
    let head = verification["head"].as_str().expect("text").to_owned();
    assert_eq!(code(&shop.run(&["audit", "verify", "--head", &head]).await), 0);
    assert_eq!(code(&shop.run(&["audit", "verify", "--head", "0000"]).await), 1);
    shop.text(&["review"]).await;
    shop.text(&["outputs"]).await;
    assert!(shop.text(&["blast-radius"]).await.contains("shop/web"));
    assert!(shop.text(&["blast-radius", "shop/web"]).await.contains("shop/redis"));
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_followed_as_they_happen() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let shop = Shop::open().await;
    let mut command =
        tokio::process::Command::from(shop.command(&["events", "-f", "-o", "json", "-t", "mode-changed"]));
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    shop.text(&["mode", "shop/redis", "monitor", "--yes"]).await;
    let line = lines.next_line().await.expect("readable").expect("an event");
    let event: Value = serde_json::from_str(&line).expect("one object a line");
    assert_eq!((&event["type"], &event["to"]), (&"mode-changed".into(), &"monitor".into()));
    child.kill().await.expect("it was running");
    shop.controller.stop().await;
}

const OUTPUTS: &str = "\
outputs:
  - name: chat
    target:
      kind: webhook
      url: 'https://hook-user:hook-password@hooks.example.com/hook-path'
      secret: hook-secret
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_support_bundle_holds_no_token_and_no_secret_of_an_output() {
    let shop = Shop::open().await;
    let outputs = shop.file("outputs.yaml", OUTPUTS);
    shop.text(&["outputs", "set", "-f", outputs.to_str().expect("UTF-8")]).await;
    let made = shop.text(&["token", "create", "ci"]).await;
    // Its state says what it says, whoever may look over a shoulder.
    assert!(!shop.text(&["outputs"]).await.contains("hook-"), "addresses of webhooks are secrets");
    let path = shop.state.path().join("bundle.tar.gz");
    shop.text(&["support-bundle", "-o", path.to_str().expect("UTF-8")]).await;
    let secret =
        fs::read_to_string(shop.state.path().join("admin.token")).expect("readable").trim().to_owned();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(&path).expect("open")));
    let mut names = Vec::new();
    for entry in archive.entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        names.push(entry.path().expect("a path").display().to_string());
        let mut text = String::new();
        std::io::Read::read_to_string(&mut entry, &mut text).expect("text");
        for secret in
            [&*secret, made.trim(), "hook-user", "hook-password", "hook-path", "hook-secret", "PRIVATE KEY"]
        {
            assert!(!text.contains(secret), "{secret} is in {names:?}");
        }
    }
    for name in ["status.json", "services.json", "edges.json", "events.json", "policies.json", "metrics.txt"]
    {
        assert!(names.contains(&format!("bulkhead-support/{name}")), "{name} is not in {names:?}");
    }
    shop.controller.stop().await;
}
