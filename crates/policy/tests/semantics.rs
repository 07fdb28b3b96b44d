//! The meaning of documents, case by case, as `docs/policy.md` tells it. What the evaluator and the compiler share
//! (order, targets, zones, expiry) is held here, because comparing the two cannot.

use bulkhead_model::{Application, IpProtocol, ServiceName, Timestamp};
use bulkhead_policy::{Evaluator, Inventory, PolicySet, ReadOptions, Remote, RuleBook, Traffic};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn name(text: &str) -> ServiceName {
    text.parse().expect("valid")
}

/// Documents in short: `(name, spec)`; kinds other than policies as `("Zone pci", spec)`.
fn set(documents: &[(&str, &str)]) -> PolicySet {
    let texts: Vec<String> = documents
        .iter()
        .map(|(name, spec)| {
            let (kind, name) = name.split_once(' ').unwrap_or(("SegmentationPolicy", name));
            format!(
                "apiVersion: bulkhead.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n"
            )
        })
        .collect();
    let text = texts.join("---\n");
    PolicySet::read([("set.yaml", text.as_str())], ReadOptions::default()).unwrap_or_else(|e| panic!("{e:?}"))
}

fn estate() -> Inventory {
    let mut inventory = Inventory::of_names(["shop/redis", "shop/api", "shop/web", "pay/ledger"].map(name));
    let labels = &mut inventory.service_mut(&name("pay/ledger")).expect("there").labels;
    labels.insert("pci".into(), "true".into());
    inventory.resolve("api.bank.example", ["203.0.113.7".parse().expect("valid")]);
    inventory
}

/// Who decides about a connection from `client` to shop/redis: `+document` or `-document`, `-` for no rule.
fn decides(set: &PolicySet, client: &Remote, traffic: Traffic) -> String {
    let inventory = estate();
    let evaluator = Evaluator::new(set, &inventory, &mut RuleBook::default(), NOW);
    let decision = evaluator.decide(&name("shop/redis"), bulkhead_model::Direction::Ingress, client, traffic);
    let sign = if decision.allow { '+' } else { '-' };
    let document = decision.rule.map_or(String::new(), |rule| rule.policy.metadata.name.clone());
    format!("{sign}{document}")
}

fn api() -> Remote {
    Remote::Service(name("shop/api"))
}

#[test]
fn the_tier_decides_before_everything_else() {
    let rule = |tier: &str, action: &str, order: &str| {
        format!(
            "{{target: {{service: redis}}, tier: {tier}, {order} ingress: [{{action: {action}, from: [any]}}]}}"
        )
    };
    let tiers = ["declared", "user", "imported", "learned"];
    for first in 0..tiers.len() {
        // Lower tiers deny, and with the lowest order there is.
        let specs: Vec<(String, String)> = (first..tiers.len())
            .map(|tier| {
                let (action, order) = if tier == first { ("allow", "") } else { ("deny", "order: -9,") };
                (tiers[tier].to_owned(), rule(tiers[tier], action, order))
            })
            .collect();
        let documents: Vec<(&str, &str)> = specs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(decides(&set(&documents), &api(), Traffic::tcp(1)), format!("+{}", tiers[first]));
    }
}

#[test]
fn inside_a_tier_explicit_order_comes_first_then_deny() {
    let allow = "{target: {service: redis}, ingress: [{from: [any]}]}";
    let deny = "{target: {service: redis}, ingress: [{action: deny, from: [any]}]}";
    let ordered = |order: i32, spec: &str| spec.replacen('{', &format!("{{order: {order}, "), 1);
    let first = |documents: &[(&str, &str)]| decides(&set(documents), &api(), Traffic::tcp(1));
    assert_eq!(first(&[("a", allow), ("z", deny)]), "-z");
    assert_eq!(first(&[("a", &ordered(5, allow)), ("z", deny)]), "+a");
    assert_eq!(first(&[("a", &ordered(5, allow)), ("z", &ordered(5, deny))]), "-z");
    assert_eq!(first(&[("a", &ordered(6, allow)), ("z", &ordered(-5, deny))]), "-z");
    assert_eq!(first(&[("a", &ordered(-6, allow)), ("z", &ordered(-5, deny))]), "+a");
    let own = "{order: 9, target: {service: redis}, ingress: [{order: 1, from: [any]}]}";
    assert_eq!(first(&[("a", own), ("z", &ordered(5, deny))]), "+a", "a rule's own order counts");
}

#[test]
fn nothing_matches_without_a_document_or_a_rule() {
    assert_eq!(decides(&PolicySet::default(), &api(), Traffic::tcp(6379)), "-");
    let other = set(&[("a", "{target: {service: web}, ingress: [{from: [any]}]}")]);
    assert_eq!(decides(&other, &api(), Traffic::tcp(6379)), "-");
    let nobody = set(&[("a", "{target: {service: redis}, ingress: [{from: []}]}")]);
    assert_eq!(decides(&nobody, &api(), Traffic::tcp(6379)), "-");
}

