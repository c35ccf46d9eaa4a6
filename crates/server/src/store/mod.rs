//! The store: one SQLite file with one writer and several readers.
//! Called by `api`, `pages` and the command line. Knows no HTTP and no wire format: it takes `Change`s.

mod apply;
mod change;
mod connection;
mod error;
mod file;
mod lists;
mod merge;
mod options;
mod overview;
mod retention;
mod rows;
mod schema;
mod search;
mod totals;
mod views;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{Semaphore, broadcast, oneshot};

use crate::model::{
    Arrival, Bodies, Histogram, Media, ObservationRow, Overview, Page, ScoreQuery, ScoreRow,
    SessionRow, SessionView, TraceQuery, TraceRow, TraceView, UserRow,
};
use apply::Memory;
use connection::{BUSY, Reading, Writing};
use file::Lock;
use writer::{Job, Message, Writer};

pub use change::Change;
pub(crate) use change::{
    Announcement, Context, Facts, Field, Kind, ObservationPatch, ScorePatch, Span, TracePatch,
    pack, preview,
};
pub use error::StoreError;
pub use options::StoreOptions;
pub(crate) use rows::{kind_of, level_number};
pub(crate) use views::{Full, ObservationQuery};

/// KiB of changes that wait at most; above it, those who store wait.
const ROOM: usize = 64 << 10;
/// Arrivals that a slow receiver may be behind.
const BEHIND: usize = 256;
/// KiB of pages that the writer keeps.
const WRITE_CACHE: i64 = 32 << 10;

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

struct Shared {
    reading: Reading,
    queue: Mutex<Option<Sender<Message>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    room: Arc<Semaphore>,
    arrivals: broadcast::Sender<Arc<Vec<Arrival>>>,
    options: StoreOptions,
}

