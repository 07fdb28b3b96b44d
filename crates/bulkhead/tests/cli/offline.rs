//! What needs no server: exit codes, streams, files.

use crate::program::{bulkhead, code, run, text};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
};

const GOOD: &str = "\
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis, namespace: shop}
spec:
  target: {service: shop/redis}
  ingress:
    - from: [{service: shop/api}]
      ports: [6379]
";

#[test]
fn a_wrong_command_line_ends_with_2() {
    for wrong in [
        &["bogus"][..],
        &["mode", "shop/redis", "sleep"],
        &["services", "a/b/c"],
        &["policy", "apply"],
        &["mode", "shop/redis", "quarantine", "--server", "127.0.0.1:1"],
        &["status", "--server", "ftp://x"],
        &["policy", "explain", "--from", "a/b", "--to", "c/d", "--protocol", "icmp", "--port", "300"],
    ] {
        let output = run(wrong);
        assert_eq!(code(&output), 2, "{wrong:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty(), "{wrong:?} says nothing");
        assert!(output.stdout.is_empty(), "{wrong:?}");
    }
}

#[test]
fn a_server_that_is_not_there_ends_with_3_and_says_what_to_do() {
    // A port that nobody listens on: taken, and given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("bind").port();
    let server = format!("http://127.0.0.1:{port}");
    let output = run(&["status", "--server", &server]);
    assert_eq!(code(&output), 3);
    let said = text(&output.stderr);
    assert!(said.contains(&format!("127.0.0.1:{port}")) && said.contains("bulkhead up"), "{said}");
}

#[test]
fn files_that_are_missing_or_wrong_end_with_5_and_6() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let missing = dir.path().join("missing.yaml");
    assert_eq!(code(&run(&["policy", "connections", "-f", &missing.to_string_lossy()])), 5);
    assert_eq!(code(&run(&["policy", "connections", "-f", &dir.path().to_string_lossy()])), 5);
    let wrong = dir.path().join("wrong.yaml");
    fs::write(
        &wrong,
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: 7\n",
    )
    .expect("write");
    let output = run(&["policy", "connections", "-f", &wrong.to_string_lossy()]);
    assert_eq!(code(&output), 6, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("wrong.yaml:4:"), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty(), "no answer from half of the manifests");
}

#[test]
fn a_check_for_pipelines_ends_with_1_if_anything_is_wrong() {
    let dir = tempfile::tempdir().expect("temporary directory");
    fs::write(dir.path().join("a.yaml"), GOOD).expect("write");
    let path = dir.path().to_string_lossy().into_owned();
    let output = run(&["policy", "check", &path]);
    assert_eq!(code(&output), 0, "{}", text(&output.stdout));
    fs::write(dir.path().join("b.yaml"), GOOD.replace("ports:", "prots:")).expect("write");
    let output = run(&["policy", "check", &path, "-o", "json"]);
    assert_eq!(code(&output), 1);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["ok"], false);
    assert_eq!(report["findings"][0]["line"], 8);
}

#[test]
fn connections_of_manifests_are_printed_in_every_format() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let pod = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: n, labels: {{app: {name}}}}}\n---\n"
        )
    };
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: n}\n\
                  spec:\n  podSelector: {matchLabels: {app: server}}\n  ingress:\n\
                  \x20 - from: [{podSelector: {matchLabels: {app: client}}}]\n    ports: [{port: 6379}]\n";
    fs::write(dir.path().join("all.yaml"), pod("client") + &pod("server") + policy).expect("write");
    let path = dir.path().to_string_lossy().into_owned();
    for format in ["txt", "json", "csv", "md", "dot", "mermaid"] {
        for notation in ["bulkhead", "np-guard"] {
            let output = run(&["policy", "connections", "-f", &path, "-o", format, "--format", notation]);
            assert_eq!(code(&output), 0, "{format}: {}", text(&output.stderr));
            let said = text(&output.stdout);
            assert!(said.contains("6379") && said.contains("server"), "{format} {notation}: {said}");
        }
    }
}

