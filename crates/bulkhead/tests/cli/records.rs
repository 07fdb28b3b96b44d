//! Yesterday's logs, without a server: learned, judged, and checked in a pipeline.

use crate::program::{self, clean, code, in_repository, json, text};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn root() -> PathBuf {
    in_repository("")
}

/// In the directory of the samples.
fn run(arguments: &[&str]) -> Output {
    program::run_in("docs/examples/flows", arguments)
}

fn command(program: &str, dir: &Path) -> Command {
    let mut command = clean(program);
    command.current_dir(dir);
    command
}

#[test]
fn what_a_log_tells_fits_80_columns_and_says_what_stays_undecided() {
    let output = run(&["learn", "-f", "hubble.jsonl"]);
    assert_eq!(code(&output), 1, "a line cannot be read: {}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    insta::assert_snapshot!("learn_hubble", said);
    let named = text(&run(&["learn", "-f", "vpc-v2.txt", "--names", "names.csv"]).stdout);
    insta::assert_snapshot!("learn_vpc", named);
    let unnamed = text(&run(&["learn", "-f", "vpc-v2.txt"]).stdout);
    assert!(unnamed.contains("nothing says") && unnamed.contains("Proposed: 0 documents"), "{unnamed}");
}

#[test]
fn every_sample_is_learned_and_what_is_proposed_allows_what_was_seen() {
    let dir = tempfile::tempdir().expect("temporary directory");
    for sample in [
        "bulkhead.jsonl",
        "hubble.jsonl",
        "calico.jsonl",
        "vpc-v5.txt",
        "zeek-conn.tsv",
        "neuvector.json",
        "table.csv",
    ] {
        let learned = run(&["learn", "-f", sample, "--names", "names.csv", "-o", "json"]);
        let answer = json(&learned);
        assert!(answer["policies"].as_u64().is_some_and(|n| n >= 4), "{sample}: {answer}");
        let policy = dir.path().join(format!("{sample}.yaml"));
        fs::write(&policy, answer["policy"].as_str().expect("YAML")).expect("write");
        let judged = run(&[
            "policy",
            "simulate",
            "-f",
            &policy.to_string_lossy(),
            "--flows",
            sample,
            "--names",
            "names.csv",
            "-o",
            "json",
        ]);
        assert_eq!(json(&judged)["expected_denials"]["edges"], 0, "{sample}: {}", text(&judged.stdout));
    }
}

#[test]
fn manifests_say_which_pod_an_address_is() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let pod = |name: &str, owner: &str, address: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, ownerReferences: \
             [{{apiVersion: apps/v1, kind: ReplicaSet, name: {owner}, controller: true}}]}}\nspec: {{containers: \
             [{{name: main}}]}}\nstatus: {{podIP: {address}, podIPs: [{{ip: {address}}}]}}\n---\n"
        )
    };
    let manifests = pod("web-7c9d8b6f54-q2zlm", "web-7c9d8b6f54", "10.20.1.11")
        + &pod("api-5f7c6d9b84-8hv2c", "api-5f7c6d9b84", "10.20.2.12");
    fs::write(dir.path().join("pods.yaml"), manifests).expect("write");
    let answer =
        json(&run(&["learn", "-f", "vpc-v2.txt", "-f", &dir.path().to_string_lossy(), "-o", "json"]));
    let edges = answer["edges"].to_string();
    assert!(edges.contains("shop/web") && edges.contains("shop/api"), "{edges}");
}

#[test]
fn the_address_of_a_service_leads_to_the_workloads_behind_it_and_their_ports() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let pod = |name: &str, address: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}\nspec: \
             {{containers: [{{name: c, ports: [{{name: http, containerPort: 8080}}]}}]}}\nstatus: {{podIPs: [{{ip: \
             {address}}}]}}\n---\n"
        )
    };
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop}\nspec: {selector: {app: api}, \
                   clusterIP: 10.96.0.7, ports: [{port: 80, targetPort: http}]}\n";
    let manifests = pod("web", "10.20.1.11") + &pod("api", "10.20.2.12") + service;
    fs::write(dir.path().join("shop.yaml"), manifests).expect("write");
    let flows = dir.path().join("flows.csv");
    fs::write(&flows, "src_ip,dst_ip,dst_port\n10.20.1.11,10.96.0.7,80\n").expect("write");
    let (flows, manifests) = (flows.to_string_lossy(), dir.path().join("shop.yaml"));
    let answer = run(&["learn", "-f", &flows, "-f", &manifests.to_string_lossy(), "-o", "json"]);
    let answer = json(&answer);
    let edge = &answer["edges"][0];
    assert_eq!((&edge["client"]["name"], &edge["server"]["name"]), (&"shop/web".into(), &"shop/api".into()));
    assert_eq!(edge["port"], 8080, "{answer}");
}

