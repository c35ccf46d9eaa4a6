//! Where time comes from: the trait, and the user's clock with its panics caught. Used by `Clock`.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::record::guard::{contain, drop_contained};

/// Where time comes from. Implement it to inject a clock; most tests use [`ManualClock`](crate::ManualClock).
///
/// It is called on the threads that record, when a span starts and ends, so it must return at once. If it panics, the
/// time that it returned last is used.
pub trait TimeSource: Send + Sync + 'static {
    /// Nanoseconds since the Unix epoch. May step in either direction.
    fn unix_nanos(&self) -> u64;

    /// Nanoseconds since some fixed moment. Never steps back.
    fn monotonic_nanos(&self) -> u64;
}

/// The user's clock. A call that panics returns what the call before it returned.
pub(crate) struct ContainedClock<S> {
    /// `None` only while it is dropped.
    inner: Option<S>,
    unix: AtomicU64,
    monotonic: AtomicU64,
}

impl<S: TimeSource> ContainedClock<S> {
    pub(crate) const fn new(inner: S) -> Self {
        Self {
            inner: Some(inner),
            unix: AtomicU64::new(0),
            monotonic: AtomicU64::new(0),
        }
    }
}

impl<S: TimeSource> TimeSource for ContainedClock<S> {
    fn unix_nanos(&self) -> u64 {
        last_good(&self.unix, || Some(self.inner.as_ref()?.unix_nanos()))
    }

    fn monotonic_nanos(&self) -> u64 {
        last_good(&self.monotonic, || {
            Some(self.inner.as_ref()?.monotonic_nanos())
        })
    }
}

impl<S> Drop for ContainedClock<S> {
    fn drop(&mut self) {
        drop_contained(self.inner.take());
    }
}

#[inline]
fn last_good(last: &AtomicU64, read: impl FnOnce() -> Option<u64>) -> u64 {
    match contain(read).flatten() {
        Some(nanos) => {
            last.store(nanos, Ordering::Relaxed);
            nanos
        }
        None => last.load(Ordering::Relaxed),
    }
}
