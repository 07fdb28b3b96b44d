//! Clients that try many targets in a short time.

use super::{
    State,
    denials::{EVERY_MS, OPEN, QUIET_MS},
};
use bulkhead_model::{
    EdgeKey, Event, EventKind, Peer, Process, Severity, Timestamp, Verdict, WorkloadId,
    node::ConnectionReport,
};
use std::collections::{BTreeSet, HashMap, VecDeque};

#[derive(Debug, Default)]
pub(super) struct Scans {
    recent: HashMap<Peer, VecDeque<(Timestamp, Peer, u16)>>,
    open: HashMap<Peer, OpenScan>,
}

#[derive(Debug)]
struct OpenScan {
    event: Event,
    last: Timestamp,
    peers: BTreeSet<Peer>,
    ports: BTreeSet<u16>,
    denied: u64,
    stored: Option<Timestamp>,
    dirty: bool,
}

impl State {
    pub(super) fn is_scanning(&self, client: &Peer) -> bool {
        self.scans.open.contains_key(client)
    }

    /// Denied attempts make a scan too, which learning never hears of.
    pub(super) fn note_scan(&mut self, edge: &EdgeKey, report: &ConnectionReport) {
        let window = u128::from(self.settings.scan.window_seconds) * 1000;
        let threshold = self.settings.scan.targets as usize;
        let now = report.time;
        if self.scans.recent.len() > OPEN {
            self.scans.recent.clear();
        }
        let recent = self.scans.recent.entry(edge.client.clone()).or_default();
        recent.retain(|(time, ..)| now.since(*time).as_millis() < window);
        if !recent.iter().any(|(_, peer, port)| *peer == edge.server && *port == edge.port) {
            recent.push_back((now, edge.server.clone(), edge.port));
        }
        if recent.len() > 4 * threshold {
            recent.pop_front();
        }
        let many = recent.len() >= threshold;
        let targets: Vec<(Peer, u16)> = recent.iter().map(|(_, peer, port)| (peer.clone(), *port)).collect();
        if many || self.scans.open.contains_key(&edge.client) {
            let denied = u64::from(report.verdict == Verdict::Denied);
            self.scan(&edge.client, targets, denied, now, report.workload.clone(), report.process.clone());
        }
    }

    /// Learning saw a fan-out.
    pub(super) fn scanned(&mut self, key: &EdgeKey, spike: &[EdgeKey], time: Timestamp) {
        let targets = spike.iter().chain([key]).map(|edge| (edge.server.clone(), edge.port)).collect();
        self.scan(&key.client, targets, 0, time, None, None);
    }

    fn scan(
        &mut self,
        client: &Peer,
        targets: Vec<(Peer, u16)>,
        denied: u64,
        time: Timestamp,
        workload: Option<WorkloadId>,
        process: Option<Process>,
    ) {
        if !self.scans.open.contains_key(client) {
            let kind =
                EventKind::Scan { client: client.clone(), workload, peers: 0, ports: 0, denied: 0, process };
            let id = self.log.next();
            let event = Event { id, time, severity: Severity::Critical, message: "".into(), kind };
            let open = OpenScan {
                event,
                last: time,
                peers: BTreeSet::new(),
                ports: BTreeSet::new(),
                denied: 0,
                stored: None,
                dirty: true,
            };
            self.scans.open.insert(client.clone(), open);
        }
        let Some(scan) = self.scans.open.get_mut(client) else { return };
        scan.last = scan.last.max(time);
        scan.denied += denied;
        for (peer, port) in targets {
            if scan.peers.len() < 4096 {
                scan.peers.insert(peer);
            }
            scan.ports.insert(port);
        }
        scan.dirty = true;
        if scan.stored.is_none() {
            self.flush_scans();
        }
    }

    pub(super) fn flush_scans(&mut self) {
        let now = self.now;
        let mut moved = Vec::new();
        for scan in self.scans.open.values_mut() {
            let due = scan.stored.is_none_or(|stored| now.since(stored).as_millis() >= u128::from(EVERY_MS));
            if scan.dirty && due {
                scan.dirty = false;
                scan.stored = Some(now);
                scan.refresh();
                moved.push((scan.event.clone(), scan.last));
            }
        }
        self.scans
            .open
            .retain(|_, scan| scan.dirty || now.since(scan.last).as_millis() < u128::from(QUIET_MS));
        for (event, last) in moved {
            self.put_event(event, last);
        }
    }
}

impl OpenScan {
    fn refresh(&mut self) {
        let (found_peers, found_ports) = (self.peers.len() as u32, self.ports.len() as u32);
        if let EventKind::Scan { client, peers, ports, denied, .. } = &mut self.event.kind {
            (*peers, *ports, *denied) = (found_peers, found_ports, self.denied);
            let outcome = if self.denied > 0 { format!(", {} denied", self.denied) } else { String::new() };
            self.event.message =
                format!("{client} tried {found_peers} peers on {found_ports} ports in a short time{outcome}")
                    .into();
        }
    }
}
