//! What verification claims of all flows, the reference evaluator says of each.
//!
//! Policies, claims and flows are random. Where a claim holds, no flow may break it; where a flow breaks it, it must not
//! hold; and the flow that is told as a proof of a break must pass.

#[path = "support/random.rs"]
mod random;

use bulkhead_model::{Application, Direction, Identity, Mode, RuleOrigin, ServiceName, Timestamp};
use bulkhead_policy::{
    Document, Evaluator, Inventory, PolicySet, ReadOptions, Remote, RuleBook, SegmentationPolicy, Service,
    Traffic, View,
    document::{
        Assertion, Claim, Criteria, Metadata, PeerSpec, PortMatch, PortSpec, Rule, Selection, Zone,
        read_assertions,
    },
    verify::{Finding, verify},
};
use random::{Random, flow, inventory, peer, policy_set, port, traffic};

const PROBE: &str = "probe/probe";

/// Says whom peers mean, by asking what a service may do that allows just them.
struct Meaning {
    set: PolicySet,
    inventory: Inventory,
}

impl Meaning {
    fn new(set: &PolicySet, inventory: &Inventory, peers: &[PeerSpec]) -> Self {
        let mut inventory = inventory.clone();
        let probe: ServiceName = PROBE.parse().expect("a name");
        inventory.insert(Service::new(probe.clone(), Identity(60_000)));
        let allow = |peers: &[PeerSpec]| Rule { peers: peers.to_vec(), ..Rule::default() };
        let probing = SegmentationPolicy {
            metadata: Metadata { name: "probe".into(), namespace: "probe".into(), ..Metadata::default() },
            target: Criteria::service(&probe),
            mode: None,
            tier: RuleOrigin::User,
            order: None,
            // No peers at all would mean anybody.
            ingress: if peers.is_empty() { Vec::new() } else { vec![allow(peers)] },
            egress: Vec::new(),
        };
        // Who is meant does not depend on what may cross a border.
        let documents = set.documents().filter_map(|document| match document {
            Document::Policy(_) => None,
            Document::Zone(zone) => Some(Document::Zone(Zone { conduits: None, ..zone })),
            other => Some(other),
        });
        let set = documents.chain([Document::Policy(probing)]).collect();
        Self { set, inventory }
    }

    fn ask(&self, remotes: &[Remote]) -> Vec<bool> {
        let mut book = RuleBook::default();
        let evaluator = Evaluator::new(&self.set, &self.inventory, &mut book, Timestamp(random::NOW));
        let probe: ServiceName = PROBE.parse().expect("a name");
        let means =
            |remote| evaluator.decide(&probe, Direction::Ingress, remote, Traffic::tcp(1)).outcome().allow;
        remotes.iter().map(means).collect()
    }
}

fn selection(random: &mut Random) -> Selection {
    let one_or_more = |random: &mut Random| [vec![peer(random)], random.some(1, peer)].concat();
    Selection {
        from: one_or_more(random),
        except_from: random.some(1, peer),
        to: one_or_more(random),
        except_to: random.some(1, peer),
        ports: if random.one_in(2) { Vec::new() } else { random.some(2, port) },
        applications: match random.one_in(3) {
            true => random.some(2, |random| random.pick(&["http", "redis"]).parse().expect("known")),
            false => Vec::new(),
        },
    }
}

fn within(ports: &[PortSpec], server: &Remote, inventory: &Inventory, traffic: Traffic) -> bool {
    let named = |name: &str| {
        let Remote::Service(server) = server else { return false };
        let service = inventory.service(server);
        let ports = service.and_then(|service| service.named_ports.get(name));
        ports.is_some_and(|ports| ports.contains(&(traffic.protocol, traffic.port)))
    };
    ports.is_empty()
        || ports.iter().any(|spec| {
            spec.protocol == traffic.protocol
                && match &spec.port {
                    PortMatch::All => true,
                    PortMatch::Range(range) => range.contains(traffic.port),
                    PortMatch::Named(name) => named(name),
                }
        })
}

