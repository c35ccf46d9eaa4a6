//! The locks that `lane` is built on: std's. A file of its own so that `tests/shuttle` can put shuttle's in their
//! place and run the very same lane under every order of its threads that it can think of.

pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
