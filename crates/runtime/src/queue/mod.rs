//! The queue of one exporter: bounded by count and bytes, with its accounting, flush and shutdown.
//! Filled by `buffers` on callers' threads, drained by `worker`. One lock, held for a few instructions. Must not know exporters.

mod admit;
mod budget;
pub(crate) mod buffers;
mod chunks;
mod closing;
pub(crate) mod envelope;
pub(crate) mod phase;
pub(crate) mod rounds;
mod taken;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool as Flag;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tracefuse_core::{DropReason, ExporterStats, Health};
use tracefuse_exporter::record::SpareMemory;

use crate::config::PipelineConfig;
use crate::ledger::{Ledger, Notices};
use crate::queue::envelope::{Parked, Queued, bytes_of};
use crate::queue::phase::{Phase, View, WakeAt};
use crate::queue::rounds::Rounds;
use crate::sync::Ordering;
use crate::sync::{AtomicBool, AtomicU64, Condvar, Mutex, MutexGuard, PoisonError};

pub(crate) use admit::Deferred;
use budget::WaitBudget;
use chunks::Queue;
pub(crate) use chunks::{CHUNK_BYTES, Source};

/// A flush that was requested.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    number: u64,
    /// The number of the last record that it covers.
    upto: u64,
}

pub(crate) struct ExporterQueue {
    pub(crate) name: String,
    pub(crate) config: PipelineConfig,
    state: Mutex<State>,
    /// Notified when a flush is done, and when the worker has stopped.
    done: Condvar,
    /// Notified when a caller that waits for room may find some, or need not wait any longer.
    room: Condvar,
    /// Wakes the worker.
    pub(crate) wake: Notify,
    /// Records that do not fit are written to disk, so nothing is refused while the circuit breaker is open.
    spills: AtomicBool,
    /// The circuit breaker is open and there is no room: a span that started now would be dropped at its end. Shared with the
    /// tracer. Not the type of `sync`, because no order depends on it.
    refuses: Arc<Flag>,
    /// Spans that were refused when they started, since the beginning.
    refused: AtomicU64,
    /// Chunks that were delivered are kept for later ones, unless the queue needs the memory.
    spare: SpareMemory,
}

/// At most one part in this many of the queue's bytes, and at most [`MOST_SPARE`], are kept of delivered chunks.
const SPARE_SHARE: usize = 64;
const MOST_SPARE: usize = 1024 * 1024;

pub(crate) struct State {
    queue: Queue,
    /// The last round of `SpanBuffers::drain` that is complete; spans of later rounds must wait.
    safe: u64,
    /// Of the buffers whose spans come here: changed with `has_capacity`.
    rounds: Option<Arc<Rounds>>,
    /// There is room for all spans that threads may buffer.
    has_capacity: bool,
    /// Records and bytes that threads may buffer.
    reserved: (usize, usize),
    in_flight: usize,
    in_flight_bytes: usize,
    /// Batches whose retries are used up. They wait until another batch is accepted.
    parked: VecDeque<Parked>,
    /// A batch succeeded since the last one was parked or tried again.
    parked_due: bool,
    /// When they are tried again without such a success, because there may be no other batch.
    parked_until: Option<Instant>,
    /// A batch was accepted since one was parked or tried again: the receiver works, so the cause is in the parked batch.
    taken_since: bool,
    /// Records on disk.
    pub(crate) spooled: usize,
    pub(crate) ledger: Ledger,
    pub(crate) notices: Notices,
    pub(crate) health: Health,
    /// Number of the oldest record that is in flight.
    in_flight_from: Option<u64>,
    /// Flushes requested, flushes done, and the number of the last record that the last one covers.
    flush_asked: u64,
    flush_done: u64,
    flush_upto: u64,
    phase: Phase,
    /// The queue is nearly full and callers wait before they add a record, see `admit`.
    slows: bool,
    /// Callers that wait for room.
    waiters: usize,
    /// The phase is `Stopped`, and the log has what was lost.
    is_end_logged: bool,
    budget: WaitBudget,
    /// How many of the refused spans are in the ledger.
    refused: u64,
    wake_at: WakeAt,
    /// A record found no room since the worker took a batch: a batch is due, also if it is not full.
    no_room: bool,
    /// The worker's thread has ended without a shutdown.
    died: bool,
}

impl ExporterQueue {
    pub(crate) fn new(name: String, config: PipelineConfig) -> Self {
        let config = config.bounded();
        let spare = SpareMemory::keep(MOST_SPARE.min(config.max_queue_bytes / SPARE_SHARE));
        Self {
            name,
            config,
            state: Mutex::new(State::new()),
            done: Condvar::new(),
            room: Condvar::new(),
            wake: Notify::new(),
            spills: AtomicBool::new(false),
            refuses: Arc::default(),
            refused: AtomicU64::new(0),
            spare,
        }
    }

