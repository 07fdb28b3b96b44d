/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TCP packets of connections whose opening was not seen: which side opened them? */
#ifndef BULKHEAD_MIDSTREAM_H
#define BULKHEAD_MIDSTREAM_H

#include "work.h"

/* Ports that clients get from the kernel where nobody chose otherwise. */
#define FIRST_EPHEMERAL 32768

static __noinline int is_known_edge(struct work *w, int port, int direction)
{
	struct bh_edge_key key = {
		.local = w->local.identity,
		.peer = w->out.decision.peer,
		.port = port,
		.protocol = P_TCP,
		.direction = direction,
	};

	return bpf_map_lookup_elem(&bh_edges, &key) != 0;
}

enum opener { OPENED_BY_WORKLOAD, OPENED_BY_PEER, OPENED_BY_EITHER };

/* An answer to a SYN tells, ports of clients tell, and an edge that is known. */
static __noinline int opener_of(struct work *w, int from_workload)
{
	__u16 local_port = bpf_ntohs(w->packet.key.local_port), remote_port = bpf_ntohs(w->packet.key.remote_port);
	int out, in;

	if (w->packet.tcp_flags & TCP_SYN)
		return from_workload ? OPENED_BY_PEER : OPENED_BY_WORKLOAD;
	if ((local_port >= FIRST_EPHEMERAL) != (remote_port >= FIRST_EPHEMERAL))
		return local_port >= FIRST_EPHEMERAL ? OPENED_BY_WORKLOAD : OPENED_BY_PEER;
	out = is_known_edge(w, remote_port, BH_EGRESS);
	in = is_known_edge(w, local_port, BH_INGRESS);
	if (out == in)
		return OPENED_BY_EITHER;
	return out ? OPENED_BY_WORKLOAD : OPENED_BY_PEER;
}

/* As if the workload, or its peer, had opened it. */
static __always_inline void decide_as(struct work *w, const struct bh_slot *slot, int egress)
{
	w->out.direction = egress ? BH_EGRESS : BH_INGRESS;
	w->out.port = bpf_ntohs(egress ? w->packet.key.remote_port : w->packet.key.local_port);
	decide(slot, &w->out, P_TCP);
}

/* Allowed where the policy allows one of the two that may have opened it. Returns 0 where it is better not to decide:
 * while nothing is denied, rather than to learn a connection the wrong way round, wait until user space has entered it
 * as the sockets have it. */
static __noinline int decide_midstream(struct work *w, const struct bh_slot *slot, int from_workload)
{
	int opener = opener_of(w, from_workload), egress_first = opener == OPENED_BY_WORKLOAD;

	if (opener == OPENED_BY_EITHER) {
		if (w->local.mode < BH_MONITOR)
			return 0;
		egress_first = bpf_ntohs(w->packet.key.remote_port) < bpf_ntohs(w->packet.key.local_port);
	}
	w->out.adopted = 1;
	decide_as(w, slot, egress_first);
	if (w->out.decision.allow)
		return 1;
	decide_as(w, slot, !egress_first);
	if (!w->out.decision.allow)
		decide_as(w, slot, egress_first);
	return 1;
}

#endif
