//! Returns sealed batches to be delivered, and removes them when they were: as a whole, or in part.
//! Methods of `Spool`; called by delivery.

use std::io;

use super::file::removed;
use super::frame::{self, Header};
use super::name::FileName;
use super::stored::{BatchId, Sealed, StoredBatch};
use super::{Durability, Spool, SpoolError, tail};

impl Spool {
    /// Reads the oldest sealed batch, and returns the same one until it is acknowledged. Until the
    /// next call no bound removes it. At most one batch is in memory.
    ///
    /// # Errors
    /// A file could not be read. It is kept, behind the others.
    pub fn next(&mut self, now_unix_ms: u64) -> Result<Option<StoredBatch>, SpoolError> {
        self.lent = None;
        self.tidy(now_unix_ms);
        while let Some(mut batch) = self.sealed.remove(0) {
            let path = self.home.path(batch.name);
            let bytes = match self.fs.read(&path, u64::MAX) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // Another program has removed the file.
                    self.losses.corrupt_frames += u64::from(batch.frames);
                    continue;
                }
                Err(source) => {
                    self.sealed.push_back(batch);
                    return Err(SpoolError::io("read", &path)(source));
                }
            };
            let Some(payloads) = self.decode(&bytes, &mut batch) else {
                // Forgotten even when it cannot be moved: the next process will find it.
                let _ = self
                    .quarantine
                    .take(&*self.fs, &self.home, &path, batch.sequence);
                continue;
            };
            let id = BatchId(batch.sequence);
            let created_unix_ms = batch.created_unix_ms;
            self.lent = Some(id);
            self.sealed.push_front(batch);
            return Ok(Some(StoredBatch {
                id,
                payloads,
                created_unix_ms,
            }));
        }
        Ok(None)
    }

    /// Removes a batch that was delivered, or that its caller drops. Does nothing when there is none of
    /// that name any more.
    ///
    /// # Errors
    /// The file could not be removed. This spool does not return it again and keeps trying to remove it; but if the
    /// process ends before, the next one returns it.
    pub fn acknowledge(&mut self, id: BatchId) -> Result<(), SpoolError> {
        let Some(at) = self.position(id) else {
            return Ok(());
        };
        if self.lent == Some(id) {
            self.lent = None;
        }
        let Some(batch) = self.sealed.remove(at) else {
            return Ok(());
        };
        self.discard(batch)
    }

    /// Replaces a batch by what is left of it to deliver, under the same name and in the same place.
    /// `remaining` are payloads of that batch, in their order; all of them change nothing, none
    /// acknowledge the batch.
    ///
    /// # Errors
    /// Either the remainder could not be written, and the batch is still whole; or the old file could not be
    /// removed, as for [`acknowledge`](Self::acknowledge).
    pub fn acknowledge_partly(
        &mut self,
        id: BatchId,
        remaining: &[impl AsRef<[u8]>],
    ) -> Result<(), SpoolError> {
        if remaining.is_empty() {
            return self.acknowledge(id);
        }
        let Some(at) = self.position(id) else {
            return Ok(());
        };
        let Some(old) = self.sealed.get(at).cloned() else {
            return Ok(());
        };
        let Some(frames) = u32::try_from(remaining.len())
            .ok()
            .filter(|frames| *frames < old.frames)
        else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        Header::new(self.config.tag, old.created_unix_ms).encode(&mut bytes);
        for payload in remaining {
            frame::encode(payload.as_ref(), &mut bytes);
        }
        let name = FileName::Batch {
            sequence: old.sequence,
            frames,
        };
        self.write_whole(name, old.sequence, &bytes)?;
        let new = Sealed {
            name,
            frames,
            bytes: bytes.len() as u64,
            damaged: false,
            ..old
        };
        // The remainder is there under its name: from here on it counts, also if something fails.
        self.sealed.replace(at, new);
        if let Err(error) = self.sync_home() {
            self.acknowledged.push(old);
            return Err(error);
        }
        // The same only for a file whose name was not ours: the rename has replaced it.
        if old.name == name {
            return Ok(());
        }
        self.discard(old)
    }

    /// Moves a batch behind all the others: it could not be delivered, and they may be.
    pub fn defer(&mut self, id: BatchId) {
        if let Some(batch) = self.position(id).and_then(|at| self.sealed.remove(at)) {
            self.sealed.push_back(batch);
        }
    }

    /// Whether there is a batch of that name.
    pub fn holds(&self, id: BatchId) -> bool {
        self.position(id).is_some()
    }

    /// Reads what is good in a file and counts the rest, once. `None` when nothing is.
    fn decode(&mut self, bytes: &[u8], batch: &mut Sealed) -> Option<Vec<Vec<u8>>> {
        let frames = Header::decode(bytes)
            .ok()
            .filter(|(header, _)| header.tag == self.config.tag)
            .map(|(_, rest)| frame::decode(rest));
        let (payloads, damaged_bytes) = frames.map_or((Vec::new(), bytes.len()), |frames| {
            (frames.payloads, frames.damaged_bytes)
        });
        let read = u32::try_from(payloads.len()).unwrap_or(u32::MAX);
        if damaged_bytes > 0 || read < batch.frames {
            self.losses.corrupt_frames += u64::from(batch.frames.saturating_sub(read));
            self.losses.corrupt_files += u64::from(!batch.damaged);
            batch.damaged = true;
        }
        batch.frames = read;
        (read > 0).then(|| payloads.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// Writes a sealed file through an open one, so that it is there whole or not at all.
    fn write_whole(
        &mut self,
        name: FileName,
        sequence: u64,
        bytes: &[u8],
    ) -> Result<(), SpoolError> {
        let draft_name = FileName::Open { sequence };
        let draft = self.home.path(draft_name);
        let result = tail::create_with(&*self.fs, &draft, bytes)
            .and_then(|file| match self.config.durability {
                Durability::Process => Ok(()),
                Durability::Disk => self.fs.sync(&file),
            })
            .and_then(|()| self.fs.rename(&draft, &self.home.path(name)));
        result.map_err(|source| {
            // If it stayed, the next process would read it as a batch that was being written.
            if removed(self.fs.remove(&draft)).is_err() {
                self.acknowledged.push(Sealed {
                    sequence,
                    name: draft_name,
                    frames: 0,
                    bytes: 0,
                    created_unix_ms: 0,
                    damaged: false,
                });
            }
            SpoolError::io("write", &draft)(source)
        })
    }

    /// Removes the file of a batch that is done, or quarantines it when it is damaged.
    pub(super) fn discard(&mut self, batch: Sealed) -> Result<(), SpoolError> {
        let path = self.home.path(batch.name);
        let result = if batch.damaged {
            self.quarantine
                .take(&*self.fs, &self.home, &path, batch.sequence)
        } else {
            removed(self.fs.remove(&path))
        };
        result.map_err(|source| {
            self.acknowledged.push(batch);
            SpoolError::io("remove", &path)(source)
        })
    }

    pub(super) fn position(&self, id: BatchId) -> Option<usize> {
        self.sealed.position(|batch| BatchId(batch.sequence) == id)
    }
}
