use crate::{Datapath, DatapathError, error::in_table, sys};
use bulkhead_abi::{
    EGRESS, FLOW_ADOPTED, FLOW_ESTABLISHED, FLOW_FIN_IN, FLOW_FIN_OUT, FLOW_REPLIED, FLOW_RESET, Flow,
    FlowKey, INGRESS,
};
use bulkhead_model::{Direction, Identity, IpProtocol};
use std::net::SocketAddr;

/// A connection that was open before the programs came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdoptedConnection {
    pub protocol: IpProtocol,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// `Egress`: the workload opened it.
    pub direction: Direction,
}

/// What a sweep of the flow table did.
#[derive(Debug, Clone, Default)]
pub struct SweepReport {
    pub kept: usize,
    /// Expired flows, as they were.
    pub expired: Vec<(FlowKey, Flow)>,
}

impl Datapath {
    /// Jiffies now, as the programs read them.
    fn jiffies(&mut self) -> Result<u32, DatapathError> {
        let run = self.test_run("bh_clock", &[0; 64], crate::SkbContext::default(), 1)?;
        Ok(run.mark)
    }

    /// Removes flows that have outlived their time. The programs treat them as gone already; this makes room, and
    /// tells flow listeners.
    pub fn sweep_flows(&mut self) -> Result<SweepReport, DatapathError> {
        let now = self.jiffies()?;
        let hz = sys::hz();
        let mut report = SweepReport::default();
        let mut gone = Vec::new();
        self.flows
            .for_each(|key, flow| {
                let idle = now.wrapping_sub(flow.last);
                // A packet may have come after `now` was read.
                if idle < u32::MAX / 2 && idle > lifetime_seconds(key.protocol(), flow.state) * hz {
                    gone.push((key, flow));
                } else {
                    report.kept += 1;
                }
            })
            .map_err(in_table(&self.flows))?;
        for (key, flow) in gone {
            // It may have come back to life in between.
            if self.flows.get(&key).map_err(in_table(&self.flows))?.is_some_and(|f| f.last == flow.last) {
                self.flows.remove(&key).map_err(in_table(&self.flows))?;
                report.expired.push((key, flow));
            }
        }
        Ok(report)
    }

    /// Removes all flows of an interface that is gone.
    pub fn forget_flows(&self, ifindex: u32) -> Result<(), DatapathError> {
        let mut gone = Vec::new();
        self.flows
            .for_each(|key, _| {
                if key.ifindex() == ifindex {
                    gone.push(key);
                }
            })
            .map_err(in_table(&self.flows))?;
        for key in gone {
            self.flows.remove(&key).map_err(in_table(&self.flows))?;
        }
        Ok(())
    }

    /// Enters a connection that was open before, with its true direction, to be decided at its next packet like any
    /// other. One that the programs have seen meanwhile stays as they know it, unless they took it the wrong way round.
    pub fn adopt(
        &mut self,
        ifindex: u32,
        local: Identity,
        connection: AdoptedConnection,
    ) -> Result<(), DatapathError> {
        let key = FlowKey {
            local: connection.local.ip().into(),
            remote: connection.remote.ip().into(),
            local_port: connection.local.port().to_be(),
            remote_port: connection.remote.port().to_be(),
            endpoint: ifindex << 8 | u32::from(connection.protocol.0),
        };
        let (direction, port) = match connection.direction {
            Direction::Egress => (EGRESS, connection.remote.port()),
            Direction::Ingress => (INGRESS, connection.local.port()),
        };
        if let Some(known) = self.flow(&key)?
            && (known.state & FLOW_ADOPTED == 0 || (known.direction, known.port) == (direction, port))
        {
            return Ok(());
        }
        let flow = Flow {
            // No policy has this epoch: the next packet decides.
            epoch: 1,
            local: local.0,
            peer: Identity::UNKNOWN.0,
            port,
            direction,
            state: FLOW_ADOPTED | FLOW_REPLIED | FLOW_ESTABLISHED,
            last: self.jiffies()?,
            ..Flow::default()
        };
        self.flows.set(&key, &flow).map_err(in_table(&self.flows))
    }
}

/// As `lifetime()` in `bpf/conntrack.h`.
fn lifetime_seconds(protocol: IpProtocol, state: u8) -> u32 {
    let both = FLOW_FIN_IN | FLOW_FIN_OUT;
    match protocol {
        IpProtocol::TCP if state & FLOW_RESET != 0 || state & both == both => 10,
        IpProtocol::TCP if state & (FLOW_ESTABLISHED | FLOW_ADOPTED) != 0 => 86_400,
        IpProtocol::TCP => 130,
        IpProtocol::UDP if state & FLOW_REPLIED != 0 => 180,
        IpProtocol::UDP => 60,
        IpProtocol::ICMP | IpProtocol::ICMPV6 => 30,
        _ => 600,
    }
}
