//! Docker's kinds of networks: each seen or named, what passes between two of them, and published ports.

use crate::{
    connect, echoes, enforce,
    estate::{Container, Estate, HOST, OUTSIDE, Rules, SAFETY_NET},
    to,
};
use bulkhead_model::{Attachment, Direction, Identity, node::ConnectionReport};
use bulkhead_testkit::{run_ok, wait_until};
use std::{
    io,
    net::{SocketAddr, TcpStream},
    time::Duration,
};

pub(crate) fn every_kind_of_network_is_seen_or_named(estate: &Estate) {
    estate.chapter("every kind of network is seen or named");
    let sink = estate.identity("sink");
    let web = ["--network", "shop", "--ip", "10.88.1.10", "--ip6", "fd88:1::10", "-p", "8080:80"];
    let mut container = estate.run("web-1", &web, &["nc", "-ll", "-p", "80", "-e", "cat"]);
    let sees = |container: Container, address: SocketAddr| {
        let seen = estate.seen(
            address.port(),
            || {
                let _ = container.connect(address);
            },
            Direction::Egress,
        );
        assert_eq!(seen.local, estate.identity("web"), "{seen:?}");
        seen.peer
    };
    assert_eq!(sees(container, SocketAddr::new(estate.address(250), 9001)), sink);
    assert_eq!(sees(container, SocketAddr::new(estate.address6(250), 9002)), sink);
    assert_eq!(sees(container, to(OUTSIDE, 9003)), Identity::WORLD);
    assert_eq!(sees(container, to(HOST, 9004)), Identity::HOST);

    // A restart is another interface of another namespace.
    estate.dockerd.docker(&["restart", "-t", "0", "web-1"]);
    container = estate.container("web-1");
    assert_eq!(sees(container, SocketAddr::new(estate.address(250), 9005)), sink);

    // By a name that Docker's own resolver, inside of the container, knows.
    let by_name = || {
        let reached = estate.dockerd.docker_output(&["exec", "web-1", "nc", "-w", "1", "sink", "9010"]);
        assert!(!reached.stderr.contains("bad address"), "{}", reached.stderr);
    };
    assert_eq!(estate.seen(9010, by_name, Direction::Egress).peer, sink);

    // A further network while it runs, and what is there.
    estate.make_network("back", 9);
    let back = ["--network", "back", "--ip", "10.88.9.20", "--ip6", "fd88:9::20"];
    let other = estate.run("cache-1", &back, &["sleep", "100000"]);
    between_two_networks(estate, container, other);
    estate.dockerd.docker(&["network", "connect", "back", "web-1"]);
    assert_eq!(sees(container, to("10.88.9.20", 9006)), estate.identity("cache"));
    estate.dockerd.docker(&["network", "disconnect", "back", "web-1"]);
    assert_eq!(sees(container, SocketAddr::new(estate.address(250), 9007)), sink);

    // Who shares a namespace shares its identity.
    let sidecar = estate.run("sidecar", &["--network", "container:web-1"], &["sleep", "100000"]);
    assert_eq!(sees(sidecar, SocketAddr::new(estate.address6(250), 9008)), sink);

    // What cannot be confined is named, and nothing else is.
    estate.run("loner", &["--network", "none"], &["sleep", "100000"]);
    estate.run("hostly", &["--network", "host"], &["sleep", "100000"]);
    let macvlan = ["--driver", "macvlan", "--subnet", "10.99.0.0/24", "-o", "parent=out0", "mac"];
    estate.dockerd.docker(&[["network", "create"].as_slice(), &macvlan].concat());
    estate.run("phantom", &["--network", "mac"], &["sleep", "100000"]);
    // With one foot on each side.
    estate.idle("ghost", &[]);
    estate.dockerd.docker(&["network", "connect", "mac", "ghost"]);
    estate.wait_for("words on what is not covered", |known| {
        let named = |name: &str| {
            let about = |sentence: &&String| sentence.starts_with(&format!("{name} (default/{name})"));
            known.health.not_covered.iter().filter(about).count()
        };
        let others = ["web", "web-1", "sink", "loner", "sidecar", "cache-1", "hostly"].map(named);
        (named("phantom"), named("ghost"), others) == (1, 1, [0; 7])
    });
    // Nobody takes them for confined, whatever the mode of their service is.
    estate.wait_for("words of workloads that are not confined", |known| {
        let says = |name: &str| {
            let workload = known.workloads.values().find(|w| *w.name == *name)?;
            workload
                .unconfined
                .as_deref()
                .map(|why| (why.contains("eth0 (macvlan)"), why.contains("eth1 (macvlan)")))
        };
        says("phantom") == Some((true, false))
            && says("ghost") == Some((false, true))
            && says("loner").is_none()
    });
    assert_eq!(estate.networks_beside_the_host(), ["mac (macvlan)"]);
    let attachments = |name: &str| {
        let known = estate.known();
        known.workloads.values().find(|w| *w.name == *name).expect("known").attachment.clone()
    };
    assert_eq!(attachments("loner"), Attachment::None);
    assert_eq!(attachments("hostly"), Attachment::Host);
    assert!(matches!(attachments("sidecar"), Attachment::Shared(_)));
    estate.remove(&["loner", "hostly", "phantom", "ghost", "sidecar", "cache-1"]);
    estate.dockerd.docker(&["network", "rm", "mac", "back"]);
}

