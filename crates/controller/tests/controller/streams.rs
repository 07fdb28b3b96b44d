//! Live streams: complete after a break, and never a burden.

use crate::support::{eventually, name, now, start};
use bulkhead_api::{
    EventMessage, EventStreamQuery, FlowMessage, FlowQuery, GraphChange, GraphColumns, GraphQuery,
};
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

#[tokio::test]
async fn a_slow_reader_of_the_graph_is_told_the_latest_and_is_not_let_go() {
    let running = start().await;
    running.shop().await;
    let mut stream = running.admin.graph_stream(&GraphQuery::default()).await.expect("opens");
    // Far more changes than any buffer holds, all of them of one edge.
    for _ in 0..2_000 {
        running.count("shop/web", "shop/api", 8080, 1, 0).await;
    }
    eventually("all are counted", || async {
        let edges = running.admin.edges(&Default::default()).await.ok()?.items;
        edges.iter().any(|judged| judged.edge.counters.connections == 2_004).then_some(())
    })
    .await;
    loop {
        match stream.next().await.expect("goes on").expect("a change") {
            GraphChange::Edge(judged) if judged.edge.counters.connections == 2_004 => break,
            GraphChange::Resync { lost } => panic!("{lost} were lost"),
            _ => {}
        }
    }
    running.controller.stop().await;
}

#[tokio::test]
async fn the_graph_as_columns_says_what_the_graph_says() {
    let running = start().await;
    running.shop().await;
    let graph = running.admin.graph(&GraphQuery::default()).await.expect("graph");
    let columns = running.raw().send("GET", "/api/v1/graph/columns", None).await;
    let columns: GraphColumns = serde_json::from_slice(&columns.body).expect("columns");
    assert_eq!(columns.nodes.len(), graph.nodes.len());
    assert_eq!(columns.edges.client.len(), graph.edges.len());
    for (at, judged) in graph.edges.iter().enumerate() {
        let (key, edges) = (&judged.edge.key, &columns.edges);
        assert_eq!(columns.peers[edges.client[at] as usize], key.client);
        assert_eq!(columns.peers[edges.server[at] as usize], key.server);
        assert_eq!(columns.applications[edges.application[at] as usize], key.application);
        assert_eq!((edges.protocol[at], edges.port[at]), (key.protocol, key.port));
        assert_eq!(
            (edges.verdict[at], edges.connections[at]),
            (judged.verdict, judged.edge.counters.connections)
        );
    }
    running.controller.stop().await;
}

#[tokio::test]
async fn a_graph_is_sent_compressed_and_not_again_to_who_has_it() {
    let running = start().await;
    running.shop().await;
    for port in 1..30 {
        running.connect("shop/web", "shop/redis", 7_000 + port, Verdict::Allowed).await;
    }
    eventually("all edges are seen", || async {
        (running.admin.edges(&Default::default()).await.ok()?.items.len() == 31).then_some(())
    })
    .await;
    let raw = running.raw();
    for path in ["/api/v1/graph", "/api/v1/graph/columns"] {
        let plain = raw.send("GET", path, None).await;
        assert!(!plain.headers.contains_key("content-encoding"), "{path}");
        let packed = raw.send_with("GET", path, None, &[("accept-encoding", "gzip")]).await;
        assert_eq!(packed.headers["content-encoding"], "gzip", "{path}");
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed.body[..]), &mut text)
            .expect("gzip");
        let unpacked: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(unpacked["nodes"], plain.json()["nodes"], "{path}");
        assert!(packed.body.len() * 2 < text.len(), "{path}: {} of {}", packed.body.len(), text.len());
        assert_eq!(packed.headers["cache-control"], "private, no-cache");
        // Rates cool down meanwhile: between two of their steps it is the same graph.
        let tag = eventually("who has it is told so", || async {
            let first = raw.send("GET", path, None).await;
            let tag = first.headers["etag"].to_str().expect("text").to_owned();
            let kept = raw.send_with("GET", path, None, &[("if-none-match", tag.as_str())]).await;
            (kept.status == 304 && kept.body.is_empty()).then_some(tag)
        })
        .await;
        let other =
            raw.with_token(None).send_with("GET", path, None, &[("if-none-match", tag.as_str())]).await;
        assert_eq!(other.status, 401, "{path}: a tag is no credential");
        let port = 8_000 + path.len() as u16;
        running.connect("shop/api", "shop/web", port, Verdict::Allowed).await;
        eventually("a new edge is another graph", || async {
            let again = raw.send_with("GET", path, None, &[("if-none-match", tag.as_str())]).await;
            (again.status == 200 && again.headers["etag"] != tag.as_str()).then_some(())
        })
        .await;
    }
    let small = raw.send_with("GET", "/api/v1/session", None, &[("accept-encoding", "gzip")]).await;
    assert!(!small.headers.contains_key("content-encoding"), "what holds a secret is not compressed");
    running.controller.stop().await;
}
