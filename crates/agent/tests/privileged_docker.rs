//! Real containers of a real Docker Engine, found by real discovery, held by a real agent.

#![allow(clippy::disallowed_methods, reason = "a queue of a test ends with the test")]

#[path = "privileged_docker/estate.rs"]
mod estate;
#[path = "privileged_docker/hosts_network.rs"]
mod hosts_network;
#[path = "privileged_docker/networks.rs"]
mod networks;

use bulkhead_datapath::AttachKind;
use bulkhead_model::{Direction, Identity, Mode, Verdict};
use bulkhead_testkit::{image, require_root, run, run_ok, wait_until};
use estate::{Container, Estate, OUTSIDE, Received, Rules, SAFETY_NET};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread::JoinHandle,
    time::Duration,
};

/// Whether what listens there answers with what it is told.
fn echoes(stream: io::Result<TcpStream>) -> bool {
    let Ok(mut stream) = stream else { return false };
    ping(&mut stream).is_ok()
}

fn ping(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(b"ping")?;
    stream.read_exact(&mut [0; 4])
}

fn to(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().expect("an address"), port)
}

fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(&to, Duration::from_secs(2))
}

fn enforce(from: &[(Identity, u16)], to: &[(Identity, u16)]) -> Rules {
    Rules { mode: Mode::Enforce, from: from.to_vec(), to: to.to_vec() }
}

#[test]
fn a_host_with_docker_is_seen_enforced_and_left_as_it_was() {
    if !require_root("a_host_with_docker_is_seen_enforced_and_left_as_it_was") {
        return;
    }
    let mut estate = Estate::new(&[], None, 1);
    estate.start_agent();
    estate.idle("sink", &["--ip", "10.88.1.250", "--ip6", "fd88:1::fa"]);
    networks::every_kind_of_network_is_seen_or_named(&estate);
    networks::published_ports_obey_the_policy(&estate);
    not_one_packet_before_the_policy(&mut estate);
    the_first_allowed_connection_comes_through(&estate);
    a_stranger_with_a_known_address_stays_a_stranger(&mut estate);
    nothing_stays_behind(&mut estate);
}

#[test]
fn the_same_holds_with_filters_of_a_qdisc_and_without_dockers_proxy() {
    if !require_root("the_same_holds_with_filters_of_a_qdisc_and_without_dockers_proxy") {
        return;
    }
    let mut estate = Estate::new(&["--userland-proxy=false"], Some(AttachKind::Clsact), 2);
    estate.start_agent();
    let web = ["--ip", "10.88.2.10", "-p", "8080:80"];
    let all: Vec<&str> = ["--network", "shop"].into_iter().chain(web).collect();
    estate.run("web-1", &all, &["nc", "-ll", "-p", "80", "-e", "cat"]);
    networks::published_ports_obey_the_policy(&estate);
    a_stranger_with_a_known_address_stays_a_stranger(&mut estate);
    nothing_stays_behind(&mut estate);
}

