// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The datapath of Bulkhead. Two programs sit on each workload interface, on the host's side: what the workload sends
 * and what it receives. The fast way is a per-CPU cache of established flows; everything else takes the slow way:
 * endpoint, flow table, identity of the peer, policy, accounting. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define BH_LAYOUT
#include "abi.h"
#include "maps.h"
#include "packet.h"
#include "policy.h"
#include "account.h"
#include "conntrack.h"
#include "fast.h"
#include "reject.h"

/* Go on with the next program of this hook, then with the stack. */
#define PASS TC_ACT_UNSPEC
#define DROP TC_ACT_SHOT

static __always_inline int pass(struct __sk_buff *skb, int from_workload, __u32 flags)
{
	if (from_workload && flags & BH_CONTROL_MARK)
		set_mark(skb, BH_MARK_SEEN);
	return PASS;
}

/* What slow() knows of the packet's endpoint. */
struct local {
	__u32 identity;
	__u32 epoch;
	__u32 flags;
	__u32 ifindex;
	__u32 mode;
	__u32 from_workload;
};

/* Whether the address on the workload's side is its own. */
static __always_inline int owns(const struct local *local, const struct bh_address *address)
{
	struct bh_owner *owner = bpf_map_lookup_elem(&bh_owners, address);

	if (owner)
		return owner->ifindex == local->ifindex;
	/* link-local addresses that user space has not heard of yet, and "no address yet" */
	if ((address->word[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000))
		return 1;
	return !(address->word[0] | address->word[1] | address->word[3]);
}

static __always_inline struct bh_edge *edge_of(const struct bh_edge_key *key, __u64 now, int *fresh)
{
	struct bh_edge *edge = bpf_map_lookup_elem(&bh_edges, key);
	struct bh_scratch *space;

	*fresh = 0;
	if (edge)
		return edge;
	space = scratch();
	if (!space)
		return 0;
	__builtin_memset(&space->edge, 0, sizeof(space->edge));
	space->edge.first_ns = now;
	space->edge.last_ns = now;
	if (bpf_map_update_elem(&bh_edges, key, &space->edge, BPF_NOEXIST) == 0)
		*fresh = 1;
	edge = bpf_map_lookup_elem(&bh_edges, key);
	if (!edge)
		count(BH_STAT_EDGES_FULL);
	return edge;
}

struct outcome {
	struct decision decision;
	__u16 port;
	__u16 application;
	__u8 direction;
	__u8 verdict;
	__u8 reason;
	__u8 adopted;
};

static __always_inline int is_service(__u32 identity)
{
	return identity >= BH_ID_FIRST_SERVICE && identity < BH_ID_FIRST_EXTERNAL;
}

/* Counts a new connection, or a denied packet, on its edge, and tells user space what it has not yet heard. Returns 1
 * where user space was asked to answer the packet. */
static __noinline int account(struct __sk_buff *skb, struct packet *p, struct local *local, struct outcome *out,
			      int from_workload)
{
	struct bh_edge_key key = {
		.local = local->identity,
		.peer = out->decision.peer,
		.port = out->port,
		.protocol = p->protocol,
		.direction = out->direction,
		.application = out->application,
	};
	__u64 now = bpf_ktime_get_ns();
	struct bh_event *event;
	struct bh_edge *edge;
	int fresh, tell, answer = 0;

	edge = edge_of(&key, now, &fresh);
	if (!edge)
		return 0;
	tell = fresh;
	edge->last_ns = now;
	edge->rule = out->decision.rule;
	if (out->verdict == BH_ALLOWED) {
		__sync_fetch_and_add(&edge->connections, 1);
		if (out->decision.peer == BH_ID_WORLD) {
			struct bh_contact_key contact = {
				.local = local->identity,
				.remote = p->key.remote,
				.port = out->port,
				.protocol = p->protocol,
				.direction = out->direction,
			};

			/* the address says more than "world" */
			if (!bpf_map_lookup_elem(&bh_contacts, &contact)) {
				bpf_map_update_elem(&bh_contacts, &contact, &now, BPF_ANY);
				tell = 1;
			}
		}
	} else {
		if (out->verdict == BH_DENIED)
			__sync_fetch_and_add(&edge->denied, 1);
		else
			__sync_fetch_and_add(&edge->would_deny, 1);
		if (now - edge->told_ns > 5000000000ull || !edge->told_ns)
			tell = 1;
		if (tell)
			edge->told_ns = now;
	}
	if (!tell && !(local->flags & BH_CONTROL_FLOWS))
		return 0;
	event = new_event(tell ? BH_EVENT_CONNECTION : BH_EVENT_FLOW_OPENED);
	if (!event)
		return 0;
	/* The process is found in the socket tables, and a reset would close its socket: user space looks first. */
	if (tell && out->verdict == BH_DENIED && p->protocol == P_TCP && p->tcp_flags == TCP_SYN &&
	    !(local->flags & BH_CONTROL_SILENT) && out->reason != BH_REASON_SPOOF &&
	    (from_workload || is_service(out->decision.peer)))
		answer = 1;
	event->direction = out->direction;
	event->verdict = out->verdict;
	event->reason = out->reason;
	event->mode = out->decision.mode;
	event->flags = (out->adopted ? BH_EVENT_ADOPTED : 0) | (answer ? BH_EVENT_ANSWER : 0) |
		       (from_workload ? BH_EVENT_FROM_WORKLOAD : 0);
	event->ifindex = local->ifindex;
	event->local = local->identity;
	event->peer = out->decision.peer;
	event->rule = out->decision.rule;
	event->application = out->application;
	event->port = out->port;
	event->time_ns = now;
	event->key = p->key;
	snap_packet(skb, p, event);
	bpf_ringbuf_submit(event, 0);
	return answer;
}

/* Nothing is answered to the world outside, nor to a forged address. */
static __always_inline int may_answer(const struct local *local, const struct outcome *out, int from_workload)
{
	if (local->flags & BH_CONTROL_SILENT || out->reason == BH_REASON_SPOOF)
		return 0;
	return from_workload || is_service(out->decision.peer) || out->decision.peer == BH_ID_HOST;
}

static __always_inline int deny(struct __sk_buff *skb, struct packet *p, struct local *local, struct outcome *out,
				int from_workload)
{
	int answered;

	count(BH_STAT_DENIED);
	answered = account(skb, p, local, out, from_workload);
	if (answered || !may_answer(local, out, from_workload))
		return DROP;
	return reject(skb, p, from_workload);
}

/* A packet that no rule can speak of: by mode it passes, or is dropped; it is counted and told either way. */
static __noinline int irregular(struct __sk_buff *skb, struct packet *p, struct local *local, __u32 reason_stat)
{
	struct outcome out = {};
	__u32 mode = local->mode;
	int from_workload = local->from_workload;

	count(reason_stat & 0xff);
	out.decision.mode = mode;
	out.reason = reason_stat >> 8;
	out.verdict = mode >= BH_ENFORCE ? BH_DENIED : BH_WOULD_DENY;
	out.direction = out.reason == BH_REASON_SPOOF ? BH_SPOOFED : from_workload ? BH_EGRESS : BH_INGRESS;
	out.decision.peer = out.reason == BH_REASON_SPOOF ? BH_ID_UNKNOWN : identify(&p->key.remote, local->epoch);
	account(skb, p, local, &out, from_workload);
	return mode >= BH_ENFORCE ? DROP : pass(skb, from_workload, local->flags);
}

#define IRREGULAR(reason, stat) ((reason) << 8 | (stat))
#define MALFORMED IRREGULAR(BH_REASON_MALFORMED, BH_STAT_MALFORMED)
#define SPOOF IRREGULAR(BH_REASON_SPOOF, BH_STAT_SPOOF)
#define FRAGMENT IRREGULAR(BH_REASON_FRAGMENT, BH_STAT_FRAGMENT)

/* ARP from a workload tells its own address, or none (RFC 5227 probe). */
static __always_inline int arp_is_true(struct __sk_buff *skb, const struct packet *p, const struct local *local)
{
	struct bh_address sender;
	__u32 address;

	if (bpf_skb_load_bytes(skb, p->l3 + 14, &address, 4) < 0)
		return 0;
	if (!address)
		return 1;
	map_v4(&sender, address);
	return owns(local, &sender);
}

/* A neighbour advertisement from a workload is about an address of its own. */
static __always_inline int neighbour_is_true(struct __sk_buff *skb, const struct packet *p, const struct local *local)
{
	struct bh_address target;

	if (p->protocol != P_ICMPV6 || p->icmp_type != 136)
		return 1;
	if (bpf_skb_load_bytes(skb, p->l4 + 8, &target, 16) < 0)
		return 0;
	return owns(local, &target);
}

/* Of a TCP packet in mid-stream whose opening was not seen: either side may have opened it. Allowed where the policy
 * allows one of the two. */
static __always_inline void decide_midstream(const struct bh_slot *slot, __u32 peer, struct packet *p,
					     struct outcome *out)
{
	__u16 local_port = bpf_ntohs(p->key.local_port), remote_port = bpf_ntohs(p->key.remote_port);
	int egress_first = remote_port < local_port;

	out->adopted = 1;
	out->direction = egress_first ? BH_EGRESS : BH_INGRESS;
	out->port = egress_first ? remote_port : local_port;
	decide(slot, peer, out->direction, P_TCP, out->port, 0, &out->decision);
	if (!out->decision.allow) {
		struct decision other;
		__u8 direction = egress_first ? BH_INGRESS : BH_EGRESS;
		__u16 port = egress_first ? local_port : remote_port;

		decide(slot, peer, direction, P_TCP, port, 0, &other);
		if (other.allow) {
			out->decision = other;
			out->direction = direction;
			out->port = port;
		}
	}
}

static __noinline int tell_name(struct __sk_buff *skb, struct packet *p, struct local *local)
{
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
	event->local = local->identity;
	event->ifindex = local->ifindex;
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

static __noinline int tell_closed(struct packet *p, struct local *local, struct bh_flow *flow)
{
	struct bh_event *event;

	if (!flow)
		return 0;
	event = new_event(BH_EVENT_FLOW_CLOSED);
	if (!event)
		return 0;
	event->direction = flow->direction;
	event->verdict = flow->verdict;
	event->mode = local->mode;
	event->ifindex = local->ifindex;
	event->local = flow->local;
	event->peer = flow->peer;
	event->rule = flow->rule;
	event->application = flow->application;
	event->port = flow->port;
	event->rtt_us = flow->rtt_us;
	event->time_ns = bpf_ktime_get_ns();
	event->key = p->key;
	event->packets[0] = flow->packets[0];
	event->packets[1] = flow->packets[1];
	event->bytes[0] = flow->bytes[0];
	event->bytes[1] = flow->bytes[1];
	bpf_ringbuf_submit(event, 0);
	return 0;
}

static __noinline int note_rtt(struct bh_flow *flow, struct packet *p)
{
	struct bh_edge_key key = {};
	struct bh_edge *edge;

	if (!flow || !flow->rtt_us)
		return 0;
	key.local = flow->local;
	key.peer = flow->peer;
	key.port = flow->port;
	key.protocol = p->protocol;
	key.direction = flow->direction;
	key.application = flow->application;
	edge = bpf_map_lookup_elem(&bh_edges, &key);
	if (edge && (!edge->rtt_min_us || flow->rtt_us < edge->rtt_min_us))
		edge->rtt_min_us = flow->rtt_us;
	return 0;
}

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

static __noinline int slow(struct __sk_buff *skb, struct packet *p, int from_workload, int parsed)
{
	struct local local = {};
	struct outcome out = {};
	struct bh_endpoint *endpoint;
	struct bh_service *service;
	struct bh_control *control;
	struct bh_slot *slot;
	struct bh_flow *flow;
	__u32 zero = 0, mode, rtt;
	__u64 word;
	int sender = from_workload ? BH_EGRESS : BH_INGRESS, fresh = 0, closed, fate;

	local.ifindex = skb->ifindex;
	control = bpf_map_lookup_elem(&bh_control_map, &zero);
	if (!control)
		return DROP;
	word = *(volatile __u64 *)control;
	local.epoch = (__u32)word;
	local.flags = (__u32)(word >> 32);
	endpoint = bpf_map_lookup_elem(&bh_endpoints, &local.ifindex);
	if (endpoint && endpoint->flags & BH_ENDPOINT_EXEMPT)
		return pass(skb, from_workload, local.flags);
	local.identity = endpoint ? endpoint->identity : 0;
	service = local.identity ? bpf_map_lookup_elem(&bh_services, &local.identity) : 0;
	if (!service) {
		count(BH_STAT_UNIDENTIFIED);
		return local.flags & BH_CONTROL_CLOSED ? DROP : pass(skb, from_workload, local.flags);
	}
	slot = &service->slot[local.epoch & 1];
	mode = slot->mode;
	local.mode = mode;
	local.from_workload = from_workload;

	switch (parsed) {
	case PARSED_MALFORMED:
		return irregular(skb, p, &local, MALFORMED);
	case PARSED_OTHER:
		count(BH_STAT_OTHER_ETHERTYPE);
		return mode >= BH_ENFORCE ? DROP : pass(skb, from_workload, local.flags);
	case PARSED_ARP:
		if (mode == BH_QUARANTINE)
			return DROP;
		if (from_workload && !arp_is_true(skb, p, &local))
			return irregular(skb, p, &local, SPOOF);
		return pass(skb, from_workload, local.flags);
	case PARSED_LINK:
		if (mode == BH_QUARANTINE)
			return DROP;
		/* Group reports and neighbour messages of others would have frames of others come here. */
		if (from_workload && (!owns(&local, &p->key.local) || !neighbour_is_true(skb, p, &local)))
			return irregular(skb, p, &local, SPOOF);
		return pass(skb, from_workload, local.flags);
	case PARSED_ERROR:
		if (mode < BH_ENFORCE)
			return pass(skb, from_workload, local.flags);
		if (from_workload && !owns(&local, &p->key.local))
			return irregular(skb, p, &local, SPOOF);
		out.decision.peer = identify(&p->key.remote, local.epoch);
		if (mode == BH_ENFORCE && embedded_key(skb, p, from_workload) == 0 && find_flow(&p->key))
			return pass(skb, from_workload, local.flags);
		out.port = p->policy_port;
		out.direction = sender;
		out.reason = BH_REASON_NO_RULE;
		out.verdict = BH_DENIED;
		out.decision.mode = mode;
		return deny(skb, p, &local, &out, from_workload);
	case PARSED_FRAGMENT:
		fate = first_fragment(p, from_workload);
		if (fate == FIRST_UNKNOWN)
			return irregular(skb, p, &local, FRAGMENT);
		if (fate == FIRST_DENIED)
			return DROP;
		flow = find_flow(&p->key);
		/* The policy has changed since the first fragment: without it, no new verdict can be taken. */
		if (!flow || flow->epoch != local.epoch)
			return mode >= BH_ENFORCE ? DROP : pass(skb, from_workload, local.flags);
		remember(p, flow, local.epoch, from_workload);
		return pass(skb, from_workload, local.flags);
	}

	flow = find_flow(&p->key);
	if (flow) {
		/* A SYN opens anew where the flow is closed or belongs to the other side; an ICMP request of the
		 * other side is no answer. */
		if (p->protocol == P_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
		    (flow->direction != sender || is_closed(flow->state)))
			flow = 0;
		else if ((p->protocol == P_ICMP || p->protocol == P_ICMPV6) &&
			 (flow->direction == sender) == p->icmp_reply)
			flow = 0;
	}

	if (flow && flow->epoch == local.epoch)
		goto known;

	count(BH_STAT_DECISIONS);
	if (!owns(&local, &p->key.local) && !(!from_workload && is_multicast(&p->key.local))) {
		if (from_workload)
			return irregular(skb, p, &local, SPOOF);
		/* Flooded by a bridge, or routed through the workload: not for this endpoint. */
		return mode >= BH_ENFORCE ? DROP : PASS;
	}
	out.decision.peer = identify(&p->key.remote, local.epoch);
	if (flow) {
		out.direction = flow->direction;
		out.port = flow->port;
		out.application = flow->application;
		out.adopted = !!(flow->state & BH_FLOW_ADOPTED);
		decide(slot, out.decision.peer, out.direction, p->protocol, out.port, out.application, &out.decision);
	} else if (p->protocol == P_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN) {
		/* A stray reset opens nothing. */
		if (p->tcp_flags & TCP_RST)
			return mode >= BH_ENFORCE ? DROP : pass(skb, from_workload, local.flags);
		decide_midstream(slot, out.decision.peer, p, &out);
	} else {
		out.direction = sender;
		out.port = p->icmp_reply ? (__u16)p->icmp_type << 8 : p->policy_port;
		decide(slot, out.decision.peer, out.direction, p->protocol, out.port, 0, &out.decision);
	}
	out.verdict = verdict_of(&out.decision);
	if (out.verdict != BH_ALLOWED)
		out.reason = reason_of(&out.decision);
	if (out.verdict == BH_DENIED) {
		if (flow) {
			forget_cached(&p->key);
			bpf_map_delete_elem(&bh_flows, &p->key);
		}
		if (p->fragment == FRAGMENT_FIRST)
			keep_fragment(p, from_workload, 0);
		return deny(skb, p, &local, &out, from_workload);
	}

	if (flow) {
		/* The verdict was taken anew, the connection goes on. What was counted belongs to the old edge. */
		int moved = flow->peer != out.decision.peer || flow->local != local.identity ||
			    flow->verdict != out.verdict;

		if (moved)
			forget_cached(&p->key);
		flow->local = local.identity;
		flow->peer = out.decision.peer;
		flow->rule = out.decision.rule;
		flow->verdict = out.verdict;
		flow->reason = out.reason;
		flow->epoch = local.epoch;
		if (moved)
			account(skb, p, &local, &out, from_workload);
	} else {
		struct bh_scratch *space = scratch();
		struct bh_flow *new;

		if (!space)
			return DROP;
		new = &space->flow;
		__builtin_memset(new, 0, sizeof(*new));
		new->epoch = local.epoch;
		new->local = local.identity;
		new->peer = out.decision.peer;
		new->rule = out.decision.rule;
		new->port = out.port;
		new->direction = out.direction;
		new->verdict = out.verdict;
		new->reason = out.reason;
		new->state = out.adopted ? BH_FLOW_ADOPTED : 0;
		new->last = now_jiffies();
		new->created_ns = bpf_ktime_get_ns();
		if (bpf_map_update_elem(&bh_flows, &p->key, new, BPF_ANY) != 0) {
			count(BH_STAT_FLOWS_FULL);
			if (mode >= BH_ENFORCE) {
				out.verdict = BH_DENIED;
				out.reason = BH_REASON_TABLE_FULL;
				account(skb, p, &local, &out, from_workload);
				return DROP;
			}
		}
		fresh = 1;
		account(skb, p, &local, &out, from_workload);
		flow = bpf_map_lookup_elem(&bh_flows, &p->key);
		if (!flow)
			return pass(skb, from_workload, local.flags);
	}

known:
	if (p->fragment == FRAGMENT_FIRST && !keep_fragment(p, from_workload, 1))
		return irregular(skb, p, &local, FRAGMENT);
	rtt = flow->rtt_us;
	closed = track(flow, p, from_workload);
	if (!rtt && flow->rtt_us)
		note_rtt(flow, p);
	/* Once a second a cached flow comes by here: its counters go to the tables. */
	if (!fresh) {
		struct bh_cached *cached = cache_slot(&p->key);

		if (cached && same_key(&cached->key, &p->key) && now_jiffies() - cached->flushed >= bh_hz) {
			flush_cached(cached);
			cached->flushed = now_jiffies();
		}
	}
	remember(p, flow, local.epoch, from_workload);
	if (closed || is_closed(flow->state)) {
		forget_cached(&p->key);
		if (closed && local.flags & BH_CONTROL_FLOWS)
			tell_closed(p, &local, flow);
	}
	if (!from_workload && p->protocol == P_UDP && p->key.remote_port == bpf_htons(53) && !p->fragment)
		tell_name(skb, p, &local);
	return pass(skb, from_workload, local.flags);
}

static __always_inline int handle(struct __sk_buff *skb, int from_workload)
{
	__u32 mark = skb->mark & BH_MARK_MASK;
	struct packet p;
	__u32 flags;
	int parsed;

	if (mark == BH_MARK_OWN) {
		set_mark(skb, from_workload ? BH_MARK_SEEN : 0);
		return PASS;
	}
	if (fast(skb, from_workload, &flags))
		return pass(skb, from_workload, flags);
	parsed = parse(skb, &p, from_workload);
	return slow(skb, &p, from_workload, parsed);
}

SEC("classifier")
int bh_from_workload(struct __sk_buff *skb)
{
	return handle(skb, 1);
}

SEC("classifier")
int bh_to_workload(struct __sk_buff *skb)
{
	return handle(skb, 0);
}

/* Run by user space on each CPU before it reads the edges: what that CPU has cached goes to the tables. The packet's
 * mark says which sixteenth of the slots, so that the verifier's walk stays short. */
SEC("classifier")
int bh_flush(struct __sk_buff *skb)
{
	__u32 base = bpf_get_smp_processor_id() * BH_CACHE_SLOTS + (skb->mark & 15) * (BH_CACHE_SLOTS / 16), i;

	for (i = 0; i < BH_CACHE_SLOTS / 16; i++) {
		__u32 index = base + i;
		struct bh_cached *slot = bpf_map_lookup_elem(&bh_cache, &index);

		if (slot)
			flush_cached(slot);
	}
	return 0;
}

/* The measure of nothing: benches take their figures net of this. */
SEC("classifier")
int bh_empty(struct __sk_buff *skb)
{
	return PASS;
}

/* Tells user space what time it is in jiffies. */
SEC("classifier")
int bh_clock(struct __sk_buff *skb)
{
	skb->mark = now_jiffies();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
