//! What a change would do to connections that were seen.

use crate::evaluate::{Evaluator, PairVerdict};
use bulkhead_model::EdgeKey;

/// How modes count in a simulation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Modes {
    /// As the inventory has them: a service that learns holds nothing back.
    AsTheyAre,
    /// As if every service enforced: what the policies say.
    #[default]
    Enforced,
}

/// An edge that one policy lets pass and the other does not, or differently.
#[derive(Debug, Clone)]
pub struct VerdictChange {
    pub edge: EdgeKey,
    pub before: PairVerdict,
    pub after: PairVerdict,
}

impl VerdictChange {
    /// Whether it worked before and would not any more.
    pub fn breaks(&self, modes: Modes) -> bool {
        match modes {
            Modes::AsTheyAre => self.after.verdict > self.before.verdict,
            Modes::Enforced => self.before.allowed_by_policy() && !self.after.allowed_by_policy(),
        }
    }
}

/// The edges whose verdict differs between two evaluators, in the order given.
pub fn simulate<'e>(
    before: &Evaluator<'_>,
    after: &Evaluator<'_>,
    edges: impl IntoIterator<Item = &'e EdgeKey>,
    modes: Modes,
) -> Vec<VerdictChange> {
    let mut changes = Vec::new();
    for edge in edges {
        let (old, new) = (before.edge_verdict(edge), after.edge_verdict(edge));
        let differs = match modes {
            Modes::AsTheyAre => old.verdict != new.verdict,
            Modes::Enforced => old.allowed_by_policy() != new.allowed_by_policy(),
        };
        if differs {
            changes.push(VerdictChange { edge: edge.clone(), before: old, after: new });
        }
    }
    changes
}
