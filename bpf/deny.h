/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What becomes of packets that do not pass. */
#ifndef BULKHEAD_DENY_H
#define BULKHEAD_DENY_H

#include "edges.h"
#include "reject.h"

/* Nothing is answered to the world outside, nor to a forged address. */
static __always_inline int may_answer(const struct work *w, int from_workload)
{
	if (w->local.flags & BH_CONTROL_SILENT || w->out.reason == BH_REASON_SPOOF)
		return 0;
	return from_workload || is_service(w->out.decision.peer) || w->out.decision.peer == BH_ID_HOST;
}

/* Answers a packet that does not pass, unless user space was asked to do so. */
__noinline int refuse(struct __sk_buff *skb, int from_workload, int asked)
{
	struct work *w = work();

	if (asked || !w || !may_answer(w, from_workload))
		return DROP;
	return reject(skb, &w->packet, from_workload);
}

/* Counts the denial that w->out holds, tells it, and answers the packet. */
__noinline int deny(struct __sk_buff *skb, int from_workload)
{
	count(BH_STAT_DENIED);
	return refuse(skb, from_workload, account(skb, from_workload));
}

#define IRREGULAR(reason, stat) ((reason) << 8 | (stat))
#define MALFORMED IRREGULAR(BH_REASON_MALFORMED, BH_STAT_MALFORMED)
#define SPOOF IRREGULAR(BH_REASON_SPOOF, BH_STAT_SPOOF)
#define FRAGMENT IRREGULAR(BH_REASON_FRAGMENT, BH_STAT_FRAGMENT)
#define ETHERTYPE IRREGULAR(BH_REASON_MALFORMED, BH_STAT_OTHER_ETHERTYPE)
/* Dropped also where the mode drops nothing. */
#define IN_ANY_MODE (1 << 16)

/* What becomes of a packet that no rule can speak of: by mode it passes, or is dropped. */
static __always_inline void judge_irregular(struct work *w, int from_workload, __u32 reason_stat)
{
	struct outcome *out = &w->out;
	__u32 mode = w->local.mode;

	__builtin_memset(out, 0, sizeof(*out));
	out->decision.mode = mode;
	out->reason = reason_stat >> 8 & 0xff;
	out->verdict = mode >= BH_ENFORCE || reason_stat & IN_ANY_MODE ? BH_DENIED : BH_WOULD_DENY;
	out->irregular = out->reason != BH_REASON_SPOOF;
	out->direction = !out->irregular ? BH_SPOOFED : from_workload ? BH_EGRESS : BH_INGRESS;
}

/* It is counted and told either way. */
__noinline int irregular(struct __sk_buff *skb, int from_workload, __u32 reason_stat)
{
	struct work *w = work();
	int drop;

	count(reason_stat & 0xff);
	if (!w)
		return DROP;
	judge_irregular(w, from_workload, reason_stat);
	drop = w->out.verdict == BH_DENIED;
	if (w->out.irregular)
		find_peer(w);
	account(skb, from_workload);
	return drop ? DROP : pass(skb, from_workload, w->local.flags);
}

#endif
