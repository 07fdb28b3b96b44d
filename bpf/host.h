/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Workloads in the host's network have no interface of their own: their sockets are told by their control group. What a
 * socket sends and receives passes a program of the group, from the IP header on; a TCP connect passes another one first,
 * because a SYN that is only dropped would let its process wait. Denied datagrams fail at once by themselves.
 *
 * Everything is decided as for an interface, with two differences. The host's addresses are not the workload's own, so
 * nothing is a spoof. And programs of this hook may be interrupted by another packet on the same CPU: nothing that they
 * use is one per CPU, neither desk nor cache, and what they count goes to the tables at once. */
#ifndef BULKHEAD_HOST_H
#define BULKHEAD_HOST_H

#include "slow.h"

/* What programs of this hook return. */
#define SOCKET_DROP 0
#define SOCKET_PASS 1

/* How deep the control group of a container may lie where its processes are in groups below it. */
#define GROUP_LEVELS 10

/* As the protocol of a socket; on the wire it is TCP. */
#define P_MPTCP 262

static __noinline __u32 endpoint_of_packet(struct __sk_buff *skb)
{
	__u64 group = bpf_skb_cgroup_id(skb);
	__u32 *endpoint = bpf_map_lookup_elem(&bh_groups, &group);
	int level;

	for (level = 1; level < GROUP_LEVELS && !endpoint; level++) {
		group = bpf_skb_ancestor_cgroup_id(skb, level);
		endpoint = bpf_map_lookup_elem(&bh_groups, &group);
	}
	return endpoint ? *endpoint : 0;
}

static __always_inline __u32 endpoint_of_process(void)
{
	__u64 group = bpf_get_current_cgroup_id();
	__u32 *endpoint = bpf_map_lookup_elem(&bh_groups, &group);
	int level;

	for (level = 1; level < GROUP_LEVELS && !endpoint; level++) {
		group = bpf_get_current_ancestor_cgroup_id(level);
		endpoint = bpf_map_lookup_elem(&bh_groups, &group);
	}
	return endpoint ? *endpoint : 0;
}

static __always_inline int is_loopback(const struct bh_address *a)
{
	if (a->word[0] | a->word[1])
		return 0;
	if (a->word[2] == bpf_htonl(0xffff))
		return *(const __u8 *)&a->word[3] == 127 || !a->word[3];
	/* "No address" is a way to say loopback. */
	return !a->word[2] && !(a->word[3] & ~bpf_htonl(1));
}

/* Behind loopback is whoever is in the host's network. */
static __always_inline void find_socket_peer(struct work *w)
{
	if (is_loopback(&w->packet.key.remote))
		w->out.decision.peer = BH_ID_HOST;
	else
		find_peer(w);
}

