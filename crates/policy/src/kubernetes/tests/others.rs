//! Policies of Calico, Cilium and NeuVector: what they allow, and what is said of what they cannot say here.

use super::{super::*, between, cases, cluster, compare, tcp, word};
use crate::{Document, PolicySet, ReadOptions};
use bulkhead_model::{IpProtocol, PortRange, Timestamp};
use proptest::prelude::*;
use std::fmt::Write;

const PODS: &str = "
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: red}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: data, labels: {team: blue}}}
---
{kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, spec: {containers: [{ports: [{name: http, containerPort: 8080}]}]}}
---
{kind: Pod, metadata: {name: api, namespace: shop, labels: {app: api, tier: back}}, spec: {containers: [{ports: [{name: http, containerPort: 9090}]}]}}
---
{kind: Pod, metadata: {name: db, namespace: data, labels: {app: db, tier: back}}}
";
const WEB: &str = "shop/web[Pod]";
const API: &str = "shop/api[Pod]";
const DB: &str = "data/db[Pod]";

fn allowed(policies: &str, from: &str, to: &str) -> ProtocolSet {
    let text = format!("{PODS}---\n{policies}");
    imported_alike(&text);
    between(&text, from, to, Semantics::KUBERNETES)
}

/// Documents that are made of the policies mean what the policies mean.
fn imported_alike(text: &str) {
    let reading = read([("test.yaml", text)]);
    assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
    let import = import(&reading.resources);
    let yaml = Document::join(&import.documents);
    let set = PolicySet::read([("imported.yaml", yaml.as_str())], ReadOptions::default());
    let set = set.unwrap_or_else(|wrong| panic!("{wrong:#?}\n{yaml}"));
    let found = differences(&reading.resources, &set, &import.inventory(), Timestamp(0));
    assert!(found.is_empty(), "{}\n{yaml}", found[0]);
}

fn complaints(policies: &str) -> Vec<String> {
    read([("p.yaml", policies)]).diagnostics.iter().map(ToString::to_string).collect()
}

fn range(protocol: IpProtocol, first: u16, last: u16) -> ProtocolSet {
    ProtocolSet::port_range(protocol, PortRange { first, last })
}

#[test]
fn calico_decides_by_tier_order_and_position() {
    let policies = "
apiVersion: projectcalico.org/v3
kind: Tier
metadata: {name: security}
spec: {order: 100}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: security.guard}
spec:
  tier: security
  order: 1
  selector: tier == 'back'
  types: [Ingress]
  ingress:
  - {action: Log}
  - {action: Deny, protocol: TCP, source: {selector: app == 'web'}, destination: {ports: [22, '3000:3010']}}
  - {action: Pass, protocol: TCP}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: late, namespace: shop}
spec: {order: 20, selector: app == 'api', ingress: [{action: Deny, protocol: TCP, destination: {ports: [80, 81]}}]}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: early, namespace: shop}
spec: {order: 10.5, selector: all(), ingress: [{action: Allow, protocol: TCP, destination: {ports: ['1:80', 3005, http]}}]}
";
    let to_api = allowed(policies, WEB, API);
    let expected = range(IpProtocol::TCP, 1, 80).difference(&tcp(22)).union(&tcp(9090));
    assert_eq!(to_api, expected);
    // Nothing but the tier `security` selects it: what is passed on is not decided by anything more.
    let to_db = allowed(policies, WEB, DB);
    let denied = range(IpProtocol::TCP, 3000, 3010).union(&tcp(22));
    assert_eq!(to_db, range(IpProtocol::TCP, 1, u16::MAX).difference(&denied));
    // What no policy selects is open, and so is every egress.
    assert_eq!(allowed(policies, DB, WEB), range(IpProtocol::TCP, 1, 80).union(&tcp(3005)).union(&tcp(8080)));
}

