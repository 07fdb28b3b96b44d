//! What an operator is told about a service.

use crate::{
    CurvePoint, Profile, Scale,
    estimate::Evidence,
    words::{Count, Hours, Percent},
};
use serde::{Deserialize, Serialize};

/// What limits confidence. JSON: `{"limit": "lost-events", "hours": 2.5}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "limit", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Limit {
    /// Nothing was seen at all.
    NoTraffic,
    /// At least so many clean hours are missing for the profile `default`.
    TooShort { hours_missing: f64 },
    /// Edges keep appearing for the first time; no length of observation makes the list complete.
    OpenEnded { new_last_day: u32 },
    /// Hours of weekdays and of the weekend (of 24 each) that were not watched. Not enforced.
    PhasesUnseen { weekday: u32, weekend: u32 },
    /// Fewer than two starts were watched; the first minutes after a start are not enforced.
    StartsUnseen { seen: u32 },
    /// For so many hours the sensor lost events; they do not count.
    LostEvents { hours: f64 },
    /// A new image runs; what is new with it is still being learned for so many hours.
    RecentDeployment { hours_left: f64 },
    /// Edges of the month (billing, certificates, reports) cannot have been seen yet.
    MonthUnseen,
    /// Edges were set aside as scans, attacks or spikes and wait for a decision.
    SetAside { edges: u32 },
    /// The estimator's clock runs faster than the wall clock: a demonstration, not evidence.
    Scaled { factor: f64 },
}

/// Whether the evidence suffices, by profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    pub fast: bool,
    pub default: bool,
    pub strict: bool,
}

impl Readiness {
    pub fn of(self, profile: Profile) -> bool {
        match profile {
            Profile::Fast => self.fast,
            Profile::Default => self.default,
            Profile::Strict => self.strict,
        }
    }
}

/// How complete the knowledge of a service is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Upper 95 % bound on the chance that the next hour shows an edge never seen; 1 where no bound can be stated.
    pub upper_hour: f64,
    /// The same for the next day.
    pub upper_day: f64,
    /// Point estimates of the same, recalibrated by the fleet where there is one.
    pub point_hour: f64,
    pub point_day: f64,
    /// Share of the service's activity that known edges cover.
    pub coverage: f64,
    /// New edges to be expected in the next day; `None` while less than a day was observed.
    pub expected_new_day: Option<f64>,
    pub expected_new_day_upper: Option<f64>,
    /// At least so many edges are still unseen (Chao2); there is no upper end to it.
    pub unseen_at_least: f64,
    /// Hours observed with a healthy sensor, by the estimator's clock.
    pub observed_hours: f64,
    pub edges: u32,
    pub set_aside: u32,
    pub limits: Vec<Limit>,
    pub ready: Readiness,
    pub open_ended: bool,
    /// One sentence for people.
    pub sentence: String,
    pub curve: Vec<CurvePoint>,
    pub evidence: Evidence,
}

/// What the sentence and the readiness are made from, besides the numbers.
#[derive(Debug, Clone)]
pub(crate) struct Circumstances {
    pub(crate) weekday_unseen: u32,
    pub(crate) weekend_unseen: u32,
    pub(crate) starts: u32,
    pub(crate) unhealthy_hours: f64,
    pub(crate) deployment_hours_left: Option<f64>,
    pub(crate) age_hours: f64,
    pub(crate) set_aside: u32,
    pub(crate) scale: Scale,
    /// Factor by which the fleet's past forecasts of the point estimate were off.
    pub(crate) gamma: f64,
    pub(crate) curve: Vec<CurvePoint>,
}

