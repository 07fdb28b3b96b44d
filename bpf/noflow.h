/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets that open no flow: malformed ones, ARP and neighbours, ICMP errors, later fragments. */
#ifndef BULKHEAD_NOFLOW_H
#define BULKHEAD_NOFLOW_H

#include "conntrack.h"
#include "deny.h"
#include "fragments.h"
#include "spoof.h"

/* Whether the policy in force allows the flow of w->packet.key. One that was decided under an earlier policy is asked
 * about anew, and left as it is for its own next packet. */
static __noinline int is_allowed_now(struct work *w, const struct bh_flow *flow)
{
	struct bh_service *service;
	struct outcome *out;

	if (!w || !flow)
		return 0;
	if (flow->epoch == w->local.epoch)
		return 1;
	service = bpf_map_lookup_elem(&bh_services, &w->local.identity);
	if (!service || !owns(&w->local, &w->packet.key.local))
		return 0;
	out = &w->out;
	out->direction = flow->direction;
	out->port = flow->port;
	out->application = flow->application;
	find_peer(w);
	decide(&service->slot[w->local.epoch & 1], out, w->packet.key.endpoint & 0xff);
	return verdict_of(&out->decision) == BH_ALLOWED;
}

/* ICMP errors belong to the flow that they quote. */
static __always_inline int icmp_error(struct __sk_buff *skb, struct work *w, int from_workload)
{
	struct packet *p = &w->packet;
	struct outcome *out = &w->out;
	__u32 sender;

	if (from_workload) {
		int claim = claim_of(&w->local, &p->key.local);

		if (claim != CLAIM_OWN)
			return spoofed(skb, from_workload, claim);
	}
	if (w->local.mode < BH_MONITOR)
		return pass(skb, from_workload, w->local.flags);
	find_peer(w);
	sender = out->decision.peer;
	if (w->local.mode != BH_QUARANTINE && embedded_key(skb, p, from_workload) == 0 &&
	    is_allowed_now(w, find_flow(&p->key)))
		return pass(skb, from_workload, w->local.flags);
	__builtin_memset(out, 0, sizeof(*out));
	out->decision.peer = sender;
	out->decision.mode = w->local.mode;
	out->port = p->policy_port;
	out->direction = from_workload ? BH_EGRESS : BH_INGRESS;
	out->irregular = 1;
	out->verdict = verdict_of(&out->decision);
	out->reason = w->local.mode == BH_QUARANTINE ? BH_REASON_QUARANTINE : BH_REASON_UNRELATED;
	if (out->verdict == BH_DENIED)
		return deny(skb, from_workload);
	account(skb, from_workload);
	return pass(skb, from_workload, w->local.flags);
}

static __always_inline int later_fragment(struct __sk_buff *skb, struct work *w, int from_workload)
{
	struct bh_flow *flow;
	int first;

	if (from_workload) {
		int claim = claim_of(&w->local, &w->packet.key.local);

		if (claim != CLAIM_OWN)
			return spoofed(skb, from_workload, claim);
	}
	first = first_fragment(&w->packet, from_workload);
	if (first == FIRST_DENIED && w->local.mode >= BH_ENFORCE)
		return DROP;
	flow = first == FIRST_ALLOWED ? find_flow(&w->packet.key) : 0;
	if (!is_allowed_now(w, flow))
		return irregular(skb, from_workload, FRAGMENT);
	if (flow && flow->epoch == w->local.epoch)
		remember(&w->packet, flow, w->local.epoch, from_workload);
	return pass(skb, from_workload, w->local.flags);
}

__noinline int no_flow(struct __sk_buff *skb, int from_workload, int parsed)
{
	struct work *w = work();
	int claim;

	if (!w)
		return DROP;
	switch (parsed) {
	case PARSED_OTHER:
		if (w->local.mode < BH_MONITOR) {
			count(BH_STAT_OTHER_ETHERTYPE);
			return pass(skb, from_workload, w->local.flags);
		}
		return irregular(skb, from_workload, ETHERTYPE);
	case PARSED_ARP:
		if (w->local.mode == BH_QUARANTINE)
			return DROP;
		claim = from_workload ? arp_claim(skb, w) : CLAIM_OWN;
		if (claim != CLAIM_OWN)
			return spoofed(skb, from_workload, claim);
		return pass(skb, from_workload, w->local.flags);
	case PARSED_LINK:
		if (w->local.mode == BH_QUARANTINE)
			return DROP;
		claim = from_workload ? neighbour_claim(skb, w) : CLAIM_OWN;
		if (claim != CLAIM_OWN)
			return spoofed(skb, from_workload, claim);
		return pass(skb, from_workload, w->local.flags);
	case PARSED_ERROR:
		return icmp_error(skb, w, from_workload);
	case PARSED_FRAGMENT:
		return later_fragment(skb, w, from_workload);
	default:
		return irregular(skb, from_workload, MALFORMED);
	}
}

#endif
