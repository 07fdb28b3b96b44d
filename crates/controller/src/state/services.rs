use super::State;
use bulkhead_api::{Automation, AutomationBy, CurvePoint, LearningSummary};
use bulkhead_learn::CanaryDenial;
use bulkhead_model::{EventKind, Identity, Mode, ServiceName, Severity, Timestamp, WorkloadId};
use bulkhead_store::Change;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A service as the controller keeps it; all of it but `running`, `hold` and `outlook` is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServiceRecord {
    pub(crate) identity: Identity,
    pub(crate) mode: Mode,
    /// When the mode was entered.
    pub(crate) since: Timestamp,
    /// Whether evidence, and not a person or a document, brought it into the mode.
    #[serde(default)]
    pub(crate) by_evidence: bool,
    /// Set for this service by hand; else the settings' rules hold.
    #[serde(default)]
    pub(crate) automation: Option<Automation>,
    /// The mode to return to after quarantine, and why it was cut off.
    #[serde(default)]
    pub(crate) quarantine: Option<Quarantine>,
    #[serde(default)]
    pub(crate) rolled_back: Option<(Timestamp, String)>,
    /// Mode that a document asked for when it was looked at last.
    #[serde(default)]
    pub(crate) requested: Option<Mode>,
    #[serde(default)]
    pub(crate) images: BTreeSet<String>,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) first_seen: Timestamp,
    pub(crate) last_seen: Timestamp,
    #[serde(default)]
    pub(crate) denied: Hourly,
    #[serde(default)]
    pub(crate) would_deny: Hourly,
    /// What was decided at this service's own end: of a denial between two services, one of them counts it here.
    #[serde(default)]
    pub(crate) decided_denied: Hourly,
    #[serde(default)]
    pub(crate) decided_would_deny: Hourly,
    /// Edges that would have been denied since Monitor began, and when the last was first seen.
    #[serde(default)]
    pub(crate) shadow: u32,
    #[serde(default)]
    pub(crate) shadow_last: Option<Timestamp>,
    /// Denials since Enforce began, until the canary period ends.
    #[serde(default)]
    pub(crate) canary: Vec<CanaryDenial>,
    #[serde(default)]
    pub(crate) curve: Vec<CurvePoint>,
    #[serde(skip)]
    pub(crate) summary: Option<Arc<LearningSummary>>,
    #[serde(skip)]
    pub(crate) running: BTreeSet<WorkloadId>,
    /// Whether enforcement waits at the moment, and why.
    #[serde(skip)]
    pub(crate) hold: Option<String>,
    /// What it waits for.
    #[serde(skip)]
    pub(crate) outlook: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Quarantine {
    pub(crate) before: Mode,
    pub(crate) reason: String,
}

/// Counts of the last 24 hours, by hour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hourly {
    hour: u64,
    counts: [u64; 24],
}

impl Hourly {
    pub(crate) fn add(&mut self, now: Timestamp, count: u64) {
        let hour = now.0 / 3_600_000;
        if hour > self.hour {
            let first = (self.hour + 1).max(hour.saturating_sub(23));
            for past in first..=hour {
                self.counts[(past % 24) as usize] = 0;
            }
            self.hour = hour;
        }
        self.counts[(self.hour % 24) as usize] += count;
    }

    pub(crate) fn total(&self, now: Timestamp) -> u64 {
        let hour = now.0 / 3_600_000;
        let oldest = hour.saturating_sub(23);
        let last = self.hour.min(hour);
        (oldest..=last)
            .filter(|h| self.hour.saturating_sub(*h) < 24)
            .map(|h| self.counts[(h % 24) as usize])
            .sum()
    }
}

impl ServiceRecord {
    pub(crate) fn new(identity: Identity, now: Timestamp) -> Self {
        Self {
            identity,
            mode: Mode::Learn,
            since: now,
            by_evidence: false,
            automation: None,
            quarantine: None,
            rolled_back: None,
            requested: None,
            images: BTreeSet::new(),
            labels: BTreeMap::new(),
            first_seen: now,
            last_seen: now,
            denied: Hourly::default(),
            would_deny: Hourly::default(),
            decided_denied: Hourly::default(),
            decided_would_deny: Hourly::default(),
            shadow: 0,
            shadow_last: None,
            canary: Vec::new(),
            curve: Vec::new(),
            summary: None,
            running: BTreeSet::new(),
            hold: None,
            outlook: "".into(),
        }
    }

    /// The mode that the kernel is told: enforcement may have to wait (see [`bulkhead_learn::Hold`]).
    pub(crate) fn kernel_mode(&self) -> Mode {
        if self.mode == Mode::Enforce && self.hold.is_some() { Mode::Monitor } else { self.mode }
    }
}

