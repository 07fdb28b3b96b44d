//! Which service or other peer an end is.

use crate::{End, Named};
use bulkhead_model::{ExternalName, IpProtocol, Peer, ServiceName};
use ipnet::IpNet;
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

/// Which owner a pod's name and labels tell, and what becomes of text that is no name: the rules by which discovery names
/// services, so that logs and the running estate call them alike.
#[derive(Debug, Clone, Copy)]
pub struct OwnerOfPod {
    pub owner: fn(&str, &BTreeMap<String, String>) -> String,
    pub sanitise: fn(&str) -> String,
}

/// What names and addresses belong to.
#[derive(Debug, Clone)]
pub struct Names {
    rules: OwnerOfPod,
    labels: BTreeMap<String, String>,
    pods: HashMap<(String, String), ServiceName>,
    addresses: HashMap<IpAddr, Peer>,
    /// Longest prefix first.
    ranges: Vec<(IpNet, Peer)>,
    /// Addresses of services that stand for the workloads behind them.
    virtual_ports: HashMap<(IpAddr, IpProtocol, u16), Behind>,
}

/// Servers behind the address of a service, each with the port that it serves on.
pub(crate) type Behind = Arc<[(Peer, u16)]>;

/// What is wrong with a table of names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct InvalidNames {
    pub line: u64,
    pub why: String,
}

/// Namespace of private addresses that nothing names: each is taken for a service of its own.
const UNNAMED: &str = "unnamed";

impl Names {
    pub fn new(rules: OwnerOfPod) -> Self {
        let (pods, addresses) = (HashMap::new(), HashMap::new());
        let (ranges, virtual_ports) = (Vec::new(), HashMap::new());
        Self { rules, labels: BTreeMap::new(), pods, addresses, ranges, virtual_ports }
    }

    /// A pod of this name belongs to the service, whatever its name tells.
    pub fn pod(&mut self, namespace: &str, pod: &str, service: ServiceName) {
        self.pods.insert((namespace.to_owned(), pod.to_owned()), service);
    }

    pub fn address(&mut self, address: IpAddr, peer: Peer) {
        self.addresses.insert(address, peer);
    }

    /// What is opened to this port of an address reaches any of `behind`, on the ports that these serve on.
    pub fn virtual_port(
        &mut self,
        (address, protocol, port): (IpAddr, IpProtocol, u16),
        behind: impl IntoIterator<Item = (ServiceName, u16)>,
    ) {
        let behind = behind.into_iter().map(|(service, port)| (Peer::Service(service), port)).collect();
        self.virtual_ports.insert((address, protocol, port), behind);
    }

    /// Who is behind a port of an address, where that is a service's and nothing else is known of it.
    pub(crate) fn behind(&self, server: &End<'_>, protocol: IpProtocol, port: u16) -> Option<Behind> {
        let address = server.address.filter(|_| server.named == Named::Nothing)?.to_canonical();
        let behind =
            self.virtual_ports.get(&(address, protocol, port)).filter(|behind| !behind.is_empty())?;
        (!self.addresses.contains_key(&address)).then(|| Arc::clone(behind))
    }

    pub fn range(&mut self, range: IpNet, peer: Peer) {
        let at = self.ranges.partition_point(|(other, _)| other.prefix_len() >= range.prefix_len());
        self.ranges.insert(at, (range.trunc(), peer));
    }

