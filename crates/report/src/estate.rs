//! What a report is made from: everything that is known of an estate at one moment.

use crate::model::ReportSource;
use bulkhead_model::{Edge, RuleOrigin, ServiceName, Timestamp};
use bulkhead_policy::{Inventory, PolicySet, document::DocumentKey};
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub struct Estate<'a> {
    pub now: Timestamp,
    pub source: ReportSource,
    pub set: &'a PolicySet,
    /// Services with the modes that hold now.
    pub inventory: &'a Inventory,
    /// Observed connections.
    pub edges: Vec<&'a Edge>,
    /// What is known of services besides their modes; may lack some, and does for files.
    pub services: BTreeMap<ServiceName, ServiceFacts>,
    /// Who wrote a document, and when; empty for files.
    pub documents: BTreeMap<DocumentKey, DocumentFacts>,
    /// Changes of the policy, newest first.
    pub revisions: Vec<RevisionFacts>,
    /// Absent for files: nothing runs.
    pub operation: Option<Operation>,
}

#[derive(Debug, Clone, Default)]
pub struct ServiceFacts {
    pub workloads: u64,
    pub first_seen: Timestamp,
    /// Since when its policy has been enforced without a break.
    pub enforced_since: Option<Timestamp>,
    /// Hours observed with a healthy sensor.
    pub observed_hours: f64,
    /// Upper 95 % bound on the chance that the next day shows a connection never seen, 0 to 1.
    pub upper_day: f64,
    /// How well it is known, as a sentence.
    pub learning: String,
    pub denied_24h: u64,
    pub would_deny_24h: u64,
}

#[derive(Debug, Clone)]
pub struct DocumentFacts {
    pub origin: RuleOrigin,
    pub revision: u64,
    pub updated: Timestamp,
    pub actor: String,
}

#[derive(Debug, Clone)]
pub struct RevisionFacts {
    pub revision: u64,
    pub time: Timestamp,
    pub actor: String,
    pub summary: String,
}

/// How the estate is run.
#[derive(Debug, Clone, Default)]
pub struct Operation {
    /// The policy as it is wanted, and the oldest that a node still enforces.
    pub wanted_revision: u64,
    pub enforced_revision: u64,
    pub nodes: Vec<NodeFacts>,
    /// Events lost since the controller was started.
    pub lost_events: u64,
    /// What does not hold at the moment, each as a sentence.
    pub degraded: Vec<String>,
    pub audit: AuditFacts,
    /// Systems that events are sent to.
    pub outputs: Vec<OutputFacts>,
    /// How long events are kept.
    pub event_days: u32,
    pub oldest_event: Option<Timestamp>,
    /// How many times faster than the wall clock learning believes time to pass; anything but 1 is a demonstration.
    pub learn_scale: f64,
}

#[derive(Debug, Clone, Default)]
pub struct NodeFacts {
    pub name: String,
    pub last_report: Timestamp,
    /// Whether it has not reported for so long that its health means nothing.
    pub silent: bool,
    pub kernel: String,
    /// `tcx` or `clsact`.
    pub attach_kind: String,
    /// Whether interfaces are closed from their creation on.
    pub gate: bool,
    pub endpoints: u32,
    pub lost_events: u64,
    /// Promises that do not hold there, each as a sentence.
    pub not_covered: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct AuditFacts {
    pub entries: u64,
    /// Where the chain of hashes breaks.
    pub broken_at: Option<u64>,
    pub head: String,
}

#[derive(Debug, Clone)]
pub struct OutputFacts {
    pub name: String,
    pub enabled: bool,
    /// `syslog over tls`, `webhook`
    pub kind: String,
    /// The least severity that is sent.
    pub from_severity: String,
}

impl Operation {
    /// Why what the kernel enforces may not be what the policy says; nothing where it is.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.nodes.is_empty() {
            doubts.push("no node reports, so nothing is known to be enforced".to_owned());
        }
        for node in self.nodes.iter().filter(|node| node.silent) {
            doubts.push(format!("node {} does not report: what is enforced there is not known", node.name));
        }
        if !self.nodes.is_empty() && self.enforced_revision < self.wanted_revision {
            doubts.push(format!(
                "revision {} is enforced, and revision {} is what the policy says",
                self.enforced_revision, self.wanted_revision
            ));
        }
        for node in &self.nodes {
            doubts.extend(node.not_covered.iter().map(|what| format!("node {}: {what}", node.name)));
        }
        doubts
    }
}
