//! The slot of an open span: whatever threads do with its handles, and while others look at it, the span ends once, the slot is freed
//! once, and nothing reads it after that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::sync::Mutex;
use shuttle::thread;

use crate::counts::{Counts, Then};
use crate::orders::in_many_orders;

/// What of a slot can go wrong. These counters are of std: they are no moment at which threads change.
struct Slot {
    counts: Counts,
    readers: AtomicUsize,
    ended: AtomicUsize,
    freed: AtomicUsize,
    /// As the trace of a root says it.
    can_be_found: Mutex<bool>,
}

/// The thread that runs the closure, and another one.
const RUNNER: usize = 1;
const OTHER: usize = 2;

impl Slot {
    fn new(open: impl FnOnce(&Counts)) -> Arc<Self> {
        let slot = Self {
            counts: Counts::new(),
            readers: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            freed: AtomicUsize::new(0),
            can_be_found: Mutex::new(true),
        };
        open(&slot.counts);
        Arc::new(slot)
    }

    /// With a handle for the closure, and one for its caller.
    fn running() -> Arc<Self> {
        Self::new(|counts| counts.begin_run(RUNNER))
    }

    fn read(&self) {
        self.readers.fetch_add(1, Ordering::SeqCst);
        assert_eq!(self.freed.load(Ordering::SeqCst), 0, "read after the end");
        thread::yield_now();
        assert_eq!(
            self.freed.load(Ordering::SeqCst),
            0,
            "freed while it was read"
        );
        self.readers.fetch_sub(1, Ordering::SeqCst);
    }

    fn end(&self) {
        self.read();
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    fn free(&self) {
        *self.can_be_found.lock().unwrap() = false;
        assert_eq!(
            self.readers.load(Ordering::SeqCst),
            0,
            "freed while it is read"
        );
        self.freed.fetch_add(1, Ordering::SeqCst);
    }

    fn after(&self, then: Then) {
        match then {
            Then::Nothing => {}
            Then::Free => {
                self.ended.fetch_add(1, Ordering::SeqCst);
                self.free();
            }
            Then::End => {
                self.end();
                if self.counts.ended() {
                    self.free();
                }
            }
        }
    }

    fn drop_handle(&self, thread: usize) {
        self.read();
        self.after(self.counts.remove(thread));
    }

    fn add_handle(&self) {
        self.counts.add();
    }

    /// The end of the closure, as `Recording::run` has it.
    fn end_run(&self) {
        self.counts.end_run();
        match self.counts.remove_last() {
            Some(then) => self.after(then),
            None => {
                self.read();
                self.after(self.counts.remove(RUNNER));
            }
        }
    }

    fn look(&self) {
        self.counts.look();
        if self.counts.has_handle() {
            self.read();
        }
        if self.counts.end_look() {
            self.free();
        }
    }

    fn is_done(&self) {
        assert_eq!(self.ended.load(Ordering::SeqCst), 1, "ended");
        assert_eq!(self.freed.load(Ordering::SeqCst), 1, "freed");
    }
}

fn two_looks(slot: &Arc<Slot>) -> [thread::JoinHandle<()>; 2] {
    [(); 2].map(|()| {
        let slot = slot.clone();
        thread::spawn(move || slot.look())
    })
}

/// Runs a closure on this thread, one that drops handles on another thread, and two that look.
fn run(closure: fn(&Slot), other: fn(&Slot)) {
    in_many_orders(move |_| {
        let slot = Slot::running();
        let theirs = slot.clone();
        let sent = thread::spawn(move || other(&theirs));
        let looks = two_looks(&slot);
        closure(&slot);
        slot.end_run();
        sent.join().unwrap();
        looks.into_iter().for_each(|look| look.join().unwrap());
        slot.is_done();
    });
}

#[test]
fn the_closure_drops_its_handle() {
    run(|slot| slot.drop_handle(RUNNER), |_| {});
}

#[test]
fn another_thread_drops_the_handle_of_the_closure() {
    run(|_| {}, |slot| slot.drop_handle(OTHER));
}

#[test]
fn handles_are_made_and_dropped_on_both_threads() {
    run(
        |slot| {
            slot.add_handle();
            slot.drop_handle(RUNNER);
            slot.drop_handle(RUNNER);
        },
        |_| {},
    );
    in_many_orders(|_| {
        let slot = Slot::running();
        // A clone that is sent.
        slot.add_handle();
        let theirs = slot.clone();
        let sent = thread::spawn(move || {
            theirs.add_handle();
            theirs.drop_handle(OTHER);
            theirs.drop_handle(OTHER);
        });
        let looked = slot.clone();
        let look = thread::spawn(move || looked.look());
        slot.add_handle();
        slot.drop_handle(RUNNER);
        slot.drop_handle(RUNNER);
        slot.end_run();
        sent.join().unwrap();
        look.join().unwrap();
        slot.is_done();
    });
}

#[test]
fn a_handle_is_found_while_the_last_one_is_dropped() {
    in_many_orders(|_| {
        // That of a trace's root, which other threads find.
        let slot = Slot::new(|counts| counts.open(1));
        let theirs = slot.clone();
        let finds = thread::spawn(move || {
            let can_be_found = theirs.can_be_found.lock().unwrap();
            let found = *can_be_found && theirs.counts.add_to_others();
            drop(can_be_found);
            if found {
                theirs.drop_handle(OTHER);
            }
        });
        let looked = slot.clone();
        let look = thread::spawn(move || looked.look());
        slot.drop_handle(RUNNER);
        finds.join().unwrap();
        look.join().unwrap();
        slot.is_done();
    });
}

#[test]
fn a_slot_that_is_used_again_is_freed_once_for_each_span() {
    in_many_orders(|_| {
        let slot = Slot::running();
        let looks = two_looks(&slot);
        let mut freed = 0;
        for spans in 1..=3 {
            slot.drop_handle(RUNNER);
            slot.end_run();
            // The slot is in a free list once it is freed, perhaps by a look.
            while slot.freed.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            assert_eq!(slot.ended.load(Ordering::SeqCst), spans);
            freed += slot.freed.swap(0, Ordering::SeqCst);
            if spans < 3 {
                slot.counts.begin_run(RUNNER);
            }
        }
        looks.into_iter().for_each(|look| look.join().unwrap());
        freed += slot.freed.load(Ordering::SeqCst);
        assert_eq!(freed, 3);
    });
}
