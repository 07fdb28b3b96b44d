//! What an estate's learner does, seen from outside.

use crate::watch::{Watch, edge, external, service, workload};
use bulkhead_learn::{
    Automation, DenialKind, Hold, Learner, Limit, Profile, Scale, Sensor, SetAside, Settings, Shadow,
    Sighting, Standing, Step,
};
use bulkhead_model::{Application, EdgeKey, Mode, Peer, Timestamp, Verdict};
use std::time::Duration;

#[test]
fn a_quiet_service_becomes_ready_profile_by_profile_and_says_so() {
    let mut watch = Watch::new();
    watch.learner.workloads(&[workload("shop/api", 1)], watch.now);
    let db = edge("shop/api", "shop/db", 5432);
    watch.hours(20, &[&db]);
    let early = watch.report("shop/api");
    assert!(!early.ready.fast && early.upper_day == 1.0);
    watch.hours(12, &[&db]);
    assert!(watch.report("shop/api").ready.fast && !watch.report("shop/api").ready.default);
    watch.hours(50, &[&db]);
    assert!(watch.report("shop/api").ready.default && !watch.report("shop/api").ready.strict);
    watch.hours(60, &[&db]);
    let late = watch.report("shop/api");
    assert!(late.ready.strict);
    assert!(
        late.sentence.starts_with("In 142 h we saw 1 edge, again and again; with 95 % confidence"),
        "{}",
        late.sentence
    );
    assert!(late.upper_hour < early.upper_hour);
}

#[test]
fn both_sides_of_an_edge_learn_it_and_replicas_do_not_multiply_time() {
    let mut watch = Watch::new();
    let replicas: Vec<_> = (0..5).map(|n| workload("shop/api", n)).chain([workload("shop/db", 9)]).collect();
    watch.learner.workloads(&replicas, watch.now);
    watch.hours(10, &[&edge("shop/api", "shop/db", 5432)]);
    for name in ["shop/api", "shop/db"] {
        assert_eq!(watch.report(name).edges, 1);
        assert!((watch.report(name).observed_hours - 10.0).abs() < 0.1, "{name}");
    }
}

#[test]
fn hours_with_lost_events_do_not_count() {
    let mut watch = Watch::new();
    watch.learner.workloads(&[workload("shop/api", 1)], watch.now);
    watch.hours(3, &[&edge("shop/api", "shop/db", 5432)]);
    watch.sensor = Sensor::Lost;
    watch.hours(2, &[]);
    let report = watch.report("shop/api");
    assert!((report.observed_hours - 3.0).abs() < 0.05);
    assert!(
        report.limits.iter().any(|l| matches!(l, Limit::LostEvents { hours } if (*hours - 2.0).abs() < 0.05))
    );
    assert!(report.sentence.contains("2 h with lost events do not count"));
}

#[test]
fn a_scan_is_set_aside_on_both_sides_and_never_becomes_a_rule() {
    let mut watch = Watch::new();
    watch.learner.workloads(&[workload("shop/web", 1), workload("shop/db", 2)], watch.now);
    let known = edge("shop/web", "shop/db", 5432);
    watch.hours(10, &[&known]);
    let before = watch.report("shop/web");
    for port in 1..=300 {
        watch.see(&edge("shop/web", "shop/db", port));
    }
    for name in ["shop/web", "shop/db"] {
        let rules: Vec<_> = watch.learner.edges(&service(name));
        assert_eq!(rules.iter().filter(|e| e.standing.becomes_rule()).count(), 1, "{name}");
        assert_eq!(watch.report(name).set_aside, 300, "{name}");
    }
    assert_eq!(watch.report("shop/web").upper_hour, before.upper_hour);
    assert_eq!(
        watch.learner.classify_denial(&service("shop/web"), &edge("shop/web", "shop/db", 7)),
        DenialKind::Suspicious
    );
}

#[test]
fn a_scan_of_everything_does_not_fill_the_memory() {
    let mut watch = Watch::new();
    watch.learner.workloads(&[workload("shop/web", 1)], watch.now);
    for peer in 0..4 {
        for port in 1..=2_000 {
            watch.see(&external("shop/web", &format!("203.0.113.{peer}/32"), port));
        }
    }
    let edges = watch.learner.edges(&service("shop/web"));
    assert!(edges.len() <= 4_200, "{}", edges.len());
    assert!(edges.iter().filter(|e| e.standing.becomes_rule()).count() == 0);
    let last = external("shop/web", "203.0.113.3/32", 2_000);
    let learned = watch.learner.observe(&Sighting::new(&last, watch.now));
    assert_eq!((learned.is_new, learned.standing), (true, Standing::SetAside(SetAside::Scan)));
}

