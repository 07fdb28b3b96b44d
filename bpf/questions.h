/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which DNS questions a workload has asked and nobody has answered yet. What is told of names opens policies, so an
 * answer that nobody asked for is not told. */
#ifndef BULKHEAD_QUESTIONS_H
#define BULKHEAD_QUESTIONS_H

#include "cache.h"

/* Jiffies of the question. */
MAP(bh_questions, BPF_MAP_TYPE_LRU_HASH, struct bh_question, __u32, 8192, 0);

/* Nobody waits longer for an answer. */
#define QUESTION_SECONDS 30

/* The first bytes of a DNS message (RFC 1035 4.1.1). */
struct dns_head {
	__u16 id;
	__u8 response; /* its first bit */
	__u8 code;
};

static __always_inline int is_of_names(const struct packet *p)
{
	return p->protocol == P_UDP && p->key.remote_port == bpf_htons(53) && !p->fragment;
}

/* Enters the workload's questions; returns whether this packet answers one of them, for the first time. */
static __noinline int answers_question(struct __sk_buff *skb, const struct packet *p, int from_workload)
{
	struct bh_question question = {};
	struct dns_head head;
	__u32 now = now_jiffies(), *asked;
	int in_time;

	if (!p || !p->payload || bpf_skb_load_bytes(skb, p->payload, &head, sizeof(head)) < 0)
		return 0;
	if (!(head.response & 0x80) == !from_workload)
		return 0;
	question.flow = p->key;
	question.id = head.id;
	if (from_workload) {
		bpf_map_update_elem(&bh_questions, &question, &now, BPF_ANY);
		return 0;
	}
	asked = bpf_map_lookup_elem(&bh_questions, &question);
	if (!asked)
		return 0;
	in_time = now - *asked <= QUESTION_SECONDS * bh_hz;
	bpf_map_delete_elem(&bh_questions, &question);
	return in_time;
}

#endif
