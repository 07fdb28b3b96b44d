/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is known of the packet at hand. For packets of an interface it lies in a map and not on the stack, which all
 * functions that call each other share and of which there are only 512 bytes: so there is room for what is still to come.
 * Programs of that hook run with soft interrupts off, so a CPU has one packet at a time. Those of control groups (host.h)
 * may be interrupted by another packet: what they know lies on their stack. */
#ifndef BULKHEAD_WORK_H
#define BULKHEAD_WORK_H

#include "packet.h"
#include "policy.h"

/* Go on with the next program of this hook, then with the stack. */
#define PASS TC_ACT_UNSPEC
#define DROP TC_ACT_SHOT

/* The packet's endpoint. */
struct local {
	__u32 identity;
	__u32 epoch;
	__u32 flags;
	__u32 ifindex;
	__u32 mode;
};

struct work {
	struct packet packet;
	struct local local;
	struct outcome out;
	/* CLOCK_MONOTONIC at this packet, once somebody has asked; else 0. */
	__u64 now_ns;
};

struct desk {
	struct work work;
	/* New entries on their way to their tables. */
	struct bh_flow flow;
	struct bh_edge edge;
	/* When an edge that found no room was told last. */
	__u64 told_full_ns;
	/* Denials told for their address alone, since then. */
	__u64 contacts_ns;
	__u64 contacts;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct desk);
	__uint(max_entries, 1);
} bh_work_map SEC(".maps");

static __always_inline struct desk *desk(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&bh_work_map, &zero);
}

static __always_inline struct work *work(void)
{
	return (struct work *)desk();
}

/* Of a packet of an interface. */
static __always_inline struct desk *desk_of(struct work *w)
{
	return (struct desk *)w;
}

/* Read once a packet: it costs as much as looking into a table. */
static __always_inline __u64 packet_time(struct work *w)
{
	if (!w->now_ns)
		w->now_ns = bpf_ktime_get_ns();
	return w->now_ns;
}

static __always_inline int pass(struct __sk_buff *skb, int from_workload, __u32 flags)
{
	if (from_workload && flags & BH_CONTROL_MARK)
		set_mark(skb, BH_MARK_SEEN);
	return PASS;
}

static __always_inline int is_service(__u32 identity)
{
	return identity >= BH_ID_FIRST_SERVICE && identity < BH_ID_FIRST_EXTERNAL;
}

/* Who the peer is. */
static __noinline int find_peer(struct work *w)
{
	w->out.decision.peer = identify(&w->packet.key.remote, w->local.epoch);
	return 0;
}

#endif
