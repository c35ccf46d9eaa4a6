//! Slots for the open spans of the process. A slot holds a span and a count of its handles; free slots go to a
//! thread-local free list and are used again, never freed.
//! Used by the start of a span and by its handles; the tracer looks through all slots at a shutdown and for its numbers.
//!
//! An `Arc` for each span and a list of them cost 40 ns a span: memory from the allocator and back, a lock and a search
//! at both ends. Since slots are never freed, the list of all slots is only written when more spans are open at once
//! than ever before.
//!
//! The count has two halves: handles, and looks of threads that go through all slots. A look keeps the slot and not the
//! span: the span ends with its last handle, on the thread that drops it. The slot is free when both are zero.

use std::cell::{RefCell, UnsafeCell};
use std::fmt;
use std::ops::Deref;
use std::panic::RefUnwindSafe;
use std::sync::Mutex;
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

// SAFETY: `span` is written by one thread only: by the one that has the `UnstartedSpan` made of a slot from a free list,
// before the count becomes one, and by the one that brought the count to zero, before the slot goes to a free list. In
// between it is only read, by handles and looks, which are counted; `OpenSpan` may be shared and sent. The count cannot wrap: a
// clone aborts beyond 2^47 handles, and a look is refused beyond 65,535 looks.
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

/// Slots that are allocated at once.
const SLOTS_PER_CHUNK: usize = 16;
/// One look in the count.
const LOOK: u64 = 1 << 48;
/// The bits of the count that are handles.
const HANDLES: u64 = LOOK - 1;
/// Free slots that a thread keeps, and how many it exchanges with the shared list at once.
const KEPT: usize = 64;
const MOVED: usize = 32;
/// Empty buffers that a thread keeps: as many spans as are open at once on a thread, as a rule.
const KEPT_BUFFERS: usize = 32;

/// All slots.
static ALL: Mutex<Vec<&'static [SpanSlot]>> = Mutex::new(Vec::new());
/// Free slots that no thread keeps.
static SHARED_FREE: Mutex<Vec<&'static SpanSlot>> = Mutex::new(Vec::new());

/// What a thread keeps for the next spans that start on it.
struct LocalFree {
    slots: Vec<&'static SpanSlot>,
    #[expect(clippy::vec_box, reason = "a builder moves the box, not the buffer")]
    buffers: Vec<Box<Buffer>>,
}

thread_local! {
    static LOCAL_FREE: RefCell<LocalFree> =
        const { RefCell::new(LocalFree { slots: Vec::new(), buffers: Vec::new() }) };
}

impl Drop for LocalFree {
    fn drop(&mut self) {
        lock(&SHARED_FREE).append(&mut self.slots);
    }
}

/// A free slot and an empty buffer.
#[inline(always)]
fn take_free() -> (&'static SpanSlot, Box<Buffer>) {
    let own = LOCAL_FREE.try_with(|own| {
        let own = &mut *own.try_borrow_mut().ok()?;
        if own.slots.is_empty() {
            more(&mut own.slots);
        }
        Some((own.slots.pop()?, own.buffers.pop().unwrap_or_default()))
    });
    own.ok()
        .flatten()
        .unwrap_or_else(|| (shared_slot(), Box::default()))
}

/// A slot for a thread that is ending.
#[cold]
fn shared_slot() -> &'static SpanSlot {
    let mut slots = Vec::new();
    more(&mut slots);
    let slot = slots.pop();
    lock(&SHARED_FREE).append(&mut slots);
    // There is always one: `more` gives some.
    slot.unwrap_or_else(|| &*Box::leak(Box::new(SpanSlot::new())))
}

#[cold]
fn more(slots: &mut Vec<&'static SpanSlot>) {
    let mut free = lock(&SHARED_FREE);
    let from = free.len().saturating_sub(MOVED);
    slots.extend(free.drain(from..));
    drop(free);
    if slots.is_empty() {
        let chunk: Box<[SpanSlot]> = (0..SLOTS_PER_CHUNK).map(|_| SpanSlot::new()).collect();
        let chunk: &'static [SpanSlot] = Box::leak(chunk);
        lock(&ALL).push(chunk);
        slots.extend(chunk);
    }
}

