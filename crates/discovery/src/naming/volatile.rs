//! Counters, hashes and dates in names.

/// The name without what changes from one replica, restart or run to the next: `app-1` → `app`, `run_abc123` →
/// `run`, `batch-2026-11-20` → `batch`, `batch-1718-x7` → `batch`. `None` where nothing is left to know it by.
pub fn without_volatile_parts(name: &str) -> Option<String> {
    let mut parts = split(name);
    if let Some(before) = parts.len().checked_sub(5).filter(|before| is_uuid(&parts[*before..])) {
        parts.truncate(before);
    }
    // From the end, anything that may be a counter or a random suffix.
    while let Some(last) = parts.last() {
        let after_number = parts.len() >= 2 && is_number(parts[parts.len() - 2].text);
        if !(is_number(last.text)
            || is_date(last.text)
            || is_random(last.text)
            || after_number && is_tag(last.text))
        {
            break;
        }
        parts.pop();
    }
    // Elsewhere only what can hardly be part of a chosen name: `2026-11-20-backup`, `4f5e6d7c8b9a_web`.
    let mut kept: Vec<Part<'_>> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let in_date = in_spelled_date(&parts, at);
        if !(in_date || is_date(part.text) || is_long_number(part.text) || is_long_hash(part.text)) {
            kept.push(*part);
        }
    }
    let mut rest = String::new();
    for part in &kept {
        if !rest.is_empty() {
            rest.push(part.separator);
        }
        rest.push_str(part.text);
    }
    rest.chars().any(char::is_alphabetic).then_some(rest)
}

/// A part of a name and the separator before it.
#[derive(Debug, Clone, Copy)]
struct Part<'a> {
    separator: char,
    text: &'a str,
}

fn split(name: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut separator = '-';
    let mut rest = name;
    loop {
        let end = rest.find(['-', '_', '.']).unwrap_or(rest.len());
        if end > 0 {
            parts.push(Part { separator, text: &rest[..end] });
        }
        let Some(next) = rest[end..].chars().next() else { return parts };
        separator = next;
        rest = &rest[end + 1..];
    }
}

/// `3f2504e0-4f89-41d3-9a0c-0305e82c3301`.
fn is_uuid(parts: &[Part<'_>]) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    parts.iter().map(|p| p.text.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|p| digits(p.text))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_long_number(text: &str) -> bool {
    text.len() >= 4 && is_number(text)
}

/// `20261120`, `20261120T0300`, `20261120T030000Z`, `20261120030000`.
fn is_date(text: &str) -> bool {
    let Some((day, rest)) = text.split_at_checked(8) else { return false };
    let time = rest.trim_start_matches(['T', 't']).trim_end_matches(['Z', 'z']);
    is_number(day)
        && (day.starts_with("19") || day.starts_with("20"))
        && (time.is_empty() || is_number(time) && time.len() <= 9)
}

/// Whether the part at `at` belongs to a date in three parts: `2026-11-20`.
fn in_spelled_date(parts: &[Part<'_>], at: usize) -> bool {
    let begins_at = |start: usize| {
        let number = |at: usize| parts.get(at).filter(|p| is_number(p.text)).map(|p| p.text);
        matches!(
            (number(start), number(start + 1), number(start + 2)),
            (Some(year), Some(month), Some(day))
                if year.len() == 4 && (1..=2).contains(&month.len()) && (1..=2).contains(&day.len())
        )
    };
    (at.saturating_sub(2)..=at).any(begins_at)
}

/// A short tag after a number, as in `1718-x7`. After a word (`api-v2`) such a thing is a version.
fn is_tag(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.len() <= 6 && digits > 0 && digits < text.len() && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_hexadecimal(text: &str) -> bool {
    let lower = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    lower && text.bytes().any(|b| b.is_ascii_digit()) && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// What no person writes, wherever it stands.
fn is_long_hash(text: &str) -> bool {
    text.len() >= 8 && is_hexadecimal(text) && changes(text) >= 3
}

/// What generators append: hexadecimal digits, Kubernetes' alphabet without vowels, letters and digits in turns. A
/// word with a number behind it (`oauth2`, `arm64`) or one digit within (`neo4j`, `k8s`) is none.
fn is_random(text: &str) -> bool {
    let hash = text.len() >= 6 && is_hexadecimal(text);
    let turns = text.len() >= 5 && text.bytes().all(|b| b.is_ascii_alphanumeric()) && changes(text) >= 3;
    let digits_within =
        text.trim_end_matches(|c: char| c.is_ascii_digit()).bytes().any(|b| b.is_ascii_digit());
    let kubernetes = text.len() >= 5 && digits_within && super::kubernetes::is_random_suffix(text);
    hash || turns || kubernetes
}

/// How often letters turn into digits or back.
fn changes(text: &str) -> usize {
    text.as_bytes().windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count()
}
