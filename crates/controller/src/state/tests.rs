//! The whole of the state, driven by reports and a clock of our own.

mod clock;
mod counting;
mod denials;
mod expiry;
mod health;
mod irregular;
mod review;
mod trials;

use super::*;
use crate::config::ControllerConfig;
use bulkhead_api::{Automation, AutomationBy, Decision, Profile, Progress, ReviewDecision, ReviewRequest};
use bulkhead_model::{
    Application, Direction, EdgeCounters, EventKind, FlowTuple, Identity, IpProtocol, Mode, Peer, RuleRef,
    Verdict, WorkloadOwner,
    node::{ConnectionReport, EdgeReport, TableFill},
};
use bulkhead_policy::{PeerAddress, Traffic};
use bulkhead_store::Loaded;
use std::net::IpAddr;

/// A Monday, midnight.
const START: u64 = 1_763_337_600_000;
const MINUTE: u64 = 60_000;

struct Estate {
    state: State,
    now: u64,
    events: Vec<EventKind>,
    changes: Vec<Change>,
    published: u64,
}

/// As if the kernel had begun to count anew: what is told next is all new.
fn counting() -> u64 {
    static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

fn name(text: &str) -> ServiceName {
    text.parse().expect("a service name")
}

fn workload(id: &str, service: &str, declared: &[&str]) -> Workload {
    Workload {
        name: id.into(),
        owner: WorkloadOwner::Compose,
        runtime: "docker".into(),
        image: format!("{service}:1").into(),
        declared_peers: declared.iter().map(|peer| (*peer).into()).collect(),
        pid: 1,
        ..Workload::new(WorkloadId(id.into()), name(service))
    }
}

impl Estate {
    fn new() -> Self {
        Self::restored(Loaded { audit_head: bulkhead_store::GENESIS.to_owned(), ..Loaded::default() }, START)
    }

    fn restored(loaded: Loaded, now: u64) -> Self {
        let state = State::restore(&ControllerConfig::default(), loaded, Timestamp(now));
        let mut estate = Self { state, now, events: Vec::new(), changes: Vec::new(), published: 0 };
        estate.finish();
        estate
    }

    fn finish(&mut self) {
        let effects = self.state.finish();
        self.events.extend(effects.events.iter().map(|stored| stored.event.kind.clone()));
        self.changes.extend(effects.changes);
        self.published += u64::from(effects.publish);
    }

    fn report(&mut self, report: NodeReport) {
        self.state.report(report, Timestamp(self.now));
        self.finish();
    }

    fn identity(&self, service: &str) -> Identity {
        self.state.services[&name(service)].identity
    }

    fn ends(&self, client: &str, server: &str) -> (Identity, Identity) {
        (self.identity(client), self.identity(server))
    }

    fn connect(&mut self, client: &str, server: &str, port: u16, verdict: Verdict, workload: &str) {
        let reason = (verdict != Verdict::Allowed).then_some(bulkhead_model::DenyReason::NoRule);
        self.connect_for(client, server, port, verdict, workload, reason);
    }

    fn connect_for(
        &mut self,
        client: &str,
        server: &str,
        port: u16,
        verdict: Verdict,
        workload: &str,
        reason: Option<bulkhead_model::DenyReason>,
    ) {
        let (local, peer) = self.ends(client, server);
        let report = ConnectionReport {
            time: Timestamp(self.now),
            local,
            peer,
            direction: Direction::Egress,
            tuple: tuple([172, 20, 0, 2], [172, 20, 0, 3], port),
            application: Application::UNKNOWN,
            verdict,
            reason,
            rule: RuleRef::NONE,
            mode: Mode::Learn,
            workload: Some(WorkloadId(workload.into())),
            process: None,
            packet: vec![],
            adopted: false,
        };
        self.report(NodeReport::Connection(Box::new(report)));
    }

    fn count(&mut self, client: &str, server: &str, port: u16, connections: u64, denied: u64) {
        let (local, peer) = self.ends(client, server);
        let side = |local, peer, direction, denied| EdgeReport {
            local,
            peer,
            direction,
            peer_address: None,
            protocol: IpProtocol::TCP,
            port,
            application: Application::UNKNOWN,
            counting: counting(),
            counters: EdgeCounters {
                connections,
                denied,
                packets_to_server: connections * 5,
                packets_to_client: connections * 5,
                ..EdgeCounters::default()
            },
            rule: RuleRef::NONE,
            last_seen: Timestamp(self.now),
        };
        let both =
            vec![side(local, peer, Direction::Egress, denied), side(peer, local, Direction::Ingress, 0)];
        self.report(NodeReport::Edges(both));
    }

    /// Lets time pass in steps of a minute, with traffic every ten.
    fn pass(&mut self, hours: u64, traffic: &[(&str, &str, u16)]) {
        for minute in 0..hours * 60 {
            self.now += MINUTE;
            if minute % 10 == 0 {
                for (client, server, port) in traffic {
                    self.count(client, server, *port, 3, 0);
                }
            }
            self.state.tick(Timestamp(self.now));
            self.finish();
        }
    }

    /// What a store brings back after all changes so far.
    fn stored(&self) -> Loaded {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("bulkhead.db");
        let mut store = bulkhead_store::SqliteStore::open(&path, Timestamp(0)).expect("opens").store;
        bulkhead_store::Store::write(&mut store, &self.changes).expect("writes");
        bulkhead_store::Store::load(&mut store).expect("loads")
    }

    fn audit_actions(&self) -> Vec<String> {
        let actions = self.changes.iter().filter_map(|change| match change {
            Change::Audit(record) => Some(record.action.clone()),
            _ => None,
        });
        actions.collect()
    }

    fn mode(&self, service: &str) -> Mode {
        self.state.services[&name(service)].mode
    }

    fn allows(&self, client: &str, server: &str, port: u16) -> bool {
        let (client, server) = self.ends(client, server);
        let compiled = Arc::clone(&self.state.compiled);
        let peer = PeerAddress::Known(server);
        compiled.lookup(client, Direction::Egress, peer, Traffic::tcp(port)).allow
    }
}

fn tuple(client: [u8; 4], server: [u8; 4], port: u16) -> FlowTuple {
    FlowTuple {
        protocol: IpProtocol::TCP,
        client_address: IpAddr::from(client),
        client_port: 40_000,
        server_address: IpAddr::from(server),
        server_port: port,
    }
}

fn shop() -> Estate {
    let mut estate = Estate::new();
    let workloads = vec![
        workload("web-1", "shop/web", &[]),
        workload("api-1", "shop/api", &["mail:25"]),
        workload("redis-1", "shop/redis", &[]),
        workload("mail-1", "shop/mail", &[]),
    ];
    estate.report(NodeReport::Workloads(workloads));
    estate.connect("shop/web", "shop/api", 8080, Verdict::Allowed, "web-1");
    estate.connect("shop/api", "shop/redis", 6379, Verdict::Allowed, "api-1");
    estate
}

const TRAFFIC: &[(&str, &str, u16)] = &[("shop/web", "shop/api", 8080), ("shop/api", "shop/redis", 6379)];

#[test]
fn workloads_become_services_with_identities_that_nodes_are_told() {
    let estate = shop();
    let policy = estate.state.node_policy();
    assert_eq!(policy.identities.len(), 4);
    assert_eq!(policy.compiled.services.len(), 4);
    assert!(estate.published > 0);
    assert!(estate.changes.iter().any(|change| matches!(change, Change::Identity { .. })));
    let started =
        estate.events.iter().filter(|kind| matches!(kind, EventKind::WorkloadStarted { .. })).count();
    assert_eq!(started, 4);
}

#[test]
fn both_ends_of_a_connection_make_one_edge() {
    let mut estate = shop();
    estate.count("shop/web", "shop/api", 8080, 3, 0);
    estate.count("shop/web", "shop/api", 8080, 2, 0);
    assert_eq!(estate.state.edges.len(), 2);
    let edge = estate.state.edges.values().find(|record| record.key.port == 8080).expect("there");
    assert_eq!((edge.counters().connections, edge.counters().packets_to_server), (5, 25));
    let new = estate.events.iter().filter(|kind| matches!(kind, EventKind::NewEdge { .. })).count();
    assert_eq!(new, 2);
}

#[test]
fn a_service_is_promoted_on_evidence_and_rolled_back_when_learning_should_have_known() {
    let mut estate = shop();
    estate.state.set_automation(&name("shop/api"), Automation { automatic: true, profile: Profile::Fast });
    for _ in 0..200 {
        estate.pass(1, TRAFFIC);
        if estate.mode("shop/api") == Mode::Enforce {
            break;
        }
    }
    let states: Vec<(Mode, Mode)> = estate
        .events
        .iter()
        .filter_map(|kind| match kind {
            EventKind::ModeChanged { from, to, .. } => Some((*from, *to)),
            _ => None,
        })
        .collect();
    let summary = estate.state.learning_summary(&name("shop/api"), Automation::default());
    assert_eq!(
        states,
        [(Mode::Learn, Mode::Monitor), (Mode::Monitor, Mode::Enforce)],
        "{}",
        summary.sentence
    );
    assert_eq!(estate.mode("shop/api"), Mode::Enforce);
    assert_eq!(estate.mode("shop/web"), Mode::Learn, "nobody asked for it");
    assert!(estate.allows("shop/api", "shop/redis", 6379));
    assert!(!estate.allows("shop/api", "shop/mail", 25));
    assert!(estate.state.documents.contains_key(&("shop".to_owned(), "api-learned".to_owned())));
    assert!(matches!(
        estate.state.progress(&name("shop/api")),
        Progress::Canary { .. } | Progress::Settled { .. }
    ));

    // Its own environment names the mail relay: learning should have known.
    estate.connect("shop/api", "shop/mail", 25, Verdict::Denied, "api-1");
    estate.pass(1, TRAFFIC);
    let back = estate.events.iter().rev().find_map(|kind| match kind {
        EventKind::ModeChanged { from, to, evidence, .. } => Some((*from, *to, evidence.clone())),
        _ => None,
    });
    let (from, to, evidence) = back.expect("a change of mode");
    assert_eq!((from, to), (Mode::Enforce, Mode::Monitor));
    assert!(evidence.contains("declaration"), "{evidence}");
    assert!(matches!(estate.state.progress(&name("shop/api")), Progress::RolledBack { .. }));
}

#[test]
fn an_attacker_cannot_roll_a_service_back_by_being_denied() {
    let mut estate = shop();
    estate.state.enter_mode(&name("shop/web"), Mode::Enforce, "anna", "by hand", false);
    estate.state.set_automation(&name("shop/web"), Automation { automatic: true, profile: Profile::Fast });
    estate.connect("shop/web", "shop/redis", 6379, Verdict::Denied, "web-1");
    estate.pass(2, &[]);
    assert_eq!(estate.mode("shop/web"), Mode::Enforce);
}

#[test]
fn a_new_image_is_enforced_at_once_where_the_deployment_gate_is_closed() {
    let mut estate = shop();
    let actor = Actor::system();
    let gates =
        |deployment_hours| bulkhead_api::GateSettings { startup: false, calendar: false, deployment_hours };
    let with = |estate: &Estate, hours| Settings { gates: gates(hours), ..estate.state.settings.clone() };
    let wanted = with(&estate, 0);
    estate.state.put_settings(wanted, &actor);
    estate.state.set_automation(&name("shop/api"), Automation { automatic: true, profile: Profile::Fast });
    let image = |id: &str, digest: &str| {
        let image_digest = Some(digest.into());
        NodeReport::WorkloadUp(Box::new(Workload { image_digest, ..workload(id, "shop/api", &[]) }))
    };
    estate.report(image("api-2", "sha256:first"));
    estate.state.enter_mode(&name("shop/api"), Mode::Enforce, "learning", "evidence", true);
    estate.pass(1, &[]);
    estate.report(image("api-3", "sha256:second"));
    estate.pass(1, &[]);
    let hold = |estate: &Estate| estate.state.services[&name("shop/api")].hold.clone();
    assert_eq!(hold(&estate), None, "zero closes the window");
    let wanted = with(&estate, 3);
    estate.state.put_settings(wanted, &actor);
    estate.pass(1, &[]);
    assert!(hold(&estate).is_some_and(|why| why.contains("new image")), "a longer one holds from now on");
    estate.finish();
    assert_eq!(
        Estate::restored(estate.stored(), estate.now).state.learner.settings().gates.deployment.as_secs(),
        3 * 3600
    );
    let wanted = with(&estate, 0);
    estate.state.put_settings(wanted, &actor);
    estate.pass(1, &[]);
    assert_eq!(hold(&estate), None, "and closes at once");
}

#[test]
fn many_denials_are_one_event_with_a_counter_and_a_remedy() {
    let mut estate = shop();
    estate.state.enter_mode(&name("shop/web"), Mode::Enforce, "anna", "by hand", false);
    estate.finish();
    estate.events.clear();
    estate.connect("shop/web", "shop/redis", 6379, Verdict::Denied, "web-1");
    for _ in 0..50 {
        estate.now += 2_000;
        estate.count("shop/web", "shop/redis", 6379, 0, 10);
        estate.state.tick(Timestamp(estate.now));
        estate.finish();
    }
    let denials: Vec<_> = estate
        .events
        .iter()
        .filter_map(|kind| match kind {
            EventKind::Denied(denial) => Some(denial),
            _ => None,
        })
        .collect();
    let last = denials.last().expect("told");
    assert_eq!(last.count, 500);
    let yaml = last.allow_with.as_deref().expect("a remedy");
    assert!(yaml.contains("shop/redis") && yaml.contains("6379"), "{yaml}");
    assert_eq!(estate.state.services[&name("shop/web")].denied.total(Timestamp(estate.now)), 500);
    assert_eq!(estate.state.services[&name("shop/redis")].denied.total(Timestamp(estate.now)), 500);
    let numbers: BTreeSet<u64> = estate
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Event(stored) if stored.kind == "denied" => Some(stored.event.id.0),
            _ => None,
        })
        .collect();
    assert_eq!(numbers.len(), 1, "one event");
}