/// Gives a slot and a buffer to the free lists of this thread.
#[inline(always)]
fn keep(slot: &'static SpanSlot, buffer: Option<Box<Buffer>>) {
    let buffer = buffer.and_then(emptied);
    let kept = LOCAL_FREE.try_with(|own| {
        let own = &mut *own.try_borrow_mut().ok()?;
        own.slots.push(slot);
        if own.slots.len() >= KEPT {
            share(&mut own.slots);
        }
        if let Some(buffer) = buffer
            && own.buffers.len() < KEPT_BUFFERS
        {
            own.buffers.push(buffer);
        }
        Some(())
    });
    if kept.ok().flatten().is_none() {
        lock(&SHARED_FREE).push(slot);
    }
}

#[cold]
fn share(slots: &mut Vec<&'static SpanSlot>) {
    lock(&SHARED_FREE).extend(slots.drain(KEPT - MOVED..));
}

/// Gives a buffer alone to the free list of this thread.
pub(crate) fn keep_buffer(buffer: Box<Buffer>) {
    let Some(buffer) = emptied(buffer) else {
        return;
    };
    // A thread that is ending keeps nothing: the buffer is freed.
    let _ = LOCAL_FREE.try_with(|own| {
        if let Ok(mut own) = own.try_borrow_mut()
            && own.buffers.len() < KEPT_BUFFERS
        {
            own.buffers.push(buffer);
        }
    });
}

/// A buffer for the next span; `None` if it has grown too large to be kept.
#[inline(always)]
fn emptied(mut buffer: Box<Buffer>) -> Option<Box<Buffer>> {
    buffer.empty();
    buffer.is_reusable().then_some(buffer)
}

impl SpanSlot {
    const fn new() -> Self {
        Self {
            count: AtomicU64::new(0),
            span: UnsafeCell::new(None),
        }
    }

    /// Ends the span if it is open, and gives the slot to a free list. The caller has brought the count to zero.
    #[inline(never)]
    fn free(&'static self) {
        // All that was done by way of other handles comes before the end.
        fence(Ordering::Acquire);
        // If the end of the span panics, the slot is emptied and not used again.
        let emptied = Emptied(self);
        // SAFETY: the count is zero: nothing refers to the slot, and nothing can until it is in a free list.
        #[expect(unsafe_code, reason = "see above")]
        let open = unsafe { (*self.span.get()).as_mut() };
        let buffer = open.and_then(OpenSpan::close);
        drop(emptied);
        keep(self, buffer);
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
            // With as many looks as can be counted, one more is left out.
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
    /// Puts a span into a free slot, and gives an empty buffer to write it in.
    #[inline(always)]
    pub(crate) fn new(open: impl FnOnce() -> OpenSpan) -> (Self, Box<Buffer>) {
        let (slot, buffer) = take_free();
        // SAFETY: the slot came from a free list, so its count is zero, no other thread has it, and it is empty.
        #[expect(unsafe_code, reason = "see above")]
        unsafe {
            slot.span.get().write(Some(open()));
        }
        (Self(slot), buffer)
    }

    /// Opens it with what was written, and gives its first handle.
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
        keep(self.0, None);
    }
}