/// The flow that is told as a proof, if both ends are services and there is one step.
fn proof(finding: &Finding, inventory: &Inventory) -> Vec<(Remote, Remote, Traffic)> {
    let mut flows = Vec::new();
    for violation in &finding.violations {
        let ([client, server], [witness]) = (violation.path.as_slice(), violation.witness.as_slice()) else {
            continue;
        };
        let (Ok(client), Ok(server)) = (client.parse::<ServiceName>(), server.parse::<ServiceName>()) else {
            continue;
        };
        if inventory.service(&client).is_none() || inventory.service(&server).is_none() {
            continue;
        }
        let (witness, application) = witness.split_once(' ').unwrap_or((witness, "unknown"));
        let Some((protocol, port)) = witness.split_once('/') else { continue };
        let application: Application = application.parse().expect("an application");
        let traffic = Traffic {
            protocol: protocol.parse().expect("a protocol"),
            port: port.parse().expect("a port"),
            application,
        };
        flows.push((Remote::Service(client), Remote::Service(server), traffic));
    }
    flows
}

#[test]
fn claims_hold_just_where_no_flow_breaks_them() {
    let mut random = Random::seeded("verified");
    let (mut broken, mut held, mut breaking, mut proved) = (0, 0, 0, 0);
    let now = Timestamp(random::NOW);
    for _ in 0..600 {
        let inventory = inventory(&mut random);
        let set = policy_set(&mut random);
        let flows = selection(&mut random);
        let claims = [
            Claim::Never { flows: flows.clone(), hops: 1 },
            Claim::Only(flows.clone()),
            Claim::Always(flows.clone()),
        ];
        let assertions: Vec<Assertion> =
            claims.into_iter().map(|claim| Assertion { name: "random".into(), claim }).collect();
        let findings = verify(&set, &inventory, now, View::Policy, &assertions);
        let [never, only, always] = findings.as_slice() else { panic!("three findings") };
        for finding in &findings {
            broken += usize::from(!finding.holds);
            held += usize::from(finding.holds && finding.checked > 0);
        }

        let mut book = RuleBook::default();
        let evaluator = Evaluator::new(&set, &inventory, &mut book, now);
        let allowed = |client: &Remote, server: &Remote, traffic: Traffic| {
            // Whatever its documents say, nothing passes a service in quarantine.
            let verdict = evaluator.verdict(client, server, traffic);
            verdict.sides().all(|side| side.decision.allow && side.mode != Mode::Quarantine)
        };
        for (finding, expected) in [(never, true), (only, true), (always, false)] {
            for (client, server, traffic) in proof(finding, &inventory) {
                proved += 1;
                assert_eq!(
                    allowed(&client, &server, traffic),
                    expected,
                    "{finding}: {client:?} {server:?} {traffic:?}"
                );
            }
        }

        let mut sampled = Vec::new();
        for _ in 0..200 {
            let (service, direction, remote, _) = flow(&mut random, &inventory);
            let known = |remote: &Remote| match remote {
                Remote::Service(name) => inventory.service(name).is_some(),
                Remote::Unknown => false,
                _ => true,
            };
            let (client, server) = match direction {
                Direction::Ingress => (remote, Remote::Service(service)),
                Direction::Egress => (Remote::Service(service), remote),
            };
            if known(&client) && known(&server) && client != server && client != Remote::Multicast {
                sampled.push((client, server, traffic(&mut random)));
            }
        }
        let (clients, servers): (Vec<_>, Vec<_>) =
            sampled.iter().map(|(client, server, _)| (client.clone(), server.clone())).unzip();
        let means = |specs: &[PeerSpec], except: &[PeerSpec], remotes: &[Remote]| -> Vec<bool> {
            let within = Meaning::new(&set, &inventory, specs).ask(remotes);
            let except = Meaning::new(&set, &inventory, except).ask(remotes);
            within.into_iter().zip(except).map(|(within, except)| within && !except).collect()
        };
        let from = means(&flows.from, &flows.except_from, &clients);
        let to = means(&flows.to, &flows.except_to, &servers);
        for (index, (client, server, traffic)) in sampled.iter().enumerate() {
            let said = allowed(client, server, *traffic);
            let ports = within(&flows.ports, server, &inventory, *traffic);
            let unknown = traffic.application == Application::UNKNOWN;
            let named = flows.applications.contains(&traffic.application);
            let any = flows.applications.is_empty();
            let told = |finding: &Finding| format!("{finding}\n{client:?} {server:?} {traffic:?}\n{flows:?}");
            if from[index] && to[index] && ports && (any || named || unknown) && said {
                breaking += 1;
                assert!(!never.holds, "{}", told(never));
            }
            if to[index] && said && !(from[index] && ports && (any || named || unknown)) {
                breaking += 1;
                assert!(!only.holds, "{}", told(only));
            }
            let asked =
                !flows.ports.is_empty() && (named || any && unknown) || flows.ports.is_empty() && named;
            if from[index] && to[index] && ports && asked && !said {
                breaking += 1;
                assert!(!always.holds, "{}", told(always));
            }
        }
    }
    println!("{broken} claims broken, {held} held, {breaking} flows broke one, {proved} proofs are right");
    assert!(broken > 100 && held > 100 && breaking > 1000 && proved > 100);
}

