//! How records get into a queue: bounds, the policies of a full queue, and when the worker is woken.
//! Called by `buffers`, on callers' threads and on the worker's thread. Must not know how the queue stores them.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use tracefuse_core::{DropReason, Health};
use tracefuse_exporter::record::{Record, Records, SharedChunk, SpanRecord};

use super::budget::LONGEST_WAIT;
use super::{ExporterQueue, Source, State};
use crate::config::{Overload, WhileOpen};
use crate::ledger::Notice;
use crate::log;
use crate::queue::envelope::Queued;
use crate::queue::phase::{Phase, WakeAt};
use crate::sync::{MutexGuard, Ordering};

/// Work that is done after all locks are released: a worker to wake, large records to drop, and a loss to log, which calls a
/// log subscriber. A worker that is woken before may run at once, in the place of the caller, and then waits for its locks.
#[derive(Default)]
#[must_use = "a worker is to be woken, a loss is to be logged"]
pub(crate) struct Deferred<'a> {
    wake: Option<&'a Notify>,
    freed: Vec<Record>,
    full: Option<(String, DropReason, u64)>,
}

impl Deferred<'_> {
    fn note_full(&mut self, queue: &ExporterQueue, state: &mut State, reason: DropReason) {
        if let Some(suppressed) = state.notices.admit(Notice::QueueFull) {
            self.full = Some((queue.name.clone(), reason, suppressed));
        }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.wake.is_none() && self.freed.is_empty() && self.full.is_none()
    }

    /// Must be called without a lock.
    pub(crate) fn settle(self) {
        if let Some(wake) = self.wake {
            wake.notify_one();
        }
        if let Some((queue, reason, suppressed)) = self.full {
            log::queue_full(&queue, reason, suppressed);
        }
    }
}

/// Bytes of the smallest span.
const SMALLEST_SPAN: usize = 48;
/// Bytes in the queue for which a worker that pauses is woken. What waits in the pause is memory that is not in use yet: with
/// 16 MiB, page faults made a generation of 2 KiB take twice as long.
const BEHIND_BYTES: usize = 512 * 1024;
/// One in this many refused spans may write a log line.
const REFUSALS_PER_NOTICE: u64 = 1024;

impl ExporterQueue {
    /// Takes a record, or counts its loss. Waits for room if the overload policy waits. `waited` is how long the caller has
    /// waited for this record in other queues; the wait is added to it.
    pub(crate) fn push(&self, record: Record, from: Option<Source>, waited: &mut Duration) {
        let bytes = bytes_of(&record);
        let mut state = self.lock();
        if self.must_wait(&state, bytes) {
            state = self.wait_for_room(state, bytes, waited);
        }
        let mut after = Deferred::default();
        let wake = self.admit(&mut state, record, from, false, &mut after);
        self.note_room(&mut state);
        drop(state);
        after.wake = wake.then_some(&self.wake);
        after.settle();
    }

