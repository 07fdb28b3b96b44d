//! From Docker's documents to workloads.

use super::{
    NAME,
    document::{
        Container, ContainerConfig, EndpointSettings, ListedContainer, NetworkSettings, PortBindings,
    },
    engine::Engine,
    is_up,
};
use crate::{
    declared::{compose_dependencies, declared_peers},
    naming::{Facts, service_of},
    runtime::RuntimeError,
    time::parse_rfc3339,
};
use bulkhead_model::{
    Attachment, Exposure, Interface, IpProtocol, PublishedPort, Workload, WorkloadId, WorkloadOwner,
};
use std::{collections::BTreeMap, net::IpAddr, sync::Arc};
use tokio::{sync::Semaphore, task::JoinSet};

/// Where Compose leaves what a service depends on.
const DEPENDENCIES: &str = "com.docker.compose.depends_on";
/// Inspections under way at once while everything is read.
const AT_ONCE: usize = 16;

/// All containers that are up.
pub(super) async fn all(engine: &Engine) -> Result<Vec<Workload>, RuntimeError> {
    let listed = engine.containers(None).await?;
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut inspections = JoinSet::new();
    for container in listed.into_iter().filter(ListedContainer::is_up) {
        let (engine, permits) = (engine.clone(), permits.clone());
        inspections.spawn(async move {
            let _permit = permits.acquire_owned().await;
            match one(&engine, &container.id).await {
                // Held in its start, or strange: what the list says is better than no snapshot.
                Err(RuntimeError::Silent { .. } | RuntimeError::Malformed { .. }) => {
                    Ok(Some(from_list(&container).0))
                }
                inspected => inspected,
            }
        });
    }
    let mut workloads = Vec::new();
    while let Some(inspected) = inspections.join_next().await {
        let inspected = inspected
            .map_err(|e| RuntimeError::Broken { what: "inspecting".to_owned(), reason: e.to_string() })?;
        workloads.extend(inspected?);
    }
    Ok(workloads)
}

/// One container by inspection, `None` where it is gone or is not up.
pub(super) async fn one(engine: &Engine, id: &str) -> Result<Option<Workload>, RuntimeError> {
    let container = engine.container(id).await?;
    Ok(container.filter(|c| !c.id.is_empty() && is_up(&c.state.status)).map(|c| from_inspection(&c)))
}

/// One container by the list, whether it is up or not. `None` where it is gone, or where the list does not tell enough
/// to name its service for certain.
pub(super) async fn listed(engine: &Engine, id: &str) -> Result<Option<Workload>, RuntimeError> {
    let listed = engine.containers(Some(id)).await?;
    let found = listed.iter().find(|c| c.id == id).map(from_list);
    Ok(found.and_then(|(workload, certain)| certain.then_some(workload)))
}

/// The container's interface on a network, by the network, which knows addresses before the container does.
pub(super) async fn endpoint(
    engine: &Engine,
    network: &str,
    name: &str,
    id: &str,
) -> Result<Option<Interface>, RuntimeError> {
    let network = engine.network(network).await?.unwrap_or_default();
    Ok(network.containers.get(id).and_then(|endpoint| {
        let bare = |address: &str| address.split('/').next().unwrap_or_default().to_owned();
        let settings = EndpointSettings {
            ipv4: bare(&endpoint.ipv4),
            ipv6: bare(&endpoint.ipv6),
            mac: endpoint.mac_address.clone(),
        };
        interface(name, &settings).filter(|i| !i.addresses.is_empty())
    }))
}

fn from_inspection(container: &Container) -> Workload {
    let ContainerConfig { image, labels, env, exposed_ports } = &container.config;
    let name = container.name.trim_start_matches('/');
    let command: Vec<String> = [&container.path].into_iter().chain(&container.args).cloned().collect();
    let (service, owner) = service_of(&Facts { labels, name, image, command: &command });
    let settings = &container.network_settings;
    // Before the start the actual ports are not known, those that were asked for are.
    let bindings =
        if settings.ports.is_empty() { &container.host_config.port_bindings } else { &settings.ports };
    let exposes = exposed_ports.keys().chain(bindings.keys()).filter_map(|key| port_key(key)).collect();
    let mut declared =
        declared_peers(env.iter().map(String::as_str), container.args.iter().map(String::as_str));
    declared.extend(dependencies(labels));
    Workload {
        id: WorkloadId(container.id.as_str().into()),
        name: name.into(),
        service,
        owner,
        runtime: NAME.into(),
        image: image.as_str().into(),
        image_digest: some(&container.image),
        labels: labels.clone(),
        declared_peers: in_order(declared),
        exposes: in_order(exposes),
        published: in_order(published(bindings)),
        attachment: attachment(&container.host_config.network_mode),
        unconfined: None,
        interfaces: interfaces(settings),
        pid: container.state.pid,
        netns: some(&settings.sandbox_key).filter(|_| container.state.pid != 0),
        started: parse_rfc3339(&container.state.started_at),
    }
}

