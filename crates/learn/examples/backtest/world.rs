//! Synthetic services: what they would connect to if nobody watched.

use super::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Micro,
    Low,
    Idle,
    Hub,
    OpenEnded,
    Batch,
    Bursty,
    Drifting,
    Scanned,
}

impl Class {
    pub(crate) const ALL: [Class; 9] = [
        Self::Micro,
        Self::Low,
        Self::Idle,
        Self::Hub,
        Self::OpenEnded,
        Self::Batch,
        Self::Bursty,
        Self::Drifting,
        Self::Scanned,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Micro => "micro",
            Self::Low => "low traffic",
            Self::Idle => "idle",
            Self::Hub => "hub",
            Self::OpenEnded => "open-ended",
            Self::Batch => "batch",
            Self::Bursty => "bursty",
            Self::Drifting => "drifting",
            Self::Scanned => "scanned",
        }
    }

    /// Percent of the mix.
    fn share(self) -> u32 {
        match self {
            Self::Micro => 30,
            Self::Low => 18,
            Self::Idle => 7,
            Self::Hub | Self::Batch => 10,
            Self::OpenEnded | Self::Scanned => 5,
            Self::Bursty => 8,
            Self::Drifting => 7,
        }
    }

    /// The class of service number `index`, so that every hundred services hold the exact mix.
    pub(crate) fn of(index: usize) -> Self {
        let mut place = (index * 37 % 100) as u32;
        for class in Self::ALL {
            if place < class.share() {
                return class;
            }
            place -= class.share();
        }
        Self::Micro
    }
}

/// How the load of an edge follows the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    Flat,
    Diurnal,
    Office,
}

impl Load {
    pub(crate) const ALL: [Load; 3] = [Self::Flat, Self::Diurnal, Self::Office];
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// `rate` an hour on average over the week.
    Poisson { rate: f64, load: Load },
    /// Fires with `chance` whenever its group has a burst, for a few hours.
    Burst { group: usize, chance: f64 },
    /// Every `period` hours, first at `phase`.
    Cron { period: f64, phase: f64 },
    /// With `chance` right after a start.
    Boot { chance: f64 },
    /// With `chance` at a failover.
    Failover { chance: f64 },
}

#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) kind: Kind,
    /// The edge of the image that it is an instance of.
    pub(crate) template: Option<u32>,
    /// Named by a Compose file, an environment variable or an argument.
    pub(crate) declared: bool,
}

/// One synthetic service.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) class: Class,
    /// Services of one family run the same image.
    pub(crate) family: Option<usize>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) group_rates: Vec<f64>,
    pub(crate) restart_rate: f64,
    pub(crate) deploy_rate: f64,
    /// Chance that a deployment brings new edges.
    pub(crate) deploy_new: f64,
    pub(crate) birth_rate: f64,
    pub(crate) failover_rate: f64,
    pub(crate) scans: Vec<f64>,
    /// Share of the time in which the sensor loses events.
    pub(crate) lossy: f64,
    /// Its first start is watched; otherwise it ran before.
    pub(crate) fresh: bool,
    /// Hour of the week at which watching begins; 0 is Monday midnight.
    pub(crate) offset: f64,
    amplitude: f64,
    weekend: f64,
    /// Names declared that are never spoken to.
    pub(crate) declared_unused: usize,
}

/// What makes the second mix harder: slower and wider rates, sharper weeks, more restarts, deployments and losses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mix {
    pub(crate) name: &'static str,
    pub(crate) hard: bool,
}

pub(crate) const MIXES: [Mix; 2] =
    [Mix { name: "prototype", hard: false }, Mix { name: "harder", hard: true }];

const PERIODS: [f64; 9] = [1.0 / 12.0, 0.25, 1.0, 1.0, 6.0, 24.0, 24.0, 168.0, 720.0];

/// Services in a family.
const FAMILY: usize = 6;

impl Service {
    pub(crate) fn generate(mix: Mix, seed: u64, index: usize) -> Self {
        let class = Class::of(index);
        let mut own = Random::new(seed ^ (index as u64).wrapping_mul(0xd134_2543_de82_ef95));
        // Half of the services belong to families; a family is of one class and is spread over blocks of the mix.
        let number = index % 100 + 100 * (index / (100 * FAMILY));
        let family = (index.is_multiple_of(2) && class != Class::OpenEnded).then_some(number);
        // The edges of a family come from a generator of its own.
        let mut shared = family.map(|family| Random::new(seed ^ 0xfa51_1900 ^ ((family as u64) << 20)));
        let source = shared.as_mut().unwrap_or(&mut own);
        let (mut edges, group_rates) = templates(class, mix, source);
        if family.is_some() {
            // A service has most of its image's edges, at rates of its own.
            edges.retain(|_| own.chance(0.85));
            for edge in &mut edges {
                if let Kind::Poisson { rate, .. } = &mut edge.kind {
                    *rate *= own.log_normal(1.0, 1.0);
                }
            }
        } else {
            edges.iter_mut().for_each(|edge| edge.template = None);
        }
        for edge in &mut edges {
            if let Kind::Cron { period, phase } = &mut edge.kind {
                *phase = own.between(0.0, *period);
            }
            edge.declared = class != Class::OpenEnded && own.chance(0.5);
        }
        let scans = match class {
            Class::Scanned => (0..own.count(1, 3)).map(|_| own.between(0.0, 400.0)).collect(),
            _ => Vec::new(),
        };
        let scale = |easy: f64, hard: f64| if mix.hard { hard } else { easy };
        let drift_hours = own.log_normal(scale(96.0, 60.0), 0.5);
        Self {
            class,
            family,
            declared_unused: if own.chance(0.3) { own.count(1, 3) } else { 0 },
            edges,
            group_rates,
            restart_rate: 1.0 / (24.0 * own.log_normal(scale(7.0, 4.0), 0.7)),
            deploy_rate: 1.0 / (24.0 * own.log_normal(scale(20.0, 8.0), 0.8)),
            deploy_new: scale(0.2, 0.4),
            birth_rate: if class == Class::Drifting { 1.0 / drift_hours } else { 0.0 },
            failover_rate: 1.0 / scale(720.0, 400.0),
            scans,
            lossy: if own.chance(0.2) { own.between(0.0, scale(0.05, 0.15)) } else { 0.0 },
            fresh: own.chance(0.5),
            offset: own.between(0.0, 168.0),
            amplitude: own.between(0.0, 0.95),
            weekend: own.between(scale(0.2, 0.05), 1.0),
        }
    }

