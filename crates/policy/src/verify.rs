//! Verification: whether claims hold over all flows, and a flow that breaks them where they do not.

use crate::{
    Compiler, Inventory, PolicySet, Reach, View,
    border::{borders, members},
    compiled::CompiledPolicy,
    document::{
        Assertion, Claim, Criteria, Document, Metadata, PeerSpec, PortMatch, Rule, SegmentationPolicy,
        Selection,
    },
    evaluate::{Evaluator, Remote, Side, Traffic},
    flowset::{self, ApplicationSet, PortSet, ProtocolSet, TrafficSet},
    glob::Glob,
    reach::peer_of,
    rulebook::RuleBook,
    set::ExternalPart,
};
use bulkhead_model::{Application, Identity, IpProtocol, Mode, PortRange, RuleOrigin, Timestamp};
use ipnet::IpNet;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

/// What became of an assertion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub name: String,
    /// `never`, `only`, `always`, `isolated`, `borders` or `enforced`.
    pub claim: &'static str,
    pub holds: bool,
    /// Pairs of peers, or services, about which it was asked. Nothing was proved where this is 0.
    pub checked: usize,
    /// The first of those that break it.
    pub violations: Vec<Violation>,
    /// How many break it.
    pub broken: usize,
}

/// Something that breaks a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Who opens something to whom, over the services in between. One service alone where it is about its mode.
    pub path: Vec<String>,
    /// What may be opened and must not be, or the other way round, or the mode.
    pub what: String,
    /// One such flow, for each step of the path: `tcp/5432`.
    pub witness: Vec<String>,
    /// The rules, or modes of services, that make it so; nothing where no rule matches.
    pub rules: Vec<String>,
}

/// As many violations of one claim are told one by one.
const MOST: usize = 20;

/// Checks every assertion against the documents as they are in force for the inventory at `now`, from a point of view:
/// [`View::Policy`] asks what the documents say, [`View::Now`] what really passes, modes considered. Domain names need not
/// be resolved.
pub fn verify(
    set: &PolicySet,
    inventory: &Inventory,
    now: Timestamp,
    view: View,
    assertions: &[Assertion],
) -> Vec<Finding> {
    let inventory = &stand_in_for_names(set, inventory, assertions);
    // Addresses are cut where assertions cut them as well, so that every range is a union of atoms.
    let mut beside = set.clone();
    beside.insert(Document::Policy(SegmentationPolicy {
        metadata: Metadata { name: "assertions".to_owned(), namespace: String::new(), ..Metadata::default() },
        target: Criteria { service: Some(Glob::new("")), ..Criteria::default() },
        mode: None,
        tier: RuleOrigin::User,
        order: None,
        ingress: vec![Rule {
            peers: assertions.iter().flat_map(|assertion| assertion.claim.peers()).cloned().collect(),
            ..Rule::default()
        }],
        egress: Vec::new(),
    }));
    let mut compiler = Compiler::default();
    let compiled = compiler.compile_beside(set, &[&beside], inventory, now);
    // The same rules have the same numbers, so that numbering them again costs nothing.
    let evaluator = Evaluator::new(set, inventory, compiler.book_mut(), now);
    let reach = Reach::new(Arc::clone(&compiled), view);
    let peers = reach.peers();
    let verifier =
        Verifier { set, inventory, now, compiled, book: compiler.book(), evaluator, view, reach, peers };
    assertions.iter().map(|assertion| verifier.check(assertion)).collect()
}

/// The inventory, with an address for every name of claims and documents that has none yet: one that is never routed, so
/// that rules for the name, and rules for the world, apply to it.
pub(crate) fn stand_in_for_names(
    set: &PolicySet,
    inventory: &Inventory,
    assertions: &[Assertion],
) -> Inventory {
    let mut inventory = inventory.clone();
    // Borders speak of names too: those of conduits, and those that are members.
    let borders = borders(set);
    let borders = borders.iter().map(|border| &border.policy);
    let rules = set.policies().chain(borders).flat_map(|policy| policy.ingress.iter().chain(&policy.egress));
    let claimed = assertions.iter().flat_map(|assertion| assertion.claim.peers());
    let mut next = u32::from(Ipv4Addr::new(240, 0, 0, 1));
    for part in claimed.chain(rules.flat_map(|rule| &rule.peers)).flat_map(|spec| set.external_parts(spec)) {
        let ExternalPart::Name(pattern) = part else { continue };
        // A name that the pattern means.
        let name = pattern.replace('*', "any");
        if inventory.addresses_of(&name).is_empty() {
            inventory.resolve(&name, [IpAddr::V4(Ipv4Addr::from(next))]);
            next += 1;
        }
    }
    inventory
}

