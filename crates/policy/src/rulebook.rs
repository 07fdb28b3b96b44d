//! Numbers for rules and for external atoms that stay the same while what they stand for stays the same.

use crate::{
    document::{Action, DocumentKey, SegmentationPolicy},
    numbers::NumberMap,
};
use bulkhead_model::{Direction, ExternalName, Identity, RuleOrigin, RuleRef};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

/// What a rule number stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleInfo {
    pub reference: RuleRef,
    /// `namespace/name` of the document.
    pub document: String,
    pub direction: Direction,
    /// Position in the document's list of that direction, from 0.
    pub index: usize,
    pub origin: RuleOrigin,
    pub allow: bool,
    /// The name that its author gave it.
    pub name: Option<String>,
    /// The rule on one line of YAML.
    pub text: String,
    /// Whether the rule was in the policy when numbers were given last. Events may speak of rules that are gone.
    pub live: bool,
}

impl RuleInfo {
    /// `shop/redis ingress[0]`, with the author's name for it where there is one.
    pub fn title(&self) -> String {
        let place = format!("{} {}[{}]", self.document, self.direction, self.index);
        match &self.name {
            Some(name) => format!("{place} \"{name}\""),
            None => place,
        }
    }
}

/// An external atom: addresses that every rule treats alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtomInfo {
    pub identity: Identity,
    /// The most telling of what the rules call it.
    pub name: ExternalName,
    /// Everything that rules call it, one text.
    pub key: String,
}

/// The memory behind the numbers. Save it (it is `Serialize`) to keep numbers across restarts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct RuleBook {
    rules: BTreeMap<RuleRef, RuleInfo>,
    by_key: HashMap<Key, RuleRef>,
    atoms: BTreeMap<Identity, AtomInfo>,
    by_atom_key: HashMap<String, Identity>,
    next_rule: u32,
    next_atom: u32,
    /// Numbers of documents that were numbered before, by allocation: unchanged documents cost nothing.
    known: NumberMap<usize, (Arc<SegmentationPolicy>, Numbers)>,
}

fn place(policy: &Arc<SegmentationPolicy>) -> usize {
    Arc::as_ptr(policy) as usize
}

/// Rule numbers of one document: ingress, egress.
pub(crate) type Numbers = Arc<[Vec<RuleRef>; 2]>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    document: String,
    direction: Direction,
    text: String,
    /// Which of several rules of the same text.
    occurrence: u32,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    next_rule: u32,
    next_atom: u32,
    rules: Vec<RuleInfo>,
    atoms: Vec<AtomInfo>,
}

impl RuleBook {
    pub fn rule(&self, reference: RuleRef) -> Option<&RuleInfo> {
        self.rules.get(&reference)
    }

    /// Every rule that ever got a number and was not forgotten.
    pub fn rules(&self) -> impl Iterator<Item = &RuleInfo> {
        self.rules.values()
    }

    pub fn atom(&self, identity: Identity) -> Option<&AtomInfo> {
        self.atoms.get(&identity)
    }

    /// How many numbers were given to rules and to atoms so far: while these stay, so does what is worth saving.
    pub fn given(&self) -> (u32, u32) {
        (self.next_rule, self.next_atom)
    }

    /// Forgets dead rules that nothing refers to any more. Their numbers are not used again.
    pub fn forget(&mut self, referred: &HashSet<RuleRef>) {
        self.rules.retain(|reference, info| info.live || referred.contains(reference));
        let rules = &self.rules;
        self.by_key.retain(|_, reference| rules.contains_key(reference));
    }

