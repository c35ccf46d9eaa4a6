//! The lock, the atomics and the fence that `thread_buffer`, `biased` and `counts` use. The shuttle tests of the runtime compile these
//! files once more with shuttle's.

use std::cell::Cell;
use std::time::Duration;

pub(crate) use crate::fence::{heavy, light};
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};

/// A number of this thread that no other thread has at the same time; never zero.
#[inline(always)]
pub(crate) fn this_thread() -> usize {
    thread_local! {
        // Without a destructor, so that its address is read without a check.
        static ADDRESS: Cell<u8> = const { Cell::new(0) };
    }
    ADDRESS.with(|address| std::ptr::from_ref(address).addr())
}

/// How often a thread looks whether others have noticed its claim, before it uses the heavy half of the fence: some microseconds, in
/// which a thread that records many spans notices it. The loop has no pause instruction: where the processor is virtual, a
/// row of them gives it away.
pub(crate) const LOOKS: u32 = 4_000;

/// Called in a loop that waits for a few instructions of another thread, with how often it was called before.
#[cold]
pub(crate) fn pause(waits: u32) {
    match waits {
        0..16 => std::hint::spin_loop(),
        16..64 => std::thread::yield_now(),
        // The other thread has a lower priority.
        _ => std::thread::sleep(Duration::from_micros(50)),
    }
}
