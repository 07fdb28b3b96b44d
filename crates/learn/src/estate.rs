//! The learner of a whole estate, keyed by service.

use crate::{
    Automation, CanaryDenial, Decision, Evidence, Forecasts, Gates, LearnedEdge, Report, Scale, SetAside,
    Shadow, Situation, Standing,
    calendar::Phase,
    clock::Clock,
    decide,
    edges::{Peers, Record, Slot},
    gates::{self, Hold},
    report::Circumstances,
    service::{Seen, Service, Taken},
};
use bulkhead_model::{Direction, EdgeKey, Mode, Peer, ServiceName, Timestamp, Verdict, Workload, WorkloadId};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Wall time after which a service is worth saving although nothing but time happened to it.
const TIME_SAVED_MS: u64 = 120_000;

/// How the estate learns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub scale: Scale,
    pub gates: Gates,
    /// Minutes east of UTC, for the phases of the week.
    pub utc_offset_minutes: i32,
    /// A longer silence of [`Learner::advance`] is time in which nobody watched.
    pub max_gap: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let max_gap = Duration::from_secs(300);
        Self { scale: Scale::REAL, gates: Gates::default(), utc_offset_minutes: 0, max_gap }
    }
}

/// Whether everything was seen since the last step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sensor {
    #[default]
    Healthy,
    /// Events were lost, or a node did not report: the time does not count.
    Lost,
}

/// A connection edge was seen, once or over an interval.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    pub edge: &'a EdgeKey,
    pub time: Timestamp,
    /// Connections opened since the last sighting; 0 for traffic of connections that were open already.
    pub connections: u64,
    /// Whether the server answered with more than a refusal, where that is known.
    pub answered: Option<bool>,
    pub verdict: Verdict,
    /// Something else found it suspicious.
    pub suspicion: Option<SetAside>,
}

impl<'a> Sighting<'a> {
    /// An allowed connection of which nothing more is known.
    pub fn new(edge: &'a EdgeKey, time: Timestamp) -> Self {
        Self { edge, time, connections: 1, answered: None, verdict: Verdict::Allowed, suspicion: None }
    }
}

/// What learning made of a sighting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    /// Never seen before by at least one of its services.
    pub is_new: bool,
    pub standing: Standing,
    /// It was denied, so nothing was learned from it.
    pub denied: bool,
    /// Edges that are set aside from now on, because a scan or a spike became visible.
    pub spike: Vec<EdgeKey>,
}

/// Learns all services of an estate. Times are the caller's; the same calls give the same state.
#[derive(Debug)]
pub struct Learner {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) peers: Peers,
    pub(crate) services: BTreeMap<ServiceName, Service>,
    pub(crate) forecasts: Forecasts,
    workloads: BTreeMap<WorkloadId, ServiceName>,
    /// Estimator's time at which the passing of time alone last made services worth saving.
    time_saved: u64,
}

