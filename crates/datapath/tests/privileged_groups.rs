//! The programs of control groups: modes, peers, and how they come, stay and go.

mod room;
#[path = "support/site.rs"]
mod site;

use bulkhead_abi::{EGRESS, FIRST_GROUP};
use bulkhead_datapath::Datapath;
use bulkhead_model::{Identity, IpProtocol, Mode};
use bulkhead_testkit::{ControlGroup, cgroup::hierarchy};
use room::{REDIS, allow, policy};
use site::{CLOSED, OPEN, Site, echo_streams, echoes, edge, enforced, key};
use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
};

#[test]
fn modes_of_a_service_in_the_hosts_network_mean_what_they_mean_elsewhere() {
    let test = "modes_of_a_service_in_the_hosts_network_mean_what_they_mean_elsewhere";
    let Some(site) = Site::new(test, 132) else { return };
    let rules = [allow(REDIS, IpProtocol::TCP, OPEN)];
    let (mut datapath, mut tables) = site.open(&policy(Mode::Learn, &rules, &rules));
    site.attach(&mut datapath);
    let [peer, _] = site.peers();
    let reach = |datapath: &mut Datapath, port| {
        let reached = site.connect(peer, port).and_then(|mut stream| echoes(&mut stream)).is_ok();
        let edge = edge(datapath, key(REDIS, IpProtocol::TCP, port, EGRESS)).unwrap_or_default();
        (reached, edge.connections, edge.would_deny, edge.denied)
    };
    assert_eq!(reach(&mut datapath, CLOSED), (true, 1, 0, 0), "learned");
    tables.apply(&datapath, &policy(Mode::Monitor, &rules, &rules)).expect("room");
    assert_eq!(reach(&mut datapath, CLOSED), (true, 1, 1, 0), "passes, and is told");
    tables.apply(&datapath, &policy(Mode::Quarantine, &rules, &rules)).expect("room");
    assert_eq!(reach(&mut datapath, OPEN), (false, 0, 0, 1), "cut off from what is allowed too");
    tables.apply(&datapath, &policy(Mode::Enforce, &rules, &rules)).expect("room");
    assert_eq!(reach(&mut datapath, OPEN), (true, 1, 0, 1));
    // Until it is said whose it is, a group is nobody's, and closed where anything is enforced.
    datapath.remove_endpoint(FIRST_GROUP).expect("known");
    assert!(reach(&mut datapath, CLOSED).0, "nothing is enforced on this host");
    datapath.set_flags(bulkhead_abi::CONTROL_CLOSED).expect("control");
    assert!(!reach(&mut datapath, OPEN).0);
    site.remove();
}

#[test]
fn loopback_and_the_host_itself_are_the_host_and_need_a_rule() {
    let test = "loopback_and_the_host_itself_are_the_host_and_need_a_rule";
    let Some(site) = Site::new(test, 133) else { return };
    let egress = [allow(Identity::HOST, IpProtocol::TCP, OPEN)];
    let (mut datapath, _tables) = site.open(&policy(Mode::Enforce, &[], &egress));
    site.attach(&mut datapath);
    for port in [OPEN, CLOSED] {
        let any = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        let listener = site.network.router.enter(|| TcpListener::bind(any).expect("free"));
        std::thread::spawn(move || echo_streams(&listener));
    }
    for address in ["127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::"] {
        let address: IpAddr = address.parse().expect("an address");
        echoes(&mut site.connect(address, OPEN).expect("allowed")).expect("an echo");
        let denied = site.connect(address, CLOSED).expect_err("denied");
        assert_eq!(denied.kind(), ErrorKind::PermissionDenied, "{address}");
    }
    site.remove();
}

#[test]
fn groups_outlive_the_agent_and_are_taken_over_by_the_next_and_dead_ones_forgotten() {
    let test = "groups_outlive_the_agent_and_are_taken_over_by_the_next_and_dead_ones_forgotten";
    let Some(mut site) = Site::new(test, 134) else { return };
    let (mut datapath, tables) = site.open(&enforced());
    site.attach(&mut datapath);
    let [peer, _] = site.peers();
    let mut open = site.connect(peer, OPEN).expect("allowed");
    drop((datapath, tables));
    echoes(&mut open).expect("nothing is cut");
    site.connect(peer, CLOSED).expect_err("the agent is dead, its programs are not");

    let (mut datapath, tables) = site.open(&enforced());
    let kept = datapath.take_over_groups().expect("control");
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), [(site.group.id(), FIRST_GROUP)]);
    echoes(&mut open).expect("nothing is cut");
    site.connect(peer, CLOSED).expect_err("denied by the programs of the new one");
    let attached = std::fs::read_dir(site.config.pins.join("groups")).expect("there").count();
    assert_eq!(attached, 4, "in the place of the old ones, not beside them");

    // What is in a group below is in the group.
    let folder = site.group.folder().join("init.scope");
    std::fs::create_dir(&folder).expect("root");
    let groups = std::fs::read_to_string("/proc/self/cgroup").expect("this process runs");
    let before = groups.lines().find_map(|line| line.strip_prefix("0::/")).expect("a group");
    let before = hierarchy().expect("there").join(before);
    std::fs::write(folder.join("cgroup.procs"), "0").expect("moved");
    let below = site.network.router.enter(|| TcpStream::connect((peer, CLOSED)));
    let allowed = site.network.router.enter(|| TcpStream::connect((peer, OPEN)));
    std::fs::write(before.join("cgroup.procs"), "0").expect("moved");
    assert_eq!(below.expect_err("denied").kind(), ErrorKind::PermissionDenied);
    drop(allowed.expect("allowed"));
    std::fs::remove_dir(&folder).expect("empty");

    // A group that goes while no agent is there leaves nothing.
    drop(open);
    drop((datapath, tables));
    let fresh = ControlGroup::new("fresh");
    site.group = fresh;
    let (mut datapath, _tables) = site.open(&enforced());
    assert!(datapath.take_over_groups().expect("control").is_empty());
    assert_eq!(std::fs::read_dir(site.config.pins.join("groups")).expect("there").count(), 0);
    site.remove();
}
