//! The managed prompt that a value was made from: its `Serialize` notes it here, and the setter of an input reads it.
//! Written by `tracefuse-prompts` through `bridge`; read by `buffer` and by the handle of a span. Knows no span.

use std::cell::Cell;
use std::sync::Arc;

/// Name and version of a managed prompt.
pub(crate) type Noted = (Arc<str>, u32);

thread_local! {
    static NOTED: Cell<Option<Noted>> = const { Cell::new(None) };
}

/// Notes the prompt of the value that is being serialized on this thread.
pub(crate) fn note(name: &Arc<str>, version: u32) {
    // On a thread that is ending there is no place for it, and then nothing is linked.
    let _ = NOTED.try_with(|noted| noted.set(Some((name.clone(), version))));
}

/// Runs `capture` and gives the prompt that was noted in it. What was noted before, by a serialization that
/// recorded nothing, is forgotten.
pub(crate) fn noted_in(capture: impl FnOnce()) -> Option<Noted> {
    let take = || NOTED.try_with(Cell::take).ok().flatten();
    drop(take());
    capture();
    take()
}
