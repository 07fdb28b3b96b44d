/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counting: per-CPU cache of established flows, flushed into flows and edges; events. */
#ifndef BULKHEAD_ACCOUNT_H
#define BULKHEAD_ACCOUNT_H

#include "maps.h"
#include "packet.h"

/* Set by user space before loading: jiffies of a second. */
volatile const __u32 bh_hz = 250;

static __always_inline __u32 now_jiffies(void)
{
	return (__u32)bpf_jiffies64();
}

static __always_inline int same_key(const struct bh_flow_key *a, const struct bh_flow_key *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

/* Of the five words of a flow key; less than BH_CACHE_SLOTS. */
static __always_inline __u32 cache_hash(const __u64 *w)
{
	__u64 hash = (w[0] ^ (w[1] << 7) ^ w[2] ^ (w[3] << 13) ^ (w[3] >> 32) ^ (w[4] * 0x9E3779B97F4A7C15ull)) *
		     0xD6E8FEB86659FD93ull;

	return hash >> 52;
}

static __always_inline struct bh_cached *cache_slot(const struct bh_flow_key *key)
{
	__u32 index = bpf_get_smp_processor_id() * BH_CACHE_SLOTS + cache_hash((const __u64 *)key);

	return bpf_map_lookup_elem(&bh_cache, &index);
}

/* Adds what a slot has counted to its flow and its edge. */
static __noinline int flush_cached(struct bh_cached *slot)
{
	struct bh_flow *flow;
	struct bh_edge *edge;

	if (!slot || !(slot->packets[0] | slot->packets[1]))
		return 0;
	flow = bpf_map_lookup_elem(&bh_flows, &slot->key);
	if (flow) {
		__sync_fetch_and_add(&flow->packets[0], slot->packets[0]);
		__sync_fetch_and_add(&flow->packets[1], slot->packets[1]);
		__sync_fetch_and_add(&flow->bytes[0], slot->bytes[0]);
		__sync_fetch_and_add(&flow->bytes[1], slot->bytes[1]);
	}
	edge = bpf_map_lookup_elem(&bh_edges, &slot->edge);
	if (edge) {
		__sync_fetch_and_add(&edge->packets[0], slot->packets[0]);
		__sync_fetch_and_add(&edge->packets[1], slot->packets[1]);
		__sync_fetch_and_add(&edge->bytes[0], slot->bytes[0]);
		__sync_fetch_and_add(&edge->bytes[1], slot->bytes[1]);
		edge->last_ns = bpf_ktime_get_ns();
	}
	slot->packets[0] = 0;
	slot->packets[1] = 0;
	slot->bytes[0] = 0;
	slot->bytes[1] = 0;
	return 0;
}

static __always_inline void count_cached(struct bh_cached *slot, const struct packet *p, int from_workload)
{
	slot->packets[from_workload ? 0 : 1] += 1;
	slot->bytes[from_workload ? 0 : 1] += p->bytes;
}

/* Counts a packet of an allowed flow and lets the following ones find it without a table. */
static __always_inline void remember(const struct packet *p, const struct bh_flow *flow, __u32 epoch, int from_workload)
{
	struct bh_cached *slot = cache_slot(&p->key);
	__u32 now = now_jiffies();

	if (!slot)
		return;
	if (!same_key(&slot->key, &p->key)) {
		flush_cached(slot);
		slot->key = p->key;
		slot->flushed = now;
	}
	/* An edge changes when a verdict was taken anew: count what belongs to the old one first. */
	if (slot->edge.peer != flow->peer || slot->edge.local != flow->local || slot->edge.port != flow->port ||
	    slot->edge.direction != flow->direction || slot->edge.application != flow->application ||
	    slot->edge.protocol != p->protocol) {
		flush_cached(slot);
		slot->edge.local = flow->local;
		slot->edge.peer = flow->peer;
		slot->edge.port = flow->port;
		slot->edge.protocol = p->protocol;
		slot->edge.direction = flow->direction;
		slot->edge.application = flow->application;
		slot->edge.pad = 0;
	}
	slot->epoch = epoch;
	count_cached(slot, p, from_workload);
}

static __always_inline void forget_cached(const struct bh_flow_key *key)
{
	struct bh_cached *slot = cache_slot(key);

	if (slot && same_key(&slot->key, key)) {
		flush_cached(slot);
		slot->epoch = 0;
	}
}

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

#endif