#[test]
fn what_a_person_accepts_stays_accepted_and_what_is_rejected_becomes_no_rule() {
    let mut watch = Watch::new();
    let (good, bad) = (edge("shop/web", "shop/db", 5432), edge("shop/web", "shop/db", 22));
    watch.see(&good);
    watch.see(&bad);
    assert!(watch.learner.judge(&good, true) && watch.learner.judge(&bad, false));
    assert!(!watch.learner.set_aside(&good, SetAside::Scan));
    watch.hours(3, &[&good, &bad]);
    assert_eq!(watch.learner.standing(&good), Some(Standing::Accepted));
    assert_eq!(watch.learner.standing(&bad), Some(Standing::SetAside(SetAside::Rejected)));
    assert!(!watch.learner.judge(&edge("shop/web", "shop/db", 23), true));
}

#[test]
fn attacks_and_denials_teach_nothing() {
    let mut watch = Watch::new();
    let (attack, denied) = (edge("shop/web", "shop/db", 1), edge("shop/web", "shop/db", 2));
    let spoofed = Sighting { suspicion: Some(SetAside::Spoof), ..Sighting::new(&attack, watch.now) };
    let standing = watch.learner.observe(&spoofed).standing;
    assert_eq!(standing, Standing::SetAside(SetAside::Spoof));
    let refused = Sighting { verdict: Verdict::Denied, ..Sighting::new(&denied, watch.now) };
    assert!(watch.learner.observe(&refused).denied);
    assert_eq!(watch.learner.standing(&denied), None);
    assert_eq!(watch.report("shop/web").edges, 0);
}

#[test]
fn an_edge_keeps_its_history_when_its_application_is_identified() {
    let mut watch = Watch::new();
    let unknown = edge("shop/api", "shop/cache", 6379);
    let redis = EdgeKey { application: "redis".parse::<Application>().unwrap(), ..unknown.clone() };
    watch.hours(4, &[&unknown]);
    let learned = watch.learner.observe(&Sighting::new(&redis, watch.now));
    assert!(!learned.is_new);
    assert!(!watch.learner.observe(&Sighting::new(&unknown, watch.now)).is_new);
    let edges = watch.learner.edges(&service("shop/api"));
    assert_eq!(edges.len(), 1);
    assert_eq!((edges[0].key.clone(), edges[0].episodes), (redis, 5));
}

#[test]
fn the_first_minutes_after_a_start_are_not_enforced_until_two_starts_were_seen() {
    let mut watch = Watch::new();
    watch.learner.workloads(&[workload("shop/api", 0)], watch.now);
    watch.hours(24 * 8, &[&edge("shop/api", "shop/db", 5432)]);
    let api = service("shop/api");
    assert_eq!(watch.learner.hold(&api, watch.now), None);
    for start in 1..=3 {
        watch.learner.workload_down(&workload("shop/api", start - 1).id, watch.now);
        watch.learner.workload_up(&workload("shop/api", start), watch.now);
        watch.minutes(1);
        let held = watch.learner.hold(&api, watch.now);
        assert_eq!(matches!(held, Some(Hold::Startup { .. })), start <= 2, "start {start}");
        watch.see(&edge("shop/api", "shop/migrations", 80));
        watch.minutes(10);
        assert_eq!(watch.learner.hold(&api, watch.now), None);
        assert_eq!(watch.learner.effective_mode(&api, Mode::Enforce, watch.now), Mode::Enforce);
    }
    let migrations = watch.learner.edges(&api).into_iter().find(|e| e.key.port == 80).unwrap();
    assert!(migrations.from_startup);
}

#[test]
fn a_new_image_reopens_learning_for_the_hours_that_were_chosen() {
    let mut watch = Watch::new();
    watch.learner.workloads(&[workload("shop/api", 0)], watch.now);
    watch.hours(24 * 8, &[&edge("shop/api", "shop/db", 5432)]);
    let mut next = workload("shop/api", 1);
    next.image_digest = Some("sha256:new".into());
    watch.learner.workload_up(&next, watch.now);
    watch.hours(5, &[]);
    let api = service("shop/api");
    assert!(matches!(watch.learner.hold(&api, watch.now), Some(Hold::Deployment { .. })));
    assert_eq!(watch.learner.effective_mode(&api, Mode::Enforce, watch.now), Mode::Monitor);
    assert_eq!(watch.report("shop/api").edges, 1, "what was known stays known");
    watch.hours(2, &[]);
    assert_eq!(watch.learner.hold(&api, watch.now), None);
}

