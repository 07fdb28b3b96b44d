//! Policies that go from one language to another mean the same there: proved over all flows of the published cases.

use bulkhead_model::Timestamp;
use bulkhead_policy::{
    Inventory, PolicySet, ReadOptions,
    document::Document,
    kubernetes::{self, Dialect, Resources, Severity},
    yaml::Tree,
};
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

#[path = "support/corpora.rs"]
mod corpora;

fn read(case: &Path) -> Resources {
    let files = corpora::manifests(&case.join("input"));
    let reading = kubernetes::read(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let errors: Vec<_> =
        reading.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut resources = reading.resources;
    // Isolation of networks is no policy, so it is not for documents to say.
    resources.networks.clear();
    resources
}

fn cases() -> Option<Vec<PathBuf>> {
    let cases = corpora::directories("networkpolicy/connlist");
    if cases.is_none() {
        eprintln!("SKIPPED: no corpora (set BULKHEAD_CORPORA to their directory)");
    }
    cases
}

#[test]
fn imported_documents_mean_what_the_manifests_mean() {
    let Some(cases) = cases() else { return };
    let mut wrong = Vec::new();
    for case in &cases {
        let resources = read(case);
        let import = kubernetes::import(&resources);
        // By way of text, as a person would have it.
        let text = Document::join(&import.documents);
        let set = PolicySet::read([("imported.yaml", text.as_str())], ReadOptions::default());
        let set = set.unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"));
        assert_eq!(set, import.policy_set(), "{text}");
        let found = kubernetes::differences(&resources, &set, &import.inventory(), Timestamp(0));
        for difference in found {
            let told = |end: &str| {
                import.remarks.iter().any(|remark| remark.starts_with(&format!("pods of {end} ")))
            };
            if !told(&difference.from) && !told(&difference.to) {
                wrong.push(format!("{}: {difference}", case.display()));
            }
        }
    }
    eprintln!("import: {} differences in {} cases that nobody was told of", wrong.len(), cases.len());
    wrong.truncate(40);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Pods for all services of an inventory.
fn pods(inventory: &Inventory) -> String {
    let mut out = String::new();
    for service in inventory.services() {
        let labels = service.labels.iter().map(|(key, value)| (key.clone(), Tree::text(value))).collect();
        let (name, namespace) = (service.name.name(), service.name.namespace());
        let labels = Tree::Map(labels).to_flow();
        let _ = writeln!(
            out,
            "---\n{{kind: Pod, metadata: {{name: {name}, namespace: {namespace}, labels: {labels}}}}}"
        );
    }
    out
}

#[test]
fn exported_network_policies_mean_what_the_imported_documents_mean() {
    let Some(cases) = cases() else { return };
    let mut wrong = Vec::new();
    let mut remarks = 0;
    for case in &cases {
        let import = kubernetes::import(&read(case));
        let (set, inventory) = (import.policy_set(), import.inventory());
        let export = kubernetes::export(&set, &inventory, Timestamp(0), Dialect::NetworkPolicy);
        let text = format!("{}---\n{}", pods(&inventory), export.to_yaml());
        let again = kubernetes::read([("exported.yaml", text.as_str())]);
        assert!(!again.has_errors(), "{:?}\n{text}", again.diagnostics);
        remarks += export.remarks.len();
        for difference in kubernetes::differences(&again.resources, &set, &inventory, Timestamp(0)) {
            let told = |end: &str| export.remarks.iter().any(|remark| remark.contains(end));
            if !told(&difference.from) && !told(&difference.to) {
                wrong.push(format!("{}: {difference}", case.display()));
            }
        }
    }
    eprintln!(
        "export: {} differences in {} cases that none of {remarks} remarks tells",
        wrong.len(),
        cases.len()
    );
    wrong.truncate(40);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