#[test]
fn documents_go_out_in_every_language_and_the_way_back_is_proved() {
    let dir = tempfile::tempdir().expect("temporary directory");
    fs::write(dir.path().join("redis.yaml"), GOOD).expect("write");
    let path = dir.path().to_string_lossy().into_owned();
    for (language, part) in [
        ("kubernetes", "kind: NetworkPolicy"),
        ("cilium", "kind: CiliumNetworkPolicy"),
        ("calico", "selector: \"app == 'redis'\""),
        ("istio", "kind: AuthorizationPolicy"),
        ("neuvector", "kind: NvSecurityRule"),
        ("aws", "AWS::EC2::SecurityGroupIngress"),
        ("nftables", "chain ingress_s_shop_redis"),
    ] {
        let output = run(&["policy", "export", "--to", language, "-f", &path]);
        assert_eq!(code(&output), 0, "{language}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains(part), "{language}: {}", text(&output.stdout));
        let output = run(&["policy", "export", "--to", language, "--prove", "-f", &path]);
        if ["istio", "aws", "nftables"].contains(&language) {
            assert_eq!(code(&output), 2, "{language}");
        } else {
            assert_eq!(code(&output), 0, "{language}: {}", text(&output.stderr));
            let told = text(&output.stderr);
            assert!(
                told.contains("proved: what was written means the same, over all flows"),
                "{language}: {told}"
            );
        }
    }
    assert_eq!(code(&run(&["policy", "export", "--to", "iptables", "-f", &path])), 2);
}

#[test]
fn every_error_of_every_policy_is_told_and_nothing_is_imported() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("write");
    write("good.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: a}}}\n");
    write(
        "calico.yaml",
        "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: c}\nspec:\n  selector: app = 'a'\n",
    );
    write(
        "cilium.yaml",
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: d}\nspec:\n  endpointSelector: {}\n  \
         egress:\n  - {toEntities: [wrld]}\n",
    );
    let path = dir.path().to_string_lossy().into_owned();
    let output = run(&["policy", "import", "-f", &path]);
    assert_eq!(code(&output), 6);
    assert!(output.stdout.is_empty());
    let told = text(&output.stderr);
    for part in [
        "calico.yaml:5:13: error: spec.selector: expected ==, !=, in or not in (at character 5 of \"app = 'a'\")",
        "cilium.yaml:7:19: error: spec.egress[0].toEntities[0]: 'wrld' is not an entity (did you mean 'world'?)",
        "2 error(s)",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_beside_every_other_error_of_its_directory() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let write = |name: &str, text: &[u8]| fs::write(dir.path().join(name), text).expect("write");
    write("a-good.yaml", GOOD.as_bytes());
    write("b-binary.yaml", b"kind: SegmentationPolicy\n\xff\xfe");
    write("c-document.yaml", GOOD.replace("ports:", "prots:").as_bytes());
    write(
        "d-manifest.yaml",
        b"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: 7\n",
    );
    write(
        "e-claims.yaml",
        b"apiVersion: bulkhead.dev/v1alpha1\nkind: Assertions\nmetadata: {name: c}\nspec: 7\n",
    );
    std::os::unix::fs::symlink("f-loop.yaml", dir.path().join("f-loop.yaml")).expect("link");
    let path = dir.path().to_string_lossy().into_owned();
    let places =
        ["b-binary.yaml:2:1", "c-document.yaml:8:", "d-manifest.yaml:4:", "e-claims.yaml:4:", "f-loop.yaml"];
    for question in [
        &["policy", "connections", "-f", &path][..],
        &["policy", "import", "-f", &path],
        &["policy", "lint", "-f", &path],
        &["policy", "reach", "--from", "a/b", "--to", "a/c", "-f", &path],
        &["policy", "verify", &path, "-f", &path],
        &["policy", "diff", &path, &path],
        &["policy", "minimise", "-f", &path],
        &["policy", "export", "--to", "kubernetes", "-f", &path],
        &["blast-radius", "-f", &path],
        &["report", "cis-kubernetes", "-f", &path],
        // Nobody is asked, and nothing of it is applied.
        &["policy", "apply", "-f", &path],
        &["policy", "try", "-f", &path, "--for", "1h"],
    ] {
        let output = run(question);
        let told = text(&output.stderr);
        assert_eq!(code(&output), 6, "{question:?}: {told}");
        assert!(output.stdout.is_empty(), "{question:?}: no answer from half of the files");
        for place in places {
            let times = told.lines().filter(|line| line.contains(place)).count();
            assert_eq!(times, 1, "{question:?}: {place} in\n{told}");
        }
    }
    let output = run(&["policy", "check", &path, "-o", "json"]);
    assert_eq!(code(&output), 1);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["files"], 6);
    let found = report["findings"].as_array().expect("a list");
    let rules: Vec<_> = found.iter().map(|fault| fault["rule"].as_str().expect("a word")).collect();
    assert_eq!(rules, ["unreadable", "document", "manifest", "document", "unreadable"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    // More than a pipe holds.
    let mut child = bulkhead(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("one line");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(code(&output), 0);
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn check_reports_in_json_with_stable_names() {
    let output = run(&["check", "-o", "json"]);
    assert!(matches!(code(&output), 0 | 1), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["ok"].as_bool(), Some(code(&output) == 0));
    let names: Vec<_> = report["categories"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|c| c["findings"].as_array().expect("a list"))
        .filter_map(|f| f["check"].as_str())
        .collect();
    for name in ["kernel-version", "btf", "bpffs", "attach", "capabilities", "state", "disk", "port", "agent"]
    {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
}

#[test]
fn check_looks_where_the_configuration_file_says_and_tells_what_is_wrong_with_it() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("bulkhead.toml");
    let sockets =
        "docker_socket = '/nonexistent/docker-of-the-file.sock'\ncontainerd_socket = '/nonexistent/c.sock'\n";
    fs::write(&file, sockets).expect("write");
    let path = file.to_string_lossy().into_owned();
    let found = text(&run(&["check", "--config", &path, "-o", "wide"]).stdout);
    assert!(found.contains("/nonexistent/docker-of-the-file.sock"), "{found}");
    fs::write(&file, "docker_sockets = 7\n").expect("write");
    let output = run(&["check", "--config", &path, "-o", "json"]);
    assert_eq!(code(&output), 1);
    let report = text(&output.stdout);
    assert!(report.contains("\"check\": \"configuration\"") && report.contains("bulkhead.toml"), "{report}");
}

#[test]
fn output_that_is_no_terminal_has_no_colour_unless_asked_for() {
    let plain = run(&["check"]);
    assert!(!text(&plain.stdout).contains('\x1b'));
    let coloured = run(&["check", "--color", "always"]);
    assert!(text(&coloured.stdout).contains('\x1b'));
}

#[test]
fn completions_and_manual_pages_are_made_for_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert!(text(&output.stdout).contains("blast-radius"), "{shell}");
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let output = run(&["man", &dir.path().to_string_lossy()]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    for page in ["bulkhead.1", "bulkhead-policy-explain.1", "bulkhead-check.1"] {
        assert!(dir.path().join(page).exists(), "{page}");
    }
}

#[test]
fn a_support_bundle_is_written_without_a_server_and_says_what_is_missing() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("bundle.tar.gz");
    let output = run(&["support-bundle", "--server", "http://127.0.0.1:1", "-o", &path.to_string_lossy()]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let names = contents(&path);
    for name in ["check.json", "version.txt", "missing.txt", "host/pins.txt"] {
        assert!(names.contains(&format!("bulkhead-support/{name}")), "{name} is not in {names:?}");
    }
    assert!(text(&output.stderr).contains("not in it: status.json"), "{}", text(&output.stderr));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(&path).expect("written").permissions().mode() & 0o777, 0o600);
}

fn contents(path: &Path) -> Vec<String> {
    let file = fs::File::open(path).expect("open");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let entries = archive.entries().expect("an archive");
    entries.map(|e| e.and_then(|e| Ok(e.path()?.display().to_string())).expect("an entry")).collect()
}

#[test]
fn the_examples_of_the_documentation_answer_as_they_say() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    let policy = examples.join("policy").to_string_lossy().into_owned();
    let assertions = examples.join("assertions").to_string_lossy().into_owned();
    for (arguments, expected) in [
        (&["policy", "check", &policy][..], 0),
        (&["policy", "verify", &assertions, "-f", &policy], 0),
        (&["policy", "verify", &assertions, "-f", &policy, "-o", "junit"], 0),
        (&["policy", "explain", "-f", &policy, "--from", "shop/api", "--to", "shop/redis", "-p", "6379"], 0),
        (&["policy", "explain", "-f", &policy, "--from", "shop/front", "--to", "shop/db", "-p", "5432"], 1),
        (&["policy", "who-can-reach", "shop/db", "-f", &policy], 0),
        (&["policy", "diff", &policy, &policy], 0),
        (&["policy", "export", "-f", &policy, "--to", "kubernetes"], 0),
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), expected, "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stdout.is_empty(), "{arguments:?} says nothing");
    }
}
