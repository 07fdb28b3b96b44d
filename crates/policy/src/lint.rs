//! What is probably not what its author meant.

mod evidence;
mod witness;

use crate::{
    compile::Compiler,
    compiled::CompiledPolicy,
    document::{Action, Criteria, DocumentKey, Kind, PeerSpec, Zone, format_time},
    effective::EffectiveRule,
    evaluate::{Evaluator, Remote},
    glob::Glob,
    inventory::{Inventory, Service},
    set::PolicySet,
    suggest,
};
use bulkhead_model::{Direction, EdgeKey, RuleRef, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lint {
    /// The target or a peer names a service, namespace, zone or external endpoint that does not exist.
    Unknown,
    /// The document targets no service.
    SelectsNothing,
    /// The rule has expired.
    Expired,
    /// The rule never decides, because rules with another action decide before.
    Shadowed,
    /// The rule never decides, because rules with the same action decide before.
    Redundant,
    /// The rule's peers or ports select nothing that exists.
    Dead,
    /// A deny of the same tier and order takes away a part of what the rule allows.
    Conflicting,
    /// The rule allows much more than was ever seen.
    OverBroad,
    /// Nothing that was seen needs the rule.
    Unused,
}

impl Lint {
    /// A word that stays the same between versions.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::SelectsNothing => "selects-nothing",
            Self::Expired => "expired",
            Self::Shadowed => "shadowed",
            Self::Redundant => "redundant",
            Self::Dead => "dead",
            Self::Conflicting => "conflicting",
            Self::OverBroad => "over-broad",
            Self::Unused => "unused",
        }
    }
}

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub lint: Lint,
    pub document: DocumentKey,
    /// Direction and position of the rule, where one is meant.
    pub rule: Option<(Direction, usize)>,
    pub message: String,
    pub suggestion: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.document)?;
        if let Some((direction, index)) = self.rule {
            write!(f, " {direction}[{index}]")?;
        }
        write!(f, ": {} [{}]", self.message, self.lint.code())?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; {suggestion}"),
            None => Ok(()),
        }
    }
}

/// All findings, in the order of documents and rules. `edges` is what was seen; without any, evidence says nothing.
pub fn lint(set: &PolicySet, inventory: &Inventory, edges: &[EdgeKey], now: Timestamp) -> Vec<Finding> {
    let mut compiler = Compiler::default();
    let compiled = compiler.compile(set, inventory, now);
    let evaluator = Evaluator::new(set, inventory, compiler.book_mut(), now);
    let mut linter = Linter {
        set,
        inventory,
        evaluator,
        deciding: deciding(&compiled),
        namespaces: inventory.services().map(|service| service.name.namespace()).collect(),
        labels: labels(inventory),
        selected: HashMap::new(),
        findings: Vec::new(),
    };
    linter.documents(now);
    linter.rules();
    linter.evidence(edges);
    let mut findings = linter.findings;
    findings.sort_by(|a, b| {
        (&a.document, a.rule, a.lint, &a.message).cmp(&(&b.document, b.rule, b.lint, &b.message))
    });
    findings.dedup();
    findings
}

/// Every rule that decides anything at all.
fn deciding(compiled: &CompiledPolicy) -> HashSet<RuleRef> {
    let directions = compiled.services.iter().flat_map(|service| [&service.ingress, &service.egress]);
    let classes = directions.flat_map(|direction| &direction.classes);
    classes
        .flat_map(|class| {
            class.entries.iter().map(|entry| entry.outcome.rule).chain(std::iter::once(class.otherwise.rule))
        })
        .collect()
}

struct Linter<'a> {
    set: &'a PolicySet,
    inventory: &'a Inventory,
    evaluator: Evaluator<'a>,
    deciding: HashSet<RuleRef>,
    namespaces: BTreeSet<&'a str>,
    /// Labels that any service has, with their values.
    labels: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Whom criteria select; the same stand in many rules.
    selected: HashMap<Criteria, Vec<&'a Service>>,
    findings: Vec<Finding>,
}

fn labels(inventory: &Inventory) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, value) in inventory.services().flat_map(|service| &service.labels) {
        labels.entry(key).or_default().insert(value);
    }
    labels
}

/// `None` for the document as a whole.
type Place = Option<(Direction, usize)>;

impl<'a> Linter<'a> {
    fn select(&mut self, criteria: &Criteria) -> &[&'a Service] {
        if !self.selected.contains_key(criteria) {
            let selected = self.set.select(criteria, self.inventory);
            self.selected.insert(criteria.clone(), selected);
        }
        &self.selected[criteria]
    }

