//! From manifests of pods and of what makes pods to workloads.

use super::{
    ContainerPort, Labels, Pod, Resources, Workload, WorkloadName,
    reader::{Field, Object, Reader},
    resources::NAMESPACE_NAME_LABEL,
    syntax,
};
use crate::yaml::Mark;
use bulkhead_model::IpProtocol;

/// What every object has.
pub(super) struct Metadata {
    pub(super) name: String,
    /// `default` where there is none.
    pub(super) namespace: String,
    pub(super) labels: Labels,
    /// Kind and name of the controller that made it.
    controller: Option<(String, String)>,
}

/// Kinds that make pods, and where their pod template is.
const TEMPLATES: &[(&str, &[&str])] = &[
    ("Deployment", &["spec", "template"]),
    ("StatefulSet", &["spec", "template"]),
    ("DaemonSet", &["spec", "template"]),
    ("ReplicaSet", &["spec", "template"]),
    ("ReplicationController", &["spec", "template"]),
    ("Job", &["spec", "template"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template"]),
    ("VirtualMachine", &["spec", "template"]),
];

/// Where kinds that others have added keep theirs.
const CUSTOM_TEMPLATES: [&[&str]; 3] = [
    &["spec", "template"],
    &["spec", "jobTemplate", "spec", "template"],
    &["spec", "jobTargetRef", "template"],
];

/// KubeVirt runs each virtual machine in a pod of this name, which is not another workload.
const VIRTUAL_MACHINE_POD: &str = "virt-launcher-";

impl Reader<'_> {
    pub(super) fn metadata(&mut self, object: &mut Object<'_>) -> Option<Metadata> {
        let Some(field) = object.get("metadata") else {
            self.error_in(object, "the object has no metadata", "add 'metadata: {name: ...}'");
            return None;
        };
        let mut metadata = self.object(&field)?;
        let name = metadata.get("name").or_else(|| metadata.get("generateName"));
        let Some(name) = name.and_then(|name| self.text(&name)) else {
            self.error(&field, "the object has no name");
            return None;
        };
        let at = metadata.get("namespace");
        let namespace = at.as_ref().and_then(|namespace| self.text(namespace)).unwrap_or("");
        if ![name, namespace].into_iter().all(|text| self.is_name(text, &field)) {
            return None;
        }
        let labels = metadata.get("labels").map(|labels| self.labels(&labels)).unwrap_or_default();
        let owners = metadata.get("ownerReferences").map(|owners| self.list(&owners)).unwrap_or_default();
        let controller = owners.iter().find_map(|owner| self.controller(owner));
        Some(Metadata {
            name: name.to_owned(),
            namespace: if namespace.is_empty() { "default".to_owned() } else { namespace.to_owned() },
            labels,
            controller,
        })
    }

    /// The owner, where it is the controller. Pods that a kubelet runs by itself name their node, which owns nothing.
    fn controller(&mut self, owner: &Field<'_>) -> Option<(String, String)> {
        let at = owner;
        let mut owner = self.object(at)?;
        let controls = owner.get("controller").is_some_and(|field| field.node.text() == Some("true"));
        let kind = owner.get("kind").and_then(|kind| self.text(&kind)).unwrap_or("Pod");
        let name = owner.get("name").and_then(|name| self.text(&name))?;
        if ![kind, name].into_iter().all(|text| self.is_name(text, at)) {
            return None;
        }
        (controls && kind != "Node").then(|| (kind.to_owned(), name.to_owned()))
    }

    /// Names are printed and drawn, so nothing else may stand in them.
    fn is_name(&mut self, text: &str, at: &Field<'_>) -> bool {
        let valid = text.len() <= 253
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if !valid {
            self.error_with(at, format!("'{text}' is not a name"), "expected letters, digits, '-' and '.'");
        }
        valid
    }

    pub(super) fn labels(&mut self, at: &Field<'_>) -> Labels {
        self.labels_with(at, |key| key)
    }

    /// Labels whose keys say more than a label does; `label` is that part of a key.
    pub(super) fn labels_with(&mut self, at: &Field<'_>, label: fn(&str) -> &str) -> Labels {
        let Some(object) = self.object(at) else { return Labels::new() };
        let mut labels = Labels::new();
        for (key, mark, field) in object.entries() {
            self.label_key(label(key), mark, &field.path);
            let null = matches!(field.node.value, crate::yaml::Value::Null);
            if let Some(value) = if null { Some("") } else { self.text(&field) } {
                self.label_value(value, &field);
                labels.insert(key.to_owned(), value.to_owned());
            }
        }
        labels
    }

    /// A cluster refuses labels, and selectors by labels, that do not have the form of these.
    pub(super) fn label_key(&mut self, key: &str, mark: Mark, path: &str) {
        if let Err(expected) = syntax::label_key(key) {
            self.error_at(mark, path, format!("'{key}' is not the key of a label"), expected);
        }
    }

    pub(super) fn label_value(&mut self, value: &str, at: &Field<'_>) {
        if let Err(expected) = syntax::label_value(value) {
            self.error_with(at, format!("'{value}' is not the value of a label"), expected);
        }
    }

    pub(super) fn namespace(&mut self, mut object: Object<'_>, resources: &mut Resources) {
        let Some(metadata) = self.metadata(&mut object) else { return };
        let mut labels = metadata.labels;
        labels.entry(NAMESPACE_NAME_LABEL.to_owned()).or_insert_with(|| metadata.name.clone());
        if let Some(before) = resources.namespaces.get(&metadata.name)
            && *before != labels
        {
            let message =
                format!("the namespace '{}' is defined twice, with different labels", metadata.name);
            self.warning(
                object.mark,
                "metadata.name",
                message,
                Some("the last definition counts".to_owned()),
            );
        }
        resources.namespaces.insert(metadata.name, labels);
    }

    /// Takes a pod, or an object with a pod template; with `custom`, of any kind that has one. `false` where it is none of
    /// these.
    pub(super) fn workload(
        &mut self,
        kind: &str,
        custom: bool,
        mut object: Object<'_>,
        resources: &mut Resources,
    ) -> bool {
        let known = TEMPLATES.iter().find(|(known, _)| *known == kind).map(|(_, path)| *path);
        let made_by_others = || CUSTOM_TEMPLATES.into_iter().find(|path| object.has_containers(path));
        let Some(path) = known.or_else(|| made_by_others().filter(|_| custom)) else {
            if kind == "Pod" {
                self.pod(object, resources);
            }
            return kind == "Pod";
        };
        let mark = object.mark;
        let at = object.get("kind");
        if !at.is_none_or(|at| self.is_name(kind, &at)) {
            return true;
        }
        let Some(metadata) = self.metadata(&mut object) else { return true };
        let mut template = object;
        for step in path {
            let Some(inner) = template.get(step).and_then(|field| self.object(&field)) else {
                let place = path.join(".");
                self.error_in(&template, format!("a {kind} needs {place}"), "without it, it makes no pods");
                return true;
            };
            template = inner;
        }
        let labels = template
            .get("metadata")
            .and_then(|field| self.object(&field))
            .and_then(|mut metadata| metadata.get("labels").map(|labels| self.labels(&labels)));
        let mut pod = Pod { labels: labels.unwrap_or_default(), ..Pod::default() };
        if let Some(spec) = template.get("spec") {
            self.pod_spec(&spec, &mut pod);
        }
        let name = WorkloadName { namespace: metadata.namespace, name: metadata.name, kind: kind.to_owned() };
        let place = super::Place::new(&self.file, mark);
        if let Some(before) = resources.workloads.insert(name, Workload { pods: vec![pod.clone()], place })
            && before.pods != [pod]
        {
            let message =
                format!("this {kind} is defined twice, differently; the other is at {}", before.place);
            self.warning(mark, "metadata.name", message, Some("the last definition counts".to_owned()));
        }
        true
    }

    fn pod(&mut self, mut object: Object<'_>, resources: &mut Resources) {
        let mark = object.mark;
        let Some(metadata) = self.metadata(&mut object) else { return };
        if metadata.name.starts_with(VIRTUAL_MACHINE_POD) {
            self.note(
                mark,
                format!("{}: the pod of a virtual machine, which stands for itself", metadata.name),
                None,
            );
            return;
        }
        let mut pod = Pod { labels: metadata.labels, ..Pod::default() };
        if let Some(spec) = object.get("spec") {
            self.pod_spec(&spec, &mut pod);
        }
        let status = object.get("status").and_then(|status| self.object(&status));
        if let Some(addresses) = status.and_then(|mut status| status.get("podIPs")) {
            for address in self.list(&addresses) {
                let text = self.object(&address).and_then(|mut address| address.get("ip")?.node.text());
                pod.addresses.extend(text.and_then(|text| text.parse::<std::net::IpAddr>().ok()));
            }
        }
        let (kind, name) = metadata.controller.unwrap_or_else(|| ("Pod".to_owned(), metadata.name));
        let name = WorkloadName { namespace: metadata.namespace, name, kind };
        let place = super::Place::new(&self.file, mark);
        let workload =
            resources.workloads.entry(name).or_insert_with(|| Workload { pods: Vec::new(), place });
        // Replicas that policies cannot tell apart are one; addresses alone do not set them apart.
        let alike = |known: &&mut Pod| {
            (&known.labels, &known.ports, known.host_network) == (&pod.labels, &pod.ports, pod.host_network)
        };
        match workload.pods.iter_mut().find(alike) {
            Some(known) => known.addresses.extend(pod.addresses),
            None => workload.pods.push(pod),
        }
    }

    fn pod_spec(&mut self, at: &Field<'_>, pod: &mut Pod) {
        let Some(mut spec) = self.object(at) else { return };
        pod.host_network = spec.get("hostNetwork").is_some_and(|field| field.node.text() == Some("true"));
        let containers = spec.get("containers").map(|field| self.list(&field)).unwrap_or_default();
        // Sidecars are init containers that keep running; their ports are open as well.
        let sidecars = spec.get("initContainers").map(|field| self.list(&field)).unwrap_or_default();
        for (container, init) in
            containers.iter().map(|c| (c, false)).chain(sidecars.iter().map(|c| (c, true)))
        {
            let Some(mut container) = self.object(container) else { continue };
            let restarts =
                container.get("restartPolicy").is_some_and(|field| field.node.text() == Some("Always"));
            if init && !restarts {
                continue;
            }
            let ports = container.get("ports").map(|field| self.list(&field)).unwrap_or_default();
            // In the order of the manifest: where two have one name, the first is meant.
            for port in ports.iter().filter_map(|port| self.container_port(port)) {
                if !pod.ports.contains(&port) {
                    pod.ports.push(port);
                }
            }
        }
    }

    fn container_port(&mut self, at: &Field<'_>) -> Option<ContainerPort> {
        let mut port = self.object(at)?;
        let protocol =
            port.get("protocol").and_then(|field| self.protocol(&field)).unwrap_or(IpProtocol::TCP);
        let at = port.get("name");
        let name = at.as_ref().and_then(|field| field.node.text()).unwrap_or("").to_owned();
        if let Some(at) = at.filter(|_| !name.is_empty() && !syntax::is_port_name(&name)) {
            self.error_with(&at, format!("'{name}' is not the name of a port"), syntax::PORT_NAME_FORM);
        }
        let Some(number) = port.get("containerPort").or_else(|| port.get("port")) else {
            let message = "a port without 'containerPort' is no port".to_owned();
            self.warning(port.mark, &port.path, message, None);
            return None;
        };
        let number = self.integer(&number, 1, 65535)?;
        Some(ContainerPort { name, protocol, number: u16::try_from(number).ok()? })
    }

    pub(super) fn protocol(&mut self, at: &Field<'_>) -> Option<IpProtocol> {
        let text = self.text(at)?;
        let known = super::PROTOCOLS.iter().find(|(_, name)| *name == text);
        if known.is_none() {
            let names = super::PROTOCOLS.map(|(_, name)| name);
            let meant = crate::suggest::nearest(text, names).unwrap_or("TCP");
            self.error_with(
                at,
                format!("'{text}' is not a protocol here: expected TCP, UDP or SCTP"),
                format!("did you mean '{meant}'?"),
            );
        }
        known.map(|(protocol, _)| *protocol)
    }
}
