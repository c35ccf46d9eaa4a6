//! Marks the threads that deliver: nothing is recorded on them, since to record a delivery would need another one.
//! Set by `tracefuse-runtime` (through `bridge`); asked by `shared` at the start of every trace, span and score.

use std::cell::Cell;

thread_local! {
    static SUPPRESSED: Cell<bool> = const { Cell::new(false) };
}

/// Marks this thread as one that delivers: nothing that runs on it is recorded.
pub fn suppress_thread() {
    // A thread that is ending records nothing anyway.
    let _ = SUPPRESSED.try_with(|cell| cell.set(true));
}

/// Whether this thread delivers.
#[must_use]
pub fn is_suppressed() -> bool {
    SUPPRESSED.try_with(Cell::get).unwrap_or(true)
}