    /// More than three quarters full: records are sent, or written to disk, before there is no room.
    fn crowded(&self, state: &State) -> bool {
        self.is_crowded_at(state.held())
    }

    fn is_crowded_at(&self, (count, bytes): (usize, usize)) -> bool {
        count > self.config.max_queue_size / 4 * 3 || bytes > self.config.max_queue_bytes / 4 * 3
    }

    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded(&self.lock())
    }

    /// There is a spool, with this many records of an earlier process.
    #[cfg(feature = "spool")]
    pub(crate) fn spools(&self, frames: u64) {
        self.spills.store(true, Ordering::Relaxed);
        let mut state = self.lock();
        state.ledger.recorded += frames;
        state.ledger.recovered += frames;
        state.spooled += usize::try_from(frames).unwrap_or(usize::MAX);
    }

    /// Calls `decide` with the state of the queue. It returns what the worker does next, and when it is woken meanwhile.
    pub(crate) fn look<T>(&self, decide: impl FnOnce(&View) -> (T, WakeAt)) -> T {
        let mut state = self.lock();
        let waiting = state.queue.len();
        let view = View {
            phase: state.phase,
            waiting,
            is_due: waiting >= self.config.batch_size
                || state.queue.bytes() >= self.config.max_batch_bytes
                || state.no_room
                || self.crowded(&state),
            parked: !state.parked.is_empty(),
            parked_is_due: state.parked_due
                || state.parked_until.is_some_and(|at| at <= Instant::now()),
            flush: (state.flush_asked > state.flush_done).then_some(state.flush_asked),
            is_flushed: state
                .oldest_open()
                .is_none_or(|oldest| oldest > state.flush_upto),
        };
        let (answer, wake_at) = decide(&view);
        state.wake_at = wake_at;
        answer
    }

    /// Takes a parked batch; it is in flight until `settle`.
    pub(crate) fn take_aside(&self) -> Option<Parked> {
        let mut state = self.lock();
        let mut parked = state.parked.pop_front()?;
        state.parked_due = false;
        // Also if this one is dropped for its age, which is no event for the others.
        let reset = self.config.circuit_breaker_reset;
        state.parked_until = (!state.parked.is_empty()).then(|| Instant::now() + reset);
        // A round counts against the batch only if others were accepted meanwhile.
        parked.rounds += u32::from(std::mem::take(&mut state.taken_since));
        let first = parked.items.first().map(|item| item.seq);
        state.depart(parked.items.len(), bytes_of(&parked.items), first);
        Some(parked)
    }

    /// Parks a batch in flight until another one succeeds.
    pub(crate) fn park(&self, parked: Parked) {
        let mut state = self.lock();
        if state.phase == Phase::Stopped {
            return;
        }
        state.land(parked.items.len(), bytes_of(&parked.items));
        state.parked.push_back(parked);
        state.parked_due = false;
        // The first one's time counts: later batches that fail must not put it off.
        let reset = self.config.circuit_breaker_reset;
        state
            .parked_until
            .get_or_insert_with(|| Instant::now() + reset);
        state.rest();
    }

    /// When parked batches are tried again, if nothing else happens.
    pub(crate) fn parked_until(&self) -> Option<Instant> {
        let state = self.lock();
        state.parked_until.filter(|_| !state.parked.is_empty())
    }

    /// A batch succeeded: parked ones may be tried again.
    pub(crate) fn succeeded(&self) {
        let mut state = self.lock();
        state.budget.accept(Instant::now());
        state.parked_due = !state.parked.is_empty();
        state.taken_since = state.parked_due;
        if state.phase != Phase::Stopped {
            state.health = Health::Healthy;
        }
    }

    /// How many batches the waiting records make.
    pub(crate) fn batches(&self) -> usize {
        self.lock()
            .queue
            .len()
            .div_ceil(self.config.batch_size.max(1))
    }

    /// Takes up to `count` records out of the queue; they are in flight until `settle`.
    pub(crate) fn take(&self, count: usize) -> Vec<Queued> {
        let mut state = self.lock();
        state.no_room = false;
        let safe = state.safe;
        let taken = state.queue.take(count, safe);
        state.depart(taken.len(), taken.bytes(), taken.first());
        drop(state);
        taken.into_records()
    }

    /// Spans come from the buffers of threads, and may leave only when all buffers were drained.
    pub(crate) fn order_by_rounds(&self, rounds: &Arc<Rounds>) {
        let mut state = self.lock();
        state.safe = 0;
        if !state.has_capacity {
            rounds.note_capacity(false);
        }
        state.rounds = Some(rounds.clone());
    }

    /// All threads have moved their spans of up to this round to the queue.
    pub(crate) fn note_drained(&self, round: u64) {
        let mut state = self.lock();
        state.safe = state.safe.max(round);
    }

    /// Whether a batch can only be taken once the buffers of threads were drained.
    pub(crate) fn needs_drain(&self, count: usize) -> bool {
        let state = self.lock();
        !state.queue.has_safe(count, state.safe)
    }

    /// Puts records that were taken back to the front of the queue.
    pub(crate) fn put_back(&self, items: Vec<Queued>) {
        let mut state = self.lock();
        if state.phase == Phase::Stopped {
            return;
        }
        state.land(items.len(), bytes_of(&items));
        state.queue.put_back(items);
        state.rest();
    }

    /// Settles records in flight: `outcome` writes their outcome into the ledger.
    pub(crate) fn settle(&self, records: usize, bytes: usize, outcome: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        if state.phase == Phase::Stopped {
            return;
        }
        state.land(records, bytes);
        outcome(&mut state);
        state.rest();
        self.note_room(&mut state);
        // A notification is a system call, also if no caller waits.
        let has_room = !state.slows && state.waiters > 0;
        drop(state);
        if has_room {
            self.room.notify_all();
        }
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = f(&mut state);
        self.note_room(&mut state);
        result
    }

    pub(crate) fn phase(&self) -> Phase {
        self.lock().phase
    }

    pub(crate) fn stats(&self) -> ExporterStats {
        let state = self.lock();
        let (held, bytes) = state.held();
        let mut stats = state.ledger.stats(
            &self.name,
            held - state.in_flight,
            state.in_flight,
            state.spooled,
            bytes,
            state.health,
        );
        stats.queue_capacity = self.config.max_queue_size as u64;
        stats
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = self.refused.load(Ordering::Relaxed);
        if state.refused != refused {
            let more = refused - state.refused;
            state.refused = refused;
            state.ledger.recorded += more;
            let more = usize::try_from(more).unwrap_or(usize::MAX);
            state.ledger.dropped(DropReason::CircuitOpen, more);
        }
        state
    }
}

