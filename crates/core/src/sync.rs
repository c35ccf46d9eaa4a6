//! The lock and the atomics that `thread_buffer` uses: those of std. The shuttle tests of the runtime compile that
//! file once more with shuttle's.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};
