//! Whose interface is whose: from workloads and their namespaces to endpoints and owners of addresses.

use super::Node;
use crate::{links::HostAddresses, view::Endpoint};
use bulkhead_datapath::AdoptedConnection;
use bulkhead_discovery::{Update, namespace::NamespaceInterface, namespace::path_of, socket};
use bulkhead_model::{
    Attachment, Identity, IpProtocol, Workload, WorkloadId,
    node::{ConnectionReport, NodeReport},
};
use std::{
    collections::{BTreeMap, HashSet},
    net::IpAddr,
    sync::PoisonError,
};

impl Node {
    pub(super) async fn workload_changed(&mut self, update: Update) {
        match update {
            Update::Snapshot(workloads) => {
                self.workloads = workloads.iter().map(|w| (w.id.clone(), w.clone())).collect();
                self.discovered = true;
                self.drop_endpoints_of_missing_workloads();
                for workload in &workloads {
                    self.confine(&workload.id);
                }
                self.leave_groups_of_nobody();
                let told = workloads.iter().filter_map(|w| self.workloads.get(&w.id).cloned()).collect();
                self.send(NodeReport::Workloads(told)).await;
                self.identify_endpoints(true);
                self.exempt_what_belongs_to_nobody();
                self.remove_foreign_owners();
            }
            Update::Up(workload) => {
                let id = workload.id.clone();
                self.workloads.insert(id.clone(), workload);
                self.resting.remove(&id);
                self.confine(&id);
                if let Some(workload) = self.workloads.get(&id).cloned() {
                    self.send(NodeReport::WorkloadUp(Box::new(workload))).await;
                }
                self.identify(&id);
            }
            Update::Down(id) => {
                if let Some(ended) = self.workloads.remove(&id) {
                    self.rest(ended);
                }
                self.drop_endpoints_of_missing_workloads();
                self.leave_groups_of_nobody();
                self.send(NodeReport::WorkloadDown(id)).await;
            }
        }
    }

    /// Looks for the interfaces of workloads: of all, or of those that have none yet.
    pub(super) fn identify_endpoints(&mut self, all: bool) {
        let with_endpoints: HashSet<WorkloadId> = {
            let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
            view.endpoints.values().map(|e| e.workload.clone()).collect()
        };
        let ids: Vec<WorkloadId> = self
            .workloads
            .keys()
            .filter(|id| all || !with_endpoints.contains(id) || !self.is_complete(id))
            .cloned()
            .collect();
        for id in ids {
            self.identify(&id);
        }
    }

    /// Whether as many endpoints are known as the runtime says that the workload has networks.
    fn is_complete(&self, id: &WorkloadId) -> bool {
        let expected = self.workloads.get(id).map_or(0, |w| w.interfaces.len());
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        view.endpoints.values().filter(|e| e.workload == *id).count() >= expected
    }

    fn identify(&mut self, id: &WorkloadId) {
        // Without a policy nobody has a number: what an earlier agent wrote of its interface would be taken out.
        if self.keeps_earlier {
            return;
        }
        let Some(workload) = self.workloads.get(id) else { return };
        // A shared namespace belongs to the workload that made it.
        if workload.attachment != Attachment::Own || path_of(workload).is_none() {
            return;
        }
        let workload = workload.clone();
        let namespace = match self.namespaces.of_workload(&workload) {
            Ok(namespace) => namespace,
            Err(error) => {
                tracing::debug!(%error, workload = %workload.id, "namespace");
                return;
            }
        };
        let interfaces = match namespace.interfaces() {
            Ok(interfaces) => interfaces,
            Err(error) => return self.trouble(&workload.name, error.to_string()),
        };
        self.note_what_passes_by(id, &interfaces);
        for interface in interfaces {
            let Some(index) = interface.link_ifindex.filter(|_| interface.link_elsewhere) else { continue };
            let Some(link) = self.attached.get(&index) else { continue };
            let mac = interface.mac.unwrap_or_default();
            let mut addresses = interface.addresses;
            // What the runtime is about to give to this interface, if it says so before the kernel does.
            let told = workload.interfaces.iter().filter(|i| i.mac.is_some() && i.mac == interface.mac);
            addresses.extend(told.flat_map(|i| i.addresses.iter().copied()));
            addresses.sort_unstable();
            addresses.dedup();
            let endpoint = Endpoint {
                workload: workload.id.clone(),
                identity: self.identity_of(&workload),
                namespace: namespace.clone(),
                mac,
                host_mac: link.mac,
                addresses,
                since_ns: link.since_ns,
            };
            self.place_endpoint(index, endpoint);
        }
    }

