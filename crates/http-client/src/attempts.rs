//! Which attempt of a call this is: a call that failed and is sent again, unchanged and below the same span, is a retry.
//! Used by `call`. Works with every client, since a retry is known by its bytes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most failed calls that are remembered; the oldest is forgotten first.
const MAX: usize = 256;

/// Calls that failed and may be sent again.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    /// Whether there is any; read without the lock.
    any: AtomicBool,
    /// The call as a hash, and the number of the attempt that failed.
    failed: Mutex<VecDeque<(u64, u32)>>,
}

impl Attempts {
    /// The number of an attempt, from 1 on. `call` is computed only if a call has failed before.
    pub(crate) fn number(&self, call: impl FnOnce() -> u64) -> u32 {
        if !self.any.load(Ordering::Relaxed) {
            return 1;
        }
        let call = call();
        let mut failed = self.lock();
        let at = failed.iter().position(|(known, _)| *known == call);
        let number = at.and_then(|at| failed.remove(at)).map_or(0, |(_, n)| n);
        self.any.store(!failed.is_empty(), Ordering::Relaxed);
        number.saturating_add(1)
    }

    /// Notes that this attempt failed.
    pub(crate) fn failed(&self, call: u64, number: u32) {
        let mut failed = self.lock();
        if failed.len() >= MAX {
            failed.pop_front();
        }
        failed.push_back((call, number));
        self.any.store(true, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(u64, u32)>> {
        // Nothing panics under the lock.
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_failed_is_counted_on_and_memory_is_bounded() {
        let attempts = Attempts::default();
        assert_eq!(attempts.number(|| unreachable!()), 1);
        attempts.failed(7, 1);
        assert_eq!(attempts.number(|| 8), 1);
        assert_eq!(attempts.number(|| 7), 2);
        assert_eq!(
            attempts.number(|| unreachable!()),
            1,
            "it did not fail again"
        );
        attempts.failed(7, 2);
        for other in 0..MAX as u64 {
            attempts.failed(100 + other, 1);
        }
        assert_eq!(attempts.lock().len(), MAX);
        assert_eq!(attempts.number(|| 7), 1, "forgotten");
    }
}
