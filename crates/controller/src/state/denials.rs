//! Denials and spoofed addresses: one event with a counter, not a million.

use super::State;
use bulkhead_learn::{CanaryDenial, SetAside};
use bulkhead_model::{
    Denial, DenyReason, Direction, EdgeCounters, EdgeKey, Event, EventKind, Mode, ServiceName, Severity,
    Timestamp, Verdict, WorkloadId, node::ConnectionReport,
};
use std::{collections::HashMap, net::IpAddr};

/// A quiet time after which a denial is a new event.
pub(super) const QUIET_MS: u64 = 3_600_000;
/// An event that is counted on is stored and streamed no more often than this.
pub(super) const EVERY_MS: u64 = 1_000;
/// Open events; beyond, the quietest are closed.
pub(super) const OPEN: usize = 20_000;

/// What is counted on edges. Irregular packets are on none: their events count how often they were told of, which is no
/// more often than every five seconds.
const COUNTED: [DenyReason; 5] = [
    DenyReason::NoRule,
    DenyReason::Rule,
    DenyReason::Quarantine,
    DenyReason::Unidentified,
    DenyReason::TableFull,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    edge: EdgeKey,
    direction: Direction,
    denied: bool,
    reason: DenyReason,
}

#[derive(Debug)]
struct Open {
    event: Event,
    last: Timestamp,
    stored: Timestamp,
    dirty: bool,
    /// Connections counted by the kernel since the event was opened.
    counted: u64,
}

#[derive(Debug, Default)]
pub(super) struct Denials {
    open: HashMap<Key, Open>,
    /// Counts that came before their first connection was told of.
    early: HashMap<(EdgeKey, Direction, bool), u64>,
    spoofs: HashMap<(Option<WorkloadId>, IpAddr), OpenSpoof>,
}

#[derive(Debug)]
struct OpenSpoof {
    event: Event,
    count: u64,
    last: Timestamp,
    stored: Timestamp,
    dirty: bool,
}

impl State {
    pub(super) fn denial(&mut self, edge: &EdgeKey, report: ConnectionReport) {
        let denied = report.verdict == Verdict::Denied;
        let reason = report.reason.unwrap_or(DenyReason::NoRule);
        let own = match report.direction {
            Direction::Egress => &edge.client,
            Direction::Ingress => &edge.server,
        };
        let Some(service) = own.service().cloned() else { return };
        let key = Key { edge: edge.clone(), direction: report.direction, denied, reason };
        self.note_scan(edge, &report);
        self.note_canary(&service, edge, &report);
        let now = report.time;
        if let Some(open) = self.denials.open.get_mut(&key)
            && now.since(open.last).as_millis() < u128::from(QUIET_MS)
        {
            open.last = open.last.max(now);
            open.dirty = true;
            open.counted += u64::from(reason.is_irregular());
            return;
        }
        let counted = self.denials.early.remove(&(edge.clone(), report.direction, denied)).unwrap_or(0);
        let rule_name = self.book.rule(report.rule).map(|rule| rule.title().into());
        let allow_with = matches!(reason, DenyReason::NoRule | DenyReason::Rule)
            .then(|| super::allow_with(edge, &self.set, &self.inventory, now))
            .flatten();
        let workload = report.workload.as_ref().and_then(|id| self.workload(id));
        let workload_name = workload.map(|workload| workload.name.clone());
        let denial = Denial {
            edge: edge.clone(),
            tuple: report.tuple,
            direction: report.direction,
            service,
            workload: report.workload,
            workload_name,
            process: report.process,
            reason,
            rule: report.rule,
            rule_name,
            packet: report.packet,
            count: counted.max(1),
            last: now,
            allow_with: allow_with.map(Into::into),
        };
        let message = sentence(&denial, denied);
        let kind = if denied { EventKind::Denied(denial) } else { EventKind::WouldDeny(denial) };
        let severity = if denied { Severity::Warning } else { Severity::Notice };
        let stored = self.emit_at(now, severity, message, kind);
        if self.denials.open.len() >= OPEN {
            self.close_quietest();
        }
        let event = stored.event.clone();
        self.denials.open.insert(
            key,
            Open {
                event,
                last: now,
                stored: self.now,
                dirty: false,
                counted: counted.max(u64::from(reason.is_irregular())),
            },
        );
    }

