//! Programs on real interfaces: how they come, stay and go, and what the host must have for it.

mod room;

use bulkhead_datapath::{AttachKind, Config, Datapath, DatapathError, Policy, remove_all};
use bulkhead_model::{IpProtocol, Mode};
use bulkhead_testkit::{Network, require_root, run_ok};
use nix::sched::{CloneFlags, unshare};
use room::{REDIS, WEB, allow, policy};
use std::{
    io::ErrorKind,
    net::{SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    time::Duration,
};

const PORT: u16 = 6379;

/// Two hosts of which the first is a workload and the second echoes.
struct Street {
    network: Network,
    config: Config,
}

impl Street {
    fn new(number: u8, attach: Option<AttachKind>) -> Self {
        let network = Network::new(number, 2);
        let socket =
            network.hosts[1].namespace.enter(|| UdpSocket::bind(("0.0.0.0", PORT))).expect("a free port");
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(&buffer[..length], from);
            }
        });
        let pins = PathBuf::from(format!("/sys/fs/bpf/bulkhead-attach-{}-{number}", std::process::id()));
        Self { network, config: Config { pins, attach, ..Config::default() } }
    }

    /// An agent comes: programs and a policy.
    fn enforce(&self, open: bool) -> Datapath {
        self.network.router.enter(|| {
            let mut datapath = Datapath::open(&self.config).expect("the kernel takes the programs");
            let mut tables = Policy::recover(&datapath).expect("tables");
            let rules = [allow(REDIS, IpProtocol::UDP, PORT)];
            let rules = if open { &rules[..] } else { &[] };
            tables.apply(&datapath, &policy(Mode::Enforce, &[], rules)).expect("room");
            for (host, identity) in self.network.hosts.iter().zip([WEB, REDIS]) {
                let ifindex = self.network.router.interface_index(&host.host_interface);
                for address in host.addresses() {
                    datapath.set_owner(address, identity, ifindex).expect("room");
                }
                if identity == WEB {
                    datapath.set_endpoint(ifindex, identity).expect("room");
                    datapath.attach(&host.host_interface, ifindex).expect("attached");
                }
            }
            datapath
        })
    }

    /// Whether one datagram is echoed. Denied ones are answered, so that either way there is an answer.
    fn passes(&self) -> bool {
        let [web, redis] = &self.network.hosts[..] else { panic!("two hosts") };
        let socket = web.namespace.enter(|| UdpSocket::bind("0.0.0.0:0")).expect("a port");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        socket.connect(SocketAddr::new(redis.v4.into(), PORT)).expect("a route");
        socket.send(b"hello").expect("sent");
        match socket.recv(&mut [0; 64]) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::HostUnreachable => false,
            Err(error) => panic!("neither an echo nor a denial: {error}"),
        }
    }

    /// What `tc` shows of the workload's interface.
    fn tc(&self, what: &[&str], side: &[&str]) -> String {
        let all = [what, &["dev", &self.network.hosts[0].host_interface], side].concat();
        let output = self.network.router.run("tc", &all);
        assert!(output.success, "tc {all:?}: {output:?}");
        output.stdout
    }

    fn remove(&self) {
        self.network.router.enter(|| remove_all(&self.config.pins)).expect("removed");
    }
}

#[test]
fn once_removed_nothing_is_denied_not_even_for_a_moment() {
    if !require_root("once_removed_nothing_is_denied_not_even_for_a_moment") {
        return;
    }
    for (number, attach) in [(120, None), (121, Some(AttachKind::Clsact))] {
        let street = Street::new(number, attach);
        for round in 0..5 {
            let agent = street.enforce(false);
            assert!(!street.passes(), "{attach:?}, round {round}");
            street.remove();
            assert!(street.passes(), "{attach:?}, round {round}: removed, and still denied");
            assert!(!street.config.pins.exists());
            drop(agent);
        }
        assert!(!street.tc(&["qdisc", "show"], &[]).contains("clsact"));
    }
}

#[test]
fn clsact_on_any_kernel_outlives_the_agent_and_is_taken_over_by_the_next() {
    if !require_root("clsact_on_any_kernel_outlives_the_agent_and_is_taken_over_by_the_next") {
        return;
    }
    let street = Street::new(122, Some(AttachKind::Clsact));
    let agent = street.enforce(false);
    assert_eq!(agent.attach_kind(), AttachKind::Clsact);
    assert!(!street.passes());
    drop(agent);
    assert!(!street.passes(), "the agent is dead, its filters are not");
    drop(street.enforce(true));
    assert!(street.passes());
    for side in ["ingress", "egress"] {
        let shown = street.tc(&["filter", "show"], &[side]);
        assert_eq!(shown.matches("handle 0xb01").count(), 1, "{side}: {shown}");
    }
    street.remove();
    assert!(street.passes());
}

/// Runs in mounts of its own.
fn in_own_mounts(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNS).expect("needs root");
            run_ok("mount", &["--make-rprivate", "/"]);
            work();
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

#[test]
fn a_missing_bpffs_is_mounted_and_pins_elsewhere_are_refused_with_what_to_do() {
    if !require_root("a_missing_bpffs_is_mounted_and_pins_elsewhere_are_refused_with_what_to_do") {
        return;
    }
    in_own_mounts(|| {
        run_ok("umount", &["--lazy", "/sys/fs/bpf"]);
        Datapath::open(&Config::default()).expect("it is mounted when needed");
        assert!(Path::new("/sys/fs/bpf/bulkhead/v1/bh_flows").exists());
    });
    let elsewhere = tempfile::tempdir().expect("a folder");
    let config = Config { pins: elsewhere.path().to_owned(), ..Config::default() };
    let error = Datapath::open(&config).expect_err("no bpffs");
    assert!(matches!(error, DatapathError::PinDirectory { .. }), "{error}");
    assert!(error.to_string().contains("mount -t bpf"), "{error}");
    assert_eq!(elsewhere.path().read_dir().expect("readable").count(), 0, "and nothing is left there");
}

#[test]
fn no_cgroup_tree_of_any_version_is_needed() {
    if !require_root("no_cgroup_tree_of_any_version_is_needed") {
        return;
    }
    in_own_mounts(|| {
        run_ok("umount", &["--lazy", "--recursive", "/sys/fs/cgroup"]);
        let pins = PathBuf::from(format!("/sys/fs/bpf/bulkhead-bare-{}", std::process::id()));
        let config = Config { pins: pins.clone(), ..Config::default() };
        Datapath::open(&config).expect("the kernel takes the programs");
        remove_all(&pins).expect("removed");
    });
}