#[test]
fn what_a_scan_touched_is_not_learned_but_flagged() {
    let mut estate = shop();
    estate.pass(2, TRAFFIC);
    for port in 1..=60 {
        estate.connect("shop/web", "shop/redis", port, Verdict::Allowed, "web-1");
    }
    let scans = estate.events.iter().filter(|kind| matches!(kind, EventKind::Scan { .. })).count();
    assert!(scans >= 1);
    let learned = estate.state.learned_of(&name("shop/web"));
    let ports: usize = learned.egress.iter().map(|rule| rule.ports.len()).sum();
    assert!(ports < 30, "{}", learned.to_yaml());
    let flagged = estate.state.edges.values().filter(|record| record.flagged.is_some()).count();
    assert!(flagged > 30, "{flagged}");
}

#[test]
fn a_decision_of_a_person_writes_and_unwrites_rules() {
    let mut estate = shop();
    let api = name("shop/api");
    estate.state.enter_mode(&api, Mode::Monitor, "anna", "by hand", false);
    estate.finish();
    let item = estate
        .state
        .review_items(Some(&api), false)
        .into_iter()
        .find(|item| item.direction == Direction::Egress)
        .expect("an item");
    let decide = |estate: &mut Estate, decision| {
        let one = ReviewDecision { id: item.id.clone(), decision, narrow: None, rule: None };
        let request = ReviewRequest { decisions: vec![one], ..ReviewRequest::default() };
        estate.state.decide(&request, &Actor::system()).expect("decides");
        estate.finish();
    };
    assert!(estate.allows("shop/api", "shop/redis", 6379));
    decide(&mut estate, Decision::Reject);
    assert!(!estate.allows("shop/api", "shop/redis", 6379));
    decide(&mut estate, Decision::Accept);
    assert!(estate.allows("shop/api", "shop/redis", 6379));
    decide(&mut estate, Decision::Attack);
    assert!(!estate.allows("shop/api", "shop/redis", 6379));
    decide(&mut estate, Decision::Undo);
    assert!(estate.allows("shop/api", "shop/redis", 6379));
}

