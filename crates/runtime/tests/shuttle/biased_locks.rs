//! The biased lock: its owner and other threads have the value one at a time, no change is lost, and none waits for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shuttle::thread;

use crate::biased::BiasedLock;
use crate::orders::in_many_orders;
use crate::sync::FENCES;

/// A number that one thread at a time may change. The flag is of std: it is no moment at which threads change.
#[derive(Default)]
struct Value {
    number: u32,
    is_changing: AtomicBool,
}

impl Value {
    fn add(&mut self) {
        assert!(
            !self.is_changing.swap(true, Ordering::SeqCst),
            "two threads"
        );
        let number = self.number;
        thread::yield_now();
        self.number = number + 1;
        assert!(self.is_changing.swap(false, Ordering::SeqCst));
    }
}

/// Two locks, of which this thread owns the first.
fn locks() -> [Arc<BiasedLock<Value>>; 2] {
    let theirs = thread::spawn(|| Arc::new(BiasedLock::new(Value::default())));
    let own = Arc::new(BiasedLock::new(Value::default()));
    [own, theirs.join().unwrap()]
}

/// As the thread of a buffer does. Returns how often it needed the mutex.
fn add_as_owner(lock: &BiasedLock<Value>, times: u32) -> u32 {
    let mut claimed = 0;
    for _ in 0..times {
        match lock.lock_own() {
            Some(mut guard) => guard.get().add(),
            None => {
                claimed += 1;
                lock.lock().add();
            }
        }
    }
    claimed
}

#[test]
fn each_thread_has_the_value_alone() {
    in_many_orders(|_| {
        let locks = Arc::new(locks());
        let others: Vec<_> = (0..2)
            .map(|other| {
                let locks = locks.clone();
                thread::spawn(move || {
                    if other == 0 {
                        locks[0].lock().add();
                        BiasedLock::lock_each(locks.iter().map(Arc::as_ref))
                            .for_each(|mut value| value.add());
                    } else {
                        // The first is given up before the second is locked.
                        let mut each = BiasedLock::lock_each(locks.iter().map(Arc::as_ref));
                        each.next().unwrap().add();
                        drop(each);
                        locks[1].lock().add();
                    }
                })
            })
            .collect();
        let claimed = add_as_owner(&locks[0], 3);
        assert!(claimed <= 3);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(locks[0].lock().number, 6);
        assert_eq!(locks[1].lock().number, 2);
        assert!(locks[0].lock_own().is_some(), "no claim is left");
    });
}

#[test]
fn only_the_owner_takes_it_without_the_mutex_and_only_once() {
    let test = || {
        let [own, theirs] = locks();
        assert!(theirs.lock_own().is_none(), "of another thread");
        let guard = own.lock_own();
        assert!(guard.is_some());
        assert!(own.lock_own().is_none(), "a second time");
        drop(guard);
        let guard = own.lock();
        assert!(own.lock_own().is_none(), "beside the mutex");
        drop(guard);
        let (mut first, mut second) = (false, false);
        let each = BiasedLock::lock_each([&*own, &*theirs].into_iter());
        for (nth, guard) in each.enumerate() {
            let taken = own.lock_own().is_some();
            *[&mut first, &mut second][nth] = taken;
            drop(guard);
        }
        assert_eq!((first, second), (false, true), "given up one by one");
    };
    shuttle::check_random(test, 1);
}

#[test]
fn a_lock_that_its_owner_leaves_alone_needs_one_fence() {
    let test = || {
        let [own, theirs] = locks();
        let fences_of = |lock: &BiasedLock<Value>| {
            let before = FENCES.get();
            lock.lock().add();
            FENCES.get() - before
        };
        assert_eq!(fences_of(&own), 0, "of this thread");
        assert_eq!(fences_of(&theirs), 1);
        assert_eq!(fences_of(&theirs), 0, "a claim is left");
        let owned = own.clone();
        let other = thread::spawn(move || fences_of(&owned));
        assert_eq!(other.join().unwrap(), 1);
        // The owner takes out what is left, and then the fence is needed again.
        own.lock().add();
        assert!(own.lock_own().is_some());
        let other = thread::spawn(move || fences_of(&own));
        assert_eq!(other.join().unwrap(), 1);
    };
    shuttle::check_random(test, 10);
}
