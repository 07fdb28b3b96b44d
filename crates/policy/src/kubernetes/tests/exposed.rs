//! What an ingress controller reaches: from its backend over the port of a service to the port of each pod.

use super::super::*;

const PODS: &str = "
{kind: Pod, metadata: {name: old, labels: {app: web}},
  spec: {containers: [{ports: [{name: http, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}]}]}}
---
{kind: Pod, metadata: {name: new, labels: {app: web}}, spec: {containers: [{ports: [{name: http, containerPort: 9090}]}]}}
---
{kind: Pod, metadata: {name: silent, labels: {app: quiet}}, spec: {containers: [{}]}}
";

fn service(name: &str, spec: &str) -> String {
    format!("---\n{{kind: Service, apiVersion: v1, metadata: {{name: {name}}}, spec: {{{spec}}}}}\n")
}

fn ingress(spec: &str) -> String {
    format!(
        "---\n{{kind: Ingress, apiVersion: networking.k8s.io/v1, metadata: {{name: i}}, spec: {{{spec}}}}}\n"
    )
}

/// An ingress whose default backend is this port of the service `s`.
fn backend(port: &str) -> String {
    ingress(&format!("defaultBackend: {{service: {{name: s, port: {{{port}}}}}}}"))
}

/// What the controller reaches, `pod port` each, and what is said of it.
fn reached(rest: &[&str]) -> (Vec<String>, Vec<String>) {
    let text = format!("{PODS}{}", rest.concat());
    let reading = read([("x.yaml", text.as_str())]);
    assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
    let connectivity = connections(&reading.resources, Semantics::KUBERNETES);
    let found = connectivity.connections.iter().filter(|one| one.from == Endpoint::IngressController);
    let reached = found.map(|one| match &one.to {
        Endpoint::Workload(to) => {
            let ports: Vec<String> =
                one.traffic.protocols().map(|(p, ports)| format!("{p}/{ports}")).collect();
            format!("{} {}", to.name, ports.join(" "))
        }
        other => other.to_string(),
    });
    let said = connectivity.diagnostics.iter().map(|diagnostic| diagnostic.message.clone()).collect();
    (reached.collect(), said)
}

#[test]
fn a_named_target_is_the_port_that_each_pod_gives_this_name() {
    let service = service("s", "selector: {app: web}, ports: [{name: main, port: 80, targetPort: http}]");
    for port in ["number: 80", "name: main", "name: '', number: 80", "name: main, number: 0"] {
        let (reached, said) = reached(&[&service, &backend(port)]);
        assert_eq!(reached, ["new tcp/9090", "old tcp/8080"], "{port}");
        assert_eq!(said, [""; 0]);
    }
}

#[test]
fn a_numbered_target_needs_no_declaration() {
    let service = service("s", "selector: {app: quiet}, ports: [{port: 80, targetPort: 3000}]");
    assert_eq!(reached(&[&service, &backend("number: 80")]).0, ["silent tcp/3000"]);
}

#[test]
fn a_backend_means_the_port_of_the_service_and_not_that_of_its_pods() {
    let both = "selector: {app: quiet}, ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 8080, targetPort: 9}]";
    assert_eq!(reached(&[&service("s", both), &backend("number: 8080")]).0, ["silent tcp/9"]);
    let one = "selector: {app: quiet}, ports: [{name: a, port: 80, targetPort: 8080}]";
    for port in ["number: 8080", "name: http"] {
        let (reached, said) = reached(&[&service("s", one), &backend(port)]);
        assert_eq!(reached, [""; 0]);
        assert!(said[0].contains("the service default/s has no TCP port"), "{said:?}");
    }
    let route = |port: &str| {
        format!(
            "---\n{{kind: Route, apiVersion: route.openshift.io/v1, metadata: {{name: r}}, spec: {{to: {{name: s}}, port: {{targetPort: {port}}}}}}}\n"
        )
    };
    assert_eq!(reached(&[&service("s", both), &route("8080")]).0, ["silent tcp/8080"]);
    assert_eq!(reached(&[&service("s", both), &route("b")]).0, ["silent tcp/9"]);
}

#[test]
fn ports_of_other_protocols_are_no_backends() {
    let spec = "selector: {app: web}, ports: [{name: d, port: 53, protocol: UDP, targetPort: dns}, {name: t, port: 53, targetPort: http}]";
    assert_eq!(reached(&[&service("s", spec), &backend("number: 53")]).0, ["new tcp/9090", "old tcp/8080"]);
    let (reached, said) = reached(&[&service("s", spec), &backend("name: d")]);
    assert_eq!(reached, [""; 0]);
    assert!(said[0].contains("has no TCP port 'd'"), "{said:?}");
}

#[test]
fn the_kind_of_service_decides_only_whether_pods_are_behind_it() {
    let ports = "selector: {app: quiet}, ports: [{port: 80}]";
    for kind in ["type: NodePort", "type: LoadBalancer", "type: ClusterIP", "clusterIP: None"] {
        let service = service("s", &format!("{kind}, {ports}"));
        assert_eq!(reached(&[&service, &backend("number: 80")]).0, ["silent tcp/80"], "{kind}");
    }
    let alias = service("s", &format!("type: ExternalName, externalName: db.example.com, {ports}"));
    let (reached, said) = reached(&[&alias, &backend("number: 80")]);
    assert_eq!(reached, [""; 0]);
    assert_eq!(said, ["the service default/s has no selector"]);
}

#[test]
fn a_service_reaches_no_pods_of_other_namespaces() {
    let other = "---\n{kind: Pod, metadata: {name: far, namespace: far, labels: {app: quiet}}}\n";
    let service = service("s", "selector: {app: quiet}, ports: [{port: 80}]");
    assert_eq!(reached(&[other, &service, &backend("number: 80")]).0, ["silent tcp/80"]);
}

/// The port of one pod is not allowed because the same port of another is.
#[test]
fn pods_of_one_workload_are_asked_one_by_one() {
    let owner = "ownerReferences: [{kind: ReplicaSet, name: rs, controller: true}]";
    let pod = |name: &str, version: &str, port: u16| {
        format!(
            "---\n{{kind: Pod, metadata: {{name: {name}, labels: {{app: x, v: {version}}}, {owner}}}, spec: {{containers: [{{ports: [{{name: http, containerPort: {port}}}]}}]}}}}\n"
        )
    };
    let policy = |version: &str, port: u16| {
        format!(
            "---\n{{kind: NetworkPolicy, metadata: {{name: p{version}}}, spec: {{podSelector: {{matchLabels: {{v: {version}}}}}, ingress: [{{ports: [{{port: {port}}}]}}]}}}}\n"
        )
    };
    let service = service("s", "selector: {app: x}, ports: [{port: 80, targetPort: http}]");
    let text =
        [pod("a", "one", 8080), pod("b", "two", 9090), policy("one", 9090), policy("two", 9090)].concat();
    assert_eq!(reached(&[&text, &service, &backend("number: 80")]).0, ["rs tcp/9090"]);
}