    /// Says of a workload why it is not confined, where packets of it pass by the host: all or some of them.
    fn note_what_passes_by(&mut self, id: &WorkloadId, interfaces: &[NamespaceInterface]) {
        let passing: Vec<String> = interfaces
            .iter()
            .filter(|interface| interface.passes_by_the_host())
            .map(|at| format!("{} ({})", at.name, at.kind.as_deref().unwrap_or("a device of its own")))
            .collect();
        let unconfined = (!passing.is_empty()).then(|| {
            format!(
                "what it sends and receives by {} passes by the host's programs, neither seen nor confined; give it a \
                 bridge network instead",
                passing.join(", ")
            )
            .into_boxed_str()
        });
        if let Some(workload) = self.workloads.get_mut(id)
            && workload.unconfined != unconfined
        {
            workload.unconfined = unconfined;
            self.told_anew.push(id.clone());
        }
    }

    /// The service's number, once the kernel has the service's tables.
    pub(super) fn identity_of(&self, workload: &Workload) -> Identity {
        let identity = self.wanted.identities.get(&workload.service).copied().unwrap_or_default();
        if self.tables.knows(identity) { identity } else { Identity::UNKNOWN }
    }

    /// Gives every endpoint the identity of its service, after a policy that may have brought new ones.
    pub(super) fn renew_identities(&mut self) {
        let endpoints: Vec<(u32, Endpoint)> = {
            let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
            view.endpoints.iter().map(|(index, e)| (*index, e.clone())).collect()
        };
        for (index, mut endpoint) in endpoints {
            let Some(workload) = self.workloads.get(&endpoint.workload) else { continue };
            let identity = self.identity_of(workload);
            if identity != endpoint.identity {
                endpoint.identity = identity;
                self.place_endpoint(index, endpoint);
            }
        }
    }

    /// Writes an endpoint into the kernel, addresses first: nothing that comes from it may be taken for another's.
    pub(super) fn place_endpoint(&mut self, index: u32, endpoint: Endpoint) {
        let before = {
            let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
            view.endpoints.get(&index).cloned()
        };
        let fresh = before
            .as_ref()
            .is_none_or(|b| b.identity != endpoint.identity || b.workload != endpoint.workload);
        if !fresh && before.as_ref().is_some_and(|b| b.addresses == endpoint.addresses) {
            return;
        }
        // Before the first packet is decided, so that no direction is guessed that the sockets tell; and once more after,
        // for what was opened in between.
        let adopts = fresh && endpoint.identity != Identity::UNKNOWN;
        if adopts {
            self.adopt(index, &endpoint);
        }
        if let Err(error) = self.write_endpoint(index, &endpoint) {
            return self.trouble(&format!("interface {index}"), error.to_string());
        }
        self.exempt.remove(&index);
        self.found_at_start.remove(&index);
        if adopts {
            self.adopt(index, &endpoint);
        }
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        view.by_address.retain(|_, i| *i != index);
        view.by_address.extend(endpoint.addresses.iter().map(|a| (*a, index)));
        if adopts {
            for address in &endpoint.addresses {
                let reports = view.strangers.named(*address, endpoint.since_ns);
                let named = reports.into_iter().map(|r| ConnectionReport { peer: endpoint.identity, ..r });
                self.identified.extend(named);
            }
        }
        view.endpoints.insert(index, endpoint);
    }

    /// An interface that never had a name is gone.
    pub(super) fn a_stranger_left(&self) {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        view.strangers.one_left(bulkhead_datapath::monotonic_ns());
    }

    fn write_endpoint(
        &mut self,
        index: u32,
        endpoint: &Endpoint,
    ) -> Result<(), bulkhead_datapath::DatapathError> {
        for address in self.addresses_of(index) {
            if !endpoint.addresses.contains(&address) {
                self.datapath.remove_owner(address)?;
                self.owned.remove(&address);
            }
        }
        if endpoint.identity == Identity::UNKNOWN {
            // Known to be somebody's, whose tables are on their way: closed until then.
            return self.datapath.remove_endpoint(index);
        }
        for address in &endpoint.addresses {
            self.datapath.set_owner(*address, endpoint.identity, index)?;
            self.owned.insert(*address, (endpoint.identity.0, index));
        }
        self.datapath.set_endpoint(index, endpoint.identity)?;
        self.datapath.invalidate()
    }

    fn addresses_of(&self, index: u32) -> Vec<IpAddr> {
        self.owned.iter().filter(|(_, (_, owner))| *owner == index).map(|(address, _)| *address).collect()
    }

    /// What an earlier agent wrote of interfaces that are still there stays true until discovery says more: their
    /// connections go on, also where the runtime answers late. Nobody else can use these addresses meanwhile.
    pub(super) fn recover_owners(&mut self) -> Result<(), bulkhead_datapath::DatapathError> {
        for (address, owner) in self.datapath.interface_owners()? {
            if self.attached.contains_key(&owner.ifindex) {
                self.owned.insert(address, (owner.identity, owner.ifindex));
            }
        }
        Ok(())
    }

