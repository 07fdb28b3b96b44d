//! Scans and fan-out spikes: many new edges of one client in a short time are not learned but shown for decision.

use crate::{
    clock::HOUR_MS,
    edges::{SetAside, Slot},
};
use bulkhead_model::{Direction, EdgeCounters, IpProtocol, Timestamp};
use std::collections::{BTreeSet, VecDeque};

/// Scans run at the speed of the network, so the window is wall time whatever the scale of the estimator's clock.
const WINDOW_MS: u64 = 10 * 60_000;
/// So many new ports of one peer within the window are a scan.
const PORTS: usize = 12;
/// So many new edges without answer within the window are a scan, where they are most of the new edges.
const UNANSWERED: usize = 20;
/// So many new peers within the window are a spike.
const PEERS: usize = 24;
/// In its first hours, by the estimator's clock, a service is met for the first time: nothing is a spike.
const SETTLED_MS: u64 = 6 * HOUR_MS;
/// More new edges than this within a window are judged by the latest.
const REMEMBERED: usize = 512;

/// Whether the server of an edge answered with more than a refusal, as far as the counters of an interval tell. A scan is
/// known by its silence; a protocol without connections may be silent by nature.
pub fn answered(protocol: IpProtocol, counters: &EdgeCounters) -> Option<bool> {
    let EdgeCounters { connections, packets_to_server, packets_to_client, rtt_min_us, .. } = *counters;
    // A refused attempt is one packet each way, an open port makes the client send at least one more.
    let talked = packets_to_client > 0 && packets_to_server >= 2 * connections;
    match protocol {
        _ if packets_to_client > connections || rtt_min_us > 0 || talked => Some(true),
        IpProtocol::TCP if connections > 0 => Some(false),
        IpProtocol::TCP => None,
        _ => (packets_to_client > 0).then_some(true),
    }
}

/// How many new peers at once are a surprise for a service of this age that knows so many edges.
pub(crate) fn surprising_peers(age_ms: u64, known: usize) -> usize {
    if age_ms < SETTLED_MS { usize::MAX } else { PEERS.max(known / 2) }
}

#[derive(Debug, Clone, Copy)]
struct Recent {
    time: Timestamp,
    slot: Slot,
    answered: Option<bool>,
    /// Told as a member of a spike already.
    told: bool,
}

/// The new edges of one service within the last minutes.
#[derive(Debug, Clone, Default)]
pub(crate) struct FanOut {
    recent: VecDeque<Recent>,
}

/// A spike that is going on, and which of the recent edges turned out to belong to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spike {
    pub(crate) kind: SetAside,
    pub(crate) members: Vec<Slot>,
}

impl FanOut {
    /// Takes note of a new edge. `answered`: whether its server answered, where that is known already. `surprise`: so
    /// many new peers at once are a spike.
    pub(crate) fn new_edge(
        &mut self,
        slot: Slot,
        time: Timestamp,
        answered: Option<bool>,
        surprise: usize,
    ) -> Option<Spike> {
        self.forget_before(time);
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent { time, slot, answered, told: false });
        self.judge(slot, surprise)
    }

    /// Takes note of whether a known edge was answered; that counts while the edge is recent.
    pub(crate) fn answer(
        &mut self,
        slot: Slot,
        time: Timestamp,
        answered: bool,
        surprise: usize,
    ) -> Option<Spike> {
        self.forget_before(time);
        let recent = self.recent.iter_mut().find(|r| r.slot == slot)?;
        // One answer is enough: a server may be down for a while.
        if recent.answered == Some(true) || recent.answered == Some(answered) {
            return None;
        }
        recent.answered = Some(answered);
        self.judge(slot, surprise)
    }

    fn forget_before(&mut self, time: Timestamp) {
        // Entries ahead of the clock are left over from before it was set back.
        self.recent.retain(|r| r.time.0.abs_diff(time.0) <= WINDOW_MS);
    }

    fn judge(&mut self, newest: Slot, surprise: usize) -> Option<Spike> {
        let (kind, all) = self.kind(newest, surprise)?;
        let member = |r: &Recent| {
            r.slot.direction == newest.direction
                && match all {
                    Members::Peer => r.slot.peer == newest.peer && r.slot.protocol == newest.protocol,
                    Members::Silent => r.answered == Some(false) || r.slot == newest,
                    Members::All => true,
                }
        };
        let members = self.recent.iter_mut().filter(|r| !r.told && member(r));
        let members = members.map(|r| {
            r.told = true;
            r.slot
        });
        Some(Spike { kind, members: members.collect() })
    }

    fn kind(&self, newest: Slot, surprise: usize) -> Option<(SetAside, Members)> {
        let side = || self.recent.iter().filter(|r| r.slot.direction == newest.direction);
        // New edges differ, so edges of one peer are ports of it.
        let same_peer = |r: &&Recent| r.slot.peer == newest.peer && r.slot.protocol == newest.protocol;
        if side().filter(same_peer).count() >= PORTS {
            return Some((SetAside::Scan, Members::Peer));
        }
        if newest.direction == Direction::Ingress {
            return None;
        }
        let silent = side().filter(|r| r.answered == Some(false)).count();
        let new = side().count();
        if silent >= UNANSWERED && silent * 5 >= new * 3 {
            // In the first hours of a service other new edges beside the scan are likely; later they are part of it.
            let settled = surprise < usize::MAX;
            return Some((SetAside::Scan, if settled { Members::All } else { Members::Silent }));
        }
        if new < surprise {
            return None;
        }
        let peers: BTreeSet<u32> = side().map(|r| r.slot.peer).collect();
        (peers.len() >= surprise).then_some((SetAside::FanOut, Members::All))
    }
}

