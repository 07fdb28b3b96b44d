//! A claim that is true is reported as met; the same claim made false is not.

use crate::shop::{DAY, GOOD, NOW, Shop, requirement, statuses};
use bulkhead_model::{Mode, Timestamp};
use bulkhead_report::{Framework, IsolationStatus, NoSuchZone, RequirementStatus, zones};

use RequirementStatus::{Met, NotDecidable, NotMet};

fn isolation(shop: &Shop) -> IsolationStatus {
    zones(&shop.estate(), Some("cardholder-data")).items[0].isolation.status
}

/// What is wrong with a shop, as a change of the sound one; the requirements that must no longer be met.
type Fault = (&'static str, fn(&mut Shop), &'static [&'static str]);

const FAULTS: &[Fault] = &[
    (
        "a member learns",
        |shop| shop.mode("pay/ledger", Mode::Learn),
        &["1.2.5", "1.3.1", "1.3.2", "1.4.1", "1.4.3", "1.4.4", "7.3.3"],
    ),
    (
        "a member is monitored",
        |shop| shop.mode("pay/vault", Mode::Monitor),
        &["1.2.5", "1.3.1", "1.3.2", "1.4.1", "1.4.4", "7.3.3"],
    ),
    (
        "a node is behind",
        |shop| shop.operation().enforced_revision = 6,
        &["1.2.8", "1.3.1", "1.3.2", "1.4.1", "1.4.4"],
    ),
    (
        "a node is silent",
        |shop| shop.operation().nodes[0].silent = true,
        &["1.2.8", "1.3.1", "1.4.1", "10.2.1", "10.7.2"],
    ),
    ("no node reports", |shop| shop.operation().nodes.clear(), &["1.2.8", "1.3.1", "1.4.1", "10.2.1"]),
    (
        "something is not covered",
        |shop| shop.operation().nodes[0].not_covered.push("web uses the host's network".into()),
        &["1.2.8", "1.3.1", "1.4.1"],
    ),
    ("the audit log is broken", |shop| shop.operation().audit.broken_at = Some(3), &["1.2.8", "10.3.4"]),
    ("events go too early", |shop| shop.operation().event_days = 30, &["10.5.1"]),
    ("something is degraded", |shop| shop.operation().degraded.push("the disk is full".into()), &["10.7.2"]),
    ("nobody is told", |shop| shop.operation().outputs.clear(), &["10.7.2"]),
    ("telnet was used", |shop| shop.saw("shop/api", "pay/ledger", 23, 1, 0), &["1.2.6"]),
];

#[test]
fn a_sound_estate_meets_what_can_be_decided() {
    let report = Shop::good().report(Framework::PciDss);
    for (number, status) in statuses(&report) {
        assert_ne!(status, NotMet, "{number}: {:?}", requirement(&report, &number));
    }
    for number in
        ["1.2.5", "1.2.6", "1.2.7", "1.2.8", "1.3.1", "1.3.2", "1.4.1", "1.4.3", "1.4.4", "7.3.3", "12.5.2"]
    {
        assert_eq!(requirement(&report, number).status, Met, "{:?}", requirement(&report, number));
    }
    // Whether a tester was there nobody can see.
    for number in ["11.4.5", "11.4.6", "1.2.2", "1.3.3", "7.2.5"] {
        assert_eq!(requirement(&report, number).status, NotDecidable, "{number}");
    }
    assert_eq!(isolation(&Shop::good()), IsolationStatus::Proved);
}

#[test]
fn a_claim_that_is_false_is_never_reported_as_met() {
    let sound = Shop::good().report(Framework::PciDss);
    for (what, spoil, fallen) in FAULTS {
        let mut shop = Shop::good();
        spoil(&mut shop);
        let report = shop.report(Framework::PciDss);
        for number in *fallen {
            assert_eq!(requirement(&sound, number).status, Met, "{number} is no witness of {what}");
            let found = requirement(&report, number);
            assert_ne!(found.status, Met, "{what}: {found:?}");
        }
        for found in report.requirements.iter().filter(|found| found.status == NotMet) {
            assert!(!found.gaps.is_empty(), "{what}: {} says not what to do", found.number);
        }
    }
}

#[test]
fn a_policy_on_a_service_that_learns_proves_nothing() {
    let mut shop = Shop::good();
    shop.mode("pay/ledger", Mode::Learn);
    assert_eq!(isolation(&shop), IsolationStatus::NotEnforced);
    let found = shop.pci("1.3.1");
    assert_eq!(found.status, NotMet);
    assert!(found.gaps.iter().any(|gap| gap.what.contains("mode learn holds nothing back")), "{found:?}");
    assert_eq!(shop.pci("11.4.5").status, NotMet);
}

#[test]
fn a_way_across_that_no_conduit_allows_is_held_back_by_the_border() {
    // A rule alone opens nothing: the zone's border denies what no conduit lets through.
    let shop = Shop::of(&GOOD.replace("from: [{service: shop/api}], ports: [tcp/8443], owner: payments team, reason: to take orders}\n    - {name: migration", "from: [{service: shop/api}, {service: shop/web}, world], ports: [tcp/8443], owner: payments team, reason: to take orders}\n    - {name: migration"));
    assert_eq!(isolation(&shop), IsolationStatus::Proved);
    let status = zones(&shop.estate(), Some("cardholder-data"));
    let crossings = &status.items[0].isolation.crossings;
    assert!(
        crossings.iter().all(|crossing| !crossing.peers.contains(&"shop/web".to_owned())),
        "{crossings:?}"
    );
}

#[test]
fn without_a_border_a_rule_that_nobody_answers_for_is_a_fault() {
    let bare = GOOD.replace("  conduits:\n    - {name: checkout pays, from: [{service: shop/api}], ports: [tcp/8443], owner: payments team, reason: to take orders}\n  exceptions:\n    - {name: migration, from: [{service: shop/batch}], to: [{service: pay/ledger}], ports: [tcp/5432], owner: data team, reason: moves the old orders, expires: 2027-01-31}\n", "");
    assert_ne!(bare, GOOD);
    assert_eq!(isolation(&Shop::of(&bare)), IsolationStatus::Proved, "every rule says why");
    let silent = bare.replace("{name: checkout, from: [{service: shop/api}], ports: [tcp/8443], owner: payments team, reason: to take orders}", "{from: [{service: shop/api}], ports: [tcp/8443]}");
    assert_eq!(isolation(&Shop::of(&silent)), IsolationStatus::Open);
    assert_eq!(Shop::of(&silent).pci("1.2.5").status, NotMet);
    let wide = bare.replace(
        "{name: checkout, from: [{service: shop/api}], ports: [tcp/8443], owner",
        "{name: checkout, from: [{service: shop/api}], owner",
    );
    assert_eq!(isolation(&Shop::of(&wide)), IsolationStatus::Open);
    let world = bare.replace(
        "{name: checkout, from: [{service: shop/api}]",
        "{name: checkout, from: [world, {service: shop/api}]",
    );
    assert_eq!(
        Shop::of(&world).pci("1.4.4").status,
        NotMet,
        "the world reaches the ledger, whoever answers for it"
    );
}

#[test]
fn traffic_that_the_proof_says_cannot_be_is_a_contradiction() {
    let mut shop = Shop::good();
    shop.saw("shop/web", "pay/ledger", 8443, 5, 0);
    assert_eq!(isolation(&shop), IsolationStatus::Proved, "it passed before anything was enforced");
    shop.edges.last_mut().expect("there").first_seen = Timestamp(NOW.0 - 2 * DAY);
    assert_eq!(isolation(&shop), IsolationStatus::Unproved);
    let found = shop.pci("1.3.1");
    assert_eq!(found.status, NotMet, "{found:?}");
    assert!(found.gaps.iter().any(|gap| gap.what.contains("passed 5 times")), "{found:?}");
}

#[test]
fn exceptions_need_an_owner_a_reason_and_an_end_that_has_not_passed() {
    let of = |yaml: &str| requirement(&Shop::of(yaml).report(Framework::Nist80053), "SC-7(4)");
    assert_eq!(of(GOOD).status, Met);
    assert_eq!(of(&GOOD.replace("2027-01-31", "2026-11-01")).status, NotMet);
    assert_eq!(
        of(&GOOD.replace("owner: data team, reason: old orders, expires", "reason: old orders, expires"))
            .status,
        NotMet
    );
}

#[test]
fn reviews_that_are_too_old_are_told() {
    let mut shop = Shop::good();
    assert_eq!(shop.pci("12.5.2").status, Met);
    shop = Shop::of(&GOOD.replace("2026-10-01", "2025-10-01"));
    assert_eq!(shop.pci("12.5.2").status, NotMet);
    shop = Shop::of(&GOOD.replace("  annotations: {bulkhead.dev/reviewed: \"2026-10-01\"}\n", ""));
    assert_eq!(shop.pci("12.5.2").status, NotDecidable);
}

#[test]
fn from_files_nothing_is_said_to_be_enforced() {
    let mut shop = Shop::good();
    shop.operation = None;
    for framework in Framework::ALL {
        let report = shop.report(framework);
        for found in &report.requirements {
            let about_documents = ["1.2.5", "1.2.6", "12.5.2", "SC-7(4)", "5.3.2", "Tenet 4"];
            if !about_documents.contains(&found.number.as_str()) {
                assert_ne!(found.status, Met, "{found:?}");
            }
        }
    }
    assert_eq!(isolation(&shop), IsolationStatus::Unproved);
}

#[test]
fn the_estate_is_divided_into_what_is_in_scope_connected_and_out_of_it() {
    let mut shop = Shop::good();
    let scope = |shop: &Shop| zones(&shop.estate(), None).items[0].scope;
    let found = scope(&shop);
    assert_eq!((found.in_scope, found.connected_to, found.out_of_scope), (2, 2, 1), "{found:?}");
    // Traffic that passed connects as well, whatever the policy says of it now.
    shop.saw("shop/web", "pay/vault", 8200, 1, 0);
    assert_eq!(scope(&shop).connected_to, 3);
    let labelled = format!(
        "{GOOD}---\napiVersion: bulkhead.dev/v1alpha1\nkind: Zone\nmetadata: {{name: guards, labels: {{bulkhead.dev/scope: security-impacting}}}}\nspec: {{services: [shop/web]}}\n"
    );
    let found = scope(&Shop::of(&labelled));
    assert_eq!((found.connected_to, found.security_impacting, found.out_of_scope), (2, 1, 0), "{found:?}");
}

#[test]
fn a_zone_that_there_is_not_is_an_error_and_an_empty_one_proves_nothing() {
    let shop = Shop::good();
    let missing = bulkhead_report::report(Framework::PciDss, &shop.estate(), Some("nowhere"));
    assert_eq!(missing, Err(NoSuchZone("nowhere".to_owned())));
    let empty = Shop::of(&GOOD.replace("services: [pay/ledger, pay/vault]", "services: [pay/nobody]"));
    assert_eq!(isolation(&empty), IsolationStatus::Empty);
    assert_ne!(empty.pci("1.3.1").status, Met);
    let whole = bulkhead_report::report(Framework::PciDss, &shop.estate(), None).expect("made");
    assert_eq!(requirement(&whole, "1.3.1").status, NotDecidable);
}

#[test]
fn every_requirement_that_refers_to_evidence_finds_it() {
    for framework in Framework::ALL {
        let report = Shop::good().report(framework);
        for requirement in &report.requirements {
            for id in &requirement.evidence {
                assert!(report.evidence.iter().any(|item| item.id == *id), "{} {id}", requirement.number);
            }
        }
        for item in &report.evidence {
            assert_eq!(item.sha256, item.hash());
            assert!(item.rows.iter().all(|row| row.len() == item.columns.len()), "{}", item.title);
        }
        assert_eq!(report.requirements.len() as u32, report.framework.requirements);
    }
}

#[test]
fn what_a_zone_takes_in_over_another_is_told_with_who_must_guard_it() {
    let nested = "---\napiVersion: bulkhead.dev/v1alpha1\nkind: Zone\nmetadata: {name: hsm}\nspec: {cidrs: [10.9.0.0/24]}\n";
    let mut shop =
        Shop::of(&format!("{}{nested}", GOOD.replace("cidrs: [198", "zones: [hsm]\n  cidrs: [198")));
    shop.mode("shop/web", Mode::Learn);
    let report = shop.report(Framework::PciDss);
    let members = report.evidence.iter().find(|table| table.title.starts_with("Who belongs")).expect("there");
    let through: Vec<_> = members.rows.iter().map(|row| (row[0].as_str(), row[2].as_str())).collect();
    assert!(through.contains(&("10.9.0.0/24", "hsm")), "{through:?}");
    assert!(through.contains(&("198.51.100.0/24", "cardholder-data")), "{through:?}");
    // Every member that is a service enforces; the way into the range is open because somebody outside does not.
    let proof = requirement(&report, "11.4.5");
    assert_eq!(proof.status, NotMet);
    assert!(
        proof.reason.starts_with("Every service in zone cardholder-data enforces the policy"),
        "{}",
        proof.reason
    );
    let remedies: Vec<_> = proof.gaps.iter().map(|gap| gap.remedy.as_str()).collect();
    assert!(
        !remedies.is_empty() && remedies.iter().all(|text| text.ends_with("bulkhead promote shop/web")),
        "{remedies:?}"
    );
}
