//! The queue, compiled once more on shuttle's locks: producers, worker, flush and shutdown in thousands of orders.
//! A thread that waits for ever is a deadlock that shuttle reports; timeouts never fire, so none can hide a
//! lost wake-up. `SHUTTLE_ITERATIONS` asks for more of them.

#![expect(
    dead_code,
    unreachable_pub,
    reason = "the modules are the crate's own, and not all of each is used here"
)]

#[path = "../../../core/src/biased.rs"]
mod biased;
mod biased_locks;
mod buffers;
#[path = "../../src/config/mod.rs"]
mod config;
#[path = "../../../core/src/span/open/slots/counts.rs"]
mod counts;
#[path = "../../src/ledger.rs"]
mod ledger;
#[path = "../../src/log.rs"]
mod log;
#[path = "../../src/worker/next.rs"]
mod next;
mod orders;
#[path = "../../src/queue/mod.rs"]
mod queue;
/// What `thread_buffer` reads of the core.
mod record {
    pub(crate) use tracefuse_exporter::record::{Chunk, FinishedSpan};
}
mod slots;
#[path = "../../../core/src/thread_buffer.rs"]
mod thread_buffer;
use tracefuse_exporter::contain;
#[cfg(feature = "spool")]
use tracefuse_runtime::spool;

/// The worker's decision, without its thread.
mod worker {
    pub(crate) use crate::next;
}

/// In the place of `src/sync.rs`.
mod sync {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
    pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;

    /// Shuttle has one order of all accesses, as if there were a full fence between any two.
    pub(crate) fn light() {}

    thread_local! {
        /// How often the heavy half was used. Shuttle runs the threads of a test on one of the system.
        pub(crate) static FENCES: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }

    pub(crate) fn heavy() {
        FENCES.set(FENCES.get() + 1);
    }

    pub(crate) const LOOKS: u32 = 2;

    pub(crate) fn pause(_: u32) {
        shuttle::thread::yield_now();
    }

    pub(crate) fn this_thread() -> usize {
        usize::from(shuttle::current::me()) + 1
    }
}