#[test]
fn addresses_outside_get_their_names_and_too_many_become_the_world() {
    let mut estate = shop();
    let address = IpAddr::from([203, 0, 113, 7]);
    let service = estate.identity("shop/api");
    estate.report(NodeReport::Resolved {
        service,
        name: "pay.example.com.".into(),
        addresses: vec![address],
        ttl_seconds: 60,
    });
    let outside = |estate: &mut Estate, address: IpAddr| {
        let report = EdgeReport {
            local: service,
            peer: Identity::WORLD,
            direction: Direction::Egress,
            peer_address: Some(address),
            protocol: IpProtocol::TCP,
            port: 443,
            application: Application::UNKNOWN,
            counting: counting(),
            counters: EdgeCounters { connections: 1, packets_to_client: 9, ..EdgeCounters::default() },
            rule: RuleRef::NONE,
            last_seen: Timestamp(estate.now),
        };
        estate.report(NodeReport::Edges(vec![report]));
    };
    outside(&mut estate, address);
    let servers = |estate: &Estate| -> Vec<String> {
        let edges = estate.state.edges.keys().filter(|key| key.port == 443);
        edges.map(|key| key.server.to_string()).collect()
    };
    assert_eq!(servers(&estate), ["pay.example.com"]);
    for last in 1..=40 {
        outside(&mut estate, IpAddr::from([198, 51, 100, last]));
    }
    assert_eq!(servers(&estate), ["pay.example.com", "world"]);
    let world = estate.state.edges.values().find(|record| record.key.server == Peer::World).expect("there");
    assert_eq!(world.counters().connections, 40);
}

