//! A datapath of one endpoint, to be fed packet by packet.

// Each test and bench uses its own part of the room.
#![allow(dead_code)]

use bulkhead_datapath::{Config, Datapath, Policy, Sizes, SkbContext, TestRun};
use bulkhead_model::{Identity, IpProtocol, Mode, RuleRef, node::Prefix};
use bulkhead_policy::compiled::{Class, CompiledDirection, CompiledPolicy, CompiledService, Entry, Outcome};
use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

pub(crate) const WEB: Identity = Identity(300);
pub(crate) const REDIS: Identity = Identity(301);
pub(crate) const API: Identity = Identity(302);

/// `TC_ACT_*`
pub(crate) const PASS: u32 = u32::MAX;
pub(crate) const DROP: u32 = 2;
pub(crate) const REDIRECT: u32 = 7;

/// Loopback: test runs need an interface that exists.
pub(crate) const INTERFACE: u32 = 1;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A datapath with pins of its own, removed when dropped. The endpoint under test is WEB at 10.0.0.2 and fd00::2; REDIS
/// is at 10.0.0.3 and fd00::3, API at 10.0.0.4 and fd00::4, the host at 10.0.0.1 and fd00::1.
pub(crate) struct Room {
    pub(crate) datapath: Datapath,
    pub(crate) policy: Policy,
    config: Config,
    _pins: Pins,
}

/// A folder that is gone when dropped, also where the kernel did not take what was to be pinned there.
struct Pins(PathBuf);

impl Drop for Pins {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Room {
    pub(crate) fn new() -> Self {
        Self::with(Sizes { events: 1 << 20, ..Sizes::default() })
    }

    pub(crate) fn with(sizes: Sizes) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let pins = Pins(PathBuf::from(format!("/sys/fs/bpf/bulkhead-test-{}-{number}", std::process::id())));
        let config = Config { pins: pins.0.clone(), sizes, ..Config::default() };
        let datapath = Datapath::open(&config).expect("the kernel takes the programs");
        let policy = Policy::recover(&datapath).expect("empty tables");
        let room = Self { datapath, policy, config, _pins: pins };
        for (last, identity, ifindex) in
            [(1, Identity::HOST, 0), (2, WEB, INTERFACE), (3, REDIS, 77), (4, API, 78)]
        {
            for address in [format!("10.0.0.{last}"), format!("fd00::{last}")] {
                let address: IpAddr = address.parse().expect("an address");
                room.datapath.set_owner(address, identity, ifindex).expect("room for owners");
            }
        }
        room.datapath.set_endpoint(INTERFACE, WEB).expect("room for endpoints");
        room.datapath.set_flags(bulkhead_abi::CONTROL_MARK).expect("control");
        room
    }

    /// Another agent takes over what this one has pinned.
    pub(crate) fn restart(&mut self) {
        self.datapath = Datapath::open(&self.config).expect("the kernel takes the programs");
        self.policy = Policy::recover(&self.datapath).expect("tables");
    }

    /// The next agent finds this table empty.
    pub(crate) fn lose_pin(&self, table: &str) {
        let version = format!("v{}", bulkhead_abi::ABI_VERSION);
        std::fs::remove_file(self.config.pins.join(version).join(table)).expect("a pinned table");
    }

    /// The same pins, by an agent that asks for these sizes.
    pub(crate) fn open_again(&self, sizes: Sizes) -> Datapath {
        let config = Config { sizes, ..self.config.clone() };
        Datapath::open(&config).expect("the kernel takes the programs")
    }

    pub(crate) fn apply(&mut self, policy: &CompiledPolicy) {
        self.policy.apply(&self.datapath, policy).expect("room for the policy");
    }

    /// A packet that the workload sends.
    pub(crate) fn send(&mut self, packet: &[u8]) -> TestRun {
        self.run("bh_from_workload", packet)
    }

    /// A packet that the workload receives.
    pub(crate) fn receive(&mut self, packet: &[u8]) -> TestRun {
        self.run("bh_to_workload", packet)
    }

    /// The programs' clock.
    pub(crate) fn jiffies(&mut self) -> u32 {
        let context = SkbContext::default();
        self.datapath.test_run("bh_clock", &[0; 64], context, 1).expect("a test run").mark
    }

    pub(crate) fn run(&mut self, program: &'static str, packet: &[u8]) -> TestRun {
        let context = SkbContext { mark: 0, ifindex: INTERFACE };
        self.datapath.test_run(program, packet, context, 1).expect("a test run")
    }
}

/// One rule of the table: who, on what. `peer: None` is everybody.
#[derive(Clone, Copy)]
pub(crate) struct Allow {
    pub(crate) peer: Option<Identity>,
    pub(crate) protocol: IpProtocol,
    pub(crate) port: u16,
    pub(crate) prefix_len: u8,
}

pub(crate) fn allow(peer: Identity, protocol: IpProtocol, port: u16) -> Allow {
    let prefix_len = if protocol.has_ports() { 16 } else { 0 };
    Allow { peer: Some(peer), protocol, port, prefix_len }
}

/// WEB's policy; the other services learn.
pub(crate) fn policy(mode: Mode, ingress: &[Allow], egress: &[Allow]) -> CompiledPolicy {
    let learning = |identity| CompiledService {
        identity,
        mode: Mode::Learn,
        ingress: Arc::new(direction(&[])),
        egress: Arc::new(direction(&[])),
    };
    let web = CompiledService {
        identity: WEB,
        mode,
        ingress: Arc::new(direction(ingress)),
        egress: Arc::new(direction(egress)),
    };
    CompiledPolicy { services: vec![web, learning(REDIS), learning(API)], prefixes: Vec::new() }
}

pub(crate) fn with_prefixes(mut policy: CompiledPolicy, prefixes: &[(&str, Identity)]) -> CompiledPolicy {
    policy.prefixes = prefixes
        .iter()
        .map(|(net, id)| Prefix { net: net.parse().expect("a range"), identity: *id })
        .collect();
    policy
}

fn direction(rules: &[Allow]) -> CompiledDirection {
    let entry = |(number, rule): (usize, &Allow)| Entry {
        protocol: rule.protocol,
        port: rule.port,
        prefix_len: rule.prefix_len,
        application: None,
        outcome: Outcome { allow: true, rule: RuleRef(u32::try_from(number).expect("few") + 1) },
    };
    let everybody: Vec<Entry> =
        rules.iter().enumerate().filter(|(_, r)| r.peer.is_none()).map(entry).collect();
    let mut classes = vec![Class { entries: everybody.clone(), otherwise: Outcome::default() }];
    let mut peers: Vec<Identity> = rules.iter().filter_map(|r| r.peer).collect();
    peers.sort_unstable();
    peers.dedup();
    let mut table = Vec::new();
    for peer in peers {
        let mut entries: Vec<Entry> =
            rules.iter().enumerate().filter(|(_, r)| r.peer == Some(peer)).map(entry).collect();
        entries.extend(everybody.iter().copied());
        table.push((peer, u32::try_from(classes.len()).expect("few")));
        classes.push(Class { entries, otherwise: Outcome::default() });
    }
    CompiledDirection { classes, default: 0, peers: table }
}
