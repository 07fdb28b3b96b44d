//! What policies say that nothing has, and who counts as a workload.

use super::super::*;

const CLUSTER: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: red}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web, tier: front}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: shop, labels: {app: agent}}, spec: {hostNetwork: true}}
";

/// What is said of a policy with this spec.
fn said_of(cluster: &str, spec: &str) -> Vec<String> {
    let text = format!(
        "{cluster}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: shop}}\n\
         spec: {spec}\n"
    );
    let reading = read([("p.yaml", text.as_str())]);
    assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
    let found = connections(&reading.resources, Semantics::KUBERNETES).diagnostics;
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn labels_that_nothing_has_are_told_with_what_was_probably_meant() {
    let peer = |peer: &str| format!("{{podSelector: {{}}, ingress: [{{from: [{peer}]}}]}}");
    for (spec, part) in [
        (
            "{podSelector: {matchLabels: {app: wbe}}}".to_owned(),
            "NetworkPolicy shop/p selects nothing: no pod of namespace shop has app=wbe (did you mean app=web?)",
        ),
        ("{podSelector: {matchLabels: {ap: web}}}".to_owned(), "has ap=web (did you mean the label 'app'?)"),
        (
            "{podSelector: {matchLabels: {app: agent}}}".to_owned(),
            "pods of namespace shop that it means are in the host's network",
        ),
        (
            "{podSelector: {matchLabels: {app: web, tier: back}}}".to_owned(),
            "no pod of namespace shop has tier=back",
        ),
        (
            peer("{namespaceSelector: {matchLabels: {team: rde}}}"),
            "ingress: a peer means nobody: no namespace has team=rde (did you mean team=red?)",
        ),
        (
            peer("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shpo}}}"),
            "(did you mean kubernetes.io/metadata.name=shop?)",
        ),
        (peer("{podSelector: {matchExpressions: [{key: app, operator: In, values: [db]}]}}"), "has app=db"),
    ] {
        let said = said_of(CLUSTER, &spec);
        assert!(said.len() == 1 && said[0].contains(part), "{spec}: {said:#?}");
        assert!(said[0].starts_with("p.yaml:"), "{said:#?}");
    }
}

#[test]
fn what_manifests_do_not_hold_is_no_reason_to_complain() {
    let elsewhere = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: \
                     {matchLabels: {k8s-app: kube-dns}}}";
    let spec = format!("{{podSelector: {{matchLabels: {{app: web}}}}, egress: [{{to: [{elsewhere}]}}]}}");
    assert_eq!(said_of(CLUSTER, &spec), Vec::<String>::new());
    let anywhere = "{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}";
    let spec = format!("{{podSelector: {{matchLabels: {{app: web}}}}, egress: [{{to: [{anywhere}]}}]}}");
    assert_eq!(said_of(CLUSTER, &spec), Vec::<String>::new());
    let policies_alone = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n";
    assert_eq!(said_of(policies_alone, "{podSelector: {matchLabels: {app: web}}}"), Vec::<String>::new());
}

#[test]
fn without_the_manifests_of_namespaces_their_labels_are_asked_for() {
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}}\n";
    let spec = "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: red}}}]}]}";
    let said = said_of(pod, spec);
    assert!(said[0].contains("give the manifests of the namespaces as well"), "{said:?}");
}

#[test]
fn whatever_has_a_template_of_pods_is_a_workload() {
    let template = "template: {metadata: {labels: {app: x}}, spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}}";
    let text = format!(
        "{{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {{name: r, namespace: shop}}, spec: {{{template}}}}}\n\
         ---\n{{apiVersion: apps.openshift.io/v1, kind: DeploymentConfig, metadata: {{name: d}}, spec: {{{template}}}}}\n\
         ---\n{{apiVersion: keda.sh/v1alpha1, kind: ScaledJob, metadata: {{name: s}}, spec: {{jobTargetRef: {{{template}}}}}}}\n\
         ---\n{{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {{name: c}}, spec: {{secretTemplate: {{}}}}}}\n"
    );
    let reading = read([("custom.yaml", text.as_str())]);
    assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
    let names: Vec<String> = reading.resources.workloads.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["default/d[DeploymentConfig]", "default/s[ScaledJob]", "shop/r[Rollout]"]);
    // np-guard knows the kinds of Kubernetes alone.
    assert!(read_kubernetes([("custom.yaml", text.as_str())]).resources.workloads.is_empty());
}

#[test]
fn addresses_of_services_lead_to_the_ports_of_the_workloads_behind_them() {
    let text = "
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, spec: {containers: [{name: c, \
ports: [{name: http, containerPort: 8080}]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, clusterIP: \
10.96.0.7, clusterIPs: [10.96.0.7, 'fd00::7'], externalIPs: [203.0.113.7], ports: [{port: 80, targetPort: http}, \
{port: 443, targetPort: 8443}]}, status: {loadBalancer: {ingress: [{ip: 198.51.100.7}, {hostname: lb.example.com}]}}}
---
{apiVersion: v1, kind: Service, metadata: {name: headless, namespace: shop}, spec: {selector: {app: web}, clusterIP: \
None, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: elsewhere, namespace: shop}, spec: {clusterIP: 10.96.0.8, ports: \
[{port: 80}]}}
";
    let reading = read([("p.yaml", text)]);
    assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
    let served = reading.resources.served();
    let told: Vec<String> = served
        .iter()
        .map(|Served { address, port, behind }| {
            let behind: Vec<String> =
                behind.iter().map(|(name, target)| format!("{name}:{target}")).collect();
            format!("{address}:{} {}", port.port, behind.join(" "))
        })
        .collect();
    let mut expected = Vec::new();
    for (port, target) in [(80, 8080), (443, 8443)] {
        for address in ["10.96.0.7", "198.51.100.7", "203.0.113.7", "fd00::7"] {
            expected.push(format!("{address}:{port} shop/web[Pod]:{target}"));
        }
    }
    assert_eq!(told, expected);
}
