//! Workloads whose pods are of the same classes are treated alike, so that each question is asked once for all of them.
//!
//! Pairs are looked for where there can be any: from the side whose policies name few peers. So the cost follows what is
//! allowed, not the square of what there is.

use super::{Connection, Endpoint, union};
use crate::{
    flowset::{AddressSet, ProtocolSet},
    kubernetes::{
        Resources, WorkloadName,
        engine::{Engine, PeerIndex},
    },
};
use bulkhead_model::Direction;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

/// Sides that name more peers than this are asked from the other end.
const FEW: usize = 256;

/// Workloads whose pods are of the same classes.
struct Unit<'r> {
    /// Ascending.
    classes: Vec<PeerIndex>,
    /// Each with its position among all workloads.
    workloads: Vec<(u32, &'r WorkloadName)>,
}

pub(super) struct Units<'r> {
    all: Vec<Unit<'r>>,
    /// The units that have pods of a class.
    of_class: Vec<Vec<usize>>,
    names: Vec<&'r WorkloadName>,
}

impl<'r> Units<'r> {
    pub(super) fn new(resources: &'r Resources, engine: &Engine<'r>) -> Self {
        let mut all: Vec<Unit<'r>> = Vec::new();
        let mut known: HashMap<Vec<PeerIndex>, usize> = HashMap::new();
        let mut of_class = vec![Vec::new(); engine.pods.len()];
        for (position, name) in (0..).zip(resources.workloads.keys()) {
            let Some(classes) = engine.members.get(name) else { continue };
            let mut classes = classes.clone();
            classes.sort_unstable();
            classes.dedup();
            let unit = *known.entry(classes).or_insert_with_key(|classes| {
                for class in classes {
                    of_class[*class].push(all.len());
                }
                all.push(Unit { classes: classes.clone(), workloads: Vec::new() });
                all.len() - 1
            });
            all[unit].workloads.push((position, name));
        }
        Self { all, of_class, names: resources.workloads.keys().collect() }
    }

    /// Connections between workloads. A workload's connections to itself are not listed.
    pub(super) fn between(&self, engine: &Engine<'_>) -> Vec<Connection> {
        let candidates = Candidates::new(engine);
        let mut pairs: Vec<(u32, u32, Rc<ProtocolSet>)> = Vec::new();
        let mut seen = vec![usize::MAX; engine.pods.len()];
        for from in &self.all {
            let mut reached: BTreeMap<usize, Rc<ProtocolSet>> = BTreeMap::new();
            for class in &from.classes {
                for to in candidates.of(engine, *class, &mut seen) {
                    let traffic = engine.allowed(*class, to);
                    if traffic.is_empty() {
                        continue;
                    }
                    for unit in &self.of_class[to] {
                        let known = reached.entry(*unit).or_insert_with(|| Rc::clone(&traffic));
                        if !Rc::ptr_eq(known, &traffic) {
                            *known = Rc::new(known.union(&traffic));
                        }
                    }
                }
            }
            for (unit, traffic) in reached {
                for (sender, _) in &from.workloads {
                    let receivers =
                        self.all[unit].workloads.iter().filter(|(receiver, _)| receiver != sender);
                    pairs.extend(receivers.map(|(receiver, _)| (*sender, *receiver, Rc::clone(&traffic))));
                }
            }
        }
        pairs.sort_unstable_by_key(|(from, to, _)| (*from, *to));
        let end = |position: u32| Endpoint::Workload(self.names[position as usize].clone());
        pairs
            .into_iter()
            .map(|(from, to, traffic)| Connection {
                from: end(from),
                to: end(to),
                traffic: (*traffic).clone(),
            })
            .collect()
    }

