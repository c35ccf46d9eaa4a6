//! The file of a store: its mode, and the lock that only one writing process has.
//! Called by `Store::open`. The only place of this crate that touches the file system.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// Held while a process writes to a store; the operating system releases it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(
    #[expect(dead_code, reason = "the lock is released when the file is closed")] File,
);

/// Creates the file and its folder if they are missing, readable by their owner alone, and takes the lock.
pub(crate) fn create(path: &Path) -> Result<Lock, StoreError> {
    let failed =
        |error: io::Error| StoreError::Failed(format!("cannot open {}: {error}", path.display()));
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(failed)?;
    }
    let lock = private(&lock_path(path)).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(path.display().to_string())),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // SQLite gives its other files the mode of this one.
    drop(private(path).map_err(failed)?);
    Ok(Lock(lock))
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
