//! Takes over the files of processes that have ended: finds their directories, and moves the good files to our own directory.
//! Called once, by `Spool::open`. What is done with each file is decided in `orphan`.
//!
//! Moving a file is one rename, so a crash in the middle leaves every file in one place or the other, for the
//! next process to find.

mod orphan;

use std::io;
use std::path::Path;

use crate::file::{Kind, SpoolFs, removed};
use crate::lock::Claim;
use crate::name::{self, FileName};
use crate::quarantine::Quarantine;
use crate::stored::{Listing, Recovered, Sealed};
use orphan::{Fate, Orphan, orphans};

/// What was taken over.
#[derive(Debug)]
pub(super) struct Adopted {
    pub(super) recovered: Recovered,
    /// Oldest first, numbered in that order.
    pub(super) sealed: Listing,
    pub(super) quarantine: Quarantine,
    pub(super) next_sequence: u64,
    pub(super) corrupt_frames: u64,
}

/// Looks through `parent` for directories of processes that have ended, and moves files with our tag to `home`.
pub(super) fn adopt(fs: &dyn SpoolFs, parent: &Path, home: &Claim, tag: u64) -> Adopted {
    let mut adopted = Adopted {
        recovered: Recovered::default(),
        sealed: Listing::default(),
        quarantine: Quarantine::default(),
        next_sequence: 1,
        corrupt_frames: 0,
    };
    let claims = claims(fs, parent, home, &mut adopted.recovered);
    let mut keep = Vec::new();
    for claim in &claims {
        let Ok(orphans) = orphans(fs, claim, tag) else {
            adopted.recovered.failures += 1;
            continue;
        };
        for orphan in orphans {
            match orphan.fate(fs, tag) {
                Ok(fate) => match adopted.settle(fs, home, &orphan, fate) {
                    Ok(None) => {}
                    Ok(Some(created_unix_ms)) => keep.push((created_unix_ms, orphan, fate)),
                    Err(_) => adopted.recovered.failures += 1,
                },
                Err(_) => adopted.recovered.failures += 1,
            }
        }
    }
    // Of one directory the sequence tells, of several only the clock can.
    keep.sort_by_key(|(created, orphan, _)| (*created, &orphan.claim.directory, orphan.sequence));
    for (_, orphan, fate) in &keep {
        adopted.take(fs, home, orphan, *fate);
    }
    for claim in claims {
        if claim.release(fs).is_err() {
            adopted.recovered.failures += 1;
        }
    }
    adopted
}

/// Every directory whose process has ended, locked by this one.
fn claims(fs: &dyn SpoolFs, parent: &Path, home: &Claim, recovered: &mut Recovered) -> Vec<Claim> {
    let Ok(mut entries) = fs.list(parent) else {
        recovered.failures += 1;
        return Vec::new();
    };
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let mut claims = Vec::new();
    for entry in entries {
        let directory = parent.join(&entry.name);
        if entry.kind != Kind::Directory
            || !name::is_process_directory(&entry.name)
            || directory == home.directory
            || !fs.is_private(&directory, &home.directory).unwrap_or(false)
        {
            continue;
        }
        match Claim::adopt(fs, directory) {
            Ok(Some(claim)) => claims.push(claim),
            Ok(None) => {}
            // Another process has adopted and removed it while we looked.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => recovered.failures += 1,
        }
    }
    claims
}

impl Adopted {
    /// Does what needs no order, and returns when a file that is kept was created.
    fn settle(
        &mut self,
        fs: &dyn SpoolFs,
        home: &Claim,
        orphan: &Orphan<'_>,
        fate: Fate,
    ) -> io::Result<Option<u64>> {
        match fate {
            Fate::Keep {
                created_unix_ms, ..
            } => return Ok(Some(created_unix_ms)),
            Fate::Leave => self.recovered.foreign_files += 1,
            Fate::Remove { lost_bytes } => {
                removed(fs.remove(&orphan.path()))?;
                self.recovered.lost_bytes += lost_bytes;
            }
            Fate::Quarantine { lost_bytes } => {
                let sequence = self.number();
                self.quarantine.take(fs, home, &orphan.path(), sequence)?;
                // What was in quarantine before was counted by the process that moved it there.
                if !matches!(orphan.name, FileName::Corrupt { .. }) {
                    self.recovered.corrupt_files += 1;
                    self.recovered.lost_bytes += lost_bytes;
                }
                if let FileName::Batch { frames, .. } = orphan.name {
                    self.corrupt_frames += u64::from(frames);
                }
            }
        }
        Ok(None)
    }

    /// Moves a file to `home`.
    fn take(&mut self, fs: &dyn SpoolFs, home: &Claim, orphan: &Orphan<'_>, fate: Fate) {
        let Fate::Keep {
            frames,
            created_unix_ms,
            lost_bytes,
        } = fate
        else {
            return;
        };
        let sequence = self.number();
        let name = FileName::Batch { sequence, frames };
        if fs.rename(&orphan.path(), &home.path(name)).is_err() {
            self.recovered.failures += 1;
            return;
        }
        self.recovered.frames += u64::from(frames);
        self.recovered.files += 1;
        self.recovered.lost_bytes += lost_bytes;
        self.recovered.corrupt_files += u64::from(lost_bytes > 0);
        self.sealed.push_back(Sealed {
            sequence,
            name,
            frames,
            bytes: orphan.bytes,
            created_unix_ms,
            damaged: lost_bytes > 0,
        });
    }

    fn number(&mut self) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        sequence
    }
}
