//! Blast radius, simulation and requested modes on a shop that one can follow by hand.

#[path = "support/random.rs"]
mod random;

use bulkhead_model::{
    Application, EdgeKey, Identity, IpProtocol, Mode, Peer, ServiceName, Timestamp, Verdict,
};
use bulkhead_policy::{
    Attacks, Close, Compiler, Evaluator, Extent, Generalise, Inventory, Listening, Modes, PolicySet, Reach,
    ReadOptions, Remote, RuleBook, Traffic, View, Weights, blast_radius, peer_of, rank, simulate,
    what_to_close,
};
use std::collections::BTreeSet;

const NOW: Timestamp = Timestamp(0);

fn name(text: &str) -> ServiceName {
    text.parse().expect("valid")
}

fn edge(client: &str, server: &str, port: u16) -> EdgeKey {
    EdgeKey {
        client: Peer::Service(name(client)),
        server: Peer::Service(name(server)),
        protocol: IpProtocol::TCP,
        port,
        application: Application::UNKNOWN,
    }
}

fn shop() -> (Inventory, Vec<EdgeKey>, PolicySet) {
    let inventory =
        Inventory::of_names(["shop/web", "shop/api", "shop/redis", "shop/db", "shop/batch"].map(name));
    let edges = vec![
        edge("shop/web", "shop/api", 8080),
        edge("shop/api", "shop/redis", 6379),
        edge("shop/api", "shop/db", 5432),
        edge("shop/batch", "shop/db", 5432),
    ];
    let policies = Generalise::default().policies(&edges).policies;
    let set = policies.into_iter().map(bulkhead_policy::Document::Policy).collect();
    (inventory, edges, set)
}

#[test]
fn a_learned_policy_shrinks_the_blast_radius_to_what_is_needed() {
    let (inventory, edges, set) = shop();
    let listening = Listening::new(&inventory, &edges);
    let mut compiler = Compiler::default();
    let compiled = compiler.compile(&set, &inventory, NOW);
    let web = name("shop/web");
    let now = Reach::new(compiled.clone(), View::Now);
    let open = blast_radius(&now, &inventory, &listening, &web, 3).expect("there");
    assert_eq!((open.extent(1).services, open.extent(1).ports), (4, 3));
    assert_eq!(
        open.external.iter().map(|id| peer_of(*id, &inventory, compiler.book())).collect::<Vec<_>>(),
        [Peer::World]
    );
    let policy = Reach::new(compiled, View::Policy);
    let closed = blast_radius(&policy, &inventory, &listening, &web, 3).expect("there");
    assert_eq!((closed.extent(1).services, closed.extent(1).ports), (1, 1));
    assert_eq!((closed.extent(2).services, closed.extent(2).ports), (3, 3));
    assert!(closed.external.is_empty() && !closed.host);
    let redis =
        closed.reached.iter().find(|reached| reached.service == name("shop/redis")).expect("in two steps");
    assert_eq!((redis.hop, &redis.via), (2, &name("shop/api")));
    let ranking = rank(&policy, &inventory, &listening, 1);
    assert_eq!(ranking[0].0, name("shop/api"));
    assert_eq!(ranking.len(), 5);
    let clients: Vec<Peer> = policy
        .who_can_reach(inventory.service(&name("shop/db")).expect("there").identity)
        .into_iter()
        .map(|(identity, _)| peer_of(identity, &inventory, compiler.book()))
        .collect();
    assert_eq!(clients, [Peer::Service(name("shop/api")), Peer::Service(name("shop/batch"))]);
}

#[test]
fn a_simulation_lists_the_edges_that_would_break() {
    let (inventory, mut edges, set) = shop();
    edges.push(edge("shop/web", "shop/redis", 6379));
    let nothing = PolicySet::default();
    let mut inventory_enforced = inventory.clone();
    for service in inventory.services() {
        inventory_enforced.service_mut(&service.name).expect("there").mode = Mode::Enforce;
    }
    let learned = Evaluator::new(&set, &inventory_enforced, &mut RuleBook::default(), NOW);
    let empty = Evaluator::new(&nothing, &inventory_enforced, &mut RuleBook::default(), NOW);
    let changes = simulate(&learned, &empty, &edges, Modes::AsTheyAre);
    assert_eq!(changes.len(), 4);
    assert!(
        changes
            .iter()
            .all(|change| change.breaks(Modes::AsTheyAre) && change.after.verdict == Verdict::Denied)
    );
    let learning = Evaluator::new(&nothing, &inventory, &mut RuleBook::default(), NOW);
    assert!(simulate(&learning, &learning, &edges, Modes::AsTheyAre).is_empty());
}

