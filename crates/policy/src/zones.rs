//! Zones as people and reports look at them: members, ways across the border, and exceptions with owner and end.

use crate::{
    document::{Conduit, Criteria, DocumentKey, PeerSpec, Zone},
    inventory::Inventory,
    set::{ExternalPart, PolicySet},
};
use bulkhead_model::{Direction, ServiceName, Timestamp};
use serde::Serialize;

/// A zone and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ZoneView {
    pub name: String,
    pub owner: Option<String>,
    pub reason: Option<String>,
    /// Members that are services of the inventory, those of inner zones included, in the order of names.
    pub services: Vec<ServiceName>,
    /// Members that are none: ranges and host names, those of inner zones included.
    pub external: Vec<String>,
    /// Zones that it contains, and zones that contain it, both directly.
    pub contains: Vec<String>,
    pub within: Vec<String>,
    /// Whether it has a border: nothing crosses but by a conduit or an exception.
    pub closed: bool,
    pub conduits: Vec<ConduitView>,
    pub exceptions: Vec<ConduitView>,
}

/// A way across a border.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConduitView {
    pub name: Option<String>,
    /// `[{zone: shop}]`; the zone itself where its author left it out.
    pub from: String,
    pub to: String,
    /// The whole conduit on one line of YAML.
    pub text: String,
    pub owner: Option<String>,
    pub reason: Option<String>,
    pub expires: Option<Timestamp>,
    /// Whether it has not expired.
    pub live: bool,
}

/// Something that is allowed for a time: an exception of a zone, or a rule that expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exception {
    /// `shop/redis ingress[1]`, `zone cardholder exceptions[0]`.
    pub place: String,
    pub name: Option<String>,
    /// On one line of YAML.
    pub text: String,
    pub owner: Option<String>,
    pub reason: Option<String>,
    pub expires: Timestamp,
    pub live: bool,
}

/// All zones, in the order of their names.
pub fn zones(set: &PolicySet, inventory: &Inventory, now: Timestamp) -> Vec<ZoneView> {
    set.zones().map(|zone| view(zone, set, inventory, now)).collect()
}

fn view(zone: &Zone, set: &PolicySet, inventory: &Inventory, now: Timestamp) -> ZoneView {
    let name = zone.metadata.name.clone();
    let criteria = Criteria { zone: Some(name.as_str().into()), ..Criteria::default() };
    let mut services: Vec<ServiceName> =
        set.select(&criteria, inventory).into_iter().map(|service| service.name.clone()).collect();
    services.sort();
    let mut external: Vec<String> =
        set.external_parts(&PeerSpec::Services(criteria)).iter().map(ToString::to_string).collect();
    external.sort();
    external.dedup();
    let conduit = |way: &Conduit| ConduitView::new(zone, way, now);
    ZoneView {
        owner: zone.owner.clone(),
        reason: zone.reason.clone(),
        services,
        external,
        contains: zone.zones.iter().map(ToString::to_string).collect(),
        within: set
            .zones()
            .filter(|outer| outer.zones.iter().any(|inner| **inner == *name))
            .map(|outer| outer.metadata.name.clone())
            .collect(),
        closed: zone.conduits.is_some(),
        conduits: zone.conduits.iter().flatten().map(conduit).collect(),
        exceptions: zone.exceptions.iter().map(conduit).collect(),
        name,
    }
}

impl ConduitView {
    fn new(zone: &Zone, way: &Conduit, now: Timestamp) -> Self {
        let end = |peers: &Option<Vec<PeerSpec>>| match peers {
            Some(peers) => {
                let texts: Vec<String> = peers.iter().map(PeerSpec::text).collect();
                format!("[{}]", texts.join(", "))
            }
            None => format!("zone {}", zone.metadata.name),
        };
        Self {
            name: way.name.clone(),
            from: end(&way.from),
            to: end(&way.to),
            text: way.text(),
            owner: way.owner.clone(),
            reason: way.reason.clone(),
            expires: way.expires,
            live: way.is_live(now),
        }
    }
}

/// Everything that is allowed for a time, zones first, in the order of documents.
pub fn exceptions(set: &PolicySet, now: Timestamp) -> Vec<Exception> {
    let mut exceptions = Vec::new();
    for zone in set.zones() {
        let key = DocumentKey::zone(&zone.metadata.name);
        let ways = [("conduits", zone.conduits.as_deref().unwrap_or(&[])), ("exceptions", &zone.exceptions)];
        for (list, ways) in ways {
            for (index, way) in ways.iter().enumerate() {
                let Some(expires) = way.expires else { continue };
                exceptions.push(Exception {
                    place: format!("{key} {list}[{index}]"),
                    name: way.name.clone(),
                    text: way.text(),
                    owner: way.owner.clone(),
                    reason: way.reason.clone(),
                    expires,
                    live: way.is_live(now),
                });
            }
        }
    }
    for policy in set.policies() {
        for direction in [Direction::Ingress, Direction::Egress] {
            for (index, rule) in policy.rules(direction).iter().enumerate() {
                let Some(expires) = rule.expires else { continue };
                exceptions.push(Exception {
                    place: format!("{} {direction}[{index}]", policy.key()),
                    name: rule.name.clone(),
                    text: rule.text(direction),
                    owner: rule.owner.clone(),
                    reason: rule.reason.clone(),
                    expires,
                    live: rule.is_live(now),
                });
            }
        }
    }
    exceptions
}

/// `203.0.113.0/24 except 203.0.113.64/26`, `*.example.com`
impl std::fmt::Display for ExternalPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ExternalPart::Name(name) => f.write_str(name),
            ExternalPart::Cidr(cidr) => {
                write!(f, "{}", cidr.net)?;
                for (index, except) in cidr.except.iter().enumerate() {
                    write!(f, "{}{except}", if index == 0 { " except " } else { ", " })?;
                }
                Ok(())
            }
        }
    }
}
