use crate::table::is_full;
use std::{io, path::PathBuf};

/// What can go wrong between Bulkhead and the kernel.
#[derive(Debug, thiserror::Error)]
pub enum DatapathError {
    #[error(
        "cannot keep programs and tables under {path}: {source}. Mount a BPF file system there or above it (mount -t bpf \
         bpf /sys/fs/bpf, as root; in a container, mount the host's folder into it)"
    )]
    PinDirectory { path: PathBuf, source: io::Error },
    #[error(
        "the kernel did not take Bulkhead's programs: {0}. `bulkhead check` says what this kernel lacks; 5.10 or later \
         is needed"
    )]
    Load(Box<aya::EbpfError>),
    #[error("the kernel did not take program {name}: {source}")]
    Program { name: &'static str, source: Box<aya::programs::ProgramError> },
    #[error("cannot attach to interface {interface}: {source}")]
    Attach { interface: String, source: Box<aya::programs::ProgramError> },
    #[error("cannot attach to control group {group}: {source}")]
    Group { group: PathBuf, source: io::Error },
    #[error("cannot pin the link of interface {interface}: {source}")]
    Pin { interface: String, source: aya::pin::PinError },
    #[error(
        "kernel table {table} is full ({capacity} entries); what held before goes on to hold. Fewer rules, services or \
         addresses are needed"
    )]
    Full { table: &'static str, capacity: u32 },
    #[error("kernel table {table}: {source}")]
    Table { table: &'static str, source: io::Error },
    #[error("interface index {0} is beyond 2^24, which the flow table cannot hold")]
    Ifindex(u32),
    #[error("ring buffer: {0}")]
    Events(io::Error),
    #[error("test run: {0}")]
    TestRun(io::Error),
    #[error("cannot open a packet socket: {0}")]
    PacketSocket(io::Error),
}

impl From<aya::EbpfError> for DatapathError {
    fn from(error: aya::EbpfError) -> Self {
        Self::Load(Box::new(error))
    }
}

/// Says which table an error is about, and tells "full" from the rest.
pub(crate) fn in_table<K, V>(table: &crate::Table<K, V>) -> impl Fn(io::Error) -> DatapathError
where
    K: zerocopy::IntoBytes + zerocopy::FromBytes + zerocopy::Immutable + Copy,
    V: zerocopy::IntoBytes + zerocopy::FromBytes + zerocopy::Immutable + Copy,
{
    let (name, capacity) = (table.name(), table.capacity());
    move |source| {
        if is_full(&source) {
            DatapathError::Full { table: name, capacity }
        } else {
            DatapathError::Table { table: name, source }
        }
    }
}
