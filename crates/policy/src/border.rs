//! Borders of zones: what crosses one goes by a conduit, or is denied before any rule is asked.
//!
//! A zone that has `conduits` has a border. For every flow of which one end is a member and the other is not, the border
//! decides first: it denies what no conduit covers, and leaves what one covers to the rules. So a conduit opens nothing
//! that no rule allows, and no rule opens what no conduit covers. Members that are services hold their own border;
//! members that are not (ranges, names) cannot, so there the services outside do.

use crate::{
    document::{Action, Conduit, Criteria, Metadata, PeerSpec, Rule, SegmentationPolicy, Zone},
    inventory::Service,
    set::PolicySet,
};
use bulkhead_model::{Direction, RuleOrigin};
use std::sync::Arc;

/// The border of a zone as rules. Of each direction the last rule for members, and the last for others, denies what the
/// rules before it did not pass.
#[derive(Debug)]
pub(crate) struct Border {
    pub(crate) policy: Arc<SegmentationPolicy>,
    /// For each rule of ingress and egress, which services it is a rule of.
    pub(crate) holders: [Vec<Holder>; 2],
}

/// Which services hold a rule of a border.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    /// The members of the zone, or all others.
    pub(crate) member: bool,
    /// And any of these among them; all where absent.
    among: Option<Vec<PeerSpec>>,
    /// Position of the denying rule that a passing one passes.
    pub(crate) passes: Option<usize>,
}

impl Holder {
    pub(crate) fn holds(&self, zone: &str, service: &Service, set: &PolicySet) -> bool {
        let means = |spec: &PeerSpec| match spec {
            PeerSpec::Any => true,
            PeerSpec::Services(criteria) => set.selects(criteria, service),
            _ => false,
        };
        set.zone_has(zone, service) == self.member
            && self.among.as_ref().is_none_or(|among| among.iter().any(means))
    }
}

/// The borders of all zones that have one.
pub(crate) fn borders(set: &PolicySet) -> Vec<Border> {
    set.zones().filter(|zone| zone.conduits.is_some()).map(|zone| border(zone, set)).collect()
}

/// A peer that means all members of a zone.
pub(crate) fn members(zone: &Zone) -> PeerSpec {
    PeerSpec::Services(Criteria { zone: Some(zone.metadata.name.as_str().into()), ..Criteria::default() })
}

fn border(zone: &Zone, set: &PolicySet) -> Border {
    let outside = outside_members(zone, set);
    let (ingress, ingress_holders) = side(zone, &outside, Direction::Ingress);
    let (egress, egress_holders) = side(zone, &outside, Direction::Egress);
    let policy = SegmentationPolicy {
        // No document of a person's is without a namespace.
        metadata: Metadata { name: zone.metadata.name.clone(), ..Metadata::default() },
        target: Criteria { zone: Some(zone.metadata.name.as_str().into()), ..Criteria::default() },
        mode: None,
        tier: RuleOrigin::Declared,
        order: None,
        ingress,
        egress,
    };
    Border { policy: Arc::new(policy), holders: [ingress_holders, egress_holders] }
}

/// Members that are no services.
fn outside_members(zone: &Zone, set: &PolicySet) -> Vec<PeerSpec> {
    let zones = set.zones_within(&zone.metadata.name);
    let parts = zones.into_iter().flat_map(|zone| {
        let names = zone.names.iter().cloned().map(PeerSpec::Name);
        let ranges = zone.cidrs.iter().cloned().map(PeerSpec::Cidr);
        names.chain(ranges).chain(zone.externals.iter().cloned().map(PeerSpec::External))
    });
    parts.collect()
}

fn side(zone: &Zone, outside: &[PeerSpec], direction: Direction) -> (Vec<Rule>, Vec<Holder>) {
    let (mut rules, mut holders) = (Vec::new(), Vec::new());
    let mut add = |rules_of: Vec<(Rule, Option<Vec<PeerSpec>>)>, member: bool, stopped: Vec<PeerSpec>| {
        let last = rules.len() + rules_of.len();
        for (rule, among) in rules_of {
            rules.push(rule);
            holders.push(Holder { member, among, passes: Some(last) });
        }
        rules.push(Rule { action: Action::Deny, peers: stopped, ..Rule::default() });
        holders.push(Holder { member, among: None, passes: None });
    };
    let ends = |way: &Conduit| match direction {
        Direction::Ingress => (way.to.clone(), way.from.clone()),
        Direction::Egress => (way.from.clone(), way.to.clone()),
    };
    // Members: what stays inside, and what has a conduit.
    let inside = Rule { action: Action::Pass, peers: vec![members(zone)], ..Rule::default() };
    let mut of_members = vec![(inside, None)];
    for way in zone.ways() {
        let (own, other) = ends(way);
        // Without an other end the zone itself is meant, and what stays inside has passed already.
        of_members.extend(other.map(|peers| (pass(way, peers), own)));
    }
    add(of_members, true, vec![PeerSpec::Any]);
    if !outside.is_empty() {
        let ways = zone.ways().filter_map(|way| {
            let (own, other) = ends(way);
            // Who is outside holds a conduit that names who is outside.
            own.map(|own| (pass(way, other.unwrap_or_else(|| vec![members(zone)])), Some(own)))
        });
        add(ways.collect(), false, outside.to_vec());
    }
    (rules, holders)
}

fn pass(way: &Conduit, peers: Vec<PeerSpec>) -> Rule {
    Rule {
        action: Action::Pass,
        name: way.name.clone(),
        order: None,
        peers,
        ports: way.ports.clone(),
        applications: way.applications.clone(),
        expires: way.expires,
        owner: way.owner.clone(),
        reason: way.reason.clone(),
    }
}
