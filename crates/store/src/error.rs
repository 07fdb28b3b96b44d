use std::{io, path::PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open {path}: {source}")]
    Open { path: PathBuf, source: io::Error },
    #[error(
        "{path} was written by a newer Bulkhead (schema {found}, this version knows {known}): start that version, or \
         move the file away to begin anew"
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("{path} is a database, but not one of Bulkhead's: choose another state directory")]
    Foreign { path: PathBuf },
    #[error("the database cannot be copied to {path}: {source}")]
    Backup { path: PathBuf, source: io::Error },
    #[error("{path} is in use by another process: is another Bulkhead running with this state directory?")]
    Locked { path: PathBuf },
    /// The disk, or the quota, is full.
    #[error("no space is left for the database")]
    Full(#[source] rusqlite::Error),
    #[error("the database cannot be written or read: {0}")]
    Io(#[source] rusqlite::Error),
    #[error("the database is damaged: {0}")]
    Corrupt(#[source] rusqlite::Error),
    #[error("a stored {what} cannot be read: {source}")]
    Record { what: &'static str, source: serde_json::Error },
    #[error("the database does not keep up: the disk hangs, or is far too slow")]
    Overloaded,
    #[error("the store has been closed")]
    Closed,
    #[error("database: {0}")]
    Sqlite(#[source] rusqlite::Error),
}

impl StoreError {
    /// Whether the same write may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Io(_) | Self::Overloaded | Self::Locked { .. })
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error),
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::OutOfMemory,
            ) => Self::Io(error),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error),
            _ => Self::Sqlite(error),
        }
    }
}
