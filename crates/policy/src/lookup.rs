//! Asking compiled tables as the kernel asks them.

use crate::compiled::{Class, CompiledDirection, CompiledPolicy, CompiledService, Outcome};
use crate::evaluate::Traffic;
use bulkhead_model::{Application, Direction, Identity};
use std::net::IpAddr;

/// The other end of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerAddress {
    /// The address belongs to something with an identity: a workload, a host, multicast.
    Known(Identity),
    /// Anything else: the prefixes of the policy decide, and what none of them covers is the world.
    Address(IpAddr),
}

impl CompiledPolicy {
    pub fn service(&self, identity: Identity) -> Option<&CompiledService> {
        self.services.get(self.place_of(identity)?)
    }

    /// The position of a service.
    pub(crate) fn place_of(&self, identity: Identity) -> Option<usize> {
        // Identities are given one after the other, so most stand where they would without gaps.
        let first = self.services.first()?.identity;
        let guess = identity.0.checked_sub(first.0)? as usize;
        if self.services.get(guess).is_some_and(|service| service.identity == identity) {
            return Some(guess);
        }
        self.services.binary_search_by_key(&identity, |service| service.identity).ok()
    }

    /// The identity of an address that no workload and no host has: that of the longest prefix.
    pub fn external_identity(&self, address: IpAddr) -> Identity {
        self.prefixes
            .iter()
            .filter(|prefix| prefix.net.contains(&address))
            .max_by_key(|prefix| prefix.net.prefix_len())
            .map_or(Identity::WORLD, |prefix| prefix.identity)
    }

    /// What the tables say of a connection; nothing is allowed to a service that is not in them.
    pub fn lookup(
        &self,
        service: Identity,
        direction: Direction,
        peer: PeerAddress,
        traffic: Traffic,
    ) -> Outcome {
        let identity = match peer {
            PeerAddress::Known(identity) => identity,
            PeerAddress::Address(address) => self.external_identity(address),
        };
        match self.service(service) {
            Some(service) => service.direction(direction).lookup(identity, traffic),
            None => Outcome::default(),
        }
    }
}

impl CompiledService {
    pub fn direction(&self, direction: Direction) -> &CompiledDirection {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

impl CompiledDirection {
    /// The class of a peer, by its position.
    pub fn class_of(&self, peer: Identity) -> u32 {
        match self.peers.binary_search_by_key(&peer, |(identity, _)| *identity) {
            Ok(at) => self.peers[at].1,
            Err(_) => self.default,
        }
    }

    pub fn lookup(&self, peer: Identity, traffic: Traffic) -> Outcome {
        let class = self.classes.get(self.class_of(peer) as usize);
        class.map_or(Outcome::default(), |class| class.lookup(traffic))
    }
}

impl Class {
    pub fn lookup(&self, traffic: Traffic) -> Outcome {
        let of = |application: Option<Application>| {
            let found = self.entries.iter().find(|entry| {
                // Of a prefix of length 0 no bit counts, and a shift by all bits is none that Rust knows.
                let mask = u16::MAX.checked_shl(16 - u32::from(entry.prefix_len)).unwrap_or(0);
                entry.protocol == traffic.protocol
                    && entry.port == traffic.port & mask
                    && entry.application == application
            });
            found.map(|entry| entry.outcome)
        };
        let known = traffic.protocol.has_ports() && traffic.application != Application::UNKNOWN;
        let specific = match known {
            true => of(Some(traffic.application)).or_else(|| of(Some(Application::OTHER))),
            false => None,
        };
        specific.or_else(|| of(None)).unwrap_or(self.otherwise)
    }
}
