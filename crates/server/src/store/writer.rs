//! The writer: one thread that puts what is queued into transactions, and fills the index of words while nothing waits.
//! Started by `Store`. It alone changes the file.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, broadcast, oneshot};
use tracefuse_core::Clock;

use super::Receipt;
use super::apply::{Memory, Work};
use super::change::Change;
use super::connection::Writing;
use super::error::StoreError;
use super::options::StoreOptions;
use super::{retention, search};
use crate::model::Arrival;

/// A transaction takes no further job once it has so many changes, or is so old.
const ROWS: usize = 500;
const AGE_NS: u64 = 100_000_000;
/// How often the age and the size of the store are looked at.
const RETENTION: Duration = Duration::from_secs(30);

/// Changes that are stored together, and the senders that wait for them.
pub(crate) struct Job {
    pub(crate) changes: Vec<Change>,
    pub(crate) answer: oneshot::Sender<Result<Receipt, StoreError>>,
    /// Room in the queue; given back when the job is done.
    pub(crate) room: OwnedSemaphorePermit,
}

impl Job {
    /// Answers the sender, which may have gone, and frees its room in the queue.
    fn done(self, receipt: Result<Receipt, StoreError>) {
        drop(self.answer.send(receipt));
        drop(self.room);
    }
}

pub(crate) enum Message {
    Job(Job),
    /// Fills the index of words to its end, for tests and for `close`.
    Index(oneshot::Sender<Result<(), StoreError>>),
    /// Applies the retention now.
    Retain(oneshot::Sender<Result<(), StoreError>>),
    Close,
}

pub(crate) struct Writer {
    pub(crate) db: Writing,
    pub(crate) memory: Memory,
    pub(crate) options: StoreOptions,
    pub(crate) arrivals: broadcast::Sender<Arc<Vec<Arrival>>>,
}

impl Writer {
    /// Runs until the last handle is gone, or until it is closed.
    pub(crate) fn run(mut self, queue: &Receiver<Message>) {
        let clock = self.options.clock.clone();
        let mut retained = None;
        let mut indexing = true;
        loop {
            let message = match indexing {
                true => queue.try_recv().map_err(|error| match error {
                    TryRecvError::Empty => RecvTimeoutError::Timeout,
                    TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
                }),
                false => queue.recv_timeout(RETENTION),
            };
            match message {
                Ok(Message::Job(first)) => {
                    if !self.jobs(first, queue, &clock) {
                        break;
                    }
                    indexing = true;
                }
                Ok(Message::Index(answer)) => drop(answer.send(self.index_all())),
                Ok(Message::Retain(answer)) => drop(answer.send(self.retain())),
                Ok(Message::Close) | Err(RecvTimeoutError::Disconnected) => break,
                // The queue is empty: one short step of the index, then the queue is checked again. A step that fails is
                // repeated after the next change; until then the search reads what is missing.
                Err(RecvTimeoutError::Timeout) => {
                    indexing = indexing && self.index_step().unwrap_or(false)
                }
            }
            let now = clock.monotonic_nanos();
            let due = |last: u64| Duration::from_nanos(now.saturating_sub(last)) >= RETENTION;
            if retained.is_none_or(due) {
                retained = Some(now);
                // It is repeated after a while. A full disk is reported to the callers that store.
                drop(self.retain());
            }
        }
        self.db
            .with(|db| drop(db.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);")));
    }

    /// Puts this job and those that wait into one transaction; `false` once the store is closed.
    fn jobs(&mut self, first: Job, queue: &Receiver<Message>, clock: &Clock) -> bool {
        let start = clock.monotonic_nanos();
        let mut rows = first.changes.len();
        let mut jobs = vec![first];
        let mut is_open = true;
        let mut after = None;
        while rows < ROWS && clock.monotonic_nanos().saturating_sub(start) < AGE_NS {
            match queue.try_recv() {
                Ok(Message::Job(job)) => {
                    rows += job.changes.len();
                    jobs.push(job);
                }
                Ok(Message::Close) | Err(TryRecvError::Disconnected) => {
                    is_open = false;
                    break;
                }
                Ok(other) => {
                    after = Some(other);
                    break;
                }
                Err(TryRecvError::Empty) => break,
            }
        }
        self.commit(jobs);
        match after {
            Some(Message::Index(answer)) => drop(answer.send(self.index_all())),
            Some(Message::Retain(answer)) => drop(answer.send(self.retain())),
            _ => {}
        }
        is_open
    }

    /// One transaction for all; if it fails, one for each, so that a job which cannot be stored harms no other.
    fn commit(&mut self, jobs: Vec<Job>) {
        let all: Vec<&[Change]> = jobs.iter().map(|job| job.changes.as_slice()).collect();
        let together = self.transaction(&all);
        drop(all);
        match together {
            Ok(receipts) => {
                for (job, receipt) in jobs.into_iter().zip(receipts) {
                    job.done(Ok(receipt));
                }
            }
            Err(error) if jobs.len() == 1 => jobs
                .into_iter()
                .take(1)
                .for_each(|job| job.done(Err(error.clone()))),
            Err(_) => {
                for job in jobs {
                    let receipt = self.transaction(&[&job.changes]);
                    job.done(receipt.map(|mut all| all.pop().unwrap_or_default()));
                }
            }
        }
    }

    fn transaction(&mut self, jobs: &[&[Change]]) -> Result<Vec<Receipt>, StoreError> {
        let now_ns = i64::try_from(self.options.clock.unix_nanos()).unwrap_or(i64::MAX);
        let (memory, prices) = (&mut self.memory, &self.options.prices);
        let done = self.db.with(|db| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut work = Work::new(&transaction, memory, prices, now_ns);
            let mut receipts = Vec::with_capacity(jobs.len());
            for changes in jobs {
                let before = (work.stored, work.repeated);
                for change in *changes {
                    work.apply(change)?;
                }
                receipts.push(Receipt {
                    stored: work.stored - before.0,
                    repeated: work.repeated - before.1,
                });
            }
            let arrivals = work.finish()?;
            transaction.commit()?;
            Ok((receipts, arrivals))
        });
        match done {
            Ok((receipts, arrivals)) => {
                if !arrivals.is_empty() {
                    // There may be no receiver.
                    drop(self.arrivals.send(Arc::new(arrivals)));
                }
                Ok(receipts)
            }
            Err(error) => {
                // What was remembered may have been rolled back.
                if let Ok(memory) = self.db.with(|db| Ok::<_, StoreError>(Memory::load(db)?)) {
                    self.memory = memory;
                }
                Err(error)
            }
        }
    }

    /// Whether there is more to do.
    fn index_step(&mut self) -> Result<bool, StoreError> {
        self.db.with(|db: &mut Connection| search::step(db))
    }

    fn index_all(&mut self) -> Result<(), StoreError> {
        while self.index_step()? {}
        Ok(())
    }

    fn retain(&mut self) -> Result<(), StoreError> {
        let options = &self.options;
        let done = self
            .db
            .with(|db: &mut Connection| retention::apply(db, options));
        if done? > 0 {
            let memory = self.db.with(|db| Ok::<_, StoreError>(Memory::load(db)?))?;
            self.memory = memory;
        }
        Ok(())
    }
}