#[test]
fn hours_of_the_week_that_were_not_watched_are_not_enforced() {
    let mut watch = Watch::new();
    watch.learner.workloads(&[workload("shop/api", 0)], watch.now);
    // Begins on a Monday at midnight.
    watch.hours(30, &[&edge("shop/api", "shop/db", 5432)]);
    let api = service("shop/api");
    assert_eq!(watch.learner.hold(&api, watch.now), None);
    let saturday = Timestamp(watch.start.0 + 5 * 24 * 3_600_000 + 1000);
    assert!(
        matches!(watch.learner.hold(&api, saturday), Some(Hold::Phase(phase)) if phase.weekend && phase.hour == 0)
    );
    assert!(watch.report("shop/api").sentence.contains("no weekend and no restart has been seen yet"));
}

#[test]
fn an_open_ended_service_is_recognised_and_gets_proposals_instead_of_promotion() {
    let mut watch = Watch::new();
    watch.learner.workloads(&[workload("shop/crawler", 0)], watch.now);
    for n in 0..150 {
        watch.see(&external("shop/crawler", &format!("203.0.{}.{n}", n % 120), 443));
        watch.hours(1, &[]);
    }
    let report = watch.report("shop/crawler");
    assert!(report.open_ended && report.upper_hour == 1.0 && !report.ready.fast);
    let proposals = watch.learner.proposals(&service("shop/crawler"));
    assert_eq!(proposals.len(), 1);
    assert_eq!((proposals[0].port, proposals[0].edges), (443, 150));
    assert!(proposals[0].peers.len() <= 16, "{:?}", proposals[0].peers);
    let decision = watch.decide("shop/crawler", Mode::Learn, Profile::Fast);
    assert_eq!(decision.step, Step::Stay);
    assert!(decision.explanation.contains("open-ended"), "{}", decision.explanation);
}

#[test]
fn a_job_that_runs_every_hour_is_observed_in_its_pauses_but_a_stopped_service_is_not() {
    let mut watch = Watch::new();
    for run in 0..10 {
        watch.learner.workload_up(&workload("shop/job", run), watch.now);
        watch.minutes(5);
        watch.see(&edge("shop/job", "shop/db", 5432));
        watch.learner.workload_down(&workload("shop/job", run).id, watch.now);
        watch.minutes(55);
    }
    // The last pause has not ended.
    assert!(
        (watch.report("shop/job").observed_hours - 9.1).abs() < 0.1,
        "{}",
        watch.report("shop/job").observed_hours
    );
    watch.hours(24 * 20, &[]);
    watch.learner.workload_up(&workload("shop/job", 99), watch.now);
    assert!(watch.report("shop/job").observed_hours < 10.0);
}

#[test]
fn learning_survives_a_restart_of_the_controller_and_a_change_of_scale_starts_the_clock_anew() {
    let mut watch = Watch::new();
    watch.learner.workloads(&[workload("shop/api", 0)], watch.now);
    let db = edge("shop/api", "shop/db", 5432);
    watch.hours(40, &[&db]);
    let before = watch.report("shop/api");
    let estate = serde_json::to_string(&watch.learner.save_estate()).unwrap();
    let saved = serde_json::to_string(&watch.learner.save(&service("shop/api")).unwrap()).unwrap();
    let load = |settings| {
        let estate = serde_json::from_str(&estate).unwrap();
        Learner::restore(settings, Some(estate), vec![serde_json::from_str(&saved).unwrap()])
    };
    let same = load(Settings::default());
    assert_eq!(same.report(&service("shop/api")).unwrap(), before);
    assert_eq!(same.standing(&db), Some(Standing::Learned));

    let scale = Scale::new(360.0).unwrap();
    let fast = load(Settings { scale, ..Settings::default() });
    let report = fast.report(&service("shop/api")).unwrap();
    assert_eq!((report.edges, report.observed_hours), (1, 0.0));
    assert_eq!(report.upper_hour, 1.0);
}

