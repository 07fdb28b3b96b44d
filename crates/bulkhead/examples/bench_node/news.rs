//! How long a new edge takes from its first packet to the answer of the interface.

use crate::host::Host;
use bulkhead_api::EdgeQuery;
use std::{
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// Milliseconds for each of so many new edges, one at a time. The interface is asked every ten.
pub(crate) fn measure(host: &mut Host, count: u16) -> Vec<f64> {
    let (web, api) = (host.idle("web"), host.idle("api"));
    host.up();
    host.settled(2);
    let times = (0..count)
        .map(|number| {
            let port = 20_000 + number;
            let to = SocketAddr::new(api.addresses[usize::from(number % 2)], port);
            let begun = Instant::now();
            // Nobody listens: the question is an edge all the same.
            let _ = web.enter(|| TcpStream::connect_timeout(&to, Duration::from_secs(5)));
            host.wait_for("the edge is shown", |host| {
                let query = EdgeQuery {
                    client: Some("default/web".to_owned()),
                    limit: Some(10_000),
                    ..EdgeQuery::default()
                };
                let edges = host.try_ask(|client| async move { client.edges(&query).await })?;
                edges.items.iter().any(|judged| judged.edge.key.port == port).then_some(())
            });
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    host.dockerd.docker(&["rm", "-f", "web", "api"]);
    host.remove();
    times
}
