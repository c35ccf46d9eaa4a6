//! What all handles of one tracer share: its processor, clock, sampler and counters.
//! Used by spans, traces and the tracer; must not know the tracer's lifetime (see `trace::guard`).

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::contained::{Admission, ContainedProcessor};
use crate::span::delivering::is_suppressed;
use crate::trace::sampler::ContainedSampler;

/// What all handles of one tracer share.
pub(crate) struct TracerShared {
    pub(crate) processor: ContainedProcessor,
    pub(crate) clock: Clock,
    pub(crate) sampler: ContainedSampler,
    /// Whether the processor measures spans, those of unsampled traces too.
    pub(crate) measures: bool,
    pub(crate) backtraces: bool,
    pub(crate) capture_content: bool,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) flush_timeout: Duration,
    pub(crate) closed: AtomicBool,
    pub(crate) unsampled: AtomicU64,
    pub(crate) not_recorded: AtomicU64,
    pub(crate) late_writes: AtomicU64,
    pub(crate) unfinished: AtomicU64,
    /// How many spans the process had started outside of traces when the tracer was built.
    pub(crate) outside_before: u64,
}

impl TracerShared {
    /// Whether a span started now, on this thread, would be kept; counts it if not.
    #[inline]
    pub(crate) fn admits(&self) -> bool {
        let is_open = !self.closed.load(Ordering::Relaxed) && !is_suppressed();
        is_open && self.processor.takes_all() || self.admits_if_asked(is_open)
    }

    #[inline(never)]
    fn admits_if_asked(&self, is_open: bool) -> bool {
        let admission = if is_open {
            self.processor.admission()
        } else {
            Admission::Off
        };
        if admission == Admission::Off {
            self.not_recorded.fetch_add(1, Ordering::Relaxed);
        }
        admission == Admission::Taken
    }

    pub(crate) fn note_unsampled(&self) {
        self.unsampled.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_late_write(&self) {
        self.late_writes.fetch_add(1, Ordering::Relaxed);
    }
}

/// It is consistent after a panic in user code, because nothing is locked while user code runs.
impl UnwindSafe for TracerShared {}
impl RefUnwindSafe for TracerShared {}

/// Locks `mutex`, also if a thread panicked while it was locked: no code of ours panics then, so the value is consistent.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
