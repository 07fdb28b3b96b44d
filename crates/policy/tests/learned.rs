//! Policies written from connections allow those connections, and nothing between services beyond them.

#[path = "support/random.rs"]
mod random;

use bulkhead_model::{Application, EdgeKey, ExternalName, IpProtocol, Peer, ServiceName, Timestamp};
use bulkhead_policy::{Document, Evaluator, Generalise, Inventory, PolicySet, ReadOptions, RuleBook};
use random::Random;
use std::collections::BTreeSet;

fn service(index: usize) -> ServiceName {
    ServiceName::new("estate", &format!("service-{index}")).expect("valid")
}

fn edge(random: &mut Random) -> EdgeKey {
    let end = |random: &mut Random| match random.below(8) {
        0 => random.pick(&[
            Peer::World,
            Peer::Host,
            Peer::RemoteHost,
            Peer::External(ExternalName("api.bank.example".into())),
            Peer::External(ExternalName("203.0.113.9".into())),
            Peer::External(ExternalName("198.51.100.7/24".into())),
            Peer::External(ExternalName("*.cdn.example".into())),
        ]),
        _ => Peer::Service(service(random.below(8))),
    };
    let protocol = random.pick(&[IpProtocol::TCP, IpProtocol::TCP, IpProtocol::UDP, IpProtocol::ICMP]);
    EdgeKey {
        client: end(random),
        server: end(random),
        protocol,
        port: random.pick(&[22, 53, 80, 443, 2048, 6379]),
        application: match protocol.has_ports() {
            true => random.pick(&[
                Application::UNKNOWN,
                "redis".parse().expect("known"),
                "http".parse().expect("known"),
            ]),
            false => Application::UNKNOWN,
        },
    }
}

fn policies(edges: &BTreeSet<EdgeKey>) -> PolicySet {
    let learned = Generalise::default().policies(edges);
    let text = Document::join(&learned.policies.into_iter().map(Document::Policy).collect::<Vec<_>>());
    PolicySet::read([("learned.yaml", text.as_str())], ReadOptions::default())
        .unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
}

#[test]
fn every_edge_is_allowed_and_no_pair_or_port_beyond() {
    let mut random = Random::seeded("learned");
    for _ in 0..100 {
        let edges: BTreeSet<EdgeKey> = (0..30).map(|_| edge(&mut random)).collect();
        let set = policies(&edges);
        let inventory = Inventory::of_names((0..8).map(service));
        let evaluator = Evaluator::new(&set, &inventory, &mut RuleBook::default(), Timestamp(0));
        for edge in &edges {
            assert!(evaluator.edge_verdict(edge).allowed_by_policy(), "{edge}");
        }
        let seen: BTreeSet<_> =
            edges.iter().map(|e| (e.client.clone(), e.server.clone(), e.protocol, e.port)).collect();
        for _ in 0..200 {
            let edge = edge(&mut random);
            let between_services = edge.client.service().is_some() && edge.server.service().is_some();
            let icmp = edge.protocol.is_icmp();
            let key = (edge.client.clone(), edge.server.clone(), edge.protocol, edge.port);
            if between_services && !icmp && !seen.contains(&key) {
                assert!(!evaluator.edge_verdict(&edge).allowed_by_policy(), "{edge} was never seen");
            }
        }
    }
}

#[test]
fn names_that_no_document_can_hold_are_left_out_and_not_written() {
    let edge = EdgeKey {
        client: Peer::Service(service(0)),
        server: Peer::External(ExternalName("what ever\u{0}.example".into())),
        protocol: IpProtocol::TCP,
        port: 443,
        application: Application::UNKNOWN,
    };
    let learned = Generalise::default().policies([&edge]);
    assert!(learned.policies.is_empty());
    assert_eq!(learned.left_out, [edge]);
}

#[test]
fn learned_documents_read_as_an_engineer_would_write_them() {
    let edge = |client: &str, server: &str, port: u16, application: &str| EdgeKey {
        client: Peer::Service(client.parse().expect("valid")),
        server: Peer::Service(server.parse().expect("valid")),
        protocol: IpProtocol::TCP,
        port,
        application: application.parse().expect("known"),
    };
    let mut edges = BTreeSet::from([
        edge("shop/api", "shop/redis", 6379, "redis"),
        edge("shop/batch", "shop/redis", 6379, "redis"),
        edge("shop/api", "shop/redis", 6379, "unknown"),
        // The answer of Redis, taken for a question by a sensor that came late.
        edge("shop/redis", "shop/api", 45_678, "unknown"),
        edge("shop/metrics", "shop/redis", 9121, "http"),
    ]);
    // gRPC listens where ephemeral ports are; its edge stays, although the ends also talk the other way round.
    edges.insert(edge("shop/pay", "shop/cart", 50_051, "unknown"));
    edges.insert(edge("shop/cart", "shop/pay", 8080, "unknown"));
    for port in [40_001, 40_002, 50_001, 60_000] {
        edges.insert(edge("shop/batch", "shop/ftp", port, "unknown"));
    }
    edges.insert(edge("shop/batch", "shop/ftp", 21, "ftp"));
    for address in ["203.0.113.8", "203.0.113.9"] {
        edges.insert(EdgeKey {
            client: Peer::External(ExternalName(address.into())),
            ..edge("shop/x", "shop/redis", 6379, "redis")
        });
    }
    let learned = Generalise::default().policies(&edges);
    assert_eq!(learned.left_out.len(), 1, "{:?}", learned.left_out);
    let of = |name: &str| {
        learned.policies.iter().find(|policy| policy.metadata.name == name).expect("there").to_yaml()
    };
    assert!(of("cart-learned").contains("port: 50051"));
    assert_eq!(
        of("redis-learned"),
        "\
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis-learned, namespace: shop}
spec:
  target: {service: shop/redis}
  tier: learned
  ingress:
    - from: [{service: shop/api}, {service: shop/batch}, {cidr: 203.0.113.8/31}]
      ports: [{protocol: tcp, port: 6379}]
      applications: [redis]
    - from: [{service: shop/metrics}]
      ports: [{protocol: tcp, port: 9121}]
      applications: [http]
"
    );
    assert_eq!(
        of("ftp-learned"),
        "\
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: ftp-learned, namespace: shop}
spec:
  target: {service: shop/ftp}
  tier: learned
  ingress:
    - from: [{service: shop/batch}]
      ports: [{protocol: tcp, port: 21}]
      applications: [ftp]
    - from: [{service: shop/batch}]
      ports: [{protocol: tcp, port: 32768-65535}]
"
    );
}
