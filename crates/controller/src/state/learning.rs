//! The learning loop: time passes, evidence is weighed, services are promoted and rolled back.

use super::State;
use bulkhead_api::{Automation, CurvePoint, Gate, GateSettings, LearningSummary, Profile, Progress};
use bulkhead_learn::{Gates, Limit, Report, Sensor, Shadow, Step};
use bulkhead_model::{EventKind, Mode, ServiceName, Severity};
use std::{sync::Arc, time::Duration};

/// Points of a service's curve.
const CURVE: usize = 96;

impl State {
    pub(super) fn advance_learning(&mut self) {
        let lost = std::mem::take(&mut self.sensor_lost) || self.is_silent(self.now);
        self.learner.advance(self.now, if lost { Sensor::Lost } else { Sensor::Healthy });
    }

    /// Looks at every service: is it time?
    pub(super) fn promote(&mut self) {
        let names: Vec<ServiceName> = self.services.keys().cloned().collect();
        for name in names {
            self.refresh_summary(&name);
            self.look_at(&name);
        }
    }

    fn look_at(&mut self, name: &ServiceName) {
        let now = self.now;
        let automation = self.automation(name);
        let Some(record) = self.services.get(name) else { return };
        let held = record.mode == Mode::Enforce && record.by_evidence && automation.automatic;
        let hold = held.then(|| self.learner.hold(name, now)).flatten().map(|hold| hold.reason());
        if record.hold != hold {
            let sentence = match &hold {
                Some(reason) => format!("{name} is treated as in Monitor for now: {reason}"),
                None => format!("{name} is enforced again"),
            };
            let kind = EventKind::Learning { service: name.clone(), sentence: sentence.as_str().into() };
            self.emit(Severity::Notice, sentence, kind);
            if let Some(record) = self.services.get_mut(name) {
                record.hold = hold;
            }
            self.stale.inventory = true;
            self.node_changed(name);
        }
        let Some(record) = self.services.get(name) else { return };
        if let Some(mode) = record.requested {
            // A document has the last word.
            self.set_outlook(
                name,
                &format!(
                    "A policy document asks for {mode}: evidence neither promotes it nor takes it back."
                ),
            );
            return;
        }
        let shadow = Shadow { would_deny: record.shadow, last: record.shadow_last };
        let learn_automation = bulkhead_learn::Automation {
            automatic: automation.automatic,
            profile: profile(automation.profile),
        };
        let from = record.mode;
        let situation = (record.mode, record.since);
        let Some(decision) =
            self.learner.decide(name, situation, learn_automation, shadow, &record.canary, now)
        else {
            return;
        };
        self.set_outlook(name, &decision.explanation);
        if decision.step == Step::Stay || decision.mode == from {
            return;
        }
        let evidence = format!("{} [{}]", decision.explanation, decision.evidence.join("; "));
        self.enter_mode(name, decision.mode, "learning", &evidence, true);
        if decision.step == Step::RollBack
            && let Some(record) = self.services.get_mut(name)
        {
            record.rolled_back = Some((now, decision.explanation));
        }
    }

    fn set_outlook(&mut self, name: &ServiceName, outlook: &str) {
        if let Some(record) = self.services.get_mut(name).filter(|record| &*record.outlook != outlook) {
            record.outlook = outlook.into();
        }
    }

    fn refresh_summary(&mut self, name: &ServiceName) {
        let Some(report) = self.learner.report(name) else { return };
        let automation = self.automation(name);
        let now = self.now;
        let Some(record) = self.services.get_mut(name) else { return };
        let summary = summary(&report, automation.profile);
        let point = CurvePoint { time: now, edges: summary.edges, upper_hour: summary.upper_hour };
        match record.curve.as_slice() {
            // The end of a flat stretch moves along.
            [.., before, last]
                if before.edges == point.edges
                    && last.edges == point.edges
                    && (before.upper_hour - point.upper_hour).abs() < 0.02 =>
            {
                if let Some(last) = record.curve.last_mut() {
                    *last = point;
                }
            }
            _ => {
                record.curve.push(point);
                self.dirty_services.insert(name.clone());
            }
        }
        if record.curve.len() > CURVE {
            let mut index = 0;
            let last = record.curve.len() - 1;
            record.curve.retain(|_| {
                let keep = index % 2 == 0 || index == last;
                index += 1;
                keep
            });
        }
        if record.summary.as_deref() != Some(&summary) {
            record.summary = Some(Arc::new(summary));
            self.node_changed(name);
        }
    }

    /// Where a service stands on its way.
    pub(crate) fn progress(&self, name: &ServiceName) -> Progress {
        let Some(record) = self.services.get(name) else { return Progress::Learning };
        let profile = profile(self.automation(name).profile);
        match record.mode {
            Mode::Learn | Mode::Monitor if record.rolled_back.is_some() => {
                let (at, reason) = record.rolled_back.clone().unwrap_or_default();
                Progress::RolledBack { at, reason }
            }
            Mode::Learn => Progress::Learning,
            Mode::Monitor => {
                let clean_since = record.shadow_last.map_or(record.since, |last| last.max(record.since));
                Progress::Shadow {
                    since: record.since,
                    would_deny: u64::from(record.shadow),
                    clean_until: clean_since.after(self.scale.wall(profile.shadow())),
                }
            }
            Mode::Enforce => {
                let until = record.since.after(self.scale.wall(profile.canary()));
                if record.by_evidence && self.now < until {
                    Progress::Canary { since: record.since, until, denied: record.canary.len() as u64 }
                } else {
                    Progress::Settled { since: record.since }
                }
            }
            Mode::Quarantine => Progress::Quarantined {
                since: record.since,
                reason: record.quarantine.as_ref().map(|q| q.reason.clone()).unwrap_or_default(),
            },
        }
    }