impl Report {
    pub(crate) fn new(evidence: Evidence, around: Circumstances) -> Self {
        let open_ended = evidence.is_open_ended();
        let ready = |profile: Profile| evidence.is_ready(profile);
        let point = |horizon: f64| 1.0 - (1.0 - evidence.point(horizon)).powf(around.gamma);
        Self {
            upper_hour: evidence.upper(1.0),
            upper_day: evidence.upper(24.0),
            point_hour: point(1.0),
            point_day: point(24.0),
            coverage: evidence.coverage(),
            expected_new_day: evidence.expected_new(24.0).map(|new| new * around.gamma),
            expected_new_day_upper: evidence.expected_new_upper(24.0),
            unseen_at_least: evidence.unseen_at_least(),
            observed_hours: evidence.hours,
            edges: evidence.edges,
            set_aside: around.set_aside,
            limits: limits(&evidence, &around, open_ended),
            ready: Readiness {
                fast: ready(Profile::Fast),
                default: ready(Profile::Default),
                strict: ready(Profile::Strict),
            },
            open_ended,
            sentence: sentence(&evidence, &around, open_ended),
            curve: around.curve,
            evidence,
        }
    }
}

fn limits(evidence: &Evidence, around: &Circumstances, open_ended: bool) -> Vec<Limit> {
    let mut limits = Vec::new();
    let missing = evidence.hours_missing(Profile::Default);
    if evidence.edges == 0 {
        limits.push(Limit::NoTraffic);
    }
    if missing > 0.0 {
        limits.push(Limit::TooShort { hours_missing: missing });
    }
    if open_ended {
        limits.push(Limit::OpenEnded { new_last_day: evidence.new_last_day });
    }
    if around.weekday_unseen + around.weekend_unseen > 0 {
        limits.push(Limit::PhasesUnseen { weekday: around.weekday_unseen, weekend: around.weekend_unseen });
    }
    if around.starts < 2 {
        limits.push(Limit::StartsUnseen { seen: around.starts });
    }
    if around.unhealthy_hours > 0.0 {
        limits.push(Limit::LostEvents { hours: around.unhealthy_hours });
    }
    if let Some(hours_left) = around.deployment_hours_left {
        limits.push(Limit::RecentDeployment { hours_left });
    }
    if around.age_hours < 31.0 * 24.0 {
        limits.push(Limit::MonthUnseen);
    }
    if around.set_aside > 0 {
        limits.push(Limit::SetAside { edges: around.set_aside });
    }
    if !around.scale.is_real() {
        limits.push(Limit::Scaled { factor: around.scale.factor() });
    }
    limits
}

fn sentence(evidence: &Evidence, around: &Circumstances, open_ended: bool) -> String {
    let hours = Hours(evidence.hours);
    let clock = if around.scale.is_real() { "" } else { " of scaled time" };
    let mut text = if evidence.edges == 0 {
        format!("In {hours}{clock} no traffic was seen: please confirm that none is expected")
    } else {
        format!("In {hours}{clock} we saw {}, {}", Count(evidence.edges, "edge"), repetition(evidence))
    };
    let upper = evidence.upper(1.0);
    if open_ended {
        let new = Count(evidence.new_last_day, "new one");
        text += &format!(
            "; {new} came in the last day, so this list will never be complete: \
             rules by server side, domain or range fit better"
        );
    } else if upper >= 1.0 && evidence.fresh && evidence.hours >= 24.0 {
        text += "; something new came within the last two hours, so nothing is said of the next one";
    } else if upper >= 1.0 {
        text += "; that is too little to say what the next hour brings";
    } else {
        let what = if evidence.edges == 0 { "an edge" } else { "a new one" };
        let upper = Percent(upper);
        text += &format!("; with 95 % confidence the chance of {what} in the next hour is below {upper}");
    }
    let unseen = unseen(around);
    if !unseen.is_empty() {
        text += &format!("; {unseen}");
    }
    if let Some(left) = around.deployment_hours_left {
        text +=
            &format!("; a new image runs, and what is new with it is learned for another {}", Hours(left));
    }
    if around.unhealthy_hours > 0.0 {
        text += &format!("; {} with lost events do not count", Hours(around.unhealthy_hours));
    }
    if around.set_aside > 0 {
        let wait = if around.set_aside == 1 { "waits" } else { "wait" };
        text += &format!("; {} set aside {wait} for a decision", Count(around.set_aside, "edge"));
    }
    text.push('.');
    text
}