struct Verifier<'a> {
    set: &'a PolicySet,
    inventory: &'a Inventory,
    now: Timestamp,
    compiled: Arc<CompiledPolicy>,
    book: &'a RuleBook,
    evaluator: Evaluator<'a>,
    view: View,
    reach: Reach,
    /// Everything that can be an end of a flow.
    peers: Vec<Identity>,
}

/// Violations as they are found.
#[derive(Default)]
struct Found {
    checked: usize,
    broken: usize,
    violations: Vec<Violation>,
}

impl Found {
    fn add(&mut self, violation: impl FnOnce() -> Violation) {
        self.broken += 1;
        if self.violations.len() < MOST {
            self.violations.push(violation());
        }
    }
}

impl Verifier<'_> {
    fn check(&self, assertion: &Assertion) -> Finding {
        let mut found = Found::default();
        match &assertion.claim {
            Claim::Never { flows, hops } => self.never(flows, *hops, &mut found),
            Claim::Only(flows) => self.only(flows, &mut found),
            Claim::Always(flows) => self.always(flows, &mut found),
            Claim::Isolated(groups) => self.isolated(groups, &mut found),
            Claim::Borders(zones) => zones.iter().for_each(|zone| self.border(zone, &mut found)),
            Claim::Enforced(peers) => self.enforced(peers, &mut found),
        }
        let Found { checked, broken, violations } = found;
        let (name, claim) = (assertion.name.clone(), assertion.claim.word());
        Finding { name, claim, holds: broken == 0, checked, violations, broken }
    }

    fn never(&self, flows: &Selection, hops: u32, found: &mut Found) {
        let from = self.members(&flows.from, &flows.except_from);
        let to = self.members(&flows.to, &flows.except_to);
        if hops == 1 {
            for (client, server) in pairs(&from, &to) {
                self.must_not(client, server, &self.traffic(flows, server), found);
            }
            return;
        }
        // Each service within reach before the last step, with the one before it.
        let mut before: BTreeMap<Identity, Option<Identity>> =
            from.iter().map(|&start| (start, None)).collect();
        let mut frontier: Vec<Identity> = from.iter().copied().collect();
        for _ in 1..hops {
            let mut next = Vec::new();
            for &here in &frontier {
                for service in self.inventory.services() {
                    let there = service.identity;
                    if !before.contains_key(&there) && self.reach.reaches(here, there) {
                        before.insert(there, Some(here));
                        next.push(there);
                    }
                }
            }
            frontier = next;
        }
        for &server in &to {
            found.checked += from.iter().filter(|&&client| opens(client, server)).count();
            let wanted = self.traffic(flows, server);
            let passes = |client: &&Identity| {
                opens(**client, server)
                    && !self.reach.traffic(**client, server).intersection(&wanted).is_empty()
            };
            // What starts on the other side is no way across.
            let reached = before.keys().filter(|client| !to.contains(client) || from.contains(client));
            if let Some(&last) = reached.clone().find(passes) {
                let mut path = vec![server, last];
                while let Some(Some(earlier)) = before.get(path.last().unwrap_or(&last)) {
                    path.push(*earlier);
                }
                path.reverse();
                let traffic = self.reach.traffic(last, server).intersection(&wanted);
                found.add(|| self.violation(&path, &traffic, &traffic.to_string()));
            }
        }
    }

    fn only(&self, flows: &Selection, found: &mut Found) {
        let from = self.members(&flows.from, &flows.except_from);
        let to = self.members(&flows.to, &flows.except_to);
        let everything = TrafficSet::all();
        for &server in &to {
            let not_granted = self.traffic(flows, server).complement();
            for &client in self.peers.iter().filter(|&&client| opens(client, server)) {
                let forbidden = if from.contains(&client) { &not_granted } else { &everything };
                self.must_not(client, server, forbidden, found);
            }
        }
    }

    fn always(&self, flows: &Selection, found: &mut Found) {
        let from = self.members(&flows.from, &flows.except_from);
        let to = self.members(&flows.to, &flows.except_to);
        for (client, server) in pairs(&from, &to) {
            found.checked += 1;
            if flows.ports.is_empty() && flows.applications.is_empty() {
                if !self.reach.reaches(client, server) {
                    found.add(|| {
                        self.violation(&[client, server], &TrafficSet::none(), "nothing may be opened")
                    });
                }
                continue;
            }
            // A connection opens before its application is known; if one is named, it must get through as well.
            let mut applications: ApplicationSet = flows.applications.iter().copied().collect();
            if applications.is_empty() {
                applications = ApplicationSet::single(Application::UNKNOWN);
            }
            let wanted = TrafficSet::new(&self.ports(flows, server), &applications);
            let missing = wanted.difference(&self.reach.traffic(client, server));
            if !missing.is_empty() {
                let what = format!("{} is denied", missing.protocols());
                found.add(|| self.violation(&[client, server], &missing, &what));
            }
        }
    }

    fn isolated(&self, groups: &[PeerSpec], found: &mut Found) {
        let members: Vec<BTreeSet<Identity>> =
            groups.iter().map(|group| self.members(std::slice::from_ref(group), &[])).collect();
        let everything = TrafficSet::all();
        // Where most pairs of the estate are asked about, all at once cost less than each.
        let asked = members.iter().map(BTreeSet::len).sum::<usize>();
        if asked > self.peers.len() / 8 {
            self.reach.graph();
        }
        for (index, group) in members.iter().enumerate() {
            for (other_index, other) in members.iter().enumerate().filter(|(other, _)| *other != index) {
                for &both in group.intersection(other).filter(|_| index < other_index) {
                    found.add(|| {
                        self.violation(&[both], &TrafficSet::none(), "belongs to more than one of them")
                    });
                }
                for (client, server) in pairs(group, other) {
                    self.must_not(client, server, &everything, found);
                }
            }
        }
    }

    /// What crosses the border of a zone is covered by a conduit that is still open.
    fn border(&self, name: &str, found: &mut Found) {
        let Some(zone) = self.set.zone(name) else { return };
        let members = self.members(&[members(zone)], &[]);
        let end = |peers: &Option<Vec<PeerSpec>>| match peers {
            Some(peers) => self.members(peers, &[]),
            None => members.clone(),
        };
        let ways = zone.ways().filter(|way| way.is_live(self.now)).map(|way| {
            let flows = Selection {
                ports: way.ports.clone(),
                applications: way.applications.clone(),
                ..Selection::default()
            };
            (end(&way.from), end(&way.to), flows)
        });
        let ways: Vec<_> = ways.collect();
        for &client in &self.peers {
            for &server in &self.peers {
                if members.contains(&client) == members.contains(&server) || !opens(client, server) {
                    continue;
                }
                let covering =
                    ways.iter().filter(|(from, to, _)| from.contains(&client) && to.contains(&server));
                let covered = covering
                    .fold(TrafficSet::none(), |all, (_, _, flows)| all.union(&self.covered(flows, server)));
                self.must_not(client, server, &covered.complement(), found);
            }
        }
    }

    /// What a conduit covers, as a rule would match it.
    fn covered(&self, flows: &Selection, server: Identity) -> TrafficSet {
        if flows.ports.is_empty() && !flows.applications.is_empty() {
            let applications: ApplicationSet = flows.applications.iter().copied().collect();
            return TrafficSet::new(&ProtocolSet::all(), &applications);
        }
        self.traffic(flows, server)
    }

    fn enforced(&self, peers: &[PeerSpec], found: &mut Found) {
        for identity in self.members(peers, &[]) {
            let Some(service) = self.inventory.by_identity(identity) else { continue };
            found.checked += 1;
            if !service.mode.drops() {
                let what = format!("is in mode {}", service.mode);
                found.add(|| self.violation(&[identity], &TrafficSet::none(), &what));
            }
        }
    }

    fn must_not(&self, client: Identity, server: Identity, forbidden: &TrafficSet, found: &mut Found) {
        found.checked += 1;
        if !self.reach.reaches(client, server) {
            return;
        }
        let through = self.reach.traffic(client, server).intersection(forbidden);
        if !through.is_empty() {
            found.add(|| self.violation(&[client, server], &through, &through.to_string()));
        }
    }

    /// Everybody whom one of `specs` means and none of `except`.
    fn members(&self, specs: &[PeerSpec], except: &[PeerSpec]) -> BTreeSet<Identity> {
        let all =
            |specs: &[PeerSpec]| specs.iter().flat_map(|spec| self.identities(spec)).collect::<BTreeSet<_>>();
        let except = all(except);
        all(specs).into_iter().filter(|identity| !except.contains(identity)).collect()
    }

    fn identities(&self, spec: &PeerSpec) -> BTreeSet<Identity> {
        let mut found = self.set.identities(spec, self.inventory, &self.peers);
        for part in self.set.external_parts(spec) {
            match part {
                ExternalPart::Name(pattern) => {
                    let addresses = self.inventory.addresses_of(&pattern);
                    found.extend(addresses.iter().map(|address| self.compiled.external_identity(*address)));
                }
                ExternalPart::Cidr(cidr) => {
                    let means = |net: &IpNet| {
                        cidr.net.contains(net) && !cidr.except.iter().any(|except| except.contains(net))
                    };
                    let inside = self.compiled.prefixes.iter().filter(|prefix| means(&prefix.net));
                    found.extend(inside.map(|prefix| prefix.identity));
                    let first = cidr.net.network();
                    if cidr.contains(&first) {
                        found.insert(self.compiled.external_identity(first));
                    }
                }
            }
        }
        found
    }

    fn traffic(&self, flows: &Selection, server: Identity) -> TrafficSet {
        let applications = if flows.applications.is_empty() {
            ApplicationSet::all()
        } else {
            // Whatever is not yet known to be another may turn out to be one of them.
            flows.applications.iter().copied().chain([Application::UNKNOWN]).collect()
        };
        TrafficSet::new(&self.ports(flows, server), &applications)
    }

    fn ports(&self, flows: &Selection, server: Identity) -> ProtocolSet {
        if flows.ports.is_empty() {
            return ProtocolSet::all();
        }
        let named = |name: &str| {
            let service = self.inventory.by_identity(server);
            service.and_then(|service| service.named_ports.get(name)).cloned().unwrap_or_default()
        };
        let one = |spec: &crate::document::PortSpec| match &spec.port {
            PortMatch::All => ProtocolSet::protocol(spec.protocol),
            PortMatch::Range(range) => ProtocolSet::ports(spec.protocol, &PortSet::from(*range)),
            PortMatch::Named(name) => named(name)
                .into_iter()
                .filter(|(protocol, _)| *protocol == spec.protocol)
                .map(|(protocol, port)| ProtocolSet::port(protocol, port))
                .collect(),
        };
        flows.ports.iter().map(one).collect()
    }

    /// Tells a violation: for each step one flow, and the rules that decide about it.
    fn violation(&self, path: &[Identity], last: &TrafficSet, what: &str) -> Violation {
        let peer = |identity: &Identity| peer_of(*identity, self.inventory, self.book);
        let mut violation = Violation {
            path: path.iter().map(|identity| peer(identity).to_string()).collect(),
            what: what.to_owned(),
            witness: Vec::new(),
            rules: Vec::new(),
        };
        for (index, step) in path.windows(2).enumerate() {
            let (client, server) = (step[0], step[1]);
            let traffic =
                if index + 2 == path.len() { last.clone() } else { self.reach.traffic(client, server) };
            let Some(one) = likeliest(&traffic) else { continue };
            let traffic = Traffic { protocol: one.protocol, port: one.port, application: one.application };
            violation.witness.push(witness(traffic));
            let (client, server) = (Remote::from(&peer(&client)), Remote::from(&peer(&server)));
            let verdict = self.evaluator.verdict(&client, &server, traffic);
            // Where the mode of a service decides, its rules do not.
            let reason = |side: &Side| match (self.view, side.mode) {
                (View::Open, _) => None,
                (_, Mode::Quarantine) | (View::Now, Mode::Learn | Mode::Monitor) => {
                    Some(format!("{} in mode {}", side.service, side.mode))
                }
                _ => side.decision.rule.as_ref().map(|rule| rule.title()),
            };
            violation.rules.extend(verdict.sides().filter_map(reason));
        }
        violation.rules.dedup();
        violation
    }
}