impl State {
    /// The record of a service, made where there is none; `None` only when all identities are used up.
    pub(super) fn ensure_service(&mut self, name: &ServiceName) -> Option<&mut ServiceRecord> {
        if !self.services.contains_key(name) {
            let Some((identity, next)) = self.identities.assign(name) else {
                let what = "every number for services is used up: new services are not identified";
                self.degrade("identities", what, "begin with a new state directory");
                return None;
            };
            if let Some(next) = next {
                self.effects.changes.push(Change::Identity { service: name.clone(), identity, next });
            }
            self.services.insert(name.clone(), ServiceRecord::new(identity, self.now));
            self.dirty_services.insert(name.clone());
            self.stale.inventory = true;
        }
        self.services.get_mut(name)
    }

    /// How a service is promoted: as set by hand, else by the first rule of the settings that fits.
    pub(crate) fn automation(&self, name: &ServiceName) -> Automation {
        self.automation_and_by(name).0
    }

    /// The same, and whose word it is.
    pub(crate) fn automation_and_by(&self, name: &ServiceName) -> (Automation, AutomationBy) {
        let Some(record) = self.services.get(name) else { return Default::default() };
        if let Some(automation) = record.automation {
            return (automation, AutomationBy::Hand);
        }
        let fits = self.settings.automation.iter().position(|rule| {
            rule.namespace.as_deref().is_none_or(|namespace| namespace == name.namespace())
                && rule.zone.as_deref().is_none_or(|zone| self.is_in_zone(name, zone))
                && rule.labels.iter().all(|(key, value)| record.labels.get(key) == Some(value))
        });
        match fits.map(|place| (place, &self.settings.automation[place])) {
            Some((place, rule)) => (
                Automation { automatic: rule.automatic, profile: rule.profile },
                AutomationBy::Rule { rule: place as u32 + 1 },
            ),
            None => (
                Automation { automatic: self.settings.automatic, profile: self.settings.profile },
                AutomationBy::Default,
            ),
        }
    }

    fn is_in_zone(&self, name: &ServiceName, zone: &str) -> bool {
        self.inventory.service(name).is_some_and(|service| self.set.zone_has(zone, service))
    }

    pub(crate) fn set_automation(&mut self, name: &ServiceName, automation: Automation) {
        if let Some(record) = self.services.get_mut(name) {
            record.automation = Some(automation);
            record.summary = None;
            self.save_service(name);
            self.node_changed(name);
        }
    }

    /// Puts a service into a mode, with an event that says who and why.
    pub(crate) fn enter_mode(
        &mut self,
        name: &ServiceName,
        to: Mode,
        actor: &str,
        evidence: &str,
        by_evidence: bool,
    ) {
        let now = self.now;
        let Some(record) = self.services.get_mut(name) else { return };
        let from = record.mode;
        if from == to {
            return;
        }
        record.quarantine =
            (to == Mode::Quarantine).then(|| Quarantine { before: from, reason: evidence.to_owned() });
        record.mode = to;
        record.since = now;
        record.by_evidence = by_evidence;
        record.hold = None;
        if to != Mode::Enforce {
            record.canary.clear();
        }
        if to == Mode::Monitor && from == Mode::Learn {
            record.shadow = 0;
            record.shadow_last = None;
        }
        if from < to {
            record.rolled_back = None;
        }
        self.dirty_services.insert(name.clone());
        if matches!(to, Mode::Monitor | Mode::Enforce) {
            self.stale.learned.insert(name.clone());
        }
        self.stale.inventory = true;
        let severity = if to == Mode::Quarantine || to < from { Severity::Warning } else { Severity::Notice };
        let message = format!("{name} went from {from} to {to} (by {actor}): {evidence}");
        let kind = EventKind::ModeChanged {
            service: name.clone(),
            from,
            to,
            actor: actor.into(),
            evidence: evidence.into(),
        };
        self.emit(severity, message, kind);
        // At once, and not with the next round: a person waits for it to be durable.
        self.save_service(name);
        self.node_changed(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hourly_counts_forget_what_is_older_than_a_day() {
        let hour = |h: u64| Timestamp(h * 3_600_000);
        let mut counts = Hourly::default();
        counts.add(hour(1_000_000), 5);
        counts.add(hour(1_000_010), 7);
        assert_eq!(counts.total(hour(1_000_010)), 12);
        assert_eq!(counts.total(hour(1_000_023)), 12);
        assert_eq!(counts.total(hour(1_000_024)), 7);
        counts.add(hour(1_000_030), 1);
        assert_eq!(counts.total(hour(1_000_030)), 8);
        assert_eq!(counts.total(hour(1_000_100)), 0);
        counts.add(hour(1_000_100), 1);
        assert_eq!(counts.total(hour(1_000_100)), 1);
    }
}
