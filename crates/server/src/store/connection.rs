//! Connections to the file: one that writes, and a few that read.
//! Used by `Store` and `writer`. A store in memory has one connection for both.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;

/// Connections for reading that are kept open.
const READERS: usize = 4;
/// KiB of pages that a connection for reading keeps.
const READ_CACHE: i64 = 4096;
/// How long a lock of another program is waited for.
pub(crate) const BUSY: Duration = Duration::from_secs(5);

/// The connection of the writer.
pub(crate) enum Writing {
    File(Connection),
    Memory(Arc<Mutex<Connection>>),
}

impl Writing {
    pub(crate) fn with<R>(&mut self, f: impl FnOnce(&mut Connection) -> R) -> R {
        match self {
            Self::File(db) => f(db),
            Self::Memory(db) => f(&mut lock(db)),
        }
    }
}

/// The connections of readers.
pub(crate) enum Reading {
    File {
        path: PathBuf,
        idle: Mutex<Vec<Connection>>,
    },
    Memory(Arc<Mutex<Connection>>),
}

impl Reading {
    pub(crate) fn of_file(path: &Path) -> Self {
        Self::File {
            path: path.to_owned(),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Runs `f` with a connection, inside one snapshot of the file.
    pub(crate) fn with<R>(
        &self,
        f: impl FnOnce(&Connection) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        match self {
            Self::Memory(db) => f(&lock(db)),
            Self::File { path, idle } => {
                let known = lock(idle).pop();
                let db = match known {
                    Some(db) => db,
                    None => open_reader(path)
                        .map_err(|error| StoreError::of_file(error, &path.display().to_string()))?,
                };
                db.prepare_cached("BEGIN")?.execute([])?;
                let answer = f(&db);
                // The end of a transaction that only read cannot lose anything.
                let ended = db
                    .prepare_cached("COMMIT")
                    .and_then(|mut end| end.execute([]));
                let mut idle = lock(idle);
                if ended.is_ok() && idle.len() < READERS {
                    idle.push(db);
                }
                answer
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic inside leaves a connection whose transaction is rolled back.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "cache_size", -READ_CACHE)?;
    db.pragma_update(None, "query_only", true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}
