//! The least that every kernel has to do on real interfaces: programs that stay attached, one connection that a rule
//! allows and one that none does, and the gate. Everything else is tested packet by packet.

mod room;

use bulkhead_abi::CONTROL_MARK;
use bulkhead_datapath::{Config, Datapath, EdgeReader, Gate, Policy, remove_all};
use bulkhead_model::{IpProtocol, Mode};
use bulkhead_testkit::{Host, Network, require_root, wait_until};
use room::{REDIS, WEB, allow, policy};
use std::{
    collections::BTreeSet,
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    time::Duration,
};

const OPEN: u16 = 6379;
const CLOSED: u16 = 6380;

/// Greets whoever comes, on both ports.
fn greet(host: &Host) {
    for port in [OPEN, CLOSED] {
        let listen = || TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).expect("a free port");
        let listener = host.namespace.enter(listen);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.write_all(b"hello");
            }
        });
    }
}

/// What becomes of a connection. A first denial is left to user space, so its answer is that to the second SYN.
fn connect(from: &Host, to: IpAddr, port: u16) -> Result<String, ErrorKind> {
    let open = || TcpStream::connect_timeout(&SocketAddr::new(to, port), Duration::from_secs(60));
    let mut stream = from.namespace.enter(open).map_err(|error| error.kind())?;
    let mut said = [0; 5];
    stream.read_exact(&mut said).map_err(|error| error.kind())?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Packets that the gate has dropped of what workloads sent.
fn held(network: &Network) -> u64 {
    let arguments = ["list", "chain", "bridge", "bulkhead", "from_workload"];
    let listed = network.router.run("nft", &arguments).stdout;
    let mut words = listed.split_whitespace().skip_while(|word| *word != "packets").skip(1);
    words.next().and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no counter in {listed}"))
}

#[test]
fn this_kernel_confines_a_workload_on_a_real_wire_and_holds_one_that_no_program_has_seen() {
    let test = "this_kernel_confines_a_workload_on_a_real_wire_and_holds_one_that_no_program_has_seen";
    if !require_root(test) {
        return;
    }
    let network = Network::new(130, 3);
    let [web, redis, stranger] = &network.hosts[..] else { panic!("three hosts") };
    greet(redis);
    let pins = PathBuf::from(format!("/sys/fs/bpf/bulkhead-smoke-{}", std::process::id()));
    let config = Config { pins: pins.clone(), attach: None, ..Config::default() };
    let mut datapath =
        network.router.enter(|| Datapath::open(&config)).expect("the kernel takes the programs");
    println!("attached by {}", datapath.attach_kind());
    let mut tables = Policy::recover(&datapath).expect("tables");
    tables
        .apply(&datapath, &policy(Mode::Enforce, &[], &[allow(REDIS, IpProtocol::TCP, OPEN)]))
        .expect("room");
    datapath.set_flags(CONTROL_MARK).expect("control");
    for (host, identity) in [(web, WEB), (redis, REDIS)] {
        let ifindex = network.router.interface_index(&host.host_interface);
        for address in host.addresses() {
            datapath.set_owner(address, identity, ifindex).expect("room");
        }
        datapath.set_endpoint(ifindex, identity).expect("room");
        let attached = network.router.enter(|| datapath.attach(&host.host_interface, ifindex));
        attached.expect("the interface takes the programs");
    }

    for address in redis.addresses() {
        assert_eq!(connect(web, address, OPEN), Ok("hello".to_owned()), "{address}");
        assert_eq!(connect(web, address, CLOSED), Err(ErrorKind::ConnectionRefused), "{address}");
    }
    let edges = datapath.read_edges(&mut EdgeReader::default()).expect("edges");
    let of = |port| edges.iter().find(|e| (e.key.local, e.key.port) == (WEB.0, port)).expect("counted").edge;
    assert_eq!((of(OPEN).connections, of(OPEN).denied), (2, 0));
    assert_eq!(of(CLOSED).connections, 0);
    assert!(of(CLOSED).denied >= 2, "{:?}", of(CLOSED));

    // The agent ends: what is pinned, or attached to the interface, goes on.
    drop(datapath);
    assert_eq!(connect(web, redis.v4.into(), OPEN), Ok("hello".to_owned()));
    assert_eq!(connect(web, redis.v4.into(), CLOSED), Err(ErrorKind::ConnectionRefused));

    // A third has come, and no program has seen it.
    let gate = Gate::new(["veth*".to_owned()]);
    let attached = BTreeSet::from([web.host_interface.clone(), redis.host_interface.clone()]);
    network.router.enter(|| gate.install(&attached)).expect("nft takes the gate");
    assert!(network.router.enter(|| gate.installed()));
    let sender = stranger.namespace.enter(|| UdpSocket::bind("0.0.0.0:0")).expect("a port");
    let before = held(&network);
    sender.send_to(b"first", (redis.v4, OPEN)).expect("sent");
    let patience = Duration::from_secs(60);
    assert!(wait_until(patience, || held(&network) > before), "the gate holds what the stranger sends");
    assert_eq!(connect(web, redis.v4.into(), OPEN), Ok("hello".to_owned()), "marked packets pass");
    network.router.enter(|| gate.remove()).expect("removed");
    assert_eq!(connect(stranger, redis.v4.into(), OPEN), Ok("hello".to_owned()));

    network.router.enter(|| remove_all(&pins)).expect("removed");
    assert_eq!(connect(web, redis.v4.into(), CLOSED), Ok("hello".to_owned()), "nothing is left");
}
