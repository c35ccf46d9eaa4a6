//! The free list of slots and of empty buffers: one slot that the next span of the thread takes, and lists for more.
//! Used only by `slots`. A slot here has no handle. The one that is taken next keeps the trace and the buffer of its last span.

use std::cell::{Cell, RefCell};
use std::sync::Mutex;

use super::SpanSlot;
use crate::record::Buffer;
use crate::span::shared::lock;

/// How many slots are allocated at once: as many as there are, between these. Slots are never freed, so an allocator cannot
/// give back a page that has some: in small chunks between the buffers of spans they would be in half of all pages.
const LEAST_SLOTS: usize = 16;
const MOST_SLOTS: usize = 4096;
/// Free slots that a thread keeps in its list, and how many it exchanges with the shared list at once.
const KEPT: usize = 64;
const MOVED: usize = 32;
/// Empty buffers that a thread keeps: usually no more spans are open at once on a thread.
const KEPT_BUFFERS: usize = 32;

/// All slots.
pub(super) static ALL: Mutex<Vec<&'static [SpanSlot]>> = Mutex::new(Vec::new());
/// Free slots that no thread keeps.
static SHARED: Mutex<Vec<&'static SpanSlot>> = Mutex::new(Vec::new());

/// The slot of the span that ended last. Most spans take it. Without a destructor, so that it is read without a check: it is
/// [`Lists`] that gives the slot back.
struct Last {
    slot: Cell<Option<&'static SpanSlot>>,
    /// The lists of the thread exist, so that a slot that is kept here is not lost.
    has_lists: Cell<bool>,
}

/// The free list of a thread.
struct Lists {
    /// Their spans are gone.
    slots: Vec<&'static SpanSlot>,
    #[expect(clippy::vec_box, reason = "a builder moves the box, not the buffer")]
    buffers: Vec<Box<Buffer>>,
}

thread_local! {
    static LAST: Last = const { Last { slot: Cell::new(None), has_lists: Cell::new(false) } };
    static LISTS: RefCell<Lists> = const {
        RefCell::new(Lists { slots: Vec::new(), buffers: Vec::new() })
    };
}

impl Drop for Lists {
    fn drop(&mut self) {
        let last = LAST.with(|last| {
            last.has_lists.set(false);
            last.slot.take()
        });
        if let Some(last) = last {
            drop(last.empty());
            self.slots.push(last);
        }
        lock(&SHARED).append(&mut self.slots);
    }
}

/// A free slot, which may have the span that was in it last.
#[inline(always)]
pub(super) fn take() -> &'static SpanSlot {
    LAST.with(|last| last.slot.take())
        .unwrap_or_else(take_from_list)
}

#[inline(never)]
fn take_from_list() -> &'static SpanSlot {
    let own = LISTS.try_with(|own| {
        LAST.with(|last| last.has_lists.set(true));
        let own = &mut *own.try_borrow_mut().ok()?;
        if own.slots.is_empty() {
            more(&mut own.slots);
        }
        own.slots.pop()
    });
    own.ok().flatten().unwrap_or_else(shared_slot)
}

/// An empty buffer.
#[inline(never)]
pub(super) fn take_buffer() -> Box<Buffer> {
    let own = LISTS.try_with(|own| own.try_borrow_mut().ok()?.buffers.pop());
    own.ok().flatten().unwrap_or_default()
}

/// A slot for a thread that is ending.
#[cold]
fn shared_slot() -> &'static SpanSlot {
    let mut slots = Vec::new();
    more(&mut slots);
    let slot = slots.pop();
    lock(&SHARED).append(&mut slots);
    // There is always one: `more` adds some.
    slot.unwrap_or_else(|| &*Box::leak(Box::new(SpanSlot::new())))
}

#[cold]
fn more(slots: &mut Vec<&'static SpanSlot>) {
    let mut free = lock(&SHARED);
    let from = free.len().saturating_sub(MOVED);
    slots.extend(free.drain(from..));
    drop(free);
    if slots.is_empty() {
        let chunk = new_chunk();
        let (own, others) = chunk.split_at(MOVED.min(chunk.len()));
        slots.extend(own);
        lock(&SHARED).extend(others);
    }
}

/// Allocates slots, which are in no free list yet.
fn new_chunk() -> &'static [SpanSlot] {
    let before: usize = lock(&ALL).iter().map(|chunk| chunk.len()).sum();
    let count = before.clamp(LEAST_SLOTS, MOST_SLOTS);
    let chunk: Box<[SpanSlot]> = (0..count).map(|_| SpanSlot::new()).collect();
    let chunk: &'static [SpanSlot] = Box::leak(chunk);
    lock(&ALL).push(chunk);
    chunk
}

