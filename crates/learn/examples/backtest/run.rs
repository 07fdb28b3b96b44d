//! One service under the eyes of the learner: the truth of the simulation beside what the learner says.

use super::{
    random::Random,
    world::{Edge, Kind, Load, Service},
};
use bulkhead_learn::{Evidence, Learner, Sensor, Settings, Sighting, Standing};
use bulkhead_model::{
    Application, EdgeKey, ExternalName, IpProtocol, Peer, ServiceName, Timestamp, Workload, WorkloadId,
    WorkloadOwner,
};
use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

/// Hours of simulation: checks until 14 days, promotion until 28, and a week after that.
pub(crate) const HOURS: f64 = 35.0 * 24.0;
const CHECKED_HOURS: f64 = 15.0 * 24.0;
const TICK: f64 = 1.0 / 6.0;
/// A Monday, 2026-01-05T00:00:00Z.
const MONDAY_MS: f64 = 1_767_571_200_000.0;
pub(crate) const HORIZONS: [f64; 2] = [1.0, 24.0];

/// The learner's word at one time of looking, and the truth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check {
    pub(crate) hour: f64,
    /// By horizon.
    pub(crate) stated: [f64; 2],
    pub(crate) point: [f64; 2],
    pub(crate) truth: [f64; 2],
    pub(crate) outcome: [bool; 2],
}

/// The learner's state at a tick.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tick {
    pub(crate) hour: f64,
    pub(crate) evidence: Evidence,
    pub(crate) held: bool,
    /// Hour of the last new edge that counts.
    pub(crate) last_new: f64,
}

/// An occurrence of an edge that was not learned at that time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surprise {
    pub(crate) hour: f64,
    pub(crate) edge: usize,
    pub(crate) held: bool,
}

#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) checks: Vec<Check>,
    pub(crate) ticks: Vec<Tick>,
    pub(crate) surprises: Vec<Surprise>,
    /// Edges as they were at the end, those born on the way included.
    pub(crate) edges: Vec<Edge>,
    pub(crate) first_seen: Vec<Option<f64>>,
    pub(crate) scan_edges: usize,
    pub(crate) scan_learned: usize,
    pub(crate) legitimate_set_aside: usize,
    pub(crate) family: Option<usize>,
    pub(crate) declared_unused: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Edge(usize),
    /// An occurrence that does not make the next one.
    Extra(usize),
    Group(usize),
    Restart,
    Deploy,
    Birth,
    Failover,
    Scan(usize),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct At(f64, u64, What);

impl Eq for At {}
impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for At {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

/// Times of looking: from 10 minutes to 14 days, evenly in the logarithm.
fn check_hours() -> impl Iterator<Item = f64> {
    let (first, last, count) = (1.0f64 / 6.0, 14.0f64 * 24.0, 36);
    (0..count).map(move |n| first * (last / first).powf(f64::from(n) / f64::from(count - 1)))
}

struct Simulation<'a> {
    service: &'a Service,
    random: Random,
    learner: Learner,
    name: ServiceName,
    queue: BinaryHeap<Reverse<At>>,
    serial: u64,
    edges: Vec<Edge>,
    keys: Vec<EdgeKey>,
    first_seen: Vec<Option<f64>>,
    learned: Vec<bool>,
    episodes: Vec<u32>,
    surprises: Vec<Surprise>,
    last_new: f64,
    starts: u32,
    image: u32,
    scan_keys: Vec<EdgeKey>,
    /// Hour of the last burst of each group.
    bursts: Vec<f64>,
}

/// `promotion`: also what promotion rules need, which takes longer; else only the checks.
pub(crate) fn run(service: &Service, seed: u64, promotion: bool) -> Track {
    let settings = Settings { max_gap: Duration::from_secs(1200), ..Settings::default() };
    let mut simulation = Simulation {
        service,
        random: Random::new(seed),
        learner: Learner::new(settings),
        name: ServiceName::new("back", "test").expect("valid"),
        queue: BinaryHeap::new(),
        serial: 0,
        edges: Vec::new(),
        keys: Vec::new(),
        first_seen: Vec::new(),
        learned: Vec::new(),
        episodes: Vec::new(),
        surprises: Vec::new(),
        last_new: 0.0,
        starts: 0,
        image: 0,
        scan_keys: Vec::new(),
        bursts: vec![f64::NEG_INFINITY; service.group_rates.len()],
    };
    simulation.begin();
    simulation.run(promotion)
}

