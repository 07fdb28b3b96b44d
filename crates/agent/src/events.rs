//! The reader of kernel events: looks for the process while its socket is still there, answers denied connections,
//! and reports.

use crate::{
    AgentError, names, translate,
    view::{Endpoint, SharedView},
};
use bulkhead_abi::{
    EVENT_ANSWER, EVENT_CONNECTION, EVENT_FLOW_CLOSED, EVENT_FLOW_OPENED, EVENT_FROM_WORKLOAD, Event, SPOOFED,
};
use bulkhead_datapath::{Answerer, Events, KernelEvent};
use bulkhead_discovery::{process, socket::SocketTuple};
use bulkhead_model::{
    DenyReason, Direction, Identity, IpProtocol, Process, Verdict,
    node::{ConnectionReport, NodeReport},
};
use std::{
    io,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::{
    sync::mpsc::{Sender, error::TrySendError},
    task::JoinError,
};

/// How the reader's task ended, for the agent to end with: without it nothing is seen, whatever health says. `Ok` when
/// nobody takes reports any more.
pub(crate) fn ended(result: Result<io::Result<()>, JoinError>) -> Result<(), AgentError> {
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(AgentError::Events(error)),
        Err(error) => Err(AgentError::Reader(error)),
    }
}

/// Reads until the ring or the receiver ends.
pub(crate) struct EventReader {
    pub(crate) events: Events,
    pub(crate) answerer: Option<Answerer>,
    pub(crate) view: SharedView,
    pub(crate) reports: Sender<NodeReport>,
    /// Whether anybody listens to single flows.
    pub(crate) flows: Arc<AtomicBool>,
    /// Flow records that nobody took in time.
    pub(crate) lost_flows: Arc<AtomicU64>,
}

/// Events taken at once.
const BATCH: usize = 512;

impl EventReader {
    pub(crate) async fn run(mut self) -> io::Result<()> {
        loop {
            let batch = self.events.next(BATCH).await?;
            for event in batch {
                let report = match event {
                    KernelEvent::Name { local, message, .. } => {
                        names::read_answer(&message).map(|resolved| NodeReport::Resolved {
                            service: Identity(local),
                            name: resolved.name.into(),
                            addresses: resolved.addresses,
                            ttl_seconds: resolved.ttl_seconds,
                        })
                    }
                    KernelEvent::Flow(event) => match event.kind {
                        EVENT_CONNECTION if is_unidentified(&event) => self.unidentified(&event),
                        EVENT_CONNECTION => {
                            let report = self.connection(&event);
                            let named = self.stranger(&event, &report);
                            if self.reports.send(NodeReport::Connection(Box::new(report))).await.is_err() {
                                return Ok(());
                            }
                            named.map(|report| NodeReport::Identified(Box::new(report)))
                        }
                        EVENT_FLOW_OPENED => {
                            self.flow(&event, None, false);
                            None
                        }
                        EVENT_FLOW_CLOSED => {
                            self.flow(&event, None, true);
                            None
                        }
                        _ => None,
                    },
                };
                // Firsts are never thrown away: the ring holds what comes meanwhile, and counts what it cannot hold.
                if let Some(report) = report
                    && self.reports.send(report).await.is_err()
                {
                    return Ok(());
                }
            }
        }
    }

