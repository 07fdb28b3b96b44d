//! A test that needs what this machine lacks says so, and fails where that is not acceptable.

use std::path::PathBuf;

/// Whether a test may go on that needs root in a sealed room (`./dev room`), where whatever it leaves ends with the room:
/// on the host itself it could meet a Docker or a Bulkhead that somebody needs. Without, the test is `SKIPPED` by its
/// own word, and fails when `BULKHEAD_TESTS=require`, which continuous integration sets.
///
/// # Panics
/// When `BULKHEAD_TESTS=require` and this process is not root in a room.
#[must_use]
pub fn require_root(test: &str) -> bool {
    let sealed = nix::unistd::geteuid().is_root() && std::env::var_os("BULKHEAD_ROOM").is_some();
    require(test, sealed, "root in a sealed room (./dev room cargo test ... -- --test-threads=1)")
}

/// As [`require_root`], for anything else that may be missing: `require("name", probe(), "a kernel with tcx")`.
///
/// # Panics
/// When `BULKHEAD_TESTS=require` and it is missing.
#[must_use]
pub fn require(test: &str, present: bool, what: &str) -> bool {
    if present {
        return true;
    }
    assert!(
        !std::env::var("BULKHEAD_TESTS").is_ok_and(|value| value == "require"),
        "{test} needs {what}, which is missing here, and BULKHEAD_TESTS=require forbids skipping it"
    );
    skipped(test, what);
    false
}

/// The folder of external test material, if it is here: `BULKHEAD_CORPORA`, else beside the repository.
#[must_use]
pub fn corpora(test: &str) -> Option<PathBuf> {
    let path = std::env::var_os("BULKHEAD_CORPORA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora")),
        PathBuf::from,
    );
    if path.is_dir() {
        return Some(path);
    }
    skipped(test, "the external corpora (BULKHEAD_CORPORA)");
    None
}

// The `./dev test` script counts lines that begin with this word.
fn skipped(test: &str, what: &str) {
    eprintln!("SKIPPED: {test} needs {what}");
}