impl Simulation<'_> {
    fn begin(&mut self) {
        self.learner.advance(self.wall(0.0), Sensor::Healthy);
        if self.service.fresh {
            self.start(0.0);
        } else {
            let workload = self.workload(None);
            self.learner.workloads(&[workload], self.wall(0.0));
        }
        for edge in self.service.edges.clone() {
            self.add(edge, 0.0);
        }
        for (group, rate) in self.service.group_rates.iter().enumerate() {
            let hour = self.random.exponential(*rate);
            self.push(hour, What::Group(group));
        }
        for (rate, what) in [
            (self.service.restart_rate, What::Restart),
            (self.service.deploy_rate, What::Deploy),
            (self.service.birth_rate, What::Birth),
            (self.service.failover_rate, What::Failover),
        ] {
            let hour = self.random.exponential(rate);
            self.push(hour, what);
        }
        for (n, hour) in self.service.scans.iter().enumerate() {
            self.push(*hour, What::Scan(n));
        }
    }

    fn run(&mut self, promotion: bool) -> Track {
        let mut due = check_hours().peekable();
        let (mut checks, mut ticks) = (Vec::new(), Vec::new());
        let mut hour = 0.0;
        while hour < if promotion { HOURS } else { CHECKED_HOURS } {
            let lost = self.random.chance(self.service.lossy);
            let end = hour + TICK;
            while let Some(Reverse(At(time, _, what))) = self.queue.peek().copied()
                && time < end
            {
                self.queue.pop();
                self.happen(time, what, lost);
            }
            hour = end;
            self.learner.advance(self.wall(hour), if lost { Sensor::Lost } else { Sensor::Healthy });
            if promotion {
                ticks.push(Tick {
                    hour,
                    evidence: self.learner.evidence(&self.name).unwrap_or_default(),
                    held: self.learner.hold(&self.name, self.wall(hour)).is_some(),
                    last_new: self.last_new,
                });
            }
            if due.next_if(|due| *due <= hour).is_some() {
                let report = self.learner.report(&self.name).expect("the service is known");
                checks.push(Check {
                    hour,
                    stated: [report.upper_hour, report.upper_day],
                    point: [report.point_hour, report.point_day],
                    truth: HORIZONS.map(|h| self.truth(hour, h)),
                    outcome: [false; 2],
                });
            }
        }
        let news: Vec<f64> = self.first_seen.iter().flatten().copied().collect();
        for check in &mut checks {
            let within = |h: &f64| news.iter().any(|first| *first > check.hour && *first <= check.hour + h);
            check.outcome = [within(&HORIZONS[0]), within(&HORIZONS[1])];
        }
        let becomes_rule = |key: &&EdgeKey| self.learner.standing(key).map(Standing::becomes_rule);
        Track {
            checks,
            ticks,
            scan_edges: self.scan_keys.len(),
            scan_learned: self.scan_keys.iter().filter(|key| becomes_rule(key) == Some(true)).count(),
            legitimate_set_aside: self.keys.iter().filter(|key| becomes_rule(key) == Some(false)).count(),
            surprises: std::mem::take(&mut self.surprises),
            edges: std::mem::take(&mut self.edges),
            first_seen: std::mem::take(&mut self.first_seen),
            family: self.service.family,
            declared_unused: self.service.declared_unused,
        }
    }

    fn wall(&self, hour: f64) -> Timestamp {
        Timestamp((MONDAY_MS + (self.service.offset + hour) * 3_600_000.0) as u64)
    }

    fn push(&mut self, hour: f64, what: What) {
        if hour < HOURS {
            self.serial += 1;
            self.queue.push(Reverse(At(hour, self.serial, what)));
        }
    }

    fn add(&mut self, edge: Edge, hour: f64) {
        let index = self.edges.len();
        self.keys.push(key(&self.name, &format!("peer-{index}.example"), 443));
        self.first_seen.push(None);
        self.learned.push(false);
        self.episodes.push(0);
        self.edges.push(edge);
        self.schedule(index, hour);
    }

    /// The next occurrence of an edge after `hour`.
    fn schedule(&mut self, index: usize, hour: f64) {
        let next = match self.edges[index].kind {
            Kind::Poisson { rate, load } => {
                let peak = rate * Service::PEAK;
                let mut time = hour;
                loop {
                    time += self.random.exponential(peak);
                    if time >= HOURS || self.random.chance(self.service.load(load, time) / Service::PEAK) {
                        break time;
                    }
                }
            }
            Kind::Cron { period, phase } => {
                let jitter = self.random.between(0.0, period.min(1.0) * 0.05);
                phase + ((hour - phase) / period).floor().max(-1.0) * period + period + jitter
            }
            Kind::Burst { .. } | Kind::Boot { .. } | Kind::Failover { .. } => return,
        };
        self.push(next, What::Edge(index));
    }

    fn happen(&mut self, hour: f64, what: What, lost: bool) {
        match what {
            What::Edge(index) => {
                self.occur(index, hour, lost);
                // Occurrences within an hour are one episode, and after some episodes nothing changes any more.
                let skip = if self.episodes[index] < 5 { 1.0 } else { 24.0 };
                self.schedule(index, hour + skip);
            }
            What::Extra(index) => self.occur(index, hour, lost),
            What::Group(group) => {
                self.burst(hour, group);
                let next = hour + self.random.exponential(self.service.group_rates[group]);
                self.push(next, What::Group(group));
            }
            What::Restart => {
                self.start(hour);
                let next = hour + self.random.exponential(self.service.restart_rate);
                self.push(next, What::Restart);
            }
            What::Deploy => {
                self.image += 1;
                self.start(hour);
                if self.random.chance(self.service.deploy_new) {
                    for _ in 0..self.random.count(1, 3) {
                        self.birth(hour);
                    }
                }
                let next = hour + self.random.exponential(self.service.deploy_rate);
                self.push(next, What::Deploy);
            }
            What::Birth => {
                self.birth(hour);
                let next = hour + self.random.exponential(self.service.birth_rate);
                self.push(next, What::Birth);
            }
            What::Failover => {
                for index in 0..self.edges.len() {
                    if let Kind::Failover { chance } = self.edges[index].kind
                        && self.random.chance(chance)
                    {
                        let time = hour + self.random.between(0.0, 0.1);
                        self.push(time, What::Extra(index));
                    }
                }
                let next = hour + self.random.exponential(self.service.failover_rate);
                self.push(next, What::Failover);
            }
            What::Scan(number) => self.scan(hour, number),
        }
    }

    fn burst(&mut self, hour: f64, group: usize) {
        self.bursts[group] = hour;
        for index in 0..self.edges.len() {
            if let Kind::Burst { group: own, chance } = self.edges[index].kind
                && own == group
                && self.random.chance(chance)
            {
                let mut time = hour;
                for _ in 0..self.random.count(1, 4) {
                    time += self.random.exponential(1.0);
                    self.push(time, What::Extra(index));
                }
            }
        }
    }

    fn birth(&mut self, hour: f64) {
        let rate = self.random.log_normal(1.0, 2.0);
        let kind = Kind::Poisson { rate, load: Load::Diurnal };
        self.add(Edge { kind, template: None, declared: false }, hour);
    }

    fn start(&mut self, hour: f64) {
        let old = WorkloadId(format!("workload-{}", self.starts).into());
        self.learner.workload_down(&old, self.wall(hour));
        self.starts += 1;
        let workload = self.workload(Some(self.wall(hour)));
        self.learner.workload_up(&workload, self.wall(hour));
        for index in 0..self.edges.len() {
            let chance = match self.edges[index].kind {
                Kind::Boot { chance } => chance,
                // Connection pools open at once.
                Kind::Poisson { rate, .. } if rate > 0.5 => 0.6,
                _ => continue,
            };
            if self.random.chance(chance) {
                let time = hour + self.random.between(0.0005, 0.05);
                self.push(time, What::Extra(index));
            }
        }
    }

    fn workload(&self, started: Option<Timestamp>) -> Workload {
        Workload {
            name: "test".into(),
            owner: WorkloadOwner::Compose,
            runtime: "docker".into(),
            image: "test".into(),
            image_digest: Some(format!("sha256:{}", self.image).into()),
            pid: 1,
            started,
            ..Workload::new(WorkloadId(format!("workload-{}", self.starts).into()), self.name.clone())
        }
    }

    /// The service tries ports of one peer, or neighbours that mostly do not answer, within two minutes.
    fn scan(&mut self, hour: f64, number: usize) {
        let targets = self.random.count(100, 300);
        let ports = self.random.chance(0.5);
        for n in 0..targets {
            let time = hour + n as f64 / targets as f64 / 30.0;
            let key = if ports {
                key(&self.name, &format!("victim-{number}"), 1 + n as u16)
            } else {
                key(&self.name, &format!("victim-{number}-{n}"), 22)
            };
            let answered = Some(self.random.chance(0.05));
            let learned =
                self.learner.observe(&Sighting { answered, ..Sighting::new(&key, self.wall(time)) });
            self.take_back(&learned.spike);
            self.scan_keys.push(key);
        }
    }

    fn take_back(&mut self, spike: &[EdgeKey]) {
        for key in spike {
            if let Some(index) = self.keys.iter().position(|k| k == key) {
                self.learned[index] = false;
            }
        }
    }

    fn occur(&mut self, index: usize, hour: f64, lost: bool) {
        if !self.learned[index] {
            let held = self.learner.hold(&self.name, self.wall(hour)).is_some();
            self.surprises.push(Surprise { hour, edge: index, held });
        }
        if lost && self.random.chance(0.5) {
            return;
        }
        let sighting = Sighting { answered: Some(true), ..Sighting::new(&self.keys[index], self.wall(hour)) };
        let learned = self.learner.observe(&sighting);
        self.take_back(&learned.spike);
        if learned.is_new {
            self.first_seen[index] = Some(hour);
        }
        if learned.standing.becomes_rule() && !self.learned[index] {
            self.last_new = hour;
            self.learned[index] = true;
        }
        self.episodes[index] += 1;
    }

    /// The true chance that the next `horizon` hours show an edge that the learner has not seen.
    fn truth(&self, hour: f64, horizon: f64) -> f64 {
        let s = self.service;
        let mut rates = [0.0; 3];
        let mut silent = 1.0;
        let mut groups = vec![1.0; s.group_rates.len()];
        let (mut boots, mut failovers) = (1.0, 1.0);
        for (edge, _) in self.edges.iter().zip(&self.first_seen).filter(|(_, seen)| seen.is_none()) {
            match edge.kind {
                Kind::Poisson { rate, load } => rates[load as usize] += rate,
                // Who has waited for e of p hours knows that it comes within the other p − e.
                Kind::Cron { period, .. } => {
                    silent *= 1.0 - (horizon / (period - hour).max(horizon)).min(1.0)
                }
                Kind::Burst { group, chance } => {
                    groups[group] *= 1.0 - chance;
                    // The last burst may still be going on, and have this edge in it.
                    let waiting = chance * (self.bursts[group] - hour).exp();
                    silent *= 1.0 - waiting / (1.0 - chance + waiting) * (1.0 - (-horizon).exp());
                }
                Kind::Boot { chance } => boots *= 1.0 - chance,
                Kind::Failover { chance } => failovers *= 1.0 - chance,
            }
        }
        let steady: f64 =
            Load::ALL.iter().map(|load| rates[*load as usize] * s.load_over(*load, hour, horizon)).sum();
        let bursts: f64 = s.group_rates.iter().zip(&groups).map(|(rate, quiet)| rate * (1.0 - quiet)).sum();
        let events = bursts
            + (s.restart_rate + s.deploy_rate) * (1.0 - boots)
            + s.deploy_rate * s.deploy_new
            + s.birth_rate
            + s.failover_rate * (1.0 - failovers);
        1.0 - silent * (-steady - events * horizon).exp()
    }
}

fn key(client: &ServiceName, server: &str, port: u16) -> EdgeKey {
    EdgeKey {
        client: Peer::Service(client.clone()),
        server: Peer::External(ExternalName(server.into())),
        protocol: IpProtocol::TCP,
        port,
        application: Application::UNKNOWN,
    }
}
