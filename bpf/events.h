/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What user space is told. */
#ifndef BULKHEAD_EVENTS_H
#define BULKHEAD_EVENTS_H

#include "work.h"

static __always_inline struct bh_event *new_event(__u8 kind)
{
	struct bh_event *e = bpf_ringbuf_reserve(&bh_events, sizeof(*e), 0);

	if (!e) {
		count(BH_STAT_LOST_EVENTS);
		return 0;
	}
	__builtin_memset(e, 0, sizeof(*e) - BH_SNAP);
	e->kind = kind;
	return e;
}

/* The first bytes of the packet from its IP header on. */
static __always_inline void snap_packet(struct __sk_buff *skb, const struct packet *p, struct bh_event *e)
{
	__u32 length = p->l3 < skb->len ? skb->len - p->l3 : 0;
	__u32 last;

	if (length == 0)
		return;
	if (length > BH_SNAP)
		length = BH_SNAP;
	/* Verifiers before 6.18 do not conclude from the above that the length is between 1 and BH_SNAP (a power of two). */
	last = length - 1;
	asm volatile("" : "+r"(last));
	length = (last & (BH_SNAP - 1)) + 1;
	if (bpf_skb_load_bytes(skb, p->l3, e->snap, length) == 0)
		e->length = length;
}

/* A DNS answer that the workload receives. */
static __noinline int tell_name(struct __sk_buff *skb, struct work *w)
{
	struct packet *p = &w->packet;
	struct bh_name_event *event;
	__u32 length, last;

	if (!p->payload || skb->len <= p->payload)
		return 0;
	length = skb->len - p->payload;
	if (length > BH_NAME_SNAP)
		length = BH_NAME_SNAP;
	event = bpf_ringbuf_reserve(&bh_events, sizeof(*event), 0);
	if (!event) {
		count(BH_STAT_LOST_EVENTS);
		return 0;
	}
	event->kind = BH_EVENT_NAME;
	event->pad = 0;
	event->pad2 = 0;
	event->local = w->local.identity;
	event->ifindex = w->local.ifindex;
	/* As in snap_packet: between 1 and BH_NAME_SNAP, also for older verifiers. */
	last = length - 1;
	asm volatile("" : "+r"(last));
	length = (last & (BH_NAME_SNAP - 1)) + 1;
	if (bpf_skb_load_bytes(skb, p->payload, event->message, length) == 0) {
		event->length = length;
		bpf_ringbuf_submit(event, 0);
	} else {
		bpf_ringbuf_discard(event, 0);
	}
	return 0;
}

static __noinline int tell_closed(struct work *w, struct bh_flow *flow)
{
	struct bh_event *event;

	if (!flow)
		return 0;
	event = new_event(BH_EVENT_FLOW_CLOSED);
	if (!event)
		return 0;
	event->direction = flow->direction;
	event->verdict = flow->verdict;
	event->mode = w->local.mode;
	event->ifindex = w->local.ifindex;
	event->local = flow->local;
	event->peer = flow->peer;
	event->rule = flow->rule;
	event->application = flow->application;
	event->port = flow->port;
	event->rtt_us = flow->rtt_us;
	event->time_ns = bpf_ktime_get_ns();
	event->key = w->packet.key;
	event->packets[0] = flow->packets[0];
	event->packets[1] = flow->packets[1];
	event->bytes[0] = flow->bytes[0];
	event->bytes[1] = flow->bytes[1];
	bpf_ringbuf_submit(event, 0);
	return 0;
}

#endif
