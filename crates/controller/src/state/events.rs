use super::State;
use bulkhead_model::{Event, EventId, EventKind, Peer, ServiceName, Severity, Timestamp};
use bulkhead_store::{Change, StoredEvent};
use std::sync::Arc;

/// Numbers of events and of positions in their stream.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) last_event: u64,
    pub(super) last_position: u64,
}

impl Log {
    pub(super) fn next(&mut self) -> EventId {
        self.last_event += 1;
        EventId(self.last_event)
    }
}

impl State {
    pub(crate) fn emit(&mut self, severity: Severity, message: String, kind: EventKind) -> Arc<StoredEvent> {
        self.emit_at(self.now, severity, message, kind)
    }

    pub(super) fn emit_at(
        &mut self,
        time: Timestamp,
        severity: Severity,
        message: String,
        kind: EventKind,
    ) -> Arc<StoredEvent> {
        let id = self.log.next();
        self.put_event(Event { id, time, severity, message: message.into(), kind }, time)
    }

    /// Stores and streams an event, new or counted on.
    pub(super) fn put_event(&mut self, event: Event, last: Timestamp) -> Arc<StoredEvent> {
        self.log.last_position += 1;
        let stored = StoredEvent {
            position: self.log.last_position,
            last,
            kind: kind_name(&event.kind).to_owned(),
            services: services_of(&event.kind),
            event,
        };
        self.effects.changes.push(Change::Event(Box::new(stored.clone())));
        let stored = Arc::new(stored);
        self.effects.events.push(Arc::clone(&stored));
        stored
    }
}

/// As `type` of the JSON form.
pub(crate) fn kind_name(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::NewEdge { .. } => "new-edge",
        EventKind::WouldDeny(_) => "would-deny",
        EventKind::Denied(_) => "denied",
        EventKind::Spoof { .. } => "spoof",
        EventKind::Scan { .. } => "scan",
        EventKind::ModeChanged { .. } => "mode-changed",
        EventKind::PolicyChanged { .. } => "policy-changed",
        EventKind::Trial { .. } => "trial",
        EventKind::Proposal { .. } => "proposal",
        EventKind::Learning { .. } => "learning",
        EventKind::WorkloadStarted { .. } => "workload-started",
        EventKind::WorkloadStopped { .. } => "workload-stopped",
        EventKind::Degraded { .. } => "degraded",
        EventKind::Recovered { .. } => "recovered",
        EventKind::Lost { .. } => "lost",
    }
}

/// Every name that [`kind_name`] gives.
pub(crate) const KIND_NAMES: [&str; 15] = [
    "new-edge",
    "would-deny",
    "denied",
    "spoof",
    "scan",
    "mode-changed",
    "policy-changed",
    "trial",
    "proposal",
    "learning",
    "workload-started",
    "workload-stopped",
    "degraded",
    "recovered",
    "lost",
];

/// Services that an event is about.
pub(crate) fn services_of(kind: &EventKind) -> Vec<ServiceName> {
    let mut found: Vec<ServiceName> = Vec::new();
    let mut add = |peer: &Peer| found.extend(peer.service().cloned());
    match kind {
        EventKind::NewEdge { edge, .. } => {
            add(&edge.client);
            add(&edge.server);
        }
        EventKind::WouldDeny(denial) | EventKind::Denied(denial) => {
            add(&denial.edge.client);
            add(&denial.edge.server);
            found.push(denial.service.clone());
        }
        EventKind::Spoof { service, .. } => found.extend(service.clone()),
        EventKind::Scan { client, .. } => add(client),
        EventKind::ModeChanged { service, .. }
        | EventKind::Learning { service, .. }
        | EventKind::WorkloadStarted { service, .. }
        | EventKind::WorkloadStopped { service, .. } => found.push(service.clone()),
        EventKind::PolicyChanged { .. }
        | EventKind::Trial { .. }
        | EventKind::Proposal { .. }
        | EventKind::Degraded { .. }
        | EventKind::Recovered { .. }
        | EventKind::Lost { .. } => {}
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_kind_is_the_type_that_json_says() {
        let kind = EventKind::Lost { what: "x".into(), count: 1 };
        let json = serde_json::to_value(&kind).expect("serialises");
        assert_eq!(json["type"], kind_name(&kind));
        assert!(KIND_NAMES.contains(&kind_name(&kind)));
    }
}
