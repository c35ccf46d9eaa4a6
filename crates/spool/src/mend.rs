//! A directory that was removed or replaced while the process runs: what was lost with it is counted, and the directory
//! made again. Called by `mod` before it writes, seals or returns a batch.

use std::collections::BTreeSet;

use super::error::SpoolError;
use super::lock::Claim;
use super::name;
use super::stored::{BatchId, Sealed};
use super::{FileName, Spool};

impl Spool {
    /// Looks whether every file is still there, and counts as lost what is not: for a report that
    /// says what is safe on disk. `now_unix_ms` is the wall clock.
    ///
    /// # Errors
    /// The directory was removed, and cannot be made again.
    pub fn verify(&mut self, now_unix_ms: u64) -> Result<(), SpoolError> {
        // The caller delivers nothing now, so a batch that `next` returned counts by its file too.
        self.lent = None;
        self.check_tail();
        self.check_home(now_unix_ms)?;
        self.forget_missing();
        Ok(())
    }

    /// The file that is being written was removed: its payloads are lost.
    pub(super) fn check_tail(&mut self) {
        let lost = self
            .tail
            .take_if(|tail| !tail.is_in_place(&*self.fs))
            .map_or(0, |tail| tail.frames);
        self.losses.corrupt_frames += u64::from(lost);
    }

    /// Makes the directory again if it is no longer ours, and counts as lost what is not in it.
    pub(super) fn check_home(&mut self, now_unix_ms: u64) -> Result<(), SpoolError> {
        if self.home.is_in_place(&*self.fs) {
            return Ok(());
        }
        let parent = self.config.dir.join(name::VERSION_DIRECTORY);
        if !self.home.lock_again(&*self.fs) {
            // Counted before anything else can fail.
            self.forget_all();
            let failed = |source| SpoolError::Directory {
                path: parent.clone(),
                source,
            };
            self.fs.create_directories(&parent).map_err(failed)?;
            self.home = Claim::create(&*self.fs, &parent, std::process::id(), now_unix_ms)?;
        }
        if !self
            .fs
            .is_private(&parent, &self.home.directory)
            .unwrap_or(false)
        {
            return Err(SpoolError::NotPrivate { path: parent });
        }
        self.check_tail();
        self.forget_missing();
        Ok(())
    }

    /// Counts as lost the sealed batches whose files are gone. What cannot be listed counts as there. The batch that was
    /// returned last stays: its caller has its payloads in memory and reports their outcome.
    fn forget_missing(&mut self) {
        let Ok(entries) = self.fs.list(&self.home.directory) else {
            return;
        };
        let there: BTreeSet<FileName> = entries
            .iter()
            .filter_map(|entry| FileName::parse(&entry.name))
            .collect();
        let lent = self.lent;
        let missing =
            |batch: &Sealed| !there.contains(&batch.name) && lent != Some(BatchId(batch.sequence));
        while let Some(at) = self.sealed.position(missing) {
            let lost = self.sealed.remove(at).map_or(0, |batch| batch.frames);
            self.losses.corrupt_frames += u64::from(lost);
        }
        self.acknowledged
            .retain(|batch| there.contains(&batch.name));
    }

    /// Counts everything as lost but the batch that `next` returned last, as `forget_missing` does.
    fn forget_all(&mut self) {
        let before = self.stats().frames;
        let lent = self.lent.and_then(|id| self.position(id));
        let lent = lent.and_then(|at| self.sealed.remove(at));
        while self.sealed.remove(0).is_some() {}
        self.tail = None;
        self.acknowledged.clear();
        if let Some(batch) = lent {
            self.sealed.push_back(batch);
        }
        self.losses.corrupt_frames += before.saturating_sub(self.stats().frames);
    }
}
