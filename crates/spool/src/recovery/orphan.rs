//! A file in the directory of a process that has ended, and what is done with it.
//! Called by `recovery`, which has the directory's lock. Reads files, and removes those that others supersede.

use std::cmp::Reverse;
use std::io;
use std::path::PathBuf;

use crate::file::{SpoolFs, removed};
use crate::frame::{self, HEADER_BYTES, Header, HeaderFault};
use crate::lock::{Claim, is_ours};
use crate::name::FileName;

/// A file in the directory of a process that has ended. This process has the directory's lock.
#[derive(Debug)]
pub(super) struct Orphan<'a> {
    pub(super) claim: &'a Claim,
    pub(super) name: FileName,
    pub(super) sequence: u64,
    pub(super) bytes: u64,
}

/// What is done with a file of a process that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
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

/// The files of a directory, less those that a partial acknowledgement was cut off at.
pub(super) fn orphans<'a>(
    fs: &dyn SpoolFs,
    claim: &'a Claim,
    tag: u64,
) -> io::Result<Vec<Orphan<'a>>> {
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

    pub(super) fn path(&self) -> PathBuf {
        self.claim.path(self.name)
    }

    /// Reads only the header of a sealed file, and all of an open one.
    pub(super) fn fate(&self, fs: &dyn SpoolFs, tag: u64) -> io::Result<Fate> {
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
