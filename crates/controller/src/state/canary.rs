//! What a denial after promotion looks like: the service itself, or somebody else in its place?

use super::State;
use bulkhead_learn::{DenialKind, Standing};
use bulkhead_model::{EdgeKey, Peer, ServiceName, WorkloadId, node::ConnectionReport};

impl State {
    pub(super) fn denial_kind(
        &self,
        service: &ServiceName,
        edge: &EdgeKey,
        report: &ConnectionReport,
    ) -> DenialKind {
        self.denial_kind_of(service, edge, report.workload.as_ref())
    }

    /// What a denial of the edge by the service looks like, tried by this workload where one is known.
    pub(super) fn denial_kind_of(
        &self,
        service: &ServiceName,
        edge: &EdgeKey,
        workload: Option<&WorkloadId>,
    ) -> DenialKind {
        let flagged = self.edges.get(edge).is_some_and(|record| record.flagged.is_some());
        match self.learner.standing(edge) {
            Some(Standing::SetAside(_)) => return DenialKind::Suspicious,
            _ if flagged || self.is_scanning(&edge.client) => return DenialKind::Suspicious,
            Some(_) if self.learned_by(service, edge) => return DenialKind::Learned,
            _ => {}
        }
        let own_is_client = edge.client.service() == Some(service);
        if own_is_client && self.declares(service, &edge.server, edge.port) {
            return DenialKind::Declared;
        }
        if self.sibling_has(service, edge) {
            return DenialKind::Sibling;
        }
        let tried_by = self.denied_by(edge);
        match workload {
            Some(workload) if tried_by.iter().any(|other| other != workload) => DenialKind::Replicas,
            _ => DenialKind::Unknown,
        }
    }

    fn learned_by(&self, service: &ServiceName, edge: &EdgeKey) -> bool {
        self.learner
            .edges(service)
            .iter()
            .any(|learned| learned.key == *edge && learned.standing.becomes_rule())
    }

    /// Whether a workload's environment or arguments name the peer.
    fn declares(&self, service: &ServiceName, server: &Peer, port: u16) -> bool {
        let names: Vec<String> = match server {
            Peer::Service(name) => {
                let mut names: Vec<String> =
                    self.workloads_of(name).iter().map(|workload| workload.name.to_string()).collect();
                names.push(name.name().to_owned());
                names
            }
            Peer::External(name) => vec![name.0.to_string()],
            _ => return false,
        };
        self.workloads_of(service).iter().flat_map(|workload| workload.declared_peers.clone()).any(
            |declared| {
                let (host, declared_port) = match declared.rsplit_once(':') {
                    Some((host, text)) => match text.parse::<u16>() {
                        Ok(port) => (host, Some(port)),
                        Err(_) => (&*declared, None),
                    },
                    None => (&*declared, None),
                };
                names.iter().any(|name| name.eq_ignore_ascii_case(host))
                    && declared_port.is_none_or(|p| p == port)
            },
        )
    }

    /// Whether another service of the same image has the same edge.
    fn sibling_has(&self, service: &ServiceName, edge: &EdgeKey) -> bool {
        let Some(images) = self.services.get(service).map(|record| &record.images) else { return false };
        let own = Peer::Service(service.clone());
        self.services
            .iter()
            .filter(|(name, record)| *name != service && !record.images.is_disjoint(images))
            .any(|(name, _)| {
                let as_sibling = |peer: &Peer| match *peer == own {
                    true => Peer::Service(name.clone()),
                    false => peer.clone(),
                };
                let key = EdgeKey {
                    client: as_sibling(&edge.client),
                    server: as_sibling(&edge.server),
                    ..edge.clone()
                };
                self.learner.standing(&key).is_some_and(Standing::becomes_rule)
            })
    }
}
