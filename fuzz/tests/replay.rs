//! Whatever a fuzzer found once, and the seeds it starts from, hold for ever.

use std::{collections::BTreeSet, path::Path};

fn replay(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut replayed = 0;
    for entry in std::fs::read_dir(&folder).expect("a corpus") {
        let path = entry.expect("a readable folder").path();
        let bytes = std::fs::read(&path).expect("a readable file");
        body(&bytes);
        // Cut off in the middle of everything, as a network or an editor would.
        for end in (0..bytes.len()).step_by(bytes.len() / 64 + 1) {
            body(&bytes[..end]);
        }
        replayed += 1;
    }
    assert!(replayed > 0, "{} is empty", folder.display());
}

#[test]
fn policy_documents_are_read_or_refused() {
    replay("policy_documents", bulkhead_fuzz::policy_documents);
}

#[test]
fn policy_exports_are_read_again() {
    replay("policy_exports", bulkhead_fuzz::policy_exports);
}

#[test]
fn kubernetes_manifests_are_read_or_refused() {
    replay("kubernetes_manifests", bulkhead_fuzz::kubernetes_manifests);
}

#[test]
fn hostile_names_become_names() {
    replay("service_names", bulkhead_fuzz::service_names);
}

#[test]
fn flow_records_are_read_or_told_with_a_reason() {
    replay("flow_records", bulkhead_fuzz::flow_records);
}

#[test]
fn dns_answers_are_read_or_tell_nothing() {
    replay("dns_answers", bulkhead_fuzz::dns_answers);
}

#[test]
fn scan_results_are_read_or_refused_with_a_place() {
    replay("scan_results", bulkhead_fuzz::scan_results);
}

#[test]
fn claims_are_read_and_answered_or_refused() {
    replay("assertions", bulkhead_fuzz::assertions);
}

#[test]
fn tables_of_names_are_read_or_refused() {
    replay("name_tables", bulkhead_fuzz::name_tables);
}

#[test]
fn a_report_that_is_sound_has_a_signer_and_nothing_wrong() {
    replay("signed_reports", bulkhead_fuzz::signed_reports);
}

/// A reader without a target would be forgotten.
#[test]
fn every_target_is_declared_has_seeds_and_is_replayed() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(here.join(folder)).expect("a folder");
        let stem =
            |path: std::path::PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
        entries.map(|entry| stem(entry.expect("readable").path())).collect()
    };
    let targets = names("fuzz_targets");
    assert_eq!(targets, names("corpus"));
    let (manifest, tests) = (include_str!("../Cargo.toml"), include_str!("replay.rs"));
    for target in targets {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not in Cargo.toml");
        assert!(tests.contains(&format!("replay(\"{target}\"")), "{target} is not replayed");
    }
}
