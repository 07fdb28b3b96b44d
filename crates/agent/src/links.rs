//! Network interfaces of the host: what is there, what comes and goes.

use crate::AgentError;
use futures::{StreamExt, TryStreamExt, channel::mpsc::UnboundedReceiver};
use ipnet::IpNet;
use rtnetlink::{
    Handle, MulticastGroup,
    packet_core::{NetlinkMessage, NetlinkPayload},
    packet_route::{
        AddressFamily, RouteNetlinkMessage,
        address::AddressAttribute,
        link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage},
    },
};
use std::{collections::BTreeSet, net::IpAddr};

/// One interface of the host's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostLink {
    pub(crate) ifindex: u32,
    pub(crate) name: String,
    pub(crate) mac: [u8; 6],
    pub(crate) veth: bool,
    pub(crate) bridge: bool,
    /// Whether its other end is in another namespace, or it hangs on a bridge: then it is a workload's, and not the
    /// workload's own end on its way there.
    pub(crate) far: bool,
    /// Since when it is attached to, CLOCK_MONOTONIC; 0 where it was there before the agent.
    pub(crate) since_ns: u64,
}

#[derive(Debug)]
pub(crate) enum LinkChange {
    New(HostLink),
    Gone(u32),
    /// Addresses of the host have changed.
    Addresses,
}

/// Addresses of the host's own namespace.
#[derive(Debug)]
pub(crate) struct HostAddresses {
    pub(crate) own: Vec<IpAddr>,
    pub(crate) broadcast: Vec<IpAddr>,
    /// The networks of its bridges: who speaks from there is a workload, known or not, and never the world.
    pub(crate) container_networks: BTreeSet<IpNet>,
}

pub(crate) struct Links {
    handle: Handle,
    messages: UnboundedReceiver<(NetlinkMessage<RouteNetlinkMessage>, rtnetlink::sys::SocketAddr)>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").finish_non_exhaustive()
    }
}

impl Links {
    pub(crate) fn watch() -> Result<Self, AgentError> {
        let (connection, handle, messages) = rtnetlink::new_multicast_connection(&[
            MulticastGroup::Link,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv6Ifaddr,
        ])?;
        tokio::spawn(connection);
        Ok(Self { handle, messages })
    }

    pub(crate) async fn all(&self) -> Result<Vec<HostLink>, AgentError> {
        let links: Vec<LinkMessage> = self.handle.link().get().execute().try_collect().await?;
        Ok(links.iter().filter_map(link).collect())
    }

    pub(crate) async fn host_addresses(&self) -> Result<HostAddresses, AgentError> {
        let bridges: Vec<u32> =
            self.all().await?.iter().filter(|link| link.bridge).map(|link| link.ifindex).collect();
        let messages: Vec<_> = self.handle.address().get().execute().try_collect().await?;
        let (mut own, mut broadcast) = (Vec::new(), Vec::new());
        let mut container_networks = BTreeSet::new();
        for message in messages {
            let local = message.attributes.iter().find_map(|a| match a {
                AddressAttribute::Local(address) => Some(*address),
                _ => None,
            });
            for attribute in &message.attributes {
                match attribute {
                    AddressAttribute::Address(address) if local.is_none() => own.push(*address),
                    AddressAttribute::Broadcast(address) => broadcast.push(IpAddr::V4(*address)),
                    _ => {}
                }
            }
            if bridges.contains(&message.header.index)
                && let Some(address) = local.or_else(|| own.last().copied())
                && !is_link_local(address)
                && let Ok(network) = IpNet::new(address, message.header.prefix_len)
            {
                container_networks.insert(network.trunc());
            }
            own.extend(local);
        }
        own.retain(|address| !address.is_loopback());
        Ok(HostAddresses { own, broadcast, container_networks })
    }

    /// The next change. `None`: netlink has lost messages or ended; list everything anew.
    pub(crate) async fn next(&mut self) -> Option<LinkChange> {
        loop {
            let (message, _) = self.messages.next().await?;
            match message.payload {
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(message)) => {
                    if let Some(link) = link(&message) {
                        return Some(LinkChange::New(link));
                    }
                }
                // A bridge says DelLink of its own family when a port leaves it; the interface stays.
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(message))
                    if message.header.interface_family == AddressFamily::Unspec =>
                {
                    return Some(LinkChange::Gone(message.header.index));
                }
                NetlinkPayload::InnerMessage(
                    RouteNetlinkMessage::NewAddress(_) | RouteNetlinkMessage::DelAddress(_),
                ) => return Some(LinkChange::Addresses),
                NetlinkPayload::Overrun(_) => return None,
                _ => {}
            }
        }
    }
}

fn link(message: &LinkMessage) -> Option<HostLink> {
    // Messages of the bridge family speak of ports, without most attributes.
    if message.header.interface_family != AddressFamily::Unspec {
        return None;
    }
    let mut found = HostLink {
        ifindex: message.header.index,
        name: String::new(),
        mac: [0; 6],
        veth: false,
        bridge: false,
        far: false,
        since_ns: 0,
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => found.name.clone_from(name),
            LinkAttribute::Address(mac) => {
                if let Ok(mac) = mac.as_slice().try_into() {
                    found.mac = mac;
                }
            }
            LinkAttribute::Controller(_) | LinkAttribute::LinkNetNsId(_) => found.far = true,
            LinkAttribute::LinkInfo(infos) => {
                found.veth = infos.iter().any(|info| matches!(info, LinkInfo::Kind(InfoKind::Veth)));
                found.bridge = infos.iter().any(|info| matches!(info, LinkInfo::Kind(InfoKind::Bridge)));
            }
            _ => {}
        }
    }
    (!found.name.is_empty()).then_some(found)
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
