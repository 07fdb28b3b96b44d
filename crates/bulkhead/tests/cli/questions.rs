//! Questions to files, on a laptop: documents, manifests of Kubernetes, results of scanners.

use crate::program::{self, code, json, seen, text};
use std::{fs, process::Output};

/// In the directory of the examples.
fn run(arguments: &[&str]) -> Output {
    program::run_in("docs/examples", arguments)
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn of(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        for (name, text) in files {
            fs::write(dir.path().join(name), text).expect("write");
        }
        Self(dir)
    }

    fn path(&self) -> String {
        self.0.path().to_string_lossy().into_owned()
    }
}

const LENGTHY: &str = "\
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis, namespace: shop}
spec:
  target: {service: redis}
  ingress:
    - from: [{service: api}]
      ports: [6379]
    - from: [{service: worker}]
      ports: [6379]
    - from: [{namespace: shop}]
      ports: [6379]
    - from: [{service: batch}]
      ports: [6380]
      expires: 2001-01-01
  egress: []
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis-again, namespace: shop}
spec:
  target: {service: redis}
  ingress:
    - from: [{service: api}]
      ports: [6379]
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: api, namespace: shop}
spec:
  target: {service: api}
  egress:
    - to: [{service: redis}]
      ports: [6379]
    - to: [{service: redis}]
      ports: [6380]
";

#[test]
fn the_smallest_policy_is_printed_and_what_changed_is_told() {
    let folder = Folder::of(&[("policy.yaml", LENGTHY)]);
    let output = run(&["policy", "minimise", "-f", &folder.path()]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    insta::assert_snapshot!("minimise", seen(&output));
    let smaller = Folder::of(&[("policy.yaml", &text(&output.stdout))]);
    let same = run(&["policy", "diff", &folder.path(), &smaller.path(), "-o", "json"]);
    assert_eq!(json(&same)["flows"].as_array().map(Vec::len), Some(0), "{}", text(&same.stdout));
    let difference = run(&["policy", "minimise", "-f", &folder.path(), "--diff"]);
    insta::assert_snapshot!("minimise_diff", seen(&difference));
    let again = run(&["policy", "minimise", "-f", &smaller.path(), "-o", "json"]);
    let again = json(&again);
    assert_eq!(again["rules_before"], again["rules_after"], "{again}");
}

#[test]
fn the_ways_of_an_attacker_are_told_with_what_to_close_first() {
    let scans = ["scan/api.grype.json", "scan/front.trivy.json"];
    let ask = |more: &[&str]| {
        let mut arguments = vec!["blast-radius", "-f", "policy", "--scan"];
        arguments.extend(scans);
        arguments.extend(more);
        run(&arguments)
    };
    let whole = ask(&[]);
    assert_eq!(code(&whole), 0, "{}", text(&whole.stderr));
    let said = text(&whole.stdout);
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    insta::assert_snapshot!("blast_radius_scan", seen(&whole));
    insta::assert_snapshot!("blast_radius_scan_to", seen(&ask(&["--to", "shop/db"])));
    assert_eq!(code(&run(&["blast-radius", "-f", "policy", "--scan", "policy/shop.yaml"])), 6);
}

#[test]
fn what_falls_with_a_service_is_told_without_a_server_as_number_list_and_graph() {
    let radius = run(&["blast-radius", "shop/web", "-f", "policy"]);
    assert_eq!(code(&radius), 0, "{}", text(&radius.stderr));
    insta::assert_snapshot!("blast_radius_files", seen(&radius));
    let ranking = json(&run(&["blast-radius", "-f", "policy", "-o", "json"]));
    let pairs = |field: &str| ranking[field].as_u64().expect("a number");
    assert!(pairs("pairs_under_policy") < pairs("pairs_now"), "{ranking}");
    let dot = text(&run(&["blast-radius", "shop/web", "-f", "policy", "--graph", "dot"]).stdout);
    assert!(dot.starts_with("digraph blast_radius {") && dot.contains("style=dashed"), "{dot}");
    let mermaid = text(&run(&["blast-radius", "shop/web", "-f", "policy", "--graph", "mermaid"]).stdout);
    assert!(mermaid.starts_with("graph LR") && mermaid.contains("-.->"), "{mermaid}");
    assert_eq!(code(&run(&["blast-radius", "shop/nobody", "-f", "policy"])), 5);
}

#[test]
fn a_candidate_is_a_third_side_of_the_blast_radius() {
    let candidate = Folder::of(&[(
        "web.yaml",
        "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {name: web, namespace: shop}\nspec:\n  \
         target: {service: web}\n  egress: []\n",
    )]);
    let answer =
        run(&["blast-radius", "shop/web", "-f", "policy", "--candidate", &candidate.path(), "-o", "json"]);
    let answer = json(&answer);
    assert_eq!(answer["under_candidate"]["count"]["services"], 0, "{answer}");
    assert!(answer["under_policy"]["count"]["services"].as_u64() > Some(0), "{answer}");
}

/// A web server, a database and a policy of Kubernetes between them.
const MANIFESTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, ports: [{name: pg, containerPort: 5432}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: pg}]}]
";