#[test]
fn restarts_of_the_agent_cut_nothing_and_open_nothing() {
    if !require_root("restarts_of_the_agent_cut_nothing_and_open_nothing") {
        return;
    }
    let mut estate = Estate::new(&[], None, 3);
    estate.start_agent();
    let [server, vault_address, sink_address] = [30, 40, 250].map(|host| estate.address(host).to_string());
    estate.idle("sink-1", &["--ip", &sink_address]);

    let [user, sink] = ["user", "sink"].map(|service| estate.identity(service));
    estate.rule("server", enforce(&[(user, 7000)], &[]));
    estate.rule("vault", enforce(&[], &[]));
    let shop = ["--network", "shop", "--ip", &server];
    estate.run("server-1", &shop, &["nc", "-ll", "-p", "7000", "-e", "cat"]);
    let vault = estate.idle("vault-1", &["--ip", &vault_address]);
    let user_container = estate.idle("user-1", &[]);
    let stranger = estate.idle("stranger-1", &[]);
    estate.wait_until_settled(&["server-1", "vault-1", "user-1", "stranger-1"]);
    let open = || {
        let mut stream = None;
        let opened = wait_until(SAFETY_NET, || {
            stream = user_container.connect(to(&server, 7000)).ok();
            stream.is_some()
        });
        assert!(opened, "it is allowed");
        stream.expect("just opened")
    };
    let streams: Vec<TcpStream> = (0..LOADS).map(|_| open()).collect();
    let (stop, beats) = (AtomicBool::new(false), [const { AtomicU64::new(0) }; LOADS]);
    let tries = AtomicU64::new(0);
    std::thread::scope(|scope| {
        // However this ends, the threads do.
        let stopping = Stop(&stop);
        let loads: Vec<_> = streams
            .into_iter()
            .zip(&beats)
            .map(|(mut stream, beat)| {
                let stop = &stop;
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        ping(&mut stream)?;
                        beat.fetch_add(1, Ordering::Relaxed);
                    }
                    io::Result::Ok(())
                })
            })
            .collect();
        let trying = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let to = to(&vault_address, 7000);
                let tried = stranger.enter(|| TcpStream::connect_timeout(&to, Duration::from_millis(300)));
                assert!(tried.is_err(), "the stranger has a connection");
                tries.fetch_add(1, Ordering::Relaxed);
            }
        });
        let goes_on = |estate: &Estate, what: &str| {
            let before: Vec<u64> = beats.iter().map(|beat| beat.load(Ordering::Relaxed)).collect();
            let tried = tries.load(Ordering::Relaxed);
            let all = || {
                let mut pairs = beats.iter().zip(&before);
                pairs.all(|(beat, before)| beat.load(Ordering::Relaxed) > before + 2)
                    && tries.load(Ordering::Relaxed) > tried + 1
            };
            let goes_on = wait_until(SAFETY_NET, all);
            let now: Vec<u64> = beats.iter().map(|beat| beat.load(Ordering::Relaxed)).collect();
            let denials = || {
                let known = estate.known();
                known
                    .connections
                    .iter()
                    .rev()
                    .filter(|c| c.verdict == Verdict::Denied)
                    .take(9)
                    .cloned()
                    .collect::<Vec<_>>()
            };
            assert!(
                goes_on,
                "{what}: from {before:?} to {now:?}, stranger {tried} to {tries:?}: {:#?}",
                denials()
            );
            estate.chapter(what);
        };
        for restart in 0..RESTARTS {
            estate.kill_agent();
            goes_on(&estate, "without an agent");
            // Nobody is there to see it, and it is seen nonetheless.
            let port = 9100 + restart;
            let _ = user_container.connect(to(&sink_address, port));
            estate.start_agent();
            estate.wait_for("edge from the time without an agent", |known| {
                let mut all = known.edges.iter();
                all.any(|e| {
                    (e.local, e.peer, e.direction, e.port) == (user, sink, Direction::Egress, port)
                        && e.counters.connections > 0
                })
            });
            estate.wait_until_settled(&["user-1", "stranger-1"]);
            goes_on(&estate, "with a new agent");
        }
        drop(stopping);
        for load in loads {
            load.join().expect("no panic").expect("no connection is cut");
        }
        trying.join().expect("the stranger is denied");
    });
    assert!(vault.received().nothing(), "escaped: {:?}", vault.received());
}

const PROBES: u8 = 20;

/// The acts of a probe: at once a packet to the Internet and packets to its neighbour in both families.
fn probe_command() -> String {
    format!(
        "nc -w 1 {OUTSIDE} 7001 & nc -w 1 10.88.1.250 7001 & ping -c 2 -W 1 10.88.1.250 & ping6 -c 2 -W 1 fd88:1::fa & \
         wait; exec sleep 100000"
    )
}

fn probe(number: u8) -> String {
    format!("probe-{number}")
}

