/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel programs and user space agree on. Mirrored by crates/abi, whose layout a test compares with the one
 * compiled here. Numbers in host byte order unless the name says otherwise; addresses in network byte order, IPv4 as
 * ::ffff:a.b.c.d. */
#ifndef BULKHEAD_ABI_H
#define BULKHEAD_ABI_H

#include <linux/types.h>

#define BH_ABI_VERSION 1

/* Identities with a fixed meaning (model::Identity). */
enum bh_identity {
	BH_ID_UNKNOWN = 0,
	BH_ID_HOST = 1,
	BH_ID_REMOTE_HOST = 2,
	BH_ID_WORLD = 3,
	BH_ID_MULTICAST = 4,
	BH_ID_FIRST_SERVICE = 256,
	BH_ID_FIRST_EXTERNAL = 1 << 24,
};

/* Direction of a connection, seen from the local workload: who opened it. */
enum bh_direction {
	BH_INGRESS = 0,
	BH_EGRESS = 1,
	/* Not a connection: packets with a source address that is not the workload's. */
	BH_SPOOFED = 2,
	/* Not a connection: packets that no rule can speak of. */
	BH_IRREGULAR = 3,
};

enum bh_mode {
	BH_LEARN = 0,
	BH_MONITOR = 1,
	BH_ENFORCE = 2,
	BH_QUARANTINE = 3,
};

enum bh_verdict {
	BH_ALLOWED = 0,
	BH_WOULD_DENY = 1,
	BH_DENIED = 2,
};

enum bh_reason {
	BH_REASON_NONE = 0,
	BH_REASON_NO_RULE = 1,
	BH_REASON_RULE = 2,
	BH_REASON_QUARANTINE = 3,
	BH_REASON_SPOOF = 4,
	BH_REASON_MALFORMED = 5,
	BH_REASON_FRAGMENT = 6,
	BH_REASON_UNIDENTIFIED = 7,
	BH_REASON_TABLE_FULL = 8,
	/* An ICMP error about nothing that is open. */
	BH_REASON_UNRELATED = 9,
};

/* control.flags */
enum bh_control_flags {
	/* Somebody listens to single flows. */
	BH_CONTROL_FLOWS = 1 << 0,
	/* Denied packets are dropped without an answer. */
	BH_CONTROL_SILENT = 1 << 1,
	/* Something is enforced on this host, so endpoints that are not yet identified are closed. */
	BH_CONTROL_CLOSED = 1 << 2,
	/* The gate is there: packets of workloads are marked for it. Without it marks are left alone, because others use
	 * them too. */
	BH_CONTROL_MARK = 1 << 3,
};

/* One word, so that it changes at once. The lowest bit of the epoch says which slot of a service holds. */
struct bh_control {
	__u32 epoch;
	__u32 flags;
};

/* bh_endpoint.flags: an interface of somebody else's that was there before us; its packets pass unseen. */
#define BH_ENDPOINT_EXEMPT 1

/* Numbers of endpoints are those of interfaces; workloads in the host's network, which have none, get numbers from here
 * on, by way of their control groups. Both stay below 2^24. */
#define BH_FIRST_GROUP (1 << 23)

struct bh_endpoint {
	__u32 identity;
	__u32 flags;
};

struct bh_address {
	__u32 word[4];
};

/* What is known of one address. */
struct bh_owner {
	__u32 identity;
	/* Interface of the local workload that owns the address; 0 where none does. */
	__u32 ifindex;
};

/* Ranges are versioned by the slot that uses them, so that they change at once with the policy. */
struct bh_prefix {
	__u32 length; /* 32 + of 128 bits */
	__u32 slot;
	struct bh_address address;
};

/* How one class of peers is treated (policy::compiled::Class). */
struct bh_class_ref {
	__u32 class_id;
	/* Bit i: the class has entries with i leading port bits. */
	__u32 lengths;
	/* What holds where no entry matches. */
	__u32 rule;
	__u32 allow;
};

struct bh_slot {
	/* Keys of peers[]: the table of each direction. */
	__u32 table[2];
	__u32 mode;
	__u32 pad;
	struct bh_class_ref otherwise[2];
};

struct bh_service {
	struct bh_slot slot[2];
};

struct bh_peer_key {
	__u32 table;
	__u32 peer;
};

/* In bh_rule_key: any application that is known and has no entry of its own (model::Application::OTHER). */
#define BH_APPLICATION_OTHER 0xffff

struct bh_rule_key {
	__u32 class_id;
	__u16 port;
	__u8 protocol;
	__u8 length;
	__u16 application;
	__u16 pad;
};

struct bh_rule {
	__u32 rule;
	__u16 allow;
	/* Whether there are entries of the same ports for single applications. */
	__u16 applications;
};

