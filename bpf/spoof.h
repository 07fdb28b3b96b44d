/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A workload speaks with its own address. */
#ifndef BULKHEAD_SPOOF_H
#define BULKHEAD_SPOOF_H

#include "deny.h"

/* Whose an address is with which a workload speaks. */
enum claim {
	CLAIM_OWN,
	/* Of another interface of the same service: itself on another network, or a replica. Peers treat both alike. */
	CLAIM_SIBLINGS,
	/* No workload's that is known here. */
	CLAIM_NOBODYS,
	/* Another service's. */
	CLAIM_ANOTHERS,
};

static __always_inline int claim_of(const struct local *local, const struct bh_address *address)
{
	struct bh_owner *owner = bpf_map_lookup_elem(&bh_owners, address);

	if (owner) {
		if (owner->ifindex == local->ifindex)
			return CLAIM_OWN;
		if (!owner->ifindex)
			return CLAIM_NOBODYS;
		return owner->identity == local->identity ? CLAIM_SIBLINGS : CLAIM_ANOTHERS;
	}
	/* link-local addresses that user space has not heard of yet, and "no address yet" */
	if ((address->word[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000))
		return CLAIM_OWN;
	return address->word[0] | address->word[1] | address->word[3] ? CLAIM_NOBODYS : CLAIM_OWN;
}

/* Whether the address on the workload's side is its own. */
static __always_inline int owns(const struct local *local, const struct bh_address *address)
{
	return claim_of(local, address) == CLAIM_OWN;
}

/* The other end takes a packet for whose address it carries, whatever this end's mode is. So what belongs to another
 * service passes in none; and while anything is enforced on this host, neither does what is nobody's, which may be what
 * a rule allows. Otherwise a mode that drops nothing drops nothing: there are virtual addresses, and routers. */
static __noinline int spoofed(struct __sk_buff *skb, int from_workload, int claim)
{
	struct work *w = work();

	if (!w)
		return DROP;
	if (claim == CLAIM_ANOTHERS || (claim == CLAIM_NOBODYS && w->local.flags & BH_CONTROL_CLOSED))
		return irregular(skb, from_workload, SPOOF | IN_ANY_MODE);
	return irregular(skb, from_workload, SPOOF);
}

/* ARP from a workload tells its own address, or none (RFC 5227 probe). */
static __noinline int arp_claim(struct __sk_buff *skb, const struct work *w)
{
	struct bh_address sender;
	__u32 address;

	if (!w || bpf_skb_load_bytes(skb, w->packet.l3 + 14, &address, 4) < 0)
		return CLAIM_NOBODYS;
	if (!address)
		return CLAIM_OWN;
	map_v4(&sender, address);
	return claim_of(&w->local, &sender);
}

/* Group reports and neighbour messages of others would have frames of others come here; and a neighbour advertisement
 * from a workload is about an address of its own. */
static __noinline int neighbour_claim(struct __sk_buff *skb, const struct work *w)
{
	struct bh_address target;
	int claim;

	if (!w)
		return CLAIM_NOBODYS;
	claim = claim_of(&w->local, &w->packet.key.local);
	if (claim != CLAIM_OWN || w->packet.protocol != P_ICMPV6 || w->packet.icmp_type != 136)
		return claim;
	if (bpf_skb_load_bytes(skb, w->packet.l4 + 8, &target, 16) < 0)
		return CLAIM_NOBODYS;
	return claim_of(&w->local, &target);
}

#endif
