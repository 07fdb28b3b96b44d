/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Edges: who talks to whom, counted, and each first told. */
#ifndef BULKHEAD_EDGES_H
#define BULKHEAD_EDGES_H

#include "events.h"

#define SECOND_NS 1000000000ull
/* Denials of one CPU that are told for their address alone, in a second: a sweep of the world must not drown the rest. */
#define CONTACTS_DENIED 64

/* Set by user space before loading: edges that any traffic may make. The rest of the table is kept for what a policy
 * allows, so that no scan can fill it. */
volatile const __u32 bh_edges_for_all = 49152;

/* Edges that the table holds. */
static __always_inline __u64 edges_held(void)
{
	__u32 made = BH_EDGES_MADE, removed = BH_EDGES_REMOVED;
	__u64 *ever = bpf_map_lookup_elem(&bh_edge_use, &made), *gone = bpf_map_lookup_elem(&bh_edge_use, &removed);

	return ever && gone ? *(volatile __u64 *)ever - *(volatile __u64 *)gone : 0;
}

/* Whether the edge may take any place of the table: what an enforced policy allows may, and what is judged by none where
 * nothing is enforced. As many as there are CPUs may take the last place that others have at the same time. */
static __always_inline int may_take_any(const struct work *w)
{
	return w->out.verdict == BH_ALLOWED &&
	       (w->local.mode >= BH_ENFORCE || !(w->local.flags & BH_CONTROL_CLOSED));
}

/* Finds the edge, or makes it by way of `new`; 0 where the table has no room for it. */
static __always_inline struct bh_edge *edge_of(struct work *w, struct bh_edge *new, const struct bh_edge_key *key,
					       __u64 now, int *fresh)
{
	struct bh_edge *edge = bpf_map_lookup_elem(&bh_edges, key);
	__u32 made = BH_EDGES_MADE;
	__u64 *ever;

	*fresh = 0;
	if (edge)
		return edge;
	if (!may_take_any(w) && edges_held() >= bh_edges_for_all) {
		count(BH_STAT_EDGES_KEPT);
		return 0;
	}
	__builtin_memset(new, 0, sizeof(*new));
	new->first_ns = now;
	new->last_ns = now;
	if (bpf_map_update_elem(&bh_edges, key, new, BPF_NOEXIST) == 0) {
		*fresh = 1;
		ever = bpf_map_lookup_elem(&bh_edge_use, &made);
		if (ever)
			__sync_fetch_and_add(ever, 1);
	}
	edge = bpf_map_lookup_elem(&bh_edges, key);
	if (!edge)
		count(BH_STAT_EDGES_FULL);
	return edge;
}

/* What cannot be counted does not begin where it is enforced. It is not unheard of: some are told, as many as do no
 * harm. */
static __always_inline int uncounted(struct work *w, __u64 now)
{
	struct desk *d = desk();

	if (w->out.opens && w->out.verdict == BH_ALLOWED && w->local.mode >= BH_ENFORCE) {
		w->out.verdict = BH_DENIED;
		w->out.reason = BH_REASON_TABLE_FULL;
		count(BH_STAT_DENIED);
	}
	if (!d || (d->told_full_ns && now - d->told_full_ns < SECOND_NS))
		return 0;
	d->told_full_ns = now;
	return 1;
}

/* Whether this address is new to the service: of the world and of strangers it says more than the identity. */
static __noinline int is_first_contact(struct work *w, __u64 now)
{
	struct bh_contact_key contact = {
		.local = w->local.identity,
		.remote = w->packet.key.remote,
		.port = w->out.port,
		.protocol = w->packet.protocol,
		.direction = w->out.direction | (w->out.verdict == BH_ALLOWED ? 0 : BH_CONTACT_DENIED),
	};

	if (bpf_map_lookup_elem(&bh_contacts, &contact))
		return 0;
	if (w->out.verdict != BH_ALLOWED) {
		struct desk *d = desk();

		if (!d)
			return 0;
		if (now - d->contacts_ns > SECOND_NS) {
			d->contacts_ns = now;
			d->contacts = 0;
		}
		if (d->contacts++ >= CONTACTS_DENIED)
			return 0;
	}
	bpf_map_update_elem(&bh_contacts, &contact, &now, BPF_ANY);
	return 1;
}

