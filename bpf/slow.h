/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The general way: whose endpoint it is, the flow table, the policy, the books. */
#ifndef BULKHEAD_SLOW_H
#define BULKHEAD_SLOW_H

#include "midstream.h"
#include "noflow.h"
#include "questions.h"

/* The packet goes on its way through slow(); no verdict of the kernel's. */
#define GO_ON 0x100

/* How long a new interface may be nobody's before its packets are missed, and how often that is said. */
#define STARTING_NS (2 * SECOND_NS)
#define REMIND_NS (60 * SECOND_NS)

/* The flow that the packet belongs to. A SYN opens anew where the flow is closed or belongs to the other side; an ICMP
 * request of the other side is no answer. */
static __always_inline struct bh_flow *known_flow(const struct packet *p, int sender)
{
	struct bh_flow *flow = find_flow(&p->key);

	if (!flow)
		return 0;
	if (p->protocol == P_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	    (flow->direction != sender || is_closed(flow->state)))
		return 0;
	if ((p->protocol == P_ICMP || p->protocol == P_ICMPV6) && (flow->direction == sender) == p->icmp_reply)
		return 0;
	return flow;
}

/* Whether what the flow counts from now on belongs to another edge. What was counted belongs to the old one, the connection
 * itself too: it does not begin again because its peer has got a name. */
static __always_inline int moves(struct work *w, struct bh_flow *flow)
{
	struct outcome *out = &w->out;

	out->counted = out->verdict == BH_ALLOWED ? !!(flow->state & BH_FLOW_COUNTED) : flow->verdict == out->verdict;
	if (out->verdict == BH_ALLOWED)
		flow->state |= BH_FLOW_COUNTED;
	return flow->peer != out->decision.peer || flow->local != w->local.identity || flow->verdict != out->verdict;
}

static __always_inline void rewrite(const struct work *w, struct bh_flow *flow)
{
	const struct outcome *out = &w->out;

	flow->local = w->local.identity;
	flow->peer = out->decision.peer;
	flow->rule = out->decision.rule;
	flow->verdict = out->verdict;
	flow->reason = out->reason;
	flow->epoch = w->local.epoch;
}

/* The verdict was taken anew, the connection goes on. */
static __noinline int renew(struct __sk_buff *skb, struct work *w, struct bh_flow *flow, int from_workload)
{
	int moved;

	if (!flow)
		return GO_ON;
	moved = moves(w, flow);
	if (moved)
		forget_cached(&w->packet.key);
	rewrite(w, flow);
	if (moved)
		account(skb, from_workload);
	return GO_ON;
}

/* A new flow, on its way to the table. */
static __noinline int begin(struct work *w, struct bh_flow *new)
{
	const struct outcome *out = &w->out;

	if (!new)
		return 0;
	__builtin_memset(new, 0, sizeof(*new));
	new->epoch = w->local.epoch;
	new->local = w->local.identity;
	new->peer = out->decision.peer;
	new->rule = out->decision.rule;
	new->port = out->port;
	new->direction = out->direction;
	new->verdict = out->verdict;
	new->reason = out->reason;
	new->state = (out->adopted ? BH_FLOW_ADOPTED : 0) | (out->verdict == BH_ALLOWED ? BH_FLOW_COUNTED : 0);
	new->created_ns = packet_time(w);
	return 0;
}

static __noinline int enter(struct __sk_buff *skb, struct work *w, int from_workload)
{
	struct bh_flow *new = &desk_of(w)->flow;
	int asked;

	begin(w, new);
	/* Its state is written with it: the next packet needs no second look at this one. */
	track(new, w->packet.protocol, w->packet.tcp_flags, from_workload);
	if (bpf_map_update_elem(&bh_flows, &w->packet.key, new, BPF_ANY) != 0) {
		count(BH_STAT_FLOWS_FULL);
		if (w->local.mode >= BH_ENFORCE) {
			w->out.verdict = BH_DENIED;
			w->out.reason = BH_REASON_TABLE_FULL;
			account(skb, from_workload);
			return DROP;
		}
	}
	/* What was open before goes on, counted or not. */
	w->out.opens = !w->out.adopted;
	asked = account(skb, from_workload);
	if (w->out.verdict != BH_DENIED)
		return GO_ON;
	/* It could not be counted. */
	bpf_map_delete_elem(&bh_flows, &w->packet.key);
	if (w->packet.fragment == FRAGMENT_FIRST)
		keep_fragment(&w->packet, from_workload, 0);
	return refuse(skb, from_workload, asked);
}