impl Learner {
    pub fn new(settings: Settings) -> Self {
        Self {
            clock: Clock::new(settings.scale, settings.max_gap),
            settings,
            peers: Peers::default(),
            services: BTreeMap::new(),
            forecasts: Forecasts::default(),
            workloads: BTreeMap::new(),
            time_saved: 0,
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Other gates from now on.
    pub fn set_gates(&mut self, gates: Gates) {
        self.settings.gates = gates;
    }

    // === impl workloads ===

    /// The whole truth about workloads. Those not known yet run since before the sensor came (no start was watched),
    /// unless they started within the last seconds.
    pub fn workloads(&mut self, workloads: &[Workload], now: Timestamp) {
        let present: BTreeSet<&WorkloadId> = workloads.iter().map(|w| &w.id).collect();
        let gone: Vec<WorkloadId> =
            self.workloads.keys().filter(|id| !present.contains(id)).cloned().collect();
        for id in gone {
            self.workload_down(&id, now);
        }
        for workload in workloads {
            let fresh = workload.started.is_some_and(|start| now.since(start) < Duration::from_secs(10));
            self.appear(workload, now, fresh);
        }
    }

    /// A workload started, or is told of again.
    pub fn workload_up(&mut self, workload: &Workload, now: Timestamp) {
        self.appear(workload, now, true);
    }

    pub fn workload_down(&mut self, id: &WorkloadId, now: Timestamp) {
        let Some(name) = self.workloads.remove(id) else { return };
        let estimator = self.clock.at(now);
        if let Some(service) = self.services.get_mut(&name) {
            service.vanished(estimator);
        }
    }

    fn appear(&mut self, workload: &Workload, now: Timestamp, fresh: bool) {
        match self.workloads.get(&workload.id) {
            Some(known) if *known == workload.service => return,
            Some(_) => self.workload_down(&workload.id, now),
            None => {}
        }
        self.workloads.insert(workload.id.clone(), workload.service.clone());
        let estimator = self.clock.at(now);
        let service = self.service(&workload.service, now, estimator);
        service.appeared(estimator);
        service.description.learn(workload);
        if let Some(digest) = workload.image_digest.as_deref() {
            service.image(digest, estimator);
        }
        if fresh {
            service.started(workload.started.filter(|start| *start <= now).unwrap_or(now));
        }
    }

    /// Records tell of a service from `now` on; whether a workload of it ran before is not known.
    pub(crate) fn recorded_from(&mut self, name: &ServiceName, now: Timestamp) {
        let estimator = self.clock.at(now);
        self.service(name, now, estimator).appeared(estimator);
    }

    /// Records tell of a service for the last time.
    pub(crate) fn recorded_until(&mut self, name: &ServiceName, now: Timestamp) {
        let estimator = self.clock.at(now);
        if let Some(service) = self.services.get_mut(name) {
            service.vanished(estimator);
        }
    }

    fn service(&mut self, name: &ServiceName, wall: Timestamp, estimator: u64) -> &mut Service {
        if !self.services.contains_key(name) {
            self.services.insert(name.clone(), Service::new(wall, estimator));
        }
        self.services.get_mut(name).expect("was there or has just been inserted")
    }

    // === impl time ===

    /// Time has passed. Call it every few seconds; a step longer than [`Settings::max_gap`], or backwards, does not
    /// count as observed.
    pub fn advance(&mut self, now: Timestamp, sensor: Sensor) {
        let watched = self.clock.advance(now);
        if watched == 0 {
            return;
        }
        let calendar = self.clock.calendar(now);
        // A crash may cost some minutes of clean time, but not a write of every service every few seconds.
        let elapsed = self.clock.elapsed();
        let worth_saving =
            elapsed.saturating_sub(self.time_saved) >= self.settings.scale.stretch(TIME_SAVED_MS);
        if worth_saving {
            self.time_saved = elapsed;
        }
        for service in self.services.values_mut() {
            service.passed(watched, calendar, sensor == Sensor::Healthy, self.settings.utc_offset_minutes);
            if let Some((hours, expected, happened)) = service.settle_forecast(elapsed) {
                self.forecasts.record(hours, expected, happened);
            }
            service.dirty |= worth_saving && service.running > 0;
        }
    }

    // === impl edges ===

    /// Learns from a sighting, for the client's and for the server's service. Denied connections teach nothing.
    pub fn observe(&mut self, sighting: &Sighting<'_>) -> Learned {
        let edge = sighting.edge;
        if sighting.verdict == Verdict::Denied {
            return Learned { denied: true, ..Learned::default() };
        }
        let mut learned = Learned::default();
        let mut sides = Vec::with_capacity(2);
        if let Peer::Service(client) = &edge.client {
            sides.push((client, &edge.server, Direction::Egress));
        }
        if let Peer::Service(server) = &edge.server
            && edge.client != edge.server
        {
            sides.push((server, &edge.client, Direction::Ingress));
        }
        let (scale, wall, estimator) = (self.settings.scale, sighting.time, self.clock.at(sighting.time));
        for (own, other, direction) in sides {
            let known = self.peers.find(other).map(|peer| Slot::new(edge, peer, direction));
            let service = self.service(own, wall, estimator);
            if service.is_crowded() && known.and_then(|slot| service.find(slot)).is_none() {
                learned.is_new = true;
                learned.standing = Standing::SetAside(SetAside::FanOut);
                continue;
            }
            let slot = Slot::new(edge, self.peers.number(other), direction);
            let service = self.service(own, wall, estimator);
            let taken = service.observe(Seen {
                slot,
                wall,
                estimator,
                connections: sighting.connections,
                answered: sighting.answered,
                set_aside: sighting.suspicion,
                startup: gates::starting(&service.memory, scale, wall),
            });
            self.merge(own, taken, &mut learned);
        }
        if let Standing::SetAside(reason) = learned.standing {
            // The side that looked first did not know yet.
            self.set_aside(edge, reason);
        }
        learned
    }

    fn merge(&mut self, own: &ServiceName, taken: Taken, learned: &mut Learned) {
        learned.is_new |= taken.is_new;
        learned.standing = learned.standing.max(taken.standing);
        let own = Peer::Service(own.clone());
        for (slot, reason) in taken.spike {
            let edge = slot.key(&own, &self.peers);
            self.set_aside(&edge, reason);
            learned.spike.push(edge);
        }
    }

    /// Sets an edge aside at both its services, unless a person has accepted it; whether anything changed.
    pub fn set_aside(&mut self, edge: &EdgeKey, reason: SetAside) -> bool {
        let mut changed = false;
        self.each_side(edge, |service, slot| changed |= !service.set_aside(&[slot], reason).is_empty());
        changed
    }

    /// A person's decision on an edge: `true` accepts it for good, `false` rejects it. Whether the edge is known.
    pub fn judge(&mut self, edge: &EdgeKey, accept: bool) -> bool {
        let standing = if accept { Standing::Accepted } else { Standing::SetAside(SetAside::Rejected) };
        let mut known = false;
        self.each_side(edge, |service, slot| {
            if let Some(record) = service.edges.get_mut(&slot) {
                record.standing = standing;
                known = true;
                service.recount();
            }
        });
        known
    }

    /// Forgets an edge, so that it is new when it is seen again.
    pub fn forget(&mut self, edge: &EdgeKey) {
        self.each_side(edge, |service, slot| {
            service.edges.remove(&slot);
            service.recount();
        });
    }

    /// Forgets a service with all it learned.
    pub fn forget_service(&mut self, name: &ServiceName) {
        self.services.remove(name);
    }

    /// What learning makes of an edge, where a side of it knows it. Set aside on either side is set aside.
    pub fn standing(&self, edge: &EdgeKey) -> Option<Standing> {
        let found = sides(edge).into_iter().filter_map(|(own, other, direction)| {
            let service = self.services.get(own.service()?)?;
            let slot = service.find(Slot::new(edge, self.peers.find(other)?, direction))?;
            Some(service.edges.get(&slot)?.standing)
        });
        found.max()
    }

    fn each_side(&mut self, edge: &EdgeKey, mut act: impl FnMut(&mut Service, Slot)) {
        for (own, other, direction) in sides(edge) {
            if let (Peer::Service(own), Some(peer)) = (own, self.peers.find(other))
                && let Some(service) = self.services.get_mut(own)
            {
                let slot = Slot::new(edge, peer, direction);
                act(service, service.find(slot).unwrap_or(slot));
            }
        }
    }

    /// The edges of a service, those set aside included ([`Standing::becomes_rule`] tells).
    pub fn edges(&self, name: &ServiceName) -> Vec<LearnedEdge> {
        let Some(service) = self.services.get(name) else { return Vec::new() };
        let own = Peer::Service(name.clone());
        service.edges.iter().map(|(slot, record)| self.learned_edge(&own, *slot, record)).collect()
    }

    pub(crate) fn learned_edge(&self, own: &Peer, slot: Slot, record: &Record) -> LearnedEdge {
        LearnedEdge {
            key: slot.key(own, &self.peers),
            direction: slot.direction,
            first_seen: record.first_seen,
            last_seen: record.last_seen,
            connections: record.hits,
            episodes: record.episodes,
            standing: record.standing,
            from_startup: record.from_startup,
        }
    }

    // === impl conclusions ===

    pub fn services(&self) -> impl Iterator<Item = &ServiceName> {
        self.services.keys()
    }

    /// How complete the knowledge of a service is.
    pub fn report(&self, name: &ServiceName) -> Option<Report> {
        let service = self.services.get(name)?;
        let estimator = self.clock.elapsed();
        let memory = &service.memory;
        let deployment = gates::deployment_left(memory, &self.settings.gates, estimator);
        let around = Circumstances {
            weekday_unseen: memory.calendar.weekday_unseen(),
            weekend_unseen: memory.calendar.weekend_unseen(),
            starts: memory.starts,
            unhealthy_hours: gates::hours(memory.unhealthy),
            deployment_hours_left: deployment.map(gates::hours),
            age_hours: gates::hours(estimator.saturating_sub(memory.origin)),
            set_aside: u32::try_from(service.flagged).unwrap_or(u32::MAX),
            scale: self.settings.scale,
            gamma: self.forecasts.gamma(gates::hours(memory.observed)),
            curve: memory.curve.points().to_vec(),
        };
        Some(Report::new(service.evidence(estimator), around))
    }

    /// The counts that a report rests on; cheaper than the report.
    pub fn evidence(&self, name: &ServiceName) -> Option<Evidence> {
        Some(self.services.get(name)?.evidence(self.clock.elapsed()))
    }

    /// Why the service must not be enforced at this moment although it is in Enforce: treat it as Monitor then.
    pub fn hold(&self, name: &ServiceName, now: Timestamp) -> Option<Hold> {
        let service = self.services.get(name)?;
        let phase = Phase::of(self.clock.calendar(now), self.settings.utc_offset_minutes);
        let (gates, scale) = (&self.settings.gates, self.settings.scale);
        gates::hold(&service.memory, gates, scale, now, self.clock.at(now), phase)
    }

    /// The mode in which the service is to be treated at this moment.
    pub fn effective_mode(&self, name: &ServiceName, mode: Mode, now: Timestamp) -> Mode {
        if mode == Mode::Enforce && self.hold(name, now).is_some() { Mode::Monitor } else { mode }
    }

    /// What follows for a service in `mode` since `since`.
    pub fn decide(
        &self,
        name: &ServiceName,
        (mode, since): (Mode, Timestamp),
        automation: Automation,
        shadow: Shadow,
        denials: &[CanaryDenial],
        now: Timestamp,
    ) -> Option<Decision> {
        let report = self.report(name)?;
        let hold = self.hold(name, now);
        let (report, hold, scale) = (&report, hold.as_ref(), self.settings.scale);
        Some(decide(&Situation { mode, since, automation, report, hold, shadow, denials, scale, now }))
    }
}

fn sides(edge: &EdgeKey) -> [(&Peer, &Peer, Direction); 2] {
    [(&edge.client, &edge.server, Direction::Egress), (&edge.server, &edge.client, Direction::Ingress)]
}