#[test]
fn proposed_documents_are_written_once_and_never_over_others() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let policy = dir.path().join("policy");
    let arguments =
        ["learn", "-f", "zeek-conn.jsonl", "--names", "names.csv", "--write", &policy.to_string_lossy()];
    assert_eq!(code(&run(&arguments)), 0);
    assert!(policy.join("shop.web-learned.yaml").exists());
    let again = run(&arguments);
    assert_eq!(code(&again), 6);
    assert!(text(&again.stderr).contains("is there already"), "{}", text(&again.stderr));
}

#[test]
fn what_is_no_log_ends_with_6_and_says_what_to_do() {
    let output = run(&["learn", "-f", "names.csv"]);
    assert_eq!(code(&output), 6, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("--format"), "{}", text(&output.stderr));
    assert_eq!(code(&run(&["learn", "-f", "missing.jsonl"])), 5);
    assert_eq!(code(&run(&["learn", "-f", "table.csv", "--format", "bogus"])), 2);
}

#[test]
fn recorded_flows_say_what_documents_would_break_as_one_number() {
    let output = run(&["policy", "simulate", "-f", "../policy", "--flows", "hubble.jsonl", "-o", "json"]);
    assert_eq!(code(&output), 1);
    let answer = json(&output);
    assert_eq!(answer["expected_denials"]["edges"], 5, "{answer}");
    let report = answer["changes"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|change| change["edge"]["client"]["name"] == "shop/report");
    let report = report.expect("the nightly report is cut off");
    assert_eq!(report["because"], "no egress rule of shop/report allows it");
    assert!(report["first_seen"].as_u64().is_some_and(|time| time > 0));
}

/// A repository with a policy on its branch `main` and a change of it in the working tree.
struct Repository {
    dir: tempfile::TempDir,
}

impl Repository {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let repository = Self { dir };
        let examples = root().join("docs/examples");
        for (from, to) in [
            (examples.join("policy/shop.yaml"), "policy/shop.yaml"),
            (examples.join("assertions/shop.yaml"), "policy/claims.yaml"),
        ] {
            let to = repository.dir.path().join(to);
            fs::create_dir_all(to.parent().expect("a parent")).expect("create");
            fs::copy(from, to).expect("copy");
        }
        for arguments in [
            &["init", "-q", "-b", "main"][..],
            &["add", "policy"],
            &["-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "-q", "-m", "policy"],
        ] {
            let output = command("git", repository.dir.path()).args(arguments).output().expect("git");
            assert!(output.status.success(), "git {arguments:?}: {}", text(&output.stderr));
        }
        repository
    }

    fn change(&self, from: &str, to: &str) {
        let path = self.dir.path().join("policy/shop.yaml");
        let text = fs::read_to_string(&path).expect("readable");
        assert!(text.contains(from));
        fs::write(&path, text.replacen(from, to, 1)).expect("write");
    }

    fn check(&self, arguments: &[&str]) -> Output {
        command(env!("CARGO_BIN_EXE_bulkhead"), self.dir.path())
            .args(["policy", "check", "policy"])
            .args(arguments)
            .output()
            .expect("starts")
    }

    fn pipeline(&self, environment: &[(&str, &str)]) -> Output {
        command(&root().join("deploy/ci/check").to_string_lossy(), self.dir.path())
            .env("BULKHEAD_BIN", env!("CARGO_BIN_EXE_bulkhead"))
            .envs(environment.iter().copied())
            .output()
            .expect("starts")
    }
}

