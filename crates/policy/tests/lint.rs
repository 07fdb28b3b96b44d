//! Findings: each kind is found where it is, and nothing is found in a sound policy.

use bulkhead_model::{EdgeKey, IpProtocol, Peer, Timestamp};
use bulkhead_policy::{Finding, Inventory, Lint, PolicySet, ReadOptions, lint};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn inventory() -> Inventory {
    Inventory::of_names(
        ["shop/api", "shop/redis", "shop/web", "pay/ledger"].map(|name| name.parse().expect("valid")),
    )
}

fn findings(spec: &str, edges: &[EdgeKey]) -> Vec<Finding> {
    let text = format!(
        "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {{name: it, namespace: shop}}\nspec: {spec}"
    );
    let set = PolicySet::read([("it.yaml", text.as_str())], ReadOptions::default())
        .unwrap_or_else(|errors| panic!("{errors:?}"));
    lint(&set, &inventory(), edges, NOW)
}

fn lints(spec: &str) -> Vec<Lint> {
    findings(spec, &[]).iter().map(|finding| finding.lint).collect()
}

#[test]
fn a_sound_policy_has_no_findings() {
    assert_eq!(
        lints(
            "{target: {service: redis}, ingress: [{from: [{service: api}], ports: [6379]}, \
             {from: [{cidr: 203.0.113.0/24}], ports: [6379]}]}"
        ),
        []
    );
}

#[test]
fn what_does_not_exist_is_named_with_a_suggestion() {
    let found = findings(
        "{target: {service: rdis}, ingress: [{from: [{zone: pci}, {namespace: pya}], ports: [1]}]}",
        &[],
    );
    let told: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "shop/it: the target 'shop/rdis' is no service that is known [unknown]; did you mean 'shop/redis'?",
            "shop/it ingress[0]: there is no Zone 'pci' [unknown]",
            "shop/it ingress[0]: there is no service in the namespace 'pya' [unknown]; did you mean 'pay'?",
        ]
    );
}

#[test]
fn rules_that_never_decide_are_told_apart_by_what_comes_before() {
    let shadowed = "{target: {service: redis}, ingress: [{action: deny, from: [any]}, {from: [{service: api}], ports: [6379]}]}";
    assert_eq!(lints(shadowed), [Lint::Shadowed]);
    let redundant = "{target: {service: redis}, ingress: [{from: [{namespace: shop}], ports: [6000-7000]}, {from: [{service: api}], ports: [6379]}]}";
    assert_eq!(lints(redundant), [Lint::Redundant]);
    let dead = "{target: {service: redis}, ingress: [{from: [{service: \"pay/x*\"}], ports: [6379]}]}";
    assert_eq!(lints(dead), [Lint::Dead]);
}

#[test]
fn a_deny_that_takes_a_part_of_an_allow_is_a_conflict() {
    let found = findings(
        "{target: {service: redis}, ingress: [{from: [{namespace: shop}], ports: [6379]}, {action: deny, from: [{service: web}]}]}",
        &[],
    );
    assert_eq!(found.iter().map(|finding| finding.lint).collect::<Vec<_>>(), [Lint::Conflicting]);
    assert!(found[0].message.contains("shop/web tcp/6379"), "{}", found[0]);
}

#[test]
fn expired_exceptions_are_found() {
    let spec =
        "{target: {service: redis}, ingress: [{from: [{service: api}], ports: [6379], expires: 2020-01-01}]}";
    assert_eq!(lints(spec), [Lint::Expired]);
}

#[test]
fn evidence_finds_rules_that_are_too_broad_or_not_needed() {
    let edge = EdgeKey {
        client: Peer::Service("shop/api".parse().expect("valid")),
        server: Peer::Service("shop/redis".parse().expect("valid")),
        protocol: IpProtocol::TCP,
        port: 6379,
        application: bulkhead_model::Application::UNKNOWN,
    };
    let found = findings(
        "{target: {service: redis}, ingress: [{from: [{service: api}]}, {from: [{service: web}], ports: [6379]}]}",
        &[edge],
    );
    let told: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "shop/it ingress[0]: allows every protocol and port; only tcp/6379 was seen [over-broad]; narrow it to ports: [tcp/6379]",
            "shop/it ingress[1]: no connection that was seen needs it [unused]",
        ]
    );
}

#[test]
fn a_rule_for_everybody_that_few_use_is_too_broad() {
    let names = (0..12).map(|index| format!("shop/service-{index}").parse().expect("valid"));
    let inventory = Inventory::of_names(names);
    let text = "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {name: it, namespace: shop}\n\
                spec: {target: {service: service-0}, ingress: [{from: [any], ports: [6379]}]}";
    let set =
        PolicySet::read([("it.yaml", text)], ReadOptions::default()).unwrap_or_else(|e| panic!("{e:?}"));
    let edge = EdgeKey {
        client: Peer::Service("shop/service-1".parse().expect("valid")),
        server: Peer::Service("shop/service-0".parse().expect("valid")),
        protocol: IpProtocol::TCP,
        port: 6379,
        application: bulkhead_model::Application::UNKNOWN,
    };
    let told: Vec<String> = lint(&set, &inventory, &[edge], NOW).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "shop/it ingress[0]: allows everybody; only shop/service-1 was seen [over-broad]; name the peers that need it"
        ]
    );
}
