//! np-guard's published cases: the connections that manifests allow, exactly as its analyzer lists them.

use bulkhead_policy::kubernetes::{self, Format, Semantics, Severity};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// `networkpolicy/connlist` of the external corpora, where they are present.
fn cases() -> Option<Vec<PathBuf>> {
    let root = std::env::var_os("BULKHEAD_CORPORA")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"));
    let mut cases: Vec<PathBuf> = fs::read_dir(root.join("networkpolicy/connlist"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("expected").is_dir())
        .collect();
    cases.sort();
    (!cases.is_empty()).then_some(cases)
}

/// Manifests below a directory, by extension, as (name, text).
fn manifests(directory: &Path, files: &mut Vec<(String, String)>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            manifests(&path, files);
        } else if path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e == *known)) {
            let text = fs::read_to_string(&path).expect("readable");
            files.push((path.display().to_string(), text));
        }
    }
}

/// What differs from what was published, if anything.
fn check(case: &Path) -> Result<(), String> {
    let mut files = Vec::new();
    manifests(&case.join("input"), &mut files);
    let reading = kubernetes::read(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
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

#[test]
fn every_published_case_is_equal_to_the_letter() {
    let Some(cases) = cases() else {
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