    fn close_quietest(&mut self) {
        let mut lasts: Vec<Timestamp> = self.denials.open.values().map(|open| open.last).collect();
        lasts.sort_unstable();
        let Some(bound) = lasts.get(lasts.len() / 4).copied() else { return };
        self.denials.open.retain(|_, open| open.last > bound);
    }

    /// What the kernel counted on an edge.
    pub(super) fn count_denials(
        &mut self,
        edge: &EdgeKey,
        direction: Direction,
        counters: &EdgeCounters,
        last: Timestamp,
    ) {
        for (denied, count) in [(true, counters.denied), (false, counters.would_deny)] {
            if count == 0 {
                continue;
            }
            let (own, peer) = match direction {
                Direction::Egress => (&edge.client, &edge.server),
                Direction::Ingress => (&edge.server, &edge.client),
            };
            let mut decided = false;
            for end in [own, peer] {
                if let Some(name) = end.service()
                    && let Some(record) = self.services.get_mut(name)
                {
                    let (hours, here) = match denied {
                        true => (&mut record.denied, &mut record.decided_denied),
                        false => (&mut record.would_deny, &mut record.decided_would_deny),
                    };
                    hours.add(last, count);
                    if !std::mem::replace(&mut decided, true) {
                        here.add(last, count);
                    }
                    self.dirty_services.insert(name.clone());
                }
            }
            // The kernel counts an edge's denials together: a look-up for each reason instead of a walk over all.
            let mut key = Key { edge: edge.clone(), direction, denied, reason: DenyReason::NoRule };
            let mut found: Option<(Timestamp, DenyReason)> = None;
            for reason in COUNTED {
                key.reason = reason;
                if let Some(open) = self.denials.open.get(&key)
                    && found.is_none_or(|(last, _)| last < open.last)
                {
                    found = Some((open.last, reason));
                }
            }
            key.reason = found.map_or(key.reason, |(_, reason)| reason);
            match self.denials.open.get_mut(&key) {
                Some(open) => {
                    open.counted += count;
                    open.last = open.last.max(last);
                    open.dirty = true;
                }
                None if self.denials.early.len() < OPEN => {
                    *self.denials.early.entry((edge.clone(), direction, denied)).or_default() += count;
                }
                None => self.lost += count,
            }
        }
    }

    /// Stores and streams events that were counted on.
    pub(super) fn flush_denials(&mut self) {
        let now = self.now;
        let mut moved = Vec::new();
        for open in self.denials.open.values_mut() {
            if open.dirty && now.since(open.stored).as_millis() >= u128::from(EVERY_MS) {
                open.dirty = false;
                open.stored = now;
                if let EventKind::Denied(denial) | EventKind::WouldDeny(denial) = &mut open.event.kind {
                    denial.count = open.counted.max(1);
                    denial.last = open.last;
                }
                moved.push((open.event.clone(), open.last));
            }
        }
        self.denials
            .open
            .retain(|_, open| open.dirty || now.since(open.last).as_millis() < u128::from(QUIET_MS));
        for (event, last) in moved {
            self.put_event(event, last);
        }
        self.flush_spoofs();
        self.flush_scans();
    }

    fn flush_spoofs(&mut self) {
        let now = self.now;
        let mut moved = Vec::new();
        for open in self.denials.spoofs.values_mut() {
            if open.dirty && now.since(open.stored).as_millis() >= u128::from(EVERY_MS) {
                (open.dirty, open.stored) = (false, now);
                if let EventKind::Spoof { count, last, .. } = &mut open.event.kind {
                    (*count, *last) = (open.count, Some(open.last));
                }
                moved.push((open.event.clone(), open.last));
            }
        }
        self.denials
            .spoofs
            .retain(|_, open| open.dirty || now.since(open.last).as_millis() < u128::from(QUIET_MS));
        for (event, last) in moved {
            self.put_event(event, last);
        }
    }

