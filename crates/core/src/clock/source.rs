//! Where time comes from: the trait, and a user's clock with its panics contained. Used by `Clock`.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::record::guard::catch;

/// Where time comes from. Implement it to inject a clock; most tests use [`ManualClock`](crate::ManualClock).
///
/// It is called on the threads that record, when a span starts and ends, so it must return at once. If it panics, the
/// time that it gave last is used.
pub trait TimeSource: Send + Sync + 'static {
    /// Nanoseconds since the Unix epoch. May step in either direction.
    fn unix_nanos(&self) -> u64;

    /// Nanoseconds since some fixed moment. Never steps back.
    fn monotonic_nanos(&self) -> u64;
}

/// A user's clock. A call that panics gives what the last one gave.
pub(crate) struct ContainedClock<S> {
    inner: S,
    unix: AtomicU64,
    monotonic: AtomicU64,
}

impl<S: TimeSource> ContainedClock<S> {
    pub(crate) const fn new(inner: S) -> Self {
        Self {
            inner,
            unix: AtomicU64::new(0),
            monotonic: AtomicU64::new(0),
        }
    }
}

impl<S: TimeSource> TimeSource for ContainedClock<S> {
    fn unix_nanos(&self) -> u64 {
        last_good(&self.unix, || self.inner.unix_nanos())
    }

    fn monotonic_nanos(&self) -> u64 {
        last_good(&self.monotonic, || self.inner.monotonic_nanos())
    }
}

fn last_good(last: &AtomicU64, read: impl FnOnce() -> u64) -> u64 {
    match catch(read) {
        Ok(nanos) => {
            last.store(nanos, Ordering::Relaxed);
            nanos
        }
        Err(_) => last.load(Ordering::Relaxed),
    }
}
