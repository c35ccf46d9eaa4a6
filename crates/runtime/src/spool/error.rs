//! Why the spool could not do what it was asked to.

use std::path::{Path, PathBuf};
use std::{error, fmt, io};

/// Why the spool could not do what it was asked to. It stays usable after every one of them.
#[derive(Debug)]
#[non_exhaustive]
pub enum SpoolError {
    /// The directory cannot be used.
    Directory {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The directory is a link, belongs to another user, or others may write to it.
    NotPrivate {
        /// Which one.
        path: PathBuf,
    },
    /// The system refused a step: the disk is full, broken or gone.
    Io {
        /// What was being done, such as "write".
        step: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The payload is larger than a frame or than the whole spool may be.
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// The most there may be.
        limit: u64,
    },
    /// A bound is reached, and what is there stays: `WhenFull::DropNewest`.
    Full,
}

impl SpoolError {
    /// For `map_err`.
    pub(super) fn io(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            step,
            path: path.to_owned(),
            source,
        }
    }
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { path, source } => write!(
                f,
                "the spool's directory {} cannot be used: {source}. Name a directory that this process may write to",
                path.display()
            ),
            Self::NotPrivate { path } => write!(
                f,
                "the spool's directory {} is not this user's alone. It holds prompts: make it a real directory of \
                 this user, with mode 0700, or name another one",
                path.display()
            ),
            Self::Io { step, path, source } => {
                write!(f, "the spool could not {step} {}: {source}", path.display())
            }
            Self::TooLarge { bytes, limit } => write!(
                f,
                "a payload of {bytes} bytes does not fit the spool: it may have at most {limit}"
            ),
            Self::Full => f.write_str("the spool is full, and told to keep what it has"),
        }
    }
}

impl error::Error for SpoolError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Directory { source, .. } | Self::Io { source, .. } => Some(source),
            Self::NotPrivate { .. } | Self::TooLarge { .. } | Self::Full => None,
        }
    }
}