fn is_done(container: Container) -> bool {
    std::fs::read(format!("/proc/{}/cmdline", container.pid)).is_ok_and(|line| line.starts_with(b"sleep"))
}

/// Starts so many probes at once.
fn start_probes(estate: &Estate, number: u8) -> Vec<JoinHandle<()>> {
    let start = |number: u8| {
        let mut command = estate.dockerd.command();
        command.args(["start", &probe(number)]).stdout(Stdio::null());
        std::thread::spawn(move || {
            assert!(command.status().expect("the docker client").success(), "probe {number} does not start");
        })
    };
    (1..=number).map(start).collect()
}

fn pids(estate: &Estate, number: u8) -> Vec<Container> {
    let mut command: Command = estate.dockerd.command();
    command.args(["inspect", "--format", "{{.State.Pid}}"]).args((1..=number).map(probe));
    let output = command.output().expect("the docker client");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|pid| Container { pid: pid.parse().expect("a process id") }).collect()
}

/// Waits until the probes have done their acts and checks that nothing came to anybody.
fn nothing_came(
    estate: &Estate,
    what: &str,
    started: Vec<JoinHandle<()>>,
    sink: Container,
    outside: Received,
) {
    let number = u8::try_from(started.len()).expect("twenty");
    for start in started {
        start.join().expect("it starts");
    }
    let probes = pids(estate, number);
    assert_eq!(probes.len(), usize::from(number));
    assert!(wait_until(SAFETY_NET, || probes.iter().all(|probe| is_done(*probe))), "{what}: the acts end");
    assert!(sink.received().nothing(), "{what}: escaped to a neighbour: {:?}", sink.received());
    assert_eq!(at_outside(estate), outside, "{what}: escaped to the Internet");
    for probe in probes {
        let received = probe.received();
        assert_eq!((received.echo, received.echo6), (0, 0), "{what}: came in");
    }
    estate.chapter(&format!("  {what}: {number} starts, nothing passed"));
}

fn end_probes(estate: &Estate, number: u8) {
    let names: Vec<String> = (1..=number).map(probe).collect();
    let mut all = vec!["kill"];
    all.extend(names.iter().map(String::as_str));
    estate.dockerd.docker(&all);
}

fn at_outside(estate: &Estate) -> Received {
    estate.outside.enter(|| Received::of("/proc/thread-self/net"))
}

/// Pings every probe in both families for ever.
const CALLER: &str = "i=1; while [ $i -le 20 ]; do ping -i 0.5 10.88.1.$((100 + i)) & \
                      ping6 -i 0.5 fd88:1::a$i & i=$((i + 1)); done; wait";

fn new_sink(estate: &Estate) -> Container {
    estate.remove(&["sink"]);
    let sink = estate.idle("sink", &["--ip", "10.88.1.250", "--ip6", "fd88:1::fa"]);
    estate.dockerd.docker(&["exec", "-d", "sink", "sh", "-c", CALLER]);
    sink
}

