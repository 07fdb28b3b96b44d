use crate::{
    Datapath, DatapathError,
    error::in_table,
    load::{edges_for_all, program},
    sys::{self, SkbContext},
};
use bulkhead_abi::{EDGES_MADE, EDGES_REMOVED, Edge, EdgeKey, Flow, FlowKey};
use std::{collections::HashMap, io, os::fd::AsFd};

/// What an edge has counted since it was read last.
#[derive(Debug, Clone, Copy)]
pub struct EdgeDelta {
    pub key: EdgeKey,
    /// Counters since the last reading; `first_ns`, `last_ns`, `rule` and `rtt_min_us` as they are.
    pub edge: Edge,
    /// As the table has it: everything since `first_ns`, whoever has read it before.
    pub total: Edge,
    /// Whether this reading is the first that shows the edge.
    pub fresh: bool,
}

/// Remembers what was read, so that each reading tells the difference.
#[derive(Debug, Default)]
pub struct EdgeReader {
    seen: HashMap<EdgeKey, Edge>,
    /// When it began to read, CLOCK_MONOTONIC; 0 before it has.
    began_ns: u64,
}

impl EdgeReader {
    /// The next reading shows every edge. Whoever takes totals takes one twice without harm.
    pub fn begin_anew(&mut self) {
        self.seen.clear();
    }
}

/// An edge that has been quiet for this long leaves the kernel's table; the controller has it.
const QUIET_NS: u64 = 3600 * 1_000_000_000;
/// After this where the table is crowded: what has been read may go before there is no room for what is new.
const CROWDED_QUIET_NS: u64 = 60 * 1_000_000_000;
/// But not before this reader is so old: what it has just told for the first time may not be stored yet.
const SETTLED_NS: u64 = 120 * 1_000_000_000;

impl Datapath {
    /// Has every CPU add what it has cached to the tables. Bounded: sixteen program runs a CPU of 256 slots each.
    pub fn flush(&mut self) -> Result<(), DatapathError> {
        let failed = |source| DatapathError::Program { name: "bh_flush", source: Box::new(source) };
        let fd = program(&mut self.ebpf, "bh_flush")?.fd().map_err(failed)?.as_fd();
        let cpus = self.cpus;
        // On a thread of its own: the binding to a CPU must not stay with the caller.
        std::thread::scope(|scope| {
            let flushing = scope.spawn(|| {
                for cpu in 0..cpus {
                    if sys::bind_to_cpu(cpu).is_err() {
                        continue; // offline: it caches nothing
                    }
                    for part in 0..16 {
                        let context = SkbContext { mark: part, ifindex: 0 };
                        sys::test_run(fd, &[0; 64], context, 1).map_err(DatapathError::TestRun)?;
                    }
                }
                Ok(())
            });
            flushing
                .join()
                .unwrap_or_else(|_| Err(DatapathError::TestRun(io::Error::other("the thread died"))))
        })
    }

    /// Reads all edges; returns those that have changed since `reader` read last.
    pub fn read_edges(&mut self, reader: &mut EdgeReader) -> Result<Vec<EdgeDelta>, DatapathError> {
        self.flush()?;
        let now = sys::monotonic_ns();
        let mut changed = Vec::new();
        let mut quiet = Vec::new();
        if reader.began_ns == 0 {
            reader.began_ns = now;
        }
        let settled = now.saturating_sub(reader.began_ns) > SETTLED_NS;
        let quiet_ns = quiet_ns(reader.seen.len(), edges_for_all(self.edges.capacity()) as usize);
        let seen = &mut reader.seen;
        let made = self.edges_ever(EDGES_MADE)?;
        let mut held = 0_u64;
        self.edges
            .for_each(|key, edge| {
                held += 1;
                let before = seen.insert(key, edge);
                let delta = match before {
                    None => Some(edge),
                    Some(before) if before == edge => None,
                    Some(before) => Some(difference(&edge, &before)),
                };
                if let Some(delta) = delta {
                    changed.push(EdgeDelta { key, edge: delta, total: edge, fresh: before.is_none() });
                } else if settled && now.saturating_sub(edge.last_ns) > quiet_ns {
                    quiet.push(key);
                }
            })
            .map_err(in_table(&self.edges))?;
        // An agent that was killed may have removed some without saying so.
        if self.edges_ever(EDGES_MADE)? == made {
            self.set_removed(made.wrapping_sub(held))?;
        }
        for key in quiet {
            self.remove_edge(&key)?;
            reader.seen.remove(&key);
        }
        Ok(changed)
    }

    /// Makes room for another edge. Whoever counts on reading it has done so.
    pub fn remove_edge(&self, key: &EdgeKey) -> Result<(), DatapathError> {
        self.edges.remove(key).map_err(in_table(&self.edges))?;
        self.set_removed(self.edges_ever(EDGES_REMOVED)?.wrapping_add(1))
    }

    fn edges_ever(&self, which: u32) -> Result<u64, DatapathError> {
        Ok(self.edge_use.get(&which).map_err(in_table(&self.edge_use))?.unwrap_or(0))
    }

    /// Only ever called by the one agent of this host.
    fn set_removed(&self, count: u64) -> Result<(), DatapathError> {
        self.edge_use.set(&EDGES_REMOVED, &count).map_err(in_table(&self.edge_use))
    }

    /// One flow, where the table has it.
    pub fn flow(&self, key: &FlowKey) -> Result<Option<Flow>, DatapathError> {
        self.flows.get(key).map_err(in_table(&self.flows))
    }
}

/// How long an edge may be quiet in a table that holds so many.
const fn quiet_ns(entries: usize, capacity: usize) -> u64 {
    if entries / 4 >= capacity / 5 { CROWDED_QUIET_NS } else { QUIET_NS }
}

fn difference(now: &Edge, before: &Edge) -> Edge {
    // A table entry that was removed and made again has begun anew.
    if now.first_ns != before.first_ns {
        return *now;
    }
    let since =
        |now: [u64; 2], before: [u64; 2]| [now[0].wrapping_sub(before[0]), now[1].wrapping_sub(before[1])];
    Edge {
        packets: since(now.packets, before.packets),
        bytes: since(now.bytes, before.bytes),
        connections: now.connections.wrapping_sub(before.connections),
        denied: now.denied.wrapping_sub(before.denied),
        would_deny: now.would_deny.wrapping_sub(before.would_deny),
        ..*now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowded_table_lets_go_of_quiet_edges_early() {
        assert_eq!(quiet_ns(0, 65_536), QUIET_NS);
        assert_eq!(quiet_ns(52_000, 65_536), QUIET_NS);
        assert_eq!(quiet_ns(52_432, 65_536), CROWDED_QUIET_NS);
        assert_eq!(quiet_ns(65_536, 65_536), CROWDED_QUIET_NS);
    }
}
