//! From what a runtime knows of a container to the name of its service.
//!
//! A service is the replicas that are one thing, so the name must be the same for every replica, after every restart
//! and for every run of a job, and must not be shared by things that are not the same. Where the two conflict, a
//! counter, hash or date at the *end* of a name is taken off and everything else is left.

mod generated;
mod image;
mod kubernetes;
mod sanitise;
mod volatile;

pub use generated::is_generated_by_docker;
pub use image::{image_name, name_of_image_and_command};
pub use kubernetes::owner_of_pod;
pub use sanitise::sanitise;
pub use volatile::without_volatile_parts;

use bulkhead_model::{ServiceName, WorkloadOwner};
use std::collections::BTreeMap;

/// Label by which users name the service themselves: `namespace/name`, or `name` in the namespace that the
/// orchestrator gives.
pub const SERVICE_LABEL: &str = "bulkhead.service";

const COMPOSE_PROJECT: &str = "com.docker.compose.project";
const COMPOSE_SERVICE: &str = "com.docker.compose.service";
const SWARM_SERVICE: &str = "com.docker.swarm.service.name";
const SWARM_STACK: &str = "com.docker.stack.namespace";
const POD_NAME: &str = "io.kubernetes.pod.name";
const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";

/// What is known of a container when it is to be named.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub labels: &'a BTreeMap<String, String>,
    /// Name of the container, without a leading slash; may be empty or the container's identifier.
    pub name: &'a str,
    /// Image as it was asked for: `redis:7`, `registry.example:5000/team/app@sha256:...`.
    pub image: &'a str,
    /// Entry point and arguments.
    pub command: &'a [String],
}

/// The service of a container, and what said so.
pub fn service_of(facts: &Facts<'_>) -> (ServiceName, WorkloadOwner) {
    let (namespace, name, owner) = by_orchestrator(facts).unwrap_or_else(|| {
        let (name, owner) = by_container(facts);
        (ServiceName::DEFAULT_NAMESPACE.to_owned(), name, owner)
    });
    if let Some(chosen) = facts.label(SERVICE_LABEL) {
        let (namespace, name) = chosen.split_once('/').unwrap_or((&namespace, chosen));
        return (service(namespace, name), WorkloadOwner::Label);
    }
    (service(&namespace, &name), owner)
}

fn by_orchestrator(facts: &Facts<'_>) -> Option<(String, String, WorkloadOwner)> {
    if let (Some(namespace), Some(pod)) = (facts.label(POD_NAMESPACE), facts.label(POD_NAME)) {
        return Some((namespace.to_owned(), owner_of_pod(pod, facts.labels), WorkloadOwner::Kubernetes));
    }
    if let Some(name) = facts.label(SWARM_SERVICE) {
        let stack = facts.label(SWARM_STACK);
        let bare = stack.and_then(|stack| name.strip_prefix(stack)?.strip_prefix('_')).unwrap_or(name);
        let namespace = stack.unwrap_or(ServiceName::DEFAULT_NAMESPACE);
        return Some((namespace.to_owned(), bare.to_owned(), WorkloadOwner::Swarm));
    }
    // `docker compose run` starts a container of the same service: its labels say so, whatever its name says.
    let name = facts.label(COMPOSE_SERVICE)?;
    let project = facts.label(COMPOSE_PROJECT).unwrap_or(ServiceName::DEFAULT_NAMESPACE);
    Some((project.to_owned(), name.to_owned(), WorkloadOwner::Compose))
}

fn by_container(facts: &Facts<'_>) -> (String, WorkloadOwner) {
    let chosen_by_a_person = !facts.name.is_empty() && !is_generated_by_docker(facts.name);
    match chosen_by_a_person.then(|| without_volatile_parts(facts.name)).flatten() {
        Some(name) => (name, WorkloadOwner::ContainerName),
        None => (name_of_image_and_command(facts.image, facts.command), WorkloadOwner::Image),
    }
}

fn service(namespace: &str, name: &str) -> ServiceName {
    ServiceName::new(&sanitise(namespace), &sanitise(name)).expect("both parts were sanitised")
}

impl<'a> Facts<'a> {
    fn label(&self, name: &str) -> Option<&'a str> {
        self.labels.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests;
