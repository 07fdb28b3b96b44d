//! Hostile frames on a real wire: a workload behind a veth pair sends whatever it likes, and so does its neighbour.

#[path = "support/pcap.rs"]
mod pcap;
mod room;

use bulkhead_abi::Stat;
use bulkhead_model::{Identity, IpProtocol, Mode};
use bulkhead_testkit::{Network, Packet, Received, Wire, corpora, require_root};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use room::{Allow, REDIS, Room, WEB, allow, policy};
use std::net::{IpAddr, Ipv6Addr, UdpSocket};

/// The only port that a rule opens, in both directions.
const OPEN: u16 = 9;
/// Frames between two that are known to pass.
const BATCH: usize = 64;

/// WEB and REDIS on one bridge, the programs on WEB's interface.
struct Street {
    network: Network,
    room: Room,
    /// In WEB, in REDIS, on the host.
    wires: [Wire; 3],
    canaries: u32,
    /// Somebody listens on the open port, so that no stack has to complain.
    _listeners: Vec<UdpSocket>,
}

/// What came out at the other end of a storm.
#[derive(Debug, Default)]
struct Arrivals {
    sent: usize,
    /// At the neighbour and at the host's bridge, without what marks the batches.
    frames: Vec<Received>,
}

impl Street {
    fn new(number: u8) -> Self {
        let network = Network::new(number, 2);
        let mut room = Room::new();
        let [web, redis] = [&network.hosts[0], &network.hosts[1]];
        let index = network.router.interface_index(&web.host_interface);
        let set = |address: IpAddr, identity: Identity, ifindex| {
            room.datapath.set_owner(address, identity, ifindex).expect("room for owners");
        };
        web.addresses().into_iter().for_each(|address| set(address, WEB, index));
        redis.addresses().into_iter().for_each(|address| set(address, REDIS, index + 1000));
        room.datapath.set_endpoint(index, WEB).expect("room for endpoints");
        network
            .router
            .enter(|| room.datapath.attach(&web.host_interface, index))
            .expect("the interface takes the programs");
        let wires = [&web.namespace, &redis.namespace, &network.router].map(|place| place.enter(Wire::open));
        let listen = || UdpSocket::bind((Ipv6Addr::UNSPECIFIED, OPEN)).expect("a free port");
        let _listeners = network.hosts.iter().map(|host| host.namespace.enter(listen)).collect();
        Self { network, room, wires, canaries: 0, _listeners }
    }

    fn apply(&mut self, mode: Mode) {
        let open = |peer| Allow { ..allow(peer, IpProtocol::UDP, OPEN) };
        self.room.apply(&policy(mode, &[open(REDIS)], &[open(REDIS)]));
    }

    /// `from` and `to` are places in `wires`. Every frame is sent as it is, then with addresses of this network outside,
    /// then also inside.
    fn storm(&mut self, from: usize, to: usize, frames: &[Vec<u8>]) -> Arrivals {
        let macs = [0, 1].map(|place: usize| self.wires[place].mac(Network::INTERFACE));
        let mut arrivals = Arrivals::default();
        // What came while nobody looked.
        self.wires.iter().for_each(|wire| while wire.received().is_some() {});
        for batch in frames.chunks(BATCH) {
            for frame in batch {
                let outside = [&[0xff; 6], &macs[from], &frame[12..]].concat();
                let inside = self.readdressed(from, to, &[&macs[to], &macs[from], &frame[12..]].concat());
                for variant in [frame, &outside, &inside] {
                    arrivals.sent += usize::from(self.wires[from].send(Network::INTERFACE, variant));
                }
            }
            self.wait_for_canary(from, to, macs, &mut arrivals);
        }
        // What the receivers themselves and the host's stack have to say is nobody's attack.
        let bridge = self.wires[2].mac(Network::BRIDGE);
        arrivals.frames.retain(|r| ![macs[to], bridge].iter().any(|mac| r.frame[6..12] == *mac));
        arrivals
    }

    /// Sends what a rule allows, and takes everything that arrives before it.
    fn wait_for_canary(&mut self, from: usize, to: usize, macs: [[u8; 6]; 2], arrivals: &mut Arrivals) {
        self.canaries += 1;
        let mark = format!("canary {}", self.canaries);
        let [source, destination] = [from, to].map(|place| self.network.hosts[place].v4);
        let canary = Packet::udp(&format!("{source}:4000"), &format!("{destination}:{OPEN}"))
            .macs(macs[from], macs[to])
            .payload(&mark)
            .bytes();
        assert!(self.wires[from].send(Network::INTERFACE, &canary));
        loop {
            let received = self.wires[to].receive().expect("what a rule allows arrives");
            if received.frame.ends_with(mark.as_bytes()) {
                break;
            }
            arrivals.frames.push(received);
        }
        let bridge = self.wires[2].index(Network::BRIDGE);
        while let Some(received) = self.wires[2].received() {
            // Packet sockets on the interface itself see frames before the programs do.
            // Between the neighbour and the host there is no program.
            if from == 0 && received.interface == bridge && !received.frame.ends_with(mark.as_bytes()) {
                arrivals.frames.push(received);
            }
        }
    }

