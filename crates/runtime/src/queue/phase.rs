//! What a worker's queue tells it: in which part of its life it is, and what to do next.
//! Answered by `queue`; acted on by `worker` and `delivery`.

use tokio::time::Instant;

/// The worker's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Running,
    /// Shutdown was asked for, and must be done by then.
    Closing(Instant),
    /// Everything has its outcome; whatever the worker still does changes nothing.
    Stopped,
}

/// What the worker should do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Take a batch now.
    Send,
    /// Take a batch that was set parked.
    Again,
    /// Something waits, but a batch may still fill.
    Fill,
    /// Everything up to the flush has its outcome: let the exporter write out what it holds back.
    Flush(u64),
    Close,
    Idle,
}
