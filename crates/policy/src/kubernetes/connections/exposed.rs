//! What the ingress controller may send to the workloads behind the services that it is asked to expose.

use super::{Connection, Endpoint, warning};
use crate::{
    flowset::ProtocolSet,
    kubernetes::{
        BackendPort, ContainerPort, Diagnostic, ExposedService, Place, Pod, Resources, Semantics, Service,
        ServicePort, TargetPort, Workload, WorkloadName, engine::Engine,
    },
};
use bulkhead_model::IpProtocol;
use std::collections::BTreeMap;

pub(super) fn from_ingress(
    resources: &Resources,
    semantics: Semantics,
    engine: &Engine<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Connection> {
    let Some(controller) = engine.ingress_controller() else { return Vec::new() };
    let mut by_namespace: BTreeMap<&str, Vec<(&WorkloadName, &Workload)>> = BTreeMap::new();
    if !resources.exposed.is_empty() {
        for (name, workload) in &resources.workloads {
            by_namespace.entry(&name.namespace).or_default().push((name, workload));
        }
    }
    // What is allowed of what is asked for, and where it is.
    let mut wanted: BTreeMap<&WorkloadName, (ProtocolSet, &Place)> = BTreeMap::new();
    for exposed in &resources.exposed {
        let name = (exposed.namespace.clone(), exposed.service.clone());
        let Some(service) = resources.services.get(&name) else {
            let message = format!("there is no service {}/{}", name.0, name.1);
            diagnostics.push(warning(&exposed.place, message, None));
            continue;
        };
        let Some(selector) = &service.selector else {
            let message = format!("the service {}/{} has no selector", name.0, name.1);
            diagnostics.push(warning(&exposed.place, message, None));
            continue;
        };
        let targets = targets(service, exposed, semantics);
        if targets.is_empty() {
            diagnostics.push(no_such_port(service, exposed));
        }
        for (name, workload) in by_namespace.get(exposed.namespace.as_str()).into_iter().flatten() {
            let classes = engine.members.get(name).into_iter().flatten();
            for (pod, class) in workload.pods.iter().zip(classes) {
                if !selector.matches(&pod.labels) {
                    continue;
                }
                let traffic: ProtocolSet =
                    targets.iter().map(|target| reachable(pod, target, semantics)).collect();
                if traffic.is_empty() {
                    continue;
                }
                let allowed = traffic.intersection(&engine.allowed(controller, *class));
                let known = wanted.entry(name).or_insert((ProtocolSet::none(), &exposed.place));
                known.0 = known.0.union(&allowed);
            }
        }
    }
    let mut found = Vec::new();
    for (name, (allowed, place)) in wanted {
        if allowed.is_empty() {
            let message = format!(
                "{name} is exposed here, but policies deny it to an ingress controller of which nothing is known"
            );
            let remedy = "a policy that selects the real controller may allow it";
            diagnostics.push(warning(place, message, Some(remedy.to_owned())));
        } else {
            let to = Endpoint::Workload(name.clone());
            found.push(Connection { from: Endpoint::IngressController, to, traffic: allowed });
        }
    }
    found
}

/// Where a service sends what arrives on the port that the ingress names.
fn targets(service: &Service, exposed: &ExposedService, semantics: Semantics) -> Vec<TargetPort> {
    let by_port = |port: &ServicePort| match &exposed.port {
        BackendPort::Any => true,
        BackendPort::Number(number) => port.port == *number,
        BackendPort::Named(name) => port.name == *name,
    };
    let by_target = |port: &ServicePort| match &exposed.port {
        BackendPort::Any => true,
        BackendPort::Number(number) => port.target == TargetPort::Number(*number),
        BackendPort::Named(name) => port.target == TargetPort::Named(name.clone()),
    };
    let of_pods = exposed.of_pods && matches!(exposed.port, BackendPort::Number(_));
    let matches = |port: &&ServicePort| match semantics.backends_are_declared {
        true => by_port(port) || by_target(port),
        false => port.protocol == IpProtocol::TCP && if of_pods { by_target(port) } else { by_port(port) },
    };
    let most = if exposed.port == BackendPort::Any { usize::MAX } else { 1 };
    service.ports.iter().filter(matches).take(most).map(|port| port.target.clone()).collect()
}

fn no_such_port(service: &Service, exposed: &ExposedService) -> Diagnostic {
    let ports = service.ports.iter().filter(|port| port.protocol == IpProtocol::TCP);
    let known: Vec<String> = ports
        .map(|port| match (&port.target, exposed.of_pods) {
            (TargetPort::Number(number), true) => number.to_string(),
            _ if port.name.is_empty() => port.port.to_string(),
            _ => format!("{} ('{}')", port.port, port.name),
        })
        .collect();
    let wanted = match &exposed.port {
        BackendPort::Any => String::new(),
        BackendPort::Number(number) => format!(" {number}"),
        BackendPort::Named(name) => format!(" '{name}'"),
    };
    let message = format!("the service {}/{} has no TCP port{wanted}", exposed.namespace, exposed.service);
    let remedy = (!known.is_empty()).then(|| format!("it has {}", known.join(", ")));
    warning(&exposed.place, message, remedy)
}

/// The TCP port of the pod behind a target port. A name means what the pod says it means; a number needs no word of the pod,
/// unless only what it declares is to count.
fn reachable(pod: &Pod, target: &TargetPort, semantics: Semantics) -> ProtocolSet {
    let declared = |wanted: &dyn Fn(&ContainerPort) -> bool| {
        let port = pod.ports.iter().find(|port| port.protocol == IpProtocol::TCP && wanted(port));
        port.map_or_else(ProtocolSet::none, |port| ProtocolSet::port(IpProtocol::TCP, port.number))
    };
    match target {
        TargetPort::Named(name) => declared(&|port| port.name == *name),
        TargetPort::Number(number) if semantics.backends_are_declared => {
            declared(&|port| port.number == *number)
        }
        TargetPort::Number(number) => ProtocolSet::port(IpProtocol::TCP, *number),
    }
}
