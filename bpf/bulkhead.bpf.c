// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The datapath of Bulkhead. Two programs sit on each workload interface, on the host's side: what the workload sends
 * and what it receives. The fast way is a per-CPU cache of established flows; everything else takes the slow way:
 * endpoint, flow table, identity of the peer, policy, accounting. Workloads in the host's network have four programs on
 * their control group instead, which go the slow way always. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define BH_LAYOUT
#include "abi.h"
#include "fast.h"
#include "slow.h"
#include "host.h"

static __always_inline int handle(struct __sk_buff *skb, int from_workload)
{
	__u32 mark = skb->mark & BH_MARK_MASK;
	__u32 flags;

	if (mark == BH_MARK_OWN) {
		set_mark(skb, from_workload ? BH_MARK_SEEN : 0);
		return PASS;
	}
	if (fast(skb, from_workload, &flags))
		return pass(skb, from_workload, flags);
	return slow(skb, from_workload);
}

SEC("classifier")
int bh_from_workload(struct __sk_buff *skb)
{
	return handle(skb, 1);
}

SEC("classifier")
int bh_to_workload(struct __sk_buff *skb)
{
	return handle(skb, 0);
}

SEC("cgroup_skb/egress")
int bh_from_socket(struct __sk_buff *skb)
{
	return socket_packet(skb, 1);
}

SEC("cgroup_skb/ingress")
int bh_to_socket(struct __sk_buff *skb)
{
	return socket_packet(skb, 0);
}

SEC("cgroup/connect4")
int bh_connect4(struct bpf_sock_addr *address)
{
	struct bh_address remote;

	map_v4(&remote, address->user_ip4);
	return connecting(&remote, address->protocol, address->user_port);
}

SEC("cgroup/connect6")
int bh_connect6(struct bpf_sock_addr *address)
{
	struct bh_address remote;

	remote.word[0] = address->user_ip6[0];
	remote.word[1] = address->user_ip6[1];
	remote.word[2] = address->user_ip6[2];
	remote.word[3] = address->user_ip6[3];
	return connecting(&remote, address->protocol, address->user_port);
}

/* Run by user space on each CPU before it reads the edges: what that CPU has cached goes to the tables. The packet's
 * mark says which sixteenth of the slots, so that the verifier's walk stays short. */
SEC("classifier")
int bh_flush(struct __sk_buff *skb)
{
	__u32 base = bpf_get_smp_processor_id() * BH_CACHE_SLOTS + (skb->mark & 15) * (BH_CACHE_SLOTS / 16), i;

	for (i = 0; i < BH_CACHE_SLOTS / 16; i++) {
		__u32 index = base + i;
		struct bh_cached *slot = bpf_map_lookup_elem(&bh_cache, &index);

		if (slot)
			flush_cached(slot);
	}
	return 0;
}

/* The measure of nothing: benches take their figures net of this. */
SEC("classifier")
int bh_empty(struct __sk_buff *skb)
{
	return PASS;
}

/* Tells user space what time it is in jiffies. */
SEC("classifier")
int bh_clock(struct __sk_buff *skb)
{
	skb->mark = now_jiffies();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
