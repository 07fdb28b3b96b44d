//! Live streams: complete after a break, and never a burden.

use crate::support::{eventually, name, now, start};
use bulkhead_api::{EventMessage, EventStreamQuery, FlowMessage, FlowQuery, GraphChange, GraphQuery};
use bulkhead_model::{
    Application, Direction, FlowRecord, FlowTuple, IpProtocol, Mode, Peer, RuleRef, Verdict, node::NodeReport,
};

#[tokio::test]
async fn a_stream_of_events_resumes_where_it_broke_off() {
    let running = start().await;
    running.shop().await;
    let all = EventStreamQuery { from: Some(0), ..EventStreamQuery::default() };
    let mut stream = running.admin.event_stream(&all, None).await.expect("opens");
    let mut seen = Vec::new();
    while seen.len() < 3 {
        if let EventMessage::Event(event) = stream.next().await.expect("goes on").expect("an event") {
            seen.push(event.id.0);
        }
    }
    let position = stream.position();
    drop(stream);
    let mut stream = running.admin.event_stream(&EventStreamQuery::default(), position).await.expect("opens");
    while seen.len() < 5 {
        if let EventMessage::Event(event) = stream.next().await.expect("goes on").expect("an event") {
            seen.push(event.id.0);
        }
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    running.connect("shop/web", "shop/redis", 6379, Verdict::Allowed).await;
    let message = stream.next().await.expect("goes on").expect("a live event");
    let EventMessage::Event(event) = message else { panic!("lost") };
    assert!(event.message.contains("shop/web → shop/redis"), "{}", event.message);
    running.controller.stop().await;
}

#[tokio::test]
async fn the_graph_streams_a_new_edge_and_a_changed_node() {
    let running = start().await;
    running.shop().await;
    let mut stream = running.admin.graph_stream(&GraphQuery::default()).await.expect("opens");
    running.connect("shop/web", "shop/redis", 6379, Verdict::Allowed).await;
    loop {
        match stream.next().await.expect("goes on").expect("a change") {
            GraphChange::Edge(judged)
                if judged.edge.key.server == Peer::Service(name("shop/redis"))
                    && judged.edge.key.client == Peer::Service(name("shop/web")) =>
            {
                break;
            }
            _ => {}
        }
    }
    running.controller.stop().await;
}

#[tokio::test]
async fn nodes_send_single_flows_only_while_somebody_listens() {
    let running = start().await;
    running.shop().await;
    assert!(!running.controller.policy.borrow().stream_flows);
    let only = FlowQuery { port: Some(6379), ..FlowQuery::default() };
    let mut stream = running.admin.flows(&only).await.expect("opens");
    let mut policy = running.controller.policy.clone();
    policy.wait_for(|policy| policy.stream_flows).await.expect("asked for");
    let flow = |port: u16| FlowRecord {
        time: now(),
        client: Peer::Service(name("shop/api")),
        server: Peer::Service(name("shop/redis")),
        tuple: FlowTuple {
            protocol: IpProtocol::TCP,
            client_address: [172, 20, 0, 2].into(),
            client_port: 40_000,
            server_address: [172, 20, 0, 3].into(),
            server_port: port,
        },
        application: Application::UNKNOWN,
        direction: Direction::Egress,
        verdict: Verdict::Allowed,
        mode: Mode::Learn,
        rule: RuleRef::NONE,
        reason: None,
        process: None,
        ended: false,
        packets_to_server: 1,
        packets_to_client: 1,
        bytes_to_server: 60,
        bytes_to_client: 60,
    };
    running.report(NodeReport::Flow(Box::new(flow(8080)))).await;
    running.report(NodeReport::Flow(Box::new(flow(6379)))).await;
    let FlowMessage::Flow(flow) = stream.next().await.expect("goes on").expect("a flow") else {
        panic!("lost")
    };
    assert_eq!(flow.tuple.server_port, 6379);
    drop(stream);
    policy.wait_for(|policy| !policy.stream_flows).await.expect("no longer asked for");
    running.controller.stop().await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_let_go_and_counted() {
    let running = start().await;
    running.shop().await;
    let stream = running.admin.event_stream(&EventStreamQuery::default(), None).await.expect("opens");
    // More than the buffers of both ends hold.
    for port in 1..=3_000 {
        running.connect_by("shop/web", "shop/api", port, Verdict::Allowed, &"x".repeat(10_000)).await;
    }
    eventually("the loss is counted", || async {
        let metrics = running.admin.metrics().await.ok()?;
        let line = metrics.lines().find(|line| line.starts_with("bulkhead_stream_lost_total "))?;
        (!line.ends_with(" 0")).then_some(())
    })
    .await;
    drop(stream);
    running.controller.stop().await;
}
