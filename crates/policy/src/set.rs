//! A set of documents that hold together, and what their criteria select.

use crate::{
    document::{
        Cidr, Criteria, Diagnostic, Document, DocumentKey, ExternalEndpoint, Kind, Metadata, PeerSpec,
        ReadOptions, Rule, SegmentationPolicy, Zone, read_located,
    },
    glob::{Glob, name_matches},
    inventory::{Inventory, Service},
};
use bulkhead_model::{Identity, Mode, RuleOrigin, ServiceName, Timestamp};
use ipnet::IpNet;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet, btree_map::Entry},
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
        self.zone_through(zone, service).is_some()
    }

    /// The zone whose criteria take a service in: `zone` itself, or one inside of it.
    pub fn zone_through(&self, zone: &str, service: &Service) -> Option<&Zone> {
        self.zones_within(zone).into_iter().find(|zone| {
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
                    self.parts_of_zone(zone, &mut parts);
                }
            }
            _ => {}
        }
        parts
    }

    /// The external endpoints that a zone takes in by itself, those of zones inside of it not among them.
    pub fn own_external_parts(&self, zone: &Zone) -> Vec<ExternalPart> {
        let mut parts = Vec::new();
        self.parts_of_zone(zone, &mut parts);
        parts
    }

    fn parts_of_zone(&self, zone: &Zone, parts: &mut Vec<ExternalPart>) {
        parts.extend(zone.cidrs.iter().cloned().map(ExternalPart::Cidr));
        parts.extend(zone.names.iter().cloned().map(ExternalPart::Name));
        for external in &zone.externals {
            self.parts_of_external(external, parts);
        }
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

    /// Whom a peer means, of `everybody` that can be an end of a flow. Its external parts are not among them: which atoms
    /// [`PolicySet::external_parts`] come to depends on the question.
    pub fn identities(
        &self,
        peer: &PeerSpec,
        inventory: &Inventory,
        everybody: &[Identity],
    ) -> BTreeSet<Identity> {
        let outside = |identity: &Identity| identity.is_external() || *identity == Identity::WORLD;
        match peer {
            PeerSpec::Any => everybody.iter().copied().collect(),
            PeerSpec::World => everybody.iter().copied().filter(outside).chain([Identity::WORLD]).collect(),
            PeerSpec::Host => [Identity::HOST].into(),
            PeerSpec::RemoteHost => [Identity::REMOTE_HOST].into(),
            PeerSpec::Multicast => [Identity::MULTICAST].into(),
            PeerSpec::Services(criteria) => {
                self.select(criteria, inventory).into_iter().map(|service| service.identity).collect()
            }
            PeerSpec::Cidr(_) | PeerSpec::Name(_) | PeerSpec::External(_) => BTreeSet::new(),
        }
    }

    /// The services that any document targets.
    pub fn targeted<'i>(&self, inventory: &'i Inventory) -> HashSet<&'i ServiceName> {
        let selected = self.policies().flat_map(|policy| self.select(&policy.target, inventory));
        selected.map(|service| &service.name).collect()
    }

    /// The set, with a document that allows everything for each service that none targets: what documents do not speak
    /// of holds nothing back.
    pub fn with_bystanders(&self, inventory: &Inventory) -> Self {
        let targeted = self.targeted(inventory);
        let anything = Rule { peers: vec![PeerSpec::Any], ..Rule::default() };
        let mut whole = self.clone();
        for service in inventory.services().filter(|service| !targeted.contains(&service.name)) {
            whole.insert(Document::Policy(SegmentationPolicy {
                metadata: Metadata {
                    // No document of a person's can have this name: it holds a character that names may not.
                    name: format!("{}:bystander", service.name.name()),
                    namespace: service.name.namespace().to_owned(),
                    ..Metadata::default()
                },
                target: Criteria::service(&service.name),
                mode: None,
                tier: RuleOrigin::User,
                order: None,
                ingress: vec![anything.clone()],
                egress: vec![anything.clone()],
            }));
        }
        whole
    }

    /// The set with every service by its name, so that labels and zones mean those of now whatever becomes of them.
    pub fn by_name(&self, inventory: &Inventory) -> Self {
        let services = |criteria: &Criteria| -> Vec<Criteria> {
            let selected = self.select(criteria, inventory).into_iter();
            selected.map(|service| Criteria::service(&service.name)).collect()
        };
        let named = |rule: &Rule| {
            let peers = rule.peers.iter().flat_map(|peer| match peer {
                PeerSpec::Services(criteria) => {
                    services(criteria).into_iter().map(PeerSpec::Services).collect()
                }
                other => vec![other.clone()],
            });
            Rule { peers: peers.collect(), ..rule.clone() }
        };
        let mut whole = Self::default();
        for policy in self.policies() {
            for target in services(&policy.target) {
                let mut one = (**policy).clone();
                let service = target.service.as_ref().map_or("", Glob::as_str);
                one.metadata.name = format!("{}:{service}", one.metadata.name);
                one.target = target;
                one.ingress = policy.ingress.iter().map(named).collect();
                one.egress = policy.egress.iter().map(named).collect();
                whole.insert(Document::Policy(one));
            }
        }
        whole
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

impl ExternalPart {
    /// Whether all of a range, or what a name resolves to, is meant. A name is meant by itself or by its addresses.
    pub fn means(&self, net: Option<&IpNet>, name: Option<&str>, inventory: &Inventory) -> bool {
        match self {
            Self::Cidr(cidr) => match (net, name) {
                (Some(net), _) => cidr.holds(net),
                // Of a name alone, the range must hold whichever address it resolves to.
                (None, Some(name)) => {
                    let addresses = inventory.addresses_of(name);
                    !addresses.is_empty() && addresses.iter().all(|address| cidr.contains(address))
                }
                (None, None) => false,
            },
            Self::Name(pattern) => {
                name.is_some_and(|name| name_matches(pattern, name))
                    || net.is_some_and(|net| {
                        net.prefix_len() == net.max_prefix_len()
                            && inventory.resolves_to(pattern, &net.addr())
                    })
            }
        }
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
