/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BULKHEAD_MAPS_H
#define BULKHEAD_MAPS_H

#include "abi.h"

/* Sizes are defaults; user space sets them from its configuration before loading. All maps are pinned by name. */
#define MAP(name, kind, keytype, valuetype, entries, mapflags)   \
	struct {                                                 \
		__uint(type, kind);                              \
		__type(key, keytype);                            \
		__type(value, valuetype);                        \
		__uint(max_entries, entries);                    \
		__uint(map_flags, mapflags);                     \
		__uint(pinning, LIBBPF_PIN_BY_NAME);             \
	} name SEC(".maps")

MAP(bh_control_map, BPF_MAP_TYPE_ARRAY, __u32, struct bh_control, 1, 0);
MAP(bh_endpoints, BPF_MAP_TYPE_HASH, __u32, struct bh_endpoint, 16384, 0);
/* Control groups of workloads in the host's network, by their numbers */
MAP(bh_groups, BPF_MAP_TYPE_HASH, __u64, __u32, 16384, BPF_F_NO_PREALLOC);
MAP(bh_owners, BPF_MAP_TYPE_HASH, struct bh_address, struct bh_owner, 131072, BPF_F_NO_PREALLOC);
MAP(bh_prefixes, BPF_MAP_TYPE_LPM_TRIE, struct bh_prefix, __u32, 65536, BPF_F_NO_PREALLOC);
MAP(bh_services, BPF_MAP_TYPE_HASH, __u32, struct bh_service, 16384, BPF_F_NO_PREALLOC);
MAP(bh_peers, BPF_MAP_TYPE_HASH, struct bh_peer_key, struct bh_class_ref, 262144, BPF_F_NO_PREALLOC);
MAP(bh_rules, BPF_MAP_TYPE_HASH, struct bh_rule_key, struct bh_rule, 262144, BPF_F_NO_PREALLOC);
MAP(bh_flows, BPF_MAP_TYPE_LRU_HASH, struct bh_flow_key, struct bh_flow, 262144, 0);
MAP(bh_edges, BPF_MAP_TYPE_HASH, struct bh_edge_key, struct bh_edge, 65536, BPF_F_NO_PREALLOC);
MAP(bh_edge_use, BPF_MAP_TYPE_ARRAY, __u32, __u64, BH_EDGE_USE_MAX, 0);
MAP(bh_contacts, BPF_MAP_TYPE_LRU_HASH, struct bh_contact_key, __u64, 65536, 0);
MAP(bh_fragments, BPF_MAP_TYPE_LRU_HASH, struct bh_fragment_key, struct bh_fragment, 8192, 0);
MAP(bh_stats, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, BH_STAT_MAX, 0);
/* BH_CACHE_SLOTS entries for each possible CPU */
#define BH_CACHE_SLOTS 4096
MAP(bh_cache, BPF_MAP_TYPE_ARRAY, __u32, struct bh_cached, BH_CACHE_SLOTS, 0);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} bh_events SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&bh_stats, &which);

	if (value)
		*value += 1;
}

/* The mark is written as a whole word: the verifier takes no narrower store, which the compiler would else make. */
static __always_inline void set_mark(struct __sk_buff *skb, __u32 bits)
{
	__u32 mark = (skb->mark & ~BH_MARK_MASK) | bits;

	asm volatile("" : "+r"(mark));
	skb->mark = mark;
}

#endif