#[test]
fn what_a_rule_allows_to_a_name_is_allowed_by_the_first_policy_after_a_restart() {
    let mut estate = shop();
    let text = "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {name: api, namespace: shop}\n\
                spec:\n  target: {service: shop/api}\n  mode: enforce\n  egress:\n    - to: [{name: pay.example.com}]\n      \
                ports: [tcp/443]\n";
    let documents = crate::plan::read(text, "test").expect("sound");
    let changes = documents.into_iter().map(|document| (document.key(), Some(document))).collect();
    estate.state.change_documents(changes, "anna", "test", String::new());
    let resolved = |service, last: u8, ttl_seconds| NodeReport::Resolved {
        service,
        name: "pay.example.com".into(),
        addresses: vec![IpAddr::from([203, 0, 113, last])],
        ttl_seconds,
    };
    let service = estate.identity("shop/api");
    estate.report(resolved(service, 7, 60));
    estate.report(resolved(service, 8, 86_400));
    let allows = |estate: &Estate, last| {
        let peer = PeerAddress::Address(IpAddr::from([203, 0, 113, last]));
        estate.state.compiled.lookup(service, Direction::Egress, peer, Traffic::tcp(443)).allow
    };
    assert!(allows(&estate, 7) && allows(&estate, 8) && !allows(&estate, 9));
    estate.now += MINUTE;
    estate.state.tick(Timestamp(estate.now));
    estate.finish();
    let soon = Estate::restored(estate.stored(), estate.now);
    assert!(allows(&soon, 7) && allows(&soon, 8) && !allows(&soon, 9), "before anybody asks again");
    let later = Estate::restored(estate.stored(), estate.now + 2 * 3_600_000);
    assert!(!allows(&later, 7) && allows(&later, 8), "but no answer outlives its time");
}