/// The workload as the list knows it, and whether its service is certain: the list does not tell the command, so a
/// service that is named after it is not.
fn from_list(container: &ListedContainer) -> (Workload, bool) {
    // Links make further names, `/other/alias`.
    let own = container.names.iter().map(|n| n.trim_start_matches('/')).find(|n| !n.contains('/'));
    let name = own.unwrap_or_default();
    let (service, owner) =
        service_of(&Facts { labels: &container.labels, name, image: &container.image, command: &[] });
    let mut exposes = Vec::new();
    let mut published = Vec::new();
    for port in &container.ports {
        let Some(protocol) = protocol(&port.protocol) else { continue };
        exposes.push(Exposure { protocol, port: port.private_port });
        if let Some(host_port) = port.public_port.filter(|p| *p != 0) {
            let host_address = port.ip.parse().ok();
            let container_port = port.private_port;
            published.push(PublishedPort { protocol, host_port, container_port, host_address });
        }
    }
    let workload = Workload {
        id: WorkloadId(container.id.as_str().into()),
        name: name.into(),
        service,
        owner,
        runtime: NAME.into(),
        image: container.image.as_str().into(),
        image_digest: some(&container.image_id),
        labels: container.labels.clone(),
        declared_peers: in_order(dependencies(&container.labels)),
        exposes: in_order(exposes),
        published: in_order(published),
        attachment: attachment(&container.host_config.network_mode),
        unconfined: None,
        interfaces: interfaces(&container.network_settings),
        pid: 0,
        netns: None,
        started: None,
    };
    (workload, owner != WorkloadOwner::Image)
}

fn dependencies(labels: &BTreeMap<String, String>) -> Vec<Box<str>> {
    labels.get(DEPENDENCIES).map(|label| compose_dependencies(label)).unwrap_or_default()
}

fn some(text: &str) -> Option<Box<str>> {
    (!text.is_empty()).then(|| text.into())
}

fn in_order<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

fn attachment(network_mode: &str) -> Attachment {
    match network_mode.split_once(':') {
        Some(("container", other)) => Attachment::Shared(WorkloadId(other.into())),
        _ if network_mode == "host" => Attachment::Host,
        _ if network_mode == "none" => Attachment::None,
        _ => Attachment::Own,
    }
}

fn interfaces(settings: &NetworkSettings) -> Vec<Interface> {
    let networks = settings.networks.iter().filter(|(name, _)| !matches!(&***name, "host" | "none"));
    networks.filter_map(|(name, endpoint)| interface(name, &endpoint.clone().unwrap_or_default())).collect()
}

fn interface(network: &str, endpoint: &EndpointSettings) -> Option<Interface> {
    let addresses: Vec<IpAddr> =
        [&endpoint.ipv4, &endpoint.ipv6].into_iter().filter_map(|a| a.parse().ok()).collect();
    (!network.is_empty()).then(|| Interface {
        network: network.into(),
        addresses,
        mac: parse_mac(&endpoint.mac),
    })
}

fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        *byte = u8::from_str_radix(parts.next().filter(|p| p.len() == 2 && !p.starts_with('+'))?, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

/// `80/tcp`; without a protocol it is TCP.
fn port_key(key: &str) -> Option<Exposure> {
    let (port, name) = key.split_once('/').unwrap_or((key, "tcp"));
    Some(Exposure { port: port.parse().ok()?, protocol: protocol(name)? })
}

fn protocol(name: &str) -> Option<IpProtocol> {
    match name {
        "tcp" => Some(IpProtocol::TCP),
        "udp" => Some(IpProtocol::UDP),
        "sctp" => Some(IpProtocol::SCTP),
        _ => None,
    }
}

fn published(bindings: &PortBindings) -> Vec<PublishedPort> {
    let mut published = Vec::new();
    for (key, hosts) in bindings {
        let Some(Exposure { protocol, port: container_port }) = port_key(key) else { continue };
        for host in hosts.iter().flatten() {
            // Empty or a range before the start: the engine has not chosen yet.
            let Some(host_port) = host.host_port.parse().ok().filter(|port| *port != 0) else { continue };
            let host_address = host.host_ip.parse().ok();
            published.push(PublishedPort { protocol, host_port, container_port, host_address });
        }
    }
    published
}

#[cfg(test)]
mod tests;
