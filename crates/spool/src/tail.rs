//! The file that is being appended to. Owned by `mod`, which seals it. Knows neither bounds nor other files.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::file::{SpoolFs, removed};

#[derive(Debug)]
pub(super) struct Tail {
    pub(super) sequence: u64,
    pub(super) path: PathBuf,
    pub(super) created_unix_ms: u64,
    pub(super) frames: u32,
    /// Bytes up to the end of the last whole frame.
    pub(super) bytes: u64,
    file: File,
    /// A write failed, and half a frame may be behind the last whole one.
    torn: bool,
}

impl Tail {
    /// Creates the file with a header and its first frame, in one write. Nothing is left if that fails.
    pub(super) fn create(
        fs: &dyn SpoolFs,
        path: PathBuf,
        sequence: u64,
        created_unix_ms: u64,
        bytes: &[u8],
    ) -> io::Result<Self> {
        Ok(Self {
            sequence,
            file: create_with(fs, &path, bytes)?,
            path,
            created_unix_ms,
            frames: 1,
            bytes: length(bytes),
            torn: false,
        })
    }

    /// Appends a frame. When that fails, the file is as it was before.
    pub(super) fn append(&mut self, fs: &dyn SpoolFs, frame: &[u8]) -> io::Result<()> {
        self.mend(fs)?;
        if let Err(error) = fs.write(&mut self.file, frame) {
            self.torn = true;
            // Tried again before the next append; until then a reader stops at the torn frame.
            let _ = self.mend(fs);
            return Err(error);
        }
        self.frames = self.frames.saturating_add(1);
        self.bytes = self.bytes.saturating_add(length(frame));
        Ok(())
    }

    /// Whether the file is still where it was made. What cannot be looked at counts as there.
    pub(super) fn is_in_place(&self, fs: &dyn SpoolFs) -> bool {
        fs.is_at(&self.file, &self.path).unwrap_or(true)
    }

    pub(super) fn sync(&self, fs: &dyn SpoolFs) -> io::Result<()> {
        fs.sync(&self.file)
    }

    /// Cuts off what a failed write may have left.
    pub(super) fn mend(&mut self, fs: &dyn SpoolFs) -> io::Result<()> {
        if self.torn {
            fs.truncate(&self.file, self.bytes)?;
            self.torn = false;
        }
        Ok(())
    }
}

/// Creates a file and writes all of it. Nothing is left if that fails.
pub(super) fn create_with(fs: &dyn SpoolFs, path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = fs.create(path)?;
    if let Err(error) = fs.write(&mut file, bytes) {
        drop(file);
        // If this fails too, the next process finds less than a frame in it and removes it.
        let _ = removed(fs.remove(path));
        return Err(error);
    }
    Ok(file)
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
