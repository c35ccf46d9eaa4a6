//! Slots for the open spans of the process. A slot has a span and a reference count of its handles. Free slots are kept in
//! a thread-local free list and are used again; a slot is never freed.
//! Used by the start of a span and by its handles. The tracer reads all slots at a shutdown and for its numbers.
//!
//! An `Arc` for each span and a list of all spans cost 40 ns a span: an allocation, and a lock and a search at both ends.
//! Since slots are never freed, the list of all slots is only written when more spans are open at once than ever before.
//!
//! Handles are counted, and so are looks of threads that read all slots, see `counts`.

mod counts;
mod free;

use std::cell::UnsafeCell;
use std::fmt;
use std::ops::Deref;
use std::panic::RefUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use counts::{Counts, Then};

use crate::record::{Buffer, SpanId};
use crate::span::open::{OpenSpan, TraceState};
use crate::span::shared::{TracerShared, lock};
use crate::sync::{heavy, this_thread};

/// Aligned so that spans of different threads do not share a cache line.
#[repr(align(64))]
struct SpanSlot {
    counts: Counts,
    span: UnsafeCell<Option<OpenSpan>>,
}

// SAFETY: `span` is written by one thread only. Before there are handles, it is the thread that has the `UnstartedSpan` made of a
// slot from a free list; after there are none and before the slot goes to a free list, it is the thread that `counts` says must
// free it. In between `span` is only read, by handles and looks, which are counted; `OpenSpan` may be shared and sent.
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
    // One cache line.
    assert!(size_of::<SpanSlot>() <= 64);
};

