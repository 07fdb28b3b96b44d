//! Documents: what is stored, what is in force, and what follows from a change.

use super::State;
use bulkhead_model::{EventKind, Mode, RuleOrigin, ServiceName, Severity, Timestamp};
use bulkhead_policy::{
    Document, Evaluator, Inventory, Service,
    document::{DocumentKey, Kind},
};
use bulkhead_store::{Change, PolicyRecord, RevisionRecord};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

/// What is known of a document besides itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocumentMeta {
    pub(crate) key: DocumentKey,
    pub(crate) origin: RuleOrigin,
    pub(crate) yaml: String,
    pub(crate) revision: u64,
    pub(crate) updated: Timestamp,
    pub(crate) actor: String,
    /// The set that owns it; a document without one was written by hand.
    pub(crate) manager: Option<String>,
}

/// What is to become of one document: it and its owner, or nothing.
#[derive(Debug, Clone)]
pub(crate) struct Placement {
    pub(crate) key: DocumentKey,
    pub(crate) document: Option<(Document, Option<String>)>,
}

/// One document of a revision, as history keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KeptDocument {
    pub(crate) origin: RuleOrigin,
    pub(crate) yaml: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) manager: Option<String>,
}

const ZONES: &str = "_zone";
const EXTERNALS: &str = "_external";

/// Where a document is found in the interface and in the store: zones and external endpoints belong to no namespace,
/// and have one of their own here that no service can have.
pub(crate) fn path_of(key: &DocumentKey) -> (String, String) {
    let namespace = match key.kind {
        Kind::SegmentationPolicy => &*key.namespace,
        Kind::Zone => ZONES,
        Kind::ExternalEndpoint => EXTERNALS,
    };
    (namespace.to_owned(), key.name.to_string())
}

/// The reverse of [`path_of`].
pub(crate) fn place_of(namespace: &str, name: &str) -> DocumentKey {
    match namespace {
        ZONES => DocumentKey::zone(name),
        EXTERNALS => DocumentKey::external(name),
        _ => DocumentKey::policy(namespace, name),
    }
}

pub(crate) fn origin_of(document: &Document) -> RuleOrigin {
    match document {
        Document::Policy(policy) => policy.tier,
        Document::Zone(_) | Document::External(_) => RuleOrigin::User,
    }
}

impl State {
    /// Puts documents that nobody owns in place (`None` removes) and makes a revision of it.
    pub(crate) fn change_documents(
        &mut self,
        changes: Vec<(DocumentKey, Option<Document>)>,
        actor: &str,
        summary: &str,
        diff: String,
    ) -> u64 {
        let placed = changes
            .into_iter()
            .map(|(key, document)| Placement { key, document: document.map(|document| (document, None)) });
        self.place_documents(placed.collect(), actor, summary, diff)
    }

    /// Puts documents in place and makes a revision of it.
    pub(crate) fn place_documents(
        &mut self,
        changes: Vec<Placement>,
        actor: &str,
        summary: &str,
        diff: String,
    ) -> u64 {
        if changes.is_empty() {
            return self.revision;
        }
        self.expire_rules();
        self.revision += 1;
        self.generation += 1;
        let (revision, now) = (self.revision, self.now);
        let mut set = (*self.set).clone();
        let documents = Arc::make_mut(&mut self.documents);
        for Placement { key, document } in changes {
            let (namespace, name) = path_of(&key);
            match document {
                None => {
                    set.remove(&key);
                    documents.remove(&(namespace.clone(), name.clone()));
                    self.effects.changes.push(Change::RemovePolicy { namespace, name });
                }
                Some((document, manager)) => {
                    let meta = DocumentMeta {
                        key,
                        origin: origin_of(&document),
                        yaml: document.to_yaml(),
                        revision,
                        updated: now,
                        actor: actor.to_owned(),
                        manager: manager.clone(),
                    };
                    self.effects.changes.push(Change::Policy(PolicyRecord {
                        namespace: namespace.clone(),
                        name: name.clone(),
                        origin: meta.origin.to_string(),
                        yaml: meta.yaml.clone(),
                        revision,
                        updated: now,
                        actor: actor.to_owned(),
                        manager,
                    }));
                    documents.insert((namespace, name), meta);
                    set.insert(document);
                }
            }
        }
        let kept: Vec<KeptDocument> = documents
            .values()
            .map(|meta| KeptDocument {
                origin: meta.origin,
                yaml: meta.yaml.clone(),
                manager: meta.manager.clone(),
            })
            .collect();
        self.set = Arc::new(set);
        self.look_for_expiry();
        self.effects.changes.push(Change::Revision(RevisionRecord {
            revision,
            time: now,
            actor: actor.to_owned(),
            summary: summary.to_owned(),
            diff,
            documents: serde_json::to_string(&kept).unwrap_or_default(),
        }));
        let kind = EventKind::PolicyChanged { revision, actor: actor.into(), summary: summary.into() };
        self.emit(Severity::Notice, format!("policy revision {revision} by {actor}: {summary}"), kind);
        self.stale.policy = true;
        self.effects.view = true;
        self.follow_requested_modes();
        revision
    }