/// Docker lets nothing pass between its networks. Where the host does, both ends are enforced; but Docker hides IPv4
/// senders behind the host's address, so that the receiving end sees the host.
fn between_two_networks(estate: &Estate, web: Container, cache: Container) {
    let identity = estate.identity("cache");
    estate.wait_until_settled(&["cache-1"]);
    let usable = || cache.has_usable_addresses();
    assert!(wait_until(SAFETY_NET, usable), "duplicate address detection ends");
    let (v4, v6) = (to("10.88.9.20", 9011), to("fd88:9::20", 9012));
    for address in [v4, v6] {
        let knock = || {
            let _ = web.enter(|| TcpStream::connect_timeout(&address, Duration::from_millis(500)));
        };
        assert_eq!(
            estate.seen(address.port(), knock, Direction::Egress).peer,
            identity,
            "the sending end sees it"
        );
    }
    run_ok("iptables", &["-I", "DOCKER-USER", "-j", "ACCEPT"]);
    let knock = || {
        let refused = web.connect(v4).expect_err("nobody listens");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "but it is reached");
    };
    assert_eq!(estate.seen(v4.port(), knock, Direction::Ingress).peer, Identity::HOST);
    let before = cache.received();
    estate.rule("cache", enforce(&[(estate.identity("web"), v4.port()), (Identity::HOST, v4.port())], &[]));
    knock();
    assert!(cache.received().tcp > before.tcp);
    estate.rule("cache", enforce(&[(estate.identity("web"), v4.port())], &[]));
    let before = cache.received();
    web.connect(v4).expect_err("what comes as the host's is no service's");
    assert_eq!(cache.received(), before, "denied at the receiving end");
    estate.rule("cache", Rules::default());
    estate.rule("web", enforce(&[], &[]));
    let before = cache.received();
    web.connect(v4).expect_err("denied at the sending end");
    assert_eq!(cache.received(), before);
    estate.rule("web", Rules::default());
    run_ok("iptables", &["-D", "DOCKER-USER", "-j", "ACCEPT"]);
}

/// `web-1` is published as port 8080.
pub(crate) fn published_ports_obey_the_policy(estate: &Estate) {
    estate.chapter("published ports obey the policy");
    let web = estate.identity("web");
    let from_outside = || estate.outside.enter(|| connect(to(HOST, 8080)));
    let from_host = || connect(to("127.0.0.1", 8080));
    let seen = |from: &dyn Fn() -> io::Result<TcpStream>, wanted: Identity| {
        // Until the container is known nothing is seen, and nothing is enforced yet.
        let seen = wait_until(SAFETY_NET, || {
            let known = |connection: &ConnectionReport| {
                (connection.local, connection.peer, connection.tuple.server_port) == (web, wanted, 80)
                    && connection.direction == Direction::Ingress
            };
            echoes(from()) && estate.known().connections.iter().any(known)
        });
        assert!(seen, "published to {wanted:?}: {:#?}", estate.known().connections);
    };
    seen(&from_outside, Identity::WORLD);
    seen(&from_host, Identity::HOST);
    estate.rule("web", enforce(&[], &[]));
    assert!(!echoes(from_outside()) && !echoes(from_host()), "nobody is allowed");
    estate.rule("web", enforce(&[(Identity::WORLD, 80)], &[]));
    assert!(echoes(from_outside()) && !echoes(from_host()), "the world is allowed");
    estate.rule("web", enforce(&[(Identity::HOST, 80)], &[]));
    assert!(!echoes(from_outside()) && echoes(from_host()), "the host is allowed");
    estate.rule("web", Rules::default());
    assert!(echoes(from_outside()) && echoes(from_host()), "nothing is enforced");
    estate.remove(&["web-1"]);
}
