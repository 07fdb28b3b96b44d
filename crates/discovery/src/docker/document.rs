//! The parts of Docker's documents that are needed. Everything may be missing or `null`: which version says what is
//! not ours to decide.

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use std::collections::BTreeMap;

/// `null` is as good as nothing.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(document: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(document)?.unwrap_or_default())
}

/// A line of `GET /events`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    #[serde(rename = "Type", deserialize_with = "nullable")]
    pub(super) kind: String,
    #[serde(rename = "Action", deserialize_with = "nullable")]
    pub(super) action: String,
    #[serde(rename = "Actor", deserialize_with = "nullable")]
    pub(super) actor: Actor,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Actor {
    #[serde(rename = "ID", deserialize_with = "nullable")]
    pub(super) id: String,
    #[serde(rename = "Attributes", deserialize_with = "nullable")]
    pub(super) attributes: BTreeMap<String, String>,
}

impl Event {
    /// The container it is about.
    pub(super) fn container(&self) -> Option<&str> {
        let id = match &*self.kind {
            "container" => Some(&self.actor.id),
            "network" => self.actor.attributes.get("container"),
            _ => None,
        };
        id.map(String::as_str).filter(|id| !id.is_empty())
    }

    /// Without what follows a colon, as in `exec_start: sh`.
    pub(super) fn action(&self) -> &str {
        self.action.split(':').next().unwrap_or_default()
    }

    pub(super) fn network_name(&self) -> String {
        self.actor.attributes.get("name").cloned().unwrap_or_default()
    }
}

/// An element of `GET /containers/json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListedContainer {
    #[serde(deserialize_with = "nullable")]
    pub(super) id: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) names: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) image: String,
    #[serde(rename = "ImageID", deserialize_with = "nullable")]
    pub(super) image_id: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) state: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) ports: Vec<ListedPort>,
    #[serde(deserialize_with = "nullable")]
    pub(super) host_config: HostConfig,
    #[serde(deserialize_with = "nullable")]
    pub(super) network_settings: NetworkSettings,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListedPort {
    #[serde(rename = "IP", deserialize_with = "nullable")]
    pub(super) ip: String,
    pub(super) private_port: u16,
    pub(super) public_port: Option<u16>,
    #[serde(rename = "Type", deserialize_with = "nullable")]
    pub(super) protocol: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct HostConfig {
    #[serde(deserialize_with = "nullable")]
    pub(super) network_mode: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) port_bindings: PortBindings,
}

/// `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/tcp": null}`
pub(super) type PortBindings = BTreeMap<String, Option<Vec<PortBinding>>>;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct PortBinding {
    #[serde(deserialize_with = "nullable")]
    pub(super) host_ip: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) host_port: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct NetworkSettings {
    #[serde(deserialize_with = "nullable")]
    pub(super) sandbox_key: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) ports: PortBindings,
    #[serde(deserialize_with = "nullable")]
    pub(super) networks: BTreeMap<String, Option<EndpointSettings>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct EndpointSettings {
    #[serde(rename = "IPAddress", deserialize_with = "nullable")]
    pub(super) ipv4: String,
    #[serde(rename = "GlobalIPv6Address", deserialize_with = "nullable")]
    pub(super) ipv6: String,
    #[serde(rename = "MacAddress", deserialize_with = "nullable")]
    pub(super) mac: String,
}

/// `GET /containers/ID/json`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Container {
    #[serde(deserialize_with = "nullable")]
    pub(super) id: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) name: String,
    /// Digest of the image's configuration.
    #[serde(deserialize_with = "nullable")]
    pub(super) image: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) path: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) args: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) state: State,
    #[serde(deserialize_with = "nullable")]
    pub(super) config: ContainerConfig,
    #[serde(deserialize_with = "nullable")]
    pub(super) host_config: HostConfig,
    #[serde(deserialize_with = "nullable")]
    pub(super) network_settings: NetworkSettings,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct State {
    #[serde(deserialize_with = "nullable")]
    pub(super) status: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) pid: u32,
    #[serde(deserialize_with = "nullable")]
    pub(super) started_at: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ContainerConfig {
    #[serde(deserialize_with = "nullable")]
    pub(super) image: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) env: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) exposed_ports: BTreeMap<String, IgnoredAny>,
}

/// `GET /networks/ID`, and an element of `GET /networks`, which leaves the containers out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Network {
    #[serde(deserialize_with = "nullable")]
    pub(super) name: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) driver: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) containers: BTreeMap<String, NetworkEndpoint>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct NetworkEndpoint {
    #[serde(deserialize_with = "nullable")]
    pub(super) mac_address: String,
    /// With the length of the prefix: `172.18.0.2/16`.
    #[serde(rename = "IPv4Address", deserialize_with = "nullable")]
    pub(super) ipv4: String,
    #[serde(rename = "IPv6Address", deserialize_with = "nullable")]
    pub(super) ipv6: String,
}
