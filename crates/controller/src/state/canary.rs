//! What a denial after promotion looks like: the service itself, or somebody else in its place?

use super::State;
use bulkhead_learn::DenialKind;
use bulkhead_model::{EdgeKey, ServiceName, WorkloadId, node::ConnectionReport};

impl State {
    pub(super) fn denial_kind(
        &self,
        service: &ServiceName,
        edge: &EdgeKey,
        report: &ConnectionReport,
    ) -> DenialKind {
        self.denial_kind_of(service, edge, report.workload.as_ref())
    }

    /// What a denial of the edge by the service looks like, tried by this workload where one is known: what learning says
    /// of it, below the flags of people and scans and above who else was denied.
    pub(super) fn denial_kind_of(
        &self,
        service: &ServiceName,
        edge: &EdgeKey,
        workload: Option<&WorkloadId>,
    ) -> DenialKind {
        let flagged = self.edges.get(edge).is_some_and(|record| record.flagged.is_some());
        if flagged || self.is_scanning(&edge.client) {
            return DenialKind::Suspicious;
        }
        let kind = self.learner.classify_denial(service, edge);
        let others = |workload| self.denied_by(edge).iter().any(|other| other != workload);
        match kind {
            DenialKind::Unknown if workload.is_some_and(others) => DenialKind::Replicas,
            kind => kind,
        }
    }
}
