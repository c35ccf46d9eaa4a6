//! Slots for the open spans of the process. A slot has a span and a reference count of its handles. Free slots are kept in
//! a thread-local free list and are used again; a slot is never freed.
//! Used by the start of a span and by its handles. The tracer reads all slots at a shutdown and for its numbers.
//!
//! An `Arc` for each span and a list of all spans cost 40 ns a span: an allocation, and a lock and a search at both ends.
//! Since slots are never freed, the list of all slots is only written when more spans are open at once than ever before.
//!
//! The count has two halves: handles, and looks of threads that read all slots. A look keeps the slot and not the span: the
//! span ends with its last handle, on the thread that drops it. The slot is free when both are zero.

mod free;

use std::cell::UnsafeCell;
use std::fmt;
use std::ops::Deref;
use std::panic::RefUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::record::{Buffer, SpanId};
use crate::span::open::OpenSpan;
use crate::span::shared::{TracerShared, lock};

/// Aligned so that spans of different threads do not share a cache line.
#[repr(align(64))]
struct SpanSlot {
    /// Handles in the low bits (`HANDLES`), looks in the high ones (`LOOK`); zero while the slot is free.
    count: AtomicU64,
    span: UnsafeCell<Option<OpenSpan>>,
}

// SAFETY: `span` is written by one thread only. Before the count becomes one, it is the thread that has the `UnstartedSpan`
// made of a slot from a free list; after the count is zero and before the slot goes to a free list, it is the thread that
// brought the count to zero. In between `span` is only read, by handles and looks, which are counted; `OpenSpan` may be shared
// and sent. The count cannot wrap: beyond 2^47 handles a clone aborts and an upgrade is refused, and a look is refused beyond
// 65,535 looks.
#[expect(
    unsafe_code,
    reason = "see above: counted by hand, so that slots are used again"
)]
unsafe impl Sync for SpanSlot {}

/// A panic leaves a span consistent: its state is behind a mutex.
impl RefUnwindSafe for SpanSlot {}

const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<OpenSpan>();
};

