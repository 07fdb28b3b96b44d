//! What is wrong at the moment, and what was lost.

use super::State;
use bulkhead_api::Degradation;
use bulkhead_model::{
    EventKind, Severity, Timestamp, WorkloadId,
    node::{NodeHealth, TableFill},
};
use bulkhead_store::Pruned;

/// Fill of a kernel table from which on it is said aloud, and from which on it counts as full: tables that let the
/// oldest go keep some room on each CPU.
const CROWDED: f64 = 0.8;
const FULL: f64 = 0.95;
/// A node that says nothing for longer is silent.
const SILENT_SECONDS: u64 = 30;
/// Nodes tell once a minute that packets of an interface are still dropped.
const UNIDENTIFIED_SECONDS: u64 = 150;

impl State {
    /// Something promised does not hold; said once, until it holds again.
    pub(crate) fn degrade(&mut self, key: &str, what: &str, remedy: &str) {
        if let Some(known) = self.degraded.get_mut(key) {
            known.what = what.to_owned();
            return;
        }
        let degradation = Degradation { what: what.to_owned(), remedy: remedy.to_owned(), since: self.now };
        self.degraded.insert(key.to_owned(), degradation);
        self.effects.view = true;
        let kind = EventKind::Degraded { what: what.into(), remedy: remedy.into() };
        self.emit(Severity::Critical, format!("degraded: {what}; {remedy}"), kind);
    }

    pub(crate) fn recover(&mut self, key: &str) {
        if let Some(known) = self.degraded.remove(key) {
            self.effects.view = true;
            let what = known.what;
            let message = format!("recovered: {what}");
            self.emit(Severity::Notice, message, EventKind::Recovered { what: what.into() });
        }
    }

    pub(crate) fn lose(&mut self, what: &str, count: u64) {
        if count == 0 {
            return;
        }
        self.lost += count;
        self.sensor_lost = true;
        let kind = EventKind::Lost { what: what.into(), count };
        self.emit(Severity::Warning, format!("{count} lost: {what}"), kind);
    }

    pub(super) fn node_health(&mut self, health: NodeHealth) {
        let before = self.health.as_ref().map_or(0, |(_, before)| before.lost_events);
        // A smaller number is a new agent's.
        let lost = health.lost_events.checked_sub(before).unwrap_or(health.lost_events);
        self.lose("events that the kernel could not hand over", lost);
        for table in &health.tables {
            self.table_fill(table, health.revision >= self.revision);
        }
        if health.revision > 0 {
            self.applied = health.revision;
        }
        self.watch_gate(&health);
        self.health = Some((self.now, health));
        self.effects.view = true;
    }

    /// Where something is enforced, new containers are closed before an agent has seen them: by the gate, or not at all.
    fn watch_gate(&mut self, health: &NodeHealth) {
        let enforced = self.held || self.compiled.services.iter().any(|service| service.mode.drops());
        if health.gate || !enforced {
            self.recover("gate");
        } else if self.held || health.revision >= self.revision {
            let what =
                "the first-packet gate is open: a container that starts can send before anybody judges it";
            let remedy = "is nftables installed, and does something flush the host's rules? see what is not covered; \
                          and start without --no-gate";
            self.degrade("gate", what, remedy);
        }
    }

    /// Said before a table is full, and again when it is. What did not fit has been taken back, so a table may be less
    /// full than it was asked to be: `applied` says whether the node enforces what is wanted.
    fn table_fill(&mut self, table: &TableFill, applied: bool) {
        let TableFill { name, entries, capacity, refused } = table;
        let (crowded, full) = (format!("table {name}"), format!("table {name} full"));
        let known = self.health.as_ref().and_then(|(_, known)| known.tables.iter().find(|t| t.name == *name));
        let before = known.map_or(0, |known| known.refused);
        // A smaller number is a new agent's.
        let turned_away = refused.checked_sub(before).unwrap_or(*refused);
        let fill = *entries as f64 / (*capacity).max(1) as f64;
        if *capacity > 0 && fill >= CROWDED {
            let what = format!("kernel table {name} is {:.0} % full ({entries} of {capacity})", fill * 100.0);
            self.degrade(&crowded, &what, remedy_of(name));
        } else {
            self.recover(&crowded);
        }
        if turned_away > 0 || *capacity > 0 && fill >= FULL {
            let what = format!("kernel table {name} is full ({entries} of {capacity}): {}", full_means(name));
            self.degrade(&full, &what, remedy_of(name));
        } else if fill < CROWDED && applied {
            self.recover(&full);
        }
        if name == "edges" || name == "edges-for-all" {
            self.lose(&format!("connections for which kernel table {name} had no room"), turned_away);
        }
    }

