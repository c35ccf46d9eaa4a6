//! A bounded queue of batches on disk, for what cannot be delivered yet or must outlive the process.
//!
//! `tracefuse-runtime` uses it with its feature `spool`; applications switch it on through `tracefuse`. A payload is
//! bytes: the spool knows no record, no queue and no runtime. It is synchronous: the one thread that delivers calls it.
//! Payloads are stored in clear text, readable by this user alone; mask them before.
//!
//! ```text
//! <dir>/v1/<pid>-<started>-<n>/         one for each process, which has the lock on `lock`
//!     00000000000000a1.open             being appended to: a header, then a frame for each payload
//!     00000000000000a0-00000040.batch   sealed, never changed again; 0x40 frames
//!     000000000000009f.corrupt          damaged, kept for inspection; at most 8
//! ```
//!
//! The state is the listing of the directory and nothing else: no cursor, no ledger, no index that could
//! disagree with it. A batch is sealed by a rename and acknowledged by an unlink, so a process may end
//! at any instant. [`Spool::open`] moves the files of processes that have ended into its own directory; processes
//! that run share `dir` and never touch each other's.
//!
//! **Guarantees.** A payload for which [`append`](Spool::append) returned `Ok` is found again by the next `open`,
//! unless it was acknowledged, dropped at a limit (and counted), or damaged or removed on disk (and counted).
//! A payload may come twice when a process is killed between delivering and acknowledging it.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod bounds;
mod config;
mod error;
mod file;
mod frame;
mod lock;
mod mend;
mod name;
mod quarantine;
mod reader;
mod recovery;
mod stored;
mod tail;
#[cfg(test)]
mod tests;

use std::io;

pub use config::{Durability, SpoolConfig, WhenFull};
pub use error::SpoolError;
pub use reader::{ReadBatch, SpoolReader};
pub use stored::{BatchId, Recovered, SpoolStats, StoredBatch};

use file::{SpoolFs, SystemFs, removed};
use frame::{FRAME_BYTES, HEADER_BYTES, Header, MAX_PAYLOAD_BYTES};
use lock::Claim;
use name::FileName;
use quarantine::Quarantine;
use stored::{Listing, Losses, Sealed};
use tail::Tail;

/// A bounded queue of batches on disk. See the [crate](self).
#[derive(Debug)]
pub struct Spool {
    fs: Box<dyn SpoolFs>,
    config: SpoolConfig,
    home: Claim,
    tail: Option<Tail>,
    /// Oldest first: the directory's listing, kept in step.
    sealed: Listing,
    /// Acknowledged, but the file could not be removed yet.
    acknowledged: Vec<Sealed>,
    /// The batch that `next` returned last. Its caller works on it, so no bound removes it.
    lent: Option<BatchId>,
    quarantine: Quarantine,
    next_sequence: u64,
    /// One frame, kept for its capacity.
    scratch: Vec<u8>,
    losses: Losses,
}

impl Spool {
    /// Creates a directory for this process below `config.dir`, and moves into it the files of processes that have ended.
    /// Reads the headers of their sealed files and all of their open ones. `now_unix_ms` is the wall clock.
    ///
    /// # Errors
    /// [`SpoolError::Directory`] and [`SpoolError::NotPrivate`] when the directory cannot be used. A fault of
    /// what others left is no error: it is counted in [`Recovered`].
    pub fn open(config: SpoolConfig, now_unix_ms: u64) -> Result<(Self, Recovered), SpoolError> {
        Self::open_on(Box::new(SystemFs), config, now_unix_ms)
    }

    fn open_on(
        fs: Box<dyn SpoolFs>,
        config: SpoolConfig,
        now_unix_ms: u64,
    ) -> Result<(Self, Recovered), SpoolError> {
        let parent = config.dir.join(name::VERSION_DIRECTORY);
        fs.create_directories(&parent)
            .map_err(|source| SpoolError::Directory {
                path: config.dir.clone(),
                source,
            })?;
        let home = Claim::create(&*fs, &parent, std::process::id(), now_unix_ms)?;
        // The owner of our own directory is the user of this process: without unsafe code there is no other way to find it.
        if !fs.is_private(&parent, &home.directory).unwrap_or(false) {
            let _ = home.release(&*fs);
            return Err(SpoolError::NotPrivate { path: parent });
        }
        let adopted = recovery::adopt(&*fs, &parent, &home, config.tag);
        if config.durability == Durability::Disk {
            fs.sync_directory(&home.directory)
                .and_then(|()| fs.sync_directory(&parent))
                .map_err(SpoolError::io("sync", &home.directory))?;
        }
        let mut spool = Self {
            fs,
            config,
            home,
            tail: None,
            sealed: adopted.sealed,
            acknowledged: Vec::new(),
            lent: None,
            quarantine: adopted.quarantine,
            next_sequence: adopted.next_sequence,
            scratch: Vec::new(),
            losses: Losses {
                corrupt_frames: adopted.corrupt_frames,
                corrupt_files: adopted.recovered.corrupt_files,
                ..Losses::default()
            },
        };
        spool.expire(now_unix_ms);
        if spool.config.full == WhenFull::DropOldest {
            // Several processes that have ended may have left more than one process may keep. Best effort: the
            // next append tries again, and answers with the error.
            let _ = spool.make_room(0);
        }
        Ok((spool, adopted.recovered))
    }