enum asked { ANSWERED, STRAY, UNDECIDED };

/* What the policy says of a new flow, or of one whose verdict is of an earlier epoch, to the peer that is found. */
static __always_inline int ask_policy(struct work *w, const struct bh_slot *slot, const struct bh_flow *flow,
				      int from_workload)
{
	struct packet *p = &w->packet;
	struct outcome *out = &w->out;

	if (!flow && p->protocol == P_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN) {
		/* A stray reset opens nothing. */
		if (p->tcp_flags & TCP_RST)
			return STRAY;
		if (!decide_midstream(w, slot, from_workload))
			return UNDECIDED;
	} else {
		if (flow) {
			out->direction = flow->direction;
			out->port = flow->port;
			out->application = flow->application;
			out->adopted = !!(flow->state & BH_FLOW_ADOPTED);
		} else {
			out->direction = from_workload ? BH_EGRESS : BH_INGRESS;
			out->port = p->icmp_reply ? (__u16)p->icmp_type << 8 : p->policy_port;
		}
		decide(slot, out, p->protocol);
	}
	out->verdict = verdict_of(&out->decision);
	if (out->verdict != BH_ALLOWED)
		out->reason = reason_of(&out->decision);
	return ANSWERED;
}

/* Asks the policy: about a new flow (`flow` is 0), or about one whose verdict is of an earlier epoch. */
static __noinline int ask(struct __sk_buff *skb, struct work *w, const struct bh_slot *slot, struct bh_flow *flow,
			  int from_workload)
{
	struct packet *p = &w->packet;
	int claim = claim_of(&w->local, &p->key.local);

	count(BH_STAT_DECISIONS);
	if (claim != CLAIM_OWN && !(!from_workload && is_multicast(&p->key.local))) {
		if (from_workload)
			return spoofed(skb, from_workload, claim);
		/* Flooded by a bridge, or routed through the workload: not for this endpoint. */
		return w->local.mode >= BH_ENFORCE ? DROP : PASS;
	}
	find_peer(w);
	switch (ask_policy(w, slot, flow, from_workload)) {
	case STRAY:
		return w->local.mode >= BH_ENFORCE ? DROP : pass(skb, from_workload, w->local.flags);
	case UNDECIDED:
		return pass(skb, from_workload, w->local.flags);
	}
	if (w->out.verdict == BH_DENIED) {
		if (flow) {
			forget_cached(&p->key);
			bpf_map_delete_elem(&bh_flows, &p->key);
		}
		if (p->fragment == FRAGMENT_FIRST)
			keep_fragment(p, from_workload, 0);
		return deny(skb, from_workload);
	}
	if (flow)
		return renew(skb, w, flow, from_workload);
	/* An end said again, when the flow has gone already: no other connection has begun. */
	if (w->out.adopted && p->tcp_flags & TCP_FIN && is_cached(&p->key))
		return pass(skb, from_workload, w->local.flags);
	return enter(skb, w, from_workload);
}

/* A packet of a flow that may go on: its state, its counters. */
static __noinline int follow(struct __sk_buff *skb, struct work *w, struct bh_flow *flow, int from_workload, int fresh)
{
	struct packet *p = &w->packet;
	int closed = 0;

	if (!flow)
		return pass(skb, from_workload, w->local.flags);
	if (p->fragment == FRAGMENT_FIRST && !keep_fragment(p, from_workload, 1))
		return irregular(skb, from_workload, FRAGMENT);
	if (!fresh) {
		closed = track(flow, p->protocol, p->tcp_flags, from_workload);
		/* Once a second a cached flow comes by here: its counters go to the tables. */
		flush_if_due(&p->key);
	}
	remember(p, flow, w->local.epoch, from_workload);
	if (closed) {
		/* The last packets of a closed flow are nothing special; who listens gets its counters at once. */
		if (w->local.flags & BH_CONTROL_FLOWS) {
			forget_cached(&p->key);
			tell_closed(w, flow);
		}
		retire(&p->key);
	}
	if (flow->direction == BH_EGRESS && is_of_names(p) && answers_question(skb, p, from_workload))
		tell_name(skb, w);
	return pass(skb, from_workload, w->local.flags);
}

