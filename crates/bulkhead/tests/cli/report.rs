//! `bulkhead report` without a server: reports made from files, and signed ones checked offline.

use crate::program::{code, in_repository, run, seen as said};
use std::fs;

/// A report that a controller signed, and its key's fingerprint.
fn signed() -> (String, String) {
    let file = in_repository("crates/report/tests/golden/pci-dss.html").to_string_lossy().into_owned();
    let text = fs::read_to_string(&file).expect("there").replace("<wbr>", "");
    let at = text.find("--key sha256:").expect("says its key") + "--key ".len();
    let key = text[at..].split('<').next().expect("a key").to_owned();
    (file, key)
}

#[test]
fn a_report_is_made_from_files_in_every_form_and_nobody_signs_it() {
    let policy = in_repository("docs/examples/policy").to_string_lossy().into_owned();
    let dir = tempfile::tempdir().expect("temporary directory");
    for form in ["html", "md", "json"] {
        let file = dir.path().join(format!("report.{form}")).to_string_lossy().into_owned();
        let made = run(&["report", "pci-dss", "--zone", "stores", "-f", &policy, "--out", &file]);
        assert_eq!(code(&made), 1, "something is not met: {}", said(&made));
        let checked = run(&["report", "verify", &file]);
        assert_eq!(code(&checked), 1);
        assert!(said(&checked).contains("it is not signed"), "{}", said(&checked));
    }
    let nowhere = run(&["report", "pci-dss", "--zone", "nowhere", "-f", &policy]);
    assert_eq!(code(&nowhere), 5);
    assert!(said(&nowhere).contains("the documents have stores"), "{}", said(&nowhere));
    let formless = run(&["report", "pci-dss", "-f", &policy, "--out", "/nonexistent/report"]);
    assert_eq!(code(&formless), 2);
}

#[test]
fn recorded_flows_are_compared_with_the_documents() {
    let policy = in_repository("docs/examples/policy").to_string_lossy().into_owned();
    let dir = tempfile::tempdir().expect("temporary directory");
    let flows = dir.path().join("flows.csv").to_string_lossy().into_owned();
    let table = "time,source,destination,dst_port,protocol,app,action,count\n\
                 2026-01-01T08:00:00.000Z,shop/web,shop/redis,23,tcp,,allow,3\n";
    fs::write(&flows, table).expect("written");
    let arguments = ["report", "pci-dss", "--zone", "stores", "-f", &policy, "-o", "md"];
    let without = said(&run(&arguments));
    assert!(!without.contains("telnet (tcp/23)"), "{without}");
    let with = said(&run(&[&arguments[..], &["--flows", &flows]].concat()));
    assert!(with.contains("telnet (tcp/23)"), "{with}");
}

#[test]
fn a_signed_report_is_checked_by_its_fingerprint_and_a_change_is_found() {
    let (file, key) = signed();
    let sound = run(&["report", "verify", &file, "--key", &key]);
    assert_eq!(code(&sound), 0, "{}", said(&sound));
    assert!(said(&sound).contains("every byte is what was signed"), "{}", said(&sound));
    let other = format!("sha256:{}", "0".repeat(64));
    let foreign = run(&["report", "verify", &file, "--key", &other]);
    assert_eq!(code(&foreign), 1);
    assert!(said(&foreign).contains("another key"), "{}", said(&foreign));
    let dir = tempfile::tempdir().expect("temporary directory");
    let changed = dir.path().join("changed.html").to_string_lossy().into_owned();
    let text = fs::read_to_string(&file).expect("there");
    fs::write(&changed, text.replacen("✕", "✓", 1)).expect("written");
    let found = run(&["report", "verify", &changed, "-o", "json"]);
    assert_eq!(code(&found), 1);
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).expect("JSON");
    assert_eq!(found["sound"], false);
    assert!(
        found["problems"][0].as_str().is_some_and(|problem| problem.contains("was sealed as")),
        "{found}"
    );
    let no_report = in_repository("README.md").to_string_lossy().into_owned();
    assert_eq!(code(&run(&["report", "verify", &no_report])), 6);
    assert_eq!(code(&run(&["report", "verify", "/nonexistent/report.html"])), 5);
}
