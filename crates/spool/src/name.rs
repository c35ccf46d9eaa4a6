//! The names of the spool's files and directories: numbers of our own, and nothing else is ever touched.
//! Used by `mod`, `lock` and `recovery`. Nothing in a name comes from a payload.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

/// One directory for each process, below this one.
pub(super) const VERSION_DIRECTORY: &str = "v1";
/// The lock file in a process's directory. While it is locked, the process runs.
pub(super) const LOCK: &str = "lock";

/// A file's name says its place in the order and what may be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FileName {
    /// Being appended to, or left so by a process that was killed.
    Open { sequence: u64 },
    /// Sealed: never changed again. How many frames it has is in the name, so that a file can be dropped
    /// and counted without reading it.
    Batch { sequence: u64, frames: u32 },
    /// Damaged; kept for inspection.
    Corrupt { sequence: u64 },
}

impl FileName {
    /// `None` for every name that we would not have written ourselves.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (stem, extension) = name.split_once('.')?;
        let parsed = match extension {
            "open" => Self::Open {
                sequence: hex(stem, 16)?,
            },
            "corrupt" => Self::Corrupt {
                sequence: hex(stem, 16)?,
            },
            "batch" => {
                let (sequence, frames) = stem.split_once('-')?;
                Self::Batch {
                    sequence: hex(sequence, 16)?,
                    frames: u32::try_from(hex(frames, 8)?).ok()?,
                }
            }
            _ => return None,
        };
        Some(parsed)
    }

    pub(super) fn render(self) -> String {
        match self {
            Self::Open { sequence } => format!("{sequence:016x}.open"),
            Self::Batch { sequence, frames } => format!("{sequence:016x}-{frames:08x}.batch"),
            Self::Corrupt { sequence } => format!("{sequence:016x}.corrupt"),
        }
    }
}

/// The name of a process's directory. The last part tells apart what has the same number and was started in
/// the same millisecond, as in two containers on one volume.
pub(super) fn process_directory(pid: u32, started_unix_ms: u64, attempt: u32) -> String {
    let started_nanos = u128::from(started_unix_ms) * 1_000_000;
    format!("{pid}-{started_nanos}-{attempt:08x}")
}

/// Whether a directory's name is one of [`process_directory`].
pub(super) fn is_process_directory(name: &str) -> bool {
    let decimal = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut parts = name.split('-');
    let (pid, started, attempt) = (parts.next(), parts.next(), parts.next());
    pid.is_some_and(|part| decimal(part, 10))
        && started.is_some_and(|part| decimal(part, 26))
        && attempt.is_some_and(|part| hex(part, 8).is_some())
        && parts.next().is_none()
}

fn hex(text: &str, digits: usize) -> Option<u64> {
    let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != digits || !text.bytes().all(lower) {
        return None;
    }
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in [
            FileName::Open { sequence: 0 },
            FileName::Batch {
                sequence: u64::MAX,
                frames: u32::MAX,
            },
            FileName::Corrupt { sequence: 161 },
        ] {
            assert_eq!(FileName::parse(&name.render()), Some(name));
        }
        let directory = process_directory(u32::MAX, u64::MAX, u32::MAX);
        assert!(is_process_directory(&directory), "{directory}");
    }

    #[test]
    fn names_that_are_not_ours_are_not_read() {
        for name in [
            "",
            "lock",
            ".open",
            "00000000000000a1.open.bak",
            "00000000000000A1.open",
            "+0000000000000a1.open",
            "00000000000000a1.tmp",
            "00000000000000a1.batch",
            "00000000000000a1-1.batch",
            "../0000000000000.open",
            "notes.corrupt",
        ] {
            assert_eq!(FileName::parse(name), None, "{name}");
        }
        for name in [
            "",
            "..",
            "1-2",
            "1-2-00000000-3",
            "a-2-00000000",
            "1-2-0",
            "1--00000000",
        ] {
            assert!(!is_process_directory(name), "{name}");
        }
    }
}