    /// The packet as if it went from one workload to the other, as far as there are addresses in it.
    fn readdressed(&self, from: usize, to: usize, frame: &[u8]) -> Vec<u8> {
        let mut frame = frame.to_vec();
        let [source, destination] = [from, to].map(|place| &self.network.hosts[place]);
        let (at, addresses) = match frame[12..14] {
            [0x08, 0x00] => (26, [source.v4.octets(), destination.v4.octets()].concat()),
            [0x86, 0xdd] => (22, [source.v6.octets(), destination.v6.octets()].concat()),
            [0x08, 0x06] => (28, source.v4.octets().to_vec()),
            _ => return frame,
        };
        if let Some(place) = frame.get_mut(at..at + addresses.len()) {
            place.copy_from_slice(&addresses);
        }
        frame
    }

    /// Whether the frame may pass in Enforce: what the rule opens, and what belongs to having an address. What a
    /// workload sends of that must come from an address of its own.
    fn may_pass(&self, from: usize, frame: &[u8]) -> bool {
        let host = &self.network.hosts[from];
        let truthful = |source: IpAddr| {
            from != 0
                || host.addresses().contains(&source)
                || source.is_unspecified()
                || matches!(source, IpAddr::V6(v6) if v6.is_unicast_link_local())
        };
        let (ethertype, body) = untagged(frame);
        if ethertype == 0x0806 {
            let sender = body.get(14..18).and_then(|octets| <[u8; 4]>::try_from(octets).ok());
            return sender.is_some_and(|octets| truthful(octets.into()));
        }
        let (source, protocol, transport) = match (ethertype, body) {
            (0x0800, [first, ..]) if body.len() >= 20 => {
                let source = <[u8; 4]>::try_from(&body[12..16]).expect("four bytes");
                (source.into(), body[9], body.get(usize::from(first & 15) * 4..).unwrap_or(&[]))
            }
            (0x86dd, _) if body.len() >= 40 => {
                let source = <[u8; 16]>::try_from(&body[8..24]).expect("sixteen bytes");
                match etherparse::Ipv6Slice::from_slice(body) {
                    Ok(ip) => (source.into(), ip.payload().ip_number.0, ip.payload().payload),
                    Err(_) => return false,
                }
            }
            _ => return false,
        };
        match (protocol, transport) {
            (2, _) => truthful(source),
            // A workload that advertises itself as a router needs a rule.
            (58, [134, ..]) => from != 0,
            (58, [130..=136 | 143, ..]) => truthful(source),
            (17, [_, _, high, low, ..]) => {
                u16::from_be_bytes([*high, *low]) == OPEN && host.addresses().contains(&source)
            }
            _ => false,
        }
    }
}

/// Ethertype and what follows it, behind at most two tags.
fn untagged(frame: &[u8]) -> (u16, &[u8]) {
    let mut at = 12;
    for _ in 0..2 {
        if !matches!(frame.get(at..at + 2), Some([0x81, 0] | [0x88, 0xa8])) {
            break;
        }
        at += 4;
    }
    match frame.get(at..at + 2) {
        Some(&[high, low]) => (u16::from_be_bytes([high, low]), &frame[at + 2..]),
        _ => (0, &[]),
    }
}

fn described(received: &Received) -> String {
    let sliced = SlicedPacket::from_ethernet(&received.frame);
    let net = sliced.as_ref().ok().and_then(|s| match &s.net {
        Some(NetSlice::Ipv4(ip)) => Some(format!("{:?}", ip.header())),
        Some(NetSlice::Ipv6(ip)) => Some(format!("{:?}", ip.header())),
        _ => None,
    });
    let transport = sliced.as_ref().ok().and_then(|s| match &s.transport {
        Some(TransportSlice::Udp(udp)) => Some(format!("{:?}", udp.to_header())),
        _ => None,
    });
    format!("interface {}: {:02x?} {net:?} {transport:?}", received.interface, received.frame)
}

#[test]
fn of_hostile_frames_on_a_real_wire_only_what_rules_allow_arrives() {
    let test = "of_hostile_frames_on_a_real_wire_only_what_rules_allow_arrives";
    if !require_root(test) {
        return;
    }
    let Some(corpus) = corpora(test) else { return };
    let mut frames = Vec::new();
    for file in pcap::files_in(&corpus.join("robustness/tcpdump")) {
        frames.extend(pcap::frames_of(&file).into_iter().map(<[u8]>::to_vec));
    }
    assert!(frames.len() > 1000, "only {} frames were read", frames.len());
    let mut street = Street::new(91);

    // While learning, nearly everything gets through: the street is open, and the test can see it.
    street.apply(Mode::Learn);
    let open = street.storm(0, 1, &frames);
    println!("learn: {} frames sent, {} arrived", open.sent, open.frames.len());
    assert!(open.frames.len() > frames.len(), "the test sees too little to say anything");

    street.apply(Mode::Enforce);
    for (from, to) in [(0, 1), (1, 0)] {
        let closed = street.storm(from, to, &frames);
        println!("enforce, from {from}: {} frames sent, {} arrived", closed.sent, closed.frames.len());
        let wrong: Vec<_> = closed.frames.iter().filter(|r| !street.may_pass(from, &r.frame)).collect();
        assert!(
            wrong.is_empty(),
            "{} frames from {from} that nothing allows, such as\n{}",
            wrong.len(),
            wrong.iter().take(5).map(|r| described(r)).collect::<Vec<_>>().join("\n")
        );
    }
    for stat in [Stat::Malformed, Stat::Spoof, Stat::Denied, Stat::Fragment, Stat::OtherEthertype] {
        let count = street.room.datapath.stat(stat).expect("stats");
        println!("{stat:?}: {count}");
        assert!(count > 0, "{stat:?}");
    }
}
