use super::*;
use bulkhead_model::{IpProtocol, Verdict};
use bulkhead_policy::{PolicySet, ReadOptions};

/// world → web → api → redis, and nothing else.
const SHOP: &str = "\
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: web, namespace: shop}
spec:
  target: {service: shop/web}
  ingress: [{from: [{world: true}], ports: [443]}]
  egress: [{to: [{service: shop/api}], ports: [8080]}]
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: api, namespace: shop}
spec:
  target: {service: shop/api}
  ingress: [{from: [{service: shop/web}], ports: [8080]}]
  egress: [{to: [{service: shop/redis}], ports: [6379]}]
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis, namespace: shop}
spec:
  target: {service: shop/redis}
  ingress: [{from: [{service: shop/api}], ports: [6379]}]
";

fn shop() -> Files {
    PolicySet::read([("shop.yaml", SHOP)], ReadOptions::default()).expect("valid").into()
}

fn ask(from: &str, to: &str, port: u16) -> Explanation {
    let protocol = IpProtocol::TCP;
    let request = ExplainRequest { from: from.into(), to: to.into(), protocol, port, application: None };
    explain(&shop(), &request).expect("peers")
}

#[test]
fn documents_in_files_decide_and_the_deciding_rule_is_named() {
    let allowed = ask("shop/api", "shop/redis", 6379);
    assert_eq!(allowed.verdict, Verdict::Allowed);
    assert_eq!(allowed.ingress.and_then(|side| side.rule).map(|rule| rule.policy), Some("shop/redis".into()));
    assert_eq!(ask("world", "shop/redis", 6379).verdict, Verdict::Denied);
    assert_eq!(ask("shop/api", "shop/redis", 22).verdict, Verdict::Denied);
}

#[test]
fn what_would_allow_it_can_be_applied() {
    let denied = ask("shop/web", "shop/redis", 6379);
    assert_eq!(denied.verdict, Verdict::Denied);
    let yaml = denied.allow_with.expect("a remedy");
    PolicySet::read([("remedy.yaml", &*yaml)], ReadOptions::default()).expect("the remedy is valid");
}

#[test]
fn reach_follows_services_to_the_end_and_names_every_hop() {
    let answer = reach(&shop(), peer("world").expect("peer"), peer("shop/redis").expect("peer"));
    assert!(answer.reachable);
    let hops: Vec<_> = answer.path.iter().map(|hop| format!("{} {}", hop.to, hop.through)).collect();
    assert_eq!(hops, ["shop/web tcp/443", "shop/api tcp/8080", "shop/redis tcp/6379"]);
    let back = reach(&shop(), peer("shop/redis").expect("peer"), peer("world").expect("peer"));
    assert!(!back.reachable && back.path.is_empty(), "{back:?}");
}

#[test]
fn who_can_reach_tells_direct_from_indirect() {
    let answer = who_can_reach(&shop(), "shop/redis".parse().expect("valid"));
    let names =
        |reachers: &[bulkhead_api::Reacher]| reachers.iter().map(|r| r.peer.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&answer.direct), ["shop/api"]);
    assert_eq!(names(&answer.indirect), ["shop/web", "world"]);
}

#[test]
fn services_that_no_document_targets_hold_nothing_back() {
    let before = SHOP.split("---\n").last().expect("redis").to_owned();
    let read = |text: &str| -> Files {
        PolicySet::read([("redis.yaml", text)], ReadOptions::default()).expect("valid").into()
    };
    let (before, after) = (read(&before), read(&before.replace("6379", "6380")));
    let answer = who_can_reach(&before, "shop/redis".parse().expect("valid"));
    assert_eq!(answer.direct.len(), 1, "{answer:?}");
    let inventory = inventory(&[&before, &after], []);
    let flows = bulkhead_policy::flow_diff(
        &before.set.with_bystanders(&inventory),
        &after.set.with_bystanders(&inventory),
        &inventory,
        moment::now(),
    );
    let shown: Vec<_> = flows.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["shop/api → shop/redis: gains tcp/6380 loses tcp/6379"]);
}

#[test]
fn peers_are_told_apart() {
    assert!(matches!(peer("shop/redis"), Ok(Peer::Service(_))));
    assert!(matches!(peer("203.0.113.0/24"), Ok(Peer::External(_))));
    assert!(matches!(peer("2001:db8::1"), Ok(Peer::External(_))));
    assert!(matches!(peer("api.example.com"), Ok(Peer::External(_))));
    assert!(matches!(peer("world"), Ok(Peer::World)));
    for wrong in ["redis", "", "a/b/c", "a b.c/d"] {
        assert!(peer(wrong).is_err(), "{wrong}");
    }
}
