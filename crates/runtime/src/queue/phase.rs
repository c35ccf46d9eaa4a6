//! What the worker learns from its queue: the phase of its life, and what there is to do.
//! Made by `queue`; read by `worker` and `delivery`. Decides nothing.

use tokio::time::Instant;

/// The worker's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Running,
    /// Shutdown was asked for, and must be done by then.
    Closing(Instant),
    /// Everything has its outcome; what the worker still does changes nothing.
    Stopped,
}

/// What the worker decides by. Made by `queue` under its lock; read by `worker::next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) phase: Phase,
    /// Records in the queue.
    pub(crate) waiting: usize,
    /// They fill a batch, or the queue has hardly room for more.
    pub(crate) is_due: bool,
    /// There are batches whose retries are used up.
    pub(crate) parked: bool,
    /// One of them may be tried again: another batch was accepted since, or it has waited long enough.
    pub(crate) parked_is_due: bool,
    /// The last flush that was asked for and is not done.
    pub(crate) flush: Option<u64>,
    /// Every record before that flush has its outcome.
    pub(crate) is_flushed: bool,
}
