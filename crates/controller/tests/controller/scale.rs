//! An estate of a thousand services, through the real store and the real interface. The figures are printed.

use crate::support::{eventually, name, now, start};
use bulkhead_api::{GraphQuery, ModeChange};
use bulkhead_model::{
    Application, Direction, EdgeCounters, IpProtocol, Mode, RuleRef,
    node::{EdgeReport, NodeReport},
};
use std::time::Instant;

const SERVICES: usize = 1_000;
const EDGES_PER_SERVICE: usize = 10;

#[tokio::test]
async fn a_thousand_services_with_ten_thousand_edges_are_shown_and_changed() {
    let running = start().await;
    let workloads =
        (0..SERVICES).map(|n| crate::support::workload(&format!("w{n}"), &format!("ns{}/s{n}", n % 20), 80));
    let begun = Instant::now();
    running.report(NodeReport::Workloads(workloads.collect())).await;
    let mut policy = running.controller.policy.clone();
    let told =
        policy.wait_for(|policy| policy.identities.len() == SERVICES).await.expect("published").clone();
    eprintln!("{SERVICES} services known and published: {:?}", begun.elapsed());
    let identity = |n: usize| told.identities[&name(&format!("ns{}/s{n}", n % 20))];
    let begun = Instant::now();
    for n in 0..SERVICES {
        let edges = (0..EDGES_PER_SERVICE).map(|k| EdgeReport {
            local: identity(n),
            peer: identity((n + k * k + 1) % SERVICES),
            direction: Direction::Egress,
            peer_address: None,
            protocol: IpProtocol::TCP,
            port: 8_000 + k as u16,
            application: Application::UNKNOWN,
            counting: 1,
            counters: EdgeCounters { connections: 1, packets_to_client: 5, ..EdgeCounters::default() },
            rule: RuleRef::NONE,
            last_seen: now(),
        });
        running.report(NodeReport::Edges(edges.collect())).await;
    }
    let edges = (SERVICES * EDGES_PER_SERVICE) as u64;
    eventually("all edges are seen", || async {
        (running.admin.status().await.ok()?.edges == edges).then_some(())
    })
    .await;
    eprintln!("{edges} edges reported, stored and judged: {:?}", begun.elapsed());
    let begun = Instant::now();
    let graph = running.admin.graph(&GraphQuery::default()).await.expect("graph");
    eprintln!("the graph, fetched and decoded: {:?}", begun.elapsed());
    assert_eq!((graph.nodes.len(), graph.edges.len() as u64), (SERVICES, edges));
    let begun = Instant::now();
    let change = ModeChange { mode: Mode::Enforce, reason: None };
    running.admin.set_mode(&name("ns1/s1"), &change).await.expect("enforced");
    eprintln!("a mode changed, compiled, published, durable: {:?}", begun.elapsed());
    running.controller.stop().await;
}
