//! A set of documents that hold together, and what their criteria select.

use crate::{
    document::{
        Cidr, Criteria, Diagnostic, Document, DocumentKey, ExternalEndpoint, Kind, PeerSpec, ReadOptions,
        SegmentationPolicy, Zone, read_located,
    },
    inventory::{Inventory, Service},
};
use bulkhead_model::{Mode, ServiceName, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

/// All documents of an estate, or a candidate for them. Cloning is cheap: documents are shared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicySet {
    policies: BTreeMap<DocumentKey, Arc<SegmentationPolicy>>,
    zones: BTreeMap<Box<str>, Arc<Zone>>,
    externals: BTreeMap<Box<str>, Arc<ExternalEndpoint>>,
}

/// An external endpoint or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExternalPart {
    Cidr(Cidr),
    /// A host name with wildcards.
    Name(Box<str>),
}

impl PolicySet {
    /// Reads texts, each with the name that messages call it by. Either all is well, or every error is returned.
    ///
    /// # Errors
    /// All that is wrong with any of the texts, two documents of the same kind and name among it.
    pub fn read<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
        options: ReadOptions,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (mut set, mut wrong) = (Self::default(), Vec::new());
        let mut places: BTreeMap<DocumentKey, String> = BTreeMap::new();
        for (file, text) in files {
            let (documents, diagnostics) = read_located(file, text, options);
            wrong.extend(diagnostics);
            for (mark, document) in documents {
                let key = document.key();
                let place = format!("{file}:{}", mark.line);
                if let Some(first) = places.get(&key) {
                    wrong.push(Diagnostic {
                        file: file.into(),
                        mark,
                        path: "metadata.name".to_owned(),
                        message: format!("there is a {} '{key}' at {first} already", key.kind),
                        suggestion: Some("give one of them another name".to_owned()),
                    });
                }
                places.entry(key).or_insert(place);
                set.insert(document);
            }
        }
        if wrong.is_empty() { Ok(set) } else { Err(wrong) }
    }

    /// Adds a document or replaces the one of its name; says whether there was one.
    pub fn insert(&mut self, document: Document) -> bool {
        match document {
            Document::Policy(policy) => match self.policies.entry(policy.key()) {
                // What did not change stays the same allocation, which is how the compiler knows it.
                Entry::Occupied(mut old) => {
                    if **old.get() != policy {
                        old.insert(Arc::new(policy));
                    }
                    true
                }
                Entry::Vacant(place) => {
                    place.insert(Arc::new(policy));
                    false
                }
            },
            Document::Zone(zone) => {
                self.zones.insert(zone.metadata.name.as_str().into(), Arc::new(zone)).is_some()
            }
            Document::External(external) => {
                self.externals.insert(external.metadata.name.as_str().into(), Arc::new(external)).is_some()
            }
        }
    }

    /// Removes a document; says whether it was there.
    pub fn remove(&mut self, key: &DocumentKey) -> bool {
        match key.kind {
            Kind::SegmentationPolicy => self.policies.remove(key).is_some(),
            Kind::Zone => self.zones.remove(&key.name).is_some(),
            Kind::ExternalEndpoint => self.externals.remove(&key.name).is_some(),
        }
    }

    pub fn get(&self, key: &DocumentKey) -> Option<Document> {
        match key.kind {
            Kind::SegmentationPolicy => {
                self.policies.get(key).map(|policy| Document::Policy((**policy).clone()))
            }
            Kind::Zone => self.zones.get(&key.name).map(|zone| Document::Zone((**zone).clone())),
            Kind::ExternalEndpoint => {
                self.externals.get(&key.name).map(|external| Document::External((**external).clone()))
            }
        }
    }

    /// Every document, in the order of kinds and names.
    pub fn documents(&self) -> impl Iterator<Item = Document> + '_ {
        let policies = self.policies.values().map(|policy| Document::Policy((**policy).clone()));
        let zones = self.zones.values().map(|zone| Document::Zone((**zone).clone()));
        let externals = self.externals.values().map(|external| Document::External((**external).clone()));
        policies.chain(zones).chain(externals)
    }

    pub fn policies(&self) -> impl ExactSizeIterator<Item = &Arc<SegmentationPolicy>> {
        self.policies.values()
    }

    pub fn zones(&self) -> impl ExactSizeIterator<Item = &Arc<Zone>> {
        self.zones.values()
    }

    pub fn externals(&self) -> impl ExactSizeIterator<Item = &Arc<ExternalEndpoint>> {
        self.externals.values()
    }

    pub fn zone(&self, name: &str) -> Option<&Zone> {
        self.zones.get(name).map(|zone| &**zone)
    }

    pub fn external(&self, name: &str) -> Option<&ExternalEndpoint> {
        self.externals.get(name).map(|external| &**external)
    }

    /// Whether criteria select a service.
    pub fn selects(&self, criteria: &Criteria, service: &Service) -> bool {
        criteria.service.as_ref().is_none_or(|glob| glob.matches_service(&service.name))
            && criteria.namespace.as_ref().is_none_or(|glob| glob.matches(service.name.namespace()))
            && criteria.selector.as_ref().is_none_or(|selector| selector.matches(&service.labels))
            && criteria.zone.as_ref().is_none_or(|zone| self.zone_has(zone, service))
    }

    /// Whether a service is a member of a zone, or of a zone inside of it.
    pub fn zone_has(&self, zone: &str, service: &Service) -> bool {
        self.zones_within(zone).iter().any(|zone| {
            zone.services.iter().any(|glob| glob.matches_service(&service.name))
                || zone.namespaces.iter().any(|glob| glob.matches(service.name.namespace()))
                || zone.selectors.iter().any(|selector| selector.matches(&service.labels))
        })
    }

    /// The zone and all that it contains, each once, whatever circles there are.
    pub fn zones_within(&self, zone: &str) -> Vec<&Zone> {
        let (mut found, mut seen, mut open) = (Vec::new(), BTreeSet::new(), vec![zone]);
        while let Some(name) = open.pop() {
            if let Some(zone) = self.zone(name)
                && seen.insert(zone.metadata.name.as_str())
            {
                found.push(zone);
                open.extend(zone.zones.iter().map(|name| &**name));
            }
        }
        found
    }

    /// The external endpoints that a peer means; services, hosts and the whole world are not among them.
    pub fn external_parts(&self, peer: &PeerSpec) -> Vec<ExternalPart> {
        let mut parts = Vec::new();
        match peer {
            PeerSpec::Cidr(cidr) => parts.push(ExternalPart::Cidr(cidr.clone())),
            PeerSpec::Name(name) => parts.push(ExternalPart::Name(name.clone())),
            PeerSpec::External(name) => self.parts_of_external(name, &mut parts),
            // With further criteria, a zone stands for its services alone.
            PeerSpec::Services(Criteria {
                zone: Some(zone),
                service: None,
                namespace: None,
                selector: None,
            }) => {
                for zone in self.zones_within(zone) {
                    parts.extend(zone.cidrs.iter().cloned().map(ExternalPart::Cidr));
                    parts.extend(zone.names.iter().cloned().map(ExternalPart::Name));
                    for external in &zone.externals {
                        self.parts_of_external(external, &mut parts);
                    }
                }
            }
            _ => {}
        }
        parts
    }

    fn parts_of_external(&self, name: &str, parts: &mut Vec<ExternalPart>) {
        if let Some(external) = self.external(name) {
            parts.extend(external.ranges.iter().cloned().map(ExternalPart::Cidr));
            parts.extend(external.names.iter().cloned().map(ExternalPart::Name));
        }
    }

    /// The services that criteria select. An exact name costs a look-up, an exact namespace a walk over what is in it,
    /// anything else a walk over all services.
    pub fn select<'i>(&self, criteria: &Criteria, inventory: &'i Inventory) -> Vec<&'i Service> {
        match criteria.exact_service() {
            Some(name) => inventory
                .service(&name)
                .filter(|service| self.selects(criteria, service))
                .into_iter()
                .collect(),
            None => match criteria.namespace.as_ref().filter(|glob| glob.is_exact()) {
                Some(namespace) => {
                    let inside = inventory.in_namespace(namespace.as_str());
                    inside.filter(|service| self.selects(criteria, service)).collect()
                }
                None => inventory.services().filter(|service| self.selects(criteria, service)).collect(),
            },
        }
    }

    /// The mode that documents wish for a service, and which one does: the first in the order of the tiers, then of
    /// `order`, then of names.
    pub fn requested_mode(&self, service: &Service) -> Option<(Mode, DocumentKey)> {
        self.policies
            .values()
            .filter(|policy| policy.mode.is_some() && self.selects(&policy.target, service))
            .min_by_key(|policy| (policy.tier, policy.order.map_or(i64::MAX, i64::from), policy.key()))
            .and_then(|policy| Some((policy.mode?, policy.key())))
    }

    /// The first instant after `now` at which a rule or a conduit expires. Whoever keeps compiled tables compiles anew then.
    pub fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        let rules = self.policies.values().flat_map(|policy| policy.ingress.iter().chain(&policy.egress));
        let ways = self.zones.values().flat_map(|zone| zone.ways()).filter_map(|way| way.expires);
        rules.filter_map(|rule| rule.expires).chain(ways).filter(|expires| *expires > now).min()
    }

    /// Services that documents name in full, as targets or peers. Without an estate these are all that is known.
    pub fn named_services(&self) -> BTreeSet<ServiceName> {
        let mut names = BTreeSet::new();
        for policy in self.policies.values() {
            names.extend(policy.target.exact_service());
            for rule in policy.ingress.iter().chain(&policy.egress) {
                names.extend(rule.peers.iter().filter_map(PeerSpec::exact_service));
            }
        }
        for zone in self.zones.values() {
            let exact = zone.services.iter().filter(|glob| glob.is_exact());
            names.extend(exact.filter_map(|glob| glob.as_str().parse().ok()));
            let ends = zone.ways().flat_map(|way| way.from.iter().chain(&way.to)).flatten();
            names.extend(ends.filter_map(PeerSpec::exact_service));
        }
        names
    }
}

impl FromIterator<Document> for PolicySet {
    /// Of two documents of one name the later one stays.
    fn from_iter<I: IntoIterator<Item = Document>>(documents: I) -> Self {
        let mut set = Self::default();
        for document in documents {
            set.insert(document);
        }
        set
    }
}