#[test]
fn a_rule_means_nothing_from_the_instant_it_expires() {
    let until = |date: &str| {
        set(&[("a", &format!("{{target: {{service: redis}}, ingress: [{{from: [any], expires: {date}}}]}}"))])
    };
    // NOW is 2027-01-15T08:00:00Z.
    assert_eq!(decides(&until("2027-01-15T08:00:01Z"), &api(), Traffic::tcp(1)), "+a");
    assert_eq!(decides(&until("2027-01-15T08:00:00Z"), &api(), Traffic::tcp(1)), "-");
    assert_eq!(until("2027-01-15T08:00:01Z").next_expiry(NOW), Some(Timestamp(NOW.0 + 1000)));
    assert_eq!(until("2027-01-15T08:00:00Z").next_expiry(NOW), None);
}

#[test]
fn peers_mean_what_the_page_says() {
    let from = |peer: &str| {
        set(&[
            ("a", &format!("{{target: {{service: redis}}, ingress: [{{from: [{peer}]}}]}}")),
            ("Zone pci", "{labels: {pci: \"true\"}, zones: [inner]}"),
            ("Zone inner", "{services: [shop/web], cidrs: [198.51.100.0/24], zones: [pci]}"),
            ("ExternalEndpoint bank", "{names: [\"*.bank.example\"]}"),
        ])
    };
    let address = |text: &str| Remote::address(text.parse().expect("valid"));
    let ends = [
        ("api", api()),
        ("web", Remote::Service(name("shop/web"))),
        ("ledger", Remote::Service(name("pay/ledger"))),
        ("new", Remote::Service(name("new/one"))),
        ("bank", address("203.0.113.7")),
        ("range", address("198.51.100.9")),
        ("elsewhere", address("192.0.2.1")),
        ("by-name", Remote::name("api.bank.example")),
        ("host", Remote::Host),
        ("remote-host", Remote::RemoteHost),
        ("multicast", Remote::Multicast),
        ("unknown", Remote::Unknown),
    ];
    for (peer, expected) in [
        ("{service: api}", "api"),
        ("{service: \"*\"}", "api web ledger new"),
        ("{service: \"*/*e*\"}", "web ledger"),
        ("{namespace: shop}", "api web"),
        ("{selector: {matchLabels: {pci: \"true\"}}}", "ledger"),
        ("{namespace: shop, selector: {matchExpressions: [{key: pci, operator: DoesNotExist}]}}", "api web"),
        ("{zone: pci}", "web ledger range"),
        ("{zone: inner, namespace: shop}", "web"),
        ("{zone: nowhere}", ""),
        ("{external: bank}", "bank by-name"),
        ("{name: api.bank.example}", "bank by-name"),
        ("{cidr: {net: 203.0.113.0/24, except: [203.0.113.0/28]}}", ""),
        ("{cidr: 203.0.113.0/25}", "bank by-name"),
        ("{cidr: 0.0.0.0/0}", "bank range elsewhere by-name"),
        ("world", "bank range elsewhere by-name"),
        ("host", "host"),
        ("remoteHost", "remote-host"),
        ("multicast", "multicast"),
        ("any", "api web ledger new bank range elsewhere by-name host remote-host multicast"),
    ] {
        let set = from(peer);
        let matched: Vec<&str> = ends
            .iter()
            .filter(|(_, end)| decides(&set, end, Traffic::tcp(1)) == "+a")
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(matched.join(" "), expected, "{peer}");
    }
}

#[test]
fn applications_are_open_on_named_ports_until_they_are_known_and_closed_elsewhere() {
    let rule = |rest: &str| {
        set(&[(
            "a",
            &format!(
                "{{target: {{service: redis}}, ingress: [{{from: [any], applications: [redis]{rest}}}]}}"
            ),
        )])
    };
    let redis: Application = "redis".parse().expect("known");
    let http: Application = "http".parse().expect("known");
    let ask = |set: &PolicySet, traffic: Traffic| decides(set, &api(), traffic);
    let with_ports = rule(", ports: [6379]");
    assert_eq!(ask(&with_ports, Traffic::tcp(6379)), "+a");
    assert_eq!(ask(&with_ports, Traffic::tcp(6379).with(redis)), "+a");
    assert_eq!(ask(&with_ports, Traffic::tcp(6379).with(http)), "-");
    assert_eq!(ask(&with_ports, Traffic::tcp(80).with(redis)), "-");
    let without = rule("");
    assert_eq!(ask(&without, Traffic::tcp(6379)), "-");
    assert_eq!(ask(&without, Traffic::tcp(1).with(redis)), "+a");
    assert_eq!(ask(&without, Traffic::new(IpProtocol::GRE, 0).with(redis)), "-");
}