    /// Packets of this interface are dropped. The node says so again as long as there are any.
    pub(super) fn unidentified(&mut self, interface: &str, workload: Option<WorkloadId>) {
        let workload = workload.and_then(|id| self.workload(&id).map(|known| known.name.clone()));
        let (what, remedy) = match workload {
            Some(name) => (
                format!("{name} is closed: the node has no policy of its service yet ({interface})"),
                "look at what the node says of its tables; it opens when the policy is applied",
            ),
            None => (
                format!("packets of {interface} are dropped: no runtime knows the workload behind it"),
                "start it by a runtime that Bulkhead watches, or restart the agent to leave the interface alone",
            ),
        };
        self.degrade(&unidentified_key(interface), &what, remedy);
        self.unidentified.insert(interface.into(), self.now);
    }

    /// Whether the database fits where only what must stay is left, and what went of the audit log: in the log itself.
    pub(crate) fn note_pruned(&mut self, pruned: &Pruned) {
        if pruned.audit > 0 {
            let detail =
                format!("{} lines older than {} days", pruned.audit, self.settings.retention.audit_days);
            self.audit(&super::Actor::system(), "audit.prune", "audit", &detail);
        }
        let Some(bytes) = pruned.too_large else { return self.recover("size") };
        let most = self.settings.retention.max_megabytes;
        let what = format!(
            "the database has {} MB where {most} are allowed, and only what must stay is left: the state, the audit log, \
             the newest events, history and revisions",
            bytes >> 20
        );
        self.degrade("size", &what, "raise retention.max_megabytes, or lower retention.audit_days");
    }

    pub(super) fn watch_health(&mut self) {
        let now = self.now;
        let over = |last: &Timestamp| now.since(*last).as_secs() > UNIDENTIFIED_SECONDS || now < *last;
        let quiet: Vec<_> =
            self.unidentified.iter().filter(|(_, last)| over(last)).map(|(name, _)| name.clone()).collect();
        for interface in quiet {
            self.unidentified.remove(&interface);
            self.recover(&unidentified_key(&interface));
        }
        if self.is_silent(self.now) {
            let what = "the agent does not report; the last policy is still enforced, nothing new is seen";
            self.degrade("agent", what, "look at the agent's log and restart it");
        } else {
            self.recover("agent");
        }
    }

    pub(super) fn is_silent(&self, now: Timestamp) -> bool {
        self.health
            .as_ref()
            .is_some_and(|(last, _)| now.since(*last).max(last.since(now)).as_secs() > SILENT_SECONDS)
    }
}

fn unidentified_key(interface: &str) -> String {
    format!("unidentified {interface}")
}

/// What happens to that for which a kernel table has no room.
fn full_means(table: &str) -> &'static str {
    match table {
        "flows" => "connections that were used least recently are decided anew at their next packet",
        "edges" => {
            "a service in Enforce begins no connection that would need another entry; in Learn and Monitor it passes \
             uncounted, and only some of it is told"
        }
        "edges-for-all" => {
            "what is denied, and what services in Learn and Monitor do, is judged as ever, but not counted, and only some \
             of it is told; what a policy in force allows has room of its own"
        }
        "endpoints" | "owners" => "what is new is unknown, and closed wherever something is enforced",
        _ => "the new policy does not fit, and the one before goes on to hold",
    }
}

fn remedy_of(table: &str) -> &'static str {
    match table {
        "flows" => "raise --max-connections, or look for a scan",
        "edges" | "edges-for-all" => {
            "look for a scan or a service with very many peers; quiet entries go by themselves within minutes"
        }
        "endpoints" | "owners" => "run fewer workloads on this node",
        _ => "say it with fewer rules or ranges, or run fewer services on this node",
    }
}
