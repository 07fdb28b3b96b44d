/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A workload speaks with its own address. */
#ifndef BULKHEAD_SPOOF_H
#define BULKHEAD_SPOOF_H

#include "work.h"

/* Whether the address on the workload's side is its own. */
static __always_inline int owns(const struct local *local, const struct bh_address *address)
{
	struct bh_owner *owner = bpf_map_lookup_elem(&bh_owners, address);

	if (owner)
		return owner->ifindex == local->ifindex;
	/* link-local addresses that user space has not heard of yet, and "no address yet" */
	if ((address->word[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000))
		return 1;
	return !(address->word[0] | address->word[1] | address->word[3]);
}

/* ARP from a workload tells its own address, or none (RFC 5227 probe). */
static __noinline int arp_is_true(struct __sk_buff *skb, const struct work *w)
{
	struct bh_address sender;
	__u32 address;

	if (bpf_skb_load_bytes(skb, w->packet.l3 + 14, &address, 4) < 0)
		return 0;
	if (!address)
		return 1;
	map_v4(&sender, address);
	return owns(&w->local, &sender);
}

/* A neighbour advertisement from a workload is about an address of its own. */
static __noinline int neighbour_is_true(struct __sk_buff *skb, const struct work *w)
{
	const struct packet *p = &w->packet;
	struct bh_address target;

	if (p->protocol != P_ICMPV6 || p->icmp_type != 136)
		return 1;
	if (bpf_skb_load_bytes(skb, p->l4 + 8, &target, 16) < 0)
		return 0;
	return owns(&w->local, &target);
}

#endif