#[test]
fn modes_count_where_it_is_asked_what_passes_now() {
    let mut random = Random::seeded("verified now");
    for _ in 0..100 {
        let mut inventory = inventory(&mut random);
        let names: Vec<ServiceName> = inventory.services().map(|service| service.name.clone()).collect();
        for name in &names {
            if let Some(service) = inventory.service_mut(name) {
                service.mode = Mode::Learn;
            }
        }
        let everything =
            Selection { from: vec![PeerSpec::Any], to: vec![PeerSpec::Any], ..Selection::default() };
        let claim = Assertion { name: "open".into(), claim: Claim::Always(everything) };
        let found = verify(&PolicySet::default(), &inventory, Timestamp(random::NOW), View::Now, &[claim]);
        assert!(found[0].holds, "{}", found[0]);
    }
}

#[test]
fn the_example_holds_and_notices_what_breaks_it() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples");
    let read = |path: &str| std::fs::read_to_string(format!("{docs}/{path}")).expect("the example is there");
    let (assertions, wrong) =
        read_assertions("assertions", &read("assertions/shop.yaml"), ReadOptions::default());
    assert!(wrong.is_empty(), "{wrong:?}");
    let verified = |policy: &str| {
        let set = PolicySet::read([("policy", policy)], ReadOptions::default()).expect("valid");
        let mut inventory = Inventory::named_in(&set);
        let names: Vec<ServiceName> = inventory.services().map(|service| service.name.clone()).collect();
        for name in &names {
            if let Some(service) = inventory.service_mut(name) {
                service.mode = Mode::Enforce;
            }
        }
        verify(&set, &inventory, Timestamp(random::NOW), View::Now, &assertions)
    };
    let policy = read("policy/shop.yaml");
    for finding in verified(&policy) {
        assert!(finding.holds && finding.checked > 0, "{finding}");
    }
    let more = "---\napiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {name: more, namespace: \
                shop}\nspec:\n  target: {service: api}\n  egress: [{to: [world]}]\n  ingress: [{from: [{service: front}]}]\n---\n\
                apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {name: detour, namespace: \
                shop}\nspec:\n  target: {service: front}\n  egress: [{to: [{service: api}]}]\n";
    let broken: Vec<Finding> =
        verified(&format!("{policy}{more}")).into_iter().filter(|finding| !finding.holds).collect();
    let names: Vec<&str> = broken.iter().map(|finding| finding.name.as_str()).collect();
    let expected = [
        "whoever holds the front needs two more services to get at the stores",
        "the API talks to the payment provider alone",
    ];
    assert_eq!(names, expected, "{broken:#?}");
}
