//! What is wrong with manifests, and how it is said.

use super::super::*;

/// All diagnostics of a text, as they are printed.
fn complaints(text: &str) -> Vec<String> {
    read([("p.yaml", text)]).diagnostics.iter().map(Diagnostic::to_string).collect()
}

fn policy(spec: &str) -> String {
    let spec = spec.trim_start_matches('\n');
    format!("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: web}}\nspec:\n{spec}")
}

#[test]
fn every_mistake_of_a_file_is_told_with_its_line_its_field_and_a_way_out() {
    let text = policy(
        "
  podselector: {}
  policyTypes: [ingress]
  ingress:
  - from:
    - ipBlock: {cidr: 10.0.0.1}
    - {}
    ports:
    - {port: 70000}
    - {port: 90, endPort: 80}
    - {protocol: tcp, port: 80}
  - from:
    - podSelector: {app: web}
    - namespaceSelector:
        matchExpressions: [{key: env, operator: NotInn, values: [a]}]
",
    );
    let expected = [
        "p.yaml:5:3: warning: spec.podselector: 'podselector' is not a field here and has no effect (did you mean \
         'podSelector'?)",
        "p.yaml:6:17: error: spec.policyTypes[0]: 'ingress' is not a policy type (expected Ingress or Egress)",
        "p.yaml:9:23: error: spec.ingress[0].from[0].ipBlock.cidr: '10.0.0.1' is not a range of addresses (for this one \
         address write 10.0.0.1/32)",
        "p.yaml:10:7: error: spec.ingress[0].from[1]: a peer must say podSelector, namespaceSelector or ipBlock (leave \
         out the whole list to mean every peer)",
        "p.yaml:12:14: error: spec.ingress[0].ports[0].port: 70000 is out of range: expected 1 to 65535",
        "p.yaml:13:27: error: spec.ingress[0].ports[1].endPort: endPort 80 lies before port 90",
        "p.yaml:14:18: error: spec.ingress[0].ports[2].protocol: 'tcp' is not a protocol here: expected TCP, UDP or \
         SCTP (did you mean 'TCP'?)",
        "p.yaml:16:20: error: spec.ingress[1].from[0].podSelector: a selector has matchLabels or matchExpressions (put \
         the labels under 'matchLabels:')",
        "p.yaml:18:49: error: spec.ingress[1].from[1].namespaceSelector.matchExpressions[0].operator: 'NotInn' is not an \
         operator (expected NotIn)",
    ];
    let mut found = complaints(&text);
    found.retain(|line| !line.contains("have no effect"));
    assert_eq!(found, expected);
}

#[test]
fn one_bad_file_does_not_hide_the_others() {
    let bad = policy("  podSelector: [web]\n");
    let reading =
        read([("a.yaml", bad.as_str()), ("b.yaml", "a: [1\n"), ("c.yaml", &policy("  podSelector: {}\n"))]);
    let files: Vec<&str> = reading.diagnostics.iter().map(|found| &*found.place.file).collect();
    assert_eq!(files, ["a.yaml", "b.yaml"]);
    assert_eq!(reading.resources.policies.len(), 1);
    assert!(reading.into_result().is_err());
}

#[test]
fn a_template_that_was_not_rendered_is_recognised() {
    let found = complaints("kind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n");
    assert!(found[0].contains("helm template"), "{found:?}");
}

#[test]
fn labels_that_are_numbers_are_refused_as_a_cluster_refuses_them() {
    let found =
        complaints("kind: Pod\nmetadata: {name: a, labels: {version: 1, canary: yes, sha: 0x12, ok: v1}}\n");
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].ends_with("(write \"1\" in quotes)"), "{found:?}");
}

#[test]
fn rules_that_policy_types_silence_are_pointed_out() {
    let text = policy("  podSelector: {}\n  policyTypes: [Ingress]\n  egress: [{}]\n");
    assert!(complaints(&text)[0].contains("policyTypes does not name them"));
}

#[test]
fn what_is_no_object_or_of_no_concern_is_passed_over() {
    let reading = read([
        ("list.json", "[\n\t{\"src\": \"a\"}\n]\n"),
        ("kustomization.yaml", "kind: Kustomization\nresources: [a.yaml]\n"),
        ("values.yaml", "replicas: 3\n"),
        ("config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: y}\n"),
    ]);
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    assert!(reading.diagnostics.iter().all(|found| found.severity == Severity::Note));
    assert_eq!(reading.diagnostics.len(), 3);
}

