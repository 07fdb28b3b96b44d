//! Rules that hold until an instant: from then on they mean nothing, and that is said.

use super::{Actor, State};
use bulkhead_model::{Direction, EventKind, Severity, Timestamp};
use bulkhead_store::Change;

/// What is known of expiries.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    /// Until when it was looked for rules that expired.
    looked: Timestamp,
    /// The next rule to expire.
    next: Option<Timestamp>,
}

/// Where the store keeps until when it was looked.
pub(super) const KEY: &str = "expiry-looked";

impl Expiry {
    /// A rule that expired while nobody looked is told of at the next start.
    pub(super) fn restore(stored: Option<&str>, now: Timestamp) -> Self {
        let looked = stored.and_then(|text| text.parse().ok()).map_or(now, Timestamp);
        Self { looked: looked.min(now), next: Some(now) }
    }
}

impl State {
    /// Tells of rules that have expired since it was last looked, and has the tables made anew without them. Called
    /// before documents change, too: of what comes in with an expiry that has passed, nothing ever held.
    pub(super) fn expire_rules(&mut self) {
        let now = self.now;
        if self.expiry.next.is_none_or(|next| now < next) {
            return;
        }
        let since = self.expiry.looked;
        let mut over = Vec::new();
        for policy in self.set.policies() {
            let rules = [Direction::Ingress, Direction::Egress].into_iter().flat_map(|direction| {
                policy.rules(direction).iter().enumerate().map(move |(at, rule)| (direction, at, rule))
            });
            for (direction, at, rule) in rules {
                if rule.expires.is_some_and(|expires| since < expires && expires <= now) {
                    let name = rule.name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
                    over.push(format!("{} {direction}[{at}]{name}", policy.key()));
                }
            }
        }
        self.look_for_expiry();
        self.stale.policy = true;
        if over.is_empty() {
            return;
        }
        self.revision += 1;
        self.effects.view = true;
        let revision = self.revision;
        let summary = match over.as_slice() {
            [one] => format!("rule {one} has expired"),
            all => format!("{} rules have expired: {}", all.len(), all.join(", ")),
        };
        self.audit(&Actor::system(), "policy.expire", "policies", &format!("revision {revision}: {summary}"));
        let message =
            format!("policy revision {revision}: {summary}; what it allowed or denied is decided without it");
        let kind =
            EventKind::PolicyChanged { revision, actor: "expiry".into(), summary: summary.as_str().into() };
        self.emit(Severity::Notice, message, kind);
    }

    /// Notes when the next rule of the documents in force expires.
    pub(super) fn look_for_expiry(&mut self) {
        let next = self.set.next_expiry(self.now);
        if self.expiry.next != next || next.is_some() {
            let data = self.now.0.to_string();
            self.effects.changes.push(Change::Setting { key: KEY, data });
        }
        self.expiry.looked = self.now;
        self.expiry.next = next;
    }

    /// Whether something expires at this time, so that it must not wait for the next round.
    pub(crate) fn is_expiry_due(&self, now: Timestamp) -> bool {
        self.expiry.next.is_some_and(|next| next <= now)
    }
}
