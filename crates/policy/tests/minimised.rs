//! A smaller policy that says the same.

#[path = "support/random.rs"]
mod random;

use bulkhead_model::{EdgeKey, IpProtocol, Peer, Timestamp};
use bulkhead_policy::{Evaluator, Inventory, PolicySet, ReadOptions, Remote, RuleBook, Why, minimise};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn read(specs: &[&str]) -> PolicySet {
    let documents = specs.iter().enumerate().map(|(index, spec)| {
        format!(
            "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\n\
             metadata: {{name: it-{index}, namespace: shop}}\nspec: {spec}\n"
        )
    });
    let text = documents.collect::<Vec<_>>().join("---\n");
    PolicySet::read([("it.yaml", text.as_str())], ReadOptions::default())
        .unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn small(specs: &[&str]) -> (Vec<String>, Vec<Why>) {
    let set = read(specs);
    let result = minimise(&set, &Inventory::named_in(&set), None, NOW);
    assert!(result.equal);
    let policies: Vec<_> = result.set.policies().collect();
    let rules = policies.iter().flat_map(|policy| {
        let of = |direction| policy.rules(direction).iter().map(move |rule| rule.text(direction));
        of(bulkhead_model::Direction::Ingress).chain(of(bulkhead_model::Direction::Egress))
    });
    (rules.collect(), result.dropped.iter().map(|dropped| dropped.why).collect())
}

#[test]
fn what_others_cover_goes_and_what_differs_in_one_thing_is_joined() {
    let (rules, why) =
        small(&["{target: {service: redis}, ingress: [{from: [{namespace: shop}], ports: [6000-7000]}, \
         {from: [{service: api}], ports: [6379]}, {from: [{service: pay/api}], ports: [6379]}, \
         {from: [{service: pay/web}], ports: [6379]}, {from: [{service: pay/web}], ports: [6380]}, \
         {from: [{service: pay/old}], ports: [1], expires: 2020-01-01}]}"]);
    assert_eq!(why, [Why::Covered, Why::Expired]);
    assert_eq!(
        rules,
        [
            "from: [{namespace: shop}], ports: [{protocol: tcp, port: 6000-7000}]",
            "from: [{service: pay/api}, {service: pay/web}], ports: [{protocol: tcp, port: 6379}]",
            "from: [{service: pay/web}], ports: [{protocol: tcp, port: 6380}]",
        ]
    );
}

#[test]
fn rules_for_what_is_yet_to_come_stay() {
    for spec in [
        // Nobody has the label, and nobody is in the namespace, as far as these documents know.
        "{target: {service: redis}, ingress: [{from: [{selector: {matchLabels: {tier: back}}}], ports: [1]}, \
         {from: [{namespace: pay}], ports: [1, 2]}]}",
        // Without the denial, whoever has the label and is of the namespace would get in.
        "{target: {service: redis}, ingress: [{from: [{namespace: shop}], ports: [1]}, \
         {action: deny, from: [{selector: {matchLabels: {quarantined: \"true\"}}}]}]}",
        // The last never decides; the denial is a guard, though whom it holds for nobody lets in.
        "{target: {service: redis}, ingress: [{order: 1, from: [{namespace: shop}], ports: [1]}, \
         {order: 2, action: deny, from: [{selector: {matchLabels: {bad: \"true\"}}}]}, \
         {order: 3, from: [{namespace: shop}], ports: [1]}]}",
        // What expires covers nothing that stays.
        "{target: {service: redis}, ingress: [{from: [{namespace: shop}], expires: 2090-01-01}, \
         {from: [{service: api}], ports: [1]}]}",
        "{target: {service: redis}, ingress: [{from: [{service: api}], ports: [{port: metrics}]}, \
         {from: [{name: api.bank.example}], ports: [443]}]}",
    ] {
        let (rules, why) = small(&[spec]);
        let before = read(&[spec]).policies().map(|policy| policy.ingress.len()).sum::<usize>();
        let third = spec.contains("order: 3");
        assert_eq!((rules.len(), why.len()), if third { (2, 1) } else { (before, 0) }, "{spec}");
        assert!(!third || rules[0].contains("order: 1"), "{rules:?}");
    }
}

#[test]
fn across_documents_and_by_evidence() {
    let specs = [
        "{target: {service: redis}, ingress: [{from: [{service: api}], ports: [6379]}]}",
        "{target: {service: redis}, ingress: [{from: [{service: api}], ports: [6379]}, \
         {from: [{service: web}], ports: [6379]}]}",
    ];
    let set = read(&specs);
    let inventory = Inventory::named_in(&set);
    let result = minimise(&set, &inventory, None, NOW);
    assert_eq!((result.before, result.after, result.equal), (3, 1, true), "one rule for both");
    assert_eq!(result.set.policies().len(), 1, "a document that has lost all is gone");
    let edge = EdgeKey {
        client: Peer::Service("shop/api".parse().expect("a name")),
        server: Peer::Service("shop/redis".parse().expect("a name")),
        protocol: IpProtocol::TCP,
        port: 6379,
        application: bulkhead_model::Application::UNKNOWN,
    };
    let result = minimise(&set, &inventory, Some(&[edge]), NOW);
    assert_eq!(result.after, 1);
    assert!(result.dropped.iter().any(|dropped| dropped.why == Why::Unused && dropped.text.contains("web")));
}

#[test]
fn the_smaller_policy_decides_every_flow_as_the_whole_one() {
    let mut random = random::Random::seeded("minimised");
    let now = Timestamp(random::NOW);
    let mut fewer = 0;
    for _ in 0..60 {
        let inventory = random::inventory(&mut random);
        let set = random::policy_set(&mut random);
        let result = minimise(&set, &inventory, None, now);
        assert!(
            result.equal && result.after <= result.before,
            "equal {} dropped {:?} {} {}",
            result.equal,
            result.dropped,
            result.before,
            result.after
        );
        fewer += result.before - result.after;
        let (mut one, mut two) = (RuleBook::default(), RuleBook::default());
        let whole = Evaluator::new(&set, &inventory, &mut one, now);
        let small = Evaluator::new(&result.set, &inventory, &mut two, now);
        for _ in 0..100 {
            let (service, direction, remote, traffic) = random::flow(&mut random, &inventory);
            // A range that only a part of the rules know as a whole is no flow.
            let is_range = matches!(&remote, Remote::External { net: Some(net), .. } if net.prefix_len() < net.max_prefix_len());
            if is_range {
                continue;
            }
            let (a, b) = (
                whole.decide(&service, direction, &remote, traffic).allow,
                small.decide(&service, direction, &remote, traffic).allow,
            );
            assert_eq!(a, b, "{service} {direction} {remote:?} {traffic:?}");
        }
    }
    assert!(fewer > 50, "{fewer}");
}
