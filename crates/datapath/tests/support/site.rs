//! A host with a workload in its own network: real sockets of a control group, and a peer on a network beside the host.

// Each test uses its own part of the site.
#![allow(dead_code)]

use crate::room::{REDIS, WEB, allow, policy};
use bulkhead_abi::{EdgeKey, FIRST_GROUP};
use bulkhead_datapath::{Config, Datapath, EdgeReader, Policy, remove_all};
use bulkhead_model::{Identity, IpProtocol, Mode};
use bulkhead_policy::compiled::CompiledPolicy;
use bulkhead_testkit::{ControlGroup, Network, cgroup::hierarchy, require, require_root};
use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    time::Duration,
};

pub(crate) const OPEN: u16 = 6379;
pub(crate) const CLOSED: u16 = 6380;
pub(crate) const SAFETY_NET: Duration = Duration::from_secs(20);

/// The router of a network plays the host; WEB's sockets are in its network, REDIS has one of its own.
pub(crate) struct Site {
    pub(crate) group: ControlGroup,
    pub(crate) network: Network,
    pub(crate) config: Config,
    pub(crate) runtime: tokio::runtime::Runtime,
}

impl Site {
    pub(crate) fn new(test: &str, number: u8) -> Option<Self> {
        if !require_root(test) || !require(test, hierarchy().is_some(), "control groups of version 2") {
            return None;
        }
        let site = Self {
            group: ControlGroup::new(test.get(..30).unwrap_or(test)),
            network: Network::new(number, 1),
            config: Config {
                pins: PathBuf::from(format!("/sys/fs/bpf/bulkhead-groups-{}-{number}", std::process::id())),
                ..Config::default()
            },
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
        };
        for port in [OPEN, CLOSED] {
            site.serve(port);
        }
        Some(site)
    }

    /// REDIS answers on a port: TCP and UDP, both families.
    pub(crate) fn serve(&self, port: u16) {
        let peer = &self.network.hosts[0].namespace;
        let any = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        let (stream, datagrams) =
            peer.enter(|| (TcpListener::bind(any).expect("free"), UdpSocket::bind(any).expect("free")));
        std::thread::spawn(move || echo_streams(&stream));
        std::thread::spawn(move || echo_datagrams(&datagrams));
    }

    pub(crate) fn open(&self, policy: &CompiledPolicy) -> (Datapath, Policy) {
        let _entered = self.runtime.enter();
        let datapath = Datapath::open(&self.config).expect("the kernel takes the programs");
        let mut tables = Policy::recover(&datapath).expect("tables");
        tables.apply(&datapath, policy).expect("room");
        for address in self.network.hosts[0].addresses() {
            datapath.set_owner(address, REDIS, 77).expect("room");
        }
        (datapath, tables)
    }

    pub(crate) fn attach(&self, datapath: &mut Datapath) {
        datapath.set_endpoint(FIRST_GROUP, WEB).expect("room");
        datapath.attach_group(self.group.folder(), self.group.id(), FIRST_GROUP).expect("attached");
    }

    /// Something that WEB does.
    pub(crate) fn web<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.group.enter(|| self.network.router.enter(work))
    }

    pub(crate) fn peers(&self) -> [IpAddr; 2] {
        self.network.hosts[0].addresses()
    }

    pub(crate) fn connect(&self, to: IpAddr, port: u16) -> io::Result<TcpStream> {
        self.web(|| TcpStream::connect(SocketAddr::new(to, port)))
    }

    /// One datagram there and back.
    pub(crate) fn exchange(&self, to: IpAddr, port: u16) -> io::Result<usize> {
        self.web(|| {
            let any: IpAddr =
                if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
            let socket = UdpSocket::bind((any, 0))?;
            socket.set_read_timeout(Some(SAFETY_NET))?;
            socket.send_to(b"hello", (to, port))?;
            socket.recv(&mut [0; 64])
        })
    }

    pub(crate) fn remove(&self) {
        remove_all(&self.config.pins).expect("removed");
        assert!(!self.config.pins.exists());
    }
}

pub(crate) fn echo_streams(listener: &TcpListener) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { return };
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                if stream.write_all(&buffer[..length]).is_err() {
                    return;
                }
            }
        });
    }
}

pub(crate) fn echo_datagrams(socket: &UdpSocket) {
    let mut buffer = [0; 64];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let _ = socket.send_to(&buffer[..length], from);
    }
}

pub(crate) fn echoes(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(SAFETY_NET))?;
    stream.write_all(b"ping")?;
    stream.read_exact(&mut [0; 4])
}

pub(crate) fn edge(datapath: &mut Datapath, wanted: EdgeKey) -> Option<bulkhead_abi::Edge> {
    let edges = datapath.read_edges(&mut EdgeReader::default()).expect("edges");
    edges.into_iter().find(|e| e.key == wanted).map(|e| e.total)
}

pub(crate) fn key(peer: Identity, protocol: IpProtocol, port: u16, direction: u8) -> EdgeKey {
    EdgeKey { local: WEB.0, peer: peer.0, port, protocol: protocol.0, direction, ..EdgeKey::default() }
}

pub(crate) fn enforced() -> CompiledPolicy {
    let rules = [allow(REDIS, IpProtocol::TCP, OPEN), allow(REDIS, IpProtocol::UDP, OPEN)];
    policy(Mode::Enforce, &rules, &rules)
}
