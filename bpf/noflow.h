/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets that open no flow: malformed ones, ARP and neighbours, ICMP errors, later fragments. */
#ifndef BULKHEAD_NOFLOW_H
#define BULKHEAD_NOFLOW_H

#include "conntrack.h"
#include "deny.h"
#include "fragments.h"
#include "spoof.h"

/* ICMP errors belong to the flow that they quote. */
static __always_inline int icmp_error(struct __sk_buff *skb, struct work *w, int from_workload)
{
	struct packet *p = &w->packet;

	if (w->local.mode < BH_ENFORCE)
		return pass(skb, from_workload, w->local.flags);
	if (from_workload && !owns(&w->local, &p->key.local))
		return irregular(skb, from_workload, SPOOF);
	find_peer(w);
	if (w->local.mode == BH_ENFORCE && embedded_key(skb, p, from_workload) == 0 && find_flow(&p->key))
		return pass(skb, from_workload, w->local.flags);
	w->out.port = p->policy_port;
	w->out.direction = from_workload ? BH_EGRESS : BH_INGRESS;
	w->out.reason = BH_REASON_NO_RULE;
	w->out.verdict = BH_DENIED;
	w->out.decision.mode = w->local.mode;
	return deny(skb, from_workload);
}

static __always_inline int later_fragment(struct __sk_buff *skb, struct work *w, int from_workload)
{
	struct bh_flow *flow;

	switch (first_fragment(&w->packet, from_workload)) {
	case FIRST_UNKNOWN:
		return irregular(skb, from_workload, FRAGMENT);
	case FIRST_DENIED:
		return DROP;
	}
	flow = find_flow(&w->packet.key);
	/* The policy has changed since the first fragment: without it, no new verdict can be taken. */
	if (!flow || flow->epoch != w->local.epoch)
		return w->local.mode >= BH_ENFORCE ? DROP : pass(skb, from_workload, w->local.flags);
	remember(&w->packet, flow, w->local.epoch, from_workload);
	return pass(skb, from_workload, w->local.flags);
}

__noinline int no_flow(struct __sk_buff *skb, int from_workload, int parsed)
{
	struct work *w = work();

	if (!w)
		return DROP;
	switch (parsed) {
	case PARSED_OTHER:
		count(BH_STAT_OTHER_ETHERTYPE);
		return w->local.mode >= BH_ENFORCE ? DROP : pass(skb, from_workload, w->local.flags);
	case PARSED_ARP:
		if (w->local.mode == BH_QUARANTINE)
			return DROP;
		if (from_workload && !arp_is_true(skb, w))
			return irregular(skb, from_workload, SPOOF);
		return pass(skb, from_workload, w->local.flags);
	case PARSED_LINK:
		if (w->local.mode == BH_QUARANTINE)
			return DROP;
		/* Group reports and neighbour messages of others would have frames of others come here. */
		if (from_workload && (!owns(&w->local, &w->packet.key.local) || !neighbour_is_true(skb, w)))
			return irregular(skb, from_workload, SPOOF);
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
