//! The store: one SQLite file with one writer and several readers.
//! Called by `api`, `pages` and the command line. Knows no HTTP and no wire format: it takes `Change`s.

mod apply;
mod change;
mod conditions;
mod connection;
mod deletion;
mod error;
mod file;
mod filter;
mod histogram;
mod lists;
mod load;
mod merge;
mod options;
mod outline;
mod overview;
mod people;
mod phrase;
mod reads;
mod retention;
mod rows;
mod schema;
mod scores;
mod search;
mod totals;
mod touched;
mod views;
mod whole;
mod words;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Semaphore, broadcast, oneshot};

use crate::model::Arrival;
use apply::Memory;
use connection::{BUSY, Reading, Writing};
use file::Lock;
use writer::{Job, Message, Writer};

pub use change::Change;
pub(crate) use change::{
    Announcement, Context, Facts, Field, Kind, ObservationPatch, ScorePatch, Span, TracePatch,
    pack, preview,
};
pub(crate) use conditions::Conditions;
pub use error::StoreError;
pub use options::StoreOptions;
pub(crate) use outline::{SpanOutline, TraceOutline};
pub(crate) use people::SESSION_ENVIRONMENT;
pub(crate) use phrase::Search;
pub(crate) use rows::{kind_of, level_number};
pub(crate) use views::{Accept, Full, ObservationQuery};
pub(crate) use whole::{Parts, WholeTrace};

/// The most KiB of queued changes; above it, callers that store wait.
const ROOM: usize = 64 << 10;
/// The most arrivals that are kept for a slow receiver; it misses the ones before.
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
        // Without SQLITE_OPEN_URI: a name such as `file:x?mode=memory` is the name of a file.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags)?;
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
        match version? {
            0 => return Err(StoreError::NotAStore(shown)),
            schema::PRESENT => {}
            _ => return Err(StoreError::Older(shown)),
        }
        Ok(Self::of(reading, None, None, StoreOptions::default()))
    }

    /// A store in memory; its content is lost with its last handle.
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
        let mut writer = Writer {
            db: writing,
            memory,
            options: options.clone(),
            arrivals: arrivals.clone(),
            retention: None,
            waiting: Vec::new(),
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
        // Changes that are larger than the whole queue take all of it.
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

    /// Applies the limits of age and size now. Otherwise the writer applies them from time to time.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest).
    pub fn retain_blocking(&self) -> Result<(), StoreError> {
        let (answer, done) = oneshot::channel();
        self.send(Message::Retain(answer))?;
        futures::executor::block_on(done).map_err(|_| StoreError::Closed)?
    }

    /// Receives what is stored from now on, after it was committed. A receiver that is too slow misses some, which the
    /// channel reports.
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

    /// Deletes a score; whether it was there.
    pub(crate) async fn delete_score(&self, score: &str) -> Result<bool, StoreError> {
        let delete = Change(Kind::DeleteScore(score.to_owned()));
        Ok(self.ingest(vec![delete]).await?.stored > 0)
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