#[test]
fn a_document_may_ask_for_a_mode_and_a_person_may_still_change_it() {
    let mut estate = shop();
    let text = "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {name: redis, namespace: shop}\n\
                spec:\n  target: {service: shop/redis}\n  mode: enforce\n  ingress:\n    - from: [{service: shop/api}]\n";
    let documents = crate::plan::read(text, "test").expect("sound");
    let changes = documents.into_iter().map(|document| (document.key(), Some(document))).collect();
    estate.state.change_documents(changes, "anna", "test", String::new());
    estate.finish();
    assert_eq!(estate.mode("shop/redis"), Mode::Enforce);
    estate.state.enter_mode(&name("shop/redis"), Mode::Monitor, "anna", "by hand", false);
    estate.finish();
    estate.pass(1, &[]);
    assert_eq!(estate.mode("shop/redis"), Mode::Monitor);
}

#[test]
fn automation_is_given_by_the_first_rule_that_fits_and_by_hand_above_all() {
    let mut estate = shop();
    let zone = "apiVersion: bulkhead.dev/v1alpha1\nkind: Zone\nmetadata: {name: data}\nspec: {services: [shop/redis]}\n";
    let documents = crate::plan::read(zone, "test").expect("sound");
    let changes = documents.into_iter().map(|document| (document.key(), Some(document))).collect();
    estate.state.change_documents(changes, "anna", "test", String::new());
    estate.finish();
    let rule = |namespace: Option<&str>, zone: Option<&str>, profile| bulkhead_api::AutomationRule {
        namespace: namespace.map(str::to_owned),
        zone: zone.map(str::to_owned),
        labels: BTreeMap::new(),
        automatic: true,
        profile,
    };
    estate.state.settings.automation =
        vec![rule(None, Some("data"), Profile::Strict), rule(Some("shop"), None, Profile::Fast)];
    let of = |estate: &Estate, service: &str| estate.state.automation(&name(service));
    assert_eq!(of(&estate, "shop/redis"), Automation { automatic: true, profile: Profile::Strict });
    assert_eq!(of(&estate, "shop/web"), Automation { automatic: true, profile: Profile::Fast });
    let by = |estate: &Estate, service: &str| estate.state.automation_and_by(&name(service)).1;
    assert_eq!(by(&estate, "shop/redis"), AutomationBy::Rule { rule: 1 });
    assert_eq!(by(&estate, "shop/web"), AutomationBy::Rule { rule: 2 });
    estate.state.set_automation(&name("shop/web"), Automation::default());
    assert_eq!(of(&estate, "shop/web"), Automation::default());
    assert_eq!(by(&estate, "shop/web"), AutomationBy::Hand);
    estate.state.settings.automation.clear();
    assert_eq!(by(&estate, "shop/redis"), AutomationBy::Default);
}

