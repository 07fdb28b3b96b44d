//! What is written in the languages of others.

use super::super::*;
use crate::{Document, Inventory, PolicySet, ReadOptions, Service, yaml::Tree};
use bulkhead_model::{Exposure, Identity, IpProtocol, Timestamp};
use std::fmt::Write;

/// Pods for all services of an inventory.
pub(super) fn pods(inventory: &Inventory) -> String {
    let mut out = String::new();
    for service in inventory.services() {
        let labels = service.labels.iter().map(|(key, value)| (key.clone(), Tree::text(value))).collect();
        let _ = writeln!(
            out,
            "---\n{{kind: Pod, metadata: {{name: {}, namespace: {}, labels: {}}}}}",
            service.name.name(),
            service.name.namespace(),
            Tree::Map(labels).to_flow()
        );
    }
    out
}

/// A shop: a web server, an interface behind it, a cache and a database, and a payment service outside.
fn shop() -> (PolicySet, Inventory) {
    let documents = "
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: api, namespace: shop}
spec:
  target: {service: shop/api}
  ingress:
  - {from: [{service: shop/web}], ports: [tcp/8080], applications: [http]}
  - {from: [host], ports: [tcp/8080]}
  egress:
  - {to: [{service: shop/redis}], applications: [redis]}
  - {to: [{service: data/db}], ports: [tcp/5432-5433]}
  - {to: [{name: api.pay.example}], ports: [tcp/443]}
  - {to: [{cidr: {net: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [icmp/8, udp/53]}
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: web, namespace: shop}
spec:
  target: {service: shop/web}
  ingress: [{from: [any], ports: [tcp/80, tcp/443]}]
  egress: [{to: [{service: shop/api}], ports: [tcp/8080]}]
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis, namespace: shop}
spec:
  target: {service: shop/redis}
  ingress: [{from: [{service: shop/api}], applications: [redis]}]
";
    let set = PolicySet::read([("shop.yaml", documents)], ReadOptions::default()).expect("valid");
    let names = [("shop", "web"), ("shop", "api"), ("shop", "redis"), ("data", "db")];
    let services = names.into_iter().zip(Identity::FIRST_SERVICE..).map(|((namespace, name), number)| {
        let full = format!("{namespace}/{name}").parse().expect("a name");
        let mut service = Service::new(full, Identity(number));
        service.labels = [("app", name), ("part-of", "shop"), ("pod-template-hash", "5d9b8")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        if name == "redis" {
            service.exposes = vec![Exposure { protocol: IpProtocol::TCP, port: 6379 }];
        }
        service
    });
    let mut inventory = Inventory::new(services);
    inventory.resolve("api.pay.example", ["203.0.113.7".parse().expect("an address")]);
    (set, inventory)
}

fn written(dialect: Dialect) -> (String, Vec<String>) {
    let (set, inventory) = shop();
    let export = export(&set, &inventory, Timestamp(0), dialect);
    (export.text, export.remarks)
}

fn holds(text: &str, parts: &[&str]) {
    // Whether a value stands on one line or on several is the writer's business.
    let squeezed = |text: &str| {
        text.chars().filter(|c| !c.is_whitespace() && !"{}[],-\"".contains(*c)).collect::<String>()
    };
    for part in parts {
        assert!(squeezed(text).contains(&squeezed(part)), "{part}\nis not in\n{text}");
    }
}

#[test]
fn network_policies_are_as_tight_as_they_can_be_and_the_rest_is_told() {
    let (text, remarks) = written(Dialect::NetworkPolicy);
    holds(
        &text,
        &[
            "metadata: {name: api, namespace: shop} spec: podSelector: {matchLabels: {app: api}} \
             policyTypes: [Ingress, Egress]",
            "from: - podSelector: {matchLabels: {app: web}}",
            "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: data}} podSelector: {matchLabels: {app: db}}",
            "{protocol: TCP, port: 5432, endPort: 5433}",
            "ipBlock: {cidr: 203.0.113.7/32}",
            "ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}",
            "{protocol: TCP, port: 6379}",
        ],
    );
    for part in [
        "hosts cannot be said",
        "shop/api egress: icmp/2048-2303 cannot be said",
        "the name api.pay.example cannot be said",
        "shop/api ingress: that it is http cannot be said; tcp/8080 is open to every application",
        "shop/redis ingress: that it is redis cannot be said; tcp/6379 is open",
    ] {
        assert!(remarks.iter().any(|remark| remark.contains(part)), "{part} in {remarks:#?}");
    }
    assert!(!text.contains("pod-template-hash"));
}

#[test]
fn cilium_says_names_hosts_and_types_of_icmp() {
    let (text, _) = written(Dialect::Cilium);
    holds(
        &text,
        &[
            "endpointSelector: {matchLabels: {app: api}}",
            "fromEndpoints: - matchLabels: {app: web, \"k8s:io.kubernetes.pod.namespace\": shop}",
            "fromEntities: [host]",
            "toFQDNs: - {matchName: api.pay.example}",
            "toCIDRSet: - {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}",
            "icmps: - fields: - {type: 8, family: IPv4}",
            "{port: \"5432\", protocol: TCP, endPort: 5433}",
            "fromEntities: [all] toPorts: - ports: - {port: \"80\", protocol: TCP}",
        ],
    );
}

#[test]
fn cilium_is_told_which_protocol_of_layer_seven_it_has_to_be() {
    let (text, remarks) = written(Dialect::Cilium);
    holds(&text, &["toPorts: - ports: [{port: \"8080\", protocol: TCP}] rules: http: [{}]"]);
    holds(
        &remarks.join("\n"),
        &[
            "shop/api ingress: http cannot be told from http2,grpc,websocket, which is open too",
            "shop/redis ingress: that it is redis cannot be said",
        ],
    );
    let (set, inventory) = shop();
    let untold: Vec<String> =
        prove(&set, &inventory, Timestamp(0), Dialect::Cilium).untold().map(ToString::to_string).collect();
    assert!(untold.is_empty(), "{untold:?}");
}

#[test]
fn calico_says_selectors_as_expressions_and_types_of_icmp() {
    let (text, _) = written(Dialect::Calico);
    holds(
        &text,
        &[
            "selector: \"app == 'api'\"",
            "action: Allow protocol: TCP source: {selector: \"app == 'web'\"} destination: {ports: [8080]}",
            "destination: selector: \"app == 'db'\" namespaceSelector: \"projectcalico.org/name == 'data'\" \
             ports: [\"5432:5433\"]",
            "protocol: ICMP icmp: {type: 8} destination: nets: [10.0.0.0/8] notNets: [10.1.0.0/16]",
            "action: Allow protocol: TCP destination: {ports: [80, 443]}",
        ],
    );
}

#[test]
fn neuvector_keeps_the_applications() {
    let (text, remarks) = written(Dialect::NeuVector);
    holds(
        &remarks.join("\n"),
        &[
            "the name api.pay.example is written as its addresses",
            "shop/api egress addresses: types of icmp cannot be said",
        ],
    );
    holds(
        &text,
        &[
            "name: nv.api.shop",
            "{key: service, op: \"=\", value: web.shop}",
            "ports: \"tcp/8080\" applications: [HTTP] action: allow",
            "applications: [Redis]",
        ],
    );
}

#[test]
fn istio_guards_the_side_of_the_server() {
    let (text, remarks) = written(Dialect::Istio);
    holds(
        &text,
        &[
            "kind: AuthorizationPolicy metadata: {name: api, namespace: shop} spec: selector: {matchLabels: {app: api}} \
             action: ALLOW rules: from: source: principals: [*/ns/shop/sa/web] to: operation: ports: [8080]",
            "metadata: {name: web, namespace: shop} spec: selector: {matchLabels: {app: web}} action: ALLOW rules: \
             to: operation: ports: [80, 443]",
            "principals: [*/ns/shop/sa/api] to: operation: ports: [6379]",
        ],
    );
    holds(
        &remarks.join("\n"),
        &[
            "Istio holds back TCP alone",
            "shop/api egress: cannot be said",
            "shop/api ingress: hosts cannot be said",
            "shop/web is known by its service account: give its pods one of their own, called web",
        ],
    );
}

#[test]
fn istio_tells_outsiders_from_pods_and_leaves_out_what_no_list_can_hold() {
    let documents = "
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: a, namespace: n}
spec:
  target: {service: n/a}
  ingress:
  - {from: [{cidr: {net: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [tcp/443]}
  - {from: [{service: n/b}], ports: [tcp/1000-2000, udp/53]}
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: b, namespace: n}
spec: {target: {service: n/b}, egress: [{to: [any]}]}
";
    let set = PolicySet::read([("n.yaml", documents)], ReadOptions::default()).expect("valid");
    let written = export(&set, &Inventory::named_in(&set), Timestamp(0), Dialect::Istio);
    holds(
        &written.text,
        &[
            "rules: from: source: ipBlocks: [10.0.0.0/8] notIpBlocks: [10.1.0.0/16] notPrincipals: [*] \
             to: operation: ports: [443]",
            "metadata: {name: b, namespace: n} spec: selector: {matchLabels: {app: b}} action: ALLOW rules: []",
        ],
    );
    holds(&written.remarks.join("\n"), &["n/a ingress: tcp/1000-2000 cannot be said"]);
    assert!(!written.remarks.iter().any(|remark| remark.starts_with("n/b egress")), "{:?}", written.remarks);
}

#[test]
fn security_groups_name_each_other_and_say_types_of_icmp() {
    let (text, remarks) = written(Dialect::Aws);
    let template: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let resources = template["Resources"].as_object().expect("resources");
    let of = |kind: &str, group: &str| -> Vec<&serde_json::Value> {
        let kind = format!("AWS::EC2::SecurityGroup{kind}");
        let mine = resources.values().filter(|resource| resource["Type"] == kind.as_str());
        mine.map(|resource| &resource["Properties"])
            .filter(|rule| rule["GroupId"]["Fn::GetAtt"][0] == group)
            .collect()
    };
    let into_api = of("Ingress", "ShopApi");
    assert_eq!(into_api.len(), 1, "{text}");
    assert_eq!(into_api[0]["SourceSecurityGroupId"]["Fn::GetAtt"][0], "ShopWeb");
    assert_eq!(
        (&into_api[0]["IpProtocol"], &into_api[0]["FromPort"], &into_api[0]["ToPort"]),
        (&"tcp".into(), &8080.into(), &8080.into())
    );
    let out_of_api = of("Egress", "ShopApi");
    assert!(
        out_of_api
            .iter()
            .any(|rule| rule["IpProtocol"] == "icmp" && rule["FromPort"] == 8 && rule["ToPort"] == -1)
    );
    assert!(out_of_api.iter().any(|rule| rule["FromPort"] == 5432 && rule["ToPort"] == 5433));
    // A range without a part is the networks that are left.
    assert!(out_of_api.iter().any(|rule| rule["CidrIp"] == "10.128.0.0/9"));
    assert!(!out_of_api.iter().any(|rule| rule["CidrIp"] == "10.1.0.0/16" || rule["CidrIp"] == "10.0.0.0/8"));
    // Nobody speaks of the database: its group holds nothing back.
    let db = &resources["DataDb"]["Properties"];
    assert_eq!(db["SecurityGroupIngress"][0]["CidrIp"], "0.0.0.0/0");
    assert_eq!(resources["ShopApi"]["Properties"]["SecurityGroupEgress"][0]["CidrIp"], "127.0.0.1/32");
    holds(&remarks.join("\n"), &["shop/api ingress: hosts cannot be said", "ranges also mean services"]);
}

#[test]
fn rulesets_ask_both_ends_and_tell_services_from_ranges() {
    let (set, inventory) = shop();
    let addresses = [("shop/web", "10.0.0.5"), ("shop/api", "10.0.0.6"), ("shop/api", "fd00::6")];
    let mut known = Addresses::new();
    for (service, address) in addresses {
        let service = service.parse().expect("a name");
        known.entry(service).or_default().insert(address.parse().expect("an address"));
    }
    let written = export_with(&set, &inventory, Timestamp(0), Dialect::Nftables, &known);
    for part in [
        "set s_shop_web_4 { type ipv4_addr; elements = { 10.0.0.5 } }",
        "set s_shop_api_6 { type ipv6_addr; elements = { fd00::6 } }",
        "set services_4 { type ipv4_addr; elements = { 10.0.0.5, 10.0.0.6 } }",
        "  chain ingress_s_shop_api {\n    ip saddr @s_shop_web_4 meta l4proto 6 th dport { 8080 } return\n",
        "ip daddr @s_data_db_4 meta l4proto 6 th dport { 5432-5433 } return",
        "ip daddr != @services_4 ip daddr { 10.0.0.0-10.0.255.255, 10.2.0.0-10.255.255.255 } icmp type 8 return",
        "meta nfproto ipv6 meta l4proto 6 th dport { 80, 443 } return",
        "    counter drop\n  }\n",
        "    ip saddr @s_shop_api_4 jump egress_s_shop_api\n",
        "    ip6 daddr @s_shop_api_6 jump ingress_s_shop_api\n",
    ] {
        assert!(written.text.contains(part), "{part} in\n{}", written.text);
    }
    holds(&written.remarks.join("\n"), &["data/db: its addresses are not known here"]);
}

#[test]
fn either_end_of_neuvectors_rules_says_no_more_than_both_here() {
    let documents = "
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: a, namespace: n}
spec: {target: {service: n/a}, egress: [{to: [any]}]}
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: b, namespace: n}
spec: {target: {service: n/b}, ingress: [{from: [{service: n/a}], ports: [tcp/80]}]}
";
    let set = PolicySet::read([("n.yaml", documents)], ReadOptions::default()).expect("valid");
    let proof = prove(&set, &Inventory::named_in(&set), Timestamp(0), Dialect::NeuVector);
    holds(
        &proof.export.text,
        &["value: b.n} - {key: domain op: = value: n} ports: tcp/80 applications: [any] action: allow"],
    );
    assert!(proof.differences.iter().all(|change| change.server != peer("n/b")), "{:?}", proof.differences);
    assert_eq!(proof.untold().count(), 0, "{:?} {:?}", proof.differences, proof.export.remarks);
}

fn peer(service: &str) -> bulkhead_model::Peer {
    bulkhead_model::Peer::Service(service.parse().expect("a name"))
}

#[test]
fn what_is_exported_and_imported_again_means_the_same() {
    let (set, inventory) = shop();
    let text = export(&set, &inventory, Timestamp(0), Dialect::NetworkPolicy).text;
    let reading = read([("exported.yaml", format!("{}---\n{text}", pods(&inventory)).as_str())]);
    assert!(!reading.has_errors(), "{:?}\n{text}", reading.diagnostics);
    let import = import(&reading.resources);
    let yaml = Document::join(&import.documents);
    let again = PolicySet::read([("imported.yaml", yaml.as_str())], ReadOptions::default()).expect("valid");
    let found = differences(&reading.resources, &again, &import.inventory(), Timestamp(0));
    assert!(found.is_empty(), "{found:?}");
}
