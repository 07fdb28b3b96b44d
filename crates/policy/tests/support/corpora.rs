//! External corpora, where they are present.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Directories below one of the corpora, sorted.
pub(crate) fn directories(corpus: &str) -> Option<Vec<PathBuf>> {
    let root = std::env::var_os("BULKHEAD_CORPORA")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"));
    let entries = fs::read_dir(root.join(corpus)).ok()?;
    let mut found: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    found.sort();
    (!found.is_empty()).then_some(found)
}

/// Manifests below a directory, by extension, as (name, text).
pub(crate) fn manifests(directory: &Path) -> Vec<(String, String)> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(manifests(&path));
        } else if path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e == *known)) {
            files.push((path.display().to_string(), fs::read_to_string(&path).expect("readable")));
        }
    }
    files
}
