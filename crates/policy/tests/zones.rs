//! Borders of zones: nothing crosses but by a conduit, and a conduit opens nothing by itself.

use bulkhead_model::{Mode, ServiceName, Timestamp};
use bulkhead_policy::{
    Evaluator, Inventory, Lint, PolicySet, ReadOptions, Remote, RuleBook, Traffic, View,
    document::{format_time, parse_time, read_assertions},
    lint,
    verify::verify,
    zones::{exceptions, zones},
};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Everybody may talk to everybody, but for the border of the zone `cardholder` (pay/*, and a range outside).
fn estate(border: &str) -> (PolicySet, Inventory) {
    let text = format!(
        "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {{name: open}}\n\
         spec: {{target: {{service: \"*\"}}, ingress: [{{from: [any]}}], egress: [{{to: [any]}}]}}\n\
         ---\napiVersion: bulkhead.dev/v1alpha1\nkind: Zone\nmetadata: {{name: shops}}\n\
         spec: {{namespaces: [shop]}}\n\
         ---\napiVersion: bulkhead.dev/v1alpha1\nkind: Zone\nmetadata: {{name: vault}}\n\
         spec: {{services: [pay/vault]}}\n\
         ---\napiVersion: bulkhead.dev/v1alpha1\nkind: Zone\nmetadata: {{name: cardholder}}\n\
         spec: {{namespaces: [pay], cidrs: [198.51.100.0/24], zones: [vault], owner: payments, {border}}}\n"
    );
    let set = PolicySet::read([("zones.yaml", text.as_str())], ReadOptions::default())
        .unwrap_or_else(|errors| panic!("{errors:?}"));
    let names = ["shop/checkout", "shop/web", "pay/ledger", "pay/vault"];
    let mut inventory = Inventory::of_names(names.map(|name| name.parse().expect("a name")));
    for name in names {
        let name: ServiceName = name.parse().expect("a name");
        inventory.service_mut(&name).expect("just added").mode = Mode::Enforce;
    }
    (set, inventory)
}

fn remote(text: &str) -> Remote {
    match text {
        "world" => Remote::world(),
        _ => match text.parse() {
            Ok(address) => Remote::address(address),
            Err(_) => Remote::Service(text.parse().expect("a name")),
        },
    }
}

fn passes(border: &str, from: &str, to: &str, port: u16) -> bool {
    let (set, inventory) = estate(border);
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(&set, &inventory, &mut book, NOW);
    evaluator.verdict(&remote(from), &remote(to), Traffic::tcp(port)).allowed_by_policy()
}

const CHECKOUT: &str = "conduits: [{name: cards, from: [{service: shop/checkout}], ports: [443]}]";

#[test]
fn nothing_crosses_a_border_but_by_a_conduit() {
    assert!(passes("conduits: []", "pay/ledger", "pay/vault", 80), "inside");
    assert!(passes("conduits: []", "pay/ledger", "198.51.100.7", 80), "inside, and no container");
    assert!(passes("conduits: []", "shop/web", "shop/checkout", 80), "outside");
    for (from, to) in [
        ("shop/web", "pay/ledger"),
        ("pay/ledger", "shop/web"),
        ("pay/ledger", "world"),
        ("world", "pay/vault"),
        ("shop/web", "198.51.100.7"),
        ("198.51.100.7", "shop/web"),
    ] {
        assert!(!passes("conduits: []", from, to, 443), "{from} {to}");
    }
    assert!(passes(CHECKOUT, "shop/checkout", "pay/ledger", 443));
    assert!(passes(CHECKOUT, "shop/checkout", "198.51.100.7", 443), "held by who is outside");
    assert!(!passes(CHECKOUT, "shop/checkout", "pay/ledger", 80));
    assert!(!passes(CHECKOUT, "pay/ledger", "shop/checkout", 443), "a conduit has a direction");
    assert!(!passes(CHECKOUT, "shop/web", "pay/ledger", 443));
}

#[test]
fn a_conduit_may_lead_out_and_may_name_both_ends() {
    let out = "conduits: [{to: [world], ports: [443]}]";
    assert!(passes(out, "pay/ledger", "world", 443));
    assert!(!passes(out, "world", "pay/ledger", 443));
    let narrow = "conduits: [{from: [{zone: shops}], to: [{service: pay/ledger}]}]";
    assert!(passes(narrow, "shop/web", "pay/ledger", 1));
    assert!(!passes(narrow, "shop/web", "pay/vault", 1));
}

#[test]
fn a_conduit_opens_nothing_that_no_rule_allows() {
    let (mut set, inventory) = estate(CHECKOUT);
    set.remove(&bulkhead_policy::document::DocumentKey::policy("default", "open"));
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(&set, &inventory, &mut book, NOW);
    let verdict = evaluator.verdict(&remote("shop/checkout"), &remote("pay/ledger"), Traffic::tcp(443));
    assert!(!verdict.allowed_by_policy());
    assert!(verdict.sides().all(|side| side.decision.rule.is_none()), "no rule, and no border either");
}

#[test]
fn every_border_around_a_service_counts() {
    let nested = "conduits: [{from: [{service: shop/checkout}]}]";
    let (mut set, inventory) = estate(nested);
    let text = "apiVersion: bulkhead.dev/v1alpha1\nkind: Zone\nmetadata: {name: vault}\n\
                spec: {services: [pay/vault], conduits: [{from: [{service: pay/ledger}]}]}";
    let (documents, errors) = bulkhead_policy::document::read("vault.yaml", text, ReadOptions::default());
    assert!(errors.is_empty(), "{errors:?}");
    for document in documents {
        set.insert(document);
    }
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(&set, &inventory, &mut book, NOW);
    let asked =
        |from, to| evaluator.verdict(&remote(from), &remote(to), Traffic::tcp(443)).allowed_by_policy();
    assert!(asked("shop/checkout", "pay/ledger"));
    assert!(!asked("shop/checkout", "pay/vault"), "the inner border has no conduit for it");
    assert!(asked("pay/ledger", "pay/vault"));
}

#[test]
fn an_exception_holds_until_it_expires_and_is_told_with_its_owner() {
    let before = format_time(Timestamp(NOW.0 + 86_400_000));
    let after = format_time(Timestamp(NOW.0 - 86_400_000));
    let exception = |expires: &str| {
        format!(
            "conduits: [], exceptions: [{{name: audit, from: [{{service: shop/web}}], owner: anna, \
             reason: the yearly audit, expires: \"{expires}\"}}]"
        )
    };
    assert!(passes(&exception(&before), "shop/web", "pay/ledger", 1));
    assert!(!passes(&exception(&after), "shop/web", "pay/ledger", 1));
    let (set, inventory) = estate(&exception(&after));
    let found = lint(&set, &inventory, &[], NOW);
    let expired: Vec<String> =
        found.iter().filter(|finding| finding.lint == Lint::Expired).map(ToString::to_string).collect();
    assert_eq!(
        expired,
        [format!(
            "zone cardholder: the way across the border \"audit\" (of anna) expired on {after} [expired]; remove it, \
             or give it a new date"
        )]
    );
    let told = exceptions(&set, NOW);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].place.as_str(), told[0].live), ("zone cardholder exceptions[0]", false));
    assert_eq!(told[0].owner.as_deref(), Some("anna"));
    assert_eq!(Some(told[0].expires), parse_time(&after));
    let view = zones(&set, &inventory, NOW);
    assert_eq!(view[0].name, "cardholder");
    assert_eq!(view[0].services.len(), 2);
    assert_eq!(view[0].external, ["198.51.100.0/24"]);
    assert_eq!((view[0].contains.len(), view[0].closed), (1, true));
}

#[test]
fn an_exception_without_owner_reason_and_end_is_a_mistake() {
    let text = "apiVersion: bulkhead.dev/v1alpha1\nkind: Zone\nmetadata: {name: z}\n\
                spec: {namespaces: [pay], conduits: [{ports: [443]}], exceptions: [{from: [world]}]}";
    let errors = PolicySet::read([("z.yaml", text)], ReadOptions::default()).expect_err("mistakes");
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "z.yaml:4:38: spec.conduits[0]: leads nowhere; name who comes in with 'from', or where the zone's \
             members go with 'to'",
            "z.yaml:4:68: spec.exceptions[0].expires: missing; an exception has an owner, a reason and an end",
            "z.yaml:4:68: spec.exceptions[0].owner: missing; an exception has an owner, a reason and an end",
            "z.yaml:4:68: spec.exceptions[0].reason: missing; an exception has an owner, a reason and an end",
        ]
    );
}

#[test]
fn what_a_border_denies_is_explained_with_the_conduit_that_would_open_it() {
    let (set, inventory) = estate("conduits: []");
    let mut book = RuleBook::default();
    let evaluator = Evaluator::new(&set, &inventory, &mut book, NOW);
    let answer = evaluator.explain(&remote("shop/web"), &remote("pay/ledger"), Traffic::tcp(443));
    assert!(answer.remedy.is_empty());
    assert_eq!(
        answer.sentences()[1],
        "ingress of pay/ledger (enforce): denied; no conduit of the zone cardholder covers it"
    );
    assert!(
        answer.without_remedy[0].ends_with(
            "{from: [{service: shop/web}], to: [{service: pay/ledger}], ports: [{protocol: tcp, port: 443}]}"
        ),
        "{}",
        answer.without_remedy[0]
    );
}

#[test]
fn that_a_border_holds_can_be_claimed() {
    let text = "apiVersion: bulkhead.dev/v1alpha1\nkind: Assertions\nmetadata: {name: it}\n\
                spec: [{name: held, borders: [cardholder]}]";
    let (assertions, errors) = read_assertions("it.yaml", text, ReadOptions::default());
    assert!(errors.is_empty(), "{errors:?}");
    let (set, mut inventory) = estate(CHECKOUT);
    let findings = verify(&set, &inventory, NOW, View::Now, &assertions);
    assert!(findings[0].holds && findings[0].checked > 0, "{}", findings[0]);
    let ledger: ServiceName = "pay/ledger".parse().expect("a name");
    inventory.service_mut(&ledger).expect("there").mode = Mode::Learn;
    let findings = verify(&set, &inventory, NOW, View::Now, &assertions);
    assert!(!findings[0].holds, "who learns holds no border");
    assert!(findings[0].violations[0].rules.contains(&"pay/ledger in mode learn".to_owned()));
    let (open, inventory) = estate("reason: none");
    let findings = verify(&open, &inventory, NOW, View::Policy, &assertions);
    assert!(!findings[0].holds, "a zone without a border is not held");
}
