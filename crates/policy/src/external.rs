//! External addresses cut into atoms: sets of addresses that no rule can tell apart.

use crate::{inventory::Inventory, rulebook::RuleBook, set::ExternalPart};
use bulkhead_model::{Identity, node::Prefix};
use ipnet::IpNet;
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

/// The external parts that rules speak of, each known by its position.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    list: Vec<ExternalPart>,
    index: HashMap<ExternalPart, usize>,
}

/// What came of the cutting.
#[derive(Debug, Default)]
pub(crate) struct Atoms {
    /// Most specific wins; ascending.
    pub(crate) prefixes: Vec<Prefix>,
    /// All atoms, ascending.
    pub(crate) all: Vec<Identity>,
    /// Atoms that a part consists of, by its position; ascending.
    pub(crate) of_part: Vec<Vec<Identity>>,
    /// Atoms that the first parts alone would not have made, and what those would have made of their addresses.
    pub(crate) alone: BTreeMap<Identity, Identity>,
}

impl Parts {
    pub(crate) fn add(&mut self, part: ExternalPart) -> usize {
        let next = self.list.len();
        let index = *self.index.entry(part.clone()).or_insert(next);
        if index == next {
            self.list.push(part);
        }
        index
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Cuts the address space; the first `own` parts are those of the set itself. The parts that hold at an address are those of the nearest prefix above it, plus those
    /// that begin at it, minus those that except it; so one walk down the tree of all prefixes knows them all.
    pub(crate) fn cut(&self, own: usize, inventory: &Inventory, book: &mut RuleBook) -> Atoms {
        let mut begins: BTreeMap<Place, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (index, part) in self.list.iter().enumerate() {
            match part {
                ExternalPart::Cidr(cidr) => {
                    begins.entry(Place::of(cidr.net)).or_default().0.push(index);
                    for except in &cidr.except {
                        begins.entry(Place::of(*except)).or_default().1.push(index);
                    }
                }
                ExternalPart::Name(pattern) => {
                    for address in inventory.addresses_of(pattern) {
                        begins.entry(Place::of(address.into())).or_default().0.push(index);
                    }
                }
            }
        }
        let mut atoms = Atoms { of_part: vec![Vec::new(); self.list.len()], ..Atoms::default() };
        let mut identities: HashMap<Vec<usize>, Identity> = HashMap::new();
        let mut above: Vec<(IpNet, Vec<usize>)> = Vec::new();
        for (Place { net }, (adds, removes)) in begins {
            while above.last().is_some_and(|(upper, _)| !upper.contains(&net)) {
                above.pop();
            }
            let inherited: &[usize] = above.last().map_or(&[], |(_, parts)| parts);
            let mut holding: Vec<usize> =
                inherited.iter().chain(&adds).copied().filter(|part| !removes.contains(part)).collect();
            holding.sort_unstable();
            holding.dedup();
            if holding != inherited {
                let identity = match holding.as_slice() {
                    [] => Identity::WORLD,
                    parts => *identities.entry(parts.to_vec()).or_insert_with(|| self.identity(parts, book)),
                };
                atoms.prefixes.push(Prefix { net, identity });
            }
            above.push((net, holding));
        }
        for (parts, identity) in &identities {
            let of_own: Vec<usize> = parts.iter().copied().filter(|part| *part < own).collect();
            if of_own.len() < parts.len() {
                let coarser = if of_own.is_empty() { Identity::WORLD } else { self.identity(&of_own, book) };
                atoms.alone.insert(*identity, coarser);
            }
            for &part in parts {
                atoms.of_part[part].push(*identity);
            }
            atoms.all.push(*identity);
        }
        atoms.of_part.iter_mut().for_each(|of_part| of_part.sort_unstable());
        atoms.all.sort_unstable();
        atoms
    }

    /// The identity of a set of parts depends on what they are called, not on their positions, and so stays.
    fn identity(&self, parts: &[usize], book: &mut RuleBook) -> Identity {
        let mut texts: Vec<String> = parts.iter().map(|&part| text(&self.list[part])).collect();
        texts.sort_unstable();
        book.atom_identity(texts.join(" "), || {
            let telling = parts.iter().map(|&part| &self.list[part]).min_by_key(|part| match part {
                // A name tells more than a range, a whole name more than a pattern, a small range more than a big one.
                ExternalPart::Name(name) => (0, usize::from(name.contains('*')), text(part)),
                ExternalPart::Cidr(cidr) => (1, 128 - usize::from(cidr.net.prefix_len()), text(part)),
            });
            match telling {
                Some(ExternalPart::Name(name)) => name.to_string(),
                Some(ExternalPart::Cidr(cidr)) => cidr.net.to_string(),
                None => String::new(),
            }
        })
    }
}

fn text(part: &ExternalPart) -> String {
    match part {
        ExternalPart::Name(name) => name.to_string(),
        ExternalPart::Cidr(cidr) => {
            let except: Vec<String> = cidr.except.iter().map(|net| format!("!{net}")).collect();
            format!("{}{}", cidr.net, except.concat())
        }
    }
}

/// A prefix in the order of a walk down the tree: families apart, outer before inner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    net: IpNet,
}

impl Place {
    fn of(net: IpNet) -> Self {
        Self { net: net.trunc() }
    }

    fn order(&self) -> (bool, IpAddr, u8) {
        (self.net.addr().is_ipv6(), self.net.network(), self.net.prefix_len())
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