    /// Connections that were open before are entered with their true direction.
    fn adopt(&mut self, index: u32, endpoint: &Endpoint) {
        // Which sockets of the host's network are the workload's, only the kernel knows.
        if self.groups.contains_key(&index) {
            return;
        }
        let sockets = match socket::listeners_and_connections(&endpoint.namespace) {
            Ok(sockets) => sockets,
            Err(error) => return tracing::debug!(%error, index, "sockets"),
        };
        for connection in sockets.established {
            if connection.protocol != IpProtocol::TCP || connection.local.ip().is_loopback() {
                continue;
            }
            if !endpoint.addresses.contains(&connection.local.ip()) {
                continue;
            }
            let adopted = AdoptedConnection {
                protocol: connection.protocol,
                local: connection.local,
                remote: connection.remote,
                direction: connection.direction,
            };
            if let Err(error) = self.datapath.adopt(index, endpoint.identity, adopted) {
                return self.trouble("flows", error.to_string());
            }
        }
    }

    /// Returns whether it had a name.
    pub(super) fn drop_endpoint(&mut self, index: u32) -> bool {
        let endpoint = {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            view.by_address.retain(|_, i| *i != index);
            view.endpoints.remove(&index)
        };
        let addresses = self.addresses_of(index);
        if endpoint.is_none() && addresses.is_empty() {
            return false;
        }
        for address in addresses {
            self.owned.remove(&address);
            if let Err(error) = self.datapath.remove_owner(address) {
                tracing::warn!(%error, %address, "cannot forget an address");
            }
        }
        let closed = self.datapath.remove_endpoint(index).and_then(|()| self.datapath.invalidate());
        if let Err(error) = closed {
            tracing::warn!(%error, index, "cannot forget an endpoint");
        }
        endpoint.is_some_and(|endpoint| endpoint.identity != Identity::UNKNOWN)
    }

    fn drop_endpoints_of_missing_workloads(&mut self) {
        let missing: Vec<u32> = {
            let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
            let gone = view.endpoints.iter().filter(|(_, e)| !self.workloads.contains_key(&e.workload));
            gone.map(|(index, _)| *index).collect()
        };
        for index in missing {
            self.drop_endpoint(index);
        }
        // A namespace that is held here would live on, and its interfaces with it.
        let kept: HashSet<_> = {
            let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
            view.endpoints.values().map(|e| e.namespace.id()).collect()
        };
        self.namespaces.retain(|id| kept.contains(&id));
    }

    /// Interfaces that were there before the agent and that no workload claims are somebody else's: they pass. Whatever
    /// appears later stays closed until discovery knows it, once anything is enforced.
    fn exempt_what_belongs_to_nobody(&mut self) {
        let claimed: HashSet<u32> = {
            let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
            view.endpoints.keys().copied().collect()
        };
        let nobodys: Vec<u32> = self
            .attached
            .keys()
            .filter(|i| self.found_at_start.contains(i) && !claimed.contains(i) && !self.exempt.contains(i))
            .copied()
            .collect();
        for index in nobodys {
            match self.datapath.exempt_endpoint(index) {
                Ok(()) => {
                    self.exempt.insert(index);
                }
                Err(error) => self.trouble("endpoints", error.to_string()),
            }
        }
    }

    /// Owners that an earlier agent wrote and that are nobody's now.
    fn remove_foreign_owners(&mut self) {
        let Ok(keys) = self.datapath.owners.keys() else { return };
        let ours: HashSet<IpAddr> =
            self.owned.keys().copied().chain(self.host_addresses.iter().copied()).collect();
        for address in keys.into_iter().map(IpAddr::from).filter(|a| !ours.contains(a)) {
            if let Err(error) = self.datapath.remove_owner(address) {
                tracing::warn!(%error, %address, "cannot forget an address");
            }
        }
        if let Err(error) = self.datapath.invalidate() {
            self.trouble("control", error.to_string());
        }
    }

    pub(super) async fn refresh_host_addresses(&mut self) {
        let HostAddresses { own, broadcast, container_networks } = match self.links.host_addresses().await {
            Ok(found) => found,
            Err(error) => return self.trouble("host addresses", error.to_string()),
        };
        if container_networks != self.container_networks {
            self.container_networks = container_networks;
            // Before the controller has spoken, what an earlier agent left in the kernel holds.
            if self.has_policy {
                self.write_policy();
            }
        }
        let mut wanted: BTreeMap<IpAddr, Identity> =
            broadcast.into_iter().map(|a| (a, Identity::MULTICAST)).collect();
        wanted.extend(own.into_iter().map(|a| (a, Identity::HOST)));
        let now: HashSet<IpAddr> = wanted.keys().copied().collect();
        let mut result = Ok(());
        for address in self.host_addresses.difference(&now).filter(|a| !self.owned.contains_key(a)) {
            result = result.and_then(|()| self.datapath.remove_owner(*address));
        }
        for (address, identity) in &wanted {
            if !self.host_addresses.contains(address) && !self.owned.contains_key(address) {
                result = result.and_then(|()| self.datapath.set_owner(*address, *identity, 0));
            }
        }
        if now != self.host_addresses {
            result = result.and_then(|()| self.datapath.invalidate());
            self.host_addresses = now;
        }
        if let Err(error) = result {
            self.trouble("host addresses", error.to_string());
        }
    }
}