fn not_one_packet_before_the_policy(estate: &mut Estate) {
    estate.chapter("not one packet before the policy");
    for number in 1..=PROBES {
        let (name, v4, v6) =
            (probe(number), format!("10.88.1.{}", 100 + number), format!("fd88:1::a{number}"));
        let options =
            ["create", "--name", &name, "--network", "shop", "--ip", &v4, "--ip6", &v6, image::BUSYBOX];
        estate.dockerd.docker(&[options.as_slice(), &["sh", "-c", &probe_command()]].concat());
    }

    // While nothing is enforced, everything of this can be seen to pass.
    let (sink, outside) = (new_sink(estate), at_outside(estate));
    start_probes(estate, 1).remove(0).join().expect("it starts");
    let trial = pids(estate, 1)[0];
    let passed = wait_until(SAFETY_NET, || {
        let (here, there) = (sink.received(), trial.received());
        let all = [here.echo, here.echo6, here.tcp, there.echo, there.echo6];
        all.iter().all(|count| *count > 0) && at_outside(estate).tcp > outside.tcp
    });
    assert!(passed, "{:?} {:?} {:?}", sink.received(), trial.received(), at_outside(estate));
    end_probes(estate, 1);

    estate.rule("probe", enforce(&[], &[]));
    let (sink, outside) = (new_sink(estate), at_outside(estate));
    nothing_came(estate, "the agent runs", start_probes(estate, PROBES), sink, outside);
    end_probes(estate, PROBES);

    estate.kill_agent();
    nothing_came(estate, "the agent is dead", start_probes(estate, PROBES), sink, outside);
    // It finds them running, with their acts behind them.
    estate.start_agent();
    estate.wait_until_settled(&["probe-1", "probe-20"]);
    let again = pids(estate, 1)[0];
    again.connect(to("10.88.1.250", 7001)).expect_err("denied");
    again.connect(to(OUTSIDE, 7001)).expect_err("denied");
    assert!(
        sink.received().nothing() && at_outside(estate) == outside,
        "escaped to the agent that came back"
    );
    end_probes(estate, PROBES);

    let starting = start_probes(estate, PROBES);
    let mut restarts = 0;
    while !starting.iter().all(JoinHandle::is_finished) || restarts == 0 {
        estate.kill_agent();
        estate.start_agent();
        estate.wait_until_settled(&["sink"]);
        restarts += 1;
    }
    nothing_came(estate, &format!("the agent is restarted {restarts} times"), starting, sink, outside);
    end_probes(estate, PROBES);

    // Starts do not wait for an agent that does nothing any more.
    let frozen = estate.freeze_agent();
    nothing_came(estate, "the agent does not move", start_probes(estate, 8), sink, outside);
    drop(frozen);
    end_probes(estate, 8);
    let names: Vec<String> = (1..=PROBES).map(probe).collect();
    estate.remove(&names.iter().map(String::as_str).collect::<Vec<_>>());
}

