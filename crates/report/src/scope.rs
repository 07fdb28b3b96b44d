//! The estate as a zone divides it: in scope, connected to it, security-impacting, out of scope.

use crate::{
    crossing::{Crossing, Side, Tables},
    estate::Estate,
    zone::ZoneTraffic,
};
use bulkhead_model::{Direction, Identity, ServiceName};
use bulkhead_policy::document::Zone;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

/// A zone with this label, of this value, holds what others depend on for their security.
pub const SCOPE_LABEL: &str = "bulkhead.dev/scope";
pub const SECURITY_IMPACTING: &str = "security-impacting";

/// Where a system stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    InScope,
    ConnectedTo,
    SecurityImpacting,
    OutOfScope,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::InScope => "in scope",
            Self::ConnectedTo => "connected to",
            Self::SecurityImpacting => "security-impacting",
            Self::OutOfScope => "out of scope",
        })
    }
}

/// Services by where they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ScopeCounts {
    pub in_scope: u64,
    pub connected_to: u64,
    pub security_impacting: u64,
    pub out_of_scope: u64,
}

/// Where one service stands, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) scope: Scope,
    pub(crate) why: String,
}

impl ScopeCounts {
    pub(crate) fn of(standings: &BTreeMap<ServiceName, Standing>) -> Self {
        let mut counts = Self::default();
        for standing in standings.values() {
            match standing.scope {
                Scope::InScope => counts.in_scope += 1,
                Scope::ConnectedTo => counts.connected_to += 1,
                Scope::SecurityImpacting => counts.security_impacting += 1,
                Scope::OutOfScope => counts.out_of_scope += 1,
            }
        }
        counts
    }
}

/// How a peer touches a zone.
#[derive(Debug, Default)]
struct Touch {
    /// Into the zone and out of it: as the documents say, and only because of a mode.
    written: [bool; 2],
    open: [bool; 2],
    seen: [u64; 2],
}

/// Every service of the estate. `crossings` are those of now and those of the documents.
pub(crate) fn standings(
    estate: &Estate<'_>,
    tables: &Tables<'_>,
    zone: &Zone,
    members: &HashSet<Identity>,
    crossings: [&[Crossing]; 2],
    observed: &[ZoneTraffic],
    detours: &[(Identity, u32, Identity)],
) -> BTreeMap<ServiceName, Standing> {
    let mut touches: HashMap<Identity, Touch> = HashMap::new();
    for (written, crossing) in
        crossings[1].iter().map(|crossing| (true, crossing)).chain(crossings[0].iter().map(|c| (false, c)))
    {
        let at = usize::from(crossing.direction == Direction::Egress);
        for &peer in &crossing.peers {
            let touch = touches.entry(peer).or_default();
            touch.written[at] |= written;
            touch.open[at] |= !written && matches!(crossing.side, Side::Open(_));
        }
    }
    let inventory = tables.members.inventory;
    for seen in observed.iter().filter(|seen| seen.connections > 0) {
        let (at, peer) = match seen.direction {
            Direction::Ingress => (0, &seen.client),
            Direction::Egress => (1, &seen.server),
        };
        if let Some(service) = peer.parse().ok().and_then(|name| inventory.service(&name)) {
            touches.entry(service.identity).or_default().seen[at] += seen.connections;
        }
    }
    let detours: HashMap<Identity, (u32, Identity)> =
        detours.iter().map(|&(peer, hops, via)| (peer, (hops, via))).collect();
    let impacting: Vec<&str> = estate
        .set
        .zones()
        .filter(|zone| zone.metadata.labels.get(SCOPE_LABEL).is_some_and(|scope| scope == SECURITY_IMPACTING))
        .map(|zone| zone.metadata.name.as_str())
        .collect();
    let standing = |service: &bulkhead_policy::Service| {
        if members.contains(&service.identity) {
            let through = tables.members.set.zone_through(&zone.metadata.name, service);
            let through = through.map_or(&zone.metadata.name, |zone| &zone.metadata.name);
            return Standing { scope: Scope::InScope, why: format!("member of zone {through}") };
        }
        let touch = touches.get(&service.identity).map(why).filter(|why| !why.is_empty());
        let impacting = impacting.iter().find(|zone| estate.set.zone_has(zone, service));
        match (touch, impacting, detours.get(&service.identity)) {
            (touch, Some(zone), _) => {
                let mut why = format!("member of zone {zone}, which is labelled security-impacting");
                if let Some(touch) = touch {
                    why = format!("{why}; {touch}");
                }
                Standing { scope: Scope::SecurityImpacting, why }
            }
            (Some(why), None, _) => Standing { scope: Scope::ConnectedTo, why },
            (None, None, Some(&(hops, via))) => Standing {
                scope: Scope::OutOfScope,
                why: format!("no direct way; in {hops} steps over {}", tables.name(via)),
            },
            (None, None, None) => {
                Standing { scope: Scope::OutOfScope, why: "no way into the zone or out of it".to_owned() }
            }
        }
    };
    inventory.services().map(|service| (service.name.clone(), standing(service))).collect()
}

fn why(touch: &Touch) -> String {
    let mut reasons = Vec::new();
    for (at, way) in ["into the zone", "out of the zone"].into_iter().enumerate() {
        if touch.written[at] {
            reasons.push(format!("the policy allows a way {way}"));
        } else if touch.open[at] {
            reasons.push(format!("a way {way} is open, because a mode holds nothing back"));
        }
        if touch.seen[at] > 0 {
            reasons.push(format!("{} connections {way} were seen", touch.seen[at]));
        }
    }
    reasons.join("; ")
}
