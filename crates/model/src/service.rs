use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The name of a service: `namespace/name`, for example `shop/redis`.
///
/// The namespace is the Kubernetes namespace, the Compose project or the Swarm stack; `default` where there is none.
/// Both parts are at most 253 characters of letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName {
    namespace: Box<str>,
    name: Box<str>,
}

/// The text is not a service name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a service name: expected namespace/name, each of letters, digits, '-', '_' and '.', at most 253 long"
)]
pub struct InvalidServiceName(pub String);

impl ServiceName {
    /// Namespace of workloads that belong to no project, stack or namespace.
    pub const DEFAULT_NAMESPACE: &str = "default";

    pub fn new(namespace: &str, name: &str) -> Result<Self, InvalidServiceName> {
        if valid(namespace) && valid(name) {
            Ok(Self { namespace: namespace.into(), name: name.into() })
        } else {
            Err(InvalidServiceName(format!("{namespace}/{name}")))
        }
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

fn valid(part: &str) -> bool {
    (1..=253).contains(&part.len())
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl FromStr for ServiceName {
    type Err = InvalidServiceName;

    /// Parses `namespace/name`; a bare `name` is in the `default` namespace.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, name) = text.split_once('/').unwrap_or((Self::DEFAULT_NAMESPACE, text));
        Self::new(namespace, name).map_err(|_| InvalidServiceName(text.to_owned()))
    }
}

impl TryFrom<String> for ServiceName {
    type Error = InvalidServiceName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ServiceName> for String {
    fn from(name: ServiceName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_lives_in_the_default_namespace() {
        let name: ServiceName = "redis".parse().expect("valid");
        assert_eq!(name.to_string(), "default/redis");
    }

    #[test]
    fn names_with_two_slashes_spaces_or_nothing_are_refused() {
        for text in ["a/b/c", "a b", "", "/", "a/", "/b"] {
            assert!(text.parse::<ServiceName>().is_err(), "{text}");
        }
    }
}
