//! The form that Kubernetes asks of names, labels and ports. What does not have it, the API server refuses.

/// Bytes of the name of a label, and of its value.
const LABEL: usize = 63;
/// Bytes of a DNS name, the prefix of a label's key.
const SUBDOMAIN: usize = 253;
/// Bytes of the name of a port.
const PORT_NAME: usize = 15;

/// Why this is no key of a label, and what is expected: `name` or `prefix/name`.
pub(super) fn label_key(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.contains('/') {
        return Err("a key has at most one '/', between its prefix and its name".to_owned());
    }
    if let Some(prefix) = prefix {
        if prefix.is_empty() {
            return Err(
                "the prefix before '/' is empty: expected a DNS name, like example.com/app".to_owned()
            );
        }
        if prefix.len() > SUBDOMAIN {
            return Err(format!("the prefix has {} characters: expected at most {SUBDOMAIN}", prefix.len()));
        }
        if !is_subdomain(prefix) {
            return Err(format!(
                "the prefix '{prefix}' is no DNS name: expected lower case letters, digits, '-' and '.', each part \
                 beginning and ending with a letter or digit"
            ));
        }
    }
    if name.is_empty() {
        return Err("the name of a key cannot be empty".to_owned());
    }
    label_text(name, "the name")
}

/// Whether Kubernetes would take this label.
pub(super) fn is_label(key: &str, value: &str) -> bool {
    label_key(key).is_ok() && label_value(value).is_ok()
}

/// Why this is no value of a label. The empty one is.
pub(super) fn label_value(value: &str) -> Result<(), String> {
    if value.is_empty() { Ok(()) } else { label_text(value, "a value") }
}

fn label_text(text: &str, what: &str) -> Result<(), String> {
    let valid = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let count = text.chars().count();
    if count > LABEL {
        Err(format!("{what} has {count} characters: expected at most {LABEL}"))
    } else if !valid {
        Err(format!("{what} may have letters, digits, '-', '_' and '.' alone"))
    } else if !has_sound_ends(text) {
        Err(format!("{what} must begin and end with a letter or digit"))
    } else {
        Ok(())
    }
}

fn has_sound_ends(text: &str) -> bool {
    let sound = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    sound(text.as_bytes().first()) && sound(text.as_bytes().last())
}

/// RFC 1123: lower case, parts separated by dots.
fn is_subdomain(text: &str) -> bool {
    let part = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && has_sound_ends(part)
    };
    text.split('.').all(part)
}

/// What a name of a port looks like, for messages.
pub(super) const PORT_NAME_FORM: &str =
    "expected at most 15 lower case letters, digits and single '-' between them, with at least one letter";

/// Whether a port can have this name: RFC 6335.
pub(super) fn is_port_name(text: &str) -> bool {
    (1..=PORT_NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.bytes().any(|b| b.is_ascii_lowercase())
        && has_sound_ends(text)
        && !text.contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_labels_are_a_name_and_maybe_a_prefix() {
        let long = "a".repeat(63);
        let deep = format!("{}.example/a", "a".repeat(245));
        for key in ["a", "App", "a.b_c-d", "0", "example.com/App_1", "k8s.io/0", long.as_str(), deep.as_str()]
        {
            assert_eq!(label_key(key), Ok(()), "{key}");
        }
        let too_long = "a".repeat(64);
        let too_deep = format!("{}.example/a", "a".repeat(246));
        for key in [
            "",
            "-a",
            "a-",
            ".a",
            "_a",
            "a b",
            "a:b",
            "ä",
            "/a",
            "a/",
            "a/b/c",
            "Example.com/a",
            "a..b/c",
            "-a/b",
            "a-/b",
            "a_b/c",
            "*",
            too_long.as_str(),
            too_deep.as_str(),
        ] {
            assert!(label_key(key).is_err(), "{key}");
        }
    }

    #[test]
    fn values_of_labels_may_be_empty_and_are_at_most_63_long() {
        let (long, too_long) = ("9".repeat(63), "9".repeat(64));
        for value in ["", "a", "A.b_c-9", "1.2.3", long.as_str()] {
            assert_eq!(label_value(value), Ok(()), "{value}");
        }
        for value in ["-a", "a-", "a/b", "a b", "1.0+build", "*", "é", "a\n", too_long.as_str()] {
            assert!(label_value(value).is_err(), "{value}");
        }
    }

    #[test]
    fn names_of_ports_have_a_letter_and_hyphens_only_inside_and_alone() {
        for name in ["http", "a", "8a", "a-1-b", "abcdefghijklmno"] {
            assert!(is_port_name(name), "{name}");
        }
        for name in ["", "80", "1-2", "-a", "a-", "a--b", "Http", "a_b", "a.b", "abcdefghijklmnop"] {
            assert!(!is_port_name(name), "{name}");
        }
    }
}
