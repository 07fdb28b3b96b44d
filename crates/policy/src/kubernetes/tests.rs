//! The set engine against the packet evaluator on random policies, and manifests that are wrong in every way.

use super::*;
use crate::{Document, PolicySet, ReadOptions};
use bulkhead_model::{IpProtocol, Timestamp};
use proptest::prelude::*;
use std::{fmt::Write, net::IpAddr};

mod errors;
mod export;
mod exposed;
mod lint;
mod meaning;
mod others;

/// A few of everything, so that random selectors hit and miss.
const KEYS: [&str; 3] = ["app", "tier", "env"];
const VALUES: [&str; 3] = ["a", "b", "c"];
const NAMESPACES: [&str; 3] = ["one", "two", "three"];
const NETWORKS: [&str; 6] =
    ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24", "2001:db8::/32", "::/0"];
/// Addresses at and around the ends of the networks.
const ADDRESSES: [&str; 8] = [
    "0.0.0.0",
    "9.255.255.255",
    "10.0.0.0",
    "10.1.255.255",
    "10.2.0.0",
    "192.0.2.7",
    "2001:db8::1",
    "2001:db9::1",
];
const PORTS: [u16; 7] = [1, 79, 80, 81, 443, 8080, 65535];

fn word(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(words)
}

fn labels() -> impl Strategy<Value = String> {
    prop::collection::btree_map(word(&KEYS), word(&VALUES), 0..3).prop_map(|labels| {
        let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        format!("{{{}}}", pairs.join(", "))
    })
}

fn selector() -> impl Strategy<Value = String> {
    let expression = (word(&KEYS), word(&["In", "NotIn", "Exists", "DoesNotExist"]), word(&VALUES)).prop_map(
        |(key, operator, value)| {
            let values =
                if operator.ends_with("In") { format!(", values: [{value}]") } else { String::new() };
            format!("{{matchExpressions: [{{key: {key}, operator: {operator}{values}}}]}}")
        },
    );
    prop_oneof![
        2 => Just("{}".to_owned()),
        3 => labels().prop_map(|labels| format!("{{matchLabels: {labels}}}")),
        2 => expression,
    ]
}

/// A namespace by its own label, which every namespace has, or by others.
fn namespace_selector() -> impl Strategy<Value = String> {
    prop_oneof![
        word(&NAMESPACES)
            .prop_map(|name| format!("{{matchLabels: {{kubernetes.io/metadata.name: {name}}}}}")),
        selector(),
    ]
}

fn port() -> impl Strategy<Value = String> {
    let protocol = word(&["TCP", "UDP", "SCTP"]);
    (protocol, prop::sample::select(&PORTS[..]), prop::sample::select(&PORTS[..]), 0u8..4).prop_map(
        |(protocol, a, b, form)| match form {
            0 => format!("{{protocol: {protocol}}}"),
            1 => format!("{{protocol: {protocol}, port: {a}}}"),
            2 => format!("{{protocol: {protocol}, port: {}, endPort: {}}}", a.min(b), a.max(b)),
            _ => format!("{{protocol: {protocol}, port: web}}"),
        },
    )
}

fn block() -> impl Strategy<Value = String> {
    prop_oneof![
        word(&NETWORKS).prop_map(|network| format!("{{cidr: \"{network}\"}}")),
        Just("{cidr: 0.0.0.0/0, except: [10.0.0.0/8]}".to_owned()),
        Just("{cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.0.0.0/16]}".to_owned()),
    ]
}

fn peer() -> impl Strategy<Value = String> {
    prop_oneof![
        selector().prop_map(|pods| format!("{{podSelector: {pods}}}")),
        namespace_selector().prop_map(|names| format!("{{namespaceSelector: {names}}}")),
        (namespace_selector(), selector())
            .prop_map(|(names, pods)| format!("{{namespaceSelector: {names}, podSelector: {pods}}}")),
        block().prop_map(|block| format!("{{ipBlock: {block}}}")),
    ]
}

fn list(items: Vec<String>) -> String {
    format!("[{}]", items.join(", "))
}

