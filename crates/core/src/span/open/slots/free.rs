//! The free list of slots and of empty buffers: one pair that the next span of the thread takes, and lists for more.
//! Used only by `slots`. A slot in the free list has no handle and no span.

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

/// The free list of a thread.
struct Local {
    /// Those of the span that ended last. Most spans take them.
    last: Cell<Option<(&'static SpanSlot, Box<Buffer>)>>,
    lists: RefCell<Lists>,
}

struct Lists {
    slots: Vec<&'static SpanSlot>,
    #[expect(clippy::vec_box, reason = "a builder moves the box, not the buffer")]
    buffers: Vec<Box<Buffer>>,
}

thread_local! {
    static LOCAL: Local = const {
        Local {
            last: Cell::new(None),
            lists: RefCell::new(Lists { slots: Vec::new(), buffers: Vec::new() }),
        }
    };
}

impl Drop for Local {
    fn drop(&mut self) {
        let mut shared = lock(&SHARED);
        shared.append(&mut self.lists.get_mut().slots);
        shared.extend(self.last.take().map(|(slot, _)| slot));
    }
}

/// A free slot and an empty buffer.
#[inline(always)]
pub(super) fn take() -> (&'static SpanSlot, Box<Buffer>) {
    match LOCAL.try_with(|own| own.last.take()) {
        Ok(Some(both)) => both,
        _ => take_from_lists(),
    }
}

#[inline(never)]
fn take_from_lists() -> (&'static SpanSlot, Box<Buffer>) {
    let own = LOCAL.try_with(|own| {
        let own = &mut *own.lists.try_borrow_mut().ok()?;
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

/// Takes a slot back, and the buffer of its span if it has it still.
#[inline(always)]
pub(super) fn give(slot: &'static SpanSlot, buffer: Option<Box<Buffer>>) {
    let Some(buffer) = buffer.and_then(emptied) else {
        return give_to_lists(Some(slot), None);
    };
    let mut both = Some((slot, buffer));
    // The pair that was there is put into the lists.
    let _ = LOCAL.try_with(|own| both = own.last.replace(both.take()));
    if let Some((slot, buffer)) = both {
        give_to_lists(Some(slot), Some(buffer));
    }
}

/// Takes a buffer back, without a slot.
pub(super) fn give_buffer(buffer: Box<Buffer>) {
    if let Some(buffer) = emptied(buffer) {
        give_to_lists(None, Some(buffer));
    }
}

#[inline(never)]
fn give_to_lists(slot: Option<&'static SpanSlot>, buffer: Option<Box<Buffer>>) {
    let mut slot = slot;
    let _ = LOCAL.try_with(|own| {
        let own = &mut *own.lists.try_borrow_mut().ok()?;
        own.slots.extend(slot.take());
        if own.slots.len() >= KEPT {
            lock(&SHARED).extend(own.slots.drain(KEPT - MOVED..));
        }
        if own.buffers.len() < KEPT_BUFFERS {
            own.buffers.extend(buffer);
        }
        Some(())
    });
    // A thread that is ending keeps nothing: the buffer is freed.
    if let Some(slot) = slot {
        lock(&SHARED).push(slot);
    }
}

/// A buffer for the next span; `None` if it has grown too large to be kept.
#[inline(always)]
fn emptied(mut buffer: Box<Buffer>) -> Option<Box<Buffer>> {
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
        for of_lists in [true, false] {
            // Another thread may take it at once, so this is tried several times.
            let found = (0..1_000).any(|_| {
                let slot = on_a_thread(|| {
                    let (slot, buffer) = take();
                    give(slot, (!of_lists).then_some(buffer));
                    slot
                });
                is_shared(slot)
            });
            assert!(found, "{of_lists}");
        }
    }

    #[test]
    fn a_thread_keeps_some_slots_and_some_buffers() {
        on_a_thread(|| {
            let taken: Vec<_> = (0..3 * KEPT).map(|_| take()).collect();
            let kept = || {
                LOCAL.with(|own| {
                    let lists = own.lists.borrow();
                    (lists.slots.len(), lists.buffers.len())
                })
            };
            for (slot, buffer) in taken {
                give(slot, Some(buffer));
                assert!(kept().0 < KEPT && kept().1 <= KEPT_BUFFERS);
            }
            assert!(kept().0 >= KEPT - MOVED, "{:?}", kept());
            assert_eq!(kept().1, KEPT_BUFFERS);
            // What a thread keeps is taken first.
            let before = kept();
            let [first, second] = [take(), take()];
            assert_eq!(kept(), (before.0 - 1, before.1 - 1));
            give(first.0, None);
            give_buffer(first.1);
            assert_eq!(kept(), before);
            give(second.0, Some(second.1));
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