    /// Modes that documents ask for are followed when the document comes or changes; a person may then go elsewhere.
    pub(super) fn follow_requested_modes(&mut self) {
        self.bind_inventory();
        let set = Arc::clone(&self.set);
        let inventory = Arc::clone(&self.inventory);
        for service in inventory.services() {
            let wish = set.requested_mode(service);
            let mode = wish.as_ref().map(|(mode, _)| *mode);
            let Some(record) = self.services.get_mut(&service.name) else { continue };
            if record.requested == mode {
                continue;
            }
            record.requested = mode;
            self.dirty_services.insert(service.name.clone());
            if let Some((mode, key)) = wish {
                let why = format!("document {key} asks for it");
                self.enter_mode(&service.name, mode, &format!("document {key}"), &why, false);
            }
        }
    }

    /// Whether a resolved name matters to the policy in force.
    pub(super) fn policy_names(&self, name: &str) -> bool {
        // Cheap and on the safe side: any rule or endpoint with a name makes every new address of a name matter.
        self.name_patterns().any(|pattern| bulkhead_policy::name_matches(&pattern, name))
    }

    /// Names that rules speak of, some of them several times.
    fn name_patterns(&self) -> impl Iterator<Item = Box<str>> + '_ {
        let rules = self.set.policies().flat_map(|policy| policy.ingress.iter().chain(&policy.egress));
        rules.flat_map(|rule| &rule.peers).flat_map(|peer| self.set.external_parts(peer)).filter_map(|part| {
            match part {
                bulkhead_policy::ExternalPart::Name(pattern) => Some(pattern),
                bulkhead_policy::ExternalPart::Cidr(_) => None,
            }
        })
    }

    pub(super) fn resolved(&mut self, name: &str, addresses: &[IpAddr], ttl_seconds: u32) {
        if self.names.learn(name, addresses, ttl_seconds, self.now) {
            self.stale.inventory |= self.policy_names(name);
        }
        if self.names.is_crowded() {
            let patterns: BTreeSet<Box<str>> = self.name_patterns().collect();
            let matters = |name: &str| patterns.iter().any(|p| bulkhead_policy::name_matches(p, name));
            self.names.make_room(matters);
            self.stale.inventory = true;
        }
    }

    fn bind_inventory(&mut self) {
        let mut inventory = Inventory::new(self.services.iter().map(|(name, record)| {
            let mut service = Service::new(name.clone(), record.identity);
            service.labels.clone_from(&record.labels);
            service.mode = record.kernel_mode();
            for id in &record.running {
                for exposure in self.workloads.get(id).into_iter().flat_map(|workload| &workload.exposes) {
                    if !service.exposes.contains(exposure) {
                        service.exposes.push(*exposure);
                    }
                }
            }
            service
        }));
        for (name, addresses) in self.names.all() {
            inventory.resolve(name, addresses);
        }
        if *self.inventory != inventory {
            self.inventory = Arc::new(inventory);
        }
    }

    /// Brings everything that is derived up to date.
    pub(crate) fn bring_up_to_date(&mut self) {
        self.expire_rules();
        self.write_learned();
        if self.stale.inventory {
            let before = Arc::clone(&self.inventory);
            self.bind_inventory();
            self.follow_requested_modes();
            self.stale.policy |= !Arc::ptr_eq(&before, &self.inventory);
            self.stale.inventory = false;
        }
        // A mode that a document asked for may have brought a learned document with it.
        self.write_learned();
        let everything = self.stale.policy;
        if self.stale.policy {
            self.stale.policy = false;
            self.stale.inventory = false;
            self.bind_inventory();
            let compiled = self.compile();
            self.book = Arc::new(self.compiler.book().clone());
            if *compiled != *self.compiled || self.revision == 0 {
                self.compiled = compiled;
                self.revision += 1;
                self.effects
                    .changes
                    .push(Change::Setting { key: "revision", data: self.revision.to_string() });
            }
            self.save_book();
            // Identities may be new although the tables are not.
            self.effects.publish = true;
            self.effects.view = true;
        }
        self.judge(everything);
    }

    /// Numbers that were given must mean the same after a restart: events, edges and kernels speak of them.
    fn save_book(&mut self) {
        let given = self.compiler.book().given();
        if given == self.book_saved {
            return;
        }
        self.book_saved = given;
        if let Ok(data) = serde_json::to_string(self.compiler.book()) {
            self.effects.changes.push(Change::Setting { key: "rule-book", data });
        }
    }

    fn judge(&mut self, everything: bool) {
        let stale = std::mem::take(&mut self.stale.edges);
        if !everything && stale.is_empty() {
            return;
        }
        let (set, inventory) = (Arc::clone(&self.set), Arc::clone(&self.inventory));
        let evaluator = Evaluator::new(&set, &inventory, self.compiler.book_mut(), self.now);
        let mut changed = Vec::new();
        let mut judge = |record: &mut super::EdgeRecord| {
            let judged = super::judged_edge(record, &evaluator);
            if record.judged.as_deref() != Some(&judged) {
                let judged = Arc::new(judged);
                record.judged = Some(Arc::clone(&judged));
                changed.push(judged);
            }
        };
        if everything {
            self.edges.values_mut().for_each(&mut judge);
        } else {
            for key in &stale {
                if let Some(record) = self.edges.get_mut(key) {
                    judge(record);
                }
            }
        }
        self.effects.view |= !changed.is_empty();
        let changes =
            changed.into_iter().map(|judged| bulkhead_api::GraphChange::Edge(Box::new((*judged).clone())));
        self.effects.graph.extend(changes);
    }

    /// Writes learned documents again where learning moved: in Monitor always; in Enforce only what a person decided.
    fn write_learned(&mut self) {
        let names = std::mem::take(&mut self.stale.learned);
        let mut changes = Vec::new();
        let mut told: BTreeMap<ServiceName, (usize, usize)> = BTreeMap::new();
        let mut diff = String::new();
        for name in names {
            let Some(record) = self.services.get(&name) else { continue };
            if !matches!(record.mode, Mode::Monitor | Mode::Enforce) {
                continue;
            }
            let policy = self.learned_of(&name);
            let key = policy.key();
            let new = policy.to_yaml();
            let old = self.documents.get(&path_of(&key)).map(|meta| meta.yaml.as_str());
            if old == Some(new.as_str()) {
                continue;
            }
            diff.push_str(&crate::diff::unified(&key.to_string(), old.unwrap_or_default(), &new));
            told.insert(name, (policy.ingress.len(), policy.egress.len()));
            changes.push((key, Some(Document::Policy(policy))));
        }
        if changes.is_empty() {
            return;
        }
        let list: Vec<String> = told
            .iter()
            .map(|(name, (ingress, egress))| format!("{name} ({ingress} ingress, {egress} egress rules)"))
            .collect();
        let summary = format!("learned policy of {}", list.join(", "));
        self.change_documents(changes, "learning", &summary, diff);
    }
}
