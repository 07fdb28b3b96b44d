use std::{io, net::SocketAddr, path::PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    #[error("the state directory {path} cannot be used: {source}")]
    StateDirectory { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] bulkhead_store::StoreError),
    #[error("cannot listen on {address}: {source}; is another Bulkhead running?")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("{path} cannot be read or written: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    #[error(
        "{path} is not usable: {source}; remove it for a new key, which those who check reports have to be told"
    )]
    ReportKey { path: PathBuf, source: bulkhead_report::KeyError },
    #[error("{0} is not a loopback address: plain HTTP would show every token; use TLS")]
    PlainElsewhere(SocketAddr),
    #[error("a thread cannot be started: {0}")]
    Thread(#[source] io::Error),
}
