use bulkhead_model::Timestamp;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The hash before the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// From 1, without gaps; retention removes from the beginning.
    pub sequence: u64,
    pub time: Timestamp,
    pub actor: String,
    pub role: Option<String>,
    pub action: String,
    pub target: String,
    pub detail: String,
    pub address: Option<String>,
    pub hash: String,
}

/// What walking the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    pub entries: u64,
    /// Entries before those, which retention has removed; their last hash is where the chain begins.
    pub removed: u64,
    pub broken_at: Option<u64>,
    pub head: String,
}

impl AuditRecord {
    /// SHA-256 over the hash before and every field, each with its length, so that no two records have one encoding.
    pub fn chained(&self, before: &str) -> String {
        let mut context = Context::new(&SHA256);
        let sequence = self.sequence.to_string();
        let time = self.time.0.to_string();
        let optional = |text: &Option<String>| match text {
            Some(text) => format!("+{text}"),
            None => String::new(),
        };
        for field in [
            before,
            &sequence,
            &time,
            &self.actor,
            &optional(&self.role),
            &self.action,
            &self.target,
            &self.detail,
            &optional(&self.address),
        ] {
            context.update(&(field.len() as u64).to_be_bytes());
            context.update(field.as_bytes());
        }
        let mut hex = String::with_capacity(64);
        for byte in context.finish().as_ref() {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

/// Checks records in order of their sequence.
#[derive(Debug)]
pub(crate) struct Verifier {
    removed: u64,
    next: u64,
    head: String,
    broken_at: Option<u64>,
}

impl Verifier {
    /// After the last line that retention has removed, where it has.
    pub(crate) fn new(removed: Option<(u64, String)>) -> Self {
        let (removed, head) = removed.unwrap_or_else(|| (0, GENESIS.to_owned()));
        Self { removed, next: removed + 1, head, broken_at: None }
    }

    pub(crate) fn check(&mut self, record: &AuditRecord) {
        let sound = record.sequence == self.next && record.hash == record.chained(&self.head);
        if !sound && self.broken_at.is_none() {
            self.broken_at = Some(self.next.min(record.sequence));
        }
        self.next = record.sequence + 1;
        self.head.clone_from(&record.hash);
    }

    pub(crate) fn finish(self, entries: u64) -> AuditVerdict {
        AuditVerdict { entries, removed: self.removed, broken_at: self.broken_at, head: self.head }
    }
}
