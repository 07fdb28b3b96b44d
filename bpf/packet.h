/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From bytes to a flow key: Ethernet, VLAN, IPv4, IPv6 with extension headers, fragments, transport ports. */
#ifndef BULKHEAD_PACKET_H
#define BULKHEAD_PACKET_H

#include "abi.h"

#define ETH_HLEN 14
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_IPV6 0x86DD
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88A8

#define P_HOPOPTS 0
#define P_ICMP 1
#define P_IGMP 2
#define P_TCP 6
#define P_UDP 17
#define P_ROUTING 43
#define P_FRAGMENT 44
#define P_AH 51
#define P_ICMPV6 58
#define P_NONE 59
#define P_DSTOPTS 60
#define P_SCTP 132

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* What parse() makes of a packet. */
enum parsed {
	PARSED_FLOW,
	/* ARP: passes when it tells the truth about its sender. */
	PARSED_ARP,
	/* Neighbour discovery, multicast listener reports, IGMP: part of having an address. */
	PARSED_LINK,
	/* ICMP error: belongs to the flow that it embeds. */
	PARSED_ERROR,
	/* A later fragment. */
	PARSED_FRAGMENT,
	PARSED_OTHER,
	PARSED_MALFORMED,
};

enum fragment { FRAGMENT_NONE = 0, FRAGMENT_FIRST = 1, FRAGMENT_LATER = 2 };

struct packet {
	struct bh_flow_key key;
	__u32 bytes; /* of the IP packet */
	__u32 fragment_id;
	__u16 l3;
	__u16 l4;
	__u16 payload; /* offset behind the transport header; 0 where unknown */
	__u16 policy_port; /* server port if the sender is the client; ICMP: type << 8 | code */
	__u8 family; /* 4 or 6 */
	__u8 protocol;
	__u8 tcp_flags;
	__u8 fragment;
	__u8 icmp_type;
	/* whether the sender of this ICMP message answers a request */
	__u8 icmp_reply;
};

struct ipv4 {
	__u8 version_ihl, tos;
	__u16 length, id, fragment;
	__u8 ttl, protocol;
	__u16 checksum;
	__u32 source, destination;
};

struct ipv6 {
	__u32 version_class_flow;
	__u16 length;
	__u8 next, hops;
	__u32 source[4], destination[4];
};

struct tcp {
	__u16 source, destination;
	__u32 seq, ack;
	__u8 offset, flags;
	__u16 window, checksum, urgent;
};

static __always_inline void map_v4(struct bh_address *out, __u32 address)
{
	out->word[0] = 0;
	out->word[1] = 0;
	out->word[2] = bpf_htonl(0xffff);
	out->word[3] = address;
}

/* Of an IPv6 packet: it would be taken for what IPv4 has at this address, and no such packet is ever right. */
static __always_inline int is_mapped(const struct bh_address *address)
{
	return !(address->word[0] | address->word[1]) && address->word[2] == bpf_htonl(0xffff);
}

static __always_inline void copy_v6(struct bh_address *out, const __u32 *address)
{
	out->word[0] = address[0];
	out->word[1] = address[1];
	out->word[2] = address[2];
	out->word[3] = address[3];
}

/* Fills ports and protocol details from the transport header, whose first bytes are in `head` as far as `have`. */
static __always_inline int parse_transport(struct packet *p, const __u8 *head, int have, int from_workload)
{
	__u16 source = 0, destination = 0;

	switch (p->protocol) {
	case P_TCP:
		if (have < 14)
			return PARSED_MALFORMED;
		source = *(__u16 *)head;
		destination = *(__u16 *)(head + 2);
		p->tcp_flags = head[13];
		p->payload = p->l4 + ((head[12] >> 4) << 2);
		break;
	case P_UDP:
	case P_SCTP:
		if (have < 8)
			return PARSED_MALFORMED;
		source = *(__u16 *)head;
		destination = *(__u16 *)(head + 2);
		p->payload = p->l4 + 8;
		break;
	case P_ICMP:
		if (have < 8)
			return PARSED_MALFORMED;
		p->icmp_type = head[0];
		p->policy_port = (__u16)head[0] << 8 | head[1];
		switch (head[0]) {
		case 3: case 4: case 11: case 12:
			return PARSED_ERROR;
		case 0:
			p->policy_port = 8 << 8;
			p->icmp_reply = 1;
			break;
		case 14:
			p->policy_port = 13 << 8;
			p->icmp_reply = 1;
			break;
		}
		if (p->policy_port == 8 << 8 || p->policy_port == 13 << 8)
			p->key.local_port = *(__u16 *)(head + 4);
		else
			p->key.local_port = bpf_htons(p->policy_port);
		return PARSED_FLOW;
	case P_ICMPV6:
		if (have < 8)
			return PARSED_MALFORMED;
		p->icmp_type = head[0];
		p->policy_port = (__u16)head[0] << 8 | head[1];
		if (head[0] >= 1 && head[0] <= 4)
			return PARSED_ERROR;
		/* A workload that offers itself as a router to its neighbours (134) needs a rule for it. */
		if (((head[0] >= 130 && head[0] <= 136) || head[0] == 143) && !(head[0] == 134 && from_workload))
			return PARSED_LINK;
		if (head[0] == 129) {
			p->policy_port = 128 << 8;
			p->icmp_reply = 1;
		}
		if (p->policy_port == 128 << 8)
			p->key.local_port = *(__u16 *)(head + 4);
		else
			p->key.local_port = bpf_htons(p->policy_port);
		return PARSED_FLOW;
	case P_IGMP:
		return PARSED_LINK;
	default:
		return PARSED_FLOW;
	}
	if (from_workload) {
		p->key.local_port = source;
		p->key.remote_port = destination;
	} else {
		p->key.local_port = destination;
		p->key.remote_port = source;
	}
	p->policy_port = bpf_ntohs(destination);
	return PARSED_FLOW;
}

