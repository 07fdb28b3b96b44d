//! What the kernel programs (`bpf/abi.h`) and user space agree on, type by type and name by name.
//!
//! Every struct here has the layout of its namesake in C; [`layout`] lists sizes and offsets in the order in which the
//! compiled object lists its own, and a test of the `datapath` crate compares the two. Host byte order throughout,
//! except for ports of [`FlowKey`] and for addresses, which are in network byte order with IPv4 as `::ffff:a.b.c.d`.

#![forbid(unsafe_code)]
// The derives of zerocopy make helper types of their own.
#![allow(missing_debug_implementations)]

mod layout;
mod translate;

pub use layout::layout;
pub use translate::{direction, direction_number, mode, mode_number, reason, verdict};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub const ABI_VERSION: u32 = 1;
/// Slots of the per-CPU flow cache.
pub const CACHE_SLOTS: u32 = 4096;
pub const SNAP: usize = 128;
pub const NAME_SNAP: usize = 1024;

/// `control.flags`
pub const CONTROL_FLOWS: u32 = 1;
pub const CONTROL_SILENT: u32 = 2;
pub const CONTROL_CLOSED: u32 = 4;
pub const CONTROL_MARK: u32 = 8;

/// Numbers of endpoints are those of interfaces; workloads in the host's network get numbers from here on, below 2^24.
pub const FIRST_GROUP: u32 = 1 << 23;

/// `endpoint.flags`: not a workload's; its packets pass unseen.
pub const ENDPOINT_EXEMPT: u32 = 1;

pub const MARK_MASK: u32 = 0x00ff_0000;
pub const MARK_SEEN: u32 = 0x00a5_0000;
pub const MARK_OWN: u32 = 0x00b6_0000;

pub const INGRESS: u8 = 0;
pub const EGRESS: u8 = 1;
/// Not a connection: packets with a source address that is not the workload's.
pub const SPOOFED: u8 = 2;
/// Not a connection: packets that no rule can speak of.
pub const IRREGULAR: u8 = 3;

pub const EVENT_CONNECTION: u8 = 1;
pub const EVENT_FLOW_OPENED: u8 = 2;
pub const EVENT_FLOW_CLOSED: u8 = 3;
pub const EVENT_NAME: u8 = 4;

pub const EVENT_ADOPTED: u8 = 1;
/// The denied connection awaits its answer from user space.
pub const EVENT_ANSWER: u8 = 2;
pub const EVENT_FROM_WORKLOAD: u8 = 4;

/// It is among the connections of its edge.
pub const FLOW_COUNTED: u8 = 1;
pub const FLOW_SYN_ACK: u8 = 2;
pub const FLOW_ESTABLISHED: u8 = 4;
pub const FLOW_FIN_OUT: u8 = 8;
pub const FLOW_FIN_IN: u8 = 16;
pub const FLOW_RESET: u8 = 32;
pub const FLOW_REPLIED: u8 = 64;
pub const FLOW_ADOPTED: u8 = 128;

/// Places in the table of edges made (raised by the programs) and removed (written by user space).
pub const EDGES_MADE: u32 = 0;
pub const EDGES_REMOVED: u32 = 1;

/// Kernel counters, in the order of `enum bh_stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Stat {
    LostEvents = 0,
    Denied = 1,
    Malformed = 2,
    Fragment = 3,
    Spoof = 4,
    /// Dropped because nobody knows whose the interface is.
    Unidentified = 5,
    FlowsFull = 6,
    EdgesFull = 7,
    Decisions = 8,
    Answered = 9,
    OtherEthertype = 10,
    /// Edges for which only the part that is kept for allowed connections has room.
    EdgesKept = 11,
}

impl Stat {
    /// Those that count packets, each with its name.
    pub const PACKETS: [(Self, &'static str); 8] = [
        (Self::Decisions, "decisions"),
        (Self::Denied, "denied"),
        (Self::Answered, "answered"),
        (Self::Malformed, "malformed"),
        (Self::Fragment, "fragment"),
        (Self::Spoof, "spoof"),
        (Self::Unidentified, "unidentified"),
        (Self::OtherEthertype, "other-ethertype"),
    ];
}

macro_rules! wire {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(C)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }
    };
}