fn repetition(evidence: &Evidence) -> String {
    let rare = evidence.singles + evidence.doubles;
    match (evidence.edges, rare, evidence.singles) {
        (1, 0, _) => "again and again".to_owned(),
        (1, _, 0) => "in two separate hours".to_owned(),
        (1, ..) => "only once".to_owned(),
        (_, 0, _) => "all in three or more separate hours or right after a start".to_owned(),
        (edges, rare, 0) if edges == rare => "all of them in two separate hours only".to_owned(),
        (_, rare, 0) => format!("{rare} of them in two separate hours only"),
        (edges, _, singles) if edges == singles => "all of them only once".to_owned(),
        (.., singles) => format!("{singles} of them only once"),
    }
}

fn unseen(around: &Circumstances) -> String {
    let mut parts: Vec<&str> = match (around.weekday_unseen, around.weekend_unseen) {
        (0, 0) => vec![],
        (0, 24) => vec!["no weekend"],
        (24, 0) => vec!["no weekday"],
        (0, _) => vec!["only a part of the weekend"],
        (_, 0) => vec!["only a part of a weekday"],
        (_, 24) => vec!["no whole weekday", "no weekend"],
        _ => vec!["not every hour of the week"],
    };
    match around.starts {
        0 => parts.push("no restart"),
        1 => parts.push("only one start"),
        _ => {}
    }
    match parts.as_slice() {
        [] => String::new(),
        [one] => format!("{one} has been seen yet"),
        [most @ .., last] => format!("{} and {last} has been seen yet", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Circumstances {
        Circumstances {
            weekday_unseen: 0,
            weekend_unseen: 24,
            starts: 0,
            unhealthy_hours: 0.0,
            deployment_hours_left: None,
            age_hours: 91.0,
            set_aside: 0,
            scale: Scale::REAL,
            gamma: 1.0,
            curve: Vec::new(),
        }
    }

    fn seen(hours: f64, edges: u32) -> Evidence {
        Evidence { hours, edges, incidences: u64::from(edges) * 9, ..Evidence::default() }
    }

    fn say(evidence: Evidence, around: Circumstances) -> String {
        Report::new(evidence, around).sentence
    }

    #[test]
    fn the_sentence_says_what_was_seen_how_sure_it_is_and_what_is_missing() {
        assert_eq!(
            say(seen(91.0, 42), around()),
            "In 91 h we saw 42 edges, all in three or more separate hours or right after a start; with 95 % \
             confidence the chance of a new one in the next hour is below 4.3 %; no weekend and no restart has been \
             seen yet."
        );
    }

    #[test]
    fn sentences_are_grammatical_in_the_singular() {
        let once = Evidence { singles: 1, clumps: 1, mass: 1, ..seen(0.5, 1) };
        let lost =
            Circumstances { unhealthy_hours: 1.5, set_aside: 1, starts: 1, weekend_unseen: 0, ..around() };
        assert_eq!(
            say(once, lost),
            "In 30 min we saw 1 edge, only once; that is too little to say what the next hour brings; only one start \
             has been seen yet; 1.5 h with lost events do not count; 1 edge set aside waits for a decision."
        );
    }

    #[test]
    fn a_service_without_traffic_is_not_called_complete() {
        let report = Report::new(seen(500.0, 0), Circumstances { age_hours: 500.0, ..around() });
        assert!(
            report
                .sentence
                .starts_with("In 500 h no traffic was seen: please confirm that none is expected;")
        );
        assert_eq!(report.ready, Readiness::default());
        assert!(report.limits.contains(&Limit::NoTraffic));
    }

    #[test]
    fn an_open_ended_service_is_never_ready_and_gets_other_advice() {
        let open = Evidence { singles: 12, clumps: 10, mass: 10, new_last_day: 3, ..seen(2000.0, 300) };
        let report = Report::new(open, around());
        assert!(report.open_ended && report.upper_hour == 1.0);
        assert_eq!(report.ready, Readiness::default());
        assert!(report.sentence.contains("this list will never be complete"));
    }

    #[test]
    fn a_scaled_clock_is_said() {
        let report =
            Report::new(seen(91.0, 3), Circumstances { scale: Scale::new(360.0).unwrap(), ..around() });
        assert!(report.sentence.starts_with("In 91 h of scaled time we saw 3 edges"));
        assert!(report.limits.contains(&Limit::Scaled { factor: 360.0 }));
    }
}
