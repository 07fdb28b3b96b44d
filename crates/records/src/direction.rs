//! Who opened a connection of which only packets of one direction are told.

use crate::Certainty;
use bulkhead_model::IpProtocol;
use std::{collections::HashSet, net::IpAddr};

/// So many listeners are remembered; what is found after that is concluded from ports alone.
const MOST: usize = 1 << 18;
/// First port that Linux hands out by itself.
const FIRST_EPHEMERAL: u16 = 32_768;
/// Ports below are given out by IANA to servers, and to no client by any system.
const FIRST_UNPRIVILEGED: u16 = 1024;

/// Which end of a packet stream opened the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opener {
    Source,
    Destination,
}

/// One end of a packet stream.
pub(crate) type Place = (Option<IpAddr>, u16);

/// Who was seen to listen where.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    known: HashSet<(IpAddr, u16, IpProtocol)>,
}

impl Listeners {
    /// The source is known to have opened it, or to have been asked.
    pub(crate) fn stated(
        &mut self,
        opener: Opener,
        protocol: IpProtocol,
        source: Place,
        destination: Place,
    ) -> (Opener, Certainty) {
        self.remember(opener, protocol, source, destination);
        (opener, Certainty::Stated)
    }

    /// In this order: who was seen to listen there; a port below 1024 against one that is not; one that systems hand
    /// out by themselves against one that they do not; else the lower port is the server's, and of equals, or without
    /// ports, the destination's.
    pub(crate) fn conclude(
        &mut self,
        protocol: IpProtocol,
        source: Place,
        destination: Place,
    ) -> (Opener, Certainty) {
        let listens = |(address, port): Place| {
            address.is_some_and(|address| self.known.contains(&(address, port, protocol)))
        };
        match (listens(source), listens(destination)) {
            (true, false) => return (Opener::Destination, Certainty::Inferred),
            (false, true) => return (Opener::Source, Certainty::Inferred),
            _ => {}
        }
        if !protocol.has_ports() {
            // Whoever is seen to send first is taken for the opener; the other then answers.
            self.remember(Opener::Source, protocol, source, destination);
            return (Opener::Source, Certainty::Guessed);
        }
        let (from, to) = (source.1, destination.1);
        for bound in [FIRST_UNPRIVILEGED, FIRST_EPHEMERAL] {
            let opener = match (from < bound, to < bound) {
                (true, false) => Opener::Destination,
                (false, true) => Opener::Source,
                _ => continue,
            };
            self.remember(opener, protocol, source, destination);
            return (opener, Certainty::Inferred);
        }
        (if from < to { Opener::Destination } else { Opener::Source }, Certainty::Guessed)
    }

    fn remember(&mut self, opener: Opener, protocol: IpProtocol, source: Place, destination: Place) {
        let (address, port) = match opener {
            Opener::Source => destination,
            Opener::Destination => source,
        };
        if let Some(address) = address
            && self.known.len() < MOST
        {
            self.known.insert((address, port, protocol));
        }
    }
}

/// What TCP flags tell, taken together over an interval: a SYN alone is the opener's, with ACK it is the answer.
pub(crate) fn by_flags(syn: bool, ack: bool) -> Option<Opener> {
    match (syn, ack) {
        (true, true) => Some(Opener::Destination),
        (true, false) => Some(Opener::Source),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(last: u8, port: u16) -> Place {
        (Some([10, 0, 0, last].into()), port)
    }

    #[test]
    fn well_known_ports_are_servers_and_ephemeral_ones_are_clients() {
        let mut listeners = Listeners::default();
        let tcp = IpProtocol::TCP;
        let of = |l: &mut Listeners, a, b| l.conclude(tcp, place(1, a), place(2, b));
        assert_eq!(of(&mut listeners, 443, 3306), (Opener::Destination, Certainty::Inferred));
        assert_eq!(of(&mut listeners, 51_000, 8080), (Opener::Source, Certainty::Inferred));
        assert_eq!(of(&mut listeners, 5000, 6000), (Opener::Destination, Certainty::Guessed));
        assert_eq!(of(&mut listeners, 40_000, 40_000), (Opener::Source, Certainty::Guessed));
    }

    #[test]
    fn a_listener_that_was_seen_decides_where_ports_do_not() {
        let mut listeners = Listeners::default();
        let tcp = IpProtocol::TCP;
        // An inverted pair, by flags: 10.0.0.2 serves 50051.
        listeners.stated(Opener::Source, tcp, place(1, 40_000), place(2, 50_051));
        assert_eq!(
            listeners.conclude(tcp, place(2, 50_051), place(3, 40_001)),
            (Opener::Destination, Certainty::Inferred)
        );
    }

    #[test]
    fn of_pings_the_first_asks_and_the_other_answers() {
        let mut listeners = Listeners::default();
        let icmp = IpProtocol::ICMP;
        assert_eq!(listeners.conclude(icmp, place(1, 0), place(2, 0)).0, Opener::Source);
        assert_eq!(listeners.conclude(icmp, place(2, 0), place(1, 0)).0, Opener::Destination);
    }
}