/* As parse(), of what begins with an IP header and of which no part may lie in the linear part. */
static __noinline int parse_socket_packet(struct __sk_buff *skb, struct packet *p, int from_workload)
{
	union {
		struct ipv4 v4;
		struct ipv6 v6;
	} ip;
	__u32 length;
	int have = 0;

	if (!p || bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip.v4)) < 0)
		return PARSED_MALFORMED;
	if (ip.v4.version_ihl >> 4 == 4) {
		__u32 header = (ip.v4.version_ihl & 15) << 2;
		__u16 where = bpf_ntohs(ip.v4.fragment);

		length = bpf_ntohs(ip.v4.length);
		/* A super-sized packet from the stack itself has length 0. */
		if (length == 0)
			length = skb->len;
		if (header < 20 || length < header || length > skb->len)
			return PARSED_MALFORMED;
		p->family = 4;
		p->bytes = length;
		p->protocol = ip.v4.protocol;
		p->l4 = header;
		map_v4(&p->key.local, from_workload ? ip.v4.source : ip.v4.destination);
		map_v4(&p->key.remote, from_workload ? ip.v4.destination : ip.v4.source);
		if (where & 0x3fff)
			p->fragment = where & 0x1fff ? FRAGMENT_LATER : FRAGMENT_FIRST;
		have = (int)(length - header);
	} else {
		int next;

		if (ip.v4.version_ihl >> 4 != 6 || bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip.v6)) < 0)
			return PARSED_MALFORMED;
		length = bpf_ntohs(ip.v6.length);
		/* A jumbogram. */
		if (length == 0)
			length = skb->len - sizeof(ip.v6);
		if (length > skb->len - sizeof(ip.v6))
			return PARSED_MALFORMED;
		p->family = 6;
		p->bytes = length + sizeof(ip.v6);
		p->l4 = sizeof(ip.v6);
		copy_v6(&p->key.local, from_workload ? ip.v6.source : ip.v6.destination);
		copy_v6(&p->key.remote, from_workload ? ip.v6.destination : ip.v6.source);
		if (is_mapped(&p->key.local) || is_mapped(&p->key.remote))
			return PARSED_MALFORMED;
		next = skip_extensions(skb, p, ip.v6.next);
		if (next < 0)
			return PARSED_MALFORMED;
		p->protocol = next;
		have = (int)length - ((int)p->l4 - (int)sizeof(ip.v6));
	}
	if (p->fragment == FRAGMENT_LATER)
		return PARSED_FRAGMENT;
	return load_transport(skb, p, have, from_workload);
}

/* The policy of the endpoint's service, 0 where it is nobody's yet. */
static __always_inline struct bh_slot *socket_policy(struct local *local, __u32 number)
{
	struct bh_endpoint *endpoint;
	struct bh_service *service;
	struct bh_control *control;
	struct bh_slot *slot;
	__u32 zero = 0;
	__u64 word;

	control = bpf_map_lookup_elem(&bh_control_map, &zero);
	if (!control)
		return 0;
	word = *(volatile __u64 *)control;
	local->epoch = (__u32)word;
	local->flags = (__u32)(word >> 32);
	local->ifindex = number;
	endpoint = bpf_map_lookup_elem(&bh_endpoints, &local->ifindex);
	if (!endpoint)
		return 0;
	local->identity = endpoint->identity;
	service = bpf_map_lookup_elem(&bh_services, &local->identity);
	if (!service)
		return 0;
	slot = &service->slot[local->epoch & 1];
	local->mode = slot->mode;
	return slot;
}

/* Nobody's, and whatever may come of it is not known: as an interface of nobody. */
static __always_inline int socket_of_nobody(const struct local *local)
{
	if (!(local->flags & BH_CONTROL_CLOSED))
		return SOCKET_PASS;
	count(BH_STAT_UNIDENTIFIED);
	return SOCKET_DROP;
}

