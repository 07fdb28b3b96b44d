/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The cache: established flows of each CPU, counted there and flushed into flows and edges. */
#ifndef BULKHEAD_CACHE_H
#define BULKHEAD_CACHE_H

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

static __always_inline void add_counters(__u64 *packets, __u64 *bytes, const struct bh_cached *slot)
{
	if (slot->packets[0]) {
		__sync_fetch_and_add(&packets[0], slot->packets[0]);
		__sync_fetch_and_add(&bytes[0], slot->bytes[0]);
	}
	if (slot->packets[1]) {
		__sync_fetch_and_add(&packets[1], slot->packets[1]);
		__sync_fetch_and_add(&bytes[1], slot->bytes[1]);
	}
}

/* Adds what a slot has counted to its edge, with the round trip of the flow's beginning; and begins anew. Returns the
 * edge. */
static __always_inline struct bh_edge *flush_to_edge(struct bh_cached *slot, __u32 rtt)
{
	struct bh_edge *edge = bpf_map_lookup_elem(&bh_edges, &slot->edge);

	if (edge) {
		add_counters(edge->packets, edge->bytes, slot);
		if (rtt && (!edge->rtt_min_us || rtt < edge->rtt_min_us))
			edge->rtt_min_us = rtt;
	}
	slot->packets[0] = 0;
	slot->packets[1] = 0;
	slot->bytes[0] = 0;
	slot->bytes[1] = 0;
	return edge;
}

/* Adds what a slot has counted to its flow and its edge. */
static __noinline int flush_cached(struct bh_cached *slot)
{
	struct bh_flow *flow;
	struct bh_edge *edge;
	__u32 rtt = 0;

	if (!slot || !(slot->packets[0] | slot->packets[1]))
		return 0;
	flow = bpf_map_lookup_elem(&bh_flows, &slot->key);
	if (flow) {
		add_counters(flow->packets, flow->bytes, slot);
		rtt = flow->rtt_us;
	}
	edge = flush_to_edge(slot, rtt);
	if (edge)
		edge->last_ns = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void count_cached(struct bh_cached *slot, const struct packet *p, int from_workload)
{
	slot->packets[from_workload ? 0 : 1] += 1;
	slot->bytes[from_workload ? 0 : 1] += p->bytes;
}

/* Counts a packet of an allowed flow and lets the following ones find it without a table. */
static __noinline int remember(const struct packet *p, const struct bh_flow *flow, __u32 epoch, int from_workload)
{
	__u32 now = now_jiffies();
	struct bh_cached *slot;

	if (!p || !flow)
		return 0;
	slot = cache_slot(&p->key);
	if (!slot)
		return 0;
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
	/* Names are read from DNS answers, so each of these packets goes the long way. */
	slot->epoch = p->protocol == P_UDP && p->key.remote_port == bpf_htons(53) ? 0 : epoch;
	count_cached(slot, p, from_workload);
	return 0;
}

static __always_inline void forget_cached(const struct bh_flow_key *key)
{
	struct bh_cached *slot = cache_slot(key);

	if (slot && same_key(&slot->key, key)) {
		flush_cached(slot);
		slot->epoch = 0;
	}
}

/* Whether this CPU had the flow, under whatever policy. */
static __always_inline int is_cached(const struct bh_flow_key *key)
{
	struct bh_cached *slot = cache_slot(key);

	return slot && same_key(&slot->key, key);
}

/* The same for a flow that is about to go. When its edge was used last, it has told already, or within a second. */
static __always_inline void flush_last(const struct bh_flow_key *key, __u32 rtt)
{
	struct bh_cached *slot = cache_slot(key);

	if (slot && same_key(&slot->key, key) && slot->packets[0] | slot->packets[1])
		flush_to_edge(slot, rtt);
}

/* Adds what is counted to the tables once a second. */
static __noinline int flush_if_due(const struct bh_flow_key *key)
{
	struct bh_cached *slot;

	if (!key)
		return 0;
	slot = cache_slot(key);
	if (slot && same_key(&slot->key, key) && now_jiffies() - slot->flushed >= bh_hz) {
		flush_cached(slot);
		slot->flushed = now_jiffies();
	}
	return 0;
}

#endif
