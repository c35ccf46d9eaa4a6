//! A memory fence in two halves, for two threads of which each writes one word and then reads the word of the other: `light` for
//! the thread that records spans, `heavy` for the rare thread that reads what others record. Where the system has
//! `membarrier(2)`, the light half takes no instruction.
//! Used by `biased` and by `counts`, through `sync`. Must not know what they protect.
//!
//! At least one of two threads sees what the other wrote before its half: the light one if the heavy half was complete before, and
//! the heavy one if not. It is the pair of `asymmetric_thread_fence_light` and `_heavy` that P1202 proposes for C++. Measured: a
//! full fence takes some 10 ns on an Intel Xeon, which a span would need twice; `membarrier` takes 0.2 to 20 microseconds.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};

/// The light half takes no instruction, because the heavy half asks the system.
static IS_ASYMMETRIC: AtomicBool = AtomicBool::new(false);

/// Registers the process for what the system has to make a span cheaper: `membarrier(2)` of Linux. Only the first call in a process
/// does something; it takes some 15 ms if the process has threads. Where the system has nothing of the kind, and before this
/// was called, each span takes two full fences.
pub fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| IS_ASYMMETRIC.store(system::prepare(), Ordering::SeqCst));
}

/// The half of a thread that does it often, between its write and its read.
#[inline(always)]
pub(crate) fn light() {
    if IS_ASYMMETRIC.load(Ordering::Acquire) {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// The half of a thread that does it rarely, between its write and its read.
#[cold]
pub(crate) fn heavy() {
    // Before the flag is read: if it is not set yet, a thread that finds it set later reads what this thread has written.
    fence(Ordering::SeqCst);
    if IS_ASYMMETRIC.load(Ordering::SeqCst) && !system::heavy() {
        // A filter of system calls was installed in the meantime. Threads that found the flag set before have written and read
        // their words long before the sleep ends.
        IS_ASYMMETRIC.store(false, Ordering::SeqCst);
        std::thread::sleep(std::time::Duration::from_millis(1));
        fence(Ordering::SeqCst);
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
mod system {
    use rustix::thread::{MembarrierCommand, membarrier};

    /// Registers the process.
    pub(super) fn prepare() -> bool {
        membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok() && heavy()
    }

    /// A full fence on every processor that runs a thread of this process.
    pub(super) fn heavy() -> bool {
        membarrier(MembarrierCommand::PrivateExpedited).is_ok()
    }
}

#[cfg(any(not(target_os = "linux"), miri))]
mod system {
    pub(super) fn prepare() -> bool {
        false
    }

    pub(super) fn heavy() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, AtomicUsize};

    use super::*;

    /// The pattern for which acquire and release are not enough: both threads would read zero. Without the call of the system it
    /// fails, usually within some thousand rounds.
    #[test]
    fn one_of_two_threads_sees_the_other() {
        const ROUNDS: usize = if cfg!(miri) { 50 } else { 10_000 };
        prepare();
        let words: Vec<[AtomicU32; 2]> = (0..ROUNDS).map(|_| Default::default()).collect();
        let arrived = AtomicUsize::new(0);
        let side = |own: usize, half: fn()| {
            let mut seen = Vec::with_capacity(ROUNDS);
            for (round, pair) in words.iter().enumerate() {
                // Both begin at the same moment.
                arrived.fetch_add(1, Ordering::AcqRel);
                let mut waits = 0;
                while arrived.load(Ordering::Acquire) < 2 * (round + 1) {
                    waits += 1;
                    if waits > 1_000 {
                        std::thread::yield_now();
                    }
                }
                pair[own].store(1, Ordering::Relaxed);
                half();
                seen.push(pair[1 - own].load(Ordering::Relaxed));
            }
            seen
        };
        let (light, heavy) = std::thread::scope(|scope| {
            let other = scope.spawn(|| side(1, heavy));
            (side(0, light), other.join().unwrap())
        });
        for (round, seen) in light.into_iter().zip(heavy).enumerate() {
            assert_ne!(seen, (0, 0), "round {round}");
        }
    }
}