/// Which of the recent new edges of the same direction belong to a spike.
#[derive(Debug, Clone, Copy)]
enum Members {
    Peer,
    Silent,
    All,
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulkhead_model::Application;

    const NEVER: usize = usize::MAX;

    fn slot(peer: u32, port: u16, direction: Direction) -> Slot {
        Slot { peer, port, protocol: IpProtocol::TCP, direction, application: Application::UNKNOWN }
    }

    #[test]
    fn a_port_scan_is_noticed_from_both_ends() {
        for direction in [Direction::Egress, Direction::Ingress] {
            let mut fanout = FanOut::default();
            let spikes: Vec<_> = (1..=40)
                .map(|port| {
                    fanout.new_edge(slot(1, port, direction), Timestamp(u64::from(port)), None, NEVER)
                })
                .collect();
            assert!(spikes[..11].iter().all(Option::is_none));
            assert_eq!(spikes[11].as_ref().map(|s| (s.kind, s.members.len())), Some((SetAside::Scan, 12)));
            assert!(spikes[12..].iter().all(Option::is_some));
        }
    }

    #[test]
    fn a_hub_that_opens_its_connections_when_learning_begins_is_no_spike() {
        let mut fanout = FanOut::default();
        let mut open = |peer, surprise| {
            fanout.new_edge(slot(peer, 443, Direction::Egress), Timestamp(5), Some(true), surprise)
        };
        let first = surprising_peers(HOUR_MS, 0);
        assert!((0..200).all(|peer| open(peer, first).is_none()));
        assert!(open(900, surprising_peers(7 * HOUR_MS, 200)).is_some());
    }

    #[test]
    fn a_sweep_over_addresses_that_do_not_answer_is_a_scan_when_their_silence_is_known() {
        let mut fanout = FanOut::default();
        let sweep: Vec<_> = (0..30).map(|peer| slot(peer, 22, Direction::Egress)).collect();
        for slot in &sweep {
            assert_eq!(fanout.new_edge(*slot, Timestamp(5), None, NEVER), None);
        }
        let spikes: Vec<_> =
            sweep.iter().map(|slot| fanout.answer(*slot, Timestamp(9), false, NEVER)).collect();
        assert!(spikes[..19].iter().all(Option::is_none));
        let members: usize = spikes.iter().flatten().map(|s| s.members.len()).sum();
        assert!(spikes[29].as_ref().is_some_and(|s| s.kind == SetAside::Scan) && members == 30);
    }

    #[test]
    fn many_clients_of_a_popular_server_are_no_spike() {
        let mut fanout = FanOut::default();
        for peer in 0..300 {
            let slot = slot(peer, 443, Direction::Ingress);
            assert_eq!(
                fanout.new_edge(slot, Timestamp(5), Some(true), surprising_peers(7 * HOUR_MS, 0)),
                None
            );
        }
    }

    #[test]
    fn a_refusal_and_silence_are_no_answer_but_an_idle_connection_is() {
        let counted = |connections, packets_to_server, packets_to_client| {
            let counters =
                EdgeCounters { connections, packets_to_server, packets_to_client, ..Default::default() };
            (answered(IpProtocol::TCP, &counters), answered(IpProtocol::UDP, &counters))
        };
        assert_eq!(counted(1, 1, 1), (Some(false), Some(true)), "refused");
        assert_eq!(counted(1, 6, 0), (Some(false), None), "retransmitted into the void");
        assert_eq!(counted(1, 2, 1).0, Some(true), "open and idle");
        assert_eq!(counted(0, 9, 7).0, Some(true), "went on");
        assert_eq!(counted(0, 0, 0), (None, None));
    }
}
