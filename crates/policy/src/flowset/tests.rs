use super::*;
use bulkhead_model::{Application, IpProtocol, PortRange};
use proptest::prelude::*;
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

/// Small numbers at both ends of the range, so that edges and adjacency are common.
fn point() -> impl Strategy<Value = u16> {
    prop_oneof![0u16..24, (u16::MAX - 23)..=u16::MAX]
}

fn intervals() -> impl Strategy<Value = IntervalSet<u16>> {
    prop::collection::vec((point(), point()), 0..6).prop_map(IntervalSet::from_ranges)
}

fn protocols() -> impl Strategy<Value = ProtocolSet> {
    let protocol = prop_oneof![Just(0u8), Just(1), Just(5), Just(6), Just(7), Just(17), Just(132), Just(255)];
    prop::collection::vec((protocol, intervals()), 0..4).prop_map(|parts| {
        parts
            .into_iter()
            .map(|(number, ports)| ProtocolSet::ports(IpProtocol(number), &ports.into()))
            .collect()
    })
}

fn applications() -> impl Strategy<Value = ApplicationSet> {
    (prop::collection::vec(0u16..6, 0..4), any::<bool>()).prop_map(|(numbers, inverse)| {
        let set: ApplicationSet = numbers.into_iter().map(Application::from_number).collect();
        if inverse { set.complement() } else { set }
    })
}

fn traffic() -> impl Strategy<Value = TrafficSet> {
    prop::collection::vec((protocols(), applications()), 0..4).prop_map(|parts| {
        parts.iter().fold(TrafficSet::none(), |set, (protocols, applications)| {
            set.union(&TrafficSet::new(protocols, applications))
        })
    })
}

fn flows() -> impl Strategy<Value = FlowSet<u8>> {
    prop::collection::vec((0u8..4, traffic()), 0..4).prop_map(FlowSet::from_iter)
}

fn addresses() -> impl Strategy<Value = AddressSet> {
    let network = (any::<bool>(), 0u8..16, 0u8..=4).prop_map(|(v6, bits, length)| {
        let text = if v6 {
            format!("{bits:x}000::/{length}")
        } else {
            format!("{}.0.0.0/{length}", u16::from(bits) << 4)
        };
        text.parse::<ipnet::IpNet>().expect("a network").trunc()
    });
    prop::collection::vec(network, 0..5).prop_map(AddressSet::from_iter)
}

fn members(set: &IntervalSet<u16>) -> BTreeSet<u16> {
    // The strategies set their ends within 24 of either end, so what lies between is all alike.
    (0..32).chain((u16::MAX - 31)..=u16::MAX).filter(|port| set.contains(*port)).collect()
}

fn is_canonical(set: &IntervalSet<u16>) -> bool {
    let ranges: Vec<_> = set.ranges().collect();
    ranges.iter().all(|(first, last)| first <= last)
        && ranges.windows(2).all(|pair| u32::from(pair[0].1) + 1 < u32::from(pair[1].0))
}

