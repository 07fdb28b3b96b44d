use super::*;
use crate::{ReadOptions, Service, document::read_assertions};
use bulkhead_model::Mode;

/// Web, API, database and cache, a payment provider outside, and two tenants.
const DOCUMENTS: &str = "
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: web, namespace: shop}
spec:
  target: {service: shop/web}
  ingress: [{from: [world], ports: [tcp/443]}]
  egress: [{to: [{service: shop/api}], ports: [tcp/8080]}]
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: api, namespace: shop}
spec:
  target: {service: shop/api}
  ingress: [{from: [{service: shop/web}], ports: [tcp/8080], applications: [http]}]
  egress:
  - {to: [{service: data/db}], ports: [tcp/5432]}
  - {to: [{cidr: 203.0.113.0/24}], ports: [tcp/443]}
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: db, namespace: data}
spec:
  target: {service: data/db}
  ingress: [{name: api, from: [{service: shop/api}], ports: [tcp/5432]}]
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: tenants, namespace: shop}
spec:
  target: {namespace: tenant-*}
  ingress: [{from: [{namespace: tenant-*}]}]
  egress: [{to: [{namespace: tenant-*}]}]
---
apiVersion: bulkhead.dev/v1alpha1
kind: Zone
metadata: {name: data}
spec: {namespaces: [data]}
";

fn findings(assertions: &str) -> Vec<Finding> {
    findings_of(DOCUMENTS, assertions)
}

fn findings_of(documents: &str, assertions: &str) -> Vec<Finding> {
    let set = PolicySet::read([("policy.yaml", documents)], ReadOptions::default()).expect("valid");
    let names = ["shop/web", "shop/api", "data/db", "tenant-a/x", "tenant-b/y"];
    let services = names.into_iter().zip(Identity::FIRST_SERVICE..).map(|(name, number)| {
        let mut service = Service::new(name.parse().expect("a name"), Identity(number));
        service.mode = if name == "data/db" { Mode::Enforce } else { Mode::Monitor };
        service
    });
    let inventory = Inventory::new(services);
    let text = format!("apiVersion: bulkhead.dev/v1alpha1\nkind: Assertions\nspec:\n{assertions}");
    let (assertions, wrong) = read_assertions("assertions.yaml", &text, ReadOptions::default());
    assert!(wrong.is_empty(), "{wrong:?}");
    verify(&set, &inventory, Timestamp(0), View::Policy, &assertions)
}

