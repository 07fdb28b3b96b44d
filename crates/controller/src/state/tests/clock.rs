//! The wall clock is set while Bulkhead runs.

use super::*;

const YEAR: u64 = 365 * 24 * 3_600_000;

impl Estate {
    fn tick_at(&mut self, now: u64) {
        self.now = now;
        // The node goes on to tell how it is, as it does in life.
        let health = NodeHealth { time: Timestamp(now), ..NodeHealth::default() };
        self.report(NodeReport::Health(health));
        self.state.tick(Timestamp(now));
        self.finish();
    }

    fn is_degraded(&self, key: &str) -> bool {
        self.state.degraded.contains_key(key)
    }
}

#[test]
fn a_clock_that_is_set_removes_nothing_promotes_nothing_and_is_said() {
    let mut estate = shop();
    let name = name("shop/api");
    estate.state.set_automation(&name, Automation { automatic: true, profile: Profile::Fast });
    estate.pass(3, TRAFFIC);
    let edges = estate.state.edges.len();
    let hours = |estate: &Estate| estate.state.learner().report(&name).expect("it is learned").observed_hours;
    let before = hours(&estate);
    let right = estate.now;
    for jump in [right + 10 * YEAR, right + MINUTE, right - YEAR.min(right), right + 2 * MINUTE] {
        for second in 0..20 {
            estate.tick_at(jump + second * 1_000);
        }
        assert!(estate.is_degraded("clock"), "it is said");
        assert_eq!(estate.state.edges.len(), edges, "nothing is removed for its age");
        assert_eq!(estate.mode("shop/api"), Mode::Learn, "nothing is learned from a clock");
    }
    let lived = hours(&estate) - before;
    assert!(lived < 0.1, "{lived} hours that nobody has lived through count");
    // An hour later the clock is believed.
    for minute in 0..70 {
        estate.tick_at(right + (3 + minute) * MINUTE);
    }
    assert!(!estate.is_degraded("clock") && !estate.is_degraded("agent"), "{:?}", estate.state.degraded);
    assert_eq!(estate.state.edges.len(), edges);
}
