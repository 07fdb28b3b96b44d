//! Facts that several requirements look at.

use super::Case;
use crate::{
    membership::zone_peer,
    phrases::{flow, is_accounted, peer_text, rule_traffic, text, way_name},
};
use bulkhead_model::{Direction, Identity, IpProtocol, Mode, Peer, RuleOrigin, ServiceName, Timestamp};
use bulkhead_policy::{
    Evaluator, RuleBook,
    document::{Action, Document, DocumentKey, Metadata, PeerSpec, PortMatch, Rule, parse_time},
    flowset::TrafficSet,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// When somebody last looked at a document, as the document says.
const REVIEWED: &str = "bulkhead.dev/reviewed";

/// Protocols that carry what they carry in the clear, or are known to be weak, by port.
const INSECURE: [(IpProtocol, u16, &str); 13] = [
    (IpProtocol::TCP, 21, "ftp"),
    (IpProtocol::TCP, 23, "telnet"),
    (IpProtocol::UDP, 69, "tftp"),
    (IpProtocol::TCP, 110, "pop3"),
    (IpProtocol::TCP, 139, "netbios"),
    (IpProtocol::TCP, 143, "imap"),
    (IpProtocol::UDP, 161, "snmp"),
    (IpProtocol::UDP, 162, "snmp"),
    (IpProtocol::TCP, 389, "ldap"),
    (IpProtocol::TCP, 512, "rexec"),
    (IpProtocol::TCP, 513, "rlogin"),
    (IpProtocol::TCP, 514, "rsh"),
    (IpProtocol::TCP, 5900, "vnc"),
];

/// A rule that allows something to the services that are looked at.
#[derive(Debug, Clone)]
pub(crate) struct RuleFacts {
    /// `shop/redis ingress[0] "the API caches here"`
    pub(crate) place: String,
    pub(crate) origin: RuleOrigin,
    pub(crate) direction: Direction,
    /// How many of the services.
    pub(crate) services: usize,
    pub(crate) peers: String,
    pub(crate) traffic: String,
    /// Why, and who answers for it.
    pub(crate) reason: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) expires: Option<Timestamp>,
    /// Whether it names ports or applications.
    pub(crate) narrow: bool,
    /// Whether anybody has said why.
    pub(crate) accounted: bool,
    pub(crate) learned: bool,
    /// Whether it means everybody.
    pub(crate) anybody: bool,
    /// Connections that it decided, and the last of them.
    pub(crate) connections: u64,
    pub(crate) last_used: Option<Timestamp>,
}

