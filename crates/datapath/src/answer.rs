use crate::{DatapathError, sys::PacketSocket};
use bulkhead_abi::{Event, MARK_OWN};
use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice};

/// Answers denied connections after their process has been looked up: the first SYN of a denied edge is dropped in
/// silence, told to user space, and answered from here with a reset; the kernel answers all later ones itself.
#[derive(Debug)]
pub struct Answerer {
    socket: PacketSocket,
}

impl Answerer {
    pub fn open() -> Result<Self, DatapathError> {
        Ok(Self { socket: PacketSocket::open(MARK_OWN).map_err(DatapathError::PacketSocket)? })
    }

    /// Sends the reset. `interface` is the host's side of the interface of the workload that sent the SYN,
    /// `workload_mac` its own address and `host_mac` the sender's that it shall see. A packet that is no SYN gets no
    /// answer. Returns whether one was sent.
    pub fn reset(&self, event: &Event, interface: u32, workload_mac: [u8; 6], host_mac: [u8; 6]) -> bool {
        let Some(frame) = reset_frame(event, workload_mac, host_mac) else { return false };
        match self.socket.send(interface, &frame) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, interface, "reset not sent");
                false
            }
        }
    }
}

fn reset_frame(event: &Event, to: [u8; 6], from: [u8; 6]) -> Option<Vec<u8>> {
    let packet = event.snap.get(..usize::from(event.length))?;
    let sliced = SlicedPacket::from_ip(packet).ok()?;
    let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { return None };
    if !tcp.syn() || tcp.ack() || tcp.rst() {
        return None;
    }
    let ethernet = PacketBuilder::ethernet2(from, to);
    let builder = match sliced.net? {
        NetSlice::Ipv4(ip) => ethernet.ipv4(ip.header().destination(), ip.header().source(), 64),
        NetSlice::Ipv6(ip) => ethernet.ipv6(ip.header().destination(), ip.header().source(), 64),
        _ => return None,
    };
    let builder = builder
        .tcp(tcp.destination_port(), tcp.source_port(), 0, 0)
        .rst()
        .ack(tcp.sequence_number().wrapping_add(1));
    let mut frame = Vec::with_capacity(builder.size(0));
    builder.write(&mut frame, &[]).ok()?;
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    fn event_of(packet: &[u8]) -> Event {
        let mut event = Event::new_zeroed();
        event.snap[..packet.len()].copy_from_slice(packet);
        event.length = u16::try_from(packet.len()).expect("short");
        event
    }

    fn syn_of(flags_ack: bool) -> Event {
        let builder = PacketBuilder::ipv4([10, 0, 0, 2], [10, 0, 0, 3], 64).tcp(40000, 6379, 77, 1000).syn();
        let builder = if flags_ack { builder.ack(1) } else { builder };
        let mut packet = Vec::new();
        builder.write(&mut packet, &[]).expect("a vector takes all");
        event_of(&packet)
    }

    #[test]
    fn a_syn_is_answered_with_a_reset_that_acknowledges_it() {
        let frame = reset_frame(&syn_of(false), [2; 6], [4; 6]).expect("a reset");
        let sliced = SlicedPacket::from_ethernet(&frame).expect("well formed");
        let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { panic!("TCP") };
        assert!(tcp.rst() && tcp.ack());
        assert_eq!(
            (tcp.acknowledgment_number(), tcp.source_port(), tcp.destination_port()),
            (78, 6379, 40000)
        );
    }

    #[test]
    fn what_is_no_syn_gets_no_answer() {
        assert!(reset_frame(&syn_of(true), [2; 6], [4; 6]).is_none());
        assert!(reset_frame(&event_of(&[0x45; 20]), [2; 6], [4; 6]).is_none());
    }
}