    /// `None` where the interface has gone meanwhile.
    fn unidentified(&self, event: &Event) -> Option<NodeReport> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        let interface = view.interfaces.get(&event.ifindex)?.clone();
        let workload = view.endpoints.get(&event.ifindex).map(|endpoint| endpoint.workload.clone());
        Some(NodeReport::Unidentified { interface, workload })
    }

    /// A peer that the kernel did not know waits for its name, or has got it while the event was on its way.
    fn stranger(&self, event: &Event, report: &ConnectionReport) -> Option<ConnectionReport> {
        let nameless = report.peer == Identity::UNKNOWN && event.direction != SPOOFED;
        if !nameless || report.verdict == Verdict::Denied {
            return None;
        }
        let address = event.key.remote.into();
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        let owner = view.by_address.get(&address).and_then(|index| view.endpoints.get(index));
        if let Some(owner) = owner
            && owner.identity != Identity::UNKNOWN
        {
            let was = view.strangers.was(event.time_ns, owner.since_ns);
            return was.then(|| ConnectionReport { peer: owner.identity, ..report.clone() });
        }
        view.strangers.wait(address, event.time_ns, report.clone());
        None
    }

    fn connection(&self, event: &Event) -> ConnectionReport {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        let endpoint = view.endpoints.get(&event.ifindex);
        let direction = bulkhead_abi::direction(event.direction);
        let client_endpoint = match direction {
            Direction::Egress => endpoint,
            Direction::Ingress => {
                let index = view.by_address.get(&event.key.remote.into());
                index.and_then(|index| view.endpoints.get(index))
            }
        };
        let process = if event.direction == SPOOFED {
            None
        } else if event.pid != 0 {
            process::of_pid(event.pid)
        } else {
            client_endpoint.and_then(|client| client_process(client, event))
        };
        if event.flags & EVENT_ANSWER != 0
            && let Some(answerer) = &self.answerer
        {
            self.answer(answerer, event, endpoint, &view);
        }
        if self.flows.load(Ordering::Relaxed) {
            let record = translate::flow(event, &view, process.clone(), false);
            self.offer(NodeReport::Flow(Box::new(record)));
        }
        let workload = endpoint.map(|e| e.workload.clone());
        translate::connection(event, workload, process)
    }

    fn answer(
        &self,
        answerer: &Answerer,
        event: &Event,
        endpoint: Option<&Endpoint>,
        view: &crate::view::View,
    ) {
        let (ifindex, sender) = if event.flags & EVENT_FROM_WORKLOAD != 0 {
            (event.ifindex, endpoint)
        } else {
            let Some(index) = view.by_address.get(&event.key.remote.into()) else { return };
            (*index, view.endpoints.get(index))
        };
        if let Some(sender) = sender {
            answerer.reset(event, ifindex, sender.mac, sender.host_mac);
        }
    }

    fn flow(&self, event: &Event, process: Option<Process>, ended: bool) {
        if self.flows.load(Ordering::Relaxed) {
            let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
            let record = translate::flow(event, &view, process, ended);
            drop(view);
            self.offer(NodeReport::Flow(Box::new(record)));
        }
    }

    /// Flow records are a live view: one that cannot be taken at once is counted and dropped.
    fn offer(&self, report: NodeReport) {
        if let Err(TrySendError::Full(_)) = self.reports.try_send(report) {
            self.lost_flows.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn is_unidentified(event: &Event) -> bool {
    bulkhead_abi::reason(event.reason) == Some(DenyReason::Unidentified)
}

/// The process that opened the connection, in its own namespace. Absent rather than wrong.
fn client_process(client: &Endpoint, event: &Event) -> Option<Process> {
    let direction = bulkhead_abi::direction(event.direction);
    let tuple = event.key.tuple(direction, event.port);
    if !matches!(tuple.protocol, IpProtocol::TCP | IpProtocol::UDP) {
        return None;
    }
    process::of_connection(&client.namespace, &SocketTuple::of_flow(&tuple, Direction::Egress)).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_fails_or_breaks_down_ends_the_agent_with_an_error() {
        let failed = tokio::spawn(async { Err(io::Error::other("the ring is gone")) });
        assert!(matches!(ended(failed.await), Err(AgentError::Events(_))));
        let broken: tokio::task::JoinHandle<io::Result<()>> =
            tokio::spawn(async { panic!("as a parser might") });
        assert!(matches!(ended(broken.await), Err(AgentError::Reader(_))));
        assert!(ended(tokio::spawn(async { Ok(()) }).await).is_ok());
    }
}
