//! np-guard's published cases: the connections that manifests allow, exactly as its analyzer lists them.

use bulkhead_policy::kubernetes::{self, Format, Semantics, Severity};
use std::{fs, path::Path};

#[path = "support/corpora.rs"]
mod corpora;

/// What differs from what was published, if anything.
fn check(case: &Path) -> Result<(), String> {
    let files = corpora::manifests(&case.join("input"));
    let reading =
        kubernetes::read_kubernetes(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    if let Some(error) = reading.diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Error)
    {
        return Err(format!("an error: {error}"));
    }
    let connectivity = kubernetes::connections(&reading.resources, Semantics::NP_GUARD);
    for (name, format) in [("connlist_output.txt", Format::Text), ("connlist_output.json", Format::Json)] {
        let Ok(expected) = fs::read_to_string(case.join("expected").join(name)) else { continue };
        let actual = kubernetes::write_np_guard(&connectivity, format);
        if actual != expected {
            let differing =
                expected.lines().zip(actual.lines()).find(|(expected, actual)| expected != actual);
            let counts = (expected.lines().count(), actual.lines().count());
            return Err(format!(
                "{name} differs: lines {counts:?}, first (expected, actual): {differing:#?}"
            ));
        }
    }
    Ok(())
}

/// The forms that are published beside the input say the same, but for a mark behind addresses that later ones have.
#[test]
fn tables_and_graphs_are_equal_where_they_are_published() {
    let Some(cases) = corpora::directories("networkpolicy/connlist") else {
        eprintln!("SKIPPED: no corpora (set BULKHEAD_CORPORA to their directory)");
        return;
    };
    let mut compared = 0;
    for case in cases {
        for (name, format) in [("connlist_output.md", Format::Markdown), ("connlist_output.dot", Format::Dot)]
        {
            let Ok(expected) = fs::read_to_string(case.join("input").join(name)) else { continue };
            let files = corpora::manifests(&case.join("input"));
            let reading =
                kubernetes::read_kubernetes(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
            let connectivity = kubernetes::connections(&reading.resources, Semantics::NP_GUARD);
            let actual = kubernetes::write_np_guard(&connectivity, format).replace("[External]", "");
            assert_eq!(actual.trim_end(), expected.trim_end(), "{}", case.display());
            compared += 1;
        }
    }
    assert!(compared >= 2, "{compared}");
}

#[test]
fn every_published_case_is_equal_to_the_letter() {
    let Some(cases) = corpora::directories("networkpolicy/connlist") else {
        eprintln!("SKIPPED: no corpora (set BULKHEAD_CORPORA to their directory)");
        return;
    };
    let mut failures = Vec::new();
    for case in &cases {
        if let Err(difference) = check(case) {
            failures.push(format!("{}: {difference}", case.display()));
        }
    }
    eprintln!("connlist: {}/{} cases equal", cases.len() - failures.len(), cases.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
