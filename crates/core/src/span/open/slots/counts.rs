//! The counts of a slot: handles of its span, and looks of threads that read all slots.
//! Used by `slots`. The shuttle tests of the runtime compile this file once more, and try it in many orders. Must not know spans.
//!
//! A look keeps the slot and not the span: the span ends with its last handle, on the thread that drops it. The slot is free when
//! both counts are zero. Exactly one thread frees it:
//!
//! * The thread that removes the last handle writes zero to `handles` and then reads `looks`. A look is added to `looks` and then
//!   reads `handles`. Between the two the first has the light half of a fence, or an access that is `SeqCst`, and the second the
//!   heavy half, so one of them sees the other: no look reads a span whose slot is being freed.
//! * If there are looks, the thread ends the span, writes `ENDED` with a number and reads `looks` once more; a look is removed and
//!   then reads `handles`. So at least one of them sees that there are no looks and no handles, and the one that changes that very
//!   value to zero frees the slot. The number differs each time: a thread that was not scheduled since it read the value cannot free the
//!   slot of a later span.

use crate::sync::{AtomicU64, AtomicUsize, Ordering, light};

/// The counts of one slot, see the header of this file.
pub(crate) struct Counts {
    /// Zero while the slot is free, and while the thread that removed the last handle ends the span; [`ENDED`] and more if a look
    /// may have to free the slot.
    handles: AtomicU64,
    looks: AtomicUsize,
    /// How often a span ended while others looked at it.
    ends: AtomicU64,
    /// The thread that runs a closure in the span, and has a handle of it meanwhile; zero if none does.
    runner: AtomicUsize,
}

/// What the thread must do that removed a handle.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) enum Then {
    /// There are other handles.
    Nothing,
    /// End the span and free the slot: nothing refers to it.
    Free,
    /// End the span, then call [`Counts::ended`]: other threads look at it.
    End,
}

/// The span has ended, and there is no handle.
const ENDED: u64 = 1 << 63;
/// The most handles from which another one is made. As many again may be made at the same moment by other threads.
pub(crate) const MOST_HANDLES: u64 = 1 << 47;

impl Counts {
    pub(crate) const fn new() -> Self {
        Self {
            handles: AtomicU64::new(0),
            looks: AtomicUsize::new(0),
            ends: AtomicU64::new(0),
            runner: AtomicUsize::new(0),
        }
    }

    /// The span has so many handles from now on. A thread that sees them also sees what was written to the span before.
    #[inline(always)]
    pub(crate) fn open(&self, handles: u64) {
        self.handles.store(handles, Ordering::Release);
    }

    /// Opens a span with two handles: one for a closure, and one that this thread keeps until it has called
    /// [`end_run`](Self::end_run). Only for a span of which other threads can make no handle, unless they are given one.
    #[inline(always)]
    pub(crate) fn begin_run(&self, thread: usize) {
        self.runner.store(thread, Ordering::Relaxed);
        self.open(2);
    }

    /// The closure has returned.
    #[inline(always)]
    pub(crate) fn end_run(&self) {
        self.runner.store(0, Ordering::Relaxed);
    }

    /// Removes the handle of a span that was [begun to run](Self::begin_run), if it is the last one.
    #[inline(always)]
    pub(crate) fn remove_last(&self) -> Option<Then> {
        if !self.is_last() {
            return None;
        }
        // No other thread has a handle that it could clone or drop, and none can make one.
        self.handles.store(0, Ordering::Release);
        light();
        Some(self.then())
    }

    #[inline(always)]
    pub(crate) fn is_last(&self) -> bool {
        self.handles.load(Ordering::Acquire) == 1
    }

    /// Adds a handle where there is one.
    #[inline(always)]
    pub(crate) fn add(&self) {
        if self.handles.fetch_add(1, Ordering::Relaxed) > MOST_HANDLES {
            // As `Arc` does: this many handles were leaked by `mem::forget`, and the count must not wrap.
            std::process::abort();
        }
    }

    /// Adds a handle if there is one; `false` beyond 2^47 handles, which only `mem::forget` can reach.
    pub(crate) fn add_to_others(&self) -> bool {
        let more = |handles: u64| match handles {
            1..=MOST_HANDLES => Some(handles + 1),
            _ => None,
        };
        self.handles
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, more)
            .is_ok()
    }

    /// Removes a handle on this thread.
    #[inline(always)]
    pub(crate) fn remove(&self, thread: usize) -> Then {
        if self.handles.load(Ordering::Relaxed) == 2
            && self.runner.load(Ordering::Relaxed) == thread
        {
            // The other handle is the one that this thread keeps for the closure. So no other thread has a handle that it could
            // clone or drop, and none can find one: the count needs no locked instruction.
            self.open(1);
            Then::Nothing
        } else if self.handles.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.then()
        } else {
            Then::Nothing
        }
    }

    #[inline(always)]
    fn then(&self) -> Then {
        if self.looks.load(Ordering::SeqCst) == 0 {
            Then::Free
        } else {
            Then::End
        }
    }

    /// The span has ended because of [`Then::End`]. Returns whether the caller must free the slot.
    pub(crate) fn ended(&self) -> bool {
        // Only this thread is here: the slot is free for the next span after one of those below has returned `true`.
        let ended = ENDED | self.ends.fetch_add(1, Ordering::Relaxed);
        self.handles.store(ended, Ordering::SeqCst);
        self.is_unused(ended)
    }

    /// Adds a look. It must be followed by the heavy half of a fence, before anything is read.
    pub(crate) fn look(&self) {
        self.looks.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether the span has a handle; else nothing may be read. Only after a [look](Self::look) and the fence.
    pub(crate) fn has_handle(&self) -> bool {
        matches!(self.handles.load(Ordering::SeqCst), 1..ENDED)
    }

    /// Removes a look. Returns whether the caller must free the slot.
    pub(crate) fn end_look(&self) -> bool {
        if self.looks.fetch_sub(1, Ordering::SeqCst) != 1 {
            return false;
        }
        let handles = self.handles.load(Ordering::SeqCst);
        handles >= ENDED && self.is_unused(handles)
    }

    #[cfg(test)]
    pub(crate) fn of_test(&self) -> (&AtomicU64, &AtomicUsize) {
        (&self.handles, &self.looks)
    }

    /// Whether there is no look, and the slot is the caller's to free. `ended` is what it has read in `handles`.
    fn is_unused(&self, ended: u64) -> bool {
        self.looks.load(Ordering::SeqCst) == 0
            && (self.handles)
                .compare_exchange(ended, 0, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
    }
}
