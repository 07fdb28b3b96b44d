//! What is known of one service.

use crate::{
    calendar::Calendar,
    clock::{DAY_MS, HOUR_MS},
    curve::DiscoveryCurve,
    edges::{Record, SetAside, Slot, Standing},
    estimate::Evidence,
    expected::Description,
    fanout::{FanOut, surprising_peers},
    gates,
};
use bulkhead_model::{Application, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// Right after a start a workload talks to what it never talks to later (migrations, secrets, registries).
pub(crate) const STARTUP_MS: u64 = 5 * 60_000;
/// Longest pause between two runs of a job that counts as observed: its next run shows that it was only a pause.
const PAUSE_MS: u64 = 8 * DAY_MS;
const IMAGES: usize = 32;
/// From so many clumps on, the edges within them are told apart.
const MANY_CLUMPS: u32 = 6;

/// Edges of one service that are kept, and those set aside among them: a client that tries all ports of all peers must
/// not fill the memory. What comes after is set aside unseen.
const EDGES: usize = 65_536;
const SET_ASIDE: usize = 4_096;

/// What a service remembers besides its edges. Stored as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) first_seen: Timestamp,
    /// Estimator's time of the same moment.
    pub(crate) origin: u64,
    /// Estimator's milliseconds with a workload running and a healthy sensor.
    pub(crate) observed: u64,
    /// The same with an unhealthy sensor.
    pub(crate) unhealthy: u64,
    pub(crate) calendar: Calendar,
    /// Starts of workloads that were watched, those within one start-up window as one.
    pub(crate) starts: u32,
    pub(crate) last_start: Option<Timestamp>,
    /// Digests of its images, latest last.
    pub(crate) images: Vec<Box<str>>,
    /// Estimator's time at which the latest image was first seen, where it was not the first one.
    pub(crate) deployed: Option<u64>,
    /// Estimator's time since which no workload runs, and whether the sensor was healthy all that time.
    pub(crate) paused: Option<(u64, bool)>,
    pub(crate) curve: DiscoveryCurve,
    pub(crate) forecast: Option<Forecast>,
}

/// What was expected of a day, until the day is over.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Forecast {
    made: u64,
    observed: u64,
    expected: f64,
}

#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) memory: Memory,
    pub(crate) edges: BTreeMap<Slot, Record>,
    pub(crate) fanout: FanOut,
    /// Edges that are set aside.
    pub(crate) flagged: usize,
    /// Workloads that run now.
    pub(crate) running: u32,
    pub(crate) dirty: bool,
    pub(crate) description: Description,
}

/// One sighting, in the learner's terms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) slot: Slot,
    pub(crate) wall: Timestamp,
    pub(crate) estimator: u64,
    pub(crate) connections: u64,
    pub(crate) answered: Option<bool>,
    pub(crate) set_aside: Option<SetAside>,
    /// Within the start-up window of a workload of this service.
    pub(crate) startup: bool,
}

/// What became of a sighting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) is_new: bool,
    pub(crate) standing: Standing,
    /// Edges that are set aside with this one, and why.
    pub(crate) spike: Vec<(Slot, SetAside)>,
}

impl Service {
    pub(crate) fn new(wall: Timestamp, estimator: u64) -> Self {
        let memory = Memory {
            first_seen: wall,
            origin: estimator,
            observed: 0,
            unhealthy: 0,
            calendar: Calendar::default(),
            starts: 0,
            last_start: None,
            images: Vec::new(),
            deployed: None,
            paused: None,
            curve: DiscoveryCurve::default(),
            forecast: None,
        };
        Self {
            memory,
            edges: BTreeMap::new(),
            fanout: FanOut::default(),
            flagged: 0,
            running: 0,
            dirty: true,
            description: Description::default(),
        }
    }

    // === impl edges ===

    /// The record of an edge. An edge whose application is not identified yet and the same edge once it is are one.
    pub(crate) fn find(&self, slot: Slot) -> Option<Slot> {
        if self.edges.contains_key(&slot) {
            return Some(slot);
        }
        let unnamed = slot.with(Application::UNKNOWN);
        if slot == unnamed {
            let last = slot.with(last_application());
            return self.edges.range(slot..=last).next().map(|(known, _)| *known);
        }
        self.edges.contains_key(&unnamed).then_some(unnamed)
    }

    /// As [`Self::find`], and an edge whose application has just been identified gets its name.
    fn resolve(&mut self, slot: Slot) -> Option<Slot> {
        let found = self.find(slot)?;
        if found.application != Application::UNKNOWN || slot.application == Application::UNKNOWN {
            return Some(found);
        }
        let record = self.edges.remove(&found)?;
        self.edges.insert(slot, record);
        Some(slot)
    }