    pub(super) fn spoofed(&mut self, edge: &EdgeKey, report: ConnectionReport) {
        let seen = (report.workload.clone(), report.tuple.client_address);
        if self.denials.spoofs.len() > OPEN {
            self.denials.spoofs.clear();
        }
        if let Some(open) = self.denials.spoofs.get_mut(&seen)
            && report.time.since(open.last).as_millis() < u128::from(QUIET_MS)
        {
            open.count += 1;
            open.last = open.last.max(report.time);
            open.dirty = true;
            return;
        }
        self.learner.set_aside(edge, SetAside::Spoof);
        let own = match report.direction {
            Direction::Egress => &edge.client,
            Direction::Ingress => &edge.server,
        };
        let service = own.service().cloned();
        let who = service.as_ref().map_or_else(|| "a workload".to_owned(), ToString::to_string);
        let message = format!("{who} spoke with an address that is not its own: {}", report.tuple);
        let (workload, tuple) = (report.workload, report.tuple);
        let kind = EventKind::Spoof { workload, service, tuple, count: 1, last: None };
        let event = self.emit_at(report.time, Severity::Critical, message, kind).event.clone();
        let open = OpenSpoof { event, count: 1, last: report.time, stored: self.now, dirty: false };
        self.denials.spoofs.insert(seen, open);
    }

    /// A denial in the canary period may roll the service back.
    fn note_canary(&mut self, service: &ServiceName, edge: &EdgeKey, report: &ConnectionReport) {
        let enforced = self.services.get(service).is_some_and(|record| record.mode == Mode::Enforce);
        if !enforced || report.verdict != Verdict::Denied {
            return;
        }
        let kind = self.denial_kind(service, edge, report);
        let Some(record) = self.services.get_mut(service) else { return };
        let room = record.canary.len() < 256;
        match record.canary.iter_mut().find(|denial| denial.edge == *edge) {
            Some(known) if kind.is_expected() => known.kind = kind,
            None if room => {
                record.canary.push(CanaryDenial { edge: edge.clone(), first: report.time, kind });
            }
            _ => return,
        }
        self.dirty_services.insert(service.clone());
    }

    /// Workloads whose denials on this edge are open events.
    pub(super) fn denied_by(&self, edge: &EdgeKey) -> Vec<WorkloadId> {
        let open = self.denials.open.iter().filter(|(key, _)| key.denied && key.edge == *edge);
        let workload = |open: &Open| match &open.event.kind {
            EventKind::Denied(denial) => denial.workload.clone(),
            _ => None,
        };
        open.filter_map(|(_, open)| workload(open)).collect()
    }
}

fn sentence(denial: &Denial, denied: bool) -> String {
    let what = if denied { "denied" } else { "would be denied" };
    let why = match denial.reason {
        DenyReason::NoRule => format!("no {} rule of {} allows it", denial.direction, denial.service),
        DenyReason::Rule => match &denial.rule_name {
            Some(rule) => format!("rule {rule} denies it"),
            None => format!("a rule of {} denies it", denial.service),
        },
        DenyReason::Quarantine => format!("{} is quarantined", denial.service),
        DenyReason::Spoof => "the address is not the workload's own".to_owned(),
        DenyReason::Malformed => "the packet cannot be parsed".to_owned(),
        DenyReason::Fragment => "a fragment without its beginning".to_owned(),
        DenyReason::Unidentified => "its workload is not identified yet".to_owned(),
        DenyReason::TableFull => "a kernel table is full".to_owned(),
        DenyReason::Unrelated => "an ICMP error about nothing that is open".to_owned(),
    };
    format!("{} {what}: {why}", denial.edge)
}
