/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Later fragments have no ports: they share the fate of their first. */
#ifndef BULKHEAD_FRAGMENTS_H
#define BULKHEAD_FRAGMENTS_H

#include "cache.h"

/* A first fragment leaves its verdict for the later ones. One with the same number and other ports is an overlap. */
static __noinline int keep_fragment(struct packet *p, int from_workload, int allow)
{
	struct bh_fragment_key key = {
		.local = p->key.local,
		.remote = p->key.remote,
		.id = p->fragment_id,
		.endpoint = p->key.endpoint,
		.from_workload = from_workload,
	};
	struct bh_fragment value = {
		.local_port = p->key.local_port,
		.remote_port = p->key.remote_port,
		.allow = allow,
		.seen = now_jiffies(),
	};
	struct bh_fragment *old = bpf_map_lookup_elem(&bh_fragments, &key);

	if (old && value.seen - old->seen < 30 * bh_hz &&
	    (old->local_port != value.local_port || old->remote_port != value.remote_port)) {
		old->allow = 0;
		return 0;
	}
	bpf_map_update_elem(&bh_fragments, &key, &value, BPF_ANY);
	return 1;
}

enum first { FIRST_UNKNOWN, FIRST_ALLOWED, FIRST_DENIED };

/* What became of the first fragment; its ports complete the key of the flow. */
static __noinline int first_fragment(struct packet *p, int from_workload)
{
	struct bh_fragment_key key = {
		.local = p->key.local,
		.remote = p->key.remote,
		.id = p->fragment_id,
		.endpoint = p->key.endpoint,
		.from_workload = from_workload,
	};
	struct bh_fragment *first = bpf_map_lookup_elem(&bh_fragments, &key);

	if (!first || now_jiffies() - first->seen > 30 * bh_hz)
		return FIRST_UNKNOWN;
	p->key.local_port = first->local_port;
	p->key.remote_port = first->remote_port;
	return first->allow ? FIRST_ALLOWED : FIRST_DENIED;
}

#endif
