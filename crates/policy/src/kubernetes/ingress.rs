//! Services, and what ingress controllers and gateways are asked to reach.

use super::{
    BackendPort, Operator, Place, Requirement, Resources, Selector, Service, ServicePort, TargetPort,
    reader::{Field, Object, Reader},
    resources::ExposedService,
};
use bulkhead_model::IpProtocol;
use std::collections::BTreeSet;

impl Reader<'_> {
    pub(super) fn service(&mut self, mut object: Object<'_>, resources: &mut Resources) {
        let Some(metadata) = self.metadata(&mut object) else { return };
        let Some(mut spec) = object.get("spec").and_then(|spec| self.object(&spec)) else { return };
        // A name for something outside has no pods behind it, whatever its selector says.
        let alias = spec.get("type").is_some_and(|field| field.node.text() == Some("ExternalName"));
        let selector = spec.get("selector").map(|field| self.labels(&field));
        let selector = selector.filter(|labels| !alias && !labels.is_empty());
        let selector = selector.map(|labels| {
            Selector::new(
                labels
                    .into_iter()
                    .map(|(key, value)| Requirement { key, operator: Operator::In(BTreeSet::from([value])) }),
            )
        });
        let ports = spec.get("ports").map(|ports| self.list(&ports)).unwrap_or_default();
        let ports = ports.iter().filter_map(|port| self.service_port(port)).collect();
        let mut texts: Vec<Field<'_>> = spec.get("clusterIP").into_iter().collect();
        for key in ["clusterIPs", "externalIPs"] {
            texts.extend(spec.get(key).map(|list| self.list(&list)).unwrap_or_default());
        }
        let balancer = object.get("status").and_then(|status| self.object(&status)?.get("loadBalancer"));
        let balancer = balancer.and_then(|balancer| self.object(&balancer)?.get("ingress"));
        for at in balancer.map(|ingress| self.list(&ingress)).unwrap_or_default() {
            texts.extend(self.object(&at).and_then(|mut at| at.get("ip")));
        }
        // "None" is a service without an address; and some are there to be filled by others.
        let addresses = texts.iter().filter_map(|at| at.node.text()?.parse().ok()).collect();
        let service = Service { selector, ports, addresses };
        resources.services.insert((metadata.namespace, metadata.name), service);
    }

    fn service_port(&mut self, at: &Field<'_>) -> Option<ServicePort> {
        let mut object = self.object(at)?;
        let name = object.get("name").and_then(|field| field.node.text()).unwrap_or("").to_owned();
        let protocol =
            object.get("protocol").and_then(|field| self.protocol(&field)).unwrap_or(IpProtocol::TCP);
        let port = object.get("port").and_then(|field| self.integer(&field, 1, 65535))?;
        let port = u16::try_from(port).ok()?;
        let target = object.get("targetPort").and_then(|field| match self.port_or_name(&field)? {
            BackendPort::Number(number) => Some(TargetPort::Number(number)),
            BackendPort::Named(name) => Some(TargetPort::Named(name)),
            BackendPort::Any => None,
        });
        Some(ServicePort { name, protocol, port, target: target.unwrap_or(TargetPort::Number(port)) })
    }

    /// An `IntOrString`. Zero and the empty text say nothing.
    fn port_or_name(&mut self, at: &Field<'_>) -> Option<BackendPort> {
        let text = at.node.text()?;
        Some(match text.parse::<u16>() {
            Ok(0) => BackendPort::Any,
            Ok(number) => BackendPort::Number(number),
            Err(_) if text.is_empty() => BackendPort::Any,
            Err(_) => BackendPort::Named(text.to_owned()),
        })
    }

    fn expose(
        &self,
        namespace: &str,
        service: &str,
        (port, of_pods): (BackendPort, bool),
        at: &Field<'_>,
        resources: &mut Resources,
    ) {
        resources.exposed.push(ExposedService {
            namespace: namespace.to_owned(),
            service: service.to_owned(),
            port,
            of_pods,
            place: Place::new(&self.file, at.node.mark),
        });
    }

    /// `networking.k8s.io/v1`, and the older `v1beta1` with `serviceName` and `servicePort`.
    pub(super) fn ingress(&mut self, mut object: Object<'_>, resources: &mut Resources) {
        let Some(metadata) = self.metadata(&mut object) else { return };
        let Some(mut spec) = object.get("spec").and_then(|spec| self.object(&spec)) else { return };
        let mut backends: Vec<Field<'_>> =
            [spec.get("defaultBackend"), spec.get("backend")].into_iter().flatten().collect();
        for rule in spec.get("rules").map(|rules| self.list(&rules)).unwrap_or_default() {
            let http = self.object(&rule).and_then(|mut rule| rule.get("http"));
            let paths = http.and_then(|http| self.object(&http)).and_then(|mut http| http.get("paths"));
            for path in paths.map(|paths| self.list(&paths)).unwrap_or_default() {
                backends.extend(self.object(&path).and_then(|mut path| path.get("backend")));
            }
        }
        for at in backends {
            let Some(mut backend) = self.object(&at) else { continue };
            if let Some(name) = backend.get("serviceName").and_then(|field| self.text(&field)) {
                let port = backend.get("servicePort").and_then(|field| self.port_or_name(&field));
                let port = (port.unwrap_or(BackendPort::Any), false);
                self.expose(&metadata.namespace, name, port, &at, resources);
                continue;
            }
            let Some(mut service) = backend.get("service").and_then(|field| self.object(&field)) else {
                self.warning(at.node.mark, &at.path, "a backend that is no service cannot be followed", None);
                continue;
            };
            let Some(name) = service.get("name").and_then(|field| self.text(&field)) else { continue };
            let port = service.get("port").and_then(|field| self.object(&field)).and_then(|mut port| {
                let said = |field: &Field<'_>| !matches!(field.node.text(), None | Some("" | "0"));
                let field = port.get("name").filter(said).or_else(|| port.get("number"))?;
                self.port_or_name(&field)
            });
            let port = (port.unwrap_or(BackendPort::Any), false);
            self.expose(&metadata.namespace, name, port, &at, resources);
        }
    }

    pub(super) fn route(&mut self, mut object: Object<'_>, resources: &mut Resources) {
        let Some(metadata) = self.metadata(&mut object) else { return };
        let Some(mut spec) = object.get("spec").and_then(|spec| self.object(&spec)) else { return };
        let port = spec.get("port").and_then(|field| self.object(&field)).and_then(|mut port| {
            let field = port.get("targetPort")?;
            self.port_or_name(&field)
        });
        let alternates = spec.get("alternateBackends").map(|field| self.list(&field)).unwrap_or_default();
        for at in spec.get("to").into_iter().chain(alternates) {
            let Some(mut backend) = self.object(&at) else { continue };
            let kind = backend.get("kind").and_then(|field| field.node.text()).unwrap_or("Service");
            if !matches!(kind, "" | "Service") {
                self.warning(
                    at.node.mark,
                    &at.path,
                    format!("a backend of kind {kind} cannot be followed"),
                    None,
                );
                continue;
            }
            if let Some(name) = backend.get("name").and_then(|field| self.text(&field)) {
                let port = (port.clone().unwrap_or(BackendPort::Any), true);
                self.expose(&metadata.namespace, name, port, &at, resources);
            }
        }
    }

    /// Gateway API: `rules[].backendRefs[]`.
    pub(super) fn gateway_route(&mut self, mut object: Object<'_>, resources: &mut Resources) {
        let Some(metadata) = self.metadata(&mut object) else { return };
        let Some(mut spec) = object.get("spec").and_then(|spec| self.object(&spec)) else { return };
        for rule in spec.get("rules").map(|rules| self.list(&rules)).unwrap_or_default() {
            let backends = self.object(&rule).and_then(|mut rule| rule.get("backendRefs"));
            for at in backends.map(|backends| self.list(&backends)).unwrap_or_default() {
                let Some(mut backend) = self.object(&at) else { continue };
                let kind = backend.get("kind").and_then(|field| field.node.text()).unwrap_or("Service");
                let namespace = backend.get("namespace").and_then(|field| self.text(&field));
                let port = backend.get("port").and_then(|field| self.port_or_name(&field));
                if kind != "Service" {
                    self.warning(
                        at.node.mark,
                        &at.path,
                        format!("a backend of kind {kind} cannot be followed"),
                        None,
                    );
                } else if let Some(name) = backend.get("name").and_then(|field| self.text(&field)) {
                    let namespace = namespace.unwrap_or(&metadata.namespace);
                    let port = (port.unwrap_or(BackendPort::Any), false);
                    self.expose(namespace, name, port, &at, resources);
                }
            }
        }
    }
}
