//! A real `bulkhead up` beside real containers, killed, stopped and started twice. `benches/node/run` does the same for
//! longer.

#[path = "../examples/bench_node/chaos.rs"]
mod chaos;
#[path = "../examples/bench_node/host.rs"]
mod host;

use bulkhead_model::Mode;
use bulkhead_testkit::{image, require_root, run_ok, wait_until};
use host::{Container, Host, LONG, NETWORK};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

fn start() -> Host {
    Host::start(Path::new(env!("CARGO_BIN_EXE_bulkhead")))
}

#[test]
fn killed_at_random_under_load_it_cuts_nothing_lets_nothing_through_and_loses_nothing() {
    if !require_root("killed_at_random_under_load_it_cuts_nothing_lets_nothing_through_and_loses_nothing") {
        return;
    }
    let mut host = start();
    let fates = chaos::kill_at_random(&mut host, 5, 0xb01d);
    assert!(fates.questions > 0 && fates.allowed > 0 && fates.intrusions > 0, "no load: {fates:#?}");
    assert_eq!(fates.cut + fates.refused + fates.escaped, 0, "{fates:#?}");
    assert_eq!((fates.edges_lost, &fates.miscounted), (0, &Vec::new()), "{fates:#?}");
    host.remove();
}

const PORT: u16 = 6379;

fn listen(container: &Container) -> TcpListener {
    let listener = container.enter(|| TcpListener::bind(format!("[::]:{PORT}"))).expect("a free port");
    let answering = listener.try_clone().expect("a second handle");
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = answering.accept() {
            std::thread::spawn(move || {
                let mut buffer = [0; 4];
                while stream.read_exact(&mut buffer).and_then(|()| stream.write_all(&buffer)).is_ok() {}
            });
        }
    });
    listener
}

fn connect(from: &Container, to: &Container) -> io::Result<TcpStream> {
    let to = SocketAddr::new(to.addresses[0], PORT);
    from.enter(|| TcpStream::connect_timeout(&to, Duration::from_secs(2)))
}

fn ask(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(b"ping")?;
    stream.read_exact(&mut [0; 4])
}

/// A host on which only web may reach redis, and a connection between them.
fn enforced() -> (Host, Container, Container, TcpStream) {
    let mut host = start();
    let (web, redis) = (host.idle("web"), host.idle("redis"));
    listen(&redis);
    host.up();
    host.settled(2);
    let mut kept = connect(&web, &redis).expect("nothing is enforced");
    ask(&mut kept).expect("an echo");
    host.wait_for("the edge is learned", |host| (host.status()?.edges > 0).then_some(()));
    host.mode("redis", Mode::Enforce);
    ask(&mut kept).expect("allowed");
    (host, web, redis, kept)
}

fn signal(signal: &str, host: &Host) {
    run_ok("kill", &[signal, &host.process().to_string()]);
}

#[test]
fn stopped_it_holds_up_no_container_and_lets_nothing_through() {
    if !require_root("stopped_it_holds_up_no_container_and_lets_nothing_through") {
        return;
    }
    let (mut host, web, redis, mut kept) = enforced();
    signal("-STOP", &host);
    // Returns, or the test hangs: nothing waits for Bulkhead.
    let late = host.idle("late");
    connect(&late, &redis).expect_err("nobody knows it yet");
    ask(&mut kept).expect("nothing is cut");
    ask(&mut connect(&web, &redis).expect("still allowed")).expect("an echo");
    signal("-CONT", &host);
    host.settled(3);
    connect(&late, &redis).expect_err("known, and not allowed");
    ask(&mut kept).expect("nothing is cut");
    host.remove();
}

#[test]
fn a_second_one_is_refused_also_from_another_mount_namespace_and_harms_nothing() {
    if !require_root("a_second_one_is_refused_also_from_another_mount_namespace_and_harms_nothing") {
        return;
    }
    let (mut host, web, redis, mut kept) = enforced();
    let revision = host.status().expect("it answers").enforced_revision;
    // The lock under /run is out of its sight, as in a container: the kernel's pins are not.
    let second = host.command(&["up", "--config", "/dev/null", "--listen", "127.0.0.1:0"]);
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c"])
        .arg("mount -t tmpfs tmpfs /run && exec \"$0\" \"$@\"")
        .arg(second.get_program())
        .args(second.get_args())
        .args(["--state-dir", &host.dockerd.folder().join("second").display().to_string()])
        .env("BULKHEAD_LOG", "error")
        .output()
        .expect("unshare starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("another Bulkhead") && said.contains("bulkhead down"), "{said}");
    ask(&mut kept).expect("nothing is cut");
    ask(&mut connect(&web, &redis).expect("still allowed")).expect("an echo");
    assert_eq!(host.status().expect("it answers").enforced_revision, revision);
    host.remove();
}

#[test]
fn an_address_that_is_used_again_at_once_brings_its_heir_no_rights() {
    if !require_root("an_address_that_is_used_again_at_once_brings_its_heir_no_rights") {
        return;
    }
    let (mut host, web, redis, kept) = enforced();
    drop(kept);
    let address = web.addresses[0].to_string();
    for round in 0..3 {
        let (old, name) = (
            if round == 0 { "web".to_owned() } else { format!("heir{}", round - 1) },
            format!("heir{round}"),
        );
        host.dockerd.docker(&["rm", "-f", &old]);
        // Its first act is to use what the address was allowed.
        let act = format!("nc -w 2 {} {PORT} </dev/null && echo through; sleep 1000", redis.addresses[0]);
        let command = ["sh", "-c", &act];
        let options = ["run", "-d", "--name", &name, "--network", NETWORK, "--ip", &address, image::BUSYBOX];
        host.dockerd.docker(&[&options[..], &command[..]].concat());
        host.settled(2);
        let heir = Container { pid: host.dockerd.process_of(&name), ..web };
        connect(&heir, &redis).expect_err("the address is not the service");
        assert_eq!(host.dockerd.docker(&["logs", &name]), "");
    }
    // And who has the right gets it with any address.
    host.dockerd.docker(&["rm", "-f", "heir2"]);
    let web = host.idle("web");
    host.settled(2);
    assert!(wait_until(LONG, || connect(&web, &redis).is_ok()));
    host.remove();
}

#[test]
fn many_containers_come_and_go_and_leave_nothing() {
    if !require_root("many_containers_come_and_go_and_leave_nothing") {
        return;
    }
    let (mut host, _web, _redis, _kept) = enforced();
    let before = host.traces();
    host.many(24);
    host.settled(2);
    // Tables are tidied up at intervals, and interfaces go some moments after their containers.
    let mut left = Vec::new();
    wait_until(LONG, || {
        left = host::differences(&before, &host.traces());
        left.is_empty()
    });
    assert_eq!(left, Vec::<String>::new());
    host.remove();
}
