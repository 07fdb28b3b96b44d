//! Connections with peers that nobody has named yet, kept until discovery names them.

use bulkhead_model::node::ConnectionReport;
use std::{collections::HashMap, net::IpAddr};

/// Reports that wait; further ones stay without a name.
const LIMIT: usize = 4_096;
/// Of one address.
const OF_ONE: usize = 64;
/// How late netlink may tell of an interface, ns: what its workload sent before that is still its own.
const LATE_NS: u64 = 10_000_000_000;

#[derive(Debug, Default)]
pub(crate) struct Strangers {
    waiting: HashMap<IpAddr, Vec<(u64, ConnectionReport)>>,
    count: usize,
    /// When an interface went without ever having had a name, CLOCK_MONOTONIC: what was seen before may have been its
    /// workload's, whoever has the address now.
    one_left_ns: u64,
}

impl Strangers {
    pub(crate) fn wait(&mut self, address: IpAddr, seen_ns: u64, report: ConnectionReport) {
        if self.count >= LIMIT {
            return;
        }
        let of_one = self.waiting.entry(address).or_default();
        if of_one.len() < OF_ONE {
            of_one.push((seen_ns, report));
            self.count += 1;
        }
    }

    /// An interface that nobody has named is gone.
    pub(crate) fn one_left(&mut self, now_ns: u64) {
        self.one_left_ns = now_ns;
    }

    /// Whether what was seen of an address was its owner's, on an interface that is known since `since_ns`.
    pub(crate) fn was(&self, seen_ns: u64, since_ns: u64) -> bool {
        seen_ns >= since_ns || seen_ns > self.one_left_ns && seen_ns + LATE_NS >= since_ns
    }

    /// What was reported of an address that has an owner now. The rest was another's, whom nobody will name any more.
    pub(crate) fn named(&mut self, address: IpAddr, since_ns: u64) -> Vec<ConnectionReport> {
        let Some(waiting) = self.waiting.remove(&address) else { return Vec::new() };
        self.count -= waiting.len();
        let own = waiting.into_iter().filter(|(seen_ns, _)| self.was(*seen_ns, since_ns));
        own.map(|(_, report)| report).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulkhead_model::{
        Application, Direction, FlowTuple, Identity, IpProtocol, Mode, RuleRef, Timestamp, Verdict,
    };

    const SECOND: u64 = 1_000_000_000;

    fn report() -> ConnectionReport {
        let (client, server) = (IpAddr::from([10, 0, 0, 2]), IpAddr::from([10, 0, 0, 3]));
        ConnectionReport {
            time: Timestamp(0),
            local: Identity(256),
            peer: Identity::UNKNOWN,
            direction: Direction::Egress,
            tuple: FlowTuple {
                client_address: client,
                server_address: server,
                client_port: 40_000,
                server_port: 80,
                protocol: IpProtocol::TCP,
            },
            application: Application::UNKNOWN,
            verdict: Verdict::Allowed,
            reason: None,
            rule: RuleRef::NONE,
            mode: Mode::Learn,
            workload: None,
            process: None,
            packet: Vec::new(),
            adopted: false,
        }
    }

    #[test]
    fn who_spoke_before_netlink_told_of_it_is_named_afterwards_once() {
        let (mut strangers, address) = (Strangers::default(), IpAddr::from([10, 0, 0, 3]));
        strangers.wait(address, 100 * SECOND, report());
        assert_eq!(strangers.named(address, 101 * SECOND).len(), 1);
        assert!(strangers.named(address, 101 * SECOND).is_empty());
        strangers.wait(address, 100 * SECOND, report());
        assert!(strangers.named(address, 200 * SECOND).is_empty(), "too long ago to be the same");
    }

    #[test]
    fn a_new_owner_of_an_address_does_not_get_what_a_nameless_one_did() {
        let (mut strangers, address) = (Strangers::default(), IpAddr::from([10, 0, 0, 3]));
        strangers.wait(address, 100 * SECOND, report());
        strangers.one_left(101 * SECOND);
        strangers.wait(address, 102 * SECOND, report());
        assert_eq!(strangers.named(address, 103 * SECOND).len(), 1);
    }

    #[test]
    fn more_strangers_than_there_is_room_for_stay_nameless_and_make_room_again() {
        let mut strangers = Strangers::default();
        for number in 0..5_000_u32 {
            strangers.wait(IpAddr::from((0x0a00_0000 + number).to_be_bytes()), 1, report());
        }
        let all = |s: &mut Strangers| -> usize {
            (0..5_000_u32).map(|n| s.named(IpAddr::from((0x0a00_0000 + n).to_be_bytes()), 0).len()).sum()
        };
        assert_eq!(all(&mut strangers), LIMIT);
        strangers.wait(IpAddr::from([10, 0, 0, 1]), 1, report());
        assert_eq!(all(&mut strangers), 1);
    }
}
