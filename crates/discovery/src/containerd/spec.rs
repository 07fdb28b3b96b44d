//! The parts of an OCI runtime specification (`config.json`) that are needed.

use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// `null` is as good as nothing.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(document: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(document)?.unwrap_or_default())
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Spec {
    #[serde(deserialize_with = "nullable")]
    pub(super) process: Process,
    #[serde(deserialize_with = "nullable")]
    pub(super) annotations: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    linux: Linux,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Process {
    #[serde(deserialize_with = "nullable")]
    pub(super) args: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) env: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Linux {
    #[serde(deserialize_with = "nullable")]
    namespaces: Vec<Namespace>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Namespace {
    #[serde(rename = "type", deserialize_with = "nullable")]
    kind: String,
    #[serde(deserialize_with = "nullable")]
    path: String,
}

/// What the specification says of the network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NetworkNamespace {
    /// None is named: it stays in the host's.
    Hosts,
    /// A new one.
    New,
    /// One that exists.
    Existing(String),
}

impl Spec {
    pub(super) fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    pub(super) fn network_namespace(&self) -> NetworkNamespace {
        match self.linux.namespaces.iter().find(|namespace| namespace.kind == "network") {
            None => NetworkNamespace::Hosts,
            Some(namespace) if namespace.path.is_empty() => NetworkNamespace::New,
            Some(namespace) => NetworkNamespace::Existing(namespace.path.clone()),
        }
    }
}
