//! The rounds of spans, and whether spans may wait in the buffers of threads: one word, which a thread reads for each span.
//! Changed by `buffers`, and by a queue whose room begins or ends. Must not know spans.

use std::sync::Arc;

use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering, PoisonError};

/// A drain of the buffers ends a round, see `SpanBuffers::drain`. The first round is 1.
pub(crate) struct Rounds {
    gate: Mutex<Gate>,
    /// See [`Now`]. Its round is written under the lock of `gate`.
    now: Arc<AtomicU64>,
}

struct Gate {
    /// Workers that will drain the buffers soon. Without one no span may wait in a buffer.
    watchers: usize,
    closed: bool,
    round: u64,
}

/// What a thread reads: in the low bits the round in which its spans are recorded, or [`CLOSED`] while no span may wait in a
/// buffer; in the high bits how many queues have no room for all that may be in buffers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now(u64);

/// One queue without room.
const FULL: u64 = 1 << 48;
/// The bits of the round.
const ROUND: u64 = FULL - 1;
/// No round.
const CLOSED: u64 = ROUND;

impl Now {
    /// Whether spans may wait in a buffer, and this is their round.
    #[inline]
    pub(crate) fn is_round(self, round: u64) -> bool {
        self.0 == round
    }

    /// Whether every queue has room for all spans that may be in buffers.
    pub(crate) fn has_capacity(self) -> bool {
        self.0 < FULL
    }

    /// The round, if spans may wait in a buffer.
    pub(crate) fn round(self) -> Option<u64> {
        (self.0 < CLOSED).then_some(self.0)
    }
}

impl Rounds {
    pub(crate) fn new() -> Self {
        Self {
            gate: Mutex::new(Gate {
                watchers: 0,
                closed: false,
                round: 1,
            }),
            now: Arc::new(AtomicU64::new(CLOSED)),
        }
    }

    /// The word itself, with which buffers compare their round.
    pub(crate) fn word(&self) -> Arc<AtomicU64> {
        self.now.clone()
    }

    #[inline]
    pub(crate) fn now(&self) -> Now {
        Now(self.now.load(Ordering::Acquire))
    }

    /// The round of a span that does not wait in a buffer.
    pub(crate) fn current(&self) -> u64 {
        self.gate().round
    }

    /// Begins a round. Returns the one before.
    pub(crate) fn begin(&self) -> u64 {
        self.change(|gate| {
            gate.round += 1;
            gate.round - 1
        })
    }

    pub(crate) fn begin_watch(&self) {
        self.change(|gate| gate.watchers += 1);
    }

    pub(crate) fn end_watch(&self) {
        self.change(|gate| gate.watchers -= 1);
    }

    /// From now on no span may wait in a buffer.
    pub(crate) fn close(&self) {
        self.change(|gate| gate.closed = true);
    }

    /// Called by a queue, under its lock, when its room for what may be in buffers begins or ends. It has room at first.
    pub(crate) fn note_capacity(&self, has_capacity: bool) {
        if has_capacity {
            self.now.fetch_sub(FULL, Ordering::Release);
        } else {
            self.now.fetch_add(FULL, Ordering::Release);
        }
    }

    fn change<R>(&self, f: impl FnOnce(&mut Gate) -> R) -> R {
        let mut gate = self.gate();
        let result = f(&mut gate);
        let is_open = gate.watchers > 0 && !gate.closed;
        let round = if is_open { gate.round } else { CLOSED };
        let with_round = |now: u64| Some(now & !ROUND | round);
        let _ = (self.now).fetch_update(Ordering::Release, Ordering::Relaxed, with_round);
        result
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
