//! The errors of the spool.

use std::path::{Path, PathBuf};
use std::{error, fmt, io};

/// Why a call of the spool failed. The spool stays usable after each of these errors.
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
    /// A bound is reached, and the spool keeps what it has: `WhenFull::DropNewest`.
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
                shown(path)
            ),
            Self::NotPrivate { path } => write!(
                f,
                "the spool's directory {} is not this user's alone. It holds prompts: make it a real directory of \
                 this user, with mode 0700, or name another one",
                shown(path)
            ),
            Self::Io { step, path, source } => {
                write!(f, "the spool could not {step} {}: {source}", shown(path))
            }
            Self::TooLarge { bytes, limit } => write!(
                f,
                "a payload of {bytes} bytes does not fit the spool: it may have at most {limit}"
            ),
            Self::Full => f.write_str("the spool is full, and its setting is to keep what it has"),
        }
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// The text contains what the system said, so there is no `source`: a reporter of causes would print it twice.
impl error::Error for SpoolError {}

/// A path as a message shows it: characters that could forge a line or move the cursor are escaped.
fn shown(path: &Path) -> String {
    tracefuse_exporter::plain_text(&path.display().to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_forge_a_line_and_the_cause_is_said_once() {
        let path = PathBuf::from("/tmp/\u{1b}[31m\nx");
        let source = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = SpoolError::Directory { path, source };
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(['\u{1b}', '\n']), "{shown:?}");
        assert!(shown.contains(r"\u{1b}[31m"), "{shown}");
        assert!(error.to_string().contains("permission denied"), "{error}");
        assert!(error::Error::source(&error).is_none());
    }
}
