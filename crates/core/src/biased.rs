//! A lock that is biased to one thread: its owner takes it by plain stores, without a locked instruction, unless another thread
//! claims it.
//! Used by `thread_buffer`. The shuttle tests of the runtime compile this file once more, and try it in many orders. Must not know
//! what it protects.
//!
//! The owner writes `in_use` and then reads `claims`; another thread adds a claim and then reads `in_use`. By the two halves
//! of `fence` at least one of them sees the other: either the owner finds the claim, gives up, and takes the mutex like all
//! others, or the other thread, which has the mutex, waits until the owner is done. While there is a claim the owner does not
//! begin, so the thread that has the mutex has the value. A release of either kind is read by an acquire of the next one.
//!
//! The heavy half of the fence interrupts other processors. It is not needed if the owner has certainly seen a claim: if it says so
//! in `noticed`, or if a claim is left from before. A thread that is not the owner leaves its claim in the lock, and the
//! owner takes it out when it has the mutex.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::sync::{
    AtomicBool, AtomicU64, LOOKS, Mutex, MutexGuard, Ordering, PoisonError, heavy, light, pause,
    this_thread,
};

/// See the header of this file.
pub(crate) struct BiasedLock<T> {
    /// The thread that may take it without the mutex.
    owner: usize,
    /// The owner has it, without the mutex.
    in_use: AtomicBool,
    /// Threads that wait for the mutex or have it, [`LEFT`], and in the high half how many claims there were.
    claims: AtomicU64,
    /// The high half of `claims` when the owner last had the mutex.
    noticed: AtomicU64,
    mutex: Mutex<()>,
    value: UnsafeCell<T>,
}

/// A claim was left in the lock. Changed by a thread that has the mutex.
const LEFT: u64 = 1 << 31;
/// One claim in the high half.
const NUMBER: u64 = 1 << 32;

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
            claims: AtomicU64::new(0),
            noticed: AtomicU64::new(0),
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
        // Without the number of earlier claims.
        let claims = self.claims.load(Ordering::Acquire) as u32;
        (claims == 0).then_some(guard)
    }

    /// Locks it for any thread. Waits as long as another one has it.
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        let claims = [self.claim()];
        Claim::wait_until_seen(&claims);
        let [claim] = claims;
        claim.lock()
    }

    /// [Locks](Self::lock) several, each when the iterator comes to it. Until then the owner of each needs the mutex.
    pub(crate) fn lock_each<'a>(
        locks: impl Iterator<Item = &'a Self>,
    ) -> impl Iterator<Item = Guard<'a, T>>
    where
        T: 'a,
    {
        let claims: Vec<_> = locks.map(Self::claim).collect();
        Claim::wait_until_seen(&claims);
        claims.into_iter().map(Claim::lock)
    }

    fn claim(&self) -> Claim<'_, T> {
        let before = self.claims.fetch_add(NUMBER + 1, Ordering::SeqCst);
        Claim { lock: self, before }
    }
}

/// A claim, which must be seen before it is locked.
struct Claim<'a, T> {
    lock: &'a BiasedLock<T>,
    /// [`BiasedLock::claims`] before.
    before: u64,
}

impl<'a, T> Claim<'a, T> {
    /// After that the owners of these locks do not begin.
    fn wait_until_seen(claims: &[Self]) {
        let mut looks = 0;
        for claim in claims {
            while !claim.is_seen() {
                if looks == LOOKS {
                    return heavy();
                }
                looks += 1;
            }
        }
    }

    /// Whether the owner has certainly seen it, or will before it begins.
    fn is_seen(&self) -> bool {
        let (lock, number) = (self.lock, self.before / NUMBER + 1);
        // The number of a claim wraps around. The owner notices each claim that is left, so it never falls far behind.
        let is_noticed = || {
            let noticed = lock.noticed.load(Ordering::Acquire);
            (noticed.wrapping_sub(number) as u32) < u32::MAX / 2
        };
        // The owner finds this claim when it has taken out the one that was left. And if this is the owner, it has begun nothing.
        self.before & LEFT != 0 || is_noticed() || lock.owner == this_thread()
    }

    fn lock(self) -> Guard<'a, T> {
        let lock = self.lock;
        let mutex = lock.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waits = 0;
        while lock.in_use.load(Ordering::Acquire) {
            pause(waits);
            waits += 1;
        }
        Guard {
            value: &lock.value,
            claim: self,
            _mutex: mutex,
        }
    }
}

impl<T> Drop for Claim<'_, T> {
    fn drop(&mut self) {
        self.lock.claims.fetch_sub(1, Ordering::Release);
    }
}

/// The guard of a thread that has the mutex.
pub(crate) struct Guard<'a, T> {
    value: &'a UnsafeCell<T>,
    claim: Claim<'a, T>,
    _mutex: MutexGuard<'a, ()>,
}

impl<T> Drop for Guard<'_, T> {
    /// The claim is given up next, and then the mutex.
    fn drop(&mut self) {
        let lock = self.claim.lock;
        let claims = lock.claims.load(Ordering::Acquire);
        let is_left = claims & LEFT != 0;
        if lock.owner == this_thread() {
            // Last, so that a thread that looks does not wait for the mutex.
            lock.noticed.store(claims / NUMBER, Ordering::Release);
            if is_left {
                lock.claims.fetch_sub(LEFT, Ordering::Release);
            }
        } else if !is_left {
            lock.claims.fetch_add(LEFT, Ordering::Release);
        }
    }
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
