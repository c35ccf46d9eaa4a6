//! Spans that are started where no trace is current: counted for the process, and reported once to the newest tracer.
//! Called by `builder`. The tracer registers itself when it is built. Must not log.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::span::shared::{TracerShared, lock};

static STARTED: AtomicU64 = AtomicU64::new(0);
/// Whether the process has built a tracer that records: without one nothing is counted.
static WATCHED: AtomicBool = AtomicBool::new(false);
static REPORTED: AtomicBool = AtomicBool::new(false);
static NEWEST: Mutex<Weak<TracerShared>> = Mutex::new(Weak::new());

/// Reports to this tracer from now on.
pub(crate) fn watch(tracer: &Arc<TracerShared>) {
    *lock(&NEWEST) = Arc::downgrade(tracer);
    REPORTED.store(false, Ordering::Relaxed);
    WATCHED.store(true, Ordering::Relaxed);
}

/// Spans counted so far.
pub(crate) fn started() -> u64 {
    STARTED.load(Ordering::Relaxed)
}

/// Notes that a span of this name was started where no trace is current.
#[cold]
pub(crate) fn note(name: &str) {
    if !WATCHED.load(Ordering::Relaxed) {
        return;
    }
    STARTED.fetch_add(1, Ordering::Relaxed);
    if REPORTED.load(Ordering::Relaxed) {
        return;
    }
    // The processor is called without the lock: it may log, and a subscriber may start spans.
    let newest = lock(&NEWEST).upgrade();
    if let Some(tracer) = newest
        && !tracer.closed.load(Ordering::Relaxed)
        && !REPORTED.swap(true, Ordering::Relaxed)
    {
        tracer.processor.on_outside_trace(name);
    }
}
