mod backup;
mod open;
mod prune;
mod read;
mod schema;
mod write;

pub use backup::back_up;
pub use open::{Opened, SetAside};
pub use read::SqliteReader;

use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// The embedded default: one file in WAL mode.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
}

impl SqliteStore {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Another connection to the same file, for reading.
    pub fn reader(&self) -> Result<SqliteReader, crate::StoreError> {
        SqliteReader::open(&self.path)
    }

    /// Lets the file grow no further than this many bytes: what a full disk does, where none is at hand.
    pub fn limit_bytes(&mut self, bytes: Option<u64>) -> Result<(), crate::StoreError> {
        let page: i64 = self.connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = bytes.map_or(i64::from(u32::MAX - 1), |bytes| integer(bytes) / page.max(1));
        self.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        Ok(())
    }
}

/// SQLite's integers are signed.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
