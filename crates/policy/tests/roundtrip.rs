//! Policies that go from one language to another mean the same there: proved over all flows of the published cases.

use bulkhead_model::Timestamp;
use bulkhead_policy::{
    PolicySet, ReadOptions,
    document::Document,
    kubernetes::{self, Dialect, Resources, Severity},
};
use std::path::{Path, PathBuf};

#[path = "support/corpora.rs"]
mod corpora;

fn read(case: &Path) -> Resources {
    let input = case.join("input");
    let files = corpora::manifests(if input.is_dir() { &input } else { case });
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

/// Every published case through every language that is read again: what came of it, as a table. Where the outcome differs
/// from the documents, the export has said so of one of the two ends.
#[test]
fn whatever_is_exported_and_read_again_means_the_same_or_was_told() {
    let Some(mut cases) = cases() else { return };
    cases.extend(corpora::directories("apps").unwrap_or_default());
    let dialects = Dialect::ALL.into_iter().filter(|(dialect, _)| dialect.is_read());
    let mut wrong = Vec::new();
    eprintln!(
        "{:<12} {:>6} {:>7} {:>13} {:>8} {:>8}",
        "language", "cases", "equal", "told to differ", "remarks", "untold"
    );
    for (dialect, name) in dialects {
        let (mut equal, mut told, mut remarks, mut untold) = (0, 0, 0, 0);
        for case in &cases {
            let import = kubernetes::import(&read(case));
            let proof = kubernetes::prove(&import.policy_set(), &import.inventory(), Timestamp(0), dialect);
            let errors = proof.diagnostics.iter().filter(|found| found.severity == Severity::Error);
            wrong.extend(errors.map(|error| format!("{} {name}: {error}", case.display())));
            remarks += proof.export.remarks.len();
            match (proof.differences.is_empty(), proof.untold().count()) {
                (true, _) => equal += 1,
                (false, 0) => told += 1,
                (false, _) => {
                    untold += 1;
                    wrong.extend(
                        proof.untold().take(2).map(|change| format!("{} {name}: {change}", case.display())),
                    );
                }
            }
        }
        eprintln!("{name:<12} {:>6} {equal:>7} {told:>13} {remarks:>8} {untold:>8}", cases.len());
    }
    wrong.truncate(40);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