/// A handle of an open span: counted, and dereferenced without a lock.
pub(crate) struct OpenSpanRef(&'static SpanSlot);

/// A span that has not started, in a slot that nothing else refers to: it has no handle, and no free list has it.
pub(crate) struct UnstartedSpan(&'static SpanSlot);

impl SpanSlot {
    const fn new() -> Self {
        Self {
            counts: Counts::new(),
            span: UnsafeCell::new(None),
        }
    }

    /// What [`Counts`] says after a handle was removed.
    #[inline(always)]
    fn after(&'static self, then: Then) {
        match then {
            Then::Nothing => {}
            Then::Free => self.free(),
            Then::End => self.end_looked_at(),
        }
    }

    #[cold]
    #[inline(never)]
    fn end_looked_at(&'static self) {
        self.span().end(|_| {});
        if self.counts.ended() {
            self.free();
        }
    }

    /// Ends the span if it is open, and puts the slot into a free list. There is no handle and no look.
    #[inline(never)]
    fn free(&'static self) {
        // All writes by other handles come before the end.
        fence(Ordering::Acquire);
        // If the end of the span panics, the slot is emptied and not used again.
        let unless_done = Emptied(self);
        // SAFETY: nothing refers to the slot, and nothing can until it is in a free list.
        #[expect(unsafe_code, reason = "see above")]
        let open = unsafe { (*self.span.get()).as_mut() };
        let is_kept = open.is_some_and(OpenSpan::close);
        std::mem::forget(unless_done);
        if is_kept {
            free::keep(self);
        } else {
            free::give_all(self);
        }
    }

    /// Drops the span that is in it. Returns its buffer. The caller has the slot from a free list, or is about to put it there.
    fn empty(&'static self) -> Option<Box<Buffer>> {
        // SAFETY: there is no handle, and no other free list has the slot: nothing else refers to it.
        #[expect(unsafe_code, reason = "see above")]
        let span = unsafe { (*self.span.get()).take() };
        span.and_then(|mut span| span.take_buffer())
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

    /// Begins to look at the span in the slot.
    fn look(&'static self) -> UnfencedLook {
        self.counts.look();
        UnfencedLook(Look(self))
    }
}

/// Empties a slot that nothing refers to.
struct Emptied(&'static SpanSlot);

impl Drop for Emptied {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: made where there is no handle, no look and no free list that has the slot, so nothing else refers to it.
        #[expect(unsafe_code, reason = "see above")]
        unsafe {
            *self.0.span.get() = None;
        }
    }
}

impl UnstartedSpan {
    /// Puts a span of a trace into a free slot. Also returns an empty buffer for it.
    #[inline(always)]
    pub(crate) fn new(trace: &Arc<TraceState>, id: impl FnOnce() -> SpanId) -> (Self, Box<Buffer>) {
        let slot = free::take();
        // Made after the slot was taken: then it is not kept in memory meanwhile.
        let id = id();
        // SAFETY: the slot came from a free list, so it has no handle, and no other thread has it.
        #[expect(unsafe_code, reason = "see above")]
        let span = unsafe { &mut *slot.span.get() };
        let buffer = match span {
            Some(kept) if Arc::ptr_eq(&kept.trace, trace) => kept.begin_again(id),
            other => other
                .replace(OpenSpan::new(trace, id))
                .and_then(|mut before| before.take_buffer()),
        };
        (Self(slot), buffer.unwrap_or_else(free::take_buffer))
    }

    /// Opens it with the buffer that was written. Returns its first handle.
    #[inline]
    pub(crate) fn start(self, buffer: Option<Box<Buffer>>) -> OpenSpanRef {
        let slot = self.fill(buffer);
        slot.counts.open(1);
        OpenSpanRef(slot)
    }

    /// [`start`](Self::start) to run a closure on this thread. Returns the handle for the closure and that of its caller, which
    /// must be kept until the closure has returned.
    #[inline]
    pub(crate) fn start_to_run(self, buffer: Option<Box<Buffer>>) -> (OpenSpanRef, RunningRef) {
        let slot = self.fill(buffer);
        slot.counts.begin_run(this_thread());
        (OpenSpanRef(slot), RunningRef(OpenSpanRef(slot)))
    }

    #[inline]
    fn fill(self, buffer: Option<Box<Buffer>>) -> &'static SpanSlot {
        let slot = self.0;
        std::mem::forget(self);
        // SAFETY: `self` was the only one that refers to the slot.
        #[expect(unsafe_code, reason = "see above")]
        if let Some(open) = unsafe { (*slot.span.get()).as_mut() } {
            open.fill(buffer);
        }
        slot
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
        free::give(self.0);
    }
}

pub(crate) use free::emptied;

/// Keeps the buffer of a span that has ended for the next spans of this thread.
pub(crate) fn give_buffer(buffer: Box<Buffer>) {
    free::give_buffer(buffer);
}

impl OpenSpanRef {
    /// Whether no other handle exists; looks are not handles.
    #[inline]
    pub(crate) fn is_last(&self) -> bool {
        self.0.counts.is_last()
    }

    /// Ends a span that was [started to run](UnstartedSpan::start_to_run), because its work is done. The last handle needs no lock
    /// for that.
    #[inline]
    pub(crate) fn end_with_work(self) {
        let slot = self.0;
        match slot.counts.remove_last() {
            Some(then) => {
                std::mem::forget(self);
                slot.after(then);
            }
            None => self.end_shared(),
        }
    }

    /// Other handles exist.
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
    /// A handle of the span; `None` if it has none any more. The caller knows that the slot was not used again.
    pub(crate) fn handle(&self) -> Option<OpenSpanRef> {
        let counted = self.0.counts.add_to_others();
        // Not `then_some`: a handle that was not counted must not be dropped.
        counted.then(|| OpenSpanRef(self.0))
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
        self.0.counts.add();
        Self(self.0)
    }
}

impl Drop for OpenSpanRef {
    /// The last handle ends the span, on this thread, also while another thread looks at it.
    #[inline]
    fn drop(&mut self) {
        self.0.after(self.0.counts.remove(this_thread()));
    }
}

/// The handle of the thread that runs a closure in a span, until the closure has returned.
pub(crate) struct RunningRef(OpenSpanRef);

impl RunningRef {
    /// The closure has returned.
    #[inline]
    pub(crate) fn into_handle(self) -> OpenSpanRef {
        self.0.0.counts.end_run();
        self.0
    }
}

impl Deref for RunningRef {
    type Target = OpenSpanRef;

    #[inline]
    fn deref(&self) -> &OpenSpanRef {
        &self.0
    }
}

/// A look before the heavy half of a fence, which must follow.
struct UnfencedLook(Look);

impl UnfencedLook {
    /// The look, if a span with a handle is in the slot.
    fn fenced(self) -> Option<Look> {
        self.0.0.counts.has_handle().then_some(self.0)
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
        if self.0.counts.end_look() {
            self.0.free();
            // This thread only looks: it needs neither the slot nor the trace.
            free::give_kept();
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
    let found = chunks.into_iter().flat_map(|chunk| {
        let looks: Vec<_> = chunk.iter().map(SpanSlot::look).collect();
        heavy();
        looks.into_iter().filter_map(UnfencedLook::fenced)
    });
    found.filter(|open| std::ptr::eq(&*open.trace.core, core))
}

#[cfg(test)]
mod tests;
