//! Patterns with `*` for names of services, namespaces and hosts.

use bulkhead_model::ServiceName;
use std::fmt;

/// A text in which each `*` stands for any characters (none included) up to the next `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob(Box<str>);

impl Glob {
    pub fn new(pattern: &str) -> Self {
        Self(pattern.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the pattern is one very text.
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// Whether every text of the form that it is asked about matches: `*` or `*/*`.
    pub fn is_everything(&self) -> bool {
        matches!(&*self.0, "*" | "*/*")
    }

    /// Whether a service is meant, by `namespace/name`.
    pub fn matches_service(&self, service: &ServiceName) -> bool {
        match self.0.split_once('/') {
            // Most patterns of services are names, and asked about every service there is.
            Some((namespace, name)) if self.is_exact() => {
                service.namespace() == namespace && service.name() == name
            }
            _ => self.matches(&service.to_string()),
        }
    }

    pub fn matches(&self, text: &str) -> bool {
        glob(self.0.as_bytes(), text.as_bytes(), b'/')
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether a host name is one that the pattern means. `*.` at the start stands for one or more labels, as in
/// certificates but deeper; any other `*` stands for characters of one label. Case and a final dot do not matter.
pub fn name_matches(pattern: &str, name: &str) -> bool {
    let clean = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
    let (pattern, name) = (clean(pattern), clean(name));
    match pattern.strip_prefix("*.") {
        Some(rest) => name
            .match_indices('.')
            .any(|(at, _)| at > 0 && glob(rest.as_bytes(), &name.as_bytes()[at + 1..], b'.')),
        None => glob(pattern.as_bytes(), name.as_bytes(), b'.'),
    }
}

/// Greedy matching with one point of return: linear for one `*`, at worst pattern × text.
fn glob(pattern: &[u8], text: &[u8], separator: u8) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            retry = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            if text[t] == separator {
                // A star before the separator cannot swallow it, so there is nothing to return to.
                retry = None;
            }
            p += 1;
            t += 1;
        } else if let Some((star, from)) = retry
            && text[from] != separator
        {
            retry = Some((star, from + 1));
            p = star + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&b| b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_stays_inside_its_part() {
        for (pattern, text, expected) in [
            ("shop/*", "shop/redis", true),
            ("*/redis", "shop/redis", true),
            ("*/*", "shop/redis", true),
            ("*", "shop/redis", false),
            ("sh*p/r*s", "shop/redis", true),
            ("shop/*-api", "shop/a-b-api", true),
            ("shop/*-api", "shop/api", false),
            ("shop/**", "shop/", true),
            ("shop/redis", "shop/redis2", false),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_leading_star_of_a_host_name_is_one_or_more_labels() {
        for (pattern, name, expected) in [
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.Example.com.", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "badexample.com", false),
            ("*.example.com", ".example.com", false),
            ("api-*.example.com", "api-1.example.com", true),
            ("api-*.example.com", "api-1.x.example.com", false),
            ("api.example.com", "API.EXAMPLE.COM", true),
        ] {
            assert_eq!(name_matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    /// The definition, without cleverness.
    fn slow(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some(b'*'), _) => {
                slow(&pattern[1..], text)
                    || text.first().is_some_and(|&b| b != b'/' && slow(pattern, &text[1..]))
            }
            (Some(a), Some(b)) => a == b && slow(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn the_fast_matcher_agrees_with_the_definition(pattern in "[ab/*]{0,8}", text in "[ab/]{0,10}") {
            prop_assert_eq!(Glob::new(&pattern).matches(&text), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
