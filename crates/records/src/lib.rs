//! Flow records of other products, read as flows of Bulkhead, so that yesterday's logs can be learned from and judged
//! before anything is installed.
//!
//! [`read`] takes bytes (gzip or not), finds out what wrote them, and hands out one [`Record`] after the other: who
//! opened what to whom, when, and whether it passed. It needs memory for one line, however long the file is. Lines that
//! cannot be read are counted and told with their numbers; fields that it does not know are ignored. [`Names`] says which
//! service an end is, and [`History`] sums records up as edges with their times.
//!
//! | format | from |
//! |---|---|
//! | [`Format::Bulkhead`] | `bulkhead flows -o json` |
//! | [`Format::Hubble`] | `hubble observe -o jsonpb`, the exporter of Cilium |
//! | [`Format::Calico`] | flow logs of Calico, as files or from Elasticsearch |
//! | [`Format::Vpc`] | AWS VPC flow logs as text, of every version |
//! | [`Format::Zeek`] | `conn.log`, as TSV or JSON |
//! | [`Format::NeuVector`] | the answers of `/v1/conversation` |
//! | [`Format::Csv`] | anything with a header line |
//!
//! What each format says, and what has to be concluded because it does not say it (who opened the connection, which
//! records are two views of one), is told in `docs/flow-records.md`.
//!
//! The crate is pure: it reads from whatever it is given, opens nothing, and has no clock.

#![forbid(unsafe_code)]

mod direction;
mod format;
mod history;
mod json;
mod lines;
mod names;
mod read;
mod record;
mod time;

pub use format::{Format, UnknownFormat};
pub use history::{History, Seen, Sighting};
pub use names::{InvalidNames, Names, OwnerOfPod};
pub use read::{Fault, Options, ReadError, Summary, read};
pub use record::{Certainty, End, Item, Named, Record, Reporter};
