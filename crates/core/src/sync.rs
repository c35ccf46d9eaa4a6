//! The lock and the atomics that `thread_buffer` and `counts` use: those of std. The shuttle tests of the runtime compile these
//! files once more with shuttle's.

pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};
