//! What a spool is opened with. Built by the wiring, read by `mod` and `recovery`.

use std::path::PathBuf;
use std::time::Duration;

/// Where a spool is and how much it may keep.
///
/// The bounds are those of each process: each has its own directory below [`dir`](Self::dir).
///
/// ```
/// use tracefuse_spool::SpoolConfig;
///
/// let mut config = SpoolConfig::new("/var/spool/app");
/// config.max_bytes = 64 << 20;
/// assert_eq!(config.dir.to_str(), Some("/var/spool/app"));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SpoolConfig {
    /// The directory. Created if it is missing. It should be on a local disk: locks on network file
    /// systems are not reliable.
    pub dir: PathBuf,
    /// Whose payloads these are: a hash of the endpoint and the public key. Files with another tag are
    /// left for a spool with that tag, so that nothing is sent to another project. A pipeline sets it for each exporter.
    pub tag: u64,
    /// Most bytes on disk, quarantine not included. Default: 256 MiB.
    pub max_bytes: u64,
    /// Most files, quarantine not included. Default: 10,000.
    pub max_files: usize,
    /// Batches that are older are dropped, by the wall clock. Default: 7 days.
    pub max_age: Duration,
    /// Which failures an accepted record survives. Default: [`Durability::Process`].
    pub durability: Durability,
    /// What is dropped when a bound is reached. Default: [`WhenFull::DropOldest`].
    pub full: WhenFull,
}

/// Which failures an accepted payload survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// The end of the process, at any instant, from the moment `append` has returned. After a power cut
    /// the last seconds may be missing, but nothing wrong is ever read back.
    #[default]
    Process,
    /// A power cut too, from the moment `seal` has returned. Costs milliseconds for each batch.
    Disk,
}

/// What is dropped when a bound is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// The oldest file, as a whole.
    #[default]
    DropOldest,
    /// What is being appended: `append` answers `SpoolError::Full`.
    DropNewest,
}

impl SpoolConfig {
    /// A spool below `dir`, with the defaults.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            tag: 0,
            max_bytes: 256 << 20,
            max_files: 10_000,
            max_age: Duration::from_secs(7 * 24 * 60 * 60),
            durability: Durability::default(),
            full: WhenFull::default(),
        }
    }

    /// The tag of a destination: what waits for one destination is not returned for another. The same in every version
    /// (FNV-1a, 64 bits); it is no protection of secrets.
    #[must_use]
    pub fn destination(self, destination: &str) -> Self {
        let hash = destination
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        self.tag(hash)
    }

    /// The same for payloads of `tag`.
    #[must_use]
    pub fn tag(mut self, tag: u64) -> Self {
        self.tag = tag;
        self
    }
}
