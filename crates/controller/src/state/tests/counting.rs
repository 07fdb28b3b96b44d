//! Sums of totals: whatever dies, nothing is lost and nothing counts twice.

use super::*;

/// What a node tells of an edge: how many connections since its kernel began to count as `counting`.
fn total(estate: &Estate, ends: (Identity, Identity), counting: u64, connections: u64) -> NodeReport {
    NodeReport::Edges(vec![EdgeReport {
        local: ends.0,
        peer: ends.1,
        direction: Direction::Egress,
        peer_address: None,
        protocol: IpProtocol::TCP,
        port: 8080,
        application: Application::UNKNOWN,
        counting,
        counters: EdgeCounters {
            connections,
            packets_to_server: connections * 5,
            packets_to_client: connections * 5,
            ..EdgeCounters::default()
        },
        rule: RuleRef::NONE,
        last_seen: Timestamp(estate.now),
    }])
}

impl Estate {
    fn tell(&mut self, ends: (Identity, Identity), counting: u64, connections: u64) {
        let report = total(self, ends, counting, connections);
        self.report(report);
    }

    /// A connection of a service with an address that the kernel takes for `peer`.
    fn sighting(&self, local: Identity, peer: Identity, server: [u8; 4]) -> ConnectionReport {
        ConnectionReport {
            time: Timestamp(self.now),
            local,
            peer,
            direction: Direction::Egress,
            tuple: tuple([172, 20, 0, 2], server, 8080),
            application: Application::UNKNOWN,
            verdict: Verdict::Allowed,
            reason: None,
            rule: RuleRef::NONE,
            mode: Mode::Learn,
            workload: None,
            process: None,
            packet: vec![],
            adopted: false,
        }
    }

    fn see(&mut self, local: Identity, peer: Identity, server: [u8; 4]) {
        self.report(NodeReport::Connection(Box::new(self.sighting(local, peer, server))));
    }

    /// The controller dies without a word, and another one begins with what was stored.
    fn dies(&mut self) {
        let config = ControllerConfig::default();
        self.state = State::restore(&config, self.stored(), Timestamp(self.now));
        self.finish();
    }

    fn save(&mut self) {
        self.state.save_dirty();
        self.finish();
    }

    /// Edges of the port of these tests, as text, with their connections.
    fn graph(&self) -> Vec<(String, u64)> {
        let records = self.state.edges.values().filter(|record| record.key.port == 8080);
        records.map(|record| (record.key.to_string(), record.counters().connections)).collect()
    }

    fn sum(&self) -> u64 {
        self.graph().iter().map(|(_, connections)| connections).sum()
    }
}

#[test]
fn the_same_total_told_by_a_new_agent_counts_once() {
    let mut estate = shop();
    let ends = estate.ends("shop/web", "shop/api");
    estate.tell(ends, 7, 3);
    estate.tell(ends, 7, 5);
    for _ in 0..3 {
        estate.tell(ends, 7, 5);
    }
    estate.tell(ends, 7, 4);
    assert_eq!(estate.sum(), 5);
    // The kernel's table was made anew.
    estate.tell(ends, 8, 2);
    assert_eq!(estate.sum(), 7);
}

#[test]
fn whenever_agent_or_controller_dies_nothing_is_lost_and_nothing_counts_twice() {
    let mut estate = shop();
    let ends = estate.ends("shop/web", "shop/api");
    let mut counted = 0;
    for round in 0..40_u64 {
        counted += round % 7;
        // A report may be lost with the agent that sent it.
        if round % 3 != 0 {
            estate.tell(ends, 7, counted);
        }
        if round % 5 == 0 {
            estate.save();
        }
        if round % 4 == 0 {
            estate.dies();
        }
    }
    estate.tell(ends, 7, counted);
    assert_eq!(estate.sum(), counted);
    estate.save();
    estate.dies();
    estate.tell(ends, 7, counted);
    assert_eq!(estate.sum(), counted);
}

