/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The way of nearly every packet: plain Ethernet, IPv4 without options or IPv6 without extension headers, TCP or UDP, in
 * the middle of a flow that this CPU has cached. The key is put together in registers: written to the stack in small
 * pieces and read back in large ones it would cost more than all the rest. Everything else goes the general way. */
#ifndef BULKHEAD_FAST_H
#define BULKHEAD_FAST_H

#include "conntrack.h"

#define MAPPED 0xffff0000ull /* ::ffff in the low word, as it lies in memory */

struct fast_key {
	__u64 w[5]; /* struct bh_flow_key */
};

static __always_inline struct bh_cached *fast_slot(const struct fast_key *key)
{
	__u32 index = bpf_get_smp_processor_id() * BH_CACHE_SLOTS + cache_hash(key->w);

	return bpf_map_lookup_elem(&bh_cache, &index);
}

static __always_inline int differs(const struct bh_cached *slot, const struct fast_key *key)
{
	const __u64 *have = (const __u64 *)&slot->key;

	return ((have[0] ^ key->w[0]) | (have[1] ^ key->w[1]) | (have[2] ^ key->w[2]) | (have[3] ^ key->w[3]) |
		(have[4] ^ key->w[4])) != 0;
}

/* The answer to a SYN, and the last packets of a connection: they change its state, and nothing else of it. Returns whether
 * they pass; else they go the general way. */
static __noinline int turn(struct bh_cached *slot, int tcp_flags, int from_workload)
{
	struct bh_flow *flow;

	if (!slot)
		return 0;
	flow = find_flow(&slot->key);
	/* What comes after the end, when the flow has gone already, is still of the connection that the slot tells of. */
	if (!flow)
		return !(tcp_flags & TCP_SYN);
	if (flow->epoch != slot->epoch)
		return 0;
	if (track(flow, P_TCP, tcp_flags, from_workload))
		retire(&slot->key);
	return 1;
}

/* Returns whether the packet was counted and passes; then `flags` are those of the control word. */
static __always_inline int fast(struct __sk_buff *skb, int from_workload, __u32 *flags)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct bh_control *control;
	struct bh_cached *slot;
	struct fast_key key;
	__u32 zero = 0, bytes, source, destination;
	__u16 type;
	__u8 protocol, tcp_flags = 0, *transport;

	if (data + ETH_HLEN + 20 + 20 > end)
		return 0;
	type = *(__u16 *)(data + 12);
	if (type == bpf_htons(ETH_P_IP)) {
		struct ipv4 *ip = data + ETH_HLEN;

		if (ip->version_ihl != 0x45 || ip->fragment & bpf_htons(0x3fff))
			return 0;
		protocol = ip->protocol;
		bytes = bpf_ntohs(ip->length);
		if (bytes < 28 || bytes > skb->len - ETH_HLEN)
			return 0;
		source = ip->source;
		destination = ip->destination;
		key.w[0] = 0;
		key.w[2] = 0;
		key.w[1] = (__u64)(from_workload ? source : destination) << 32 | MAPPED;
		key.w[3] = (__u64)(from_workload ? destination : source) << 32 | MAPPED;
		transport = (void *)(ip + 1);
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		struct ipv6 *ip = data + ETH_HLEN;
		__u64 *address;

		if ((void *)(ip + 1) + 20 > end || (*(__u8 *)ip) >> 4 != 6)
			return 0;
		protocol = ip->next;
		bytes = bpf_ntohs(ip->length);
		if (bytes < 8 || bytes + 40 > skb->len - ETH_HLEN)
			return 0;
		bytes += 40;
		address = (__u64 *)ip->source;
		key.w[0] = address[from_workload ? 0 : 2];
		key.w[1] = address[from_workload ? 1 : 3];
		key.w[2] = address[from_workload ? 2 : 0];
		key.w[3] = address[from_workload ? 3 : 1];
		/* Perhaps IPv4 in disguise. */
		if (!key.w[0] || !key.w[2])
			return 0;
		transport = (void *)(ip + 1);
	} else {
		return 0;
	}
	if (protocol == P_TCP) {
		tcp_flags = transport[13];
		/* A SYN asks for something. */
		if ((tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN || bytes < (type == bpf_htons(ETH_P_IP) ? 40 : 60))
			return 0;
	} else if (protocol != P_UDP) {
		return 0;
	}
	source = *(__u16 *)transport;
	destination = *(__u16 *)(transport + 2);
	key.w[4] = (__u64)(skb->ifindex << 8 | protocol) << 32 |
		   (from_workload ? source | destination << 16 : destination | source << 16);

	slot = fast_slot(&key);
	if (!slot)
		return 0;
	/* Never "no slot" for "another key": the verifier of 5.10 does not follow that far. */
	if (differs(slot, &key) || now_jiffies() - slot->flushed >= bh_hz)
		return 0;
	/* Last, when the key is no longer needed: the stacks of all callers together are nearly full. */
	control = bpf_map_lookup_elem(&bh_control_map, &zero);
	if (!control || slot->epoch != control->epoch)
		return 0;
	*flags = control->flags;
	/* Who listens to single flows is told of the end of each. */
	if (tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST) &&
	    (control->flags & BH_CONTROL_FLOWS || !turn(slot, tcp_flags, from_workload)))
		return 0;
	slot->packets[from_workload ? 0 : 1] += 1;
	slot->bytes[from_workload ? 0 : 1] += bytes;
	return 1;
}

#endif