/* The transport header wherever it lies, of which the packet has `have` bytes. */
static __noinline int load_transport(struct __sk_buff *skb, struct packet *p, int have, int from_workload)
{
	__u8 head[16] = {};

	if (!p)
		return PARSED_MALFORMED;
	switch (p->protocol) {
	case P_TCP:
		if (have < 20 || bpf_skb_load_bytes(skb, p->l4, head, 14) < 0)
			return PARSED_MALFORMED;
		return parse_transport(p, head, 14, from_workload);
	case P_UDP: case P_SCTP: case P_ICMP: case P_ICMPV6:
		if (have < 8 || bpf_skb_load_bytes(skb, p->l4, head, 8) < 0)
			return PARSED_MALFORMED;
		return parse_transport(p, head, 8, from_workload);
	case P_NONE:
		return PARSED_MALFORMED;
	default:
		return parse_transport(p, head, 0, from_workload);
	}
}

/* Walks IPv6 extension headers. Returns the transport protocol, or -1. */
static __noinline int skip_extensions(struct __sk_buff *skb, struct packet *p, int next)
{
	__u32 offset = p->l4;
	__u8 head[8];
	int i;

	for (i = 0; i < 8; i++) {
		switch (next) {
		case P_HOPOPTS: case P_ROUTING: case P_DSTOPTS: case P_AH: case P_FRAGMENT:
			break;
		default:
			p->l4 = offset;
			return next;
		}
		if (offset > 512 || bpf_skb_load_bytes(skb, offset, head, sizeof(head)) < 0)
			return -1;
		if (next == P_FRAGMENT) {
			__u16 where = bpf_ntohs(*(__u16 *)(head + 2));

			p->fragment_id = *(__u32 *)(head + 4);
			if (where & 0xfff8) {
				p->fragment = FRAGMENT_LATER;
				p->protocol = head[0];
				/* byte 8 is still inside the smallest transport header: an overlap */
				return where >> 3 == 1 ? -1 : head[0];
			}
			if (where & 1)
				p->fragment = FRAGMENT_FIRST;
			offset += 8;
		} else if (next == P_AH) {
			offset += ((__u32)head[1] + 2) << 2;
		} else {
			offset += ((__u32)head[1] + 1) << 3;
		}
		next = head[0];
	}
	return -1;
}

static __always_inline int parse(struct __sk_buff *skb, struct packet *p, int from_workload)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 l3 = ETH_HLEN;
	__u8 head[16];
	__u16 type;
	int next, have, i;

	__builtin_memset(p, 0, sizeof(*p));
	if (data + ETH_HLEN + 40 + 20 > end) {
		/* Headers beyond the linear part are pulled in; short packets stay as they are. */
		if (skb->len > (__u32)((long)end - (long)data)) {
			__u32 want = skb->len < 128 ? skb->len : 128;

			if (bpf_skb_pull_data(skb, want) < 0)
				return PARSED_MALFORMED;
			data = (void *)(long)skb->data;
			end = (void *)(long)skb->data_end;
		}
		if (data + ETH_HLEN > end)
			return PARSED_MALFORMED;
	}
	type = *(__u16 *)(data + 12);
