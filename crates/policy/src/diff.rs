//! What differs between two sets of documents: in terms of documents and rules, and in terms of flows.

use crate::{
    compile::Compiler,
    document::{Document, DocumentKey, Rule},
    flowset::TrafficSet,
    inventory::Inventory,
    reach::{Reach, View, peer_of},
    rulebook::RuleBook,
    set::PolicySet,
};
use bulkhead_model::{Direction, Identity, Peer, RuleOrigin, Timestamp};
use std::{collections::BTreeSet, fmt};

/// A document that was added, removed or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentChange {
    pub key: DocumentKey,
    pub kind: ChangeKind,
    /// `mode: monitor → enforce` and the like, for a changed document.
    pub fields: Vec<String>,
    /// Rules that came or went; one that merely moved is not among them.
    pub rules: Vec<RuleChange>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    Added,
    Removed,
    Changed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleChange {
    pub direction: Direction,
    pub added: bool,
    /// The rule on one line of YAML.
    pub text: String,
}

/// What became of the documents, in the order of their names. Documents that say the same are not mentioned.
pub fn diff(before: &PolicySet, after: &PolicySet) -> Vec<DocumentChange> {
    let keys: BTreeSet<DocumentKey> =
        before.documents().chain(after.documents()).map(|document| document.key()).collect();
    let mut changes = Vec::new();
    for key in keys {
        let (old, new) = (before.get(&key), after.get(&key));
        if old == new {
            continue;
        }
        let kind = match (&old, &new) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        };
        let rules = [Direction::Ingress, Direction::Egress]
            .into_iter()
            .flat_map(|direction| rule_changes(direction, rules(&old, direction), rules(&new, direction)))
            .collect();
        let fields = match (&old, &new) {
            (Some(old), Some(new)) => field_changes(old, new),
            _ => Vec::new(),
        };
        changes.push(DocumentChange { key, kind, fields, rules });
    }
    changes
}

fn rules(document: &Option<Document>, direction: Direction) -> &[Rule] {
    match document {
        Some(Document::Policy(policy)) => policy.rules(direction),
        _ => &[],
    }
}

fn rule_changes(direction: Direction, old: &[Rule], new: &[Rule]) -> Vec<RuleChange> {
    let text = |rule: &Rule| rule.text(direction);
    let mut left: Vec<String> = new.iter().map(text).collect();
    let mut changes = Vec::new();
    for gone in old.iter().map(text) {
        match left.iter().position(|rule| *rule == gone) {
            Some(at) => {
                left.remove(at);
            }
            None => changes.push(RuleChange { direction, added: false, text: gone }),
        }
    }
    changes.extend(left.into_iter().map(|text| RuleChange { direction, added: true, text }));
    changes
}

fn field_changes(old: &Document, new: &Document) -> Vec<String> {
    let mut fields = Vec::new();
    let mut differs = |name: &str, old: String, new: String| {
        if old != new {
            fields.push(format!("{name}: {old} → {new}"));
        }
    };
    match (old, new) {
        (Document::Policy(old), Document::Policy(new)) => {
            let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
            differs("target", old.target_text(), new.target_text());
            differs(
                "mode",
                or_none(old.mode.map(|m| m.to_string())),
                or_none(new.mode.map(|m| m.to_string())),
            );
            let tier = |tier: RuleOrigin| tier.to_string();
            differs("tier", tier(old.tier), tier(new.tier));
            differs(
                "order",
                or_none(old.order.map(|o| o.to_string())),
                or_none(new.order.map(|o| o.to_string())),
            );
            differs("labels", format!("{:?}", old.metadata.labels), format!("{:?}", new.metadata.labels));
            differs(
                "annotations",
                format!("{:?}", old.metadata.annotations),
                format!("{:?}", new.metadata.annotations),
            );
            let moved = [Direction::Ingress, Direction::Egress].into_iter().any(|direction| {
                let (old, new) = (old.rules(direction), new.rules(direction));
                old != new && rule_changes(direction, old, new).is_empty()
            });
            if moved {
                fields.push("order of rules".to_owned());
            }
        }
        (old, new) => differs("spec", old.spec_text(), new.spec_text()),
    }
    fields
}

/// Flows of one pair of peers that a change allows or takes away, both sides taken together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowChange {
    pub client: Peer,
    pub server: Peer,
    pub gained: TrafficSet,
    pub lost: TrafficSet,
}

impl fmt::Display for FlowChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}:", self.client, self.server)?;
        if !self.gained.is_empty() {
            write!(f, " gains {}", self.gained)?;
        }
        if !self.lost.is_empty() {
            write!(f, " loses {}", self.lost)?;
        }
        Ok(())
    }
}

/// Which flows become allowed or denied, over all flows between all peers there are, as if every service enforced.
/// External addresses appear as the parts into which the two sets together cut them.
pub fn flow_diff(
    before: &PolicySet,
    after: &PolicySet,
    inventory: &Inventory,
    now: Timestamp,
) -> Vec<FlowChange> {
    let mut compiler = Compiler::default();
    let old = Reach::new(compiler.compile_beside(before, &[before, after], inventory, now), View::Policy);
    let new = old.renewed(compiler.compile_beside(after, &[before, after], inventory, now));
    changes(&old, &new, inventory, compiler.book())
}

/// What two readings of one estate allow differently. Only services of which a side's tables differ are looked at.
pub(crate) fn changes(old: &Reach, new: &Reach, inventory: &Inventory, book: &RuleBook) -> Vec<FlowChange> {
    let peers: BTreeSet<Identity> = old.peers().into_iter().chain(new.peers()).collect();
    let changed = |direction| {
        let differs = |identity: &&Identity| !old.has_same_tables(new, **identity, direction);
        peers.iter().filter(differs).copied().collect::<BTreeSet<Identity>>()
    };
    let (clients, servers) = (changed(Direction::Egress), changed(Direction::Ingress));
    let of_clients = clients.iter().flat_map(|&client| peers.iter().map(move |&server| (client, server)));
    let of_servers = servers.iter().flat_map(|&server| peers.iter().map(move |&client| (client, server)));
    let pairs: BTreeSet<(Identity, Identity)> = of_clients
        .chain(of_servers)
        .filter(|&(client, server)| {
            (client.is_service() || server.is_service()) && !old.is_same(new, client, server)
        })
        .collect();
    let mut changes = Vec::new();
    for (client, server) in pairs {
        let (was, is) = (old.traffic(client, server), new.traffic(client, server));
        if was != is {
            changes.push(FlowChange {
                client: peer_of(client, inventory, book),
                server: peer_of(server, inventory, book),
                gained: is.difference(&was),
                lost: was.difference(&is),
            });
        }
    }
    changes
}