impl Store {
    /// Opens the file, or creates it with file mode 0600, and starts the writer thread.
    ///
    /// # Errors
    /// The file cannot be opened or is no store of this program, another process writes to it, or a newer version of
    /// this program made it.
    pub fn open(path: impl AsRef<Path>, options: StoreOptions) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let lock = file::create(path)?;
        let db = Connection::open(path)?;
        let shown = path.display().to_string();
        let db = prepared(db, &shown)?;
        if let Some(pages) = options.max_pages {
            db.pragma_update(None, "max_page_count", pages)?;
        }
        Self::start(
            Reading::of_file(path),
            Writing::File(db),
            Some(lock),
            options,
        )
    }

    /// Opens a file that another process may be writing to; it must exist. Nothing can be stored through this handle.
    ///
    /// # Errors
    /// The file cannot be opened, or is no store of this version.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let reading = Reading::of_file(path);
        let shown = path.display().to_string();
        let version = reading.with(|db| schema::version(db, &shown));
        if version? != schema::PRESENT {
            return Err(StoreError::NotAStore(shown));
        }
        Ok(Self::of(reading, None, None, StoreOptions::default()))
    }

    /// A store that is gone with its last handle.
    ///
    /// # Errors
    /// The writer thread cannot be started.
    pub fn in_memory(options: StoreOptions) -> Result<Self, StoreError> {
        let db = prepared(Connection::open_in_memory()?, "the store in memory")?;
        let db = Arc::new(Mutex::new(db));
        Self::start(
            Reading::Memory(db.clone()),
            Writing::Memory(db),
            None,
            options,
        )
    }

    fn start(
        reading: Reading,
        mut writing: Writing,
        lock: Option<Lock>,
        options: StoreOptions,
    ) -> Result<Self, StoreError> {
        let (arrivals, _) = broadcast::channel(BEHIND);
        let memory = writing.with(|db| Memory::load(db))?;
        let writer = Writer {
            db: writing,
            memory,
            options: options.clone(),
            arrivals: arrivals.clone(),
        };
        let (queue, messages) = channel();
        let thread = std::thread::Builder::new().name("tracefuse-store".to_owned());
        #[expect(
            clippy::disallowed_methods,
            reason = "the one thread of the server that is not tokio's: SQLite has one writer"
        )]
        let thread = thread.spawn(move || {
            writer.run(&messages);
            // The file is closed before another process may write to it.
            drop(lock);
        });
        let thread = thread
            .map_err(|error| StoreError::Failed(format!("cannot start a thread: {error}")))?;
        let mut store = Self::of(reading, Some(queue), Some(thread), options);
        if let Some(shared) = Arc::get_mut(&mut store.shared) {
            shared.arrivals = arrivals;
        }
        Ok(store)
    }

    fn of(
        reading: Reading,
        queue: Option<Sender<Message>>,
        writer: Option<JoinHandle<()>>,
        options: StoreOptions,
    ) -> Self {
        let (arrivals, _) = broadcast::channel(1);
        Self {
            shared: Arc::new(Shared {
                reading,
                queue: Mutex::new(queue),
                writer: Mutex::new(writer),
                room: Arc::new(Semaphore::new(ROOM)),
                arrivals,
                options,
            }),
        }
    }

    fn read<R>(
        &self,
        read: impl FnOnce(&Connection) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        self.shared.reading.with(read)
    }

    /// Stores changes, all of them or none, and returns once they are committed. Waits while too much is queued.
    ///
    /// # Errors
    /// The disk is full, the file is locked, or the store is closed or read-only: nothing of it was stored.
    pub async fn ingest(&self, mut changes: Vec<Change>) -> Result<Receipt, StoreError> {
        if changes.is_empty() {
            return Ok(Receipt::default());
        }
        let mut weight = 0usize;
        for change in &mut changes {
            if let Kind::Span(span) = &mut change.0 {
                span.settle(&self.shared.options.prices);
            }
            weight = weight.saturating_add(change.weight());
        }
        // One that is larger than all the room takes all of it.
        let room = u32::try_from((weight >> 10).clamp(1, ROOM)).unwrap_or(1);
        let room = self.shared.room.clone().acquire_many_owned(room).await;
        let (answer, receipt) = oneshot::channel();
        let job = Job {
            changes,
            answer,
            room: room.map_err(|_| StoreError::Closed)?,
        };
        self.send(Message::Job(job))?;
        receipt.await.map_err(|_| StoreError::Closed)?
    }

    fn send(&self, message: Message) -> Result<(), StoreError> {
        let queue = self
            .shared
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let queue = queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(message).map_err(|_| StoreError::Closed)
    }

    /// [`ingest`](Self::ingest) for threads that are not async.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest).
    pub fn ingest_blocking(&self, changes: Vec<Change>) -> Result<Receipt, StoreError> {
        futures::executor::block_on(self.ingest(changes))
    }

    /// Waits until the index of the full-text search has everything that was stored. Without it the search reads what is
    /// missing, for a bounded time.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest).
    pub fn index_blocking(&self) -> Result<(), StoreError> {
        let (answer, done) = oneshot::channel();
        self.send(Message::Index(answer))?;
        futures::executor::block_on(done).map_err(|_| StoreError::Closed)?
    }

    /// Deletes what is older or more than the options say, now and not in a while.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest).
    pub fn retain_blocking(&self) -> Result<(), StoreError> {
        let (answer, done) = oneshot::channel();
        self.send(Message::Retain(answer))?;
        futures::executor::block_on(done).map_err(|_| StoreError::Closed)?
    }

    /// Traces that match.
    ///
    /// # Errors
    /// The file cannot be read, or the cursor is none of this order.
    pub fn traces(&self, query: &TraceQuery) -> Result<Page<TraceRow>, StoreError> {
        self.read(|db| lists::traces(db, query, &self.shared.options.clock))
    }

    /// The row of one trace.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn trace_row(&self, trace: &str) -> Result<Option<TraceRow>, StoreError> {
        self.read(|db| Ok(apply::load_trace(db, trace)?.map(|state| state.row)))
    }

    /// A trace with all its observations, without their bodies.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn trace(&self, trace: &str) -> Result<Option<TraceView>, StoreError> {
        self.read(|db| views::trace(db, trace))
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
        self.read(|db| Ok(views::observation(db, trace, observation)?.map(|(_, row)| row)))
    }

    /// Input, output, metadata and so on of one observation. `None` if there is no such observation.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn bodies(&self, trace: &str, observation: &str) -> Result<Option<Bodies>, StoreError> {
        self.read(|db| {
            let place = views::observation(db, trace, observation)?.map(|(place, _)| place);
            place
                .map(|place| Ok(views::bodies(db, place)?.0))
                .transpose()
        })
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
        self.read(|db| lists::next_error(db, query, trace, forward))
    }

    /// Scores that match, the newest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn scores(&self, query: &ScoreQuery) -> Result<Page<ScoreRow>, StoreError> {
        self.read(|db| views::scores(db, query))
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
        self.read(|db| lists::sessions(db, limit, cursor))
    }

    /// A session with its traces.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn session(&self, session: &str) -> Result<Option<SessionView>, StoreError> {
        let traces = TraceQuery {
            session_id: Some(session.to_owned()),
            order: crate::model::Order::Oldest,
            limit: 1000,
            ..TraceQuery::default()
        };
        let scores = ScoreQuery {
            session_id: Some(session.to_owned()),
            limit: 1000,
            ..ScoreQuery::default()
        };
        self.read(|db| {
            let row = lists::session(db, session)?;
            row.map(|row| {
                Ok(SessionView {
                    session: row,
                    traces: lists::traces(db, &traces, &self.shared.options.clock)?.rows,
                    scores: views::scores(db, &scores)?.rows,
                })
            })
            .transpose()
        })
    }

    /// Users by their last trace, the newest first. `cursor` is where the page before ended.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn users(&self, limit: usize, cursor: Option<&str>) -> Result<Page<UserRow>, StoreError> {
        self.read(|db| lists::users(db, limit, cursor))
    }

    /// Traces that match over time, in about `bins` bins. Without `from` and `to` it covers all traces that match.
    /// Order, cursor and limit are ignored.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn histogram(&self, query: &TraceQuery, bins: usize) -> Result<Histogram, StoreError> {
        self.read(|db| lists::histogram(db, query, bins, &self.shared.options.clock))
    }

    /// Totals of a range of time, in nanoseconds since 1970. It is widened to whole periods.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn overview(&self, from_ns: i64, to_ns: i64) -> Result<Overview, StoreError> {
        self.read(|db| overview::overview(db, from_ns, to_ns))
    }

    /// Bytes that were uploaded, or announced.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn media(&self, id: &str) -> Result<Option<Media>, StoreError> {
        self.read(|db| views::media(db, id))
    }

    /// Names, users, models and so on that traces have, for the choices of a filter: at most 100 of each, the newest
    /// first. `field` is one of `name`, `environment`, `model`, `tag`, `release`, `version`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn values(&self, field: &str) -> Result<Vec<String>, StoreError> {
        self.read(|db| lists::values(db, field))
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
        i64::try_from(self.shared.options.clock.unix_nanos()).unwrap_or(i64::MAX)
    }

    /// Deletes a trace with its observations, scores and bodies; whether it was there.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest).
    pub async fn delete_trace(&self, trace: &str) -> Result<bool, StoreError> {
        let delete = Change(Kind::DeleteTrace(trace.to_owned()));
        Ok(self.ingest(vec![delete]).await?.stored > 0)
    }

    /// Input, output and metadata of a trace: what the batch API gave the trace itself, else its root's. `None` if there
    /// is no such trace.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn trace_bodies(&self, trace: &str) -> Result<Option<Bodies>, StoreError> {
        self.read(|db| views::bodies_of_trace(db, trace))
    }

    /// Whether the index of the full-text search has everything that was stored.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn is_indexed(&self) -> Result<bool, StoreError> {
        self.read(search::is_complete)
    }

    /// Observations of all traces, for the read API; `true` if there are more.
    pub(crate) fn observations(
        &self,
        query: &ObservationQuery,
    ) -> Result<(Vec<Full>, bool), StoreError> {
        self.read(|db| views::observations(db, query))
    }

    pub(crate) fn count_observations(
        &self,
        conditions: &[(String, Vec<rusqlite::types::Value>)],
    ) -> Result<usize, StoreError> {
        self.read(|db| views::count_observations(db, conditions))
    }

    pub(crate) fn observation_ids(&self, trace: &str) -> Result<Vec<String>, StoreError> {
        self.read(|db| views::observation_ids(db, trace))
    }

    pub(crate) fn traces_of_page(
        &self,
        query: &TraceQuery,
        page: usize,
    ) -> Result<(Vec<TraceRow>, usize), StoreError> {
        self.read(|db| lists::traces_of_page(db, query, page))
    }

    pub(crate) fn sessions_of_page(
        &self,
        page: usize,
        limit: usize,
    ) -> Result<(Vec<SessionRow>, usize), StoreError> {
        self.read(|db| lists::sessions_of_page(db, page, limit))
    }

    pub(crate) fn scores_of_page(
        &self,
        query: &ScoreQuery,
        page: usize,
    ) -> Result<(Vec<ScoreRow>, usize), StoreError> {
        self.read(|db| views::scores_of_page(db, query, page))
    }

    pub(crate) fn score(&self, id: &str) -> Result<Option<ScoreRow>, StoreError> {
        self.read(|db| views::score(db, id))
    }

    /// Writes everything that is queued and closes the file. Later changes are refused; what was stored can be read.
    pub fn close(&self) {
        self.shared.close();
    }
}

impl Shared {
    fn close(&self) {
        let queue = self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(queue) = queue {
            // The writer may have ended already.
            drop(queue.send(Message::Close));
        }
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer {
            drop(writer.join());
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

fn prepared(mut db: Connection, path: &str) -> Result<Connection, StoreError> {
    db.busy_timeout(BUSY)?;
    // Before the file is changed in any way.
    schema::version(&db, path)?;
    schema::prepare_writer(&db, WRITE_CACHE)?;
    schema::migrate(&mut db, path)?;
    Ok(db)
}