fn rule(peers: &'static str) -> impl Strategy<Value = String> {
    (prop::collection::vec(peer(), 0..3), prop::collection::vec(port(), 0..3))
        .prop_map(move |(who, ports)| format!("{{{peers}: {}, ports: {}}}", list(who), list(ports)))
}

fn network_policy() -> impl Strategy<Value = String> {
    let types = word(&[
        "",
        "policyTypes: [Ingress], ",
        "policyTypes: [Egress], ",
        "policyTypes: [Ingress, Egress], ",
    ]);
    let rules = (prop::collection::vec(rule("from"), 0..3), prop::collection::vec(rule("to"), 0..3));
    (word(&NAMESPACES), selector(), types, rules).prop_map(|(namespace, pods, types, (ingress, egress))| {
        format!(
            "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: NAME, namespace: {namespace}}}, \
             spec: {{podSelector: {pods}, {types}ingress: {}, egress: {}}}}}",
            list(ingress),
            list(egress)
        )
    })
}

fn admin_port() -> impl Strategy<Value = String> {
    let protocol = word(&["TCP", "UDP", "SCTP"]);
    (protocol, prop::sample::select(&PORTS[..]), prop::sample::select(&PORTS[..]), 0u8..3).prop_map(
        |(protocol, a, b, form)| match form {
            0 => format!("{{portNumber: {{protocol: {protocol}, port: {a}}}}}"),
            1 => {
                format!("{{portRange: {{protocol: {protocol}, start: {}, end: {}}}}}", a.min(b), a.max(b))
            }
            _ => "{namedPort: web}".to_owned(),
        },
    )
}