    /// Gives numbers to all rules of these documents; what is in the book and not in them is dead from now on.
    pub(crate) fn number<'a>(&mut self, policies: impl Iterator<Item = &'a Arc<SegmentationPolicy>>) {
        let mut before = std::mem::take(&mut self.known);
        self.known.reserve(before.len());
        let mut new = Vec::new();
        for policy in policies {
            // Its allocation is kept, so that no other document can come to be in its place.
            match before.remove(&place(policy)) {
                Some(known) => {
                    self.known.insert(place(policy), known);
                }
                None => new.push(policy),
            }
        }
        // First what is gone: of a document that changed, most rules are there again.
        for (_, numbers) in before.into_values() {
            self.bury(&numbers);
        }
        for policy in new {
            let key = policy.key();
            let numbers = [Direction::Ingress, Direction::Egress]
                .map(|direction| self.number_rules(&key, policy, direction));
            self.known.insert(place(policy), (Arc::clone(policy), Arc::new(numbers)));
        }
    }

    /// The numbers of a document that was among those numbered last.
    pub(crate) fn numbers_of(&self, policy: &Arc<SegmentationPolicy>) -> Numbers {
        self.known.get(&place(policy)).map(|(_, numbers)| Arc::clone(numbers)).unwrap_or_default()
    }

    fn bury(&mut self, numbers: &Numbers) {
        for reference in numbers.iter().flatten() {
            if let Some(info) = self.rules.get_mut(reference) {
                info.live = false;
            }
        }
    }

    fn number_rules(
        &mut self,
        document: &DocumentKey,
        policy: &SegmentationPolicy,
        direction: Direction,
    ) -> Vec<RuleRef> {
        let rules = policy.rules(direction);
        let document = document.to_string();
        let texts: Vec<String> = rules.iter().map(|rule| rule.text(direction)).collect();
        let mut seen: HashMap<&str, u32> = HashMap::with_capacity(texts.len());
        let occurrences: Vec<u32> = texts
            .iter()
            .map(|text| {
                let count = seen.entry(text).or_default();
                *count += 1;
                *count - 1
            })
            .collect();
        let mut numbers = Vec::with_capacity(rules.len());
        for (index, ((rule, text), occurrence)) in rules.iter().zip(texts).zip(occurrences).enumerate() {
            let key = Key { document: document.clone(), direction, text: text.clone(), occurrence };
            let next = &mut self.next_rule;
            let reference = *self.by_key.entry(key).or_insert_with(|| {
                *next += 1;
                RuleRef(*next)
            });
            let info = RuleInfo {
                reference,
                document: document.clone(),
                direction,
                index,
                origin: policy.tier,
                allow: rule.action == Action::Allow,
                name: rule.name.clone(),
                text,
                live: true,
            };
            self.rules.insert(reference, info);
            numbers.push(reference);
        }
        numbers
    }

    /// The identity of the atom that rules call by these names, the most telling first.
    pub(crate) fn atom_identity(&mut self, key: String, name: impl FnOnce() -> String) -> Identity {
        if let Some(&identity) = self.by_atom_key.get(&key) {
            return identity;
        }
        let identity = Identity(Identity::FIRST_EXTERNAL + self.next_atom);
        self.next_atom += 1;
        self.by_atom_key.insert(key.clone(), identity);
        let info = AtomInfo { identity, name: ExternalName(name().into()), key };
        self.atoms.insert(identity, info);
        identity
    }
}

impl From<RuleBook> for Saved {
    fn from(book: RuleBook) -> Self {
        Saved {
            next_rule: book.next_rule,
            next_atom: book.next_atom,
            rules: book.rules.into_values().collect(),
            atoms: book.atoms.into_values().collect(),
        }
    }
}

impl From<Saved> for RuleBook {
    fn from(saved: Saved) -> Self {
        let mut book = RuleBook::default();
        // A damaged file must not make two things share a number.
        let highest = saved.rules.iter().map(|rule| rule.reference.0).max().unwrap_or(0);
        book.next_rule = saved.next_rule.max(highest);
        let after =
            saved.atoms.iter().map(|atom| atom.identity.0.saturating_sub(Identity::FIRST_EXTERNAL) + 1);
        book.next_atom = saved.next_atom.max(after.max().unwrap_or(0));
        let mut occurrences: HashMap<(String, Direction, String), u32> = HashMap::new();
        for mut info in saved.rules {
            let place = (info.document.clone(), info.direction, info.text.clone());
            let occurrence = occurrences.entry(place).or_default();
            let key = Key {
                document: info.document.clone(),
                direction: info.direction,
                text: info.text.clone(),
                occurrence: *occurrence,
            };
            *occurrence += 1;
            // Until documents are numbered again nobody knows.
            info.live = false;
            book.by_key.insert(key, info.reference);
            book.rules.insert(info.reference, info);
        }
        for atom in saved.atoms {
            book.by_atom_key.insert(atom.key.clone(), atom.identity);
            book.atoms.insert(atom.identity, atom);
        }
        book
    }
}
