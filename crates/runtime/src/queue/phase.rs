//! What the worker reads from the queue: the phase of the worker, and what there is to do; and when the queue wakes it.
//! Made by `queue`; read by `worker` and `delivery`. Must not decide anything.

use tokio::time::Instant;

/// The phase of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Running,
    /// Shutdown was requested, and must be done by this time.
    Closing(Instant),
    /// Every record has its outcome. What the worker still does changes nothing.
    Stopped,
}

/// How many records must wait before one that comes wakes the worker. A wake-up costs the caller some microseconds. A flush, a
/// shutdown and a caller that waits for room wake it at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WakeAt {
    /// One: the worker has no timer.
    Record,
    /// A batch: the worker has a timer for less than that.
    #[default]
    Batch,
    /// A quarter of the queue, or 512 KiB: the worker sends or pauses, and looks again after that.
    Behind,
}

/// The state by which the worker decides. Made by `queue` under its lock; read by `worker::next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) phase: Phase,
    /// Records in the queue.
    pub(crate) waiting: usize,
    /// They fill a batch, or the queue is nearly full.
    pub(crate) is_due: bool,
    /// There are batches whose retries are used up.
    pub(crate) parked: bool,
    /// One of them may be tried again: another batch was accepted since, or it has waited long enough.
    pub(crate) parked_is_due: bool,
    /// The last flush that was requested and is not done.
    pub(crate) flush: Option<u64>,
    /// Every record before that flush has its outcome.
    pub(crate) is_flushed: bool,
}