/// Something that is allowed for a time.
#[derive(Debug, Clone)]
pub(crate) struct Exception {
    pub(crate) place: String,
    pub(crate) what: String,
    pub(crate) owner: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) expired: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct DocumentLine {
    pub(crate) name: String,
    pub(crate) origin: RuleOrigin,
    pub(crate) rules: usize,
    pub(crate) updated: Option<(Timestamp, String)>,
    /// When a person last wrote it or looked at it.
    pub(crate) reviewed: Option<Timestamp>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Namespace {
    pub(crate) services: u64,
    pub(crate) targeted: u64,
    pub(crate) enforcing: u64,
    pub(crate) documents: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Insecure {
    /// `telnet (tcp/23)`
    pub(crate) what: String,
    /// Where it is allowed, or was seen.
    pub(crate) place: String,
}

/// The date that a document gives for its last review.
pub(crate) fn reviewed(metadata: &Metadata) -> Option<Timestamp> {
    parse_time(metadata.annotations.get(REVIEWED)?)
}

impl Case<'_> {
    /// Every rule that allows something to a service that is looked at, in the order of documents.
    pub(crate) fn rules(&self) -> Vec<RuleFacts> {
        let subjects: BTreeSet<&ServiceName> = self.border.services().into_iter().map(|s| &s.name).collect();
        let used = self.used();
        let mut facts = Vec::new();
        for policy in self.estate.set.policies() {
            let selected = self.estate.set.select(&policy.target, self.estate.inventory);
            let services = selected.into_iter().filter(|service| subjects.contains(&service.name)).count();
            if services == 0 {
                continue;
            }
            for direction in [Direction::Ingress, Direction::Egress] {
                let live = |(_, rule): &(usize, &Rule)| {
                    rule.action == Action::Allow && rule.is_live(self.estate.now)
                };
                for (index, rule) in policy.rules(direction).iter().enumerate().filter(live) {
                    let document = policy.key().to_string();
                    let (connections, last_used) =
                        used.get(&(document.clone(), direction, index)).copied().unwrap_or_default();
                    facts.push(RuleFacts {
                        place: place(&document, direction, index, rule),
                        origin: policy.tier,
                        direction,
                        services,
                        peers: rule.peers.iter().map(peer_text).collect::<Vec<_>>().join(", "),
                        traffic: rule_traffic(rule),
                        reason: rule.reason.clone().or_else(|| rule.name.clone()),
                        owner: rule.owner.clone(),
                        expires: rule.expires,
                        narrow: !rule.ports.is_empty() || !rule.applications.is_empty(),
                        accounted: is_accounted(rule),
                        learned: policy.tier == RuleOrigin::Learned,
                        anybody: rule.peers.contains(&PeerSpec::Any),
                        connections,
                        last_used,
                    });
                }
            }
        }
        facts
    }

    /// Connections by the rule that decides about them now.
    fn used(&self) -> HashMap<(String, Direction, usize), (u64, Option<Timestamp>)> {
        let mut book = RuleBook::default();
        let evaluator =
            Evaluator::new(self.estate.set, self.tables.members.inventory, &mut book, self.estate.now);
        let mut by_rule: HashMap<_, (u64, Option<Timestamp>)> = HashMap::new();
        for edge in self.estate.edges.iter().filter(|edge| edge.counters.connections > 0) {
            let verdict = evaluator.edge_verdict(&edge.key);
            for rule in verdict.sides().filter_map(|side| side.decision.rule.as_ref()) {
                let (count, last) = by_rule.entry(rule.reference).or_default();
                *count += edge.counters.connections;
                *last = (*last).max(Some(edge.last_seen));
            }
        }
        let known = by_rule.into_iter().filter_map(|(reference, used)| {
            let rule = book.rule(reference)?;
            Some(((rule.document.clone(), rule.direction, rule.index), used))
        });
        known.collect()
    }

    /// Rules that expire, and exceptions of zones.
    pub(crate) fn exceptions(&self) -> Vec<Exception> {
        let now = self.estate.now;
        let mut found = Vec::new();
        for policy in self.estate.set.policies() {
            for direction in [Direction::Ingress, Direction::Egress] {
                let expiring =
                    policy.rules(direction).iter().enumerate().filter(|(_, rule)| rule.expires.is_some());
                for (index, rule) in expiring {
                    let peers: Vec<String> = rule.peers.iter().map(peer_text).collect();
                    found.push(Exception {
                        place: place(&policy.key().to_string(), direction, index, rule),
                        what: format!("{} {}", peers.join(", "), rule_traffic(rule)),
                        owner: rule.owner.clone(),
                        reason: rule.reason.clone(),
                        expires: rule.expires,
                        expired: !rule.is_live(now),
                    });
                }
            }
        }
        let zones = self.estate.set.zones().filter(|zone| match self.zone {
            Some(only) => zone.metadata.name == only.metadata.name,
            None => true,
        });
        for zone in zones {
            let expiring = zone.conduits.iter().flatten().filter(|way| way.expires.is_some());
            for way in expiring.chain(&zone.exceptions) {
                let ends = |peers: &Option<Vec<PeerSpec>>| match peers {
                    None => zone.metadata.name.clone(),
                    Some(peers) => peers.iter().map(peer_text).collect::<Vec<_>>().join(", "),
                };
                found.push(Exception {
                    place: format!("zone {} {}", zone.metadata.name, way_name(way)),
                    what: format!("{} → {}", ends(&way.from), ends(&way.to)),
                    owner: way.owner.clone(),
                    reason: way.reason.clone(),
                    expires: way.expires,
                    expired: !way.is_live(now),
                });
            }
        }
        found
    }

    /// Documents that target a service that is looked at, and the zone itself.
    pub(crate) fn documents(&self) -> Vec<DocumentLine> {
        let subjects: BTreeSet<&ServiceName> = self.border.services().into_iter().map(|s| &s.name).collect();
        let mut lines = Vec::new();
        for document in self.estate.set.documents() {
            let (origin, rules) = match &document {
                Document::Policy(policy) => {
                    let selected = self.estate.set.select(&policy.target, self.estate.inventory);
                    if !selected.iter().any(|service| subjects.contains(&service.name)) {
                        continue;
                    }
                    (policy.tier, policy.ingress.len() + policy.egress.len())
                }
                Document::Zone(zone)
                    if self.zone.is_some_and(|only| only.metadata.name == zone.metadata.name) =>
                {
                    (RuleOrigin::User, zone.ways().count())
                }
                Document::Zone(_) | Document::External(_) => continue,
            };
            lines.push(self.line(&document.key(), document.metadata(), origin, rules));
        }
        lines
    }

    fn line(&self, key: &DocumentKey, metadata: &Metadata, origin: RuleOrigin, rules: usize) -> DocumentLine {
        let facts = self.estate.documents.get(key);
        // What learning wrote nobody has looked at yet.
        let written = facts.filter(|facts| facts.origin != RuleOrigin::Learned && facts.actor != "system");
        DocumentLine {
            name: key.to_string(),
            origin: facts.map_or(origin, |facts| facts.origin),
            rules,
            updated: facts.map(|facts| (facts.updated, facts.actor.clone())),
            reviewed: reviewed(metadata).max(written.map(|facts| facts.updated)),
        }
    }

    pub(crate) fn namespaces(&self) -> BTreeMap<String, Namespace> {
        let mut namespaces: BTreeMap<String, Namespace> = BTreeMap::new();
        let mut targets: BTreeMap<&ServiceName, Vec<String>> = BTreeMap::new();
        for policy in self.estate.set.policies() {
            for service in self.estate.set.select(&policy.target, self.estate.inventory) {
                targets.entry(&service.name).or_default().push(policy.key().to_string());
            }
        }
        for service in self.estate.inventory.services() {
            let namespace = namespaces.entry(service.name.namespace().to_owned()).or_default();
            namespace.services += 1;
            namespace.enforcing += u64::from(service.mode.drops());
            if let Some(documents) = targets.get(&service.name) {
                namespace.targeted += 1;
                namespace.documents.extend(documents.iter().cloned());
            }
        }
        namespaces
    }

    /// External addresses outside of the zone, the world first.
    fn outside(&self) -> Vec<Identity> {
        let own = self.zone.map(|zone| self.tables.members.identities(&zone_peer(&zone.metadata.name)));
        let foreign = |peer: &Identity| own.as_ref().is_none_or(|own| !own.contains(peer));
        let atoms =
            self.tables.members.peers.iter().copied().filter(|peer| peer.is_external()).filter(foreign);
        std::iter::once(Identity::WORLD).chain(atoms).collect()
    }

    /// Services that something outside may open connections to now, with what, and how many were asked about.
    pub(crate) fn reached_by_world(&self) -> (Vec<(ServiceName, String)>, usize) {
        self.with_world(|world, service| (world, service))
    }

    /// How many services may open connections to something outside.
    pub(crate) fn reaching_world(&self) -> usize {
        self.with_world(|world, service| (service, world)).0.len()
    }

    fn with_world(
        &self,
        ends: impl Fn(Identity, Identity) -> (Identity, Identity),
    ) -> (Vec<(ServiceName, String)>, usize) {
        let outside = self.outside();
        let services = self.border.services();
        let found = services.iter().filter_map(|service| {
            let traffic = outside.iter().fold(TrafficSet::none(), |all, &world| {
                let (client, server) = ends(world, service.identity);
                all.union(&self.tables.now.traffic(client, server))
            });
            (!traffic.is_empty()).then(|| (service.name.clone(), text(&traffic)))
        });
        (found.collect(), services.len())
    }

    /// Services that may open everything to the world, and why.
    pub(crate) fn free_to_world(&self) -> Vec<(ServiceName, String)> {
        let free = self.border.services().into_iter().filter_map(|service| {
            let traffic = self.tables.now.traffic(service.identity, Identity::WORLD);
            let why = match service.mode {
                Mode::Learn | Mode::Monitor => format!("it is in {}", service.mode),
                Mode::Enforce | Mode::Quarantine => "a rule allows it".to_owned(),
            };
            traffic.is_all().then(|| (service.name.clone(), why))
        });
        free.collect()
    }

    /// Protocols without protection that rules name or traffic used.
    pub(crate) fn insecure(&self) -> Vec<Insecure> {
        let mut found = Vec::new();
        let subjects: BTreeSet<&ServiceName> = self.border.services().into_iter().map(|s| &s.name).collect();
        for policy in self.estate.set.policies() {
            let selected = self.estate.set.select(&policy.target, self.estate.inventory);
            if !selected.iter().any(|service| subjects.contains(&service.name)) {
                continue;
            }
            for direction in [Direction::Ingress, Direction::Egress] {
                for (index, rule) in policy.rules(direction).iter().enumerate() {
                    if rule.action != Action::Allow || !rule.is_live(self.estate.now) {
                        continue;
                    }
                    for (protocol, port, name) in INSECURE.into_iter().filter(|found| names(rule, *found)) {
                        found.push(Insecure {
                            what: format!("{name} ({})", flow(protocol, port)),
                            place: format!(
                                "allowed by {}",
                                place(&policy.key().to_string(), direction, index, rule)
                            ),
                        });
                    }
                }
            }
        }
        let is_subject = |peer: &Peer| peer.service().is_some_and(|name| subjects.contains(name));
        for edge in self.estate.edges.iter().filter(|edge| edge.counters.connections > 0) {
            let key = &edge.key;
            let known =
                INSECURE.iter().find(|(protocol, port, _)| (*protocol, *port) == (key.protocol, key.port));
            if let Some((protocol, port, name)) = known
                && (is_subject(&key.client) || is_subject(&key.server))
            {
                found.push(Insecure {
                    what: format!("{name} ({})", flow(*protocol, *port)),
                    place: format!(
                        "seen from {} to {}, {} connections, last at {}",
                        key.client,
                        key.server,
                        edge.counters.connections,
                        crate::render::time(edge.last_seen)
                    ),
                });
            }
        }
        found
    }
}

/// Whether a rule names a port of this protocol, or the application. A rule for everything names nothing.
fn names(rule: &Rule, (protocol, port, name): (IpProtocol, u16, &str)) -> bool {
    let by_port = rule.ports.iter().any(|spec| {
        spec.protocol == protocol && matches!(&spec.port, PortMatch::Range(range) if range.contains(port))
    });
    let by_application = rule.applications.iter().any(|application| application.name() == name);
    by_application || (by_port && (rule.applications.is_empty()))
}

fn place(document: &str, direction: Direction, index: usize, rule: &Rule) -> String {
    match &rule.name {
        Some(name) => format!("{document} {direction}[{index}] \"{name}\""),
        None => format!("{document} {direction}[{index}]"),
    }
}