#[test]
fn what_is_stored_brings_the_same_state_back() {
    let mut estate = shop();
    estate.count("shop/api", "shop/redis", 6379, 3, 0);
    estate.state.enter_mode(&name("shop/api"), Mode::Monitor, "anna", "by hand", false);
    estate.state.save_everything();
    estate.finish();
    let again = Estate::restored(estate.stored(), estate.now);
    assert_eq!(again.state.edges.len(), estate.state.edges.len());
    assert_eq!(again.mode("shop/api"), Mode::Monitor);
    assert_eq!(again.identity("shop/redis"), estate.identity("shop/redis"));
    assert!(again.allows("shop/api", "shop/redis", 6379));
    assert!(again.state.revision > estate.state.revision - 1);
    let report =
        |estate: &Estate| estate.state.learner().report(&name("shop/api")).map(|report| report.edges);
    assert_eq!(report(&again), report(&estate));
}

#[test]
fn a_service_says_what_it_waits_for() {
    let mut estate = shop();
    estate.pass(1, TRAFFIC);
    let outlook = |estate: &Estate| estate.state.services[&name("shop/api")].outlook.to_string();
    let young = outlook(&estate);
    assert!(young.contains("profile default") || young.contains("hours"), "{young}");
    estate.state.enter_mode(&name("shop/api"), Mode::Quarantine, "anna", "by hand", false);
    estate.pass(1, TRAFFIC);
    assert!(outlook(&estate).contains("Quarantined by a person"), "{}", outlook(&estate));
}
