/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Answers to denied packets: TCP reset, ICMP "administratively prohibited". The packet itself is turned into its
 * answer and sent back to where it came from.
 *
 * The answer is put together on the stack and stored over the packet. A program that writes to a packet by itself is
 * given every packet that TCP holds on to for a retransmission only after it was made writable, which costs each of them
 * a call, and many a copy. */
#ifndef BULKHEAD_REJECT_H
#define BULKHEAD_REJECT_H

#include "maps.h"
#include "packet.h"

#define ICMP_HLEN 8
/* Of the packet's transport header, behind its IP header (RFC 792). */
#define QUOTED 8

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(__u16)sum;
}

static __always_inline void swap_ethernet(void *data)
{
	__u8 address[6];

	__builtin_memcpy(address, data, 6);
	__builtin_memcpy(data, data + 6, 6);
	__builtin_memcpy(data + 6, address, 6);
}

/* Where the answer goes: back into the workload, or as if the workload had sent it. */
static __always_inline int send_back(struct __sk_buff *skb, int from_workload)
{
	set_mark(skb, BH_MARK_OWN);
	count(BH_STAT_ANSWERED);
	return bpf_redirect(skb->ifindex, from_workload ? 0 : BPF_F_INGRESS);
}

/* Turns the TCP header into a reset (RFC 9293 3.10.7.1): ports swapped, numbers as the sender expects them. */
static __always_inline int make_reset(struct tcp *tcp, __u32 payload)
{
	__u8 flags = tcp->flags;
	__u32 ack;
	__u16 port;

	if (flags & TCP_RST)
		return -1;
	if (flags & TCP_SYN)
		payload += 1;
	if (flags & TCP_FIN)
		payload += 1;
	ack = bpf_htonl(bpf_ntohl(tcp->seq) + payload);
	port = tcp->source;
	tcp->source = tcp->destination;
	tcp->destination = port;
	tcp->seq = flags & TCP_ACK ? tcp->ack : 0;
	tcp->ack = flags & TCP_ACK ? 0 : ack;
	tcp->offset = 5 << 4;
	tcp->flags = flags & TCP_ACK ? TCP_RST : TCP_RST | TCP_ACK;
	tcp->window = 0;
	tcp->urgent = 0;
	tcp->checksum = 0;
	return 0;
}

/* Stores the answer's headers, and the packet's Ethernet header with its ends swapped. */
static __always_inline int store(struct __sk_buff *skb, __u8 *ethernet, const void *headers, __u32 length)
{
	swap_ethernet(ethernet);
	return bpf_skb_store_bytes(skb, 0, ethernet, ETH_HLEN, 0) < 0 ||
	       bpf_skb_store_bytes(skb, ETH_HLEN, headers, length, 0) < 0;
}

/* Plain Ethernet without VLAN tags, IPv4 options or extension headers; else the packet is dropped in silence. */
static __noinline int reset_v4(struct __sk_buff *skb, int from_workload)
{
	struct {
		struct ipv4 ip;
		struct tcp tcp;
	} answer;
	struct ipv4 *ip = &answer.ip;
	__u8 ethernet[ETH_HLEN];
	__u32 address;
	__u64 sum;

	if (bpf_skb_load_bytes(skb, 0, ethernet, ETH_HLEN) < 0 ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &answer, sizeof(answer)) < 0 ||
	    bpf_skb_change_tail(skb, ETH_HLEN + sizeof(answer), 0) < 0)
		return TC_ACT_SHOT;
	if (make_reset(&answer.tcp, bpf_ntohs(ip->length) - 20 - ((answer.tcp.offset >> 4) << 2)) < 0)
		return TC_ACT_SHOT;
	address = ip->source;
	ip->source = ip->destination;
	ip->destination = address;
	ip->version_ihl = 0x45;
	ip->tos = 0;
	ip->length = bpf_htons(sizeof(answer));
	ip->fragment = bpf_htons(0x4000);
	ip->ttl = 64;
	ip->checksum = 0;
	ip->checksum = fold(bpf_csum_diff(0, 0, (__be32 *)ip, sizeof(*ip), 0));
	sum = bpf_csum_diff(0, 0, (__be32 *)&answer.tcp, sizeof(answer.tcp), 0);
	sum += (__u64)ip->source + ip->destination + bpf_htonl(P_TCP) + bpf_htonl(sizeof(answer.tcp));
	answer.tcp.checksum = fold(sum);
	return store(skb, ethernet, &answer, sizeof(answer)) ? TC_ACT_SHOT : send_back(skb, from_workload);
}

static __noinline int reset_v6(struct __sk_buff *skb, int from_workload)
{
	struct {
		struct ipv6 ip;
		struct tcp tcp;
	} answer;
	struct ipv6 *ip = &answer.ip;
	__u8 ethernet[ETH_HLEN];
	__u32 address;
	__u64 sum;
	int i;

	if (bpf_skb_load_bytes(skb, 0, ethernet, ETH_HLEN) < 0 ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &answer, sizeof(answer)) < 0 ||
	    bpf_skb_change_tail(skb, ETH_HLEN + sizeof(answer), 0) < 0)
		return TC_ACT_SHOT;
	if (ip->next != P_TCP || make_reset(&answer.tcp, bpf_ntohs(ip->length) - ((answer.tcp.offset >> 4) << 2)) < 0)
		return TC_ACT_SHOT;
