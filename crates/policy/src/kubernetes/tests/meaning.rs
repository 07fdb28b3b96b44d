//! What single fields mean, one by one.

use super::{super::*, between, np_guard, tcp};

const PODS: &str = "
---
{kind: Pod, metadata: {name: web, labels: {app: web}}, spec: {containers: [{ports: [{name: http, containerPort: 8080}]}]}}
---
{kind: Pod, metadata: {name: db, labels: {app: db}}, spec: {containers: [{ports: [{name: http, containerPort: 9090}]}]}}
---
{kind: Pod, metadata: {name: node, labels: {app: node}}, spec: {hostNetwork: true}}
";

fn with(policy: &str) -> String {
    format!("{PODS}---\n{policy}\n")
}

#[test]
fn without_policies_everything_is_allowed() {
    let all = between(PODS, "default/web[Pod]", "default/db[Pod]", Semantics::KUBERNETES);
    assert_eq!(all, universe());
    assert!(
        np_guard(PODS).contains("0.0.0.0-255.255.255.255[External] => default/web[Pod] : All Connections\n")
    );
}

#[test]
fn a_named_port_is_the_port_of_the_destination_pod() {
    let policy = "{kind: NetworkPolicy, metadata: {name: n}, spec: {podSelector: {}, policyTypes: [Egress],
      egress: [{ports: [{port: http}]}]}}";
    let web = between(&with(policy), "default/db[Pod]", "default/web[Pod]", Semantics::KUBERNETES);
    let db = between(&with(policy), "default/web[Pod]", "default/db[Pod]", Semantics::KUBERNETES);
    assert_eq!((web, db), (tcp(8080), tcp(9090)));
    // Nothing outside of the cluster has named ports.
    let outside = between(&with(policy), "default/web[Pod]", "world", Semantics::KUBERNETES);
    assert!(outside.is_empty());
}

#[test]
fn pods_of_the_host_network_are_nodes_unless_asked_otherwise() {
    let policy = "{kind: NetworkPolicy, metadata: {name: n}, spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}}";
    let (web, node) = ("default/web[Pod]", "default/node[Pod]");
    assert_eq!(between(&with(policy), web, node, Semantics::KUBERNETES), universe());
    assert!(between(&with(policy), node, web, Semantics::KUBERNETES).is_empty());
    assert_eq!(between(&with(policy), node, web, Semantics::NP_GUARD), universe());
}

#[test]
fn an_absent_selector_means_the_own_namespace_and_an_empty_one_every_namespace() {
    let policy = |peer: &str| {
        format!(
            "{{kind: Pod, metadata: {{name: far, namespace: other}}}}\n---\n{{kind: NetworkPolicy, metadata: {{name: n}}, \
             spec: {{podSelector: {{}}, ingress: [{{from: [{peer}]}}]}}}}"
        )
    };
    let far = |peer: &str| {
        between(&with(&policy(peer)), "other/far[Pod]", "default/web[Pod]", Semantics::KUBERNETES)
    };
    assert!(far("{podSelector: {}}").is_empty());
    assert_eq!(far("{namespaceSelector: {}}"), universe());
    assert_eq!(far("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}"), universe());
}

#[test]
fn pass_goes_on_to_network_policies_and_then_to_the_baseline() {
    let admin = "
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: a}
spec:
  priority: 1
  subject: {namespaces: {}}
  ingress:
  - {action: Pass, from: [{namespaces: {}}], ports: [{portNumber: {port: 80}}, {portNumber: {port: 81}}]}
  - {action: Deny, from: [{namespaces: {}}], ports: [{portRange: {start: 1, end: 100}}]}
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: BaselineAdminNetworkPolicy
metadata: {name: default}
spec:
  subject: {namespaces: {}}
  ingress:
  - {action: Deny, from: [{namespaces: {}}], ports: [{portNumber: {port: 81}}, {portNumber: {port: 443}}]}
