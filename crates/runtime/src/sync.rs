//! The locks that `queue` and `buffers` use: those of std. `tests/shuttle` replaces this file by shuttle's locks, and runs
//! the same code under many orders of its threads.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
