//! What has been counted already of each edge of the kernel's table.
//!
//! Nodes tell totals. What was taken of a total is kept in the record that it was added to, so that one write stores both:
//! after a crash of agent, controller or both, the next total is taken from where the stored sum stands.

use super::{State, edges::EdgeRecord};
use bulkhead_model::{
    Application, Direction, EdgeCounters, EdgeKey, Identity, IpProtocol,
    node::{ConnectionReport, EdgeReport},
};
use serde::{Deserialize, Serialize};

/// An edge as the kernel tells edges apart: one of them, or several, make an [`EdgeRecord`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) local: Identity,
    pub(super) peer: Identity,
    pub(super) direction: Direction,
    pub(super) protocol: IpProtocol,
    pub(super) port: u16,
    pub(super) application: Application,
}

/// How far the totals of one source have been added to the record that this stands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    local: Identity,
    peer: Identity,
    direction: Direction,
    counting: u64,
    #[serde(flatten)]
    total: EdgeCounters,
}

impl Source {
    pub(super) fn of(report: &EdgeReport) -> Self {
        Self {
            local: report.local,
            peer: report.peer,
            direction: report.direction,
            protocol: report.protocol,
            port: report.port,
            application: report.application,
        }
    }

    pub(super) fn of_connection(report: &ConnectionReport) -> Self {
        Self {
            local: report.local,
            peer: report.peer,
            direction: report.direction,
            protocol: report.tuple.protocol,
            port: report.tuple.server_port,
            application: report.application,
        }
    }

    fn is(&self, taken: &Taken) -> bool {
        (self.local, self.peer, self.direction) == (taken.local, taken.peer, taken.direction)
    }
}

impl Taken {
    /// The source, of a record with this key.
    pub(super) fn source(&self, key: &EdgeKey) -> Source {
        let Self { local, peer, direction, .. } = *self;
        let EdgeKey { protocol, port, application, .. } = *key;
        Source { local, peer, direction, protocol, port, application }
    }
}

impl EdgeRecord {
    /// What a report adds to what was taken of its source before.
    fn take(&mut self, source: &Source, report: &EdgeReport) -> EdgeCounters {
        let counters = report.counters;
        match self.taken.iter_mut().find(|taken| source.is(taken)) {
            Some(taken) if taken.counting == report.counting => {
                let more = counters.since(&taken.total);
                taken.total.add(&more);
                more
            }
            Some(taken) => {
                (taken.counting, taken.total) = (report.counting, counters);
                counters
            }
            None => {
                let Source { local, peer, direction, .. } = *source;
                let (counting, total) = (report.counting, counters);
                self.taken.push(Taken { local, peer, direction, counting, total });
                counters
            }
        }
    }
}

impl State {
    /// What a report adds to the record, which exists. What was taken of its source under another key moves here.
    pub(super) fn take_total(&mut self, key: &EdgeKey, report: &EdgeReport) -> EdgeCounters {
        let source = Source::of(report);
        let before = self.sources.insert(source, key.clone()).filter(|before| before != key);
        let moved = before.and_then(|before| {
            let record = self.edges.get_mut(&before)?;
            let place = record.taken.iter().position(|taken| source.is(taken))?;
            let taken = record.taken.swap_remove(place);
            self.dirty_edges.insert(before);
            Some(taken)
        });
        let Some(record) = self.edges.get_mut(key) else { return EdgeCounters::default() };
        record.taken.extend(moved);
        record.take(&source, report)
    }

    /// Whether the report says nothing that has not been counted.
    pub(super) fn is_counted(&self, report: &EdgeReport) -> bool {
        let source = Source::of(report);
        let record = self.sources.get(&source).and_then(|key| self.edges.get(key));
        let taken = record.and_then(|record| record.taken.iter().find(|taken| source.is(taken)));
        taken.is_some_and(|taken| {
            let news = EdgeCounters { rtt_min_us: 0, ..report.counters.since(&taken.total) };
            taken.counting == report.counting && news == EdgeCounters::default()
        })
    }

    /// The sources of a record that was merged into another.
    pub(super) fn sources_moved(&mut self, to: &EdgeKey, taken: &[Taken]) {
        for taken in taken {
            self.sources.insert(taken.source(to), to.clone());
        }
    }

    pub(super) fn index_sources(&mut self) {
        self.sources = self
            .edges
            .values()
            .flat_map(|record| {
                record.taken.iter().map(|taken| (taken.source(&record.key), record.key.clone()))
            })
            .collect();
    }
}