fn admin_rule(peers: &'static str, actions: &'static [&'static str]) -> impl Strategy<Value = String> {
    let pods = (namespace_selector(), selector())
        .prop_map(|(names, pods)| format!("{{pods: {{namespaceSelector: {names}, podSelector: {pods}}}}}"));
    let networks = word(&NETWORKS).prop_map(|network| format!("{{networks: [\"{network}\"]}}"));
    let namespaces = namespace_selector().prop_map(|names| format!("{{namespaces: {names}}}"));
    let peer = if peers == "to" {
        prop_oneof![pods, namespaces, networks].boxed()
    } else {
        prop_oneof![pods, namespaces].boxed()
    };
    let ports = prop::option::of(prop::collection::vec(admin_port(), 0..3));
    (prop::collection::vec(peer, 1..3), ports, word(actions)).prop_map(move |(who, ports, action)| {
        let ports = ports.map(|ports| format!(", ports: {}", list(ports))).unwrap_or_default();
        format!("{{action: {action}, {peers}: {}{ports}}}", list(who))
    })
}

fn subject() -> impl Strategy<Value = String> {
    prop_oneof![
        namespace_selector().prop_map(|names| format!("{{namespaces: {names}}}")),
        (namespace_selector(), selector()).prop_map(|(names, pods)| format!(
            "{{pods: {{namespaceSelector: {names}, podSelector: {pods}}}}}"
        )),
    ]
}

/// An admin policy, or the baseline one.
fn admin_policy(kind: &'static str) -> impl Strategy<Value = String> {
    const ALL: &[&str] = &["Allow", "Deny", "Pass"];
    let actions = if kind == "AdminNetworkPolicy" { ALL } else { &ALL[..2] };
    let rules = (
        prop::collection::vec(admin_rule("from", actions), 0..4),
        prop::collection::vec(admin_rule("to", actions), 0..4),
    );
    (subject(), rules).prop_map(move |(subject, (ingress, egress))| {
        format!(
            "{{apiVersion: policy.networking.k8s.io/v1alpha1, kind: {kind}, metadata: {{name: NAME}}, \
             spec: {{PRIORITYsubject: {subject}, ingress: {}, egress: {}}}}}",
            list(ingress),
            list(egress)
        )
    })
}

/// A whole cluster with policies of all kinds, as one text.
fn cluster() -> impl Strategy<Value = String> {
    let namespaces = prop::collection::vec(labels(), NAMESPACES.len());
    let named = word(&["TCP, containerPort: 80", "UDP, containerPort: 443", "TCP, containerPort: 8080"]);
    let pod = (word(&NAMESPACES), labels(), prop::option::of(named), prop::bool::weighted(0.15));
    let pods = prop::collection::vec(pod, 2..6);
    let policies = (
        prop::collection::vec(network_policy(), 0..4),
        prop::collection::vec(admin_policy("AdminNetworkPolicy"), 0..3),
        prop::option::of(admin_policy("BaselineAdminNetworkPolicy")),
    );
    (namespaces, pods, policies).prop_map(|(namespaces, pods, (policies, admin, baseline))| {
        let mut text = String::new();
        for (name, labels) in NAMESPACES.iter().zip(namespaces) {
            let _ = writeln!(text, "---\n{{kind: Namespace, metadata: {{name: {name}, labels: {labels}}}}}");
        }
        for (index, (namespace, labels, port, host)) in pods.into_iter().enumerate() {
            let ports =
                port.map(|port| format!("ports: [{{name: web, protocol: {port}}}]")).unwrap_or_default();
            let _ = writeln!(
                text,
                "---\n{{kind: Pod, metadata: {{name: p{index}, namespace: {namespace}, labels: {labels}}}, \
                 spec: {{hostNetwork: {host}, containers: [{{{ports}}}]}}}}"
            );
        }
        for (index, policy) in policies.into_iter().enumerate() {
            let _ = writeln!(text, "---\n{}", policy.replace("NAME", &format!("n{index}")));
        }
        for (index, policy) in admin.into_iter().enumerate() {
            let policy = policy.replace("NAME", &format!("a{index}"));
            let _ =
                writeln!(text, "---\n{}", policy.replace("PRIORITY", &format!("priority: {}, ", 10 - index)));
        }
        if let Some(policy) = baseline {
            let _ = writeln!(text, "---\n{}", policy.replace("NAME", "default").replace("PRIORITY", ""));
        }
        text
    })
}

/// Every packet between every two ends, asked both ways.
fn compare(resources: &Resources, semantics: Semantics) -> Result<(), TestCaseError> {
    let connectivity = connections(resources, semantics);
    let addresses: Vec<IpAddr> = ADDRESSES.iter().map(|text| text.parse().expect("an address")).collect();
    let ends: Vec<PacketPeer<'_>> = resources
        .workloads
        .keys()
        .map(|name| PacketPeer::Pod(name, 0))
        .chain(addresses.into_iter().map(PacketPeer::Address))
        .collect();
    let holds = |end: &Endpoint, peer: PacketPeer<'_>| match (end, peer) {
        (Endpoint::Workload(name), PacketPeer::Pod(wanted, _)) => name == wanted,
        (Endpoint::External(range), PacketPeer::Address(address)) => range.contains(address),
        _ => false,
    };
    for from in &ends {
        for to in &ends {
            let outside = matches!((from, to), (PacketPeer::Address(_), PacketPeer::Address(_)));
            if from == to || outside {
                continue;
            }
            let allowed: ProtocolSet = connectivity
                .connections
                .iter()
                .filter(|connection| holds(&connection.from, *from) && holds(&connection.to, *to))
                .map(|connection| connection.traffic.clone())
                .collect();
            for (protocol, _) in PROTOCOLS {
                for port in PORTS {
                    let packet = Packet { from: *from, to: *to, protocol, port };
                    let expected = evaluate(resources, semantics, &packet);
                    prop_assert_eq!(allowed.contains(protocol, port), expected, "{:?}", packet);
                }
            }
        }
    }
    Ok(())
}

