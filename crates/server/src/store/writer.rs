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
use super::retention::Retention;
use super::words;
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
    /// A deletion that is under way: one step of it after each message.
    pub(crate) retention: Option<Retention>,
    /// Who waits for its end.
    pub(crate) waiting: Vec<oneshot::Sender<Result<(), StoreError>>>,
}

impl Writer {
    /// Runs until the last handle is gone, or until it is closed. A deletion that is under way then ends with the next start.
    pub(crate) fn run(&mut self, queue: &Receiver<Message>) {
        let clock = self.options.clock.clone();
        let mut retained = None;
        let mut indexing = true;
        loop {
            let message = match indexing || self.retention.is_some() {
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
                Ok(Message::Retain(answer)) => self.retain(answer),
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
                self.retention.get_or_insert_default();
            }
            self.retention_step();
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
            Some(Message::Retain(answer)) => self.retain(answer),
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
            let has_deleted = work.has_deleted;
            let arrivals = work.finish()?;
            transaction.commit()?;
            Ok((receipts, arrivals, has_deleted))
        });
        match done {
            Ok((receipts, arrivals, has_deleted)) => {
                if has_deleted {
                    self.retention.get_or_insert_default().restart();
                }
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
        self.db.with(|db: &mut Connection| words::step(db))
    }

    fn index_all(&mut self) -> Result<(), StoreError> {
        while self.index_step()? {}
        Ok(())
    }

    /// Begins a deletion, or begins it again, and answers at its end.
    fn retain(&mut self, answer: oneshot::Sender<Result<(), StoreError>>) {
        self.waiting.push(answer);
        self.retention.get_or_insert_default().restart();
    }

    /// One step of the deletion that is under way, if there is one.
    fn retention_step(&mut self) {
        let Some(mut retention) = self.retention.take() else {
            return;
        };
        let options = &self.options;
        let step = self.db.with(|db| retention.step(db, options));
        match step {
            Ok(true) => self.retention = Some(retention),
            // It is repeated after a while. A full disk is reported to the callers that store.
            done => {
                for answer in self.waiting.drain(..) {
                    drop(answer.send(done.clone().map(drop)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use serde_json::json;
    use tokio::sync::Semaphore;
    use tracefuse_core::{ManualClock, Timestamp};

    use super::super::retention::{SPANS, TRACES};
    use super::super::{Kind, prepared};
    use super::*;
    use crate::take::otlp_json;

    const START: u64 = 1_795_000_000_000_000_000;

    fn database() -> Arc<Mutex<Connection>> {
        let db = Connection::open_in_memory().unwrap();
        Arc::new(Mutex::new(prepared(db, "memory").unwrap()))
    }

    fn writer(db: &Arc<Mutex<Connection>>, options: &StoreOptions) -> Writer {
        let memory = Memory::load(&db.lock().unwrap()).unwrap();
        Writer {
            db: Writing::Memory(db.clone()),
            memory,
            options: options.clone(),
            arrivals: broadcast::channel(1).0,
            retention: None,
            waiting: Vec::new(),
        }
    }

    type Answer<R> = oneshot::Receiver<Result<R, StoreError>>;

    fn job(changes: Vec<Change>) -> (Message, Answer<Receipt>) {
        let (answer, receipt) = oneshot::channel();
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let job = Job {
            changes,
            answer,
            room,
        };
        (Message::Job(job), receipt)
    }

    /// Generations: so many traces of so many spans each.
    fn generations(traces: usize, spans: usize) -> Vec<Change> {
        let spans: Vec<_> = (0..traces * spans)
            .map(|n| {
                json!({
                    "traceId": format!("{:032x}", n / spans + 1), "spanId": format!("{:016x}", n + 1), "name": "work",
                    "startTimeUnixNano": START.to_string(), "endTimeUnixNano": (START + 5).to_string(),
                    "attributes": [
                        {"key": "langfuse.observation.input", "value": {"stringValue": "words"}},
                        {"key": "langfuse.observation.model.name", "value": {"stringValue": "m"}},
                    ],
                })
            })
            .collect();
        let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
        otlp_json(body.to_string().as_bytes()).unwrap().changes
    }

    fn index() -> Message {
        Message::Index(oneshot::channel().0)
    }

    /// Handles these messages and nothing after them.
    fn run(writer: &mut Writer, messages: Vec<Message>) {
        let (queue, received) = channel();
        for message in messages {
            queue.send(message).unwrap();
        }
        drop(queue);
        writer.run(&received);
    }

    /// The steps until the deletion that is under way has ended.
    fn finish(writer: &mut Writer) -> usize {
        let mut steps = 0;
        while writer.retention.is_some() {
            writer.retention_step();
            steps += 1;
        }
        steps
    }

    fn count(db: &Mutex<Connection>, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        let db = db.lock().unwrap();
        db.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn changes_are_stored_between_steps_of_a_deletion() {
        let clock = ManualClock::at(Timestamp::from_unix_nanos(START));
        let options = StoreOptions {
            clock: Clock::new(clock.clone()),
            max_age: Some(Duration::from_secs(60)),
            ..StoreOptions::default()
        };
        let db = database();
        let mut writer = writer(&db, &options);
        let (old, mut stored) = job(generations(10 * TRACES, 1));
        run(&mut writer, vec![old]);
        assert_eq!(stored.try_recv().unwrap().unwrap().stored, 10 * TRACES);
        assert!(finish(&mut writer) < 5, "nothing is due");

        clock.advance(Duration::from_secs(100));
        let (answer, mut retained) = oneshot::channel();
        let mut new = generations(10 * TRACES + 1, 1);
        let (new, mut stored) = job(new.split_off(10 * TRACES));
        run(&mut writer, vec![Message::Retain(answer), new, index()]);
        // One step after `Retain`, one after the changes.
        assert_eq!(stored.try_recv().unwrap().unwrap().stored, 1);
        assert_eq!(count(&db, "trace"), 8 * TRACES as i64 + 1);
        assert!(retained.try_recv().is_err(), "it is not done");

        let steps = finish(&mut writer);
        assert!(steps >= 8, "{steps}");
        assert!(retained.try_recv().unwrap().is_ok());
        for table in ["trace", "span", "body", "context"] {
            assert_eq!(count(&db, table), 1, "{table}");
        }
    }

    #[test]
    fn a_large_trace_is_deleted_in_parts_by_the_next_process_too() {
        let options = StoreOptions::default();
        let db = database();
        let mut first = writer(&db, &options);
        let (large, _) = job(generations(1, 2 * SPANS + SPANS / 2));
        run(&mut first, vec![large, index()]);
        finish(&mut first);
        let (delete, mut deleted) = job(vec![Change(Kind::DeleteTrace(format!("{:032x}", 1)))]);
        run(&mut first, vec![delete, index()]);
        assert_eq!(deleted.try_recv().unwrap().unwrap().stored, 1);
        let spans = SPANS as i64;
        assert_eq!(
            (count(&db, "trace"), count(&db, "span")),
            (0, spans + spans / 2)
        );
        drop(first);

        let mut second = writer(&db, &options);
        // The same trace comes again while the rest of the old one is there.
        let (again, _) = job(generations(1, 3));
        run(&mut second, vec![again, index()]);
        assert!(finish(&mut second) >= 2);
        for (table, rows) in [("trace", 1), ("span", 3), ("body", 3), ("gone", 0)] {
            assert_eq!(count(&db, table), rows, "{table}");
        }
        let calls = "SELECT sum(calls) FROM hour_model";
        let calls: i64 = db
            .lock()
            .unwrap()
            .query_row(calls, [], |row| row.get(0))
            .unwrap();
        assert_eq!(calls, 3);
        let found = "SELECT count(*) FROM words WHERE words MATCH 'words'";
        let found: i64 = db
            .lock()
            .unwrap()
            .query_row(found, [], |row| row.get(0))
            .unwrap();
        assert!(found <= 3, "{found}");
    }
}