    fn found(
        &mut self,
        lint: Lint,
        document: &DocumentKey,
        rule: Place,
        message: String,
        hint: Option<String>,
    ) {
        self.findings.push(Finding { lint, document: document.clone(), rule, message, suggestion: hint });
    }

    fn documents(&mut self, now: Timestamp) {
        for policy in self.set.policies() {
            let key = policy.key();
            let known = self.criteria(&key, None, "target", &policy.target);
            if known && self.select(&policy.target).is_empty() {
                let message = format!("the target {} selects no service", policy.target_text());
                self.found(Lint::SelectsNothing, &key, None, message, None);
            }
            for direction in [Direction::Ingress, Direction::Egress] {
                for (index, rule) in policy.rules(direction).iter().enumerate() {
                    let place = Some((direction, index));
                    for peer in &rule.peers {
                        self.peer(&key, place, peer);
                    }
                    if let Some(expires) = rule.expires.filter(|_| !rule.is_live(now)) {
                        let message = format!("expired on {}", format_time(expires));
                        let hint = "remove it, or give it a new date".to_owned();
                        self.found(Lint::Expired, &key, place, message, Some(hint));
                    }
                }
            }
        }
        for zone in self.set.zones() {
            let key = DocumentKey::zone(&zone.metadata.name);
            for inner in &zone.zones {
                self.named(&key, None, Kind::Zone, inner);
            }
            for external in &zone.externals {
                self.named(&key, None, Kind::ExternalEndpoint, external);
            }
            self.ways(zone, &key, now);
        }
    }

    /// Conduits and exceptions that have expired, or lead from nowhere to nowhere.
    fn ways(&mut self, zone: &Zone, key: &DocumentKey, now: Timestamp) {
        for way in zone.ways() {
            let called = way.name.as_deref().map_or_else(|| way.text(), |name| format!("\"{name}\""));
            for peer in way.from.iter().chain(&way.to).flatten() {
                self.peer(key, None, peer);
            }
            if let Some(expires) = way.expires.filter(|_| !way.is_live(now)) {
                let owner = way.owner.as_ref().map_or_else(String::new, |owner| format!(" (of {owner})"));
                let message =
                    format!("the way across the border {called}{owner} expired on {}", format_time(expires));
                let hint = "remove it, or give it a new date".to_owned();
                self.found(Lint::Expired, key, None, message, Some(hint));
            }
        }
    }

    fn peer(&mut self, key: &DocumentKey, place: Place, peer: &PeerSpec) {
        match peer {
            PeerSpec::Services(criteria) => {
                self.criteria(key, place, "peer", criteria);
            }
            PeerSpec::External(name) => {
                self.named(key, place, Kind::ExternalEndpoint, name);
            }
            _ => {}
        }
    }

    /// Whether everything that criteria name exists.
    fn criteria(&mut self, key: &DocumentKey, place: Place, what: &str, criteria: &Criteria) -> bool {
        let before = self.findings.len();
        if let Some(name) = criteria.exact_service()
            && self.inventory.service(&name).is_none()
        {
            let names: Vec<String> =
                self.inventory.services().map(|service| service.name.to_string()).collect();
            let nearest = suggest::nearest(&name.to_string(), names.iter().map(String::as_str));
            let hint = nearest.map(|near| format!("did you mean '{near}'?"));
            self.found(
                Lint::Unknown,
                key,
                place,
                format!("the {what} '{name}' is no service that is known"),
                hint,
            );
        }
        let namespace = criteria.namespace.as_ref().filter(|glob| glob.is_exact()).map(Glob::as_str);
        if let Some(namespace) = namespace.filter(|namespace| !self.namespaces.contains(namespace)) {
            let known = self.namespaces.iter().copied();
            let hint = suggest::nearest(namespace, known).map(|near| format!("did you mean '{near}'?"));
            let message = format!("there is no service in the namespace '{namespace}'");
            self.found(Lint::Unknown, key, place, message, hint);
        }
        if let Some(zone) = &criteria.zone {
            self.named(key, place, Kind::Zone, zone);
        }
        if let Some(selector) = &criteria.selector {
            for (label, value) in &selector.match_labels {
                let Some(values) = self.labels.get(label.as_str()) else {
                    let known = self.labels.keys().copied();
                    let hint = suggest::nearest(label, known).map(|near| format!("did you mean '{near}'?"));
                    let message = format!("no service has the label '{label}'");
                    self.found(Lint::Unknown, key, place, message, hint);
                    continue;
                };
                if !values.contains(value.as_str()) {
                    let hint = suggest::nearest(value, values.iter().copied());
                    let hint = hint.map(|near| format!("did you mean '{near}'?"));
                    let message = format!("no service has the label '{label}' with the value '{value}'");
                    self.found(Lint::Unknown, key, place, message, hint);
                }
            }
        }
        self.findings.len() == before
    }