/// The laws of a set algebra, for any two dimensions of sets.
fn laws<S: Algebra + std::fmt::Debug>(a: &S, b: &S, c: &S) -> Result<(), TestCaseError> {
    prop_assert_eq!(a.union(b), b.union(a));
    prop_assert_eq!(a.intersection(b), b.intersection(a));
    prop_assert_eq!(a.union(&b.union(c)), a.union(b).union(c));
    prop_assert_eq!(a.intersection(&b.intersection(c)), a.intersection(b).intersection(c));
    prop_assert_eq!(a.intersection(&b.union(c)), a.intersection(b).union(&a.intersection(c)));
    prop_assert_eq!(a.union(&b.intersection(c)), a.union(b).intersection(&a.union(c)));
    prop_assert_eq!(&a.union(a), a);
    prop_assert_eq!(&a.intersection(a), a);
    prop_assert_eq!(&a.union(&a.intersection(b)), a);
    prop_assert_eq!(&a.union(&S::empty()), a);
    prop_assert!(a.intersection(&S::empty()).is_empty());
    prop_assert!(a.difference(a).is_empty());
    prop_assert!(a.difference(b).intersection(b).is_empty());
    prop_assert_eq!(&a.difference(b).union(&a.intersection(b)), a);
    prop_assert_eq!(a.difference(&b.union(c)), a.difference(b).intersection(&a.difference(c)));
    prop_assert_eq!(a.difference(&b.intersection(c)), a.difference(b).union(&a.difference(c)));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn interval_sets_obey_the_laws(a in intervals(), b in intervals(), c in intervals()) {
        laws(&a, &b, &c)?;
        prop_assert_eq!(&a.complement().complement(), &a);
        prop_assert!(a.union(&a.complement()).is_full());
        prop_assert!(a.intersection(&a.complement()).is_empty());
        prop_assert_eq!(a.is_subset(&b), a.difference(&b).is_empty());
        prop_assert_eq!(a.is_disjoint(&b), a.intersection(&b).is_empty());
        for set in [a.union(&b), a.intersection(&b), a.difference(&b), a.complement()] {
            prop_assert!(is_canonical(&set), "{:?}", set);
        }
    }

    #[test]
    fn interval_sets_hold_what_naive_sets_hold(a in intervals(), b in intervals()) {
        let (x, y) = (members(&a), members(&b));
        prop_assert_eq!(members(&a.union(&b)), x.union(&y).copied().collect::<BTreeSet<_>>());
        prop_assert_eq!(members(&a.intersection(&b)), x.intersection(&y).copied().collect::<BTreeSet<_>>());
        prop_assert_eq!(members(&a.difference(&b)), x.difference(&y).copied().collect::<BTreeSet<_>>());
        prop_assert_eq!(x == y, a == b);
    }

    #[test]
    fn prefixes_cover_the_set_once_and_nothing_else(a in intervals()) {
        let blocks = a.prefixes();
        let range = |(first, length): &(u16, u8)| {
            let size = (1u32 << (16 - length)) - 1;
            (*first, (u32::from(*first) + size) as u16)
        };
        prop_assert_eq!(&IntervalSet::from_ranges(blocks.iter().map(range)), &a);
        let sizes = blocks.iter().map(|block| { let (f, l) = range(block); u128::from(l - f) + 1 });
        prop_assert_eq!(sizes.sum::<u128>(), a.count());
        for (first, length) in blocks {
            prop_assert!(length == 16 || u32::from(first) % (1u32 << (16 - length)) == 0);
        }
    }

    #[test]
    fn protocol_sets_obey_the_laws(a in protocols(), b in protocols(), c in protocols()) {
        laws(&a, &b, &c)?;
        prop_assert_eq!(&a.complement().complement(), &a);
        prop_assert_eq!(&a.protocols().map(|(p, ports)| ProtocolSet::ports(p, &ports)).collect::<ProtocolSet>(), &a);
        for (protocol, ports) in a.complement().protocols() {
            prop_assert!(protocol.has_ports() || protocol.is_icmp() || ports.is_all());
        }
    }

    #[test]
    fn traffic_sets_obey_the_laws(a in traffic(), b in traffic(), c in traffic()) {
        laws(&a, &b, &c)?;
        prop_assert_eq!(&a.complement().complement(), &a);
        prop_assert_eq!(a.is_subset(&b), a.union(&b) == b);
        let rebuilt = a.products().iter().fold(TrafficSet::none(), |set, (protocols, applications)| {
            set.union(&TrafficSet::new(protocols, applications))
        });
        prop_assert_eq!(&rebuilt, &a);
        prop_assert_eq!(a.witness().is_none(), a.is_empty());
        if let Some(witness) = a.witness() {
            prop_assert!(a.contains(witness));
        }
    }

    #[test]
    fn traffic_sets_hold_what_their_parts_hold(a in traffic(), b in traffic(), port in point(), app in 0u16..7) {
        for number in [0, 1, 5, 6, 17, 132, 255] {
            let one = Traffic { protocol: IpProtocol(number), port, application: Application::from_number(app) };
            prop_assert_eq!(a.union(&b).contains(one), a.contains(one) || b.contains(one));
            prop_assert_eq!(a.intersection(&b).contains(one), a.contains(one) && b.contains(one));
            prop_assert_eq!(a.difference(&b).contains(one), a.contains(one) && !b.contains(one));
            prop_assert_eq!(a.complement().contains(one), !a.contains(one));
        }
    }

    #[test]
    fn flow_sets_obey_the_laws(a in flows(), b in flows(), c in flows()) {
        laws(&a, &b, &c)?;
        let universe = FlowSet::all(0u8..4);
        prop_assert_eq!(&universe.difference(&universe.difference(&a)), &a);
        prop_assert_eq!(a.is_subset(&b), a.difference(&b).is_empty());
    }

    #[test]
    fn address_sets_obey_the_laws(a in addresses(), b in addresses(), c in addresses()) {
        laws(&a, &b, &c)?;
        prop_assert_eq!(&a.complement().complement(), &a);
        prop_assert_eq!(&a.networks().into_iter().collect::<AddressSet>(), &a);
    }

    #[test]
    fn a_partition_is_disjoint_and_whole_and_each_set_is_a_union_of_its_parts(
        sets in prop::collection::vec(addresses(), 0..4)
    ) {
        let parts = AddressSet::partition(&sets);
        let whole = parts.iter().fold(AddressSet::none(), |sum, part| sum.union(part));
        prop_assert!(whole.is_all());
        for (index, part) in parts.iter().enumerate() {
            prop_assert!(!part.is_empty());
            prop_assert!(parts[index + 1..].iter().all(|other| part.is_disjoint(other)));
            for set in &sets {
                prop_assert!(part.is_subset(set) || part.is_disjoint(set));
            }
        }
    }
}

