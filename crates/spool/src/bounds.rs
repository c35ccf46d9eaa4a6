//! How much a spool may keep and for how long, and what is dropped. Called by `mod` before it adds or returns a batch.

use std::time::Duration;

use super::config::WhenFull;
use super::error::SpoolError;
use super::file::removed;
use super::frame::HEADER_BYTES;
use super::{BatchId, Spool};

impl Spool {
    /// Drops what is too old, and removes what was acknowledged and could not be removed then.
    pub(super) fn tidy(&mut self, now_unix_ms: u64) {
        for batch in std::mem::take(&mut self.acknowledged) {
            // Reported when it failed first; stays in the list until it works.
            let _ = self.discard(batch);
        }
        self.expire(now_unix_ms);
    }

    /// Drops batches that are too old, from the oldest on. A clock that was set back makes them young.
    pub(super) fn expire(&mut self, now_unix_ms: u64) {
        while let Some(batch) = self.sealed.get(0) {
            let age = Duration::from_millis(now_unix_ms.saturating_sub(batch.created_unix_ms));
            let frames = u64::from(batch.frames);
            if age <= self.config.max_age
                || self.lent == Some(BatchId(batch.sequence))
                || self.drop_batch(0).is_err()
            {
                return;
            }
            self.losses.expired_frames += frames;
        }
    }

    /// Makes room for a frame of `bytes`, with the file that it may need; 0 for none.
    pub(super) fn make_room(&mut self, bytes: u64) -> Result<(), SpoolError> {
        loop {
            let (more_bytes, more_files) = match &self.tail {
                _ if bytes == 0 => (0, 0),
                Some(_) => (bytes, 0),
                None => (bytes.saturating_add(HEADER_BYTES as u64), 1),
            };
            if self.bytes().saturating_add(more_bytes) <= self.config.max_bytes
                && self.files().saturating_add(more_files) <= self.config.max_files
            {
                return Ok(());
            }
            match self.config.full {
                WhenFull::DropNewest => return Err(SpoolError::Full),
                WhenFull::DropOldest => self.drop_oldest()?,
            }
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        let acknowledged: u64 = self.acknowledged.iter().map(|batch| batch.bytes).sum();
        self.sealed.bytes() + acknowledged + self.tail.as_ref().map_or(0, |tail| tail.bytes)
    }

    pub(super) fn files(&self) -> usize {
        self.sealed.len() + self.acknowledged.len() + usize::from(self.tail.is_some())
    }

    /// Drops the oldest file that is not being delivered; the file that is being written comes last.
    fn drop_oldest(&mut self) -> Result<(), SpoolError> {
        let oldest = self
            .sealed
            .position(|batch| self.lent != Some(BatchId(batch.sequence)));
        if let Some(at) = oldest {
            return self.drop_batch(at);
        }
        let Some(tail) = &self.tail else {
            return Err(SpoolError::Full);
        };
        removed(self.fs.remove(&tail.path)).map_err(SpoolError::io("remove", &tail.path))?;
        self.losses.dropped_frames += u64::from(tail.frames);
        self.tail = None;
        Ok(())
    }

    /// Drops the batch at `at`. It stays when its file cannot be removed.
    fn drop_batch(&mut self, at: usize) -> Result<(), SpoolError> {
        let Some(batch) = self.sealed.get(at) else {
            return Ok(());
        };
        let path = self.home.path(batch.name);
        removed(self.fs.remove(&path)).map_err(SpoolError::io("remove", &path))?;
        self.losses.dropped_frames += u64::from(batch.frames);
        self.sealed.remove(at);
        Ok(())
    }
}