    /// The summary of a service as it is now.
    pub(crate) fn learning_summary(&self, name: &ServiceName, automation: Automation) -> LearningSummary {
        let known = self.services.get(name).and_then(|record| record.summary.clone());
        match known {
            Some(summary) => (*summary).clone(),
            None => match self.learner.report(name) {
                Some(report) => summary(&report, automation.profile),
                None => LearningSummary {
                    upper_hour: 1.0,
                    upper_day: 1.0,
                    sentence: "Nothing has been observed yet.".to_owned(),
                    ..LearningSummary::default()
                },
            },
        }
    }
}

pub(crate) fn profile(profile: Profile) -> bulkhead_learn::Profile {
    match profile {
        Profile::Fast => bulkhead_learn::Profile::Fast,
        Profile::Default => bulkhead_learn::Profile::Default,
        Profile::Strict => bulkhead_learn::Profile::Strict,
    }
}

fn summary(report: &Report, asked: Profile) -> LearningSummary {
    let learn = profile(asked);
    LearningSummary {
        upper_hour: report.upper_hour,
        upper_day: report.upper_day,
        coverage: report.coverage,
        expected_new_day: report.expected_new_day.unwrap_or_default(),
        observed_hours: report.observed_hours,
        edges: u64::from(report.edges),
        ready: report.ready.of(learn),
        open_ended: report.open_ended,
        limits: report.limits.iter().map(limit).collect(),
        gates: gates(report, learn),
        sentence: report.sentence.clone(),
    }
}

fn limit(limit: &Limit) -> String {
    match limit {
        Limit::NoTraffic => "No traffic was seen: please confirm that none is expected.".to_owned(),
        Limit::TooShort { hours_missing } => {
            format!("At least {hours_missing:.0} more clean hours are needed.")
        }
        Limit::OpenEnded { new_last_day } => {
            format!("Open-ended: {new_last_day} new edges in the last day; the list will never be complete.")
        }
        Limit::PhasesUnseen { weekday, weekend } => {
            format!("{weekday} hours of weekdays and {weekend} of the weekend have not been watched.")
        }
        Limit::StartsUnseen { seen } => format!("{seen} of 2 starts were watched."),
        Limit::LostEvents { hours } => format!("In {hours:.1} h events were lost; they do not count."),
        Limit::RecentDeployment { hours_left } => {
            format!("A new image runs: what is new with it is learned for another {hours_left:.1} h.")
        }
        Limit::MonthUnseen => "Edges of the end of a month cannot have been seen yet.".to_owned(),
        Limit::SetAside { edges } => format!("{edges} edges are set aside and wait for a decision."),
        Limit::Scaled { factor } => {
            format!("Time is scaled by {factor}: a demonstration, not evidence.")
        }
    }
}

/// Gates as learning knows them.
pub(super) fn gates_of(settings: &GateSettings) -> Gates {
    let deployment = Duration::from_secs(u64::from(settings.deployment_hours) * 3600);
    Gates { startup: settings.startup, calendar: settings.calendar, deployment }
}

fn gates(report: &Report, profile: bulkhead_learn::Profile) -> Vec<Gate> {
    let unseen = |find: fn(&Limit) -> bool| report.limits.iter().find(|limit| find(limit)).map(limit);
    let gate = |name: &str, missing: Option<String>, armed: &str| Gate {
        name: name.to_owned(),
        armed: missing.is_none(),
        sentence: missing.unwrap_or_else(|| armed.to_owned()),
    };
    let bound = (report.upper_hour > profile.threshold()).then(|| {
        format!(
            "The bound for the next hour is {:.1} %, profile {profile} asks for {:.0} %.",
            report.upper_hour * 100.0,
            profile.threshold() * 100.0
        )
    });
    let pace = report.evidence.pace_per_day();
    let fast = (pace > profile.pace_per_day()).then(|| {
        let most = profile.pace_per_day();
        if pace.is_finite() {
            format!("New edges come at {pace:.2} a day of late, profile {profile} asks for {most} at most.")
        } else {
            format!(
                "How fast new edges come cannot be said yet, profile {profile} asks for {most} a day at most."
            )
        }
    });
    let short = (report.observed_hours < profile.hours())
        .then(|| format!("{:.1} of {:.0} hours were observed.", report.observed_hours, profile.hours()));
    vec![
        gate("bound", bound, "The bound for the next hour is low enough."),
        gate("pace", fast, "New edges have become rare."),
        gate("observation", short, "It was observed for long enough."),
        gate(
            "open-ended",
            unseen(|l| matches!(l, Limit::OpenEnded { .. })),
            "Its peers are not without end.",
        ),
        gate("restart", unseen(|l| matches!(l, Limit::StartsUnseen { .. })), "Starts were watched."),
        gate(
            "calendar",
            unseen(|l| matches!(l, Limit::PhasesUnseen { .. })),
            "Every hour of the week was watched.",
        ),
        gate("deployment", unseen(|l| matches!(l, Limit::RecentDeployment { .. })), "No image is new."),
        gate("sensor", unseen(|l| matches!(l, Limit::LostEvents { .. })), "No event was lost."),
    ]
}
