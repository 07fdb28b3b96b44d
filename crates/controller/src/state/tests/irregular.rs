//! Packets that are no connections, and interfaces that are nobody's.

use super::*;
use bulkhead_model::DenyReason;

impl Estate {
    /// A packet that API receives from the host.
    fn irregular(&mut self, reason: DenyReason, verdict: Verdict) {
        let report = ConnectionReport {
            time: Timestamp(self.now),
            local: self.identity("shop/api"),
            peer: Identity::HOST,
            direction: Direction::Ingress,
            tuple: FlowTuple {
                protocol: IpProtocol::ICMP,
                ..tuple([172, 20, 0, 1], [172, 20, 0, 3], 3 << 8)
            },
            application: Application::UNKNOWN,
            verdict,
            reason: Some(reason),
            rule: RuleRef::NONE,
            mode: Mode::Monitor,
            workload: Some(WorkloadId("api-1".into())),
            process: None,
            packet: vec![],
            adopted: false,
        };
        self.report(NodeReport::Connection(Box::new(report)));
    }
}

#[test]
fn packets_that_no_rule_can_speak_of_are_told_and_teach_nothing() {
    let mut estate = shop();
    let (edges, told) = (estate.state.edges.len(), estate.events.len());
    for reason in [DenyReason::Malformed, DenyReason::Fragment, DenyReason::Unrelated] {
        estate.irregular(reason, Verdict::WouldDeny);
        estate.irregular(reason, Verdict::Denied);
    }
    assert_eq!(estate.state.edges.len(), edges, "no connection");
    let told: Vec<_> = estate.events[told..]
        .iter()
        .map(|kind| match kind {
            EventKind::WouldDeny(denial) => (denial.reason, false, denial.allow_with.is_some()),
            EventKind::Denied(denial) => (denial.reason, true, denial.allow_with.is_some()),
            other => panic!("{other:?}"),
        })
        .collect();
    let each = |reason| [(reason, false, false), (reason, true, false)];
    let expected = [each(DenyReason::Malformed), each(DenyReason::Fragment), each(DenyReason::Unrelated)];
    assert_eq!(told, expected.concat(), "and no rule is offered that would not help");
}

#[test]
fn a_closed_interface_is_said_once_until_no_packets_of_it_are_dropped_any_more() {
    let mut estate = shop();
    let degraded = |estate: &Estate| {
        estate.events.iter().filter(|kind| matches!(kind, EventKind::Degraded { .. })).count()
    };
    let report = |workload: Option<&str>| NodeReport::Unidentified {
        interface: "veth1234".into(),
        workload: workload.map(|id| WorkloadId(id.into())),
    };
    // Nodes say so once a minute.
    for _ in 0..5 {
        estate.report(report(None));
        estate.now += MINUTE;
        estate.state.tick(Timestamp(estate.now));
        estate.finish();
        assert!(estate.state.degraded["unidentified veth1234"].what.contains("no runtime knows"));
    }
    estate.report(report(Some("api-1")));
    assert!(estate.state.degraded["unidentified veth1234"].what.starts_with("api-1 is closed"));
    let before = degraded(&estate);
    assert_eq!(before, 1 + usize::from(estate.state.degraded.contains_key("agent")));
    for _ in 0..3 {
        estate.now += MINUTE;
        estate.state.tick(Timestamp(estate.now));
        estate.finish();
    }
    assert!(!estate.state.degraded.contains_key("unidentified veth1234"));
    let recovered =
        |kind: &EventKind| matches!(kind, EventKind::Recovered { what } if what.contains("veth1234"));
    assert!(estate.events.iter().any(recovered));
}