#[test]
fn a_flow_passes_only_if_neither_enforcing_side_denies_it() {
    let (mut inventory, _, set) = shop();
    let (web, redis) = (Remote::Service(name("shop/web")), Remote::Service(name("shop/redis")));
    let mut expect = |client: Mode, server: Mode, expected: Verdict| {
        inventory.service_mut(&name("shop/web")).expect("there").mode = client;
        inventory.service_mut(&name("shop/redis")).expect("there").mode = server;
        let evaluator = Evaluator::new(&set, &inventory, &mut RuleBook::default(), NOW);
        let verdict = evaluator.verdict(&web, &redis, Traffic::tcp(6379)).verdict;
        assert_eq!(verdict, expected, "{client} {server}");
    };
    expect(Mode::Learn, Mode::Learn, Verdict::Allowed);
    expect(Mode::Learn, Mode::Monitor, Verdict::WouldDeny);
    expect(Mode::Monitor, Mode::Enforce, Verdict::Denied);
    expect(Mode::Enforce, Mode::Learn, Verdict::Denied);
    expect(Mode::Quarantine, Mode::Learn, Verdict::Denied);
}

#[test]
fn the_mode_that_documents_ask_for_is_that_of_the_first_tier() {
    let document = |name: &str, tier: &str, mode: &str| {
        format!(
            "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{target: {{namespace: shop}}, tier: {tier}, mode: {mode}}}\n"
        )
    };
    let text = format!("{}---\n{}", document("a", "user", "monitor"), document("b", "declared", "enforce"));
    let set = PolicySet::read([("modes.yaml", text.as_str())], ReadOptions::default()).expect("sound");
    let (inventory, _, _) = shop();
    let service = inventory.service(&name("shop/web")).expect("there");
    let (mode, key) = set.requested_mode(service).expect("asked for");
    assert_eq!((mode, key.to_string().as_str()), (Mode::Enforce, "shop/b"));
}

#[test]
fn atoms_keep_their_identity_while_rules_call_them_the_same() {
    let text = |extra: &str| {
        format!(
            "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {{name: a, namespace: shop}}\nspec: {{target: {{service: web}}, egress: [{{to: [{{name: api.bank.example}}, {{cidr: 203.0.113.0/24}}{extra}]}}]}}"
        )
    };
    let (mut inventory, _, _) = shop();
    inventory.resolve("api.bank.example", ["203.0.113.7".parse().expect("valid")]);
    let mut compiler = Compiler::default();
    let read = |text: &str| PolicySet::read([("a", text)], ReadOptions::default()).expect("sound");
    let first = compiler.compile(&read(&text("")), &inventory, NOW);
    let address = "203.0.113.7".parse().expect("valid");
    let atom = first.external_identity(address);
    assert_eq!(peer_of(atom, &inventory, compiler.book()).to_string(), "api.bank.example");
    assert_ne!(atom, first.external_identity("203.0.113.8".parse().expect("valid")));
    let second = compiler.compile(&read(&text(", {cidr: 198.51.100.0/24}")), &inventory, NOW);
    assert_eq!(second.external_identity(address), atom);
    assert_eq!(second.external_identity("192.0.2.1".parse().expect("valid")), Identity::WORLD);
}

/// The definition, without cleverness: who is within so many steps, and which of their ports are open to one before.
fn slow(reach: &Reach, inventory: &Inventory, listening: &Listening, origin: Identity, hops: u32) -> Extent {
    let services: Vec<Identity> = inventory.services().map(|service| service.identity).collect();
    let (mut clients, mut ports) = (BTreeSet::from([origin]), BTreeSet::new());
    for _ in 0..hops {
        let before = clients.clone();
        for &client in &before {
            for &server in services.iter().filter(|&&server| server != origin) {
                if server == client || !reach.reaches(client, server) {
                    continue;
                }
                clients.insert(server);
                let open = |(protocol, port): &(IpProtocol, u16)| {
                    reach.allows(client, server, Traffic::new(*protocol, *port))
                };
                ports.extend(listening.of(server).filter(open).map(|port| (server, port)));
            }
        }
    }
    let external = reach.outside().into_iter().filter(|&peer| reach.reaches(origin, peer)).count();
    Extent { services: clients.len() - 1, ports: ports.len(), external }
}

