//! Whole Ethernet frames into and out of interfaces, whatever the stacks on both sides think of them.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, recvfrom, sendto, setsockopt,
    socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// A frame that an interface received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Index of the interface.
    pub interface: u32,
    /// From the Ethernet header on; tags that hardware or the kernel took off are not in it.
    pub frame: Vec<u8>,
}

/// A packet socket on all interfaces of the network namespace in which it is made: call [`Wire::open`] inside of
/// [`Namespace::enter`](crate::Namespace::enter).
#[derive(Debug)]
pub struct Wire {
    receive: OwnedFd,
    send: OwnedFd,
    interfaces: Vec<(String, LinkAddr)>,
}

const PACKET_OUTGOING: u8 = 4;

impl Wire {
    /// Opens it here. It takes note of the interfaces that there are now.
    ///
    /// # Panics
    /// Without root.
    #[must_use]
    pub fn open() -> Self {
        let make = |protocol: Option<SockProtocol>| {
            socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)
                .expect("packet sockets need root")
        };
        let receive = make(Some(SockProtocol::EthAll));
        // A test that waits for a frame fails rather than hangs.
        setsockopt(&receive, sockopt::ReceiveTimeout, &TimeVal::seconds(10)).expect("a plain option");
        setsockopt(&receive, sockopt::RcvBufForce, &(64 << 20)).expect("a plain option of root's");
        let interfaces = getifaddrs()
            .expect("the kernel lists its interfaces")
            .filter_map(|interface| Some((interface.interface_name, *interface.address?.as_link_addr()?)));
        Self { receive, send: make(None), interfaces: interfaces.collect() }
    }

    /// Hardware address of an interface.
    ///
    /// # Panics
    /// When there is no such interface.
    #[must_use]
    pub fn mac(&self, interface: &str) -> [u8; 6] {
        self.link(interface).addr().expect("an Ethernet interface")
    }

    /// Index of an interface.
    ///
    /// # Panics
    /// When there is no such interface.
    #[must_use]
    pub fn index(&self, interface: &str) -> u32 {
        u32::try_from(self.link(interface).ifindex()).expect("indices are small")
    }

    fn link(&self, interface: &str) -> &LinkAddr {
        let found = self.interfaces.iter().find(|(name, _)| name == interface);
        &found.unwrap_or_else(|| panic!("no interface {interface} here")).1
    }

    /// Sends a frame out of an interface. Returns whether the kernel took it: it refuses what no Ethernet can carry.
    pub fn send(&self, interface: &str, frame: &[u8]) -> bool {
        sendto(self.send.as_raw_fd(), frame, self.link(interface), MsgFlags::empty()).is_ok()
    }

    /// Waits for the next frame that an interface receives, ten seconds at most.
    pub fn receive(&self) -> Option<Received> {
        self.take(MsgFlags::empty())
    }

    /// The next frame that is already there.
    pub fn received(&self) -> Option<Received> {
        self.take(MsgFlags::MSG_DONTWAIT)
    }

    fn take(&self, flags: MsgFlags) -> Option<Received> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            // This `recvfrom` knows no flags: peek whether it would wait.
            if flags.contains(MsgFlags::MSG_DONTWAIT) {
                let peek = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK;
                if nix::sys::socket::recv(self.receive.as_raw_fd(), &mut buffer, peek).is_err() {
                    return None;
                }
            }
            match recvfrom::<LinkAddr>(self.receive.as_raw_fd(), &mut buffer) {
                Ok((_, Some(from))) if from.pkttype() == PACKET_OUTGOING => {}
                Ok((length, Some(from))) => {
                    let interface = u32::try_from(from.ifindex()).expect("indices are small");
                    return Some(Received { interface, frame: buffer[..length].to_vec() });
                }
                Err(Errno::EINTR) | Ok((_, None)) => {}
                Err(_) => return None,
            }
        }
    }
}
