use super::*;
use proptest::prelude::*;

fn errors(text: &str) -> Vec<String> {
    let (_, diagnostics) = read("shop.yaml", text, ReadOptions::default());
    diagnostics.iter().map(ToString::to_string).collect()
}

fn one(text: &str) -> SegmentationPolicy {
    let (mut documents, diagnostics) = read("shop.yaml", text, ReadOptions::default());
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    match documents.remove(0) {
        Document::Policy(policy) => policy,
        other => panic!("{other:?}"),
    }
}

const REDIS: &str = "\
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis, namespace: shop}
spec:
  target: {service: shop/redis}
  mode: enforce
  ingress:
    - from: [{service: shop/api}]
      applications: [redis]
  egress: []
";

#[test]
fn the_document_of_the_design_is_read() {
    let policy = one(REDIS);
    assert_eq!(policy.target.exact_service(), Some("shop/redis".parse().expect("valid")));
    assert_eq!(policy.mode, Some(Mode::Enforce));
    assert_eq!(policy.tier, RuleOrigin::User);
    assert_eq!(policy.ingress[0].applications[0].name(), "redis");
    assert!(policy.egress.is_empty());
}

#[test]
fn it_is_written_tidily() {
    assert_eq!(one(REDIS).to_yaml(), REDIS.replace("  egress: []\n", ""));
}

