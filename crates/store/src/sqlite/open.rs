use super::{SqliteStore, backup, schema};
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

/// A damaged database was moved away, and its backup put in its place, or a new one begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    pub to: PathBuf,
    pub why: String,
    /// When the backup was written that took its place; none where a new one was begun.
    pub restored: Option<Timestamp>,
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
    /// Opens the database at `path`, or makes it (mode 0600). A damaged one is set aside as `path.damaged-TIME` and
    /// replaced by what [`back_up`](crate::back_up) has kept, or where that is of no use by a new one; one of a newer
    /// version, or of another program, is refused.
    pub fn open(path: &Path, now: Timestamp) -> Result<Opened, StoreError> {
        match attempt(path) {
            Ok(store) => Ok(Opened { store, set_aside: None }),
            Err(Failure::Other(error)) => Err(error),
            Err(Failure::Damaged(why)) => {
                let to = set_aside(path, now)?;
                tracing::error!(path = %path.display(), to = %to.display(), why, "database damaged, set aside");
                if let Some((store, written)) = from_backup(path)? {
                    tracing::warn!(path = %path.display(), "the backup has taken its place");
                    let set_aside = Some(SetAside { to, why, restored: Some(written) });
                    return Ok(Opened { store, set_aside });
                }
                match attempt(path) {
                    Ok(store) => Ok(Opened { store, set_aside: Some(SetAside { to, why, restored: None }) }),
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

/// The backup in the place of the database, where there is one that can be used. The backup itself stays as it is.
fn from_backup(path: &Path) -> Result<Option<(SqliteStore, Timestamp)>, StoreError> {
    let why = match backup::restore(path) {
        Ok(None) => return Ok(None),
        Ok(Some(written)) => match attempt(path) {
            Ok(store) => return Ok(Some((store, written))),
            Err(Failure::Damaged(why)) => why,
            Err(Failure::Other(error)) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    tracing::error!(path = %path.display(), why, "the backup cannot be used");
    for suffix in ["", "-wal", "-shm"] {
        let file = beside(path, suffix);
        match fs::remove_file(&file) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::Open { path: file, source });
            }
            _ => {}
        }
    }
    Ok(None)
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
    let aside = format!(".damaged-{}", now.0);
    let to = beside(path, &aside);
    for suffix in ["", "-wal", "-shm"] {
        let from = beside(path, suffix);
        match fs::rename(&from, beside(path, &format!("{aside}{suffix}"))) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(StoreError::Open { path: from, source }),
        }
    }
    Ok(to)
}

/// The file whose name is that of `path` and more.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
