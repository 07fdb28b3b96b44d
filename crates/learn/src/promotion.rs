//! Learn → Monitor → Enforce, and back: what follows from the evidence. A decision says why in words.

use crate::{
    Profile, Scale,
    gates::Hold,
    report::Report,
    words::{Count, Hours, Percent},
};
use bulkhead_model::{EdgeKey, Mode, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Whether and how boldly a service is promoted without a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Automation {
    pub automatic: bool,
    pub profile: Profile,
}

/// What Monitor reported since the service entered it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadow {
    /// Edges that would have been denied and that nobody set aside.
    pub would_deny: u32,
    /// When the last of them was first seen.
    pub last: Option<Timestamp>,
}

/// A denial after promotion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryDenial {
    pub edge: EdgeKey,
    pub first: Timestamp,
    pub kind: DenialKind,
}

/// What a denied edge looks like. Only what looks like the service itself rolls it back: an attacker who could roll a
/// service back with a denied connection would hold the key to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenialKind {
    /// The edge had been learned: its rule is missing.
    Learned,
    /// The service's own declaration (environment, arguments, dependencies of Compose) names the peer.
    Declared,
    /// Two or more other services of the same image have this edge, each again and again.
    Sibling,
    /// Several workloads of the service tried it, each by itself.
    Replicas,
    /// Part of a scan, a spike, an attack, or rejected by a person.
    Suspicious,
    /// Nothing speaks for or against it.
    Unknown,
}

impl DenialKind {
    /// Learning should have known.
    pub fn is_expected(self) -> bool {
        matches!(self, Self::Learned | Self::Declared | Self::Sibling | Self::Replicas)
    }

    /// In words, as a clause about the edge.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Learned => "it had been learned",
            Self::Declared => "its own declaration names the peer",
            Self::Sibling => "other services of the same image have it",
            Self::Replicas => "several of its workloads tried it",
            Self::Suspicious => "it is part of a scan, a spike or an attack",
            Self::Unknown => "nothing speaks for it",
        }
    }
}

/// Everything a decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    pub mode: Mode,
    /// When the service entered the mode.
    pub since: Timestamp,
    pub automation: Automation,
    pub report: &'a Report,
    pub hold: Option<&'a Hold>,
    pub shadow: Shadow,
    pub denials: &'a [CanaryDenial],
    pub scale: Scale,
    pub now: Timestamp,
}

/// What to do, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub step: Step,
    /// The mode to be in; the present one for [`Step::Stay`].
    pub mode: Mode,
    /// For people, as one or two sentences.
    pub explanation: String,
    /// What it rests on, a line each.
    pub evidence: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    Stay,
    Promote,
    RollBack,
}

/// Decides for one service. The same situation gives the same decision. Promotes and rolls back only where the automation
/// is on, and then also what a person promoted; where it is off, the explanation of `Stay` says what would happen.
pub fn decide(situation: &Situation<'_>) -> Decision {
    let decision = match situation.mode {
        Mode::Learn => from_learn(situation),
        Mode::Monitor => from_monitor(situation),
        Mode::Enforce => from_enforce(situation),
        Mode::Quarantine => stay(situation, "Quarantined by a person; only a person ends that.".to_owned()),
    };
    if decision.step == Step::Stay || situation.automation.automatic {
        return decision;
    }
    let what = match decision.step {
        Step::RollBack => format!("{} should be left, but automation is off", situation.mode),
        _ => format!("Ready for {}, but automatic promotion is off", decision.mode),
    };
    let explanation = format!("{what}. {}", decision.explanation);
    Decision { step: Step::Stay, mode: situation.mode, explanation, evidence: decision.evidence }
}

fn from_learn(s: &Situation<'_>) -> Decision {
    let profile = s.automation.profile;
    if let Some(why) = not_ready(s.report, profile) {
        return stay(s, why);
    }
    let bound = Percent(s.report.upper_hour);
    let threshold = Percent(profile.threshold());
    let why =
        format!("The bound for the next hour, {bound}, is within the {threshold} of profile {profile}.");
    go(s, Step::Promote, Mode::Monitor, why)
}

