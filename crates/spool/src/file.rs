//! The file system as the spool needs it, and the real one: the only module of the spool that touches a disk.
//! Called by all other modules. Knows neither names nor formats, and decides nothing.
#![expect(
    clippy::disallowed_methods,
    reason = "the one place of the spool that touches the file system"
)]

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// What a name in a directory is. Symbolic links are `Other`: nothing here follows one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Other,
}

/// One name of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) bytes: u64,
}

/// Every effect that the spool has, one step each, so that a test can fail or end the process at any of them.
pub(super) trait SpoolFs: Debug + Send + Sync {
    /// Creates a directory and its parents, as far as they are missing, for this user alone.
    fn create_directories(&self, path: &Path) -> io::Result<()>;
    /// Creates a directory that does not exist yet, for this user alone.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory if it is empty.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;
    /// What is in a directory. Names that are not Unicode are none of ours and left out.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;
    /// Whether `path` is a directory, no link to one, of the same owner as `like` and writable by no one else.
    fn is_private(&self, path: &Path, like: &Path) -> io::Result<bool>;
    /// Takes the lock on a file: `None` while another process has it, or when it was removed before it
    /// could be taken. Kept until the file is dropped; the system releases it when the process ends.
    fn lock(&self, path: &Path, create: bool) -> io::Result<Option<File>>;
    /// Whether `path` still names this very file, and not none or another one.
    fn is_at(&self, file: &File, path: &Path) -> io::Result<bool>;
    /// Creates a file that does not exist yet, for this user alone.
    fn create(&self, path: &Path) -> io::Result<File>;
    /// Writes at the end of a file.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()>;
    /// Cuts a file off after `bytes`, and writes on from there.
    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()>;
    /// Waits until a file's content is on the disk.
    fn sync(&self, file: &File) -> io::Result<()>;
    /// Waits until a directory's names are on the disk, where the system has such a thing.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// The first `limit` bytes of a file.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The system's own.
#[derive(Debug)]
pub(super) struct SystemFs;

impl SpoolFs for SystemFs {
    fn create_directories(&self, path: &Path) -> io::Result<()> {
        directory_builder().recursive(true).create(path)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        directory_builder().create(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let (kind, bytes) = match entry.metadata() {
                Ok(metadata) if metadata.is_file() => (Kind::File, metadata.len()),
                Ok(metadata) if metadata.is_dir() => (Kind::Directory, 0),
                Ok(_) => (Kind::Other, 0),
                // Gone since the listing began.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            entries.push(Entry { name, kind, bytes });
        }
        Ok(entries)
    }

    #[cfg(unix)]
    fn is_private(&self, path: &Path, like: &Path) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = fs::symlink_metadata(path)?;
        let owner = fs::symlink_metadata(like)?.uid();
        Ok(metadata.is_dir() && metadata.uid() == owner && metadata.mode() & 0o022 == 0)
    }

    #[cfg(not(unix))]
    fn is_private(&self, path: &Path, _like: &Path) -> io::Result<bool> {
        Ok(fs::symlink_metadata(path)?.is_dir())
    }

    fn lock(&self, path: &Path, create: bool) -> io::Result<Option<File>> {
        let file = file_options().create_new(create).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(is_at(&file, path)?.then_some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn is_at(&self, file: &File, path: &Path) -> io::Result<bool> {
        is_at(file, path)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        file_options().create_new(true).open(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        file.set_len(bytes)?;
        let mut file = file;
        file.seek(SeekFrom::Start(bytes)).map(drop)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    #[cfg(unix)]
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    #[cfg(not(unix))]
    fn sync_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// Success if the file is gone, removed by us or by others.
pub(super) fn removed(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Whether `path` still names this very file, and not another one that was made there since.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let own = file.metadata()?;
        Ok((own.dev(), own.ino()) == (found.dev(), found.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(found.is_file())
    }
}

fn directory_builder() -> fs::DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "modes are for unix"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Not for appending: on Windows a file opened so cannot be cut.
fn file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