/// Whether one can open anything to the other that a policy speaks of: one of them is a service.
fn opens(client: Identity, server: Identity) -> bool {
    client != server && client != Identity::MULTICAST && (client.is_service() || server.is_service())
}

fn pairs(from: &BTreeSet<Identity>, to: &BTreeSet<Identity>) -> impl Iterator<Item = (Identity, Identity)> {
    from.iter()
        .flat_map(|&client| to.iter().map(move |&server| (client, server)))
        .filter(|&(client, server)| opens(client, server))
}

/// One of these flows, and of many such as people know.
fn likeliest(traffic: &TrafficSet) -> Option<flowset::Traffic> {
    let ports = |protocol, first, last| {
        let ports = ProtocolSet::ports(protocol, &PortSet::from(PortRange { first, last }));
        traffic.intersection(&TrafficSet::new(&ports, &ApplicationSet::all())).witness()
    };
    ports(IpProtocol::TCP, 443, 443)
        .or_else(|| ports(IpProtocol::TCP, 1, u16::MAX))
        .or_else(|| ports(IpProtocol::UDP, 1, u16::MAX))
        .or_else(|| traffic.witness())
}

/// `tcp/5432`, `tcp/80 http`, `icmp type 8`, `gre`.
fn witness(traffic: Traffic) -> String {
    let Traffic { protocol, port, application } = traffic;
    let mut text = if protocol.has_ports() {
        format!("{protocol}/{port}")
    } else if protocol.is_icmp() {
        format!("{protocol} type {}", port >> 8)
    } else {
        protocol.to_string()
    };
    if application != Application::UNKNOWN {
        text.push_str(&format!(" {application}"));
    }
    text
}

