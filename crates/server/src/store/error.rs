//! What can go wrong with the store.

use std::fmt;

/// Why the store could not be opened, read or written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process writes to this file.
    InUse(String),
    /// The file was made by a newer version of this program.
    Newer(String),
    /// The file was made by an older version of this program, and only a process that writes brings it up to date.
    Older(String),
    /// The file is no store of this program, or it is damaged.
    NotAStore(String),
    /// The disk is full, or the file has reached its maximal size.
    Full,
    /// The file is locked by another program.
    Locked,
    /// The store is closed, or was opened for reading only.
    Closed,
    /// A cursor that belongs to another list.
    Cursor,
    /// Anything else, with what SQLite or the operating system said.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(
                f,
                "another process writes to {path}: send to that server, or choose another file"
            ),
            Self::Newer(path) => write!(
                f,
                "a newer version of this program made {path}: update the program"
            ),
            Self::Older(path) => write!(
                f,
                "an older version of this program made {path}: start `tracefuse view` with it once, which brings it up to date"
            ),
            Self::NotAStore(path) => {
                write!(f, "{path} is no store of this program, or it is damaged")
            }
            Self::Full => f.write_str("the disk is full: free space, or shorten the retention"),
            Self::Locked => f.write_str("the store is locked by another program: try again"),
            Self::Closed => f.write_str("the store is closed or was opened for reading only"),
            Self::Cursor => f.write_str("the cursor is of another list: start without a cursor"),
            Self::Failed(message) => write!(f, "the store failed: {message}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl StoreError {
    /// An error of opening this file.
    pub(crate) fn of_file(error: rusqlite::Error, path: &str) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match error.sqlite_error_code() {
            Some(NotADatabase | DatabaseCorrupt) => Self::NotAStore(path.to_owned()),
            _ => error.into(),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Failed(format!(
                    "{error}: this user must be allowed to write the file and its directory, for reading too"
                ))
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}