#pragma unroll
	for (i = 0; i < 2; i++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if (data + l3 + 4 > end)
			return PARSED_MALFORMED;
		type = *(__u16 *)(data + l3 + 2);
		l3 += 4;
	}
	p->l3 = l3;
	if (type == bpf_htons(ETH_P_IP)) {
		struct ipv4 *ip = data + l3;
		__u32 length, header;
		__u16 where;

		if ((void *)(ip + 1) > end || ip->version_ihl >> 4 != 4)
			return PARSED_MALFORMED;
		header = (ip->version_ihl & 15) << 2;
		length = bpf_ntohs(ip->length);
		/* A super-sized packet from the stack itself has length 0. */
		if (length == 0)
			length = skb->len - l3;
		if (header < 20 || length < header || length > skb->len - l3)
			return PARSED_MALFORMED;
		p->family = 4;
		p->bytes = length;
		p->protocol = ip->protocol;
		p->l4 = l3 + header;
		if (from_workload) {
			map_v4(&p->key.local, ip->source);
			map_v4(&p->key.remote, ip->destination);
		} else {
			map_v4(&p->key.local, ip->destination);
			map_v4(&p->key.remote, ip->source);
		}
		p->key.endpoint = skb->ifindex << 8 | p->protocol;
		where = bpf_ntohs(ip->fragment);
		if (where & 0x3fff) {
			p->fragment_id = ip->id;
			if (where & 0x1fff) {
				p->fragment = FRAGMENT_LATER;
				if ((where & 0x1fff) == 1)
					return PARSED_MALFORMED;
				return PARSED_FRAGMENT;
			}
			p->fragment = FRAGMENT_FIRST;
		}
		have = (int)(length - header);
		if (header == 20) {
			__u8 *transport = data + l3 + 20;

			if (p->protocol == P_TCP) {
				if ((void *)(transport + 14) > end || have < 20)
					return PARSED_MALFORMED;
				__builtin_memcpy(head, transport, 14);
				return parse_transport(p, head, 14, from_workload);
			}
			if (p->protocol == P_UDP) {
				if ((void *)(transport + 8) > end || have < 8)
					return PARSED_MALFORMED;
				__builtin_memcpy(head, transport, 8);
				return parse_transport(p, head, 8, from_workload);
			}
		}
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		struct ipv6 *ip = data + l3;
		__u32 length;

		if ((void *)(ip + 1) > end || (*(__u8 *)ip) >> 4 != 6)
			return PARSED_MALFORMED;
		length = bpf_ntohs(ip->length);
		/* A jumbogram, from the stack itself (BIG TCP) or with the hop-by-hop option. */
		if (length == 0)
			length = skb->len - l3 - 40;
		if (length > skb->len - l3 - 40)
			return PARSED_MALFORMED;
		p->family = 6;
		p->bytes = length + 40;
		p->l4 = l3 + 40;
		next = ip->next;
		if (from_workload) {
			copy_v6(&p->key.local, ip->source);
			copy_v6(&p->key.remote, ip->destination);
		} else {
			copy_v6(&p->key.local, ip->destination);
			copy_v6(&p->key.remote, ip->source);
		}
		if (is_mapped(&p->key.local) || is_mapped(&p->key.remote))
			return PARSED_MALFORMED;
		have = (int)length;
		if (next == P_TCP || next == P_UDP) {
			__u8 *transport = data + l3 + 40;

			p->protocol = next;
			p->key.endpoint = skb->ifindex << 8 | p->protocol;
			if (next == P_TCP) {
				if ((void *)(transport + 14) > end || have < 20)
					return PARSED_MALFORMED;
				__builtin_memcpy(head, transport, 14);
				return parse_transport(p, head, 14, from_workload);
			}
			if ((void *)(transport + 8) > end || have < 8)
				return PARSED_MALFORMED;
			__builtin_memcpy(head, transport, 8);
			return parse_transport(p, head, 8, from_workload);
		}
		next = skip_extensions(skb, p, next);
		if (next < 0)
			return PARSED_MALFORMED;
		p->protocol = next;
		p->key.endpoint = skb->ifindex << 8 | p->protocol;
		if (p->fragment == FRAGMENT_LATER)
			return PARSED_FRAGMENT;
		have -= (int)p->l4 - (int)(l3 + 40);
	} else if (type == bpf_htons(ETH_P_ARP)) {
		return PARSED_ARP;
	} else {
		return PARSED_OTHER;
	}

	/* The slower ways: IPv4 options, extension headers, protocols other than TCP and UDP. */
	return load_transport(skb, p, have, from_workload);
}

#endif