    /// Takes the spans of a thread, in order. Never waits. With `force` it takes them beyond the bounds too.
    pub(crate) fn push_chunk(
        &self,
        chunk: &SharedChunk,
        from: Source,
        force: bool,
    ) -> Deferred<'_> {
        let mut after = Deferred::default();
        let mut state = self.lock();
        let mut wake = false;
        if self.takes(&state, chunk.len(), chunk.size(), force) {
            let before = state.waiting();
            let seq = state.ledger.recorded + 1;
            state.ledger.recorded += chunk.len() as u64;
            let records = Records::new(chunk.clone());
            state.queue.push_spans(records, from, seq);
            wake = self.is_news(&mut state, before);
        } else {
            // Some of it may fit.
            for span in Records::new(chunk.clone()) {
                wake |= self.admit(&mut state, span.into(), Some(from), force, &mut after);
            }
        }
        self.note_room(&mut state);
        drop(state);
        after.wake = wake.then_some(&self.wake);
        after
    }

    /// Whether there is room for all of it, so that no overload policy is needed.
    fn takes(&self, state: &State, count: usize, bytes: usize, force: bool) -> bool {
        let open = is_open(state);
        let (held, held_bytes) = state.held();
        let fits = held + count <= self.config.max_queue_size
            && held_bytes.saturating_add(bytes) <= self.config.max_queue_bytes;
        state.phase == Phase::Running
            && !(open && self.config.while_open == WhileOpen::NoOp)
            && (force || fits)
    }

    /// Reserves room for the spans that threads may buffer.
    pub(crate) fn reserve(&self, records: usize, bytes: usize) {
        let mut state = self.lock();
        state.reserved = (records, bytes);
        self.note_room(&mut state);
    }

    /// Whether a record of this size leaves room for others.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        let (count, held) = self.lock().held();
        !self.is_crowded_at((count.saturating_add(1), held.saturating_add(bytes)))
    }

    /// Whether there is room for all spans that threads may buffer.
    #[cfg(test)]
    pub(crate) fn has_capacity(&self) -> bool {
        self.lock().has_capacity
    }

    /// Whether a span that started now would be dropped at its end.
    #[inline]
    pub(crate) fn refuses(&self) -> bool {
        self.refuses.load(Ordering::Relaxed)
    }

    /// Counts a span that was refused when it started: as recorded and dropped, as if it had ended. Logs the first of
    /// many, as a full queue is logged.
    pub(crate) fn note_refused(&self) {
        let before = self.refused.fetch_add(1, Ordering::Relaxed);
        if before.is_multiple_of(REFUSALS_PER_NOTICE) {
            let mut after = Deferred::default();
            after.note_full(self, &mut self.lock(), DropReason::CircuitOpen);
            after.settle();
        }
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Must be called after every change of what the queue holds, of the health and of the phase.
    pub(super) fn note_room(&self, state: &mut State) {
        let slows = self.config.overload == Overload::BlockBriefly
            && is_worth_waiting_for(state)
            && self.is_beyond_mark(state);
        if std::mem::replace(&mut state.slows, slows) && !slows {
            self.room.notify_all();
        }
        let (held, bytes) = state.held();
        let (more, more_bytes) = state.reserved;
        let has_capacity = !slows
            && held + more <= self.config.max_queue_size
            && bytes.saturating_add(more_bytes) <= self.config.max_queue_bytes;
        if std::mem::replace(&mut state.has_capacity, has_capacity) != has_capacity {
            self.spare.set(has_capacity);
            if let Some(rounds) = &state.rounds {
                rounds.note_capacity(has_capacity);
            }
        }
        let full = match self.config.while_open {
            WhileOpen::NoOp => held > 0,
            WhileOpen::Hold => {
                self.config.overload != Overload::DropOldest
                    && self.full(state, SMALLEST_SPAN).is_some()
            }
        };
        let refuses = full
            && is_open(state)
            && state.phase == Phase::Running
            && !self.spills.load(Ordering::Relaxed);
        self.refuses.store(refuses, Ordering::Relaxed);
    }

    /// Whether the queue rose to seven eighths, and has not fallen by a sixteenth since. Callers that wait from there on are
    /// taken at the end of their wait, because there is room left.
    fn is_beyond_mark(&self, state: &State) -> bool {
        let is_beyond = |held: usize, bound: usize| {
            let mark = bound - bound / 8;
            held >= if state.slows { mark - bound / 16 } else { mark }
        };
        let (count, bytes) = state.held();
        is_beyond(count, self.config.max_queue_size)
            || is_beyond(bytes, self.config.max_queue_bytes)
    }

    /// Whether the overload policy makes a caller with this record wait.
    fn must_wait(&self, state: &State, bytes: usize) -> bool {
        let full = || self.full(state, bytes).is_some();
        match self.config.overload {
            Overload::BlockBriefly => is_worth_waiting_for(state) && (state.slows || full()),
            Overload::Block(_) => state.phase == Phase::Running && full(),
            Overload::DropNewest | Overload::DropOldest => false,
        }
    }

    /// Waits as long as the policy allows. The worker meanwhile sends what is in the queue, also if it is less than a batch.
    fn wait_for_room<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        bytes: usize,
        waited: &mut Duration,
    ) -> MutexGuard<'a, State> {
        let is_brief = self.config.overload == Overload::BlockBriefly;
        let left = match self.config.overload {
            Overload::Block(longest) => Some(longest.saturating_sub(*waited)),
            _ => state.begin_wait(LONGEST_WAIT.saturating_sub(*waited)),
        };
        let Some(left) = left else {
            return state;
        };
        if !std::mem::replace(&mut state.no_room, true) {
            self.wake.notify_one();
        }
        let begun = Instant::now();
        let waits = |state: &mut State| self.must_wait(state, bytes);
        state.waiters += 1;
        let mut state = match self.room.wait_timeout_while(state, left, waits) {
            Ok((state, _)) => state,
            Err(poisoned) => poisoned.into_inner().0,
        };
        state.waiters -= 1;
        let now = Instant::now();
        *waited = waited.saturating_add(now.saturating_duration_since(begun));
        if is_brief {
            state.budget.end(now);
        }
        state
    }

    /// Takes a record or counts its loss. Returns whether the worker must be woken.
    fn admit(
        &self,
        state: &mut State,
        record: Record,
        from: Option<Source>,
        force: bool,
        after: &mut Deferred<'_>,
    ) -> bool {
        let bytes = bytes_of(&record);
        // Counted now: a record that waits for room is not in the numbers yet.
        state.ledger.recorded += 1;
        let spills = self.spills.load(Ordering::Relaxed);
        let refused = loop {
            if state.phase != Phase::Running {
                break Some(if state.died {
                    DropReason::DeliveryFailed
                } else {
                    DropReason::AfterShutdown
                });
            }
            let open = is_open(state);
            // An empty queue takes one record, with which the receiver is probed.
            if open && !spills && self.config.while_open == WhileOpen::NoOp && state.held().0 > 0 {
                break Some(DropReason::CircuitOpen);
            }
            let Some(reason) = self.full(state, bytes).filter(|_| !force) else {
                break None;
            };
            // The queue is full because the circuit breaker is open, so that is the reason.
            let reason = if open {
                DropReason::CircuitOpen
            } else {
                reason
            };
            let oldest = if self.config.overload == Overload::DropOldest {
                state.queue.pop()
            } else {
                None
            };
            let Some(oldest) = oldest else {
                break Some(reason);
            };
            state.ledger.dropped(reason, 1);
            let maybe = usize::from(oldest.maybe_delivered);
            state.ledger.maybe_delivered(maybe);
            after.note_full(self, state, reason);
            after.freed.push(oldest.record);
        };
        if let Some(reason) = refused {
            state.ledger.dropped(reason, 1);
            after.note_full(self, state, reason);
            after.freed.push(record);
            // The worker is woken once, to make room.
            return !std::mem::replace(&mut state.no_room, true);
        }
        let before = state.waiting();
        let seq = state.ledger.recorded;
        match (&record, from) {
            (Record::Span(span), Some(from)) => {
                state.queue.push_span(span, from, seq);
            }
            _ => state.queue.push(Queued::new(record, bytes, seq)),
        }
        self.is_news(state, before)
    }

    /// Whether the worker must be woken for the records that came since the queue had `before`. A wake-up takes
    /// microseconds: there is one when the queue reaches the bound for it, see [`WakeAt`], and one when it is nearly full.
    fn is_news(&self, state: &mut State, before: (usize, usize)) -> bool {
        let (count, bytes) = state.waiting();
        let config = &self.config;
        let bounds = match state.wake_at {
            WakeAt::Record => {
                state.wake_at = WakeAt::Batch;
                return true;
            }
            WakeAt::Batch => (config.batch_size, config.max_batch_bytes),
            WakeAt::Behind => (
                config.batch_size.max(config.max_queue_size / 4),
                BEHIND_BYTES.min(config.max_queue_bytes / 4),
            ),
        };
        let crosses = |before, now, bound| before < bound && now >= bound;
        let (held, held_bytes) = state.held();
        let added = (count - before.0, bytes - before.1);
        let was_crowded = self.is_crowded_at((held - added.0, held_bytes - added.1));
        crosses(before.0, count, bounds.0)
            || crosses(before.1, bytes, bounds.1)
            || (self.is_crowded_at((held, held_bytes))
                && (!was_crowded || self.spills.load(Ordering::Relaxed)))
    }

    fn full(&self, state: &State, bytes: usize) -> Option<DropReason> {
        let (count, held) = state.held();
        if count >= self.config.max_queue_size {
            Some(DropReason::QueueFullCount)
        } else if held.saturating_add(bytes) > self.config.max_queue_bytes && count > 0 {
            // An empty queue takes a record of any size: no record is dropped only because it is large.
            Some(DropReason::QueueFullBytes)
        } else {
            None
        }
    }
}

/// The most bytes that a record can add to a queue.
fn bytes_of(record: &Record) -> usize {
    record
        .as_span()
        .map_or_else(|| record.size(), SpanRecord::size_with_trace)
}

/// Whether the last attempt succeeded, so that there will be room.
fn is_worth_waiting_for(state: &State) -> bool {
    state.health == Health::Healthy && state.phase == Phase::Running
}

fn is_open(state: &State) -> bool {
    matches!(state.health, Health::Open { .. } | Health::Refused { .. })
}