#[test]
fn calico_selects_by_expressions_namespaces_nets_and_sets() {
    let policies = "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: a}
spec:
  selector: app in {'api', 'db'} && !has(nothing)
  namespaceSelector: team != 'green'
  ingress:
  - {action: Allow, source: {namespaceSelector: \"projectcalico.org/name == 'data'\"}}
  - {action: Allow, protocol: UDP, source: {selector: \"app == 'web' || kind == 'office'\"}, destination: {notPorts: ['1:1000']}}
  - {action: Allow, protocol: TCP, source: {nets: [192.0.2.0/24], notNets: [192.0.2.7]}}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkSet
metadata: {name: office, labels: {kind: office}}
spec: {nets: [198.51.100.0/24]}
";
    assert_eq!(allowed(policies, DB, API), universe());
    assert_eq!(allowed(policies, WEB, API), range(IpProtocol::UDP, 1001, u16::MAX));
    assert_eq!(allowed(policies, API, DB), ProtocolSet::none());
    let reading = read([("t", format!("{PODS}---\n{policies}").as_str())]);
    let found = write_np_guard(&connections(&reading.resources, Semantics::KUBERNETES), Format::Text);
    for line in [
        "192.0.2.0-192.0.2.6[External] => data/db[Pod] : TCP 1-65535",
        "192.0.2.8-192.0.2.255[External] => data/db[Pod] : TCP 1-65535",
        "198.51.100.0-198.51.100.255[External] => shop/api[Pod] : UDP 1001-65535",
    ] {
        assert!(found.contains(line), "{line} in\n{found}");
    }
}

#[test]
fn what_calico_says_that_cannot_be_known_is_narrowed_or_refused_and_told() {
    let policy = |rule: &str| {
        format!(
            "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {{name: a}}\nspec:\n  ingress:\n  - {rule}\n"
        )
    };
    for (rule, part) in [
        ("{action: Allow, source: {serviceAccounts: {names: [a]}}}", "p.yaml:6:"),
        ("{action: Allow, http: {methods: [GET]}}", "http cannot be said: the rule is left out"),
        ("{action: Allow, notProtocol: TCP}", "warning"),
        ("{action: Deny, http: {methods: [GET]}}", "error: spec.ingress[0].http"),
        (
            "{action: Deny, source: {selector: a == 'x', nets: [10.0.0.0/8]}}",
            "which pods have addresses in a range",
        ),
        ("{action: Alow}", "did you mean 'Allow'?"),
        ("{action: Allow, destination: {ports: [80]}}", "add 'protocol: TCP'"),
        ("{action: Allow, protocol: TCP, destination: {ports: ['90:80']}}", "not a range of ports"),
        ("{action: Allow, source: {selector: a = 'x'}}", "at character 3"),
        ("{action: Allow, source: {selector: a contains 'x'}}", "name the values"),
    ] {
        let found = complaints(&policy(rule));
        assert!(found.iter().any(|text| text.contains(part)), "{rule}: {found:?}");
    }
    // The rule that was left out allows nothing.
    let text =
        policy("{action: Allow, http: {methods: [GET]}}").replace("{name: a}", "{name: a, namespace: shop}");
    assert!(allowed(&text, DB, WEB).is_empty());
}

#[test]
fn cilium_denies_before_it_allows_and_closes_what_it_selects() {
    let policies = "
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: api}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: web}}, {matchLabels: {'k8s:io.kubernetes.pod.namespace': data}}]
    toPorts: [{ports: [{port: '80', endPort: 90, protocol: TCP}, {port: http}, {port: '53', protocol: ANY}]}]
  ingressDeny:
  - fromEndpoints: [{}]
    toPorts: [{ports: [{port: '81'}]}]
  egress:
  - {}
---
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: open}
spec:
  endpointSelector: {matchLabels: {app: db}}
  enableDefaultDeny: {ingress: false}
  ingressDeny: [{fromEntities: [cluster], toPorts: [{ports: [{port: '1'}]}]}]
";
    let named = |port| {
        [IpProtocol::TCP, IpProtocol::UDP, IpProtocol::SCTP]
            .map(|protocol| ProtocolSet::port(protocol, port))
            .into_iter()
            .collect::<ProtocolSet>()
    };
    let all = range(IpProtocol::TCP, 80, 90).union(&tcp(9090)).union(&named(53));
    assert_eq!(allowed(policies, DB, API), all);
    assert_eq!(allowed(policies, WEB, API), all.difference(&tcp(81)));
    assert!(allowed(policies, API, DB).is_empty());
    assert_eq!(allowed(policies, WEB, DB), universe().difference(&named(1)));
}