/* Counts a connection, or a denied packet, on its edge. Where there is no room for the edge, a connection that begins and
 * is enforced becomes a denied one. Returns whether user space has to hear of it. */
static __noinline int count_edge(struct work *w, struct bh_edge *new, __u64 now)
{
	struct outcome *out = &w->out;
	struct bh_edge_key key = {
		.local = w->local.identity,
		.peer = out->decision.peer,
		.port = out->port,
		.protocol = w->packet.protocol,
		.direction = out->irregular ? BH_IRREGULAR : out->direction,
		.application = out->application,
	};
	struct bh_edge *edge;
	int fresh, tell;

	if (!new)
		return 0;
	edge = edge_of(w, new, &key, now, &fresh);
	if (!edge)
		return uncounted(w, now);
	tell = fresh;
	edge->last_ns = now;
	edge->rule = out->decision.rule;
	if ((out->decision.peer == BH_ID_WORLD || out->decision.peer == BH_ID_UNKNOWN) && is_first_contact(w, now))
		tell = 1;
	if (out->verdict == BH_ALLOWED) {
		if (!out->counted)
			__sync_fetch_and_add(&edge->connections, 1);
		return tell;
	}
	if (out->verdict == BH_DENIED)
		__sync_fetch_and_add(&edge->denied, 1);
	else if (!out->counted)
		__sync_fetch_and_add(&edge->would_deny, 1);
	if (now - edge->told_ns > 5 * SECOND_NS || !edge->told_ns)
		tell = 1;
	if (tell)
		edge->told_ns = now;
	return tell;
}

/* Counts w->out, with `new` as room for a new edge. Returns what user space has not yet heard, to be submitted. */
static __always_inline struct bh_event *book(struct work *w, struct bh_edge *new, int from_workload)
{
	struct outcome *out = &w->out;
	__u64 now = packet_time(w);
	struct bh_event *event;
	int tell, answer = 0;

	tell = count_edge(w, new, now);
	if (!tell && !(w->local.flags & BH_CONTROL_FLOWS))
		return 0;
	event = new_event(tell ? BH_EVENT_CONNECTION : BH_EVENT_FLOW_OPENED);
	if (!event)
		return 0;
	/* The process is found in the socket tables, and a reset would close its socket: user space looks first. A socket
	 * of the host's network is told by its group. */
	if (tell && out->verdict == BH_DENIED && w->packet.protocol == P_TCP && w->packet.tcp_flags == TCP_SYN &&
	    !(w->local.flags & BH_CONTROL_SILENT) && out->reason != BH_REASON_SPOOF &&
	    (from_workload ? w->local.ifindex < BH_FIRST_GROUP : is_service(out->decision.peer)))
		answer = 1;
	event->direction = out->direction;
	event->verdict = out->verdict;
	event->reason = out->reason;
	event->mode = out->decision.mode;
	event->flags = (out->adopted ? BH_EVENT_ADOPTED : 0) | (answer ? BH_EVENT_ANSWER : 0) |
		       (from_workload ? BH_EVENT_FROM_WORKLOAD : 0);
	event->ifindex = w->local.ifindex;
	event->local = w->local.identity;
	event->peer = out->decision.peer;
	event->rule = out->decision.rule;
	event->application = out->application;
	event->port = out->port;
	event->time_ns = now;
	event->key = w->packet.key;
	return event;
}

/* Counts the outcome of a packet of an interface and tells user space what it has not yet heard. Returns 1 where user
 * space was asked to answer the packet. */
__noinline int account(struct __sk_buff *skb, int from_workload)
{
	struct desk *d = desk();
	struct bh_event *event;
	int answer;

	if (!d)
		return 0;
	event = book(&d->work, &d->edge, from_workload);
	if (!event)
		return 0;
	answer = !!(event->flags & BH_EVENT_ANSWER);
	snap_packet(skb, &d->work.packet, event);
	bpf_ringbuf_submit(event, 0);
	return answer;
}

#endif
