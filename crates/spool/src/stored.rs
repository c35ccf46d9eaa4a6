//! The spool's numbers, and what it keeps in memory about each file.

use std::collections::VecDeque;

use super::name::FileName;

/// Names a batch until it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(pub(super) u64);

/// A sealed batch, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredBatch {
    /// For [`Spool::acknowledge`](super::Spool::acknowledge).
    pub id: BatchId,
    /// As they were appended, in that order.
    pub payloads: Vec<Vec<u8>>,
    /// When its first payload was appended, by the wall clock.
    pub created_unix_ms: u64,
}

/// What [`Spool::open`](super::Spool::open) found of processes that have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Payloads that `next` will return, as far as is known before the files are read.
    pub frames: u64,
    /// Batches that `next` will return.
    pub files: u64,
    /// Files that are damaged as far as is known without reading sealed ones; see [`SpoolStats`].
    pub corrupt_files: u64,
    /// Bytes in them that cannot be read. Of a process that was killed while it appended this may be the
    /// beginning of a payload that was never accepted.
    pub lost_bytes: u64,
    /// Files of another project or version, left where they are.
    pub foreign_files: u64,
    /// Files and directories that could not be read or moved, left for the next time.
    pub failures: u64,
}

/// What the spool has, and what it has lost since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolStats {
    /// Payloads on disk, those not sealed yet included.
    pub frames: u64,
    /// Bytes on disk, quarantine not included.
    pub bytes: u64,
    /// Files, quarantine not included.
    pub files: usize,
    /// Payloads that were on disk and were dropped at a bound of bytes, files or age.
    pub dropped_frames: u64,
    /// Of those, how many were too old.
    pub expired_frames: u64,
    /// Payloads that `append` did not take, with an error. The caller still has them.
    pub refused_frames: u64,
    /// Payloads known to have been on disk that could not be read back.
    pub corrupt_frames: u64,
    /// Files that were damaged.
    pub corrupt_files: u64,
}

/// A sealed file: one line of the directory's listing.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub(super) sequence: u64,
    /// Its frames are those it was written with.
    pub(super) name: FileName,
    /// Those that can be read, once it was.
    pub(super) frames: u32,
    pub(super) bytes: u64,
    pub(super) created_unix_ms: u64,
    /// Not all of it can be read; counted already, and to be quarantined once acknowledged.
    pub(super) damaged: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    pub(super) dropped_frames: u64,
    pub(super) expired_frames: u64,
    pub(super) refused_frames: u64,
    pub(super) corrupt_frames: u64,
    pub(super) corrupt_files: u64,
}

/// The sealed files, oldest first, with their sums: bounds are looked at for every payload.
#[derive(Debug, Default)]
pub(super) struct Listing {
    batches: VecDeque<Sealed>,
    frames: u64,
    bytes: u64,
}

impl Listing {
    pub(super) fn push_back(&mut self, batch: Sealed) {
        self.add(&batch);
        self.batches.push_back(batch);
    }

    pub(super) fn push_front(&mut self, batch: Sealed) {
        self.add(&batch);
        self.batches.push_front(batch);
    }

    pub(super) fn remove(&mut self, at: usize) -> Option<Sealed> {
        let batch = self.batches.remove(at)?;
        self.frames = self.frames.saturating_sub(u64::from(batch.frames));
        self.bytes = self.bytes.saturating_sub(batch.bytes);
        Some(batch)
    }

    /// Puts a batch in the place of the one at `at`, which is returned.
    pub(super) fn replace(&mut self, at: usize, batch: Sealed) -> Option<Sealed> {
        let old = self.remove(at)?;
        self.add(&batch);
        self.batches.insert(at, batch);
        Some(old)
    }

    pub(super) fn get(&self, at: usize) -> Option<&Sealed> {
        self.batches.get(at)
    }

    /// Searches from the oldest batch on, which is the one that `next` returns.
    pub(super) fn position(&self, matches: impl FnMut(&Sealed) -> bool) -> Option<usize> {
        self.batches.iter().position(matches)
    }

    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn add(&mut self, batch: &Sealed) {
        self.frames = self.frames.saturating_add(u64::from(batch.frames));
        self.bytes = self.bytes.saturating_add(batch.bytes);
    }
}
