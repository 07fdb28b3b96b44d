//! What is wrong, and what was lost.

use super::*;

#[test]
fn a_full_table_lost_events_and_silence_are_said_and_taken_back() {
    let mut estate = shop();
    let revision = estate.state.revision;
    let health = |lost, entries, refused| NodeHealth {
        revision,
        lost_events: lost,
        tables: vec![TableFill { name: "edges".into(), entries, capacity: 100, refused }],
        ..NodeHealth::default()
    };
    let lost = |estate: &Estate, expected| {
        estate.events.iter().any(|kind| matches!(kind, EventKind::Lost { count, .. } if *count == expected))
    };
    estate.report(NodeReport::Health(health(0, 10, 0)));
    assert!(estate.state.degraded.is_empty());
    estate.report(NodeReport::Health(health(7, 85, 0)));
    assert!(estate.state.degraded.keys().eq(["table edges"]), "said before it is full");
    assert!(lost(&estate, 7));
    estate.report(NodeReport::Health(health(7, 100, 30)));
    assert!(estate.state.degraded.keys().eq(["table edges", "table edges full"]));
    assert!(lost(&estate, 30), "what found no room is lost");
    estate.report(NodeReport::Health(health(7, 90, 30)));
    assert!(estate.state.degraded.contains_key("table edges full"), "until it is crowded no more");
    estate.report(NodeReport::Health(NodeHealth { revision: revision - 1, ..health(7, 20, 30) }));
    assert!(estate.state.degraded.keys().eq(["table edges full"]), "until what is wanted fits");
    estate.report(NodeReport::Health(health(7, 20, 30)));
    assert!(estate.state.degraded.is_empty());
    assert!(estate.events.iter().any(|kind| matches!(kind, EventKind::Recovered { .. })));
    let mut part = health(7, 75, 40);
    part.tables[0] = TableFill { name: "edges-for-all".into(), capacity: 75, ..part.tables[0].clone() };
    estate.report(NodeReport::Health(part));
    assert!(estate.state.degraded.keys().eq(["table edges-for-all", "table edges-for-all full"]));
    assert!(lost(&estate, 40), "what is not counted of a scan is lost too");
    estate.pass(1, &[]);
    assert!(estate.state.degraded.contains_key("agent"));
}

#[test]
fn an_open_gate_is_said_while_something_is_enforced() {
    let mut estate = shop();
    let health = |estate: &Estate, gate| {
        NodeReport::Health(NodeHealth { revision: estate.state.revision, gate, ..NodeHealth::default() })
    };
    let open = health(&estate, false);
    estate.report(open);
    assert!(estate.state.degraded.is_empty(), "nothing is enforced");
    estate.state.enter_mode(&name("shop/redis"), Mode::Enforce, "anna", "by hand", false);
    estate.finish();
    estate.report(NodeReport::Health(NodeHealth::default()));
    assert!(estate.state.degraded.is_empty(), "the node has not been told yet");
    let (closed, open) = (health(&estate, true), health(&estate, false));
    estate.report(closed.clone());
    assert!(estate.state.degraded.is_empty());
    estate.report(open);
    assert!(estate.state.degraded.keys().eq(["gate"]));
    estate.report(closed);
    assert!(estate.state.degraded.is_empty());
    let said = |what: &EventKind| match what {
        EventKind::Degraded { what, .. } | EventKind::Recovered { what } => what.contains("gate is open"),
        _ => false,
    };
    assert_eq!(
        estate.events.iter().filter(|kind| said(kind)).count(),
        2,
        "when it opens, and when it is closed"
    );
}

#[test]
fn a_database_that_cannot_fit_is_said_until_it_does() {
    let mut estate = shop();
    let pruned = |audit, too_large| bulkhead_store::Pruned { audit, too_large, ..Default::default() };
    estate.state.note_pruned(&pruned(0, Some(2 << 30)));
    let said = estate.state.degraded["size"].clone();
    assert!(said.what.contains("2048 MB") && said.remedy.contains("retention.max_megabytes"), "{said:?}");
    estate.state.note_pruned(&pruned(5, None));
    assert!(!estate.state.degraded.contains_key("size"));
    estate.finish();
    assert!(estate.audit_actions().contains(&"audit.prune".to_owned()), "what went is said by what stays");
}