";
    let allowed = between(&with(admin), "default/db[Pod]", "default/web[Pod]", Semantics::KUBERNETES);
    let mut expected = universe();
    for port in (1..=100).filter(|port| *port != 80).chain([443]) {
        expected = expected.difference(&tcp(port));
    }
    assert_eq!(allowed, expected);
    // As soon as a NetworkPolicy selects the pod, it speaks in place of the baseline.
    let policy = "---\n{kind: NetworkPolicy, metadata: {name: n}, spec: {podSelector: {}, \
                  ingress: [{ports: [{port: 79, endPort: 81}]}]}}";
    let allowed = between(
        &with(&format!("{admin}{policy}")),
        "default/db[Pod]",
        "default/web[Pod]",
        Semantics::KUBERNETES,
    );
    assert_eq!(allowed, tcp(80).union(&tcp(81)));
}

#[test]
fn cluster_network_policies_have_tiers_priorities_and_protocols_of_their_own() {
    let policies = "
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: late}
spec:
  tier: Admin
  priority: 20
  subject: {pods: {podSelector: {matchLabels: {app: web}}, namespaceSelector: {}}}
  ingress: [{action: Deny, from: [{namespaces: {}}]}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: early}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
  - action: Accept
    from: [{namespaces: {}}]
    protocols: [{destinationNamedPort: http}, {udp: {destinationPort: {range: {start: 53, end: 54}}}}, {sctp: {}}]
  egress:
  - {action: Deny, to: [{networks: [0.0.0.0/0]}], protocols: [{sctp: {destinationPort: {number: 7}}}]}
";
    let allowed = between(&with(policies), "default/db[Pod]", "default/web[Pod]", Semantics::KUBERNETES);
    let udp = |port| ProtocolSet::port(IpProtocol::UDP, port);
    let sctp = universe().intersection(&ProtocolSet::protocol(IpProtocol::SCTP));
    let seven = ProtocolSet::port(IpProtocol::SCTP, 7);
    // Networks match pods as well, and every address is surely some pod's.
    let expected = tcp(8080).union(&udp(53)).union(&udp(54)).union(&sctp.difference(&seven));
    assert_eq!(allowed, expected);
}

#[test]
fn networks_of_administrators_mean_pods_too_as_the_api_says_and_not_in_np_guards_reading() {
    for (kind, name, priority) in
        [("AdminNetworkPolicy", "a", "\n  priority: 1"), ("BaselineAdminNetworkPolicy", "default", "")]
    {
        let policy = format!(
            "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:{priority}
  subject: {{namespaces: {{}}}}
  egress: [{{action: Deny, to: [{{networks: [0.0.0.0/0]}}]}}]\n"
        );
        let between = |semantics| between(&with(&policy), "default/db[Pod]", "default/web[Pod]", semantics);
        assert!(between(Semantics::KUBERNETES).is_empty(), "{kind}");
        assert_eq!(between(Semantics::NP_GUARD), universe(), "{kind}");
    }
}

#[test]
fn replicas_are_one_workload_and_other_labels_are_not_lost() {
    let pod = |name: &str, app: &str| {
        format!(
            "---\n{{kind: Pod, metadata: {{name: {name}, labels: {{app: {app}}}, \
             ownerReferences: [{{kind: Rollout, name: shop, controller: true}}]}}}}\n"
        )
    };
    let policy =
        "---\n{kind: NetworkPolicy, metadata: {name: n}, spec: {podSelector: {matchLabels: {app: blue}}}}\n";
    let text = format!("{PODS}{}{}{}{policy}", pod("a", "blue"), pod("b", "blue"), pod("c", "green"));
    let reading = read([("x.yaml", text.as_str())]);
    let name = WorkloadName { namespace: "default".into(), name: "shop".into(), kind: "Rollout".into() };
    assert_eq!(reading.resources.workloads[&name].pods.len(), 2);
    // The blue ones are isolated, the green one is not, so the workload can be reached.
    assert_eq!(
        between(&text, "default/web[Pod]", "default/shop[Rollout]", Semantics::KUBERNETES),
        universe()
    );
}

const EXPOSED: &str = "
---
{kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{name: main, port: 80, targetPort: http}]}}
---
{kind: Service, metadata: {name: db}, spec: {selector: {app: db}, ports: [{port: 9090}, {port: 1, targetPort: 9}]}}
";

