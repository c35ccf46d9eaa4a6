//! The open spans of the process: each is in a slot, which has the reference count of its handles and is reused.
//! Taken by a span's start, freed by its last handle; read by the tracer for the spans that a shutdown finds open.
//!
//! An `Arc` for each span and a list of them cost 40 ns a span: memory from the allocator and back, a lock
//! and a search at both ends. Slots are never deallocated, so the list of all of them is only written when
//! more spans are open at once than ever before. A reader of the list only raises counts that are not zero.

use std::cell::{RefCell, UnsafeCell};
use std::fmt;
use std::ops::Deref;
use std::panic::RefUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use crate::record::SpanId;
use crate::span::open::OpenSpan;
use crate::span::shared::{TracerShared, lock};

/// Aligned to a cache line, so that spans of different threads do not share one (false sharing).
#[repr(align(64))]
struct SpanSlot {
    /// Handles of the span in this slot; zero while the slot is free.
    handles: AtomicUsize,
    span: UnsafeCell<Option<OpenSpan>>,
}

// SAFETY: `span` is written by one thread only: by the thread that took the free slot from a pool, before `handles`
// becomes one, and by the thread that brought `handles` to zero, before the slot goes back to a pool. In between it
// is read by holders of handles; `OpenSpan` may be shared and sent.
#[expect(unsafe_code, reason = "see above: counted by hand, to be used again")]
unsafe impl Sync for SpanSlot {}

/// What is guarded stays whole through a panic, as a `Mutex` does: users catch panics with handles at hand.
impl RefUnwindSafe for SpanSlot {}

const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<OpenSpan>();
};

