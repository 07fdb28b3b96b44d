//! What is denied, or spoken with a false address: counted, told, and what follows from it.

use super::*;
use bulkhead_model::DenyReason;

/// A denied edge to redis of a promoted service, with so many others of its image that have it, each over two hours.
fn denied_beside_siblings(siblings: &[&str]) -> Mode {
    let mut estate = shop();
    let of_the_image = |id: &str, service: &str| Workload {
        image: "registry/worker:2".into(),
        ..workload(id, service, &[])
    };
    estate.report(NodeReport::WorkloadUp(Box::new(of_the_image("worker-1", "shop/worker"))));
    for sibling in siblings {
        estate.report(NodeReport::WorkloadUp(Box::new(of_the_image(sibling, &format!("shop/{sibling}")))));
        estate.connect(&format!("shop/{sibling}"), "shop/redis", 6379, Verdict::Allowed, sibling);
    }
    let again: Vec<String> = siblings.iter().map(|sibling| format!("shop/{sibling}")).collect();
    let traffic: Vec<_> = again.iter().map(|sibling| (sibling.as_str(), "shop/redis", 6379)).collect();
    estate.pass(3, &traffic);
    let worker = name("shop/worker");
    estate.state.set_automation(&worker, Automation { automatic: true, profile: Profile::Fast });
    estate.state.enter_mode(&worker, Mode::Enforce, "learning", "evidence", true);
    estate.connect("shop/worker", "shop/redis", 6379, Verdict::Denied, "worker-1");
    estate.pass(1, &[]);
    estate.mode("shop/worker")
}

#[test]
fn one_breached_sibling_does_not_roll_a_service_back_and_two_others_do() {
    assert_eq!(denied_beside_siblings(&["other"]), Mode::Enforce, "it may be the breached one");
    assert_eq!(denied_beside_siblings(&["other", "third"]), Mode::Monitor);
}

#[test]
fn what_a_person_promoted_is_rolled_back_where_automation_is_on_and_only_there() {
    for (automatic, expected) in [(true, Mode::Monitor), (false, Mode::Enforce)] {
        let mut estate = shop();
        estate.state.set_automation(&name("shop/api"), Automation { automatic, profile: Profile::Fast });
        estate.state.enter_mode(&name("shop/api"), Mode::Enforce, "anna", "by hand", false);
        estate.connect("shop/api", "shop/mail", 25, Verdict::Denied, "api-1");
        estate.pass(1, &[]);
        assert_eq!(estate.mode("shop/api"), expected, "automatic: {automatic}");
    }
}

#[test]
fn denials_of_every_reason_are_counted_on_in_their_own_event() {
    for reason in [DenyReason::Unidentified, DenyReason::TableFull] {
        let mut estate = shop();
        estate.connect_for("shop/web", "shop/redis", 6379, Verdict::Denied, "web-1", Some(reason));
        estate.now += 2_000;
        estate.count("shop/web", "shop/redis", 6379, 0, 7);
        estate.connect("shop/web", "shop/redis", 6379, Verdict::Denied, "web-1");
        estate.now += 2_000;
        estate.state.tick(Timestamp(estate.now));
        estate.finish();
        let counts = estate.events.iter().filter_map(|kind| match kind {
            EventKind::Denied(denial) => Some((denial.reason, denial.count)),
            _ => None,
        });
        let last: HashMap<_, _> = counts.collect();
        assert_eq!(last[&reason], 7, "{reason}");
        assert_eq!(last[&DenyReason::NoRule], 1, "nothing of {reason} is left for others");
    }
}

#[test]
fn false_addresses_are_one_event_with_a_counter_and_a_last_time() {
    let mut estate = shop();
    let spoof = Some(DenyReason::Spoof);
    for _ in 0..4 {
        estate.connect_for("shop/web", "shop/redis", 6379, Verdict::Denied, "web-1", spoof);
        estate.now += 5_000;
        estate.state.tick(Timestamp(estate.now));
        estate.finish();
    }
    let mut spoofs = estate.events.iter().filter_map(|kind| match kind {
        EventKind::Spoof { count, last, .. } => Some((*count, last.map(|last| last.0))),
        _ => None,
    });
    let last = estate.now - 5_000;
    assert_eq!(spoofs.next_back(), Some((4, Some(last))));
    let stored = estate.changes.iter().filter_map(|change| match change {
        Change::Event(stored) if stored.kind == "spoof" => Some(stored.event.id),
        _ => None,
    });
    assert_eq!(stored.collect::<HashSet<_>>().len(), 1, "one event");
}

#[test]
fn connections_of_a_counter_are_not_taken_back_when_their_edge_is_forgotten() {
    let mut estate = shop();
    estate.count("shop/web", "shop/api", 8080, 5, 2);
    estate.count("shop/api", "shop/redis", 6379, 3, 0);
    let sum = |estate: &Estate| {
        let view = estate.state.view();
        (view.connected.connections, view.connected.denied)
    };
    assert_eq!(sum(&estate), (8, 2), "told at both ends, counted once");
    let forgotten = estate.state.edges.keys().find(|key| key.port == 8080).cloned().expect("there");
    estate.state.remove_edge(&forgotten);
    estate.finish();
    assert_eq!(sum(&estate), (8, 2));
}

#[test]
fn irregular_packets_are_counted_as_often_as_they_are_told_and_leave_nothing_to_others() {
    for reason in [DenyReason::Malformed, DenyReason::Fragment, DenyReason::Unrelated] {
        let mut estate = shop();
        for _ in 0..3 {
            estate.connect_for("shop/web", "shop/redis", 6379, Verdict::Denied, "web-1", Some(reason));
            estate.now += 5_000;
            estate.state.tick(Timestamp(estate.now));
            estate.finish();
        }
        let last = estate.events.iter().rev().find_map(|kind| match kind {
            EventKind::Denied(denial) => Some((denial.reason, denial.count)),
            _ => None,
        });
        assert_eq!(last, Some((reason, 3)));
    }
}
