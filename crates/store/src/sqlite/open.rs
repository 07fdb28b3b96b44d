use super::{SqliteStore, schema};
use crate::StoreError;
use bulkhead_model::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// A store that is ready, and what had to be done for it.
#[derive(Debug)]
pub struct Opened {
    pub store: SqliteStore,
    pub set_aside: Option<SetAside>,
}

/// A damaged database was moved away, and a new one begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    pub to: PathBuf,
    pub why: String,
}

enum Failure {
    Damaged(String),
    Other(StoreError),
}

impl<E: Into<StoreError>> From<E> for Failure {
    fn from(error: E) -> Self {
        match error.into() {
            StoreError::Corrupt(source) => Self::Damaged(source.to_string()),
            other => Self::Other(other),
        }
    }
}

impl SqliteStore {
    /// Opens the database at `path`, or makes it (mode 0600). A damaged one is set aside as `path.damaged-TIME` and a
    /// new one begun; one of a newer version, or of another program, is refused.
    pub fn open(path: &Path, now: Timestamp) -> Result<Opened, StoreError> {
        match attempt(path) {
            Ok(store) => Ok(Opened { store, set_aside: None }),
            Err(Failure::Other(error)) => Err(error),
            Err(Failure::Damaged(why)) => {
                let to = set_aside(path, now)?;
                tracing::error!(path = %path.display(), to = %to.display(), why, "database damaged, set aside");
                match attempt(path) {
                    Ok(store) => Ok(Opened { store, set_aside: Some(SetAside { to, why }) }),
                    Err(Failure::Other(error)) => Err(error),
                    Err(Failure::Damaged(why)) => Err(StoreError::Open {
                        path: path.to_owned(),
                        source: std::io::Error::other(format!("a new database is damaged at once: {why}")),
                    }),
                }
            }
        }
    }
}

fn attempt(path: &Path) -> Result<SqliteStore, Failure> {
    // Made here and not by SQLite, so that it is never readable by others, not even for a moment.
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    let version = schema::version(&connection)?;
    let application = schema::application_id(&connection)?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && application != schema::APPLICATION_ID {
        return Err(StoreError::Foreign { path: path.to_owned() }.into());
    }
    if version > schema::VERSION {
        let known = schema::VERSION;
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known }.into());
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(Failure::Damaged(verdict));
    }
    // FULL: a commit survives a power cut, too. There are few commits a second, so it costs little.
    connection.execute_batch(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 16777216; PRAGMA temp_store = MEMORY;",
    )?;
    if version < schema::VERSION {
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| busy(e, path))?;
        schema::migrate(&transaction, version)?;
        transaction.commit()?;
    }
    Ok(SqliteStore { connection, path: path.to_owned() })
}

fn busy(error: rusqlite::Error, path: &Path) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Locked { path: path.to_owned() }
        }
        _ => error.into(),
    }
}

fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let with = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let aside = format!(".damaged-{}", now.0);
    let to = with(&aside);
    for suffix in ["", "-wal", "-shm"] {
        let from = with(suffix);
        match fs::rename(&from, with(&format!("{aside}{suffix}"))) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(StoreError::Open { path: from, source }),
        }
    }
    Ok(to)
}
