//! The biased lock on real threads, where a store may be seen late; the shuttle tests of the runtime try its orders.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use crate::biased::BiasedLock;
use crate::fence;

const ROUNDS: u64 = if cfg!(miri) { 100 } else { 20_000 };

/// Adds as the thread of a buffer does. Returns how often it needed no mutex.
fn add_as_owner(lock: &BiasedLock<[u64; 2]>) -> u64 {
    let mut alone = 0;
    let add = |value: &mut [u64; 2]| value.iter_mut().for_each(|number| *number += 1);
    for _ in 0..ROUNDS {
        match lock.lock_own() {
            Some(mut guard) => {
                add(guard.get());
                alone += 1;
            }
            None => add(&mut lock.lock()),
        }
    }
    alone
}

#[test]
fn no_change_of_the_owner_or_of_others_is_lost() {
    fence::prepare();
    let is_done = &AtomicBool::new(false);
    let (alone, added, value) = std::thread::scope(|scope| {
        let (send, locks) = channel();
        let owner = scope.spawn(move || {
            let lock = Arc::new(BiasedLock::new([0u64; 2]));
            send.send(lock.clone()).unwrap();
            let alone = add_as_owner(&lock);
            is_done.store(true, Ordering::Release);
            alone
        });
        let lock = locks.recv().unwrap();
        let others = [(); 2].map(|()| {
            let lock = lock.clone();
            scope.spawn(move || {
                let mut added = 0;
                while !is_done.load(Ordering::Acquire) {
                    for mut value in BiasedLock::lock_each([&*lock].into_iter()) {
                        assert_eq!(value[0], value[1], "in the middle of a change");
                        value.iter_mut().for_each(|number| *number += 1);
                        added += 1;
                    }
                    std::thread::yield_now();
                }
                added
            })
        });
        let alone = owner.join().unwrap();
        let added: u64 = others.map(|other| other.join().unwrap()).iter().sum();
        (alone, added, *lock.lock())
    });
    assert_eq!(value, [ROUNDS + added; 2]);
    assert!(alone <= ROUNDS);
}

#[test]
fn an_owner_that_nothing_disturbs_needs_no_mutex() {
    let lock = BiasedLock::new([0; 2]);
    assert_eq!(add_as_owner(&lock), ROUNDS);
    // A thread that had it leaves a claim, which the owner takes out.
    std::thread::scope(|scope| scope.spawn(|| lock.lock()[0] += 1).join().unwrap());
    assert!(lock.lock_own().is_none());
    assert_eq!(lock.lock()[0], ROUNDS + 1);
    assert!(lock.lock_own().is_some());
    assert_eq!(format!("{lock:?}"), "BiasedLock { .. }");
}