/// A handle of an open span: counted, and dereferenced without a lock.
pub(crate) struct OpenSpanRef(&'static SpanSlot);

/// Slots that are allocated at once.
const SLOTS_PER_CHUNK: usize = 16;
/// Free slots that a thread keeps, and how many change hands at once.
const KEPT: usize = 64;
const MOVED: usize = 32;

/// All there are.
static ALL: Mutex<Vec<&'static [SpanSlot]>> = Mutex::new(Vec::new());
/// Free ones that no thread keeps.
static SHARED_FREE: Mutex<Vec<&'static SpanSlot>> = Mutex::new(Vec::new());

struct LocalFree(Vec<&'static SpanSlot>);

thread_local! {
    static LOCAL_FREE: RefCell<LocalFree> = const { RefCell::new(LocalFree(Vec::new())) };
}

impl Drop for LocalFree {
    fn drop(&mut self) {
        lock(&SHARED_FREE).append(&mut self.0);
    }
}

fn free_slot() -> &'static SpanSlot {
    let own = LOCAL_FREE.try_with(|own| {
        let LocalFree(slots) = &mut *own.try_borrow_mut().ok()?;
        if slots.is_empty() {
            more(slots);
        }
        slots.pop()
    });
    own.ok().flatten().unwrap_or_else(|| {
        let mut slots = Vec::new();
        more(&mut slots);
        let slot = slots.pop();
        lock(&SHARED_FREE).append(&mut slots);
        // There is always one: `more` gives some.
        slot.unwrap_or_else(|| &*Box::leak(Box::new(SpanSlot::new())))
    })
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

impl SpanSlot {
    const fn new() -> Self {
        Self {
            handles: AtomicUsize::new(0),
            span: UnsafeCell::new(None),
        }
    }

    fn give_back(&'static self) {
        let kept = LOCAL_FREE.try_with(|own| {
            let LocalFree(slots) = &mut *own.try_borrow_mut().ok()?;
            slots.push(self);
            if slots.len() >= KEPT {
                lock(&SHARED_FREE).extend(slots.drain(KEPT - MOVED..));
            }
            Some(())
        });
        if kept.ok().flatten().is_none() {
            lock(&SHARED_FREE).push(self);
        }
    }
}

impl OpenSpanRef {
    pub(crate) fn new(open: OpenSpan) -> Self {
        let slot = free_slot();
        // SAFETY: the slot came from a pool, so no handle of it exists and no other thread has it.
        #[expect(unsafe_code, reason = "see above")]
        unsafe {
            *slot.span.get() = Some(open);
        }
        // A thread that sees the count sees the span.
        slot.handles.store(1, Ordering::Release);
        Self(slot)
    }

    /// Whether no other handle exists. Another thread may be about to find the span in the registry.
    pub(crate) fn is_last(&self) -> bool {
        self.0.handles.load(Ordering::Acquire) == 1
    }

    /// A handle of the span in a slot, if one sits there.
    fn find(slot: &'static SpanSlot) -> Option<Self> {
        let more = |handles: usize| (handles > 0).then(|| handles + 1);
        let found = slot
            .handles
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, more);
        found.ok().map(|_| Self(slot))
    }
}

/// Finds an open span again without keeping it open.
pub(crate) struct WeakSpanRef(&'static SpanSlot);

impl OpenSpanRef {
    pub(crate) fn downgrade(&self) -> WeakSpanRef {
        WeakSpanRef(self.0)
    }
}

impl WeakSpanRef {
    /// A handle of the span with this id; `None` if it is gone and its slot is free or used by another span.
    pub(crate) fn upgrade(&self, id: SpanId) -> Option<OpenSpanRef> {
        OpenSpanRef::find(self.0).filter(|open| open.id == id)
    }
}

impl Deref for OpenSpanRef {
    type Target = OpenSpan;

    #[inline]
    fn deref(&self) -> &OpenSpan {
        // SAFETY: this handle is counted, so no thread writes to the slot, and a span is in it.
        #[expect(unsafe_code, reason = "see above")]
        unsafe {
            (*self.0.span.get()).as_ref().unwrap_unchecked()
        }
    }
}

impl Clone for OpenSpanRef {
    #[inline]
    fn clone(&self) -> Self {
        // Handles that are forgotten for ever would have to be as many as there are bytes of memory.
        self.0.handles.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl Drop for OpenSpanRef {
    #[inline]
    fn drop(&mut self) {
        if self.0.handles.fetch_sub(1, Ordering::Release) == 1 {
            // All that was done by way of other handles comes before the end.
            fence(Ordering::Acquire);
            // SAFETY: the count is zero: no handle exists, and none can be made until the slot is in a pool.
            #[expect(unsafe_code, reason = "see above")]
            let open = unsafe { (*self.0.span.get()).take() };
            // Ends the span if it is open. If that panics, the slot is not used again.
            drop(open);
            self.0.give_back();
        }
    }
}

impl fmt::Debug for OpenSpanRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenSpanRef").finish_non_exhaustive()
    }
}

/// The spans of a tracer that have a handle, one after another: each is held only while it is looked at, and
/// no lock meanwhile, since the reader may drop the last handle of a span.
pub(crate) fn spans_of(core: &TracerShared) -> impl Iterator<Item = OpenSpanRef> {
    let chunks = lock(&ALL).clone();
    let found = chunks.into_iter().flatten().filter_map(OpenSpanRef::find);
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
    use crate::trace::tracer::Tracer;

    /// Ids of what ended, and whether one ended twice.
    #[derive(Clone, Default)]
    struct Ended(Arc<Mutex<(HashSet<SpanId>, bool)>>);

    impl Processor for Ended {
        fn on_end(&self, span: SpanRecord) {
            let mut ended = lock(&self.0);
            ended.1 |= !ended.0.insert(span.span_id());
        }
    }

    #[test]
    fn spans_of_many_threads_end_once_while_the_list_is_read() {
        const THREADS: usize = 4;
        const SPANS: usize = 5_000;
        let ended = Ended::default();
        let tracer = Tracer::builder(ended.clone()).build();
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
                            // Its slot goes back to the pool of another thread.
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
            let elsewhere = scope.spawn(move || from.into_iter().for_each(drop));
            all_there.wait();
            // How many are open is anybody's guess here; that looking neither loses nor ends one is not.
            while !elsewhere.is_finished() {
                assert!(tracer.stats().open > 0, "the root is");
            }
        });
        assert_eq!(tracer.stats().open, 1, "the root");
        drop(trace);
        let (ids, twice) = std::mem::take(&mut *lock(&ended.0));
        assert_eq!((ids.len(), twice), (THREADS * SPANS + 1, false));
    }

    #[test]
    fn slots_are_reused_also_those_of_ended_threads() {
        let tracer = Tracer::builder(Ended::default()).build();
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
        let (one, other) = (Ended::default(), Ended::default());
        let (one, other) = (Tracer::builder(one).build(), Tracer::builder(other).build());
        let (_a, _b) = (one.trace("a").start(), one.trace("b").start());
        let _c = other.trace("c").start();
        assert_eq!((one.stats().open, other.stats().open), (2, 1));
        assert_eq!(one.shutdown().unwrap().unfinished, 2);
        assert_eq!((one.stats().open, other.stats().open), (0, 1));
    }
}