impl State {
    fn new() -> Self {
        Self {
            queue: Queue::default(),
            safe: u64::MAX,
            rounds: None,
            has_capacity: true,
            reserved: (0, 0),
            in_flight: 0,
            in_flight_bytes: 0,
            parked: VecDeque::new(),
            parked_due: false,
            parked_until: None,
            taken_since: false,
            spooled: 0,
            ledger: Ledger::default(),
            notices: Notices::default(),
            health: Health::default(),
            in_flight_from: None,
            flush_asked: 0,
            flush_done: 0,
            flush_upto: 0,
            phase: Phase::default(),
            slows: false,
            waiters: 0,
            is_end_logged: false,
            budget: WaitBudget::new(),
            refused: 0,
            wake_at: WakeAt::default(),
            no_room: false,
            died: false,
        }
    }

    /// Begins a wait for room of at most `longest`, see [`WaitBudget`].
    fn begin_wait(&mut self, longest: Duration) -> Option<Duration> {
        self.budget.begin(Instant::now(), longest)
    }

    /// Records and bytes that have no outcome yet.
    fn held(&self) -> (usize, usize) {
        let parked = self
            .parked
            .iter()
            .map(|parked| (parked.items.len(), bytes_of(&parked.items)));
        parked.fold(
            (
                self.queue.len() + self.in_flight,
                self.queue.bytes() + self.in_flight_bytes,
            ),
            |(count, bytes), (more, more_bytes)| (count + more, bytes + more_bytes),
        )
    }

    /// Number of the oldest record without an outcome.
    fn oldest_open(&self) -> Option<u64> {
        let queued = self.queue.seq();
        let parked = self
            .parked
            .iter()
            .filter_map(|parked| Some(parked.items.first()?.seq))
            .min();
        [queued, parked, self.in_flight_from]
            .into_iter()
            .flatten()
            .min()
    }

    /// Records and bytes in the queue.
    fn waiting(&self) -> (usize, usize) {
        (self.queue.len(), self.queue.bytes())
    }

    fn depart(&mut self, records: usize, bytes: usize, first: Option<u64>) {
        self.in_flight += records;
        self.in_flight_bytes += bytes;
        self.in_flight_from = self.in_flight_from.or(first);
    }

    fn land(&mut self, records: usize, bytes: usize) {
        self.in_flight = self.in_flight.saturating_sub(records);
        self.in_flight_bytes = self.in_flight_bytes.saturating_sub(bytes);
    }

    fn rest(&mut self) {
        if self.in_flight == 0 {
            self.in_flight_from = None;
        }
    }
}