#[test]
fn policies_of_other_products_are_not_passed_over_in_silence() {
    let found = complaints(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\nspec: {}\n",
    );
    assert!(found[0].contains("not understood here"), "{found:?}");
    let found =
        complaints("apiVersion: crd.antrea.io/v1beta1\nkind: ClusterNetworkPolicy\nmetadata: {name: a}\n");
    assert!(found[0].contains("not understood here"), "{found:?}");
}

#[test]
fn admin_policies_are_checked_as_their_definitions_say() {
    let text = "
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: a}
spec:
  priority: 1001
  subject: {namespaces: {}}
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: BaselineAdminNetworkPolicy
metadata: {name: baseline}
spec:
  subject: {namespaces: {}, pods: {}}
  ingress:
  - {action: Pass, from: [{namespaces: {}}]}
  - {action: Deny}
  - {action: Allow, from: [{namespaces: {}}], ports: [{portNumber: {port: 1}, namedPort: a}]}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: c}
spec:
  tier: Adminn
  priority: 1
  subject: {namespaces: {}}
";
    let found = complaints(text);
    for part in [
        "spec.priority: 1001 is out of range",
        "the only name of a BaselineAdminNetworkPolicy is 'default'",
        "spec.subject: a subject must say either namespaces or pods",
        "spec.ingress[0].action: 'Pass' is not an action here (expected Allow, Deny)",
        "spec.ingress[1]: a rule must say from with at least one peer",
        "spec.ingress[2].ports[0]: a port must say exactly one of portNumber, namedPort or portRange",
        "spec.tier: 'Adminn' is not a tier",
    ] {
        assert!(found.iter().any(|line| line.contains(part)), "{part} in {found:#?}");
    }
}

#[test]
fn policies_whose_order_is_not_defined_are_pointed_out() {
    let one = |name| {
        format!(
            "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {{name: {name}}}\n\
             spec: {{priority: 5, subject: {{namespaces: {{}}}}, ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]}}]}}\n"
        )
    };
    let found = complaints(&(one("a") + &one("b")));
    assert!(found[0].contains("same priority"), "{found:?}");
}

#[test]
fn a_named_port_that_nobody_has_is_pointed_out() {
    let text = policy("  podSelector: {}\n  ingress: [{ports: [{port: metrics}]}]\n");
    let reading = read([("p.yaml", text.as_str())]);
    let found = connections(&reading.resources, Semantics::KUBERNETES).diagnostics;
    assert!(found[0].message.contains("no workload has a port named 'metrics'"), "{found:?}");
}

#[test]
fn every_error_of_a_policy_of_administrators_is_told_at_once() {
    let text = "apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: wrong}
spec:
  tier: Foo
  priority: 2000
  subject: {}
  ingress: [{action: Allow, from: []}, {from: [{}]}]
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: late}
spec:
  subject: {namespaces: {}}
  egress: [{action: Accept, to: [{networks: [1.2.3.4]}]}]
";
    let errors: Vec<String> = read([("w.yaml", text)])
        .diagnostics
        .into_iter()
        .filter(|d| d.severity == Severity::Error)
        .map(|d| d.to_string())
        .collect();
    for part in [
        "spec.tier: 'Foo' is not a tier",
        "spec.priority: 2000 is out of range",
        "a subject must say either namespaces or pods",
        "spec.ingress[0].action: 'Allow' is not an action here",
        "spec.ingress[0]: a rule must say from with at least one peer",
        "spec.ingress[1]: a rule needs an action",
        "spec.ingress[1].from[0]: a peer must say exactly one of",
        "an AdminNetworkPolicy needs a priority",
        "spec.egress[0].action: 'Accept' is not an action here",
        "spec.egress[0].to[0].networks[0]: '1.2.3.4' is not a range of addresses",
    ] {
        assert_eq!(errors.iter().filter(|error| error.contains(part)).count(), 1, "{part}: {errors:#?}");
    }
    assert_eq!(errors.len(), 10, "{errors:#?}");
}
