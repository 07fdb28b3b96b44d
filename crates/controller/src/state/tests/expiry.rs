use super::*;
use bulkhead_model::Severity;

fn exception(until: u64) -> String {
    format!(
        "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {{name: web, namespace: shop}}\n\
         spec:\n  target: {{service: shop/web}}\n  egress:\n    - name: until the cart has moved\n      to: [{{service: shop/redis}}]\n      \
         ports: [tcp/6379]\n      expires: {}\n    - to: [{{service: shop/api}}]\n",
        rfc3339(until)
    )
}

/// Of a time on the day of START.
fn rfc3339(time: u64) -> String {
    let seconds = (time - START) / 1000;
    format!("2025-11-17T{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn put(estate: &mut Estate, text: &str) {
    let documents = crate::plan::read(text, "test").expect("sound");
    let changes = documents.into_iter().map(|document| (document.key(), Some(document))).collect();
    estate.state.now = Timestamp(estate.now);
    estate.state.change_documents(changes, "anna", "test", String::new());
    estate.finish();
}

fn told(estate: &Estate) -> Vec<String> {
    let changed = estate.events.iter().filter_map(|kind| match kind {
        EventKind::PolicyChanged { actor, summary, .. } if &**actor == "expiry" => Some(summary.to_string()),
        _ => None,
    });
    changed.collect()
}

#[test]
fn a_rule_that_expires_is_enforced_no_more_from_that_instant_and_that_is_said() {
    let mut estate = shop();
    put(&mut estate, &exception(START + 90_000));
    assert!(estate.allows("shop/web", "shop/redis", 6379));
    estate.now = START + 89_999;
    assert!(!estate.state.is_expiry_due(Timestamp(estate.now)));
    estate.state.tick(Timestamp(estate.now));
    estate.finish();
    assert!(estate.allows("shop/web", "shop/redis", 6379));
    let (revision, published) = (estate.state.revision, estate.published);
    estate.now = START + 90_000;
    assert!(estate.state.is_expiry_due(Timestamp(estate.now)));
    estate.state.tick(Timestamp(estate.now));
    estate.finish();
    assert!(!estate.allows("shop/web", "shop/redis", 6379));
    assert!(estate.allows("shop/web", "shop/api", 8080));
    assert!(estate.state.revision > revision && estate.published > published);
    assert_eq!(told(&estate), ["rule shop/web egress[0] \"until the cart has moved\" has expired"]);
    let audited = estate.changes.iter().any(|change| match change {
        Change::Audit(record) => record.action == "policy.expire" && record.actor == "system",
        _ => false,
    });
    assert!(audited);
    assert!(estate.changes.iter().any(|change| match change {
        Change::Event(stored) => stored.kind == "policy-changed" && stored.event.severity == Severity::Notice,
        _ => false,
    }));
    estate.pass(1, &[]);
    assert_eq!(told(&estate).len(), 1, "it is said once");
}

#[test]
fn what_expired_before_it_came_is_not_told_and_what_expired_meanwhile_is() {
    let mut estate = shop();
    estate.now = START + 60_000;
    put(&mut estate, &exception(START + 30_000));
    assert!(!estate.allows("shop/web", "shop/redis", 6379));
    assert!(told(&estate).is_empty());
    put(&mut estate, &exception(START + 90_000));
    assert!(estate.allows("shop/web", "shop/redis", 6379));
    estate.state.save_everything();
    estate.finish();
    let again = Estate::restored(estate.stored(), START + 120_000);
    assert_eq!(told(&again).len(), 1, "it expired while nobody was there");
    assert!(!again.allows("shop/web", "shop/redis", 6379));
}

#[test]
fn numbers_of_rules_mean_the_same_after_a_restart() {
    let mut estate = shop();
    put(&mut estate, &exception(START + 90_000));
    let numbers = |estate: &Estate| {
        let rules = estate.state.parts().2;
        let mut all: Vec<_> = rules.rules().map(|rule| (rule.reference, rule.text.clone())).collect();
        all.sort();
        all
    };
    let before = numbers(&estate);
    assert_eq!(before.len(), 2);
    estate.state.save_everything();
    estate.finish();
    // Another document comes first by its name: its rules must not get numbers that were given.
    let mut again = Estate::restored(estate.stored(), estate.now);
    let other = exception(START + 90_000).replace("name: web,", "name: a-web,");
    put(&mut again, &other);
    let after = numbers(&again);
    assert_eq!(after.len(), 4);
    assert_eq!(after[..2], before[..]);
}