    /// Reads a table of two columns, an address or range and what it is: `10.0.3.7,shop/redis`, `10.0.8.0/24,office`. A
    /// name with a namespace is a service; `host` and `remote-host` are hosts; anything else is the name of an external
    /// endpoint. Blank lines, lines that begin with `#`, and a first line that names the columns mean nothing.
    ///
    /// # Errors
    /// The first line that says something else.
    pub fn table(&mut self, text: &str) -> Result<usize, InvalidNames> {
        let (mut count, mut first) = (0, true);
        for (row, line) in text.lines().zip(1..) {
            let row = row.trim_start_matches('\u{feff}').trim();
            if row.is_empty() || row.starts_with('#') {
                continue;
            }
            let header = std::mem::take(&mut first);
            let wrong = |why: String| InvalidNames { line, why };
            let (key, name) = row.split_once([',', ';', '\t']).ok_or_else(|| {
                wrong("an address and a name, separated by a comma, are expected".to_owned())
            })?;
            let (key, name) = (key.trim().trim_matches('"'), name.trim().trim_matches('"'));
            let range = key.parse::<IpNet>().or_else(|_| key.parse::<IpAddr>().map(IpNet::from));
            let Ok(range) = range else {
                if header {
                    continue;
                }
                return Err(wrong(format!("'{key}' is neither an address nor a range")));
            };
            if name.is_empty() {
                return Err(wrong(format!("{key} has no name")));
            }
            let peer = match name {
                "host" => Peer::Host,
                "remote-host" => Peer::RemoteHost,
                _ if name.contains('/') && name.parse::<IpNet>().is_err() => {
                    Peer::Service(name.parse().map_err(|error| wrong(format!("{error}")))?)
                }
                _ => Peer::External(ExternalName(name.to_ascii_lowercase().into())),
            };
            if range.prefix_len() == range.max_prefix_len() {
                self.address(range.addr(), peer);
            } else {
                self.range(range, peer);
            }
            count += 1;
        }
        Ok(count)
    }

    /// What the end is; [`Peer::Unknown`] where nothing at all is known of it.
    pub fn peer(&self, end: &End<'_>) -> Peer {
        match &end.named {
            Named::Service(namespace, name) => Peer::Service(self.service(namespace, name)),
            Named::Pod(namespace, pod) => {
                let known = self.pods.get(&((**namespace).to_owned(), (**pod).to_owned()));
                Peer::Service(
                    known
                        .cloned()
                        .unwrap_or_else(|| self.service(namespace, &(self.rules.owner)(pod, &self.labels))),
                )
            }
            // What an address is called here says more than how it was looked up.
            Named::Domain(name) => match end.address.and_then(|address| self.known(address)) {
                Some(peer) => peer.clone(),
                None => Peer::External(ExternalName(name.trim_end_matches('.').to_ascii_lowercase().into())),
            },
            Named::Host => Peer::Host,
            Named::RemoteHost => Peer::RemoteHost,
            Named::World => Peer::World,
            Named::Multicast => Peer::Multicast,
            Named::Nothing => end.address.map_or(Peer::Unknown, |address| self.at(address)),
        }
    }

    /// Whether the peer is an address that nothing names, taken for a service of its own.
    pub fn is_unnamed(peer: &Peer) -> bool {
        matches!(peer, Peer::Service(name) if name.namespace() == UNNAMED)
    }

    /// The address of such a peer.
    pub fn unnamed_address(peer: &Peer) -> Option<IpAddr> {
        let Peer::Service(name) = peer else { return None };
        let address = || name.name().parse().or_else(|_| name.name().replace('-', ":").parse()).ok();
        Self::is_unnamed(peer).then(address)?
    }

    fn service(&self, namespace: &str, name: &str) -> ServiceName {
        ServiceName::new(namespace, name).unwrap_or_else(|_| {
            let valid = |text: &str| Some((self.rules.sanitise)(text)).filter(|text| !text.is_empty());
            let (namespace, name) = (valid(namespace), valid(name));
            let part = |part: Option<String>| part.unwrap_or_else(|| UNNAMED.to_owned());
            ServiceName::new(&part(namespace), &part(name))
                .or_else(|_| ServiceName::new(UNNAMED, UNNAMED))
                .expect("both parts are valid")
        })
    }

    fn known(&self, address: IpAddr) -> Option<&Peer> {
        self.addresses
            .get(&address)
            .or_else(|| self.ranges.iter().find(|(range, _)| range.contains(&address)).map(|(_, peer)| peer))
    }

    fn at(&self, address: IpAddr) -> Peer {
        let address = address.to_canonical();
        if let Some(peer) = self.known(address) {
            return peer.clone();
        }
        if address.is_multicast() || address == IpAddr::from([255; 4]) {
            return Peer::Multicast;
        }
        if address.is_loopback() || address.is_unspecified() {
            return Peer::Host;
        }
        if is_private(address) {
            return Peer::Service(self.service(UNNAMED, &address.to_string().replace(':', "-")));
        }
        Peer::External(ExternalName(address.to_string().into()))
    }
}