    /// No load is higher.
    pub(crate) const PEAK: f64 = 3.3;

    /// Load factor at `hour` since watching began; about 1 on average over the week.
    pub(crate) fn load(&self, load: Load, hour: f64) -> f64 {
        let week = (hour + self.offset).rem_euclid(168.0);
        let weekend = week >= 120.0;
        let day = week % 24.0;
        match load {
            Load::Flat => 1.0,
            Load::Diurnal => {
                let wave = 1.0 + self.amplitude * (std::f64::consts::TAU * (day - 14.0) / 24.0).cos();
                let level = 7.0 / (5.0 + 2.0 * self.weekend);
                wave * level * if weekend { self.weekend } else { 1.0 }
            }
            Load::Office if !weekend && (8.0..18.0).contains(&day) => 3.2,
            Load::Office => 0.07,
        }
    }

    /// Integral of the load over `horizon` hours from `hour` on.
    pub(crate) fn load_over(&self, load: Load, hour: f64, horizon: f64) -> f64 {
        let steps = (horizon * 4.0).clamp(4.0, 96.0) as usize;
        let width = horizon / steps as f64;
        (0..steps).map(|n| self.load(load, hour + (n as f64 + 0.5) * width) * width).sum()
    }
}

/// The edges of an image, or of a service that is alone with its image, and the rates of its groups of bursts.
fn templates(class: Class, mix: Mix, source: &mut Random) -> (Vec<Edge>, Vec<f64>) {
    let sigma = if mix.hard { 3.2 } else { 2.6 };
    let count = match class {
        Class::Micro | Class::Drifting | Class::Scanned => source.count(2, 12),
        Class::Low => source.count(2, 8),
        Class::Idle => source.count(0, 2),
        Class::Hub => source.count(40, 250),
        Class::OpenEnded => 2500,
        Class::Batch => source.count(2, 10),
        Class::Bursty => source.count(5, 25),
    };
    let groups = if class == Class::Bursty { source.count(2, 4) } else { 0 };
    let group_rates: Vec<f64> = (0..groups).map(|_| source.log_normal(0.15, 1.5).min(4.0)).collect();
    let zipf = source.between(0.9, 1.3);
    let total = source.log_normal(60.0, 0.8);
    let norm: f64 = (1..=2500).map(|rank| f64::from(rank).powf(-zipf)).sum();
    let (flat, diurnal) = if mix.hard { (0.25, 0.8) } else { (0.4, 0.92) };
    let mut kinds: Vec<Kind> = (0..count)
        .map(|n| {
            let load = match source.unit() {
                u if u < flat => Load::Flat,
                u if u < diurnal => Load::Diurnal,
                _ => Load::Office,
            };
            let mut poisson =
                |median: f64, sigma: f64| Kind::Poisson { rate: source.log_normal(median, sigma), load };
            match class {
                Class::Micro | Class::Drifting | Class::Scanned => poisson(3.0, sigma),
                Class::Low => poisson(0.3, sigma),
                Class::Idle => poisson(0.01, sigma),
                Class::Hub => poisson(2.0, sigma + 0.4),
                Class::OpenEnded => {
                    Kind::Poisson { rate: total * ((n + 1) as f64).powf(-zipf) / norm, load: Load::Diurnal }
                }
                Class::Batch if source.chance(0.2) => {
                    Kind::Poisson { rate: source.log_normal(0.5, sigma), load }
                }
                Class::Batch => Kind::Cron { period: source.pick(&PERIODS), phase: 0.0 },
                Class::Bursty => Kind::Burst {
                    group: source.count(0, groups - 1),
                    chance: source.log_normal(0.2, 1.5).clamp(0.002, 0.95),
                },
            }
        })
        .collect();
    if source.chance(0.4) {
        kinds.extend((0..source.count(1, 3)).map(|_| Kind::Boot { chance: source.between(0.3, 1.0) }));
    }
    if source.chance(0.1) {
        kinds.extend((0..source.count(1, 3)).map(|_| Kind::Failover { chance: source.between(0.3, 1.0) }));
    }
    let edge = |(n, kind)| Edge { kind, template: Some(n), declared: false };
    ((0..).zip(kinds).map(edge).collect(), group_rates)
}
