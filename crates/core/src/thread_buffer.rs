//! The finished spans of one thread that have not been moved to a queue yet. Each thread appends to its own chunk, so that
//! many spans share one lock of a queue and one wake-up of a worker.
//! Made by delivery for each thread that records; appended to when a span ends. Must not know queues.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::DerefMut;
use std::sync::Arc;

use crate::biased::BiasedLock;
use crate::record::{Chunk, FinishedSpan};
use crate::sync::{AtomicU64, Ordering};

/// The buffer of one thread. Aligned so that two threads do not share a cache line.
#[repr(align(128))]
pub struct ThreadBuffer {
    number: u64,
    /// The number of the processor that moves its spans.
    owner: u64,
    bounds: Bounds,
    /// What [`Waiting::round`] must be for a span to be appended.
    now: Arc<AtomicU64>,
    waiting: BiasedLock<Waiting>,
}

/// A chunk that reaches one of them is moved to the queues.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    spans: usize,
    bytes: usize,
}

impl Bounds {
    /// So many spans, and so many bytes.
    #[must_use]
    pub const fn new(spans: usize, bytes: usize) -> Self {
        Self { spans, bytes }
    }
}

/// What waits in a buffer.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Waiting {
    /// The spans.
    pub chunk: Chunk,
    /// The round in which all of them were recorded.
    pub round: u64,
}

impl ThreadBuffer {
    /// An empty buffer of the calling thread with this number, of the processor with the number `owner`. Spans are appended while
    /// `now` has the value of [`Waiting::round`].
    #[must_use]
    pub fn new(number: u64, owner: u64, bounds: Bounds, now: Arc<AtomicU64>) -> Self {
        Self {
            number,
            owner,
            bounds,
            now,
            waiting: BiasedLock::new(Waiting::default()),
        }
    }

    /// Appends a span of so many bytes by `push`. Returns whether it did: not if there is more to do, because the round has changed,
    /// the chunk would be full, or another thread drains it; and not on another thread than that of the buffer.
    #[inline(always)]
    pub fn append(&self, bytes: usize, push: impl FnOnce(&mut Chunk)) -> bool {
        let Some(mut guard) = self.waiting.lock_own() else {
            return false;
        };
        let waiting = guard.get();
        // Read under the lock: a worker that stops watching drains every buffer after that. The order is that of a drain:
        // a span that ended before a drain began is in its round or in an earlier one.
        let appends = self.now.load(Ordering::Acquire) == waiting.round
            && waiting.chunk.len() + 1 < self.bounds.spans
            && waiting.chunk.size() + bytes < self.bounds.bytes;
        if appends {
            push(&mut waiting.chunk);
        }
        appends
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether a chunk must be moved to the queues.
    #[must_use]
    pub fn is_full(&self, chunk: &Chunk) -> bool {
        chunk.len() >= self.bounds.spans || chunk.size() >= self.bounds.bytes
    }

    /// What waits in it. The thread of the buffer cannot end a span meanwhile.
    pub fn lock(&self) -> impl DerefMut<Target = Waiting> {
        self.waiting.lock()
    }

    /// [Locks](Self::lock) several buffers, each when the iterator comes to it. It is faster than to lock each alone.
    pub fn lock_each<'a>(
        buffers: impl Iterator<Item = &'a Self>,
    ) -> impl Iterator<Item = impl DerefMut<Target = Waiting>> {
        BiasedLock::lock_each(buffers.map(|buffer| &buffer.waiting))
    }
}

impl fmt::Debug for ThreadBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadBuffer").finish_non_exhaustive()
    }
}

thread_local! {
    /// The buffer of this thread that was used last. Usually there is no other one. Without a destructor, so that it is read
    /// without a check: it is [`Others`] that drops it.
    static CURRENT: Cell<Option<ManuallyDrop<Arc<ThreadBuffer>>>> = const { Cell::new(None) };
    /// Those of other processors.
    static OTHERS: RefCell<Others> = const { RefCell::new(Others(Vec::new())) };
}

struct Others(Vec<Arc<ThreadBuffer>>);

impl Drop for Others {
    fn drop(&mut self) {
        drop(CURRENT.take().map(ManuallyDrop::into_inner));
    }
}

/// [`ThreadBuffer::append_here`] of a span that has just ended.
#[inline(never)]
pub(crate) fn append(owner: u64, span: &FinishedSpan<'_>) -> bool {
    ThreadBuffer::append_here(owner, span.size(), |chunk| chunk.push(span))
}

impl ThreadBuffer {
    /// [Appends](Self::append) a span to the buffer of the calling thread, if that of this processor was used last.
    #[inline(always)]
    pub fn append_here(owner: u64, bytes: usize, push: impl FnOnce(&mut Chunk)) -> bool {
        let Some(buffer) = CURRENT.take() else {
            return false;
        };
        let appended = buffer.owner == owner && buffer.append(bytes, push);
        CURRENT.set(Some(buffer));
        appended
    }

    /// The buffer of the calling thread, which is made if there is none; `None` on a thread that is ending.
    pub fn of_this_thread(owner: u64, make: impl FnOnce() -> Arc<Self>) -> Option<Arc<Self>> {
        let found = OTHERS.try_with(|others| {
            let last = CURRENT.take().map(ManuallyDrop::into_inner);
            let buffer = match last {
                Some(last) if last.owner == owner => last,
                last => {
                    let others = &mut others.borrow_mut().0;
                    others.extend(last);
                    Self::of(owner, others).unwrap_or_else(make)
                }
            };
            CURRENT.set(Some(ManuallyDrop::new(buffer.clone())));
            buffer
        });
        found.ok()
    }

    #[cold]
    fn of(owner: u64, buffers: &mut Vec<Arc<Self>>) -> Option<Arc<Self>> {
        let known = buffers.iter().position(|buffer| buffer.owner == owner);
        if known.is_none() {
            // Those of processors that are gone are removed.
            buffers.retain(|buffer| Arc::strong_count(buffer) > 1);
        }
        known.map(|at| buffers.swap_remove(at))
    }
}
