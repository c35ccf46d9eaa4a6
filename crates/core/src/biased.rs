//! A lock that is biased to one thread: its owner takes it by plain stores, without a locked instruction, unless another thread
//! claims it.
//! Used by `thread_buffer`. The shuttle tests of the runtime compile this file once more, and try it in many orders. Must not know
//! what it protects.
//!
//! The owner writes `in_use` and then reads `claims`; another thread adds to `claims` and then reads `in_use`. By the two halves
//! of `fence` at least one of them sees the other: either the owner finds a claim, gives up, and takes the mutex like all
//! others, or the other thread, which has the mutex, waits until the owner is done. While there is a claim the owner does not
//! begin, so the one that has the mutex has the value. A release of either kind is read by an acquire of the next one.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::sync::{
    AtomicBool, AtomicUsize, Mutex, MutexGuard, Ordering, PoisonError, heavy, light, pause,
    this_thread,
};

/// See the header of this file.
pub(crate) struct BiasedLock<T> {
    /// The thread that may take it without the mutex.
    owner: usize,
    /// The owner has it, without the mutex.
    in_use: AtomicBool,
    /// Threads that wait for the mutex or have it.
    claims: AtomicUsize,
    mutex: Mutex<()>,
    value: UnsafeCell<T>,
}

// SAFETY: a reference to `value` exists only within a guard, and there is one guard at a time: see the header of this file.
#[expect(
    unsafe_code,
    reason = "a mutex takes two locked instructions for each span, which are a fifth of its time"
)]
unsafe impl<T: Send> Sync for BiasedLock<T> {}

impl<T> BiasedLock<T> {
    /// A lock of the calling thread.
    pub(crate) fn new(value: T) -> Self {
        Self {
            owner: this_thread(),
            in_use: AtomicBool::new(false),
            claims: AtomicUsize::new(0),
            mutex: Mutex::new(()),
            value: UnsafeCell::new(value),
        }
    }

    /// Locks it for its owner, without waiting. `None` on another thread, or if there is a claim.
    #[inline(always)]
    pub(crate) fn lock_own(&self) -> Option<OwnGuard<'_, T>> {
        if self.owner != this_thread() || self.in_use.load(Ordering::Relaxed) {
            return None;
        }
        self.in_use.store(true, Ordering::Relaxed);
        let guard = OwnGuard {
            lock: self,
            thread: PhantomData,
        };
        light();
        (self.claims.load(Ordering::Acquire) == 0).then_some(guard)
    }

    /// Locks it for any thread. Waits as long as another one has it.
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        let claim = self.claim();
        if self.owner != this_thread() {
            heavy();
        }
        claim.lock()
    }

    /// [Locks](Self::lock) several, each when the iterator comes to it, and all with one heavy fence. Until then the owner of
    /// each needs the mutex.
    pub(crate) fn lock_each<'a>(
        locks: impl Iterator<Item = &'a Self>,
    ) -> impl Iterator<Item = Guard<'a, T>>
    where
        T: 'a,
    {
        let claims: Vec<_> = locks.map(Self::claim).collect();
        heavy();
        claims.into_iter().map(Claim::lock)
    }

    fn claim(&self) -> Claim<'_, T> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        Claim(self)
    }
}

/// A claim, after which no owner begins. It must be followed by a heavy fence before it is locked.
struct Claim<'a, T>(&'a BiasedLock<T>);

impl<'a, T> Claim<'a, T> {
    fn lock(self) -> Guard<'a, T> {
        let lock = self.0;
        let mutex = lock.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waits = 0;
        while lock.in_use.load(Ordering::Acquire) {
            pause(waits);
            waits += 1;
        }
        Guard {
            value: &lock.value,
            _claim: self,
            _mutex: mutex,
        }
    }
}

impl<T> Drop for Claim<'_, T> {
    fn drop(&mut self) {
        self.0.claims.fetch_sub(1, Ordering::Release);
    }
}

/// The guard of a thread that has the mutex. It gives up the claim before the mutex.
pub(crate) struct Guard<'a, T> {
    value: &'a UnsafeCell<T>,
    _claim: Claim<'a, T>,
    _mutex: MutexGuard<'a, ()>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard has the mutex and a claim, and the owner was not in between when it was made.
        #[expect(unsafe_code, reason = "see above")]
        unsafe {
            &*self.value.get()
        }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above.
        #[expect(unsafe_code, reason = "see above")]
        unsafe {
            &mut *self.value.get()
        }
    }
}

/// The guard of the owner. It stays on its thread.
pub(crate) struct OwnGuard<'a, T> {
    lock: &'a BiasedLock<T>,
    thread: PhantomData<*const ()>,
}

impl<T> OwnGuard<'_, T> {
    /// The value.
    #[inline(always)]
    pub(crate) fn get(&mut self) -> &mut T {
        // SAFETY: `in_use` was not set before this guard was made, so it is the only one of the owner; and there was no claim after
        // it was set, so each other thread waits until this guard is dropped.
        #[expect(unsafe_code, reason = "see above")]
        unsafe {
            &mut *self.lock.value.get()
        }
    }
}

impl<T> Drop for OwnGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.lock.in_use.store(false, Ordering::Release);
    }
}

impl<T> fmt::Debug for BiasedLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BiasedLock").finish_non_exhaustive()
    }
}
