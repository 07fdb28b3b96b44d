//! Evidence beyond a service's own traffic: what its declaration names, and what the same image does elsewhere.
//!
//! What the back-test let pass: *declared* edges may be allowed before they are seen ([`Learner::declared_edges`]),
//! because about half of them are used in the end and they save a third of the false denials. What *siblings* have shown
//! is not allowed ahead (most of it is never used), but a denial of it is a reason to roll back.

use crate::{DenialKind, Learner, Standing, edges::Slot, service::Service};
use bulkhead_model::{
    Application, Direction, EdgeKey, Exposure, ExternalName, IpProtocol, Peer, ServiceName, Workload,
};
use std::{collections::BTreeSet, net::IpAddr};

/// So many other services of the image make an edge expected; one may be the odd one, or the breached one.
const SIBLINGS: usize = 2;
/// Declarations of one service that are kept.
const DECLARED: usize = 64;
/// Names of workloads of one service that are kept.
const NAMES: usize = 64;

/// What is known of a service besides its traffic; told anew by every workload, so it is not stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Description {
    image: Option<Box<str>>,
    declared: BTreeSet<Box<str>>,
    /// Names of its workloads: a declaration may name a container instead of its service.
    names: BTreeSet<Box<str>>,
    exposes: Vec<Exposure>,
}

impl Description {
    pub(crate) fn learn(&mut self, workload: &Workload) {
        self.image = Some(repository(&workload.image).into());
        let room = DECLARED.saturating_sub(self.declared.len());
        self.declared.extend(workload.declared_peers.iter().take(room).cloned());
        if self.names.len() < NAMES {
            self.names.insert(workload.name.clone());
        }
        self.exposes = workload.exposes.clone();
    }
}

/// A peer that a declaration names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Declared {
    peer: Peer,
    port: Option<u16>,
}

impl Learner {
    /// Edges that the service's declaration names and that have not been seen: host and port are known, or the named
    /// service says what it serves. A person or a setting decides whether they become rules.
    pub fn declared_edges(&self, name: &ServiceName) -> Vec<EdgeKey> {
        let Some(service) = self.services.get(name) else { return Vec::new() };
        let mut edges = BTreeSet::new();
        for declared in self.declared(name, service) {
            for port in self.ports(&declared) {
                let edge = EdgeKey {
                    client: Peer::Service(name.clone()),
                    server: declared.peer.clone(),
                    protocol: IpProtocol::TCP,
                    port,
                    application: Application::UNKNOWN,
                };
                if self.standing(&edge).is_none() {
                    edges.insert(edge);
                }
            }
        }
        edges.into_iter().collect()
    }

    /// What a denied edge of the service looks like.
    pub fn classify_denial(&self, name: &ServiceName, edge: &EdgeKey) -> DenialKind {
        match self.standing(edge) {
            Some(Standing::SetAside(_)) => return DenialKind::Suspicious,
            Some(_) => return DenialKind::Learned,
            None => {}
        }
        let Some(service) = self.services.get(name) else { return DenialKind::Unknown };
        if self.declares(edge) {
            return DenialKind::Declared;
        }
        let own = Peer::Service(name.clone());
        let (other, direction) = match edge.client == own {
            true => (&edge.server, Direction::Egress),
            false => (&edge.client, Direction::Ingress),
        };
        let Some(image) = &service.description.image else { return DenialKind::Unknown };
        let siblings = self.services.iter().filter(|(sibling, s)| {
            *sibling != name
                && s.description.image.as_ref() == Some(image)
                && self.shows(s, other, edge, direction)
        });
        if siblings.take(SIBLINGS).count() == SIBLINGS { DenialKind::Sibling } else { DenialKind::Unknown }
    }

    /// Whether the client's declaration names the server.
    fn declares(&self, edge: &EdgeKey) -> bool {
        let Peer::Service(client) = &edge.client else { return false };
        let Some(service) = self.services.get(client) else { return false };
        self.declared(client, service).any(|d| {
            // Without a port: what the named service exposes, or any where that is not known.
            let is_port = || {
                let ports = self.ports(&d);
                ports.contains(&edge.port) || d.port.is_none() && ports.is_empty()
            };
            d.peer == edge.server && edge.protocol == IpProtocol::TCP && is_port()
        })
    }

    /// Whether a sibling has this edge, again and again, with the same peer or with one of the same image.
    fn shows(&self, sibling: &Service, other: &Peer, edge: &EdgeKey, direction: Direction) -> bool {
        let image = |peer: &Peer| self.services.get(peer.service()?)?.description.image.as_ref();
        sibling.edges.iter().any(|(slot, record)| {
            let Slot { peer, port, protocol, direction: own, .. } = *slot;
            let peer = self.peers.name(peer);
            (own, protocol, port) == (direction, edge.protocol, edge.port)
                && record.standing.becomes_rule()
                && record.episodes >= 2
                && (peer == other || image(peer).is_some_and(|i| image(other) == Some(i)))
        })
    }

    fn declared<'a>(
        &'a self,
        name: &'a ServiceName,
        service: &'a Service,
    ) -> impl Iterator<Item = Declared> + 'a {
        service.description.declared.iter().filter_map(|text| self.resolve_declared(name, text))
    }

    /// `redis`, `redis:6379`, `redis.shop`, `api.example.com:443`, `203.0.113.7:25`, `[2001:db8::1]:25`.
    fn resolve_declared(&self, client: &ServiceName, text: &str) -> Option<Declared> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, Some(port.parse().ok()?))
            }
            _ => (text, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches([']', '.']);
        if let Ok(address) = host.parse::<IpAddr>() {
            let outside = !address.is_loopback() && !address.is_unspecified();
            let name = format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 });
            return outside.then(|| Declared { peer: Peer::External(ExternalName(name.into())), port });
        }
        let mut labels = host.split('.');
        let first = labels.next()?;
        let namespace = labels.next();
        let service = ServiceName::new(namespace.unwrap_or(client.namespace()), first).ok()?;
        let peer = if self.services.contains_key(&service) {
            Peer::Service(service)
        } else if let Some(owner) = self.owner(host) {
            Peer::Service(owner.clone())
        } else if namespace.is_some() {
            Peer::External(ExternalName(host.to_ascii_lowercase().into()))
        } else {
            return None;
        };
        (peer != Peer::Service(client.clone())).then_some(Declared { peer, port })
    }

    /// The service of which a workload has this name.
    fn owner(&self, host: &str) -> Option<&ServiceName> {
        let owns = |(_, service): &(&ServiceName, &Service)| {
            service.description.names.iter().any(|name| name.eq_ignore_ascii_case(host))
        };
        self.services.iter().find(owns).map(|(name, _)| name)
    }

    fn ports(&self, declared: &Declared) -> Vec<u16> {
        if let Some(port) = declared.port {
            return vec![port];
        }
        let served = |peer: &Peer| {
            let description = &self.services.get(peer.service()?)?.description;
            let tcp = description.exposes.iter().filter(|e| e.protocol == IpProtocol::TCP);
            Some(tcp.map(|e| e.port).collect())
        };
        served(&declared.peer).unwrap_or_default()
    }
}

/// The name of an image without its tag and digest.
fn repository(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

#[cfg(test)]
mod tests {
    use super::repository;

    #[test]
    fn an_image_is_itself_whatever_its_tag_and_digest() {
        for image in ["host:5000/shop/api", "host:5000/shop/api:2.1", "host:5000/shop/api:2.1@sha256:00ff"] {
            assert_eq!(repository(image), "host:5000/shop/api");
        }
        assert_eq!(repository("redis"), "redis");
    }
}