#[test]
fn an_ingress_reaches_the_ports_behind_its_services() {
    let ingress = "
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {
  defaultBackend: {service: {name: web, port: {name: main}}},
  rules: [{http: {paths: [{path: /, backend: {service: {name: db, port: {number: 9090}}}}]}}, {host: x}]}}
";
    let out = np_guard(&format!("{PODS}{EXPOSED}{ingress}"));
    assert!(out.contains("{ingress-controller} => default/web[Pod] : TCP 8080\n"), "{out}");
    assert!(out.contains("{ingress-controller} => default/db[Pod] : TCP 9090\n"), "{out}");
}

#[test]
fn a_route_without_a_port_reaches_all_ports_that_the_pods_have() {
    let routes = "
---
{apiVersion: route.openshift.io/v1, kind: Route, metadata: {name: r}, spec: {to: {kind: Service, name: db}}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: h}, spec: {
  rules: [{backendRefs: [{name: web, port: 80}]}]}}
";
    let out = np_guard(&format!("{PODS}{EXPOSED}{routes}"));
    assert!(out.contains("{ingress-controller} => default/db[Pod] : TCP 9090\n"), "{out}");
    assert!(out.contains("{ingress-controller} => default/web[Pod] : TCP 8080\n"), "{out}");
}

#[test]
fn what_policies_deny_to_an_unknown_controller_is_not_listed_but_reported() {
    let rest = "
---
{kind: Ingress, metadata: {name: i}, spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}}
---
{kind: NetworkPolicy, metadata: {name: n}, spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}}
";
    let reading = read([("x.yaml", format!("{PODS}{EXPOSED}{rest}").as_str())]);
    let connectivity = connections(&reading.resources, Semantics::NP_GUARD);
    assert!(!connectivity.connections.iter().any(|one| one.from == Endpoint::IngressController));
    assert!(connectivity.diagnostics[0].message.contains("ingress controller"));
}

#[test]
fn primary_networks_are_apart_from_the_cluster() {
    let text = "
---
{kind: Namespace, metadata: {name: blue, labels: {team: b, k8s.ovn.org/primary-user-defined-network: ''}}}
---
{kind: Pod, metadata: {name: a, namespace: blue}}
---
{apiVersion: k8s.ovn.org/v1, kind: ClusterUserDefinedNetwork, metadata: {name: net}, spec: {
  namespaceSelector: {matchLabels: {team: b}}, network: {topology: Layer2, layer2: {role: Primary}}}}
";
    let out = np_guard(&format!("{PODS}{text}"));
    assert!(!out.contains("default/web[Pod] => blue/a[Pod]"), "{out}");
    assert!(out.contains("\nPermitted connectivity analyzed in primary CUDN net:\n"), "{out}");
    assert!(out.ends_with("default/web[Pod]: \n\tPrimary Network: pod-network\n"), "{out}");
}

#[test]
fn each_format_says_the_same() {
    let policy =
        "{kind: NetworkPolicy, metadata: {name: n}, spec: {podSelector: {matchLabels: {app: web}}, ingress: [
      {from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 80}, {port: 53, protocol: UDP}]}]}}";
    let reading = read([("x.yaml", with(policy).as_str())]);
    let connectivity = connections(&reading.resources, Semantics::KUBERNETES);
    let written = |format| write(&connectivity, format);
    assert!(written(Format::Text).contains("10.0.0.0/8"));
    assert!(written(Format::Csv).contains("\n10.0.0.0/8,default/web[Pod],tcp/80 udp/53\n"));
    assert!(written(Format::Markdown).contains("| 10.0.0.0/8 | default/web[Pod] | tcp/80 udp/53 |\n"));
    assert!(
        written(Format::Dot).contains("\"10.0.0.0/8\" -> \"default/web[Pod]\" [label=\"tcp/80 udp/53\"]\n")
    );
    assert!(written(Format::Mermaid).contains("|\"tcp/80 udp/53\"| n"));
    let json = written(Format::Json);
    assert!(json.contains("\"from\": {\"kind\": \"external\", \"networks\": [\"10.0.0.0/8\"]}"), "{json}");
    assert!(json.contains("{\"protocol\": \"udp\", \"ports\": [{\"first\": 53, \"last\": 53}]}"), "{json}");
}
