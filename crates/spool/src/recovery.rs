//! Takes over the files of processes that have ended: finds their directories, decides what is done with each file, and moves the
//! good ones to our own directory. Called once, by `Spool::open`.
//!
//! Moving a file is one rename, so a crash in the middle leaves every file in one place or the other, for the
//! next process to find.

use std::cmp::Reverse;
use std::io;
use std::path::{Path, PathBuf};

use super::file::{Kind, SpoolFs, removed};
use super::frame::{self, HEADER_BYTES, Header, HeaderFault};
use super::lock::{Claim, is_ours};
use super::name::{self, FileName};
use super::quarantine::Quarantine;
use super::stored::{Listing, Recovered, Sealed};

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

/// A file in the directory of a process that has ended. This process has the directory's lock.
#[derive(Debug)]
struct Orphan<'a> {
    claim: &'a Claim,
    name: FileName,
    sequence: u64,
    bytes: u64,
}

/// What is done with a file of a process that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Keep {
        frames: u32,
        created_unix_ms: u64,
        lost_bytes: u64,
    },
    /// Nothing can be read, or its tag is not known.
    Quarantine { lost_bytes: u64 },
    /// It has no payload that was accepted.
    Remove { lost_bytes: u64 },
    /// Another project's.
    Leave,
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

/// The files of a directory, less those that a partial acknowledgement was cut off at.
fn orphans<'a>(fs: &dyn SpoolFs, claim: &'a Claim, tag: u64) -> io::Result<Vec<Orphan<'a>>> {
    let mut orphans: Vec<Orphan<'a>> = fs
        .list(&claim.directory)?
        .into_iter()
        .filter(is_ours)
        .filter_map(|entry| {
            let name = FileName::parse(&entry.name)?;
            let (FileName::Open { sequence }
            | FileName::Batch { sequence, .. }
            | FileName::Corrupt { sequence }) = name;
            Some(Orphan {
                claim,
                name,
                sequence,
                bytes: entry.bytes,
            })
        })
        .collect();
    orphans.sort_by_key(|orphan| (orphan.sequence, orphan.rank()));
    let mut settled: Vec<Orphan<'a>> = Vec::with_capacity(orphans.len());
    for orphan in orphans {
        // Within one number, the larger batches come first and the open file last.
        match settled.last() {
            Some(before) if before.supersedes(&orphan, fs, tag) => {
                removed(fs.remove(&claim.path(orphan.name)))?;
            }
            Some(before) if orphan.supersedes(before, fs, tag) => {
                removed(fs.remove(&claim.path(before.name)))?;
                settled.pop();
                settled.push(orphan);
            }
            _ => settled.push(orphan),
        }
    }
    Ok(settled)
}

impl Orphan<'_> {
    fn rank(&self) -> (u8, Reverse<u32>) {
        match self.name {
            FileName::Corrupt { .. } => (0, Reverse(0)),
            FileName::Batch { frames, .. } => (1, Reverse(frames)),
            FileName::Open { .. } => (2, Reverse(0)),
        }
    }

    /// Whether all that `other` is still good for is here. Only a partial acknowledgement makes two files of
    /// one number: the remainder, once it is whole, supersedes the batch; until then it is an open file, and
    /// the batch supersedes that.
    fn supersedes(&self, other: &Self, fs: &dyn SpoolFs, tag: u64) -> bool {
        if self.sequence != other.sequence {
            return false;
        }
        match (self.name, other.name) {
            // The directory of another project is not cleaned.
            (FileName::Batch { .. }, FileName::Open { .. }) => fs
                .read(&self.path(), HEADER_BYTES as u64)
                .is_ok_and(|bytes| {
                    Header::decode(&bytes).is_ok_and(|(header, _)| header.tag == tag)
                }),
            (
                FileName::Batch { frames, .. },
                FileName::Batch {
                    frames: other_frames,
                    ..
                },
            ) if frames < other_frames => fs.read(&self.path(), u64::MAX).is_ok_and(|bytes| {
                Header::decode(&bytes).is_ok_and(|(header, rest)| {
                    let read = frame::decode(rest);
                    header.tag == tag
                        && read.damaged_bytes == 0
                        && u32::try_from(read.payloads.len()) == Ok(frames)
                })
            }),
            _ => false,
        }
    }

    fn path(&self) -> PathBuf {
        self.claim.path(self.name)
    }

    /// Reads only the header of a sealed file, and all of an open one.
    fn fate(&self, fs: &dyn SpoolFs, tag: u64) -> io::Result<Fate> {
        let lost_bytes = self.bytes;
        let limit = match self.name {
            FileName::Open { .. } => u64::MAX,
            FileName::Batch { .. } => HEADER_BYTES as u64,
            FileName::Corrupt { .. } => return Ok(Fate::Quarantine { lost_bytes: 0 }),
        };
        let bytes = fs.read(&self.path(), limit)?;
        let (header, rest) = match Header::decode(&bytes) {
            Ok((header, _)) if header.tag != tag => return Ok(Fate::Leave),
            Ok(decoded) => decoded,
            Err(HeaderFault::Version) => return Ok(Fate::Leave),
            Err(HeaderFault::Short) if matches!(self.name, FileName::Open { .. }) => {
                return Ok(Fate::Remove { lost_bytes });
            }
            Err(_) => return Ok(Fate::Quarantine { lost_bytes }),
        };
        let created_unix_ms = header.created_unix_ms;
        if let FileName::Batch { frames, .. } = self.name {
            return Ok(Fate::Keep {
                frames,
                created_unix_ms,
                lost_bytes: 0,
            });
        }
        let read = frame::decode(rest);
        let lost_bytes = read.damaged_bytes as u64;
        Ok(match u32::try_from(read.payloads.len()) {
            Ok(0) if lost_bytes == 0 => Fate::Remove { lost_bytes },
            Ok(0) => Fate::Quarantine { lost_bytes },
            frames => Fate::Keep {
                frames: frames.unwrap_or(u32::MAX),
                created_unix_ms,
                lost_bytes,
            },
        })
    }
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
