/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is the peer, and what does the policy say. */
#ifndef BULKHEAD_POLICY_H
#define BULKHEAD_POLICY_H

#include "maps.h"
#include "packet.h"

struct decision {
	__u32 peer;
	__u32 rule;
	__u8 allow;
	__u8 mode;
};

/* What is asked of a policy, and what became of it. */
struct outcome {
	struct decision decision;
	__u16 port;
	__u16 application;
	__u8 direction;
	__u8 verdict;
	__u8 reason;
	__u8 adopted;
	/* The first packet of a flow that nothing was known of. */
	__u8 opens;
	/* Its edge, or the one before, has counted it already. */
	__u8 counted;
	/* No rule can speak of it, so it is no connection to be learned. */
	__u8 irregular;
};

static __always_inline int is_multicast(const struct bh_address *a)
{
	if (a->word[0] == 0 && a->word[1] == 0 && a->word[2] == bpf_htonl(0xffff)) {
		__u8 first = *(const __u8 *)&a->word[3];

		return (first & 0xf0) == 224 || a->word[3] == 0xffffffff;
	}
	return *(const __u8 *)&a->word[0] == 0xff;
}

/* An exact address first: a workload, the host. Ranges and resolved names only when that misses. */
static __always_inline __u32 identify(const struct bh_address *address, __u32 epoch)
{
	struct bh_owner *owner;
	struct bh_prefix prefix;
	__u32 *identity;

	if (is_multicast(address))
		return BH_ID_MULTICAST;
	owner = bpf_map_lookup_elem(&bh_owners, address);
	if (owner)
		return owner->identity;
	prefix.length = 160;
	prefix.slot = epoch & 1;
	prefix.address = *address;
	identity = bpf_map_lookup_elem(&bh_prefixes, &prefix);
	return identity ? *identity : BH_ID_WORLD;
}

/* The order of the probes does not matter: the compiler has made the entries of a class disjoint. Long prefixes come
 * first because single ports are the common case. Of the same ports there may be entries for single applications, and
 * one for any other that is known: they are asked after the walk, which keeps the verifier's work small. */
static __always_inline void match_class(const struct bh_class_ref *class, __u8 protocol, __u16 port,
					__u16 application, struct decision *out)
{
	struct bh_rule_key key = {};
	__u32 lengths = class->lengths;
	struct bh_rule *rule = 0, *narrower;
	int length;

	out->allow = class->allow;
	out->rule = class->rule;
	key.class_id = class->class_id;
	key.protocol = protocol;
	for (length = 16; length >= 0; length--) {
		if (!(lengths & 1u << length))
			continue;
		key.port = port & (__u16)(0xffff0000u >> length);
		key.length = length;
		rule = bpf_map_lookup_elem(&bh_rules, &key);
		if (rule)
			break;
	}
	if (!rule)
		return;
	if (rule->applications && application) {
		key.application = application;
		narrower = bpf_map_lookup_elem(&bh_rules, &key);
		if (!narrower) {
			key.application = BH_APPLICATION_OTHER;
			narrower = bpf_map_lookup_elem(&bh_rules, &key);
		}
		if (narrower)
			rule = narrower;
	}
	out->allow = rule->allow != 0;
	out->rule = rule->rule;
}

/* `slot` is that of the epoch the caller has read; the peer, the direction, the port and the application are in `out`. */
static __noinline int decide(const struct bh_slot *slot, struct outcome *out, int protocol)
{
	struct bh_peer_key key = {.peer = out->decision.peer};
	const struct bh_class_ref *class;

	if (!slot)
		return 0;
	key.table = slot->table[out->direction & 1];
	out->decision.mode = slot->mode;
	class = bpf_map_lookup_elem(&bh_peers, &key);
	if (!class)
		class = &slot->otherwise[out->direction & 1];
	match_class(class, protocol, out->port, out->application, &out->decision);
	return 0;
}

static __always_inline __u8 verdict_of(const struct decision *d)
{
	if (d->mode == BH_QUARANTINE)
		return BH_DENIED;
	if (d->allow || d->mode == BH_LEARN)
		return BH_ALLOWED;
	return d->mode == BH_MONITOR ? BH_WOULD_DENY : BH_DENIED;
}

static __always_inline __u8 reason_of(const struct decision *d)
{
	if (d->mode == BH_QUARANTINE)
		return BH_REASON_QUARANTINE;
	return d->rule ? BH_REASON_RULE : BH_REASON_NO_RULE;
}

#endif