    pub(crate) fn observe(&mut self, seen: Seen) -> Taken {
        self.dirty = true;
        let age = seen.estimator.saturating_sub(self.memory.origin);
        let surprise = surprising_peers(age, self.edges.len());
        let found = self.resolve(seen.slot);
        let spike = match (found, seen.answered) {
            (None, answered) => self.fanout.new_edge(seen.slot, seen.wall, answered, surprise),
            (Some(slot), Some(answered)) => self.fanout.answer(slot, seen.wall, answered, surprise),
            (Some(_), None) => None,
        };
        let slot = found.unwrap_or(seen.slot);
        if let (None, Some(spike)) = (found, &spike)
            && self.flagged >= SET_ASIDE
        {
            let standing = Standing::SetAside(spike.kind);
            let members = self.set_aside(&spike.members, spike.kind);
            let spike = members.into_iter().map(|slot| (slot, spike.kind)).collect();
            return Taken { is_new: true, standing, spike };
        }
        let record = self.edges.entry(slot).or_insert_with(|| Record {
            first_seen: seen.wall,
            last_seen: seen.wall,
            episode: seen.estimator,
            hour: u32::try_from(seen.estimator / HOUR_MS).unwrap_or(u32::MAX),
            hits: 0,
            episodes: 1,
            standing: Standing::Learned,
            from_startup: seen.startup,
        });
        record.last_seen = record.last_seen.max(seen.wall);
        record.hits = record.hits.saturating_add(u32::try_from(seen.connections).unwrap_or(u32::MAX));
        if seen.estimator >= record.episode.saturating_add(HOUR_MS) {
            record.episode = seen.estimator;
            record.episodes = record.episodes.saturating_add(1);
        }
        if let Some(reason) = seen.set_aside {
            self.set_aside(&[slot], reason);
        }
        let spike = spike.map_or_else(Vec::new, |spike| {
            let changed = self.set_aside(&spike.members, spike.kind);
            changed.into_iter().map(|slot| (slot, spike.kind)).collect()
        });
        let standing = self.edges.get(&slot).map_or(Standing::Learned, |record| record.standing);
        if found.is_none() && standing.becomes_rule() {
            self.mark_curve(seen.estimator);
        }
        Taken { is_new: found.is_none(), standing, spike }
    }

    /// Whether no further edge fits.
    pub(crate) fn is_crowded(&self) -> bool {
        self.edges.len() >= EDGES
    }

    /// After standings were changed from outside, or edges put in or taken out.
    pub(crate) fn recount(&mut self) {
        self.flagged = self.edges.values().filter(|r| !r.standing.becomes_rule()).count();
        self.dirty = true;
    }

    /// Sets edges aside that nobody has decided on; those that changed.
    pub(crate) fn set_aside(&mut self, slots: &[Slot], reason: SetAside) -> Vec<Slot> {
        let mut changed = Vec::new();
        for slot in slots {
            if let Some(record) = self.edges.get_mut(slot)
                && record.standing == Standing::Learned
            {
                record.standing = Standing::SetAside(reason);
                changed.push(*slot);
            }
        }
        self.flagged += changed.len();
        self.dirty |= !changed.is_empty();
        changed
    }

    // === impl workloads ===

    /// A workload started, under the eyes of the sensor.
    pub(crate) fn started(&mut self, wall: Timestamp) {
        let window = Duration::from_millis(STARTUP_MS);
        if self.memory.last_start.is_none_or(|last| wall.since(last) >= window || last > wall) {
            self.memory.starts = self.memory.starts.saturating_add(1);
        }
        self.memory.last_start = Some(wall);
        self.dirty = true;
    }

    /// A workload runs from now on.
    pub(crate) fn appeared(&mut self, estimator: u64) {
        self.running += 1;
        if let Some((since, healthy)) = self.memory.paused.take()
            && healthy
        {
            let pause = estimator.saturating_sub(since);
            if pause <= PAUSE_MS {
                self.memory.observed += pause;
            }
        }
    }

    pub(crate) fn vanished(&mut self, estimator: u64) {
        self.running = self.running.saturating_sub(1);
        if self.running == 0 {
            self.memory.paused = Some((estimator, true));
        }
        self.dirty = true;
    }

    pub(crate) fn image(&mut self, digest: &str, estimator: u64) {
        if self.memory.images.iter().any(|known| **known == *digest) {
            return;
        }
        if !self.memory.images.is_empty() {
            self.memory.deployed = Some(estimator);
        }
        if self.memory.images.len() == IMAGES {
            self.memory.images.remove(0);
        }
        self.memory.images.push(digest.into());
        self.dirty = true;
    }

    // === impl time ===