fn one(assertion: &str) -> Finding {
    let mut found = findings(&format!("- {assertion}\n"));
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[test]
fn never_holds_directly_and_breaks_over_services_in_between() {
    let direct = one("never: {from: [world], to: [{zone: data}]}");
    assert!(direct.holds && direct.checked > 0, "{direct}");
    assert!(one("never: {from: [world], to: [{zone: data}], hops: 2}").holds);
    let over = one("{name: the world stays out, never: {from: [world], to: [{zone: data}], hops: 3}}");
    assert_eq!(
        over.to_string(),
        "broken: the world stays out (1 of 2 checked)\n  world → shop/web → shop/api → data/db: tcp/5432, for example \
         tcp/443, tcp/8080, tcp/5432, by shop/web ingress[0], shop/web egress[0], shop/api ingress[0], shop/api \
         egress[0], data/db ingress[0] \"api\""
    );
}

#[test]
fn a_range_is_cut_out_of_the_world_exactly() {
    let pay = one("never: {from: [{service: shop/api}], to: [world], exceptTo: [{cidr: 203.0.113.0/24}]}");
    assert!(pay.holds, "{pay}");
    let half = one("never: {from: [{service: shop/api}], to: [world], exceptTo: [{cidr: 203.0.113.0/25}]}");
    assert_eq!(half.broken, 1, "{half}");
    assert!(half.violations[0].what.contains("tcp/443"));
}

#[test]
fn only_breaks_where_others_come_in_or_more_passes() {
    assert!(one("only: {from: [{service: shop/api}], to: [{service: data/db}], ports: [tcp/5432]}").holds);
    let other = one("only: {from: [{service: shop/web}], to: [{service: data/db}]}");
    assert_eq!(other.violations[0].path, ["shop/api", "data/db"]);
    let port = one("only: {from: [{service: shop/api}], to: [{service: data/db}], ports: [tcp/5433]}");
    assert_eq!((port.broken, port.violations[0].what.as_str()), (1, "tcp/5432"));
    // A rule for an application lets through what is not known yet, and the claim means the same by it.
    let http = "only: {from: [{service: shop/web}], to: [{service: shop/api}], ports: [tcp/8080], applications: [http]}";
    assert!(one(http).holds);
}

#[test]
fn always_breaks_where_something_is_denied() {
    assert!(one("always: {from: [{service: shop/web}], to: [{service: shop/api}], ports: [tcp/8080]}").holds);
    assert!(one("always: {from: [{service: shop/api}], to: [{cidr: 203.0.113.7/32}]}").holds);
    let denied =
        one("always: {from: [{service: shop/web}], to: [{service: data/db}], ports: [tcp/5432, tcp/5433]}");
    assert_eq!(denied.violations[0].what, "tcp/5432-5433 is denied");
    let application = "always: {from: [{service: shop/web}], to: [{service: shop/api}], ports: [tcp/8080], applications: [redis]}";
    assert!(!one(application).holds);
}

#[test]
fn names_need_no_addresses() {
    let never = "never: {from: [{service: shop/api}], to: [{name: pay.example}]}";
    assert!(one(never).holds && one(never).checked == 1);
    assert!(!one("always: {from: [{service: shop/api}], to: [{name: '*.pay.example'}]}").holds);
}

#[test]
fn a_conduit_for_a_name_is_a_way_in_before_the_name_has_an_address() {
    let documents = |conduits: &str, names: &str| {
        let border = format!("spec: {{namespaces: [data], names: [{names}], conduits: [{conduits}]}}");
        let open = "ingress: [{from: [world], ports: [tcp/5432]}]";
        let api = "egress:\n  - {to: [world], ports: [tcp/443]}";
        DOCUMENTS
            .replace("spec: {namespaces: [data]}", &border)
            .replace("ingress: [{name: api, from: [{service: shop/api}], ports: [tcp/5432]}]", open)
            .replace("egress:\n  - {to: [{service: data/db}], ports: [tcp/5432]}", api)
    };
    let check = |documents: String, claim: &str| findings_of(&documents, &format!("- {claim}\n")).remove(0);
    let apart = "never: {from: [world], to: [{service: data/db}]}";
    assert!(check(documents("", ""), apart).holds);
    let named = check(documents("{from: [{name: replica.example}]}", ""), apart);
    assert!(named.to_string().contains("replica.example → data/db: tcp/5432"), "{named}");
    // A name that belongs to the zone is behind its border, too.
    let out = "borders: [data]";
    let (none, member) = (check(documents("", ""), out), check(documents("", "replica.example"), out));
    assert!(none.holds && member.holds && member.checked > none.checked, "{none}, {member}");
}

#[test]
fn isolation_is_mutual_and_tells_who_belongs_to_both() {
    let tenants = one("isolated: [{namespace: tenant-a}, {namespace: tenant-b}]");
    assert_eq!(tenants.broken, 2, "{tenants}");
    assert!(one("isolated: [{namespace: tenant-*}, {namespace: shop}, {zone: data}]").broken > 0);
    assert!(one("isolated: [{namespace: tenant-*}, {service: data/db}]").holds);
    let both = one("isolated: [{namespace: data}, {service: data/db}]");
    assert_eq!(both.violations[0].what, "belongs to more than one of them");
}

#[test]
fn what_is_not_enforced_is_found_and_nothing_proves_nothing() {
    assert!(one("enforced: [{zone: data}]").holds);
    let shop = one("enforced: [{namespace: shop}]");
    assert_eq!((shop.broken, shop.violations[0].what.as_str()), (2, "is in mode monitor"));
    let nobody = one("never: {from: [{service: shop/none}], to: [any]}");
    assert!(nobody.to_string().starts_with("nothing to check: never"), "{nobody}");
}

#[test]
fn findings_are_a_table_for_a_merge_request() {
    let table = markdown(&findings(
        "- {name: a | b, enforced: [{zone: data}]}\n- {name: c, isolated: [{namespace: tenant-a}, {namespace: tenant-b}]}\n",
    ));
    assert!(
        table.contains("| a \\| b | enforced | holds | 1 |\n| c | isolated | **broken** (2) | 2 |\n"),
        "{table}"
    );
    assert!(table.contains("\n### c\n\n- tenant-a/x → tenant-b/y: all, for example"), "{table}");
}

#[test]
fn assertions_that_cannot_be_read_are_told_with_their_places() {
    let text = "apiVersion: bulkhead.dev/v1alpha1\nkind: Assertions\nspec:\n- never: {from: [wrld]}\n- {never: {from: \
                [any], to: [any], hops: 0}, only: {}}\n- isolated: [{zone: a}]\n";
    let (assertions, wrong) = read_assertions("a.yaml", text, ReadOptions::default());
    let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    for part in [
        "a.yaml:4:18: spec.[0].never.from[0]: 'wrld' is not a peer",
        "spec.[0].never.to: missing",
        "spec.[1].never.hops: 0 is out of range",
        "expected exactly one of never, only, always, isolated, borders or enforced",
        "two or more are needed to be apart",
    ] {
        let squeezed = |text: &str| text.replace("spec.[", "spec[");
        assert!(wrong.iter().any(|line| squeezed(line).contains(&squeezed(part))), "{part} in {wrong:#?}");
    }
    assert!(assertions.len() < 3);
}