#[test]
fn a_protocol_without_ports_is_whole_or_absent() {
    let gre = ProtocolSet::port(IpProtocol::GRE, 7);
    assert_eq!(gre, ProtocolSet::protocol(IpProtocol::GRE));
    assert!(gre.contains(IpProtocol::GRE, 0) && gre.contains(IpProtocol::GRE, 9));
    assert!(ProtocolSet::ports(IpProtocol::GRE, &PortSet::none()).is_empty());
}

#[test]
fn sets_are_written_as_people_write_them() {
    let web: ProtocolSet = [
        ProtocolSet::ports(IpProtocol::TCP, &[80u16, 443].into_iter().collect()),
        ProtocolSet::port_range(IpProtocol::UDP, PortRange { first: 8000, last: 8080 }),
        ProtocolSet::protocol(IpProtocol::ICMP),
    ]
    .into_iter()
    .collect();
    assert_eq!(web.to_string(), "icmp tcp/80,443 udp/8000-8080");
    assert_eq!(ProtocolSet::all().to_string(), "all");
    assert_eq!(ProtocolSet::protocol(IpProtocol::TCP).complement().to_string(), "0-5 7-255");
    let redis = ApplicationSet::single("redis".parse().expect("known"));
    let cache = TrafficSet::new(&ProtocolSet::port(IpProtocol::TCP, 6379), &redis);
    assert_eq!(cache.to_string(), "tcp/6379 (redis)");
    assert_eq!(redis.complement().to_string(), "all except redis");
}

#[test]
fn addresses_are_written_as_networks_where_these_are_few() {
    let all_but_ten = AddressSet::from("10.0.0.0/8".parse::<ipnet::IpNet>().expect("valid")).complement();
    assert!(all_but_ten.contains(IpAddr::V4(Ipv4Addr::new(9, 255, 255, 255))));
    assert!(!all_but_ten.contains(IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3))));
    assert_eq!(AddressSet::all_v4().to_string(), "0.0.0.0/0");
    assert_eq!(AddressSet::all_v6().networks().len(), 1);
    assert!(all_but_ten.to_string().starts_with("0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.255"));
}