#pragma unroll
	for (i = 0; i < 4; i++) {
		address = ip->source[i];
		ip->source[i] = ip->destination[i];
		ip->destination[i] = address;
	}
	ip->version_class_flow = bpf_htonl(0x60000000);
	ip->length = bpf_htons(sizeof(answer.tcp));
	ip->hops = 64;
	/* addresses and the TCP header lie side by side */
	sum = bpf_csum_diff(0, 0, (__be32 *)ip->source, 32 + sizeof(answer.tcp), 0);
	sum += (__u64)bpf_htonl(P_TCP) + bpf_htonl(sizeof(answer.tcp));
	answer.tcp.checksum = fold(sum);
	return store(skb, ethernet, &answer, sizeof(answer)) ? TC_ACT_SHOT : send_back(skb, from_workload);
}

struct icmp {
	__u8 type, code;
	__u16 checksum;
	__u32 unused;
};

/* Keeps `quoted` bytes of the packet behind its Ethernet header and makes room for `headers` in front of them: those of
 * an ICMP message that quotes it. */
static __always_inline int make_room(struct __sk_buff *skb, __u32 quoted, __u32 headers)
{
	return bpf_skb_change_tail(skb, ETH_HLEN + quoted, 0) < 0 ||
	       bpf_skb_adjust_room(skb, headers, BPF_ADJ_ROOM_MAC, 0) < 0;
}

/* Destination unreachable, communication administratively prohibited (RFC 1812 5.2.7.1: code 13). */
static __noinline int prohibit_v4(struct __sk_buff *skb, int from_workload)
{
	struct {
		struct ipv4 ip;
		struct icmp icmp;
		struct ipv4 old;
		__u8 quoted[QUOTED];
	} answer = {};
	const __u32 quoted = sizeof(answer.old) + QUOTED, headers = sizeof(answer) - quoted;
	__u8 ethernet[ETH_HLEN];

	if (bpf_skb_load_bytes(skb, 0, ethernet, ETH_HLEN) < 0 ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &answer.old, quoted) < 0 || make_room(skb, quoted, headers))
		return TC_ACT_SHOT;
	answer.ip.version_ihl = 0x45;
	answer.ip.tos = 0xc0;
	answer.ip.length = bpf_htons(sizeof(answer));
	answer.ip.ttl = 64;
	answer.ip.protocol = P_ICMP;
	answer.ip.source = answer.old.destination;
	answer.ip.destination = answer.old.source;
	answer.ip.checksum = fold(bpf_csum_diff(0, 0, (__be32 *)&answer.ip, sizeof(answer.ip), 0));
	answer.icmp.type = 3;
	answer.icmp.code = 13;
	answer.icmp.checksum = fold(bpf_csum_diff(0, 0, (__be32 *)&answer.icmp, sizeof(answer.icmp) + quoted, 0));
	return store(skb, ethernet, &answer, sizeof(answer)) ? TC_ACT_SHOT : send_back(skb, from_workload);
}

/* ICMPv6 destination unreachable, administratively prohibited (RFC 4443 3.1: type 1, code 1). */
static __noinline int prohibit_v6(struct __sk_buff *skb, int from_workload)
{
	struct {
		struct ipv6 ip;
		struct icmp icmp;
		struct ipv6 old;
		__u8 quoted[QUOTED];
	} answer = {};
	const __u32 quoted = sizeof(answer.old) + QUOTED, headers = sizeof(answer) - quoted;
	const __u32 message = sizeof(answer.icmp) + quoted;
	__u8 ethernet[ETH_HLEN];
	__u64 sum;

	if (bpf_skb_load_bytes(skb, 0, ethernet, ETH_HLEN) < 0 ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &answer.old, quoted) < 0 || make_room(skb, quoted, headers))
		return TC_ACT_SHOT;
	answer.ip.version_class_flow = bpf_htonl(0x60000000);
	answer.ip.length = bpf_htons(message);
	answer.ip.next = P_ICMPV6;
	answer.ip.hops = 64;
	__builtin_memcpy(answer.ip.source, answer.old.destination, 16);
	__builtin_memcpy(answer.ip.destination, answer.old.source, 16);
	answer.icmp.type = 1;
	answer.icmp.code = 1;
	/* both addresses, the ICMP header and the quotation lie side by side */
	sum = bpf_csum_diff(0, 0, (__be32 *)answer.ip.source, 32 + message, 0);
	sum += (__u64)bpf_htonl(P_ICMPV6) + bpf_htonl(message);
	answer.icmp.checksum = fold(sum);
	return store(skb, ethernet, &answer, sizeof(answer)) ? TC_ACT_SHOT : send_back(skb, from_workload);
}

/* Never answers an ICMP message or a fragment. */
static __always_inline int reject(struct __sk_buff *skb, const struct packet *p, int from_workload)
{
	if (p->fragment || p->l3 != ETH_HLEN || skb->vlan_present)
		return TC_ACT_SHOT;
	if (p->family == 4 && p->l4 == ETH_HLEN + 20) {
		if (p->protocol == P_TCP)
			return reset_v4(skb, from_workload);
		if (p->protocol == P_UDP)
			return prohibit_v4(skb, from_workload);
	}
	if (p->family == 6 && p->l4 == ETH_HLEN + 40) {
		if (p->protocol == P_TCP)
			return reset_v6(skb, from_workload);
		if (p->protocol == P_UDP)
			return prohibit_v6(skb, from_workload);
	}
	return TC_ACT_SHOT;
}

#endif
