//! The border of a zone, asked in two ways: by this crate, and by the claims of `policy verify`.

use bulkhead_model::{Mode, Timestamp};
use bulkhead_policy::{
    Inventory, PolicySet, ReadOptions, View,
    document::{Assertion, Claim, Criteria, PeerSpec, Selection},
    verify::verify,
};
use bulkhead_report::{Estate, ReportSource, SourceKind, zones};
use proptest::{prelude::*, test_runner::RngSeed};
use std::collections::BTreeMap;

const SERVICES: [&str; 5] = ["a/one", "a/two", "b/one", "b/two", "c/one"];
const PEERS: [&str; 8] = [
    "{service: a/one}",
    "{namespace: b}",
    "{zone: inner}",
    "world",
    "host",
    "{cidr: 192.0.2.0/25}",
    "{name: api.example.com}",
    "any",
];
const PORTS: [&str; 4] = ["", ", ports: [tcp/443]", ", ports: [tcp/80-90, udp/53]", ", applications: [tls]"];

#[derive(Debug, Clone)]
struct RuleText {
    target: usize,
    ingress: bool,
    deny: bool,
    peer: usize,
    ports: usize,
}

fn rule() -> impl Strategy<Value = RuleText> {
    (0..SERVICES.len(), any::<bool>(), prop::bool::weighted(0.2), 0..PEERS.len(), 0..PORTS.len())
        .prop_map(|(target, ingress, deny, peer, ports)| RuleText { target, ingress, deny, peer, ports })
}

fn documents(rules: &[RuleText], members: &[usize], conduits: Option<&[usize]>) -> String {
    let listed: Vec<&str> = members.iter().map(|&at| SERVICES[at]).collect();
    let ways = conduits.map_or(String::new(), |conduits| {
        let ways: Vec<String> = conduits.iter().map(|&peer| format!("{{from: [{}]}}", PEERS[peer])).collect();
        format!(", conduits: [{}]", ways.join(", "))
    });
    let mut text = format!(
        "apiVersion: bulkhead.dev/v1alpha1\nkind: Zone\nmetadata: {{name: inner}}\nspec: {{services: [{}]{ways}}}\n",
        listed.join(", ")
    );
    for (at, rule) in rules.iter().enumerate() {
        let (side, end) = if rule.ingress { ("ingress", "from") } else { ("egress", "to") };
        let action = if rule.deny { "action: deny, " } else { "" };
        text += &format!(
            "---\napiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {{name: p{at}, namespace: x}}\nspec:\n  \
             target: {{service: {}}}\n  {side}:\n    - {{{action}{end}: [{}]{}}}\n",
            SERVICES[rule.target], PEERS[rule.peer], PORTS[rule.ports]
        );
    }
    text
}

fn zone() -> PeerSpec {
    PeerSpec::Services(Criteria { zone: Some("inner".into()), ..Criteria::default() })
}

/// Whether anything may cross, as claims have it.
fn claimed(set: &PolicySet, inventory: &Inventory, into: bool) -> bool {
    let (inside, outside) = (vec![zone()], vec![PeerSpec::Any]);
    let flows = match into {
        true => Selection { from: outside, except_from: inside.clone(), to: inside, ..Selection::default() },
        false => Selection { from: inside.clone(), to: outside, except_to: inside, ..Selection::default() },
    };
    let assertion = Assertion { name: "apart".to_owned(), claim: Claim::Never { flows, hops: 1 } };
    !verify(set, inventory, Timestamp(0), View::Now, &[assertion])[0].holds
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, rng_seed: RngSeed::Fixed(20), ..ProptestConfig::default() })]

    #[test]
    fn both_say_whether_anything_crosses_the_border(
        rules in prop::collection::vec(rule(), 0..10),
        members in prop::sample::subsequence(vec![0, 1, 2, 3, 4], 1..4),
        conduits in prop::option::of(prop::collection::vec(0..PEERS.len(), 0..3)),
        modes in prop::collection::vec(prop::sample::select(vec![Mode::Enforce, Mode::Enforce, Mode::Enforce, Mode::Learn, Mode::Quarantine]), 5),
    ) {
        let text = documents(&rules, &members, conduits.as_deref());
        let set = PolicySet::read([("random", text.as_str())], ReadOptions::default()).expect("sound");
        let mut inventory = Inventory::of_names(SERVICES.map(|name| name.parse().expect("a name")));
        for (service, mode) in SERVICES.iter().zip(modes) {
            inventory.service_mut(&service.parse().expect("a name")).expect("there").mode = mode;
        }
        let estate = Estate {
            now: Timestamp(0),
            source: ReportSource { kind: SourceKind::Files, names: vec![], version: String::new(), revision: None, audit_head: None },
            set: &set,
            inventory: &inventory,
            edges: vec![],
            services: BTreeMap::new(),
            documents: BTreeMap::new(),
            revisions: vec![],
            operation: None,
        };
        let found = zones(&estate, Some("inner")).items.remove(0).isolation;
        let crosses = |direction| found.crossings.iter().any(|crossing| crossing.direction == direction);
        prop_assert_eq!(crosses(bulkhead_model::Direction::Ingress), claimed(&set, &inventory, true), "{}", text);
        prop_assert_eq!(crosses(bulkhead_model::Direction::Egress), claimed(&set, &inventory, false), "{}", text);
        // What a border lets through, its conduits say.
        if conduits.is_some() {
            let strays = found.crossings.iter().filter(|crossing| crossing.fault.as_deref() == Some("no conduit of the zone leads there"));
            prop_assert_eq!(strays.count(), 0, "{}", text);
        }
    }
}