/* Nobody has said whose the interface is. A container that starts is closed for a moment: that is told of nobody. */
static __noinline int unidentified(struct __sk_buff *skb, int from_workload)
{
	struct bh_contact_key key = {.direction = BH_IRREGULAR};
	__u64 now = bpf_ktime_get_ns(), next = now + STARTING_NS, *due;
	struct work *w = work();
	struct bh_event *event;

	if (!w)
		return DROP;
	if (!(w->local.flags & BH_CONTROL_CLOSED))
		return pass(skb, from_workload, w->local.flags);
	count(BH_STAT_UNIDENTIFIED);
	key.remote.word[0] = w->local.ifindex;
	due = bpf_map_lookup_elem(&bh_contacts, &key);
	if (due && now < *due)
		return DROP;
	if (due)
		next = now + REMIND_NS;
	bpf_map_update_elem(&bh_contacts, &key, &next, BPF_ANY);
	if (!due)
		return DROP;
	event = new_event(BH_EVENT_CONNECTION);
	if (!event)
		return DROP;
	event->direction = from_workload ? BH_EGRESS : BH_INGRESS;
	event->verdict = BH_DENIED;
	event->reason = BH_REASON_UNIDENTIFIED;
	event->flags = from_workload ? BH_EVENT_FROM_WORKLOAD : 0;
	event->ifindex = w->local.ifindex;
	event->time_ns = now;
	event->key = w->packet.key;
	snap_packet(skb, &w->packet, event);
	bpf_ringbuf_submit(event, 0);
	return DROP;
}

__noinline int read_packet(struct __sk_buff *skb, int from_workload)
{
	struct work *w = work();

	return w ? parse(skb, &w->packet, from_workload) : PARSED_MALFORMED;
}

__noinline int slow(struct __sk_buff *skb, int from_workload)
{
	int parsed = read_packet(skb, from_workload), fresh = 0, fate;
	struct work *w = work();
	struct bh_endpoint *endpoint;
	struct bh_service *service;
	struct bh_control *control;
	struct bh_slot *slot;
	struct bh_flow *flow;
	struct local *local;
	__u32 zero = 0;
	__u64 word;

	control = bpf_map_lookup_elem(&bh_control_map, &zero);
	if (!control || !w)
		return DROP;
	local = &w->local;
	word = *(volatile __u64 *)control;
	local->epoch = (__u32)word;
	local->flags = (__u32)(word >> 32);
	w->now_ns = 0;
	local->ifindex = skb->ifindex;
	endpoint = bpf_map_lookup_elem(&bh_endpoints, &local->ifindex);
	if (endpoint && endpoint->flags & BH_ENDPOINT_EXEMPT)
		return pass(skb, from_workload, local->flags);
	local->identity = endpoint ? endpoint->identity : 0;
	service = local->identity ? bpf_map_lookup_elem(&bh_services, &local->identity) : 0;
	if (!service)
		return unidentified(skb, from_workload);
	slot = &service->slot[local->epoch & 1];
	local->mode = slot->mode;
	__builtin_memset(&w->out, 0, sizeof(w->out));
	if (parsed != PARSED_FLOW)
		return no_flow(skb, from_workload, parsed);

	flow = known_flow(&w->packet, from_workload ? BH_EGRESS : BH_INGRESS);
	if (!flow || flow->epoch != local->epoch) {
		fresh = !flow;
		fate = ask(skb, w, slot, flow, from_workload);
		if (fate != GO_ON)
			return fate;
		if (fresh)
			flow = &desk_of(w)->flow;
	}
	return follow(skb, w, flow, from_workload, fresh);
}

#endif