fn from_monitor(s: &Situation<'_>) -> Decision {
    let profile = s.automation.profile;
    let (window, _) = profile.wall(s.scale);
    if let Some(why) = not_ready(s.report, profile) {
        return if s.report.open_ended { go(s, Step::RollBack, Mode::Learn, why) } else { stay(s, why) };
    }
    let clean_since = s.shadow.last.map_or(s.since, |last| last.max(s.since));
    let clean = s.now.since(clean_since);
    if clean < window {
        let left = Hours(estimator_hours(window.saturating_sub(clean), s.scale));
        let what = match s.shadow.would_deny {
            0 => "Nothing would have been denied so far".to_owned(),
            n => format!("{} would have been denied and joined what is learned", Count(n, "edge")),
        };
        return stay(s, format!("{what}; another {left} without any are needed."));
    }
    if let Some(hold) = s.hold {
        return stay(s, format!("Nothing would have been denied, but enforcement waits: {}.", hold.reason()));
    }
    let clean = Hours(estimator_hours(clean, s.scale));
    go(s, Step::Promote, Mode::Enforce, format!("For {clean} the policy would have denied nothing."))
}

fn from_enforce(s: &Situation<'_>) -> Decision {
    let (_, canary) = s.automation.profile.wall(s.scale);
    let age = s.now.since(s.since);
    let in_canary = |denial: &&CanaryDenial| denial.first >= s.since && denial.first.since(s.since) <= canary;
    let mut expected = s.denials.iter().filter(in_canary).filter(|denial| denial.kind.is_expected());
    if let Some(first) = expected.next() {
        let more = match expected.count() {
            0 => String::new(),
            n => format!(" (and {n} more)"),
        };
        let why = format!(
            "{} after promotion {}{more} was denied although {}: learning was not complete.",
            Hours(estimator_hours(first.first.since(s.since), s.scale)),
            first.edge,
            first.kind.reason()
        );
        return go(s, Step::RollBack, Mode::Monitor, why);
    }
    if age < canary {
        let left = Hours(estimator_hours(canary.saturating_sub(age), s.scale));
        return stay(
            s,
            format!("Canary period: for another {left} a denial of something expected rolls back."),
        );
    }
    stay(s, "Enforced; the canary period has passed.".to_owned())
}

fn not_ready(report: &Report, profile: Profile) -> Option<String> {
    if report.ready.of(profile) {
        return None;
    }
    if report.open_ended {
        return Some(format!(
            "{} came in the last day: the service is open-ended and is not promoted by its edges. Write rules by \
             server side, domain or range.",
            Count(report.evidence.new_last_day, "new edge")
        ));
    }
    if report.edges == 0 {
        return Some("No traffic was seen; a person has to confirm that none is expected.".to_owned());
    }
    let missing = report.evidence.hours_missing(profile);
    let pace = report.evidence.pace_per_day();
    let wait = if missing > 0.0 {
        format!("at least {} more without anything new are needed", Hours(missing))
    } else {
        "what is new must be seen again, or grow old".to_owned()
    };
    if missing == 0.0 && pace > profile.pace_per_day() {
        let most = profile.pace_per_day();
        return Some(format!(
            "New edges still come at {pace:.2} a day, profile {profile} asks for {most} at most: {wait}."
        ));
    }
    let bound = match report.upper_hour {
        upper if upper < 1.0 => format!("The bound for the next hour is {}", Percent(upper)),
        _ => "No bound for the next hour can be stated".to_owned(),
    };
    Some(format!("{bound}, profile {profile} asks for {}: {wait}.", Percent(profile.threshold())))
}

fn estimator_hours(wall: Duration, scale: Scale) -> f64 {
    wall.as_secs_f64() * scale.factor() / 3600.0
}

fn stay(s: &Situation<'_>, explanation: String) -> Decision {
    Decision { step: Step::Stay, mode: s.mode, explanation, evidence: evidence(s) }
}

fn go(s: &Situation<'_>, step: Step, mode: Mode, explanation: String) -> Decision {
    Decision { step, mode, explanation, evidence: evidence(s) }
}

fn evidence(s: &Situation<'_>) -> Vec<String> {
    let bound = |upper: f64| if upper < 1.0 { Percent(upper).to_string() } else { "none".to_owned() };
    let mut lines = vec![
        s.report.sentence.clone(),
        format!(
            "profile {}; bound for the next hour {}, for the next day {}; {:.2} new edges a day of late; coverage {:.1} %",
            s.automation.profile,
            bound(s.report.upper_hour),
            bound(s.report.upper_day),
            s.report.evidence.pace_per_day(),
            s.report.coverage * 100.0
        ),
    ];
    if s.mode != Mode::Learn {
        lines.push(format!("{} would have been denied in Monitor", Count(s.shadow.would_deny, "edge")));
    }
    lines.extend(s.denials.iter().map(|d| format!("denied: {}; {}", d.edge, d.kind.reason())));
    if !s.scale.is_real() {
        lines.push(format!(
            "the estimator's clock runs {} times faster than the wall clock",
            s.scale.factor()
        ));
    }
    lines
}
