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

#[test]
fn labels_and_selectors_that_a_cluster_refuses_are_refused() {
    let long = "x".repeat(64);
    let text = policy(&format!(
        "
  podSelector:
    matchLabels:
      app: -web
      Example.com/app: web
      {long}: a
  ingress:
  - from:
    - podSelector:
        matchExpressions:
        - {{key: a/b/c, operator: Exists}}
        - {{key: env, operator: In, values: [prod, 'a b', '']}}
        - {{key: env, operator: NotIn}}
        - {{key: env, operator: DoesNotExist, values: [a]}}
    - namespaceSelector: {{matchLabels: {{/name: shop}}}}
"
    ));
    let expected = [
        "p.yaml:7:12: error: spec.podSelector.matchLabels.app: '-web' is not the value of a label (a value must begin \
         and end with a letter or digit)"
            .to_owned(),
        "p.yaml:8:7: error: spec.podSelector.matchLabels.Example.com/app: 'Example.com/app' is not the key of a label \
         (the prefix 'Example.com' is no DNS name: expected lower case letters, digits, '-' and '.', each part beginning \
         and ending with a letter or digit)"
            .to_owned(),
        format!(
            "p.yaml:9:7: error: spec.podSelector.matchLabels.{long}: '{long}' is not the key of a label (the name has 64 \
             characters: expected at most 63)"
        ),
        "p.yaml:14:17: error: spec.ingress[0].from[0].podSelector.matchExpressions[0].key: 'a/b/c' is not the key of a \
         label (a key has at most one '/', between its prefix and its name)"
            .to_owned(),
        "p.yaml:15:51: error: spec.ingress[0].from[0].podSelector.matchExpressions[1].values[1]: 'a b' is not the value \
         of a label (a value may have letters, digits, '-', '_' and '.' alone)"
            .to_owned(),
        "p.yaml:16:32: error: spec.ingress[0].from[0].podSelector.matchExpressions[2].operator: NotIn needs values"
            .to_owned(),
        "p.yaml:17:32: error: spec.ingress[0].from[0].podSelector.matchExpressions[3].operator: DoesNotExist has no \
         values"
            .to_owned(),
        "p.yaml:18:41: error: spec.ingress[0].from[1].namespaceSelector.matchLabels./name: '/name' is not the key of a \
         label (the prefix before '/' is empty: expected a DNS name, like example.com/app)"
            .to_owned(),
    ];
    assert_eq!(complaints(&text), expected);
}

#[test]
fn labels_of_workloads_namespaces_and_services_are_held_to_the_same_form() {
    let text = "
{kind: Namespace, metadata: {name: a, labels: {team: a b}}}
---
{kind: Pod, metadata: {name: p, labels: {version: 1.0+build}}, spec: {containers: []}}
---
{kind: Deployment, metadata: {name: d}, spec: {template: {metadata: {labels: {'a:b': c, ok: null}}, spec: {
  containers: [{ports: [{name: Web, containerPort: 80}, {name: web-ui, containerPort: 81}]}]}}}}
---
{kind: Service, metadata: {name: s}, spec: {selector: {app: web_}, ports: [{port: 80}]}}
";
    let found = complaints(text);
    let expected = [
        "p.yaml:2:54: error: metadata.labels.team: 'a b' is not the value",
        "p.yaml:4:51: error: metadata.labels.version: '1.0+build' is not the value",
        "p.yaml:6:79: error: spec.template.metadata.labels.a:b: 'a:b' is not the key",
        "p.yaml:7:32: error: spec.template.spec.containers[0].ports[0].name: 'Web' is not the name of a port",
        "p.yaml:9:61: error: spec.selector.app: 'web_' is not the value",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn fields_that_a_cluster_refuses_are_refused() {
    let refused = [
        ("{protocol: ICMP}", "'ICMP' is not a protocol"),
        ("{port: 0}", "0 is out of range: expected 1 to 65535"),
        ("{port: 65536}", "65536 is out of range: expected 1 to 65535"),
        ("{port: -1}", "-1 is out of range"),
        ("{endPort: 80}", "endPort needs port"),
        ("{port: 80, endPort: 79}", "endPort 79 lies before port 80"),
        ("{port: 80, endPort: 65536}", "65536 is out of range"),
        ("{port: web, endPort: 80}", "endPort cannot stand beside a port name"),
        ("{port: '80'}", "\"80\" in quotes is the name of a port, and not a valid one"),
        ("{port: 80.0}", "expected a text, found 80.0"),
        ("{port: true}", "expected a text, found true"),
        ("{port: Web}", "'Web' is not the name of a port"),
        ("{port: web_ui}", "'web_ui' is not the name of a port"),
        ("{port: web--ui}", "'web--ui' is not the name of a port"),
        ("{port: web-}", "'web-' is not the name of a port"),
        ("{port: a-name-too-long-x}", "is not the name of a port"),
    ];
    for (port, why) in refused {
        let found = complaints(&policy(&format!("  podSelector: {{}}\n  ingress: [{{ports: [{port}]}}]\n")));
        assert!(found.iter().any(|line| line.contains("error") && line.contains(why)), "{port}: {found:?}");
    }
    for (block, why) in [
        ("{cidr: 10.0.0.0/33}", "'10.0.0.0/33' is not a range"),
        ("{cidr: 10.0.0.0/8, except: [11.0.0.0/16]}", "11.0.0.0/16 does not lie strictly within 10.0.0.0/8"),
        ("{cidr: 10.0.0.0/8, except: [10.0.0.0/8]}", "does not lie strictly within"),
        ("{cidr: 10.1.0.0/16, except: [10.0.0.0/8]}", "does not lie strictly within"),
        ("{cidr: 10.0.0.0/8, except: ['2001:db8::/64']}", "does not lie strictly within"),
        ("{except: [10.0.0.0/8]}", "an ipBlock needs a cidr"),
    ] {
        let spec = format!("  podSelector: {{}}\n  ingress: [{{from: [{{ipBlock: {block}}}]}}]\n");
        let found = complaints(&policy(&spec));
        assert!(found.iter().any(|line| line.contains("error") && line.contains(why)), "{block}: {found:?}");
    }
    let found = complaints(&policy("  podSelector: {}\n  policyTypes: [Ingress, Egress, Ingress]\n"));
    assert_eq!(found, ["p.yaml:6:34: error: spec.policyTypes[2]: there are no more than two policy types"]);
    let host_bits =
        "  podSelector: {}\n  ingress: [{from: [{ipBlock: {cidr: 10.0.0.1/8, except: [10.1.0.1/16]}}]}]\n";
    let found = complaints(&policy(host_bits));
    assert!(found.len() == 2 && found.iter().all(|line| line.contains("warning")), "{found:?}");
}

#[test]
fn names_that_are_printed_hold_nothing_but_names() {
    let text = "
{kind: \"A|B\", metadata: {name: a}, spec: {template: {spec: {containers: []}}}}
---
{kind: Pod, metadata: {name: p, ownerReferences: [{kind: \"A\\nB\", name: x, controller: true}]}}
---
{kind: Pod, metadata: {name: q, ownerReferences: [{kind: A, name: 'x\",y', controller: true}]}}
";
    let found = complaints(text);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().all(|line| line.contains("is not a name")), "{found:?}");
}