    /// Connections of workloads with addresses outside.
    pub(super) fn outside(&self, engine: &Engine<'_>) -> Vec<Connection> {
        let mut found = Vec::new();
        for unit in &self.all {
            for direction in [Direction::Ingress, Direction::Egress] {
                for (traffic, range) in alike(engine, unit, direction) {
                    for (_, name) in &unit.workloads {
                        let me = Endpoint::Workload((*name).clone());
                        let outside = Endpoint::External(range.clone());
                        let (from, to) = match direction {
                            Direction::Ingress => (outside, me),
                            Direction::Egress => (me, outside),
                        };
                        found.push(Connection { from, to, traffic: traffic.clone() });
                    }
                }
            }
        }
        found
    }
}

/// What may be between a unit and the addresses outside: addresses that are treated alike are one.
fn alike(engine: &Engine<'_>, unit: &Unit<'_>, direction: Direction) -> BTreeMap<ProtocolSet, AddressSet> {
    let externals = engine.externals(direction);
    let ranges = &engine.ranges[usize::from(direction == Direction::Egress)];
    let spoken_of: BTreeSet<PeerIndex> = unit
        .classes
        .iter()
        .flat_map(|class| engine.spoken_of(direction, *class))
        .filter(|peer| externals.contains(peer))
        .collect();
    let mut alike: BTreeMap<ProtocolSet, Vec<&AddressSet>> = BTreeMap::new();
    for peer in &spoken_of {
        let traffic = union(unit.classes.iter().map(|class| engine.one_side(direction, *class, *peer)));
        alike.entry(traffic).or_default().push(&ranges[peer - externals.start]);
    }
    let mut alike: BTreeMap<ProtocolSet, AddressSet> =
        alike.into_iter().map(|(traffic, ranges)| (traffic, AddressSet::union_of(ranges))).collect();
    let spoken_of = AddressSet::union_of(spoken_of.iter().map(|peer| &ranges[peer - externals.start]));
    let others = union(unit.classes.iter().map(|class| engine.others(direction, *class)));
    let rest = alike.entry(others).or_default();
    *rest = rest.union(&spoken_of.complement());
    alike.retain(|traffic, range| !traffic.is_empty() && !range.is_empty());
    alike
}

/// To which classes there may be a connection.
struct Candidates {
    /// Whether a class is asked from the other end as a sender: its policies name many, or leave others open.
    wide_sender: Vec<bool>,
    wide_receivers: Vec<PeerIndex>,
    /// For each wide sender, the receivers that are not wide and name it.
    named_by: Vec<Vec<u32>>,
}

impl Candidates {
    fn new(engine: &Engine<'_>) -> Self {
        let classes = 0..engine.pods.len();
        let is_wide = |direction: Direction, class: PeerIndex| {
            !engine.others(direction, class).is_empty()
                || direction == Direction::Egress && engine.others_differ(class)
                || engine.spoken_of_count(direction, class) > FEW
        };
        let wide_sender: Vec<bool> = classes.clone().map(|class| is_wide(Direction::Egress, class)).collect();
        let mut wide_receivers = Vec::new();
        let mut named_by = vec![Vec::new(); engine.pods.len()];
        for class in classes {
            if is_wide(Direction::Ingress, class) {
                wide_receivers.push(class);
                continue;
            }
            for sender in engine.spoken_of(Direction::Ingress, class) {
                if wide_sender.get(sender) == Some(&true) {
                    named_by[sender].push(class as u32);
                }
            }
        }
        Self { wide_sender, wide_receivers, named_by }
    }

    /// Each once. `seen` holds for each class the last sender for which it was taken.
    fn of(&self, engine: &Engine<'_>, sender: PeerIndex, seen: &mut [usize]) -> Vec<PeerIndex> {
        let mut found = Vec::new();
        let mut take = |class: PeerIndex| {
            if let Some(last) = seen.get_mut(class)
                && *last != sender
            {
                *last = sender;
                found.push(class);
            }
        };
        if self.wide_sender[sender] {
            self.wide_receivers.iter().copied().for_each(&mut take);
            self.named_by[sender].iter().map(|class| *class as usize).for_each(&mut take);
        } else {
            engine.spoken_of(Direction::Egress, sender).for_each(&mut take);
        }
        found
    }
}
