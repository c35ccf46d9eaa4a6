//! The owner of a process's directory is the process that has locked the file `lock` in it. The system releases
//! the lock when the process ends. Used by `mod` for its own directory and by `recovery` for those of processes that have ended.
//!
//! A lock file is removed only by the process that has the lock, and made again only in a directory that has files of ours.
//! A lock counts only while its name still names the locked file: between our opening and our locking it, its
//! owner may have removed it with its directory, and another process may have made both again.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::error::SpoolError;
use super::file::{Entry, Kind, SpoolFs, removed};
use super::name::{self, FileName};

/// Directories tried before giving up. Each can only be taken by a process of the same number that
/// started in the same millisecond, or by a process that takes it over between its creation and its lock.
const ATTEMPTS: u32 = 1_000;

/// A directory that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) directory: PathBuf,
    lock: File,
}

impl Claim {
    /// Creates a directory of our own in `parent`.
    pub(super) fn create(
        fs: &dyn SpoolFs,
        parent: &Path,
        pid: u32,
        now_unix_ms: u64,
    ) -> Result<Self, SpoolError> {
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for attempt in 0..ATTEMPTS {
            let directory = parent.join(name::process_directory(pid, now_unix_ms, attempt));
            match fs.create_directory(&directory) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(source) => {
                    return Err(SpoolError::Directory {
                        path: directory,
                        source,
                    });
                }
            }
            match fs.lock(&directory.join(name::LOCK), true) {
                Ok(Some(lock)) => {
                    return Ok(Self { directory, lock });
                }
                // Another process was quicker, and has removed the empty directory or is about to.
                Ok(None) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists
                    ) =>
                {
                    // Removed while it was empty, and perhaps made again by another process of this name.
                    last = error;
                }
                Err(source) => {
                    // Best effort: nothing is in it yet, and the error tells what is wrong.
                    let _ = fs.remove_directory(&directory);
                    return Err(SpoolError::Directory {
                        path: directory,
                        source,
                    });
                }
            }
        }
        Err(SpoolError::Directory {
            path: parent.to_owned(),
            source: last,
        })
    }

    /// Takes over a directory if its process has ended and a file of the spool is left in it. Removes one that is
    /// empty.
    pub(super) fn adopt(fs: &dyn SpoolFs, directory: PathBuf) -> io::Result<Option<Self>> {
        let entries = fs.list(&directory)?;
        let lock_path = directory.join(name::LOCK);
        let lock = match entries.iter().find(|entry| entry.name == name::LOCK) {
            Some(lock) if lock.kind == Kind::File => fs.lock(&lock_path, false)?,
            Some(_) => None,
            None if entries.iter().any(is_ours) => fs.lock(&lock_path, true)?,
            None => {
                // It is being made, being removed, or was left by a crash between the two. Removed only if empty;
                // a process that makes it then finds it gone and makes another.
                let _ = fs.remove_directory(&directory);
                None
            }
        };
        Ok(lock.map(|lock| Self { directory, lock }))
    }

    /// Removes the directory if nothing but the lock is left in it. Drop it afterwards: the directory must stay locked
    /// until it is removed.
    pub(super) fn release(&self, fs: &dyn SpoolFs) -> io::Result<()> {
        let entries = fs.list(&self.directory)?;
        if entries.iter().all(|entry| entry.name == name::LOCK) {
            removed(fs.remove(&self.directory.join(name::LOCK)))?;
            removed(fs.remove_directory(&self.directory))?;
        }
        Ok(())
    }

    /// Whether the directory is still ours: its lock file is the one that we have locked. What cannot be looked
    /// at counts as ours.
    pub(super) fn is_in_place(&self, fs: &dyn SpoolFs) -> bool {
        fs.is_at(&self.lock, &self.directory.join(name::LOCK))
            .unwrap_or(true)
    }

    /// Locks the directory again after its lock file was removed, if it is there and no other process has locked it.
    pub(super) fn lock_again(&mut self, fs: &dyn SpoolFs) -> bool {
        match fs.lock(&self.directory.join(name::LOCK), true) {
            Ok(Some(lock)) => {
                self.lock = lock;
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    pub(super) fn path(&self, file: FileName) -> PathBuf {
        self.directory.join(file.render())
    }
}

impl Drop for Claim {
    /// Unlocks explicitly and not only by closing: a child that the application forks at this instant has
    /// our open files until it executes its program, and would keep the lock.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

/// Whether an entry of a process's directory is a file that the spool has written.
pub(super) fn is_ours(entry: &Entry) -> bool {
    entry.kind == Kind::File && FileName::parse(&entry.name).is_some()
}
