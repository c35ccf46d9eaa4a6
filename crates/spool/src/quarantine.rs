//! Damaged files, renamed so that they are not read again. A few are kept for inspection.
//! Called by `mod` and `recovery`.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use super::file::{SpoolFs, removed};
use super::lock::Claim;
use super::name::FileName;

/// Files kept; an older one makes room for a newer one.
pub(super) const MAX_FILES: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Quarantine {
    sequences: VecDeque<u64>,
}

impl Quarantine {
    /// Moves a damaged file in, with the number `sequence`.
    pub(super) fn take(
        &mut self,
        fs: &dyn SpoolFs,
        home: &Claim,
        path: &Path,
        sequence: u64,
    ) -> io::Result<()> {
        removed(fs.rename(path, &home.path(FileName::Corrupt { sequence })))?;
        self.sequences.push_back(sequence);
        while self.sequences.len() > MAX_FILES
            && let Some(&sequence) = self.sequences.front()
        {
            // Left in the list when it cannot be removed: tried again with the next one.
            if removed(fs.remove(&home.path(FileName::Corrupt { sequence }))).is_err() {
                break;
            }
            self.sequences.pop_front();
        }
        Ok(())
    }
}