/// A handle of an open span: counted, and dereferenced without a lock.
pub(crate) struct OpenSpanRef(&'static SpanSlot);

/// A span that has not started, in a slot that nothing else refers to: the count is zero, and no free list has it.
pub(crate) struct UnstartedSpan(&'static SpanSlot);

/// One look in the count.
const LOOK: u64 = 1 << 48;
/// The bits of the count that are handles.
const HANDLES: u64 = LOOK - 1;
/// The most handles from which another one is made. As many again may be made at the same moment by other threads.
const MOST_HANDLES: u64 = HANDLES / 2;

impl SpanSlot {
    const fn new() -> Self {
        Self {
            count: AtomicU64::new(0),
            span: UnsafeCell::new(None),
        }
    }

    /// Ends the span if it is open, and puts the slot into a free list. The caller has set the count to zero.
    #[inline(never)]
    fn free(&'static self) {
        // All writes by other handles come before the end.
        fence(Ordering::Acquire);
        // If the end of the span panics, the slot is emptied and not used again.
        let emptied = Emptied(self);
        // SAFETY: the count is zero: nothing refers to the slot, and nothing can until it is in a free list.
        #[expect(unsafe_code, reason = "see above")]
        let open = unsafe { (*self.span.get()).as_mut() };
        let buffer = open.and_then(OpenSpan::close);
        drop(emptied);
        free::give(self, buffer);
    }

    #[inline]
    fn span(&self) -> &OpenSpan {
        // SAFETY: called by counted handles and looks, and by the only `UnstartedSpan`, so nothing writes to the
        // slot, and a span is in it.
        #[expect(unsafe_code, reason = "see above")]
        unsafe {
            (*self.span.get()).as_ref().unwrap_unchecked()
        }
    }

    /// Looks at the span in the slot, if there is one with a handle.
    fn look(&'static self) -> Option<Look> {
        let more = |count: u64| {
            // A look more than can be counted is refused.
            (count & HANDLES > 0)
                .then(|| count.checked_add(LOOK))
                .flatten()
        };
        let looked = self
            .count
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, more);
        looked.ok().map(|_| Look(self))
    }
}

/// Empties a slot whose count is zero.
struct Emptied(&'static SpanSlot);

impl Drop for Emptied {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: made where the count is zero and no free list has the slot, so nothing else refers to it.
        #[expect(unsafe_code, reason = "see above")]
        unsafe {
            *self.0.span.get() = None;
        }
    }
}

impl UnstartedSpan {
    /// Puts a span into a free slot. Also returns an empty buffer for it.
    #[inline(always)]
    pub(crate) fn new(open: impl FnOnce() -> OpenSpan) -> (Self, Box<Buffer>) {
        let (slot, buffer) = free::take();
        // SAFETY: the slot came from a free list, so its count is zero, no other thread has it, and it is empty.
        #[expect(unsafe_code, reason = "see above")]
        unsafe {
            slot.span.get().write(Some(open()));
        }
        (Self(slot), buffer)
    }

    /// Opens it with the buffer that was written. Returns its first handle.
    #[inline]
    pub(crate) fn start(self, buffer: Option<Box<Buffer>>) -> OpenSpanRef {
        self.open(buffer, 1)
    }

    /// [`start`](Self::start) with two handles.
    #[inline]
    pub(crate) fn start_twice(self, buffer: Option<Box<Buffer>>) -> (OpenSpanRef, OpenSpanRef) {
        let first = self.open(buffer, 2);
        let second = OpenSpanRef(first.0);
        (first, second)
    }

    #[inline]
    fn open(self, buffer: Option<Box<Buffer>>, handles: u64) -> OpenSpanRef {
        let slot = self.0;
        std::mem::forget(self);
        // SAFETY: `self` was the only one that refers to the slot.
        #[expect(unsafe_code, reason = "see above")]
        if let Some(open) = unsafe { (*slot.span.get()).as_mut() } {
            open.fill(buffer);
        }
        // A thread that sees the count also sees the span.
        slot.count.store(handles, Ordering::Release);
        OpenSpanRef(slot)
    }
}

impl Deref for UnstartedSpan {
    type Target = OpenSpan;

    #[inline]
    fn deref(&self) -> &OpenSpan {
        self.0.span()
    }
}

impl Drop for UnstartedSpan {
    fn drop(&mut self) {
        drop(Emptied(self.0));
        free::give(self.0, None);
    }
}

/// Keeps the buffer of a span that has ended for the next spans of this thread.
pub(crate) fn give_buffer(buffer: Box<Buffer>) {
    free::give_buffer(buffer);
}

impl OpenSpanRef {
    /// Whether no other handle exists; looks are not handles.
    #[inline]
    pub(crate) fn is_last(&self) -> bool {
        self.0.count.load(Ordering::Acquire) & HANDLES == 1
    }

    /// Ends the span, because its work is done. The last handle needs no lock for that.
    #[inline]
    pub(crate) fn end_with_work(self) {
        let last = (self.0.count).compare_exchange(1, 0, Ordering::Release, Ordering::Relaxed);
        if last.is_ok() {
            let slot = self.0;
            std::mem::forget(self);
            slot.free();
        } else {
            self.end_shared();
        }
    }

    /// Other handles, or looks, exist.
    #[cold]
    #[inline(never)]
    fn end_shared(self) {
        self.end(|_| {});
    }

    #[inline]
    pub(crate) fn downgrade(&self) -> WeakSpanRef {
        WeakSpanRef(self.0)
    }
}

/// Finds an open span again without keeping it open.
#[derive(Clone, Copy)]
pub(crate) struct WeakSpanRef(&'static SpanSlot);

impl WeakSpanRef {
    /// A handle of the span with this id; `None` if it is gone and its slot is free or used by another span.
    pub(crate) fn upgrade(&self, id: SpanId) -> Option<OpenSpanRef> {
        let look = self.0.look().filter(|open| open.id == id)?;
        Self(look.0).handle()
    }

    /// A handle of the span in the slot, which the caller knows to be the same; `None` if there is none, and beyond 2^47
    /// handles, which only `mem::forget` can reach.
    pub(crate) fn handle(&self) -> Option<OpenSpanRef> {
        let more = |count: u64| match count & HANDLES {
            1..=MOST_HANDLES => Some(count + 1),
            _ => None,
        };
        let counted = self
            .0
            .count
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, more);
        counted.ok().map(|_| OpenSpanRef(self.0))
    }
}

impl Deref for OpenSpanRef {
    type Target = OpenSpan;

    #[inline]
    fn deref(&self) -> &OpenSpan {
        self.0.span()
    }
}

impl Clone for OpenSpanRef {
    #[inline]
    fn clone(&self) -> Self {
        let before = self.0.count.fetch_add(1, Ordering::Relaxed);
        if before & HANDLES > MOST_HANDLES {
            // As `Arc` does: this many handles were leaked by `mem::forget`, and the count must not wrap.
            std::process::abort();
        }
        Self(self.0)
    }
}

impl Drop for OpenSpanRef {
    /// The last handle ends the span, on this thread, also while another thread looks at it.
    #[inline]
    fn drop(&mut self) {
        let count = &self.0.count;
        let mut seen = count.load(Ordering::Relaxed);
        loop {
            let next = match seen {
                1 => 0,
                _ if seen & HANDLES > 1 => seen - 1,
                _ => return end_looked_at(self.0),
            };
            match count.compare_exchange_weak(seen, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) if next == 0 => return self.0.free(),
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }
}

/// Drops the last handle of a span that another thread looks at, which then frees the slot.
#[cold]
fn end_looked_at(slot: &'static SpanSlot) {
    slot.span().end(|_| {});
    if slot.count.fetch_sub(1, Ordering::Release) == 1 {
        slot.free();
    }
}

/// A look at an open span: it keeps the slot, but not the span open.
pub(crate) struct Look(&'static SpanSlot);

impl Deref for Look {
    type Target = OpenSpan;

    fn deref(&self) -> &OpenSpan {
        self.0.span()
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(LOOK, Ordering::Release) == LOOK {
            self.0.free();
        }
    }
}

impl fmt::Debug for OpenSpanRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenSpanRef").finish_non_exhaustive()
    }
}

/// The open spans of a tracer. Nothing is locked while the caller reads one.
pub(crate) fn spans_of(core: &TracerShared) -> impl Iterator<Item = Look> {
    let chunks = lock(&free::ALL).clone();
    let found = chunks.into_iter().flatten().filter_map(SpanSlot::look);
    found.filter(|open| std::ptr::eq(&*open.trace.core, core))
}

#[cfg(test)]
mod tests;
