//! A copy beside the database, whole at every moment, for the day on which the database is damaged.

use super::open::beside;
use crate::StoreError;
use bulkhead_model::Timestamp;
use rusqlite::{Connection, OpenFlags};
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// Where the backup of a database is kept.
pub(super) fn place(database: &Path) -> PathBuf {
    beside(database, ".good")
}

/// Copies the database as it is at this moment to `path.good` (mode 0600), beside whoever reads and writes it. The
/// copy of before is there until the new one is on the disk and has been found whole.
///
/// # Errors
/// The database is damaged, or there is no room for a copy that leaves as much again to the database itself.
pub fn back_up(database: &Path) -> Result<PathBuf, StoreError> {
    let (good, begun) = (place(database), beside(database, ".good-new"));
    let failed = |source| StoreError::Backup { path: begun.clone(), source };
    match fs::remove_file(&begun) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let disk = rustix::fs::statvfs(database).map_err(|error| failed(error.into()))?;
    let size = fs::metadata(database).map_err(failed)?.len();
    if disk.f_bavail.saturating_mul(disk.f_frsize) < size.saturating_mul(2) {
        return Err(failed(io::Error::other(format!("{size} bytes twice do not fit on the disk"))));
    }
    // Made here and not by SQLite, so that it is never readable by others, not even for a moment.
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(&begun).map_err(failed)?;
    let copied = copy(database, &begun).and_then(|()| {
        File::open(&begun).and_then(|file| file.sync_all()).map_err(failed)?;
        fs::rename(&begun, &good).map_err(failed)
    });
    if let Err(error) = copied {
        // What is wrong has been found already.
        let _ = fs::remove_file(&begun);
        return Err(error);
    }
    if let Some(folder) = good.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(good)
}

fn copy(database: &Path, to: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
    drop(connection);
    let copy = Connection::open_with_flags(to, flags)?;
    let verdict: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(StoreError::Backup { path: to.to_owned(), source: io::Error::other(verdict) })
    }
}

/// Puts the backup in the place of a database that is not there any more. `None`: there is no backup. Returns when it
/// was written.
pub(super) fn restore(database: &Path) -> io::Result<Option<Timestamp>> {
    let good = place(database);
    let written = match fs::metadata(&good).and_then(|metadata| metadata.modified()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        written => written?,
    };
    let mut from = File::open(&good)?;
    let mut to = OpenOptions::new().create_new(true).write(true).mode(0o600).open(database)?;
    io::copy(&mut from, &mut to)?;
    to.sync_all()?;
    Ok(Some(Timestamp::from(written)))
}