    fn named(&mut self, key: &DocumentKey, place: Place, kind: Kind, name: &str) {
        let (exists, all): (bool, Vec<&str>) = match kind {
            Kind::Zone => (
                self.set.zone(name).is_some(),
                self.set.zones().map(|zone| zone.metadata.name.as_str()).collect(),
            ),
            _ => (
                self.set.external(name).is_some(),
                self.set.externals().map(|external| external.metadata.name.as_str()).collect(),
            ),
        };
        if !exists {
            let hint = suggest::nearest(name, all).map(|near| format!("did you mean '{near}'?"));
            self.found(Lint::Unknown, key, place, format!("there is no {kind} '{name}'"), hint);
        }
    }

    /// Rules that never decide, and rules of which a deny takes a part.
    fn rules(&mut self) {
        let mut seen = HashSet::new();
        let services: Vec<_> = self.inventory.services().collect();
        for service in services {
            for direction in [Direction::Ingress, Direction::Egress] {
                let rules = self.evaluator.effective().rules(service.identity, direction).to_vec();
                for rule in rules.iter().filter(|rule| !rule.is_border()) {
                    let decides = self.deciding.contains(&rule.reference);
                    // Of a rule that decides there is something to say only if a denial may take a part of it.
                    if decides && !rules.iter().any(|other| conflict(other, rule))
                        || !seen.insert((rule.reference, decides.then_some(service.identity)))
                    {
                        continue;
                    }
                    self.rule(&service.name, rule, decides);
                }
            }
        }
    }

    fn rule(&mut self, service: &bulkhead_model::ServiceName, rule: &EffectiveRule, decides: bool) {
        let place = Some((rule.direction, rule.index));
        let allow = rule.rule().action == Action::Allow;
        let flows = self.witnesses(rule.rule());
        let mut deciders = BTreeMap::new();
        for (remote, traffic) in &flows {
            if let Some(other) = self.evaluator.decide(service, rule.direction, remote, *traffic).rule {
                deciders.entry(other.reference).or_insert((other, remote.clone(), *traffic));
            }
        }
        deciders.remove(&rule.reference);
        let titles = |wanted: &dyn Fn(&EffectiveRule) -> bool| -> Vec<String> {
            deciders.values().filter(|(other, ..)| wanted(other)).map(|(other, ..)| other.title()).collect()
        };
        let opposite = titles(&|other| (other.rule().action == Action::Allow) != allow);
        let key = rule.document();
        if !decides {
            let all = titles(&|_| true).join(", ");
            if flows.is_empty() || deciders.is_empty() {
                let message = "matches nothing that exists".to_owned();
                self.found(Lint::Dead, &key, place, message, None);
            } else if opposite.is_empty() {
                let hint = Some("it can be removed".to_owned());
                self.found(Lint::Redundant, &key, place, format!("never decides: {all} comes before"), hint);
            } else {
                let border = deciders.values().find(|(other, ..)| other.is_border());
                let hint = Some(match border {
                    Some((other, ..)) => {
                        format!("give the {} a conduit for it, or remove it", other.document())
                    }
                    None => "give it a lower order, or remove it".to_owned(),
                });
                self.found(Lint::Shadowed, &key, place, format!("never decides: {all} comes before"), hint);
            }
        } else {
            let denial = deciders.values().find(|(other, ..)| conflict(other, rule));
            if let Some((other, remote, traffic)) = denial {
                let message = format!(
                    "{} denies a part of what it allows, for example {} {}/{}",
                    other.title(),
                    remote_text(remote),
                    traffic.protocol,
                    traffic.port
                );
                self.found(Lint::Conflicting, &key, place, message, None);
            }
        }
    }
}

/// Whether one denies, and the other allows, at the same place of the order.
fn conflict(denial: &EffectiveRule, rule: &EffectiveRule) -> bool {
    denial.rule().action == Action::Deny
        && rule.rule().action == Action::Allow
        && (denial.origin(), denial.order()) == (rule.origin(), rule.order())
}

fn remote_text(remote: &Remote) -> String {
    match remote {
        Remote::Service(name) => name.to_string(),
        Remote::Host => "host".to_owned(),
        Remote::RemoteHost => "remote-host".to_owned(),
        Remote::Multicast => "multicast".to_owned(),
        Remote::External { name: Some(name), .. } => name.to_string(),
        Remote::External { net: Some(net), .. } => net.addr().to_string(),
        Remote::External { .. } => "world".to_owned(),
        Remote::Unknown => "unknown".to_owned(),
    }
}
