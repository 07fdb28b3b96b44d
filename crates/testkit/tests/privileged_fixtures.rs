//! The fixtures themselves, against the kernel and a real Docker.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use bulkhead_testkit::{Dockerd, Network, image, require_root};

#[test]
fn two_workloads_of_a_network_speak_with_each_other_in_both_families() {
    if !require_root("testkit network") {
        return;
    }
    let network = Network::new(1, 2);
    let [client, server] = [&network.hosts[0], &network.hosts[1]];
    for address in server.addresses() {
        let listener =
            server.namespace.enter(|| TcpListener::bind(SocketAddr::new(address, 80)).expect("a listener"));
        let mut stream = client.namespace.enter(|| TcpStream::connect((address, 80)).expect("a connection"));
        let (mut accepted, peer) = listener.accept().expect("the same connection");
        assert!(client.addresses().contains(&peer.ip()));
        stream.write_all(b"ahoy").expect("a write");
        drop(stream);
        let mut said = String::new();
        accepted.read_to_string(&mut said).expect("a read");
        assert_eq!(said, "ahoy");
    }
}

#[test]
fn a_namespace_is_gone_when_dropped() {
    if !require_root("testkit namespace") {
        return;
    }
    let network = Network::new(2, 1);
    let path = network.hosts[0].namespace.path();
    assert!(path.exists());
    drop(network);
    assert!(!path.exists());
}

#[test]
fn a_container_of_the_private_dockerd_runs_and_survives_nothing() {
    if !require_root("testkit dockerd") {
        return;
    }
    let mut dockerd = Dockerd::start();
    let image = image::busybox(&dockerd);
    assert_eq!(dockerd.docker(&["run", "--rm", image, "echo", "ahoy"]), "ahoy");
    dockerd.docker(&["run", "-d", "--name", "sleeper", image, "sleep", "1000"]);
    let process = dockerd.process_of("sleeper");
    let alive = || std::path::Path::new(&format!("/proc/{process}/ns/net")).read_link().is_ok();
    assert!(alive());
    dockerd.crash();
    dockerd.launch();
    drop(dockerd);
    assert!(!alive(), "a container outlived its daemon");
}