/// Takes a slot back whose span has ended. The span is kept with its trace and its empty buffer, until another span of this
/// thread ends or the thread does: the next span is likely to be of the same trace, and then its reference count does not change.
#[inline(always)]
pub(super) fn keep(slot: &'static SpanSlot) {
    let before = LAST.with(|last| {
        if last.has_lists.get() {
            last.slot.replace(Some(slot))
        } else {
            Some(slot)
        }
    });
    if let Some(before) = before {
        give(before);
    }
}

/// Takes a slot back, without its span. The span that is kept is dropped too: its trace has usually ended.
#[inline(never)]
pub(super) fn give_all(slot: &'static SpanSlot) {
    give(slot);
    give_kept();
}

/// Drops the span that is kept.
pub(super) fn give_kept() {
    if let Some(last) = LAST.with(|last| last.slot.take()) {
        give(last);
    }
}

/// Takes a slot back, without its span.
#[inline(never)]
pub(super) fn give(slot: &'static SpanSlot) {
    // Before the list is borrowed: the end of a trace may be that of its tracer.
    let mut buffer = slot.empty();
    let mut slot = Some(slot);
    let _ = LISTS.try_with(|own| {
        LAST.with(|last| last.has_lists.set(true));
        let own = &mut *own.try_borrow_mut().ok()?;
        own.slots.extend(slot.take());
        if own.slots.len() >= KEPT {
            lock(&SHARED).extend(own.slots.drain(KEPT - MOVED..));
        }
        if own.buffers.len() < KEPT_BUFFERS {
            own.buffers.extend(buffer.take());
        }
        Some(())
    });
    // A thread that is ending keeps nothing: the buffer is freed.
    if let Some(slot) = slot {
        lock(&SHARED).push(slot);
    }
}

/// Takes a buffer back.
#[inline(never)]
pub(super) fn give_buffer(buffer: Box<Buffer>) {
    if let Some(buffer) = emptied(buffer) {
        let _ = LISTS.try_with(|own| {
            let own = &mut *own.try_borrow_mut().ok()?;
            if own.buffers.len() < KEPT_BUFFERS {
                own.buffers.push(buffer);
            }
            Some(())
        });
    }
}

/// A buffer for the next span; `None` if it has grown too large to be kept.
#[inline(always)]
pub(crate) fn emptied(mut buffer: Box<Buffer>) -> Option<Box<Buffer>> {
    buffer.empty();
    buffer.is_reusable().then_some(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `f` on a thread that has no slots and no buffers yet, and waits for its end.
    fn on_a_thread<R: Send>(f: impl FnOnce() -> R + Send) -> R {
        std::thread::scope(|scope| scope.spawn(f).join().unwrap())
    }

    fn is_shared(slot: &'static SpanSlot) -> bool {
        lock(&SHARED).iter().any(|free| std::ptr::eq(*free, slot))
    }

    #[test]
    fn the_free_slots_of_a_thread_that_ends_are_shared() {
        for is_kept in [true, false] {
            // Another thread may take it at once, so this is tried several times.
            let found = (0..1_000).any(|_| {
                let slot = on_a_thread(|| {
                    let slot = take();
                    if is_kept {
                        keep(slot)
                    } else {
                        give(slot)
                    }
                    slot
                });
                is_shared(slot)
            });
            assert!(found, "{is_kept}");
        }
    }

    #[test]
    fn the_slot_of_a_span_that_another_thread_ended_is_not_lost() {
        let found = (0..1_000).any(|_| {
            let slot = on_a_thread(take);
            on_a_thread(|| keep(slot));
            is_shared(slot)
        });
        assert!(found);
    }

    #[test]
    fn a_thread_keeps_some_slots_and_some_buffers() {
        on_a_thread(|| {
            let taken: Vec<_> = (0..3 * KEPT).map(|_| (take(), Box::default())).collect();
            let kept = || {
                LISTS.with(|own| {
                    let lists = own.borrow();
                    (lists.slots.len(), lists.buffers.len())
                })
            };
            for (slot, buffer) in taken {
                give(slot);
                give_buffer(buffer);
                assert!(kept().0 < KEPT && kept().1 <= KEPT_BUFFERS);
            }
            assert!(kept().0 >= KEPT - MOVED, "{:?}", kept());
            assert_eq!(kept().1, KEPT_BUFFERS);
            // What a thread keeps is taken first.
            let before = kept();
            let (first, second) = (take(), take());
            let buffer = take_buffer();
            assert_eq!(kept(), (before.0 - 2, before.1 - 1));
            give_buffer(buffer);
            give(first);
            keep(second);
            assert_eq!(kept(), (before.0 - 1, before.1));
            let last = take();
            assert!(std::ptr::eq(last, second));
            keep(last);
            let third = take_from_list();
            give_all(third);
            assert_eq!(kept(), before, "the one that was kept too");
        });
    }

    #[test]
    fn a_thread_takes_at_most_as_many_slots_as_it_gives_back() {
        let mut slots = Vec::new();
        more(&mut slots);
        assert!((1..=MOVED).contains(&slots.len()), "{}", slots.len());
        lock(&SHARED).append(&mut slots);
    }
}