/* 40 bytes, the same for both directions of a flow at one endpoint. */
struct bh_flow_key {
	struct bh_address local;
	struct bh_address remote;
	__u16 local_port;  /* network byte order; ICMP echo: the identifier */
	__u16 remote_port; /* network byte order; ICMP: 0 */
	/* ifindex << 8 | protocol: interface indices are below 2^24 */
	__u32 endpoint;
};

/* Bits of bh_flow.state */
enum bh_flow_state {
	/* It is among the connections of its edge. */
	BH_FLOW_COUNTED = 1 << 0,
	BH_FLOW_SYN_ACK = 1 << 1,
	BH_FLOW_ESTABLISHED = 1 << 2,
	BH_FLOW_FIN_OUT = 1 << 3,
	BH_FLOW_FIN_IN = 1 << 4,
	BH_FLOW_RESET = 1 << 5,
	/* The other side has answered. */
	BH_FLOW_REPLIED = 1 << 6,
	/* It was open before the program came, or its first packet was not seen. */
	BH_FLOW_ADOPTED = 1 << 7,
};

struct bh_flow {
	__u32 epoch;
	__u32 local;
	__u32 peer;
	__u32 rule;
	__u16 port; /* of the server */
	__u16 application;
	__u8 direction;
	__u8 verdict;
	__u8 state;
	__u8 reason;
	/* Jiffies of the last packet known here; a cached flow tells of itself every second. */
	__u32 last;
	__u32 rtt_us;
	__u64 created_ns; /* CLOCK_MONOTONIC */
	/* [0] from the workload, [1] to the workload */
	__u64 packets[2];
	__u64 bytes[2];
};

struct bh_edge_key {
	__u32 local;
	__u32 peer;
	__u16 port;
	__u8 protocol;
	__u8 direction;
	__u16 application;
	__u16 pad;
};

struct bh_edge {
	__u64 packets[2];
	__u64 bytes[2];
	__u64 connections;
	__u64 denied;
	__u64 would_deny;
	__u64 first_ns; /* CLOCK_MONOTONIC */
	__u64 last_ns;
	/* When the last event was raised for a denial on this edge. */
	__u64 told_ns;
	__u32 rule;
	__u32 rtt_min_us;
};

/* Places in bh_edge_use: how many edges were ever made, raised by the programs, and how many were removed again, written
 * by user space alone. Their difference is what the table holds. */
enum bh_edge_use {
	BH_EDGES_MADE = 0,
	BH_EDGES_REMOVED = 1,
	BH_EDGE_USE_MAX = 2,
};

/* An address of the world that a service has talked to, for the first event of each. Or, with a local identity of 0, an
 * interface that nobody has identified (the first word of the address), with the time of its next event. */
struct bh_contact_key {
	__u32 local;
	struct bh_address remote;
	__u16 port;
	__u8 protocol;
	__u8 direction; /* with BH_CONTACT_DENIED where it did not pass, or would not */
};
#define BH_CONTACT_DENIED 0x80

/* One per CPU and slot: established flows, so that a packet needs no hash table. */
struct bh_cached {
	struct bh_flow_key key;
	__u32 epoch;
	__u32 flushed; /* jiffies */
	struct bh_edge_key edge;
	__u32 packets[2];
	__u64 bytes[2];
};

struct bh_fragment_key {
	struct bh_address local;
	struct bh_address remote;
	__u32 id;
	__u32 endpoint;
	__u32 from_workload;
};

/* Ports of the first fragment, so that the later ones are counted with it. */
struct bh_fragment {
	__u16 local_port;
	__u16 remote_port;
	__u32 allow;
	__u32 seen; /* jiffies */
};

/* A DNS question of a workload. */
struct bh_question {
	struct bh_flow_key flow;
	__u16 id;
	__u16 pad[3];
};

enum bh_event_kind {
	BH_EVENT_CONNECTION = 1,
	BH_EVENT_FLOW_OPENED = 2,
	BH_EVENT_FLOW_CLOSED = 3,
	BH_EVENT_NAME = 4,
};

/* bh_event.flags */
enum bh_event_flags {
	BH_EVENT_ADOPTED = 1 << 0,
	/* The denied connection awaits its answer from user space, which first looks for the process. */
	BH_EVENT_ANSWER = 1 << 1,
	/* The packet came from the workload (not to it). */
	BH_EVENT_FROM_WORKLOAD = 1 << 2,
};

#define BH_SNAP 128
#define BH_NAME_SNAP 1024

struct bh_event {
	__u8 kind;
	__u8 direction;
	__u8 verdict;
	__u8 reason;
	__u8 mode;
	__u8 flags;
	__u16 length; /* of the packet's head in snap */
	__u32 ifindex;
	__u32 local;
	__u32 peer;
	__u32 rule;
	__u16 application;
	__u16 port;
	__u32 rtt_us;
	__u64 time_ns; /* CLOCK_MONOTONIC */
	/* The process that asked, where the program ran in its place; else 0. */
	__u32 pid;
	__u32 pad;
	struct bh_flow_key key;
	__u64 packets[2];
	__u64 bytes[2];
	__u8 snap[BH_SNAP]; /* from the IP header on */
};

