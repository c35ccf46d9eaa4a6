//! The locks that `queue` and `buffers` are built on: std's. A file of its own so that `tests/shuttle` can put shuttle's
//! in their place and run the very same code under every order of its threads that it can think of.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