#[test]
fn a_change_is_compared_with_a_revision_flow_by_flow() {
    let repository = Repository::new();
    let same = repository.check(&["--base", "HEAD"]);
    assert_eq!(code(&same), 0, "{}", text(&same.stdout));
    assert!(text(&same.stdout).contains("No document differs from HEAD"), "{}", text(&same.stdout));
    repository
        .change("    - from: [{service: front}]\n", "    - from: [{service: front}, {service: batch}]\n");
    let report = json(&repository.check(&["--base", "main", "-o", "json"]));
    assert_eq!(report["difference"]["documents"][0]["document"], "shop/web");
    let unknown = repository.check(&["--base", "nowhere"]);
    assert_eq!(code(&unknown), 5, "{}", text(&unknown.stderr));
    assert_eq!(code(&repository.check(&["--base", "--upload-pack=x"])), 2);
}

#[test]
fn a_pipeline_gets_its_reports_its_annotations_and_its_exit_code() {
    let repository = Repository::new();
    let good = repository.pipeline(&[("BULKHEAD_BASE", "main")]);
    assert_eq!(code(&good), 0, "{}{}", text(&good.stdout), text(&good.stderr));
    let reports = repository.dir.path().join("bulkhead-reports");
    let sarif: serde_json::Value =
        serde_json::from_slice(&fs::read(reports.join("policy.sarif")).expect("written")).expect("JSON");
    assert_eq!(sarif["runs"][0]["results"].as_array().map(Vec::len), Some(0));
    assert!(
        fs::read_to_string(reports.join("policy.junit.xml")).expect("written").contains("failures=\"0\"")
    );
    // The database is opened to the web application, which a claim forbids.
    repository.change(
        "    - name: the nightly report\n      from: [{service: batch}]",
        "    - from: [{service: batch}, {service: web}]",
    );
    repository.change(
        "  egress:\n    - to: [{service: api}]",
        "  egress:\n    - to: [{service: db}]\n    - to: [{service: api}]",
    );
    let summary = repository.dir.path().join("summary.md");
    let bad = repository.pipeline(&[
        ("BULKHEAD_BASE", "main"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_STEP_SUMMARY", &summary.to_string_lossy()),
    ]);
    assert_eq!(code(&bad), 1, "{}{}", text(&bad.stdout), text(&bad.stderr));
    assert!(text(&bad.stdout).contains("::error file=policy/claims.yaml,line="), "{}", text(&bad.stdout));
    let summary = fs::read_to_string(summary).expect("written");
    assert!(summary.contains("**broken**") && summary.contains("| shop/web | shop/db |"), "{summary}");
    let missing = repository.pipeline(&[("BULKHEAD_PATHS", "nowhere")]);
    assert_eq!(code(&missing), 5, "what cannot be checked is no success: {}", text(&missing.stderr));
}

#[test]
fn expected_traffic_that_would_be_denied_fails_the_check_unless_it_is_tolerated() {
    let repository = Repository::new();
    let flows = root().join("docs/examples/flows/hubble.jsonl");
    let flows = flows.to_string_lossy();
    let output = repository.check(&["--flows", &flows, "-o", "json"]);
    assert_eq!(code(&output), 1);
    let report = json(&output);
    assert_eq!(report["simulation"]["expected_denials"]["edges"], 5);
    let rules: Vec<_> =
        report["findings"].as_array().expect("a list").iter().map(|f| f["rule"].clone()).collect();
    assert!(rules.iter().all(|rule| rule == "flow-denied") && rules.len() == 5, "{rules:?}");
    assert_eq!(code(&repository.check(&["--flows", &flows, "--tolerate", "5"])), 0);
}

/// As far as they can be looked at without their services: they are YAML, and what they run is there.
#[test]
fn the_templates_name_what_is_there() {
    for (file, needles) in [
        ("deploy/ci/action.yml", &["using: composite", "$GITHUB_ACTION_PATH/check"][..]),
        ("deploy/ci/gitlab.yml", &["deploy/ci/check", "policy.junit.xml"]),
        (".pre-commit-hooks.yaml", &["entry: bulkhead policy check"]),
    ] {
        let text = fs::read_to_string(root().join(file)).expect(file);
        let (nodes, wrong) = bulkhead_policy::yaml::parse(&text, bulkhead_policy::yaml::Limits::default());
        assert!(wrong.is_empty() && nodes.len() == 1, "{file}: {wrong:?}");
        for needle in needles {
            assert!(text.contains(needle), "{file} has no {needle}");
        }
    }
}