/* A DNS answer on its way to a workload. */
struct bh_name_event {
	__u8 kind;
	__u8 pad;
	__u16 length;
	__u32 local;
	__u32 ifindex;
	__u32 pad2;
	__u8 message[BH_NAME_SNAP]; /* from the DNS header on */
};

enum bh_stat {
	BH_STAT_LOST_EVENTS = 0,
	BH_STAT_DENIED = 1,
	BH_STAT_MALFORMED = 2,
	BH_STAT_FRAGMENT = 3,
	BH_STAT_SPOOF = 4,
	/* Dropped because nobody knows whose the interface is. */
	BH_STAT_UNIDENTIFIED = 5,
	BH_STAT_FLOWS_FULL = 6,
	BH_STAT_EDGES_FULL = 7,
	BH_STAT_DECISIONS = 8,
	BH_STAT_ANSWERED = 9,
	BH_STAT_OTHER_ETHERTYPE = 10,
	/* Edges for which only the part that is kept for allowed connections has room. */
	BH_STAT_EDGES_KEPT = 11,
	BH_STAT_MAX = 16,
};

/* Marks. The first says to the gate that a program has seen the packet; the second that a packet is our own answer. */
#define BH_MARK_MASK 0x00ff0000
#define BH_MARK_SEEN 0x00a50000
#define BH_MARK_OWN 0x00b60000

#ifdef BH_LAYOUT
/* Sizes and offsets for the test that compares crates/abi with this file: the order is that of abi::layout(). */
#define OFF(type, member) ((__u32)__builtin_offsetof(struct type, member))
#define SIZE(type) ((__u32)sizeof(struct type))
const __u32 bh_layout[] __attribute__((section(".abi_layout"), used)) = {
	BH_ABI_VERSION,
	SIZE(bh_control), OFF(bh_control, flags),
	SIZE(bh_endpoint), OFF(bh_endpoint, flags),
	SIZE(bh_owner), OFF(bh_owner, ifindex),
	SIZE(bh_prefix), OFF(bh_prefix, slot), OFF(bh_prefix, address),
	SIZE(bh_class_ref), OFF(bh_class_ref, lengths), OFF(bh_class_ref, rule), OFF(bh_class_ref, allow),
	SIZE(bh_slot), OFF(bh_slot, mode), OFF(bh_slot, otherwise),
	SIZE(bh_service),
	SIZE(bh_peer_key), OFF(bh_peer_key, peer),
	SIZE(bh_rule_key), OFF(bh_rule_key, port), OFF(bh_rule_key, protocol), OFF(bh_rule_key, length),
	OFF(bh_rule_key, application),
	SIZE(bh_rule), OFF(bh_rule, allow), OFF(bh_rule, applications),
	SIZE(bh_flow_key), OFF(bh_flow_key, remote), OFF(bh_flow_key, local_port), OFF(bh_flow_key, remote_port),
	OFF(bh_flow_key, endpoint),
	SIZE(bh_flow), OFF(bh_flow, port), OFF(bh_flow, application), OFF(bh_flow, direction), OFF(bh_flow, state),
	OFF(bh_flow, last), OFF(bh_flow, rtt_us), OFF(bh_flow, created_ns), OFF(bh_flow, packets),
	OFF(bh_flow, bytes),
	SIZE(bh_edge_key), OFF(bh_edge_key, port), OFF(bh_edge_key, protocol), OFF(bh_edge_key, direction),
	OFF(bh_edge_key, application),
	SIZE(bh_edge), OFF(bh_edge, bytes), OFF(bh_edge, connections), OFF(bh_edge, denied), OFF(bh_edge, would_deny),
	OFF(bh_edge, first_ns), OFF(bh_edge, last_ns), OFF(bh_edge, told_ns), OFF(bh_edge, rule),
	OFF(bh_edge, rtt_min_us),
	SIZE(bh_contact_key), SIZE(bh_cached), SIZE(bh_fragment_key), SIZE(bh_fragment),
	SIZE(bh_event), OFF(bh_event, length), OFF(bh_event, ifindex), OFF(bh_event, local), OFF(bh_event, peer),
	OFF(bh_event, rule), OFF(bh_event, application), OFF(bh_event, port), OFF(bh_event, rtt_us),
	OFF(bh_event, time_ns), OFF(bh_event, pid), OFF(bh_event, key), OFF(bh_event, packets), OFF(bh_event, bytes),
	OFF(bh_event, snap),
	SIZE(bh_name_event), OFF(bh_name_event, length), OFF(bh_name_event, local), OFF(bh_name_event, ifindex),
	OFF(bh_name_event, message),
};
#endif

#endif
