//! From containerd's records to workloads.

use super::{
    api::Api,
    message::{Container, Task},
    spec::{NetworkNamespace, Spec},
};
use crate::{
    declared::declared_peers,
    namespace::{namespace_interfaces, path_of},
    naming::{Facts, service_of},
    runtime::RuntimeError,
};
use bulkhead_model::{Attachment, Interface, Timestamp, Workload, WorkloadId, WorkloadOwner};
use std::collections::{HashMap, HashSet};

/// Annotations that containerd's CRI plugin puts into the specifications of pods.
const CONTAINER_TYPE: &str = "io.kubernetes.cri.container-type";
const SANDBOX_ID: &str = "io.kubernetes.cri.sandbox-id";
const IMAGE_NAME: &str = "io.kubernetes.cri.image-name";

/// Labels that kubelet and nerdctl put on containers.
const POD_NAME: &str = "io.kubernetes.pod.name";
const CONTAINER_NAME: &str = "io.kubernetes.container.name";
const NERDCTL_NAME: &str = "nerdctl/name";

/// What several namespaces of containerd hold.
#[derive(Debug, Default)]
pub(super) struct Everything {
    /// What is up.
    pub(super) workloads: Vec<Workload>,
    /// Containers without a task: not started yet, or ended.
    pub(super) waiting: HashSet<WorkloadId>,
}

pub(super) async fn everything(api: &Api, namespaces: &[String]) -> Result<Everything, RuntimeError> {
    let mut everything = Everything::default();
    for namespace in namespaces {
        let tasks = api.tasks(namespace).await?;
        let mut digests = HashMap::new();
        for container in api.containers(namespace).await? {
            let task = tasks.get(&container.id).filter(|task| task.is_up());
            let Some(task) = task else {
                everything.waiting.insert(workload_id(namespace, &container.id));
                continue;
            };
            let digest = match digests.get(&container.image) {
                Some(digest) => Option::clone(digest),
                None => {
                    let digest = image_digest(api, namespace, &container.image).await?;
                    digests.insert(container.image.clone(), digest.clone());
                    digest
                }
            };
            everything.workloads.push(workload(namespace, &container, Some(task), digest).await);
        }
    }
    let pods: HashMap<WorkloadId, Workload> =
        everything.workloads.iter().map(|w| (w.id.clone(), w.clone())).collect();
    for workload in &mut everything.workloads {
        join_pod(workload, |pod| pods.get(pod));
    }
    Ok(everything)
}

/// One container; `None` where it is gone or not up. Without a task it is up only if that is what is expected of it.
pub(super) async fn one(
    api: &Api,
    namespace: &str,
    id: &str,
    without_task: bool,
) -> Result<Option<Workload>, RuntimeError> {
    let Some(container) = api.container(namespace, id).await? else { return Ok(None) };
    let task = api.task(namespace, id).await?;
    let up = task.as_ref().map_or(without_task, Task::is_up);
    if !up {
        return Ok(None);
    }
    let digest = image_digest(api, namespace, &container.image).await?;
    Ok(Some(workload(namespace, &container, task.as_ref(), digest).await))
}

/// A container of a pod belongs to the service of its pod, whose labels it lacks.
pub(super) fn join_pod<'a>(workload: &mut Workload, known: impl Fn(&WorkloadId) -> Option<&'a Workload>) {
    let Attachment::Shared(pod) = &workload.attachment else { return };
    let Some(pod) = known(pod).filter(|pod| pod.owner != WorkloadOwner::Image) else { return };
    if pod.labels.get(POD_NAME) != workload.labels.get(POD_NAME) {
        return;
    }
    workload.service = pod.service.clone();
    workload.owner = pod.owner;
    for (name, value) in &pod.labels {
        workload.labels.entry(name.clone()).or_insert_with(|| value.clone());
    }
}

/// Unique on the node: identifiers that are no hashes are unique in their namespace alone.
pub(super) fn workload_id(namespace: &str, container: &str) -> WorkloadId {
    let hash = container.len() == 64 && container.bytes().all(|b| b.is_ascii_hexdigit());
    let id = if hash { container.to_owned() } else { format!("{namespace}/{container}") };
    WorkloadId(id.into())
}

