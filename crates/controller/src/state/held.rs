//! What the kernel enforces while this controller knows nothing of it: its state was lost, the kernel's was not.

use super::{Change, State};
use bulkhead_policy::compiled::NodePolicy;

/// Where it is stored that the state was lost, until somebody says that it may begin anew.
const KEY: &str = "held";

/// What is known at the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    /// The kernel of this host enforces something that an earlier agent was told.
    pub(crate) enforced: bool,
    /// An administrator has said that it may go.
    pub(crate) begin_anew: bool,
}

impl State {
    /// A state that never told a node anything, beside a kernel that enforces something, is one that was lost: then no
    /// policy is published, as an empty one would open everything.
    pub(crate) fn hold(&mut self, found: Found, stored: &[(String, String)]) {
        let held_before = stored.iter().any(|(key, data)| key == KEY && data == "true");
        let lost = held_before || self.revision == 0;
        self.held = lost && found.enforced && !found.begin_anew;
        if self.held != held_before {
            self.effects.changes.push(Change::Setting { key: KEY, data: self.held.to_string() });
        }
        if self.held {
            let what = "the kernel of this host enforces a policy of which this database knows nothing: it is kept as \
                        it is, nothing is learned, and containers that start are closed";
            let remedy = "put a copy of bulkhead.db in its place; or give up what is enforced and start anew: bulkhead \
                          up --begin-anew";
            self.degrade("held", what, remedy);
        } else if lost && found.enforced {
            tracing::warn!("begun anew: what the kernel enforced is given up");
        }
    }

    /// Whether the node has said that it enforces what it is to.
    pub(crate) fn is_settled(&self) -> bool {
        if self.held { self.health.is_some() } else { self.applied > 0 && self.applied >= self.revision }
    }

    /// What nodes are to do.
    pub(crate) fn node_policy(&self) -> NodePolicy {
        if self.held {
            // Of no revision: an agent that enforces something goes on with it.
            return NodePolicy::default();
        }
        NodePolicy {
            revision: self.revision,
            identities: self.identities.all(),
            compiled: std::sync::Arc::clone(&self.compiled),
            stream_flows: self.stream_flows,
        }
    }
}