fn the_first_allowed_connection_comes_through(estate: &Estate) {
    estate.chapter("the first allowed connection comes through");
    let (server, client) = (estate.identity("server"), estate.identity("client"));
    estate.rule("server", enforce(&[(client, 7000)], &[]));
    estate.rule("client", enforce(&[], &[(server, 7000)]));
    let shop = ["--network", "shop", "--ip", "10.88.1.30"];
    estate.run("server-1", &shop, &["nc", "-ll", "-p", "7000", "-e", "cat"]);
    // One connection each, as the first thing it does: the kernel repeats a SYN after one and three seconds.
    let clients = (1..=4).map(|number| {
        let mut command = estate.dockerd.command();
        let name = format!("client-{number}");
        command.args(["run", "--rm", "--name", &name, "--network", "shop", image::BUSYBOX]);
        command.args(["nc", "-w", "15", "10.88.1.30", "7000"]).stdin(Stdio::null());
        std::thread::spawn(move || command.output().expect("the docker client"))
    });
    for client in clients.collect::<Vec<_>>() {
        let output = client.join().expect("no panic");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    estate.remove(&["server-1"]);
}

/// A container that sleeps once it has tried to reach the vault, from the port of a connection that its predecessor had.
fn create_stranger(estate: &Estate, address: &str, vault: &str, port: u16) {
    let acts = format!(
        "nc -w 2 -p {port} {vault} 7000; nc -w 1 {vault} 7000; ping -c 1 -W 1 {vault}; exec sleep 100000"
    );
    let options = ["create", "--name", "stranger-1", "--network", "shop", "--ip", address, image::BUSYBOX];
    estate.dockerd.docker(&[options.as_slice(), &["sh", "-c", &acts]].concat());
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AgentIs {
    Running,
    Dead,
    Frozen,
}

fn a_stranger_with_a_known_address_stays_a_stranger(estate: &mut Estate) {
    estate.chapter("a stranger with a known address stays a stranger");
    let (address, vault_address) = (estate.address(200).to_string(), estate.address(40).to_string());
    let regular = estate.identity("regular");
    estate.rule("vault", enforce(&[(regular, 7000)], &[]));
    let options = ["--network", "shop", "--ip", &vault_address];
    let vault = estate.run("vault-1", &options, &["nc", "-ll", "-p", "7000", "-e", "cat"]);
    for state in [AgentIs::Running, AgentIs::Running, AgentIs::Dead, AgentIs::Frozen] {
        let known = estate.idle("regular-1", &["--ip", &address]);
        let mut open = None;
        let allowed = wait_until(SAFETY_NET, || {
            open = known.connect(to(&vault_address, 7000)).ok();
            open.is_some()
        });
        assert!(allowed, "it is allowed");
        let mut open = open.expect("just connected");
        ping(&mut open).expect("an echo");
        let port = open.local_addr().expect("it has one").port();
        create_stranger(estate, &address, &vault_address, port);
        let frozen = (state == AgentIs::Frozen).then(|| estate.freeze_agent());
        if state == AgentIs::Dead {
            estate.kill_agent();
        }
        estate.remove(&["regular-1"]);
        let before = vault.received();
        estate.dockerd.docker(&["start", "stranger-1"]);
        let stranger = estate.container("stranger-1");
        assert!(wait_until(SAFETY_NET, || is_done(stranger)), "its acts end");
        assert_eq!(vault.received(), before, "the stranger came through: {state:?}");
        if state == AgentIs::Dead {
            estate.start_agent();
        }
        drop(frozen);
        estate.wait_until_settled(&["stranger-1"]);
        stranger.connect(to(&vault_address, 7000)).expect_err("denied for what it is");
        assert_eq!(vault.received(), before, "the stranger came through: {state:?}, then known");
        drop(open);
        estate.remove(&["stranger-1"]);
    }
    estate.remove(&["vault-1"]);
}

const RESTARTS: u16 = 10;
const LOADS: usize = 8;

#[derive(Debug)]
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn nothing_stays_behind(estate: &mut Estate) {
    estate.chapter("nothing stays behind");
    let last = estate.idle("vault-2", &["--ip", &estate.address(50).to_string()]);
    estate.rule("vault", enforce(&[], &[]));
    let echo = estate.idle("last-1", &[]);
    estate.wait_until_settled(&["vault-2", "last-1"]);
    let knock = || echo.connect(SocketAddr::new(estate.address(50), 7000)).map_err(|error| error.kind());
    assert!(wait_until(SAFETY_NET, || knock().is_err() && estate.known().health.gate), "the gate is there");
    assert!(last.received().nothing(), "denied");
    assert!(run_ok("nft", &["list", "tables"]).contains("bulkhead"));
    assert!(estate.pins().exists());
    estate.kill_agent();
    assert_eq!(bulkhead_agent::remove_all(estate.pins()), Vec::<String>::new());
    assert!(!estate.pins().exists());
    assert!(!run_ok("nft", &["list", "tables"]).contains("bulkhead"));
    let interfaces = std::fs::read_dir("/sys/class/net").expect("interfaces");
    let names: Vec<String> = interfaces
        .map(|entry| entry.expect("an interface").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().any(|name| name.starts_with("veth")), "{names:?}");
    for name in names {
        let qdiscs = run("tc", &["qdisc", "show", "dev", &name]).stdout;
        assert!(!qdiscs.contains("clsact"), "{name}: {qdiscs}");
        for side in ["ingress", "egress"] {
            // Without the qdisc there is nothing to show.
            let filters = run("tc", &["filter", "show", "dev", &name, side]).stdout;
            assert_eq!(filters, "", "{name} {side}");
        }
    }
    let knocked = || {
        let knocked = estate.container("last-1").connect(SocketAddr::new(estate.address(50), 7000));
        knocked.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    assert!(wait_until(SAFETY_NET, || knocked() && last.received().tcp > 0), "nothing is enforced any more");
}
