//! What survives a restart.

use crate::{
    Forecasts, Learner, Scale, Settings,
    clock::{Clock, HOUR_MS},
    edges::{Record, SavedEdge, Slot},
    service::{Memory, Service},
};
use bulkhead_model::{Direction, Peer, ServiceName};
use serde::{Deserialize, Serialize};

/// Everything about one service that has to survive a restart. Opaque; made by [`Learner::save`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedService {
    name: ServiceName,
    scale: Scale,
    memory: Memory,
    edges: Vec<SavedEdge>,
}

impl SavedService {
    pub fn name(&self) -> &ServiceName {
        &self.name
    }
}

/// What of the estate as a whole has to survive a restart. Opaque; made by [`Learner::save_estate`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedEstate {
    clock: Clock,
    forecasts: Forecasts,
}

impl Learner {
    /// Services that are worth saving: those whose edges or workloads changed since the last call, and every two minutes
    /// those whose time has passed.
    pub fn take_changed(&mut self) -> Vec<ServiceName> {
        let changed = self.services.iter_mut();
        changed.filter_map(|(name, s)| std::mem::take(&mut s.dirty).then(|| name.clone())).collect()
    }

    pub fn save(&self, name: &ServiceName) -> Option<SavedService> {
        let service = self.services.get(name)?;
        let own = Peer::Service(name.clone());
        let edges = service.edges.iter().map(|(slot, record)| SavedEdge {
            edge: self.learned_edge(&own, *slot, record),
            episode: record.episode,
            hour: record.hour,
        });
        Some(SavedService {
            name: name.clone(),
            scale: self.settings.scale,
            memory: service.memory.clone(),
            edges: edges.collect(),
        })
    }

    pub fn save_estate(&self) -> SavedEstate {
        SavedEstate { clock: self.clock.clone(), forecasts: self.forecasts.clone() }
    }

    /// Restores a saved estate and its services; the time until the next [`Learner::advance`] was not observed. What
    /// was learned by a clock of another scale keeps its edges, but not its hours: they were counted in another unit.
    pub fn restore(settings: Settings, estate: Option<SavedEstate>, services: Vec<SavedService>) -> Self {
        let mut learner = Self::new(settings);
        if let Some(saved) = estate
            && saved.clock.scale() == settings.scale
        {
            learner.clock = saved.clock.resumed(settings.max_gap);
            if saved.forecasts.is_whole() {
                learner.forecasts = saved.forecasts;
            }
        }
        for saved in services {
            learner.restore_service(saved);
        }
        learner
    }

    fn restore_service(&mut self, saved: SavedService) {
        let estimator = self.clock.elapsed();
        let same_clock = saved.scale == self.settings.scale;
        let mut service = Service::new(saved.memory.first_seen, estimator);
        if same_clock {
            service.memory = saved.memory;
            // Whether it ran while nobody watched is not known.
            service.memory.paused = None;
            service.memory.forecast = None;
        } else {
            service.memory.images = saved.memory.images;
        }
        for SavedEdge { edge, episode, hour } in saved.edges {
            let other = match edge.direction {
                Direction::Egress => &edge.key.server,
                Direction::Ingress => &edge.key.client,
            };
            let record = Record {
                first_seen: edge.first_seen,
                last_seen: edge.last_seen,
                episode: if same_clock { episode } else { estimator },
                hour: if same_clock { hour } else { u32::try_from(estimator / HOUR_MS).unwrap_or(u32::MAX) },
                hits: edge.connections,
                episodes: if same_clock { edge.episodes } else { 1 },
                standing: edge.standing,
                from_startup: edge.from_startup,
            };
            let slot = Slot::new(&edge.key, self.peers.number(other), edge.direction);
            service.edges.insert(slot, record);
        }
        service.recount();
        service.dirty = !same_clock;
        self.services.insert(saved.name, service);
    }
}