#[test]
fn a_stranger_that_gets_a_name_leaves_no_edge_to_nobody() {
    let mut estate = shop();
    let (web, api) = estate.ends("shop/web", "shop/api");
    let server = [172, 20, 0, 77];
    estate.now += MINUTE;
    estate.see(web, Identity::UNKNOWN, server);
    estate.tell((web, Identity::UNKNOWN), 7, 2);
    assert!(
        estate.graph().iter().any(|(edge, n)| edge.contains("unknown") && *n == 2),
        "{:?}",
        estate.graph()
    );
    let named = ConnectionReport { peer: api, ..estate.sighting(web, Identity::UNKNOWN, server) };
    estate.report(NodeReport::Identified(Box::new(named.clone())));
    assert_eq!(estate.graph(), [("shop/web → shop/api tcp/8080".to_owned(), 2)]);
    // What was on its way meanwhile goes there too, also when it is told twice, and over a crash.
    estate.tell((web, Identity::UNKNOWN), 7, 3);
    estate.tell((web, api), 9, 4);
    estate.save();
    estate.dies();
    estate.tell((web, Identity::UNKNOWN), 7, 3);
    estate.tell((web, api), 9, 4);
    estate.report(NodeReport::Identified(Box::new(named)));
    assert_eq!(estate.graph(), [("shop/web → shop/api tcp/8080".to_owned(), 7)]);
    let learned = estate.state.learner().edges(&name("shop/web"));
    assert!(learned.iter().all(|edge| edge.key.server != Peer::Unknown), "{learned:?}");
}

#[test]
fn a_name_that_comes_before_the_total_gets_it() {
    let mut estate = shop();
    let (web, api) = estate.ends("shop/web", "shop/api");
    let server = [172, 20, 0, 77];
    estate.see(web, Identity::UNKNOWN, server);
    let named = ConnectionReport { peer: api, ..estate.sighting(web, Identity::UNKNOWN, server) };
    estate.report(NodeReport::Identified(Box::new(named)));
    estate.tell((web, Identity::UNKNOWN), 7, 3);
    assert_eq!(estate.graph(), [("shop/web → shop/api tcp/8080".to_owned(), 3)]);
}

#[test]
fn of_several_strangers_each_gets_its_part_and_none_is_lost() {
    let mut estate = shop();
    let (web, api) = estate.ends("shop/web", "shop/api");
    let redis = estate.identity("shop/redis");
    let (one, other) = ([172, 20, 0, 77], [172, 20, 0, 78]);
    estate.see(web, Identity::UNKNOWN, one);
    estate.see(web, Identity::UNKNOWN, other);
    estate.tell((web, Identity::UNKNOWN), 7, 5);
    for (peer, server) in [(api, one), (redis, other)] {
        let named = ConnectionReport { peer, ..estate.sighting(web, Identity::UNKNOWN, server) };
        estate.report(NodeReport::Identified(Box::new(named)));
    }
    let expected =
        [("shop/web → shop/api tcp/8080".to_owned(), 2), ("shop/web → shop/redis tcp/8080".to_owned(), 3)];
    assert_eq!(estate.graph(), expected);
    // A third one is a stranger again.
    estate.see(web, Identity::UNKNOWN, [172, 20, 0, 79]);
    estate.tell((web, Identity::UNKNOWN), 7, 6);
    assert_eq!(estate.sum(), 6);
    assert!(
        estate.graph().iter().any(|(edge, n)| edge.contains("unknown") && *n == 1),
        "{:?}",
        estate.graph()
    );
}

#[test]
fn what_the_kernel_counts_of_the_world_belongs_to_the_address_that_was_told() {
    let mut estate = shop();
    let web = estate.identity("shop/web");
    // The total may overtake the report that has the address.
    estate.tell((web, Identity::WORLD), 7, 1);
    estate.see(web, Identity::WORLD, [203, 0, 113, 7]);
    estate.tell((web, Identity::WORLD), 7, 2);
    let outside = |estate: &Estate| -> Vec<(String, u64)> {
        estate.graph().into_iter().filter(|(edge, _)| !edge.contains("shop/api")).collect()
    };
    assert_eq!(outside(&estate), [("shop/web → 203.0.113.7 tcp/8080".to_owned(), 2)]);
    for last in 1..=40 {
        estate.now += 1_000;
        estate.see(web, Identity::WORLD, [198, 51, 100, last]);
        estate.tell((web, Identity::WORLD), 7, 2 + u64::from(last));
    }
    assert_eq!(outside(&estate), [("shop/web → world tcp/8080".to_owned(), 42)]);
}
