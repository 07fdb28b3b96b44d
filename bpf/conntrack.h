/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows: states, time-outs, ICMP errors that belong to a flow. */
#ifndef BULKHEAD_CONNTRACK_H
#define BULKHEAD_CONNTRACK_H

#include "cache.h"

#define CLOSED_OUT_IN (BH_FLOW_FIN_OUT | BH_FLOW_FIN_IN)

static __always_inline int is_closed(__u8 state)
{
	return (state & BH_FLOW_RESET) || (state & CLOSED_OUT_IN) == CLOSED_OUT_IN;
}

/* Seconds without a packet after which a flow is gone. */
static __always_inline __u32 lifetime(__u8 protocol, __u8 state)
{
	switch (protocol) {
	case P_TCP:
		if (is_closed(state))
			return 10;
		if (state & (BH_FLOW_ESTABLISHED | BH_FLOW_ADOPTED))
			return 86400;
		return 130; /* a SYN is repeated for 127 s by default */
	case P_UDP:
		return state & BH_FLOW_REPLIED ? 180 : 60;
	case P_ICMP:
	case P_ICMPV6:
		return 30;
	default:
		return 600;
	}
}

static __always_inline struct bh_flow *find_flow(const struct bh_flow_key *key)
{
	struct bh_flow *flow = bpf_map_lookup_elem(&bh_flows, key);

	if (flow && now_jiffies() - flow->last > lifetime(key->endpoint & 0xff, flow->state) * bh_hz)
		return 0;
	return flow;
}

/* Whether the flow has closed, also where its time is over but its place is not yet taken. */
static __always_inline int has_ended(const struct bh_flow_key *key)
{
	struct bh_flow *flow = bpf_map_lookup_elem(&bh_flows, key);

	return flow && is_closed(flow->state);
}

/* Follows the connection; returns whether this packet closed it. */
static __always_inline int track(struct bh_flow *flow, int protocol, int tcp_flags, int from_workload)
{
	__u8 before = flow->state, state = before;
	int from_client = from_workload == (flow->direction == BH_EGRESS);

	if (!from_client)
		state |= BH_FLOW_REPLIED;
	if (protocol == P_TCP) {
		if (tcp_flags & TCP_SYN) {
			if (tcp_flags & TCP_ACK && !from_client && !(state & BH_FLOW_SYN_ACK)) {
				state |= BH_FLOW_SYN_ACK;
				if (flow->created_ns)
					flow->rtt_us = (__u32)((bpf_ktime_get_ns() - flow->created_ns) / 1000);
			}
		} else if (from_client || state & BH_FLOW_SYN_ACK) {
			state |= BH_FLOW_ESTABLISHED;
		}
		if (tcp_flags & TCP_FIN)
			state |= from_workload ? BH_FLOW_FIN_OUT : BH_FLOW_FIN_IN;
		if (tcp_flags & TCP_RST)
			state |= BH_FLOW_RESET;
	}
	if (state != before)
		flow->state = state;
	flow->last = now_jiffies();
	return !is_closed(before) && is_closed(state);
}

/* Connections that have closed on this CPU. Each leaves the table when so many more have closed: until then its last
 * packets find it, and the next connections get its place, which the CPU still has at hand, in a table of which else
 * every entry is the one touched longest ago. */
#define CLOSED_KEPT 64

struct closed {
	__u32 next;
	__u32 pad;
	struct bh_flow_key keys[CLOSED_KEPT];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct closed);
	__uint(max_entries, 1);
} bh_closed_map SEC(".maps");

/* This connection has closed; one that closed long before it goes. */
static __noinline int retire(const struct bh_flow_key *key)
{
	struct bh_flow_key *place;
	struct closed *closed;
	struct bh_flow *flow;
	__u32 zero = 0;

	if (!key)
		return 0;
	closed = bpf_map_lookup_elem(&bh_closed_map, &zero);
	if (!closed)
		return 0;
	place = &closed->keys[closed->next++ & (CLOSED_KEPT - 1)];
	if (place->endpoint) {
		flow = bpf_map_lookup_elem(&bh_flows, place);
		/* Its ports may have been used again. */
		if (flow && is_closed(flow->state)) {
			flush_last(place, flow->rtt_us);
			bpf_map_delete_elem(&bh_flows, place);
		}
	}
	*place = *key;
	return 0;
}

/* Turns p->key into the key of the flow that an ICMP error embeds: the packet that the error speaks of went the other
 * way. Returns 0 where it can be told. */
static __noinline int embedded_key(struct __sk_buff *skb, struct packet *p, int from_workload)
{
	__u32 offset = p->l4 + 8, word[10];
	__u8 protocol, transport[8];
	__u16 source, destination;

	if (p->family == 4) {
		__u8 first;

		if (bpf_skb_load_bytes(skb, offset, word, 20) < 0)
			return -1;
		first = *(__u8 *)word;
		protocol = ((__u8 *)word)[9];
		if (first >> 4 != 4 || (first & 15) < 5)
			return -1;
		offset += (first & 15) << 2;
		map_v4(&p->key.local, from_workload ? word[4] : word[3]);
		map_v4(&p->key.remote, from_workload ? word[3] : word[4]);
	} else {
		if (bpf_skb_load_bytes(skb, offset, word, 40) < 0)
			return -1;
		if (*(__u8 *)word >> 4 != 6)
			return -1;
		protocol = ((__u8 *)word)[6];
		offset += 40;
		copy_v6(&p->key.local, from_workload ? &word[6] : &word[2]);
		copy_v6(&p->key.remote, from_workload ? &word[2] : &word[6]);
	}
	if (bpf_skb_load_bytes(skb, offset, transport, 8) < 0)
		return -1;
	p->key.endpoint = skb->ifindex << 8 | protocol;
	switch (protocol) {
	case P_TCP:
	case P_UDP:
	case P_SCTP:
		source = *(__u16 *)transport;
		destination = *(__u16 *)(transport + 2);
		p->key.local_port = from_workload ? destination : source;
		p->key.remote_port = from_workload ? source : destination;
		return 0;
	case P_ICMP:
	case P_ICMPV6:
		p->key.local_port = *(__u16 *)(transport + 4);
		p->key.remote_port = 0;
		return 0;
	default:
		p->key.local_port = 0;
		p->key.remote_port = 0;
		return 0;
	}
}

#endif