#[test]
fn every_question_can_be_asked_of_policies_of_kubernetes() {
    let folder = Folder::of(&[("shop.yaml", MANIFESTS)]);
    let path = folder.path();
    let explained =
        |port| run(&["policy", "explain", "-f", &path, "--from", "shop/web", "--to", "shop/db", "-p", port]);
    let allowed = explained("5432");
    assert_eq!(code(&allowed), 0, "{}", seen(&allowed));
    assert!(text(&allowed.stdout).contains("shop/db ingress[0]"), "{}", text(&allowed.stdout));
    assert_eq!(code(&explained("22")), 1, "its ports are those of the workload");
    let who = json(&run(&["policy", "who-can-reach", "shop/db", "-f", &path, "-o", "json"]));
    let direct: Vec<&str> =
        who["direct"].as_array().expect("a list").iter().filter_map(|r| r["peer"]["name"].as_str()).collect();
    assert_eq!(direct, ["shop/web"], "{who}");
    assert_eq!(
        code(&run(&["policy", "reach", "--from", "world", "--to", "shop/db", "-f", &path])),
        1,
        "over web"
    );
    let claims = Folder::of(&[(
        "claims.yaml",
        "apiVersion: bulkhead.dev/v1alpha1\nkind: Assertions\nmetadata: {name: db}\nspec:\n  - name: only web\n    only: \
         {from: [{service: shop/web}], to: [{service: shop/db}], ports: [5432]}\n",
    )]);
    let verified = run(&["policy", "verify", &claims.path(), "-f", &path]);
    assert_eq!(code(&verified), 0, "{}", seen(&verified));
    let wider = MANIFESTS.replace(", ports: [{port: pg}]", "");
    let wider = Folder::of(&[("shop.yaml", &wider)]);
    assert_eq!(code(&run(&["policy", "verify", &claims.path(), "-f", &wider.path()])), 1);
    let difference = json(&run(&["policy", "diff", &path, &wider.path(), "-o", "json"]));
    let flows = difference["flows"].as_array().expect("a list");
    assert_eq!(flows.len(), 1, "{difference}");
    assert_eq!(
        (flows[0]["client"]["name"].as_str(), flows[0]["lost"].as_str()),
        (Some("shop/web"), Some(""))
    );
    let export = run(&["policy", "export", "--to", "cilium", "--prove", "-f", &path]);
    assert_eq!(code(&export), 0, "{}", seen(&export));
}

#[test]
fn a_workload_that_comes_or_goes_is_a_difference_and_a_label_that_moves_is_none() {
    let before = Folder::of(&[("shop.yaml", MANIFESTS)]);
    let renamed = Folder::of(&[("shop.yaml", &MANIFESTS.replace("app: web", "app: front"))]);
    let difference = run(&["policy", "diff", &before.path(), &renamed.path(), "-o", "json"]);
    assert_eq!(json(&difference)["flows"].as_array().map(Vec::len), Some(0), "{}", text(&difference.stdout));
    let cron = "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: report, namespace: shop}\nspec: {jobTemplate: \
                {spec: {template: {spec: {containers: [{name: c}]}}}}}\n";
    let more = Folder::of(&[("shop.yaml", &(MANIFESTS.to_owned() + cron))]);
    let difference = json(&run(&["policy", "diff", &before.path(), &more.path(), "-o", "json"]));
    let flows = difference["flows"].as_array().expect("a list");
    assert!(!flows.is_empty(), "{difference}");
    for flow in flows {
        let ends = [&flow["client"]["name"], &flow["server"]["name"]];
        assert!(ends.iter().any(|name| **name == "shop/report") && flow["lost"] == "", "{flow}");
    }
}

#[test]
fn labels_are_suspicious_only_where_manifests_tell_them() {
    let document = "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {name: db, namespace: shop}\n\
                    spec:\n  target: {namespace: shop, selector: {matchLabels: {app: bd}}}\n  ingress: []\n";
    let alone = Folder::of(&[("own.yaml", document)]);
    assert_eq!(code(&run(&["policy", "lint", "-f", &alone.path()])), 0);
    assert_eq!(code(&run(&["policy", "check", &alone.path(), "--strict"])), 0);
    let workloads = MANIFESTS.split("---\napiVersion: networking").next().expect("the workloads");
    let beside = Folder::of(&[("own.yaml", document), ("shop.yaml", workloads)]);
    let lint = run(&["policy", "lint", "-f", &beside.path()]);
    assert_eq!(code(&lint), 1);
    assert!(text(&lint.stdout).contains("did you mean 'db'?"), "{}", text(&lint.stdout));
}

#[test]
fn suspicious_policies_of_kubernetes_are_found_with_their_places() {
    let wrong = MANIFESTS
        .replace("port: pg", "port: psql")
        .replace("matchLabels: {app: web}", "matchLabels: {app: wbe}");
    let folder = Folder::of(&[("shop.yaml", &wrong)]);
    let lint = run(&["policy", "lint", "-f", &folder.path()]);
    assert_eq!(code(&lint), 1);
    let said = text(&lint.stdout);
    for part in ["shop.yaml:22:", "did you mean app=web?", "no workload has a port named 'psql'"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn flows_tell_lint_which_rules_are_used() {
    let document = "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {name: redis, namespace: shop}\n\
                    spec:\n  target: {service: redis}\n  ingress:\n    - from: [{service: api}]\n      ports: [6379]\n    \
                    - from: [{service: nobody}]\n      ports: [6379]\n  egress: []\n";
    let folder = Folder::of(&[("redis.yaml", document)]);
    let flows = Folder::of(&[("flows.csv", "client,server,port\nshop/api,shop/redis,6379\n")]);
    let flows = format!("{}/flows.csv", flows.path());
    let lint = json(&run(&["policy", "lint", "-f", &folder.path(), "--flows", &flows, "-o", "json"]));
    assert!(lint.is_array(), "{lint}");
}
