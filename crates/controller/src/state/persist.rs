//! From the store and to it.

use super::{
    State, admin::Admin, documents, edge_id, edges::EdgeRecord, events::Log, identities::Identities,
};
use crate::config::ControllerConfig;
use bulkhead_api::{Outputs, Settings};
use bulkhead_learn::{Learner, SavedEstate, SavedService, Scale};
use bulkhead_model::{Peer, ServiceName, Timestamp};
use bulkhead_policy::{Compiler, Inventory, PolicySet, ReadOptions, RuleBook, document};
use bulkhead_store::{Change, Loaded, ServiceRecord as Stored};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, sync::Arc};

/// Most edges that one save writes; the rest waits for the next.
const EDGES: usize = 5_000;

pub(super) fn read<T: DeserializeOwned>(what: &str, data: &str) -> Option<T> {
    match serde_json::from_str(data) {
        Ok(value) => Some(value),
        Err(error) => {
            tracing::error!(what, %error, "a stored record cannot be read; it is left out");
            None
        }
    }
}

impl State {
    pub(crate) fn restore(config: &ControllerConfig, loaded: Loaded, now: Timestamp) -> Self {
        let setting =
            |key: &str| loaded.settings.iter().find(|(known, _)| known == key).map(|(_, data)| data.as_str());
        let mut settings: Settings = setting("settings")
            .and_then(|data| read("settings", data))
            .unwrap_or_else(|| config.settings.clone());
        if let Some(automatic) = config.automatic {
            settings.automatic = automatic;
        }
        if let Some(profile) = config.profile {
            settings.profile = profile;
        }
        let scale = Scale::new(config.learn_scale).unwrap_or(Scale::REAL);
        let gates = super::learning::gates_of(&settings.gates);
        let learn = bulkhead_learn::Settings { scale, gates, ..bulkhead_learn::Settings::default() };
        let estate: Option<SavedEstate> = setting("learner-estate").and_then(|data| read("estate", data));
        let learners: Vec<SavedService> =
            loaded.learners.iter().filter_map(|(_, data)| read("learner", data)).collect();
        let learner = Learner::restore(learn, estate, learners);
        let book: RuleBook =
            setting("rule-book").and_then(|data| read("rule book", data)).unwrap_or_default();
        let book_saved = book.given();
        let outputs: Outputs = setting("outputs").and_then(|data| read("outputs", data)).unwrap_or_default();
        let revision: u64 =
            setting("revision").and_then(|data| data.parse().ok()).unwrap_or(0).max(loaded.revision);
        let services: BTreeMap<ServiceName, super::ServiceRecord> = loaded
            .services
            .iter()
            .filter_map(|stored| Some((stored.name.clone(), read("service", &stored.data)?)))
            .collect();
        let edges: BTreeMap<_, EdgeRecord> = loaded
            .edges
            .iter()
            .filter_map(|(_, data)| read::<EdgeRecord>("edge", data))
            .map(|record| (record.key.clone(), record))
            .collect();
        let decisions =
            loaded.decisions.iter().filter_map(|d| Some((d.id.clone(), read("decision", &d.data)?)));
        let (set, documents) = documents_of(&loaded);
        let mut state = Self {
            now,
            started: now,
            node: config.node.clone(),
            settings,
            scale,
            effects: super::Effects::default(),
            identities: Identities::new(loaded.identities, loaded.next_identity),
            services,
            workloads: std::collections::HashMap::new(),
            edges,
            sources: Default::default(),
            awaited: Default::default(),
            names: super::names::Names::restore(setting(super::names::KEY), now),
            learner,
            documents: Arc::new(documents),
            set: Arc::new(set),
            inventory: Arc::new(Inventory::default()),
            book: Arc::new(book.clone()),
            compiler: Compiler::new(book),
            compiled: Arc::default(),
            expiry: super::expiry::Expiry::restore(setting(super::expiry::KEY), now),
            book_saved,
            trials: super::trials::Trials::restore(&loaded.objects, setting(super::trials::ATOMS), now),
            proposals: super::proposals::restore(&loaded.objects),
            recent: super::history::Recent::default(),
            revision,
            generation: 0,
            stream_flows: false,
            held: false,
            stale: super::Stale { policy: true, inventory: true, ..super::Stale::default() },
            log: Log { last_event: loaded.last_event, last_position: loaded.last_position },
            denials: super::denials::Denials::default(),
            scans: super::scans::Scans::default(),
            decisions: decisions.collect(),
            degraded: BTreeMap::new(),
            unidentified: BTreeMap::new(),
            health: None,
            applied: 0,
            lost: 0,
            connected: Default::default(),
            sensor_lost: false,
            admin: Admin {
                tokens: loaded.tokens.into_iter().map(|token| (token.id.clone(), token)).collect(),
                sessions: loaded.sessions.into_iter().map(|s| (s.hash.clone(), s)).collect(),
                outputs,
                audit_sequence: loaded.audit_sequence,
                audit_head: loaded.audit_head,
            },
            active: Default::default(),
            dirty_edges: Default::default(),
            fresh: Vec::new(),
            dirty_services: Default::default(),
            last_slow: Timestamp::default(),
            last_save: now,
            last_hour: now,
            ticked: now,
            clock_set: None,
        };
        state.index_sources();
        state.reconcile();
        state
    }