/* A function of its own, so that its room on the stack is that of the edge alone. */
static __noinline int account_socket(struct __sk_buff *skb, struct work *w, int from_workload)
{
	struct bh_event *event;
	struct bh_edge new;

	event = book(w, &new, from_workload);
	if (!event)
		return 0;
	snap_packet(skb, &w->packet, event);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

static __noinline int account_connect(struct work *w)
{
	struct bh_event *event;
	struct bh_edge new;

	event = book(w, &new, 1);
	if (!event)
		return 0;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

static __noinline int enter_socket_flow(struct work *w, int from_workload)
{
	/* The verifier of 5.10 thinks that begin() may not get it. */
	struct bh_flow new = {};

	begin(w, &new);
	track(&new, w->packet.protocol, w->packet.tcp_flags, from_workload);
	return bpf_map_update_elem(&bh_flows, &w->packet.key, &new, BPF_ANY) == 0;
}

/* What there is to do with a packet of a flow whose verdict is not of this epoch. */
#define FATE_TELL 2
#define FATE_GO_ON 4

static __noinline int ask_socket(struct work *w, const struct bh_slot *slot, struct bh_flow *flow, int from_workload)
{
	int closed = w->local.mode >= BH_ENFORCE, moved;

	count(BH_STAT_DECISIONS);
	find_socket_peer(w);
	switch (ask_policy(w, slot, flow, from_workload)) {
	case STRAY:
		return closed ? SOCKET_DROP : SOCKET_PASS;
	case UNDECIDED:
		return SOCKET_PASS;
	}
	if (w->out.verdict == BH_DENIED) {
		count(BH_STAT_DENIED);
		if (flow)
			bpf_map_delete_elem(&bh_flows, &w->packet.key);
		return SOCKET_DROP | FATE_TELL;
	}
	if (flow) {
		moved = moves(w, flow);
		rewrite(w, flow);
		return SOCKET_PASS | FATE_GO_ON | (moved ? FATE_TELL : 0);
	}
	/* An end said again, when the flow's time is over: nothing begins with it. */
	if (w->out.adopted && w->packet.tcp_flags & TCP_FIN && has_ended(&w->packet.key))
		return SOCKET_PASS;
	/* What was open before goes on, counted or not. */
	w->out.opens = !w->out.adopted;
	if (enter_socket_flow(w, from_workload))
		return SOCKET_PASS | FATE_GO_ON | FATE_TELL;
	count(BH_STAT_FLOWS_FULL);
	if (!closed)
		return SOCKET_PASS | FATE_TELL;
	w->out.verdict = BH_DENIED;
	w->out.reason = BH_REASON_TABLE_FULL;
	return SOCKET_DROP | FATE_TELL;
}

/* Counts a packet on its flow and its edge. */
static __noinline int count_socket_packet(struct work *w, struct bh_flow *flow, int from_workload)
{
	const struct packet *p = &w->packet;
	struct bh_edge_key key = {};
	struct bh_edge *edge;
	int side = from_workload ? 0 : 1;

	if (!flow)
		return 0;
	__sync_fetch_and_add(&flow->packets[side], 1);
	__sync_fetch_and_add(&flow->bytes[side], p->bytes);
	key.local = flow->local;
	key.peer = flow->peer;
	key.port = flow->port;
	key.protocol = p->protocol;
	key.direction = flow->direction;
	key.application = flow->application;
	edge = bpf_map_lookup_elem(&bh_edges, &key);
	if (!edge)
		return 0;
	__sync_fetch_and_add(&edge->packets[side], 1);
	__sync_fetch_and_add(&edge->bytes[side], p->bytes);
	if (flow->rtt_us && (!edge->rtt_min_us || flow->rtt_us < edge->rtt_min_us))
		edge->rtt_min_us = flow->rtt_us;
	edge->last_ns = packet_time(w);
	return 0;
}

/* A packet of a flow that goes on. */
static __noinline int follow_socket(struct __sk_buff *skb, struct work *w, int from_workload, int fresh)
{
	struct packet *p = &w->packet;
	struct bh_flow *flow = bpf_map_lookup_elem(&bh_flows, &p->key);
	int closed;

	if (!flow)
		return 0;
	closed = !fresh && track(flow, p->protocol, p->tcp_flags, from_workload);
	count_socket_packet(w, flow, from_workload);
	if (closed && w->local.flags & BH_CONTROL_FLOWS)
		tell_closed(w, flow);
	if (flow->direction == BH_EGRESS && is_of_names(p) && answers_question(skb, p, from_workload))
		tell_name(skb, w);
	return 0;
}

/* What opens no flow. Later fragments come from sockets alone that write their own IP headers: they have no ports, and
 * nothing is known of their first. */
static __noinline int judge_socket_packet(struct work *w, int from_workload, int parsed)
{
	switch (parsed) {
	case PARSED_LINK:
		return w->local.mode == BH_QUARANTINE ? SOCKET_DROP : SOCKET_PASS;
	case PARSED_ERROR:
		/* What the stack itself says of errors passes no socket: this is what a raw socket reads or makes up. */
		if (w->local.mode < BH_ENFORCE || (!from_workload && w->local.mode == BH_ENFORCE))
			return SOCKET_PASS;
		find_socket_peer(w);
		w->out.port = w->packet.policy_port;
		w->out.direction = from_workload ? BH_EGRESS : BH_INGRESS;
		w->out.reason = BH_REASON_NO_RULE;
		w->out.verdict = BH_DENIED;
		w->out.decision.mode = w->local.mode;
		count(BH_STAT_DENIED);
		return SOCKET_DROP | FATE_TELL;
	case PARSED_FRAGMENT:
		count(BH_STAT_FRAGMENT);
		judge_irregular(w, from_workload, FRAGMENT);
		break;
	default:
		count(BH_STAT_MALFORMED);
		judge_irregular(w, from_workload, MALFORMED);
	}
	find_socket_peer(w);
	return FATE_TELL | (w->out.verdict == BH_DENIED ? SOCKET_DROP : SOCKET_PASS);
}

static __always_inline int socket_packet(struct __sk_buff *skb, int from_workload)
{
	__u32 number = endpoint_of_packet(skb);
	struct work w = {};
	struct bh_slot *slot;
	struct bh_flow *flow;
	int parsed, fate, fresh = 0;

	slot = socket_policy(&w.local, number);
	if (!slot)
		return socket_of_nobody(&w.local);
	parsed = parse_socket_packet(skb, &w.packet, from_workload);
	w.packet.key.endpoint = number << 8 | w.packet.protocol;
	if (parsed != PARSED_FLOW) {
		fate = judge_socket_packet(&w, from_workload, parsed);
	} else {
		fate = SOCKET_PASS | FATE_GO_ON;
		flow = known_flow(&w.packet, from_workload ? BH_EGRESS : BH_INGRESS);
		if (!flow || flow->epoch != w.local.epoch) {
			fresh = !flow;
			fate = ask_socket(&w, slot, flow, from_workload);
		}
	}
	if (fate & FATE_TELL)
		account_socket(skb, &w, from_workload);
	if (fate & FATE_GO_ON) {
		if (w.out.verdict == BH_DENIED) {
			/* It could not be counted. */
			bpf_map_delete_elem(&bh_flows, &w.packet.key);
			return SOCKET_DROP;
		}
		follow_socket(skb, &w, from_workload, fresh);
	}
	return fate & SOCKET_PASS;
}

/* A TCP connect that is denied fails at once. One that is not passes here uncounted: its SYN is on its way. */
static __always_inline int connecting(const struct bh_address *remote, __u32 protocol, __u32 port)
{
	struct bh_slot *slot;
	struct work w = {};
	__u32 number;

	if (protocol != P_TCP && protocol != P_MPTCP)
		return SOCKET_PASS;
	number = endpoint_of_process();
	/* A socket of the group in the hands of a process that is elsewhere: its packets are decided by the socket. */
	if (!number)
		return SOCKET_PASS;
	slot = socket_policy(&w.local, number);
	if (!slot)
		return socket_of_nobody(&w.local);
	w.packet.family = is_mapped(remote) ? 4 : 6;
	w.packet.protocol = P_TCP;
	w.packet.key.remote = *remote;
	if (w.packet.family == 4)
		map_v4(&w.packet.key.local, 0);
	w.packet.key.remote_port = port;
	w.packet.key.endpoint = number << 8 | P_TCP;
	w.out.port = bpf_ntohs((__u16)port);
	w.out.direction = BH_EGRESS;
	find_socket_peer(&w);
	decide(slot, &w.out, P_TCP);
	w.out.verdict = verdict_of(&w.out.decision);
	if (w.out.verdict != BH_DENIED)
		return SOCKET_PASS;
	w.out.reason = reason_of(&w.out.decision);
	count(BH_STAT_DENIED);
	account_connect(&w);
	return SOCKET_DROP;
}

#endif
