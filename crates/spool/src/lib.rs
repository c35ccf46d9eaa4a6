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

mod batches;
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

pub use config::{Durability, SpoolConfig, WhenFull};
pub use error::SpoolError;
pub use reader::{ReadBatch, SpoolReader};
pub use stored::{BatchId, Recovered, SpoolStats, StoredBatch};

use file::{SpoolFs, SystemFs};
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

    fn sync_home(&self) -> Result<(), SpoolError> {
        match self.config.durability {
            Durability::Process => Ok(()),
            Durability::Disk => self
                .fs
                .sync_directory(&self.home.directory)
                .map_err(SpoolError::io("sync", &self.home.directory)),
        }
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