    /// Mends what a crash between two saves has left behind.
    fn reconcile(&mut self) {
        let without: Vec<ServiceName> =
            self.identities.all().keys().filter(|name| !self.services.contains_key(*name)).cloned().collect();
        for name in without {
            self.ensure_service(&name);
        }
        let orphans: Vec<ServiceName> =
            self.services.keys().filter(|name| self.identities.get(name).is_none()).cloned().collect();
        for name in orphans {
            // Its number is unknown: it gets a new one.
            self.services.remove(&name);
            self.ensure_service(&name);
        }
        // An edge is stored at once, what learning makes of it a little later.
        let unknown: Vec<_> = self
            .edges
            .values()
            .filter(|record| record.counters().connections > 0 && record.flagged.is_none())
            .filter(|record| self.learner.standing(&record.key).is_none())
            .map(|record| (record.key.clone(), record.last_seen))
            .collect();
        for (key, last) in unknown {
            self.learner.observe(&bulkhead_learn::Sighting::new(&key, last));
        }
    }

    /// Soon, as the first policy after a restart needs them.
    pub(super) fn save_names(&mut self) {
        if let Some(data) = self.names.take_unsaved() {
            self.effects.changes.push(Change::Setting { key: super::names::KEY, data });
        }
    }

    /// Writes what moved since the last time.
    pub(crate) fn save_dirty(&mut self) {
        self.save_names();
        let services = std::mem::take(&mut self.dirty_services);
        for name in services {
            self.save_service(&name);
        }
        for name in self.learner.take_changed() {
            let saved = self.learner.save(&name).map(|saved| serde_json::to_string(&saved));
            if let Some(Ok(data)) = saved {
                self.effects.changes.push(Change::Learner { service: name, data });
            }
        }
        if let Ok(data) = serde_json::to_string(&self.learner.save_estate()) {
            self.effects.changes.push(Change::Setting { key: "learner-estate", data });
        }
        let some: Vec<_> = self.dirty_edges.iter().take(EDGES).cloned().collect();
        for key in some {
            self.dirty_edges.remove(&key);
            self.save_edge(&key);
        }
    }

    pub(crate) fn save_everything(&mut self) {
        self.watch_trials(true);
        self.save_history(true);
        self.dirty_services.extend(self.services.keys().cloned());
        self.save_dirty();
        while !self.dirty_edges.is_empty() {
            self.save_dirty();
        }
    }

    pub(super) fn save_service(&mut self, name: &ServiceName) {
        let data = self.services.get(name).map(serde_json::to_string);
        if let Some(Ok(data)) = data {
            self.effects.changes.push(Change::Service(Stored { name: name.clone(), data }));
        }
    }

    pub(super) fn save_edge(&mut self, key: &bulkhead_model::EdgeKey) {
        let data = self.edges.get(key).map(serde_json::to_string);
        if let Some(Ok(data)) = data {
            self.effects.changes.push(Change::Edge { id: edge_id(key), data });
        }
    }

    /// Forgets what is older than retention allows, and what nothing refers to any more.
    pub(super) fn expire(&mut self) {
        let now = self.time_of_expiry();
        if self.names.expire(now) {
            self.stale.inventory = true;
        }
        self.expire_sessions();
        let keep = std::time::Duration::from_secs(u64::from(self.settings.retention.edge_days) * 86_400);
        let judged = |peer: &Peer| {
            let record = peer.service().and_then(|name| self.services.get(name));
            record.is_some_and(|record| record.mode != bulkhead_model::Mode::Learn)
        };
        let old: Vec<_> = self
            .edges
            .values()
            .filter(|record| now.since(record.last_seen) > keep)
            .filter(|record| !judged(&record.key.client) && !judged(&record.key.server))
            .map(|record| record.key.clone())
            .collect();
        for key in old {
            self.remove_edge(&key);
            self.learner.forget(&key);
        }
        let named = self.set.named_services();
        let dead: Vec<ServiceName> = self
            .services
            .iter()
            .filter(|(name, record)| {
                record.running.is_empty() && now.since(record.last_seen) > keep && !named.contains(*name)
            })
            .map(|(name, _)| name.clone())
            .filter(|name| {
                let own = Peer::Service(name.clone());
                !self.edges.keys().any(|key| key.client == own || key.server == own)
            })
            .collect();
        for name in dead {
            self.services.remove(&name);
            self.identities.retire(&name);
            self.learner.forget_service(&name);
            self.effects.changes.push(Change::RemoveService(name.clone()));
            self.effects.graph.push(bulkhead_api::GraphChange::NodeRemoved { peer: Peer::Service(name) });
            self.stale.inventory = true;
        }
    }
}

fn documents_of(loaded: &Loaded) -> (PolicySet, BTreeMap<(String, String), documents::DocumentMeta>) {
    let mut set = PolicySet::default();
    let mut metas = BTreeMap::new();
    for record in &loaded.policies {
        let (found, wrong) = document::read("store", &record.yaml, ReadOptions::default());
        for error in wrong {
            tracing::error!(namespace = record.namespace, name = record.name, %error, "a stored document is damaged");
        }
        for document in found {
            let key = document.key();
            let meta = documents::DocumentMeta {
                origin: documents::origin_of(&document),
                yaml: record.yaml.clone(),
                revision: record.revision,
                updated: record.updated,
                actor: record.actor.clone(),
                manager: record.manager.clone(),
                key,
            };
            metas.insert((record.namespace.clone(), record.name.clone()), meta);
            set.insert(document);
        }
    }
    (set, metas)
}
