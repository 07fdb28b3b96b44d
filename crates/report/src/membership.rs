//! Who is meant: the identities behind peers and zones.

use bulkhead_model::{Identity, Peer};
use bulkhead_policy::{
    ExternalPart, Inventory, PolicySet, Reach, Remote,
    compiled::CompiledPolicy,
    document::{Criteria, PeerSpec},
};
use ipnet::IpNet;
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

/// Everybody there is, and who belongs to whom.
#[derive(Debug)]
pub(crate) struct Membership<'a> {
    pub(crate) set: &'a PolicySet,
    pub(crate) inventory: &'a Inventory,
    pub(crate) compiled: Arc<CompiledPolicy>,
    /// Everything that can be an end of a flow.
    pub(crate) peers: Vec<Identity>,
}

/// A peer that means a whole zone.
pub(crate) fn zone_peer(zone: &str) -> PeerSpec {
    PeerSpec::Services(Criteria { zone: Some(zone.into()), ..Criteria::default() })
}

impl<'a> Membership<'a> {
    pub(crate) fn new(
        set: &'a PolicySet,
        inventory: &'a Inventory,
        compiled: &Arc<CompiledPolicy>,
        reach: &Reach,
    ) -> Self {
        Self { set, inventory, compiled: Arc::clone(compiled), peers: reach.peers() }
    }

    /// Services and external atoms of a zone, and of the zones inside of it.
    pub(crate) fn zone(&self, zone: &str) -> HashSet<Identity> {
        self.identities(&zone_peer(zone)).into_iter().collect()
    }

    pub(crate) fn identities(&self, spec: &PeerSpec) -> BTreeSet<Identity> {
        let mut found = self.set.identities(spec, self.inventory, &self.peers);
        for part in self.set.external_parts(spec) {
            found.extend(self.atoms(&part));
        }
        found
    }

    /// The atoms all of which a part takes in. What no rule speaks of is no atom of its own, but of the world.
    fn atoms(&self, part: &ExternalPart) -> Vec<Identity> {
        let prefixes = self.compiled.prefixes.iter().filter(|prefix| prefix.identity.is_external());
        match part {
            ExternalPart::Name(pattern) => {
                let addresses = self.inventory.addresses_of(pattern);
                let means =
                    |net: &IpNet| net.prefix_len() == net.max_prefix_len() && addresses.contains(&net.addr());
                prefixes.filter(|prefix| means(&prefix.net)).map(|prefix| prefix.identity).collect()
            }
            ExternalPart::Cidr(cidr) => {
                prefixes.filter(|prefix| cidr.holds(&prefix.net)).map(|prefix| prefix.identity).collect()
            }
        }
    }

    /// Whether an observed peer belongs to a zone.
    pub(crate) fn observed_in(&self, zone: &str, peer: &Peer) -> bool {
        match peer {
            Peer::Service(name) => {
                self.inventory.service(name).is_some_and(|service| self.set.zone_has(zone, service))
            }
            Peer::External(_) => self.means_external(&zone_peer(zone), peer),
            Peer::Host | Peer::RemoteHost | Peer::World | Peer::Multicast | Peer::Unknown => false,
        }
    }

    /// Whether a peer of a document means an observed one.
    pub(crate) fn means(&self, spec: &PeerSpec, peer: &Peer) -> bool {
        match (spec, peer) {
            (_, Peer::Unknown) => false,
            (PeerSpec::Any, _) => true,
            (PeerSpec::World, Peer::World | Peer::External(_)) => true,
            (PeerSpec::Host, Peer::Host)
            | (PeerSpec::RemoteHost, Peer::RemoteHost)
            | (PeerSpec::Multicast, Peer::Multicast) => true,
            (PeerSpec::Services(criteria), Peer::Service(name)) => {
                self.inventory.service(name).is_some_and(|service| self.set.selects(criteria, service))
            }
            (_, Peer::External(_)) => self.means_external(spec, peer),
            _ => false,
        }
    }

    fn means_external(&self, spec: &PeerSpec, peer: &Peer) -> bool {
        let Remote::External { net, name } = Remote::from(peer) else { return false };
        let means = |part: &ExternalPart| part.means(net.as_ref(), name.as_deref(), self.inventory);
        self.set.external_parts(spec).iter().any(means)
    }
}
