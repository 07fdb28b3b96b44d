//! From rules in order to port entries in which the first hit is the answer.

use crate::compiled::{Class, Entry, Outcome};
use bulkhead_model::{Application, IpProtocol, PortRange, RuleRef};
use std::collections::{BTreeMap, BTreeSet};

/// A rule, freed of everything but ports, applications and outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PortRule<'a> {
    pub(crate) outcome: Outcome,
    /// It decides nothing, but keeps this rule from deciding.
    pub(crate) passes: Option<RuleRef>,
    /// `None`: every protocol and port. `Some(&[])`: none.
    pub(crate) ports: Option<&'a [(IpProtocol, PortRange)]>,
    pub(crate) applications: &'a [Application],
}

/// What holds at one port, by application.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    unknown: Outcome,
    /// Any known application that `applications` does not name.
    other: Outcome,
    applications: Vec<(Application, Outcome)>,
}

impl Cell {
    fn uniform(outcome: Outcome) -> Self {
        Self { unknown: outcome, other: outcome, applications: Vec::new() }
    }
}

/// The class in which the first of `rules` that matches decides, and nothing is allowed where none does.
pub(crate) fn class(rules: &[PortRule<'_>]) -> Class {
    // Where no rule with ports holds, rules that name applications hold for nothing that is unknown.
    let otherwise = decide(rules.iter().filter(|rule| rule.ports.is_none()), Asked::Unknown);
    // What a rule without ports and with applications says concerns every protocol that has applications at all.
    let applications_everywhere =
        rules.iter().any(|rule| rule.ports.is_none() && !rule.applications.is_empty());
    let mut ranges: BTreeMap<IpProtocol, Vec<(usize, PortRange)>> = BTreeMap::new();
    if applications_everywhere {
        for protocol in [IpProtocol::TCP, IpProtocol::UDP, IpProtocol::SCTP] {
            ranges.entry(protocol).or_default();
        }
    }
    for (index, rule) in rules.iter().enumerate() {
        for &(protocol, range) in rule.ports.unwrap_or(&[]) {
            ranges.entry(protocol).or_default().push((index, range));
        }
    }
    let everywhere: Vec<usize> = (0..rules.len()).filter(|&index| rules[index].ports.is_none()).collect();
    let mut entries = Vec::new();
    for (protocol, ranges) in ranges {
        for (range, cell) in cells(rules, protocol, &everywhere, &ranges) {
            if cell != Cell::uniform(otherwise) {
                emit(&mut entries, protocol, range, &cell);
            }
        }
    }
    entries.sort_by_key(|entry: &Entry| (entry.protocol, entry.port, entry.prefix_len, entry.application));
    Class { entries, otherwise }
}

/// The ports of one protocol from lowest to highest, neighbours that are treated alike taken together. One sweep: the
/// set of rules that hold changes only where a range begins or ends.
fn cells(
    rules: &[PortRule<'_>],
    protocol: IpProtocol,
    everywhere: &[usize],
    ranges: &[(usize, PortRange)],
) -> Vec<(PortRange, Cell)> {
    // How often each rule holds here: its ranges may overlap.
    let mut changes: BTreeMap<u32, Vec<(usize, i32)>> = BTreeMap::new();
    for &(index, range) in ranges {
        changes.entry(range.first.into()).or_default().push((index, 1));
        changes.entry(u32::from(range.last) + 1).or_default().push((index, -1));
    }
    changes.entry(0).or_default();
    let mut count: BTreeMap<usize, i32> = BTreeMap::new();
    let mut holding: BTreeSet<usize> = everywhere
        .iter()
        .copied()
        .filter(|&index| protocol.has_ports() || rules[index].applications.is_empty())
        .collect();
    let mut cells: Vec<(PortRange, Cell)> = Vec::new();
    let starts: Vec<u32> = changes.keys().copied().filter(|&at| at <= u32::from(u16::MAX)).collect();
    for (position, &start) in starts.iter().enumerate() {
        for &(index, change) in &changes[&start] {
            let times = count.entry(index).or_default();
            *times += change;
            if *times > 0 {
                holding.insert(index);
            } else {
                holding.remove(&index);
            }
        }
        let cell = cell(rules, protocol, &holding);
        let last = starts.get(position + 1).map_or(u16::MAX, |&next| (next - 1) as u16);
        match cells.last_mut() {
            Some((range, same)) if *same == cell => range.last = last,
            _ => cells.push((PortRange { first: start as u16, last }, cell)),
        }
    }
    cells
}

fn cell(rules: &[PortRule<'_>], protocol: IpProtocol, holding: &BTreeSet<usize>) -> Cell {
    let holding = || holding.iter().map(|&index| &rules[index]);
    let unknown = decide(holding(), Asked::Unknown);
    // Without ports no application can be known, and nothing can be said of others.
    if !protocol.has_ports() || holding().all(|rule| rule.applications.is_empty()) {
        return Cell::uniform(unknown);
    }
    let other = decide(holding(), Asked::Other);
    let named: BTreeSet<Application> = holding().flat_map(|rule| rule.applications).copied().collect();
    let applications = named.into_iter().map(|application| {
        let outcome = decide(holding(), Asked::Named(application));
        (application, outcome)
    });
    Cell { unknown, other, applications: applications.filter(|(_, outcome)| *outcome != other).collect() }
}

/// What is known of the application.
#[derive(Clone, Copy)]
enum Asked {
    Unknown,
    /// One that no rule names.
    Other,
    Named(Application),
}

/// The first of the rules that matches decides, unless one before it has passed it.
fn decide<'r>(rules: impl Iterator<Item = &'r PortRule<'r>>, asked: Asked) -> Outcome {
    let mut passed = None;
    for rule in rules {
        let matches = rule.applications.is_empty()
            || match asked {
                Asked::Unknown => rule.ports.is_some(),
                Asked::Other => false,
                Asked::Named(application) => rule.applications.contains(&application),
            };
        if !matches || passed == Some(rule.outcome.rule) {
            continue;
        }
        match rule.passes {
            Some(rule) => passed = Some(rule),
            None => return rule.outcome,
        }
    }
    Outcome::default()
}

fn emit(entries: &mut Vec<Entry>, protocol: IpProtocol, range: PortRange, cell: &Cell) {
    for (port, prefix_len) in prefixes(range) {
        let mut push = |application, outcome| {
            entries.push(Entry { protocol, port, prefix_len, application, outcome });
        };
        push(None, cell.unknown);
        if cell.other != cell.unknown {
            push(Some(Application::OTHER), cell.other);
        }
        for &(application, outcome) in &cell.applications {
            push(Some(application), outcome);
        }
    }
}

/// A range as the fewest prefixes: at each step the largest aligned block that fits.
pub(crate) fn prefixes(range: PortRange) -> impl Iterator<Item = (u16, u8)> {
    let (mut first, last) = (u32::from(range.first), u32::from(range.last));
    std::iter::from_fn(move || {
        if first > last {
            return None;
        }
        let aligned = if first == 0 { 16 } else { first.trailing_zeros().min(16) };
        let fitting = (last - first + 1).ilog2();
        let bits = aligned.min(fitting);
        let prefix = (first as u16, (16 - bits) as u8);
        first += 1 << bits;
        Some(prefix)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn prefixes_cover_a_range_exactly_and_once(a in any::<u16>(), b in any::<u16>()) {
            let range = PortRange { first: a.min(b), last: a.max(b) };
            let mut next = u32::from(range.first);
            let mut count = 0;
            for (port, length) in prefixes(range) {
                prop_assert_eq!(u32::from(port), next);
                let size = 1_u32 << (16 - length);
                prop_assert_eq!(next % size, 0);
                next += size;
                count += 1;
            }
            prop_assert_eq!(next, u32::from(range.last) + 1);
            prop_assert!(count <= 30);
        }
    }

    #[test]
    fn all_ports_are_one_prefix() {
        assert_eq!(prefixes(PortRange::ALL).collect::<Vec<_>>(), [(0, 0)]);
    }
}