    /// `watched` estimator's milliseconds have passed, until the calendar moment `calendar`.
    pub(crate) fn passed(&mut self, watched: u64, calendar: Timestamp, healthy: bool, offset_minutes: i32) {
        if self.running == 0 {
            if let Some((_, clean)) = &mut self.memory.paused {
                *clean &= healthy;
            }
            return;
        }
        if healthy {
            self.memory.observed += watched;
            self.memory.calendar.watch(calendar, watched, offset_minutes);
        } else {
            self.memory.unhealthy += watched;
        }
    }

    /// Once a day: settles yesterday's forecast and makes the next one. Hours observed when it was made, what was
    /// expected, and whether it came; nothing where the day was not watched from end to end.
    pub(crate) fn settle_forecast(&mut self, estimator: u64) -> Option<(f64, f64, bool)> {
        let due = self.memory.forecast.is_none_or(|f| estimator >= f.made + DAY_MS);
        if !due || self.memory.observed < DAY_MS {
            return None;
        }
        let (observed, expected) =
            (self.memory.observed, self.evidence(estimator).expected_discoveries(24.0));
        let past = self.memory.forecast.replace(Forecast { made: estimator, observed, expected })?;
        let watched = observed - past.observed;
        if estimator - past.made > DAY_MS + HOUR_MS || watched + HOUR_MS < DAY_MS {
            return None;
        }
        let since = u32::try_from(past.made / HOUR_MS).unwrap_or(u32::MAX);
        let new = |r: &Record| r.standing.becomes_rule() && !r.from_startup && r.hour > since;
        Some((gates::hours(past.observed), past.expected, self.edges.values().any(new)))
    }

    fn mark_curve(&mut self, estimator: u64) {
        let known = self.edges.values().filter(|r| r.standing.becomes_rule()).count();
        let hours = estimator.saturating_sub(self.memory.origin) as f64 / HOUR_MS as f64;
        self.memory.curve.push(hours, u32::try_from(known).unwrap_or(u32::MAX));
    }

    /// What the estimator needs, at `estimator`'s time.
    pub(crate) fn evidence(&self, estimator: u64) -> Evidence {
        let hours = self.memory.observed as f64 / HOUR_MS as f64;
        let mut evidence = Evidence { hours, ..Evidence::default() };
        let age = estimator.saturating_sub(self.memory.origin);
        let yesterday = u32::try_from(estimator.saturating_sub(DAY_MS) / HOUR_MS).unwrap_or(u32::MAX);
        let first_quarter = u32::try_from((self.memory.origin + age / 4) / HOUR_MS).unwrap_or(u32::MAX);
        let (mut single_hours, mut discovery_hours) = (Vec::new(), Vec::new());
        for record in self.edges.values().filter(|r| r.standing.becomes_rule()) {
            evidence.edges += 1;
            evidence.incidences += u64::from(record.episodes);
            if record.from_startup {
                continue;
            }
            discovery_hours.push(record.hour);
            evidence.discovered += u32::from(record.hour > first_quarter);
            match record.episodes {
                1 => {
                    evidence.singles += 1;
                    single_hours.push(record.hour);
                }
                2 => evidence.doubles += 1,
                _ => {}
            }
            evidence.new_last_day += u32::from(age > DAY_MS && record.hour >= yesterday);
        }
        let per_hour = counts(&mut single_hours);
        evidence.clumps = u32::try_from(per_hour.len()).unwrap_or(u32::MAX);
        evidence.mass = mass(per_hour);
        discovery_hours.sort_unstable();
        discovery_hours.dedup();
        let count = |found: usize| u32::try_from(found).unwrap_or(u32::MAX);
        evidence.discoveries = count(discovery_hours.iter().filter(|hour| **hour > first_quarter).count());
        let now = u32::try_from(estimator / HOUR_MS).unwrap_or(u32::MAX);
        let past = discovery_hours.partition_point(|hour| *hour + 1 < now);
        evidence.fresh = past < discovery_hours.len();
        evidence.shocks = count(past);
        let followed = discovery_hours.windows(2).take(past).filter(|pair| pair[0] + 1 == pair[1]);
        evidence.aftershocks = count(followed.count());
        evidence
    }
}

/// How many edges each distinct hour has.
fn counts(hours: &mut [u32]) -> Vec<u32> {
    hours.sort_unstable();
    hours.chunk_by(|a, b| a == b).map(|hour| u32::try_from(hour.len()).unwrap_or(u32::MAX)).collect()
}

/// Single edges, each hour's count cut down to what is usual: see [`Evidence::mass`].
fn mass(mut per_hour: Vec<u32>) -> u32 {
    let clumps = u32::try_from(per_hour.len()).unwrap_or(u32::MAX);
    if clumps < MANY_CLUMPS {
        return clumps;
    }
    per_hour.sort_unstable();
    let usual = 2 * per_hour[per_hour.len() / 2];
    per_hour.into_iter().map(|count| count.min(usual)).fold(0, u32::saturating_add)
}

fn last_application() -> Application {
    Application::all().last().unwrap_or_default()
}
