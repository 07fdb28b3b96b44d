//! Zones: who is in them, what may cross their borders, what did, and whether that is what somebody answers for.

mod border;
mod judge;

pub(crate) use border::Border;

use crate::{
    crossing::{Tables, inventory_of},
    estate::Estate,
    scope::ScopeCounts,
};
use bulkhead_model::{Direction, Mode, ServiceName, Timestamp, Verdict};
use bulkhead_policy::document::Zone;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// How many steps a detour into a zone may have.
pub const HOPS: u32 = 3;

/// A zone and what is known of its border.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneStatus {
    pub name: String,
    /// Who answers for it, and why it is there.
    pub owner: Option<String>,
    pub reason: Option<String>,
    pub members: Vec<ZoneMember>,
    /// External addresses and names that belong to it.
    pub externals: Vec<String>,
    /// Zones directly inside of it.
    pub zones: Vec<String>,
    /// Zones that it is directly inside of.
    pub within: Vec<String>,
    /// Whether only its conduits lead across its border; otherwise whatever rules allow does.
    pub border: bool,
    pub conduits: Vec<ZoneWay>,
    /// Ways across for a time, with an owner, a reason and an end.
    pub exceptions: Vec<ZoneWay>,
    pub isolation: Isolation,
    /// The estate as this zone divides it.
    pub scope: ScopeCounts,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneMember {
    pub service: ServiceName,
    pub mode: Mode,
    /// The zone whose criteria take it in: this one, or one inside of it.
    pub through: String,
    pub workloads: u64,
}

/// A conduit or an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneWay {
    pub name: Option<String>,
    /// Who opens connections: peers as policies write them, or the zone itself.
    pub from: Vec<String>,
    pub to: Vec<String>,
    /// `tcp/5432 (postgresql)`; `all`
    pub traffic: String,
    pub owner: Option<String>,
    pub reason: Option<String>,
    pub expires: Option<Timestamp>,
    pub expired: bool,
    /// Connections seen on it, and the last of them.
    pub connections: u64,
    pub last_used: Option<Timestamp>,
}

/// Whether anything crosses the border of a zone that nobody answers for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Isolation {
    pub status: IsolationStatus,
    pub sentence: String,
    /// Pairs of ends that were asked about, each over all protocols, ports and applications.
    pub checked: u64,
    /// What may cross as things are now, each with whether it is answered for.
    pub crossings: Vec<ZoneCrossing>,
    /// What crossed, or tried to: the most recent first, at most 200.
    pub observed: Vec<ZoneTraffic>,
    /// How many different connections were seen across the border.
    pub observed_total: u64,
    /// Members whose mode holds nothing back.
    pub not_enforcing: Vec<ServiceName>,
    /// Peers that may get in over others, within three steps; at most 200.
    pub indirect: Vec<ZoneDetour>,
    pub indirect_total: u64,
    /// Why what is enforced may differ from what the policy says.
    pub doubts: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum IsolationStatus {
    /// Over all flows, nothing crosses that nobody answers for, and that is enforced.
    Proved,
    /// The policy lets something across that nobody answers for.
    Open,
    /// The policy would hold, but members of the zone do not enforce it.
    NotEnforced,
    /// The policy holds; whether it is enforced is not known.
    Unproved,
    /// Nobody is in the zone.
    Empty,
}

impl fmt::Display for IsolationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Proved => "proved",
            Self::Open => "open",
            Self::NotEnforced => "not enforced",
            Self::Unproved => "enforcement not known",
            Self::Empty => "empty",
        })
    }
}

/// What one member and peers that are treated alike may open to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneCrossing {
    /// `ingress`: into the zone.
    pub direction: Direction,
    pub member: String,
    /// The first of them.
    pub peers: Vec<String>,
    pub peer_count: u64,
    /// `tcp/6379 (redis); udp/53`; `all`
    pub traffic: String,
    /// One flow of it: `tcp/6379`.
    pub example: String,
    /// Conduits, or rules.
    pub by: Vec<String>,
    /// Whether the policies of both sides allow it; otherwise a mode lets it pass.
    pub written: bool,
    /// Why nobody answers for it; absent where somebody does.
    pub fault: Option<String>,
}

/// A connection across the border as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneTraffic {
    pub direction: Direction,
    pub client: String,
    pub server: String,
    /// `tcp/6379 redis`
    pub what: String,
    pub connections: u64,
    pub denied: u64,
    pub would_deny: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// What a connection on it meets now.
    pub verdict: Verdict,
    /// Whether the policies of both sides allow it, whatever the modes.
    pub written: bool,
    /// What allows it.
    pub by: Vec<String>,
    /// It was first seen, and passed, after the policy that denies it was in force: the proof and the traffic contradict
    /// each other.
    pub contradicts: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneDetour {
    pub peer: String,
    /// Steps that it takes, from 2 on.
    pub hops: u32,
    /// The next on the way.
    pub via: String,
}

/// All zones of an estate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneList {
    pub items: Vec<ZoneStatus>,
    pub revision: Option<u64>,
    pub time: Timestamp,
    pub sentence: String,
}

/// Looks at every zone, or at one.
pub fn zones(estate: &Estate<'_>, only: Option<&str>) -> ZoneList {
    let inventory = inventory_of(estate);
    let tables = Tables::new(estate, &inventory);
    let wanted = estate.set.zones().filter(|zone| only.is_none_or(|name| zone.metadata.name == name));
    let items: Vec<ZoneStatus> =
        wanted.map(|zone| Border::new(estate, &tables, Some(zone)).status(zone)).collect();
    let proved = items.iter().filter(|zone| zone.isolation.status == IsolationStatus::Proved).count();
    let sentence = match items.len() {
        0 => "There is no zone.".to_owned(),
        1 => format!("Of one zone, {proved} is proved to be isolated."),
        count => format!("Of {count} zones, {proved} are proved to be isolated."),
    };
    ZoneList { items, revision: estate.source.revision, time: estate.now, sentence }
}

/// What a report or a border is of, in a sentence.
pub(crate) fn subject(zone: Option<&Zone>) -> String {
    zone.map_or_else(|| "the estate".to_owned(), |zone| format!("zone {}", zone.metadata.name))
}

/// External members of a zone, in the words of documents, each with the zone whose criteria take it in.
pub(crate) fn externals(estate: &Estate<'_>, zone: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for zone in estate.set.zones_within(zone) {
        for part in estate.set.own_external_parts(zone) {
            found.entry(part.to_string()).or_insert_with(|| zone.metadata.name.clone());
        }
    }
    found
}