#[test]
fn all_at_once_is_what_each_alone_is() {
    let mut random = random::Random::seeded("extents");
    for _ in 0..150 {
        let inventory = random::inventory(&mut random);
        let set = random::policy_set(&mut random);
        let compiled = Compiler::default().compile(&set, &inventory, Timestamp(random::NOW));
        let listening = Listening::new(&inventory, []);
        for view in [View::Now, View::Policy, View::Open] {
            let reach = Reach::new(compiled.clone(), view);
            for hops in 1..=3 {
                for (service, extent) in rank(&reach, &inventory, &listening, hops) {
                    let identity = inventory.service(&service).expect("there").identity;
                    assert_eq!(
                        extent,
                        slow(&reach, &inventory, &listening, identity, hops),
                        "{service} {hops}"
                    );
                    let alone = blast_radius(&reach, &inventory, &listening, &service, hops).expect("there");
                    assert_eq!(alone.extent(hops), extent, "{service} {hops}");
                }
            }
        }
    }
}

/// The world gets at web, web at api, api at both stores, and web at the database by what nobody uses.
fn exposed() -> (Inventory, Vec<EdgeKey>, Reach) {
    let (mut inventory, edges, _) = shop();
    let mut open = edges.clone();
    open.push(edge("shop/web", "shop/db", 5432));
    let world = |server: &str| EdgeKey { client: Peer::World, ..edge("shop/web", server, 443) };
    open.push(world("shop/web"));
    let policies = Generalise::default().policies(&open).policies;
    let set: PolicySet = policies.into_iter().map(bulkhead_policy::Document::Policy).collect();
    for service in ["shop/web", "shop/api", "shop/redis", "shop/db", "shop/batch"] {
        inventory.service_mut(&name(service)).expect("there").mode = Mode::Enforce;
    }
    let compiled = Compiler::default().compile(&set, &inventory, NOW);
    let mut used = edges;
    used.push(world("shop/web"));
    (inventory, used, Reach::new(compiled, View::Policy))
}

#[test]
fn attack_paths_go_where_the_holes_are() {
    let (inventory, _, reach) = exposed();
    let identity = |text: &str| inventory.service(&name(text)).expect("there").identity;
    let shortest = Attacks::from_outside(&reach, &Weights::default());
    let path = shortest.path(identity("shop/db"), &inventory).expect("reached");
    assert_eq!(path.services, ["shop/web", "shop/db"].map(name));
    let weights = Weights::new(
        0.1,
        [("shop/web", 0.9), ("shop/api", 0.98), ("shop/redis", 0.5)]
            .map(|(of, weight)| (identity(of), weight)),
    );
    let attacks = Attacks::from_outside(&reach, &weights);
    let paths = attacks.paths(&inventory);
    let told: Vec<_> = paths.iter().map(|path| path.services.last().expect("not empty").name()).collect();
    assert_eq!(told, ["web", "api", "redis", "db"], "batch is reached by nobody");
    assert_eq!(attacks.likelihood(identity("shop/batch")), 0.0);
    assert!((attacks.likelihood(identity("shop/redis")) - 0.9 * 0.98 * 0.5).abs() < 1e-9);
    let held = Attacks::from_services(&reach, &[identity("shop/batch")], &weights);
    assert_eq!(held.path(identity("shop/db"), &inventory).expect("reached").likelihood, 0.1);
}

#[test]
fn what_to_close_first_is_what_nobody_needs_and_takes_most_away() {
    let (inventory, used, reach) = exposed();
    let needed = |client: Option<&ServiceName>, server: &ServiceName| {
        used.iter().any(|edge| edge.client.service() == client && edge.server.service() == Some(server))
    };
    let identity = |text: &str| inventory.service(&name(text)).expect("there").identity;
    let weights = Weights::new(0.5, [(identity("shop/web"), 1.0)]);
    let plan = what_to_close(&reach, &inventory, &weights, &needed, 5);
    assert_eq!((plan.before.services, plan.before.risk), (4, 1.0 + 0.5 + 0.25 + 0.5));
    assert_eq!(plan.steps.len(), 1, "all else is needed");
    assert_eq!(plan.steps[0].close, Close::Edge { client: name("shop/web"), server: name("shop/db") });
    assert_eq!(plan.steps[0].after.risk, 1.0 + 0.5 + 0.25 + 0.25);
    let nothing_needed = what_to_close(&reach, &inventory, &weights, &|_, _| false, 5);
    assert_eq!(nothing_needed.steps[0].close, Close::Entry { server: name("shop/web") });
    assert_eq!(nothing_needed.steps[0].after.services, 0);
}