/// `holds: tenants are apart (12 pairs)`, or what breaks it, line by line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, checked, .. } = self;
        match (self.holds, checked) {
            (true, 0) => return write!(f, "nothing to check: {name} (it speaks of nobody who is there)"),
            (true, _) => return write!(f, "holds: {name} ({checked} checked)"),
            (false, _) => write!(f, "broken: {name} ({} of {checked} checked)", self.broken)?,
        }
        for violation in &self.violations {
            write!(f, "\n  {violation}")?;
        }
        let more = self.broken - self.violations.len();
        if more > 0 { write!(f, "\n  and {more} more") } else { Ok(()) }
    }
}

/// `world → shop/web → data/db: tcp/5432, for example tcp/80, tcp/5432, by data/db ingress[0]`
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.join(" → "), self.what)?;
        if !self.witness.is_empty() {
            write!(f, ", for example {}", self.witness.join(", "))?;
        }
        if !self.rules.is_empty() {
            write!(f, ", by {}", self.rules.join(", "))?;
        }
        Ok(())
    }
}

/// The findings as a table for a merge request or a report, each violation below it.
pub fn markdown(findings: &[Finding]) -> String {
    use fmt::Write;
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let mut out = String::from("| assertion | claim | result | checked |\n|---|---|---|---:|\n");
    for finding in findings {
        let result = match (finding.holds, finding.checked) {
            (true, 0) => "nothing to check".to_owned(),
            (true, _) => "holds".to_owned(),
            (false, _) => format!("**broken** ({})", finding.broken),
        };
        let _ =
            writeln!(out, "| {} | {} | {result} | {} |", cell(&finding.name), finding.claim, finding.checked);
    }
    for finding in findings.iter().filter(|finding| !finding.holds) {
        let _ = writeln!(out, "\n### {}\n", cell(&finding.name));
        for violation in &finding.violations {
            let _ = writeln!(out, "- {violation}");
        }
        let more = finding.broken - finding.violations.len();
        if more > 0 {
            let _ = writeln!(out, "- and {more} more");
        }
    }
    out
}

#[cfg(test)]
mod tests;
