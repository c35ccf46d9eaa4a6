//! Reads what is in a spool's directory and changes nothing: it takes no lock, and moves and removes no file.
//! Called by programs that show what waits, such as `tracefuse import`. The processes that write there may run.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};

use super::error::SpoolError;
use super::file::{Kind, SpoolFs, SystemFs};
use super::frame::{self, Header, HeaderFault};
use super::name::{self, FileName};

/// Reads the batches of all processes in a spool's directory, and changes nothing. One batch is in memory at a time.
///
/// A batch that its process delivers while the directory is read may be left out.
///
/// ```
/// use tracefuse_spool::{Spool, SpoolConfig, SpoolReader};
///
/// let directory = tempfile::tempdir()?;
/// let (mut spool, _) = Spool::open(SpoolConfig::new(directory.path()), 0)?;
/// spool.append(b"one", 0)?;
///
/// let batches: Vec<_> = SpoolReader::open(directory.path())?.collect::<Result<_, _>>()?;
/// assert_eq!((batches[0].payloads.as_slice(), batches[0].damaged), ([b"one".to_vec()].as_slice(), 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SpoolReader {
    fs: SystemFs,
    batches: VecDeque<Numbered>,
    set_apart: usize,
}

/// A batch as it is in its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadBatch {
    /// What can be read, in the order in which it was appended.
    pub payloads: Vec<Vec<u8>>,
    /// Payloads that cannot be read: those that the file's name counts, or 1 where the name does not say how many. The end
    /// of a file that a process was writing when it was killed is counted too.
    pub damaged: u64,
}

/// The files of one number in one directory. There are two while a batch is replaced by the rest of it.
#[derive(Debug)]
struct Numbered {
    directory: PathBuf,
    sequence: u64,
    files: Vec<FileName>,
}

impl SpoolReader {
    /// Lists the files below `dir`, which is the directory that [`SpoolConfig`](crate::SpoolConfig) names.
    ///
    /// # Errors
    /// [`SpoolError::Io`] if `dir` has no spool (the kind of its source is `NotFound` then), or a directory cannot be listed.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, SpoolError> {
        let fs = SystemFs;
        let parent = dir.as_ref().join(name::VERSION_DIRECTORY);
        let mut entries = fs.list(&parent).map_err(SpoolError::io("list", &parent))?;
        entries.retain(|entry| {
            entry.kind == Kind::Directory && name::is_process_directory(&entry.name)
        });
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let (mut batches, mut set_apart) = (VecDeque::new(), 0);
        for entry in entries {
            let directory = parent.join(&entry.name);
            let mut numbered: BTreeMap<u64, Vec<FileName>> = BTreeMap::new();
            let found = match files(&fs, &directory) {
                // Its process has delivered everything and removed it since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                found => found.map_err(SpoolError::io("list", &directory))?,
            };
            for file in found {
                match file {
                    FileName::Corrupt { .. } => set_apart += 1,
                    FileName::Open { sequence } | FileName::Batch { sequence, .. } => {
                        numbered.entry(sequence).or_default().push(file);
                    }
                }
            }
            batches.extend(numbered.into_iter().map(|(sequence, files)| Numbered {
                directory: directory.clone(),
                sequence,
                files,
            }));
        }
        Ok(Self {
            fs,
            batches,
            set_apart,
        })
    }

    /// Batches that have not been read yet.
    pub fn remaining(&self) -> usize {
        self.batches.len()
    }

    /// Files that a process has set apart because they are damaged (`.corrupt`). They are not read: what was readable in
    /// them has been delivered.
    pub fn set_apart(&self) -> usize {
        self.set_apart
    }

    /// The batch of one number; `None` if its files are gone.
    fn read(&self, numbered: &Numbered) -> Result<Option<ReadBatch>, SpoolError> {
        let directory = &numbered.directory;
        let mut best = None;
        let mut failure = None;
        let mut files = numbered.files.clone();
        // Between the listing and now its process may have sealed or replaced the file: one more look.
        for attempt in 0..2 {
            for file in &files {
                let path = directory.join(file.render());
                match self.fs.read(&path, u64::MAX) {
                    Ok(bytes) => match decode(*file, &bytes) {
                        Ok(batch) => best = larger(best, batch),
                        Err(source) => failure = Some(SpoolError::io("read", &path)(source)),
                    },
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(source) => failure = Some(SpoolError::io("read", &path)(source)),
                }
            }
            if best.is_some() || failure.is_some() || attempt > 0 {
                break;
            }
            files = self::files(&self.fs, directory).unwrap_or_default();
            files.retain(|file| match file {
                FileName::Open { sequence } | FileName::Batch { sequence, .. } => {
                    *sequence == numbered.sequence
                }
                FileName::Corrupt { .. } => false,
            });
        }
        match (best, failure) {
            (None, Some(failure)) => Err(failure),
            (best, _) => Ok(best),
        }
    }
}

impl Iterator for SpoolReader {
    type Item = Result<ReadBatch, SpoolError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(numbered) = self.batches.pop_front() {
            if let Some(batch) = self.read(&numbered).transpose() {
                return Some(batch);
            }
        }
        None
    }
}

/// The files in a process's directory that a spool has written.
fn files(fs: &dyn SpoolFs, directory: &Path) -> io::Result<Vec<FileName>> {
    let entries = fs.list(directory)?.into_iter();
    let files = entries.filter(|entry| entry.kind == Kind::File);
    Ok(files
        .filter_map(|entry| FileName::parse(&entry.name))
        .collect())
}

/// Of two files of one number, the one that has more: the other is a part of it.
fn larger(known: Option<ReadBatch>, batch: ReadBatch) -> Option<ReadBatch> {
    match known {
        Some(known) if known.payloads.len() >= batch.payloads.len() => Some(known),
        _ => Some(batch),
    }
}

/// # Errors
/// The file is of another version of the format.
fn decode(file: FileName, bytes: &[u8]) -> io::Result<ReadBatch> {
    let rest = match Header::decode(bytes) {
        Ok((_, rest)) => rest,
        Err(HeaderFault::Version) => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "another version of tracefuse wrote it",
            ));
        }
        // A process was killed before the first payload was in the file.
        Err(HeaderFault::Short) if matches!(file, FileName::Open { .. }) => {
            return Ok(ReadBatch::default());
        }
        Err(_) => {
            return Ok(ReadBatch {
                payloads: Vec::new(),
                damaged: counted(file).unwrap_or(1).max(1),
            });
        }
    };
    let frames = frame::decode(rest);
    let payloads: Vec<Vec<u8>> = frames.payloads.into_iter().map(<[u8]>::to_vec).collect();
    let missing = counted(file).map_or(0, |count| count.saturating_sub(payloads.len() as u64));
    Ok(ReadBatch {
        damaged: missing.max(u64::from(frames.damaged_bytes > 0)),
        payloads,
    })
}

/// How many payloads the name of a sealed file counts.
fn counted(file: FileName) -> Option<u64> {
    match file {
        FileName::Batch { frames, .. } => Some(u64::from(frames)),
        FileName::Open { .. } | FileName::Corrupt { .. } => None,
    }
}
