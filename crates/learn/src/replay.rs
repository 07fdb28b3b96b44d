//! Learning from the past: records of what was seen, with their times, in place of a sensor.

use crate::{Learner, Sensor, Settings, Sighting};
use bulkhead_model::{EdgeKey, Peer, ServiceName, Timestamp, Verdict};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// A longer silence of all services together is a time of which there are no records.
const SILENCE: Duration = Duration::from_secs(3600);

/// An edge was seen around `time`.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    pub edge: &'a EdgeKey,
    pub time: Timestamp,
    pub connections: u64,
    pub answered: Option<bool>,
    pub passed: bool,
    /// An attack was found in it.
    pub threat: bool,
}

/// Learns from records, which must be in the order of time. `lost` are the beginnings of hours in which some are missing:
/// these do not count as observed.
///
/// What records cannot tell is taken in the way that promises least. A service counts as watched from its first record to
/// its last, whether or not it ran before and after. Hours in which nobody at all is recorded do not count. No start of a
/// workload is watched, so the gate for starts holds.
pub fn replay(settings: Settings, past: &[Past<'_>], lost: &BTreeSet<Timestamp>) -> Learner {
    let mut learner = Learner::new(settings);
    let mut present: BTreeMap<&ServiceName, (usize, usize)> = BTreeMap::new();
    for (at, seen) in past.iter().enumerate() {
        for service in services(seen.edge) {
            present.entry(service).and_modify(|(_, last)| *last = at).or_insert((at, at));
        }
    }
    let step = settings.max_gap.min(SILENCE).max(Duration::from_secs(1));
    let mut now: Option<Timestamp> = None;
    for (at, seen) in past.iter().enumerate() {
        let mut clock = now.unwrap_or(seen.time);
        if now.is_none() || seen.time.since(clock) > SILENCE {
            clock = seen.time;
            learner.advance(clock, Sensor::Healthy);
        }
        while clock < seen.time {
            let next = clock.after(step).min(seen.time);
            let hour = Timestamp(next.0 - next.0 % 3_600_000);
            learner.advance(next, if lost.contains(&hour) { Sensor::Lost } else { Sensor::Healthy });
            clock = next;
        }
        now = Some(clock);
        for service in services(seen.edge) {
            if present.get(service).is_some_and(|(first, _)| *first == at) {
                learner.recorded_from(service, seen.time);
            }
        }
        learner.observe(&Sighting {
            edge: seen.edge,
            time: seen.time,
            connections: seen.connections,
            answered: seen.answered,
            verdict: if seen.passed { Verdict::Allowed } else { Verdict::Denied },
            suspicion: seen.threat.then_some(crate::SetAside::Threat),
        });
        for service in services(seen.edge) {
            if present.get(service).is_some_and(|(_, last)| *last == at) {
                learner.recorded_until(service, seen.time);
            }
        }
    }
    learner
}

/// The services of an edge, each once.
fn services(edge: &EdgeKey) -> impl Iterator<Item = &ServiceName> {
    let name = |peer: &'_ Peer| matches!(peer, Peer::Service(_));
    let second = (edge.client != edge.server && name(&edge.server)).then(|| edge.server.service()).flatten();
    edge.client.service().into_iter().chain(second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limit;
    use bulkhead_model::{Application, IpProtocol};

    fn edge(client: &str, server: &str, port: u16) -> EdgeKey {
        let peer = |name: &str| Peer::Service(name.parse().expect("valid"));
        EdgeKey {
            client: peer(client),
            server: peer(server),
            protocol: IpProtocol::TCP,
            port,
            application: Application::UNKNOWN,
        }
    }

    fn hour(hours: u64) -> Timestamp {
        Timestamp(1_772_438_400_000 + hours * 3_600_000)
    }

    fn past(edge: &EdgeKey, time: Timestamp) -> Past<'_> {
        Past { edge, time, connections: 1, answered: Some(true), passed: true, threat: false }
    }

    fn report(learner: &Learner, service: &str) -> crate::Report {
        learner.report(&service.parse().expect("valid")).expect("known")
    }

    #[test]
    fn hours_between_records_are_observed_and_silence_of_all_is_not() {
        let (a, b) = (edge("shop/web", "shop/api", 9000), edge("shop/api", "shop/db", 5432));
        // Four days of records each hour, a week of nothing, two more hours.
        let seen: Vec<Past<'_>> =
            (0..=96).chain(264..=266).flat_map(|h| [past(&a, hour(h)), past(&b, hour(h))]).collect();
        let learner = replay(Settings::default(), &seen, &BTreeSet::new());
        let api = report(&learner, "shop/api");
        assert!((api.observed_hours - 98.0).abs() < 0.5, "{}", api.observed_hours);
        assert_eq!(api.edges, 2);
        assert!(api.upper_hour < 0.06, "{}", api.upper_hour);
    }

    #[test]
    fn a_service_is_watched_from_its_first_record_to_its_last() {
        let (a, b) = (edge("shop/web", "shop/api", 9000), edge("shop/job", "shop/db", 5432));
        let mut seen: Vec<Past<'_>> = (0..=100).map(|h| past(&a, hour(h))).collect();
        seen.insert(51, past(&b, hour(50)));
        seen.insert(62, past(&b, hour(60)));
        let learner = replay(Settings::default(), &seen, &BTreeSet::new());
        let job = report(&learner, "shop/job");
        assert!((job.observed_hours - 10.0).abs() < 0.2, "{}", job.observed_hours);
    }

    #[test]
    fn hours_with_lost_records_do_not_count() {
        let a = edge("shop/web", "shop/api", 9000);
        let seen: Vec<Past<'_>> = (0..=20).map(|h| past(&a, hour(h))).collect();
        let lost = [hour(3), hour(4)].into();
        let web = report(&replay(Settings::default(), &seen, &lost), "shop/web");
        assert!((web.observed_hours - 18.0).abs() < 0.3, "{}", web.observed_hours);
        assert!(web.limits.iter().any(|limit| matches!(limit, Limit::LostEvents { .. })));
    }

    #[test]
    fn what_was_denied_or_an_attack_becomes_no_rule() {
        let (good, denied, attack) = (
            edge("shop/web", "shop/api", 9000),
            edge("shop/web", "shop/db", 5432),
            edge("shop/web", "shop/x", 4444),
        );
        let seen = [
            past(&good, hour(0)),
            Past { passed: false, ..past(&denied, hour(0)) },
            Past { threat: true, ..past(&attack, hour(1)) },
        ];
        let learner = replay(Settings::default(), &seen, &BTreeSet::new());
        assert_eq!(learner.standing(&denied), None);
        assert!(learner.standing(&good).is_some_and(crate::Standing::becomes_rule));
        assert!(!learner.standing(&attack).is_some_and(crate::Standing::becomes_rule));
    }
}
