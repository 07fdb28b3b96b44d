use crate::ServiceName;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of a declared or resolved external endpoint: an FQDN (`api.example.com`, `*.example.com`) or a range
/// (`203.0.113.0/24`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct ExternalName(pub Box<str>);

impl fmt::Display for ExternalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One end of an edge. JSON: `{"kind": "service", "name": "shop/redis"}`, `{"kind": "world"}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "name", rename_all = "kebab-case")]
pub enum Peer {
    Service(ServiceName),
    External(ExternalName),
    Host,
    RemoteHost,
    World,
    Multicast,
    Unknown,
}

impl Peer {
    pub fn service(&self) -> Option<&ServiceName> {
        match self {
            Self::Service(name) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(name) => f.pad(&name.to_string()),
            Self::External(name) => f.pad(&name.0),
            Self::Host => f.pad("host"),
            Self::RemoteHost => f.pad("remote-host"),
            Self::World => f.pad("world"),
            Self::Multicast => f.pad("multicast"),
            Self::Unknown => f.pad("unknown"),
        }
    }
}

impl From<ServiceName> for Peer {
    fn from(name: ServiceName) -> Self {
        Self::Service(name)
    }
}
