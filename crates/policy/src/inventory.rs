//! What there is at the moment: services with their labels and modes, and what names resolve to. A snapshot, so that the
//! same question always has the same answer.

use crate::{glob::name_matches, set::PolicySet};
use bulkhead_model::{Exposure, Identity, IpProtocol, Mode, ServiceName};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub name: ServiceName,
    /// At least [`Identity::FIRST_SERVICE`]; no two services share one.
    pub identity: Identity,
    pub labels: BTreeMap<String, String>,
    /// The mode that holds now, whoever set it.
    pub mode: Mode,
    /// Ports that its workloads call by a name.
    pub named_ports: BTreeMap<Box<str>, Vec<(IpProtocol, u16)>>,
    /// Ports that it says it serves.
    pub exposes: Vec<Exposure>,
}

impl Service {
    pub fn new(name: ServiceName, identity: Identity) -> Self {
        Self {
            name,
            identity,
            labels: BTreeMap::new(),
            mode: Mode::default(),
            named_ports: BTreeMap::new(),
            exposes: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inventory {
    services: Vec<Service>,
    by_name: HashMap<ServiceName, usize>,
    by_identity: HashMap<Identity, usize>,
    by_namespace: HashMap<Box<str>, Vec<usize>>,
    resolved: BTreeMap<Box<str>, BTreeSet<IpAddr>>,
}

impl Inventory {
    pub fn new(services: impl IntoIterator<Item = Service>) -> Self {
        let mut inventory = Self::default();
        for service in services {
            inventory.insert(service);
        }
        inventory
    }

    /// An inventory for questions without an estate: exactly the services that documents name, with invented identities.
    pub fn named_in(set: &PolicySet) -> Self {
        Self::of_names(set.named_services())
    }

    /// Services of these names with invented identities.
    pub fn of_names(names: impl IntoIterator<Item = ServiceName>) -> Self {
        let identities = (Identity::FIRST_SERVICE..).map(Identity);
        Self::new(names.into_iter().zip(identities).map(|(name, identity)| Service::new(name, identity)))
    }

    /// Adds a service or replaces the one of its name.
    pub fn insert(&mut self, service: Service) {
        match self.by_name.get(&service.name) {
            Some(&at) => {
                self.by_identity.remove(&self.services[at].identity);
                self.by_identity.insert(service.identity, at);
                self.services[at] = service;
            }
            None => {
                self.by_name.insert(service.name.clone(), self.services.len());
                self.by_identity.insert(service.identity, self.services.len());
                let namespace = service.name.namespace().into();
                self.by_namespace.entry(namespace).or_default().push(self.services.len());
                self.services.push(service);
            }
        }
    }

    /// Adds a service of this name with an invented identity, unless there is one.
    pub fn ensure(&mut self, name: &ServiceName) {
        if self.service(name).is_none() {
            let next = self.services.iter().map(|service| service.identity.0 + 1).max();
            self.insert(Service::new(name.clone(), Identity(next.unwrap_or(Identity::FIRST_SERVICE))));
        }
    }

    /// What names resolve to.
    pub(crate) fn names(&self) -> &BTreeMap<Box<str>, BTreeSet<IpAddr>> {
        &self.resolved
    }

    /// In the order in which they were added.
    pub fn services(&self) -> impl ExactSizeIterator<Item = &Service> {
        self.services.iter()
    }

    /// Those of one namespace, in the order in which they were added.
    pub fn in_namespace(&self, namespace: &str) -> impl Iterator<Item = &Service> {
        self.by_namespace.get(namespace).into_iter().flatten().map(|&at| &self.services[at])
    }

    pub fn service(&self, name: &ServiceName) -> Option<&Service> {
        self.by_name.get(name).map(|&at| &self.services[at])
    }

    /// Everything of a service but its name and identity may be changed.
    pub fn service_mut(&mut self, name: &ServiceName) -> Option<&mut Service> {
        self.by_name.get(name).map(|&at| &mut self.services[at])
    }

    pub fn by_identity(&self, identity: Identity) -> Option<&Service> {
        self.by_identity.get(&identity).map(|&at| &self.services[at])
    }

    /// Records what a host name resolves to at the moment, in place of what was recorded before.
    pub fn resolve(&mut self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let addresses: BTreeSet<IpAddr> = addresses.into_iter().collect();
        if addresses.is_empty() {
            self.resolved.remove(name.as_str());
        } else {
            self.resolved.insert(name.into(), addresses);
        }
    }

    pub fn resolved(&self) -> impl Iterator<Item = (&str, &BTreeSet<IpAddr>)> {
        self.resolved.iter().map(|(name, addresses)| (&**name, addresses))
    }

    /// Addresses of all names that a pattern means.
    pub fn addresses_of(&self, pattern: &str) -> BTreeSet<IpAddr> {
        if !pattern.contains('*') {
            return self.resolved.get(pattern).cloned().unwrap_or_default();
        }
        let names = self.resolved.iter().filter(|(name, _)| name_matches(pattern, name));
        names.flat_map(|(_, addresses)| addresses).copied().collect()
    }

    /// Whether a name that the pattern means resolves to this address.
    pub fn resolves_to(&self, pattern: &str, address: &IpAddr) -> bool {
        if !pattern.contains('*') {
            return self.resolved.get(pattern).is_some_and(|addresses| addresses.contains(address));
        }
        self.resolved
            .iter()
            .any(|(name, addresses)| addresses.contains(address) && name_matches(pattern, name))
    }
}
