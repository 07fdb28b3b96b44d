//! A container on the host's network, with neither an interface nor an address of its own.

use crate::{
    connect, echoes, enforce,
    estate::{Estate, HOST, SAFETY_NET, addresses_are_usable},
    to,
};
use bulkhead_discovery::cgroup;
use bulkhead_model::{Attachment, Direction, Identity, Verdict};
use bulkhead_testkit::{cgroup::hierarchy, require, require_root, wait_until};
use std::{io, path::PathBuf};

#[test]
fn a_container_in_the_hosts_network_is_confined_by_its_control_group() {
    let test = "a_container_in_the_hosts_network_is_confined_by_its_control_group";
    if !require_root(test) || !require(test, hierarchy().is_some(), "control groups of version 2") {
        return;
    }
    let mut estate = Estate::new(&[], None, 4);
    estate.start_agent();
    let sink_container = estate.idle("sink-1", &["--ip", "10.88.4.250", "--ip6", "fd88:4::fa"]);
    let [hostly, sink] = ["hostly", "sink"].map(|service| estate.identity(service));
    let folder = start_in_hosts_network(&estate);

    // Seen under its own name, by whom, and by the peer as the host, from whose address it comes.
    let knock = |port: u16| {
        let _ = nc(&estate, "10.88.4.250", port);
    };
    let seen = estate.seen(9101, || knock(9101), Direction::Egress);
    assert_eq!((seen.local, seen.peer, seen.verdict), (hostly, sink, Verdict::Allowed));
    let at_sink = estate.seen(9101, || knock(9101), Direction::Ingress);
    assert_eq!((at_sink.local, at_sink.peer), (sink, Identity::HOST));

    // Until the bridge's address is known to be nobody else's, the host would speak with one of another interface.
    assert!(wait_until(SAFETY_NET, || addresses_are_usable("/proc/net")), "duplicate address detection ends");
    estate.rule("hostly", enforce(&[], &[(sink, 9102)]));
    for address in ["10.88.4.250", "fd88:4::fa"] {
        assert_eq!(nc(&estate, address, 9102), Reached::Refused, "{address}: allowed, and nobody listens");
        let before = sink_container.received();
        assert_eq!(nc(&estate, address, 9103), Reached::Denied, "{address}");
        assert_eq!(sink_container.received(), before, "{address}");
    }
    let denied = estate.seen(9103, || knock(9103), Direction::Egress);
    assert_eq!((denied.local, denied.peer, denied.verdict), (hostly, sink, Verdict::Denied));
    // The kernel tells who asked; nothing is said of who has gone before it could be looked at.
    let process_of = |port: u16| {
        let known = estate.known();
        known.connections.iter().filter(|c| c.tuple.server_port == port).find_map(|c| c.process.clone())
    };
    let named = || {
        knock(9103);
        process_of(9103).is_some_and(|process| process.command_line.contains("9103"))
    };
    assert!(wait_until(SAFETY_NET, named), "{:?}", process_of(9103));
    // The host's own processes are not concerned.
    assert_eq!(
        connect(to("10.88.4.250", 9103)).expect_err("nobody listens").kind(),
        io::ErrorKind::ConnectionRefused
    );

    // What comes in from another service is told apart, and turned away at once.
    estate.dockerd.docker(&["exec", "-d", "hostly", "nc", "-ll", "-p", "9104", "-e", "cat"]);
    let refused = sink_container.connect(to(HOST, 9104)).expect_err("denied");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "answered, not left hanging");
    let denied = estate.seen(9104, || drop(sink_container.connect(to(HOST, 9104))), Direction::Ingress);
    assert_eq!((denied.local, denied.peer, denied.verdict), (hostly, sink, Verdict::Denied));
    estate.rule("hostly", enforce(&[(sink, 9104)], &[(sink, 9102)]));
    assert!(wait_until(SAFETY_NET, || echoes(sink_container.connect(to(HOST, 9104)))), "allowed");

    estate.kill_agent();
    assert_eq!(nc(&estate, "10.88.4.250", 9103), Reached::Denied, "agent or no agent");
    estate.start_agent();
    estate.wait_until_settled(&["hostly"]);
    assert_eq!(nc(&estate, "10.88.4.250", 9103), Reached::Denied);
    assert_eq!(nc(&estate, "10.88.4.250", 9102), Reached::Refused);
    estate.dockerd.docker(&["restart", "-t", "0", "hostly"]);
    estate.wait_until_settled(&["hostly"]);
    let confined = || nc(&estate, "10.88.4.250", 9103) == Reached::Denied;
    assert!(wait_until(SAFETY_NET, confined), "started anew, it is in a new group");

    estate.remove(&["hostly"]);
    estate
        .wait_for("the end of the container", |known| known.workloads.values().all(|w| *w.name != *"hostly"));
    let links = || std::fs::read_dir(estate.pins().join("groups")).expect("there").count();
    assert!(wait_until(SAFETY_NET, || links() == 0), "{} programs for nobody", links());
    assert!(!folder.exists());
    start_in_hosts_network(&estate);
    assert_eq!(nc(&estate, "10.88.4.250", 9103), Reached::Denied);
    estate.kill_agent();
    assert_eq!(bulkhead_agent::remove_all(estate.pins()), Vec::<String>::new());
    assert_eq!(nc(&estate, "10.88.4.250", 9103), Reached::Refused, "nothing is enforced any more");
}

/// Returns the folder of its control group.
fn start_in_hosts_network(estate: &Estate) -> PathBuf {
    let container = estate.run("hostly", &["--network", "host"], &["sleep", "100000"]);
    estate.wait_until_settled(&["hostly"]);
    let known = estate.known();
    let workload = known.workloads.values().find(|w| *w.name == *"hostly").expect("settled");
    assert_eq!((&workload.attachment, &workload.unconfined), (&Attachment::Host, &None));
    cgroup::of_container(container.pid, &workload.id.0).expect("of its own").folder
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// It came to the peer, where nobody listens.
    Refused,
    /// The connect itself failed.
    Denied,
    Neither,
}

/// Has `hostly` connect.
fn nc(estate: &Estate, address: &str, port: u16) -> Reached {
    let said = estate.dockerd.docker_output(&["exec", "hostly", "nc", "-w", "5", address, &port.to_string()]);
    match &said.stderr {
        text if text.contains("refused") => Reached::Refused,
        text if text.contains("not permitted") => Reached::Denied,
        _ => Reached::Neither,
    }
}