async fn image_digest(api: &Api, namespace: &str, image: &str) -> Result<Option<String>, RuntimeError> {
    if image.is_empty() { Ok(None) } else { api.image_digest(namespace, image).await }
}

async fn workload(
    namespace: &str,
    container: &Container,
    task: Option<&Task>,
    digest: Option<String>,
) -> Workload {
    let mut workload = describe(namespace, container, task, digest);
    if workload.attachment == Attachment::Own
        && let Some(path) = path_of(&workload)
    {
        // containerd knows no addresses: the namespace does.
        let listing = tokio::task::spawn_blocking(move || namespace_interfaces(&path));
        if let Ok(Ok(interfaces)) = listing.await {
            let outward = interfaces.into_iter().filter(|interface| !interface.loopback);
            workload.interfaces = outward
                .map(|interface| {
                    let mut addresses = interface.addresses;
                    addresses
                        .retain(|a| !matches!(a, std::net::IpAddr::V6(v6) if v6.is_unicast_link_local()));
                    Interface { network: interface.name, addresses, mac: interface.mac }
                })
                .collect();
        }
    }
    workload
}

/// All but the addresses.
fn describe(namespace: &str, container: &Container, task: Option<&Task>, digest: Option<String>) -> Workload {
    let json = container.spec.as_ref().map_or(&[][..], |spec| &spec.value);
    let spec = Spec::parse(json).unwrap_or_else(|error| {
        tracing::warn!(%namespace, container = %container.id, %error, "the specification is malformed");
        Spec::default()
    });
    let annotation = |name: &str| spec.annotations.get(name).filter(|value| !value.is_empty());
    let label = |name: &str| container.labels.get(name).filter(|value| !value.is_empty());
    let id = workload_id(namespace, &container.id);
    let name = match (label(POD_NAME), label(CONTAINER_NAME)) {
        (Some(pod), Some(own)) => format!("{pod}/{own}"),
        (Some(pod), None) => pod.clone(),
        _ => label(NERDCTL_NAME).unwrap_or(&container.id).clone(),
    };
    let image = annotation(IMAGE_NAME).unwrap_or(&container.image).clone();
    let given = if *id.0 == *container.id { label(NERDCTL_NAME).map_or("", |name| name) } else { &name };
    let facts = Facts { labels: &container.labels, name: given, image: &image, command: &spec.process.args };
    let (service, owner) = service_of(&facts);
    let sandbox =
        annotation(SANDBOX_ID).filter(|_| annotation(CONTAINER_TYPE).is_some_and(|kind| kind == "container"));
    let pid = task.map_or(0, |task| task.pid);
    let (attachment, netns) = match (spec.network_namespace(), sandbox) {
        (NetworkNamespace::Hosts, _) => (Attachment::Host, None),
        (_, Some(sandbox)) => (Attachment::Shared(workload_id(namespace, sandbox)), None),
        (NetworkNamespace::New, None) => (Attachment::Own, None),
        (NetworkNamespace::Existing(path), None) => (Attachment::Own, Some(path.into())),
    };
    let created = container.created_at.as_ref();
    let started = created.filter(|_| pid != 0).and_then(|time| {
        let milliseconds = time.seconds.checked_mul(1000)?.checked_add(i64::from(time.nanos) / 1_000_000)?;
        Some(Timestamp(u64::try_from(milliseconds).ok()?))
    });
    let arguments = spec.process.args.iter().skip(1).map(String::as_str);
    Workload {
        id,
        name: name.into(),
        service,
        owner,
        runtime: format!("containerd/{namespace}").into(),
        image: image.into(),
        image_digest: digest.map(String::into_boxed_str),
        labels: container.labels.clone(),
        declared_peers: declared_peers(spec.process.env.iter().map(String::as_str), arguments),
        exposes: Vec::new(),
        published: Vec::new(),
        attachment,
        unconfined: None,
        interfaces: Vec::new(),
        pid,
        netns,
        started,
    }
}

#[cfg(test)]
mod tests;
