//! Marks the threads that deliver. Nothing is recorded on them, because each delivery would record spans for another one.
//! Set by `tracefuse-runtime` (through `bridge`); read by `shared` at the start of every trace, span and score. Must not
//! know tracers.

use std::cell::Cell;

thread_local! {
    static SUPPRESSED: Cell<bool> = const { Cell::new(false) };
}

/// Marks this thread as one that delivers: nothing that runs on it is recorded.
pub fn suppress_thread() {
    // A thread that is ending records nothing.
    let _ = SUPPRESSED.try_with(|cell| cell.set(true));
}

/// Whether this thread delivers.
#[must_use]
pub fn is_suppressed() -> bool {
    SUPPRESSED.try_with(Cell::get).unwrap_or(true)
}