#[test]
fn a_scaled_clock_promotes_within_minutes_and_says_that_it_is_scaled() {
    let scale = Scale::new(1440.0).unwrap();
    let mut watch = Watch::with(Settings { scale, ..Settings::default() });
    watch.learner.workloads(&[workload("shop/api", 0)], watch.now);
    let db = edge("shop/api", "shop/db", 5432);
    for _ in 0..24 * 60 {
        watch.see(&db);
        watch.step(Duration::from_millis(250));
    }
    let report = watch.report("shop/api");
    assert!(report.ready.strict, "{}", report.sentence);
    assert!((report.observed_hours - 144.0).abs() < 1.0);
    assert!(report.limits.contains(&Limit::Scaled { factor: 1440.0 }));
    let decision = watch.decide("shop/api", Mode::Learn, Profile::Strict);
    assert_eq!((decision.step, decision.mode), (Step::Promote, Mode::Monitor));
    assert!(decision.evidence.iter().any(|line| line.contains("1440 times faster")));
}

#[test]
fn declared_peers_are_expected_and_siblings_explain_denials() {
    let mut watch = Watch::new();
    let mut all: Vec<_> =
        ["a/api", "b/api", "c/api"].iter().zip(0..).map(|(name, n)| workload(name, n)).collect();
    all[2].declared_peers =
        vec!["db".into(), "mail.example.com:587".into(), "localhost:80".into(), "nobody".into()];
    for (namespace, n) in [("a", 10), ("b", 11), ("c", 12)] {
        let mut db = workload(&format!("{namespace}/db"), n);
        db.image = "postgres:16".into();
        db.exposes = vec![bulkhead_model::Exposure { protocol: bulkhead_model::IpProtocol::TCP, port: 5432 }];
        let mut cache = workload(&format!("{namespace}/cache"), n + 10);
        cache.image = "redis:7".into();
        all.extend([db, cache]);
    }
    watch.learner.workloads(&all, watch.now);
    watch.hours(3, &[&edge("a/api", "a/cache", 6379), &edge("b/api", "b/cache", 6379)]);
    let c = service("c/api");
    let declared: Vec<String> = watch.learner.declared_edges(&c).iter().map(ToString::to_string).collect();
    assert_eq!(declared, ["c/api → c/db tcp/5432", "c/api → mail.example.com tcp/587"]);
    let kind = |edge: &EdgeKey| watch.learner.classify_denial(&c, edge);
    assert_eq!(kind(&edge("c/api", "c/db", 5432)), DenialKind::Declared);
    assert_eq!(kind(&edge("c/api", "c/db", 22)), DenialKind::Unknown, "it exposes another port");
    assert_eq!(kind(&edge("c/api", "c/cache", 6379)), DenialKind::Sibling);
    assert_eq!(kind(&edge("c/api", "c/cache", 22)), DenialKind::Unknown);
}

#[test]
fn a_declaration_may_name_a_container_instead_of_its_service() {
    let mut watch = Watch::new();
    let mut api = workload("shop/api", 0);
    api.declared_peers = vec!["stack-mail.x-1:25".into()];
    let mut mail = workload("shop/mail", 1);
    mail.name = "stack-mail.x-1".into();
    watch.learner.workloads(&[api, mail], watch.now);
    let kind = watch.learner.classify_denial(&service("shop/api"), &edge("shop/api", "shop/mail", 25));
    assert_eq!(kind, DenialKind::Declared);
}

#[test]
fn a_service_without_traffic_waits_for_a_person() {
    let mut watch = Watch::new();
    watch.learner.workloads(&[workload("shop/idle", 0)], watch.now);
    watch.hours(400, &[]);
    let decision = watch.decide("shop/idle", Mode::Learn, Profile::Fast);
    assert_eq!(decision.step, Step::Stay);
    assert_eq!(decision.explanation, "No traffic was seen; a person has to confirm that none is expected.");
}

#[test]
fn self_talk_of_replicas_is_one_edge() {
    let mut watch = Watch::new();
    watch.see(&edge("shop/etcd", "shop/etcd", 2380));
    assert_eq!(watch.learner.edges(&service("shop/etcd")).len(), 1);
    assert!(matches!(watch.learner.edges(&service("shop/etcd"))[0].key.client, Peer::Service(_)));
}

#[test]
fn automation_that_is_off_only_says_what_it_would_do() {
    let mut watch = Watch::new();
    watch.learner.workloads(&[workload("shop/api", 0)], watch.now);
    watch.hours(100, &[&edge("shop/api", "shop/db", 5432)]);
    let off = Automation { automatic: false, profile: Profile::Default };
    let state = (Mode::Learn, watch.start);
    let decision =
        watch.learner.decide(&service("shop/api"), state, off, Shadow::default(), &[], watch.now).unwrap();
    assert_eq!((decision.step, decision.mode), (Step::Stay, Mode::Learn));
    assert!(decision.explanation.starts_with("Ready for monitor, but automatic promotion is off."));
}