    /// Appends a payload to the batch that is being written. When this has returned `Ok`, the payload is kept
    /// when this process ends. `now_unix_ms` is the wall clock.
    ///
    /// # Errors
    /// The payload was not taken, and what was there before is as it was (except what
    /// [`WhenFull::DropOldest`] dropped for it). After the disk was full, it works again once there is room.
    pub fn append(&mut self, payload: &[u8], now_unix_ms: u64) -> Result<(), SpoolError> {
        let result = self.try_append(payload, now_unix_ms);
        if result.is_err() {
            self.losses.refused_frames += 1;
        }
        result
    }

    fn try_append(&mut self, payload: &[u8], now_unix_ms: u64) -> Result<(), SpoolError> {
        let most = (MAX_PAYLOAD_BYTES as u64).min(
            self.config
                .max_bytes
                .saturating_sub((HEADER_BYTES + FRAME_BYTES) as u64),
        );
        if payload.len() as u64 > most {
            return Err(SpoolError::TooLarge {
                bytes: payload.len(),
                limit: most,
            });
        }
        self.check_tail();
        if self.tail.is_none() {
            self.check_home(now_unix_ms)?;
        }
        self.tidy(now_unix_ms);
        self.make_room((FRAME_BYTES + payload.len()) as u64)?;
        self.scratch.clear();
        self.scratch.shrink_to(KEPT_SCRATCH_BYTES);
        if let Some(tail) = &mut self.tail {
            frame::encode(payload, &mut self.scratch);
            return tail
                .append(&*self.fs, &self.scratch)
                .map_err(SpoolError::io("write", &tail.path));
        }
        Header::new(self.config.tag, now_unix_ms).encode(&mut self.scratch);
        frame::encode(payload, &mut self.scratch);
        // Never the same number twice, even when a failed attempt could not be removed.
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let path = self.home.path(FileName::Open { sequence });
        let tail = Tail::create(
            &*self.fs,
            path.clone(),
            sequence,
            now_unix_ms,
            &self.scratch,
        )
        .map_err(SpoolError::io("create", &path))?;
        self.tail = Some(tail);
        Ok(())
    }

    /// Ends the batch that is being written, so that [`next`](Self::next) returns it. Does nothing when
    /// there is none.
    ///
    /// # Errors
    /// The batch stays as it was, open for more; or, when only the directory could not be made durable, is sealed.
    pub fn seal(&mut self) -> Result<(), SpoolError> {
        self.check_tail();
        let Some(tail) = &mut self.tail else {
            return Ok(());
        };
        // A torn frame at its end would only have to be quarantined later.
        let _ = tail.mend(&*self.fs);
        if self.config.durability == Durability::Disk {
            tail.sync(&*self.fs)
                .map_err(SpoolError::io("sync", &tail.path))?;
        }
        let name = FileName::Batch {
            sequence: tail.sequence,
            frames: tail.frames,
        };
        self.fs
            .rename(&tail.path, &self.home.path(name))
            .map_err(SpoolError::io("rename", &tail.path))?;
        self.sealed.push_back(Sealed {
            sequence: tail.sequence,
            name,
            frames: tail.frames,
            bytes: tail.bytes,
            created_unix_ms: tail.created_unix_ms,
            damaged: false,
        });
        self.tail = None;
        self.sync_home()
    }

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

    /// What the spool has now, and what was lost since it was opened.
    pub fn stats(&self) -> SpoolStats {
        let tail = self.tail.as_ref();
        SpoolStats {
            frames: self.sealed.frames() + tail.map_or(0, |tail| u64::from(tail.frames)),
            bytes: self.bytes(),
            files: self.files(),
            dropped_frames: self.losses.dropped_frames,
            expired_frames: self.losses.expired_frames,
            refused_frames: self.losses.refused_frames,
            corrupt_frames: self.losses.corrupt_frames,
            corrupt_files: self.losses.corrupt_files,
        }
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
    fn discard(&mut self, batch: Sealed) -> Result<(), SpoolError> {
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

    fn sync_home(&self) -> Result<(), SpoolError> {
        match self.config.durability {
            Durability::Process => Ok(()),
            Durability::Disk => self
                .fs
                .sync_directory(&self.home.directory)
                .map_err(SpoolError::io("sync", &self.home.directory)),
        }
    }

    fn position(&self, id: BatchId) -> Option<usize> {
        self.sealed.position(|batch| BatchId(batch.sequence) == id)
    }
}

impl Drop for Spool {
    /// Leaves its files to the next process, and no directory when it has no files.
    fn drop(&mut self) {
        let _ = self.seal();
        let _ = self.home.release(&*self.fs);
    }
}

/// What is kept of the buffer for frames: a single large payload must not stay in memory.
const KEPT_SCRATCH_BYTES: usize = 1 << 20;
