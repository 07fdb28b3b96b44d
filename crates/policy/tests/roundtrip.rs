//! Policies that go from one language to another mean the same there: proved over all flows of the published cases.

use bulkhead_model::Timestamp;
use bulkhead_policy::{
    PolicySet, ReadOptions,
    document::Document,
    kubernetes::{self, Resources, Severity},
};
use std::path::{Path, PathBuf};

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
