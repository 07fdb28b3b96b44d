//! Many external peers as an engineer would write them: by domain, by the smallest honest range, else "world". Peers of
//! one service only: nothing is generalised across services.

use bulkhead_model::{ExternalName, Peer};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// So many names below one domain become `*.domain`.
const NAMES: usize = 8;
/// So many addresses without a name within a range become the range.
const ADDRESSES: usize = 4;
/// So many ranges and lone addresses become the world.
const RANGES: usize = 16;
/// A range shorter than this is not honest: it would allow strangers.
const SHORTEST_V4: u8 = 20;
const SHORTEST_V6: u8 = 48;

/// The external peers of one service on one port, as few and as narrow as they honestly can be: names stay names, many
/// names of one domain become `*.domain`, addresses that lie together become their smallest common range, and addresses
/// all over the Internet become the world. Every given peer is covered by one of the result.
pub fn generalise(peers: &[ExternalName]) -> Vec<Peer> {
    let (mut names, mut ranges) = (BTreeSet::new(), BTreeSet::new());
    for ExternalName(text) in peers {
        match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
            (Ok(range), _) => drop(ranges.insert(range.trunc())),
            (_, Ok(address)) => drop(ranges.insert(host_range(address))),
            _ => drop(names.insert(text.to_ascii_lowercase())),
        }
    }
    let ranges = cover(ranges);
    if ranges.len() > RANGES {
        // Names are addresses of the world as well.
        return vec![Peer::World];
    }
    let external = |text: String| Peer::External(ExternalName(text.into()));
    let ranges = ranges.into_iter().map(|range| external(range.to_string()));
    domains(names).into_iter().map(external).chain(ranges).collect()
}

/// Names, with many of one domain as `*.domain`. The last two labels are never generalised: `*.com` is nobody's.
fn domains(names: BTreeSet<String>) -> BTreeSet<String> {
    let parent =
        |name: &str| name.split_once('.').map(|(_, rest)| rest.to_owned()).filter(|rest| rest.contains('.'));
    let mut children: BTreeMap<String, usize> = BTreeMap::new();
    for name in &names {
        if let Some(parent) = parent(name) {
            *children.entry(parent).or_default() += 1;
        }
    }
    let wide = |name: &String| parent(name).filter(|parent| children[parent] >= NAMES && !is_shared(parent));
    names.iter().map(|name| wide(name).map_or_else(|| name.clone(), |parent| format!("*.{parent}"))).collect()
}

/// Domains under which strangers live: one label of country-code second levels, and the big hosters.
fn is_shared(domain: &str) -> bool {
    const SHARED: [&str; 12] = [
        "amazonaws.com",
        "cloudfront.net",
        "azurewebsites.net",
        "windows.net",
        "googleusercontent.com",
        "appspot.com",
        "herokuapp.com",
        "github.io",
        "netlify.app",
        "vercel.app",
        "workers.dev",
        "fastly.net",
    ];
    let labels: Vec<&str> = domain.split('.').collect();
    let country = matches!(labels.as_slice(), [second, top] if top.len() == 2 && second.len() <= 3);
    country || SHARED.iter().any(|shared| domain == *shared || domain.ends_with(&format!(".{shared}")))
}

/// Joins ranges: where at least [`ADDRESSES`] lie within a range that is not too short, they become the smallest one that
/// holds them.
fn cover(ranges: BTreeSet<IpNet>) -> BTreeSet<IpNet> {
    let mut groups: BTreeMap<IpNet, Vec<IpNet>> = BTreeMap::new();
    for range in ranges {
        groups.entry(widest(range)).or_default().push(range);
    }
    let mut result = BTreeSet::new();
    for (_, group) in groups {
        if group.len() < ADDRESSES {
            result.extend(group);
        } else if let Some(range) = group.into_iter().reduce(smallest_common) {
            result.insert(range);
        }
    }
    result
}

/// The widest honest range around `range`; itself where it is wider already.
fn widest(range: IpNet) -> IpNet {
    match range {
        IpNet::V4(v4) => {
            let length = v4.prefix_len().min(SHORTEST_V4);
            Ipv4Net::new(v4.addr(), length).map_or(range, |net| IpNet::V4(net.trunc()))
        }
        IpNet::V6(v6) => {
            let length = v6.prefix_len().min(SHORTEST_V6);
            Ipv6Net::new(v6.addr(), length).map_or(range, |net| IpNet::V6(net.trunc()))
        }
    }
}

/// The smallest range that holds both. Both are of one family and within one [`widest`] range.
fn smallest_common(a: IpNet, b: IpNet) -> IpNet {
    let mut range = a;
    while !range.contains(&b) {
        match range.supernet() {
            Some(wider) => range = wider,
            None => return range,
        }
    }
    range
}

fn host_range(address: IpAddr) -> IpNet {
    IpNet::from(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<ExternalName> {
        texts.iter().map(|text| ExternalName((*text).into())).collect()
    }

    fn said(peers: &[&str]) -> Vec<String> {
        generalise(&names(peers)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn few_peers_stay_what_they_are() {
        assert_eq!(said(&["API.example.com", "203.0.113.7"]), ["api.example.com", "203.0.113.7/32"]);
        assert_eq!(
            said(&["203.0.113.7/32", "203.0.113.9", "198.51.100.1"]),
            ["198.51.100.1/32", "203.0.113.7/32", "203.0.113.9/32"]
        );
    }

    #[test]
    fn addresses_that_lie_together_become_their_smallest_range() {
        assert_eq!(said(&["203.0.113.8", "203.0.113.9", "203.0.113.10", "203.0.113.13"]), ["203.0.113.8/29"]);
        assert_eq!(
            said(&["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::ffff"]),
            ["2001:db8::/112"]
        );
    }

    #[test]
    fn addresses_all_over_the_internet_are_the_world() {
        let all: Vec<String> = (1..=40).map(|n| format!("{}.{n}.3.4", 10 + n)).collect();
        assert_eq!(generalise(&names(&all.iter().map(String::as_str).collect::<Vec<_>>())), [Peer::World]);
    }

    #[test]
    fn many_names_of_one_domain_become_the_domain_but_not_where_strangers_live() {
        let shards =
            |domain: &str| (0..9).map(|n| ExternalName(format!("s{n}.{domain}").into())).collect::<Vec<_>>();
        let own = generalise(&shards("cdn.example.com"));
        assert_eq!(own, [Peer::External(ExternalName("*.cdn.example.com".into()))]);
        for shared in ["s3.eu-central-1.amazonaws.com", "co.uk", "com"] {
            assert_eq!(generalise(&shards(shared)).len(), 9, "{shared}");
        }
    }
}