/// How many random clusters: few enough for every day, and as many as are asked for.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn the_set_engine_allows_exactly_the_packets_that_the_evaluator_lets_pass(text in cluster()) {
        let reading = read([("cluster.yaml", text.as_str())]);
        prop_assert!(!reading.has_errors(), "{:?} in {}", reading.diagnostics, text);
        compare(&reading.resources, Semantics::KUBERNETES)?;
        compare(&reading.resources, Semantics::NP_GUARD)?;
    }

    #[test]
    fn imported_documents_mean_what_the_manifests_mean(text in cluster()) {
        let reading = read([("cluster.yaml", text.as_str())]);
        let import = import(&reading.resources);
        let yaml = Document::join(&import.documents);
        let set = PolicySet::read([("imported.yaml", yaml.as_str())], ReadOptions::default());
        prop_assert!(set.is_ok(), "{:?} in {}", set, yaml);
        let set = set.unwrap_or_default();
        prop_assert_eq!(&set, &import.policy_set());
        let found = differences(&reading.resources, &set, &import.inventory(), Timestamp(0));
        prop_assert!(found.is_empty(), "{}\n{}\n{}", found[0], yaml, text);
    }

    #[test]
    fn exported_network_policies_mean_what_the_documents_mean(text in cluster()) {
        let reading = read([("cluster.yaml", text.as_str())]);
        let mut import = import(&reading.resources);
        // With a label that tells services apart, nothing is left that the language could not say.
        for service in &mut import.services {
            service.labels.insert("app.kubernetes.io/name".to_owned(), service.name.name().to_owned());
        }
        let (set, inventory) = (import.policy_set(), import.inventory());
        let exported = super::export(&set, &inventory, Timestamp(0), Dialect::NetworkPolicy);
        let yaml = format!("{}---\n{}", export::pods(&inventory), exported.text);
        let again = read([("exported.yaml", yaml.as_str())]);
        prop_assert!(!again.has_errors(), "{:?} in {}", again.diagnostics, yaml);
        let found = differences(&again.resources, &set, &inventory, Timestamp(0));
        prop_assert!(found.is_empty(), "{}\n{}\n{}\n{:?}", found[0], text, yaml, exported.remarks);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let lossy = String::from_utf8_lossy(&bytes);
        let reading = read([("a", text.as_str()), ("b", &*lossy)]);
        connections(&reading.resources, Semantics::KUBERNETES);
    }

    /// A sound cluster with something overwritten is nearly sound, which reaches deeper than noise.
    #[test]
    fn no_damaged_manifest_makes_anything_panic(
        text in cluster(),
        places in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&b"{}[]:,-\n\"'0a~ #&*"[..])), 1..6)
    ) {
        let mut bytes = text.into_bytes();
        for (index, byte) in places {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let reading = read([("damaged.yaml", &*String::from_utf8_lossy(&bytes))]);
        let connectivity = connections(&reading.resources, Semantics::KUBERNETES);
        for (format, _) in Format::ALL {
            write(&connectivity, format);
            write_np_guard(&connectivity, format);
        }
        let import = import(&reading.resources);
        for (dialect, _) in Dialect::ALL {
            super::export(&import.policy_set(), &import.inventory(), Timestamp(0), dialect);
        }
    }

    #[test]
    fn the_order_of_files_and_documents_does_not_matter(text in cluster(), turn in any::<prop::sample::Index>()) {
        let mut documents: Vec<&str> = text.split("---\n").filter(|text| !text.is_empty()).collect();
        let before = read(documents.iter().map(|document| ("x.yaml", *document)));
        let turn = turn.index(documents.len());
        documents.rotate_left(turn);
        let after = read(documents.iter().map(|document| ("x.yaml", *document)));
        prop_assert_eq!(
            connections(&before.resources, Semantics::KUBERNETES).connections,
            connections(&after.resources, Semantics::KUBERNETES).connections
        );
    }
}

/// What the texts allow, as np-guard writes it.
fn np_guard(text: &str) -> String {
    let reading = read([("test.yaml", text)]);
    assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
    write_np_guard(&connections(&reading.resources, Semantics::NP_GUARD), Format::Text)
}

/// What one workload may send to another.
fn between(text: &str, from: &str, to: &str, semantics: Semantics) -> ProtocolSet {
    let reading = read([("test.yaml", text)]);
    assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
    let connectivity = connections(&reading.resources, semantics);
    let found = connectivity
        .connections
        .iter()
        .find(|connection| connection.from.to_string() == from && connection.to.to_string() == to);
    found.map(|connection| connection.traffic.clone()).unwrap_or_default()
}

fn tcp(port: u16) -> ProtocolSet {
    ProtocolSet::port(IpProtocol::TCP, port)
}