impl OpenSpanRef {
    /// Whether no other handle exists; looks are not handles.
    #[inline]
    pub(crate) fn is_last(&self) -> bool {
        self.0.count.load(Ordering::Acquire) & HANDLES == 1
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

    /// A handle of the span in the slot, which the caller knows to be the same; `None` if there is none.
    pub(crate) fn handle(&self) -> Option<OpenSpanRef> {
        let more = |count: u64| (count & HANDLES > 0).then(|| count + 1);
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
        if before & HANDLES > HANDLES / 2 {
            // As `Arc` does: so many handles can only be forgotten ones, and the count must not wrap.
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

/// The open spans of a tracer, one after another. Nothing is locked while the caller looks at one.
pub(crate) fn spans_of(core: &TracerShared) -> impl Iterator<Item = Look> {
    let chunks = lock(&ALL).clone();
    let found = chunks.into_iter().flatten().filter_map(SpanSlot::look);
    found.filter(|open| std::ptr::eq(&*open.trace.core, core))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::mpsc;
    use std::sync::{Arc, Barrier};

    use super::*;
    use crate::processor::Processor;
    use crate::record::SpanRecord;
    use crate::span::handle::Span;
    use crate::testing::Recorder;
    use crate::trace::tracer::Tracer;

    #[test]
    fn spans_of_many_threads_end_once_while_others_look() {
        const THREADS: usize = 4;
        const SPANS: usize = 5_000;
        let ended = Recorder::new();
        let tracer = ended.tracer();
        let trace = tracer.trace("root").start();
        let all_there = Barrier::new(THREADS + 1);
        std::thread::scope(|scope| {
            let (to, from) = mpsc::sync_channel::<Span>(64);
            for _ in 0..THREADS {
                let (to, trace, all_there) = (to.clone(), trace.clone(), &all_there);
                scope.spawn(move || {
                    all_there.wait();
                    for n in 0..SPANS {
                        let span = trace.span("s").start();
                        let id = span.id();
                        if n % 3 == 0 {
                            // Its slot goes to the free list of another thread.
                            to.send(span).unwrap();
                        } else {
                            let other = span.clone();
                            drop(span);
                            assert_eq!(other.id(), id, "another span sits in its slot");
                        }
                    }
                });
            }
            drop(to);
            let receiver = scope.spawn(move || from.into_iter().for_each(drop));
            all_there.wait();
            // The number of open spans varies; a look neither loses nor ends one.
            while !receiver.is_finished() {
                assert!(tracer.stats().open > 0, "the root is");
            }
        });
        assert_eq!(tracer.stats().open, 1, "the root");
        drop(trace);
        let spans = ended.spans();
        let ids: HashSet<SpanId> = spans.iter().map(SpanRecord::span_id).collect();
        let twice = ids.len() != spans.len();
        assert_eq!((ids.len(), twice), (THREADS * SPANS + 1, false));
    }

    #[test]
    fn slots_of_threads_that_have_ended_are_used_again() {
        let tracer = Recorder::new().tracer();
        let slots = || lock(&ALL).len();
        let round = || {
            std::thread::scope(|scope| {
                let thread = scope.spawn(|| drop(tracer.trace("t").start()));
                thread.join().unwrap();
            });
        };
        round();
        let before = slots();
        (0..500).for_each(|_| round());
        // Other tests run beside this one and have open spans of their own.
        assert!(slots() < before + 100, "{} chunks more", slots() - before);
    }

    #[test]
    fn a_look_sees_the_spans_of_its_own_tracer() {
        let (one, other) = (Recorder::new().tracer(), Recorder::new().tracer());
        let (_a, _b) = (one.trace("a").start(), one.trace("b").start());
        let _c = other.trace("c").start();
        assert_eq!((one.stats().open, other.stats().open), (2, 1));
        assert_eq!(one.shutdown().unwrap().unfinished, 2);
        assert_eq!((one.stats().open, other.stats().open), (0, 1));
    }

    #[test]
    fn a_span_ends_on_its_own_thread_also_while_another_looks() {
        #[derive(Clone, Default)]
        struct Threads(Arc<Mutex<Vec<std::thread::ThreadId>>>);
        impl Processor for Threads {
            fn on_end(&self, _: SpanRecord) {
                lock(&self.0).push(std::thread::current().id());
            }
        }
        let threads = Threads::default();
        let tracer = Tracer::builder(threads.clone()).build();
        let trace = tracer.trace("root").start();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert!(tracer.stats().open > 0);
                }
            });
            for _ in 0..20_000 {
                drop(trace.span("dropped").start());
                trace.span("run").run(|_| {});
            }
            done.store(true, Ordering::Relaxed);
        });
        let own = std::thread::current().id();
        let ended = std::mem::take(&mut *lock(&threads.0));
        assert_eq!(ended.len(), 40_000);
        assert!(ended.iter().all(|thread| *thread == own));
    }

    #[test]
    fn a_panic_is_recorded_while_another_thread_looks() {
        #[derive(Clone, Default)]
        struct Panics(Arc<Mutex<u32>>);
        impl Processor for Panics {
            fn on_end(&self, span: SpanRecord) {
                *lock(&self.0) += u32::from(span.exceptions().len() == 1);
            }
        }
        let panics = Panics::default();
        let tracer = Tracer::builder(panics.clone()).build();
        let trace = tracer.trace("root").start();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let _ = tracer.stats();
                }
            });
            for _ in 0..5_000 {
                let wrapped = trace.span("wrapped").start().wrap(|| {
                    std::panic::resume_unwind(Box::new("boom"));
                });
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(wrapped));
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(*lock(&panics.0), 5_000);
    }
}
