//! What holds whatever happens.

use crate::watch::{Watch, edge, service, workload};
use bulkhead_learn::{Evidence, Profile, Sensor, Sighting};
use bulkhead_model::Timestamp;
use proptest::prelude::*;
use std::time::Duration;

prop_compose! {
    fn evidence()(
        hours in 0.0f64..5000.0,
        edges in 0u32..3000,
        shares in prop::array::uniform6(0.0f64..=1.0),
        fresh: bool,
    ) -> Evidence {
        let part = |of: u32, share: f64| (f64::from(of) * share) as u32;
        let singles = part(edges, shares[0]);
        let clumps = part(singles.min(hours as u32 + 1), shares[2]).max(u32::from(singles > 0));
        Evidence {
            hours,
            edges,
            singles,
            doubles: part(edges - singles, shares[1]),
            clumps,
            mass: clumps + part(singles - clumps, shares[3]),
            discovered: part(edges, shares[4]),
            discoveries: part(part(edges, shares[4]).min(hours as u32 + 1), shares[5]),
            fresh,
            shocks: clumps,
            aftershocks: part(clumps, shares[5]),
            incidences: u64::from(edges) * 3,
            new_last_day: part(edges, shares[5]),
        }
    }
}

proptest! {
    #[test]
    fn bounds_are_probabilities_above_their_point_and_grow_with_the_horizon(e in evidence()) {
        for horizon in [1.0, 24.0] {
            prop_assert!((0.0..=1.0).contains(&e.upper(horizon)));
            prop_assert!((0.0..=1.0).contains(&e.point(horizon)));
            prop_assert!(e.upper(horizon) >= e.point(horizon) - 1e-12);
        }
        prop_assert!(e.upper(24.0) >= e.upper(1.0));
        prop_assert!((0.0..=1.0).contains(&e.coverage()));
        prop_assert!(e.unseen_at_least() >= 0.0);
    }

    #[test]
    fn more_clean_hours_never_raise_the_bound(e in evidence(), more in 0.0f64..2000.0) {
        let later = Evidence { hours: e.hours + more, ..e };
        for horizon in [1.0, 24.0] {
            prop_assert!(later.upper(horizon) <= e.upper(horizon) + 1e-12);
        }
    }

    #[test]
    fn more_that_is_new_never_lowers_the_bound(e in evidence()) {
        let newer = Evidence {
            singles: e.singles + 1,
            clumps: e.clumps + 1,
            mass: e.mass + 1,
            edges: e.edges + 1,
            discovered: e.discovered + 1,
            discoveries: e.discoveries + 1,
            ..e
        };
        prop_assert!(newer.upper(1.0) >= e.upper(1.0) - 1e-12);
    }

    #[test]
    fn who_is_ready_for_a_strict_profile_is_ready_for_a_bolder_one(e in evidence()) {
        let ready = Profile::ALL.map(|profile| e.is_ready(profile));
        prop_assert!(ready[0] >= ready[1] && ready[1] >= ready[2]);
    }
}

/// Something that happens to a learner.
#[derive(Debug, Clone)]
enum Step {
    See(u8, u16),
    Pass(u32),
    Lose(u32),
    Jump(i64),
    Up(u8),
    Down(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..6, 1u16..40).prop_map(|(peer, port)| Step::See(peer, port)),
        4 => (1u32..290).prop_map(Step::Pass),
        1 => (1u32..290).prop_map(Step::Lose),
        1 => any::<i32>().prop_map(|seconds| Step::Jump(i64::from(seconds))),
        1 => (0u8..4).prop_map(Step::Up),
        1 => (0u8..4).prop_map(Step::Down),
    ]
}

fn replay(steps: &[Step]) -> (Watch, u64) {
    let mut watch = Watch::new();
    let mut passed = 0;
    for step in steps {
        match step {
            Step::See(peer, port) => watch.see(&edge("shop/api", &format!("shop/peer-{peer}"), *port)),
            Step::Pass(seconds) | Step::Lose(seconds) => {
                watch.sensor = if matches!(step, Step::Pass(_)) { Sensor::Healthy } else { Sensor::Lost };
                passed += u64::from(*seconds);
                watch.step(Duration::from_secs(u64::from(*seconds)));
            }
            Step::Jump(seconds) => {
                // At most the longest gap passes with a jump.
                passed += 300;
                watch.now = Timestamp(watch.now.0.saturating_add_signed(seconds * 1000));
                watch.learner.advance(watch.now, Sensor::Healthy);
            }
            Step::Up(n) => watch.learner.workload_up(&workload("shop/api", u32::from(*n)), watch.now),
            Step::Down(n) => watch.learner.workload_down(&workload("shop/api", u32::from(*n)).id, watch.now),
        }
    }
    (watch, passed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_sequence_of_events_and_clock_jumps_breaks_the_learner(steps in prop::collection::vec(step(), 1..200)) {
        let (watch, passed) = replay(&steps);
        let name = service("shop/api");
        if let Some(report) = watch.learner.report(&name) {
            prop_assert!(report.observed_hours <= passed as f64 / 3600.0 + 1e-6, "time is never invented");
            prop_assert!((0.0..=1.0).contains(&report.upper_hour));
            prop_assert!(report.curve.len() <= 64);
            prop_assert_eq!(report.edges + report.set_aside, watch.learner.edges(&name).len() as u32);
            prop_assert!(report.sentence.ends_with('.'));
        }
        let (again, _) = replay(&steps);
        prop_assert_eq!(again.learner.report(&name), watch.learner.report(&name), "the same calls, the same state");
    }

    #[test]
    fn a_scan_of_any_size_within_an_hour_raises_the_bound_at_most_as_one_new_edge_does(edges in 2usize..300) {
        let bound = |count: usize| {
            let mut watch = Watch::new();
            watch.learner.workloads(&[workload("shop/api", 1)], watch.now);
            watch.hours(30, &[&edge("shop/api", "shop/db", 5432)]);
            for n in 0..count {
                // Slow enough, and to few enough ports of a peer, to be taken for traffic at first.
                watch.learner.observe(&Sighting::new(&edge("shop/api", &format!("shop/x{n}"), 80), watch.now));
            }
            watch.hours(6, &[&edge("shop/api", "shop/db", 5432)]);
            watch.report("shop/api").upper_hour
        };
        prop_assert!(bound(edges) <= bound(1));
    }
}
