use crate::{IpProtocol, ServiceName, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, net::IpAddr};

/// The runtime's own identifier of a container (64 hexadecimal characters for Docker), unique on its node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct WorkloadId(pub Box<str>);

impl WorkloadId {
    /// The first 12 characters, as `docker ps` shows them.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.short())
    }
}

/// What made the service name out of the workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadOwner {
    /// The label `bulkhead.service`.
    Label,
    Kubernetes,
    Compose,
    Swarm,
    /// The name of the container, freed of counters, hashes and dates.
    ContainerName,
    /// Last resort: image and command.
    Image,
}

/// A port that the workload says it serves: EXPOSE of the image, `ports` of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Exposure {
    pub protocol: IpProtocol,
    pub port: u16,
}

/// A port of the host that leads to a port of the workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PublishedPort {
    pub protocol: IpProtocol,
    pub host_port: u16,
    pub container_port: u16,
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub host_address: Option<IpAddr>,
}

/// One interface of the workload on one of its networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Interface {
    /// The runtime's name of the network: `bridge`, `shop_backend`.
    pub network: Box<str>,
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub addresses: Vec<IpAddr>,
    /// Ethernet address, where the runtime says it.
    pub mac: Option<[u8; 6]>,
}

/// How the workload is attached to the network, which says how it can be confined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "container", rename_all = "kebab-case")]
pub enum Attachment {
    /// A network namespace of its own.
    Own,
    /// Shares the namespace of another workload (`--network container:X`, the containers of a pod).
    Shared(WorkloadId),
    /// The host's namespace.
    Host,
    /// A namespace with nothing but loopback.
    None,
}

/// One container, pod or host process group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Workload {
    pub id: WorkloadId,
    /// As people know it: the container's name.
    pub name: Box<str>,
    pub service: ServiceName,
    pub owner: WorkloadOwner,
    /// `docker`, `containerd/k8s.io`, ...
    pub runtime: Box<str>,
    pub image: Box<str>,
    /// `sha256:...` of the image, where the runtime says it.
    pub image_digest: Option<Box<str>>,
    pub labels: BTreeMap<String, String>,
    /// Names of the environment variables' values that look like `host` or `host:port`, and arguments likewise: a
    /// declared source for learning. Values are never kept in whole, because they hold secrets.
    pub declared_peers: Vec<Box<str>>,
    pub exposes: Vec<Exposure>,
    pub published: Vec<PublishedPort>,
    pub attachment: Attachment,
    /// Why what it sends and receives, or a part of it, is not confined whatever its service's mode is, and what to do
    /// about it: in the host's network without a control group of its own, or with an interface that passes by the host
    /// (macvlan, ipvlan, SR-IOV). None where it is confined like any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfined: Option<Box<str>>,
    pub interfaces: Vec<Interface>,
    /// Process id of its first process in the host's namespace; 0 while it does not run.
    pub pid: u32,
    /// Where the runtime keeps its network namespace (`/var/run/docker/netns/...`), where it says so.
    pub netns: Option<Box<str>>,
    pub started: Option<Timestamp>,
}

impl Workload {
    /// A container with a network of its own of which its runtime has said nothing yet but what it is.
    pub fn new(id: WorkloadId, service: ServiceName) -> Self {
        Self {
            id,
            name: service.name().into(),
            service,
            owner: WorkloadOwner::ContainerName,
            runtime: "".into(),
            image: "".into(),
            image_digest: None,
            labels: BTreeMap::new(),
            declared_peers: Vec::new(),
            exposes: Vec::new(),
            published: Vec::new(),
            attachment: Attachment::Own,
            unconfined: None,
            interfaces: Vec::new(),
            pid: 0,
            netns: None,
            started: None,
        }
    }
}

/// The process behind a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Process {
    /// In the host's namespace.
    pub pid: u32,
    /// Absolute path of its executable as the process sees it.
    pub executable: Box<str>,
    /// At most 256 bytes of its command line, arguments separated by blanks.
    pub command_line: Box<str>,
    pub uid: u32,
    /// Its parents at that moment, nearest first, as far as its container goes: at most eight. A process whose parent
    /// has ended belongs to the first of the container. Empty where nothing is known for certain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<ParentProcess>,
}

/// A parent of a process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ParentProcess {
    /// In the host's namespace.
    pub pid: u32,
    pub executable: Box<str>,
    pub command_line: Box<str>,
}
