//! Whatever a fuzzer found once, and the seeds it starts from, hold for ever.

use std::path::Path;

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