#[test]
fn layer_seven_of_cilium_is_never_widened() {
    let policy = |rule: &str| {
        format!(
            "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: a, namespace: shop}}\nspec:\n  \
             endpointSelector: {{}}\n  egress:\n  - {rule}\n"
        )
    };
    for (rule, part) in [
        (
            "{toPorts: [{ports: [{port: '80'}], rules: {http: [{method: GET}]}}]}",
            "rules of layer 7 cannot be said",
        ),
        ("{toEndpoints: [{}], toEntities: [world]}", "one kind of peers"),
        ("{toEntities: [wrld]}", "did you mean 'world'?"),
        ("{toServices: [{k8sService: {serviceName: a}}]}", "left out"),
        ("{toFQDNs: [{matchPattern: '*.example.com'}]}", "one label more"),
        ("{toEndpoints: [{matchLabels: {'reserved:host': ''}}]}", "reserved:host"),
    ] {
        let found = complaints(&policy(rule));
        assert!(found.iter().any(|text| text.contains(part)), "{rule}: {found:?}");
    }
    let dns = policy(
        "{toEndpoints: [{}], toPorts: [{ports: [{port: '53', protocol: UDP}], rules: {dns: [{matchPattern: '*'}]}}]}",
    );
    assert_eq!(allowed(&dns, WEB, API), ProtocolSet::port(IpProtocol::UDP, 53));
}

#[test]
fn rules_of_layer_seven_that_leave_no_request_out_name_the_application() {
    let policy = |direction: &str, rule: &str| {
        format!(
            "{PODS}---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: a, namespace: shop}}\n\
             spec:\n  endpointSelector: {{}}\n  {direction}:\n  - {rule}\n"
        )
    };
    let imported = |rule: &str| {
        let reading = read([("p.yaml", policy("ingress", rule).as_str())]);
        assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
        Document::join(&import(&reading.resources).documents)
    };
    let http = imported("{toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {http: [{}]}}]}");
    assert!(http.contains("applications: [http, http2, grpc, websocket]"), "{http}");
    let kafka = imported("{toPorts: [{ports: [{port: '9092', protocol: TCP}], rules: {kafka: [{}]}}]}");
    assert!(kafka.contains("applications: [kafka]"), "{kafka}");
    // A denial that would hold back only what is known to be HTTP would hold back less.
    let denied =
        policy("ingressDeny", "{toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {http: [{}]}}]}");
    assert!(read([("p.yaml", denied.as_str())]).has_errors());
}

#[test]
fn neuvector_has_one_list_for_both_ends() {
    let policies = "
apiVersion: neuvector.com/v1
kind: NvSecurityRule
metadata: {name: a-web, namespace: shop}
spec:
  target: {policymode: Protect, selector: {name: nv.web.shop, criteria: [{key: service, op: '=', value: web.shop}]}}
  egress:
  - {selector: {name: nv.db.data, criteria: []}, ports: tcp/5432, applications: [any], action: deny}
  - {selector: {name: back, criteria: [{key: tier, op: '=', value: back}]}, ports: 'tcp/5000-6000,udp/53', applications: [any], action: allow}
  ingress: []
---
apiVersion: neuvector.com/v1
kind: NvSecurityRule
metadata: {name: b-db, namespace: data}
spec:
  target: {policymode: Monitor, selector: {name: nv.db.data, criteria: []}}
  ingress: []
  egress: []
";
    // One rule, in the object of the client, lets both ends speak.
    let both = range(IpProtocol::TCP, 5000, 6000)
        .difference(&tcp(5432))
        .union(&ProtocolSet::port(IpProtocol::UDP, 53));
    assert_eq!(allowed(policies, WEB, DB), both);
    assert!(allowed(policies, DB, WEB).is_empty());
    assert!(allowed(policies, API, WEB).is_empty());
    let told = complaints(&format!("{PODS}---\n{policies}"));
    assert!(told.iter().any(|text| text.contains("modes are not taken")), "{told:?}");
    let unknown = policies.replace("name: back, criteria: [{key: tier, op: '=', value: back}]", "name: back");
    let told = complaints(&unknown);
    assert!(told.iter().any(|text| text.contains("the group 'back' is not among the manifests")), "{told:?}");
    // Applications are kept in documents.
    let tls = policies.replace(
        "ports: tcp/5432, applications: [any], action: deny",
        "ports: any, applications: [SSL], action: allow",
    );
    let reading = read([("p.yaml", format!("{PODS}---\n{tls}").as_str())]);
    let yaml = Document::join(&import(&reading.resources).documents);
    assert!(yaml.contains("- to: [{service: data/db}]\n      applications: [tls]"), "{yaml}");
}