/// Addresses that mean something within an estate alone: RFC 1918, RFC 6598, RFC 4193. Link-local ones are services of the
/// platform (the cloud's metadata service), which rules name by address.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const RULES: OwnerOfPod = OwnerOfPod {
        owner: |pod, _| pod.split('-').next().unwrap_or(pod).to_owned(),
        sanitise: |text| text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect(),
    };

    fn named(names: &Names, address: &str) -> String {
        names.peer(&End::address(address.parse().ok())).to_string()
    }

    #[test]
    fn addresses_go_by_the_table_then_by_what_they_are() {
        let mut names = Names::new(RULES);
        let table = "address,service\n# the shop\n10.0.3.7,shop/redis\n10.0.8.0/24, office\n10.0.0.0/8,shop/rest\n\n10.9.9.9,host\n";
        assert_eq!(names.table(table), Ok(4));
        for (address, peer) in [
            ("10.0.3.7", "shop/redis"),
            ("::ffff:10.0.3.7", "shop/redis"),
            ("10.0.8.9", "office"),
            ("10.7.7.7", "shop/rest"),
            ("10.9.9.9", "host"),
            ("192.168.1.2", "unnamed/192.168.1.2"),
            ("fd00::7", "unnamed/fd00--7"),
            ("203.0.113.9", "203.0.113.9"),
            ("169.254.169.254", "169.254.169.254"),
            ("224.0.0.251", "multicast"),
            ("127.0.0.1", "host"),
        ] {
            assert_eq!(named(&names, address), peer, "{address}");
        }
    }

    #[test]
    fn the_address_of_a_service_stands_for_those_behind_it_unless_somebody_names_it() {
        let mut names = Names::new(RULES);
        let service = |name: &str| name.parse::<ServiceName>().expect("valid");
        let port = ([10, 96, 0, 10].into(), IpProtocol::TCP, 80);
        names.virtual_port(port, [(service("shop/web"), 8080), (service("shop/canary"), 8081)]);
        names.virtual_port(([10, 96, 0, 11].into(), IpProtocol::TCP, 80), []);
        let behind = |names: &Names, address: &str, port| {
            let end = End::address(address.parse().ok());
            names.behind(&end, IpProtocol::TCP, port).map(|behind| behind.len())
        };
        assert_eq!(behind(&names, "10.96.0.10", 80), Some(2));
        assert_eq!(behind(&names, "::ffff:10.96.0.10", 80), Some(2));
        for (address, port) in [("10.96.0.10", 81), ("10.96.0.11", 80), ("10.96.0.12", 80)] {
            assert_eq!(behind(&names, address, port), None, "{address}:{port}");
        }
        // Ranges hold all addresses of a cluster; the address itself is more telling.
        assert_eq!(names.table("10.96.0.10,shop/front"), Ok(1));
        assert_eq!(behind(&names, "10.96.0.10", 80), None);
    }

    #[test]
    fn a_table_that_makes_no_sense_is_refused_with_the_line() {
        let mut names = Names::new(RULES);
        for (text, line) in [("10.0.0.1", 1), ("a,b\nc,d", 2), ("10.0.0.1,a/b/c", 1), ("10.0.0.1,", 1)] {
            assert_eq!(names.table(text).expect_err(text).line, line, "{text}");
        }
    }

    #[test]
    fn pods_go_by_what_is_known_of_them_then_by_their_names_and_domains_by_theirs() {
        let mut names = Names::new(RULES);
        names.pod("shop", "web-1", "shop/front".parse().expect("valid"));
        names.address([10, 0, 0, 1].into(), Peer::Host);
        let peer = |named, address: Option<&str>| {
            let address = address.map(|text| text.parse().expect("valid"));
            names.peer(&End { address, named }).to_string()
        };
        assert_eq!(peer(Named::Pod("shop".into(), "web-1".into()), None), "shop/front");
        assert_eq!(peer(Named::Pod("shop".into(), "web-2".into()), None), "shop/web");
        assert_eq!(peer(Named::Service("a b".into(), "c".into()), None), "a-b/c");
        assert_eq!(peer(Named::Domain("API.example.com.".into()), Some("203.0.113.1")), "api.example.com");
        assert_eq!(peer(Named::Domain("node".into()), Some("10.0.0.1")), "host");
        assert_eq!(peer(Named::Nothing, None), "unknown");
        for address in ["10.0.0.9", "fd00::7"] {
            let address = address.parse().expect("valid");
            let unnamed = names.peer(&End::address(Some(address)));
            assert_eq!(Names::unnamed_address(&unnamed), Some(address));
        }
    }
}