wire! {
    /// One word, so that it changes at once. The lowest bit of the epoch says which slot of a service holds.
    #[derive(Default, Hash)]
    Control { epoch: u32, flags: u32, }
}
wire! {
    #[derive(Default, Hash)]
    Endpoint { identity: u32, flags: u32, }
}
wire! {
    #[derive(Default, Hash, PartialOrd, Ord)]
    Address { word: [u32; 4], }
}
wire! {
    /// What is known of one address: whose it is, and the interface of the local workload that has it (0: none).
    #[derive(Default, Hash)]
    Owner { identity: u32, ifindex: u32, }
}
wire! {
    #[derive(Default, Hash)]
    Prefix {
        /// 32 + of 128 bits
        length: u32,
        slot: u32,
        address: Address,
    }
}
wire! {
    #[derive(Default, Hash)]
    ClassRef {
        class_id: u32,
        /// Bit i: the class has entries with i leading port bits.
        lengths: u32,
        rule: u32,
        allow: u32,
    }
}
wire! {
    #[derive(Default, Hash)]
    Slot { table: [u32; 2], mode: u32, pad: u32, otherwise: [ClassRef; 2], }
}
wire! {
    #[derive(Default, Hash)]
    Service { slot: [Slot; 2], }
}
wire! {
    #[derive(Default, Hash)]
    PeerKey { table: u32, peer: u32, }
}
wire! {
    #[derive(Default, Hash)]
    RuleKey { class_id: u32, port: u16, protocol: u8, length: u8, application: u16, pad: u16, }
}
wire! {
    #[derive(Default, Hash)]
    Rule { rule: u32, allow: u16, applications: u16, }
}
wire! {
    #[derive(Default, Hash)]
    FlowKey {
        local: Address,
        remote: Address,
        /// network byte order; ICMP echo: the identifier
        local_port: u16,
        /// network byte order
        remote_port: u16,
        /// ifindex << 8 | protocol
        endpoint: u32,
    }
}
wire! {
    #[derive(Default)]
    Flow {
        epoch: u32,
        local: u32,
        peer: u32,
        rule: u32,
        port: u16,
        application: u16,
        direction: u8,
        verdict: u8,
        state: u8,
        reason: u8,
        /// jiffies
        last: u32,
        rtt_us: u32,
        created_ns: u64,
        packets: [u64; 2],
        bytes: [u64; 2],
    }
}
wire! {
    #[derive(Default, Hash)]
    EdgeKey { local: u32, peer: u32, port: u16, protocol: u8, direction: u8, application: u16, pad: u16, }
}
wire! {
    #[derive(Default)]
    Edge {
        /// First from the workload, then to it.
        packets: [u64; 2],
        bytes: [u64; 2],
        connections: u64,
        denied: u64,
        would_deny: u64,
        first_ns: u64,
        last_ns: u64,
        told_ns: u64,
        rule: u32,
        rtt_min_us: u32,
    }
}
wire! {
    #[derive(Default, Hash)]
    ContactKey { local: u32, remote: Address, port: u16, protocol: u8, direction: u8, }
}
wire! {
    #[derive(Default)]
    Cached {
        key: FlowKey,
        epoch: u32,
        flushed: u32,
        edge: EdgeKey,
        packets: [u32; 2],
        bytes: [u64; 2],
    }
}
wire! {
    #[derive(Default, Hash)]
    FragmentKey { local: Address, remote: Address, id: u32, endpoint: u32, from_workload: u32, }
}
wire! {
    #[derive(Default)]
    Fragment { local_port: u16, remote_port: u16, allow: u32, seen: u32, }
}
wire! {
    Event {
        kind: u8,
        direction: u8,
        verdict: u8,
        reason: u8,
        mode: u8,
        flags: u8,
        length: u16,
        ifindex: u32,
        local: u32,
        peer: u32,
        rule: u32,
        application: u16,
        port: u16,
        rtt_us: u32,
        time_ns: u64,
        /// The process that asked, where the program ran in its place; else 0.
        pid: u32,
        pad: u32,
        key: FlowKey,
        packets: [u64; 2],
        bytes: [u64; 2],
        snap: [u8; SNAP],
    }
}
wire! {
    NameEvent {
        kind: u8,
        pad: u8,
        length: u16,
        local: u32,
        ifindex: u32,
        pad2: u32,
        message: [u8; NAME_SNAP],
    }
}
