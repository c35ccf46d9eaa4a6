//! The open spans of the process: each sits in a seat, which counts its handles and is taken again by the next span.
//! Taken by a span's start, left by its last handle; asked by the tracer for the spans that a shutdown finds open.
//!
//! An `Arc` for each span and a list of them cost 40 ns a span: memory from the allocator and back, a lock
//! and a search at both ends. Seats are never given back, so the list of all of them is only written when
//! more spans are open at once than ever before, and whoever looks through it raises a count that is not zero.

use std::cell::{RefCell, UnsafeCell};
use std::fmt;
use std::ops::Deref;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use crate::live::Live;
use crate::tracer::{Core, lock};

/// A line of its own, so that spans of different threads do not share one.
#[repr(align(64))]
struct Seat {
    /// Handles of the span that sits here; zero while it is free.
    handles: AtomicUsize,
    span: UnsafeCell<Option<Live>>,
}

// SAFETY: `span` is written by one thread only: by whoever took the free seat from a pool, before `handles`
// becomes one, and by whoever brought `handles` to zero, before the seat goes back to a pool. In between it
// is read by holders of handles; `Live` may be shared and sent.
#[expect(unsafe_code, reason = "see above: counted by hand, to be used again")]
unsafe impl Sync for Seat {}

const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<Live>();
};

/// A handle of an open span: counted, and dereferenced without a lock.
pub(crate) struct LiveRef(&'static Seat);

/// Seats that are made at once.
const ROW: usize = 16;
/// Free seats that a thread keeps, and how many change hands at once.
const KEPT: usize = 64;
const MOVED: usize = 32;

/// All there are.
static SEATS: Mutex<Vec<&'static [Seat]>> = Mutex::new(Vec::new());
/// Free ones that no thread keeps.
static FREE: Mutex<Vec<&'static Seat>> = Mutex::new(Vec::new());

struct Own(Vec<&'static Seat>);

thread_local! {
    static OWN: RefCell<Own> = const { RefCell::new(Own(Vec::new())) };
}

impl Drop for Own {
    fn drop(&mut self) {
        lock(&FREE).append(&mut self.0);
    }
}

fn free_seat() -> &'static Seat {
    let own = OWN.try_with(|own| {
        let Own(seats) = &mut *own.try_borrow_mut().ok()?;
        if seats.is_empty() {
            more(seats);
        }
        seats.pop()
    });
    own.ok().flatten().unwrap_or_else(|| {
        let mut seats = Vec::new();
        more(&mut seats);
        let seat = seats.pop();
        lock(&FREE).append(&mut seats);
        // There is always one: `more` gives some.
        seat.unwrap_or_else(|| &*Box::leak(Box::new(Seat::new())))
    })
}

#[cold]
fn more(seats: &mut Vec<&'static Seat>) {
    let mut free = lock(&FREE);
    let from = free.len().saturating_sub(MOVED);
    seats.extend(free.drain(from..));
    drop(free);
    if seats.is_empty() {
        let row: Box<[Seat]> = (0..ROW).map(|_| Seat::new()).collect();
        let row: &'static [Seat] = Box::leak(row);
        lock(&SEATS).push(row);
        seats.extend(row);
    }
}

impl Seat {
    const fn new() -> Self {
        Self {
            handles: AtomicUsize::new(0),
            span: UnsafeCell::new(None),
        }
    }

    fn give_back(&'static self) {
        let kept = OWN.try_with(|own| {
            let Own(seats) = &mut *own.try_borrow_mut().ok()?;
            seats.push(self);
            if seats.len() >= KEPT {
                lock(&FREE).extend(seats.drain(KEPT - MOVED..));
            }
            Some(())
        });
        if kept.ok().flatten().is_none() {
            lock(&FREE).push(self);
        }
    }
}

impl LiveRef {
    pub(crate) fn new(live: Live) -> Self {
        let seat = free_seat();
        // SAFETY: the seat came from a pool, so no handle of it exists and nobody else has it.
        #[expect(unsafe_code, reason = "see above")]
        unsafe {
            *seat.span.get() = Some(live);
        }
        // Whoever sees the count sees the span.
        seat.handles.store(1, Ordering::Release);
        Self(seat)
    }

    /// Whether no other handle exists. Another thread may be about to find the span in the registry.
    pub(crate) fn is_last(&self) -> bool {
        self.0.handles.load(Ordering::Acquire) == 1
    }

    /// A handle of the span in a seat, if one sits there.
    fn find(seat: &'static Seat) -> Option<Self> {
        let more = |handles: usize| (handles > 0).then(|| handles + 1);
        let found = seat
            .handles
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, more);
        found.ok().map(|_| Self(seat))
    }
}

impl Deref for LiveRef {
    type Target = Live;

    #[inline]
    fn deref(&self) -> &Live {
        // SAFETY: this handle is counted, so nobody writes to the seat, and a span sits in it.
        #[expect(unsafe_code, reason = "see above")]
        unsafe {
            (*self.0.span.get()).as_ref().unwrap_unchecked()
        }
    }
}

impl Clone for LiveRef {
    #[inline]
    fn clone(&self) -> Self {
        // Handles that are forgotten for ever would have to be as many as there are bytes of memory.
        self.0.handles.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl Drop for LiveRef {
    #[inline]
    fn drop(&mut self) {
        if self.0.handles.fetch_sub(1, Ordering::Release) == 1 {
            // All that was done by way of other handles comes before the end.
            fence(Ordering::Acquire);
            // SAFETY: the count is zero: no handle exists, and none can be made until the seat is in a pool.
            #[expect(unsafe_code, reason = "see above")]
            let live = unsafe { (*self.0.span.get()).take() };
            // Ends the span if it is open. If that panics, the seat is not used again.
            drop(live);
            self.0.give_back();
        }
    }
}

impl fmt::Debug for LiveRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveRef").finish_non_exhaustive()
    }
}

/// The spans of a tracer that have a handle. Collected first, since the last handle of a span may be
/// dropped by whoever looks at it.
pub(crate) fn spans_of(core: &Core) -> Vec<LiveRef> {
    let rows = lock(&SEATS).clone();
    let found = rows.into_iter().flatten().filter_map(LiveRef::find);
    found
        .filter(|live| std::ptr::eq(&*live.trace.core, core))
        .collect()
}