#[test]
fn every_form_of_peer_and_port_is_read_and_written() {
    let text = "\
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata:
  name: everything
  namespace: shop
  labels: {team: payments}
  annotations: {note: \"yes: really\"}
spec:
  target: {namespace: shop, selector: {matchLabels: {tier: back}}}
  tier: declared
  order: -5
  ingress:
    - name: the works
      action: deny
      order: 3
      from:
        - {service: shop/*}
        - namespace: pay
          selector:
            matchExpressions:
              - {key: pci, operator: In, values: [\"true\", maybe]}
              - {key: old, operator: DoesNotExist}
        - {zone: pci}
        - cidr: {net: 203.0.113.0/24, except: [203.0.113.64/26]}
        - {cidr: 2001:db8::/32}
        - {name: \"*.bank.example\"}
        - {external: bank}
        - world
        - host
        - remoteHost
        - multicast
        - any
      ports:
        - {protocol: tcp, port: 80}
        - {protocol: udp, port: 8000-8100}
        - {protocol: tcp, port: http}
        - {protocol: icmp, type: 8}
        - {protocol: icmpv6, type: 128, code: 0}
        - {protocol: gre}
        - {protocol: \"112\"}
      applications: [http, tls]
      expires: 2030-12-31T18:00:00Z
";
    let policy = one(text);
    assert_eq!(policy.ingress[0].peers.len(), 12);
    let written = policy.to_yaml();
    assert_eq!(one(&written), policy, "{written}");
    let short = text
        .replace("{protocol: tcp, port: 80}", "80")
        .replace("{protocol: udp, port: 8000-8100}", "udp/8000-8100")
        .replace("{protocol: icmp, type: 8}", "icmp/8")
        .replace("{protocol: gre}", "gre");
    assert_eq!(one(&short), policy);
}

#[test]
fn bare_names_are_of_the_documents_own_namespace() {
    let policy = one(&REDIS.replace("shop/redis", "redis").replace("shop/api", "api"));
    assert_eq!(policy.target.exact_service(), Some("shop/redis".parse().expect("valid")));
    let api = Criteria::service(&"shop/api".parse().expect("valid"));
    assert_eq!(policy.ingress[0].peers, [PeerSpec::Services(api)]);
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_was_meant() {
    let text = "\
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis, namespace: shop}
spec:
  target: {servce: shop/redis}
  mode: enforced
  ingress:
    - from: [{service: shop/api}, {cidr: 10.0.0.5/8}, wrld, {name: 192.0.2.1}]
      ports: [{protocol: tpc, port: 80}, {port: 70000}, {protocol: gre, port: 1}, 9000-8000]
      applications: [postgres]
    - to: [any]
    - ports: []
  eggress: []
";
    let told = errors(text);
    let expected = [
        "shop.yaml:5:12: spec.target: unknown field 'servce'; expected one of service, selector, zone or namespace; did you mean 'service'?",
        "shop.yaml:6:9: spec.mode: 'enforced' is not one of learn, monitor, enforce or quarantine; did you mean 'enforce'?",
        "shop.yaml:8:42: spec.ingress[0].from[1].cidr: 10.0.0.5/8 has bits set beyond its prefix; did you mean 10.0.0.0/8?",
        "shop.yaml:8:55: spec.ingress[0].from[2]: 'wrld' is not a peer; expected any, world, host, remoteHost or multicast, or a map such as {service: shop/api}; did you mean 'world'?",
        "shop.yaml:8:68: spec.ingress[0].from[3].name: '192.0.2.1' is an address; did you mean {cidr: 192.0.2.1}?",
        "shop.yaml:9:26: spec.ingress[0].ports[0].protocol: 'tpc' is not a protocol: expected tcp, udp, sctp, icmp, icmpv6, igmp, gre, esp, ah, or a number from 0 to 255; did you mean 'tcp'?",
        "shop.yaml:9:49: spec.ingress[0].ports[1].port: '70000' is not a port from 0 to 65535 or a range such as 8000-8100",
        "shop.yaml:9:79: spec.ingress[0].ports[2].port: gre has no port",
        "shop.yaml:9:83: spec.ingress[0].ports[3]: '9000-8000' is empty; expected a port from 0 to 65535 or a range such as 8000-8100",
        "shop.yaml:10:22: spec.ingress[0].applications[0]: 'postgres' is not an application protocol that Bulkhead knows; did you mean 'postgresql'?",
        "shop.yaml:11:11: spec.ingress[1].to: 'to' does not belong into ingress; did you mean 'from'?",
        "shop.yaml:12:7: spec.ingress[2].from: missing; expected a list of peers; write 'from: [any]' if everybody is meant",
        "shop.yaml:12:14: spec.ingress[2].ports: an empty list matches nothing; leave 'ports' out if all are meant",
        "shop.yaml:13:3: spec: unknown field 'eggress'; expected one of target, mode, tier, order, ingress or egress; did you mean 'egress'?",
    ];
    assert_eq!(told, expected);
}

#[test]
fn wrong_documents_are_told_apart() {
    for (text, expected) in [
        ("a: 1", "shop.yaml:1:1: apiVersion: missing; expected bulkhead.dev/v1alpha1"),
        ("- 1", "shop.yaml:1:1: expected a document, found a list"),
        (
            "apiVersion: bulkhead.dev/v1\nkind: Zone",
            "shop.yaml:1:13: apiVersion: 'bulkhead.dev/v1' is not an API version that Bulkhead reads; expected bulkhead.dev/v1alpha1",
        ),
        (
            "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolcy\n",
            "shop.yaml:2:7: kind: 'SegmentationPolcy' is not a kind of document; expected SegmentationPolicy, Zone or ExternalEndpoint; did you mean 'SegmentationPolicy'?",
        ),
        ("a: [", "shop.yaml:"),
    ] {
        let told = errors(text);
        assert!(told[0].starts_with(expected), "{told:?}");
    }
}

#[test]
fn two_documents_of_one_name_are_told_with_both_places() {
    let text = format!("{REDIS}---\n{REDIS}");
    let files = [("a.yaml", REDIS), ("b.yaml", text.as_str())];
    let errors = crate::PolicySet::read(files, ReadOptions::default()).expect_err("three of one name");
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "b.yaml:1:1: metadata.name: there is a SegmentationPolicy 'shop/redis' at a.yaml:1 already; give one of them another name",
            "b.yaml:12:1: metadata.name: there is a SegmentationPolicy 'shop/redis' at a.yaml:1 already; give one of them another name",
        ]
    );
}

#[test]
fn zones_and_external_endpoints_are_read_and_written() {
    let text = "\
apiVersion: bulkhead.dev/v1alpha1
kind: Zone
metadata: {name: pci}
spec:
  services: [shop/*, pay/ledger]
  namespaces: [pay-*]
  selectors: [{matchLabels: {pci: \"true\"}}]
  names: [\"*.bank.example\"]
  cidrs: [203.0.113.0/24, {net: 198.51.100.0/24, except: [198.51.100.7/32]}]
  externals: [bank]
  zones: [vault]
---
apiVersion: bulkhead.dev/v1alpha1
kind: ExternalEndpoint
metadata: {name: bank}
spec:
  names: [api.bank.example]
  ranges: [203.0.113.0/24]
";
    let (documents, diagnostics) = read("zones.yaml", text, ReadOptions::default());
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let written = Document::join(&documents);
    assert_eq!(read("again", &written, ReadOptions::default()).0, documents, "{written}");
    assert!(matches!(&documents[0], Document::Zone(zone) if zone.cidrs[1].except.len() == 1));
}

#[test]
fn foreign_documents_are_passed_over_when_asked() {
    let text = format!("apiVersion: v1\nkind: Service\nmetadata: {{name: x}}\n---\n{REDIS}");
    assert_eq!(errors(&text).len(), 1);
    let options = ReadOptions { skip_foreign: true, ..ReadOptions::default() };
    let (documents, diagnostics) = read("x", &text, options);
    assert_eq!((documents.len(), diagnostics.len()), (1, 0));
}

#[test]
fn a_list_of_objects_is_read_as_its_items() {
    let item = REDIS.replace('\n', "\n    ");
    let text = format!("apiVersion: v1\nkind: List\nitems:\n  - {}", item.trim_end());
    assert!(errors(&text).is_empty(), "{:?}\n{text}", errors(&text));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes_never_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = read("x", &text, ReadOptions::default());
    }

    /// Half-right documents reach deeper than noise does: words of the language in random places.
    #[test]
    fn arbitrary_use_of_the_vocabulary_never_makes_the_reader_panic(
        words in proptest::collection::vec(prop::sample::select(vec![
            "apiVersion: ", "bulkhead.dev/v1alpha1", "kind: ", "SegmentationPolicy", "Zone", "ExternalEndpoint",
            "metadata: ", "name: ", "spec: ", "target: ", "service: ", "shop/api", "ingress: ", "egress: ", "from: ",
            "to: ", "ports: ", "port: ", "protocol: ", "tcp", "icmp", "type: ", "8", "-", "- ", "\n", "\n  ", "\n    ",
            "[", "]", "{", "}", ", ", "cidr: ", "10.0.0.0/8", "net: ", "except: ", "expires: ", "2030-01-01", "*", "&a ",
            "*a", "\"", "'", "---\n", "~", "selector: ", "matchExpressions: ", "operator: ", "In", "values: ", "zone: ",
            "any", "world", "endPort: ", "code: ", "applications: ", "redis", "\u{0}", "é", "\t", "|", ">", "? ", "!!",
        ]), 0..60)
    ) {
        let text = words.concat();
        let framed = format!(
            "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {{name: x}}\nspec:\n  {text}"
        );
        let _ = read("x", &text, ReadOptions::default());
        let _ = read("x", &framed, ReadOptions::default());
    }

    #[test]
    fn a_document_with_one_byte_changed_never_makes_the_reader_panic(at in 0..REDIS.len(), byte in any::<u8>()) {
        let mut bytes = REDIS.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = read("x", &String::from_utf8_lossy(&bytes), ReadOptions::default());
    }
}