const CALICO_SELECTORS: [&str; 6] = [
    "all()",
    "app == 'a'",
    "app != 'a' && has(tier)",
    "tier in {'a', 'b'} || env == 'c'",
    "!(app == 'b')",
    "!has(env)",
];
const CALICO_NAMESPACES: [&str; 4] = [
    "all()",
    "projectcalico.org/name == 'one'",
    "projectcalico.org/name != 'two'",
    "env == 'a' || app in {'a', 'b'}",
];

fn calico_rule(peers: &'static str) -> impl Strategy<Value = String> {
    let entity = prop_oneof![
        word(&CALICO_SELECTORS).prop_map(|text| format!("selector: \"{text}\"")),
        (word(&CALICO_SELECTORS), word(&CALICO_NAMESPACES)).prop_map(|(pods, namespaces)| format!(
            "selector: \"{pods}\", namespaceSelector: \"{namespaces}\""
        )),
        word(&["nets: [10.0.0.0/8], notNets: [10.1.0.0/16]", "nets: ['0.0.0.0/0', '::/0']"])
            .prop_map(str::to_owned),
        Just(String::new()),
    ];
    let ports = word(&["", "ports: [80]", "ports: ['79:81', 443]", "notPorts: ['1:100']"]);
    (word(&["Allow", "Deny", "Pass", "Log"]), word(&["TCP", "UDP"]), entity, ports).prop_map(
        move |(action, protocol, entity, ports)| {
            let (source, destination) = match peers {
                "source" => (entity, ports.to_owned()),
                _ => (String::new(), if entity.is_empty() { ports.to_owned() } else { format!("{entity}, {ports}") }),
            };
            format!(
                "{{action: {action}, protocol: {protocol}, source: {{{source}}}, destination: {{{destination}}}}}"
            )
        },
    )
}

fn calico_policy() -> impl Strategy<Value = String> {
    let rules = |peers| prop::collection::vec(calico_rule(peers), 0..3);
    let head =
        (word(&["early", "default", "late"]), 0u8..4, word(&CALICO_SELECTORS), word(&CALICO_NAMESPACES));
    (head, rules("source"), rules("destination"), 0u8..3).prop_map(
        |((tier, order, pods, namespaces), ingress, egress, types)| {
            let types = ["[Ingress]", "[Egress]", "[Ingress, Egress]"][usize::from(types)];
            format!(
                "{{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {{name: NAME}}, spec: {{tier: {tier}, \
                 order: {order}.5, selector: \"{pods}\", namespaceSelector: \"{namespaces}\", types: {types}, \
                 ingress: [{}], egress: [{}]}}}}",
                ingress.join(", "),
                egress.join(", ")
            )
        },
    )
}

/// A random cluster with tiers of Calico around its own policies.
fn calico_cluster() -> impl Strategy<Value = String> {
    let default = || word(&["Deny", "Pass"]);
    (cluster(), prop::collection::vec(calico_policy(), 1..4), default(), default()).prop_map(
        |(mut text, policies, early, late)| {
            for (tier, order, action) in [("early", 50, early), ("late", 5_000_000, late)] {
                let _ = writeln!(
                    text,
                    "---\n{{apiVersion: projectcalico.org/v3, kind: Tier, metadata: {{name: {tier}}}, \
                     spec: {{order: {order}, defaultAction: {action}}}}}"
                );
            }
            for (number, policy) in policies.iter().enumerate() {
                let _ = writeln!(text, "---\n{}", policy.replace("NAME", &format!("g{number}")));
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn random_tiers_mean_the_same_as_sets_packet_by_packet_and_as_documents(text in calico_cluster()) {
        let reading = read([("cluster.yaml", text.as_str())]);
        prop_assert!(!reading.has_errors(), "{:?} in {}", reading.diagnostics, text);
        compare(&reading.resources, Semantics::KUBERNETES)?;
        let import = import(&reading.resources);
        let found = differences(&reading.resources, &import.policy_set(), &import.inventory(), Timestamp(0));
        prop_assert!(found.is_empty(), "{}\n{}\n{}", found[0], Document::join(&import.documents), text);
    }
}
