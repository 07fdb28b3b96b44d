//! Differences of texts, as people read them.

use similar::TextDiff;

/// Unified diff with three lines of context; empty where the texts are the same. An empty text is no document.
pub(crate) fn unified(title: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let name = |text: &str, side: &str| match text.is_empty() {
        true => "/dev/null".to_owned(),
        false => format!("{side}/{title}"),
    };
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(3).header(&name(before, "a"), &name(after, "b")).to_string()
}
