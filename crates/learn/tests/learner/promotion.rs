//! Learn → Monitor → Enforce, and back.

use crate::watch::{Watch, edge, workload};
use bulkhead_learn::{
    Automation, CanaryDenial, Decision, DenialKind, Hold, Phase, Profile, Report, Scale, Shadow, Situation,
    Step, decide,
};
use bulkhead_model::{Mode, Timestamp};
use std::time::Duration;

const HOUR: u64 = 3_600_000;

fn ready_report() -> Report {
    let mut watch = Watch::new();
    watch.learner.workloads(&[workload("shop/api", 1)], watch.now);
    watch.hours(24 * 9, &[&edge("shop/api", "shop/db", 5432)]);
    watch.report("shop/api")
}

struct Case {
    mode: Mode,
    hours: u64,
    shadow: Shadow,
    denials: Vec<CanaryDenial>,
    hold: Option<Hold>,
    profile: Profile,
}

impl Case {
    fn new(mode: Mode, hours: u64) -> Self {
        let (shadow, denials, hold, profile) = Default::default();
        Self { mode, hours, shadow, denials, hold, profile }
    }

    fn decide(&self, report: &Report) -> Decision {
        decide(&Situation {
            mode: self.mode,
            since: Timestamp(HOUR),
            automation: Automation { automatic: true, profile: self.profile },
            report,
            hold: self.hold.as_ref(),
            shadow: self.shadow,
            denials: &self.denials,
            scale: Scale::REAL,
            now: Timestamp(HOUR).after(Duration::from_secs(3600 * self.hours)),
        })
    }
}

fn denial(kind: DenialKind, hour: u64) -> CanaryDenial {
    CanaryDenial { edge: edge("shop/api", "shop/mail", 25), first: Timestamp(hour * HOUR), kind }
}

#[test]
fn a_ready_service_goes_to_monitor_and_then_to_enforce_when_its_shadow_stayed_clean() {
    let report = ready_report();
    let learn = Case::new(Mode::Learn, 1).decide(&report);
    assert_eq!((learn.step, learn.mode), (Step::Promote, Mode::Monitor));
    assert!(learn.explanation.contains("is within the 5.0 % of profile default"), "{}", learn.explanation);
    assert!(learn.evidence[0].starts_with("In 216 h we saw 1 edge"));

    let early = Case::new(Mode::Monitor, 5).decide(&report);
    assert_eq!(early.step, Step::Stay);
    assert_eq!(
        early.explanation,
        "Nothing would have been denied so far; another 1 h without any are needed."
    );
    let late = Case::new(Mode::Monitor, 6).decide(&report);
    assert_eq!((late.step, late.mode), (Step::Promote, Mode::Enforce));
    assert_eq!(late.explanation, "For 6 h the policy would have denied nothing.");
}

#[test]
fn a_would_deny_starts_the_window_anew() {
    let report = ready_report();
    let shadow = Shadow { would_deny: 1, last: Some(Timestamp(5 * HOUR)) };
    let dirty = Case { shadow, ..Case::new(Mode::Monitor, 9) };
    assert_eq!(dirty.decide(&report).step, Step::Stay);
    assert!(dirty.decide(&report).explanation.starts_with("1 edge would have been denied and joined"));
    let clean = Case { shadow, ..Case::new(Mode::Monitor, 10) };
    assert_eq!(clean.decide(&report).step, Step::Promote);
}

#[test]
fn no_promotion_to_enforce_while_a_gate_holds() {
    let hold = Some(Hold::Phase(Phase { hour: 3, weekend: true }));
    let decision = Case { hold, ..Case::new(Mode::Monitor, 100) }.decide(&ready_report());
    assert_eq!(decision.step, Step::Stay);
    assert!(decision.explanation.contains("the hour from 3:00 of the weekend has not been seen yet"));
}

#[test]
fn an_expected_denial_in_the_canary_period_rolls_back_and_says_why() {
    let report = ready_report();
    let denials = vec![denial(DenialKind::Unknown, 2), denial(DenialKind::Declared, 4)];
    let decision = Case { denials, ..Case::new(Mode::Enforce, 10) }.decide(&report);
    assert_eq!((decision.step, decision.mode), (Step::RollBack, Mode::Monitor));
    assert_eq!(
        decision.explanation,
        "3 h after promotion shop/api → shop/mail tcp/25 was denied although its own declaration names the peer: \
         learning was not complete."
    );
}

#[test]
fn an_attacker_cannot_roll_a_service_back_with_denied_connections() {
    let report = ready_report();
    let denials = vec![denial(DenialKind::Unknown, 2), denial(DenialKind::Suspicious, 3)];
    let decision = Case { denials, ..Case::new(Mode::Enforce, 10) }.decide(&report);
    assert_eq!(decision.step, Step::Stay);
    assert!(decision.explanation.starts_with("Canary period: for another 62 h"), "{}", decision.explanation);
}

#[test]
fn after_the_canary_period_denials_are_alerts_only() {
    let report = ready_report();
    let denials = vec![denial(DenialKind::Sibling, 90)];
    let decision = Case { denials, ..Case::new(Mode::Enforce, 95) }.decide(&report);
    assert_eq!(decision.step, Step::Stay);
    assert_eq!(decision.explanation, "Enforced; the canary period has passed.");
}

#[test]
fn nothing_ends_a_quarantine_but_a_person() {
    assert_eq!(Case::new(Mode::Quarantine, 1000).decide(&ready_report()).step, Step::Stay);
}

#[test]
fn bolder_profiles_promote_no_later_than_stricter_ones() {
    let mut watch = Watch::new();
    watch.learner.workloads(&[workload("shop/api", 1)], watch.now);
    let mut promoted = [None; 3];
    for hour in 0..200u32 {
        watch.hours(1, &[&edge("shop/api", "shop/db", 5432)]);
        for (first, profile) in promoted.iter_mut().zip(Profile::ALL) {
            if watch.decide("shop/api", Mode::Learn, profile).step == Step::Promote {
                first.get_or_insert(hour);
            }
        }
    }
    assert!(promoted[0] < promoted[1] && promoted[1] < promoted[2], "{promoted:?}");
    assert!(promoted.iter().all(Option::is_some));
}
